// SPDX-License-Identifier: GPL-2.0-only

//! The kernel's own BTF, and that of this module as the kernel has relocated it.
//!
//! No exported function gives them to a module, so they are read where user space reads them:
//! `/sys/kernel/btf`. (`kernel_read_file_from_path` is not for this: the IPE security module warns about
//! files of a kind that it does not know.)

use core::ffi::{c_char, c_void};
use core::ptr;

use crate::buffer::Buffer;
use crate::ffi::{self, File};

/// Bytes of the longest path, with its NUL: the directory and a module name (`MODULE_NAME_LEN`, 56).
const PATH_LEN: usize = 80;
const DIRECTORY: &str = "/sys/kernel/btf/";
/// Bytes of the largest BTF that is read: that of a vmlinux has about 5 MB.
const MAX_LEN: usize = 64 << 20;
/// Bytes of the first buffer; it is doubled until the BTF fits.
const FIRST_LEN: usize = 8 << 20;
/// `EFBIG` of `include/uapi/asm-generic/errno-base.h`.
const EFBIG: i32 = 27;

/// A BTF, copied to memory of its own, which is freed when it is dropped.
pub(crate) struct KernelBtf {
    buffer: Buffer,
    len: usize,
}

impl KernelBtf {
    /// Reads the BTF called `name`: `vmlinux`, or a module's name.
    ///
    /// # Errors
    ///
    /// The kernel's errno; `-ENOENT` where it has no such BTF.
    pub(crate) fn read(name: &str) -> Result<Self, i32> {
        let mut len = FIRST_LEN;
        while len <= MAX_LEN {
            let file = Open::new(name)?;
            let mut buffer = Buffer::new(len)?;
            let read = file.read_into(buffer.bytes_mut())?;
            if read < len {
                return Ok(Self { buffer, len: read });
            }
            len = len.saturating_mul(2);
        }
        Err(-EFBIG)
    }

    /// The BTF.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.bytes().get(..self.len).unwrap_or_default()
    }
}

/// An open file.
struct Open(*mut File);

impl Open {
    fn new(name: &str) -> Result<Self, i32> {
        let mut path = [0; PATH_LEN];
        let bytes = DIRECTORY.bytes().chain(name.bytes());
        // The last byte stays NUL.
        for (place, byte) in path.iter_mut().take(PATH_LEN - 1).zip(bytes) {
            *place = byte;
        }
        // SAFETY: The path is NUL-terminated; module init functions may sleep.
        let file = unsafe { ffi::filp_open(path.as_ptr().cast::<c_char>(), ffi::O_RDONLY, 0) };
        match ffi::errno_of(file) {
            Some(errno) => Err(errno),
            None => Ok(Self(file)),
        }
    }

    /// Fills `buffer` up to the end of the file; gives the number of bytes.
    fn read_into(&self, buffer: &mut [u8]) -> Result<usize, i32> {
        let mut len = 0_usize;
        let mut position = 0;
        while let Some(rest) = buffer.get_mut(len..).filter(|rest| !rest.is_empty()) {
            let place = rest.as_mut_ptr().cast::<c_void>();
            // SAFETY: The file is open, and the buffer has that many bytes from there on.
            let read = unsafe { ffi::kernel_read(self.0, place, rest.len(), &mut position) };
            match usize::try_from(read) {
                Ok(0) => break,
                Ok(read) => len = len.saturating_add(read),
                Err(_) => return Err(read as i32),
            }
        }
        Ok(len)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // SAFETY: The file is open, and is not used afterwards.
        unsafe { ffi::filp_close(self.0, ptr::null_mut()) };
    }
}
