// SPDX-License-Identifier: MIT OR Apache-2.0

//! What btf-core and the kernels say of the same BTF.

use anyhow::Result;
use qemu_tests::build_root::BuildRoot;
use qemu_tests::parity::{self, Parity};
use qemu_tests::parity_table;

use crate::kernels::{report, Kernels, Selection};
use crate::SHOWN_DISAGREEMENTS;

pub(crate) fn parity(selection: &Selection, seed: u64, random: usize, json: bool) -> Result<bool> {
    let root = BuildRoot::open()?;
    let kernels = Kernels::find(&root, selection)?;
    let (compared, failures) = compare_all(&root, &kernels, seed, random);
    if json {
        println!("{:#}", parity_table::for_machines(&compared));
    } else {
        println!("{}", parity_table::for_people(&compared));
    }
    Ok(report(&failures) & report_parity(&compared))
}

pub(crate) fn compare_all(
    root: &BuildRoot,
    kernels: &Kernels,
    seed: u64,
    random: usize,
) -> (Vec<Parity>, Vec<String>) {
    let (compared, failures) =
        kernels.each_by_arch(|kernel, _| parity::check(root, kernel, seed, random));
    (compared.into_iter().flatten().collect(), failures)
}

/// Tells where btf-core and a kernel disagree; true if nowhere.
pub(crate) fn report_parity(compared: &[Parity]) -> bool {
    for parity in compared {
        for failure in parity.failures.iter().take(SHOWN_DISAGREEMENTS) {
            eprintln!("FAILED {}: {failure}", parity.kernel);
        }
    }
    compared.iter().all(|parity| parity.failures.is_empty())
}
