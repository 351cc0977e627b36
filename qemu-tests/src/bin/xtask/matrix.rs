// SPDX-License-Identifier: MIT OR Apache-2.0

//! The table of kernels in README.md, from what they did.

use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use qemu_tests::boot::{boot, Booted};
use qemu_tests::build_root::BuildRoot;
use qemu_tests::kernel::Kernel;
use qemu_tests::{lifecycle, matrix, shapes};

use crate::demo::boot_each;
use crate::kernels::{report, Kernels, Selection};

/// Boots every kernel, if no other selection is made, and writes down what became of each as soon as it is known.
pub(crate) fn write_matrix(mut selection: Selection) -> Result<bool> {
    let all = selection.kernel.is_none() && selection.flavour.is_none() && selection.arch.is_none();
    selection.all_kernels |= all;
    let root = BuildRoot::open()?;
    let kernels = Kernels::find(&root, &selection)?;
    let readme = Mutex::new(());
    let outcome = boot_each(&kernels, |kernel, other| {
        let booted = boot_thrice(&root, kernel, other);
        let cell = matrix::cell(kernel, booted.as_ref().ok());
        let _one_at_a_time = readme.lock().unwrap_or_else(PoisonError::into_inner);
        matrix::update(cell)?;
        booted
    });
    Ok(report(&outcome.failures))
}

/// Boots `kernel` with the example, with a kfunc of every shape, and with programs that come and go.
fn boot_thrice(root: &BuildRoot, kernel: &Kernel, other: &Kernel) -> Result<Booted> {
    let mut booted = boot(root, kernel, other)?;
    let failures = &mut booted.report.failures;
    failures.extend(shapes::boot(root, kernel, other)?.failures);
    failures.extend(lifecycle::check(root, kernel, lifecycle::FEW_CYCLES)?.failures);
    Ok(booted)
}
