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
        Some(self.u32_of(array(data, offset)?))
    }

    /// The 32-bit word in `bytes`.
    #[inline]
    pub(crate) fn u32_of(self, bytes: [u8; 4]) -> u32 {
        if self == Self::NATIVE {
            u32::from_ne_bytes(bytes)
        } else {
            swapped(bytes)
        }
    }

    /// Makes `value` the word of `data` at `offset`, if there is one.
    pub(crate) fn put_u32(self, data: &mut [u8], offset: usize, value: u32) {
        for (place, byte) in data.iter_mut().skip(offset).zip(self.u32_bytes(value)) {
            *place = byte;
        }
    }

    /// The bytes of a 16-bit number.
    pub(crate) fn u16_bytes(self, number: u16) -> [u8; 2] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }

    /// The bytes of a 32-bit word.
    pub(crate) fn u32_bytes(self, word: u32) -> [u8; 4] {
        match self {
            Self::Little => word.to_le_bytes(),
            Self::Big => word.to_be_bytes(),
        }
    }
}

#[cold]
#[inline(never)]
fn swapped(bytes: [u8; 4]) -> u32 {
    u32::from_ne_bytes(bytes).swap_bytes()
}

/// `len` bytes of `data` from `offset` on.
pub(crate) fn slice(data: &[u8], offset: usize, len: usize) -> Option<&[u8]> {
    data.get(offset..offset.checked_add(len)?)
}

/// The `N` bytes of `data` at `offset`.
pub(crate) fn array<const N: usize>(data: &[u8], offset: usize) -> Option<[u8; N]> {
    slice(data, offset, N)?.try_into().ok()
}

/// The name at the start of `strings`, without its NUL.
pub(crate) fn up_to_nul(strings: &[u8]) -> &[u8] {
    let mut len = 0_usize;
    // A kernel's names have some twenty bytes: eight at a time.
    while word_at(strings, len).is_some_and(|word| !has_nul(word)) {
        len = len.saturating_add(WORD_LEN);
    }
    let rest = strings.get(len..).unwrap_or_default();
    let end = rest.iter().position(|&byte| byte == 0);
    let end = end.and_then(|end| len.checked_add(end));
    end.and_then(|len| strings.get(..len)).unwrap_or_default()
}

/// Bytes of a word.
pub(crate) const WORD_LEN: usize = 8;

/// The bytes from `at` on as a number, if there are so many.
#[inline]
pub(crate) fn word_at(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

/// Whether `name` is the name at the start of `strings`.
pub(crate) fn is_name(strings: &[u8], name: &[u8]) -> bool {
    match strings.split_at_checked(name.len()) {
        // The NUL first: it tells most other names apart by one byte.
        Some((start, [0, ..])) => start == name && !name.contains(&0),
        _ => strings.is_empty() && name.is_empty(),
    }
}

/// Whether the name at the start of `strings` sorts before `name`, whose [`head`] is given.
#[inline]
pub(crate) fn is_before(strings: &[u8], name: &[u8], name_head: u128) -> bool {
    let start = head(strings);
    // What follows a NUL cannot make the head the smaller one: nothing but zeros follow `name` in its own.
    start < name_head || start == name_head && strings.get(..name.len()).unwrap_or(strings) < name
}

/// Bytes of a [`head`].
const HEAD_LEN: usize = 16;

/// The first bytes of `strings`, as a number; zeros follow the last one.
pub(crate) fn head(strings: &[u8]) -> u128 {
    let bytes = strings.first_chunk::<HEAD_LEN>().copied();
    u128::from_be_bytes(bytes.unwrap_or_else(|| {
        let mut bytes = [0; HEAD_LEN];
        for (byte, from) in bytes.iter_mut().zip(strings) {
            *byte = *from;
        }
        bytes
    }))
}

/// The first eight bytes of the name at the start of `strings`, as a number; zeros follow a shorter name.
pub(crate) fn name_head(strings: &[u8]) -> u64 {
    let [bytes @ .., _, _, _, _, _, _, _, _] = head(strings).to_be_bytes();
    let word = u64::from_le_bytes(bytes);
    // Of the bits that tell of a NUL the lowest is right; what is below it is the name.
    let nul = nuls(word) & nuls(word).wrapping_neg();
    let name = match nul {
        0 => u64::MAX,
        nul => (nul >> 7).wrapping_sub(1),
    };
    (word & name).swap_bytes()
}

/// Whether the name at the start of `one` does not sort after the name at the start of `other`.
///
/// Where the [`head`] of the first is the smaller one, it is so: the heads differ in the names, or after equal names.
pub(crate) fn in_order(mut one: &[u8], mut other: &[u8]) -> bool {
    while head(one) == head(other) && !head_has_nul(head(one)) {
        one = one.get(HEAD_LEN..).unwrap_or_default();
        other = other.get(HEAD_LEN..).unwrap_or_default();
    }
    if head(one) <= head(other) {
        return true;
    }
    let mut bytes = one.iter().zip(other);
    match bytes.find(|(one, other)| one != other || **one == 0) {
        Some((one, other)) => one <= other,
        // One of them is outside of the strings, which makes it empty.
        None => up_to_nul(one).is_empty(),
    }
}

/// Whether one of the bytes is zero: only there does taking one away set a high bit that was not set.
fn head_has_nul(head: u128) -> bool {
    const ONES: u128 = u128::MAX / 0xff;
    const HIGH_BITS: u128 = ONES << 7;
    head.wrapping_sub(ONES) & !head & HIGH_BITS != 0
}

/// As [`head_has_nul`].
fn has_nul(word: u64) -> bool {
    nuls(word) != 0
}

/// The high bits of the bytes that are zero; also of some above the lowest of these.
fn nuls(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH_BITS: u64 = ONES << 7;
    word.wrapping_sub(ONES) & !word & HIGH_BITS
}
