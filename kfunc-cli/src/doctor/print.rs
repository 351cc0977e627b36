// SPDX-License-Identifier: MIT OR Apache-2.0

//! The diagnosis, for people.

use comfy_table::{presets, Cell, Color, ContentArrangement, Table};

use super::{Diagnosis, Finding, Who};

/// The findings by rule, each with who is hit and what mends it; then the notes, and the summary.
pub(super) fn for_people(diagnosis: &Diagnosis, terminal: bool) -> String {
    let mut by_rule: Vec<_> = diagnosis.findings.iter().collect();
    by_rule.sort_by_key(|finding| finding.rule);
    let mut text = String::new();
    let mut counts = Vec::new();
    for findings in by_rule.chunk_by(|one, other| one.rule == other.rule) {
        let Some(first) = findings.first() else {
            continue;
        };
        let rule = first.rule;
        let mut who = Who::default();
        for finding in findings {
            who.add(&finding.who);
        }
        counts.push(format!("{} {}", findings.len(), rule.name()));
        text.push_str(&format!("{}: {}\n", rule.name(), rule.title()));
        text.push_str(&table(findings, terminal));
        text.push_str(&format!("  hits: {}\n", rule.hits(&who)));
        text.push_str(&format!("  mend: {}\n\n", rule.mend()));
    }
    for note in &diagnosis.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    let found = match (counts.is_empty(), diagnosis.is_complete()) {
        (true, true) => "nothing found".to_owned(),
        (true, false) => "nothing found in what could be looked at".to_owned(),
        (false, _) => counts.join(", "),
    };
    let kfuncs = count(diagnosis.kfuncs, "kfunc");
    let sets = count(diagnosis.sets, "set");
    text.push_str(&format!("{found}: {kfuncs} in {sets}\n"));
    text
}

fn count(count: usize, one: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {one}s"),
    }
}

fn table(findings: &[&Finding], terminal: bool) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    if terminal {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    for finding in findings {
        let module = format!("{}:", finding.module);
        table.add_row([
            Cell::new(module),
            Cell::new(&finding.name).fg(Color::Cyan),
            Cell::new(&finding.what),
            Cell::new(finding.sets.join(" ")),
        ]);
    }
    let lines = table.trim_fmt();
    lines.lines().map(|line| format!(" {line}\n")).collect()
}
