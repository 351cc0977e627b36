// SPDX-License-Identifier: GPL-2.0-only

//! Dynptrs, which the verifier knows by their type.

use core::ffi::c_void;
use core::ptr::NonNull;

use kfunc_abi::{AsC, CType, Kind};

use super::Explicit;

/// An initialised dynptr (`const struct bpf_dynptr *`): the program's, or one that it was given.
///
/// What it points to is reached with the kernel's own kfuncs, `bpf_dynptr_slice` and the like.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct Dynptr(NonNull<c_void>);

impl Dynptr {
    /// The kernel's `struct bpf_dynptr_kern`.
    pub fn as_ptr(self) -> *mut c_void {
        self.0.as_ptr()
    }
}

impl AsC for Dynptr {
    const C_TYPE: CType = CType::Pointer(&CType::Const(&CType::Kernel {
        kind: Kind::STRUCT,
        name: "bpf_dynptr",
    }));
}

// SAFETY: A pointer to the program's stack or to the kernel's, never NULL (`process_dynptr_func` of
// `kernel/bpf/verifier.c`).
unsafe impl Explicit for Dynptr {}
