// SPDX-License-Identifier: MIT OR Apache-2.0

//! What verifier-fixup makes of programs beside what the kernel shows of them once they are loaded.
//!
//! ```text
//!   bpf/fixup*.bpf.c ──► libbpf ──► @old ──► verifier-fixup ──┐
//!                                    │                        ├── the same instructions, line info, functions
//!                                    └────► verifier ──► @new ┘
//! ```
//!
//! Not known is what other parts of the verifier write into an instruction: addresses of helpers, and ids of maps. They
//! must be the same wherever they stand for the same. The values of implicit arguments are the kernel's secret: that of
//! the first call is taken over, and all others of the program must be equal.

mod calls;
mod comparing;
mod expected;
mod heard;
mod program;

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use anyhow::{Context, Result};
use btf_core::{Btf, Kind};

use self::expected::Expected;
use self::heard::Heard;
use self::program::Program;
use crate::boot::{program_files, run_guest};
use crate::build_root::BuildRoot;
use crate::kernel::Kernel;
use crate::{facts, guest, initramfs, module};

/// What was compared.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// Each program by its name, and how many instructions libbpf gave to the kernel.
    programs: Vec<(String, usize)>,
    /// Names of programs that neither the kernel nor verifier-fixup can rewrite.
    refused: Vec<String>,
    /// Names of the kfuncs that are called.
    kfuncs: BTreeSet<String>,
    /// Kfunc calls that were fixed up.
    calls: usize,
    /// Instructions of the kernel's programs, each compared.
    insns: usize,
    /// Instructions of which a field was left out.
    partly: usize,
    /// Jumps, calls and callback references that lead over a call that has grown.
    moved: usize,
    /// Those that lead back.
    back: usize,
    /// Those of 32 bits, `gotol`.
    long_jumps: usize,
    /// Places of lines.
    lines: usize,
    /// Places of functions.
    functions: usize,
}

impl Compared {
    fn add(&mut self, other: Self) {
        self.programs.extend(other.programs);
        self.refused.extend(other.refused);
        self.kfuncs.extend(other.kfuncs);
        self.calls += other.calls;
        self.insns += other.insns;
        self.partly += other.partly;
        self.long_jumps += other.long_jumps;
        self.moved += other.moved;
        self.back += other.back;
        self.lines += other.lines;
        self.functions += other.functions;
    }

    /// Programs of more than so many instructions.
    fn larger_than(&self, insns: usize) -> usize {
        let larger = self.programs.iter().filter(|(_, len)| *len > insns);
        larger.count()
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let largest = self.programs.iter().map(|(_, len)| len).max();
        write!(
            f,
            "{} programs of up to {} instructions, {} calls of {} kfuncs fixed up, {} distances moved ({} back, {} of 32 bits); \
             as the kernel has them: {} instructions ({} but for a field that others write), {} line infos, {} functions; \
             refused by both: {}",
            self.programs.len(),
            largest.unwrap_or(&0),
            self.calls,
            self.kfuncs.len(),
            self.moved,
            self.back,
            self.long_jumps,
            self.insns,
            self.partly,
            self.lines,
            self.functions,
            self.refused.len()
        )
    }
}

/// Boots `kernel`, and compares what its verifier makes of the programs that are for it.
///
/// # Errors
///
/// The first instruction, line or function that differs; a program that is refused by one alone; a program or a kfunc
/// that was not compared; or a guest that does not get to its end.
pub fn check(root: &BuildRoot, kernel: &Kernel) -> Result<Compared> {
    let native = facts::is_native(root, kernel)?;
    let guest = guest::build(root, kernel.arch)?;
    let expected = Expected::of(native);
    let mut files = vec![("init", guest.xlated.as_slice())];
    files.extend(program_files(&guest));
    let arguments = expected.files.join(" ");
    let console = run_guest(root, kernel, "fixup", &initramfs::pack(&files)?, &arguments)?;
    let vmlinux = module::vmlinux_btf(root, kernel)?;
    let compared = compare(&console, &Btf::parse(&vmlinux)?, native)?;
    expected.check(&compared)?;
    Ok(compared)
}

fn compare(console: &[String], vmlinux: &Btf<'_>, native: bool) -> Result<Compared> {
    let heard = Heard::read(console)?;
    let kfuncs = function_names(vmlinux)?;
    let mut compared = Compared::default();
    for (name, loaded) in &heard.programs {
        let program = Program {
            name,
            heard: &heard,
            kfuncs: &kfuncs,
            native,
            old: &loaded.old,
            new: &loaded.new,
        };
        let one = if loaded.refused {
            program.compare_refusal()
        } else {
            program.compare()
        };
        compared.add(one.with_context(|| (*name).to_owned())?);
    }
    Ok(compared)
}

/// The names of a kernel's functions that begin with `bpf_`, by BTF id.
fn function_names<'b>(vmlinux: &Btf<'b>) -> Result<HashMap<i32, &'b str>> {
    let mut names = HashMap::new();
    for ty in vmlinux.types().filter(|ty| ty.kind() == Kind::FUNC) {
        let name = vmlinux.name(&ty);
        if name.starts_with(b"bpf_") {
            names.insert(ty.id().0.try_into()?, std::str::from_utf8(name)?);
        }
    }
    Ok(names)
}
