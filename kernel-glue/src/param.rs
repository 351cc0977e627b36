// SPDX-License-Identifier: GPL-2.0-only

//! What a BPF program may pass: the types of explicit parameters.
//!
//! What the verifier checks of an argument, beyond its type, it reads from the end of the parameter's name. Here it is
//! the parameter's type; `kfunc embed` writes the name that the kernel wants.
//!
//! Some annotations have no type here, because the verifier lets only the kernel's own kfuncs have them: `__alloc`,
//! `__irq_flag`, `__nonown_allowed`, lists and trees. `__opt` has none because 6.12, the one kernel that knows it,
//! refuses NULL for it all the same when arguments must be trusted.

use kfunc_abi::{AsC, Passed};

mod callback;
mod dynptr;
mod memory;
mod pointer;
mod scalar;
mod text;

pub use callback::Callback;
pub use dynptr::Dynptr;
pub use memory::{read, write, ConstSizeMemory, Memory, OptionalMemory};
pub use pointer::{
    Arena, ArenaNullable, ConstMap, Ignored, Iter, Map, Nullable, RefcountedKptr, Uninit,
};
pub use scalar::{Constant, RdonlyBufSize, RdwrBufSize};
pub use text::ConstStr;

/// A type that can stand as an explicit parameter: every value of a whole register is a valid one.
///
/// The verifier checks that a scalar is a scalar, not how many bits of it are used, and no JIT cuts it down. The
/// body of a function with a `u8` or `bool` parameter would trust bits that the program chose.
///
/// # Safety
///
/// `Self` is passed in as many general-purpose registers as [`Passed::c_params`] says, and what they can hold,
/// after the verifier has checked what [`Explicit::PASSED`] asks of it, is a valid value.
#[diagnostic::on_unimplemented(
    message = "a BPF program cannot pass a `{Self}`",
    label = "not a type for an explicit parameter",
    note = "explicit parameters are u32, i32, u64, i64, raw pointers and the types of `kernel_glue::param`; mark the others #[implicit]"
)]
pub unsafe trait Explicit: AsC {
    /// Who checks what.
    const PASSED: Passed = Passed::ByProgram(None);
}

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
