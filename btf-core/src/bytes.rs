// SPDX-License-Identifier: MIT OR Apache-2.0

//! Bounds-checked access to native-endian words: all the arithmetic on offsets is here.

/// `len` bytes of `data` from `offset` on.
pub(crate) fn slice(data: &[u8], offset: usize, len: usize) -> Option<&[u8]> {
    data.get(offset..offset.checked_add(len)?)
}

/// The `N` bytes of `data` at `offset`.
pub(crate) fn array<const N: usize>(data: &[u8], offset: usize) -> Option<[u8; N]> {
    slice(data, offset, N)?.try_into().ok()
}

/// The 32-bit word of `data` at `offset`.
pub(crate) fn u32_at(data: &[u8], offset: usize) -> Option<u32> {
    array(data, offset).map(u32::from_ne_bytes)
}

/// The NUL-terminated name of `strings` at `offset`, without its NUL.
pub(crate) fn name_at(strings: &[u8], offset: usize) -> Option<&[u8]> {
    let tail = strings.get(offset..)?;
    let len = tail.iter().position(|&byte| byte == 0)?;
    tail.get(..len)
}
