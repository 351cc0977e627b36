// SPDX-License-Identifier: MIT OR Apache-2.0

//! A bounds-checked reader that knows where it is.

use super::{RecordError, RecordErrorKind};

/// Bytes of a section, and where in it they begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn error(&self, kind: RecordErrorKind) -> RecordError {
        RecordError {
            offset: self.at,
            kind,
        }
    }

    pub(super) fn take(&mut self, len: usize) -> Result<Cursor<'a>, RecordError> {
        let Some((head, rest)) = self.bytes.split_at_checked(len) else {
            return Err(self.error(RecordErrorKind::Truncated));
        };
        let taken = Cursor {
            bytes: head,
            at: self.at,
        };
        self.bytes = rest;
        self.at = self.at.saturating_add(len);
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let taken = self.take(N)?;
        taken
            .bytes
            .try_into()
            .map_err(|_| taken.error(RecordErrorKind::Truncated))
    }

    pub(super) fn u8(&mut self) -> Result<u8, RecordError> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, RecordError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, RecordError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, RecordError> {
        self.array().map(i64::from_le_bytes)
    }

    /// A number of bytes, as 32 bits.
    pub(super) fn length(&mut self) -> Result<usize, RecordError> {
        self.u32()
            .map(|len| usize::try_from(len).unwrap_or(usize::MAX))
    }

    pub(super) fn name(&mut self) -> Result<&'a str, RecordError> {
        let len = usize::from(self.u16()?);
        self.take(len)?.text()
    }

    /// All that is left, as text.
    pub(super) fn text(&self) -> Result<&'a str, RecordError> {
        core::str::from_utf8(self.bytes).map_err(|_| self.error(RecordErrorKind::InvalidName))
    }

    /// Checks that nothing is left.
    pub(super) fn end(&self) -> Result<(), RecordError> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        Err(self.error(RecordErrorKind::TrailingBytes))
    }
}
