// SPDX-License-Identifier: GPL-2.0-only

//! The calling program's aux.

use core::ffi::c_void;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering};

use kfunc_abi::{AsC, CType, Kind};

use crate::registered::registered;
use crate::{Program, Provider, Refusal};

/// `struct bpf_prog_aux *` of the calling program: what Linux 7.0 and later can supply themselves.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct ProgAux(NonNull<c_void>);

impl ProgAux {
    /// The pointer, for functions of the kernel.
    pub fn as_ptr(self) -> *mut c_void {
        self.0.as_ptr()
    }

    /// The program's id, as `BPF_OBJ_GET_INFO_BY_FD` tells it; 0 once user space has closed the program,
    /// which may still be running then.
    pub fn id(self) -> u32 {
        let Some(registered) = registered() else {
            return 0; // Not reached: programs are bound only while registered.
        };
        let place = self
            .0
            .as_ptr()
            .wrapping_byte_add(registered.layout.aux_id as usize)
            .cast::<u32>();
        // SAFETY: The aux of the program that is running is live, and of this layout; `bpf_prog_free_id` may
        // write meanwhile, which an atomic allows.
        let id = unsafe { AtomicU32::from_ptr(place) };
        id.load(Ordering::Relaxed)
    }
}

impl AsC for ProgAux {
    const C_TYPE: CType = CType::Pointer(&CType::Kernel {
        kind: Kind::STRUCT,
        name: "bpf_prog_aux",
    });
}

// SAFETY: A transparent pointer. A program's aux lives until after the program is unbound.
unsafe impl Provider for ProgAux {
    const NATIVE: bool = true;
    type For<'call> = Self;
    type Store = ();
    const EMPTY: () = ();

    unsafe fn bind(_store: &'static (), program: &Program<'_>) -> Result<usize, Refusal> {
        Ok(program.aux().as_ptr() as usize)
    }

    unsafe fn unbind(_store: &'static ()) {}
}
