// SPDX-License-Identifier: GPL-2.0-only

//! State of the module's own, private to one call instruction of the calling program.

use core::marker::PhantomData;
use core::mem::offset_of;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use kfunc_abi::{AsC, CType, Kind};

use super::check_state;
use crate::{CallSite, Program, Provider, Refusal, State, StateCell};

/// A `T` for each of up to `N` places where the calling program calls the kfunc. A kfunc takes a [`CallSite`] as well,
/// and asks for the state [`PerSite::at`] that.
///
/// Every state begins as [`State::NEW`], and has at most 1024 bytes. A program that calls from more than `N` places is not loaded.
#[repr(transparent)]
#[derive(Debug)]
pub struct PerSite<'call, T: State, const N: usize>(
    NonNull<SiteTable<T, N>>,
    PhantomData<&'call SiteTable<T, N>>,
);

impl<T: State, const N: usize> PerSite<'_, T, N> {
    /// The state of `site`. Takes up to `N` steps, and waits for nobody.
    pub fn at(&self, site: CallSite) -> &T {
        // SAFETY: The table is made at bind, and dropped at unbind, when the program does not run any more.
        let table = unsafe { self.0.as_ref() };
        let mut entries = table.sites.iter().zip(&table.states);
        let own = entries.find(|(entry, _)| is_of(entry, site));
        own.map_or(&table.spare, |(_, state)| state)
    }
}

/// Whether an entry is that of `site`; from now on, if it was nobody's. An entry stays whose it is.
fn is_of(entry: &AtomicUsize, site: CallSite) -> bool {
    const NOBODY: usize = 0;
    // Relaxed: the states were there before the program ran.
    let owner = match entry.load(Ordering::Relaxed) {
        NOBODY => entry
            .compare_exchange(NOBODY, site.address(), Ordering::Relaxed, Ordering::Relaxed)
            .map_or_else(|winner| winner, |_| site.address()),
        owner => owner,
    };
    owner == site.address()
}

/// The states of one program.
///
/// Places are known by the address behind the call. There is no list of them when a program is bound, but their number
/// is, from its instructions: the JIT makes one call of each, so every place finds an entry. Were there one too many
/// all the same, it would use the spare state.
#[repr(C)]
#[derive(Debug)]
pub struct SiteTable<T, const N: usize> {
    states: [T; N],
    spare: T,
    sites: [AtomicUsize; N],
}

impl<T: State, const N: usize> SiteTable<T, N> {
    /// Makes a table where it stays, piece by piece: as a whole it may be too large for the kernel's stack.
    ///
    /// # Safety
    ///
    /// At `place` is room for a table, which nobody else uses.
    unsafe fn make(place: *mut Self) {
        let states = place.cast::<T>();
        // The spare one comes behind the others.
        for index in 0..=N {
            // SAFETY: One of the first members of the table, which are of this type; it is nobody else's.
            unsafe { states.wrapping_add(index).write(T::NEW) };
        }
        let sites = place
            .wrapping_byte_add(offset_of!(Self, sites))
            .cast::<AtomicUsize>();
        for index in 0..N {
            // SAFETY: One of the table's sites; it is nobody else's.
            unsafe { sites.wrapping_add(index).write(AtomicUsize::new(0)) };
        }
    }
}

/// A pointer to the first state.
impl<T: State, const N: usize> AsC for PerSite<'_, T, N> {
    const C_TYPE: CType = CType::Pointer(&CType::Module {
        kind: Kind::STRUCT,
        name: T::NAME,
        size: size_of::<T>() as u32,
    });
}

// SAFETY: A transparent pointer to a table that is made here, and stays in place until the program is unbound.
unsafe impl<T: State, const N: usize> Provider for PerSite<'_, T, N> {
    type For<'call> = PerSite<'call, T, N>;
    type Store = StateCell<SiteTable<T, N>>;
    const EMPTY: StateCell<SiteTable<T, N>> = {
        check_state::<T>();
        StateCell::new()
    };

    unsafe fn bind(store: &'static Self::Store, program: &Program<'_>) -> Result<usize, Refusal> {
        if program.call_sites() > N {
            return Err(Refusal("it calls from more places than there is state for"));
        }
        let place = store.place();
        // SAFETY: The slot was just claimed, by the caller's promise, so its cell is empty and nobody else's.
        unsafe { SiteTable::make(place) };
        Ok(place as usize)
    }

    unsafe fn unbind(store: &'static Self::Store) {
        // SAFETY: It was bound, and not unbound since, by the caller's promise; the program does not run any more.
        unsafe { store.empty() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A site for each of some addresses.
    fn own(table: &[AtomicUsize], site: CallSite) -> Option<usize> {
        table.iter().position(|entry| is_of(entry, site))
    }

    /// State with something in it, larger than what the sites are aligned to.
    struct Odd([u8; 9]);

    impl State for Odd {
        const NAME: &'static str = "odd";
        const NEW: Self = Self([7; 9]);
    }

    #[test]
    fn every_state_of_a_new_table_is_new_and_nobodys() {
        let mut room = core::mem::MaybeUninit::<SiteTable<Odd, 3>>::uninit();
        // SAFETY: Room for a table, of this test alone.
        unsafe {
            room.as_mut_ptr()
                .cast::<u8>()
                .write_bytes(0xff, size_of_val(&room))
        };
        // SAFETY: As above.
        unsafe { SiteTable::make(room.as_mut_ptr()) };
        // SAFETY: The table was made.
        let table = unsafe { room.assume_init() };
        let states = table.states.iter().chain([&table.spare]);
        assert!(states.map(|state| state.0).all(|bytes| bytes == [7; 9]));
        let sites = table.sites.map(AtomicUsize::into_inner);
        assert_eq!(sites, [0; 3]);
    }

    #[test]
    fn a_place_keeps_its_entry_and_none_is_left_for_one_too_many() {
        let sites = [const { AtomicUsize::new(0) }; 2];
        let [one, two, three] = [0x10, 0x20, 0x30].map(CallSite::of);
        assert_eq!(own(&sites, one), Some(0));
        assert_eq!(own(&sites, two), Some(1));
        assert_eq!(own(&sites, one), Some(0));
        assert_eq!(own(&sites, three), None);
        assert_eq!(own(&sites, two), Some(1));
    }
}
