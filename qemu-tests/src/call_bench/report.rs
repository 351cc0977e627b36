// SPDX-License-Identifier: MIT OR Apache-2.0

//! The figures, for people, for machines, and for the documentation; and the targets.

use comfy_table::{presets, CellAlignment, Table};
use serde_json::{json, Map, Value};

use super::measured::{Measured, CALLS, LOADS};
use super::sizes::Sizes;

/// How many instructions a bound call may be above a native one at most.
const ABOVE_NATIVE: f64 = 2.0;
/// How many more a native call may take of a kfunc that has slots: its entry asks which way the module is loaded.
const ABOVE_ITSELF: f64 = 5.0;
/// How many times as much a look-up must cost at least, above a call to which nothing is passed.
const LOOK_UP_TIMES: f64 = 10.0;
/// What is looked up at run time, and whether the target is about it: in a table with one program there is nothing to
/// search.
const LOOK_UPS: &[(&str, bool)] = &[
    ("table_one", false),
    ("table_many", true),
    ("kernel_one", true),
    ("kernel_many", true),
];
/// How far from a whole number a figure may be that is one.
const NOISE: f64 = 0.05;

/// What is to be shown of the figures of one kernel.
struct Target {
    what: String,
    /// None if it need not hold.
    met: Option<bool>,
}

impl Target {
    fn verdict(&self) -> &'static str {
        match self.met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "no target",
        }
    }
}

fn targets(measured: &Measured) -> Vec<Target> {
    // Where nothing is native, what it would be: the verifier would load a constant.
    let native = if measured.call("native").is_some() {
        "native"
    } else {
        "constant"
    };
    let above = |name| measured.above_plain(name).unwrap_or(f64::NAN);
    let bound = above("bound");
    let distance = bound - above(native);
    let mut targets = vec![Target {
        what: format!(
            "bound costs {} more than {native}; at most {ABOVE_NATIVE}",
            figure(distance)
        ),
        met: Some(distance <= ABOVE_NATIVE + NOISE),
    }];
    if measured.call("native").is_some() {
        let distance = above("switched") - above("native");
        targets.push(Target {
            what: format!(
                "native costs {} more of a kfunc that has slots; at most {ABOVE_ITSELF}",
                figure(distance)
            ),
            met: Some(distance <= ABOVE_ITSELF + NOISE),
        });
    }
    for (name, is_target) in LOOK_UPS {
        let times = above(name) / bound;
        let label = CALLS.iter().find(|(call, _)| call == name);
        let label = label.map_or(*name, |(_, what)| what);
        targets.push(Target {
            what: format!("{label}: {times:.1} times what bound costs; at least {LOOK_UP_TIMES}"),
            met: is_target.then_some(times >= LOOK_UP_TIMES),
        });
    }
    targets
}

/// The targets that are missed.
pub fn missed(measured: &[Measured]) -> Vec<String> {
    let each = |one: &Measured| {
        let missed = targets(one)
            .into_iter()
            .filter(|target| target.met == Some(false));
        let named = missed.map(|target| format!("{}: {}", one.kernel, target.what));
        named.collect::<Vec<_>>()
    };
    measured.iter().flat_map(each).collect()
}

/// The tables, as rows of text.
fn tables(measured: &[Measured]) -> [(&'static str, Vec<Vec<String>>); 3] {
    let kernel = |one: &Measured| {
        let series = one.kernel.series.version;
        format!("{series} {}", one.kernel.arch)
    };
    let row = |name: &str, cell: &dyn Fn(&Measured) -> Option<String>| {
        let cells = measured.iter().map(|one| cell(one).unwrap_or_default());
        std::iter::once(name.to_owned()).chain(cells).collect()
    };
    let header = |title: &str| row(title, &|one| Some(kernel(one)));

    let mut calls = vec![header("how the argument gets there")];
    for (name, what) in CALLS {
        calls.push(row(what, &|one| {
            let above = figure(one.above_plain(name)?);
            Some(format!("{} (+{above})", figure(one.call(name)?)))
        }));
    }
    let mut loads = vec![header("call")];
    for (name, what) in LOADS {
        loads.push(row(&format!("{what}: the first"), &|one| {
            Some(format!("{:.0}", one.load(name)?.first_site))
        }));
        loads.push(row(&format!("{what}: each other"), &|one| {
            Some(format!("{:.0}", one.load(name)?.next_site))
        }));
    }
    let mut sizes = vec![header("bytes")];
    for (index, (_, what, _)) in Sizes::default().named().iter().enumerate() {
        sizes.push(row(what, &|one| {
            let (_, _, bytes) = one.sizes.named()[index];
            Some(bytes.to_string())
        }));
    }
    [
        (
            "Instructions of a call (above one to which nothing is passed)",
            calls,
        ),
        ("Instructions that a call adds to loading a program", loads),
        ("The bench's module in memory", sizes),
    ]
}

/// A figure, without digits that say nothing.
pub(super) fn figure(value: f64) -> String {
    if (value - value.round()).abs() <= NOISE {
        format!("{:.0}", value.round() + 0.0)
    } else {
        format!("{value:.1}")
    }
}

/// The figures and the targets, for people.
pub fn for_people(measured: &[Measured]) -> String {
    let mut text = String::new();
    for (title, rows) in tables(measured) {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_FULL_CONDENSED);
        let mut rows = rows.into_iter();
        table.set_header(rows.next().unwrap_or_default());
        table.add_rows(rows);
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        text += &format!("{title}\n{table}\n\n");
    }
    for one in measured {
        for target in targets(one) {
            text += &format!("{}: {}: {}\n", one.kernel, target.what, target.verdict());
        }
    }
    text
}

/// The same for the documentation.
pub(super) fn markdown(measured: &[Measured]) -> String {
    let kernels: Vec<_> = measured.iter().map(|one| one.kernel.release()).collect();
    let mut text = format!("Kernels: {}.\n", kernels.join(", "));
    for (title, rows) in tables(measured) {
        text += &format!("\n### {title}\n\n");
        for (index, row) in rows.iter().enumerate() {
            text += &format!("| {} |\n", row.join(" | "));
            if index == 0 {
                text += &format!("|---|{}\n", "--:|".repeat(measured.len()));
            }
        }
    }
    text += "\n### Targets\n\n";
    for one in measured {
        let (series, arch) = (one.kernel.series.version, one.kernel.arch);
        for target in targets(one) {
            let (what, verdict) = (&target.what, target.verdict());
            text += &format!("- {series} {arch}: {what}: {verdict}\n");
        }
    }
    text
}

/// The figures, for machines: an object for each kernel.
pub fn for_machines(measured: &[Measured]) -> Value {
    let object = |one: &Measured| {
        let calls: Map<_, _> = one
            .calls
            .iter()
            .map(|(name, insns)| ((*name).to_owned(), json!(insns)))
            .collect();
        let loads: Map<_, _> = one
            .loads
            .iter()
            .map(|(name, load)| {
                let sites = json!({ "first_site": load.first_site, "next_site": load.next_site });
                ((*name).to_owned(), sites)
            })
            .collect();
        let sizes = one.sizes.named();
        let sizes: Map<_, _> = sizes
            .iter()
            .map(|(name, _, bytes)| ((*name).to_owned(), json!(bytes)))
            .collect();
        json!({
            "kernel": one.kernel.release(),
            "call_insns": calls,
            "load_insns": loads,
            "bytes": sizes,
            "missed": missed(std::slice::from_ref(one)),
        })
    };
    measured.iter().map(object).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Arch, Flavour, Kernel, SERIES};

    /// Native costs 1 above a plain call, bound this, and each look-up that.
    fn measured(bound: f64, look_up: f64) -> Measured {
        let mut calls = vec![
            ("plain", 8.0),
            ("native", 9.0),
            ("switched", 13.0),
            ("bound", 8.0 + bound),
        ];
        calls.extend(LOOK_UPS.iter().map(|(name, _)| (*name, 8.0 + look_up)));
        Measured {
            kernel: Kernel {
                series: SERIES[SERIES.len() - 1],
                flavour: Flavour::Cloud,
                arch: Arch::Amd64,
                version: "7.3.4+deb13".to_owned(),
            },
            calls,
            loads: Vec::new(),
            sizes: Sizes::default(),
        }
    }

    #[test]
    fn targets_are_met_or_missed() {
        assert_eq!(missed(&[measured(3.0, 30.0)]), [""; 0]);
        let dear = missed(&[measured(4.0, 90.0)]);
        assert!(
            dear.len() == 1 && dear[0].contains("3 more than native"),
            "{dear:?}"
        );
        let mut slow = measured(3.0, 30.0);
        slow.calls[2].1 = 33.0;
        let slow = missed(&[slow]);
        assert!(
            slow.len() == 1 && slow[0].contains("24 more of a kfunc that has slots"),
            "{slow:?}"
        );
        // That in a table of one program is none.
        assert_eq!(missed(&[measured(3.0, 29.0)]).len(), LOOK_UPS.len() - 1);
        let text = for_people(&[measured(3.0, 29.0)]);
        assert!(
            text.contains("MISSED") && text.contains("no target"),
            "{text}"
        );
    }

    #[test]
    fn what_was_not_counted_is_missed() {
        let mut none = measured(3.0, 30.0);
        none.calls.truncate(1);
        assert_eq!(missed(&[none]).len(), LOOK_UPS.len());
    }

    #[test]
    fn figures_are_whole_if_they_are() {
        let shown = [3.01, 2.96, -0.01, 3.4].map(figure);
        assert_eq!(shown, ["3", "3", "0", "3.4"]);
    }
}
