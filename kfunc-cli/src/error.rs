// SPDX-License-Identifier: MIT OR Apache-2.0

//! What can go wrong on the host.

use std::io;
use std::path::PathBuf;

use kfunc_abi::record::RecordError;
use kfunc_abi::split::SplitErrorKind;
use kfunc_abi::{IdSetError, Kind, SignatureError, Unspellable};
use verifier_fixup::layout::LayoutError;
use verifier_fixup::text::stub::StubError;

use crate::Refusal;

/// The result of everything here.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure, told to a person.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Output that cannot be written.
    #[error("cannot write: {0}")]
    Output(#[source] io::Error),
    /// Not an ELF file, or a damaged one.
    #[error("not a sound ELF file: {0}")]
    Elf(String),
    /// An ELF file for another machine.
    #[error("built for another machine than x86-64 and arm64")]
    Machine,
    /// A module without declarations.
    #[error("no section {0}: the module declares no kfunc with implicit arguments")]
    NoDeclarations(&'static str),
    /// An ELF file without BTF.
    #[error("no section .BTF: this file has no BTF")]
    NoBtf,
    /// A file as distributions store modules.
    #[error("compressed: decompress it first ({0})")]
    Compressed(&'static str),
    /// A module whose kfuncs are declared, but not written into its BTF.
    #[error(
        "no section .BTF: the module declares kfuncs, but they are not embedded (kfunc embed)"
    )]
    NotEmbedded,
    /// Split BTF without the BTF that it stands on.
    #[error("split BTF: its base is missing (--base)")]
    NoBase,
    /// A distilled base that is damaged, or does not fit the base.
    #[error(".BTF.base: {0}")]
    DistilledBase(#[source] btf_core::Error),
    /// A name that no type has.
    #[error("no type is called '{0}'")]
    NoSuchName(String),
    /// BTF that a kernel would not take.
    #[error("{0}")]
    Refused(Refusal),
    /// A set of kfuncs that is damaged.
    #[error("set {set} of kfuncs: {error}")]
    IdSet {
        /// The set.
        set: String,
        /// What is wrong with it.
        error: IdSetError,
    },
    /// A set with an id that names no type.
    #[error("a set of kfuncs has id {0}, which the BTF does not have")]
    NoKfuncType(u32),
    /// A kfunc whose prototypes are damaged.
    #[error("kfunc with id {id}: {error}")]
    Signature {
        /// The id of its FUNC.
        id: u32,
        /// What is wrong.
        error: SignatureError,
    },
    /// A module of the running kernel that is damaged.
    #[error("module {module}: {error}")]
    Module {
        /// The module.
        module: String,
        /// What is wrong with it.
        error: Box<Error>,
    },
    /// Nothing to be listed.
    #[error("no such kfunc")]
    NoKfunc,
    /// A kfunc that a BTF does not have.
    #[error("kfunc {kfunc} is not in the BTF{}", .set.as_ref().map(|set| format!(" (set {set})")).unwrap_or_default())]
    MissingKfunc {
        /// The kfunc.
        kfunc: String,
        /// The set that names it.
        set: Option<String>,
    },
    /// A kfunc that is no function.
    #[error("{kfunc} is a {kind}, not a function")]
    NotAFunction {
        /// The kfunc.
        kfunc: String,
        /// What it is.
        kind: Kind,
    },
    /// A kfunc whose prototype cannot be split.
    #[error("kfunc {kfunc}: {error}")]
    Split {
        /// The kfunc.
        kfunc: String,
        /// Why.
        error: SplitErrorKind,
    },
    /// A file without ids of kfuncs.
    #[error("no section .BTF_ids with symbols: this file names no kfuncs")]
    NoIds,
    /// A section of ids that is damaged.
    #[error(".BTF_ids: {0}")]
    Ids(String),
    /// A section of ids that are there already.
    #[error(
        ".BTF_ids has its ids already: which symbol is whose cannot be told any more (--ids-out)"
    )]
    ResolvedIds,
    /// A damaged record.
    #[error("damaged declaration: {0}")]
    Record(#[from] RecordError),
    /// Damaged BTF, or BTF that cannot be written.
    #[error("BTF: {0}")]
    Btf(#[from] btf_core::Error),
    /// Damaged BTF in the file that is the base.
    #[error("BTF of the base: {0}")]
    Base(#[source] btf_core::Error),
    /// A base that is not a kernel that binding works on.
    #[error("this kernel is not supported: {0}")]
    Layout(#[from] LayoutError),
    /// A module with the layout of another version.
    #[error("the module was built with another version of kernel-glue than this command")]
    OtherVersion,
    /// A module that does not say for which kernel it is.
    #[error("section .modinfo has no vermagic: this is not a kernel module")]
    NoVermagic,
    /// A module for what is not a kernel's version.
    #[error("vermagic '{0}' does not begin with a kernel version")]
    Vermagic(String),
    /// BTF of a module that is not sound, or does not fit the base.
    #[error("the module's own BTF cannot be kept: {part}: {error}")]
    Foreign {
        /// The section, and perhaps the type.
        part: String,
        /// Why.
        error: btf_core::Error,
    },
    /// BTF that was to be written, and that the kernel would refuse.
    #[error("the kernel would refuse the module's BTF: {part}: {error}")]
    Unsound {
        /// The section, and perhaps the type.
        part: String,
        /// Why.
        error: btf_core::Error,
    },
    /// Ids that must be changed, but cannot be told from what is not an id.
    #[error(
        "section .BTF_ids has no symbols __BTF_ID__…: its ids cannot be kept (strip after this)"
    )]
    StrippedIds,
    /// An id that is not one of the module's BTF.
    #[error("section .BTF_ids does not fit the module's BTF: {0}")]
    StrayId(String),
    /// A function that would be called instead of a kfunc.
    #[error("{0}: the kernel has a function of this name, which would be called instead")]
    KernelFunction(String),
    /// A kfunc of the name of a C function.
    #[error("{0}: the C parts of the module have another function of this name")]
    OtherFunction(String),
    /// A type of the name of a C type.
    #[error("the C parts of the module have another {kind} '{name}'")]
    OtherType {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// A type with two records.
    #[error("{kind} '{name}' is defined twice")]
    DefinedTwice {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// A type of the module without a record, that needs one.
    #[error("{place}: the module does not define {kind} '{name}'")]
    NotDefined {
        /// The kfunc or type, and what of it.
        place: String,
        /// The kind that was looked for.
        kind: Kind,
        /// The name that was looked for.
        name: String,
    },
    /// A type that the kernel does not have.
    #[error("{place}: the base has no {kind} '{name}'")]
    NoSuchType {
        /// The kfunc or type, and what of it.
        place: String,
        /// The kind that was looked for.
        kind: Kind,
        /// The name that was looked for.
        name: String,
    },
    /// A type that the kernel has several of.
    #[error("{place}: the base has {count} types {kind} '{name}'")]
    AmbiguousType {
        /// The kfunc or type, and what of it.
        place: String,
        /// The kind that was looked for.
        kind: Kind,
        /// The name that was looked for.
        name: String,
        /// How many there are.
        count: usize,
    },
    /// A type that a declaration cannot have.
    #[error("{place}: a {kind} cannot be declared")]
    UnsupportedType {
        /// The kfunc or type, and what of it.
        place: String,
        /// The kind that was met.
        kind: Kind,
    },
    /// An annotation that the kernel does not know.
    #[error("{place}: {error}")]
    Annotation {
        /// The kfunc and its parameter.
        place: String,
        /// The annotation, and the kernels that know it.
        error: Unspellable,
    },
    /// What is not a pointer cannot point into an arena.
    #[error("{0}: only a pointer can point into an arena")]
    ArenaType(String),
    /// A symbol that every declaration makes.
    #[error("kfunc {kfunc}: the module has no symbol {symbol}")]
    NoSymbol {
        /// The kfunc.
        kfunc: String,
        /// The symbol.
        symbol: String,
    },
    /// Symbols by which the kernel could take something else for a kfunc.
    #[error("kfunc {kfunc}: the module has {count} symbols {symbol}")]
    SeveralSymbols {
        /// The kfunc.
        kfunc: String,
        /// The symbol.
        symbol: String,
        /// How many there are.
        count: usize,
    },
    /// Stubs that cannot be encoded.
    #[error("kfunc {kfunc}, stub {slot}: {error}")]
    Stub {
        /// The kfunc.
        kfunc: String,
        /// Number of the stub.
        slot: u32,
        /// Why.
        error: StubError,
    },
    /// Stubs that are not what they must be.
    #[error("kfunc {kfunc}, stub {slot}: assembled {assembled}, must be {expected}")]
    StubDiffers {
        /// The kfunc.
        kfunc: String,
        /// Number of the stub.
        slot: u32,
        /// The module's code, in hexadecimal.
        assembled: String,
        /// The code that it must be.
        expected: String,
    },
    /// A relocation that no stub has.
    #[error("kfunc {kfunc}: relocation type {kind} in a stub is not known")]
    StubRelocation {
        /// The kfunc.
        kfunc: String,
        /// Its number in the ELF file.
        kind: u32,
    },
}

impl Error {
    /// Whether it is the answer of [`crate::check`], and not a failure to find one.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// The exit status of a command that fails so: 2 for a file that cannot be read or written, 1 for
    /// what is wrong in it.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Read { .. } | Self::Write { .. } | Self::Output(_) => 2,
            _ => 1,
        }
    }
}

impl From<object::read::Error> for Error {
    fn from(error: object::read::Error) -> Self {
        Self::Elf(error.to_string())
    }
}

impl From<object::build::Error> for Error {
    fn from(error: object::build::Error) -> Self {
        Self::Elf(error.to_string())
    }
}
