// SPDX-License-Identifier: MIT OR Apache-2.0

//! From a name to its place, without a walk through all of them.
//!
//! ```text
//!   strings   │ 0 i n t 0 t a s k 0 u 8 0 │        a place is an offset here: int 1, task 5
//!   slots     │ 0 │ 6 │ 0 │ 0 │ 2 │ 0 │ 11 │ 0 │   1 + place, at the hash's slot or behind; 0 is free
//! ```
//!
//! Beside the place, a slot has some bits of the hash: most other names are told apart without a look at them.
//!
//! In a table of types a place is the number of a type, and a name may have several.

use core::iter;

use crate::bytes::{up_to_nul, word_at, WORD_LEN};

/// A hash table of names by their places, in caller memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NameTable<S> {
    slots: S,
    used: usize,
    /// All names at places before this one are in the table; there was no room for those from here on.
    covered: usize,
}

impl NameTable<&[u32]> {
    /// No table: every look-up is a walk.
    pub(crate) const NONE: Self = Self {
        slots: &[],
        used: 0,
        covered: 0,
    };
}

impl<'r> NameTable<&'r mut [u32]> {
    pub(crate) fn new(room: &'r mut [u32]) -> Self {
        room.fill(0);
        Self {
            slots: room,
            used: 0,
            covered: 0,
        }
    }

    /// A table of `strings`, to look into only.
    pub(crate) fn build(room: &'r mut [u32], strings: &[u8]) -> NameTable<&'r [u32]> {
        let mut table = Self::new(room);
        for (place, name) in names(strings) {
            let next = place.saturating_add(name.len()).saturating_add(1);
            table.add(NameHash::of(name), place, next);
        }
        table.finish()
    }

    /// The table, to look into only.
    pub(crate) fn finish(self) -> NameTable<&'r [u32]> {
        NameTable {
            slots: self.slots,
            used: self.used,
            covered: self.covered,
        }
    }

    /// Takes up the name at `place`, which comes after the last; left out when the table is full. The next name can be
    /// at `next`.
    pub(crate) fn add(&mut self, hash: NameHash, place: usize, next: usize) {
        let free = self.used.saturating_mul(8) < self.slots.len().saturating_mul(7);
        let entry = u32::try_from(place.saturating_add(1)).ok();
        let (Some(entry @ ..=PLACE_MASK), true) = (entry, free) else {
            return;
        };
        let entry = entry | tag(hash);
        let mut at = start(self.slots, hash);
        // There is a free one.
        while self.slots.get(at).is_some_and(|slot| *slot != 0) {
            at = after(self.slots, at);
        }
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = entry;
            self.used = self.used.saturating_add(1);
            self.covered = next;
        }
    }
}

impl<S: AsRef<[u32]>> NameTable<S> {
    /// Where names begin that are not in the table.
    pub(crate) fn covered(&self) -> usize {
        self.covered
    }

    /// The place of the name of this hash, of which `is_at` tells whether it is at a place.
    pub(crate) fn find(&self, hash: NameHash, is_at: impl Fn(usize) -> bool) -> Option<usize> {
        places(self.slots.as_ref(), hash).find(|place| is_at(*place))
    }
}

impl<'r> NameTable<&'r [u32]> {
    /// The places at which a name of this hash may be, in their order.
    pub(crate) fn places(&self, hash: NameHash) -> impl Iterator<Item = usize> + use<'r> {
        places(self.slots, hash)
    }
}

fn places<'s>(slots: &'s [u32], hash: NameHash) -> impl Iterator<Item = usize> + use<'s> {
    let mut at = start(slots, hash);
    let entries = iter::from_fn(move || {
        let entry = slots.get(at).copied().filter(|entry| *entry != 0)?;
        at = after(slots, at);
        Some(entry)
    });
    let entries = entries.take(slots.len());
    let similar = entries.filter(move |entry| entry & !PLACE_MASK == tag(hash));
    similar.filter_map(|entry| usize::try_from((entry & PLACE_MASK).checked_sub(1)?).ok())
}

/// The bits of a slot that are 1 + place. There are less than 2^24 bytes of names, and less types.
const PLACE_MASK: u32 = (1 << 25) - 1;

/// The bits of a hash that a slot has beside the place: the low ones, since the upper ones choose the slot.
fn tag(NameHash(hash): NameHash) -> u32 {
    hash << PLACE_MASK.count_ones()
}

/// The slot behind `at`; the first one is behind the last.
fn after(slots: &[u32], at: usize) -> usize {
    let next = at.saturating_add(1);
    if next < slots.len() {
        next
    } else {
        0
    }
}

/// The slot at which the search for a name of this hash begins: the hash, in proportion to the number of slots.
fn start(slots: &[u32], NameHash(hash): NameHash) -> usize {
    let slots = u64::try_from(slots.len()).unwrap_or(u64::MAX);
    // The product has no more bits than both have together: there are less than 2^32 slots that a place fits in.
    let place = u64::from(hash).wrapping_mul(slots) >> u32::BITS;
    usize::try_from(place).unwrap_or(0)
}

/// A hash of a name. Its upper bits are the good ones.
#[derive(Clone, Copy)]
pub(crate) struct NameHash(u32);

impl NameHash {
    /// Takes eight bytes at a time.
    pub(crate) fn of(name: &[u8]) -> Self {
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut hash = 0_u64;
        let mut take = |word: u64| hash = (hash ^ word).wrapping_mul(FACTOR).rotate_left(29);
        let mut at = 0_usize;
        while let Some(word) = word_at(name, at) {
            take(word);
            at = at.saturating_add(WORD_LEN);
        }
        let rest = name.get(at..).unwrap_or_default();
        take(
            rest.iter()
                .fold(1, |word, byte| word << 8 | u64::from(*byte)),
        );
        Self(u32::try_from(hash.wrapping_mul(FACTOR) >> u32::BITS).unwrap_or(0))
    }
}

/// The names of `strings`, each with its place.
pub(crate) fn names(strings: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut next = 0_usize;
    // Not split_inclusive, which brings a panic along.
    iter::from_fn(move || {
        let place = next;
        let rest = strings.get(place..).filter(|rest| !rest.is_empty())?;
        let name = up_to_nul(rest);
        next = place.saturating_add(name.len()).saturating_add(1);
        Some((place, name))
    })
}
