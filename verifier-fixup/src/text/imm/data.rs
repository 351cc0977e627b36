// SPDX-License-Identifier: MIT OR Apache-2.0

//! Immediates by which instructions of arm64 find data.

use super::{signed_field, ReachError};
use crate::text::distance;

const PAGE_SHIFT: u32 = 12;
const PAGE_MASK: u64 = 0xfff;
/// Where the fields of 19 bits and of 12 bits are.
const IMM19_SHIFT: u32 = 5;
const IMM12_SHIFT: u32 = 10;

/// `immhi:immlo` of `adr`: bytes from this instruction, within 1 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adr(u32);

/// `immhi:immlo` of `adrp`: pages from this instruction's, within 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdrpPages(u32);

/// `imm19` of `ldr` of a literal: words of 4 bytes from this instruction, within 1 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Literal(u32);

/// `imm12` of `add`, and of `ldr` with an offset: where in its page something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageOffset(u32);

impl Adr {
    /// From `pc`, the address of the instruction, to `target`.
    ///
    /// # Errors
    ///
    /// The target is out of reach.
    pub fn between(pc: u64, target: u64) -> Result<Self, ReachError> {
        let distance = distance(pc, target);
        let field = signed_field(distance, 21).ok_or(ReachError::OutOfReach { distance })?;
        Ok(Self(field))
    }

    /// The fields, in their places.
    pub const fn bits(self) -> u32 {
        split(self.0)
    }
}

impl AdrpPages {
    /// From `pc`, the address of the instruction, to the page of `target`.
    ///
    /// # Errors
    ///
    /// The page is out of reach.
    pub fn between(pc: u64, target: u64) -> Result<Self, ReachError> {
        let distance = distance(pc & !PAGE_MASK, target & !PAGE_MASK);
        let field = signed_field(distance >> PAGE_SHIFT, 21);
        field.map(Self).ok_or(ReachError::OutOfReach { distance })
    }

    /// The fields, in their places.
    pub const fn bits(self) -> u32 {
        split(self.0)
    }
}

impl Literal {
    /// From `pc`, the address of the instruction, to `target`.
    ///
    /// # Errors
    ///
    /// The target is out of reach, or not a multiple of 4 bytes away.
    pub fn between(pc: u64, target: u64) -> Result<Self, ReachError> {
        let distance = distance(pc, target);
        if distance % 4 != 0 {
            return Err(ReachError::Misaligned { address: target });
        }
        let field = signed_field(distance >> 2, 19);
        field.map(Self).ok_or(ReachError::OutOfReach { distance })
    }

    /// The field, in its place.
    pub const fn bits(self) -> u32 {
        self.0 << IMM19_SHIFT
    }
}

impl PageOffset {
    /// Of `target`.
    pub const fn of(target: u64) -> Self {
        Self((target & PAGE_MASK) as u32)
    }

    /// In bytes, the field of `add`.
    pub const fn bytes(self) -> u32 {
        self.0 << IMM12_SHIFT
    }

    /// In words of 8 bytes, the field of `ldr`. The target is aligned to 8 bytes.
    pub const fn words(self) -> u32 {
        self.0 >> 3 << IMM12_SHIFT
    }
}

/// The two low bits are apart from the others.
const fn split(field: u32) -> u32 {
    (field & 3) << 29 | (field >> 2) << 5
}
