// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc btf split` beside resolve_btfids, byte for byte.
//!
//! The kernel's BTF is split already. So first it is made as pahole would have left it (`kfunc btf unsplit`); then both
//! tools get it, and the sets of the kernel.

use std::fmt::Write as _;
use std::fs;

use anyhow::{ensure, Context, Result};
use btf_core::{Btf, Kind};
use kfunc_abi::KfuncFlags;
use kfunc_cli::{
    kfunc_sets, split_btf, unsplit_btf, IdsFile, NamedKfunc, SplitBtf, SplitRequest, TypeOrder,
};

use crate::build_root::BuildRoot;
use crate::kernel::Kernel;
use crate::progress::step;
use crate::resolve_btfids::Run;
use crate::round_trip::ModuleBtf;
use crate::{duplicates, module, packages, resolve_btfids, split_module};

/// What a comparison found.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// One line for each BTF that was the same.
    pub same: Vec<String>,
    /// One line for each that was not, or that a tool refused.
    pub failures: Vec<String>,
}

/// A BTF to be split by both tools.
struct Case<'c> {
    name: &'c str,
    input: &'c [u8],
    base: Option<&'c [u8]>,
    distill: bool,
    kfuncs: &'c [NamedKfunc],
}

/// Compares what both tools make of the BTF of `kernel`, and of modules of it.
///
/// # Errors
///
/// Something cannot be downloaded or run.
pub fn check(root: &BuildRoot, kernel: &Kernel) -> Result<Compared> {
    packages::install(root, kernel)?;
    let vmlinux_file = fs::read(root.host_path(&kernel.vmlinux()))?;
    let vmlinux = module::vmlinux_btf(root, kernel)?;
    let kfuncs = kfuncs_of(&vmlinux_file, &vmlinux)?;
    let modules = packages::module_btf(root, kernel)?;
    step(
        &format!("{kernel}: splitting its BTF as resolve_btfids does"),
        || {
            let mut compared = Compared::default();
            vmlinux_cases(root, kernel, &vmlinux, &kfuncs, &mut compared)?;
            module_cases(root, kernel, &vmlinux, &modules, &mut compared)?;
            Ok(compared)
        },
    )
}

fn vmlinux_cases(
    root: &BuildRoot,
    kernel: &Kernel,
    vmlinux: &[u8],
    kfuncs: &[NamedKfunc],
    compared: &mut Compared,
) -> Result<()> {
    for (name, order) in [
        ("vmlinux, sorted", TypeOrder::Kept),
        ("vmlinux, types in any order", TypeOrder::Shuffled),
    ] {
        let input = unsplit_btf(vmlinux, None, kfuncs, order).context(name)?;
        let case = Case {
            name,
            input: &input,
            base: None,
            distill: false,
            kfuncs,
        };
        if let Some(split) = case.compare(root, kernel, compared)? {
            ensure!(
                !split.changed.is_empty(),
                "no kfunc got another prototype: nothing was compared"
            );
            // There and back again: only the order of types that have no name may be another one.
            ensure!(
                contents(&split.btf)? == contents(vmlinux)?,
                "{name}: unsplit and split, the kernel has other types than it had"
            );
        }
    }
    let before = unsplit_btf(vmlinux, None, kfuncs, TypeOrder::Shuffled)?;
    let case = Case {
        name: "vmlinux, of two units",
        input: &duplicates::twice(&before)?,
        base: None,
        distill: false,
        kfuncs,
    };
    case.compare(root, kernel, compared)?;
    let case = Case {
        name: "vmlinux, split already",
        input: vmlinux,
        base: None,
        distill: false,
        kfuncs,
    };
    case.compare(root, kernel, compared)?;
    Ok(())
}

/// What the types of a BTF say but for the ids that they refer to, sorted.
fn contents(btf: &[u8]) -> Result<Vec<String>> {
    let btf = Btf::parse(btf)?;
    let name = |offset| String::from_utf8_lossy(btf.name_at(offset)).into_owned();
    let types = btf.types().map(|ty| {
        let params = ty.params().map(|param| name(param.name));
        let members = ty.members().map(|member| name(member.name));
        let elements: Vec<_> = params.chain(members).collect();
        let (info, own, size) = (ty.info(), name(ty.name_offset()), ty.size());
        format!("{info:?} {own} {size:?} {}", elements.join(" "))
    });
    let mut types: Vec<_> = types.collect();
    types.sort_unstable();
    Ok(types)
}

fn module_cases(
    root: &BuildRoot,
    kernel: &Kernel,
    vmlinux: &[u8],
    modules: &[ModuleBtf],
    compared: &mut Compared,
) -> Result<()> {
    let mut found = 0;
    for module in modules {
        let kfuncs = tagged(&module.data, vmlinux)?;
        if kfuncs.is_empty() {
            continue;
        }
        found += 1;
        // And with functions of ours that have every shape.
        let (input, more) = split_module::with_kfuncs(&module.data, vmlinux)?;
        let kfuncs = [kfuncs, more].concat();
        for distill in [false, true] {
            let how = if distill { ", distilled" } else { "" };
            let case = Case {
                name: &format!("module {}{how}", module.name),
                input: &input,
                base: Some(vmlinux),
                distill,
                kfuncs: &kfuncs,
            };
            case.compare(root, kernel, compared)?;
        }
    }
    ensure!(found > 0, "no module has kfuncs");
    Ok(())
}

/// The kfuncs of the sets in a vmlinux.
fn kfuncs_of(file: &[u8], btf: &[u8]) -> Result<Vec<NamedKfunc>> {
    let btf = Btf::parse(btf)?;
    let mut room = vec![0; btf.own_len() as usize];
    let btf = btf.indexed(&mut room);
    let sets = kfunc_sets(file)?.context("the vmlinux has no sets")?;
    let mut kfuncs = Vec::new();
    for set in sets {
        for (id, flags) in set.kfuncs {
            let func = btf.get(id).context("a set has an id of nothing")?;
            kfuncs.push(NamedKfunc {
                name: String::from_utf8_lossy(btf.name(&func)).into_owned(),
                flags,
                set: Some(set.name.clone()),
            });
        }
    }
    Ok(kfuncs)
}

/// The kfuncs of a module, by their tags; flags that make a difference are given to some.
fn tagged(module: &[u8], vmlinux: &[u8]) -> Result<Vec<NamedKfunc>> {
    let base = Btf::parse(vmlinux)?;
    let split = Btf::parse_split(module, &base)?;
    let mut room = vec![0; split.own_len() as usize];
    let btf = split.indexed(&mut room);
    let tags = btf
        .of_kind(Kind::DECL_TAG)
        .filter(|tag| btf.name(tag) == b"bpf_kfunc");
    let flags = [
        KfuncFlags::empty(),
        KfuncFlags::FASTCALL,
        KfuncFlags::IMPLICIT_ARGS,
    ];
    let kfuncs = tags.zip(flags.into_iter().cycle()).map(|(tag, flags)| {
        let func = tag.target().and_then(|func| btf.get(func));
        let func = func.context("a tag is on nothing")?;
        Ok(NamedKfunc {
            name: String::from_utf8_lossy(btf.name(&func)).into_owned(),
            flags,
            set: Some("module".to_owned()),
        })
    });
    kfuncs.collect()
}

impl Case<'_> {
    /// Lets both tools work, and compares; gives what ours made.
    fn compare(
        &self,
        root: &BuildRoot,
        kernel: &Kernel,
        compared: &mut Compared,
    ) -> Result<Option<SplitBtf>> {
        let object = resolve_btfids::assemble(root, &ids(self.kfuncs)?)?;
        let run = Run {
            btf: self.input,
            base: self.base,
            distill: self.distill,
        };
        let official = resolve_btfids::run(root, kernel, &run)?;
        let ids = IdsFile::parse(object)?;
        let kfuncs = ids.kfuncs(None)?;
        let ours = split_btf(&SplitRequest {
            input: self.input,
            base: self.base,
            kfuncs: &kfuncs,
            suffix: None,
            types: &[],
            distill: self.distill,
            skip_missing: false,
        });
        let name = format!("{kernel}: {}", self.name);
        let ours = match ours {
            Ok(ours) => ours,
            Err(error) => {
                compared.failures.push(format!("{name}: {error}"));
                return Ok(None);
            }
        };
        let (section, _) = ids.resolved_by(&ours, self.base)?;
        let mut differ = Vec::new();
        if ours.btf != official.btf {
            differ.push(".BTF");
        }
        if ours.distilled_base != official.base {
            differ.push(".BTF.base");
        }
        if section != official.ids {
            differ.push(".BTF_ids");
        }
        if differ.is_empty() {
            compared.same.push(format!(
                "{name}: {} kfuncs, {} with another prototype, {} types, {} before, {} bytes",
                ours.kfuncs,
                ours.changed.len(),
                ours.types,
                ours.types_before,
                ours.btf.len()
            ));
        } else {
            let differ = differ.join(", ");
            let kept = resolve_btfids::keep(root, &ours.btf)?;
            compared
                .failures
                .push(format!("{name}: {differ} differ; see {}", kept.display()));
        }
        Ok(Some(ours))
    }
}

/// A source in assembler with all sets, and with ids of other kinds.
fn ids(kfuncs: &[NamedKfunc]) -> Result<String> {
    let mut source = String::from(".section .BTF_ids, \"a\"\n");
    let mut number = 0;
    let mut sets: Vec<_> = kfuncs
        .iter()
        .filter_map(|kfunc| kfunc.set.as_ref())
        .collect();
    sets.sort_unstable();
    sets.dedup();
    for set in sets {
        let symbol = format!("__BTF_ID__set8__{set}");
        writeln!(source, ".type {symbol}, @object\n{symbol}: .long 0, 1")?;
        for kfunc in kfuncs
            .iter()
            .filter(|kfunc| kfunc.set.as_ref() == Some(set))
        {
            number += 1;
            let NamedKfunc { name, flags, .. } = kfunc;
            let id = format!("__BTF_ID__func__{name}__{number}");
            let flags = flags.bits();
            writeln!(source, "{id}: .long 0\n.long {flags:#x}")?;
        }
        writeln!(source, ".size {symbol}, .-{symbol}")?;
    }
    let set = "__BTF_ID__set__others";
    writeln!(source, ".type {set}, @object\n{set}: .long 0")?;
    for other in [
        "struct__task_struct",
        "struct__file",
        "typedef__pid_t",
        "func__schedule",
    ] {
        number += 1;
        writeln!(source, "__BTF_ID__{other}__{number}: .long 0")?;
    }
    writeln!(source, ".size {set}, .-{set}")?;
    Ok(source)
}
