// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc btf unsplit`.

use clap::Args;
use kfunc_cli::{unsplit_btf, Result, TypeOrder};

use super::with_kfuncs::{WithKfuncs, WithKfuncsRead};
use crate::output::replace;

/// What was split, and is to be as it was before.
#[derive(Args)]
pub(crate) struct Unsplit {
    #[command(flatten)]
    with: WithKfuncs,
    /// Leave the types in no order, as pahole does; the same each time.
    #[arg(long)]
    shuffle: bool,
}

impl Unsplit {
    pub(crate) fn run(&self) -> Result<()> {
        let WithKfuncsRead {
            input,
            base,
            kfuncs,
            ..
        } = self.with.read()?;
        let order = if self.shuffle {
            TypeOrder::Shuffled
        } else {
            TypeOrder::Kept
        };
        let btf = unsplit_btf(&input, base.as_deref(), &kfuncs, order)?;
        replace(&self.with.output, &btf)
    }
}
