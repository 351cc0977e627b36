// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc header`.

use std::path::PathBuf;

use clap::Args;
use kfunc_cli::{header, Language, Result};

use super::kfuncs::Kfuncs;
use crate::output::{print, replace};

/// What is declared, and how.
#[derive(Args)]
pub(crate) struct Header {
    #[command(flatten)]
    kfuncs: Kfuncs,
    /// The language.
    #[arg(long, value_enum, default_value = "c")]
    lang: Language,
    /// Write here instead of to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Header {
    pub(crate) fn run(&self) -> Result<()> {
        let text = header(&self.kfuncs.place(), &self.kfuncs.selection(), self.lang)?;
        match &self.output {
            Some(path) => replace(path, text.as_bytes()),
            None => print(&text),
        }
    }
}
