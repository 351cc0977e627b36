// SPDX-License-Identifier: MIT OR Apache-2.0

//! The table of what kernels and btf-core made of the same BTF.

use std::collections::BTreeSet;

use btf_core::validate::Rule;
use comfy_table::{presets, Table};
use serde_json::{json, Value};

use crate::parity::{Owner, Parity};

/// Two rows for each kernel, for people.
pub fn for_people(compared: &[Parity]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED).set_header([
        "kernel",
        "arch",
        "BTF of",
        "blobs",
        "taken",
        "refused",
        "rules met",
        "disagreements",
    ]);
    for parity in compared {
        table.add_row([
            parity.kernel.version.clone(),
            parity.kernel.arch.to_string(),
            parity.owner.to_string(),
            parity.blobs.to_string(),
            parity.taken.to_string(),
            (parity.blobs - parity.taken).to_string(),
            rules_met(parity),
            parity.failures.len().to_string(),
        ]);
    }
    table
}

/// All rules are for programs.
fn rules_met(parity: &Parity) -> String {
    let met = parity.rules.len();
    match parity.owner {
        Owner::Program => format!("{met} of {}", rules().len()),
        Owner::Module => met.to_string(),
    }
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
            "btf_of": parity.owner.to_string(),
            "blobs": parity.blobs,
            "taken": parity.taken,
            "rules": parity.rules,
            "rules_not_met": match parity.owner {
                Owner::Program => json!(rules().difference(&parity.rules).collect::<Vec<_>>()),
                Owner::Module => Value::Null,
            },
            "disagreements": parity.failures,
        })
    };
    compared.iter().map(row).collect()
}
