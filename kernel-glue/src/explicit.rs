// SPDX-License-Identifier: GPL-2.0-only

//! What a BPF program may pass, and what it may get back.

use kfunc_abi::{AsC, CType};

/// A type that can stand as an explicit parameter: every value of a whole register is a valid one.
///
/// The verifier checks that a scalar is a scalar, not how many bits of it are used, and no JIT cuts it down. The
/// body of a function with a `u8` or `bool` parameter would trust bits that the program chose.
///
/// # Safety
///
/// `Self` is passed in one general-purpose register, is valid whatever that holds, and gives access to nothing.
#[diagnostic::on_unimplemented(
    message = "a BPF program cannot pass a `{Self}`",
    label = "not a type for an explicit parameter",
    note = "explicit parameters are u32, i32, u64, i64 and raw pointers; mark the others #[implicit]"
)]
pub unsafe trait Explicit: AsC {}

macro_rules! explicit {
    ($($ty:ty),*) => {$(
        // SAFETY: The callee of a function with this parameter looks at no bit beyond its own (System V ABI of
        // x86-64 and AAPCS64), and every pattern of those is valid.
        unsafe impl Explicit for $ty {}
    )*};
}

explicit!(u32, i32, u64, i64);

// SAFETY: A raw pointer fills the register, and using it takes unsafe code.
unsafe impl<T: AsC> Explicit for *const T {}
// SAFETY: As above.
unsafe impl<T: AsC> Explicit for *mut T {}

/// The C type of an explicit parameter.
#[doc(hidden)]
pub const fn explicit_type<T: Explicit>() -> CType {
    T::C_TYPE
}

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
    note = "kfuncs return integers, bool, raw pointers or nothing"
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
