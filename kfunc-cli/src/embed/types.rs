// SPDX-License-Identifier: MIT OR Apache-2.0

//! The types that declarations name: the kernel's are found in its BTF, the module's in their own records.

use std::collections::HashMap;

use btf_core::limits::MAX_RESOLVE_DEPTH;
use btf_core::{Btf, Kind, Type, TypeId};
use kfunc_abi::record::{Field, TypeCode, TypeRecord, TypeStep};

use super::base::Distilled;
use super::node::{Id, Member, Node};
use super::table::Table;
use crate::{Error, Result};

/// What counts the elements of an array.
const INDEX_TYPE: &str = "unsigned int";

/// What a declaration can name.
const NAMED_KINDS: [Kind; 8] = [
    Kind::INT,
    Kind::FLOAT,
    Kind::STRUCT,
    Kind::UNION,
    Kind::ENUM,
    Kind::ENUM64,
    Kind::TYPEDEF,
    Kind::FWD,
];

/// All types of a module's BTF, while they are collected.
pub(crate) struct Types<'t, 'a> {
    /// None if the kernel's own BTF is the base.
    pub(crate) base: Option<Distilled<'t>>,
    pub(crate) table: Table,
    vmlinux: &'t Btf<'t>,
    /// Records of the types that the module defines.
    records: HashMap<(Kind, &'a str), TypeRecord<'a>>,
    /// The module's types that there are already, some not complete yet.
    defined: HashMap<(Kind, &'a str), Id>,
    /// The kernel's types that were copied.
    copied: HashMap<TypeId, Id>,
}

impl<'t, 'a> Types<'t, 'a> {
    /// Types over `base`, of the kernel `vmlinux`, beside those that are in `table`.
    pub(crate) fn new(
        vmlinux: &'t Btf<'t>,
        base: Option<Distilled<'t>>,
        table: Table,
        records: &[TypeRecord<'a>],
    ) -> Result<Self> {
        let mut types = Self {
            base,
            table,
            vmlinux,
            records: HashMap::new(),
            defined: HashMap::new(),
            copied: HashMap::new(),
        };
        for record in records {
            let twice = types.records.insert((record.kind, record.name), *record);
            if twice.is_some() {
                return Err(Error::DefinedTwice {
                    kind: record.kind,
                    name: record.name.to_owned(),
                });
            }
        }
        for record in records {
            types.defined(record.kind, record.name, record.size, "")?;
        }
        Ok(types)
    }

    /// Sees to it that a distilled base has a type: the kernel misreads what stands on an empty one.
    pub(crate) fn fill_base(&mut self) -> Result<()> {
        if self.base.as_ref().is_some_and(Distilled::is_empty) {
            self.kernel(Kind::INT, INDEX_TYPE, "base")?;
        }
        Ok(())
    }

    /// The type that a declaration has at `place`.
    ///
    /// # Errors
    ///
    /// A type that the kernel does not have, or has several of; one that a declaration cannot have.
    pub(crate) fn declared(&mut self, mut code: TypeCode<'a>, place: &str) -> Result<Id> {
        self.step(&mut code, place)
    }

    fn step(&mut self, code: &mut TypeCode<'a>, place: &str) -> Result<Id> {
        let node = match code.next()? {
            TypeStep::Void => return Ok(Id::VOID),
            TypeStep::Kernel { kind, name } => return self.kernel(kind, name, place),
            TypeStep::Module { kind, name, size } => return self.defined(kind, name, size, place),
            TypeStep::Around(kind) => Node::Around(kind, self.step(code, place)?),
            TypeStep::Tag(value) => Node::TypeTag {
                value: value.into(),
                attribute: false,
                target: self.step(code, place)?,
            },
            TypeStep::Array(len) => Node::Array {
                element: self.step(code, place)?,
                index: self.kernel(Kind::INT, INDEX_TYPE, place)?,
                len,
            },
            TypeStep::Function(count) => {
                let return_type = self.step(code, place)?;
                let mut params = Vec::new();
                for _ in 0..count {
                    params.push((Vec::new(), self.step(code, place)?));
                }
                Node::Proto {
                    return_type,
                    params,
                }
            }
        };
        Ok(self.table.add(node))
    }

    /// Whether the kernel has a type of this kind and name.
    pub(crate) fn is_in_kernel(&self, kind: Kind, name: &str) -> bool {
        self.vmlinux.find(name.as_bytes(), kind).is_some()
    }

    /// The kernel's type of this kind and name.
    fn kernel(&mut self, kind: Kind, name: &str, place: &str) -> Result<Id> {
        if !NAMED_KINDS.contains(&kind) {
            return Err(Error::UnsupportedType {
                place: place.to_owned(),
                kind,
            });
        }
        let named = |kind| -> Vec<_> { self.vmlinux.named(name.as_bytes(), kind).collect() };
        let found = match named(kind) {
            // C does not tell them apart.
            none if none.is_empty() && kind == Kind::ENUM => named(Kind::ENUM64),
            found => found,
        };
        match &*found {
            [ty] => self.copy(ty, place, MAX_RESOLVE_DEPTH),
            [] => Err(Error::NoSuchType {
                place: place.to_owned(),
                kind,
                name: name.to_owned(),
            }),
            // A vmlinux of 6.12 has two typedefs u8: one of __u8, one of unsigned char.
            [ty, others @ ..] if others.iter().all(|other| self.same_type(ty, other)) => {
                self.copy(ty, place, MAX_RESOLVE_DEPTH)
            }
            several => Err(Error::AmbiguousType {
                place: place.to_owned(),
                kind,
                name: name.to_owned(),
                count: several.len(),
            }),
        }
    }

    /// Whether two types are typedefs, over however many others, of one.
    fn same_type(&self, one: &Type<'_>, other: &Type<'_>) -> bool {
        let end = |ty: &Type<'_>| {
            let mut id = ty.id();
            for _ in 0..MAX_RESOLVE_DEPTH {
                match self.vmlinux.get(id) {
                    Some(ty) if ty.kind() == Kind::TYPEDEF => id = ty.target()?,
                    _ => return Some(id),
                }
            }
            None
        };
        end(one).is_some_and(|id| end(other) == Some(id))
    }

    /// `ty`, a type of the kernel: it is in the base, or a copy of it is among the module's own types.
    fn copy(&mut self, ty: &Type<'_>, place: &str, depth: usize) -> Result<Id> {
        let Some(distilled) = &mut self.base else {
            return Ok(Id::Base(ty.id().0));
        };
        if let Some(leaf) = distilled.leaf(self.vmlinux, ty) {
            return Ok(leaf);
        }
        if let Some(known) = self.copied.get(&ty.id()) {
            return Ok(*known);
        }
        let unsupported = || Error::UnsupportedType {
            place: place.to_owned(),
            kind: ty.kind(),
        };
        let vmlinux = self.vmlinux;
        let depth = depth.checked_sub(1).ok_or_else(unsupported)?;
        let copy = Node::of(vmlinux, ty, |id| match vmlinux.get(id) {
            Some(inner) => self.copy(&inner, place, depth),
            None => Ok(Id::VOID),
        })?;
        let id = self.table.add(copy.ok_or_else(unsupported)?);
        self.copied.insert(ty.id(), id);
        Ok(id)
    }

    /// The module's type of this kind and name: that of the C parts, if they have it, or our own.
    fn defined(&mut self, kind: Kind, name: &'a str, size: u32, place: &str) -> Result<Id> {
        if let Some(known) = self.defined.get(&(kind, name)) {
            return Ok(*known);
        }
        let record = self.records.get(&(kind, name)).copied();
        let of_c = self.table.named(c_kind(kind, size), name);
        let id = of_c.unwrap_or_else(|| self.table.reserve());
        self.defined.insert((kind, name), id);
        let node = match record {
            Some(record) => self.node_of(&record)?,
            None => opaque(kind, name, size).ok_or_else(|| Error::NotDefined {
                place: place.to_owned(),
                kind,
                name: name.to_owned(),
            })?,
        };
        match of_c.and_then(|id| self.table.get(id)) {
            None => self.table.fill(id, node),
            Some(of_c) if node.can_be(of_c) => {}
            Some(_) => {
                return Err(Error::OtherType {
                    kind,
                    name: name.to_owned(),
                })
            }
        }
        Ok(id)
    }

    /// The type that `record` defines.
    fn node_of(&mut self, record: &TypeRecord<'a>) -> Result<Node> {
        let of = format!("{} {}", record.kind, record.name);
        let (mut members, mut values, mut target) = (Vec::new(), Vec::new(), None);
        for field in record.fields() {
            match field {
                Field::Member { name, ty, offset } => members.push(Member {
                    name: name.into(),
                    ty: self.declared(ty, &format!("{of}, member {name}"))?,
                    bit_offset: offset.saturating_mul(8),
                    bitfield_size: 0,
                }),
                Field::Value { name, value } => values.push((name.into(), i128::from(value))),
                Field::Target(ty) => target = Some(self.declared(ty, &of)?),
            }
        }
        let name = record.name.into();
        let (kind, size) = (c_kind(record.kind, record.size), record.size);
        match (kind, target) {
            (Kind::STRUCT | Kind::UNION, None) => Ok(Node::Composite {
                kind,
                name,
                size,
                members,
            }),
            (Kind::ENUM | Kind::ENUM64, None) => Ok(Node::Enum {
                kind,
                name,
                size,
                signed: record.signed,
                values,
            }),
            (Kind::TYPEDEF, Some(target)) => Ok(Node::Typedef { name, target }),
            _ => Err(Error::UnsupportedType { place: of, kind }),
        }
    }
}

/// The kind that an enum of this size has in BTF.
fn c_kind(kind: Kind, size: u32) -> Kind {
    match kind {
        Kind::ENUM if size > 4 => Kind::ENUM64,
        kind => kind,
    }
}

/// A type of which no more is told than its size.
fn opaque(kind: Kind, name: &str, size: u32) -> Option<Node> {
    let (kind, name) = (c_kind(kind, size), name.into());
    match kind {
        Kind::STRUCT | Kind::UNION => Some(Node::Composite {
            kind,
            name,
            size,
            members: Vec::new(),
        }),
        Kind::ENUM | Kind::ENUM64 => Some(Node::Enum {
            kind,
            name,
            size,
            signed: false,
            values: Vec::new(),
        }),
        _ => None,
    }
}
