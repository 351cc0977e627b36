// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc embed`.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use kfunc_cli::{embed, read_btf, Error, Result, Signatures};

use crate::output::replace;

/// What is embedded where.
#[derive(Args)]
pub(crate) struct Embed {
    /// The module, as kbuild made it.
    module: PathBuf,
    /// The kernel that it is for: a vmlinux with .BTF, or raw BTF such as /sys/kernel/btf/vmlinux.
    #[arg(long, value_name = "VMLINUX")]
    base: PathBuf,
    /// Write here instead of to MODULE.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Embed {
    pub(crate) fn run(&self) -> Result<()> {
        let data = fs::read(&self.module).map_err(|source| Error::Read {
            path: self.module.clone(),
            source,
        })?;
        let embedded = embed(&data, &read_btf(&self.base)?)?;
        replace(
            self.output.as_ref().unwrap_or(&self.module),
            &embedded.module,
        )?;
        if self.json {
            println!("{}", embedded.to_json());
        } else {
            for Signatures { public, full } in &embedded.signatures {
                match full {
                    Some(full) => println!("{public}  ->  {full}"),
                    None => println!("{public}"),
                }
            }
        }
        Ok(())
    }
}
