// SPDX-License-Identifier: GPL-2.0-only

//! The exported functions of the kernel that this crate calls, and the structures that they take.
//!
//! Each structure's layout is compared with the running kernel's BTF before it is used (`register.rs`).

use core::ffi::{c_char, c_int, c_long, c_uint, c_void};

/// `btf_kfunc_filter_t` of `include/linux/btf.h`.
pub(crate) type Filter = extern "C" fn(prog: *const c_void, kfunc_id: u32) -> c_int;

/// `struct btf_kfunc_id_set` of `include/linux/btf.h`.
#[repr(C)]
pub(crate) struct KfuncIdSet {
    pub(crate) owner: *mut c_void,
    pub(crate) set: *const c_void,
    pub(crate) filter: Option<Filter>,
}

/// `kprobe_pre_handler_t` of `include/linux/kprobes.h`.
pub(crate) type PreHandler = extern "C" fn(probe: *mut Kprobe, regs: *const c_void) -> c_int;

/// `struct kprobe` of `include/linux/kprobes.h`, up to what the caller fills in; the kernel uses the rest.
#[repr(C)]
pub(crate) struct Kprobe {
    /// `hlist`, `list`.
    kernel_before: [usize; 4],
    /// How often the handler could not be run.
    pub(crate) nmissed: usize,
    addr: usize,
    pub(crate) symbol_name: *const c_char,
    pub(crate) offset: c_uint,
    pub(crate) pre_handler: Option<PreHandler>,
    /// `post_handler`, `opcode`, `ainsn`, `flags`: more than any supported kernel has.
    kernel_after: [usize; 32],
}

impl Kprobe {
    /// A probe at the entry of a function.
    pub(crate) const fn new(symbol_name: *const c_char, pre_handler: PreHandler) -> Self {
        Self {
            kernel_before: [0; 4],
            nmissed: 0,
            addr: 0,
            symbol_name,
            offset: 0,
            pre_handler: Some(pre_handler),
            kernel_after: [0; 32],
        }
    }
}

/// `struct file`, which only the kernel looks into.
#[repr(C)]
pub(crate) struct File {
    opaque: [u8; 0],
}

/// `struct inode`, which only the kernel looks into.
#[repr(C)]
pub(crate) struct Inode {
    opaque: [u8; 0],
}

/// `struct dentry`, which only the kernel looks into.
#[repr(C)]
pub(crate) struct Dentry {
    opaque: [u8; 0],
}

/// `struct seq_file`, which only the kernel looks into.
#[repr(C)]
pub(crate) struct SeqFile {
    opaque: [u8; 0],
}

/// What writes a whole file: the `show` of `single_open`.
pub(crate) type Show = extern "C" fn(file: *mut SeqFile, data: *mut c_void) -> c_int;

/// `MAX_ERRNO` of `include/linux/err.h`: the last so many addresses are error codes.
const MAX_ERRNO: usize = 4095;

/// The negative errno that `pointer` is, if it is an error pointer.
pub(crate) fn errno_of<T>(pointer: *const T) -> Option<c_int> {
    (pointer as usize >= MAX_ERRNO.wrapping_neg()).then_some(pointer as isize as c_int)
}

/// `O_RDONLY` of `include/uapi/asm-generic/fcntl.h`.
pub(crate) const O_RDONLY: c_int = 0;

extern "C" {
    /// `kernel/bpf/btf.c`. Copies `kset->set`; keeps `kset->filter`.
    pub(crate) fn register_btf_kfunc_id_set(prog_type: c_uint, kset: *const KfuncIdSet) -> c_int;
    /// `kernel/kprobes.c`.
    pub(crate) fn register_kprobe(probe: *mut Kprobe) -> c_int;
    /// `kernel/kprobes.c`. Returns when no handler of the probe runs any more.
    pub(crate) fn unregister_kprobe(probe: *mut Kprobe);
    /// `fs/open.c`. Gives an error pointer on failure.
    pub(crate) fn filp_open(path: *const c_char, flags: c_int, mode: u16) -> *mut File;
    /// `fs/open.c`.
    pub(crate) fn filp_close(file: *mut File, owner: *mut c_void) -> c_int;
    /// `fs/read_write.c`. May read less than `count`; 0 at the end of the file.
    pub(crate) fn kernel_read(
        file: *mut File,
        buf: *mut c_void,
        count: usize,
        position: *mut i64,
    ) -> isize;
    /// `mm/maccess.c`. A negative errno if `src` cannot be read; part of `dst` may be written then.
    pub(crate) fn copy_from_kernel_nofault(
        dst: *mut c_void,
        src: *const c_void,
        size: usize,
    ) -> c_long;
    /// `fs/debugfs/inode.c`. Gives an error pointer on failure.
    pub(crate) fn debugfs_create_dir(name: *const c_char, parent: *mut Dentry) -> *mut Dentry;
    /// `fs/debugfs/inode.c`. What `debugfs_create_file` is called differs between kernels; this calls it in each. Keeps
    /// `fops`; does nothing where `parent` is an error pointer.
    pub(crate) fn debugfs_create_file_size(
        name: *const c_char,
        mode: u16,
        parent: *mut Dentry,
        data: *mut c_void,
        fops: *const c_void,
        size: i64,
    );
    /// `fs/debugfs/inode.c`. Returns when nobody reads what is in the folder any more.
    pub(crate) fn debugfs_remove(folder: *mut Dentry);
    /// `fs/seq_file.c`.
    pub(crate) fn single_open(file: *mut File, show: Show, data: *mut c_void) -> c_int;
    /// `fs/seq_file.c`. For `struct file_operations`; not called from here, like the next two.
    pub(crate) fn seq_read();
    /// `fs/seq_file.c`.
    pub(crate) fn seq_lseek();
    /// `fs/seq_file.c`.
    pub(crate) fn single_release();
    /// `fs/seq_file.c`. -1 if there is no room for it.
    pub(crate) fn seq_write(file: *mut SeqFile, data: *const c_void, len: usize) -> c_int;
    /// `fs/seq_file.c`.
    pub(crate) fn seq_printf(file: *mut SeqFile, format: *const c_char, ...);
    /// `mm/vmalloc.c`; what `vzalloc` has been since 6.10. NULL on failure.
    pub(crate) fn vzalloc_noprof(size: usize) -> *mut c_void;
    /// `mm/vmalloc.c`.
    pub(crate) fn vfree(addr: *const c_void);
    /// `kernel/sched/core.c`. Returns when the caller is to run again. Not to be called where sleeping is forbidden.
    pub(crate) fn schedule();
    /// `kernel/printk/printk.c`.
    pub(crate) fn _printk(format: *const c_char, ...) -> c_int;
    /// `kernel/time/timekeeping.c`: nanoseconds since boot.
    pub(crate) fn ktime_get() -> i64;
    /// `kernel/time/timekeeping.c`: the same, for any context.
    pub(crate) fn ktime_get_mono_fast_ns() -> u64;
}
