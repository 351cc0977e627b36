// SPDX-License-Identifier: GPL-2.0-only

//! State of the module's own, private to the calling program.

use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::mem::{needs_drop, MaybeUninit};
use core::ops::Deref;
use core::ptr::NonNull;

use kfunc_abi::{AsC, CType, Kind};

use crate::{Program, Provider, Refusal};

/// A type of which every program gets a value of its own, when it is bound: one for each kfunc that takes it.
///
/// A program can run on several CPUs at once, so the value is shared: `&self`, with atomics inside. It is not
/// dropped when the program dies, because that is noticed where nothing may sleep or wait, so it must not need to be.
pub trait State: Send + Sync + 'static {
    /// What the struct is called in BTF: `struct NAME`.
    const NAME: &'static str;
    /// What a program starts with.
    const NEW: Self;
}

/// The calling program's own `T`, for the time of a call.
#[repr(transparent)]
#[derive(Debug)]
pub struct PerProgram<'call, T: State>(NonNull<T>, PhantomData<&'call T>);

impl<T: State> Deref for PerProgram<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: The value is made at bind, and its place is not used again while the program runs.
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

// SAFETY: Whoever binds has the cell alone; from then on it is only read, and `T` is `Sync`.
unsafe impl<T: Send + Sync> Sync for StateCell<T> {}

// SAFETY: A transparent pointer to a value that is made here, and stays in place until the next bind.
unsafe impl<T: State> Provider for PerProgram<'_, T> {
    type Store = StateCell<T>;
    const EMPTY: StateCell<T> = {
        assert!(
            !needs_drop::<T>(),
            "the state of a program is not dropped: it cannot hold what must be"
        );
        StateCell(UnsafeCell::new(MaybeUninit::uninit()))
    };

    unsafe fn bind(store: &'static StateCell<T>, _program: &Program<'_>) -> Result<usize, Refusal> {
        let place = store.0.get().cast::<T>();
        // SAFETY: The slot was just claimed, by the caller's promise, so nobody else uses its cell.
        unsafe { place.write(T::NEW) };
        Ok(place as usize)
    }

    unsafe fn unbind(_store: &'static StateCell<T>) {}
}
