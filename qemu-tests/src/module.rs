// SPDX-License-Identifier: MIT OR Apache-2.0

//! The modules of this repository, built for one kernel: kbuild, then `kfunc embed`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{ensure, Context, Result};
use kfunc_cli::Embedded;

use crate::build_root::BuildRoot;
use crate::kernel::{Flavour, Kernel, Skin};
use crate::progress::step;
use crate::{facts, rust_tree};

/// The folders of the repository that a module is built from.
const FOLDERS: &[&str] = &[
    "btf-core/src",
    "kfunc-abi/src",
    "verifier-fixup/src",
    "kernel-glue/src",
    "kernel-glue/skin",
    "kernel-glue/example",
    "kernel-glue/shapes",
    "kernel-glue/bench",
];
/// Single files, and where kbuild wants them.
const FILES: &[(&str, &str)] = &[
    ("kernel-glue/Kbuild", "Kbuild"),
    ("kernel-glue/freestanding.mk", "kernel-glue/freestanding.mk"),
];

/// A module of this repository.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// Its name.
    pub name: &'static str,
    /// Where its kfuncs are declared.
    folder: &'static str,
    /// Whether some are in C, of which pahole writes the BTF.
    has_c: bool,
}

/// The one that README.md shows.
pub const EXAMPLE: Source = Source {
    name: "kfunc_example",
    folder: "kernel-glue/example",
    has_c: false,
};
/// The one with a kfunc of every shape.
pub const SHAPES: Source = Source {
    name: "kfunc_shapes",
    folder: "kernel-glue/shapes",
    has_c: true,
};
/// The one whose calls are counted.
pub const BENCH: Source = Source {
    name: "kfunc_bench",
    folder: "kernel-glue/bench",
    has_c: true,
};

/// A built module.
#[derive(Debug)]
pub struct Built {
    /// As kbuild made it, without BTF of its own.
    pub plain: Vec<u8>,
    /// With BTF.
    pub embedded: Embedded,
}

/// Builds the module of `source` for `kernel`, and gives it its BTF.
///
/// # Errors
///
/// kbuild or `kfunc embed` fails.
pub fn build(root: &BuildRoot, kernel: &Kernel, source: Source) -> Result<Built> {
    let Source {
        name,
        folder,
        has_c,
    } = source;
    let make = make_command(root, kernel)?;
    // pahole has nothing to say about Rust: the module's BTF comes from `kfunc embed`.
    let no_pahole = if has_c {
        ""
    } else {
        "CONFIG_DEBUG_INFO_BTF_MODULES="
    };
    let variables = format!("KFUNC_MODULE={name} KFUNC_FOLDER={folder} {no_pahole}");
    step(&format!("{kernel}: building {name}"), || {
        let folder = BuildRoot::own(&format!("modules/{}", kernel.release()));
        let host_folder = root.host_path(&folder);
        stage(&host_folder)?;
        root.run(
            &format!("{name}-{kernel}"),
            &format!("{make} -j$(nproc) {variables} M={folder} modules"),
        )?;
        let log = fs::read_to_string(root.log(&format!("{name}-{kernel}")))?;
        ensure!(!log.contains("warning:"), "kbuild warns:\n{log}");

        let plain = fs::read(host_folder.join(format!("{name}.ko")))?;
        let vmlinux = vmlinux_btf(root, kernel)?;
        let embedded = kfunc_cli::embed(&plain, &vmlinux)?;
        let again = kfunc_cli::embed(&embedded.module, &vmlinux)?;
        ensure!(
            again.module == embedded.module,
            "kfunc embed, run twice, gives different bytes"
        );
        Ok(Built { plain, embedded })
    })
}

/// The start of the `make` command that builds a module for `kernel`.
fn make_command(root: &BuildRoot, kernel: &Kernel) -> Result<String> {
    const C_SKIN: &str = "RUST_LIBRARY_SRC=/usr/lib/rustlib/src/rust/library";
    Ok(match (facts::skin(root, kernel)?, kernel.flavour) {
        (Skin::Rust, _) => rust_tree::make_command(kernel, &rust_tree::prepare(root, kernel)?),
        // Its tree is the only one: it has no headers package.
        (Skin::C, Flavour::Debug(_)) => {
            let tree = rust_tree::prepare(root, kernel)?;
            format!(
                "{} KFUNC_SKIN=c {C_SKIN}",
                rust_tree::make_command(kernel, &tree)
            )
        }
        (Skin::C, _) => format!(
            "make -C {} {} {C_SKIN}",
            kernel.headers(),
            kernel.arch.make_args()
        ),
    })
}

/// The BTF of the kernel.
///
/// # Errors
///
/// The headers package has none.
pub fn vmlinux_btf(root: &BuildRoot, kernel: &Kernel) -> Result<Vec<u8>> {
    Ok(kfunc_cli::read_btf(&root.host_path(&kernel.vmlinux()))?)
}

/// Copies what the module is built from; what has not changed is left alone, so that kbuild need not redo it.
fn stage(folder: &Path) -> Result<()> {
    for name in FOLDERS {
        copy_folder(&repository().join(name), &folder.join(name))?;
    }
    for (from, to) in FILES {
        copy_file(&repository().join(from), &folder.join(to))?;
    }
    let bitflags = bitflags_package()?;
    copy_folder(&bitflags.join("src"), &folder.join("bitflags/src"))
}

/// The folder of this repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Copies a folder and all in it.
pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            copy_file(&entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Copies a file, unless the same is there.
pub(crate) fn copy_file(from: &Path, to: &Path) -> Result<()> {
    let content = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    if fs::read(to).is_ok_and(|there| there == content) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(to, content).with_context(|| format!("cannot write {}", to.display()))
}

/// Where cargo keeps the one crate that comes from elsewhere.
pub(crate) fn bitflags_package() -> Result<PathBuf> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("cargo metadata failed")?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata has no packages")?;
    let manifest = packages
        .iter()
        .find(|package| package["name"] == "bitflags")
        .and_then(|package| package["manifest_path"].as_str())
        .context("cargo does not know bitflags")?;
    let folder = Path::new(manifest).parent();
    Ok(folder.context("a manifest is in a folder")?.to_owned())
}
