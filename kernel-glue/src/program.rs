// SPDX-License-Identifier: GPL-2.0-only

//! A BPF program, as the kernel shows it while it is being checked.

use core::ffi::c_void;
use core::ptr::NonNull;

use kfunc_abi::ProgType;
use verifier_fixup::layout::{Layout, NAME_LEN};

use crate::memory;

/// A BPF program (`struct bpf_prog`) that lives as long as this value does.
pub struct Program<'p> {
    aux: NonNull<c_void>,
    own_type: ProgType,
    layout: &'p Layout,
}

impl<'p> Program<'p> {
    /// The program at `prog`; none for NULL, or a program without aux.
    ///
    /// # Safety
    ///
    /// `prog` is NULL or points to a `struct bpf_prog` that lives for `'p`, on a kernel of this layout.
    pub(crate) unsafe fn new(prog: *const c_void, layout: &'p Layout) -> Option<Self> {
        if prog.is_null() {
            return None;
        }
        // SAFETY: The caller promises a live program of this layout; `aux` does not change.
        let aux = unsafe { memory::read::<*mut c_void>(prog, layout.prog_aux) };
        // SAFETY: As above; the type was set before the program was checked.
        let own_type = ProgType(unsafe { memory::read(prog, layout.prog_type) });
        NonNull::new(aux).map(|aux| Self {
            aux,
            own_type,
            layout,
        })
    }

    /// The program's `struct bpf_prog_aux`. It stays where it is for the program's whole life, while the
    /// verifier may move the `struct bpf_prog`.
    pub fn aux(&self) -> NonNull<c_void> {
        self.aux
    }

    /// What the program is called, filled up with NULs.
    pub fn name(&self) -> [u8; NAME_LEN] {
        // SAFETY: The program is live and of this layout; its name was set before it was checked.
        unsafe { memory::read(self.aux.as_ptr(), self.layout.aux_name) }
    }

    /// The program's type; of one that extends another, the other's (`resolve_prog_type` of
    /// `include/linux/bpf_verifier.h`).
    pub fn prog_type(&self) -> ProgType {
        // SAFETY: The program is live and of this layout; this was set before it was checked.
        let extended =
            unsafe { memory::read(self.aux.as_ptr(), self.layout.aux_saved_dst_prog_type) };
        match (self.own_type, ProgType(extended)) {
            (ProgType::EXT, extended) if extended != ProgType::UNSPEC => extended,
            (own_type, _) => own_type,
        }
    }

    /// When the program was loaded, in nanoseconds since boot.
    pub(crate) fn load_time(&self) -> u64 {
        // SAFETY: The program is live and of this layout; the time was set before it was checked.
        unsafe { memory::read(self.aux.as_ptr(), self.layout.aux_load_time) }
    }

    /// The program's table of kfunc descriptors (`struct bpf_kfunc_desc_tab`); NULL if it has none.
    pub(crate) fn kfunc_tab(&self) -> *mut c_void {
        // SAFETY: The program is live and of this layout; the table was set before calls are checked.
        unsafe { memory::read(self.aux.as_ptr(), self.layout.aux_kfunc_tab) }
    }
}
