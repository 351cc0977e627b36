// SPDX-License-Identifier: GPL-2.0-only

//! Memory of the kernel's, for what is too large for the stack.

use core::ffi::c_void;

use crate::ffi;

/// `ENOMEM` of `include/uapi/asm-generic/errno-base.h`.
const ENOMEM: i32 = 12;

/// Bytes, which are freed when it is dropped.
pub(crate) struct Buffer {
    data: *mut c_void,
    len: usize,
}

impl Buffer {
    /// `len` zeros; more than none. May sleep.
    ///
    /// # Errors
    ///
    /// `-ENOMEM`.
    pub(crate) fn new(len: usize) -> Result<Self, i32> {
        // SAFETY: Any size may be asked for.
        let data = unsafe { ffi::vzalloc_noprof(len) };
        if data.is_null() {
            return Err(-ENOMEM);
        }
        Ok(Self { data, len })
    }

    /// What is in it.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: `vzalloc` has set `len` bytes there, which are ours until dropped.
        unsafe { core::slice::from_raw_parts(self.data.cast::<u8>(), self.len) }
    }

    /// What is in it, to be changed.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: As for `bytes`; `self` is borrowed for this alone.
        unsafe { core::slice::from_raw_parts_mut(self.data.cast::<u8>(), self.len) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: `data` comes from `vzalloc`, and is not used afterwards.
        unsafe { ffi::vfree(self.data) }
    }
}
