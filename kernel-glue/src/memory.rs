// SPDX-License-Identifier: GPL-2.0-only

//! Reading and writing members of kernel structures, at offsets that come from BTF.

use core::ffi::c_void;

/// Reads the `T` that stands `offset` bytes into the structure at `base`.
///
/// # Safety
///
/// `base` points to a live structure which has a `T` at `offset`, that nobody writes to meanwhile.
pub(crate) unsafe fn read<T: Copy>(base: *const c_void, offset: u32) -> T {
    let member = base.wrapping_byte_add(offset as usize).cast::<T>();
    // SAFETY: The caller promises a `T` there; the kernel aligns its members.
    unsafe { member.read() }
}

/// Writes `value` to the member that stands `offset` bytes into the structure at `base`.
///
/// # Safety
///
/// `base` points to a live structure which has a `T` at `offset`, that nobody else accesses meanwhile.
pub(crate) unsafe fn write<T: Copy>(base: *mut c_void, offset: usize, value: T) {
    let member = base.wrapping_byte_add(offset).cast::<T>();
    // SAFETY: The caller promises a `T` there, for itself alone; the kernel aligns its members.
    unsafe { member.write(value) }
}
