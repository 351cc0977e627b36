// SPDX-License-Identifier: MIT OR Apache-2.0

//! Fixing up the kfunc calls of large programs: verifier-fixup at once, beside patching one call after the other as the
//! kernel does.

use std::process::{Command, Stdio};

use anyhow::{ensure, Result};
use comfy_table::{presets, CellAlignment, Table};
use serde_json::Value;

use crate::progress::step;

/// How many times as fast it must be at least, for the largest program.
const TARGET: f64 = 10.0;
/// How many times as long four times the program may take at most. Whatever is linear takes four times; a square, sixteen.
const GROWTH: f64 = 6.0;

/// Builds and runs the bench of verifier-fixup; gives what it printed: a row for each size.
///
/// # Errors
///
/// It does not build, or fails.
pub fn run() -> Result<Value> {
    step("fixup: at once, and one by one", || {
        let output = Command::new(env!("CARGO"))
            .args(["bench", "--quiet", "--locked", "--package"])
            .args(["verifier-fixup", "--bench", "rewrite"])
            .stderr(Stdio::inherit())
            .output()?;
        ensure!(output.status.success(), "the bench failed");
        Ok(serde_json::from_slice(&output.stdout)?)
    })
}

/// Whether it is fast enough, and linear.
pub fn is_met(report: &Value) -> bool {
    ratio(&report[2]) >= TARGET && growth(report) <= GROWTH
}

/// How many times as long one by one takes.
fn ratio(row: &Value) -> f64 {
    milliseconds(row, "one_by_one_ms") / milliseconds(row, "at_once_ms")
}

/// How many times as long the largest program takes as the smallest, a quarter of it.
fn growth(report: &Value) -> f64 {
    milliseconds(&report[2], "at_once_ms") / milliseconds(&report[0], "at_once_ms")
}

fn milliseconds(row: &Value, of: &str) -> f64 {
    row[of].as_f64().unwrap_or(f64::NAN)
}

/// The report, for people.
pub fn for_people(report: &Value) -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED).set_header([
        "instructions",
        "kfunc calls",
        "at once ms",
        "one by one ms",
        "times as fast",
    ]);
    for row in report.as_array().into_iter().flatten() {
        table.add_row([
            row["insns"].to_string(),
            row["calls"].to_string(),
            format!("{:.2}", milliseconds(row, "at_once_ms")),
            format!("{:.1}", milliseconds(row, "one_by_one_ms")),
            format!("{:.0}", ratio(row)),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let verdict = if is_met(report) { "met" } else { "MISSED" };
    format!(
        "medians; the same programs from both, which do not move what else the verifier knows of an instruction\n\
         {table}\nat least {TARGET} times as fast, and at most {GROWTH} times as long for four times as much ({:.1}): {verdict}",
        growth(report)
    )
}
