// SPDX-License-Identifier: MIT OR Apache-2.0

//! The boots of the stock kernels, on a kernel that looks for defects: nothing may be found.

use anyhow::Result;

use super::reports::reports;
use super::{of, wrong};
use crate::build_root::BuildRoot;
use crate::kernel::{Arch, Kernel, Skin};
use crate::verdict::Report;
use crate::{boot, lifecycle, shapes};

/// How many programs come and go one by one. They take long where everything is looked at.
const CYCLES: u32 = 300;

/// A boot of a kernel beside one of another layout.
type Boot = fn(&BuildRoot, &Kernel, &Kernel) -> Result<Report>;
/// What is booted in each skin.
const BOOTS: &[(&str, Boot)] = &[
    ("example", |root, kernel, other| {
        Ok(boot::boot(root, kernel, other)?.report)
    }),
    ("shapes", shapes::boot),
    ("life cycle", |root, kernel, _| {
        lifecycle::check(root, kernel, CYCLES)
    }),
];

/// What a kernel logs at boot that looks: who, and its words.
const LOOKING: &[(&str, &str)] = &[
    ("KASAN", "KernelAddressSanitizer initialized"),
    ("KFENCE", "kfence: initialized"),
    ("kmemleak", "Kernel memory leak detector initialized"),
    ("lockdep", "Lock dependency validator"),
];
/// What else an arm64 kernel logs whose CPU enforces it.
const ENFORCED_ON_ARM64: &[(&str, &str)] = &[
    ("BTI", "detected: Branch Target Identification"),
    ("PAC", "detected: Address authentication"),
];
/// The same of an amd64 kernel. It is told, not asked for: QEMU 10.0 does not emulate it (there is no `-cpu max,+cet-ibt`).
const ENFORCED_ON_AMD64: &[(&str, &str)] = &[("IBT", "Indirect Branch Tracking enabled")];

/// Boots the kernel of the version of `stock` that looks for defects, with the example module, with all shapes and with
/// programs that come and go, in both skins, and with a module that must be reported. `other` is a kernel of another
/// layout. Tells what came of each boot as soon as it is known, and gives what was found, or kept a boot from its end.
pub fn check(root: &BuildRoot, stock: &Kernel, other: &Kernel) -> Vec<String> {
    let kernel = of(stock, Skin::Rust);
    let mut failures = tell(
        &kernel,
        "a module with mistakes",
        wrong::check(root, &kernel),
    );
    for skin in [Skin::Rust, Skin::C] {
        let kernel = of(stock, skin);
        for (what, boot) in BOOTS {
            let judged = boot(root, &kernel, other).map(|report| judge(kernel.arch, &report));
            failures.extend(tell(&kernel, &format!("{what}, {skin} skin"), judged));
        }
    }
    failures
}

/// What came of a boot.
pub(super) struct Judged {
    /// In words, for people.
    pub(super) told: String,
    pub(super) failures: Vec<String>,
}

fn judge(arch: Arch, report: &Report) -> Judged {
    let done = report.calls.len() + report.shapes.len() + report.rows.len() + report.held;
    let mut failures = report.failures.clone();
    failures.extend(found(arch, report));
    Judged {
        told: format!("{done} checks and calls, {} failed", failures.len()),
        failures,
    }
}

/// Gives the failures of the boot that is `what`.
fn tell(kernel: &Kernel, what: &str, judged: Result<Judged>) -> Vec<String> {
    let (told, failures) = match judged {
        Ok(judged) => (judged.told, judged.failures),
        Err(error) => ("no end".to_owned(), vec![format!("{error:#}")]),
    };
    println!("{kernel}: {what}: {told}");
    let failures = failures.iter();
    let failures = failures.map(|failure| format!("{what}: {failure}"));
    failures
        .inspect(|failure| println!("{kernel}: {failure}"))
        .collect()
}

/// What the CPU enforces, for people.
pub(super) fn enforced(arch: Arch, report: &Report) -> String {
    let all = match arch {
        Arch::Amd64 => ENFORCED_ON_AMD64,
        Arch::Arm64 => ENFORCED_ON_ARM64,
    };
    let state = |(who, words): &(&str, &str)| {
        let not = if said(report, words) { "" } else { "not " };
        format!("{who} is {not}enforced")
    };
    all.iter().map(state).collect::<Vec<_>>().join(", ")
}

/// What a watched kernel has found before the tests and after them, and who does not look.
pub(super) fn found(arch: Arch, report: &Report) -> Vec<String> {
    let at_boot = reports(report.boot_log.iter().map(String::as_str));
    let mut found: Vec<_> = at_boot
        .iter()
        .map(|line| format!("log of the boot: {line}"))
        .collect();
    found.extend(report.leaks.iter().map(|line| format!("kmemleak: {line}")));
    let needed = match arch {
        Arch::Amd64 => &[],
        Arch::Arm64 => ENFORCED_ON_ARM64,
    };
    for (who, words) in LOOKING.iter().chain(needed) {
        if !said(report, words) {
            found.push(format!("{who} is not on: the log does not say: {words}"));
        }
    }
    found
}

fn said(report: &Report, words: &str) -> bool {
    report.boot_log.iter().any(|line| line.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet(arch: Arch) -> Report {
        let enforced = match arch {
            Arch::Amd64 => &[],
            Arch::Arm64 => ENFORCED_ON_ARM64,
        };
        let lines = LOOKING.iter().chain(enforced);
        Report {
            boot_log: lines
                .map(|(_, words)| format!("who: {words} (generic)"))
                .collect(),
            ..Report::default()
        }
    }

    #[test]
    fn a_kernel_that_finds_nothing_passes() {
        for arch in [Arch::Amd64, Arch::Arm64] {
            assert_eq!(found(arch, &quiet(arch)), [""; 0]);
        }
        assert_eq!(
            enforced(Arch::Amd64, &quiet(Arch::Amd64)),
            "IBT is not enforced"
        );
    }

    #[test]
    fn a_kernel_that_does_not_look_is_found_out() {
        let all = LOOKING.len() + ENFORCED_ON_ARM64.len();
        for left_out in 0..all {
            let mut report = quiet(Arch::Arm64);
            report.boot_log.remove(left_out);
            assert_eq!(found(Arch::Arm64, &report).len(), 1);
        }
    }

    #[test]
    fn what_is_found_at_boot_and_after_the_tests_is_told() {
        let mut report = quiet(Arch::Amd64);
        report
            .boot_log
            .push("WARNING: suspicious RCU usage".to_owned());
        report
            .leaks
            .push("unreferenced object 0x1 (size 64):".to_owned());
        assert_eq!(found(Arch::Amd64, &report).len(), 2);
    }
}
