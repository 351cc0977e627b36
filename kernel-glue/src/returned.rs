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
    note = "kfuncs return integers, bool, `Handed` pointers, enums and typedefs of `module_types!`, or nothing"
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

/// A pointer that is handed to the program, or NULL. The program uses it as the verifier lets it, without a further
/// look: to make one is a promise.
///
/// ```no_run
/// # use kernel_glue::Handed;
/// kernel_glue::module_types! { pub struct Version as "version" { pub major: u64, pub minor: u64 } }
/// static VERSION: Version = Version { major: 1, minor: 0 };
///
/// kernel_glue::kfuncs! {
///     pub set SET for [SYSCALL] {
///         /// Called as `struct version *version = bpf_version();`
///         #[kfunc(flags = [RET_NULL])]
///         pub fn bpf_version() -> Handed<Version> {
///             // SAFETY: Programs cannot write to a struct of a module; it stays for as long as the module does.
///             unsafe { Handed::new(core::ptr::from_ref(&VERSION).cast_mut()) }
///         }
///     }
/// }
/// # fn main() {}
/// ```
#[repr(transparent)]
#[derive(Debug)]
pub struct Handed<T>(*mut T);

impl<T> Handed<T> {
    /// Hands `pointer` to the program.
    ///
    /// # Safety
    ///
    /// It is NULL, which a kfunc with `KF_RET_NULL` may return, or points to what the program may use: a struct, which it
    /// reads; or memory, which it reads, and unless a [`crate::param::RdonlyBufSize`] says otherwise writes, of the size
    /// of `T` or of as many bytes as that argument or a [`crate::param::RdwrBufSize`] says. It stays there until the
    /// program gives it back, if the kfunc has `KF_ACQUIRE`; else for as long as the module does.
    pub const unsafe fn new(pointer: *mut T) -> Self {
        Self(pointer)
    }

    /// NULL, for kfuncs with `KF_RET_NULL`.
    pub const fn null() -> Self {
        Self(core::ptr::null_mut())
    }
}

impl<T: AsC> AsC for Handed<T> {
    const C_TYPE: CType = CType::Pointer(&T::C_TYPE);
}

// SAFETY: Returned in rax or x0.
unsafe impl<T: AsC> Returned for Handed<T> {
    const UNBOUND: Self = Self::null();
}

/// The C type of what is returned.
#[doc(hidden)]
pub const fn returned_type<T: Returned>() -> CType {
    T::C_TYPE
}
