// SPDX-License-Identifier: MIT OR Apache-2.0

//! The module that carries BTF into a kernel, and what its kernel does with BTF that it refuses.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::build_root::BuildRoot;
use crate::kernel::Kernel;
use crate::progress::step;
use crate::stamp;

/// The module's name.
pub(super) const NAME: &str = "btf_carrier";
/// What it is built from.
const SOURCES: &[&str] = &["Kbuild", "btf_carrier.c"];

/// Builds the module for `kernel`, with sections for BTF in which there is none yet.
pub(super) fn build(root: &BuildRoot, kernel: &Kernel) -> Result<Vec<u8>> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest/carrier");
    let mut sources = Vec::new();
    for name in SOURCES {
        let path = from.join(name);
        sources.push(fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
    }
    let folder = BuildRoot::own(&format!("carrier/{}", kernel.release()));
    let host_folder = root.host_path(&folder);
    stamp::make_once(
        &host_folder,
        &stamp::key(sources.iter().map(Vec::as_slice)),
        || {
            step(
                &format!("{kernel}: building the module that carries BTF"),
                || {
                    for (name, source) in SOURCES.iter().zip(&sources) {
                        fs::write(host_folder.join(name), source)?;
                    }
                    root.run(
                        &format!("carrier-{kernel}"),
                        &format!(
                            "cd {folder}
                             make -C {} {} CONFIG_DEBUG_INFO_BTF_MODULES= M={folder} modules
                             llvm-objcopy-19 --add-section=.BTF=Kbuild --add-section=.BTF.base=Kbuild {NAME}.ko",
                            kernel.headers(),
                            kernel.arch.make_args()
                        ),
                    )
                },
            )
        },
    )?;
    Ok(fs::read(host_folder.join(format!("{NAME}.ko")))?)
}

/// Whether a module whose BTF the kernel refuses is loaded all the same, without it.
pub(super) fn loads_without_btf(root: &BuildRoot, kernel: &Kernel) -> Result<bool> {
    let path = root.host_path(&format!("{}/.config", kernel.headers()));
    let config = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
    let mut lines = config.lines();
    Ok(lines.any(|line| line == "CONFIG_MODULE_ALLOW_BTF_MISMATCH=y"))
}
