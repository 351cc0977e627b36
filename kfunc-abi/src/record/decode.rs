// SPDX-License-Identifier: MIT OR Apache-2.0

//! Decoding: what a module's section says, on the host.

use core::fmt;

use btf_core::Kind;

use super::{TypeOp, HEADER_LEN, KIND_KFUNC, KIND_LAYOUT, MAGIC, SECTION, VERSION};
use crate::KfuncFlags;

/// Pointers and qualifiers around a named type.
const MAX_TYPE_DEPTH: usize = 8;

/// Why a record could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// Bytes from the start of the section.
    pub offset: usize,
    /// What is wrong.
    pub kind: RecordErrorKind,
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordErrorKind {
    /// The record ends beyond the section, or its parts beyond the record.
    Truncated,
    /// It does not begin with [`MAGIC`].
    InvalidMagic(u32),
    /// Written for another version of this crate.
    UnsupportedVersion(u16),
    /// A kind that this crate does not know.
    UnknownKind(u16),
    /// A type code that this crate does not know.
    UnknownTypeOp(u8),
    /// A name is not text.
    InvalidName,
    /// More pointers and qualifiers around a type than this crate follows.
    TypeTooDeep,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SECTION}+{:#x}: ", self.offset)?;
        match self.kind {
            RecordErrorKind::Truncated => f.write_str("the record is cut short"),
            RecordErrorKind::InvalidMagic(magic) => {
                write!(f, "{magic:#010x} does not begin a record")
            }
            RecordErrorKind::UnsupportedVersion(version) => {
                write!(
                    f,
                    "record version {version} is not known (this is version {VERSION})"
                )
            }
            RecordErrorKind::UnknownKind(kind) => write!(f, "record kind {kind} is not known"),
            RecordErrorKind::UnknownTypeOp(op) => write!(f, "type code {op} is not known"),
            RecordErrorKind::InvalidName => f.write_str("a name is not text"),
            RecordErrorKind::TypeTooDeep => {
                f.write_str("a type has too many pointers and qualifiers")
            }
        }
    }
}

impl core::error::Error for RecordError {}

/// A record, read from a section.
#[derive(Clone, Copy, Debug)]
pub enum Record<'a> {
    /// A kfunc.
    Kfunc(Kfunc<'a>),
    /// A kernel's structure layout.
    Layout(Layout<'a>),
}

/// A kfunc's record, read.
#[derive(Clone, Copy, Debug)]
pub struct Kfunc<'a> {
    /// Where the record begins in the section.
    pub offset: usize,
    /// The name that BPF programs call.
    pub name: &'a str,
    /// KF_* flags.
    pub flags: KfuncFlags,
    /// How many programs can be bound at once.
    pub slots: u32,
    /// Number of parameters of the public signature.
    pub explicit: usize,
    /// Number of parameters of the full signature.
    pub params: usize,
    body: Cursor<'a>,
}

/// A layout's record, read.
#[derive(Clone, Copy, Debug)]
pub struct Layout<'a> {
    /// Where the record begins in the section.
    pub offset: usize,
    /// The words after `start_id`.
    pub facts: &'a [u8],
}

/// A type as a record has it: walk it with [`TypeCode::next`].
#[derive(Clone, Copy, Debug)]
pub struct TypeCode<'a>(Cursor<'a>);

/// One step of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeStep<'a> {
    /// A pointer or a `const`, and the walk goes on.
    Around(Kind),
    /// `void`.
    Void,
    /// A type of the kernel.
    Kernel {
        /// The kind of its BTF record.
        kind: Kind,
        /// Its name.
        name: &'a str,
    },
    /// A struct of the module.
    Module {
        /// Its name.
        name: &'a str,
        /// Its size in bytes.
        size: u32,
    },
}

/// The records of `section`, in order; the last item is the error that ends them, if there is one.
pub fn records(section: &[u8]) -> impl Iterator<Item = Result<Record<'_>, RecordError>> {
    let mut rest = Cursor {
        bytes: section,
        at: 0,
    };
    core::iter::from_fn(move || {
        if rest.bytes.is_empty() {
            return None;
        }
        let record = read_record(&mut rest);
        if record.is_err() {
            rest.bytes = &[];
        }
        Some(record)
    })
}

fn read_record<'a>(rest: &mut Cursor<'a>) -> Result<Record<'a>, RecordError> {
    let offset = rest.at;
    let mut header = *rest;
    let magic = header.u32()?;
    if magic != MAGIC {
        return Err(rest.error(RecordErrorKind::InvalidMagic(magic)));
    }
    let version = header.u16()?;
    if version != VERSION {
        return Err(rest.error(RecordErrorKind::UnsupportedVersion(version)));
    }
    let kind = header.u16()?;
    let size = usize::try_from(header.u32()?).unwrap_or(usize::MAX);
    let mut record = rest.take(size.max(HEADER_LEN))?;
    record.take(HEADER_LEN)?;
    let _id = record.u32()?;
    match kind {
        KIND_KFUNC => read_kfunc(offset, record).map(Record::Kfunc),
        KIND_LAYOUT => Ok(Record::Layout(Layout {
            offset,
            facts: record.bytes,
        })),
        _ => Err(record.error(RecordErrorKind::UnknownKind(kind))),
    }
}

fn read_kfunc(offset: usize, mut record: Cursor<'_>) -> Result<Kfunc<'_>, RecordError> {
    let flags = KfuncFlags::from_bits_retain(record.u32()?);
    let slots = record.u32()?;
    let params = usize::from(record.u8()?);
    let explicit = usize::from(record.u8()?);
    let body_len = usize::from(record.u16()?);
    let mut body = record.take(body_len)?;
    let kfunc = Kfunc {
        offset,
        name: body.name()?,
        flags,
        slots,
        explicit,
        params,
        body,
    };
    // Everything is read once here, so that the accessors cannot fail later.
    let mut walk = kfunc.body;
    walk.skip_type()?;
    for _ in 0..params {
        walk.name()?;
        walk.skip_type()?;
    }
    Ok(kfunc)
}

impl<'a> Kfunc<'a> {
    /// The return type.
    pub fn return_type(&self) -> TypeCode<'a> {
        TypeCode(self.body)
    }

    /// Name and type of all parameters: first the explicit ones.
    pub fn params(&self) -> impl Iterator<Item = (&'a str, TypeCode<'a>)> + use<'a> {
        let mut walk = self.body;
        let start = walk.skip_type();
        let mut left = if start.is_ok() { self.params } else { 0 };
        core::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let name = walk.name().ok()?;
            let ty = TypeCode(walk);
            walk.skip_type().ok()?;
            Some((name, ty))
        })
    }
}

impl<'a> TypeCode<'a> {
    /// The next step, from the outside in; after the innermost the walk must end.
    ///
    /// # Errors
    ///
    /// A code that is not known, or a cut record.
    #[expect(
        clippy::should_implement_trait,
        reason = "a step may fail, and a type never ends by itself"
    )]
    pub fn next(&mut self) -> Result<TypeStep<'a>, RecordError> {
        let start = self.0;
        match TypeOp(self.0.u8()?) {
            TypeOp::VOID => Ok(TypeStep::Void),
            TypeOp::POINTER => Ok(TypeStep::Around(Kind::PTR)),
            TypeOp::CONST => Ok(TypeStep::Around(Kind::CONST)),
            TypeOp::KERNEL => Ok(TypeStep::Kernel {
                kind: Kind(self.0.u8()?),
                name: self.0.name()?,
            }),
            TypeOp::MODULE => Ok(TypeStep::Module {
                size: self.0.u32()?,
                name: self.0.name()?,
            }),
            TypeOp(op) => Err(start.error(RecordErrorKind::UnknownTypeOp(op))),
        }
    }
}

/// A bounds-checked reader that knows where it is.
#[derive(Clone, Copy, Debug)]
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn error(&self, kind: RecordErrorKind) -> RecordError {
        RecordError {
            offset: self.at,
            kind,
        }
    }

    fn take(&mut self, len: usize) -> Result<Cursor<'a>, RecordError> {
        let Some((head, rest)) = self.bytes.split_at_checked(len) else {
            return Err(self.error(RecordErrorKind::Truncated));
        };
        let taken = Cursor {
            bytes: head,
            at: self.at,
        };
        self.bytes = rest;
        self.at = self.at.saturating_add(len);
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let taken = self.take(N)?;
        taken
            .bytes
            .try_into()
            .map_err(|_| taken.error(RecordErrorKind::Truncated))
    }

    fn u8(&mut self) -> Result<u8, RecordError> {
        self.array().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Result<u16, RecordError> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, RecordError> {
        self.array().map(u32::from_le_bytes)
    }

    fn name(&mut self) -> Result<&'a str, RecordError> {
        let len = usize::from(self.u8()?);
        let taken = self.take(len)?;
        core::str::from_utf8(taken.bytes).map_err(|_| taken.error(RecordErrorKind::InvalidName))
    }

    fn skip_type(&mut self) -> Result<(), RecordError> {
        let start = *self;
        let mut code = TypeCode(start);
        for _ in 0..MAX_TYPE_DEPTH {
            if !matches!(code.next()?, TypeStep::Around(_)) {
                *self = code.0;
                return Ok(());
            }
        }
        Err(start.error(RecordErrorKind::TypeTooDeep))
    }
}
