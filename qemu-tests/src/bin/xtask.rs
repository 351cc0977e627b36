// SPDX-License-Identifier: MIT OR Apache-2.0

//! `cargo xtask`: the demo, and all tests.

#![forbid(unsafe_code)]

use std::process::{Command, ExitCode};

use anyhow::{ensure, Result};
use clap::{Args, Parser, Subcommand};
use qemu_tests::boot::{boot, Booted};
use qemu_tests::build_root::BuildRoot;
use qemu_tests::kernel::{Arch, Kernel, SERIES};
use qemu_tests::packages;
use qemu_tests::progress::step;
use qemu_tests::{source_check, table};

/// Builds, boots and tests the example module on stock Debian kernels.
#[derive(Parser)]
#[command(
    bin_name = "cargo xtask",
    after_help = "Exit status: 0 all is well, 1 something failed, 2 wrong use.\n\n\
    Downloads and builds are kept in $KFUNC_CACHE, or in implicit-kfuncs in $XDG_CACHE_HOME or ~/.cache."
)]
struct Xtask {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Boot the kernels, call the kfuncs from BPF programs, and print what happened.
    Demo {
        #[command(flatten)]
        kernels: Selection,
        /// Print a JSON array instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Check everything: format, lints, unit tests, documentation, and all kernels.
    Test {
        /// Boot this point release instead of the newest one: SERIES=VERSION, such as 6.12=6.12.94+deb13.
        #[arg(long, value_name = "SERIES=VERSION")]
        pin: Vec<String>,
    },
}

#[derive(Args)]
struct Selection {
    /// Only the kernels of this series.
    #[arg(long, value_parser = SERIES.iter().map(|series| series.version).collect::<Vec<_>>())]
    kernel: Option<String>,
    /// Only this arch.
    #[arg(long)]
    arch: Option<Arch>,
    /// Boot this point release instead of the newest one: SERIES=VERSION, such as 6.12=6.12.94+deb13.
    #[arg(long, value_name = "SERIES=VERSION")]
    pin: Vec<String>,
}

impl Selection {
    fn contains(&self, kernel: &Kernel) -> bool {
        let series = self
            .kernel
            .as_deref()
            .is_none_or(|version| version == kernel.series.version);
        series && self.arch.is_none_or(|arch| arch == kernel.arch)
    }
}

fn main() -> ExitCode {
    let result = match Xtask::parse().task {
        Task::Demo { kernels, json } => demo(&kernels, json),
        Task::Test { pin } => test(pin),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What became of the kernels.
struct Outcome {
    booted: Vec<Booted>,
    /// What went wrong, by kernel.
    failures: Vec<String>,
}

fn boot_all(selection: &Selection) -> Result<Outcome> {
    let root = BuildRoot::open()?;
    packages::update_lists(&root)?;
    let mut kernels = Vec::new();
    for arch in [Arch::Amd64, Arch::Arm64] {
        for series in SERIES {
            kernels.push(packages::resolve(&root, *series, arch, &selection.pin)?);
        }
    }
    let mut outcome = Outcome {
        booted: Vec::new(),
        failures: Vec::new(),
    };
    for kernel in kernels.iter().filter(|kernel| selection.contains(kernel)) {
        // Any kernel of the same arch and another series has another layout.
        let other = kernels
            .iter()
            .find(|other| other.arch == kernel.arch && other.version != kernel.version);
        match boot(&root, kernel, other.unwrap_or(kernel)) {
            Ok(booted) => {
                let failures = booted.report.failures.iter();
                outcome
                    .failures
                    .extend(failures.map(|failure| format!("{kernel}: {failure}")));
                outcome.booted.push(booted);
            }
            Err(error) => outcome.failures.push(format!("{kernel}: {error:#}")),
        }
    }
    Ok(outcome)
}

fn demo(selection: &Selection, json: bool) -> Result<bool> {
    let outcome = boot_all(selection)?;
    if json {
        println!("{:#}", table::for_machines(&outcome.booted));
    } else {
        println!("{}", table::for_people(&outcome.booted));
    }
    Ok(report(&outcome))
}

/// Tells what failed; true if nothing did.
fn report(outcome: &Outcome) -> bool {
    for failure in &outcome.failures {
        eprintln!("FAILED {failure}");
    }
    outcome.failures.is_empty()
}

fn test(pin: Vec<String>) -> Result<bool> {
    let checks: &[(&str, &[&str])] = &[
        ("format", &["fmt", "--all", "--check"]),
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
    for (tool, hint) in [
        (
            "fmt",
            "rustup component add rustfmt, or apt-get install rustfmt",
        ),
        (
            "clippy",
            "rustup component add clippy, or apt-get install rust-clippy",
        ),
    ] {
        let present = Command::new(env!("CARGO"))
            .args([tool, "--version"])
            .output();
        let present = present.is_ok_and(|output| output.status.success());
        ensure!(present, "cargo {tool} is missing: run {hint}");
    }
    for (what, arguments) in checks {
        step(what, || cargo(arguments))?;
    }
    step("layers and licences", source_check::check)?;
    let outcome = boot_all(&Selection {
        kernel: None,
        arch: None,
        pin,
    })?;
    println!("{}", table::for_people(&outcome.booted));
    let held: usize = outcome
        .booted
        .iter()
        .map(|booted| booted.report.held + booted.report.calls.len())
        .sum();
    let all_held = report(&outcome);
    println!(
        "boot tests: {held} passed, {} failed",
        outcome.failures.len()
    );
    Ok(all_held)
}

fn cargo(arguments: &[&str]) -> Result<()> {
    let status = Command::new(env!("CARGO"))
        .args(arguments)
        .env("RUSTDOCFLAGS", "-D warnings")
        .status()?;
    ensure!(status.success(), "cargo {} failed", arguments.join(" "));
    Ok(())
}
