// SPDX-License-Identifier: MIT OR Apache-2.0

//! The table of README.md that says which kernels are tested, with which skin and in which ways. `cargo xtask matrix`
//! makes it of what the kernels did.

use anyhow::Result;

use crate::boot::Booted;
use crate::kernel::{Arch, Flavour, Kernel, Row, SERIES};
use crate::written_part::WrittenPart;

/// Where the table stands.
const TABLE: WrittenPart = WrittenPart {
    document: "README.md",
    begin: "<!-- kernels: made by cargo xtask matrix -->\n",
    end: "<!-- end of kernels -->\n",
};
const HEAD: &str = "\nWhat `cargo xtask matrix` came to: the demo, a kfunc of every shape (`shapes`), and 1,000 programs of all types that come and go\n(`lifecycle`), on the newest kernels of Debian 13 and its backports.\n\n| kernel | flavour | amd64 | arm64 |\n|---|---|---|---|\n";
const ARCHS: [Arch; 2] = [Arch::Amd64, Arch::Arm64];
/// There is no such kernel.
const NONE: &str = "–";
/// The table was not made again since there is such a row.
const NOT_RUN: &str = "not run";
/// Something was not as it must be.
const FAILS: &str = "fails";
/// What is between the point release of a cell, which the next one may change, and the rest.
const AFTER_RELEASE: &str = ", ";

/// What stands in the table, by row.
type Cells = Vec<(Row, String)>;

/// The cell of `kernel`, by what became of it: `7.3.4, Rust: bound, native`.
pub fn cell(kernel: &Kernel, booted: Option<&Booted>) -> (Row, String) {
    let point = kernel.version.split('+').next().unwrap_or_default();
    let what = match booted {
        Some(booted) if booted.report.failures.is_empty() => {
            let mut ways: Vec<_> = booted.report.calls.iter().map(|call| &*call.way).collect();
            ways.dedup();
            format!("{}: {}", booted.skin, ways.join(", "))
        }
        _ => FAILS.to_owned(),
    };
    (kernel.row(), format!("{point}{AFTER_RELEASE}{what}"))
}

/// Puts the cell of a row into the table of README.md. The others stay as they are.
///
/// # Errors
///
/// README.md has no place for the table, or cannot be written.
pub fn update(cell: (Row, String)) -> Result<()> {
    let mut cells = vec![cell];
    cells.extend(parse(&TABLE.read()?));
    TABLE.write(&render(&cells))
}

/// Checks that the table has the rows that there are, and says of each of `booted` what became of it, whatever the point
/// release.
///
/// # Errors
///
/// README.md has no table.
pub fn check(booted: &[Booted]) -> Result<Vec<String>> {
    Ok(differences(&TABLE.read()?, booted))
}

fn differences(table: &str, booted: &[Booted]) -> Vec<String> {
    let cells = parse(table);
    let mut wrong = Vec::new();
    if render(&cells) != table {
        wrong.push("README.md has other rows of kernels than there are".to_owned());
    }
    for booted in booted {
        let (row, now) = cell(&booted.kernel, Some(booted));
        let then = find(&cells, row).unwrap_or(NOT_RUN);
        let what = |cell: &str| {
            cell.split_once(AFTER_RELEASE)
                .map(|(_, what)| what.to_owned())
        };
        if what(then) != what(&now) {
            let kernel = &booted.kernel;
            wrong.push(format!("{kernel}: README.md says '{then}', not '{now}'"));
        }
    }
    if !wrong.is_empty() {
        wrong.push("cargo xtask matrix makes the table of README.md again".to_owned());
    }
    wrong
}

fn find(cells: &Cells, row: Row) -> Option<&str> {
    let cell = cells.iter().find(|(other, _)| *other == row);
    cell.map(|(_, cell)| &**cell)
}

fn render(cells: &Cells) -> String {
    let mut table = HEAD.to_owned();
    for &series in SERIES {
        for &flavour in Flavour::ALL {
            let of = |arch| Row {
                series,
                flavour,
                arch,
            };
            let texts = ARCHS.map(|arch| {
                let cell = if flavour.is_for(arch) {
                    find(cells, of(arch)).unwrap_or(NOT_RUN)
                } else {
                    NONE
                };
                format!("{cell} |")
            });
            let start = line_start(series.version, flavour);
            table.push_str(&format!("{start} {}\n", texts.join(" ")));
        }
    }
    table.push('\n');
    table
}

/// The cells of kernels that were booted.
fn parse(table: &str) -> Cells {
    let cells = Row::all().filter_map(|row| {
        let start = line_start(row.series.version, row.flavour);
        let mut lines = table.lines();
        let texts = lines.find_map(|line| line.strip_prefix(&start))?;
        let place = ARCHS.iter().position(|arch| *arch == row.arch)?;
        let text = texts.split('|').nth(place)?.trim();
        (text != NOT_RUN).then(|| (row, text.to_owned()))
    });
    cells.collect()
}

fn line_start(series: &str, flavour: Flavour) -> String {
    format!("| {series} | {flavour} |")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Skin;
    use crate::verdict::{Call, Report};

    fn full() -> Cells {
        let cells = Row::all().map(|row| (row, format!("{}.1, C: bound", row.series.version)));
        cells.collect()
    }

    fn booted(row: Row, ways: &[&str]) -> Booted {
        let call = |way: &&str| Call {
            way: (*way).to_owned(),
            call: String::new(),
            implicit: String::new(),
            verdict: "ok".to_owned(),
        };
        Booted {
            kernel: Kernel {
                series: row.series,
                flavour: row.flavour,
                arch: row.arch,
                version: format!("{}.2+deb13", row.series.version),
            },
            skin: Skin::C,
            signatures: Vec::new(),
            report: Report {
                calls: ways.iter().map(call).collect(),
                ..Report::default()
            },
        }
    }

    #[test]
    fn readme_has_every_row() {
        assert_eq!(check(&[]).unwrap(), [""; 0]);
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(parse(&render(&full())), full());
        let mut partly = full();
        partly.remove(3);
        assert_eq!(parse(&render(&partly)), partly);
    }

    #[test]
    fn a_table_that_does_not_fit_is_found() {
        let row = Row::all().next().unwrap();
        let table = render(&full());
        assert_eq!(
            differences(&table, &[booted(row, &["bound", "bound"])]),
            [""; 0]
        );
        assert_eq!(
            differences(&table, &[booted(row, &["bound", "native"])]).len(),
            2
        );
        let mut failed = booted(row, &["bound"]);
        failed.report.failures.push("wrong".to_owned());
        assert_eq!(differences(&table, &[failed]).len(), 2);
        let not_run = render(&full()[1..].to_vec());
        assert_eq!(differences(&not_run, &[]), [""; 0]);
        assert_eq!(differences(&not_run, &[booted(row, &["bound"])]).len(), 2);
        let more = format!("{}\n| 6.1 | cloud | | |\n", table.trim_end());
        assert_eq!(differences(&more, &[]).len(), 2);
    }

    #[test]
    fn cells_tell_skin_and_ways_once() {
        let row = Row::all().next().unwrap();
        let booted = booted(row, &["bound", "bound", "native"]);
        let (_, text) = cell(&booted.kernel, Some(&booted));
        assert_eq!(text, format!("{}.2, C: bound, native", row.series.version));
        let (_, text) = cell(&booted.kernel, None);
        assert_eq!(text, format!("{}.2, fails", row.series.version));
    }
}
