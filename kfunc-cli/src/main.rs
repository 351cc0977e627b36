// SPDX-License-Identifier: MIT OR Apache-2.0

//! The command `kfunc`.

#![forbid(unsafe_code)]

mod command;
mod output;

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use kfunc_cli::{Error, Result};

use command::{Check, Doctor, Dump, Embed, Header, List, Split, Unsplit};

/// Kernel functions for BPF programs, with implicit arguments.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit status: 0 done, 1 something is wrong with the input, 2 wrong use or unreadable file."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the BTF of the kfuncs that a module declares into the module.
    ///
    /// The module then has .BTF with a FUNC for each kfunc, foo (what BPF programs call), and a second one, foo_impl (what
    /// runs), for each with implicit parameters; and .BTF.base with the kernel types that they use. BTF that C parts of the
    /// module have is kept, with all ids in .BTF_ids; without .BTF.base it ties the module to the one build of the kernel
    /// that it stands on, and so does what is added. Stubs are compared with what they must be.
    ///
    /// A module that is refused stays as it is. Embedding twice changes nothing. A signature is dropped: sign afterwards.
    Embed(Embed),
    /// List the kfuncs of a kernel or of a module.
    ///
    /// Each line has the prototype by which programs call the kfunc, the parameters that they do not pass (implicit),
    /// its flags, the hooks of the programs that may call it, and the sets that hold it. The hook TRACING has programs
    /// of the types TRACING, TRACEPOINT, PERF_EVENT and LSM, in 7.3 RAW_TRACEPOINT, too; TC has SCHED_CLS; CGROUP all
    /// CGROUP_*, in 7.3 SOCK_OPS, too; LWT all LWT_*; COMMON any. FMODRET: fmod_ret programs attach to it. filtered: the
    /// kernel looks at the program, too.
    List(List),
    /// Declare kfuncs, for BPF programs in C and in Rust.
    ///
    /// What a module documents of its kfuncs is in the comments, and so is what programs do not pass. Types of a module
    /// are defined; those of the kernel are in its vmlinux.h (kfunc btf dump --format c), or opaque in Rust.
    Header(Header),
    /// Tell whether the BTF of a kernel or a module is what BPF programs expect of its kfuncs.
    ///
    /// Of each rule that is broken, a line for each kfunc that breaks it, who is hit, and what mends it. unsplit: implicit
    /// arguments, but not two prototypes (foo and foo_impl), so that no program can call it. foreign-impl,
    /// impl-without-public: the two do not belong together, or one is not there. untagged: a set has it, but no tag says
    /// that it is a kfunc. missing-function: a set has what the BTF has not. inconsistent-flags: two sets disagree.
    /// unsorted: the kernel would search types by halves that are not sorted. Prototypes and order are looked at where
    /// the kernel has implicit arguments (Linux 7.0 and later).
    ///
    /// Exit status: 0 nothing is wrong, 1 something is, 2 the file cannot be read, or is damaged.
    Doctor(Doctor),
    /// Look into BTF: of a vmlinux, a module, a BPF object, or raw as in /sys/kernel/btf.
    #[command(subcommand)]
    Btf(BtfCommand),
}

#[derive(Subcommand)]
enum BtfCommand {
    /// Tell whether a kernel would take the BTF of a file, and if not, for which rule.
    ///
    /// The rules are those of the kernel's own checker, by its own words; the first that is broken is told.
    Check(Check),
    /// Give kfuncs two prototypes: foo, what BPF programs call, and foo_impl, what runs.
    ///
    /// This is what the build of Linux 7.x does (resolve_btfids) to the BTF that pahole wrote: of each kfunc with
    /// KF_IMPLICIT_ARGS, parameters from the first pointer to struct bpf_prog_aux or btf_struct_meta on are left out of
    /// foo; every kfunc gets its tags, arena pointers get theirs; the types are sorted by name. The output is the same
    /// byte for byte.
    Split(Split),
    /// Undo what split does, for tests: give the BTF as pahole left it.
    ///
    /// Each kfunc has the one prototype of its source again; foo_impl is gone unless the source has it, and so are the tags
    /// of kfuncs and of arena pointers, and what nothing else needs. The order of types and strings is not that of pahole.
    Unsplit(Unsplit),
    /// Print the types of a file.
    Dump(Dump),
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    match run(&command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Whoever reads has seen enough.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(match (&command, &error) {
                // Whoever asks for a check takes 1 for an answer: no.
                (Command::Btf(BtfCommand::Check(_)), error) if !error.is_refusal() => 2,
                (Command::Doctor(_), _) => 2,
                _ => error.exit_status(),
            })
        }
    }
}

/// False if the answer is no.
fn run(command: &Command) -> Result<bool> {
    match command {
        Command::Embed(embed) => embed.run()?,
        Command::List(list) => list.run()?,
        Command::Header(header) => header.run()?,
        Command::Doctor(doctor) => return doctor.run(),
        Command::Btf(BtfCommand::Check(check)) => check.run()?,
        Command::Btf(BtfCommand::Split(split)) => split.run()?,
        Command::Btf(BtfCommand::Unsplit(unsplit)) => unsplit.run()?,
        Command::Btf(BtfCommand::Dump(dump)) => dump.run()?,
    }
    Ok(true)
}
