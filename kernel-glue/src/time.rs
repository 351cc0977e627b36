// SPDX-License-Identifier: GPL-2.0-only

//! The time, for kfuncs.

use crate::ffi;

/// Nanoseconds since boot, without those that the machine slept. In any context, NMIs too, where it may be a little off
/// (`ktime_get_mono_fast_ns` of `kernel/time/timekeeping.c`).
pub fn monotonic_ns() -> u64 {
    // SAFETY: Takes nothing, and may be called from any context.
    unsafe { ffi::ktime_get_mono_fast_ns() }
}
