// SPDX-License-Identifier: MIT OR Apache-2.0

//! Measurements.

use anyhow::{ensure, Context, Result};
use qemu_tests::build_root::BuildRoot;
use qemu_tests::kernel::{Arch, Flavour, Row, SERIES};
use qemu_tests::{call_bench, fixup_bench, packages, split_bench};

use crate::kernels::{report, Kernels, Selection};

pub(crate) fn bench(what: &str, kernels: &Selection, json: bool, write: bool) -> Result<bool> {
    match what {
        "fixup" => return bench_fixup(json),
        "call" => return bench_calls(kernels, json, write),
        _ => (),
    }
    let root = BuildRoot::open()?;
    packages::update_lists(&root)?;
    let series = kernels.kernel.as_deref();
    let known = SERIES.iter().rev();
    let mut known = known.filter(|known| series.is_none_or(|series| series == known.version));
    let series = *known.next().context("no such series")?;
    let row = Row {
        series,
        flavour: Flavour::Cloud,
        arch: kernels.arch.unwrap_or(Arch::Amd64),
    };
    let kernel = packages::resolve(&root, row, &kernels.pin)?;
    let (report, text, met) = if what == "split" {
        let report = split_bench::run(&root, &kernel)?;
        let text = split_bench::for_people(&report);
        let met = split_bench::is_met(&report);
        (report, text, met)
    } else {
        let report = qemu_tests::bench::run(&root, &kernel)?;
        let text = qemu_tests::bench::for_people(&report);
        let met = qemu_tests::bench::all_met(&report);
        (report, text, met)
    };
    if json {
        println!("{report:#}");
    } else {
        println!("{kernel}: {text}");
    }
    Ok(met)
}

fn bench_calls(selection: &Selection, json: bool, write: bool) -> Result<bool> {
    let root = BuildRoot::open()?;
    let kernels = Kernels::find(&root, selection)?;
    ensure!(
        !write || kernels.selected.len() == kernels.all.len(),
        "the documentation is about all kernels"
    );
    let (measured, mut failures) = kernels.each(|kernel, _| call_bench::run(&root, kernel));
    if write && failures.is_empty() {
        call_bench::write(&measured)?;
    }
    if json {
        println!("{:#}", call_bench::for_machines(&measured));
    } else {
        println!("{}", call_bench::for_people(&measured));
    }
    failures.extend(call_bench::missed(&measured));
    Ok(report(&failures))
}

fn bench_fixup(json: bool) -> Result<bool> {
    let report = fixup_bench::run()?;
    if json {
        println!("{report:#}");
    } else {
        println!("{}", fixup_bench::for_people(&report));
    }
    Ok(fixup_bench::is_met(&report))
}
