// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which kernels are meant, and doing something with each.

use std::fmt::Display;
use std::panic::resume_unwind;
use std::thread;

use anyhow::{ensure, Result};
use clap::Args;
use qemu_tests::build_root::BuildRoot;
use qemu_tests::kernel::{Arch, Flavour, Kernel, Row, SERIES};
use qemu_tests::packages;

#[derive(Args)]
pub(crate) struct Selection {
    /// Only the kernels of this series.
    #[arg(long, value_parser = SERIES.iter().map(|series| series.version).collect::<Vec<_>>())]
    pub(crate) kernel: Option<String>,
    /// Only this arch.
    #[arg(long)]
    pub(crate) arch: Option<Arch>,
    /// Only the kernels of this flavour (16k: arm64 only). Without it and without --kernel: the cloud kernels of 6.12 and 7.3.
    #[arg(long)]
    pub(crate) flavour: Option<Flavour>,
    /// Every flavour, and every series.
    #[arg(long)]
    pub(crate) all_kernels: bool,
    /// Boot this point release instead of the newest one: SERIES=VERSION, such as 6.12=6.12.94+deb13.
    #[arg(long, value_name = "SERIES=VERSION")]
    pub(crate) pin: Vec<String>,
}

impl Selection {
    /// What is booted when nothing is said.
    pub(crate) fn by_default(pin: Vec<String>) -> Self {
        Self {
            kernel: None,
            arch: None,
            flavour: None,
            all_kernels: false,
            pin,
        }
    }

    /// The newest series only.
    pub(crate) fn newest(arch: Option<Arch>, pin: Vec<String>) -> Self {
        Self {
            kernel: SERIES.last().map(|series| series.version.to_owned()),
            arch,
            ..Self::by_default(pin)
        }
    }

    fn contains(&self, row: &Row) -> bool {
        let flavour = match self.flavour {
            Some(flavour) => flavour == row.flavour,
            None => self.all_kernels || row.flavour == Flavour::Cloud,
        };
        let series = match &self.kernel {
            Some(version) => version == row.series.version,
            None => self.all_kernels || self.flavour.is_some() || row.series.by_default,
        };
        flavour && series && self.arch.is_none_or(|arch| arch == row.arch)
    }
}

/// The kernels that are needed.
pub(crate) struct Kernels {
    /// Those of the default rows. Their tools are used, and others are compared with them.
    pub(crate) all: Vec<Kernel>,
    pub(crate) selected: Vec<Kernel>,
}

impl Kernels {
    pub(crate) fn find(root: &BuildRoot, selection: &Selection) -> Result<Self> {
        packages::update_lists(root)?;
        let rows = Row::all().filter(|row| selection.contains(row));
        let kernels = Self::of_rows(root, rows, &selection.pin)?;
        ensure!(!kernels.selected.is_empty(), "there is no such kernel");
        Ok(kernels)
    }

    pub(crate) fn of_rows(
        root: &BuildRoot,
        rows: impl Iterator<Item = Row>,
        pins: &[String],
    ) -> Result<Self> {
        Ok(Self {
            all: packages::resolve_all(root, Row::by_default(), pins)?,
            selected: packages::resolve_all(root, rows, pins)?,
        })
    }

    /// Does `work` for each selected kernel, one after the other; gives what came of it, and what failed. Each comes with
    /// another kernel of the same arch, which has another layout. For work in a folder that kernels share, such as that of
    /// `resolve_btfids`.
    pub(crate) fn each<T>(
        &self,
        work: impl Fn(&Kernel, &Kernel) -> Result<T>,
    ) -> (Vec<T>, Vec<String>) {
        let all = self.selected.iter();
        sorted_out(all.map(|kernel| self.with_other(kernel, &work)))
    }

    /// The same, with the kernels of one arch beside those of the other: what a guest is made of is kept by arch.
    pub(crate) fn each_by_arch<T: Send>(
        &self,
        work: impl Fn(&Kernel, &Kernel) -> Result<T> + Sync,
    ) -> (Vec<T>, Vec<String>) {
        let of = |arch| {
            let kernels = self.selected.iter().filter(move |one| one.arch == arch);
            kernels
                .map(|kernel| self.with_other(kernel, &work))
                .collect()
        };
        let (amd64, arm64): (Vec<_>, Vec<_>) = thread::scope(|scope| {
            let arm64 = scope.spawn(|| of(Arch::Arm64));
            let amd64 = of(Arch::Amd64);
            (
                amd64,
                arm64.join().unwrap_or_else(|panic| resume_unwind(panic)),
            )
        });
        sorted_out(amd64.into_iter().chain(arm64))
    }

    fn with_other<T>(
        &self,
        kernel: &Kernel,
        work: impl Fn(&Kernel, &Kernel) -> Result<T>,
    ) -> Result<T, String> {
        let mut others = self.all.iter();
        let other =
            others.find(|other| other.arch == kernel.arch && other.version != kernel.version);
        work(kernel, other.unwrap_or(kernel)).map_err(|error| format!("{kernel}: {error:#}"))
    }
}

/// What was done, and what failed.
fn sorted_out<T>(results: impl Iterator<Item = Result<T, String>>) -> (Vec<T>, Vec<String>) {
    let (mut done, mut failures) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(result) => done.push(result),
            Err(failure) => failures.push(failure),
        }
    }
    (done, failures)
}

/// Does `work`, which gives what failed, with the selected kernels; true if nothing did.
pub(crate) fn on_kernels(
    selection: &Selection,
    work: impl FnOnce(&BuildRoot, &Kernels) -> Vec<String>,
) -> Result<bool> {
    let root = BuildRoot::open()?;
    Ok(report(work(&root, &Kernels::find(&root, selection)?)))
}

/// Tells what failed; true if nothing did.
pub(crate) fn report<F: Display>(failures: impl IntoIterator<Item = F>) -> bool {
    let mut none = true;
    for failure in failures {
        eprintln!("FAILED {failure}");
        none = false;
    }
    none
}
