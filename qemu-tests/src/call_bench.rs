// SPDX-License-Identifier: MIT OR Apache-2.0

//! What calls of kfuncs cost, binding them, and the module: in instructions of the guest, and in bytes.
//!
//! ```text
//!   kernel-glue/bench ──► kfunc_bench.ko ──► sizes
//!   bpf/call_bench.bpf.c ──► programs ──► guest, whose clock counts instructions ──► measured
//!                                                                   table, docs/cost.md, docs/cost.svg ◄──┘
//! ```

use std::fs;
use std::path::Path;

use anyhow::{ensure, Context, Result};

use crate::boot::{keep_guest, program_files};
use crate::build_root::BuildRoot;
use crate::kernel::Kernel;
use crate::progress::step;
use crate::verdict::{complaints, read};
use crate::{facts, guest, initramfs, module, packages, qemu};

mod measured;
mod plot;
mod report;
mod sizes;

pub use measured::Measured;
pub use report::{for_machines, for_people, missed};

/// Where the figures are shown.
const DOC: &str = "docs/cost.md";
const PLOT: &str = "docs/cost.svg";
/// What stands around the part of the document that the bench writes.
const BEGIN: &str = "<!-- cargo xtask bench call --write: from here -->\n";
const END: &str = "<!-- cargo xtask bench call --write: to here -->\n";

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
    let (image, archive) = (packages::image(kernel), initramfs::pack(&files)?);
    let console = keep_guest(root, kernel, "count", &archive, |initramfs| {
        step(&format!("{kernel}: counting instructions"), || {
            qemu::boot_counting(
                root,
                qemu::Guest {
                    kernel,
                    image: &image,
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
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let doc = repository.join(DOC);
    let text = fs::read_to_string(&doc).with_context(|| format!("cannot read {DOC}"))?;
    fs::write(&doc, with_part(&text, &report::markdown(measured))?)?;
    fs::write(repository.join(PLOT), plot::svg(measured))?;
    Ok(())
}

/// The document, with another part between the marks.
fn with_part(text: &str, part: &str) -> Result<String> {
    let marks = text.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let (before, after) = marks.with_context(|| format!("{DOC} has no place for the figures"))?;
    Ok(format!("{before}{BEGIN}\n{part}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_between_the_marks_is_replaced() {
        let text = format!("one\n{BEGIN}old\n{END}two\n");
        let new = with_part(&text, "new").unwrap();
        assert_eq!(new, format!("one\n{BEGIN}\nnew\n{END}two\n"));
        assert_eq!(with_part(&new, "new").unwrap(), new);
        assert!(with_part("one\ntwo\n", "new").is_err());
        assert!(with_part(&format!("{END}{BEGIN}"), "new").is_err());
    }
}
