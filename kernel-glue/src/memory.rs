// SPDX-License-Identifier: GPL-2.0-only

//! Reading and writing members of kernel structures, at offsets that come from BTF; and memory that may be freed.

use core::ffi::c_void;

use crate::ffi;

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

/// Fills `into` from the memory at `address`, which may be freed, unmapped or written meanwhile: it then gets anything.
/// False if it cannot be read.
///
/// This is not an access for KASAN and KFENCE, and its fault is none for the kernel (`mm/maccess.c`; `fixup_exception`
/// comes before `kfence_handle_page_fault` in `arch/x86/mm/fault.c` and `arch/arm64/mm/fault.c`).
///
/// # Safety
///
/// A moment ago the memory was the kernel's own: there are no registers of a device.
pub(crate) unsafe fn copy_nofault(address: usize, into: &mut [u8]) -> bool {
    let (place, len) = (into.as_mut_ptr().cast::<c_void>(), into.len());
    // SAFETY: Any source may be tried, and reading this one has no effect, by the caller's promise; the destination is
    // ours, and has that many bytes.
    unsafe { ffi::copy_from_kernel_nofault(place, address as *const c_void, len) == 0 }
}
