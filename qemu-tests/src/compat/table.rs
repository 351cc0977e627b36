// SPDX-License-Identifier: MIT OR Apache-2.0

//! The table of one kernel, and what of `docs/compatibility.md` is made here.

use comfy_table::{presets, Table};

use super::cell::{Key, Program, Tools};
use super::outcome::Outcome;
use super::{Kfunc, KFUNCS, PREFIX};

/// The document that has the tables.
const DOCUMENT: &str = include_str!("../../../docs/compatibility.md");
/// The programs that have a column, and what stands above it.
const COLUMNS: [(Program, &str); 3] = [
    (Program::Old, "program by the old header"),
    (Program::New, "program by the new header"),
    (Program::Raw, "raw instructions"),
];

/// The table in Markdown: a row for each kfunc and each BTF.
pub(super) fn of(outcome: impl Fn(Key) -> Option<Outcome>) -> String {
    let mut table = Table::new();
    let above = COLUMNS.map(|(_, above)| above);
    table
        .load_preset(presets::ASCII_MARKDOWN)
        .set_header(["call", "BTF by"].into_iter().chain(above));
    for kfunc in KFUNCS {
        for (tools, made_by) in [(Tools::Old, "old tools"), (Tools::New, "new tools")] {
            let columns = COLUMNS.map(|(program, _)| {
                let key = Key {
                    tools,
                    program,
                    kfunc: kfunc.name,
                };
                outcome(key).map_or_else(|| "?".to_owned(), |outcome| words(outcome, *kfunc, key))
            });
            let call = format!("`{PREFIX}{}`", kfunc.name);
            table.add_row([call, made_by.to_owned()].into_iter().chain(columns));
        }
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

fn words(outcome: Outcome, kfunc: Kfunc, key: Key) -> String {
    // Raw instructions have no declaration of their own: it is that of the kernel's BTF.
    let passes = kfunc.is_impl()
        || match key.program {
            Program::Raw => key.tools == Tools::Old,
            program => program == Program::Old,
        };
    match outcome {
        Outcome::OwnAux => "own aux".to_owned(),
        Outcome::Arrives if passes => "what it passes".to_owned(),
        Outcome::Arrives => "**what is in the register**".to_owned(),
        Outcome::NoFunc => "no such id".to_owned(),
        refused => format!("{} refuses ({})", refused.who(), number(refused)),
    }
}

fn number(refused: Outcome) -> usize {
    let before = Outcome::REFUSALS.iter().take_while(|one| **one != refused);
    before.count() + 1
}

/// With which words programs are refused, by number.
pub(super) fn refusals() -> String {
    let lines = Outcome::REFUSALS.map(|refused| {
        format!(
            "{}. {}: `{}`",
            number(refused),
            refused.who(),
            refused.words("foo")
        )
    });
    lines.join("\n")
}

/// What the document has where it says that the table is of a kernel with `native` implicit arguments or without.
pub(super) fn published(native: bool) -> Option<&'static str> {
    block(if native { "native" } else { "without" })
}

fn block(name: &str) -> Option<&'static str> {
    let (_, rest) = DOCUMENT.split_once(&format!("<!-- {name} -->\n"))?;
    Some(rest.split_once("\n<!-- end -->")?.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compat::expected::expected;

    #[test]
    fn the_document_has_what_is_expected() {
        for native in [false, true] {
            let table = of(|key| expected(native, key));
            assert_eq!(
                published(native),
                Some(&*table),
                "native: {native}\n{table}\n"
            );
        }
        let refusals = refusals();
        assert_eq!(block("refusals"), Some(&*refusals), "{refusals}\n");
    }

    #[test]
    fn another_outcome_is_another_table() {
        let table = of(|key| expected(true, key));
        for changed in Key::all() {
            let shown = changed.tools != Tools::Ours
                && COLUMNS
                    .iter()
                    .any(|(program, _)| *program == changed.program);
            let other = of(|key| match expected(true, key) {
                Some(Outcome::OwnAux) if key == changed => Some(Outcome::Arrives),
                Some(_) if key == changed => Some(Outcome::OwnAux),
                same => same,
            });
            assert_eq!(other != table, shown, "{changed}");
        }
    }
}
