// SPDX-License-Identifier: MIT OR Apache-2.0

//! The boots that README.md shows.

use anyhow::Result;
use qemu_tests::boot::{boot, Booted};
use qemu_tests::build_root::BuildRoot;
use qemu_tests::kernel::Kernel;
use qemu_tests::table;

use crate::kernels::{report, Kernels, Selection};

/// What became of the kernels.
pub(crate) struct Outcome {
    pub(crate) booted: Vec<Booted>,
    /// What went wrong, by kernel.
    pub(crate) failures: Vec<String>,
}

/// Boots the selected kernels with the example module.
pub(crate) fn boot_all(root: &BuildRoot, kernels: &Kernels) -> Outcome {
    boot_each(kernels, |kernel, other| boot(root, kernel, other))
}

/// Does `work` for each selected kernel, and puts what failed in one place.
pub(crate) fn boot_each(
    kernels: &Kernels,
    work: impl Fn(&Kernel, &Kernel) -> Result<Booted> + Sync,
) -> Outcome {
    let (booted, mut failures) = kernels.each_by_arch(work);
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
