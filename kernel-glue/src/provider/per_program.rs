// SPDX-License-Identifier: GPL-2.0-only

//! State of the module's own, private to the calling program.

use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ops::Deref;
use core::ptr::NonNull;

use kfunc_abi::{AsC, CType, Kind};

use super::check_state;
use crate::{Program, Provider, Refusal};

/// A type of which every program gets a value of its own, when it is bound: one for each kfunc that takes it.
///
/// A program can run on several CPUs at once, so the value is shared: `&self`, with atomics inside. It is dropped when
/// the program is freed, in the handler of a kprobe, with preemption off: a `Drop` of its own must not sleep, nor wait
/// for a lock that one who can be interrupted holds.
///
/// It is made on the kernel's stack, so it has at most 1024 bytes.
pub trait State: Send + Sync + Sized + 'static {
    /// What the struct is called in BTF: `struct NAME`.
    const NAME: &'static str;
    /// What a program starts with.
    const NEW: Self;

    /// What `program` starts with, if it is not the same for all. Called in process context; it may sleep. It can be
    /// asked again for a program that was refused.
    ///
    /// # Errors
    ///
    /// A refusal: the program is then not loaded.
    fn new(_program: &Program<'_>) -> Result<Self, Refusal> {
        Ok(Self::NEW)
    }
}

/// The calling program's own `T`, for the time of a call.
#[repr(transparent)]
#[derive(Debug)]
pub struct PerProgram<'call, T: State>(NonNull<T>, PhantomData<&'call T>);

impl<T: State> Deref for PerProgram<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: The value is made at bind, and dropped at unbind, when the program does not run any more.
        unsafe { self.0.as_ref() }
    }
}

impl<T: State> AsC for PerProgram<'_, T> {
    const C_TYPE: CType = CType::Pointer(&CType::Module {
        kind: Kind::STRUCT,
        name: T::NAME,
        size: size_of::<T>() as u32,
    });
}

/// Room for one program's `T`.
pub struct StateCell<T>(UnsafeCell<MaybeUninit<T>>);

impl<T> StateCell<T> {
    /// Room that holds nothing.
    pub(crate) const fn new() -> Self {
        Self(UnsafeCell::new(MaybeUninit::uninit()))
    }

    /// Puts a value there, and says where it is.
    ///
    /// # Safety
    ///
    /// Nobody else uses the cell. It holds nothing: a value would be forgotten.
    pub(crate) unsafe fn fill(&self, value: T) -> *mut T {
        let place = self.place();
        // SAFETY: Nobody else uses the cell, by the caller's promise.
        unsafe { place.write(value) };
        place
    }

    /// Where the value is, or would be.
    pub(crate) fn place(&self) -> *mut T {
        self.0.get().cast::<T>()
    }

    /// Drops the value.
    ///
    /// # Safety
    ///
    /// The cell was filled, and not emptied since; nobody uses the value any more.
    pub(crate) unsafe fn empty(&self) {
        // SAFETY: The value is there, and nobody else's, by the caller's promise.
        unsafe { self.place().drop_in_place() };
    }
}

// SAFETY: Whoever binds or unbinds has the cell alone; in between it is only read, and `T` is `Sync`. It may be dropped
// on another CPU than it was made on: `T` is `Send`.
unsafe impl<T: Send + Sync> Sync for StateCell<T> {}

// SAFETY: A transparent pointer to a value that is made here, and stays in place until the program is unbound.
unsafe impl<T: State> Provider for PerProgram<'_, T> {
    type For<'call> = PerProgram<'call, T>;
    type Store = StateCell<T>;
    const EMPTY: StateCell<T> = {
        check_state::<T>();
        StateCell::new()
    };

    unsafe fn bind(store: &'static StateCell<T>, program: &Program<'_>) -> Result<usize, Refusal> {
        let value = T::new(program)?;
        // SAFETY: The slot was just claimed, by the caller's promise, so its cell is empty and nobody else's.
        Ok(unsafe { store.fill(value) } as usize)
    }

    unsafe fn unbind(store: &'static StateCell<T>) {
        // SAFETY: It was bound, and not unbound since, by the caller's promise; the program does not run any more.
        unsafe { store.empty() };
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

    use verifier_fixup::layout::{Layout, FACTS};

    use super::*;
    use crate::{ByProgram, FromProgram, Pool, Slots, Visit};

    static DROPPED: AtomicUsize = AtomicUsize::new(0);

    struct Dropped;

    impl State for Dropped {
        const NAME: &'static str = "dropped";
        const NEW: Self = Self;
    }

    impl Drop for Dropped {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Refuses one program in two.
    struct EverySecond;

    impl FromProgram for EverySecond {
        fn from_program(_program: &Program<'_>) -> Result<u64, Refusal> {
            static ASKED: AtomicU64 = AtomicU64::new(0);
            match ASKED.fetch_add(1, Ordering::Relaxed) {
                asked if asked % 2 == 0 => Ok(asked),
                _ => Err(Refusal("the second")),
            }
        }
    }

    fn visit(slot: usize, mut visit: Visit<'_>) -> Result<(), Refusal> {
        static STATES: [StateCell<Dropped>; 1] = [const { StateCell::new() }; 1];
        static NUMBERS: [(); 1] = [(); 1];
        visit.next::<PerProgram<'_, Dropped>>(STATES.get(slot))?;
        visit.next::<ByProgram<EverySecond>>(NUMBERS.get(slot))
    }

    #[test]
    fn state_is_dropped_once_however_its_slot_ends() {
        static OWNERS: [AtomicUsize; 1] = [const { AtomicUsize::new(0) }; 1];
        static BIRTHS: [AtomicU64; 1] = [const { AtomicU64::new(0) }; 1];
        static VALUES: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
        let slots = Slots::new(&OWNERS, &BIRTHS, &VALUES, 2);
        // SAFETY: No stub of this pool is called.
        let pool = unsafe { Pool::new(slots, core::ptr::null(), 16, visit) };
        // A program whose aux is what it begins with: every offset is 0.
        let layout = Layout::from_values([0; FACTS.len()]);
        let prog = [8_usize; 1];
        // SAFETY: The providers here ask nothing of the program.
        let program = unsafe { Program::new(prog.as_ptr().cast(), &layout) }.unwrap();
        let dropped = || DROPPED.load(Ordering::Relaxed);

        assert_eq!(pool.provide(0, &program), Ok(()));
        assert_eq!(dropped(), 0);
        pool.give_back(0);
        assert_eq!(dropped(), 1);
        // A provider after it refuses.
        assert!(pool.provide(0, &program).is_err());
        assert_eq!(dropped(), 2);
        // The slot of a program whose end was missed.
        assert_eq!(pool.provide(0, &program), Ok(()));
        pool.withdraw_all(0);
        assert_eq!(dropped(), 3);
    }
}
