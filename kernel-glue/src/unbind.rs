// SPDX-License-Identifier: GPL-2.0-only

//! Unbinding: when a program dies, its slots are free again.
//!
//! Every program that was ever checked, whether it was loaded or not, ends in `bpf_prog_free_deferred` of
//! `kernel/bpf/core.c`: after the last grace period, so that nobody runs it, and at its entry before the program's hold
//! on this module is dropped (`bpf_free_kfunc_btf_tab`).
//!
//! Only a work queue calls it, in a thread of its own. `bpf_prog_free`, from which it comes, would be a worse place: it is called
//! in process context and by RCU, and where RCU interrupts the handler of a probe, its calls are not noticed.

use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};
use core::mem::offset_of;

use crate::ffi::{self, Kprobe};
use crate::memory;
use crate::registered::registered;

struct Probe(UnsafeCell<Kprobe>);

// SAFETY: Only the kernel uses the probe, between registering and unregistering, under its own locks.
unsafe impl Sync for Probe {}

static PROBE: Probe = Probe(UnsafeCell::new(Kprobe::new(
    c"bpf_prog_free_deferred".as_ptr(),
    on_prog_freed,
)));

/// The probe, while it is registered.
pub(crate) struct Watch(());

impl Watch {
    /// Begins to watch programs die.
    ///
    /// # Errors
    ///
    /// The kernel's errno.
    pub(crate) fn begin() -> Result<Self, c_int> {
        // SAFETY: A static probe that is not registered: a module registers once.
        match unsafe { ffi::register_kprobe(PROBE.0.get()) } {
            0 => Ok(Self(())),
            error => Err(error),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // SAFETY: `begin` registered the probe.
        unsafe { ffi::unregister_kprobe(PROBE.0.get()) };
        // No program is left that could call us; what is still taken belongs to programs whose end was missed.
        let Some(registered) = registered() else {
            return; // Not reached: the watch begins after that.
        };
        for pool in registered.module.pools() {
            while let Some(slot) = pool.slots.any_taken() {
                pool.give_back(slot);
            }
        }
    }
}

/// How often the kernel has called the function without the probe's handler. (Not while kprobes are turned off: then the end of
/// a program is missed, but not counted.)
pub(crate) fn missed() -> usize {
    let nmissed = PROBE.0.get().wrapping_byte_add(offset_of!(Kprobe, nmissed));
    // SAFETY: A word of a static, which the kernel counts up meanwhile.
    unsafe { nmissed.cast::<usize>().read_volatile() }
}

/// Runs at the entry of `bpf_prog_free_deferred(work)`, with preemption off, also where `CONFIG_PREEMPT_RT` makes most locks
/// sleep: only atomics are touched, and what providers drop must keep to that ([`Provider::unbind`](crate::Provider)). 0 lets
/// the function go on.
extern "C" fn on_prog_freed(_probe: *mut Kprobe, regs: *const c_void) -> c_int {
    const GO_ON: c_int = 0;
    let Some(registered) = registered() else {
        return GO_ON;
    };
    let layout = &registered.layout;
    // SAFETY: The kernel passes the registers at the entry of the function.
    let work = unsafe { memory::read::<usize>(regs, layout.regs_first_argument) };
    // The work stands in the aux of its program.
    let owner = work.wrapping_sub(layout.aux_work as usize);
    for pool in registered.module.pools() {
        if let Some(slot) = pool.slots.find(owner) {
            pool.give_back(slot);
        }
    }
    GO_ON
}
