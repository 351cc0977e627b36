// SPDX-License-Identifier: MIT OR Apache-2.0

//! One kernel, from its packages to its verdict.

use std::fs;
use std::time::Duration;

use anyhow::{ensure, Context, Result};
use btf_core::{Btf, Relocation};
use kfunc_cli::{Embedded, Signatures};
use verifier_fixup::layout::Layout;

use crate::build_root::BuildRoot;
use crate::guest::{self, Guest};
use crate::kernel::{Flavour, Kernel, Skin};
use crate::module::{self, Built};
use crate::progress::step;
use crate::verdict::{judge, Report};
use crate::{facts, initramfs, packages, qemu};

/// A kernel that was booted.
#[derive(Clone, Debug)]
pub struct Booted {
    /// The kernel.
    pub kernel: Kernel,
    /// How Rust got into the module.
    pub skin: Skin,
    /// The signatures of each kfunc.
    pub signatures: Vec<Signatures>,
    /// What the guest said.
    pub report: Report,
}

/// Builds everything for `kernel`, boots it, and judges it. `other` is a kernel of another layout, for which the
/// module is embedded too, to be refused.
///
/// # Errors
///
/// Something cannot be built, or the guest does not get to its end.
pub fn boot(root: &BuildRoot, kernel: &Kernel, other: &Kernel) -> Result<Booted> {
    packages::install(root, kernel)?;
    packages::install(root, other)?;
    let module = module::build(root, kernel, module::EXAMPLE)?;
    let vmlinux = module::vmlinux_btf(root, kernel)?;
    let relocated = relocated_btf(&module.embedded, &vmlinux)?;
    let archive = archive(root, kernel, other, &module)?;
    let native = facts::is_native(root, kernel)?;
    let arguments = if native { "native" } else { "" };
    let console = run_guest(root, kernel, "boot", &archive, arguments)?;
    let mut report = judge(&console, native).with_context(|| qemu::tail(&console))?;
    report.compare_module_btf(&relocated);
    Ok(Booted {
        kernel: kernel.clone(),
        skin: facts::skin(root, kernel)?,
        signatures: module.embedded.signatures,
        report,
    })
}

/// The BPF programs of `guest`, by file.
pub(crate) fn program_files(guest: &Guest) -> impl Iterator<Item = (&str, &[u8])> {
    let programs = guest.programs.iter();
    programs.map(|(name, content)| (*name, content.as_slice()))
}

/// Boots `kernel` with these files. Gives what the guest said; `what` names the folder that keeps it.
pub(crate) fn run_guest(
    root: &BuildRoot,
    kernel: &Kernel,
    what: &str,
    archive: &[u8],
    arguments: &str,
) -> Result<Vec<String>> {
    run_guest_until(root, kernel, what, archive, arguments, qemu::DEADLINE)
}

/// The same, for a guest that needs more time.
pub(crate) fn run_guest_until(
    root: &BuildRoot,
    kernel: &Kernel,
    what: &str,
    archive: &[u8],
    arguments: &str,
    deadline: Duration,
) -> Result<Vec<String>> {
    let watched = match kernel.flavour {
        Flavour::Debug(_) => " watched",
        _ => "",
    };
    let arguments = format!("{arguments}{watched}");
    keep_guest(root, kernel, what, archive, |initramfs| {
        step(&format!("{kernel}: booting"), || {
            qemu::boot(
                root,
                qemu::Guest {
                    kernel,
                    initramfs,
                    arguments: &arguments,
                },
                deadline,
            )
        })
    })
}

/// Keeps what a guest of `kernel` is given and what it says in the folder that `what` names. `boot` boots it with the
/// archive, which is in a file then.
pub(crate) fn keep_guest(
    root: &BuildRoot,
    kernel: &Kernel,
    what: &str,
    archive: &[u8],
    boot: impl FnOnce(&str) -> Result<Vec<String>>,
) -> Result<Vec<String>> {
    let folder = BuildRoot::own(&format!("{what}/{}", kernel.release()));
    let host_folder = root.host_path(&folder);
    fs::create_dir_all(&host_folder)?;
    fs::write(host_folder.join("initramfs"), archive)?;
    let console = boot(&format!("{folder}/initramfs"))?;
    fs::write(host_folder.join("console"), console.join("\n"))?;
    Ok(console)
}

fn archive(root: &BuildRoot, kernel: &Kernel, other: &Kernel, module: &Built) -> Result<Vec<u8>> {
    let guest = guest::build(root, kernel.arch)?;
    let other_layout = match kernel.flavour {
        // It was compiled by clang, and would refuse BTF for what gcc has compiled before the module could refuse itself.
        Flavour::Debug(_) => with_member_moved(root, kernel, &module.embedded.module)?,
        _ => kfunc_cli::embed(&module.plain, &module::vmlinux_btf(root, other)?)?.module,
    };
    ensure!(
        other_layout != module.embedded.module,
        "{kernel} and {other} have the same layout"
    );
    let no_btf = without_btf(root, kernel, &module.embedded.module)?;
    let mut files = vec![
        ("init", guest.init.as_slice()),
        ("kfunc_example.ko", &module.embedded.module),
        ("not_embedded.ko", &module.plain),
        ("no_btf.ko", &no_btf),
        ("other_layout.ko", &other_layout),
    ];
    files.extend(program_files(&guest));
    initramfs::pack(&files)
}

/// The BTF that a kernel with the BTF `vmlinux` makes of the module's.
pub(crate) fn relocated_btf(module: &Embedded, vmlinux: &[u8]) -> Result<Vec<u8>> {
    let Some(base) = &module.btf_base else {
        return Ok(module.btf.clone());
    };
    let base = Btf::parse(base)?;
    let split = Btf::parse_split(&module.btf, &base)?;
    let vmlinux = Btf::parse(vmlinux)?;
    let mut room = vec![0; Relocation::required_len(&split)];
    let relocation = Relocation::new(&split, &vmlinux, &mut room)?;
    let mut out = vec![0; module.btf.len()];
    relocation.write(&mut out)?;
    Ok(out)
}

/// The module as if it had been embedded for a kernel whose first fact is another.
fn with_member_moved(root: &BuildRoot, kernel: &Kernel, module: &[u8]) -> Result<Vec<u8>> {
    let vmlinux = module::vmlinux_btf(root, kernel)?;
    let layout = Layout::of_kernel(&Btf::parse(&vmlinux)?)?;
    let facts = layout.values().map(u32::to_le_bytes).concat();
    let mut places = module.windows(facts.len()).enumerate();
    let place = places.find(|(_, bytes)| *bytes == facts);
    let (at, _) = place.context("the module does not have its layout")?;
    let mut moved = module.to_vec();
    let [first, ..] = layout.values();
    moved[at..at + size_of::<u32>()].copy_from_slice(&(first + 8).to_le_bytes());
    Ok(moved)
}

/// The module as a tool leaves it that strips BTF.
fn without_btf(root: &BuildRoot, kernel: &Kernel, module: &[u8]) -> Result<Vec<u8>> {
    let file = BuildRoot::own(&format!("modules/{}/no_btf.ko", kernel.release()));
    fs::write(root.host_path(&file), module)?;
    root.run(
        &format!("no-btf-{kernel}"),
        &format!("llvm-objcopy-19 --remove-section=.BTF --remove-section=.BTF.base {file}"),
    )?;
    Ok(fs::read(root.host_path(&file))?)
}
