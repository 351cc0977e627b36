// SPDX-License-Identifier: MIT OR Apache-2.0

//! Everything.

use std::process::Command;

use anyhow::{ensure, Result};
use qemu_tests::build_root::BuildRoot;
use qemu_tests::kernel::Row;
use qemu_tests::parity::Parity;
use qemu_tests::progress::step;
use qemu_tests::{call_oracle, kernel_btf, lifecycle, matrix, parity_table, source_check, table};

use crate::checks::{
    boot_all_compat, boot_all_shapes, check_fixups, check_projects, examine, find_all_calls,
    live_all, resolve_all_calls, split,
};
use crate::demo::{boot_all, Outcome};
use crate::kernels::{report, Kernels, Selection};
use crate::oracles::{calls, stubs};
use crate::parity::{compare_all, report_parity};
use crate::RANDOM_BLOBS;

/// What cargo is asked to do, and of what it is part.
const CARGO: &[(&str, &[&str])] = &[
    ("format", &["fmt", "--all", "--check"]),
    (
        "format of the bench",
        &["fmt", "--manifest-path", "bench/Cargo.toml", "--check"],
    ),
    (
        "format of the fuzz targets",
        &["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"],
    ),
    (
        "lints of the fuzz targets",
        &[
            "clippy",
            "--manifest-path",
            "fuzz/Cargo.toml",
            "--no-default-features",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    ),
    (
        "seeds of the fuzz targets",
        &[
            "test",
            "--manifest-path",
            "fuzz/Cargo.toml",
            "--no-default-features",
            "--lib",
        ],
    ),
    (
        "lints",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    ),
    ("host tests", &["test", "--workspace"]),
    ("documentation", &["doc", "--workspace", "--no-deps"]),
];

/// What cargo needs beside itself, and where it comes from.
const CARGO_TOOLS: [(&str, &str); 2] = [
    (
        "fmt",
        "rustup component add rustfmt, or apt-get install rustfmt",
    ),
    (
        "clippy",
        "rustup component add clippy, or apt-get install rust-clippy",
    ),
];

/// Checks all; true if nothing failed.
pub(crate) fn test(pin: Vec<String>) -> Result<bool> {
    check_without_kernels()?;
    let root = BuildRoot::open()?;
    let calls_agree = calls(&root, call_oracle::SEED, call_oracle::PROTOTYPES)?;
    let stubs_work = stubs(&root)?;
    let selection = Selection::by_default(pin);
    let kernels = Kernels::find(&root, &selection)?;
    let mut outcome = boot_example(&root, &kernels, &selection.pin)?;
    let failures = check_kernels(&root, &kernels);
    outcome.failures.extend(failures);
    let splits_agree = split(&root, &kernels)?;
    let as_found = examine(&root, &kernels, &selection.pin);
    let (compared, failures) = compare_all(&root, &kernels, 1, RANDOM_BLOBS);
    outcome.failures.extend(failures);
    Ok(conclude(&outcome, &compared) & calls_agree & stubs_work & splits_agree & as_found)
}

fn check_without_kernels() -> Result<()> {
    for (tool, hint) in CARGO_TOOLS {
        let present = Command::new(env!("CARGO"))
            .args([tool, "--version"])
            .output();
        let present = present.is_ok_and(|output| output.status.success());
        ensure!(present, "cargo {tool} is missing: run {hint}");
    }
    for (what, arguments) in CARGO {
        step(what, || cargo(arguments))?;
    }
    step("layers and licences", source_check::check)
}

/// What the demo does, with some kernels more; README.md must say the same of them.
fn boot_example(root: &BuildRoot, kernels: &Kernels, pins: &[String]) -> Result<Outcome> {
    let mut outcome = boot_all(root, kernels);
    let others = Kernels::of_rows(root, Row::in_tests(), pins)?;
    let others = boot_all(root, &others);
    outcome.booted.extend(others.booted);
    outcome.failures.extend(others.failures);
    outcome.failures.extend(matrix::check(&outcome.booted)?);
    Ok(outcome)
}

/// Gives what failed.
fn check_kernels(root: &BuildRoot, kernels: &Kernels) -> Vec<String> {
    let (_, mut failures) = kernels.each(|kernel, other| kernel_btf::check(root, kernel, other));
    failures.extend(boot_all_shapes(root, kernels));
    failures.extend(check_projects(root, kernels));
    failures.extend(boot_all_compat(root, kernels));
    failures.extend(find_all_calls(root, kernels));
    failures.extend(check_fixups(root, kernels));
    failures.extend(resolve_all_calls(root, kernels));
    failures.extend(live_all(root, kernels, lifecycle::FEW_CYCLES));
    failures
}

/// Tells what was seen; true if nothing failed.
fn conclude(outcome: &Outcome, compared: &[Parity]) -> bool {
    println!("{}", table::for_people(&outcome.booted));
    println!("{}", parity_table::for_people(compared));
    let all_held = report(&outcome.failures) & report_parity(compared);
    let booted = outcome.booted.iter();
    let held: usize = booted
        .map(|booted| booted.report.held + booted.report.calls.len())
        .sum();
    println!(
        "boot tests: {held} passed, {} failed",
        outcome.failures.len()
    );
    all_held
}

fn cargo(arguments: &[&str]) -> Result<()> {
    let status = Command::new(env!("CARGO"))
        .args(arguments)
        .env("RUSTDOCFLAGS", "-D warnings")
        .status()?;
    ensure!(status.success(), "cargo {} failed", arguments.join(" "));
    Ok(())
}
