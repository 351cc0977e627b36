// SPDX-License-Identifier: MIT OR Apache-2.0

//! A program whose jumps, calls and callback references all land on an instruction.

use core::fmt;

use crate::insn::{Code, Insn, Reg};

/// The most instructions that a program can have (`BPF_COMPLEXITY_LIMIT_INSNS` of `include/linux/bpf.h`).
pub const MAX_INSNS: usize = 1_000_000;

/// A checked view of a program with all its subprograms.
///
/// Distances and pairs are checked, as the verifier does first (`check_subprogs` and `check_and_resolve_insns` of
/// `kernel/bpf/verifier.c`), but not whether a jump stays in its subprogram, nor anything else.
#[derive(Clone, Copy, Debug)]
pub struct Prog<'a> {
    insns: &'a [Insn],
}

/// Why a program cannot be worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgError {
    /// The instruction concerned.
    pub at: usize,
    /// What is wrong with it.
    pub kind: ProgErrorKind,
}

/// What is wrong with a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProgErrorKind {
    /// The program has more than [`MAX_INSNS`] instructions.
    TooLong,
    /// An ld_imm64 without a second half, or with one that is something else.
    BrokenPair,
    /// A distance leads out of the program.
    TargetOutside {
        /// The instruction that it would be.
        target: i64,
    },
    /// A distance leads to the second half of an ld_imm64.
    TargetInsidePair {
        /// The second half.
        target: i64,
    },
}

impl fmt::Display for ProgErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "a program has at most {MAX_INSNS} instructions"),
            Self::BrokenPair => f.write_str("invalid bpf_ld_imm64 insn"),
            Self::TargetOutside { target } => {
                write!(f, "leads to insn {target}, which there is not")
            }
            Self::TargetInsidePair { target } => {
                write!(f, "leads to insn {target}, second half of an ld_imm64")
            }
        }
    }
}

impl fmt::Display for ProgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "insn {}: {}", self.at, self.kind)
    }
}

impl core::error::Error for ProgError {}

impl<'a> Prog<'a> {
    /// Checks a program. Linear.
    ///
    /// # Errors
    ///
    /// The first instruction that is not as it must be.
    pub fn new(insns: &'a [Insn]) -> Result<Self, ProgError> {
        let fail = |at, kind| ProgError { at, kind };
        if insns.len() > MAX_INSNS {
            return Err(fail(MAX_INSNS, ProgErrorKind::TooLong));
        }
        if let Some(at) = broken_pair(insns) {
            return Err(fail(at, ProgErrorKind::BrokenPair));
        }
        let prog = Self { insns };
        for (at, insn) in insns.iter().enumerate() {
            if let Some(target) = target(at, *insn) {
                prog.check_target(target).map_err(|kind| fail(at, kind))?;
            }
        }
        Ok(prog)
    }

    /// Its instructions; an ld_imm64 is two.
    pub fn insns(&self) -> &'a [Insn] {
        self.insns
    }

    /// The calls of kfuncs with their places.
    pub fn kfunc_calls(&self) -> impl Iterator<Item = (usize, Insn)> + use<'a> {
        let all = self.insns.iter().copied().enumerate();
        all.filter(|(_, insn)| insn.is_kfunc_call())
    }

    /// Whether an instruction begins at `at`: one is there, and it is no second half.
    pub fn is_start(&self, at: usize) -> bool {
        at < self.insns.len() && !is_second_half(self.insns, at)
    }

    /// Checks that an instruction begins at `target`.
    pub(crate) fn check_target(&self, target: i64) -> Result<(), ProgErrorKind> {
        match usize::try_from(target) {
            Ok(at) if self.is_start(at) => Ok(()),
            Ok(at) if at < self.insns.len() => Err(ProgErrorKind::TargetInsidePair { target }),
            _ => Err(ProgErrorKind::TargetOutside { target }),
        }
    }
}

/// The first ld_imm64 that is not whole.
pub(crate) fn broken_pair(insns: &[Insn]) -> Option<usize> {
    let whole = |at: usize| {
        let second = insns.get(at.saturating_add(1));
        second.is_some_and(|half| *half == Insn::new(Code(0), Reg::R0, Reg::NONE, 0, half.imm))
    };
    let firsts = insns.iter().enumerate().filter(|(_, i)| i.is_ld_imm64());
    firsts.map(|(at, _)| at).find(|at| !whole(*at))
}

/// Whether the second half of an ld_imm64 is at `at`. All pairs are whole.
pub(crate) fn is_second_half(insns: &[Insn], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| insns.get(before));
    before.is_some_and(|insn| insn.is_ld_imm64())
}

/// The instruction that `insn`, which is at `at`, names by its distance.
pub(crate) fn target(at: usize, insn: Insn) -> Option<i64> {
    let distance = insn.distance()?;
    Some(
        signed(at)
            .saturating_add(1)
            .saturating_add(i64::from(distance)),
    )
}

/// `index` as a place to which a distance can be added. No slice is longer than what it cannot be.
pub(crate) fn signed(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}
