// SPDX-License-Identifier: GPL-2.0-only

//! The slots of a kfunc: which program has which, and the values that its stub loads.
//!
//! ```text
//!   owners   │ aux of A │    0     │ aux of B │ …      0 is free
//!   values   │ a0  a1   │          │ b0  b1   │ …      what the stubs load
//! ```
//!
//! Programs are checked concurrently, and die in any context, so no lock is taken: a slot belongs to whoever
//! puts its key into a free place first. One program is checked by one thread, so no key is claimed twice.

use core::sync::atomic::{AtomicUsize, Ordering};

/// The slots of one kfunc.
#[derive(Debug)]
pub struct Slots {
    owners: &'static [AtomicUsize],
    values: &'static [AtomicUsize],
    width: usize,
}

/// A slot that was found or taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Its number.
    pub(crate) slot: usize,
    /// Whether it was free before.
    pub(crate) fresh: bool,
}

impl Slots {
    /// Slots of `width` values each, one for every owner. For use in statics.
    pub const fn new(
        owners: &'static [AtomicUsize],
        values: &'static [AtomicUsize],
        width: usize,
    ) -> Self {
        assert!(
            owners.len() * width == values.len(),
            "every slot has its values"
        );
        Self {
            owners,
            values,
            width,
        }
    }

    /// How many there are.
    pub(crate) fn capacity(&self) -> usize {
        self.owners.len()
    }

    /// The slot of `owner`, or a free one, now its own; none if all are taken. `owner` is not 0.
    pub(crate) fn claim(&self, owner: usize) -> Option<Claim> {
        if let Some(slot) = self.find(owner) {
            return Some(Claim { slot, fresh: false });
        }
        let free = |place: &AtomicUsize| {
            // Acquire: what the last owner's release left behind is seen.
            place
                .compare_exchange(0, owner, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
        };
        let slot = self.owners.iter().position(free)?;
        Some(Claim { slot, fresh: true })
    }

    /// The slot of `owner`, if it has one.
    pub(crate) fn find(&self, owner: usize) -> Option<usize> {
        let own = |place: &AtomicUsize| place.load(Ordering::Relaxed) == owner;
        self.owners.iter().position(own)
    }

    /// Puts the values of a claimed slot in place.
    pub(crate) fn fill(&self, slot: usize, values: &[usize]) {
        // Relaxed: the kernel publishes the program, by which another CPU comes here, long after.
        for (place, value) in self.values_of(slot).zip(values) {
            place.store(*value, Ordering::Relaxed);
        }
    }

    /// Gives a slot back. Its stub is not called any more.
    pub(crate) fn release(&self, slot: usize) {
        for place in self.values_of(slot) {
            place.store(0, Ordering::Relaxed);
        }
        if let Some(owner) = self.owners.get(slot) {
            owner.store(0, Ordering::Release);
        }
    }

    fn values_of(&self, slot: usize) -> impl Iterator<Item = &AtomicUsize> {
        self.values
            .iter()
            .skip(slot.saturating_mul(self.width))
            .take(self.width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots() -> Slots {
        static OWNERS: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
        static VALUES: [AtomicUsize; 4] = [const { AtomicUsize::new(0) }; 4];
        Slots::new(&OWNERS, &VALUES, 2)
    }

    #[test]
    fn a_slot_is_claimed_once_and_given_back() {
        let slots = slots();
        let first = slots.claim(0x1000).unwrap();
        assert!(first.fresh);
        assert_eq!(
            slots.claim(0x1000),
            Some(Claim {
                fresh: false,
                ..first
            })
        );

        let second = slots.claim(0x2000).unwrap();
        assert_ne!(first.slot, second.slot);
        assert_eq!(slots.claim(0x3000), None);

        slots.fill(second.slot, &[7, 8]);
        let values = || {
            slots
                .values_of(second.slot)
                .map(|value| value.load(Ordering::Relaxed))
        };
        assert!(values().eq([7, 8]));

        slots.release(second.slot);
        assert!(values().eq([0, 0]));
        assert_eq!(slots.find(0x2000), None);
        assert_eq!(
            slots.claim(0x3000).map(|claim| claim.slot),
            Some(second.slot)
        );
    }
}
