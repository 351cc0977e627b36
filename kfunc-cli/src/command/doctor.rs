// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc doctor`.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use clap::Args;
use kfunc_cli::{doctor, Result};

use super::kfuncs::place;
use crate::output::print;

/// What is examined.
#[derive(Args)]
pub(crate) struct Doctor {
    /// A vmlinux, a module, or raw BTF such as /sys/kernel/btf/vmlinux, which has no flags and sets.
    #[arg(required_unless_present = "running")]
    file: Option<PathBuf>,
    /// The kernel that runs here, and its modules. Flags and sets are taken from its headers.
    #[arg(long, conflicts_with_all = ["file", "base"])]
    running: bool,
    /// The vmlinux of a module [default: .BTF.base of FILE].
    #[arg(long, value_name = "VMLINUX")]
    base: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Where the files of the kernel that runs are looked for.
    #[arg(long, value_name = "FOLDER", default_value = "/", hide = true)]
    root: PathBuf,
}

impl Doctor {
    /// True if nothing was found.
    pub(crate) fn run(&self) -> Result<bool> {
        let place = place(self.file.as_ref(), self.base.as_ref(), &self.root);
        let diagnosis = doctor(&place)?;
        print(&if self.json {
            format!("{}\n", diagnosis.to_json())
        } else {
            diagnosis.for_people(io::stdout().is_terminal())
        })?;
        Ok(diagnosis.findings.is_empty())
    }
}
