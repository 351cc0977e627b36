// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc btf check`.

use std::path::PathBuf;

use clap::Args;
use kfunc_cli::{check, BtfFile, CheckKernel, CheckPolicy, Error, Result};
use serde_json::json;

/// What is checked, and by which rules.
#[derive(Args)]
pub(crate) struct Check {
    /// An ELF file with .BTF, or raw BTF.
    file: PathBuf,
    /// What FILE is split from; for a program's BTF, the kernel in which the targets of kptrs are looked for.
    #[arg(long, value_name = "FILE")]
    base: Option<PathBuf>,
    /// Whose BTF it is: a program's, checked in full, or the kernel's own [default: kernel with --base or with
    /// .BTF.base in FILE, else user].
    #[arg(long, value_enum)]
    policy: Option<CheckPolicy>,
    /// Which kernel's rules.
    #[arg(long, value_enum, default_value = "7.3")]
    kernel: CheckKernel,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(crate) fn run(&self) -> Result<()> {
        let file = BtfFile::read(&self.file)?;
        let base = self.base.as_deref().map(BtfFile::read).transpose()?;
        let policy = self.policy.unwrap_or(match (&base, &file.distilled_base) {
            (None, None) => CheckPolicy::User,
            _ => CheckPolicy::Kernel,
        });
        match check(&file, base.as_ref(), policy, self.kernel) {
            Ok(types) if self.json => println!("{}", json!({ "ok": true, "types": types })),
            Ok(types) => println!("ok: {types} types"),
            Err(Error::Refused(refusal)) if self.json => {
                println!("{}", refusal.to_json());
                return Err(Error::Refused(refusal));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
