// SPDX-License-Identifier: MIT OR Apache-2.0

//! Machine code: the stubs, and the calls in what a JIT made of a program ([`call`]).
//!
//! A stub loads the values of its slot into the argument registers after the explicit ones, and jumps to
//! the kfunc's body:
//!
//! ```text
//!   slot i of foo             stub i of foo
//!   ┌─────────┬─────────┐     landing pad
//!   │ value 0 │ value 1 │ ◄── register of the first implicit argument ← value 0
//!   └─────────┴─────────┘     register of the second                  ← value 1
//!                             jump foo_impl
//! ```
//!
//! It is entered by a call and leaves by a jump, so stack and return address stay as the JIT left them. It
//! writes nothing but argument registers that the program does not use and, on arm64, x16, which any call
//! may clobber. Stubs are assembled into the module; the build compares each with what is encoded here.

use core::fmt;

use imm::ReachError;
use kfunc_abi::call::{Arch, MAX_REGISTER_ARGS};

pub mod arm64;
pub mod call;
pub mod imm;
pub mod patch;
pub mod x86_64;

/// Every stub begins at a multiple of this many bytes.
pub const STUB_ALIGN: usize = 16;
/// Bytes of the longest stub: arm64 with five implicit arguments.
pub const MAX_STUB_LEN: usize = 48;
/// Bytes of a value in a slot.
pub const VALUE_LEN: usize = 8;

/// What a stub has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stub {
    /// Its own address.
    pub address: u64,
    /// Address of the first value of its slot.
    pub slot: u64,
    /// Address of the kfunc's body.
    pub body: u64,
    /// How many explicit arguments come before the implicit ones.
    pub explicit: usize,
    /// How many implicit arguments there are.
    pub implicit: usize,
}

/// The code of a stub, padded to a multiple of [`STUB_ALIGN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StubCode {
    bytes: [u8; MAX_STUB_LEN],
    len: usize,
}

/// Why there is no such stub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StubError {
    /// An argument has no register.
    NoRegister {
        /// Its place, counted from 0.
        argument: usize,
    },
    /// A displacement does not fit its instruction.
    OutOfReach {
        /// Bytes to go.
        distance: i64,
    },
    /// An address is not aligned as the instruction needs it.
    Misaligned {
        /// The address.
        address: u64,
    },
    /// More implicit arguments than registers.
    TooLong,
}

impl fmt::Display for StubError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRegister { argument } => write!(f, "argument {argument} has no register"),
            Self::OutOfReach { distance } => write!(f, "{distance} bytes are out of reach"),
            Self::Misaligned { address } => write!(f, "address {address:#x} is not aligned"),
            Self::TooLong => write!(f, "a stub takes at most {MAX_REGISTER_ARGS} arguments"),
        }
    }
}

impl core::error::Error for StubError {}

impl From<ReachError> for StubError {
    fn from(error: ReachError) -> Self {
        match error {
            ReachError::OutOfReach { distance } => Self::OutOfReach { distance },
            ReachError::Misaligned { address } => Self::Misaligned { address },
        }
    }
}

/// Bytes of a stub with `implicit` implicit arguments, with its padding.
pub const fn stub_len(arch: Arch, implicit: usize) -> usize {
    let code = match arch {
        Arch::X86_64 => x86_64::code_len(implicit),
        Arch::Arm64 => arm64::code_len(implicit),
    };
    code.next_multiple_of(STUB_ALIGN)
}

/// Encodes a stub.
///
/// # Errors
///
/// An argument without a register, or an address that the code cannot reach.
pub fn encode(arch: Arch, stub: &Stub) -> Result<StubCode, StubError> {
    match arch {
        Arch::X86_64 => x86_64::encode(stub),
        Arch::Arm64 => arm64::encode(stub),
    }
}

impl StubCode {
    pub(crate) const fn new() -> Self {
        Self {
            bytes: [0; MAX_STUB_LEN],
            len: 0,
        }
    }

    /// The code with its padding.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    pub(crate) fn push(&mut self, code: &[u8]) -> Result<(), StubError> {
        let end = self.len.saturating_add(code.len());
        self.bytes
            .get_mut(self.len..end)
            .ok_or(StubError::TooLong)?
            .copy_from_slice(code);
        self.len = end;
        Ok(())
    }

    /// Fills up to the next multiple of [`STUB_ALIGN`].
    pub(crate) fn pad(&mut self, trap: &[u8]) -> Result<(), StubError> {
        while self.len % STUB_ALIGN != 0 {
            self.push(trap)?;
        }
        Ok(())
    }
}

impl Stub {
    /// Register and address of every implicit argument's value.
    pub(crate) fn loads(
        &self,
        arch: Arch,
    ) -> impl Iterator<Item = Result<(u8, u64), StubError>> + use<> {
        let Self { explicit, slot, .. } = *self;
        (0..self.implicit).map(move |index| {
            let argument = explicit.saturating_add(index);
            let register = arch
                .argument_register(argument)
                .ok_or(StubError::NoRegister { argument })?;
            let value = index.saturating_mul(VALUE_LEN) as u64;
            Ok((register, slot.wrapping_add(value)))
        })
    }
}

/// Bytes from `from` to `to`.
pub(crate) fn distance(from: u64, to: u64) -> i64 {
    to.wrapping_sub(from) as i64
}
