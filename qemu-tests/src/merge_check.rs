// SPDX-License-Identifier: MIT OR Apache-2.0

//! The kfuncs of the example module, embedded beside the BTF of modules in C: what is theirs stays as it was.

use std::fs;

use anyhow::{ensure, Context, Result};
use btf_core::Btf;
use kfunc_abi::KfuncFlags;
use kfunc_cli::{BtfFile, Format};

use crate::build_root::BuildRoot;
use crate::kernel::Kernel;
use crate::module::Built;
use crate::packages;
use crate::round_trip::ModuleBtf;

/// How many modules are taken.
const COUNT: usize = 30;

/// Embeds `module` with the BTF of some of `modules`, which stands on `vmlinux`; gives their number.
///
/// # Errors
///
/// The first type that is no longer what it was.
pub fn check(
    root: &BuildRoot,
    kernel: &Kernel,
    module: &Built,
    vmlinux: &[u8],
    modules: &[ModuleBtf],
) -> Result<usize> {
    let folder = BuildRoot::own(&format!("merge/{}", kernel.release()));
    let host_folder = root.host_path(&folder);
    fs::create_dir_all(&host_folder)?;
    fs::write(host_folder.join("plain.ko"), &module.plain)?;
    let taken: Vec<_> = modules
        .iter()
        .step_by(modules.len().div_ceil(COUNT).max(1))
        .collect();
    let names: Vec<_> = taken.iter().map(|module| &*module.name).collect();
    root.run(
        &format!("merge-{kernel}"),
        &format!(
            "cd {folder}
             for name in {}; do
                 llvm-objcopy-19 --add-section .BTF={}/$name.btf plain.ko $name.ko
             done",
            names.join(" "),
            packages::module_btf_folder(kernel),
        ),
    )?;
    let base = BtfFile {
        btf: vmlinux.to_vec(),
        ..BtfFile::default()
    };
    for other in &taken {
        let file = host_folder.join(format!("{}.ko", other.name));
        check_one(&fs::read(&file)?, other, module, &base).with_context(|| other.name.clone())?;
        fs::remove_file(file)?;
    }
    Ok(taken.len())
}

/// Embeds the module `plain`, which has the BTF of `other`.
fn check_one(plain: &[u8], other: &ModuleBtf, module: &Built, base: &BtfFile) -> Result<()> {
    let merged = kfunc_cli::embed(plain, &base.btf)?;
    ensure!(
        merged.btf_base.is_none(),
        "a module that stands on vmlinux has got another base"
    );
    let standing_on_vmlinux = |btf: &[u8]| BtfFile {
        btf: btf.to_vec(),
        ..BtfFile::default()
    };
    let before = raw(&standing_on_vmlinux(&other.data), base)?;
    let after = raw(&standing_on_vmlinux(&merged.btf), base)?;
    ensure!(
        after.starts_with(&before) && after != before,
        "types are no longer what they were"
    );
    ensure!(
        merged.signatures == module.embedded.signatures,
        "the kfuncs have other signatures than alone"
    );
    let again = kfunc_cli::embed(&merged.module, &base.btf)?;
    ensure!(
        again.module == merged.module,
        "kfunc embed, run twice, gives different bytes"
    );
    Ok(())
}

/// Checks `module`, which has C parts and a distilled base, for a kernel with the BTF `vmlinux`: its types are what they
/// were, and its sets have the kfuncs that they had.
///
/// # Errors
///
/// What is no longer what it was.
pub fn check_c_parts(module: &Built, vmlinux: &[u8]) -> Result<()> {
    let base = BtfFile {
        btf: vmlinux.to_vec(),
        ..BtfFile::default()
    };
    let plain = BtfFile::parse(module.plain.clone())?;
    let merged = BtfFile::parse(module.embedded.module.clone())?;
    ensure!(
        plain.distilled_base.is_some() && plain.distilled_base != merged.distilled_base,
        "no type of the base was added, so nothing had to move"
    );
    let (before, after) = (raw(&plain, &base)?, raw(&merged, &base)?);
    ensure!(
        after.starts_with(&before) && after != before,
        "types are no longer what they were"
    );
    let sets = sets(&module.plain, &plain)?;
    ensure!(!sets.is_empty(), "the module has no sets of kfuncs in C");
    ensure!(
        sets == self::sets(&module.embedded.module, &merged)?,
        "sets no longer have the kfuncs that they had"
    );
    Ok(())
}

/// A set's name, and names and flags of its kfuncs.
type Set = (String, Vec<(String, KfuncFlags)>);

/// The sets of the module `data`, whose BTF is `btf`.
fn sets(data: &[u8], btf: &BtfFile) -> Result<Vec<Set>> {
    let base = Btf::parse(btf.distilled_base.as_deref().unwrap_or_default())?;
    let split = Btf::parse_split(&btf.btf, &base)?;
    let sets = kfunc_cli::kfunc_sets(data)?.unwrap_or_default();
    let named = |(id, flags)| {
        let func = split.get(id).context("a set has an id without a type")?;
        let name = String::from_utf8_lossy(split.name(&func)).into_owned();
        Ok((name, flags))
    };
    sets.into_iter()
        .map(|set| {
            let kfuncs = set.kfuncs.into_iter().map(named);
            Ok((set.name, kfuncs.collect::<Result<_>>()?))
        })
        .collect()
}

/// The types of `file`, as `bpftool btf dump` prints them.
fn raw(file: &BtfFile, base: &BtfFile) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    kfunc_cli::dump(file, Some(base), Format::Raw, None, &mut out)?;
    Ok(out)
}
