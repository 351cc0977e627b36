// SPDX-License-Identifier: MIT OR Apache-2.0

//! The boots that README.md shows, and its table of kernels.

use anyhow::Result;
use qemu_tests::boot::{boot, Booted};
use qemu_tests::build_root::BuildRoot;
use qemu_tests::{matrix, table};

use crate::kernels::{report, Kernels, Selection};

/// What became of the kernels.
pub(crate) struct Outcome {
    pub(crate) booted: Vec<Booted>,
    /// What went wrong, by kernel.
    pub(crate) failures: Vec<String>,
}

pub(crate) fn boot_all(root: &BuildRoot, kernels: &Kernels) -> Outcome {
    let (booted, mut failures) = kernels.each_by_arch(|kernel, other| boot(root, kernel, other));
    for Booted { kernel, report, .. } in &booted {
        let found = report.failures.iter();
        failures.extend(found.map(|failure| format!("{kernel}: {failure}")));
    }
    Outcome { booted, failures }
}

pub(crate) fn demo(selection: &Selection, json: bool) -> Result<bool> {
    let root = BuildRoot::open()?;
    let outcome = boot_all(&root, &Kernels::find(&root, selection)?);
    if json {
        println!("{:#}", table::for_machines(&outcome.booted));
    } else {
        println!("{}", table::for_people(&outcome.booted));
    }
    Ok(report(&outcome.failures))
}

/// Boots every kernel, if no other selection is made, and writes down what became of each.
pub(crate) fn write_matrix(mut selection: Selection) -> Result<bool> {
    let all = selection.kernel.is_none() && selection.flavour.is_none() && selection.arch.is_none();
    selection.all_kernels |= all;
    let root = BuildRoot::open()?;
    let kernels = Kernels::find(&root, &selection)?;
    let outcome = boot_all(&root, &kernels);
    let cells = kernels.selected.iter().map(|kernel| {
        let mut booted = outcome.booted.iter();
        matrix::cell(
            kernel,
            booted.find(|booted| booted.kernel.row() == kernel.row()),
        )
    });
    matrix::update(&cells.collect())?;
    println!("{}", table::for_people(&outcome.booted));
    Ok(report(&outcome.failures))
}
