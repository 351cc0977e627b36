// SPDX-License-Identifier: MIT OR Apache-2.0

//! A module that makes mistakes (`debug-kernel/wrong.c`): each must be reported, or the other boots prove nothing.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::check::{enforced, found, Judged};
use super::reports::has_reported;
use crate::boot::run_guest;
use crate::build_root::BuildRoot;
use crate::kernel::Kernel;
use crate::rust_tree::make_command;
use crate::verdict::{read, Report};
use crate::{guest, initramfs, packages, qemu};

/// Those whose report the module asks for.
const MUST_REPORT: &[&str] = &[
    "KASAN",
    "UBSAN",
    "kmemleak",
    "DEBUG_ATOMIC_SLEEP",
    "lockdep",
];
/// What does not hold in the guest, as lockdep says no more after a report.
const LOCKDEP_IS_OFF: &str = "lockdep is not turned off";

/// Boots `kernel` with the module.
///
/// # Errors
///
/// It cannot be built, or the guest does not get to its end.
pub(super) fn check(root: &BuildRoot, kernel: &Kernel) -> Result<Judged> {
    packages::install(root, kernel)?;
    let module = build(root, kernel)?;
    let guest = guest::build(root, kernel.arch)?;
    let archive = initramfs::pack(&[("init", &guest.init), ("wrong.ko", &module)])?;
    let console = run_guest(root, kernel, "wrong", &archive, "mistakes")?;
    let (report, log) = read(&console).with_context(|| qemu::tail(&console))?;
    let silent = silent(&report, &log);
    let told = format!(
        "{} of {} are reported; {}",
        MUST_REPORT.len() - silent.len(),
        MUST_REPORT.len(),
        enforced(kernel.arch, &report)
    );
    let silent = silent.iter();
    let mut failures: Vec<_> = silent
        .map(|who| format!("{who} does not report a mistake"))
        .collect();
    let others = report.failures.iter();
    let others = others.filter(|failure| !failure.starts_with(LOCKDEP_IS_OFF));
    failures.extend(others.cloned());
    let at_boot = Report {
        leaks: Vec::new(),
        ..report.clone()
    };
    failures.extend(found(kernel.arch, &at_boot));
    Ok(Judged { told, failures })
}

/// Who has not said what it must: in the log, kmemleak in its file as well, and lockdep by being off.
fn silent<'w>(report: &Report, log: &[&str]) -> Vec<&'w str> {
    let leaks: Vec<_> = report.leaks.iter().map(String::as_str).collect();
    let is_off = |failure: &String| failure.starts_with(LOCKDEP_IS_OFF);
    let mut silent = MUST_REPORT.to_vec();
    silent.retain(|who| {
        let elsewhere = match *who {
            "kmemleak" => has_reported(who, &leaks),
            "lockdep" => report.failures.iter().any(is_off),
            _ => true,
        };
        !(elsewhere && has_reported(who, log))
    });
    silent
}

fn build(root: &BuildRoot, kernel: &Kernel) -> Result<Vec<u8>> {
    let folder = BuildRoot::own(&format!("wrong/{}/module", kernel.release()));
    let host_folder = root.host_path(&folder);
    fs::create_dir_all(&host_folder)?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("debug-kernel/wrong.c");
    fs::copy(&source, host_folder.join("wrong.c"))
        .with_context(|| format!("cannot read {}", source.display()))?;
    fs::write(host_folder.join("Kbuild"), "obj-m := wrong.o\n")?;
    let make = make_command(kernel, &super::tree(root, kernel)?);
    root.run(
        &format!("wrong-{kernel}"),
        &format!("{make} M={folder} modules"),
    )?;
    Ok(fs::read(host_folder.join("wrong.ko"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: [&str; 5] = [
        "WARNING: possible circular locking dependency detected",
        "BUG: sleeping function called from invalid context at wrong.c:27",
        "UBSAN: shift-out-of-bounds in wrong.c:62:12",
        "BUG: KASAN: slab-out-of-bounds in wrong_init+0x1/0x2 [wrong]",
        "kmemleak: 10 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
    ];

    fn report() -> Report {
        Report {
            leaks: vec!["unreferenced object 0xffff888003b5a1c0 (size 64):".to_owned()],
            failures: vec![format!("{LOCKDEP_IS_OFF}: debug_locks: 0")],
            ..Report::default()
        }
    }

    #[test]
    fn each_that_says_nothing_is_found() {
        assert_eq!(silent(&report(), &LOG), [""; 0]);
        for line in LOG {
            let mut log = LOG.to_vec();
            log.retain(|other| *other != line);
            assert_eq!(silent(&report(), &log).len(), 1, "{line}");
        }
        assert_eq!(silent(&Report::default(), &LOG), ["kmemleak", "lockdep"]);
    }
}
