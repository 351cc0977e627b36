// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc btf split`.

use std::panic::resume_unwind;
use std::path::PathBuf;
use std::thread;

use clap::Args;
use kfunc_cli::{split_btf, IdsFile, Result, SplitBtf, SplitRequest};

use super::with_kfuncs::{WithKfuncs, WithKfuncsRead};
use crate::output::{beside, Unfinished};

/// What is split, and how.
#[derive(Args)]
pub(crate) struct Split {
    #[command(flatten)]
    with: WithKfuncs,
    /// Parameters whose names end so are implicit, too, whatever their type and the kfunc's flags.
    #[arg(long, value_name = "SUFFIX")]
    implicit_suffix: Option<String>,
    /// Parameters of this type, or that point to it, are implicit, too. May be given several times.
    #[arg(long = "implicit-type", value_name = "NAME")]
    implicit_types: Vec<String>,
    /// Leave out kfuncs that IN does not have, with a warning, as resolve_btfids does.
    #[arg(long)]
    skip_missing: bool,
    /// Write the part of VMLINUX that is needed to OUT.base, and split OUT from that.
    #[arg(long, requires = "base")]
    distill: bool,
    /// Write .BTF_ids of the object with the ids of OUT here.
    #[arg(long, value_name = "FILE", requires = "ids")]
    ids_out: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Split {
    pub(crate) fn run(&self) -> Result<()> {
        let WithKfuncsRead {
            input,
            base,
            ids,
            kfuncs,
        } = self.with.read()?;
        let split = split_btf(&SplitRequest {
            input: &input,
            base: base.as_deref(),
            kfuncs: &kfuncs,
            suffix: self.implicit_suffix.as_deref(),
            types: &self.implicit_types,
            distill: self.distill,
            skip_missing: self.skip_missing,
        })?;
        let unresolved = self.write(&split, ids.as_ref(), base.as_deref())?;
        for name in &split.missing {
            eprintln!("warning: kfunc {name} is not in the BTF");
        }
        for name in &split.strange_structs {
            eprintln!(
                "warning: IN has a struct {name} of its own, which differs from that of VMLINUX: implicit arguments \
                 that point to it are not filled in"
            );
        }
        for name in &unresolved {
            eprintln!("warning: nothing in the BTF is called {name}: its id stays 0");
        }
        if self.json {
            println!("{}", split.to_json());
        } else {
            println!(
                "{} kfuncs, {} with another prototype; {} types, {} before",
                split.kfuncs,
                split.changed.len(),
                split.types,
                split.types_before
            );
        }
        Ok(())
    }

    /// Writes what was split, and finds out the ids meanwhile; gives the names that have none.
    fn write(
        &self,
        split: &SplitBtf,
        ids: Option<&IdsFile>,
        base: Option<&[u8]>,
    ) -> Result<Vec<String>> {
        let mut files = Unfinished::default();
        let wanted = ids.zip(self.ids_out.as_deref());
        let unresolved = thread::scope(|scope| -> Result<_> {
            let resolving = wanted.map(|(ids, path)| {
                let resolve = move || ids.resolved_by(split, base);
                (path, scope.spawn(resolve))
            });
            let output = &self.with.output;
            files.write(output, &split.btf)?;
            if let Some(base) = &split.distilled_base {
                files.write(&beside(output, ".base"), base)?;
            }
            let Some((path, resolving)) = resolving else {
                return Ok(Vec::new());
            };
            let resolved = resolving.join();
            let (section, unresolved) = resolved.unwrap_or_else(|panic| resume_unwind(panic))?;
            files.write(path, &section)?;
            Ok(unresolved)
        })?;
        files.finish()?;
        Ok(unresolved)
    }
}
