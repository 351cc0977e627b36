// SPDX-License-Identifier: MIT OR Apache-2.0

//! The record by which a declaration reaches the host: version 1.
//!
//! Records stand in the ELF section [`SECTION`], one after the other, each at a multiple of 8. Words are
//! little-endian. A record begins with a header:
//!
//! | offset | field | |
//! |---|---|---|
//! | 0 | magic | [`MAGIC`] |
//! | 4 | version, 16 bits | [`VERSION`] |
//! | 6 | kind, 16 bits | [`KIND_KFUNC`], [`KIND_LAYOUT`] |
//! | 8 | size | bytes of the whole record, with its header and padding |
//! | 12 | reserved | 0 |
//!
//! A kfunc's record goes on:
//!
//! | offset | field | |
//! |---|---|---|
//! | 16 | btf_id | id of the public FUNC in the module's `.BTF`; 0 until `kfunc embed` fills it in |
//! | 20 | flags | KF_* |
//! | 24 | slots | how many programs can be bound at once |
//! | 28 | params, explicit, 2 × 8 bits | number of all and of explicit parameters |
//! | 30 | body length, 16 bits | bytes from offset 32 on that are used |
//! | 32 | body | name, return type, then name and type of each parameter |
//!
//! A name is a length byte and that many bytes. A type is a prefix code: see [`TypeOp`].
//!
//! A layout's record goes on with `start_id` (the first id of the module's own types in its `.BTF`; 0 until
//! `kfunc embed` fills it in) and the facts of `verifier_fixup::layout`.

use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};

use btf_core::Kind;

use crate::{CType, Decl, KfuncFlags};

/// The ELF section of the records.
pub const SECTION: &str = ".kfunc_abi";
/// `KFNC`, the first four bytes of a record.
pub const MAGIC: u32 = u32::from_le_bytes(*b"KFNC");
/// The version that this crate writes and reads.
pub const VERSION: u16 = 1;
/// The record of a kfunc.
pub const KIND_KFUNC: u16 = 1;
/// The record of a kernel's structure layout.
pub const KIND_LAYOUT: u16 = 2;
/// Bytes of a record's header.
pub const HEADER_LEN: usize = 16;
/// Where `btf_id` of a kfunc and `start_id` of a layout stand in their records.
pub const ID_OFFSET: usize = HEADER_LEN;

/// Where the body of a kfunc's record begins.
const BODY_OFFSET: usize = 32;
/// Room for the body while it is encoded: five parameters with the longest names that C code has.
const MAX_BODY: usize = 1024;
/// Pointers and qualifiers around a named type.
const MAX_TYPE_DEPTH: usize = 8;

/// The codes of types. A record holds them as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeOp(pub u8);

impl TypeOp {
    /// `void`.
    pub const VOID: Self = Self(0);
    /// A pointer to the type that follows.
    pub const POINTER: Self = Self(1);
    /// The type that follows, `const`.
    pub const CONST: Self = Self(2);
    /// A type of the kernel: a byte with its BTF kind, then its name.
    pub const KERNEL: Self = Self(3);
    /// A struct of the module: its size (32 bits), then its name.
    pub const MODULE: Self = Self(4);
}

/// The header of every record.
#[repr(C)]
#[derive(Debug)]
pub struct Header {
    magic: u32,
    version: u16,
    kind: u16,
    size: u32,
    reserved: u32,
}

impl Header {
    /// The header of a record of `kind` with `size` bytes.
    pub const fn new(kind: u16, size: usize) -> Self {
        Self {
            magic: MAGIC,
            version: VERSION,
            kind,
            size: size as u32,
            reserved: 0,
        }
    }
}

/// The part of a kfunc's record that all kfuncs have.
#[repr(C)]
#[derive(Debug)]
pub struct KfuncHead {
    header: Header,
    btf_id: AtomicU32,
    flags: u32,
    slots: u32,
    params: u8,
    explicit: u8,
    body_len: u16,
}

impl KfuncHead {
    /// The id of the public FUNC in the module's `.BTF`; none before `kfunc embed`.
    pub fn btf_id(&self) -> Option<u32> {
        // Atomic because the value is not the one that the compiler saw.
        match self.btf_id.load(Ordering::Relaxed) {
            0 => None,
            id => Some(id),
        }
    }

    /// KF_* flags.
    pub fn flags(&self) -> KfuncFlags {
        KfuncFlags::from_bits_retain(self.flags)
    }
}

/// A kfunc's record, made by [`crate::kfunc_record!`].
#[repr(C, align(8))]
#[derive(Debug)]
pub struct KfuncRecord<const BODY: usize> {
    head: KfuncHead,
    body: [u8; BODY],
}

impl<const BODY: usize> KfuncRecord<BODY> {
    /// The record of `decl`, which was encoded as `encoded`. For use in constants.
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "BODY is the length of what was encoded"
    )]
    pub const fn new(decl: &Decl, encoded: &EncodedDecl) -> Self {
        let mut body = [0; BODY];
        let mut at = 0;
        while at < BODY {
            body[at] = encoded.bytes[at];
            at += 1;
        }
        Self {
            head: KfuncHead {
                header: Header::new(KIND_KFUNC, size_of::<Self>()),
                btf_id: AtomicU32::new(0),
                flags: decl.flags.bits(),
                slots: decl.slots,
                params: decl.params.len() as u8,
                explicit: decl.explicit() as u8,
                body_len: BODY as u16,
            },
            body,
        }
    }

    /// The part that all kfuncs have.
    pub const fn head(&self) -> &KfuncHead {
        &self.head
    }
}

/// The encoded body of a kfunc's record.
#[derive(Debug)]
pub struct EncodedDecl {
    bytes: [u8; MAX_BODY],
    len: usize,
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated when the declaration is compiled: an overflow is a compile error"
)]
impl EncodedDecl {
    /// Encodes `decl`, after [`Decl::check`]. For use in constants.
    pub const fn new(decl: &Decl) -> Self {
        decl.check();
        let mut encoded = Self {
            bytes: [0; MAX_BODY],
            len: 0,
        };
        encoded.name(decl.name);
        encoded.ctype(&decl.return_type);
        let mut at = 0;
        while at < decl.params.len() {
            encoded.name(decl.params[at].name);
            encoded.ctype(&decl.params[at].ty);
            at += 1;
        }
        encoded
    }

    /// Bytes of the body.
    #[expect(clippy::len_without_is_empty, reason = "a body is never empty")]
    pub const fn len(&self) -> usize {
        self.len
    }

    const fn byte(&mut self, byte: u8) {
        assert!(
            self.len < MAX_BODY,
            "the names of this declaration are too long for its record"
        );
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    const fn name(&mut self, name: &str) {
        let name = name.as_bytes();
        assert!(
            name.len() <= u8::MAX as usize,
            "a name may have at most 255 bytes"
        );
        self.byte(name.len() as u8);
        let mut at = 0;
        while at < name.len() {
            self.byte(name[at]);
            at += 1;
        }
    }

    const fn ctype(&mut self, ty: &CType) {
        match ty {
            CType::Void => self.byte(TypeOp::VOID.0),
            CType::Pointer(inner) => {
                self.byte(TypeOp::POINTER.0);
                self.ctype(inner);
            }
            CType::Const(inner) => {
                self.byte(TypeOp::CONST.0);
                self.ctype(inner);
            }
            CType::Kernel { kind, name } => {
                self.byte(TypeOp::KERNEL.0);
                self.byte(kind.0);
                self.name(name);
            }
            CType::Module { name, size } => {
                self.byte(TypeOp::MODULE.0);
                let size = size.to_le_bytes();
                let mut at = 0;
                while at < size.len() {
                    self.byte(size[at]);
                    at += 1;
                }
                self.name(name);
            }
        }
    }
}

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
    debug_assert_eq!(record.at, offset.saturating_add(BODY_OFFSET));
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
