// SPDX-License-Identifier: MIT OR Apache-2.0

//! What verifier-fixup says of calls beside what the verifiers of stock kernels say of programs that make them.
//!
//! ```text
//!   BTF, sets ──► known ──► cases ──► guest: bpf(BPF_PROG_LOAD) ──► the verifier's words ──┐
//!                   │         │                                                            ├── the same
//!                   └─────────┴─────► verifier_fixup::resolve ──► Refusal, or Resolved ────┘
//! ```
//!
//! Where it refuses, the verifier must do so in the same words; where it does not, the verifier must get further: to
//! what is passed, or to the end.

mod cases;
mod known;
mod told;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::mem;
use std::time::Duration;

use anyhow::{ensure, Context, Result};
use btf_core::Btf;
use kfunc_cli::KfuncFile;
use verifier_fixup::resolve::{resolve, Way};

use crate::boot::{relocated_btf, run_guest_until};
use crate::build_root::BuildRoot;
use crate::kernel::Kernel;
use crate::verdict::{complaints, read, Report};
use crate::{facts, guest, initramfs, module, packages, qemu};
use cases::{Case, Sort};
use known::{Known, Module, Vmlinux};
use told::{as_told, Excuses, Told};

/// How long a guest may take, which loads thousands of programs: it needs some two minutes.
const DEADLINE: Duration = Duration::from_secs(900);

/// The fewest types of program that must have been loaded.
const FEWEST_TYPES: usize = 18;

/// What was compared.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// Types of program that were loaded.
    pub types: usize,
    /// Calls, by what they are of.
    pub calls: BTreeMap<&'static str, usize>,
    /// Different words of the refused ones, but for names and numbers.
    pub wordings: usize,
    /// Calls, by what was told of them.
    told: BTreeMap<Told, usize>,
    /// What is not as it must be.
    pub failures: Vec<String>,
}

/// Boots `kernel` with programs that call all sorts of things, and compares.
///
/// # Errors
///
/// Something cannot be built, or the guest does not get to its end.
pub fn check(root: &BuildRoot, kernel: &Kernel) -> Result<Compared> {
    packages::install(root, kernel)?;
    let example = module::build(root, kernel, module::EXAMPLE)?;
    let shapes = module::build(root, kernel, module::SHAPES)?;
    let vmlinux = KfuncFile::read(&root.host_path(&kernel.vmlinux()))?;
    let mut rooms = [(); 2].map(|()| vec![0; 1 << 18]);
    let [index, names] = &mut rooms;
    let btf = Btf::parse_indexed(&vmlinux.btf.btf, index)?.types_indexed(names);
    let vmlinux = Vmlinux::read(&vmlinux, &btf)?;

    let mut modules = Vec::new();
    for (source, built) in [(module::EXAMPLE, &example), (module::SHAPES, &shapes)] {
        let relocated = relocated_btf(&built.embedded, &vmlinux.file.btf.btf)?;
        let file = KfuncFile::parse(source.name, built.embedded.module.clone())?;
        modules.push((relocated, file));
    }
    let parsed: Result<Vec<_>, _> = modules
        .iter()
        .map(|(relocated, _)| Btf::parse_split(relocated, &btf))
        .collect();
    let parsed = parsed?;
    let mut read_modules = Vec::new();
    for (btf, (_, file)) in parsed.iter().zip(&modules) {
        read_modules.push(Module::read(btf, &file.declared)?);
    }
    let known = Known {
        native: facts::is_native(root, kernel)?,
        vmlinux,
        modules: read_modules,
    };
    let cases = cases::all(&known)?;
    let lines = lines(&known, &cases)?;
    let wanted = cases::names(&known, &cases).join("\n");
    let guest = guest::build(root, kernel.arch)?;
    let archive = initramfs::pack(&[
        ("init", guest.init.as_slice()),
        ("kfunc_example.ko", &example.embedded.module),
        ("kfunc_shapes.ko", &shapes.embedded.module),
        ("resolve.calls", lines.as_bytes()),
        ("resolve.names", wanted.as_bytes()),
    ])?;
    let console = run_guest_until(root, kernel, "resolve", &archive, "resolve", DEADLINE)?;
    let (report, log) = read(&console).with_context(|| qemu::tail(&console))?;
    let mut compared = compare(&known, &cases, &report)?;
    compared.failures.extend(complaints(&log));
    Ok(compared)
}

/// The file with the calls (`guest/resolve.c`).
fn lines(known: &Known<'_>, cases: &[Case]) -> Result<String> {
    let mut lines = String::new();
    known.with(&|_| true, |kernel, fds| {
        for case in cases {
            let binds = case.call.is_some_and(|call| {
                let resolved = resolve(kernel, &case.program(fds), call);
                resolved.is_ok_and(|resolved| resolved.way() == Way::Bound)
            });
            lines.push_str(&case.line(binds));
        }
        Ok(())
    })?;
    Ok(lines)
}

fn compare(known: &Known<'_>, cases: &[Case], report: &Report) -> Result<Compared> {
    ensure!(
        report.loads.len() == cases.len(),
        "{} of {} programs were loaded",
        report.loads.len(),
        cases.len()
    );
    let symbols: HashSet<_> = report
        .symbols
        .iter()
        .map(|(_, name)| name.as_bytes())
        .collect();
    let mut compared = Compared {
        failures: report.failures.clone(),
        ..Compared::default()
    };
    let mut types = BTreeSet::new();
    known.with(&|name| symbols.contains(name), |kernel, fds| {
        let mut wordings = HashSet::new();
        for (case, load) in cases.iter().zip(&report.loads) {
            let Some(call) = case.call else {
                // Without a call: whether the kernel has such programs.
                if load.errno == 0 {
                    types.insert(case.settings.ty);
                }
                continue;
            };
            if !types.contains(&case.settings.ty) {
                continue;
            }
            *compared.calls.entry(case.sort.name()).or_default() += 1;
            let expected = resolve(kernel, &case.program(fds), call).err();
            let excuses = Excuses {
                filter: known.may_be_filtered(case),
                parameter: known.native,
            };
            match Told::of(expected.as_ref(), load, excuses) {
                Some(told) => *compared.told.entry(told).or_default() += 1,
                None => {
                    let expected = expected.as_ref().map_or("no refusal".to_owned(), as_told);
                    let (errno, text) = (load.errno, &load.text);
                    let failure = format!("{case}: expected {expected}, not {errno}: {text}");
                    compared.failures.push(failure);
                }
            }
            wordings.extend(expected.map(|refusal| mem::discriminant(&refusal.kind)));
        }
        compared.wordings = wordings.len();
        Ok(())
    })?;
    compared.types = types.len();
    compared.is_enough();
    Ok(compared)
}

impl Compared {
    fn count(&self, told: Told) -> usize {
        self.told.get(&told).copied().unwrap_or_default()
    }

    /// A comparison of nothing proves nothing.
    fn is_enough(&mut self) {
        for sort in Sort::ALL {
            if !self.calls.contains_key(sort.name()) {
                self.failures
                    .push(format!("no call compared of: {}", sort.name()));
            }
        }
        if self.types < FEWEST_TYPES {
            let failure = format!("only {} types of program were loaded", self.types);
            self.failures.push(failure);
        }
        for told in [Told::Refused, Told::Further, Told::Loaded] {
            if self.count(told) == 0 {
                self.failures.push(format!("no call: {told:?}"));
            }
        }
    }

    /// One line for people.
    pub fn line(&self) -> String {
        let all: usize = self.calls.values().sum();
        let sorts = self
            .calls
            .iter()
            .map(|(sort, count)| format!("{count} {sort}"));
        format!(
            "{all} calls resolved ({}) from {} types of program: {} refused in the verifier's words, of {} wordings; \
             {} got further, {} to the end; {} left to filters and providers, {} to types of parameters",
            sorts.collect::<Vec<_>>().join(", "),
            self.types,
            self.count(Told::Refused),
            self.wordings,
            self.count(Told::Further),
            self.count(Told::Loaded),
            self.count(Told::Filtered),
            self.count(Told::Parameter)
        )
    }
}
