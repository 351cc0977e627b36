// SPDX-License-Identifier: MIT OR Apache-2.0

//! What `kfunc doctor` says of stock kernels, and what libbpf and the verifier say where it finds something.
//!
//! Point releases of 7.2 in trixie-backports are shipped with kfuncs whose prototypes are unsplit, on amd64. The newest
//! one is booted, and programs call a kfunc that is unsplit, and one that is not. The day that a 7.2 is mended, nothing
//! is found in it, which is told, and programs only call the one that is not; pin an older one then
//! (`--pin 7.2=7.2.12+deb13`).

mod calls;
mod oracle;

use std::collections::BTreeSet;

use anyhow::{ensure, Context, Result};
use kfunc_abi::Source;
use kfunc_cli::{doctor, list, Diagnosis, Place, Rule, Selection};

use crate::build_root::BuildRoot;
use crate::kernel::{Arch, Flavour, Kernel, Row, SERIES_7_2};
use crate::packages;
use crate::progress::step;
use crate::verdict::Load;

/// Kernels that are shipped not as they must be.
pub const DEFECTIVE: Row = Row {
    series: SERIES_7_2,
    flavour: Flavour::Cloud,
    arch: Arch::Amd64,
};

/// What was found in a kernel, and what came of it.
#[derive(Clone, Debug, Default)]
pub struct Examined {
    /// What is said of it, line by line.
    pub told: Vec<String>,
    /// What is not as it must be.
    pub failures: Vec<String>,
}

/// Examines the `healthy` kernels, and the newest of [`DEFECTIVE`] or the one that `pins` names, which is booted, too.
pub fn check_all(root: &BuildRoot, healthy: &[Kernel], pins: &[String]) -> Examined {
    let mut all = Examined::default();
    for kernel in healthy {
        all.add(&kernel.to_string(), check_healthy(root, kernel));
    }
    match packages::resolve(root, DEFECTIVE, pins) {
        Ok(kernel) => all.add(&kernel.to_string(), check_defective(root, &kernel)),
        Err(error) => all.add(DEFECTIVE.series.version, Err(error)),
    }
    all
}

impl Examined {
    /// Adds what came of `kernel`.
    fn add(&mut self, kernel: &str, examined: Result<Self>) {
        let (told, failures) = match examined {
            Ok(examined) => (examined.told, examined.failures),
            Err(error) => (Vec::new(), vec![format!("{error:#}")]),
        };
        let failures = failures.iter();
        self.told.extend(told);
        self.failures
            .extend(failures.map(|failure| format!("{kernel}: {failure}")));
    }
}

/// Examines `kernel`, in which nothing must be found.
fn check_healthy(root: &BuildRoot, kernel: &Kernel) -> Result<Examined> {
    packages::install(root, kernel)?;
    let diagnosis = examine(root, kernel)?;
    let findings = diagnosis.findings.iter();
    let failures = findings.map(|found| format!("{}: {}", found.rule.name(), found.name));
    Ok(Examined {
        told: vec![format!("{kernel}: {}", summary(&diagnosis))],
        failures: failures.collect(),
    })
}

/// Examines `kernel`, in which unsplit kfuncs are expected, and boots it.
fn check_defective(root: &BuildRoot, kernel: &Kernel) -> Result<Examined> {
    packages::install(root, kernel)?;
    let diagnosis = examine(root, kernel)?;
    let place = Place::File(root.host_path(&kernel.vmlinux()), None);
    let kfuncs = list(&place, &Selection::default())?.kfuncs;
    let split =
        calls::callable(&kfuncs, Source::Pair).context("no kfunc that can be called is split")?;
    let unsplit = calls::callable(&kfuncs, Source::Unsplit);
    let mut told = vec![format!("{kernel}: {}", summary(&diagnosis))];
    let mut rules = diagnosis.findings.iter().map(|finding| finding.rule);
    if !rules.any(|rule| rule == Rule::Unsplit) {
        told.push(format!(
            "{kernel}: NOTHING IS UNSPLIT ANY MORE: only what must work was tried; pin an older point release"
        ));
    } else {
        ensure!(
            unsplit.is_some(),
            "none of the kfuncs that are unsplit is one that a program of type syscall can call with numbers"
        );
    }
    let report = calls::boot(root, kernel, split, unsplit)?;
    if let Some(unsplit) = unsplit {
        told.extend(side_by_side(&diagnosis, &unsplit.name, &report.loads));
    }
    let mut failures = report.failures.clone();
    failures.extend(calls::judge(&report, split, unsplit));
    Ok(Examined { told, failures })
}

/// What the doctor says, if it is what others tell of the same file.
fn examine(root: &BuildRoot, kernel: &Kernel) -> Result<Diagnosis> {
    step(&format!("{kernel}: examining its kfuncs"), || {
        let place = Place::File(root.host_path(&kernel.vmlinux()), None);
        let diagnosis = doctor(&place)?;
        let expected = oracle::of(root, kernel)?;
        let names = |rule| -> BTreeSet<_> {
            let findings = diagnosis.findings.iter();
            let of_rule = findings.filter(|finding| finding.rule == rule);
            of_rule.map(|finding| finding.name.clone()).collect()
        };
        for (rule, expected) in [
            (Rule::Unsplit, &expected.unsplit),
            (Rule::Untagged, &expected.untagged),
        ] {
            let found = names(rule);
            ensure!(
                found == *expected,
                "{}: {found:?}, others tell {expected:?}",
                rule.name()
            );
        }
        let told = expected.unsplit.len() + expected.untagged.len();
        ensure!(
            diagnosis.findings.len() == told && diagnosis.kfuncs == expected.kfuncs,
            "{} findings of {} kfuncs, others tell {told} of {}",
            diagnosis.findings.len(),
            diagnosis.kfuncs,
            expected.kfuncs
        );
        ensure!(diagnosis.notes.is_empty(), "{:?}", diagnosis.notes);
        Ok(diagnosis)
    })
}

/// The last line of what is told to people.
fn summary(diagnosis: &Diagnosis) -> String {
    let text = diagnosis.for_people(false);
    text.lines().last().unwrap_or_default().to_owned()
}

/// What the doctor, libbpf and the verifier say of the kfunc `name`.
fn side_by_side(diagnosis: &Diagnosis, name: &str, loads: &[Load]) -> Vec<String> {
    let findings = diagnosis.findings.iter();
    let of_kfunc = findings.filter(|finding| finding.name == name);
    let doctor = of_kfunc.map(|found| {
        format!(
            "  kfunc doctor: {}: {}: {}",
            found.rule.name(),
            found.name,
            found.what
        )
    });
    let others = loads.iter().filter(|load| load.way.starts_with("unsplit"));
    let others = others.map(|load| {
        let result = match load.errno {
            0 => "is loaded".to_owned(),
            errno => {
                // The verifier ends with how much it looked at.
                let lines = load.text.split(';').map(str::trim);
                let words =
                    lines.filter(|line| !line.is_empty() && !line.starts_with("processed "));
                let words: Vec<_> = words.collect();
                format!("errno {errno}: {}", words.join("; "))
            }
        };
        format!("  {}: {result}", load.way)
    });
    doctor.chain(others).collect()
}
