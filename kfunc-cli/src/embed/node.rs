// SPDX-License-Identifier: MIT OR Apache-2.0

//! A type as a value: two that are equal are the same type.

use btf_core::{
    Array, Btf, Enumerator, Kind, Linkage, Param, RawMember, Tag, Type, TypeId, Writer,
};

/// Where a type is, before it is known how many types the base will have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Id {
    /// In the base, by its id there; 0 is `void`.
    Base(u32),
    /// Among the module's own types, counted from 0.
    Own(u32),
}

impl Id {
    pub(crate) const VOID: Self = Self::Base(0);

    /// The id in a BTF whose own types begin with `first`.
    pub(crate) fn in_split(self, first: TypeId) -> TypeId {
        match self {
            Self::Base(id) => TypeId(id),
            Self::Own(place) => TypeId(first.0.saturating_add(place)),
        }
    }

    /// What is called `id` in a BTF whose own types begin with `first`.
    pub(crate) fn of(id: TypeId, first: TypeId) -> Self {
        match id.0.checked_sub(first.0) {
            Some(place) => Self::Own(place),
            None => Self::Base(id.0),
        }
    }
}

/// A type. What it refers to is told by ids, so equal types have equal nodes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    /// PTR, CONST, VOLATILE, RESTRICT.
    Around(Kind, Id),
    Array {
        element: Id,
        index: Id,
        len: u32,
    },
    /// STRUCT, UNION.
    Composite {
        kind: Kind,
        name: Vec<u8>,
        size: u32,
        members: Vec<Member>,
    },
    /// ENUM, ENUM64.
    Enum {
        kind: Kind,
        name: Vec<u8>,
        size: u32,
        signed: bool,
        values: Vec<(Vec<u8>, i128)>,
    },
    Fwd {
        union: bool,
        name: Vec<u8>,
    },
    Typedef {
        name: Vec<u8>,
        target: Id,
    },
    Func {
        name: Vec<u8>,
        proto: Id,
    },
    Proto {
        return_type: Id,
        params: Vec<(Vec<u8>, Id)>,
    },
    DeclTag {
        value: Vec<u8>,
        attribute: bool,
        target: Id,
        component: Option<u32>,
    },
    TypeTag {
        value: Vec<u8>,
        attribute: bool,
        target: Id,
    },
}

/// A member of a struct or union.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Member {
    pub(crate) name: Vec<u8>,
    pub(crate) ty: Id,
    pub(crate) bit_offset: u32,
    pub(crate) bitfield_size: u32,
}

impl Node {
    /// The node of `ty`, a type of `btf`; `id` gives what it refers to. None for INT, FLOAT, VAR and DATASEC, which
    /// only C parts have.
    pub(crate) fn of<E>(
        btf: &Btf<'_>,
        ty: &Type<'_>,
        mut id: impl FnMut(TypeId) -> Result<Id, E>,
    ) -> Result<Option<Self>, E> {
        let kind = ty.kind();
        let name = || btf.name(ty).to_vec();
        let text = |offset| btf.name_at(offset).to_vec();
        let attribute = ty.info().kind_flag();
        let size = ty.size().unwrap_or_default();
        let mut target = || id(ty.target().unwrap_or(TypeId::VOID));
        Ok(Some(match kind {
            Kind::PTR | Kind::CONST | Kind::VOLATILE | Kind::RESTRICT => {
                Self::Around(kind, target()?)
            }
            Kind::ARRAY => {
                let Some(array) = ty.array() else {
                    return Ok(None);
                };
                Self::Array {
                    element: id(array.element)?,
                    index: id(array.index)?,
                    len: array.len,
                }
            }
            Kind::STRUCT | Kind::UNION => {
                let member = |member: RawMember| {
                    Ok(Member {
                        name: text(member.name),
                        ty: id(member.ty)?,
                        bit_offset: member.bit_offset,
                        bitfield_size: member.bitfield_size,
                    })
                };
                Self::Composite {
                    kind,
                    name: name(),
                    size,
                    members: ty.members().map(member).collect::<Result<_, E>>()?,
                }
            }
            Kind::ENUM | Kind::ENUM64 => Self::Enum {
                kind,
                name: name(),
                size,
                signed: ty.info().kind_flag(),
                values: ty
                    .enumerators()
                    .map(|value| (text(value.name), value.value))
                    .collect(),
            },
            Kind::FWD => Self::Fwd {
                union: ty.info().kind_flag(),
                name: name(),
            },
            Kind::TYPEDEF => Self::Typedef {
                name: name(),
                target: target()?,
            },
            Kind::FUNC => Self::Func {
                name: name(),
                proto: target()?,
            },
            Kind::FUNC_PROTO => Self::Proto {
                return_type: target()?,
                params: ty
                    .params()
                    .map(|param| Ok((text(param.name), id(param.ty)?)))
                    .collect::<Result<_, E>>()?,
            },
            Kind::DECL_TAG => Self::DeclTag {
                value: name(),
                attribute,
                target: target()?,
                component: ty
                    .component()
                    .and_then(|component| u32::try_from(component).ok()),
            },
            Kind::TYPE_TAG => Self::TypeTag {
                value: name(),
                attribute,
                target: target()?,
            },
            _ => return Ok(None),
        }))
    }

    /// Kind and name of a type that a module has one of.
    pub(crate) fn key(&self) -> Option<(Kind, &[u8])> {
        let (kind, name) = match self {
            Self::Composite { kind, name, .. } | Self::Enum { kind, name, .. } => (*kind, name),
            Self::Typedef { name, .. } => (Kind::TYPEDEF, name),
            Self::Func { name, .. } => (Kind::FUNC, name),
            _ => return None,
        };
        (!name.is_empty()).then_some((kind, name))
    }

    /// Whether C, which has `of_c`, means the same type. How C writes the types of members does not matter.
    pub(crate) fn can_be(&self, of_c: &Self) -> bool {
        match (self, of_c) {
            (
                Self::Composite { size, members, .. },
                Self::Composite {
                    size: of_c,
                    members: in_c,
                    ..
                },
            ) => size == of_c && (members.is_empty() || places(members).eq(places(in_c))),
            (
                Self::Enum { size, values, .. },
                Self::Enum {
                    size: of_c,
                    values: in_c,
                    ..
                },
            ) => size == of_c && (values.is_empty() || values == in_c),
            _ => self == of_c,
        }
    }

    /// Adds the type to a BTF whose own types begin with `first`.
    pub(crate) fn push(
        &self,
        writer: &mut Writer<'_>,
        first: TypeId,
    ) -> Result<TypeId, btf_core::Error> {
        let in_split = |id: &Id| id.in_split(first);
        match self {
            Self::Around(kind, target) => writer.push_reference(*kind, in_split(target)),
            Self::Array {
                element,
                index,
                len,
            } => writer.push_array(Array {
                element: in_split(element),
                index: in_split(index),
                len: *len,
            }),
            Self::Composite {
                kind,
                name,
                size,
                members,
            } => {
                // Names in the order of a record, as they are when it is copied.
                writer.name(name)?;
                let mut raw = Vec::new();
                for member in members {
                    raw.push(RawMember {
                        name: writer.name(&member.name)?,
                        ty: in_split(&member.ty),
                        bit_offset: member.bit_offset,
                        bitfield_size: member.bitfield_size,
                    });
                }
                writer.push_composite(*kind, name, *size, &raw)
            }
            Self::Enum {
                kind,
                name,
                size,
                signed,
                values,
            } => {
                writer.name(name)?;
                let mut raw = Vec::new();
                for (name, value) in values {
                    raw.push(Enumerator {
                        name: writer.name(name)?,
                        value: *value,
                    });
                }
                writer.push_enum(*kind, name, *size, *signed, &raw)
            }
            Self::Fwd { union, name } => {
                let kind = if *union { Kind::UNION } else { Kind::STRUCT };
                writer.push_fwd(kind, name)
            }
            Self::Typedef { name, target } => writer.push_typedef(name, in_split(target)),
            Self::Func { name, proto } => writer.push_func(name, in_split(proto), Linkage::STATIC),
            Self::Proto {
                return_type,
                params,
            } => {
                let mut raw = Vec::new();
                for (name, ty) in params {
                    raw.push(Param {
                        ty: in_split(ty),
                        name: writer.name(name)?,
                    });
                }
                writer.push_func_proto(in_split(return_type), &raw)
            }
            Self::DeclTag {
                value,
                attribute,
                target,
                component,
            } => writer.push_decl_tag(tag(value, *attribute), in_split(target), *component),
            Self::TypeTag {
                value,
                attribute,
                target,
            } => writer.push_type_tag(tag(value, *attribute), in_split(target)),
        }
    }
}

/// Names and places of members.
fn places(members: &[Member]) -> impl Iterator<Item = (&[u8], u32, u32)> {
    members
        .iter()
        .map(|member| (&*member.name, member.bit_offset, member.bitfield_size))
}

fn tag(value: &[u8], attribute: bool) -> Tag<'_> {
    if attribute {
        Tag::Attribute(value)
    } else {
        Tag::Value(value)
    }
}
