// SPDX-License-Identifier: GPL-2.0-only

//! Unbinding: when a program dies, its slots are free again.
//!
//! Every program that was ever checked, whether it was loaded or not, ends in `bpf_prog_free`: after the last
//! grace period, so that nobody runs it, and before its hold on this module is dropped
//! (`__bpf_prog_put_rcu` of `kernel/bpf/syscall.c`, `bpf_prog_free_deferred` of `kernel/bpf/core.c`).

use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};
use core::mem::offset_of;

use crate::ffi::{self, Kprobe};
use crate::registered::registered;
use crate::{memory, Program};

struct Probe(UnsafeCell<Kprobe>);

// SAFETY: Only the kernel uses the probe, between registering and unregistering, under its own locks.
unsafe impl Sync for Probe {}

static PROBE: Probe = Probe(UnsafeCell::new(Kprobe::new(
    c"bpf_prog_free".as_ptr(),
    on_prog_free,
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

/// How often the end of a program was not noticed, because the CPU was in the handler of another kprobe.
pub(crate) fn missed() -> usize {
    let nmissed = PROBE.0.get().wrapping_byte_add(offset_of!(Kprobe, nmissed));
    // SAFETY: A word of a static, which the kernel counts up meanwhile.
    unsafe { nmissed.cast::<usize>().read_volatile() }
}

/// Runs at the entry of `bpf_prog_free(prog)`, with preemption off, also where `CONFIG_PREEMPT_RT` makes most locks sleep:
/// only atomics are touched. 0 lets the function go on.
extern "C" fn on_prog_free(_probe: *mut Kprobe, regs: *const c_void) -> c_int {
    const GO_ON: c_int = 0;
    let Some(registered) = registered() else {
        return GO_ON;
    };
    let layout = &registered.layout;
    // SAFETY: The kernel passes the registers at the entry of the function.
    let prog = unsafe { memory::read::<*const c_void>(regs, layout.regs_first_argument) };
    // SAFETY: The first argument is the program, which is freed after this.
    let Some(program) = (unsafe { Program::new(prog, layout) }) else {
        return GO_ON;
    };
    let owner = program.aux().as_ptr() as usize;
    for pool in registered.module.pools() {
        if let Some(slot) = pool.slots.find(owner) {
            pool.give_back(slot);
        }
    }
    GO_ON
}
