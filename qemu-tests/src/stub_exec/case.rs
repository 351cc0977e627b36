// SPDX-License-Identifier: MIT OR Apache-2.0

//! Stubs to be executed, each with a call of it and with the state before.

use std::fmt;

use anyhow::{Context, Result};
use fastrand::Rng;
use kfunc_abi::call::{Arch, ArgPlace};
use verifier_fixup::text::call::calls;
use verifier_fixup::text::imm::{Imm26, Rel32};
use verifier_fixup::text::stub::{
    encode, ArgRegisters, Implicit, Reach, Stub, Value, STUB_ALIGN, VALUE_LEN,
};

use super::state::{self, State, FLAGS, RAX, STATE_WORDS, X10};

/// Memory that is mapped: addresses and lengths. All of it is above 4 GiB, so that no address has an upper half of zeros.
/// The stubs are within 128 MiB of the frame, which begins with the body.
const FRAME: (u64, u64) = (0x10_1000_0000, 0x1000);
const STUBS: (u64, u64) = (0x10_1400_0000, 0x4000);
const NEAR_SLOTS: (u64, u64) = (0x10_1408_0000, 0x4000);
const SITES: (u64, u64) = (0x10_1410_0000, 0x1000);
const STACK: (u64, u64) = (0x10_1420_0000, 0x4000);
/// Within the 2 GiB of x86-64.
const SLOTS_BELOW: (u64, u64) = (0x0f_a000_0000, 0x4000);
const FAR_SLOTS: (u64, u64) = (0x10_8000_0000, 0x4000);
/// Within the 4 GiB of arm64.
const FARTHEST_SLOTS: (u64, u64) = (0x11_1000_0000, 0x4000);
const REGIONS: &[(u64, u64)] = &[
    FRAME,
    STUBS,
    NEAR_SLOTS,
    SITES,
    STACK,
    SLOTS_BELOW,
    FAR_SLOTS,
    FARTHEST_SLOTS,
];
/// As in `exec/run_stub.h`: the body, and where its caller goes after the return.
const BODY: u64 = FRAME.0;
const BACK: u64 = FRAME.0 + 0x100;
/// Words of a slot.
const WORDS: usize = 8;

/// Values at the edges of what an instruction can hold.
const CONSTANTS: &[u64] = &[
    0,
    1,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0xffff_ffff_7fff_ffff,
    0xffff_ffff_8000_0000,
    0xffff_0000_ffff_0001,
    0x1122_3344_5566_7788,
    u64::MAX,
];

/// A stub, a call of it, and the state before.
#[derive(Clone)]
pub struct Case {
    /// The arch of the code.
    pub arch: Arch,
    /// The implicit arguments.
    pub implicit: Vec<Implicit>,
    reach: Reach,
    slot: u64,
    words: [u64; WORDS],
    stub: u64,
    code: Vec<u8>,
    pub(super) site: u64,
    site_code: Vec<u8>,
    /// Where the call returns to.
    pub(super) returns_to: u64,
    pub(super) before: State,
    /// What is wrong with it, if anything.
    spoiled: Option<&'static str>,
}

/// How the site calls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `call rel32`, `bl`: made for another target, then patched.
    Direct,
    /// `call *%rax`, `blr x10`: the stub's landing pad counts.
    Indirect,
}

/// Every mix of kinds, for every count after every count of explicit arguments; but of more than six, one in seventeen.
pub(super) fn every_mix(arch: Arch) -> Result<Vec<Case>> {
    let mut rng = Rng::with_seed(1);
    let registers = (0..).map_while(|index| arch.c_register(index)).count();
    let reaches: &[Reach] = match arch {
        Arch::X86_64 => &[Reach::Far],
        Arch::Arm64 => &[Reach::Far, Reach::Near],
    };
    let mut cases = Vec::new();
    for (explicit, reach) in (0..registers).flat_map(|e| reaches.iter().map(move |r| (e, *r))) {
        for count in 0..=registers - explicit {
            let step = if count > 6 { 17 } else { 1 };
            for mix in (0..1 << (2 * count)).step_by(step) {
                let form = if rng.bool() {
                    Form::Direct
                } else {
                    Form::Indirect
                };
                cases.push(Case::new(
                    arch, reach, form, explicit, count, mix, &mut rng,
                )?);
            }
        }
    }
    Ok(cases)
}

/// Stubs with all kinds of arguments, in each of which something is wrong.
pub(super) fn spoiled(arch: Arch) -> Result<Vec<Case>> {
    let mut rng = Rng::with_seed(2);
    // From the slot, an address, a constant, the call site.
    const ALL_KINDS: usize = 0b11_10_01_00;
    let mut cases = Vec::new();
    for form in [Form::Direct, Form::Indirect] {
        let good = Case::new(arch, Reach::Far, form, 1, 4, ALL_KINDS, &mut rng)?;
        for at in good.bits_that_count(form) {
            let mut case = good.clone();
            let byte = case.code.get_mut(at / 8).context("it is in the code")?;
            *byte ^= 1 << (at % 8);
            case.spoiled = Some("a wrong bit");
            cases.push(case);
        }
    }
    Ok(cases)
}

impl Case {
    fn new(
        arch: Arch,
        reach: Reach,
        form: Form,
        explicit: usize,
        count: usize,
        mix: usize,
        rng: &mut Rng,
    ) -> Result<Self> {
        let slots = match (arch, reach) {
            (_, Reach::Near) => NEAR_SLOTS,
            (Arch::X86_64, Reach::Far) => *rng.choice(&[SLOTS_BELOW, FAR_SLOTS]).context("one")?,
            (Arch::Arm64, Reach::Far) => {
                *rng.choice(&[SLOTS_BELOW, FARTHEST_SLOTS]).context("one")?
            }
        };
        let slot = place(slots, VALUE_LEN, WORDS * VALUE_LEN, rng);
        let stub_address = place(STUBS, STUB_ALIGN, 0x100, rng);
        let implicit = (0..count).map(|index| {
            let argument = explicit + index;
            Ok(Implicit {
                argument,
                place: ArgPlace::Register(arch.c_register(argument).context("it has a register")?),
                value: match mix >> (2 * index) & 3 {
                    0 => Value::Slot(rng.u32(0..WORDS as u32)),
                    1 => Value::Address(slot + rng.u64(0..8)),
                    2 => Value::Constant(*rng.choice(CONSTANTS).context("there are some")?),
                    _ => Value::CallSite,
                },
            })
        });
        let implicit: Vec<_> = implicit.collect::<Result<_>>()?;
        let stub = Stub {
            address: stub_address,
            slot,
            body: BODY,
            implicit: &implicit,
            reach,
            registers: ArgRegisters::OfC,
        };
        let code = encode(arch, &stub)?.bytes().to_vec();
        let site = place(SITES, 4, 0x20, rng);
        let (site_code, returns_to) = call_of(arch, form, site, stub_address)?;
        Ok(Self {
            arch,
            reach,
            slot,
            words: std::array::from_fn(|_| rng.u64(..)),
            stub: stub_address,
            code,
            site,
            site_code,
            returns_to,
            before: state_before(arch, form, stub_address, rng),
            implicit,
            spoiled: None,
        })
    }

    /// Registers of the implicit arguments, and their values.
    pub(super) fn arguments(&self) -> impl Iterator<Item = (u8, u64)> + '_ {
        self.implicit.iter().filter_map(|implicit| {
            let ArgPlace::Register(register) = implicit.place else {
                return None;
            };
            let value = match implicit.value {
                Value::Slot(word) => *self.words.get(word as usize)?,
                Value::Address(address) => address,
                Value::Constant(value) => value,
                Value::CallSite => self.returns_to,
            };
            Some((register, value))
        })
    }

    /// Whether a word is loaded by way of x16.
    pub(super) fn uses_x16(&self) -> bool {
        let mut values = self.implicit.iter().map(|implicit| implicit.value);
        self.reach == Reach::Far && values.any(|value| matches!(value, Value::Slot(_)))
    }

    /// Bits of the code that make a difference: not those behind the jump, not those of a landing pad that nobody asks
    /// for. And three of each byte only: of the others, x86-64 ignores some (the base in REX where there is none), and
    /// arm64 has other instructions that do the same (`orr x4, x30, x30`).
    fn bits_that_count(&self, form: Form) -> Vec<usize> {
        let trap: &[u8] = match self.arch {
            Arch::X86_64 => &[0xcc],
            Arch::Arm64 => &[0x00, 0x00, 0x20, 0xd4],
        };
        let mut code = &self.code[..];
        while let Some(rest) = code.strip_suffix(trap) {
            code = rest;
        }
        let pad_counts = self.arch == Arch::Arm64 && form == Form::Indirect;
        let start = if pad_counts { 0 } else { 4 };
        (start..code.len())
            .flat_map(|byte| [2, 3, 4].map(|bit| 8 * byte + bit))
            .collect()
    }

    /// For the program that runs it.
    fn words(&self) -> Vec<u64> {
        let mut words = vec![self.site, 3];
        let slot: Vec<_> = self
            .words
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        for (address, bytes) in [
            (self.stub, &self.code),
            (self.site, &self.site_code),
            (self.slot, &slot),
        ] {
            words.extend([address, bytes.len() as u64]);
            words.extend(bytes.chunks(8).map(|chunk| {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                u64::from_le_bytes(word)
            }));
        }
        words.extend(self.before);
        words
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex: String = self.code.iter().map(|byte| format!("{byte:02x}")).collect();
        if let Some(spoiled) = self.spoiled {
            write!(f, "{spoiled}, ")?;
        }
        write!(f, "{:?} {hex} at {:#x}", self.reach, self.stub)?;
        for implicit in &self.implicit {
            write!(f, ", {}: {:x?}", implicit.argument, implicit.value)?;
        }
        Ok(())
    }
}

/// The file of cases.
pub(super) fn file(cases: &[&Case]) -> Vec<u8> {
    let mut words = vec![FRAME.0, REGIONS.len() as u64];
    words.extend(REGIONS.iter().flat_map(|(address, len)| [*address, *len]));
    words.push(cases.len() as u64);
    words.extend(cases.iter().flat_map(|case| case.words()));
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// An address somewhere in a region, with so many bytes behind it.
fn place((start, len): (u64, u64), align: usize, bytes: usize, rng: &mut Rng) -> u64 {
    start + rng.u64(0..=len - bytes as u64) / align as u64 * align as u64
}

/// Any pattern in every register; what the call needs in others.
fn state_before(arch: Arch, form: Form, stub: u64, rng: &mut Rng) -> State {
    let mut state = [0; STATE_WORDS];
    for register in state.iter_mut().take(state::registers(arch)) {
        *register = rng.u64(..);
    }
    state[state::stack_pointer(arch)] = STACK.0 + STACK.1 / 2;
    let (flags, target) = match arch {
        // Carry, parity, auxiliary carry, zero, sign, overflow; and those that are always set.
        Arch::X86_64 => (0x202 | rng.u64(..) & 0x8d5, RAX),
        Arch::Arm64 => (rng.u64(..) & 0xf000_0000, X10),
    };
    state[FLAGS] = flags;
    if form == Form::Indirect {
        state[target] = stub;
    }
    state
}

/// A call of `stub` at `site`, after which it goes back; and where the call returns to.
fn call_of(arch: Arch, form: Form, site: u64, stub: u64) -> Result<(Vec<u8>, u64)> {
    const JMP_LEN: u64 = 5;
    let call: &[u8] = match (arch, form) {
        // A call of itself.
        (Arch::X86_64, Form::Direct) => &[0xe8, 0xfb, 0xff, 0xff, 0xff],
        (Arch::X86_64, Form::Indirect) => &[0xff, 0xd0],
        // bti c, for the program's own jump; a bl to itself, or blr x10
        (Arch::Arm64, Form::Direct) => &[0x5f, 0x24, 0x03, 0xd5, 0x00, 0x00, 0x00, 0x94],
        (Arch::Arm64, Form::Indirect) => &[0x5f, 0x24, 0x03, 0xd5, 0x40, 0x01, 0x3f, 0xd6],
    };
    let mut code = call.to_vec();
    if form == Form::Direct {
        let found = calls(arch, call, site)
            .next()
            .context("no call is found")??;
        found.retarget(stub)?.apply(&mut code, site)?;
    }
    let returns_to = site + code.len() as u64;
    match arch {
        Arch::X86_64 => {
            code.push(0xe9);
            code.extend(Rel32::between(returns_to + JMP_LEN, BACK)?.to_le_bytes());
        }
        Arch::Arm64 => {
            let b = 0x1400_0000 | Imm26::between(returns_to, BACK)?.bits();
            code.extend(b.to_le_bytes());
        }
    }
    Ok((code, returns_to))
}
