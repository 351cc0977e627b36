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

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::mem;

use anyhow::{ensure, Context, Result};
use btf_core::Btf;
use kfunc_cli::KfuncFile;
use verifier_fixup::resolve::{resolve, Refusal, RefusalKind, Way};

use crate::boot::{relocated_btf, run_guest};
use crate::build_root::BuildRoot;
use crate::kernel::Kernel;
use crate::verdict::{complaints, read, Load, Report};
use crate::{guest, initramfs, module, packages, qemu};
use cases::{Case, Sort};
use known::{Known, Module, Vmlinux};

/// How the words begin with which a call is refused for what it is, and not for what it passes.
const REFUSALS: &[&str] = &[
    "loading/calling other bpf",
    "JIT is required",
    "cannot call kernel function",
    "invalid kernel function",
    "negative offset",
    "kfunc offset",
    "kfunc fd_idx",
    "invalid module BTF",
    "BTF fd for kfunc",
    "failed to find BTF",
    "kernel btf_id",
    "function name",
    "cannot find function",
    "kernel function btf_id",
    "cannot find address",
    "metadata kfuncs",
    "The function",
    NOT_ALLOWED,
    "destructive kfunc",
    "program must be sleepable",
    "verifier bug",
];
const NOT_ALLOWED: &str = "calling kernel function";
/// What 7.3 says of a parameter that no program can pass, or not this one, before it asks whether the kfunc is allowed
/// (`get_kfunc_arg_type`). verifier-fixup does not look at what parameters are.
const PARAMETER: &[&str] = &["must point to", "arena pointer", "Unrecognized"];
/// The fewest types of program that must have been loaded.
const FEWEST_TYPES: usize = 18;

/// What was compared.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// Types of program that were loaded.
    pub types: usize,
    /// Calls, by what they are of.
    pub calls: BTreeMap<&'static str, usize>,
    /// Calls that were refused, in the same words.
    pub refused: usize,
    /// Different words, but for names and numbers.
    pub wordings: usize,
    /// Calls that got further.
    pub further: usize,
    /// How many of them to the end.
    pub loaded: usize,
    /// Calls that only the filter of a set refuses, which is not known.
    pub filtered: usize,
    /// Refused calls that 7.3 refuses before that for the type of a parameter.
    pub parameter: usize,
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
        series: kernel.series,
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
    let console = run_guest(root, kernel, "resolve", &archive, "resolve")?;
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
            match resolve(kernel, &case.program(fds), call) {
                Ok(_) => compared.got_further(known, case, load),
                Err(refusal) => {
                    compared.was_refused(known, case, &refusal, load);
                    wordings.insert(mem::discriminant(&refusal.kind));
                }
            }
        }
        compared.wordings = wordings.len();
        Ok(())
    })?;
    compared.types = types.len();
    compared.is_enough();
    Ok(compared)
}

impl Compared {
    /// What was refused must have been so in the same words.
    fn was_refused(&mut self, known: &Known<'_>, case: &Case, refusal: &Refusal<'_>, load: &Load) {
        let expected: String = refusal
            .to_string()
            .lines()
            .map(|line| format!("{line};"))
            .collect();
        if load.errno != 0 && load.text.starts_with(&expected) {
            self.refused += 1;
        } else if load.text.starts_with(NOT_ALLOWED) && known.may_be_filtered(case) {
            // Before it comes to what is wrong with the call.
            self.filtered += 1;
        } else if known.series.native && comes_late(refusal) && tells_parameter(load) {
            self.parameter += 1;
        } else {
            let failure = format!(
                "{case}: expected {expected}, not {}: {}",
                load.errno, load.text
            );
            self.failures.push(failure);
        }
    }

    /// What was not refused must have got further.
    fn got_further(&mut self, known: &Known<'_>, case: &Case, load: &Load) {
        let refused = REFUSALS.iter().any(|words| load.text.starts_with(words));
        if !refused {
            self.further += 1;
            self.loaded += usize::from(load.errno == 0);
        } else if load.text.starts_with(NOT_ALLOWED) && known.may_be_filtered(case) {
            self.filtered += 1;
        } else {
            let failure = format!("{case}: not refused, but {}: {}", load.errno, load.text);
            self.failures.push(failure);
        }
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
        for (count, what) in [
            (self.refused, "refused"),
            (self.further, "further"),
            (self.loaded, "loaded"),
        ] {
            if count == 0 {
                self.failures.push(format!("no call: {what}"));
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
             {} got further, {} of them to the end; {} left to filters of the kernel, {} to types of parameters",
            sorts.collect::<Vec<_>>().join(", "),
            self.types,
            self.refused,
            self.wordings,
            self.further,
            self.loaded,
            self.filtered,
            self.parameter
        )
    }
}

/// Whether the verifier says it when it gets to the call, and not before.
fn comes_late(refusal: &Refusal<'_>) -> bool {
    matches!(
        refusal.kind,
        RefusalKind::NotAllowed { .. }
            | RefusalKind::Destructive
            | RefusalKind::Perfmon { .. }
            | RefusalKind::Sleepable { .. }
            | RefusalKind::SecondAux
            | RefusalKind::AuxOnStack { .. }
    )
}

fn tells_parameter(load: &Load) -> bool {
    load.errno != 0 && PARAMETER.iter().any(|words| load.text.contains(words))
}
