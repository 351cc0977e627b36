// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a kernel says that has found something.

/// What finds things, and what the first line of its reports contains.
pub const REPORTS: &[(&str, &str)] = &[
    // mm/kasan/report.c: "BUG: KASAN: %s in %pS"
    ("KASAN", "KASAN: "),
    // mm/kfence/report.c: "BUG: KFENCE: …"
    ("KFENCE", "KFENCE: "),
    // lib/ubsan.c: "UBSAN: %s in %s:%d:%d"
    ("UBSAN", "UBSAN: "),
    // mm/kmemleak.c: "%d new suspected memory leaks", and "unreferenced object 0x…" in its file
    ("kmemleak", "suspected memory leaks"),
    ("kmemleak", "unreferenced object"),
    // kernel/sched/core.c: "BUG: sleeping function called from invalid context at %s:%d", "BUG: scheduling while atomic"
    ("DEBUG_ATOMIC_SLEEP", "sleeping function called"),
    ("DEBUG_ATOMIC_SLEEP", "scheduling while atomic"),
    // kernel/locking/lockdep.c: the titles of its reports
    ("lockdep", "possible circular locking"),
    ("lockdep", "possible recursive locking"),
    ("lockdep", "possible irq lock inversion"),
    ("lockdep", "lock order detected"),
    ("lockdep", "inconsistent lock state"),
    ("lockdep", "Invalid wait context"),
    ("lockdep", "bad unlock balance"),
    ("lockdep", "bad contention detected"),
    ("lockdep", "non-static key"),
    ("lockdep", "held lock freed"),
    ("lockdep", "lock held when returning"),
    ("lockdep", "INFO: possible"),
    ("lockdep", "turning off the locking correctness validator"),
    ("lockdep", "suspicious RCU"),
    // lib/debugobjects.c: "ODEBUG: %s %s (active state %u)…", "Out of memory. ODEBUG disabled"
    ("DEBUG_OBJECTS", "(active state"),
    ("DEBUG_OBJECTS", "ODEBUG disabled"),
    ("any", "BUG:"),
    ("any", "WARNING:"),
    ("any", "Oops"),
    ("any", "Unable to handle kernel"),
    ("any", "Missing ENDBR"),
    ("any", "hung task"),
    ("any", "detected stalls"),
];

/// The lines that begin a report.
pub fn reports<'l>(lines: impl IntoIterator<Item = &'l str>) -> Vec<&'l str> {
    let mut reports: Vec<_> = lines.into_iter().collect();
    reports.retain(|line| is_report(line));
    reports
}

/// Whether a line begins a report.
pub(crate) fn is_report(line: &str) -> bool {
    REPORTS.iter().any(|(_, words)| line.contains(words))
}

/// Whether `who` has reported something in these lines.
pub(crate) fn has_reported(who: &str, lines: &[&str]) -> bool {
    let mut words = REPORTS.iter().filter(|(finder, _)| *finder == who);
    words.any(|(_, words)| lines.iter().any(|line| line.contains(words)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a kernel with a wrong module says (`wrong.rs`), and titles of others of the kernel's own.
    const FOUND: &[(&str, &str)] = &[
        (
            "KASAN",
            "BUG: KASAN: slab-out-of-bounds in wrong_init+0x164/0xff0 [wrong]",
        ),
        (
            "KFENCE",
            "BUG: KFENCE: out-of-bounds read in test_out_of_bounds_read+0xa6/0x234",
        ),
        (
            "UBSAN",
            "UBSAN: shift-out-of-bounds in /kfunc/debug-kernel/wrong.c:33:12",
        ),
        (
            "kmemleak",
            "kmemleak: 1 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
        ),
        (
            "kmemleak",
            "unreferenced object 0xffff888003b5a1c0 (size 64):",
        ),
        (
            "DEBUG_ATOMIC_SLEEP",
            "BUG: sleeping function called from invalid context at wrong.c:40",
        ),
        (
            "DEBUG_ATOMIC_SLEEP",
            "BUG: scheduling while atomic: init/1/0x00000002",
        ),
        (
            "lockdep",
            "WARNING: possible circular locking dependency detected",
        ),
        ("lockdep", "WARNING: possible recursive locking detected"),
        (
            "lockdep",
            "WARNING: SOFTIRQ-safe -> SOFTIRQ-unsafe lock order detected",
        ),
        ("lockdep", "WARNING: inconsistent lock state"),
        ("lockdep", "INFO: trying to register non-static key."),
        (
            "lockdep",
            "BUG: MAX_LOCKDEP_CHAINS too low!\nturning off the locking correctness validator.",
        ),
        ("lockdep", "WARNING: suspicious RCU usage"),
        (
            "DEBUG_OBJECTS",
            "ODEBUG: free active (active state 0) object: 00000000a object type: timer_list",
        ),
        ("any", "WARNING: CPU: 0 PID: 1 at kernel/bpf/core.c:1234"),
        (
            "any",
            "BUG: kernel NULL pointer dereference, address: 0000000000000008",
        ),
    ];

    /// What the same kernels say that have found nothing.
    const QUIET: &[&str] = &[
        "kasan: KernelAddressSanitizer initialized",
        "KernelAddressSanitizer initialized (generic)",
        "kfence: initialized - using 2097152 bytes for 255 objects at 0x(____ptrval____)-0x(____ptrval____)",
        "kmemleak: Kernel memory leak detector initialized (mem pool available: 15851)",
        "kmemleak: Automatic memory scanning thread started",
        "rcu: \tRCU lockdep checking is enabled.",
        "Lock dependency validator: Copyright (c) 2006 Red Hat, Inc., Ingo Molnar",
        "... MAX_LOCKDEP_SUBCLASSES:  8",
        " memory used by lock dependency info: 6429 kB",
        "kfunc_example: 5 kfuncs, bound",
    ];

    #[test]
    fn every_report_is_found_and_of_whom_it_is() {
        for (who, line) in FOUND {
            assert_eq!(reports([*line]), [*line]);
            assert!(has_reported(who, &[line]), "{who}: {line}");
        }
        for (who, _) in REPORTS {
            assert!(
                FOUND.iter().any(|(found, _)| found == who),
                "{who} is not tried"
            );
        }
    }

    #[test]
    fn what_is_no_report_is_none() {
        for line in QUIET {
            assert_eq!(reports([*line]), [""; 0], "{line}");
        }
    }

    #[test]
    fn one_report_is_not_taken_for_another() {
        let log = ["BUG: KASAN: slab-out-of-bounds in wrong_init+0x164/0xff0 [wrong]"];
        for who in [
            "KFENCE",
            "UBSAN",
            "kmemleak",
            "DEBUG_ATOMIC_SLEEP",
            "lockdep",
        ] {
            assert!(!has_reported(who, &log), "{who}");
        }
    }
}
