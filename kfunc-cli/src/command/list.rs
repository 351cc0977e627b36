// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc list`.

use std::io::{self, IsTerminal as _};

use clap::Args;
use kfunc_cli::{for_people, list, Result};

use super::kfuncs::Kfuncs;
use crate::output::print;

/// What is listed, and how.
#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    kfuncs: Kfuncs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl List {
    pub(crate) fn run(&self) -> Result<()> {
        let list = list(&self.kfuncs.place(), &self.kfuncs.selection())?;
        print(&if self.json {
            format!("{}\n", list.to_json())
        } else {
            for_people(&list, io::stdout().is_terminal())
        })
    }
}
