// SPDX-License-Identifier: GPL-2.0-only

//! The slots of a kfunc: which program has which, and the values that its stub loads.
//!
//! ```text
//!   owners   │ aux of A │    0     │ aux of B │ …      0 is free
//!   births   │ 17:05    │          │ 17:06    │ …      when the owner was loaded
//!   values   │ a0  a1   │          │ b0  b1   │ …      what the stubs load
//! ```
//!
//! An aux says which program of those that live, and its birth tells it from a dead one whose memory it has: should
//! the end of a program ever be missed (kprobes can be disarmed), its slot does not pass to another as it is.
//!
//! Whoever reads a slot while programs come and go compares its owner before and after ([`Slots::owner`]).
//!
//! Programs are checked concurrently, and die in any context, so no lock is taken: a slot belongs to whoever
//! puts its key into a free place first. One program is checked by one thread, so no key is claimed twice.

use core::sync::atomic::{fence, AtomicU64, AtomicUsize, Ordering};

/// The slots of one kfunc.
#[derive(Debug)]
pub struct Slots {
    owners: &'static [AtomicUsize],
    births: &'static [AtomicU64],
    values: &'static [AtomicUsize],
    width: usize,
    /// How many of them are used.
    used: AtomicUsize,
}

/// A program, told apart from every other, dead or alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// Address of its aux. Not 0.
    pub(crate) aux: usize,
    /// When it was loaded.
    pub(crate) birth: u64,
}

/// A slot that was found or taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It was free.
    Fresh(usize),
    /// It was the owner's already.
    Own(usize),
    /// It was that of a dead program whose end was missed, and still holds its values.
    Left(usize),
}

impl Slots {
    /// Slots of `width` values each, one for every owner. For use in statics.
    pub const fn new(
        owners: &'static [AtomicUsize],
        births: &'static [AtomicU64],
        values: &'static [AtomicUsize],
        width: usize,
    ) -> Self {
        assert!(
            owners.len() == births.len() && owners.len() * width == values.len(),
            "every slot has its birth and its values"
        );
        Self {
            owners,
            births,
            values,
            width,
            used: AtomicUsize::new(owners.len()),
        }
    }

    /// How many programs can have one at once.
    pub(crate) fn capacity(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Uses only the first `count`, from now on; false if there are not so many.
    pub(crate) fn use_first(&self, count: usize) -> bool {
        let enough = count <= self.owners.len();
        if enough {
            self.used.store(count, Ordering::Relaxed);
        }
        enough
    }

    /// The slot of `owner`, or a free one, now its own; none if all are taken.
    pub(crate) fn claim(&self, owner: Owner) -> Option<Claim> {
        if let Some(slot) = self.find(owner.aux) {
            let birth = self.births.get(slot)?;
            // Relaxed: whoever wrote it is this thread, or one whose program is dead.
            let same = birth.swap(owner.birth, Ordering::Relaxed) == owner.birth;
            return Some(if same {
                Claim::Own(slot)
            } else {
                Claim::Left(slot)
            });
        }
        let free = |place: &AtomicUsize| {
            // Acquire: what the last owner's release left behind is seen.
            place
                .compare_exchange(0, owner.aux, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
        };
        let slot = self.owners.iter().take(self.capacity()).position(free)?;
        self.births.get(slot)?.store(owner.birth, Ordering::Relaxed);
        Some(Claim::Fresh(slot))
    }

    /// The slot of the program with this aux, if it has one.
    pub(crate) fn find(&self, aux: usize) -> Option<usize> {
        let own = |place: &AtomicUsize| place.load(Ordering::Relaxed) == aux;
        self.owners.iter().position(own)
    }

    /// The program that has the slot; none if it is free, or just being taken.
    ///
    /// Equal answers before and after something was read mean that the slot was that program's meanwhile: nobody gives
    /// it back without clearing the birth first, and no other program has both the aux and the birth.
    pub(crate) fn owner(&self, slot: usize) -> Option<Owner> {
        // What was read before this call was read before the slot is.
        fence(Ordering::Acquire);
        // Acquire: who sees an owner sees that the last one's birth was cleared.
        let aux = self.owners.get(slot)?.load(Ordering::Acquire);
        let birth = self.births.get(slot)?.load(Ordering::Acquire);
        (aux != 0 && birth != 0).then_some(Owner { aux, birth })
    }

    /// How many slots are taken.
    pub(crate) fn in_use(&self) -> usize {
        // `count` adds with a check, which is a panic.
        self.owners.iter().fold(0_usize, |count, place| {
            count.saturating_add(usize::from(place.load(Ordering::Relaxed) != 0))
        })
    }

    /// A slot that is taken, if there is one.
    pub(crate) fn any_taken(&self) -> Option<usize> {
        let taken = |place: &AtomicUsize| place.load(Ordering::Relaxed) != 0;
        self.owners.iter().position(taken)
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
        if let Some(birth) = self.births.get(slot) {
            birth.store(0, Ordering::Relaxed);
        }
        // Who sees the values cleared sees that the birth was.
        fence(Ordering::Release);
        for place in self.values_of(slot) {
            place.store(0, Ordering::Relaxed);
        }
        if let Some(owner) = self.owners.get(slot) {
            owner.store(0, Ordering::Release);
        }
    }

    /// The values of a slot, which may change.
    pub(crate) fn values_of(&self, slot: usize) -> impl Iterator<Item = &AtomicUsize> {
        self.values
            .iter()
            .skip(slot.saturating_mul(self.width))
            .take(self.width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! slots {
        () => {{
            static OWNERS: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
            static BIRTHS: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
            static VALUES: [AtomicUsize; 4] = [const { AtomicUsize::new(0) }; 4];
            Slots::new(&OWNERS, &BIRTHS, &VALUES, 2)
        }};
    }

    const fn owner(aux: usize) -> Owner {
        Owner { aux, birth: 1 }
    }

    #[test]
    fn a_slot_is_claimed_once_and_given_back() {
        let slots = slots!();
        assert_eq!(slots.claim(owner(0x1000)), Some(Claim::Fresh(0)));
        assert_eq!(slots.claim(owner(0x1000)), Some(Claim::Own(0)));
        assert_eq!(slots.claim(owner(0x2000)), Some(Claim::Fresh(1)));
        assert_eq!(slots.claim(owner(0x3000)), None);

        slots.fill(1, &[7, 8]);
        let values = || {
            slots
                .values_of(1)
                .map(|value| value.load(Ordering::Relaxed))
        };
        assert!(values().eq([7, 8]));

        slots.release(1);
        assert!(values().eq([0, 0]));
        assert_eq!(slots.find(0x2000), None);
        assert_eq!(slots.claim(owner(0x3000)), Some(Claim::Fresh(1)));
    }

    #[test]
    fn an_owner_is_told_from_the_next_with_its_aux() {
        let slots = slots!();
        assert_eq!((slots.owner(0), slots.in_use()), (None, 0));
        slots.claim(owner(0x1000));
        assert_eq!((slots.owner(0), slots.in_use()), (Some(owner(0x1000)), 1));
        slots.release(0);
        assert_eq!(slots.owner(0), None);
        // Half taken: the owner is there, its birth is not.
        slots.owners[0].store(0x1000, Ordering::Relaxed);
        assert_eq!(slots.owner(0), None);
        assert_eq!(slots.owner(2), None);
    }

    #[test]
    fn slots_that_are_not_used_are_not_given() {
        let slots = slots!();
        assert!(!slots.use_first(3));
        assert_eq!(slots.capacity(), 2);
        assert!(slots.use_first(1));
        assert_eq!(slots.claim(owner(0x1000)), Some(Claim::Fresh(0)));
        assert_eq!(slots.claim(owner(0x2000)), None);
        assert_eq!(slots.claim(owner(0x1000)), Some(Claim::Own(0)));
    }

    #[test]
    fn a_slot_that_a_dead_program_left_is_told_apart() {
        let slots = slots!();
        let dead = owner(0x1000);
        let new = Owner { birth: 2, ..dead };
        assert_eq!(slots.claim(dead), Some(Claim::Fresh(0)));
        assert_eq!(slots.claim(new), Some(Claim::Left(0)));
        assert_eq!(slots.claim(new), Some(Claim::Own(0)));
    }
}
