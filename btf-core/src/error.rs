// SPDX-License-Identifier: MIT OR Apache-2.0

//! What can be wrong with BTF, and where.

use core::fmt;

use crate::validate::Rule;
use crate::{Kind, TypeId};

/// A failure: what is wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Where it is.
    pub at: At,
}

/// Where in the BTF a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// The section that `offset` counts from.
    pub section: Section,
    /// Bytes from the start of the section.
    pub offset: u32,
    /// The type concerned; [`TypeId::VOID`] where none is.
    pub type_id: TypeId,
}

/// The parts of a BTF blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The header, at the start of the blob.
    Header,
    /// The type records.
    Types,
    /// The names.
    Strings,
    /// The bytes that a [`crate::Writer`] puts out.
    Output,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The blob ends inside the header.
    TruncatedHeader,
    /// The magic is not [`crate::limits::MAGIC`].
    InvalidMagic(u16),
    /// A split BTF is of another byte order than its base.
    OtherByteOrder,
    /// The version is not [`crate::limits::VERSION`].
    UnsupportedVersion(u8),
    /// The header has flags; none are defined.
    UnsupportedFlags(u8),
    /// A section does not lie inside the blob.
    SectionOutOfBounds,
    /// The string section does not end with a NUL.
    UnterminatedStrings,
    /// The string section does not begin with the empty name.
    NoEmptyName,
    /// A record ends beyond its section.
    TruncatedType,
    /// The kind is not one that this crate knows.
    UnknownKind(Kind),
    /// More types than [`crate::limits::MAX_TYPES`].
    TooManyTypes,
    /// A name lies outside of the string section.
    InvalidName(u32),
    /// A type id names no type.
    InvalidTypeId(TypeId),
    /// A chain of modifiers or nested members is longer than the limit.
    TooDeep,
    /// A record has another kind than the one asked for.
    UnexpectedKind(Kind),
    /// There is no type of that name and kind.
    NoSuchType,
    /// A type has no size, or one of 4 GiB or more.
    NoSize,
    /// A struct or union has no member of that name.
    NoSuchMember,
    /// A BTF stands alone that must be split from a distilled base.
    MissingBase,
    /// A BTF is split that must stand alone.
    UnexpectedBase,
    /// A distilled base has no types. The kernel then takes the first own type of the split BTF for `void`.
    EmptyBase,
    /// A type of a distilled base has no name to find it by.
    AnonymousBaseType,
    /// The base has no type that this one of the distilled base can stand for.
    BaseTypeNotFound,
    /// The base has these two types that this one of the distilled base can stand for.
    AmbiguousBaseType([TypeId; 2]),
    /// A name lies in the strings of a distilled base, but names none of its types.
    UnmappedName(u32),
    /// The caller's memory is too small.
    BufferTooSmall {
        /// Bytes that are enough.
        need: usize,
    },
    /// The room needs at least this many words.
    RoomTooSmall {
        /// Words of 32 bits needed.
        need: usize,
    },
    /// The order needs at least this many keys ([`crate::SortKey`]).
    OrderTooSmall {
        /// Keys needed.
        need: usize,
    },
    /// A rule of the kernel's checker is broken ([`crate::validate`]).
    Rule(Rule),
    /// More elements than a record can count.
    TooManyElements(usize),
    /// A number is too large for its field of the record.
    NumberTooLarge,
    /// A name with a NUL in it.
    NulInName,
}

impl ErrorKind {
    /// This kind, placed at `offset` of `section`.
    pub(crate) fn at(self, section: Section, offset: usize) -> Error {
        self.at_type(section, offset, TypeId::VOID)
    }

    /// This kind, placed at `offset` of `section`, in the record of `type_id`.
    #[cold]
    pub(crate) fn at_type(self, section: Section, offset: usize, type_id: TypeId) -> Error {
        Error {
            kind: self,
            at: At {
                section,
                offset: u32::try_from(offset).unwrap_or(u32::MAX),
                type_id,
            },
        }
    }

    /// This kind, in the record of `type_id`, whose place is not known.
    pub(crate) fn of_type(self, type_id: TypeId) -> Error {
        self.at_type(Section::Types, 0, type_id)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TruncatedHeader => f.write_str("the blob ends inside the BTF header"),
            Self::InvalidMagic(magic) => write!(f, "magic {magic:#06x} is not that of BTF"),
            Self::OtherByteOrder => f.write_str("the base is of the other byte order"),
            Self::UnsupportedVersion(version) => write!(f, "BTF version {version} is not known"),
            Self::UnsupportedFlags(flags) => write!(f, "header flags {flags:#04x} are not known"),
            Self::SectionOutOfBounds => f.write_str("the section lies outside of the blob"),
            Self::UnterminatedStrings => f.write_str("the string section does not end with a NUL"),
            Self::NoEmptyName => f.write_str("the string section does not begin with a NUL"),
            Self::TruncatedType => f.write_str("the record ends beyond the type section"),
            Self::UnknownKind(kind) => write!(f, "kind {} is not known", kind.0),
            Self::TooManyTypes => f.write_str("there are more types than BTF may have"),
            Self::InvalidName(offset) => {
                write!(f, "name offset {offset} is outside of the strings")
            }
            Self::InvalidTypeId(id) => write!(f, "there is no type {}", id.0),
            Self::TooDeep => f.write_str("the chain of types is too long"),
            Self::UnexpectedKind(kind) => write!(f, "a record of kind {kind} does not fit here"),
            Self::NoSuchType => f.write_str("there is no type of that name"),
            Self::NoSize => f.write_str("the type has no size"),
            Self::NoSuchMember => f.write_str("there is no member of that name"),
            Self::MissingBase => f.write_str("the BTF is not split from a distilled base"),
            Self::UnexpectedBase => f.write_str("the base is itself split from another one"),
            Self::EmptyBase => f.write_str("the distilled base has no types"),
            Self::AnonymousBaseType => f.write_str("a type of the distilled base has no name"),
            Self::BaseTypeNotFound => f.write_str("the base has no such type as the distilled one"),
            Self::AmbiguousBaseType([one, other]) => {
                write!(f, "the base has two such types, {} and {}", one.0, other.0)
            }
            Self::UnmappedName(offset) => {
                write!(f, "name offset {offset} is not that of a distilled type")
            }
            Self::BufferTooSmall { need } => write!(f, "the buffer must have {need} bytes"),
            Self::RoomTooSmall { need } => write!(f, "the room must have {need} words"),
            Self::OrderTooSmall { need } => write!(f, "the order must have {need} keys"),
            Self::Rule(rule) => write!(f, "{rule}: {}", rule.sentence()),
            Self::TooManyElements(count) => {
                write!(f, "{count} elements are more than a record holds")
            }
            Self::NumberTooLarge => f.write_str("a number is too large for its field"),
            Self::NulInName => f.write_str("a name has a NUL in it"),
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Types => "types",
            Self::Strings => "strings",
            Self::Output => "output",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}+{}", self.kind, self.at.section, self.at.offset)?;
        if self.at.type_id != TypeId::VOID {
            write!(f, ", type {}", self.at.type_id.0)?;
        }
        f.write_str(")")
    }
}

impl core::error::Error for Error {}
