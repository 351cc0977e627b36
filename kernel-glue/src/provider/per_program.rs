// SPDX-License-Identifier: GPL-2.0-only

//! State of the module's own, private to the calling program.

use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ops::Deref;
use core::ptr::NonNull;

use kfunc_abi::{AsC, CType};

use crate::{Program, Provider, Refusal};

/// A type of which every program gets a value of its own, when it is bound.
///
/// A program can run on several CPUs at once, so the value is shared: `&self`, with atomics or locks inside.
pub trait State: Send + Sync + 'static {
    /// What the struct is called in BTF: `struct NAME`.
    const NAME: &'static str;
    /// What a program starts with.
    const NEW: Self;
}

/// The calling program's own `T`.
#[repr(transparent)]
#[derive(Debug)]
pub struct PerProgram<T: State>(NonNull<T>, PhantomData<&'static T>);

impl<T: State> Deref for PerProgram<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: The value is made at bind and dropped at unbind, when the program does not run any more.
        unsafe { self.0.as_ref() }
    }
}

impl<T: State> AsC for PerProgram<T> {
    const C_TYPE: CType = CType::Pointer(&CType::Module {
        name: T::NAME,
        size: size_of::<T>() as u32,
    });
}

/// Room for one program's `T`. It holds a value from bind to unbind.
pub struct StateCell<T>(UnsafeCell<MaybeUninit<T>>);

// SAFETY: Whoever binds or unbinds has the cell alone; between the two it is only read, and `T` is `Sync`.
unsafe impl<T: Send + Sync> Sync for StateCell<T> {}

// SAFETY: A transparent pointer to a value that is made here and dropped in `unbind`.
unsafe impl<T: State> Provider for PerProgram<T> {
    type Store = StateCell<T>;
    const EMPTY: StateCell<T> = StateCell(UnsafeCell::new(MaybeUninit::uninit()));

    fn bind(store: &'static StateCell<T>, _program: &Program<'_>) -> Result<usize, Refusal> {
        let place = store.0.get().cast::<T>();
        // SAFETY: The slot was just claimed, so nobody else uses its cell, and it holds no value.
        unsafe { place.write(T::NEW) };
        Ok(place as usize)
    }

    fn unbind(store: &'static StateCell<T>) {
        let place = store.0.get().cast::<T>();
        // SAFETY: The cell holds the value that `bind` made, and the program does not run any more.
        unsafe { place.drop_in_place() }
    }
}
