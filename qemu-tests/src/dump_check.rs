// SPDX-License-Identifier: MIT OR Apache-2.0

//! What `kfunc btf dump` prints of a kernel and of a module: raw, it is bpftool's text; in C, a compiler makes of it
//! types of the same sizes, with the same members at the same places.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;

use anyhow::{bail, ensure, Context, Result};
use btf_core::{Btf, Kind, Type};
use kfunc_cli::{dump, BtfFile, Format};

use crate::build_root::BuildRoot;
use crate::kernel::Kernel;

/// Checks the dumps of `kernel`, and of a module for it.
///
/// # Errors
///
/// The first line that differs, or what the compiler says.
pub fn check(root: &BuildRoot, kernel: &Kernel, module: &[u8]) -> Result<()> {
    let folder = BuildRoot::own(&format!("dump/{}", kernel.release()));
    let module_file = format!("{folder}/module.ko");
    fs::create_dir_all(root.host_path(&folder))?;
    fs::write(root.host_path(&module_file), module)?;
    let vmlinux = kernel.vmlinux();
    same_as_bpftool(root, &vmlinux, None)?;
    same_as_bpftool(root, &module_file, None)?;
    same_as_bpftool(root, &module_file, Some(&vmlinux))?;
    compiles(root, kernel, &folder)
}

fn same_as_bpftool(root: &BuildRoot, file: &str, base: Option<&str>) -> Result<()> {
    let option = base.map_or(String::new(), |base| format!("--base-btf {base}"));
    let bpftool = root.output(&format!("bpftool {option} btf dump file {file} format raw"))?;
    let read = |file| BtfFile::read(&root.host_path(file));
    let base = base.map(read).transpose()?;
    let ours = dumped(&read(file)?, base.as_ref(), Format::Raw)
        .with_context(|| format!("dump of {file} {option}"))?;
    let mut lines = ours.lines().zip(bpftool.lines());
    if let Some((ours, bpftool)) = lines.find(|(ours, bpftool)| ours != bpftool) {
        bail!("dump of {file} {option}: '{ours}', bpftool prints '{bpftool}'");
    }
    ensure!(
        ours == bpftool,
        "dump of {file} {option}: {} lines, bpftool prints {}",
        ours.lines().count(),
        bpftool.lines().count()
    );
    Ok(())
}

fn dumped(file: &BtfFile, base: Option<&BtfFile>, format: Format) -> Result<String> {
    let mut text = Vec::new();
    dump(file, base, format, None, &mut text)?;
    Ok(String::from_utf8(text)?)
}

fn compiles(root: &BuildRoot, kernel: &Kernel, folder: &str) -> Result<()> {
    let file = BtfFile::read(&root.host_path(&kernel.vmlinux()))?;
    let mut source = dumped(&file, None, Format::C)?;
    source.push_str(&assertions(&Btf::parse(&file.btf)?)?);
    let name = format!("{folder}/vmlinux.c");
    fs::write(root.host_path(&name), source)?;
    root.run(
        &format!("dump-{kernel}"),
        &format!("clang-19 --target=bpf -Werror -fsyntax-only {name}"),
    )
}

/// Asserts in C that structs and unions have their sizes, and members their offsets.
fn assertions(btf: &Btf<'_>) -> Result<String> {
    let mut tags: HashMap<_, u32> = HashMap::new();
    for ty in btf.types().filter(is_tagged) {
        *tags.entry(btf.name(&ty)).or_default() += 1;
    }
    let mut text = String::new();
    // Others of the same name have other names in C.
    let unique = |ty: &Type<'_>| tags.get(btf.name(ty)) == Some(&1) && ty.name_offset() != 0;
    for ty in btf.types().filter(unique) {
        let keyword = match ty.kind() {
            Kind::STRUCT => "struct",
            Kind::UNION => "union",
            _ => continue,
        };
        let tag = format!("{keyword} {}", std::str::from_utf8(btf.name(&ty))?);
        let size = ty.size().context("a struct has a size")?;
        writeln!(text, "_Static_assert(sizeof({tag}) == {size}, \"\");")?;
        for member in ty.members() {
            if member.name == 0 || member.bitfield_size != 0 {
                continue;
            }
            let (name, offset) = (btf.name_at(member.name), member.bit_offset / 8);
            let name = std::str::from_utf8(name)?;
            writeln!(
                text,
                "_Static_assert(__builtin_offsetof({tag}, {name}) == {offset}, \"\");"
            )?;
        }
    }
    Ok(text)
}

fn is_tagged(ty: &Type<'_>) -> bool {
    matches!(
        ty.kind(),
        Kind::STRUCT | Kind::UNION | Kind::ENUM | Kind::ENUM64
    )
}
