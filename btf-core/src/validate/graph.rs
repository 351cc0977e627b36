// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is known of each type while the references between a program's types are followed.
//!
//! ```text
//!   room   │ offset of each record │ state, marks, resolved id │ resolved size │
//! ```

use core::cell::Cell;

use crate::limits::POINTER_LEN;
use crate::{Btf, Kind, Type, TypeId};

/// Words of room that each type takes.
pub(super) const WORDS_PER_TYPE: usize = 3;

/// The bits of a type id (`BTF_MAX_TYPE` has 20).
const ID_MASK: u32 = 0x000f_ffff;
const VISITED: u32 = 1 << 31;
const RESOLVED: u32 = 1 << 30;
/// Marks of the types that make a struct one with special fields, and of such structs.
pub(super) const SPECIAL: u32 = 1 << 29;
pub(super) const HAS_FIELDS: u32 = 1 << 28;
/// Marks structs with nothing special in them; their size here is how deep structs stand in one another in them.
const PLAIN: u32 = 1 << 27;
/// Which known tags are among the modifiers from a type on.
const TAGS_SHIFT: u32 = 20;
const TAGS_MASK: u32 = 0xf;

/// The types of a program's BTF, and what has been found out about each.
pub(super) struct Graph<'g, 'a> {
    btf: &'g Btf<'a>,
    ids: &'g [Cell<u32>],
    sizes: &'g [Cell<u32>],
}

/// A type that has a size.
#[derive(Clone, Copy)]
pub(super) struct Sized<'a> {
    pub(super) ty: Type<'a>,
    pub(super) size: u32,
}

impl<'g, 'a> Graph<'g, 'a> {
    /// Nothing is known yet. Both slices have a word for each type.
    pub(super) fn new(btf: &'g Btf<'a>, ids: &'g mut [u32], sizes: &'g mut [u32]) -> Self {
        ids.fill(0);
        sizes.fill(0);
        Self {
            btf,
            ids: Cell::from_mut(ids).as_slice_of_cells(),
            sizes: Cell::from_mut(sizes).as_slice_of_cells(),
        }
    }

    pub(super) fn btf(&self) -> &'g Btf<'a> {
        self.btf
    }

    /// The type of `id`; for 0 a record of no kind that stands for void.
    pub(super) fn node(&self, id: TypeId) -> Option<Type<'a>> {
        if id == TypeId::VOID {
            Some(Type::VOID)
        } else {
            self.btf.get(id)
        }
    }

    fn place(id: TypeId) -> usize {
        // Void has no place: it gets one that no slice has.
        let place = id.0.checked_sub(1).unwrap_or(u32::MAX);
        usize::try_from(place).unwrap_or(usize::MAX)
    }

    fn word(&self, id: TypeId) -> u32 {
        self.ids.get(Self::place(id)).map_or(0, Cell::get)
    }

    fn update(&self, id: TypeId, change: impl FnOnce(u32) -> u32) {
        if let Some(word) = self.ids.get(Self::place(id)) {
            word.set(change(word.get()));
        }
    }

    pub(super) fn is_marked(&self, id: TypeId, mark: u32) -> bool {
        self.word(id) & mark != 0
    }

    pub(super) fn mark(&self, id: TypeId, mark: u32) {
        self.update(id, |word| word | mark);
    }

    /// The tags noted for `id`, as bits.
    pub(super) fn tags(&self, id: TypeId) -> u32 {
        self.word(id) >> TAGS_SHIFT & TAGS_MASK
    }

    pub(super) fn note_tags(&self, id: TypeId, tags: u32) {
        self.mark(id, (tags & TAGS_MASK) << TAGS_SHIFT);
    }

    /// Notes that nothing special is in the struct of `id`, in which structs stand `depth` deep, itself counted in.
    pub(super) fn note_plain(&self, id: TypeId, depth: usize) {
        self.mark(id, PLAIN);
        self.set_size(id, u32::try_from(depth).unwrap_or(u32::MAX));
    }

    /// The depth that was noted for `id`, if nothing special is in it.
    pub(super) fn plain_depth(&self, id: TypeId) -> Option<usize> {
        let depth = self.is_marked(id, PLAIN).then(|| self.resolved_size(id))?;
        usize::try_from(depth).ok()
    }

    pub(super) fn is_visited(&self, id: TypeId) -> bool {
        self.is_marked(id, VISITED | RESOLVED)
    }

    pub(super) fn is_resolved(&self, id: TypeId) -> bool {
        self.is_marked(id, RESOLVED)
    }

    pub(super) fn visit(&self, id: TypeId) {
        self.mark(id, VISITED);
    }

    /// Notes what `id` stands for, and how long it is (`env_stack_pop_resolved`).
    pub(super) fn resolve(&self, id: TypeId, to: TypeId, size: u32) {
        self.update(id, |_| RESOLVED | to.0 & ID_MASK);
        self.set_size(id, size);
    }

    /// What `id` stands for.
    pub(super) fn resolved_id(&self, id: TypeId) -> TypeId {
        TypeId(self.word(id) & ID_MASK)
    }

    pub(super) fn resolved_size(&self, id: TypeId) -> u32 {
        self.sizes.get(Self::place(id)).map_or(0, Cell::get)
    }

    pub(super) fn set_size(&self, id: TypeId, size: u32) {
        if let Some(word) = self.sizes.get(Self::place(id)) {
            word.set(size);
        }
    }

    /// The type with a size that `id` stands for (`btf_type_id_size`).
    pub(super) fn sized(&self, id: TypeId) -> Option<Sized<'a>> {
        let ty = self.node(id)?;
        if ty.kind().is_modifier() || ty.kind() == Kind::VAR {
            return self.concrete(self.resolved_id(id));
        }
        self.concrete(id)
    }

    fn concrete(&self, id: TypeId) -> Option<Sized<'a>> {
        let ty = self.node(id)?;
        let size = match ty.kind() {
            Kind::PTR => POINTER_LEN,
            Kind::ARRAY => self.resolved_size(id),
            _ => ty.size()?,
        };
        Some(Sized { ty, size })
    }
}
