// SPDX-License-Identifier: MIT OR Apache-2.0

//! The compatibility table: kfuncs with an implicit argument, by BTF of old and of new tools, on a kernel that fills it
//! in and on one that does not, called by programs of old and of new headers. `docs/compatibility.md` has it.
//!
//! ```text
//!   one module in C ──► pahole ──► old.ko ──► bpftool ──► old.h ──► programs ──┐
//!                          ├──► resolve_btfids ──► new.ko, new.h ──► programs ──┼──► guest ──► cells ──► table
//!                          └──► kfunc btf split ──► ours.ko ────────────────────┘
//! ```

mod cell;
mod expected;
mod modules;
mod outcome;
mod programs;
mod table;

use anyhow::{Context, Result};

use crate::boot::run_guest;
use crate::build_root::BuildRoot;
use crate::kernel::Kernel;
use crate::verdict::judge_compat;
use crate::{facts, guest, initramfs, packages, qemu};

/// What the names of the module's kfuncs begin with.
const PREFIX: &str = "bpf_compat_";
/// What the programs leave in the register of the implicit argument (`guest/stack_args.c`).
const LEFT: u32 = 2;
/// In place of parameters: a header does not declare the kfunc.
const UNDECLARED: &str = "";

/// A kfunc of the module, as headers declare it.
#[derive(Clone, Copy, Debug)]
struct Kfunc {
    /// Its name, without [`PREFIX`].
    name: &'static str,
    /// Its parameters in the header of the old tools' BTF.
    old_parameters: &'static str,
    /// In the header of the new tools' BTF.
    new_parameters: &'static str,
}

impl Kfunc {
    fn is_impl(self) -> bool {
        self.name.ends_with("_impl")
    }
}

/// All of them (`guest/compat/kfunc_compat.c`), and `plain_impl`, which only BTF of new tools has.
const KFUNCS: &[Kfunc] = &[
    Kfunc {
        name: "plain",
        old_parameters: "u64 value, struct bpf_prog_aux *aux",
        new_parameters: "u64 value",
    },
    Kfunc {
        name: "plain_impl",
        old_parameters: UNDECLARED,
        new_parameters: UNDECLARED,
    },
    Kfunc {
        name: "legacy",
        old_parameters: "u64 value, struct bpf_prog_aux *aux",
        new_parameters: "u64 value",
    },
    Kfunc {
        name: "legacy_impl",
        old_parameters: "u64 value, struct bpf_prog_aux *aux__ign",
        new_parameters: "u64 value, struct bpf_prog_aux *aux__ign",
    },
    Kfunc {
        name: "void",
        old_parameters: "u64 value, struct bpf_prog_aux *aux",
        new_parameters: "u64 value",
    },
    Kfunc {
        name: "void_impl",
        old_parameters: "u64 value, void *aux__ign",
        new_parameters: "u64 value, void *aux__ign",
    },
];

/// The kernels whose tools are used.
#[derive(Clone, Copy, Debug)]
struct ToolKernels<'k> {
    /// Its resolve_btfids looks up ids.
    old: &'k Kernel,
    /// Its resolve_btfids makes two prototypes, too.
    new: &'k Kernel,
}

impl<'k> ToolKernels<'k> {
    /// The newest of both sorts.
    fn of(root: &BuildRoot, kernels: &'k [Kernel], kernel: &Kernel) -> Result<Self> {
        let (mut old, mut new) = (None, None);
        for one in kernels.iter().filter(|one| one.arch == kernel.arch) {
            if facts::is_native(root, one)? {
                new = Some(one);
            } else {
                old = Some(one);
            }
        }
        Ok(Self {
            old: old.context("no kernel has the old tools")?,
            new: new.context("no kernel has the new tools")?,
        })
    }
}

/// What came of a kernel.
#[derive(Clone, Debug)]
pub struct Compat {
    /// The table, in Markdown.
    pub table: String,
    /// How many cells were filled in.
    pub cells: usize,
    /// What is not as it must be.
    pub failures: Vec<String>,
}

/// What the numbers in the tables stand for.
pub fn refusals() -> String {
    table::refusals()
}

/// Fills in the table of `kernel`; `kernels` are all that there are.
///
/// # Errors
///
/// Something cannot be built, or the guest does not get to its end.
pub fn boot(root: &BuildRoot, kernel: &Kernel, kernels: &[Kernel]) -> Result<Compat> {
    let tools = ToolKernels::of(root, kernels, kernel)?;
    for each in [kernel, tools.old, tools.new] {
        packages::install(root, each)?;
    }
    let modules = modules::build(root, kernel, tools)?;
    let programs = programs::compile(root, kernel)?;
    let guest = guest::build(root, kernel.arch)?;
    let mut files = vec![
        ("init", guest.init.as_slice()),
        ("old.ko", &modules.old),
        ("new.ko", &modules.new),
        ("ours.ko", &modules.ours),
    ];
    let objects = programs.iter();
    files.extend(objects.map(|(name, content)| (name.as_str(), content.as_slice())));
    let archive = initramfs::pack(&files)?;
    let console = run_guest(root, kernel, "compat-boot", &archive, "compat")?;
    let report = judge_compat(&console).with_context(|| qemu::tail(&console))?;
    let native = facts::is_native(root, kernel)?;
    let mut failures = report.failures;
    failures.extend(cell::judge(&report.cells, native));
    let table = table::of(|key| cell::told(&report.cells, key));
    if table::published(native) != Some(&*table) {
        failures.push("docs/compatibility.md has another table".to_owned());
    }
    Ok(Compat {
        table,
        cells: report.cells.len(),
        failures,
    })
}
