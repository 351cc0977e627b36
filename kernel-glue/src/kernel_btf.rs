// SPDX-License-Identifier: GPL-2.0-only

//! The kernel's own BTF, and that of this module as the kernel has relocated it.
//!
//! No exported function gives them to a module, so they are read where user space reads them:
//! `/sys/kernel/btf`.

use core::ffi::{c_char, c_void};
use core::ptr;

use crate::ffi;

/// Bytes of the longest path, with its NUL: the directory and a module name (`MODULE_NAME_LEN`, 56).
const PATH_LEN: usize = 80;
const DIRECTORY: &str = "/sys/kernel/btf/";

/// A BTF, copied to memory of its own. 5 MB for vmlinux; freed when dropped.
pub(crate) struct KernelBtf {
    data: *mut c_void,
    len: usize,
}

impl KernelBtf {
    /// Reads the BTF called `name`: `vmlinux`, or a module's name.
    ///
    /// # Errors
    ///
    /// The kernel's errno; `-ENOENT` where it has no such BTF.
    pub(crate) fn read(name: &str) -> Result<Self, i32> {
        let mut path = [0; PATH_LEN];
        let bytes = DIRECTORY.bytes().chain(name.bytes());
        // The zip stops before the last byte, which stays NUL.
        for (place, byte) in path.iter_mut().take(PATH_LEN - 1).zip(bytes) {
            *place = byte;
        }
        let mut data = ptr::null_mut();
        // SAFETY: `path` is NUL-terminated and `data` is NULL, so that the kernel allocates.
        let read = unsafe {
            ffi::kernel_read_file_from_path(
                path.as_ptr().cast::<c_char>(),
                0,
                &mut data,
                isize::MAX as usize,
                ptr::null_mut(),
                ffi::READING_UNKNOWN,
            )
        };
        match usize::try_from(read) {
            Ok(len) => Ok(Self { data, len }),
            Err(_) => Err(read as i32),
        }
    }

    /// The BTF.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: The kernel has put `len` bytes at `data`, which are ours until dropped.
        unsafe { core::slice::from_raw_parts(self.data.cast::<u8>(), self.len) }
    }
}

impl Drop for KernelBtf {
    fn drop(&mut self) {
        // SAFETY: `data` comes from `kernel_read_file_from_path`, and is not used afterwards.
        unsafe { ffi::vfree(self.data) }
    }
}
