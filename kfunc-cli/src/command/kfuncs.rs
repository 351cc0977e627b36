// SPDX-License-Identifier: MIT OR Apache-2.0

//! The kfuncs that `list` and `header` are about.

use std::path::{Path, PathBuf};

use clap::Args;
use kfunc_cli::{Place, Selection};

/// Which kfuncs.
#[derive(Args)]
pub(super) struct Kfuncs {
    /// A vmlinux, a module, or raw BTF such as /sys/kernel/btf/vmlinux, which has no flags and sets.
    #[arg(required_unless_present = "running")]
    file: Option<PathBuf>,
    /// Those of the kernel that runs here, and of its modules. Flags and sets are taken from its headers.
    #[arg(long, conflicts_with_all = ["file", "base"])]
    running: bool,
    /// The vmlinux of a module [default: .BTF.base of FILE]. With it, types that the kernel has, too, are known.
    #[arg(long, value_name = "VMLINUX")]
    base: Option<PathBuf>,
    /// Only those with implicit arguments.
    #[arg(long)]
    implicit: bool,
    /// Only this one. May be given several times.
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// Where the files of the kernel that runs are looked for.
    #[arg(long, value_name = "FOLDER", default_value = "/", hide = true)]
    root: PathBuf,
}

impl Kfuncs {
    pub(super) fn place(&self) -> Place {
        place(self.file.as_ref(), self.base.as_ref(), &self.root)
    }

    pub(super) fn selection(&self) -> Selection {
        Selection {
            implicit: self.implicit,
            names: self.names.clone(),
        }
    }
}

/// `file` over `base`; without it, the kernel that runs, whose files are in `root`.
pub(super) fn place(file: Option<&PathBuf>, base: Option<&PathBuf>, root: &Path) -> Place {
    match file {
        Some(file) => Place::File(file.clone(), base.cloned()),
        None => Place::Running(root.to_owned()),
    }
}
