// SPDX-License-Identifier: MIT OR Apache-2.0

//! The files that `btf split` and `btf unsplit` work on.

use std::path::PathBuf;

use clap::Args;
use kfunc_cli::{read_btf, IdsFile, NamedKfunc, Result};

/// The kfuncs of a BTF that is split or was.
#[derive(Args)]
#[command(group = clap::ArgGroup::new("kfuncs").args(["ids", "kfuncs_by_name"]).required(true))]
pub(super) struct WithKfuncs {
    /// An ELF file with .BTF, or raw BTF.
    #[arg(value_name = "IN")]
    pub(super) input: PathBuf,
    /// What IN is split from: the vmlinux of a module.
    #[arg(long, value_name = "VMLINUX")]
    pub(super) base: Option<PathBuf>,
    /// The kfuncs and their flags are those of the sets in .BTF_ids of this object.
    #[arg(long, value_name = "ELF")]
    pub(super) ids: Option<PathBuf>,
    /// A kfunc and its flags: foo:KF_IMPLICIT_ARGS|KF_SLEEPABLE, or foo:0x10000. May be given several times.
    #[arg(long = "kfunc", id = "kfuncs_by_name", value_name = "NAME[:FLAGS]", value_parser = NamedKfunc::parse)]
    pub(super) kfuncs: Vec<NamedKfunc>,
    /// Write raw BTF here.
    #[arg(short, long, value_name = "OUT")]
    pub(super) output: PathBuf,
}

/// The files that are named there.
pub(super) struct WithKfuncsRead {
    pub(super) input: Vec<u8>,
    pub(super) base: Option<Vec<u8>>,
    pub(super) ids: Option<IdsFile>,
    pub(super) kfuncs: Vec<NamedKfunc>,
}

impl WithKfuncs {
    pub(super) fn read(&self) -> Result<WithKfuncsRead> {
        let input = read_btf(&self.input)?;
        let base = self.base.as_deref().map(read_btf).transpose()?;
        let ids = self.ids.as_deref().map(IdsFile::read).transpose()?;
        let of_ids = ids.as_ref().map(|ids| ids.kfuncs(base.as_deref()));
        let kfuncs = of_ids.transpose()?.unwrap_or_else(|| self.kfuncs.clone());
        Ok(WithKfuncsRead {
            input,
            base,
            ids,
            kfuncs,
        })
    }
}
