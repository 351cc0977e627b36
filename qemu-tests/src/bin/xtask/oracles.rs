// SPDX-License-Identifier: MIT OR Apache-2.0

//! Checks that need no kernel: what compilers and CPUs make of calls.

use anyhow::Result;
use qemu_tests::build_root::BuildRoot;
use qemu_tests::progress::step;
use qemu_tests::{call_oracle, stub_exec};

use crate::kernels::report;
use crate::SHOWN_DISAGREEMENTS;

/// Tells where kfunc-abi and a compiler disagree; true if nowhere.
pub(crate) fn calls(root: &BuildRoot, seed: u64, prototypes: usize) -> Result<bool> {
    let compared = step(
        &format!("comparing {prototypes} prototypes with what compilers make of them"),
        || call_oracle::check(root, seed, prototypes),
    )?;
    let agreed = report(compared.failures.iter().take(SHOWN_DISAGREEMENTS));
    println!(
        "places of arguments: {} compared, {} differ; compilers disagree about {}",
        compared.places,
        compared.failures.len(),
        compared.excused
    );
    Ok(agreed)
}

/// Tells which stubs do not do what they must; true if none.
pub(crate) fn stubs(root: &BuildRoot) -> Result<bool> {
    let executed = step("executing stubs", || stub_exec::check(root))?;
    let agreed = report(executed.failures.iter().take(SHOWN_DISAGREEMENTS));
    println!(
        "stubs: {} executed with {} implicit arguments, and {} with a wrong bit; {} failed",
        executed.stubs,
        executed.arguments,
        executed.spoiled,
        executed.failures.len()
    );
    Ok(agreed)
}
