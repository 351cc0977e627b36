// SPDX-License-Identifier: MIT OR Apache-2.0

//! The format `json`: what `bpftool -j btf dump file FILE` prints, with each type on a line of its own.
//!
//! One value differs, which is a fault there: bpftool takes 0xffffffff of an unsigned ENUM for -1, and prints
//! that as 18446744073709551615.

use std::borrow::Cow;
use std::io::{self, Write};

use btf_core::{Btf, Kind, Type, TypeId};
use serde::Serialize;

use super::words;

/// Prints `types`.
pub(super) fn print(btf: &Btf<'_>, types: &[Type<'_>], out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"{\"types\":[")?;
    let mut separator = "\n";
    for ty in types {
        out.write_all(separator.as_bytes())?;
        serde_json::to_writer(&mut *out, &Record::new(btf, ty))?;
        separator = ",\n";
    }
    out.write_all(b"\n]}\n")
}

#[derive(Serialize)]
struct Record<'a> {
    id: u32,
    kind: &'static str,
    name: Cow<'a, str>,
    #[serde(flatten)]
    rest: Rest<'a>,
}

/// What a record has beside its name, by kind.
#[derive(Serialize)]
#[serde(untagged)]
enum Rest<'a> {
    Int {
        size: u32,
        bits_offset: u8,
        nr_bits: u8,
        encoding: &'static str,
    },
    Reference {
        type_id: u32,
    },
    Array {
        type_id: u32,
        index_type_id: u32,
        nr_elems: u32,
    },
    Composite {
        size: u32,
        vlen: u32,
        members: Vec<Member<'a>>,
    },
    Enum {
        encoding: &'static str,
        size: u32,
        vlen: u32,
        values: Vec<Value<'a>>,
    },
    Fwd {
        fwd_kind: &'static str,
    },
    Linked {
        type_id: u32,
        linkage: &'static str,
    },
    FuncProto {
        ret_type_id: u32,
        vlen: u32,
        params: Vec<Param<'a>>,
    },
    DataSec {
        size: u32,
        vlen: u32,
        vars: Vec<Variable>,
    },
    Float {
        size: u32,
    },
    DeclTag {
        type_id: u32,
        component_idx: i32,
    },
    Unknown {},
}

#[derive(Serialize)]
struct Member<'a> {
    name: Cow<'a, str>,
    type_id: u32,
    bits_offset: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    bitfield_size: Option<u32>,
}

#[derive(Serialize)]
struct Value<'a> {
    name: Cow<'a, str>,
    val: i128,
}

#[derive(Serialize)]
struct Param<'a> {
    name: Cow<'a, str>,
    type_id: u32,
}

#[derive(Serialize)]
struct Variable {
    type_id: u32,
    offset: u32,
    size: u32,
}

impl<'a> Record<'a> {
    fn new(btf: &Btf<'a>, ty: &Type<'a>) -> Self {
        Self {
            id: ty.id().0,
            kind: words::kind(ty.kind()),
            name: name(btf, ty.name_offset()),
            rest: Rest::new(btf, ty),
        }
    }
}

impl<'a> Rest<'a> {
    fn new(btf: &Btf<'a>, ty: &Type<'a>) -> Self {
        let size = ty.size().unwrap_or_default();
        let type_id = ty.target().unwrap_or(TypeId::VOID).0;
        let vlen = ty.info().vlen();
        match ty.kind() {
            Kind::INT => ty.int().map_or(Self::Unknown {}, |int| Self::Int {
                size,
                bits_offset: int.offset,
                nr_bits: int.bits,
                encoding: words::int_encoding(int.encoding),
            }),
            Kind::ARRAY => ty.array().map_or(Self::Unknown {}, |array| Self::Array {
                type_id: array.element.0,
                index_type_id: array.index.0,
                nr_elems: array.len,
            }),
            Kind::STRUCT | Kind::UNION => Self::Composite {
                size,
                vlen,
                members: members(btf, ty),
            },
            Kind::ENUM | Kind::ENUM64 => Self::Enum {
                encoding: words::enum_encoding(ty.info()),
                size,
                vlen,
                values: values(btf, ty),
            },
            Kind::FWD => Self::Fwd {
                fwd_kind: words::fwd_kind(ty.info()),
            },
            Kind::FUNC | Kind::VAR => Self::Linked {
                type_id,
                linkage: words::linkage(ty),
            },
            Kind::FUNC_PROTO => Self::FuncProto {
                ret_type_id: type_id,
                vlen,
                params: params(btf, ty),
            },
            Kind::DATASEC => Self::DataSec {
                size,
                vlen,
                vars: variables(ty),
            },
            Kind::FLOAT => Self::Float { size },
            Kind::DECL_TAG => Self::DeclTag {
                type_id,
                component_idx: ty.component().unwrap_or_default(),
            },
            _ if ty.target().is_some() => Self::Reference { type_id },
            _ => Self::Unknown {},
        }
    }
}

/// JSON has no other text than Unicode.
fn name<'a>(btf: &Btf<'a>, offset: u32) -> Cow<'a, str> {
    String::from_utf8_lossy(words::name(btf, offset))
}

fn members<'a>(btf: &Btf<'a>, ty: &Type<'a>) -> Vec<Member<'a>> {
    ty.members()
        .map(|member| Member {
            name: name(btf, member.name),
            type_id: member.ty.0,
            bits_offset: member.bit_offset,
            bitfield_size: Some(member.bitfield_size).filter(|&size| size != 0),
        })
        .collect()
}

fn values<'a>(btf: &Btf<'a>, ty: &Type<'a>) -> Vec<Value<'a>> {
    ty.enumerators()
        .map(|enumerator| Value {
            name: name(btf, enumerator.name),
            val: enumerator.value,
        })
        .collect()
}

fn params<'a>(btf: &Btf<'a>, ty: &Type<'a>) -> Vec<Param<'a>> {
    ty.params()
        .map(|param| Param {
            name: name(btf, param.name),
            type_id: param.ty.0,
        })
        .collect()
}

fn variables(ty: &Type<'_>) -> Vec<Variable> {
    ty.variables()
        .map(|variable| Variable {
            type_id: variable.var.0,
            offset: variable.offset,
            size: variable.size,
        })
        .collect()
}
