// SPDX-License-Identifier: MIT OR Apache-2.0

//! Stubs, executed: on the CPU, and under QEMU's user emulation for arm64.
//!
//! ```text
//!   verifier_fixup::text ──► site ──call──► stub ──jump──► body      exec/run_stub.c: loads all registers, goes to the
//!                                            │              │        site, and keeps what they hold in the body
//!                                           slot            ▼
//!   state before ──► what must be there ──── the same? ── state in the body
//! ```
//!
//! The site is a call as the JITs make it, which a patch has sent to the stub. In the body, each register must hold what it
//! held before the call; but for those of implicit arguments, what the call itself writes, and x16 where the stub may use it.

mod case;
mod state;

use std::fs;

use anyhow::{ensure, Context, Result};
use kfunc_abi::call::Arch;

use crate::build_root::BuildRoot;
pub use case::Case;
use state::Outcome;

/// How code of an arch is built and run.
struct Machine {
    arch: Arch,
    name: &'static str,
    compiler: &'static str,
    /// What runs the program: on arm64, a CPU that heeds landing pads.
    emulator: &'static str,
}

const MACHINES: &[Machine] = &[
    Machine {
        arch: Arch::X86_64,
        name: "x86_64",
        compiler: "x86_64-linux-gnu-gcc-14",
        emulator: "",
    },
    Machine {
        arch: Arch::Arm64,
        name: "arm64",
        compiler: "aarch64-linux-gnu-gcc-14",
        emulator: "qemu-aarch64 -cpu max",
    },
];

/// What runs the cases, as it is in the repository.
const SOURCES: &[(&str, &str)] = &[
    ("run_stub.c", include_str!("../exec/run_stub.c")),
    ("run_stub.h", include_str!("../exec/run_stub.h")),
    ("x86_64.S", include_str!("../exec/x86_64.S")),
    ("arm64.S", include_str!("../exec/arm64.S")),
];

/// What was executed.
#[derive(Debug, Default)]
pub struct Executed {
    /// Stubs that were.
    pub stubs: usize,
    /// Implicit arguments that got their values.
    pub arguments: usize,
    /// Stubs with a wrong bit, all of which were found out.
    pub spoiled: usize,
    /// What differs.
    pub failures: Vec<String>,
}

/// Executes every mix of implicit arguments, on both arches; and some stubs with a wrong bit, which must not pass.
///
/// # Errors
///
/// A compiler or the emulator fails.
pub fn check(root: &BuildRoot) -> Result<Executed> {
    let folder = BuildRoot::own("stubs");
    let host_folder = root.host_path(&folder);
    fs::create_dir_all(&host_folder)?;
    for (name, text) in SOURCES {
        fs::write(host_folder.join(name), text)?;
    }
    let mut executed = Executed::default();
    for machine in MACHINES {
        let cases = case::every_mix(machine.arch)?;
        let spoiled = case::spoiled(machine.arch)?;
        let name = machine.name;
        let all: Vec<_> = cases.iter().chain(&spoiled).collect();
        fs::write(host_folder.join(format!("{name}.cases")), case::file(&all))?;
        root.run(&format!("stubs-{name}"), &machine.script(&folder))?;
        let results = fs::read(host_folder.join(format!("{name}.results")))?;
        executed.judge(name, &cases, &spoiled, &results)?;
    }
    Ok(executed)
}

impl Machine {
    /// Builds the program and runs it.
    fn script(&self, folder: &str) -> String {
        let Self {
            name,
            compiler,
            emulator,
            ..
        } = self;
        format!(
            "cd {folder}
             {compiler} -O2 -Wall -Wextra -Werror -static run_stub.c {name}.S -o run_{name}
             {emulator} ./run_{name} {name}.cases {name}.results\n"
        )
    }
}

impl Executed {
    fn judge(
        &mut self,
        name: &str,
        cases: &[Case],
        spoiled: &[Case],
        results: &[u8],
    ) -> Result<()> {
        let mut outcomes = Outcome::all(results);
        for case in cases {
            let outcome = outcomes.next().context("a result is missing")?;
            self.stubs += 1;
            self.arguments += case.implicit.len();
            let failures = outcome.differences(case);
            if !failures.is_empty() {
                self.failures
                    .push(format!("{name}: {case}: {}", failures.join(", ")));
            }
        }
        for case in spoiled {
            let outcome = outcomes.next().context("a result is missing")?;
            self.spoiled += 1;
            if outcome.differences(case).is_empty() {
                self.failures
                    .push(format!("{name}: {case}: wrong, but not found out"));
            }
        }
        ensure!(
            outcomes.next().is_none(),
            "there are more results than cases"
        );
        Ok(())
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    /// Results as the program writes them, if all is well.
    fn results(cases: &[Case]) -> Vec<u8> {
        cases.iter().flat_map(state::as_it_must_be).collect()
    }

    #[test]
    fn whatever_is_not_as_it_must_be_is_found_out() {
        for machine in MACHINES {
            let cases = case::every_mix(machine.arch).expect("all are encoded");
            let cases = &cases[1000..1003];
            let good = results(cases);
            let judge = |results: &[u8]| {
                let mut executed = Executed::default();
                executed.judge(machine.name, cases, &[], results)?;
                Ok::<_, anyhow::Error>(executed.failures.len())
            };
            assert_eq!(judge(&good).expect("three results"), 0);
            let may_differ: Vec<_> = cases.iter().map(state::words_that_may_differ).collect();
            let len = good.len() / cases.len() / 8;
            for word in 0..good.len() / 8 {
                let mut bad = good.clone();
                bad[8 * word] ^= 1;
                let may = may_differ[word / len].contains(&(word % len));
                assert_eq!(
                    judge(&bad).expect("three results"),
                    usize::from(!may),
                    "{word}"
                );
            }
            assert!(judge(&good[..good.len() - 8]).is_err());
            assert!(judge(&[&good[..], &good[..]].concat()).is_err());
        }
    }

    #[test]
    fn a_spoiled_stub_that_does_what_it_must_is_a_failure() {
        for machine in MACHINES {
            let spoiled = case::spoiled(machine.arch).expect("all are encoded");
            let mut executed = Executed::default();
            let results = results(&spoiled);
            let judged = executed.judge(machine.name, &[], &spoiled, &results);
            judged.expect("as many results");
            assert_eq!(executed.failures.len(), spoiled.len());
        }
    }
}
