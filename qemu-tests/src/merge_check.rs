// SPDX-License-Identifier: MIT OR Apache-2.0

//! The kfuncs of the example module, embedded beside the BTF of modules in C: what is theirs stays as it was.

use std::fs;

use anyhow::{ensure, Context, Result};
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
    let (before, after) = (raw(&other.data, base)?, raw(&merged.btf, base)?);
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

/// The types of `btf`, as `bpftool btf dump` prints them.
fn raw(btf: &[u8], base: &BtfFile) -> Result<Vec<u8>> {
    let file = BtfFile {
        btf: btf.to_vec(),
        ..BtfFile::default()
    };
    let mut out = Vec::new();
    kfunc_cli::dump(&file, Some(base), Format::Raw, None, &mut out)?;
    Ok(out)
}
