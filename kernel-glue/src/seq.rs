// SPDX-License-Identifier: GPL-2.0-only

//! Writing a file that is being read (`fs/seq_file.c`).

use core::ffi::c_void;
use core::fmt;

use crate::ffi::{self, SeqFile};

/// The file. Once there is no room, nothing more is written: the kernel makes room, and asks for all again.
pub(crate) struct Out(*mut SeqFile);

impl Out {
    /// # Safety
    ///
    /// `file` is what the kernel has passed to the `show` that uses this, until that returns.
    pub(crate) unsafe fn new(file: *mut SeqFile) -> Self {
        Self(file)
    }

    /// Writes a word as the kernel shows pointers to those who need not know them (`%p`): equal if the words are.
    pub(crate) fn hashed(&mut self, word: usize) {
        // SAFETY: The file is being written; the format takes one pointer, which is not followed.
        unsafe { ffi::seq_printf(self.0, c"%p".as_ptr(), word as *const c_void) };
    }
}

impl fmt::Write for Out {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let (data, len) = (part.as_ptr().cast::<c_void>(), part.len());
        // SAFETY: The file is being written; the string has that many bytes.
        match unsafe { ffi::seq_write(self.0, data, len) } {
            0 => Ok(()),
            _ => Err(fmt::Error),
        }
    }
}
