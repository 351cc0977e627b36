// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the registers hold, and what they must.

use kfunc_abi::call::Arch;

use super::case::Case;

/// As in `exec/run_stub.h`: registers, flags, and what the stack pointer points to.
pub(crate) const REGISTERS: usize = 32;
pub(crate) const FLAGS: usize = REGISTERS;
pub(crate) const STACK_TOP: usize = REGISTERS + 1;
pub(crate) const STATE_WORDS: usize = REGISTERS + 2;

/// Register numbers. Of arm64, 31 is the stack pointer here.
pub(crate) const RAX: usize = 0;
const RSP: usize = 4;
pub(crate) const X10: usize = 10;
const X16: usize = 16;
const X17: usize = 17;
const X30: usize = 30;
const SP: usize = 31;

/// All of them, at a time.
pub(crate) type State = [u64; STATE_WORDS];

/// The number of the stack pointer.
pub(crate) fn stack_pointer(arch: Arch) -> usize {
    match arch {
        Arch::X86_64 => RSP,
        Arch::Arm64 => SP,
    }
}

/// How many of the words of a state an arch has, from the first on.
pub(crate) fn registers(arch: Arch) -> usize {
    match arch {
        Arch::X86_64 => 16,
        Arch::Arm64 => REGISTERS,
    }
}

/// What came of a case.
pub(crate) struct Outcome {
    /// 0, or the signal that ended it.
    signal: u64,
    in_body: State,
    /// The stack pointer after the return.
    after_stack: u64,
}

impl Outcome {
    const LEN: usize = 8 * (STATE_WORDS + 2);

    /// Those of a file.
    pub(crate) fn all(results: &[u8]) -> impl Iterator<Item = Self> + '_ {
        results.chunks(Self::LEN).filter_map(|bytes| {
            let words = bytes.chunks(8).filter_map(|word| word.try_into().ok());
            let mut words = words.map(u64::from_le_bytes);
            Some(Self {
                signal: words.next()?,
                in_body: state_of(&mut words)?,
                after_stack: words.next()?,
            })
        })
    }

    /// What is not as it must be.
    pub(crate) fn differences(&self, case: &Case) -> Vec<String> {
        if self.signal != 0 {
            return vec![format!("signal {}", self.signal)];
        }
        let mut differences = Vec::new();
        let expected = expected(case);
        for (register, (found, must)) in self.in_body.iter().zip(expected).enumerate() {
            if let Some(must) = must.filter(|must| must != found) {
                let text = format!("word {register} is {found:#x}, must be {must:#x}");
                differences.push(text);
            }
        }
        let stack = case.before[stack_pointer(case.arch)];
        if self.after_stack != stack {
            differences.push(format!(
                "the stack is at {:#x} in the end",
                self.after_stack
            ));
        }
        differences
    }
}

fn state_of(words: &mut impl Iterator<Item = u64>) -> Option<State> {
    let mut state = [0; STATE_WORDS];
    for word in &mut state {
        *word = words.next()?;
    }
    Some(state)
}

/// What the body must find; none for what a stub may leave there as it likes.
fn expected(case: &Case) -> [Option<u64>; STATE_WORDS] {
    let mut expected = case.before.map(Some);
    for (register, value) in case.arguments() {
        expected[usize::from(register)] = Some(value);
    }
    match case.arch {
        Arch::X86_64 => {
            expected[RSP] = Some(case.before[RSP] - 8);
            expected[STACK_TOP] = Some(case.returns_to);
        }
        Arch::Arm64 => {
            expected[X30] = Some(case.returns_to);
            // The program goes to the site by this register.
            expected[X17] = Some(case.site);
            if case.uses_x16() {
                expected[X16] = None;
            }
        }
    }
    expected
}

/// A result as it must be, in bytes.
#[cfg(test)]
pub(crate) fn as_it_must_be(case: &Case) -> Vec<u8> {
    let in_body = expected(case).map(Option::unwrap_or_default);
    let stack = case.before[stack_pointer(case.arch)];
    let words = [&[0], &in_body[..], &[stack]].concat();
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Which words of a result are the stub's own affair.
#[cfg(test)]
pub(crate) fn words_that_may_differ(case: &Case) -> Vec<usize> {
    let free = expected(case).iter().position(Option::is_none);
    free.map(|register| register + 1).into_iter().collect()
}
