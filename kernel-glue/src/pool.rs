// SPDX-License-Identifier: GPL-2.0-only

//! The pool of a kfunc: its slots, their stubs, and what the providers keep for each.

use kfunc_abi::call::MAX_REGISTER_ARGS;

use crate::counters::{BINDS, UNBINDS};
use crate::{Program, Provider, Refusal, Slots};

/// The values of a slot, as far as the providers have given them.
#[derive(Debug, Default)]
pub struct Values {
    values: [usize; MAX_REGISTER_ARGS],
    count: usize,
}

impl Values {
    /// What was provided.
    pub(crate) fn provided(&self) -> &[usize] {
        self.values.get(..self.count).unwrap_or_default()
    }
}

/// What is done with the stores of a slot, one implicit parameter after the other.
pub enum Visit<'v> {
    /// Each provider is asked for its value.
    Provide(&'v Program<'v>, &'v mut Values),
    /// So many providers end the use of their stores.
    Withdraw(usize),
}

impl Visit<'_> {
    /// Visits the store of the next implicit parameter.
    ///
    /// # Errors
    ///
    /// The provider's refusal.
    #[doc(hidden)]
    pub fn next<P: Provider>(&mut self, store: Option<&'static P::Store>) -> Result<(), Refusal> {
        let Some(store) = store else {
            return Err(Refusal("no such slot")); // Not reached: slots have as many stores as owners.
        };
        match self {
            Self::Provide(program, values) => {
                let Some(place) = values.values.get_mut(values.count) else {
                    return Err(Refusal("too many values")); // Not reached: the declaration was checked.
                };
                // SAFETY: The caller of `Pool::provide` has just claimed the slot of this store.
                *place = unsafe { P::bind(store, program) }?;
                values.count = values.count.saturating_add(1);
            }
            Self::Withdraw(left) => {
                if *left > 0 {
                    // SAFETY: One of the first stores of the slot, which were bound.
                    unsafe { P::unbind(store) };
                }
                *left = left.saturating_sub(1);
            }
        }
        Ok(())
    }
}

/// What binds programs to one kfunc.
pub struct Pool {
    pub(crate) slots: Slots,
    stubs: *const u8,
    stub_len: usize,
    visit: fn(slot: usize, visit: Visit<'_>) -> Result<(), Refusal>,
}

impl Pool {
    /// A pool whose stubs begin at `stubs`, `stub_len` bytes apart; `visit` reaches the stores of a slot.
    ///
    /// # Safety
    ///
    /// There are as many stubs as slots, and each loads the values of its slot.
    #[doc(hidden)]
    pub const unsafe fn new(
        slots: Slots,
        stubs: *const u8,
        stub_len: usize,
        visit: fn(slot: usize, visit: Visit<'_>) -> Result<(), Refusal>,
    ) -> Self {
        Self {
            slots,
            stubs,
            stub_len,
            visit,
        }
    }

    /// Fills a slot that holds nothing; gives it back if a provider refuses.
    pub(crate) fn provide(&self, slot: usize, program: &Program<'_>) -> Result<(), Refusal> {
        let mut values = Values::default();
        let provided = (self.visit)(slot, Visit::Provide(program, &mut values));
        if provided.is_ok() {
            self.slots.fill(slot, values.provided());
            BINDS.count();
        } else {
            self.withdraw(slot, values.provided().len());
            self.slots.release(slot);
        }
        provided
    }

    /// Ends the use of all stores of a slot that was filled.
    pub(crate) fn withdraw_all(&self, slot: usize) {
        UNBINDS.count();
        self.withdraw(slot, usize::MAX);
    }

    /// Ends the use of the first `count` stores of a slot.
    fn withdraw(&self, slot: usize, count: usize) {
        // Withdrawing is never refused.
        let _ = (self.visit)(slot, Visit::Withdraw(count));
    }

    /// Gives back a slot whose program does not run any more.
    pub(crate) fn give_back(&self, slot: usize) {
        self.withdraw_all(slot);
        self.slots.release(slot);
    }

    /// The stub of `slot`.
    pub(crate) fn stub(&self, slot: usize) -> u64 {
        self.stubs.wrapping_add(slot.wrapping_mul(self.stub_len)) as u64
    }

    /// The slot whose stub `address` is in, and how far in.
    pub(crate) fn stub_at(&self, address: u64) -> Option<(usize, usize)> {
        let from_first = usize::try_from(address.checked_sub(self.stub(0))?).ok()?;
        let slot = from_first.checked_div(self.stub_len)?;
        let offset = from_first.checked_rem(self.stub_len)?;
        (slot < self.slots.capacity()).then_some((slot, offset))
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicU64, AtomicUsize};

    use super::*;

    #[test]
    fn stubs_are_found_by_their_addresses() {
        static OWNERS: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
        static BIRTHS: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
        static VALUES: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
        static STUBS: [u8; 32] = [0; 32];
        let slots = Slots::new(&OWNERS, &BIRTHS, &VALUES, 1);
        // SAFETY: The stubs are not called.
        let pool = unsafe { Pool::new(slots, STUBS.as_ptr(), 16, |_, _| Ok(())) };
        let first = pool.stub(0);
        for (from_first, found) in [
            (0, Some((0, 0))),
            (4, Some((0, 4))),
            (16, Some((1, 0))),
            (31, Some((1, 15))),
            (32, None),
            (u64::MAX, None),
        ] {
            assert_eq!(pool.stub_at(first.wrapping_add(from_first)), found);
        }
    }
}
