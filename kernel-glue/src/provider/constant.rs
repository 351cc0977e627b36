// SPDX-License-Identifier: GPL-2.0-only

//! A number that the declaration says.

use kfunc_abi::{AsC, CType};

use crate::{Program, Provider, Refusal};

/// `VALUE`, for every program: what a body that serves several kfuncs knows them by.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct Const<const VALUE: u64>(u64);

impl<const VALUE: u64> Const<VALUE> {
    /// The number, from its register.
    pub fn value(self) -> u64 {
        self.0
    }
}

impl<const VALUE: u64> AsC for Const<VALUE> {
    const C_TYPE: CType = u64::C_TYPE;
}

// SAFETY: A number in a register; every one is valid.
unsafe impl<const VALUE: u64> Provider for Const<VALUE> {
    type For<'call> = Self;
    type Store = ();
    const EMPTY: () = ();

    unsafe fn bind(_store: &'static (), _program: &Program<'_>) -> Result<usize, Refusal> {
        Ok(VALUE as usize)
    }

    unsafe fn unbind(_store: &'static ()) {}
}
