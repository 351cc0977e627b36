// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc btf dump`.

use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;

use clap::Args;
use kfunc_cli::{dump, BtfFile, Error, Format, Result};

/// What is printed, and how.
#[derive(Args)]
pub(crate) struct Dump {
    /// An ELF file with .BTF, or raw BTF.
    file: PathBuf,
    /// What FILE is split from, usually the vmlinux of a module [default: .BTF.base of FILE].
    #[arg(long, value_name = "FILE")]
    base: Option<PathBuf>,
    /// Print only the types of this name, whatever their kind.
    #[arg(long)]
    name: Option<String>,
    /// How to print them.
    #[arg(long, value_enum, default_value = "raw")]
    format: Format,
}

impl Dump {
    pub(crate) fn run(&self) -> Result<()> {
        let file = BtfFile::read(&self.file)?;
        let base = self.base.as_deref().map(BtfFile::read).transpose()?;
        let mut out = BufWriter::new(io::stdout().lock());
        dump(
            &file,
            base.as_ref(),
            self.format,
            self.name.as_deref(),
            &mut out,
        )?;
        out.flush().map_err(Error::Output)
    }
}
