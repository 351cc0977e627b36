// SPDX-License-Identifier: MIT OR Apache-2.0

//! The calls in what the JITs of stock kernels make of programs: all are found, and each goes to a function.
//!
//! ```text
//!   guest: BPF_OBJ_GET_INFO_BY_FD ──► jited functions ──► verifier_fixup::text::call ──► targets ──┐
//!          xlated instructions ─────► how many calls ─────────────────────────────────► equally many
//!          /proc/kallsyms ─────────► functions ──────────────────────────────────────► each target is one
//! ```

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use kfunc_abi::call;
use verifier_fixup::text::call::{calls, CallForm};
use verifier_fixup::text::stub::pool_stub_len;

use crate::boot::{program_files, run_guest};
use crate::build_root::BuildRoot;
use crate::kernel::{Arch, Kernel};
use crate::verdict::{complaints, read, JitedProgram, Report};
use crate::{guest, initramfs, module, packages, qemu};

/// How the name of a kfunc's stubs begins, which have no names of their own.
const STUBS: &str = "__kfunc_stubs_";
/// How many there are, and the implicit arguments of each (`kernel-glue/example/kfuncs.rs`).
const SLOTS: u64 = 16;
const IMPLICIT: usize = 1;

/// What was found in the code of all programs.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Programs, and the functions of them.
    pub programs: usize,
    /// Functions of the programs.
    pub functions: usize,
    /// Bytes of code.
    pub bytes: usize,
    /// Calls of which the target is a function.
    pub calls: usize,
    /// How many of them are made by a register.
    pub by_register: usize,
    /// How many of them have a private stack around them.
    pub private_stack: usize,
    /// What is not as it must be.
    pub failures: Vec<String>,
}

/// Boots `kernel` with many programs, and finds the calls in their code.
///
/// # Errors
///
/// Something cannot be built, or the guest does not get to its end.
pub fn check(root: &BuildRoot, kernel: &Kernel) -> Result<Found> {
    packages::install(root, kernel)?;
    let module = module::build(root, kernel, module::EXAMPLE)?;
    let guest = guest::build(root, kernel.arch)?;
    let mut files = vec![
        ("init", guest.init.as_slice()),
        ("kfunc_example.ko", &module.embedded.module),
    ];
    files.extend(program_files(&guest));
    let archive = initramfs::pack(&files)?;
    let console = run_guest(root, kernel, "jited", &archive, "jited")?;
    let (report, log) = read(&console).with_context(|| qemu::tail(&console))?;
    let mut found = find(kernel.arch, &report);
    found.failures.extend(complaints(&log));
    Ok(found)
}

fn find(arch: Arch, report: &Report) -> Found {
    let functions = report
        .symbols
        .iter()
        .map(|(address, name)| (*address, &**name));
    let functions = functions.collect();
    let mut found = Found {
        programs: report.jited.len(),
        failures: report.failures.clone(),
        ..Found::default()
    };
    for program in &report.jited {
        found.add(arch, program, &functions);
    }
    if found.calls == 0 {
        found.failures.push("no call was found".to_owned());
    }
    found
}

impl Found {
    fn add(&mut self, arch: Arch, program: &JitedProgram, functions: &BTreeMap<u64, &str>) {
        let arch = match arch {
            Arch::Amd64 => call::Arch::X86_64,
            Arch::Arm64 => call::Arch::Arm64,
        };
        let name = &program.name;
        let mut count = 0;
        for (address, code) in &program.functions {
            self.functions += 1;
            self.bytes += code.len();
            for site in calls(arch, code, *address) {
                let site = match site {
                    Ok(site) => site,
                    Err(error) => {
                        let failure = format!("{name}: function at {address:#x}: {error}");
                        self.failures.push(failure);
                        continue;
                    }
                };
                count += 1;
                self.by_register += usize::from(site.form == CallForm::MovBlr);
                self.private_stack += usize::from(site.around.private_stack);
                if !is_function(functions, arch, site.target) {
                    let failure = format!(
                        "{name}: no function at {:#x}, called at {:#x}",
                        site.target, site.address
                    );
                    self.failures.push(failure);
                }
            }
        }
        if count != program.calls {
            let failure = format!("{name}: {count} calls found of {}", program.calls);
            self.failures.push(failure);
        }
        self.calls += count;
    }
}

/// Whether a function begins at `address`, or a stub of the example module.
fn is_function(functions: &BTreeMap<u64, &str>, arch: call::Arch, address: u64) -> bool {
    let Some((begin, name)) = functions.range(..=address).next_back() else {
        return false;
    };
    let offset = address - begin;
    let stub = pool_stub_len(arch, IMPLICIT, 0) as u64;
    let in_pool = name.starts_with(STUBS) && offset % stub == 0 && offset / stub < SLOTS;
    offset == 0 || in_pool
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `call` of the function at 0x1010, twice, and `ret`.
    fn program() -> JitedProgram {
        let code = [
            0xe8, 0x0b, 0, 0, 0, 0xe8, 0x06, 0, 0, 0, 0xc3, //
        ];
        JitedProgram {
            name: "two".to_owned(),
            calls: 2,
            functions: vec![(0x1000, code.to_vec())],
        }
    }

    fn failures(program: JitedProgram) -> Vec<String> {
        let report = Report {
            jited: vec![program],
            symbols: vec![(0x1010, "function".to_owned())],
            ..Report::default()
        };
        find(Arch::Amd64, &report).failures
    }

    #[test]
    fn a_call_that_is_missing_or_goes_elsewhere_is_told() {
        assert_eq!(failures(program()), [""; 0]);
        let mut more = program();
        more.calls = 3;
        assert_eq!(failures(more), ["two: 2 calls found of 3"]);
        let mut moved = program();
        moved.functions[0].0 += 1;
        let elsewhere = [
            "two: no function at 0x1011, called at 0x1001",
            "two: no function at 0x1011, called at 0x1006",
        ];
        assert_eq!(failures(moved), elsewhere);
        let mut unknown = program();
        unknown.functions[0].1[5] = 0x06;
        let told = failures(unknown);
        assert!(told[0].contains("offset 0x5"), "{told:?}");
    }

    #[test]
    fn a_stub_is_a_function() {
        let functions = BTreeMap::from([(0x1000, "f"), (0x2000, "__kfunc_stubs_f")]);
        let known = |address| is_function(&functions, call::Arch::X86_64, address);
        assert!([0x1000, 0x2000, 0x2010, 0x20f0].into_iter().all(known));
        assert!(![0xfff, 0x1010, 0x2008, 0x2100].into_iter().any(known));
    }
}
