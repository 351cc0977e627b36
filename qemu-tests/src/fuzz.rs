// SPDX-License-Identifier: MIT OR Apache-2.0

//! The fuzz targets, which are in `fuzz`.

use std::fs;
use std::process::Command;

use anyhow::{ensure, Result};

use crate::module::repository;

/// What can be fuzzed.
pub const TARGETS: &[&str] = &[
    "parse", "validate", "write", "dedup", "relocate", "rewrite", "bind", "text",
];

/// Seconds for one input; more is a failure.
const SECONDS_AN_INPUT: u32 = 10;
/// Memory, in MiB; more is a failure.
const MEMORY_MB: u32 = 2048;

/// Fuzzes `target` for so many minutes; goes on from what earlier runs found.
///
/// # Errors
///
/// cargo-fuzz or a C++ compiler is missing, or an input was found that fails: the fuzzer tells how to run it again.
pub fn run(target: &str, minutes: u32) -> Result<()> {
    let present = Command::new(env!("CARGO"))
        .args(["fuzz", "--version"])
        .output()?;
    ensure!(
        present.status.success(),
        "cargo fuzz is missing: run cargo install cargo-fuzz"
    );
    let repository = repository();
    let corpus = format!("fuzz/corpus/{target}");
    fs::create_dir_all(repository.join(&corpus))?;
    // Neither crate has unsafe code to watch, and the sanitizers need an unstable compiler.
    let status = Command::new(env!("CARGO"))
        .current_dir(&repository)
        .args(["fuzz", "run", "--sanitizer", "none", target, &corpus])
        .arg(format!("fuzz/seeds/{target}"))
        .args([
            "--",
            "-print_final_stats=1",
            "-len_control=20",
            "-max_len=1024",
        ])
        .arg(format!("-timeout={SECONDS_AN_INPUT}"))
        .arg(format!("-rss_limit_mb={MEMORY_MB}"))
        .arg(format!("-max_total_time={}", minutes.saturating_mul(60)))
        .status()?;
    ensure!(
        status.success(),
        "{target}: an input fails, or it was not built"
    );
    Ok(())
}
