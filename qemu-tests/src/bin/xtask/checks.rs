// SPDX-License-Identifier: MIT OR Apache-2.0

//! Checks that boot each kernel. They print what was seen, and give what failed.

use anyhow::{ensure, Result};
use qemu_tests::build_root::BuildRoot;
use qemu_tests::{
    compat, debug_kernel, doctor, facts, fixup_check, jited, lifecycle, project_check,
    resolve_check, shapes, split_oracle,
};

use crate::kernels::{report, Kernels};
use crate::SHOWN_DISAGREEMENTS;

/// Boots the selected kernels with a new project, built in every way. Gives what failed.
pub(crate) fn check_projects(root: &BuildRoot, kernels: &Kernels) -> Vec<String> {
    let (_, failures) = kernels.each(|kernel, _| {
        let mut failures = Vec::new();
        for checked in project_check::check(root, kernel)? {
            let (how, report) = (checked.how, checked.report);
            println!("{kernel}: a project built by {how}: {} checks", report.held);
            failures.extend(report.failures.iter().map(|one| format!("{how}: {one}")));
        }
        ensure!(failures.is_empty(), "{}", failures.join("\n"));
        Ok(())
    });
    failures
}

/// Boots the selected kernels with the module of all shapes; says how many things held. Gives what failed.
pub(crate) fn boot_all_shapes(root: &BuildRoot, kernels: &Kernels) -> Vec<String> {
    let (_, failures) = kernels.each_by_arch(|kernel, other| {
        let report = shapes::boot(root, kernel, other)?;
        let (calls, held) = (report.shapes.len(), report.held);
        println!("{kernel}: {calls} calls of kfuncs of every shape, {held} other checks");
        ensure!(report.failures.is_empty(), "{}", report.failures.join("\n"));
        Ok(())
    });
    failures
}

/// Boots the selected kernels, and compares what they make of programs. Gives what failed.
pub(crate) fn check_fixups(root: &BuildRoot, kernels: &Kernels) -> Vec<String> {
    let (_, failures) = kernels.each_by_arch(|kernel, _| {
        println!("{kernel}: {}", fixup_check::check(root, kernel)?);
        Ok(())
    });
    failures
}

/// Boots the selected kernels, and compares what they and verifier-fixup say of calls. Gives what failed.
pub(crate) fn resolve_all_calls(root: &BuildRoot, kernels: &Kernels) -> Vec<String> {
    let (_, failures) = kernels.each_by_arch(|kernel, _| {
        let compared = resolve_check::check(root, kernel)?;
        println!("{kernel}: {}", compared.line());
        let shown = compared.failures.iter().take(SHOWN_DISAGREEMENTS);
        let shown: Vec<_> = shown.cloned().collect();
        let count = compared.failures.len();
        ensure!(count == 0, "{count} disagreements:\n{}", shown.join("\n"));
        Ok(())
    });
    failures
}

/// Boots the selected kernels for the compatibility table, and prints it. Gives what failed.
pub(crate) fn boot_all_compat(root: &BuildRoot, kernels: &Kernels) -> Vec<String> {
    let (_, failures) = kernels.each(|kernel, _| {
        let compat = compat::boot(root, kernel, &kernels.all)?;
        println!(
            "{kernel}: {} cells of the compatibility table\n{}",
            compat.cells, compat.table
        );
        ensure!(compat.failures.is_empty(), "{}", compat.failures.join("\n"));
        Ok(())
    });
    failures
}

/// Boots the selected kernels with programs, and tells how many calls are in their code. Gives what failed.
pub(crate) fn find_all_calls(root: &BuildRoot, kernels: &Kernels) -> Vec<String> {
    let (_, failures) = kernels.each_by_arch(|kernel, _| {
        let found = jited::check(root, kernel)?;
        println!(
            "{kernel}: {} calls found in {} programs, {} functions, {} bytes; {} by register, {} with a private stack",
            found.calls, found.programs, found.functions, found.bytes, found.by_register, found.private_stack
        );
        ensure!(found.failures.is_empty(), "{}", found.failures.join("\n"));
        Ok(())
    });
    failures
}

/// Boots the selected kernels with programs and modules that come and go. Gives what failed.
pub(crate) fn live_all(root: &BuildRoot, kernels: &Kernels, cycles: u32) -> Vec<String> {
    let (_, failures) = kernels.each_by_arch(|kernel, _| {
        let report = lifecycle::check(root, kernel, cycles)?;
        println!("{kernel}: {}", lifecycle::for_people(&report));
        ensure!(report.failures.is_empty(), "{}", report.failures.join("\n"));
        Ok(())
    });
    failures
}

/// Boots kernels of the selected versions that look for defects. Gives what they found.
pub(crate) fn watch_all(root: &BuildRoot, kernels: &Kernels) -> Vec<String> {
    let (_, failures) = kernels.each_by_arch(|kernel, other| {
        let found = debug_kernel::check::check(root, kernel, other).join("\n");
        ensure!(found.is_empty(), "debug kernel:\n{found}");
        Ok(())
    });
    failures
}

/// Tells where kfunc btf split and resolve_btfids differ; true if nowhere.
pub(crate) fn split(root: &BuildRoot, kernels: &Kernels) -> Result<bool> {
    let (compared, mut failures) = kernels.each(|kernel, _| {
        let native = facts::is_native(root, kernel)?;
        native
            .then(|| split_oracle::check(root, kernel))
            .transpose()
    });
    for compared in compared.into_iter().flatten() {
        for line in compared.same {
            println!("same: {line}");
        }
        failures.extend(compared.failures);
    }
    let agreed = report(&failures);
    println!("split as resolve_btfids does: {} failed", failures.len());
    Ok(agreed)
}

/// Tells what kfunc doctor finds, and what kernels say of that; true if it is as it must be.
pub(crate) fn examine(root: &BuildRoot, kernels: &Kernels, pins: &[String]) -> bool {
    let examined = doctor::check_all(root, &kernels.selected, pins);
    for line in examined.told {
        println!("{line}");
    }
    let as_found = report(&examined.failures);
    println!("kfuncs examined: {} failed", examined.failures.len());
    as_found
}
