// SPDX-License-Identifier: GPL-2.0-only

//! The module's files in debugfs, for root alone: `NAME/programs` and `NAME/counters`.

use core::ffi::{c_char, c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

use verifier_fixup::layout::Layout;

use crate::ffi::{self, Dentry, File, Inode, Show};
use crate::{audit, counters};

/// Bytes of the longest module name with its NUL (`MODULE_NAME_LEN`).
const NAME_LEN: usize = 56;
/// `EINVAL` of `include/uapi/asm-generic/errno-base.h`.
const EINVAL: c_int = 22;
/// May be read by its owner, who is root.
const MODE: u16 = 0o400;
/// Words of [`Operations`]: more than any supported kernel has.
const OPERATIONS_LEN: usize = 64;

/// `struct file_operations` of `include/linux/fs.h`: a word for each member, put where the kernel's BTF says.
struct Operations([AtomicUsize; OPERATIONS_LEN]);

static PROGRAMS: Operations = Operations::none();
static COUNTERS: Operations = Operations::none();

impl Operations {
    const fn none() -> Self {
        Self([const { AtomicUsize::new(0) }; OPERATIONS_LEN])
    }

    /// Makes them those of a file of module `owner` that `open` opens; none if a member has no place.
    fn fill(&self, layout: &Layout, owner: *mut c_void, open: Open) -> Option<*const c_void> {
        if layout.fops_size as usize > size_of::<Self>() {
            return None;
        }
        for (offset, word) in [
            (layout.fops_owner, owner as usize),
            (layout.fops_llseek, ffi::seq_lseek as *const () as usize),
            (layout.fops_read, ffi::seq_read as *const () as usize),
            (layout.fops_open, open as usize),
            (
                layout.fops_release,
                ffi::single_release as *const () as usize,
            ),
        ] {
            let offset = offset as usize;
            let aligned = offset % size_of::<usize>() == 0;
            let place = self.0.get(offset / size_of::<usize>())?;
            aligned.then(|| place.store(word, Ordering::Relaxed))?;
        }
        Some(ptr::from_ref(self).cast())
    }
}

type Open = extern "C" fn(inode: *mut Inode, file: *mut File) -> c_int;

extern "C" fn open_programs(_inode: *mut Inode, file: *mut File) -> c_int {
    // SAFETY: The kernel passes the file that is being opened; `PROGRAMS` has the release that belongs to this.
    unsafe { ffi::single_open(file, audit::show as Show, ptr::null_mut()) }
}

extern "C" fn open_counters(_inode: *mut Inode, file: *mut File) -> c_int {
    // SAFETY: As for `open_programs`.
    unsafe { ffi::single_open(file, counters::show as Show, ptr::null_mut()) }
}

/// The files. They are removed when this is dropped, and nobody reads them any more then.
pub(crate) struct Files(*mut Dentry);

// SAFETY: Only the kernel looks into the folder, under its own locks.
unsafe impl Send for Files {}
// SAFETY: As above.
unsafe impl Sync for Files {}

impl Files {
    /// Makes the files, in a folder of the module's name.
    ///
    /// # Errors
    ///
    /// The kernel's errno: debugfs is turned off, or has such a folder. `-EINVAL` if its files are not those that are
    /// known.
    ///
    /// # Safety
    ///
    /// `owner` points to the `struct module` of this module, which has registered its kfuncs.
    pub(crate) unsafe fn make(
        module: &str,
        layout: &Layout,
        owner: *mut c_void,
    ) -> Result<Self, c_int> {
        let programs = PROGRAMS.fill(layout, owner, open_programs);
        let counters = COUNTERS.fill(layout, owner, open_counters);
        let (Some(programs), Some(counters)) = (programs, counters) else {
            return Err(-EINVAL);
        };
        let mut name = [0_u8; NAME_LEN];
        // The last byte stays NUL.
        for (place, byte) in name.iter_mut().take(NAME_LEN - 1).zip(module.bytes()) {
            *place = byte;
        }
        let name = name.as_ptr().cast::<c_char>();
        // SAFETY: The name is NUL-terminated; NULL is the root of debugfs.
        let folder = unsafe { ffi::debugfs_create_dir(name, ptr::null_mut()) };
        if let Some(errno) = ffi::errno_of(folder) {
            return Err(errno);
        }
        let folder = Self(folder);
        // A file that cannot be made is one that is not there.
        for (name, operations) in [(c"programs", programs), (c"counters", counters)] {
            // SAFETY: The folder is there. The operations are statics with their members in the kernel's places, and
            // the owner, this module, is held while one of them runs.
            unsafe {
                ffi::debugfs_create_file_size(
                    name.as_ptr(),
                    MODE,
                    folder.0,
                    ptr::null_mut(),
                    operations,
                    0,
                )
            };
        }
        Ok(folder)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // SAFETY: The folder was made by `make`, and is not used afterwards.
        unsafe { ffi::debugfs_remove(self.0) };
    }
}
