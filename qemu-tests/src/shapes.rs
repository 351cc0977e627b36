// SPDX-License-Identifier: MIT OR Apache-2.0

//! The module with a kfunc of every shape, on one kernel: built, called by BPF programs that are compiled with the
//! headers that `kfunc` makes of it, and judged.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use anyhow::{bail, Context, Result};
use kfunc_cli::{dump, header, BtfFile, Format, Language, Place, Selection};

use crate::boot::{program_files, run_guest};
use crate::build_root::BuildRoot;
use crate::kernel::{Flavour, Kernel};
use crate::module::{self, Built};
use crate::progress::step;
use crate::verdict::{judge_shapes, Report};
use crate::{facts, guest, initramfs, packages, qemu};

/// The programs that call each kfunc as it is meant to be.
const PROGRAMS: &str = "shapes.bpf";

/// What `kfunc embed` says of a module that an older kernel cannot read.
const TOO_NEW: &str = "is not known to read the annotation";

/// Boots `kernel` with the module, and judges what its programs came to. `other` is another kernel of this arch.
///
/// # Errors
///
/// Something cannot be built, or the guest does not get to its end.
pub fn boot(root: &BuildRoot, kernel: &Kernel, other: &Kernel) -> Result<Report> {
    packages::install(root, kernel)?;
    packages::install(root, other)?;
    let module = module::build(root, kernel, module::SHAPES)?;
    let arena = facts::has_arena_args(root, kernel)?;
    // Clang names integers in other ways than gcc does, which compiled `other`: what it made is refused for that already.
    let by_clang = matches!(kernel.flavour, Flavour::Debug(_));
    if arena && !by_clang && !facts::has_arena_args(root, other)? {
        check_refusal(root, &module, other)?;
    }
    let programs = step(
        &format!("{kernel}: compiling with generated headers"),
        || compile(root, kernel, &module),
    )?;
    let guest = guest::build(root, kernel.arch)?;
    let mut files = vec![
        ("init", guest.init.as_slice()),
        ("kfunc_shapes.ko", &module.embedded.module),
        ("shapes.bpf.o", &programs),
    ];
    files.extend(program_files(&guest));
    let native = facts::is_native(root, kernel)?;
    let arguments = match (arena, native) {
        (true, _) => "shapes arena",
        (false, true) => "shapes native",
        (false, false) => "shapes",
    };
    let console = run_guest(root, kernel, "shapes", &initramfs::pack(&files)?, arguments)?;
    let signatures = module.embedded.signatures.into_iter();
    let public: Vec<_> = signatures.map(|kfunc| kfunc.public).collect();
    judge_shapes(&console, &public).with_context(|| qemu::tail(&console))
}

/// Checks that the module, which has annotations of a newer kernel, is refused when it says that it is for `older`.
fn check_refusal(root: &BuildRoot, module: &Built, older: &Kernel) -> Result<()> {
    const VERMAGIC: &[u8] = b"vermagic=";
    let mut plain = module.plain.clone();
    let start = plain
        .windows(VERMAGIC.len())
        .position(|window| window == VERMAGIC)
        .context("the module does not say for which kernel it is")?
        + VERMAGIC.len();
    let release = older.release();
    let version = plain.get_mut(start..start + release.len());
    version
        .context("the module ends in its vermagic")?
        .copy_from_slice(release.as_bytes());
    match kfunc_cli::embed(&plain, &module::vmlinux_btf(root, older)?) {
        Err(error) if error.to_string().contains(TOO_NEW) => Ok(()),
        Err(error) => bail!("kfunc embed for {older} says something else: {error}"),
        Ok(_) => bail!("kfunc embed takes annotations that {older} cannot read"),
    }
}

/// Compiles the programs with what `kfunc btf dump` makes of the kernel, and `kfunc header` of the module.
fn compile(root: &BuildRoot, kernel: &Kernel, module: &Built) -> Result<Vec<u8>> {
    let folder = BuildRoot::own(&format!("shapes/{}/programs", kernel.release()));
    let host_folder = root.host_path(&folder);
    fs::create_dir_all(&host_folder)?;

    let vmlinux = BtfFile::read(&root.host_path(&kernel.vmlinux()))?;
    let mut out = BufWriter::new(File::create(host_folder.join("vmlinux.h"))?);
    dump(&vmlinux, None, Format::C, None, &mut out)?;
    out.into_inner()?;

    let file = host_folder.join("kfunc_shapes.ko");
    fs::write(&file, &module.embedded.module)?;
    let kfuncs = header(&Place::File(file, None), &Selection::default(), Language::C)?;
    fs::write(host_folder.join("kfunc_shapes.h"), kfuncs)?;

    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("bpf/{PROGRAMS}.c"));
    fs::copy(&source, host_folder.join(format!("{PROGRAMS}.c")))
        .with_context(|| format!("cannot read {}", source.display()))?;
    root.run(
        &format!("shapes-{kernel}"),
        &format!(
            "cd {folder} && clang-19 -target bpf -g -O2 -Wall -Werror -I/usr/include/x86_64-linux-gnu \
             -c {PROGRAMS}.c -o {PROGRAMS}.o"
        ),
    )?;
    Ok(fs::read(host_folder.join(format!("{PROGRAMS}.o")))?)
}
