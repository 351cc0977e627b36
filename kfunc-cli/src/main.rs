// SPDX-License-Identifier: MIT OR Apache-2.0

//! The command `kfunc`.

#![forbid(unsafe_code)]

mod output;

use std::fs;
use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use clap::{Args, Parser, Subcommand};
use kfunc_cli::{
    check, doctor, dump, embed, for_people, header, list, read_btf, split_btf, unsplit_btf,
    BtfFile, CheckKernel, CheckPolicy, Error, Format, IdsFile, Language, NamedKfunc, Place, Result,
    Selection, Signatures, SplitBtf, SplitRequest, TypeOrder,
};
use serde_json::json;

use output::{beside, replace, Unfinished};

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
    Embed {
        /// The module, as kbuild made it.
        module: PathBuf,
        /// The kernel that it is for: a vmlinux with .BTF, or raw BTF such as /sys/kernel/btf/vmlinux.
        #[arg(long, value_name = "VMLINUX")]
        base: PathBuf,
        /// Write here instead of to MODULE.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// List the kfuncs of a kernel or of a module.
    ///
    /// Each line has the prototype by which programs call the kfunc, the parameters that they do not pass (implicit),
    /// its flags, the hooks of the programs that may call it, and the sets that hold it. The hook TRACING has programs
    /// of the types TRACING, TRACEPOINT, PERF_EVENT and LSM, in 7.3 RAW_TRACEPOINT, too; TC has SCHED_CLS; CGROUP all
    /// CGROUP_*, in 7.3 SOCK_OPS, too; LWT all LWT_*; COMMON any. FMODRET: fmod_ret programs attach to it. filtered: the
    /// kernel looks at the program, too.
    List {
        #[command(flatten)]
        kfuncs: Kfuncs,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Declare kfuncs, for BPF programs in C and in Rust.
    ///
    /// What a module documents of its kfuncs is in the comments, and so is what programs do not pass. Types of a module
    /// are defined; those of the kernel are in its vmlinux.h (kfunc btf dump --format c), or opaque in Rust.
    Header {
        #[command(flatten)]
        kfuncs: Kfuncs,
        /// The language.
        #[arg(long, value_enum, default_value = "c")]
        lang: Language,
        /// Write here instead of to standard output.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
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
    Doctor {
        /// A vmlinux, a module, or raw BTF such as /sys/kernel/btf/vmlinux, which has no flags and sets.
        #[arg(required_unless_present = "running")]
        file: Option<PathBuf>,
        /// The kernel that runs here, and its modules. Flags and sets are taken from its headers.
        #[arg(long, conflicts_with_all = ["file", "base"])]
        running: bool,
        /// The vmlinux of a module [default: .BTF.base of FILE].
        #[arg(long, value_name = "VMLINUX")]
        base: Option<PathBuf>,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
        /// Where the files of the kernel that runs are looked for.
        #[arg(long, value_name = "FOLDER", default_value = "/", hide = true)]
        root: PathBuf,
    },
    /// Look into BTF: of a vmlinux, a module, a BPF object, or raw as in /sys/kernel/btf.
    #[command(subcommand)]
    Btf(BtfCommand),
}

/// Which kfuncs.
#[derive(Args)]
struct Kfuncs {
    /// A vmlinux, a module, or raw BTF such as /sys/kernel/btf/vmlinux, which has no flags and sets.
    #[arg(required_unless_present = "running")]
    file: Option<PathBuf>,
    /// Those of the kernel that runs here, and of its modules. Flags and sets are taken from its headers.
    #[arg(long, conflicts_with_all = ["file", "base"])]
    running: bool,
    /// The vmlinux of a module [default: .BTF.base of FILE]. With it, types that the kernel has, too, are known.
    #[arg(long, value_name = "VMLINUX")]
    base: Option<PathBuf>,
    /// Only those with implicit arguments.
    #[arg(long)]
    implicit: bool,
    /// Only this one. May be given several times.
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// Where the files of the kernel that runs are looked for.
    #[arg(long, value_name = "FOLDER", default_value = "/", hide = true)]
    root: PathBuf,
}

impl Kfuncs {
    fn place(&self) -> Place {
        place(self.file.as_ref(), self.base.as_ref(), &self.root)
    }

    fn selection(&self) -> Selection {
        Selection {
            implicit: self.implicit,
            names: self.names.clone(),
        }
    }
}

/// `file` over `base`; without it, the kernel that runs, whose files are in `root`.
fn place(file: Option<&PathBuf>, base: Option<&PathBuf>, root: &Path) -> Place {
    match file {
        Some(file) => Place::File(file.clone(), base.cloned()),
        None => Place::Running(root.to_owned()),
    }
}

#[derive(Subcommand)]
enum BtfCommand {
    /// Tell whether a kernel would take the BTF of a file, and if not, for which rule.
    ///
    /// The rules are those of the kernel's own checker, by its own words; the first that is broken is told.
    Check {
        /// An ELF file with .BTF, or raw BTF.
        file: PathBuf,
        /// What FILE is split from; for a program's BTF, the kernel in which the targets of kptrs are looked for.
        #[arg(long, value_name = "FILE")]
        base: Option<PathBuf>,
        /// Whose BTF it is: a program's, checked in full, or the kernel's own [default: kernel with --base or with
        /// .BTF.base in FILE, else user].
        #[arg(long, value_enum)]
        policy: Option<CheckPolicy>,
        /// Which kernel's rules.
        #[arg(long, value_enum, default_value = "7.3")]
        kernel: CheckKernel,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Give kfuncs two prototypes: foo, what BPF programs call, and foo_impl, what runs.
    ///
    /// This is what the build of Linux 7.x does (resolve_btfids) to the BTF that pahole wrote: of each kfunc with
    /// KF_IMPLICIT_ARGS, parameters from the first pointer to struct bpf_prog_aux or btf_struct_meta on are left out of
    /// foo; every kfunc gets its tags, arena pointers get theirs; the types are sorted by name. The output is the same
    /// byte for byte.
    Split(SplitArgs),
    /// Undo what split does, for tests: give the BTF as pahole left it.
    ///
    /// Each kfunc has the one prototype of its source again; foo_impl is gone unless the source has it, and so are the tags
    /// of kfuncs and of arena pointers, and what nothing else needs. The order of types and strings is not that of pahole.
    Unsplit(UnsplitArgs),
    /// Print the types of a file.
    Dump {
        /// An ELF file with .BTF, or raw BTF.
        file: PathBuf,
        /// What FILE is split from, usually the vmlinux of a module [default: .BTF.base of FILE].
        #[arg(long, value_name = "FILE")]
        base: Option<PathBuf>,
        /// Print only the types of this name, whatever their kind.
        #[arg(long)]
        name: Option<String>,
        /// How to print them.
        #[arg(long, value_enum, default_value = "raw")]
        format: Format,
    },
}

/// The kfuncs of a BTF that is split or was.
#[derive(Args)]
#[command(group = clap::ArgGroup::new("kfuncs").args(["ids", "kfuncs_by_name"]).required(true))]
struct WithKfuncs {
    /// An ELF file with .BTF, or raw BTF.
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// What IN is split from: the vmlinux of a module.
    #[arg(long, value_name = "VMLINUX")]
    base: Option<PathBuf>,
    /// The kfuncs and their flags are those of the sets in .BTF_ids of this object.
    #[arg(long, value_name = "ELF")]
    ids: Option<PathBuf>,
    /// A kfunc and its flags: foo:KF_IMPLICIT_ARGS|KF_SLEEPABLE, or foo:0x10000. May be given several times.
    #[arg(long = "kfunc", id = "kfuncs_by_name", value_name = "NAME[:FLAGS]", value_parser = NamedKfunc::parse)]
    kfuncs: Vec<NamedKfunc>,
    /// Write raw BTF here.
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
}

/// The files that are named there.
struct WithKfuncsRead {
    input: Vec<u8>,
    base: Option<Vec<u8>>,
    ids: Option<IdsFile>,
    kfuncs: Vec<NamedKfunc>,
}

impl WithKfuncs {
    fn read(&self) -> Result<WithKfuncsRead> {
        let input = read_btf(&self.input)?;
        let base = self.base.as_deref().map(read_btf).transpose()?;
        let ids = self.ids.as_deref().map(IdsFile::read).transpose()?;
        let of_ids = ids.as_ref().map(|ids| ids.kfuncs(base.as_deref()));
        let kfuncs = of_ids.transpose()?.unwrap_or_else(|| self.kfuncs.clone());
        Ok(WithKfuncsRead {
            input,
            base,
            ids,
            kfuncs,
        })
    }
}

/// What was split, and is to be as it was before.
#[derive(Args)]
struct UnsplitArgs {
    #[command(flatten)]
    with: WithKfuncs,
    /// Leave the types in no order, as pahole does; the same each time.
    #[arg(long)]
    shuffle: bool,
}

/// What is split, and how.
#[derive(Args)]
struct SplitArgs {
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

fn main() -> ExitCode {
    let args = Cli::parse();
    let mut healthy = true;
    let result = match &args.command {
        Command::Embed {
            module,
            base,
            output,
            json,
        } => run_embed(module, base, output.as_deref().unwrap_or(module), *json),
        Command::List { kfuncs, json } => run_list(kfuncs, *json),
        Command::Header {
            kfuncs,
            lang,
            output,
        } => run_header(kfuncs, *lang, output.as_deref()),
        Command::Doctor {
            file,
            base,
            json,
            root,
            ..
        } => {
            let place = place(file.as_ref(), base.as_ref(), root);
            run_doctor(&place, *json).map(|nothing_found| healthy = nothing_found)
        }
        Command::Btf(BtfCommand::Check {
            file,
            base,
            policy,
            kernel,
            json,
        }) => run_check(file, base.as_deref(), *policy, *kernel, *json),
        Command::Btf(BtfCommand::Split(args)) => run_split(args),
        Command::Btf(BtfCommand::Unsplit(args)) => run_unsplit(args),
        Command::Btf(BtfCommand::Dump {
            file,
            base,
            name,
            format,
        }) => run_dump(file, base.as_deref(), *format, name.as_deref()),
    };
    match result {
        Ok(()) if healthy => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        // Whoever reads has seen enough.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(match (&args.command, &error) {
                // Whoever asks for a check takes 1 for an answer: no.
                (Command::Btf(BtfCommand::Check { .. }), error) if !error.is_refusal() => 2,
                (Command::Doctor { .. }, _) => 2,
                _ => error.exit_status(),
            })
        }
    }
}

fn run_embed(module: &Path, base: &Path, output: &Path, json: bool) -> Result<()> {
    let data = fs::read(module).map_err(|source| Error::Read {
        path: module.to_owned(),
        source,
    })?;
    let embedded = embed(&data, &read_btf(base)?)?;
    replace(output, &embedded.module)?;
    if json {
        println!("{}", embedded.to_json());
    } else {
        for Signatures { public, full } in &embedded.signatures {
            match full {
                Some(full) => println!("{public}  ->  {full}"),
                None => println!("{public}"),
            }
        }
    }
    Ok(())
}

fn run_list(kfuncs: &Kfuncs, json: bool) -> Result<()> {
    let list = list(&kfuncs.place(), &kfuncs.selection())?;
    let text = if json {
        format!("{}\n", list.to_json())
    } else {
        for_people(&list, io::stdout().is_terminal())
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).map_err(Error::Output)
}

/// True if nothing was found.
fn run_doctor(place: &Place, json: bool) -> Result<bool> {
    let diagnosis = doctor(place)?;
    let text = if json {
        format!("{}\n", diagnosis.to_json())
    } else {
        diagnosis.for_people(io::stdout().is_terminal())
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).map_err(Error::Output)?;
    Ok(diagnosis.findings.is_empty())
}

fn run_header(kfuncs: &Kfuncs, language: Language, output: Option<&Path>) -> Result<()> {
    let text = header(&kfuncs.place(), &kfuncs.selection(), language)?;
    match output {
        Some(path) => replace(path, text.as_bytes()),
        None => {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes()).map_err(Error::Output)
        }
    }
}

fn run_check(
    file: &Path,
    base: Option<&Path>,
    policy: Option<CheckPolicy>,
    kernel: CheckKernel,
    json: bool,
) -> Result<()> {
    let file = BtfFile::read(file)?;
    let base = base.map(BtfFile::read).transpose()?;
    let policy = policy.unwrap_or(match (&base, &file.distilled_base) {
        (None, None) => CheckPolicy::User,
        _ => CheckPolicy::Kernel,
    });
    match check(&file, base.as_ref(), policy, kernel) {
        Ok(types) if json => println!("{}", json!({ "ok": true, "types": types })),
        Ok(types) => println!("ok: {types} types"),
        Err(Error::Refused(refusal)) if json => {
            println!("{}", refusal.to_json());
            return Err(Error::Refused(refusal));
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

fn run_dump(file: &Path, base: Option<&Path>, format: Format, name: Option<&str>) -> Result<()> {
    let file = BtfFile::read(file)?;
    let base = base.map(BtfFile::read).transpose()?;
    let mut out = BufWriter::new(io::stdout().lock());
    dump(&file, base.as_ref(), format, name, &mut out)?;
    out.flush().map_err(Error::Output)
}

fn run_unsplit(args: &UnsplitArgs) -> Result<()> {
    let WithKfuncsRead {
        input,
        base,
        kfuncs,
        ..
    } = args.with.read()?;
    let order = if args.shuffle {
        TypeOrder::Shuffled
    } else {
        TypeOrder::Kept
    };
    let btf = unsplit_btf(&input, base.as_deref(), &kfuncs, order)?;
    replace(&args.with.output, &btf)
}

/// Writes what was split, and finds out the ids meanwhile; gives the names that have none.
fn write_split(
    args: &SplitArgs,
    split: &SplitBtf,
    ids: Option<&IdsFile>,
    base: Option<&[u8]>,
) -> Result<Vec<String>> {
    let mut files = Unfinished::default();
    let wanted = ids.zip(args.ids_out.as_deref());
    let unresolved = thread::scope(|scope| -> Result<_> {
        let resolving = wanted.map(|(ids, path)| {
            let resolve = move || ids.resolved_by(split, base);
            (path, scope.spawn(resolve))
        });
        let output = &args.with.output;
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

fn run_split(args: &SplitArgs) -> Result<()> {
    let WithKfuncsRead {
        input,
        base,
        ids,
        kfuncs,
    } = args.with.read()?;
    let split = split_btf(&SplitRequest {
        input: &input,
        base: base.as_deref(),
        kfuncs: &kfuncs,
        suffix: args.implicit_suffix.as_deref(),
        types: &args.implicit_types,
        distill: args.distill,
        skip_missing: args.skip_missing,
    })?;
    let unresolved = write_split(args, &split, ids.as_ref(), base.as_deref())?;
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
    if args.json {
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
