// SPDX-License-Identifier: GPL-2.0-only

//! A number that is worked out from the program when it is bound.

use core::marker::PhantomData;

use kfunc_abi::{AsC, CType};

use crate::{Program, Provider, Refusal};

/// A function that sees every program which calls the kfunc, while that is being checked, and may refuse it.
pub trait FromProgram: 'static {
    /// The number that `program` is given. Called in process context; it may sleep. It can be asked again for a program
    /// that it has refused.
    ///
    /// # Errors
    ///
    /// A refusal: the program is then not loaded.
    fn from_program(program: &Program<'_>) -> Result<u64, Refusal>;
}

/// What `F` has made of the calling program.
#[repr(transparent)]
#[derive(Debug)]
pub struct ByProgram<F>(u64, PhantomData<F>);

impl<F> ByProgram<F> {
    /// The number.
    pub fn value(&self) -> u64 {
        self.0
    }
}

impl<F> AsC for ByProgram<F> {
    const C_TYPE: CType = u64::C_TYPE;
}

// SAFETY: A number in a register; every one is valid.
unsafe impl<F: FromProgram> Provider for ByProgram<F> {
    type For<'call> = Self;
    type Store = ();
    const EMPTY: () = ();

    unsafe fn bind(_store: &'static (), program: &Program<'_>) -> Result<usize, Refusal> {
        F::from_program(program).map(|value| value as usize)
    }

    unsafe fn unbind(_store: &'static ()) {}
}
