// SPDX-License-Identifier: MIT OR Apache-2.0

//! The kernel's own tool for BTF, from the headers of a kernel of 7.x: what it makes of a BTF is what we should.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use crate::build_root::BuildRoot;
use crate::kernel::Kernel;

/// Ids of which there are none to be resolved.
const NO_IDS: &str = ".section .BTF_ids, \"a\"\n\
     .type __BTF_ID__set8__none, @object\n\
     .size __BTF_ID__set8__none, 8\n\
     __BTF_ID__set8__none: .zero 8\n";

/// What resolve_btfids of `tool` makes of a vmlinux BTF: without what is there twice, and sorted by name.
///
/// # Errors
///
/// The tool fails.
pub fn finalize(root: &BuildRoot, tool: &Kernel, btf: &[u8]) -> Result<Vec<u8>> {
    let run = Run {
        btf,
        base: None,
        distill: false,
    };
    deduplicated(root, tool, &run)
}

/// What resolve_btfids of `tool` makes of a BTF in which no kfunc is told to be one.
///
/// # Errors
///
/// The tool fails.
pub fn deduplicated(root: &BuildRoot, tool: &Kernel, run: &Run<'_>) -> Result<Vec<u8>> {
    Ok(without_kfuncs(root, tool, run)?.btf)
}

/// The same, with the base.
///
/// # Errors
///
/// The tool fails.
pub fn without_kfuncs(root: &BuildRoot, tool: &Kernel, run: &Run<'_>) -> Result<Resolved> {
    // It works on an object with a section of ids, which it would fill.
    assemble(root, NO_IDS)?;
    self::run(root, tool, run)
}

/// What the tool works on, beside the object.
#[derive(Clone, Copy, Debug)]
pub struct Run<'r> {
    /// The raw BTF.
    pub btf: &'r [u8],
    /// What it is split from.
    pub base: Option<&'r [u8]>,
    /// Whether the base is to be distilled.
    pub distill: bool,
}

/// What the tool writes.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The BTF.
    pub btf: Vec<u8>,
    /// Its distilled base.
    pub base: Option<Vec<u8>>,
    /// The section of ids.
    pub ids: Vec<u8>,
}

fn folder() -> String {
    BuildRoot::own("resolve_btfids")
}

fn host_folder(root: &BuildRoot) -> PathBuf {
    root.host_path(&folder())
}

/// Assembles the object that the next [`run`] works on, from a source with the section of ids.
///
/// # Errors
///
/// The assembler fails.
pub fn assemble(root: &BuildRoot, source: &str) -> Result<Vec<u8>> {
    fs::create_dir_all(host_folder(root))?;
    fs::write(host_folder(root).join("ids.s"), source)?;
    let script = format!("cd {} && gcc -c ids.s", folder());
    root.run("resolve_btfids-ids", &script)?;
    Ok(fs::read(host_folder(root).join("ids.o"))?)
}

/// Runs resolve_btfids of `tool` on the object that was assembled last.
///
/// # Errors
///
/// The tool fails.
pub fn run(root: &BuildRoot, tool: &Kernel, run: &Run<'_>) -> Result<Resolved> {
    let host_folder = host_folder(root);
    fs::write(host_folder.join("in.btf"), run.btf)?;
    let mut options = String::new();
    if let Some(base) = run.base {
        fs::write(host_folder.join("base.btf"), base)?;
        options += " --btf_base base.btf";
    }
    if run.distill {
        options += " --distill_base";
    }
    root.run(
        "resolve_btfids",
        &format!(
            "cd {}
             rm -f ids.o.BTF*
             /usr/lib/linux-kbuild-{}/tools/bpf/resolve_btfids/resolve_btfids --btf in.btf{options} ids.o",
            folder(),
            tool.version
        ),
    )?;
    let read = |name| fs::read(host_folder.join(name));
    Ok(Resolved {
        btf: read("ids.o.BTF")?,
        base: run.distill.then(|| read("ids.o.BTF.base")).transpose()?,
        ids: read("ids.o.BTF_ids")?,
    })
}

/// Keeps what should have been the same as what the tool wrote last; gives the folder of both.
///
/// # Errors
///
/// It cannot be written.
pub fn keep(root: &BuildRoot, btf: &[u8]) -> Result<PathBuf> {
    let folder = host_folder(root);
    fs::write(folder.join("ours.BTF"), btf)?;
    Ok(folder)
}
