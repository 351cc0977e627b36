// SPDX-License-Identifier: MIT OR Apache-2.0

//! A change of machine code, as a value.

use core::fmt;

/// Bytes of the longest patch: a call of arm64 by register.
pub const MAX_PATCH_LEN: usize = 16;

/// What to write, where, and what must be there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextPatch {
    address: u64,
    old: [u8; MAX_PATCH_LEN],
    new: [u8; MAX_PATCH_LEN],
    len: usize,
}

/// Why a patch is not made, or not applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PatchError {
    /// The old bytes and the new ones are not equally many, or more than [`MAX_PATCH_LEN`].
    Length,
    /// Some of the place is not in the buffer.
    Outside {
        /// Where it begins.
        address: u64,
    },
    /// The buffer has other bytes than the old ones; it is left as it is.
    OldBytesDiffer {
        /// Address of the first byte that differs.
        address: u64,
    },
}

impl fmt::Display for PatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => write!(
                f,
                "a patch has as many new bytes as old ones, at most {MAX_PATCH_LEN}"
            ),
            Self::Outside { address } => write!(f, "no code at {address:#x} to patch"),
            Self::OldBytesDiffer { address } => {
                write!(f, "the code at {address:#x} is not what the patch replaces")
            }
        }
    }
}

impl core::error::Error for PatchError {}

impl TextPatch {
    /// Replaces `old` at `address` by `new`.
    ///
    /// # Errors
    ///
    /// They are not equally long, or too long.
    pub fn new(address: u64, old: &[u8], new: &[u8]) -> Result<Self, PatchError> {
        let fixed = |bytes: &[u8]| {
            let mut fixed = [0; MAX_PATCH_LEN];
            fixed.get_mut(..bytes.len())?.copy_from_slice(bytes);
            Some(fixed)
        };
        match (fixed(old), fixed(new)) {
            (Some(old_bytes), Some(new_bytes)) if old.len() == new.len() => Ok(Self {
                address,
                old: old_bytes,
                new: new_bytes,
                len: old.len(),
            }),
            _ => Err(PatchError::Length),
        }
    }

    /// Of the first `len` bytes, which are all.
    pub(super) const fn of_len(
        address: u64,
        old: [u8; MAX_PATCH_LEN],
        new: [u8; MAX_PATCH_LEN],
        len: usize,
    ) -> Self {
        Self {
            address,
            old,
            new,
            len,
        }
    }

    /// Address of the first byte.
    pub const fn address(&self) -> u64 {
        self.address
    }

    /// The bytes to replace.
    pub fn old(&self) -> &[u8] {
        self.old.get(..self.len).unwrap_or_default()
    }

    /// The bytes to write.
    pub fn new_bytes(&self) -> &[u8] {
        self.new.get(..self.len).unwrap_or_default()
    }

    /// The patch that undoes this one.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self {
            old: self.new,
            new: self.old,
            ..self
        }
    }

    /// Patches `buffer`, the code from the address `base` on.
    ///
    /// # Errors
    ///
    /// The place is not in the buffer, or has other bytes than the old ones. Nothing is written then.
    pub fn apply(&self, buffer: &mut [u8], base: u64) -> Result<(), PatchError> {
        let outside = PatchError::Outside {
            address: self.address,
        };
        let place = self
            .address
            .checked_sub(base)
            .and_then(|offset| usize::try_from(offset).ok())
            .and_then(|start| Some(start..start.checked_add(self.len)?))
            .and_then(|range| buffer.get_mut(range))
            .ok_or(outside)?;
        let same = place.iter().zip(self.old()).take_while(|(a, b)| a == b);
        let same = same.count();
        if same != self.len {
            let address = self.address.wrapping_add(same as u64);
            return Err(PatchError::OldBytesDiffer { address });
        }
        place.copy_from_slice(self.new_bytes());
        Ok(())
    }
}
