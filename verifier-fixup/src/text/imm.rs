// SPDX-License-Identifier: MIT OR Apache-2.0

//! The fields of branches, and of what finds data ([`data`]): what is too far has no value, so that an encoder cannot cut
//! it short.

use core::fmt;

use super::distance;

pub mod data;

/// Why an instruction cannot go there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReachError {
    /// The target is too far, or not of those addresses that the instructions can make.
    OutOfReach {
        /// Bytes to go.
        distance: i64,
    },
    /// The target is not where an instruction begins, or a word.
    Misaligned {
        /// Its address.
        address: u64,
    },
}

impl fmt::Display for ReachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfReach { distance } => write!(f, "{distance} bytes are out of reach"),
            Self::Misaligned { address } => write!(f, "address {address:#x} is not aligned"),
        }
    }
}

impl core::error::Error for ReachError {}

/// `rel32` of x86-64: bytes from the end of the instruction, within 2 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rel32(i32);

impl Rel32 {
    /// From `next`, the address after the instruction, to `target`.
    ///
    /// # Errors
    ///
    /// The target is out of reach.
    pub fn between(next: u64, target: u64) -> Result<Self, ReachError> {
        let distance = distance(next, target);
        i32::try_from(distance)
            .map(Self)
            .map_err(|_| ReachError::OutOfReach { distance })
    }

    /// As it is in the instruction.
    pub const fn from_le_bytes(bytes: [u8; 4]) -> Self {
        Self(i32::from_le_bytes(bytes))
    }

    /// As it is in the instruction.
    pub const fn to_le_bytes(self) -> [u8; 4] {
        self.0.to_le_bytes()
    }

    /// Where an instruction goes that ends at `next`.
    pub const fn target(self, next: u64) -> u64 {
        next.wrapping_add_signed(self.0 as i64)
    }
}

/// `imm26` of arm64's `b` and `bl`: instructions from this one, within 128 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imm26(u32);

impl Imm26 {
    const BITS: u32 = 26;
    const MASK: u32 = (1 << Self::BITS) - 1;
    /// Bits of a distance in bytes that its field does not have.
    const SHIFT: u32 = 2;

    /// From `pc`, the address of the instruction, to `target`.
    ///
    /// # Errors
    ///
    /// The target is out of reach, or not a multiple of 4 bytes away.
    pub fn between(pc: u64, target: u64) -> Result<Self, ReachError> {
        let distance = distance(pc, target);
        if distance.trailing_zeros() < Self::SHIFT {
            return Err(ReachError::Misaligned { address: target });
        }
        signed_field(distance >> Self::SHIFT, Self::BITS)
            .map(Self)
            .ok_or(ReachError::OutOfReach { distance })
    }

    /// The field of an instruction.
    pub const fn of(insn: u32) -> Self {
        Self(insn & Self::MASK)
    }

    /// The field, in its place.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Where the instruction at `pc` goes.
    pub const fn target(self, pc: u64) -> u64 {
        const UNUSED: u32 = u32::BITS - Imm26::BITS;
        let words = (self.0 << UNUSED) as i32 >> UNUSED;
        pc.wrapping_add_signed((words as i64) << Self::SHIFT)
    }
}

/// An address that arm64's `movn; movk; movk` makes: its upper 16 bits are ones.
///
/// Follows `emit_addr_mov_i64` of `arch/arm64/net/bpf_jit_comp.c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addr48(u64);

impl Addr48 {
    const ONES: u64 = 0xffff << 48;

    /// `target`, which the instructions at `pc` shall make.
    ///
    /// # Errors
    ///
    /// An upper bit is zero, or the target is no place of an instruction.
    pub fn new(pc: u64, target: u64) -> Result<Self, ReachError> {
        if target % 4 != 0 {
            return Err(ReachError::Misaligned { address: target });
        }
        if target & Self::ONES != Self::ONES {
            let distance = distance(pc, target);
            return Err(ReachError::OutOfReach { distance });
        }
        Ok(Self(target))
    }

    /// Of the 16-bit fields of `movn`, and of `movk` with shifts of 16 and 32.
    pub const fn of([low, middle, high]: [u16; 3]) -> Self {
        let low = !low as u64;
        Self(Self::ONES | (high as u64) << 32 | (middle as u64) << 16 | low)
    }

    /// The fields that [`Self::of`] takes.
    pub const fn fields(self) -> [u16; 3] {
        [
            !(self.0 as u16),
            (self.0 >> 16) as u16,
            (self.0 >> 32) as u16,
        ]
    }

    /// The address.
    pub const fn address(self) -> u64 {
        self.0
    }
}

/// The low `bits` bits of `value`, if it fits them with its sign.
pub(super) fn signed_field(value: i64, bits: u32) -> Option<u32> {
    let unused = i64::BITS.checked_sub(bits)?;
    (value.wrapping_shl(unused).wrapping_shr(unused) == value)
        .then_some(value as u32 & 1_u32.wrapping_shl(bits).wrapping_sub(1))
}
