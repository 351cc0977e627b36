// SPDX-License-Identifier: GPL-2.0-only

//! Strings.

use core::ffi::{c_char, CStr};
use core::ptr::NonNull;

use kfunc_abi::{Annotation, AsC, CType, Kind, Passed};

use super::Explicit;

/// A string of the program's read-only data (`__str`): it ends in a NUL, and nobody changes it.
///
/// ```no_run
/// # use kernel_glue::param::ConstStr;
/// kernel_glue::kfuncs! {
///     pub set SET for [SYSCALL] {
///         /// Bytes of `text`. Called as `bpf_text_len("text")`.
///         #[kfunc]
///         pub fn bpf_text_len(text: ConstStr) -> u64 {
///             text.with(|text| text.count_bytes() as u64)
///         }
///     }
/// }
/// # fn main() {}
/// ```
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct ConstStr(NonNull<c_char>);

impl ConstStr {
    /// Does `work` with the string, which is there for the time of the call only.
    pub fn with<R>(self, work: impl for<'a> FnOnce(&'a CStr) -> R) -> R {
        // SAFETY: The verifier takes only an address in a frozen read-only map from which on a NUL follows
        // (`check_reg_const_str` of `kernel/bpf/verifier.c`); the program, which is running, holds the map.
        work(unsafe { CStr::from_ptr(self.0.as_ptr()) })
    }
}

impl AsC for ConstStr {
    const C_TYPE: CType = CType::Pointer(&CType::Const(&CType::Kernel {
        kind: Kind::INT,
        name: "char",
    }));
}

// SAFETY: A pointer in a register, never NULL, by the check above.
unsafe impl Explicit for ConstStr {
    const PASSED: Passed = Passed::ByProgram(Some(Annotation::ConstStr));
}
