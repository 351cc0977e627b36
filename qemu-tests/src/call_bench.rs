// SPDX-License-Identifier: MIT OR Apache-2.0

//! What calls of kfuncs cost, binding them, and the module: in instructions of the guest, and in bytes.
//!
//! ```text
//!   kernel-glue/bench ──► kfunc_bench.ko ──► sizes
//!   bpf/call_bench.bpf.c ──► programs ──► guest, whose clock counts instructions ──► measured
//!                                                                   table, docs/cost.md, docs/cost.svg ◄──┘
//! ```

use std::fs;

use anyhow::{ensure, Context, Result};

use crate::boot::{keep_guest, program_files};
use crate::build_root::BuildRoot;
use crate::kernel::Kernel;
use crate::module::repository;
use crate::progress::step;
use crate::verdict::{complaints, read};
use crate::written_part::WrittenPart;
use crate::{facts, guest, initramfs, module, packages, qemu};

mod measured;
mod plot;
mod report;
mod sizes;

pub use measured::Measured;
pub use report::{for_machines, for_people, missed};

/// Where the figures are shown.
const FIGURES: WrittenPart = WrittenPart {
    document: "docs/cost.md",
    begin: "<!-- cargo xtask bench call --write: from here -->\n",
    end: "<!-- cargo xtask bench call --write: to here -->\n",
};
const PLOT: &str = "docs/cost.svg";

/// Counts what calls cost on `kernel`.
///
/// # Errors
///
/// Something cannot be built, or the guest finds something wrong.
pub fn run(root: &BuildRoot, kernel: &Kernel) -> Result<Measured> {
    packages::install(root, kernel)?;
    let module = module::build(root, kernel, module::BENCH)?.embedded.module;
    let guest = guest::build(root, kernel.arch)?;
    let mut files = vec![
        ("init", guest.init.as_slice()),
        ("kfunc_bench.ko", module.as_slice()),
    ];
    files.extend(program_files(&guest));

    let native = facts::is_native(root, kernel)?;
    let arguments = if native { "count native" } else { "count" };
    let archive = initramfs::pack(&files)?;
    let console = keep_guest(root, kernel, "count", &archive, |initramfs| {
        step(&format!("{kernel}: counting instructions"), || {
            qemu::boot_counting(
                root,
                qemu::Guest {
                    kernel,
                    initramfs,
                    arguments,
                },
            )
        })
    })?;

    let (report, log) = read(&console).with_context(|| qemu::tail(&console))?;
    let mut failures = report.failures;
    failures.extend(complaints(&log));
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Measured::new(kernel, native, &report.counts, sizes::of_module(&module)?)
}

/// Writes the figures into the documentation.
///
/// # Errors
///
/// The document is not there, or has no place for them.
pub fn write(measured: &[Measured]) -> Result<()> {
    FIGURES.write(&format!("\n{}\n", report::markdown(measured)))?;
    fs::write(repository().join(PLOT), plot::svg(measured))
        .with_context(|| format!("cannot write {PLOT}"))
}
