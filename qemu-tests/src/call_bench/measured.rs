// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the guest's counts mean.

use anyhow::{bail, ensure, Context, Result};

use super::sizes::Sizes;
use crate::kernel::Kernel;
use crate::verdict::Count;

/// What was counted of calls: the guest's name for it (`guest/call_bench.c`), and what it is.
pub(super) const CALLS: &[(&str, &str)] = &[
    ("plain", "nothing is passed"),
    ("constant", "a 64-bit constant of the program"),
    ("native", "native"),
    ("switched", "native, of a kfunc that has slots"),
    ("bound", "bound: the program"),
    ("state", "bound: state of the program's own"),
    ("rodata", "from a variable in .rodata"),
    ("array_map", "from an array map"),
    ("hash_map", "from a hash map"),
    ("table_one", "looked up in a table, 1 program"),
    ("table_many", "looked up in a table, 64 programs"),
    ("kernel_one", "looked up by the kernel, 1 program"),
    ("kernel_many", "looked up by the kernel, 64 programs"),
];
/// What was counted of loads.
pub(super) const LOADS: &[(&str, &str)] = &[
    ("load_c", "of C, without a filter"),
    ("load_plain", "nothing is passed"),
    ("load_native", "native"),
    ("load_unbound", "not bound: the program"),
    ("load_bound", "bound: the program"),
];
/// Ten instructions instead of a call, by which the method is checked.
const TEN: &str = "ten";
/// How far from a whole number a figure may be: the clock of arm64 ticks every 16 ns.
const NOISE: f64 = 0.05;

/// What was measured on one kernel.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The kernel.
    pub kernel: Kernel,
    /// Instructions of a call.
    pub(super) calls: Vec<(&'static str, f64)>,
    /// Of loading.
    pub(super) loads: Vec<(&'static str, Load)>,
    /// Bytes of the module.
    pub(super) sizes: Sizes,
}

/// Instructions of loading a program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Load {
    /// With one call, beside with none.
    pub(super) first_site: f64,
    /// With one call more.
    pub(super) next_site: f64,
}

impl Measured {
    /// # Errors
    ///
    /// A count is missing, or the method fails its check.
    pub(super) fn new(
        kernel: &Kernel,
        native: bool,
        counts: &[Count],
        sizes: Sizes,
    ) -> Result<Self> {
        let ten = call(counts, TEN)?.context("the method was not checked")?;
        ensure!(
            (ten - 10.0).abs() <= NOISE,
            "ten instructions are counted as {ten:.2}"
        );
        let (mut calls, mut loads) = (Vec::new(), Vec::new());
        for (name, _) in CALLS {
            match call(counts, name)? {
                Some(insns) if insns >= 1.0 => calls.push((*name, insns)),
                Some(insns) => bail!("{name} costs {insns:.1} instructions, which cannot be"),
                None => ensure!(
                    !native && matches!(*name, "native" | "switched"),
                    "{name} was not counted"
                ),
            }
        }
        for (name, _) in LOADS {
            if let Some(load) = load(counts, name)? {
                loads.push((*name, load));
            }
        }
        Ok(Self {
            kernel: kernel.clone(),
            calls,
            loads,
            sizes,
        })
    }

    /// Instructions of a call; none if this kernel has no such calls.
    pub(super) fn call(&self, name: &str) -> Option<f64> {
        let mut calls = self.calls.iter();
        calls.find(|(of, _)| *of == name).map(|(_, insns)| *insns)
    }

    /// Instructions above a call to which nothing is passed.
    pub(super) fn above_plain(&self, name: &str) -> Option<f64> {
        Some(self.call(name)? - self.call("plain")?)
    }

    /// What loading costs.
    pub(super) fn load(&self, name: &str) -> Option<Load> {
        let mut loads = self.loads.iter();
        loads.find(|(of, _)| *of == name).map(|(_, load)| *load)
    }
}

/// Instructions of a call.
///
/// Of programs that make calls in steps: what more calls in a step cost, in which a step's own cost is gone; and what more
/// steps cost, in which the rest of a run is. Of many programs that are run alone: what more calls cost each.
fn call(counts: &[Count], what: &str) -> Result<Option<f64>> {
    let of: Vec<_> = counts.iter().filter(|count| count.what == what).collect();
    ensure!(of.iter().all(|count| count.insns > 0), "{what} did not run");
    let more_calls = |less: &Count, more: &Count| -> Result<f64> {
        ensure!(more.calls > less.calls, "{what} has as many calls in each");
        Ok(difference(less.calls, more.calls))
    };
    match of[..] {
        [] => Ok(None),
        [none, many] => {
            let each = |count: &Count| count.insns as f64 / count.steps as f64;
            Ok(Some((each(many) - each(none)) / more_calls(none, many)?))
        }
        [one, one_more, many, many_more] => {
            let step = |less: &Count, more: &Count| -> Result<f64> {
                ensure!(
                    more.calls == less.calls && more.steps > less.steps,
                    "{what} was not counted as it must be"
                );
                Ok(difference(less.insns, more.insns) / difference(less.steps, more.steps))
            };
            let calls = step(many, many_more)? - step(one, one_more)?;
            Ok(Some(calls / more_calls(one, many)?))
        }
        _ => bail!("{what} was counted {} times", of.len()),
    }
}

/// What loading programs of so many calls costs.
fn load(counts: &[Count], what: &str) -> Result<Option<Load>> {
    let of: Vec<_> = counts.iter().filter(|count| count.what == what).collect();
    let [none, one, two, .., most] = of[..] else {
        ensure!(of.is_empty(), "{what} was counted {} times", of.len());
        return Ok(None);
    };
    ensure!(
        (none.calls, one.calls, two.calls) == (0, 1, 2) && most.calls > two.calls,
        "{what} was not counted as it must be"
    );
    Ok(Some(Load {
        first_site: difference(none.insns, one.insns),
        next_site: difference(two.insns, most.insns) / difference(two.calls, most.calls),
    }))
}

fn difference(less: u64, more: u64) -> f64 {
    more as f64 - less as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(calls: u64, steps: u64, insns: u64) -> Count {
        Count {
            what: "it".to_owned(),
            calls,
            steps,
            insns,
        }
    }

    /// 500 instructions of a run, 7 of a step, 3 of a call.
    fn counts() -> Vec<Count> {
        let counted = [(1, 100), (1, 200), (5, 100), (5, 200)];
        let insns = |(calls, steps)| count(calls, steps, 500 + steps * (7 + 3 * calls));
        counted.map(insns).to_vec()
    }

    #[test]
    fn what_is_not_the_call_is_gone() {
        assert_eq!(call(&counts(), "it").unwrap(), Some(3.0));
        assert_eq!(call(&counts(), "another").unwrap(), None);
        // 64 programs of 500 instructions, and of 50 calls of 3 besides.
        let programs = [count(0, 1, 500), count(50, 64, 64 * 650)];
        assert_eq!(call(&programs, "it").unwrap(), Some(3.0));
    }

    #[test]
    fn a_run_that_failed_or_is_missing_is_an_error() {
        assert!(call(&counts()[1..], "it").is_err());
        let mut failed = counts();
        failed[2].insns = 0;
        assert!(call(&failed, "it").is_err());
        let mut same = counts();
        same[1].steps = 100;
        assert!(call(&same, "it").is_err());
    }

    #[test]
    fn the_first_site_is_told_apart_from_the_next() {
        let loads: Vec<_> = [0, 1, 2, 10, 50]
            .map(|calls| {
                count(
                    calls,
                    1,
                    1000 + if calls > 0 { 400 } else { 0 } + calls * 20,
                )
            })
            .to_vec();
        let expected = Load {
            first_site: 420.0,
            next_site: 20.0,
        };
        assert_eq!(load(&loads, "it").unwrap(), Some(expected));
        assert!(load(&loads[1..], "it").is_err());
    }
}
