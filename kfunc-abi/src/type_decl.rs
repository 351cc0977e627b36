// SPDX-License-Identifier: MIT OR Apache-2.0

//! A type that a module defines, as declared.

use crate::CType;

/// A type that the module defines, for those who read its BTF.
#[derive(Clone, Copy, Debug)]
pub struct TypeDecl {
    /// Its name.
    pub name: &'static str,
    /// Its size in bytes.
    pub size: u32,
    /// What it is.
    pub body: TypeBody,
}

/// What a type of the module is.
#[derive(Clone, Copy, Debug)]
pub enum TypeBody {
    /// A struct.
    Struct(&'static [MemberDecl]),
    /// A union.
    Union(&'static [MemberDecl]),
    /// An enum, by name and value; whether its values are signed.
    Enum(&'static [(&'static str, i64)], bool),
    /// Another name of a type.
    Typedef(CType),
}

/// A member of a struct or union.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberDecl {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: CType,
    /// Bytes from the start of the struct.
    pub offset: u32,
}
