// SPDX-License-Identifier: GPL-2.0-only

//! What a BPF program may get back.

use kfunc_abi::{AsC, CType};

/// `EOPNOTSUPP` of `include/uapi/asm-generic/errno.h`.
const EOPNOTSUPP: i32 = 95;

/// A type that can be returned, and the value that means "not bound".
///
/// The symbol `foo` is not the body of the kfunc but a safe entry. No program of a module that works gets there:
/// it is for the case that a call was not redirected.
///
/// # Safety
///
/// `Self` is returned in one general-purpose register or not at all: a larger one would take the register of the
/// first argument.
#[diagnostic::on_unimplemented(
    message = "a kfunc cannot return a `{Self}`",
    note = "kfuncs return integers, bool, raw pointers, types of `module_types!` or nothing"
)]
pub unsafe trait Returned: AsC {
    /// `-EOPNOTSUPP`; for `()` nothing, for `bool` false, for a pointer NULL.
    const UNBOUND: Self;
}

macro_rules! returned {
    ($($ty:ty = $unbound:expr),* $(,)?) => {$(
        // SAFETY: Returned in rax or x0, or not at all.
        unsafe impl Returned for $ty {
            const UNBOUND: Self = $unbound;
        }
    )*};
}

returned! {
    u32 = -EOPNOTSUPP as u32,
    i32 = -EOPNOTSUPP,
    u64 = -EOPNOTSUPP as u64,
    i64 = -EOPNOTSUPP as i64,
    bool = false,
    () = (),
}

// SAFETY: Returned in rax or x0.
unsafe impl<T: AsC> Returned for *const T {
    const UNBOUND: Self = core::ptr::null();
}

// SAFETY: Returned in rax or x0.
unsafe impl<T: AsC> Returned for *mut T {
    const UNBOUND: Self = core::ptr::null_mut();
}

/// The C type of what is returned.
#[doc(hidden)]
pub const fn returned_type<T: Returned>() -> CType {
    T::C_TYPE
}
