// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a kernel says of itself. Nothing that is expected of a kernel goes by its version: its configuration and its BTF
//! are asked.

use std::fs;

use anyhow::{Context, Result};
use btf_core::Btf;
use verifier_fixup::native::check_kernel;

use crate::build_root::BuildRoot;
use crate::kernel::{Kernel, Skin};
use crate::{module, packages};

/// The skin for `kernel`: Rust for Linux, where it is configured.
///
/// # Errors
///
/// The kernel's packages cannot be had.
pub fn skin(root: &BuildRoot, kernel: &Kernel) -> Result<Skin> {
    packages::install(root, kernel)?;
    let path = root.host_path(&format!("{}/.config", kernel.headers()));
    let configuration =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(skin_by(&configuration))
}

fn skin_by(configuration: &str) -> Skin {
    if configuration.lines().any(|line| line == "CONFIG_RUST=y") {
        Skin::Rust
    } else {
        Skin::C
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_skin_goes_by_the_configuration() {
        assert_eq!(skin_by("CONFIG_RUST=y\nCONFIG_BPF=y\n"), Skin::Rust);
        for other in [
            "# CONFIG_RUST is not set\n",
            "CONFIG_RUST_IS_AVAILABLE=y\n",
            "",
        ] {
            assert_eq!(skin_by(other), Skin::C);
        }
    }
}
