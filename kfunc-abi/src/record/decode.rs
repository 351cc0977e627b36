// SPDX-License-Identifier: MIT OR Apache-2.0

//! Decoding: what a module's section says, on the host.

use core::fmt;

use btf_core::Kind;

use super::cursor::Cursor;
use super::{
    Tag, TypeCode, CALL_SITE, HEADER_LEN, KIND_KFUNC, KIND_LAYOUT, KIND_TYPE, LEGACY, MAGIC,
    NATIVE, SECTION, SIGNED, VERSION,
};
use crate::{Annotation, KfuncFlags, ProgType};

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
    /// A field that this crate does not know, and that is not optional.
    UnknownField(u16),
    /// A field that every record of its kind has is not there.
    MissingField(Tag),
    /// A type code that this crate does not know.
    UnknownTypeOp(u8),
    /// A code of an annotation that this crate does not know.
    UnknownAnnotation(u8),
    /// A parameter is passed in a way that this crate does not know.
    UnknownPassed(u8),
    /// A name is not text.
    InvalidName,
    /// An explicit parameter follows an implicit one.
    ExplicitAfterImplicit,
    /// A type has more steps than this crate follows.
    TypeTooLong,
    /// A field goes on after what it holds.
    TrailingBytes,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SECTION}+{:#x}: {}", self.offset, self.kind)
    }
}

impl fmt::Display for RecordErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the record is cut short"),
            Self::InvalidMagic(magic) => write!(f, "{magic:#010x} does not begin a record"),
            Self::UnsupportedVersion(version) => write!(
                f,
                "record version {version} is not known (this is version {VERSION})"
            ),
            Self::UnknownKind(kind) => write!(f, "record kind {kind} is not known"),
            Self::UnknownField(tag) => write!(f, "field {tag} is not known"),
            Self::MissingField(Tag(tag)) => write!(f, "the record has no field {tag}"),
            Self::UnknownTypeOp(op) => write!(f, "type code {op} is not known"),
            Self::UnknownAnnotation(code) => write!(f, "annotation {code} is not known"),
            Self::UnknownPassed(code) => write!(f, "way {code} to pass a parameter is not known"),
            Self::InvalidName => f.write_str("a name is not text"),
            Self::ExplicitAfterImplicit => {
                f.write_str("an explicit parameter follows an implicit one")
            }
            Self::TypeTooLong => f.write_str("a type is too long"),
            Self::TrailingBytes => f.write_str("a field goes on after what it holds"),
        }
    }
}

impl core::error::Error for RecordError {}

/// A record, read from a section.
#[derive(Clone, Copy, Debug)]
pub enum Record<'a> {
    /// A kfunc.
    Kfunc(Kfunc<'a>),
    /// A type that the module defines.
    Type(TypeRecord<'a>),
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
    /// Its documentation; may be empty.
    pub doc: &'a str,
    /// The set that it belongs to; may be empty.
    pub set: &'a str,
    /// KF_* flags.
    pub flags: KfuncFlags,
    /// How many programs can be bound at once; 0 if no stub is needed.
    pub slots: u32,
    /// Whether programs may also call `foo_impl(.., NULL)`.
    pub legacy: bool,
    /// Whether only the verifier fills in its implicit argument.
    pub native: bool,
    /// Number of parameters of the public signature.
    pub explicit: usize,
    /// Number of parameters of the full signature.
    pub params: usize,
    return_type: TypeCode<'a>,
    body: Cursor<'a>,
}

/// A parameter of a kfunc.
#[derive(Clone, Copy, Debug)]
pub struct Param<'a> {
    /// Its name, without suffix.
    pub name: &'a str,
    /// Its type.
    pub ty: TypeCode<'a>,
    /// What the verifier checks of it.
    pub annotation: Option<Annotation>,
    /// Whether the program does not pass it.
    pub implicit: bool,
    /// Whether it is the address behind the call.
    pub call_site: bool,
}

/// The record of a type that the module defines, read.
#[derive(Clone, Copy, Debug)]
pub struct TypeRecord<'a> {
    /// Where the record begins in the section.
    pub offset: usize,
    /// Its BTF kind: STRUCT, UNION, ENUM or TYPEDEF.
    pub kind: Kind,
    /// Its name.
    pub name: &'a str,
    /// Its size in bytes.
    pub size: u32,
    /// Whether the values of an enum are signed.
    pub signed: bool,
    body: Cursor<'a>,
}

/// A part of a type that the module defines.
#[derive(Clone, Copy, Debug)]
pub enum Field<'a> {
    /// A member of a struct or union.
    Member {
        /// Its name.
        name: &'a str,
        /// Its type.
        ty: TypeCode<'a>,
        /// Bytes from the start.
        offset: u32,
    },
    /// A value of an enum.
    Value {
        /// Its name.
        name: &'a str,
        /// What it stands for.
        value: i64,
    },
    /// What a typedef is another name of.
    Target(TypeCode<'a>),
}

/// A layout's record, read.
#[derive(Clone, Copy, Debug)]
pub struct Layout<'a> {
    /// Where the record begins in the section.
    pub offset: usize,
    /// The words after `start_id`.
    pub facts: &'a [u8],
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
    let size = header.length()?;
    let mut record = rest.take(size.max(HEADER_LEN))?;
    record.take(HEADER_LEN)?;
    match kind {
        KIND_KFUNC => read_kfunc(offset, record).map(Record::Kfunc),
        KIND_TYPE => read_type(offset, record).map(Record::Type),
        KIND_LAYOUT => {
            let _start_id = record.u32()?;
            Ok(Record::Layout(Layout {
                offset,
                facts: record.bytes,
            }))
        }
        _ => Err(record.error(RecordErrorKind::UnknownKind(kind))),
    }
}

/// The body of a record, whose length comes before it.
fn read_body<'a>(record: &mut Cursor<'a>) -> Result<Cursor<'a>, RecordError> {
    let len = record.length()?;
    record.take(len)
}

/// The next field of a body; none at its end.
fn next_field<'a>(body: &mut Cursor<'a>) -> Result<Option<(Tag, Cursor<'a>)>, RecordError> {
    if body.bytes.is_empty() {
        return Ok(None);
    }
    let tag = Tag(body.u16()?);
    let len = usize::from(body.u16()?);
    Ok(Some((tag, body.take(len)?)))
}

/// Refuses a field that is not known here, unless it may be skipped.
fn skip_field(tag: Tag, field: &Cursor<'_>) -> Result<(), RecordError> {
    if tag.is_optional() {
        return Ok(());
    }
    Err(field.error(RecordErrorKind::UnknownField(tag.0)))
}

/// Every field is read once here, so that the accessors cannot fail later.
fn read_kfunc(offset: usize, mut record: Cursor<'_>) -> Result<Kfunc<'_>, RecordError> {
    let missing = |tag| record.error(RecordErrorKind::MissingField(tag));
    let (no_name, no_return) = (missing(Tag::NAME), missing(Tag::RETURN));
    let _btf_id = record.u32()?;
    let _impl_btf_id = record.u32()?;
    let flags = KfuncFlags::from_bits_retain(record.u32()?);
    let slots = record.u32()?;
    let properties = record.u32()?;
    let body = read_body(&mut record)?;
    let (mut name, mut doc, mut set, mut return_type) = (None, "", "", None);
    let (mut explicit, mut params) = (0_usize, 0_usize);
    let mut walk = body;
    while let Some((tag, mut field)) = next_field(&mut walk)? {
        match tag {
            Tag::NAME => name = Some(field.text()?),
            Tag::DOC => doc = field.text()?,
            Tag::SET => set = field.text()?,
            Tag::RETURN => return_type = Some(field.whole_type()?),
            Tag::PARAM => {
                if !read_param(field)?.implicit {
                    if params != explicit {
                        return Err(field.error(RecordErrorKind::ExplicitAfterImplicit));
                    }
                    explicit = explicit.saturating_add(1);
                }
                params = params.saturating_add(1);
            }
            Tag::PROGRAMS => read_programs(field)?,
            _ => skip_field(tag, &field)?,
        }
    }
    Ok(Kfunc {
        offset,
        name: name.ok_or(no_name)?,
        doc,
        set,
        flags,
        slots,
        legacy: properties & LEGACY != 0,
        native: properties & NATIVE != 0,
        explicit,
        params,
        return_type: return_type.ok_or(no_return)?,
        body,
    })
}

fn read_param(mut field: Cursor<'_>) -> Result<Param<'_>, RecordError> {
    let passed = field.u8()?;
    if passed > CALL_SITE {
        return Err(field.error(RecordErrorKind::UnknownPassed(passed)));
    }
    let code = field.u8()?;
    let annotation = match code {
        0 => None,
        code => Some(
            Annotation::from_code(code)
                .ok_or(field.error(RecordErrorKind::UnknownAnnotation(code)))?,
        ),
    };
    Ok(Param {
        name: field.name()?,
        ty: field.whole_type()?,
        annotation,
        implicit: passed != 0,
        call_site: passed == CALL_SITE,
    })
}

fn read_programs(mut field: Cursor<'_>) -> Result<(), RecordError> {
    while !field.bytes.is_empty() {
        field.u32()?;
    }
    Ok(())
}

fn read_type(offset: usize, mut record: Cursor<'_>) -> Result<TypeRecord<'_>, RecordError> {
    let no_name = record.error(RecordErrorKind::MissingField(Tag::NAME));
    let kind = record.u32()?;
    let size = record.u32()?;
    let properties = record.u32()?;
    let body = read_body(&mut record)?;
    let mut name = None;
    let mut walk = body;
    while let Some((tag, field)) = next_field(&mut walk)? {
        match tag {
            Tag::NAME => name = Some(field.text()?),
            _ => {
                if read_part(tag, field)?.is_none() {
                    skip_field(tag, &field)?;
                }
            }
        }
    }
    Ok(TypeRecord {
        offset,
        kind: u8::try_from(kind).map_or(Kind(0), Kind),
        name: name.ok_or(no_name)?,
        size,
        signed: properties & SIGNED != 0,
        body,
    })
}

/// A part of a type; none for a field that is not one.
fn read_part(tag: Tag, mut field: Cursor<'_>) -> Result<Option<Field<'_>>, RecordError> {
    Ok(Some(match tag {
        Tag::MEMBER => Field::Member {
            offset: field.u32()?,
            name: field.name()?,
            ty: field.whole_type()?,
        },
        Tag::VALUE => {
            let value = field.i64()?;
            let name = field.name()?;
            field.end()?;
            Field::Value { name, value }
        }
        Tag::TARGET => Field::Target(field.whole_type()?),
        _ => return Ok(None),
    }))
}

impl<'a> Kfunc<'a> {
    /// The return type.
    pub fn return_type(&self) -> TypeCode<'a> {
        self.return_type
    }

    /// All parameters: first the explicit ones.
    pub fn params(&self) -> impl Iterator<Item = Param<'a>> + use<'a> {
        let mut walk = self.body;
        core::iter::from_fn(move || loop {
            let (tag, field) = next_field(&mut walk).ok().flatten()?;
            if tag == Tag::PARAM {
                return read_param(field).ok();
            }
        })
    }

    /// The types of program that may call it.
    pub fn prog_types(&self) -> impl Iterator<Item = ProgType> + use<'a> {
        let mut walk = self.body;
        let mut programs = loop {
            match next_field(&mut walk) {
                Ok(Some((Tag::PROGRAMS, field))) => break field,
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break walk,
            }
        };
        core::iter::from_fn(move || programs.u32().ok().map(ProgType))
    }
}

impl<'a> TypeRecord<'a> {
    /// Members, values or the target, in order.
    pub fn fields(&self) -> impl Iterator<Item = Field<'a>> + use<'a> {
        let mut walk = self.body;
        core::iter::from_fn(move || loop {
            let (tag, field) = next_field(&mut walk).ok().flatten()?;
            if let Some(part) = read_part(tag, field).ok()? {
                return Some(part);
            }
        })
    }
}
