// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a module's own types stand on.
//!
//! A module is either tied to one build of its kernel, whose BTF is then its base: so are those that come with a
//! kernel. Or it brings a distilled base along: names and sizes of the kernel's types that it uses, which the kernel
//! finds in its own BTF when the module is loaded (`btf_relocate` of `tools/lib/bpf/btf_relocate.c`).

use std::collections::HashMap;

use btf_core::{Btf, IntEncoding, Kind, Type, Writer};

use super::node::Id;

/// A distilled base, while its types are collected: first those that the module's C parts need, which keep their ids.
#[derive(Default)]
pub(crate) struct Distilled<'a> {
    kept: Option<Btf<'a>>,
    added: Vec<Leaf>,
    ids: HashMap<Leaf, u32>,
}

/// A type of a distilled base (`btf_add_distilled_types` of `tools/lib/bpf/btf.c`): only named INT, FLOAT, ENUM,
/// STRUCT and UNION, and without what is in them.
///
/// Not a FWD for what is used through pointers only: it is not found if the struct has bitfields.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Leaf {
    kind: Kind,
    name: Vec<u8>,
    size: u32,
    /// Encoding of an INT.
    encoding: Option<u8>,
}

impl Leaf {
    /// What stands for `ty` in a distilled base; none for a type that is copied whole.
    fn of(btf: &Btf<'_>, ty: &Type<'_>) -> Option<Self> {
        let kind = match ty.kind() {
            Kind::ENUM64 => Kind::ENUM,
            kind @ (Kind::INT | Kind::FLOAT | Kind::ENUM | Kind::STRUCT | Kind::UNION) => kind,
            _ => return None,
        };
        let name = btf.name(ty).to_vec();
        (!name.is_empty()).then_some(Self {
            kind,
            name,
            size: ty.size().unwrap_or_default(),
            encoding: ty.int().map(|int| int.encoding.0),
        })
    }

    fn push(&self, writer: &mut Writer<'_>) -> Result<(), btf_core::Error> {
        let Self { name, size, .. } = self;
        match self.encoding {
            // An INT has at most 16 bytes.
            Some(encoding) => writer.push_int(name, *size as u8, IntEncoding(encoding)),
            None => writer.push_opaque(self.kind, name, *size),
        }?;
        Ok(())
    }
}

impl<'a> Distilled<'a> {
    /// The base that the module's C parts brought along.
    pub(crate) fn of(kept: Btf<'a>) -> Self {
        let mut ids = HashMap::new();
        for ty in kept.types() {
            if let Some(leaf) = Leaf::of(&kept, &ty) {
                ids.entry(leaf).or_insert(ty.id().0);
            }
        }
        Self {
            kept: Some(kept),
            added: Vec::new(),
            ids,
        }
    }

    /// The id of what stands for `ty`, a type of the kernel; none for a type that is copied whole.
    pub(crate) fn leaf(&mut self, vmlinux: &Btf<'_>, ty: &Type<'_>) -> Option<Id> {
        let leaf = Leaf::of(vmlinux, ty)?;
        let kept = self.kept.as_ref().map_or(0, Btf::own_len);
        let next = kept + self.added.len() as u32 + 1;
        let id = *self.ids.entry(leaf.clone()).or_insert(next);
        if id == next {
            self.added.push(leaf);
        }
        Some(Id::Base(id))
    }

    /// Whether there is no type.
    pub(crate) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.kept.as_ref().is_none_or(|kept| kept.own_len() == 0)
    }

    /// Adds all types to `writer`.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Result<(), btf_core::Error> {
        if let Some(kept) = &self.kept {
            for ty in kept.types() {
                writer.push_type(kept, &ty, |id| id)?;
            }
        }
        for leaf in &self.added {
            leaf.push(writer)?;
        }
        Ok(())
    }
}
