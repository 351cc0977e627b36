// SPDX-License-Identifier: MIT OR Apache-2.0

//! `cargo xtask`: the demo, all tests, the fuzz targets, and the bench.

#![forbid(unsafe_code)]

mod bench;
mod checks;
mod demo;
mod kernels;
mod matrix;
mod oracles;
mod parity;
mod test;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use kernels::{on_kernels, Kernels, Selection};
use qemu_tests::build_root::BuildRoot;
use qemu_tests::kernel::Arch;
use qemu_tests::progress::step;
use qemu_tests::{call_oracle, compat, fuzz, lifecycle, project};

/// Random blobs for a comparison of BTF checks, by default.
const RANDOM_BLOBS: usize = 3000;
/// How long a target is fuzzed, by default.
const FUZZ_MINUTES: u32 = 60;
/// Disagreements that are told of each kernel.
const SHOWN_DISAGREEMENTS: usize = 20;

/// Builds, boots and tests the example module on stock Debian kernels.
#[derive(Parser)]
#[command(
    bin_name = "cargo xtask",
    after_help = "Exit status: 0 all is well, 1 something failed, 2 wrong use.\n\n\
    Downloads and builds are kept in $KFUNC_CACHE, or in implicit-kfuncs in $XDG_CACHE_HOME or ~/.cache."
)]
struct Xtask {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Boot the kernels, call the kfuncs from BPF programs, and print what happened.
    Demo {
        #[command(flatten)]
        kernels: Selection,
        /// Print a JSON array instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Boot every kernel there is, of all flavours and series, as demo, shapes and lifecycle do, and write down in README.md
    /// which passed in which ways.
    ///
    /// With a selection, the others stay as they are.
    Matrix {
        #[command(flatten)]
        kernels: Selection,
    },
    /// Write a module of your own: a folder that needs only make, the kernel's headers, rustc and kfunc.
    New {
        /// What the module is called; the names of its kfuncs begin with it, too.
        name: String,
        /// The folder, which is made [default: one of this name, here].
        #[arg(long, value_name = "PATH")]
        folder: Option<PathBuf>,
    },
    /// Write a module as `new` does, build it with make and with dkms, and boot the amd64 kernels with it and its own test.
    ///
    /// Exit status 1 if the test fails, or anything is left after it was removed.
    Project {
        #[command(flatten)]
        kernels: Selection,
    },
    /// Boot the kernels with a module that has a kfunc of every shape, call each, and pass each the wrong thing.
    Shapes {
        #[command(flatten)]
        kernels: Selection,
    },
    /// Give thousands of BTF blobs, right and wrong, to btf-core and to the kernels, as a program's and as a module's,
    /// and compare what they say.
    Parity {
        #[command(flatten)]
        kernels: Selection,
        /// Random blobs beside those that are always there.
        #[arg(long, value_name = "COUNT", default_value_t = RANDOM_BLOBS)]
        random: usize,
        /// What the random blobs are made from.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Print a JSON array instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Compare where kfunc-abi says that arguments are with the code of gcc and clang, for prototypes by chance.
    ///
    /// Exit status 1 if they disagree.
    Calls {
        /// How many prototypes.
        #[arg(long, value_name = "COUNT", default_value_t = call_oracle::PROTOTYPES)]
        prototypes: usize,
        /// What they are made from.
        #[arg(long, default_value_t = call_oracle::SEED)]
        seed: u64,
    },
    /// Execute stubs with every mix of implicit arguments, on this CPU and in QEMU's emulation of arm64, and compare every
    /// register before and after.
    ///
    /// Exit status 1 if one is not what it must be, or if a stub with a wrong bit is not found out.
    Stubs,
    /// Compare what kfunc btf split makes of the BTF of kernels and modules with what their resolve_btfids does.
    ///
    /// Exit status 1 if a byte differs.
    Split {
        #[command(flatten)]
        kernels: Selection,
    },
    /// Load programs into the kernels, and compare what becomes of them with what verifier-fixup makes of them: each
    /// instruction, and where the line info and the functions are.
    ///
    /// Exit status 1 if one differs.
    Fixup {
        #[command(flatten)]
        kernels: Selection,
    },
    /// Load programs that call kfuncs, and what is none, into the kernels, and compare what their verifiers say with what
    /// verifier-fixup does.
    ///
    /// Exit status 1 if they disagree.
    Resolve {
        #[command(flatten)]
        kernels: Selection,
    },
    /// Fill in the compatibility table: BTF of old and new tools, programs of old and new headers, kernels with and
    /// without implicit arguments of their own.
    ///
    /// Exit status 1 if a cell is not as expected, or as docs/compatibility.md has it.
    Compat {
        #[command(flatten)]
        kernels: Selection,
    },
    /// Examine the stock kernels with kfunc doctor, boot a 7.2 whose prototypes are unsplit, and show what libbpf and the
    /// verifier say of calls.
    ///
    /// Exit status 1 if something is found in the others, or if anything is said that should not be.
    Doctor {
        /// Take this point release instead of the newest one: SERIES=VERSION, such as 7.2=7.2.12+deb13.
        #[arg(long, value_name = "SERIES=VERSION")]
        pin: Vec<String>,
    },
    /// Load BPF programs on the kernels, and find the calls in what their JITs make of them.
    ///
    /// Exit status 1 if a call is not found, or goes where no function is.
    Jited {
        #[command(flatten)]
        kernels: Selection,
    },
    /// Load and unload programs and the example module on the kernels, in thousands, of all types, and broken ones.
    ///
    /// Exit status 1 if a program is given what is not its own, or if something is left behind.
    Lifecycle {
        #[command(flatten)]
        kernels: Selection,
        /// How many programs come and go one by one; a quarter as many again do so eight at a time.
        #[arg(long, value_name = "COUNT", default_value_t = lifecycle::CYCLES)]
        cycles: u32,
    },
    /// Check everything: format, lints, unit tests, documentation, calls, stubs, all kernels, their BTF, and what they say
    /// of ours.
    Test {
        /// Boot this point release instead of the newest one: SERIES=VERSION, such as 6.12=6.12.94+deb13.
        #[arg(long, value_name = "SERIES=VERSION")]
        pin: Vec<String>,
        /// Instead, build kernels that look for defects (KASAN, lockdep, kmemleak and others) of the newest series, and boot
        /// them with the modules: nothing may be found. The first time takes most of an hour.
        #[arg(long)]
        debug_kernel: bool,
        /// Only the debug kernel of this arch.
        #[arg(long, requires = "debug_kernel")]
        arch: Option<Arch>,
    },
    /// Fuzz btf-core with BTF that is almost right, and verifier-fixup with programs. Needs cargo-fuzz and a C++ compiler.
    ///
    /// Exit status 1 if an input is found that fails.
    Fuzz {
        /// What is fuzzed; all, one after the other, if it is left out.
        #[arg(value_parser = fuzz::TARGETS.to_vec())]
        target: Option<String>,
        /// For how long each.
        #[arg(long, default_value_t = FUZZ_MINUTES)]
        minutes: u32,
    },
    /// Measure on the BTF of a kernel (the newest for amd64, if not told): btf-core beside its peers (libbpf, aya-obj,
    /// btf-rs, btf), or kfunc btf split beside resolve_btfids, for which the kernel's debug information is downloaded
    /// (350 MB). Or on large programs, for which no kernel is needed: fixing up their kfunc calls at once, beside one by
    /// one. Or on all kernels: what calls of kfuncs cost, and binding them, in instructions.
    ///
    /// Exit status 1 if a target is missed.
    Bench {
        /// What is measured.
        #[arg(value_parser = ["btf", "split", "fixup", "call"])]
        what: String,
        #[command(flatten)]
        kernels: Selection,
        /// Print JSON instead of tables.
        #[arg(long)]
        json: bool,
        /// Write what calls cost into docs/cost.md and docs/cost.svg.
        #[arg(long)]
        write: bool,
    },
}

fn main() -> ExitCode {
    let result = match Xtask::parse().task {
        Task::Demo { kernels, json } => demo::demo(&kernels, json),
        Task::Matrix { kernels } => matrix::write_matrix(kernels),
        Task::Shapes { kernels } => on_kernels(&kernels, checks::boot_all_shapes),
        Task::Parity {
            kernels,
            random,
            seed,
            json,
        } => parity::parity(&kernels, seed, random, json),
        Task::Calls { prototypes, seed } => {
            BuildRoot::open().and_then(|root| oracles::calls(&root, seed, prototypes))
        }
        Task::Stubs => BuildRoot::open().and_then(|root| oracles::stubs(&root)),
        Task::Split { kernels } => BuildRoot::open().and_then(|root| {
            let kernels = Kernels::find(&root, &kernels)?;
            checks::split(&root, &kernels)
        }),
        Task::New { name, folder } => new_project(&name, folder),
        Task::Project { kernels } => on_kernels(&kernels, checks::check_projects),
        Task::Fixup { kernels } => on_kernels(&kernels, checks::check_fixups),
        Task::Resolve { kernels } => on_kernels(&kernels, checks::resolve_all_calls),
        Task::Compat { kernels } => on_kernels(&kernels, |root, kernels| {
            let failures = checks::boot_all_compat(root, kernels);
            println!("{}", compat::refusals());
            failures
        }),
        Task::Jited { kernels } => on_kernels(&kernels, checks::find_all_calls),
        Task::Lifecycle { kernels, cycles } => on_kernels(&kernels, |root, kernels| {
            checks::live_all(root, kernels, cycles)
        }),
        Task::Doctor { pin } => BuildRoot::open().and_then(|root| {
            let selection = Selection::by_default(pin);
            let kernels = Kernels::find(&root, &selection)?;
            Ok(checks::examine(&root, &kernels, &selection.pin))
        }),
        Task::Test {
            pin,
            debug_kernel: true,
            arch,
        } => on_kernels(&Selection::newest(arch, pin), checks::watch_all),
        Task::Test { pin, .. } => test::test(pin),
        Task::Fuzz { target, minutes } => fuzz_all(target.as_deref(), minutes),
        Task::Bench {
            what,
            kernels,
            json,
            write,
        } => bench::bench(&what, &kernels, json, write),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn new_project(name: &str, folder: Option<PathBuf>) -> Result<bool> {
    let folder = folder.unwrap_or_else(|| PathBuf::from(name));
    project::write(name, &folder)?;
    println!(
        "{}: a module to be built with make; README.md says more",
        folder.display()
    );
    Ok(true)
}

fn fuzz_all(only: Option<&str>, minutes: u32) -> Result<bool> {
    for target in fuzz::TARGETS {
        if only.is_none_or(|only| only == *target) {
            step(&format!("fuzz {target}"), || fuzz::run(target, minutes))?;
        }
    }
    Ok(true)
}
