// SPDX-License-Identifier: MIT OR Apache-2.0

//! The life cycle of the example module and of programs, on one kernel: they come and go in thousands, eight at a time
//! while the module does too; programs of all types; and modules that are broken, or refuse a program.
//!
//! ```text
//!   guest/stress.c ───────────► every slot free, no state left, memory as before
//!   guest/program_types.c ────► one row for each program and way ──► lifecycle/expected.rs
//!   lifecycle/broken.rs ──► guest/broken_modules.c ──► refused with one line of log, nothing left
//!   guest/refused_program.c ──► a provider refuses a program: the same
//! ```

mod broken;
mod expected;

use std::time::Duration;

use anyhow::{Context, Result};

use self::broken::Broken;
use crate::boot::{program_files, run_guest_until};
use crate::build_root::BuildRoot;
use crate::kernel::{Flavour, Kernel};
use crate::verdict::{complaints, read, Report, OWN_LINE};
use crate::{facts, guest, initramfs, module, packages, qemu};

/// Programs that come and go one by one, by default.
pub const CYCLES: u32 = 100_000;
/// So many in the test of everything.
pub const FEW_CYCLES: u32 = 1000;
/// For so many of those, one comes and goes beside seven others: while the module goes too, it takes longer.
const BY_THREADS: u32 = 4;
/// The fewest of them: in less time, the module does not go often.
const FEWEST_BY_THREADS: u32 = 500;
/// So many are enough where the module takes ten seconds to come back.
const BY_THREADS_WATCHED: u32 = 100;
/// How long a program may take that comes and goes, one by one and eight at a time.
const PATIENCE_PER_CYCLE: Duration = Duration::from_millis(30);

/// How a line begins that says why a module is not loaded.
const NOT_LOADED: &str = "not loaded:";

/// How a line begins that says why a provider refuses the program of `guest/refused_program.c`.
const REFUSED: &str = "program 'refused' refused: ";
/// How it goes on.
const REASON: &str = "bpf_ratelimit: it calls from more places than there is state for";

/// Boots `kernel`, and has so many programs come and go.
///
/// # Errors
///
/// Something cannot be built, or the guest does not get to its end.
pub fn check(root: &BuildRoot, kernel: &Kernel, cycles: u32) -> Result<Report> {
    packages::install(root, kernel)?;
    let module = module::build(root, kernel, module::EXAMPLE)?
        .embedded
        .module;
    let guest = guest::build(root, kernel.arch)?;
    let broken = broken::all(&module)?;
    let twin = broken::twin(&module)?;
    let mut files = vec![
        ("init", guest.lifecycle.as_slice()),
        ("kfunc_example.ko", &module),
        ("twin.ko", &twin),
    ];
    files.extend(broken.iter().map(|one| (one.file, one.module.as_slice())));
    files.extend(program_files(&guest));
    let by_threads = match kernel.flavour {
        Flavour::Debug(_) => BY_THREADS_WATCHED,
        _ => (cycles / BY_THREADS).max(FEWEST_BY_THREADS),
    };
    let traits = expected::Traits {
        arch: kernel.arch,
        native: facts::is_native(root, kernel)?,
        fprobe: facts::has_option(root, kernel, "FPROBE")?,
        preempt_rt: facts::has_option(root, kernel, "PREEMPT_RT")?,
    };
    let native = traits.native;
    let console = run_guest_until(
        root,
        kernel,
        "lifecycle",
        &initramfs::pack(&files)?,
        &format!(
            "cycles={cycles} threads={by_threads} types broken{}",
            if native { " native" } else { "" }
        ),
        qemu::DEADLINE + PATIENCE_PER_CYCLE * cycles,
    )?;
    let (mut report, log) = read(&console).with_context(|| qemu::tail(&console))?;
    let failures = expected::compare(&traits, &report.rows);
    report.failures.extend(failures);
    report.failures.extend(complaints(&log));
    report.failures.extend(judge_refusals(&log, &broken));
    report.failures.extend(judge_refused_program(&log));
    report.failures.extend(judge_twin(&log, native));
    Ok(report)
}

/// How many things held, and the numbers.
pub fn for_people(report: &Report) -> String {
    let figures: Vec<_> = report.figures.iter().map(|line| figure(line)).collect();
    format!(
        "{} programs of all types, {} other checks\n{}",
        report.rows.len(),
        report.held,
        figures.join("\n")
    )
}

/// A line of numbers (`guest/stress.h`, `guest/memory_figures.h`), in words.
fn figure(line: &str) -> String {
    let (what, numbers) = line.split_once(' ').unwrap_or((line, ""));
    let numbers: Vec<_> = numbers.split('|').collect();
    match (what, &*numbers) {
        ("cycles", [who, cycles, seconds, waits, late, away, rounds]) => format!(
            "  {who} at a time: {cycles} programs in {seconds} s; {waits} waits for a slot, {late} refused late, {away} while \
             the module was away, which came back {rounds} times"
        ),
        ("memory", [after, name, before, now, tolerance]) => {
            format!("  {name} after {after}: {now} kB, {before} kB before (at most {tolerance} kB more)")
        }
        _ => format!("  {line}"),
    }
}

/// Each broken module has said one line, and nobody else.
fn judge_refusals(log: &[&str], broken: &[Broken]) -> Vec<String> {
    let said = log
        .iter()
        .filter_map(|line| line.strip_prefix(OWN_LINE))
        .filter(|line| line.starts_with(NOT_LOADED));
    let said: Vec<_> = said.collect();
    let expected: Vec<_> = broken.iter().map(|one| one.line).collect();
    if said == expected {
        return Vec::new();
    }
    vec![format!(
        "broken modules must say\n{}\nand have said\n{}",
        expected.join("\n"),
        said.join("\n")
    )]
}

/// The module has said why it refuses a program, once.
fn judge_refused_program(log: &[&str]) -> Option<String> {
    let own = log.iter().filter_map(|line| line.strip_prefix(OWN_LINE));
    let reasons: Vec<_> = own.filter_map(|line| line.strip_prefix(REFUSED)).collect();
    (reasons != [REASON]).then(|| {
        format!("a program must be refused, once, because: {REASON}; the log says: {reasons:?}")
    })
}

/// What is said of the same kfuncs in a second module: by the kernel and that module if the kernel `knows_twins`, and
/// else by the first module, of a program that would have got to the second one.
fn judge_twin(log: &[&str], knows_twins: bool) -> Vec<String> {
    let expected: &[&str] = if knows_twins {
        &[
            "is already present in module kfunc_example.",
            broken::TWIN_LINE,
        ]
    } else {
        &["kfunc_example: program 'self' refused: bpf_self_id: the kernel finds another function of this name"]
    };
    let missing = expected
        .iter()
        .filter(|line| !log.iter().any(|said| said.ends_with(*line)));
    missing
        .map(|line| format!("the kernel log does not say: {line}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_modules_say_one_line_each() {
        let broken = |line| Broken {
            file: "",
            module: Vec::new(),
            line,
        };
        let broken = [broken("not loaded: one"), broken("not loaded: two")];
        let one = "kfunc_example: not loaded: one";
        let two = "kfunc_example: not loaded: two";
        let judged = |log: &[&str]| judge_refusals(log, &broken).len();
        assert_eq!(judged(&[one, "kfunc_example: 2 kfuncs, bound", two]), 0);
        assert_eq!(judged(&[one]), 1);
        assert_eq!(judged(&[two, one]), 1);
        assert_eq!(judged(&[one, two, two]), 1);
    }

    #[test]
    fn a_program_is_refused_with_one_line() {
        let line = &*format!("{OWN_LINE}{REFUSED}{REASON}");
        let another = &*format!("{OWN_LINE}{REFUSED}why");
        assert_eq!(judge_refused_program(&["another line", line]), None);
        for bad in [&[][..], &[line, line], &[another]] {
            assert!(judge_refused_program(bad).is_some());
        }
    }

    #[test]
    fn a_twin_is_spoken_of() {
        let kernel = "kfunc bpf_self_id (id: 9) is already present in module kfunc_example.";
        let refused = "kfunc_example: program 'self' refused: bpf_self_id: the kernel finds another function of this name";
        assert_eq!(judge_twin(&[kernel, broken::TWIN_LINE], true), [""; 0]);
        assert_eq!(judge_twin(&[kernel], true).len(), 1);
        assert_eq!(judge_twin(&[refused], true).len(), 2);
        assert_eq!(judge_twin(&[refused], false), [""; 0]);
        assert_eq!(judge_twin(&[kernel], false).len(), 1);
    }

    #[test]
    fn figures_are_told_in_words() {
        let told = figure("memory cycles|Percpu|500|501|256");
        assert_eq!(
            told,
            "  Percpu after cycles: 501 kB, 500 kB before (at most 256 kB more)"
        );
        assert!(figure("cycles one|9|1.5|1|2|3|4").contains("9 programs in 1.5 s"));
        assert_eq!(figure("memory cycles"), "  memory cycles");
    }
}
