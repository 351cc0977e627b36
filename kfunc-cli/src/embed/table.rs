// SPDX-License-Identifier: MIT OR Apache-2.0

//! The module's own types, while they are collected: first those of its C parts, then those of its kfuncs.
//!
//! A type that is there is not added again. So `kfunc embed`, run twice, adds nothing the second time.

use std::collections::HashMap;
use std::convert::Infallible;

use btf_core::{Btf, Kind, TypeId, Writer};

use super::node::{Id, Node};

/// Own types of a module.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// All types; none for one that no declaration can have, or that has only its place yet.
    nodes: Vec<Option<Node>>,
    /// How many of them the C parts have.
    kept: usize,
    ids: HashMap<Node, Id>,
    /// The first type of each kind and name.
    named: HashMap<(Kind, Vec<u8>), Id>,
}

impl Table {
    /// The types of `kept`, the BTF of the module's C parts.
    pub(crate) fn of(kept: &Btf<'_>) -> Self {
        let mut table = Self::default();
        let first = kept.first_id();
        for ty in kept.types() {
            let Ok(node) = Node::of(kept, &ty, |id| Ok::<_, Infallible>(Id::of(id, first)));
            let id = table.reserve();
            if let Some(node) = node {
                table.fill(id, node);
            }
        }
        table.kept = table.nodes.len();
        table
    }

    /// The place of `node`, which is added if it is not there.
    pub(crate) fn add(&mut self, node: Node) -> Id {
        if let Some(id) = self.ids.get(&node) {
            return *id;
        }
        let id = self.reserve();
        self.fill(id, node);
        id
    }

    /// A place for a type that others refer to before it is complete.
    pub(crate) fn reserve(&mut self) -> Id {
        // A BTF has at most a million types.
        let id = Id::Own(self.nodes.len() as u32);
        self.nodes.push(None);
        id
    }

    /// Puts `node` in the place `id`, which was reserved for it.
    pub(crate) fn fill(&mut self, id: Id, node: Node) {
        if let Some((kind, name)) = node.key() {
            self.named.entry((kind, name.to_vec())).or_insert(id);
        }
        self.ids.entry(node.clone()).or_insert(id);
        if let Id::Own(place) = id {
            self.nodes[place as usize] = Some(node);
        }
    }

    /// The type of this id.
    pub(crate) fn get(&self, id: Id) -> Option<&Node> {
        match id {
            Id::Own(place) => self.nodes.get(place as usize)?.as_ref(),
            Id::Base(_) => None,
        }
    }

    /// The first type of this kind and name.
    pub(crate) fn named(&self, kind: Kind, name: &str) -> Option<Id> {
        self.named.get(&(kind, name.into())).copied()
    }

    /// Adds all types to `writer`, over the base that ids are of; `kept` is what [`Table::of`] was given.
    pub(crate) fn write(
        &self,
        kept: Option<&Btf<'_>>,
        writer: &mut Writer<'_>,
    ) -> Result<(), btf_core::Error> {
        let first = writer.next_id();
        if let Some(kept) = kept {
            let moved = |id: TypeId| Id::of(id, kept.first_id()).in_split(first);
            for ty in kept.types() {
                writer.push_type(kept, &ty, moved)?;
            }
        }
        for node in self.nodes.iter().skip(self.kept).flatten() {
            node.push(writer, first)?;
        }
        Ok(())
    }
}
