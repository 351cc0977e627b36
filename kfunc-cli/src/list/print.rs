// SPDX-License-Identifier: MIT OR Apache-2.0

//! The list, for people.

use comfy_table::{presets, Cell, Color, ContentArrangement, Table};
use kfunc_abi::{KfuncFlags, Source};

use super::{Kfunc, KfuncList, Programs};

/// The list as a table, what is not known, and the summary. On a terminal it is as wide as that, and coloured.
pub fn for_people(list: &KfuncList, terminal: bool) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header([
        "kfunc",
        "implicit",
        "flags",
        "programs",
        "sets",
        "prototype",
    ]);
    if terminal {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    for kfunc in &list.kfuncs {
        table.add_row([
            Cell::new(name(kfunc)),
            Cell::new(implicit(kfunc)).fg(Color::Cyan),
            Cell::new(flags(kfunc)),
            Cell::new(programs(&kfunc.programs)),
            Cell::new(sets(kfunc)),
            Cell::new(&kfunc.prototype),
        ]);
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    for note in &list.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    text.push_str(&list.summary());
    text.push('\n');
    text
}

fn name(kfunc: &Kfunc) -> String {
    match &kfunc.legacy_of {
        Some(name) => format!("{} (legacy: {name})", kfunc.name),
        None => kfunc.name.clone(),
    }
}

fn implicit(kfunc: &Kfunc) -> String {
    let params = kfunc.implicit.join(", ");
    match kfunc.source {
        Source::Plain | Source::Pair | Source::Record => params,
        other => format!("{params} ({})", source(other)),
    }
}

/// How it is known which parameters are implicit, in a word.
pub(super) fn source(source: Source) -> &'static str {
    match source {
        Source::Plain => "plain",
        Source::Pair => "pair",
        Source::Unsplit => "unsplit",
        Source::ProgSuffix => "__prog",
        Source::MagicSuffix => "__magic",
        Source::Record => "record",
    }
}

fn flags(kfunc: &Kfunc) -> String {
    match kfunc.flags {
        None => "unknown".to_owned(),
        Some(flags) => flag_names(flags).join(" "),
    }
}

/// The names of flags, and unknown bits as a number.
pub(super) fn flag_names(flags: KfuncFlags) -> Vec<String> {
    if flags.is_empty() {
        return Vec::new();
    }
    let text = flags.to_string();
    text.split(" | ").map(str::to_owned).collect()
}

fn programs(programs: &Programs) -> String {
    let mut words: Vec<_> = programs.hooks().iter().map(|hook| hook.name()).collect();
    if programs.fmod_ret {
        words.push("FMODRET");
    }
    if programs.unknown {
        words.push("unknown");
    }
    if programs.filtered {
        words.push("(filtered)");
    }
    words.join(" ")
}

fn sets(kfunc: &Kfunc) -> String {
    if kfunc.sets.is_empty() {
        let why = match kfunc.source {
            Source::Record => "declared",
            _ => "unknown",
        };
        return format!("{}: {why}", kfunc.module);
    }
    kfunc.sets.join(" ")
}
