// SPDX-License-Identifier: MIT OR Apache-2.0

//! Words of caller memory, by ids and offsets.

use core::mem;

/// `number` as an index. No slice is longer than what it cannot be.
pub(crate) fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The word at `at`.
pub(crate) fn word(words: &[u32], at: u32) -> Option<u32> {
    words.get(index(at)).copied()
}

/// Makes `value` the word at `at`, if there is one.
pub(crate) fn put(words: &mut [u32], at: u32, value: u32) {
    if let Some(slot) = words.get_mut(index(at)) {
        *slot = value;
    }
}

/// Takes the first `len` words of `room` away from it.
pub(crate) fn take<'r>(room: &mut &'r mut [u32], len: usize) -> Option<&'r mut [u32]> {
    let (taken, rest) = mem::take(room).split_at_mut_checked(len)?;
    *room = rest;
    Some(taken)
}
