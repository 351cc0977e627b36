// SPDX-License-Identifier: GPL-2.0-only

//! The counters of the module, and their file: `name value` lines.

use core::ffi::{c_int, c_void};
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU64, Ordering};

use crate::bind::NotBound;
use crate::ffi::SeqFile;
use crate::registered::registered;
use crate::seq::Out;
use crate::unbind;

/// How often something has happened since the module was loaded.
pub(crate) struct Counter(AtomicU64);

impl Counter {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// It has happened once more. In any context.
    pub(crate) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Slots that a program got.
pub(crate) static BINDS: Counter = Counter::new();
/// Slots that were given back. As many as binds once all programs are freed.
pub(crate) static UNBINDS: Counter = Counter::new();

static REFUSED_PROG_TYPE: Counter = Counter::new();
static REFUSED_NO_SLOT: Counter = Counter::new();
static REFUSED_BY_PROVIDER: Counter = Counter::new();
static REFUSED_DESCRIPTORS: Counter = Counter::new();

/// A call was refused.
pub(crate) fn count_refusal(reason: &NotBound) {
    let counter = match reason {
        NotBound::ProgType(_) => &REFUSED_PROG_TYPE,
        NotBound::NoSlot { .. } => &REFUSED_NO_SLOT,
        NotBound::Refused(_) => &REFUSED_BY_PROVIDER,
        NotBound::Descriptors(_) => &REFUSED_DESCRIPTORS,
    };
    counter.count();
}

/// Writes the file.
pub(crate) extern "C" fn show(file: *mut SeqFile, _data: *mut c_void) -> c_int {
    // SAFETY: The kernel passes the file that is being read.
    let mut out = unsafe { Out::new(file) };
    // What does not fit is asked for again, with more room.
    let _ = write_all(&mut out);
    0
}

fn write_all(out: &mut Out) -> fmt::Result {
    for (name, counter) in [
        ("binds", &BINDS),
        ("unbinds", &UNBINDS),
        ("refused_program_type", &REFUSED_PROG_TYPE),
        ("refused_no_slot", &REFUSED_NO_SLOT),
        ("refused_by_provider", &REFUSED_BY_PROVIDER),
        ("refused_descriptors", &REFUSED_DESCRIPTORS),
    ] {
        writeln!(out, "{name} {}", counter.get())?;
    }
    writeln!(out, "missed_ends {}", unbind::missed())?;
    let Some(registered) = registered() else {
        return Ok(()); // Not reached: the files come after that.
    };
    for kfunc in registered.module.kfuncs() {
        if let Some(pool) = &kfunc.pool {
            writeln!(out, "{}.in_use {}", kfunc.name, pool.slots.in_use())?;
            writeln!(out, "{}.capacity {}", kfunc.name, pool.slots.capacity())?;
        }
    }
    Ok(())
}
