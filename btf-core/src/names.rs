// SPDX-License-Identifier: MIT OR Apache-2.0

//! From a name to its place, without a walk through all of them.
//!
//! ```text
//!   strings   │ 0 i n t 0 t a s k 0 u 8 0 │        a place is an offset here: int 1, task 5
//!   slots     │ 0 │ 6 │ 0 │ 0 │ 2 │ 0 │ 11 │ 0 │   1 + place, at hash modulo slots or behind; 0 is free
//! ```
//!
//! In a table of types a place is the number of a type, and a name may have several.

use core::iter;

use crate::bytes::up_to_nul;

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
            table.add(name, place, next);
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
    pub(crate) fn add(&mut self, name: &[u8], place: usize, next: usize) {
        let free = self.used.saturating_mul(8) < self.slots.len().saturating_mul(7);
        let entry = u32::try_from(place.saturating_add(1)).ok();
        let (Some(entry), true) = (entry, free) else {
            return;
        };
        let start = start(self.slots, name);
        let Some((head, tail)) = self.slots.split_at_mut_checked(start) else {
            return;
        };
        let slot = tail.iter_mut().chain(head).find(|slot| **slot == 0);
        if let Some(slot) = slot {
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

    /// The place of `name`, of which `is_at` tells whether it is at a place.
    pub(crate) fn find(&self, name: &[u8], is_at: impl Fn(usize) -> bool) -> Option<usize> {
        places(self.slots.as_ref(), name).find(|place| is_at(*place))
    }
}

impl<'r> NameTable<&'r [u32]> {
    /// The places at which `name` may be, in their order.
    pub(crate) fn places(&self, name: &[u8]) -> impl Iterator<Item = usize> + use<'r> {
        places(self.slots, name)
    }
}

fn places<'s>(slots: &'s [u32], name: &[u8]) -> impl Iterator<Item = usize> + use<'s> {
    let (head, tail) = slots
        .split_at_checked(start(slots, name))
        .unwrap_or_default();
    tail.iter()
        .chain(head)
        .map_while(|slot| usize::try_from(slot.checked_sub(1)?).ok())
}

/// The slot at which the search for `name` begins: its FNV-1a hash, modulo the number of slots.
fn start(slots: &[u32], name: &[u8]) -> usize {
    let hash = name.iter().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    });
    usize::try_from(hash)
        .ok()
        .and_then(|hash| hash.checked_rem(slots.len()))
        .unwrap_or(0)
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
