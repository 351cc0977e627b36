// SPDX-License-Identifier: MIT OR Apache-2.0

//! Stubs: what a program calls in place of a kfunc. Each gives the implicit arguments their values, and jumps to the
//! kfunc's body:
//!
//! ```text
//!   slot i of foo             stub i of foo
//!   ┌─────────┬─────────┐     landing pad
//!   │ word 0  │ word 1  │ ◄── register of the first implicit argument ← word 0
//!   └─────────┴─────────┘     register of the second                  ← word 1, an address, a constant, the call site
//!                             jump foo_impl
//! ```
//!
//! It is entered by a call and leaves by a jump, so stack and return address stay as the JIT left them. It writes
//! nothing but argument registers that the program does not use and, on arm64, x16, which any call may clobber. No
//! value is read from a register that another one is written to, so their order is free. `docs/stubs.md` says why that is
//! sound.
//!
//! ```
//! use kfunc_abi::call::{Arch, ArgPlace};
//! use verifier_fixup::text::stub::{encode, ArgRegisters, Implicit, Reach, Stub, Value};
//! let rsi = Implicit { argument: 1, place: ArgPlace::Register(6), value: Value::CallSite };
//! let stub = Stub {
//!     address: 0x1000,
//!     slot: 0x3000,
//!     body: 0x2000,
//!     implicit: &[rsi],
//!     reach: Reach::Far,
//!     registers: ArgRegisters::OfBpf,
//! };
//! let code = encode(Arch::X86_64, &stub)?;
//! // endbr64; mov (%rsp), %rsi; jmp 0x2000
//! assert_eq!(code.bytes()[..8], [0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x8b, 0x34, 0x24]);
//! assert_eq!(code.bytes()[8..13], [0xe9, 0xf3, 0x0f, 0x00, 0x00]);
//! # Ok::<(), verifier_fixup::text::stub::StubError>(())
//! ```

use kfunc_abi::call::{Arch, ArgPlace, MAX_REGISTER_ARGS};

use super::{arm64, x86_64};
pub use code::StubCode;
pub use error::StubError;

mod code;
mod error;

/// Every stub begins at a multiple of this many bytes.
pub const STUB_ALIGN: usize = 16;
/// Bytes of the longest stub: arm64, a constant of four instructions in each of eight registers.
pub const MAX_STUB_LEN: usize = 144;
/// Bytes of a word of a slot.
pub const VALUE_LEN: usize = 8;

/// What a stub has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stub<'a> {
    /// Its own address, a multiple of [`STUB_ALIGN`].
    pub address: u64,
    /// Address of the first word of its slot.
    pub slot: u64,
    /// Address of the kfunc's body.
    pub body: u64,
    /// The implicit arguments.
    pub implicit: &'a [Implicit],
    /// How far slot and addresses may be.
    pub reach: Reach,
    /// Which registers may be written.
    pub registers: ArgRegisters,
}

/// An implicit argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Implicit {
    /// Its number among all arguments, from 0; for errors.
    pub argument: usize,
    /// Where the body expects it, as [`Arch::places`] tells.
    pub place: ArgPlace,
    /// What it is.
    pub value: Value,
}

/// What an implicit argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// What the word of this number of the slot holds. An argument of two registers has the next word, too.
    Slot(u32),
    /// The address of something near, such as the slot itself.
    Address(u64),
    /// A constant.
    Constant(u64),
    /// Where the call returns to: the address after the call.
    CallSite,
}

/// How far slot and addresses may be. x86-64 has one form for both, within 2 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// arm64: within 1 MiB, by one instruction (`ldr` of a literal, `adr`); x16 stays as it is.
    Near,
    /// arm64: within 4 GiB, by two instructions (`adrp`, and `ldr` or `add`).
    Far,
}

/// Which registers a kernel leaves to implicit arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgRegisters {
    /// Those of a BPF call: the first five.
    OfBpf,
    /// Those of a C call: six on x86-64, eight on arm64. Only where programs pass no arguments in the others: on 6.12,
    /// not on kernels whose programs have stack arguments, the first of which are in r9 and x5 to x7.
    OfC,
}

/// Bytes of a stub with these implicit arguments, with its padding.
pub const fn stub_len(arch: Arch, reach: Reach, implicit: &[Implicit]) -> usize {
    let mut moves_len = 0_usize;
    let mut rest = implicit;
    while let [first, after @ ..] = rest {
        if let [Some(low), high] = first.moves() {
            moves_len = moves_len.saturating_add(move_len(arch, reach, low));
            if let Some(high) = high {
                moves_len = moves_len.saturating_add(move_len(arch, reach, high));
            }
        }
        rest = after;
    }
    padded_len(arch, moves_len)
}

/// Bytes of a stub of a module's pool, which has `count` of the [`pool_arguments`].
pub const fn pool_stub_len(arch: Arch, count: usize, call_sites: u32) -> usize {
    let mut moves_len = 0_usize;
    let mut number = 0;
    while number < count {
        let one = Move {
            register: 0,
            value: pool_value(number, call_sites),
        };
        moves_len = moves_len.saturating_add(move_len(arch, Reach::Far, one));
        number = number.saturating_add(1);
    }
    padded_len(arch, moves_len)
}

/// What the implicit argument of this number is, in a stub of a module's pool.
const fn pool_value(number: usize, call_sites: u32) -> Value {
    match call_sites.checked_shr(number as u32) {
        Some(bits) if bits & 1 != 0 => Value::CallSite,
        _ => Value::Slot(number as u32),
    }
}

const fn move_len(arch: Arch, reach: Reach, one: Move) -> usize {
    match arch {
        Arch::X86_64 => x86_64::stub::move_len(one),
        Arch::Arm64 => arm64::stub::move_len(one, reach),
    }
}

const fn padded_len(arch: Arch, moves_len: usize) -> usize {
    let frame = match arch {
        Arch::X86_64 => x86_64::stub::FRAME_LEN,
        Arch::Arm64 => arm64::stub::FRAME_LEN,
    };
    let len = frame.saturating_add(moves_len);
    match len.checked_next_multiple_of(STUB_ALIGN) {
        Some(padded) => padded,
        None => len,
    }
}

/// The implicit arguments of a module's pool: `count` of them after `explicit` others, each the word of its number of the
/// slot, or where its bit of `call_sites` is set, the call site. Every argument is a register wide.
///
/// # Errors
///
/// An argument has no register in a BPF call.
pub fn pool_arguments(
    arch: Arch,
    explicit: usize,
    count: usize,
    call_sites: u32,
) -> impl Iterator<Item = Result<Implicit, StubError>> {
    (0..count).map(move |number| {
        let argument = explicit.saturating_add(number);
        let register = arch.argument_register(argument);
        Ok(Implicit {
            argument,
            place: ArgPlace::Register(register.ok_or(StubError::NoRegister { argument })?),
            value: pool_value(number, call_sites),
        })
    })
}

/// Encodes a stub.
///
/// # Errors
///
/// An argument that no stub can give its value, or an address that the code cannot reach.
pub fn encode(arch: Arch, stub: &Stub<'_>) -> Result<StubCode, StubError> {
    const ALIGN: u64 = STUB_ALIGN as u64;
    if stub.address % ALIGN != 0 {
        let address = stub.address;
        return Err(StubError::Misaligned { address });
    }
    stub.check_registers(arch)?;
    match arch {
        Arch::X86_64 => x86_64::stub::encode(stub),
        Arch::Arm64 => arm64::stub::encode(stub),
    }
}

/// A value for a register.
#[derive(Clone, Copy)]
pub(super) struct Move {
    pub(super) register: u8,
    pub(super) value: Value,
}

impl Implicit {
    /// What gives it its value; nothing if no stub can.
    const fn moves(&self) -> [Option<Move>; 2] {
        let value = self.value;
        match (self.place, value) {
            (ArgPlace::Register(register), _) => [Some(Move { register, value }), None],
            (ArgPlace::Pair(low, high), Value::Slot(word)) => [
                Some(Move {
                    register: low,
                    value,
                }),
                Some(Move {
                    register: high,
                    value: Value::Slot(word.saturating_add(1)),
                }),
            ],
            (ArgPlace::Pair(..) | ArgPlace::Stack { .. }, _) => [None, None],
        }
    }

    const fn no_moves(&self) -> StubError {
        let argument = self.argument;
        match self.place {
            ArgPlace::Pair(..) => StubError::TwoWords { argument },
            ArgPlace::Register(_) | ArgPlace::Stack { .. } => StubError::OnStack { argument },
        }
    }
}

impl Stub<'_> {
    /// What gives the arguments their values.
    pub(super) fn moves(&self) -> impl Iterator<Item = Move> + use<'_> {
        self.implicit
            .iter()
            .flat_map(|implicit| implicit.moves().into_iter().flatten())
    }

    /// Address of a word of the slot.
    pub(super) fn word(&self, number: u32) -> u64 {
        const LEN: u64 = VALUE_LEN as u64;
        self.slot.wrapping_add(u64::from(number).wrapping_mul(LEN))
    }

    /// Every register is an argument's, free, and written once.
    fn check_registers(&self, arch: Arch) -> Result<(), StubError> {
        let mut taken = 0_u32;
        for implicit in self.implicit {
            let argument = implicit.argument;
            let moves = implicit.moves();
            if moves.iter().all(Option::is_none) {
                return Err(implicit.no_moves());
            }
            for Move { register, .. } in moves.into_iter().flatten() {
                let index = c_index(arch, register).ok_or(StubError::NoRegister { argument })?;
                if index >= MAX_REGISTER_ARGS && self.registers == ArgRegisters::OfBpf {
                    return Err(StubError::NotFree { argument });
                }
                let bit = 1_u32.wrapping_shl(index as u32);
                if taken & bit != 0 {
                    return Err(StubError::Twice { argument });
                }
                taken |= bit;
            }
        }
        Ok(())
    }
}

/// Which of the argument registers of C it is.
fn c_index(arch: Arch, register: u8) -> Option<usize> {
    let mut registers = (0..).map_while(|index| arch.c_register(index));
    registers.position(|one| one == register)
}
