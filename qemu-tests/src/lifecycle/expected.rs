// SPDX-License-Identifier: MIT OR Apache-2.0

//! What each program must be given, kernel by kernel.

use crate::kernel::Arch;
use crate::verdict::Row;

/// What a program must be given: its own id, as upstream gives it its own aux.
const OWN: &str = "own id";

/// The programs (`bpf/lifecycle_rows.h`), in the order in which the guest tells of them.
const PROGRAMS: &[&str] = &[
    "xdp",
    "tc",
    "syscall",
    "socket_filter",
    "cgroup_skb",
    "lwt_in",
    "fentry",
    "fexit",
    "fmod_ret",
    "fentry_sleepable",
    "subprogram",
    "loop_callback",
    "each_callback",
    "wq_callback",
    "sched_act",
    "timer_callback",
    "raw_tp",
    "tp",
    "kprobe",
    "kretprobe",
    "uprobe",
    "uprobe_sleepable",
    "perf_event",
    "lsm",
    "lsm_sleepable",
    "iter_task",
    "sock_ops",
    "connect4",
    "netfilter",
    "sock_create",
    "sysctl",
    "kprobe_multi",
    "freplace",
    "tail_caller",
    "tail_called",
    "replaced",
    "struct_ops",
    "fentry_on_entry",
    "fentry_on_body",
    "fexit_on_body",
];

/// What of a kernel the outcomes depend on.
pub(super) struct Traits {
    pub(super) arch: Arch,
    /// Whether the verifier fills in implicit arguments.
    pub(super) native: bool,
    /// `CONFIG_FPROBE`, for programs at the entries of many functions.
    pub(super) fprobe: bool,
    /// `CONFIG_PREEMPT_RT`, which has no timers for programs (`process_timer_func` of `kernel/bpf/verifier.c`).
    pub(super) preempt_rt: bool,
}

/// What comes of a program. Not run are those of a kind that a kernel does not have, and those that trace the kfunc.
fn outcome(kernel: &Traits, program: &str) -> &'static str {
    match (program, kernel.arch) {
        // ftrace does not know Rust's functions, and nothing else writes into a module's code (`bpf_arch_text_poke` of
        // arch/x86/net/bpf_jit_comp.c: EINVAL, and of arch/arm64/net/bpf_jit_comp.c: ENOTSUPP).
        ("fentry_on_entry", Arch::Amd64) => "not attached: -22",
        ("fentry_on_entry", Arch::Arm64) => "not attached: -524",
        ("kprobe_multi", _) if !kernel.fprobe => "not attached: -95",
        ("timer_callback", _) if kernel.preempt_rt => "not loaded: -95",
        // The body has a FUNC, but no symbol, so that nobody can call it.
        ("fentry_on_body" | "fexit_on_body", _) => "not loaded: -2",
        _ => OWN,
    }
}

/// The ways that `kernel` has.
fn ways(kernel: &Traits) -> &'static [&'static str] {
    if kernel.native {
        &["bound", "hardened", "native"]
    } else {
        &["bound", "hardened"]
    }
}

/// Compares the rows of a guest with those that it must have told: what is missing, what is there without having to be,
/// and what is another. All ways must come to the same, as the same rows are expected of each.
pub(super) fn compare(kernel: &Traits, rows: &[Row]) -> Vec<String> {
    let mut expected = ways(kernel)
        .iter()
        .flat_map(|way| PROGRAMS.iter().map(move |program| (*way, *program)));
    let mut told = rows.iter();
    let mut failures = Vec::new();
    loop {
        match (expected.next(), told.next()) {
            (None, None) => return failures,
            (Some((way, program)), Some(row)) if row.way == way && row.program == program => {
                let outcome = outcome(kernel, program);
                if row.outcome != outcome {
                    failures.push(format!("{way}: {program}: {}, not {outcome}", row.outcome));
                }
            }
            (expected, told) => {
                failures.push(format!("expected {expected:?}, the guest told {told:?}"));
                return failures;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(native: bool) -> Traits {
        Traits {
            arch: Arch::Amd64,
            native,
            fprobe: true,
            preempt_rt: false,
        }
    }

    fn rows(kernel: &Traits) -> Vec<Row> {
        let row = |way: &&str, program: &&str| Row {
            way: (*way).to_owned(),
            program: (*program).to_owned(),
            outcome: outcome(kernel, program).to_owned(),
        };
        let of_way = |way| PROGRAMS.iter().map(move |program| row(way, program));
        ways(kernel).iter().flat_map(of_way).collect()
    }

    #[test]
    fn rows_as_expected_pass() {
        for native in [false, true] {
            let kernel = kernel(native);
            assert_eq!(compare(&kernel, &rows(&kernel)), [""; 0]);
        }
    }

    #[test]
    fn a_row_that_differs_is_missing_or_too_much_is_found() {
        let kernel = kernel(true);
        let mut wrong = rows(&kernel);
        wrong[3].outcome = "another id".to_owned();
        assert_eq!(compare(&kernel, &wrong).len(), 1);
        let mut missing = rows(&kernel);
        missing.pop();
        assert_eq!(compare(&kernel, &missing).len(), 1);
        let mut skipped = rows(&kernel);
        skipped.remove(3);
        assert_eq!(compare(&kernel, &skipped).len(), 1);
        let mut more = rows(&kernel);
        more.push(more[0].clone());
        assert_eq!(compare(&kernel, &more).len(), 1);
        assert_eq!(compare(&kernel, &[]).len(), 1);
    }
}
