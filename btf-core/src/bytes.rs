// SPDX-License-Identifier: MIT OR Apache-2.0

//! Bounds-checked access to words of either byte order: all the arithmetic on offsets is here.

/// The order of the bytes in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// The lowest byte comes first: x86-64, arm64.
    Little,
    /// The highest byte comes first: s390.
    Big,
}

impl ByteOrder {
    /// The order of the machine that this runs on.
    pub const NATIVE: Self = if cfg!(target_endian = "big") {
        Self::Big
    } else {
        Self::Little
    };

    /// The 32-bit word of `data` at `offset`.
    pub(crate) fn u32_at(self, data: &[u8], offset: usize) -> Option<u32> {
        let bytes = array(data, offset)?;
        Some(match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        })
    }
}

/// `len` bytes of `data` from `offset` on.
pub(crate) fn slice(data: &[u8], offset: usize, len: usize) -> Option<&[u8]> {
    data.get(offset..offset.checked_add(len)?)
}

/// The `N` bytes of `data` at `offset`.
pub(crate) fn array<const N: usize>(data: &[u8], offset: usize) -> Option<[u8; N]> {
    slice(data, offset, N)?.try_into().ok()
}

/// The NUL-terminated name of `strings` at `offset`, without its NUL.
pub(crate) fn name_at(strings: &[u8], offset: usize) -> Option<&[u8]> {
    let tail = strings.get(offset..)?;
    let len = tail.iter().position(|&byte| byte == 0)?;
    tail.get(..len)
}
