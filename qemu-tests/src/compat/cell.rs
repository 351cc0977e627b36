// SPDX-License-Identifier: MIT OR Apache-2.0

//! The cells of the table, as a guest tells them and as they must be.

use std::fmt;

use super::expected::expected;
use super::outcome::Outcome;
use super::KFUNCS;

/// What made the module's BTF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tools {
    /// pahole.
    Old,
    /// resolve_btfids of 7.x.
    New,
    /// `kfunc btf split`.
    Ours,
}

impl Tools {
    pub(super) const ALL: [Self; 3] = [Self::Old, Self::New, Self::Ours];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::New => "new",
            Self::Ours => "ours",
        }
    }
}

/// What the program was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// The header of the old tools' BTF.
    Old,
    /// The same, with kfuncs that may be missing, as bpftool declares them.
    OldWeak,
    /// The header of the new tools' BTF.
    New,
    /// The same, with kfuncs that may be missing.
    NewWeak,
    /// Instructions that name the kfunc by its id.
    Raw,
    /// Both declarations: it calls by the one that fits.
    Either,
}

impl Program {
    pub(super) const ALL: [Self; 6] = [
        Self::Old,
        Self::OldWeak,
        Self::New,
        Self::NewWeak,
        Self::Raw,
        Self::Either,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::OldWeak => "old_weak",
            Self::New => "new",
            Self::NewWeak => "new_weak",
            Self::Raw => "raw",
            Self::Either => "either",
        }
    }
}

/// Which cell, of one kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub tools: Tools,
    pub program: Program,
    /// The name of the kfunc, without its prefix.
    pub kfunc: &'static str,
}

impl Key {
    /// Those of all cells that there can be.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        Tools::ALL.into_iter().flat_map(|tools| {
            Program::ALL.into_iter().flat_map(move |program| {
                KFUNCS.iter().map(move |kfunc| Self {
                    tools,
                    program,
                    kfunc: kfunc.name,
                })
            })
        })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tools, program) = (self.tools.name(), self.program.name());
        write!(f, "{tools}|{program}|{}", self.kfunc)
    }
}

/// What a guest has told of a cell; none if that is no outcome that is known.
pub(super) fn told(cells: &[String], key: Key) -> Option<Outcome> {
    let mut cells = cells.iter();
    let rest = cells.find_map(|cell| of(cell, key))?;
    let (who, words) = rest.split_once('|')?;
    Outcome::told(key.kfunc, who, words)
}

/// What comes behind the key, if it is this one.
fn of(cell: &str, key: Key) -> Option<&str> {
    cell.strip_prefix(&key.to_string())?.strip_prefix('|')
}

/// What is not as it must be in the cells of a guest, whose kernel has `native` implicit arguments or not.
pub(super) fn judge(cells: &[String], native: bool) -> Vec<String> {
    let mut failures = Vec::new();
    let mut known = 0;
    for key in Key::all() {
        let told: Vec<_> = cells.iter().filter_map(|cell| of(cell, key)).collect();
        known += told.len();
        match (expected(native, key), told.as_slice()) {
            (None, []) => {}
            (Some(expected), [words]) => {
                if self::told(cells, key) != Some(expected) {
                    failures.push(format!("{key}: {words}, not {expected:?}"));
                }
            }
            (expected, told) => failures.push(format!(
                "{key}: told {} times, not {}",
                told.len(),
                usize::from(expected.is_some())
            )),
        }
    }
    if known != cells.len() {
        failures.push(format!("{} cells of nothing", cells.len() - known));
    }
    failures
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(native: bool) -> Vec<String> {
        let told = |key: Key| {
            let outcome = expected(native, key)?;
            let words = outcome.words(&format!("bpf_compat_{}", key.kfunc));
            Some(format!("{key}|{}|{words}", outcome.who()))
        };
        Key::all().filter_map(told).collect()
    }

    #[test]
    fn every_cell_is_there_once_and_right() {
        for native in [false, true] {
            let cells = good(native);
            assert_eq!(cells.len(), 3 * (6 * 5 + 3));
            assert_eq!(judge(&cells, native), [""; 0]);
            for at in 0..cells.len() {
                let mut missing = cells.clone();
                let cell = missing.remove(at);
                assert_eq!(judge(&missing, native).len(), 1, "{cell}");
                let mut doubled = cells.clone();
                doubled.push(cell.clone());
                assert_eq!(judge(&doubled, native).len(), 1, "{cell}");
                let mut wrong = cells.clone();
                wrong[at].push('3');
                assert_eq!(judge(&wrong, native).len(), 1, "{cell}");
            }
        }
    }

    #[test]
    fn cells_of_another_kernel_or_of_nothing_are_found() {
        assert!(!judge(&good(true), false).is_empty());
        let mut more = good(false);
        more.push("old|old|other|accepted|2".to_owned());
        more.push("old|either|plain_impl|accepted|2".to_owned());
        assert_eq!(judge(&more, false).len(), 2);
    }
}
