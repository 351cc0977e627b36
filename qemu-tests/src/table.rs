// SPDX-License-Identifier: MIT OR Apache-2.0

//! The demo's table.

use std::io::{stdout, IsTerminal};

use comfy_table::{presets, Attribute, Cell, Color, ContentArrangement, Table};
use serde_json::{json, Value};

use crate::boot::Booted;
use crate::verdict::Call;

/// One row.
struct Row<'b> {
    booted: &'b Booted,
    call: &'b Call,
    full: &'b str,
}

fn rows(booted: &[Booted]) -> impl Iterator<Item = Row<'_>> {
    booted.iter().flat_map(|booted| {
        booted.report.calls.iter().map(move |call| Row {
            booted,
            call,
            full: full_signature(booted, call),
        })
    })
}

/// The signature of what ran for `call`.
fn full_signature<'b>(booted: &'b Booted, call: &Call) -> &'b str {
    let name = call.call.split('(').next().unwrap_or_default();
    let names = |public: &str| public.split([' ', '*', '(']).any(|word| word == name);
    let mut signatures = booted.signatures.iter();
    signatures
        .find(|kfunc| names(&kfunc.public))
        .map_or("unknown", |kfunc| {
            kfunc.full.as_ref().unwrap_or(&kfunc.public)
        })
}

/// The rows, for people.
pub fn for_people(booted: &[Booted]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header([
            "kernel",
            "flavour",
            "arch",
            "skin",
            "way",
            "call in BPF",
            "what ran",
            "implicit argument",
            "verdict",
        ]);
    if !stdout().is_terminal() {
        table.force_no_tty();
    }
    for Row { booted, call, full } in rows(booted) {
        let color = if call.verdict == "ok" {
            Color::Green
        } else {
            Color::Red
        };
        table.add_row([
            Cell::new(&booted.kernel.version),
            Cell::new(booted.kernel.flavour),
            Cell::new(booted.kernel.arch),
            Cell::new(booted.skin),
            Cell::new(&call.way),
            Cell::new(&call.call),
            Cell::new(full),
            Cell::new(&call.implicit),
            Cell::new(&call.verdict)
                .fg(color)
                .add_attribute(Attribute::Bold),
        ]);
    }
    table
}

/// The rows, for machines.
pub fn for_machines(booted: &[Booted]) -> Value {
    rows(booted)
        .map(|Row { booted, call, full }| {
            json!({
                "kernel": booted.kernel.version,
                "flavour": booted.kernel.flavour.to_string(),
                "arch": booted.kernel.arch.to_string(),
                "skin": booted.skin.to_string(),
                "way": call.way,
                "call": call.call,
                "full_signature": full,
                "implicit": call.implicit,
                "verdict": call.verdict,
            })
        })
        .collect()
}
