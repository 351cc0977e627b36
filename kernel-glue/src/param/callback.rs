// SPDX-License-Identifier: GPL-2.0-only

//! Functions of the program.

use core::ffi::c_void;
use core::fmt;
use core::marker::PhantomData;

use kfunc_abi::{AsC, CType};

use super::Explicit;

/// A function of the program, which must not be called. `F` is `unsafe extern "C" fn(A, …) -> R`.
///
/// The verifier checks that the program passes a function, and nothing else: it knows of no kfunc of a module when and
/// with what it calls one, so it does not check the function's body for such a call. One that the program itself
/// does not call is removed as dead code, and what is passed then is no address at all.
#[repr(transparent)]
pub struct Callback<F>(*const c_void, PhantomData<F>);

impl<F> fmt::Debug for Callback<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<F: AsC> AsC for Callback<F> {
    const C_TYPE: CType = F::C_TYPE;
}

// SAFETY: A raw pointer fills the register, and using it takes unsafe code.
unsafe impl<F: AsC> Explicit for Callback<F> {}
