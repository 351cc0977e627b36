// SPDX-License-Identifier: MIT OR Apache-2.0

//! btf-core beside its peers on the BTF of a stock kernel: builds and runs the program in `bench`.

use std::ffi::OsStr;
use std::fs;
use std::io::{stdout, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{ensure, Context, Result};
use comfy_table::{presets, Attribute, Cell, CellAlignment, Color, ContentArrangement, Table};
use serde_json::Value;

use crate::build_root::{install, BuildRoot};
use crate::kernel::Kernel;
use crate::progress::step;
use crate::{module, packages};

/// What libbpf is built with, as Debian calls it.
const PACKAGES: &[&str] = &["gcc", "libelf-dev", "make", "pkg-config", "zlib1g-dev"];

/// aya-obj asks for Rust 1.98, for the sake of one function that older compilers have behind this feature.
const AYA_FEATURE: &str = "-Zcrate-attr=feature(result_option_map_or_default)";
const AYA_RUST: u32 = 98;

/// Lets btf-core and its peers do the same work on the BTF of `kernel`; gives what the program in `bench` says.
///
/// # Errors
///
/// Something cannot be downloaded or built, or a peer fails.
pub fn run(root: &BuildRoot, kernel: &Kernel) -> Result<Value> {
    let program = build()?;
    packages::install(root, kernel)?;
    let input = root.host_path(&BuildRoot::own(&format!("bench-{kernel}.btf")));
    fs::write(&input, module::vmlinux_btf(root, kernel)?)?;
    step(&format!("{kernel}: btf-core and its peers"), || {
        let output = Command::new(&program)
            .arg(&input)
            .stderr(Stdio::inherit())
            .output()?;
        ensure!(output.status.success(), "the bench failed");
        Ok(serde_json::from_slice(&output.stdout)?)
    })
}

/// Builds the program, and what it needs.
fn build() -> Result<PathBuf> {
    let mut libraries = Command::new("pkg-config");
    libraries.args(["--exists", "libelf", "zlib"]);
    if !libraries.status().is_ok_and(|status| status.success()) {
        install(PACKAGES)?;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench");
    step("bench: building it and the peers", || {
        let with_aya = cargo_build(&folder, true);
        if let Err(error) = with_aya {
            eprintln!(
                "{error:#}: trying without aya-obj, which needs a newer compiler than the others"
            );
            cargo_build(&folder, false)?;
        }
        Ok(())
    })?;
    Ok(folder.join("target/release/btf-bench"))
}

fn cargo_build(folder: &Path, aya: bool) -> Result<()> {
    let mut command = Command::new(env!("CARGO"));
    command
        .current_dir(folder)
        .args(["build", "--release", "--locked", "--target-dir", "target"]);
    if aya {
        command.args(["--features", "aya", "--ignore-rust-version"]);
        if rust_minor()? < AYA_RUST {
            command
                .env("RUSTC_BOOTSTRAP", "1")
                .env("RUSTFLAGS", AYA_FEATURE);
        }
    }
    let status = command.status()?;
    ensure!(status.success(), "the bench does not build");
    Ok(())
}

/// The 95 of `rustc 1.95.0`.
fn rust_minor() -> Result<u32> {
    let rustc = std::env::var_os("RUSTC");
    let rustc = rustc.as_deref().unwrap_or(OsStr::new("rustc"));
    let output = Command::new(rustc).arg("--version").output()?;
    let version = String::from_utf8(output.stdout)?;
    version
        .split('.')
        .nth(1)
        .and_then(|minor| minor.parse().ok())
        .with_context(|| format!("'{version}' is no version of rustc"))
}

/// Whether every target is met.
pub fn all_met(report: &Value) -> bool {
    peers(report).iter().all(|peer| met(peer) != Some(false))
}

fn peers(report: &Value) -> &[Value] {
    report["peers"].as_array().map_or(&[], Vec::as_slice)
}

fn met(peer: &Value) -> Option<bool> {
    Some(peer["ratio"].as_f64()? <= peer["target"].as_f64()?)
}

/// The report, for people.
pub fn for_people(report: &Value) -> String {
    format!(
        "{types} types in {bytes} bytes, names {sorted}; {look_ups} FUNCs looked up by name and their prototypes read.\n\
         CPU time of the thread, median of {repetitions}, in ms; heap as malloc gives it.\n\n{peers}\n\n\
         Larger inputs: the types {sizes} times, with an index in proportion.\n\n{growth}",
        types = report["types"],
        bytes = report["bytes"],
        sorted = if report["sorted"] == true { "sorted" } else { "not sorted" },
        look_ups = report["look_ups"],
        repetitions = report["repetitions"],
        peers = peers_table(report),
        sizes = sizes(report),
        growth = growth_table(report),
    )
}

fn sizes(report: &Value) -> String {
    let growth = report["growth"].as_array().map_or(&[][..], Vec::as_slice);
    let sizes: Vec<_> = growth.iter().map(|row| row["size"].to_string()).collect();
    sizes.join(", ")
}

fn peers_table(report: &Value) -> Table {
    let mut table = table(&[
        "",
        "open",
        "look-ups",
        "both",
        "ratio",
        "target",
        "scratch KiB",
        "heap KiB",
        "peak KiB",
        "allocations",
        "answers",
    ]);
    for peer in peers(report) {
        let target = match (peer["target"].as_f64(), met(peer)) {
            (Some(target), Some(true)) => Cell::new(format!("≤ {target}: met")).fg(Color::Green),
            (Some(target), _) => Cell::new(format!("≤ {target}: MISSED"))
                .fg(Color::Red)
                .add_attribute(Attribute::Bold),
            (None, _) => Cell::new(""),
        };
        let answers = match (peer["wrong"].as_u64(), peer["prototypes"].as_bool()) {
            (Some(0), Some(true)) => "right".to_owned(),
            (Some(0), _) => "names only".to_owned(),
            (wrong, _) => format!("{} wrong", wrong.unwrap_or(0)),
        };
        table.add_row([
            Cell::new(peer["name"].as_str().unwrap_or_default()),
            number(peer, "open_ms", 2),
            number(peer, "look_ups_ms", 2),
            number(peer, "total_ms", 2),
            number(peer, "ratio", 2),
            target,
            kib(peer, "scratch_bytes"),
            kib(peer, "live_heap"),
            kib(peer, "peak_heap"),
            number(peer, "allocations", 0),
            Cell::new(answers),
        ]);
    }
    table
}

fn growth_table(report: &Value) -> Table {
    let mut table = table(&[
        "times",
        "types",
        "MB",
        "index KiB",
        "open ms",
        "open ns per type",
        "ns per look-up",
    ]);
    for row in report["growth"].as_array().into_iter().flatten() {
        table.add_row([
            number(row, "size", 0),
            number(row, "types", 0),
            right(format!(
                "{:.1}",
                row["bytes"].as_f64().unwrap_or(f64::NAN) / 1e6
            )),
            kib(row, "scratch_bytes"),
            number(row, "open_ms", 2),
            number(row, "open_ns_per_type", 1),
            number(row, "look_up_ns", 0),
        ]);
    }
    table
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    if !stdout().is_terminal() {
        table.force_no_tty();
    }
    table
}

fn right(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

fn number(row: &Value, key: &str, digits: usize) -> Cell {
    let value = row[key].as_f64().unwrap_or(f64::NAN);
    right(format!("{value:.digits$}"))
}

fn kib(row: &Value, key: &str) -> Cell {
    let bytes = row[key].as_f64().unwrap_or(f64::NAN);
    right(format!("{:.0}", bytes / 1024.0))
}
