// SPDX-License-Identifier: MIT OR Apache-2.0

//! The table of what kernels and btf-core made of the same BTF.

use std::collections::BTreeSet;

use btf_core::validate::Rule;
use comfy_table::{presets, Table};
use serde_json::{json, Value};

use crate::parity::Parity;

/// A row for each kernel, for people.
pub fn for_people(compared: &[Parity]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED).set_header([
        "kernel",
        "arch",
        "BTF blobs",
        "taken",
        "refused",
        "rules met",
        "disagreements",
    ]);
    for parity in compared {
        table.add_row([
            parity.kernel.version.clone(),
            parity.kernel.arch.to_string(),
            parity.blobs.to_string(),
            parity.taken.to_string(),
            (parity.blobs - parity.taken).to_string(),
            format!("{} of {}", parity.rules.len(), rules().len()),
            parity.failures.len().to_string(),
        ]);
    }
    table
}

/// Rules, by their words: some share them.
fn rules() -> BTreeSet<&'static str> {
    Rule::ALL.iter().map(|rule| rule.as_str()).collect()
}

/// The same for machines, with every disagreement and with the rules that no blob broke.
pub fn for_machines(compared: &[Parity]) -> Value {
    let row = |parity: &Parity| {
        json!({
            "kernel": parity.kernel.version,
            "arch": parity.kernel.arch.to_string(),
            "blobs": parity.blobs,
            "taken": parity.taken,
            "rules": parity.rules,
            "rules_not_met": rules().difference(&parity.rules).collect::<Vec<_>>(),
            "disagreements": parity.failures,
        })
    };
    compared.iter().map(row).collect()
}
