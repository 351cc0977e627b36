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

mod decode;
mod encode;

pub use decode::{
    records, Kfunc, Layout, Record, RecordError, RecordErrorKind, TypeCode, TypeStep,
};
pub use encode::{EncodedDecl, KfuncHead, KfuncRecord};

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
