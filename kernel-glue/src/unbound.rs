// SPDX-License-Identifier: GPL-2.0-only

//! What a kfunc returns when it is called without having been bound.

/// `EOPNOTSUPP` of `include/uapi/asm-generic/errno.h`.
const EOPNOTSUPP: i32 = 95;

/// A return type, and the value that means "not bound".
///
/// The symbol `foo` is not the body of the kfunc but a safe entry. No program of a module that works gets
/// there: it is for the case that a call was not redirected.
pub trait Unbound {
    /// `-EOPNOTSUPP`; for `()` nothing, for `bool` false, for a pointer NULL.
    const UNBOUND: Self;
}

macro_rules! integers {
    ($($ty:ty),*) => {$(
        impl Unbound for $ty {
            const UNBOUND: Self = -EOPNOTSUPP as $ty;
        }
    )*};
}

integers!(i8, i16, i32, i64, u8, u16, u32, u64);

impl Unbound for () {
    const UNBOUND: Self = ();
}

impl Unbound for bool {
    const UNBOUND: Self = false;
}

impl<T> Unbound for *const T {
    const UNBOUND: Self = core::ptr::null();
}

impl<T> Unbound for *mut T {
    const UNBOUND: Self = core::ptr::null_mut();
}
