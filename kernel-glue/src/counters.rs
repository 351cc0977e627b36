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

/// Programs that were refused for one reason.
struct Refusals {
    programs: Counter,
    /// When the last of them was loaded.
    last: AtomicU64,
}

impl Refusals {
    const fn new() -> Self {
        Self {
            programs: Counter::new(),
            last: AtomicU64::new(0),
        }
    }
}

static PROG_TYPE: Refusals = Refusals::new();
static NO_SLOT: Refusals = Refusals::new();
static BY_PROVIDER: Refusals = Refusals::new();
static DESCRIPTORS: Refusals = Refusals::new();

/// A call was refused, of a program that was loaded at that time. Gives whether it is the program's first one.
///
/// The verifier asks again about a call that was refused (`fetch_kfunc_meta` of 6.12, `check_cfg` goes on without it).
/// Programs that are refused at the same time may be counted more than once.
pub(crate) fn count_refusal(reason: &NotBound, load_time: u64) -> bool {
    let refusals = match reason {
        NotBound::ProgType(_) => &PROG_TYPE,
        NotBound::NoSlot { .. } => &NO_SLOT,
        NotBound::Refused(_) => &BY_PROVIDER,
        NotBound::Descriptors(_) => &DESCRIPTORS,
    };
    let first = refusals.last.swap(load_time, Ordering::Relaxed) != load_time;
    if first {
        refusals.programs.count();
    }
    first
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
        ("refused_program_type", &PROG_TYPE.programs),
        ("refused_no_slot", &NO_SLOT.programs),
        ("refused_by_provider", &BY_PROVIDER.programs),
        ("refused_descriptors", &DESCRIPTORS.programs),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_refused_once_for_a_reason() {
        let no_slot = NotBound::NoSlot { capacity: 16 };
        assert!(count_refusal(&no_slot, 1));
        assert!(!count_refusal(&no_slot, 1));
        assert!(count_refusal(
            &NotBound::ProgType(kfunc_abi::ProgType::XDP),
            1
        ));
        assert!(count_refusal(&no_slot, 2));
        assert_eq!(NO_SLOT.programs.get(), 2);
        assert_eq!(PROG_TYPE.programs.get(), 1);
    }
}
