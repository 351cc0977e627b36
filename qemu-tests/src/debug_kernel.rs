// SPDX-License-Identifier: MIT OR Apache-2.0

//! A kernel that looks for defects of ours: KASAN, lockdep and others, built here of Debian's source.
//!
//! ```text
//!   whole source + debug-kernel/*.config + clang, rustc, pahole ──► image, and the tree that modules are built against
//!                                                                     │
//!   check.rs   the boots of the stock kernels, in both skins ◄────────┤
//!   wrong.rs   a module that does what must be reported      ◄────────┘
//!                                                  reports.rs   what a watched kernel says
//! ```

pub mod check;
pub mod reports;
mod wrong;

use std::fs;
use std::path::Path;

use anyhow::{ensure, Context, Result};

use crate::build_root::BuildRoot;
use crate::kernel::{Arch, Flavour, Kernel, Skin};
use crate::packages::{folder, image, whole_source};
use crate::progress::step;
use crate::rust_tree::{make_command, RustTree};
use crate::{module, stamp};

/// Asks for the versions of all that a kernel is built with.
const TOOLCHAIN: &str =
    "dpkg-query -W clang-19 lld-19 llvm-19 rustc bindgen pahole gcc binutils make";

/// The kernel that looks for defects, of the version of `stock`; modules for it get this skin.
pub fn of(stock: &Kernel, skin: Skin) -> Kernel {
    Kernel {
        flavour: Flavour::Debug(skin),
        ..stock.clone()
    }
}

/// What kbuild is told. Only clang builds a kernel that has both Rust and KASAN (init/Kconfig: RUST).
pub(crate) fn make_args(arch: Arch) -> &'static str {
    match arch {
        Arch::Amd64 => "ARCH=x86 LLVM=-19",
        Arch::Arm64 => "ARCH=arm64 LLVM=-19",
    }
}

/// Where the kernel was built.
///
/// # Errors
///
/// The source cannot be had.
pub(crate) fn tree(root: &BuildRoot, kernel: &Kernel) -> Result<RustTree> {
    let (source, _) = whole_source(root, kernel)?;
    Ok(RustTree {
        source,
        objects: kernel.headers(),
    })
}

/// Builds `kernel` (a quarter of an hour), unless it is there, of the same source, configuration and toolchain. It has
/// what is asked for, or is an error.
///
/// # Errors
///
/// Something cannot be had or built, or the configuration lacks something.
pub(crate) fn install(root: &BuildRoot, kernel: &Kernel) -> Result<()> {
    let fragment = fragment(kernel.arch)?;
    let (_, source_version) = whole_source(root, kernel)?;
    let toolchain = root.output(TOOLCHAIN)?;
    let parts = [&*source_version, &fragment, &toolchain].map(str::as_bytes);
    let host_folder = root.host_path(&folder(kernel));
    stamp::make_once(&host_folder, &stamp::key(parts), || {
        step(&format!("{kernel}: building it"), || {
            build(root, kernel, &fragment)
        })
    })?;
    let configuration = root.host_path(&format!("{}/.config", kernel.headers()));
    let configuration = fs::read_to_string(configuration).context("the kernel is not there")?;
    check(&fragment, &configuration)?;
    let image = root.host_path(&image(kernel));
    ensure!(image.exists(), "{} is not there", image.display());
    Ok(())
}

/// What the configuration must have.
fn fragment(arch: Arch) -> Result<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("debug-kernel");
    let mut text = String::new();
    for name in ["common".to_owned(), arch.to_string()] {
        let path = folder.join(format!("{name}.config"));
        text += &fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
    }
    Ok(text)
}

/// Configures and builds the kernel. Of its tree, what is only linked into it is not kept.
fn build(root: &BuildRoot, kernel: &Kernel, fragment: &str) -> Result<()> {
    let (folder, tree) = (folder(kernel), tree(root, kernel)?);
    let objects = &tree.objects;
    fs::write(root.host_path(&folder).join("fragment"), fragment)?;
    let make = make_command(kernel, &tree);
    root.run(
        &format!("configure-{kernel}"),
        &format!(
            "mkdir -p {objects}
             {make} KCONFIG_ALLCONFIG={folder}/fragment allnoconfig"
        ),
    )?;
    let configuration = fs::read_to_string(root.host_path(&format!("{objects}/.config")))?;
    check(fragment, &configuration)?;
    let image = match kernel.arch {
        Arch::Amd64 => "arch/x86/boot/bzImage",
        Arch::Arm64 => "arch/arm64/boot/Image",
    };
    let target = image.rsplit('/').next().unwrap_or(image);
    root.run(
        &format!("build-{kernel}"),
        &format!(
            "nice -n 5 {make} -j$(nproc) {target} modules
             cp {objects}/{image} {folder}/vmlinuz
             cd {objects}
             find . -name tools -prune -o -name scripts -prune -o '(' -name '*.o' -o -name '*.a' ')' -exec rm {{}} +
             rm -f vmlinux.unstripped .tmp_vmlinux*"
        ),
    )?;
    // It has BTF, or no module of ours can be loaded.
    module::vmlinux_btf(root, kernel).map(drop)
}

/// Every option of the fragment is in the configuration: kconfig drops without a word what depends on something else.
fn check(fragment: &str, configuration: &str) -> Result<()> {
    let wanted = fragment.lines().filter(|line| line.starts_with("CONFIG_"));
    let missing: Vec<_> = wanted
        .filter(|wanted| !configuration.lines().any(|line| line == *wanted))
        .collect();
    ensure!(
        missing.is_empty(),
        "the configuration lacks {}",
        missing.join(", ")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_that_was_dropped_is_found() {
        let fragment = "# What looks\nCONFIG_KASAN=y\nCONFIG_LSM=\"bpf\"\n";
        assert!(check(fragment, "CONFIG_LSM=\"bpf\"\nCONFIG_KASAN=y\n").is_ok());
        for lacks in [
            "CONFIG_LSM=\"bpf\"\n# CONFIG_KASAN is not set\n",
            "CONFIG_LSM=\"bpf\"\nCONFIG_KASAN=m\n",
            "",
        ] {
            let error = check(fragment, lacks).unwrap_err();
            assert!(error.to_string().contains("CONFIG_KASAN=y"));
        }
    }

    #[test]
    fn every_fragment_asks_for_what_looks() {
        for arch in [Arch::Amd64, Arch::Arm64] {
            let fragment = fragment(arch).unwrap();
            for option in [
                "KASAN",
                "KASAN_VMALLOC",
                "KFENCE",
                "DEBUG_KMEMLEAK",
                "PROVE_LOCKING",
                "DEBUG_ATOMIC_SLEEP",
                "UBSAN",
                "DEBUG_OBJECTS",
                "RUST",
            ] {
                let line = format!("CONFIG_{option}=y");
                assert!(fragment.lines().any(|found| found == line), "{line}");
            }
        }
    }
}
