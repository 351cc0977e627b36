// SPDX-License-Identifier: MIT OR Apache-2.0

//! Why there is no such stub.

use core::fmt;

use super::MAX_STUB_LEN;
use crate::text::imm::ReachError;

/// Why there is no such stub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StubError {
    /// An argument has no register, or one that is not for arguments.
    NoRegister {
        /// Its number, from 0.
        argument: usize,
    },
    /// An argument is passed on the stack, where a stub cannot put it.
    OnStack {
        /// Its number, from 0.
        argument: usize,
    },
    /// An argument is in a register in which programs may pass arguments.
    NotFree {
        /// Its number, from 0.
        argument: usize,
    },
    /// An argument has a register of an earlier one.
    Twice {
        /// Its number, from 0.
        argument: usize,
    },
    /// An argument has two registers, and is not from the slot.
    TwoWords {
        /// Its number, from 0.
        argument: usize,
    },
    /// A displacement does not fit its instruction.
    OutOfReach {
        /// Bytes to go.
        distance: i64,
    },
    /// An address is not aligned as a stub, or an instruction, needs it.
    Misaligned {
        /// The address.
        address: u64,
    },
    /// The code is longer than [`MAX_STUB_LEN`].
    TooLong,
}

impl fmt::Display for StubError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRegister { argument } => write!(f, "argument {argument} has no register"),
            Self::OnStack { argument } => write!(f, "argument {argument} is passed on the stack"),
            Self::NotFree { argument } => write!(
                f,
                "argument {argument} is in a register of the program's own arguments"
            ),
            Self::Twice { argument } => {
                write!(f, "argument {argument} is in a register of another one")
            }
            Self::TwoWords { argument } => {
                write!(
                    f,
                    "argument {argument} has two words, and is not from the slot"
                )
            }
            Self::OutOfReach { distance } => write!(f, "{distance} bytes are out of reach"),
            Self::Misaligned { address } => write!(f, "address {address:#x} is not aligned"),
            Self::TooLong => write!(f, "a stub has at most {MAX_STUB_LEN} bytes"),
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
