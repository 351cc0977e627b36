// SPDX-License-Identifier: MIT OR Apache-2.0

//! `cargo xtask`: the demo, all tests, the fuzz targets, and the bench.

#![forbid(unsafe_code)]

use std::fmt::Display;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{ensure, Context, Result};
use clap::{Args, Parser, Subcommand};
use qemu_tests::boot::{boot, Booted};
use qemu_tests::build_root::BuildRoot;
use qemu_tests::kernel::{Arch, Flavour, Kernel, Row, SERIES};
use qemu_tests::packages;
use qemu_tests::parity::{self, Parity};
use qemu_tests::progress::step;
use qemu_tests::{
    call_bench, call_oracle, compat, debug_kernel, doctor, facts, fixup_bench, fixup_check, fuzz,
    jited, kernel_btf, lifecycle, matrix, parity_table, project, project_check, resolve_check,
    shapes, source_check, split_bench, split_oracle, stub_exec, table,
};

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
    /// Do what the demo does with every kernel there is, of all flavours and series, and write down in README.md which did it
    /// in which ways.
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

#[derive(Args)]
struct Selection {
    /// Only the kernels of this series.
    #[arg(long, value_parser = SERIES.iter().map(|series| series.version).collect::<Vec<_>>())]
    kernel: Option<String>,
    /// Only this arch.
    #[arg(long)]
    arch: Option<Arch>,
    /// Only the kernels of this flavour (16k: arm64 only). Without it and without --kernel: the cloud kernels of 6.12 and 7.3.
    #[arg(long)]
    flavour: Option<Flavour>,
    /// Every flavour, and every series.
    #[arg(long)]
    all_kernels: bool,
    /// Boot this point release instead of the newest one: SERIES=VERSION, such as 6.12=6.12.94+deb13.
    #[arg(long, value_name = "SERIES=VERSION")]
    pin: Vec<String>,
}

impl Selection {
    /// What is booted when nothing is said.
    fn by_default(pin: Vec<String>) -> Self {
        Self {
            kernel: None,
            arch: None,
            flavour: None,
            all_kernels: false,
            pin,
        }
    }

    /// The newest series only.
    fn newest(arch: Option<Arch>, pin: Vec<String>) -> Self {
        let newest = SERIES.last().map(|series| series.version.to_owned());
        Self {
            kernel: newest,
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

fn main() -> ExitCode {
    let result = match Xtask::parse().task {
        Task::Demo { kernels, json } => demo(&kernels, json),
        Task::Matrix { kernels } => write_matrix(kernels),
        Task::Shapes { kernels } => on_kernels(&kernels, boot_all_shapes),
        Task::Parity {
            kernels,
            random,
            seed,
            json,
        } => parity(&kernels, seed, random, json),
        Task::Calls { prototypes, seed } => {
            BuildRoot::open().and_then(|root| calls(&root, seed, prototypes))
        }
        Task::Stubs => BuildRoot::open().and_then(|root| stubs(&root)),
        Task::Split { kernels } => BuildRoot::open().and_then(|root| {
            let kernels = Kernels::find(&root, &kernels)?;
            split(&root, &kernels)
        }),
        Task::New { name, folder } => new_project(&name, folder),
        Task::Project { kernels } => on_kernels(&kernels, check_projects),
        Task::Fixup { kernels } => on_kernels(&kernels, check_fixups),
        Task::Resolve { kernels } => on_kernels(&kernels, resolve_all_calls),
        Task::Compat { kernels } => on_kernels(&kernels, |root, kernels| {
            let failures = boot_all_compat(root, kernels);
            println!("{}", compat::refusals());
            failures
        }),
        Task::Jited { kernels } => on_kernels(&kernels, find_all_calls),
        Task::Lifecycle { kernels, cycles } => {
            on_kernels(&kernels, |root, kernels| live_all(root, kernels, cycles))
        }
        Task::Doctor { pin } => BuildRoot::open().and_then(|root| {
            let selection = Selection::by_default(pin);
            let kernels = Kernels::find(&root, &selection)?;
            Ok(examine(&root, &kernels, &selection.pin))
        }),
        Task::Test {
            pin,
            debug_kernel: true,
            arch,
        } => on_kernels(&Selection::newest(arch, pin), watch_all),
        Task::Test { pin, .. } => test(pin),
        Task::Fuzz { target, minutes } => fuzz_all(target.as_deref(), minutes),
        Task::Bench {
            what,
            kernels,
            json,
            write,
        } => bench(&what, &kernels, json, write),
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

/// What became of the kernels.
struct Outcome {
    booted: Vec<Booted>,
    /// What went wrong, by kernel.
    failures: Vec<String>,
}

/// The kernels that are needed.
struct Kernels {
    /// Those of the default rows. Their tools are used, and others are compared with them.
    all: Vec<Kernel>,
    selected: Vec<Kernel>,
}

impl Kernels {
    fn find(root: &BuildRoot, selection: &Selection) -> Result<Self> {
        packages::update_lists(root)?;
        let rows = Row::all().filter(|row| selection.contains(row));
        let kernels = Self::of_rows(root, rows, &selection.pin)?;
        ensure!(!kernels.selected.is_empty(), "there is no such kernel");
        Ok(kernels)
    }

    fn of_rows(root: &BuildRoot, rows: impl Iterator<Item = Row>, pins: &[String]) -> Result<Self> {
        let resolve = |row| packages::resolve(root, row, pins);
        Ok(Self {
            all: Row::by_default().map(resolve).collect::<Result<_>>()?,
            selected: rows.map(resolve).collect::<Result<_>>()?,
        })
    }

    /// Does `work` for each selected kernel; gives what came of it, and what failed. Each comes with another kernel of
    /// the same arch, which has another layout.
    fn each<T>(&self, work: impl Fn(&Kernel, &Kernel) -> Result<T>) -> (Vec<T>, Vec<String>) {
        let (mut done, mut failures) = (Vec::new(), Vec::new());
        for kernel in &self.selected {
            let other = self
                .all
                .iter()
                .find(|other| other.arch == kernel.arch && other.version != kernel.version);
            match work(kernel, other.unwrap_or(kernel)) {
                Ok(result) => done.push(result),
                Err(error) => failures.push(format!("{kernel}: {error:#}")),
            }
        }
        (done, failures)
    }
}

fn boot_all(root: &BuildRoot, kernels: &Kernels) -> Outcome {
    let (booted, mut failures) = kernels.each(|kernel, other| boot(root, kernel, other));
    for Booted { kernel, report, .. } in &booted {
        let found = report.failures.iter();
        failures.extend(found.map(|failure| format!("{kernel}: {failure}")));
    }
    Outcome { booted, failures }
}

/// Does `work`, which gives what failed, with the selected kernels; true if nothing did.
fn on_kernels(
    selection: &Selection,
    work: impl FnOnce(&BuildRoot, &Kernels) -> Vec<String>,
) -> Result<bool> {
    let root = BuildRoot::open()?;
    Ok(report(work(&root, &Kernels::find(&root, selection)?)))
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

/// Boots the selected kernels with a new project, built in every way. Gives what failed.
fn check_projects(root: &BuildRoot, kernels: &Kernels) -> Vec<String> {
    let (_, failures) = kernels.each(|kernel, _| {
        let mut failures = Vec::new();
        for checked in project_check::check(root, kernel)? {
            let (how, report) = (checked.how, checked.report);
            println!("{kernel}: a project built by {how}: {} checks", report.held);
            failures.extend(report.failures.iter().map(|one| format!("{how}: {one}")));
        }
        ensure!(failures.is_empty(), "{}", failures.join("\n"));
        Ok(())
    });
    failures
}

/// Boots the selected kernels with the module of all shapes; says how many things held. Gives what failed.
fn boot_all_shapes(root: &BuildRoot, kernels: &Kernels) -> Vec<String> {
    let (_, failures) = kernels.each(|kernel, other| {
        let report = shapes::boot(root, kernel, other)?;
        let (calls, held) = (report.shapes.len(), report.held);
        println!("{kernel}: {calls} calls of kfuncs of every shape, {held} other checks");
        ensure!(report.failures.is_empty(), "{}", report.failures.join("\n"));
        Ok(())
    });
    failures
}

/// Boots the selected kernels, and compares what they make of programs. Gives what failed.
fn check_fixups(root: &BuildRoot, kernels: &Kernels) -> Vec<String> {
    let (_, failures) = kernels.each(|kernel, _| {
        println!("{kernel}: {}", fixup_check::check(root, kernel)?);
        Ok(())
    });
    failures
}

/// Boots the selected kernels, and compares what they and verifier-fixup say of calls. Gives what failed.
fn resolve_all_calls(root: &BuildRoot, kernels: &Kernels) -> Vec<String> {
    let (_, failures) = kernels.each(|kernel, _| {
        let compared = resolve_check::check(root, kernel)?;
        println!("{kernel}: {}", compared.line());
        let shown = compared.failures.iter().take(SHOWN_DISAGREEMENTS);
        let shown: Vec<_> = shown.cloned().collect();
        let count = compared.failures.len();
        ensure!(count == 0, "{count} disagreements:\n{}", shown.join("\n"));
        Ok(())
    });
    failures
}

/// Boots the selected kernels for the compatibility table, and prints it. Gives what failed.
fn boot_all_compat(root: &BuildRoot, kernels: &Kernels) -> Vec<String> {
    let (_, failures) = kernels.each(|kernel, _| {
        let compat = compat::boot(root, kernel, &kernels.all)?;
        println!(
            "{kernel}: {} cells of the compatibility table\n{}",
            compat.cells, compat.table
        );
        ensure!(compat.failures.is_empty(), "{}", compat.failures.join("\n"));
        Ok(())
    });
    failures
}

/// Boots the selected kernels with programs, and tells how many calls are in their code. Gives what failed.
fn find_all_calls(root: &BuildRoot, kernels: &Kernels) -> Vec<String> {
    let (_, failures) = kernels.each(|kernel, _| {
        let found = jited::check(root, kernel)?;
        println!(
            "{kernel}: {} calls found in {} programs, {} functions, {} bytes; {} by register, {} with a private stack",
            found.calls, found.programs, found.functions, found.bytes, found.by_register, found.private_stack
        );
        ensure!(found.failures.is_empty(), "{}", found.failures.join("\n"));
        Ok(())
    });
    failures
}

/// Boots the selected kernels with programs and modules that come and go. Gives what failed.
fn live_all(root: &BuildRoot, kernels: &Kernels, cycles: u32) -> Vec<String> {
    let (_, failures) = kernels.each(|kernel, _| {
        let report = lifecycle::check(root, kernel, cycles)?;
        println!("{kernel}: {}", lifecycle::for_people(&report));
        ensure!(report.failures.is_empty(), "{}", report.failures.join("\n"));
        Ok(())
    });
    failures
}

/// Boots kernels of the selected versions that look for defects. Gives what they found.
fn watch_all(root: &BuildRoot, kernels: &Kernels) -> Vec<String> {
    let (_, failures) = kernels.each(|kernel, other| {
        let checked = debug_kernel::check::check(root, kernel, other)?;
        for line in checked.told {
            println!("{kernel}: debug kernel: {line}");
        }
        ensure!(
            checked.failures.is_empty(),
            "debug kernel:\n{}",
            checked.failures.join("\n")
        );
        Ok(())
    });
    failures
}

fn parity(selection: &Selection, seed: u64, random: usize, json: bool) -> Result<bool> {
    let root = BuildRoot::open()?;
    let kernels = Kernels::find(&root, selection)?;
    let compared = compare_all(&root, &kernels, seed, random)?;
    if json {
        println!("{:#}", parity_table::for_machines(&compared));
    } else {
        println!("{}", parity_table::for_people(&compared));
    }
    Ok(report_parity(&compared))
}

fn compare_all(
    root: &BuildRoot,
    kernels: &Kernels,
    seed: u64,
    random: usize,
) -> Result<Vec<Parity>> {
    let mut compared = Vec::new();
    for kernel in &kernels.selected {
        let both = parity::check(root, kernel, seed, random).with_context(|| kernel.to_string())?;
        compared.extend(both);
    }
    Ok(compared)
}

/// Tells where btf-core and a kernel disagree; true if nowhere.
fn report_parity(compared: &[Parity]) -> bool {
    for parity in compared {
        for failure in parity.failures.iter().take(SHOWN_DISAGREEMENTS) {
            eprintln!("FAILED {}: {failure}", parity.kernel);
        }
    }
    compared.iter().all(|parity| parity.failures.is_empty())
}

/// Tells where kfunc-abi and a compiler disagree; true if nowhere.
fn calls(root: &BuildRoot, seed: u64, prototypes: usize) -> Result<bool> {
    let compared = step(
        &format!("comparing {prototypes} prototypes with what compilers make of them"),
        || call_oracle::check(root, seed, prototypes),
    )?;
    let agreed = report(compared.failures.iter().take(SHOWN_DISAGREEMENTS));
    println!(
        "places of arguments: {} compared, {} differ; compilers disagree about {}",
        compared.places,
        compared.failures.len(),
        compared.excused
    );
    Ok(agreed)
}

/// Tells which stubs do not do what they must; true if none.
fn stubs(root: &BuildRoot) -> Result<bool> {
    let executed = step("executing stubs", || stub_exec::check(root))?;
    let agreed = report(executed.failures.iter().take(SHOWN_DISAGREEMENTS));
    println!(
        "stubs: {} executed with {} implicit arguments, and {} with a wrong bit; {} failed",
        executed.stubs,
        executed.arguments,
        executed.spoiled,
        executed.failures.len()
    );
    Ok(agreed)
}

/// Tells where kfunc btf split and resolve_btfids differ; true if nowhere.
fn split(root: &BuildRoot, kernels: &Kernels) -> Result<bool> {
    let (compared, mut failures) = kernels.each(|kernel, _| {
        let native = facts::is_native(root, kernel)?;
        native
            .then(|| split_oracle::check(root, kernel))
            .transpose()
    });
    for compared in compared.into_iter().flatten() {
        for line in compared.same {
            println!("same: {line}");
        }
        failures.extend(compared.failures);
    }
    let agreed = report(&failures);
    println!("split as resolve_btfids does: {} failed", failures.len());
    Ok(agreed)
}

/// Tells what kfunc doctor finds, and what kernels say of that; true if it is as it must be.
fn examine(root: &BuildRoot, kernels: &Kernels, pins: &[String]) -> bool {
    let examined = doctor::check_all(root, &kernels.selected, pins);
    for line in examined.told {
        println!("{line}");
    }
    let as_found = report(&examined.failures);
    println!("kfuncs examined: {} failed", examined.failures.len());
    as_found
}

fn demo(selection: &Selection, json: bool) -> Result<bool> {
    let root = BuildRoot::open()?;
    let outcome = boot_all(&root, &Kernels::find(&root, selection)?);
    if json {
        println!("{:#}", table::for_machines(&outcome.booted));
    } else {
        println!("{}", table::for_people(&outcome.booted));
    }
    Ok(report(&outcome.failures))
}

/// Boots every kernel, if no other selection is made, and writes down what became of each.
fn write_matrix(mut selection: Selection) -> Result<bool> {
    let all = selection.kernel.is_none() && selection.flavour.is_none() && selection.arch.is_none();
    selection.all_kernels |= all;
    let root = BuildRoot::open()?;
    let kernels = Kernels::find(&root, &selection)?;
    let outcome = boot_all(&root, &kernels);
    let cells = kernels.selected.iter().map(|kernel| {
        let mut booted = outcome.booted.iter();
        matrix::cell(
            kernel,
            booted.find(|booted| booted.kernel.row() == kernel.row()),
        )
    });
    matrix::update(&cells.collect())?;
    println!("{}", table::for_people(&outcome.booted));
    Ok(report(&outcome.failures))
}

/// Tells what failed; true if nothing did.
fn report<F: Display>(failures: impl IntoIterator<Item = F>) -> bool {
    let mut none = true;
    for failure in failures {
        eprintln!("FAILED {failure}");
        none = false;
    }
    none
}

fn test(pin: Vec<String>) -> Result<bool> {
    let checks: &[(&str, &[&str])] = &[
        ("format", &["fmt", "--all", "--check"]),
        (
            "format of the bench",
            &["fmt", "--manifest-path", "bench/Cargo.toml", "--check"],
        ),
        (
            "format of the fuzz targets",
            &["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"],
        ),
        (
            "lints of the fuzz targets",
            &[
                "clippy",
                "--manifest-path",
                "fuzz/Cargo.toml",
                "--no-default-features",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ],
        ),
        (
            "lints",
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ],
        ),
        ("host tests", &["test", "--workspace"]),
        ("documentation", &["doc", "--workspace", "--no-deps"]),
    ];
    for (tool, hint) in [
        (
            "fmt",
            "rustup component add rustfmt, or apt-get install rustfmt",
        ),
        (
            "clippy",
            "rustup component add clippy, or apt-get install rust-clippy",
        ),
    ] {
        let present = Command::new(env!("CARGO"))
            .args([tool, "--version"])
            .output();
        let present = present.is_ok_and(|output| output.status.success());
        ensure!(present, "cargo {tool} is missing: run {hint}");
    }
    for (what, arguments) in checks {
        step(what, || cargo(arguments))?;
    }
    step("layers and licences", source_check::check)?;
    let everything = Selection::by_default(pin);
    let root = BuildRoot::open()?;
    let calls_agree = calls(&root, call_oracle::SEED, call_oracle::PROTOTYPES)?;
    let stubs_work = stubs(&root)?;
    let kernels = Kernels::find(&root, &everything)?;
    let mut outcome = boot_all(&root, &kernels);
    let others = Kernels::of_rows(&root, Row::in_tests(), &everything.pin)?;
    let others = boot_all(&root, &others);
    outcome.booted.extend(others.booted);
    outcome.failures.extend(others.failures);
    let (_, failures) = kernels.each(|kernel, other| kernel_btf::check(&root, kernel, other));
    outcome.failures.extend(failures);
    outcome.failures.extend(matrix::check(&outcome.booted)?);
    outcome.failures.extend(boot_all_shapes(&root, &kernels));
    outcome.failures.extend(check_projects(&root, &kernels));
    outcome.failures.extend(boot_all_compat(&root, &kernels));
    outcome.failures.extend(find_all_calls(&root, &kernels));
    outcome.failures.extend(check_fixups(&root, &kernels));
    outcome.failures.extend(resolve_all_calls(&root, &kernels));
    let lived = live_all(&root, &kernels, lifecycle::FEW_CYCLES);
    outcome.failures.extend(lived);
    let splits_agree = split(&root, &kernels)?;
    let as_found = examine(&root, &kernels, &everything.pin);
    let compared = compare_all(&root, &kernels, 1, RANDOM_BLOBS)?;
    println!("{}", table::for_people(&outcome.booted));
    let held: usize = outcome
        .booted
        .iter()
        .map(|booted| booted.report.held + booted.report.calls.len())
        .sum();
    println!("{}", parity_table::for_people(&compared));
    let all_held = report(&outcome.failures) & report_parity(&compared);
    println!(
        "boot tests: {held} passed, {} failed",
        outcome.failures.len()
    );
    Ok(all_held && calls_agree && stubs_work && splits_agree && as_found)
}

fn fuzz_all(only: Option<&str>, minutes: u32) -> Result<bool> {
    for target in fuzz::TARGETS {
        if only.is_none_or(|only| only == *target) {
            step(&format!("fuzz {target}"), || fuzz::run(target, minutes))?;
        }
    }
    Ok(true)
}

fn bench(what: &str, kernels: &Selection, json: bool, write: bool) -> Result<bool> {
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

fn cargo(arguments: &[&str]) -> Result<()> {
    let status = Command::new(env!("CARGO"))
        .args(arguments)
        .env("RUSTDOCFLAGS", "-D warnings")
        .status()?;
    ensure!(status.success(), "cargo {} failed", arguments.join(" "));
    Ok(())
}
