// SPDX-License-Identifier: MIT OR Apache-2.0

//! The code of a stub, as it grows.

use super::{Stub, StubError, MAX_STUB_LEN, STUB_ALIGN};

/// The code of a stub, padded to a multiple of [`STUB_ALIGN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StubCode {
    bytes: [u8; MAX_STUB_LEN],
    len: usize,
}

impl StubCode {
    pub(in crate::text) const fn new() -> Self {
        Self {
            bytes: [0; MAX_STUB_LEN],
            len: 0,
        }
    }

    /// The code with its padding.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The address of what is pushed next.
    pub(in crate::text) fn next(&self, stub: &Stub<'_>) -> u64 {
        stub.address.wrapping_add(self.len as u64)
    }

    pub(in crate::text) fn push(&mut self, code: &[u8]) -> Result<(), StubError> {
        let end = self.len.saturating_add(code.len());
        self.bytes
            .get_mut(self.len..end)
            .ok_or(StubError::TooLong)?
            .copy_from_slice(code);
        self.len = end;
        Ok(())
    }

    /// Fills up to the next multiple of [`STUB_ALIGN`].
    pub(in crate::text) fn pad(&mut self, trap: &[u8]) -> Result<(), StubError> {
        while self.len % STUB_ALIGN != 0 {
            self.push(trap)?;
        }
        Ok(())
    }
}
