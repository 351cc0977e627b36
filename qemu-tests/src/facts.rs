// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a kernel says of itself. Nothing that is expected of a kernel goes by its version: its configuration and its BTF
//! are asked.

use std::fs;

use anyhow::{Context, Result};
use btf_core::{Btf, Kind};
use verifier_fixup::native::check_kernel;

use crate::build_root::BuildRoot;
use crate::kernel::{Flavour, Kernel, Skin};
use crate::{module, packages};

/// The skin for `kernel`: Rust for Linux, where it is configured and no other is asked for.
///
/// # Errors
///
/// The kernel's packages cannot be had.
pub fn skin(root: &BuildRoot, kernel: &Kernel) -> Result<Skin> {
    if let Flavour::Debug(skin) = kernel.flavour {
        return Ok(skin);
    }
    Ok(match has_option(root, kernel, "RUST")? {
        true => Skin::Rust,
        false => Skin::C,
    })
}

/// Whether `kernel` is configured with `option`, without its `CONFIG_`, and not as a module.
///
/// # Errors
///
/// The kernel's packages cannot be had.
pub fn has_option(root: &BuildRoot, kernel: &Kernel, option: &str) -> Result<bool> {
    packages::install(root, kernel)?;
    let path = root.host_path(&format!("{}/.config", kernel.headers()));
    let configuration =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(is_on(&configuration, option))
}

fn is_on(configuration: &str, option: &str) -> bool {
    let on = format!("CONFIG_{option}=y");
    configuration.lines().any(|line| line == on)
}

/// Whether the verifier of `kernel` fills in implicit arguments (7.0 and later). The module asks the same of the BTF.
///
/// # Errors
///
/// The kernel's packages cannot be had, or have no BTF.
pub fn is_native(root: &BuildRoot, kernel: &Kernel) -> Result<bool> {
    packages::install(root, kernel)?;
    let vmlinux = module::vmlinux_btf(root, kernel)?;
    Ok(check_kernel(&Btf::parse(&vmlinux)?).is_ok())
}

/// Whether the JITs of `kernel` may be asked for arena pointers as arguments (`bpf_jit_supports_arena_args` of
/// `kernel/bpf/core.c`, 7.3 and later).
///
/// # Errors
///
/// As [`is_native`].
pub fn has_arena_args(root: &BuildRoot, kernel: &Kernel) -> Result<bool> {
    packages::install(root, kernel)?;
    let vmlinux = module::vmlinux_btf(root, kernel)?;
    let asks = Btf::parse(&vmlinux)?.find(b"bpf_jit_supports_arena_args", Kind::FUNC);
    Ok(asks.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_on_if_the_configuration_says_y() {
        assert!(is_on("CONFIG_BPF=y\nCONFIG_RUST=y\n", "RUST"));
        for other in [
            "# CONFIG_RUST is not set\n",
            "CONFIG_RUST_IS_AVAILABLE=y\n",
            "CONFIG_RUST=m\n",
            "",
        ] {
            assert!(!is_on(other, "RUST"));
        }
    }
}
