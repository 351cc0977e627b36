// SPDX-License-Identifier: MIT OR Apache-2.0

//! The record by which a declaration reaches the host: version 2.
//!
//! Records stand in the ELF section [`SECTION`], one after the other, each at a multiple of 8 and as long as one.
//! Words are little-endian. A record begins with a header:
//!
//! | offset | field | |
//! |---|---|---|
//! | 0 | magic | [`MAGIC`] |
//! | 4 | version, 16 bits | [`VERSION`] |
//! | 6 | kind, 16 bits | [`KIND_KFUNC`], [`KIND_LAYOUT`], [`KIND_TYPE`] |
//! | 8 | size | bytes of the whole record, with its header and padding |
//! | 12 | reserved | 0 |
//!
//! A kfunc's record goes on:
//!
//! | offset | field | |
//! |---|---|---|
//! | 16 | btf_id | id of the public FUNC in the module's `.BTF`; 0 until `kfunc embed` fills it in |
//! | 20 | impl_btf_id | id of the full FUNC; 0 as above, and if nothing is implicit |
//! | 24 | flags | KF_* |
//! | 28 | slots | how many programs can be bound at once |
//! | 32 | properties | [`LEGACY`], [`NATIVE`] |
//! | 36 | body length | bytes from offset 40 on that are used |
//! | 40 | body | fields |
//!
//! A type's record, for a type that the module defines:
//!
//! | offset | field | |
//! |---|---|---|
//! | 16 | kind | BTF kind: STRUCT, UNION, ENUM or TYPEDEF |
//! | 20 | size | of the type, in bytes |
//! | 24 | properties | [`SIGNED`] |
//! | 28 | body length | bytes from offset 32 on that are used |
//! | 32 | body | fields |
//!
//! A layout's record goes on with `start_id` (the first id of the module's own types in its `.BTF`; 0 until
//! `kfunc embed` fills it in) and the facts of `verifier_fixup::layout`.
//!
//! A field is a tag and a length, 16 bits each, and that many bytes:
//!
//! | tag | | content |
//! |---|---|---|
//! | 1 | NAME | bytes |
//! | 2 | RETURN | type |
//! | 3 | PARAM | who passes it (a byte: 0 the program, [`IMPLICIT`], [`CALL_SITE`]), code of its annotation (a byte, 0 for none), name, type; in the order of C |
//! | 4 | PROGRAMS | 32 bits for every type of program that may call it |
//! | 5 | MEMBER | bytes from the start of the struct (32 bits), name, type |
//! | 6 | VALUE | 64 bits, name |
//! | 7 | TARGET | type: what a typedef is another name of |
//! | 0x8001 | DOC | the documentation |
//! | 0x8002 | SET | the name of the set that it belongs to |
//!
//! Tags from 0x8000 on are optional: who does not know one skips it. Any other unknown tag is an error.
//!
//! Inside of a field, a name is a length (16 bits) and that many bytes, and a type is a prefix code: see [`TypeOp`].

mod cursor;
mod decode;
mod encode;
mod type_code;

pub use decode::{
    records, Field, Kfunc, Layout, Param, Record, RecordError, RecordErrorKind, TypeRecord,
};
pub use encode::{Encoded, KfuncHead, KfuncRecord, TypeRecordBytes};
pub use type_code::{TypeCode, TypeStep};

/// The ELF section of the records.
pub const SECTION: &str = ".kfunc_abi";
/// `KFNC`, the first four bytes of a record.
pub const MAGIC: u32 = u32::from_le_bytes(*b"KFNC");
/// The version that this crate writes and reads.
pub const VERSION: u16 = 2;
/// The record of a kfunc.
pub const KIND_KFUNC: u16 = 1;
/// The record of a kernel's structure layout.
pub const KIND_LAYOUT: u16 = 2;
/// The record of a type that the module defines.
pub const KIND_TYPE: u16 = 3;
/// Bytes of a record's header.
pub const HEADER_LEN: usize = 16;
/// Where `btf_id` of a kfunc and `start_id` of a layout stand in their records.
pub const ID_OFFSET: usize = HEADER_LEN;
/// Where `impl_btf_id` of a kfunc stands in its record.
pub const IMPL_ID_OFFSET: usize = 20;
/// Where the flags of a kfunc stand in its record.
pub const FLAGS_OFFSET: usize = 24;
/// Property of a kfunc: programs may also call `foo_impl(.., NULL)`.
pub const LEGACY: u32 = 1;
/// Property of a kfunc: the verifier fills in its implicit argument.
pub const NATIVE: u32 = 2;
/// Of a parameter: its value stands in the slot.
pub const IMPLICIT: u8 = 1;
/// Of a parameter: its value is the address behind the call.
pub const CALL_SITE: u8 = 2;
/// Property of an enum: its values are signed.
pub const SIGNED: u32 = 1;

/// The tag of a field. A record holds it in 16 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag(pub u16);

impl Tag {
    /// Its name.
    pub const NAME: Self = Self(1);
    /// What a kfunc returns.
    pub const RETURN: Self = Self(2);
    /// A parameter of a kfunc.
    pub const PARAM: Self = Self(3);
    /// The types of program that may call a kfunc.
    pub const PROGRAMS: Self = Self(4);
    /// A member of a struct or union.
    pub const MEMBER: Self = Self(5);
    /// A value of an enum.
    pub const VALUE: Self = Self(6);
    /// What a typedef stands for.
    pub const TARGET: Self = Self(7);
    /// The documentation of a kfunc.
    pub const DOC: Self = Self(0x8001);
    /// The set that a kfunc belongs to.
    pub const SET: Self = Self(0x8002);

    /// Whether one who does not know it may skip the field.
    pub const fn is_optional(self) -> bool {
        self.0 & 0x8000 != 0
    }
}

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
    /// A type of the module: a byte with its BTF kind, its size (32 bits), then its name.
    pub const MODULE: Self = Self(4);
    /// The type that follows, `volatile`.
    pub const VOLATILE: Self = Self(5);
    /// The type that follows, `restrict`.
    pub const RESTRICT: Self = Self(6);
    /// A tag (a name), then the tagged type.
    pub const TYPE_TAG: Self = Self(7);
    /// The number of elements (32 bits), then their type.
    pub const ARRAY: Self = Self(8);
    /// A function: the number of its parameters (a byte), the return type, then the type of each parameter.
    pub const FUNCTION: Self = Self(9);
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
