// SPDX-License-Identifier: MIT OR Apache-2.0

//! Types by the hash of what they say.
//!
//! Which of several candidates is met first can decide what a struct is equal to. So chains are in the order that they have
//! in `tools/lib/bpf/hashmap.c`: a new type comes first, and each time that the table grows, all chains turn round.

use crate::words::{put, take, word};

/// Slots that the first type makes (`HASHMAP_MIN_CAP_BITS`).
const MIN_BITS: u32 = 2;
/// Words for each type: its hash, and the next one of its chain.
const WORDS: usize = 2;

/// A hash table with chains, in caller memory.
pub(super) struct Table<'r> {
    /// Where chains begin: ids, 0 where there is none. The second half is for growing.
    slots: &'r mut [u32],
    spare: &'r mut [u32],
    /// The table has 2 to the power of `bits` slots; none at first.
    bits: u32,
    used: usize,
    /// By id.
    hashes: &'r mut [u32],
    next: &'r mut [u32],
}

impl<'r> Table<'r> {
    /// Words for a table of at most `types` types.
    pub(super) fn room(types: usize) -> usize {
        let slots = most_slots(types).saturating_mul(2);
        types.saturating_mul(WORDS).saturating_add(slots)
    }

    /// An empty table in [`Table::room`] words.
    pub(super) fn new(mut room: &'r mut [u32], types: usize) -> Self {
        let slots = most_slots(types);
        let mut part = |len| take(&mut room, len).unwrap_or_default();
        Self {
            slots: part(slots),
            spare: part(slots),
            bits: 0,
            used: 0,
            hashes: part(types),
            next: part(types),
        }
    }

    /// Adds the type `id`, which is not there yet.
    pub(super) fn add(&mut self, hash: u32, id: u32) {
        if is_full(self.used, self.bits) {
            self.grow();
        }
        put(self.hashes, id, hash);
        chain(self.slots, self.next, slot(hash, self.bits), id);
        self.used = self.used.saturating_add(1);
    }

    fn grow(&mut self) {
        let old_len = capacity(self.bits);
        self.bits = self.bits.saturating_add(1).max(MIN_BITS);
        if let Some(slots) = self.spare.get_mut(..capacity(self.bits)) {
            slots.fill(0);
        }
        for start in self.slots.iter().take(old_len) {
            let mut id = *start;
            while id != 0 {
                let following = word(self.next, id).unwrap_or(0);
                let hash = word(self.hashes, id).unwrap_or(0);
                chain(self.spare, self.next, slot(hash, self.bits), id);
                id = following;
            }
        }
        core::mem::swap(&mut self.slots, &mut self.spare);
    }

    /// The types of this hash, in the order of their chain.
    pub(super) fn candidates(&self, hash: u32) -> impl Iterator<Item = u32> + use<'_, 'r> {
        let first = match self.bits {
            0 => 0,
            bits => word(self.slots, slot(hash, bits)).unwrap_or(0),
        };
        let mut id = first;
        let all = core::iter::from_fn(move || {
            let this = id;
            id = word(self.next, this).unwrap_or(0);
            (this != 0).then_some(this)
        });
        all.filter(move |id| word(self.hashes, *id) == Some(hash))
    }

    /// The next type of this hash behind `id`, or the first one if that is 0; 0 if there is none. For a caller that changes
    /// other things meanwhile.
    pub(super) fn next(&self, hash: u32, id: u32) -> u32 {
        if id == 0 {
            return self.candidates(hash).next().unwrap_or(0);
        }
        let mut id = word(self.next, id).unwrap_or(0);
        while id != 0 && word(self.hashes, id) != Some(hash) {
            id = word(self.next, id).unwrap_or(0);
        }
        id
    }
}

/// Puts `id` in front of the chain of `slot`.
fn chain(slots: &mut [u32], next: &mut [u32], slot: u32, id: u32) {
    put(next, id, word(slots, slot).unwrap_or(0));
    put(slots, slot, id);
}

fn capacity(bits: u32) -> usize {
    match bits {
        0 => 0,
        bits => 1_usize.checked_shl(bits).unwrap_or(usize::MAX),
    }
}

/// Whether one more type makes the table grow: at more than three quarters (`hashmap_needs_to_grow`).
fn is_full(used: usize, bits: u32) -> bool {
    let next = used.saturating_add(1);
    capacity(bits) == 0 || next.saturating_mul(4) / 3 > capacity(bits)
}

/// Slots that the table has when it has `types` types.
fn most_slots(types: usize) -> usize {
    let bits = (MIN_BITS..usize::BITS).find(|bits| !is_full(types, *bits));
    capacity(bits.unwrap_or(0))
}

/// The upper bits of a hash are the good ones.
fn slot(hash: u32, bits: u32) -> u32 {
    hash.checked_shr(u32::BITS.saturating_sub(bits))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::index;

    /// The order in which chains come round, by a list that is turned whenever libbpf's table grows.
    #[test]
    fn the_order_of_a_chain_is_that_of_libbpf() {
        const TYPES: u32 = 2000;
        let mut room = [0; 20_000];
        let len = index(TYPES).saturating_add(1);
        assert!(Table::room(len) <= room.len());
        let mut table = Table::new(&mut room, len);
        let mut expected = [0; TYPES as usize];
        let (mut used, mut capacity) = (0_usize, 0_usize);
        for (kept, id) in (1..=TYPES).enumerate() {
            if is_full(used, if capacity == 0 { 0 } else { capacity.ilog2() }) {
                capacity = capacity.saturating_mul(2).max(4);
                expected.get_mut(..kept).unwrap_or_default().reverse();
            }
            used = used.saturating_add(1);
            expected.copy_within(..kept, 1);
            put(&mut expected, 0, id);
            table.add(0x9e37_79b9, id);
        }
        assert!(table.candidates(0x9e37_79b9).eq(expected));
        assert!(table.candidates(0x9e37_79b8).next().is_none());
    }
}
