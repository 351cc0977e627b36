// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc btf split` beside resolve_btfids on the BTF of a whole kernel, as pahole leaves it: the time of both commands, and
//! the same bytes from both.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use comfy_table::{presets, CellAlignment, Table};
use kfunc_cli::{unsplit_btf, TypeOrder};
use serde_json::{json, Value};
use wait4::Wait4;

use crate::build_root::BuildRoot;
use crate::kernel::Kernel;
use crate::module::repository;
use crate::progress::step;
use crate::{module, packages, resolve_btfids, split_oracle};

/// How often each command runs on each input, in turns.
const ROUNDS: usize = 15;
/// The most that the time of `kfunc btf split` may be of that of resolve_btfids.
const TARGET: f64 = 0.2;

/// One run of a command.
#[derive(Clone, Copy)]
struct Run {
    elapsed: Duration,
    processor: Duration,
    /// Bytes that it had in memory at most.
    peak: u64,
}

/// Lets both commands work in turns on the BTF of `kernel`; gives what that took.
///
/// # Errors
///
/// Something cannot be downloaded, built or run, or the bytes differ.
pub fn run(root: &BuildRoot, kernel: &Kernel) -> Result<Value> {
    packages::install(root, kernel)?;
    let commands = Commands {
        ours: build()?,
        loader: root.host_path("/lib64/ld-linux-x86-64.so.2"),
        libraries: root.host_path("/lib/x86_64-linux-gnu"),
        official: root.host_path(&resolve_btfids::path(kernel)),
        folder: root.host_path(&BuildRoot::own("split-bench")),
    };
    fs::create_dir_all(&commands.folder)?;
    // Nothing of this is kept: the memory of who starts a command counts for its peak.
    write_inputs(root, kernel, &commands.folder)?;
    let mut rows = Vec::new();
    for (name, file) in INPUTS {
        rows.push(step(&format!("{kernel}: {name}"), || {
            commands.compare(name, file)
        })?);
    }
    Ok(json!({ "kernel": kernel.release(), "rounds": ROUNDS, "target": TARGET, "inputs": rows }))
}

/// What is split, and the file that it is in.
const INPUTS: [(&str, &str); 3] = [
    ("as pahole leaves it", "pahole.btf"),
    ("in order of the names", "sorted.btf"),
    ("in no order", "shuffled.btf"),
];

/// Writes what pahole left, the same types in two other orders, and an object with the kernel's sets.
fn write_inputs(root: &BuildRoot, kernel: &Kernel, folder: &Path) -> Result<()> {
    let vmlinux = module::vmlinux_btf(root, kernel)?;
    let file = fs::read(root.host_path(&kernel.vmlinux()))?;
    let kfuncs = split_oracle::kfuncs_of(&file, &vmlinux)?;
    let object = resolve_btfids::assemble(root, &split_oracle::ids(&kfuncs)?)?;
    fs::write(folder.join("ids.o"), object)?;
    let [(_, pahole), (_, sorted), (_, shuffled)] = INPUTS;
    fs::write(folder.join(pahole), packages::pahole_btf(root, kernel)?)?;
    for (file, order) in [(sorted, TypeOrder::Kept), (shuffled, TypeOrder::Shuffled)] {
        let before = unsplit_btf(&vmlinux, None, &kfuncs, order)?;
        fs::write(folder.join(file), before)?;
    }
    Ok(())
}

/// Builds the command as it is installed.
fn build() -> Result<PathBuf> {
    let workspace = repository();
    let status = Command::new(env!("CARGO"))
        .current_dir(&workspace)
        .args(["build", "--release", "--locked", "--package", "kfunc-cli"])
        .args(["--target-dir", "target"])
        .status()?;
    ensure!(status.success(), "kfunc does not build");
    Ok(workspace.join("target/release/kfunc"))
}

struct Commands {
    ours: PathBuf,
    /// The kernel's tool runs with the libraries of the build root.
    loader: PathBuf,
    libraries: PathBuf,
    official: PathBuf,
    folder: PathBuf,
}

impl Commands {
    fn compare(&self, name: &str, file: &str) -> Result<Value> {
        let (mut ours, mut official) = (Vec::new(), Vec::new());
        // The first round finds all files in memory for the others.
        for round in 0..=ROUNDS {
            let (one, other) = (self.ours(file)?, self.official(file)?);
            if round > 0 {
                ours.push(one);
                official.push(other);
            }
        }
        self.check_same()?;
        let summary = |runs: &[Run]| {
            json!({
                "elapsed_ms": median(runs.iter().map(|run| run.elapsed)),
                "least_ms": least(runs),
                "cpu_ms": median(runs.iter().map(|run| run.processor)),
                "peak_bytes": runs.iter().map(|run| run.peak).max(),
            })
        };
        let ratio = |of: fn(&Run) -> Duration| {
            median(ours.iter().map(of)) / median(official.iter().map(of))
        };
        Ok(json!({
            "input": name,
            "bytes": fs::metadata(self.folder.join(file))?.len(),
            "kfunc": summary(&ours),
            "resolve_btfids": summary(&official),
            "ratio": ratio(|run| run.elapsed),
            "cpu_ratio": ratio(|run| run.processor),
        }))
    }

    fn ours(&self, input: &str) -> Result<Run> {
        let mut command = Command::new(&self.ours);
        command.args(["btf", "split", input, "--ids", "ids.o"]);
        command.args(["--ids-out", "ours.ids", "-o", "ours.btf"]);
        self.time(command, &["ours.btf", "ours.ids"])
    }

    fn official(&self, input: &str) -> Result<Run> {
        let mut command = Command::new(&self.loader);
        command.arg("--library-path").arg(&self.libraries);
        command.arg(&self.official).args(["--btf", input, "ids.o"]);
        self.time(command, &["ids.o.BTF", "ids.o.BTF_ids"])
    }

    /// Runs a command that writes these files, which are not there before.
    fn time(&self, mut command: Command, files: &[&str]) -> Result<Run> {
        for file in files {
            // The first time there is none.
            let _ = fs::remove_file(self.folder.join(file));
        }
        command.current_dir(&self.folder).stdout(Stdio::null());
        let start = Instant::now();
        let mut child = command.spawn().context("cannot run a command")?;
        let used = child.wait4()?;
        let elapsed = start.elapsed();
        ensure!(used.status.success(), "{command:?} failed");
        Ok(Run {
            elapsed,
            processor: used.rusage.utime + used.rusage.stime,
            peak: used.rusage.maxrss,
        })
    }

    fn check_same(&self) -> Result<()> {
        for (ours, official) in [("ours.btf", "ids.o.BTF"), ("ours.ids", "ids.o.BTF_ids")] {
            let read = |name| fs::read(self.folder.join(name));
            ensure!(
                read(ours)? == read(official)?,
                "{ours} and {official} differ"
            );
        }
        Ok(())
    }
}

/// The median of an odd number of times, in milliseconds.
fn median(times: impl Iterator<Item = Duration>) -> f64 {
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    times
        .get(times.len() / 2)
        .map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

fn least(runs: &[Run]) -> f64 {
    let least = runs.iter().map(|run| run.elapsed).min();
    least.map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

/// Whether `kfunc btf split` is fast enough on what pahole leaves.
pub fn is_met(report: &Value) -> bool {
    let first = &report["inputs"][0];
    first["ratio"].as_f64().is_some_and(|ratio| ratio <= TARGET)
}

/// The report, for people.
pub fn for_people(report: &Value) -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED).set_header([
        "types",
        "kfunc ms",
        "resolve_btfids ms",
        "ratio",
        "CPU ms",
        "CPU ms",
        "CPU ratio",
        "peak MiB",
        "peak MiB",
    ]);
    for row in report["inputs"].as_array().into_iter().flatten() {
        let number = |value: &Value, scale: f64, digits: usize| {
            let value = value.as_f64().unwrap_or(f64::NAN) / scale;
            format!("{value:.digits$}")
        };
        let (ours, official) = (&row["kfunc"], &row["resolve_btfids"]);
        const MIB: f64 = 1024.0 * 1024.0;
        table.add_row([
            row["input"].as_str().unwrap_or_default().to_owned(),
            number(&ours["elapsed_ms"], 1.0, 1),
            number(&official["elapsed_ms"], 1.0, 1),
            number(&row["ratio"], 1.0, 2),
            number(&ours["cpu_ms"], 1.0, 1),
            number(&official["cpu_ms"], 1.0, 1),
            number(&row["cpu_ratio"], 1.0, 2),
            number(&ours["peak_bytes"], MIB, 1),
            number(&official["peak_bytes"], MIB, 1),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let verdict = if is_met(report) { "met" } else { "MISSED" };
    format!(
        "whole commands in turns, median of {ROUNDS}; the same bytes from both\n{table}\n\
         at most {TARGET} of the time of resolve_btfids on what pahole leaves: {verdict}"
    )
}
