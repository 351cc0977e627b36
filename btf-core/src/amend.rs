// SPDX-License-Identifier: MIT OR Apache-2.0

//! A BTF with types added, and FUNCs with other prototypes, before all is written as one.
//!
//! ```text
//!   input   │ 1 … FUNC foo ─► proto A … n │
//!   added                                 │ n+1 proto B, FUNC foo_impl ─► A, … │   split over the input
//!   changes   foo ─► B
//! ```

use core::iter::FusedIterator;

use crate::{Btf, Kind, Type, TypeId, Types};

/// A FUNC that gets another prototype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewPrototype {
    /// The FUNC, of the input.
    pub func: TypeId,
    /// The FUNC_PROTO that it gets, of the input or added.
    pub proto: TypeId,
}

/// A BTF with changes that are kept beside it: nothing is copied.
#[derive(Clone, Copy, Debug)]
pub struct Amended<'a> {
    input: &'a Btf<'a>,
    added: &'a Btf<'a>,
    changes: &'a [NewPrototype],
}

impl<'a> Amended<'a> {
    /// `added`, which is split over its base, the input, with `changes` to FUNCs of the input, in the order of their
    /// ids. None if `added` stands alone.
    pub fn new(added: &'a Btf<'a>, changes: &'a [NewPrototype]) -> Option<Self> {
        Some(Self {
            input: added.base()?,
            added,
            changes,
        })
    }

    /// The id of the first type that is no type of the input's base.
    pub fn first_id(&self) -> TypeId {
        self.input.first_id()
    }

    /// One more than the id of the last type.
    pub fn end_id(&self) -> TypeId {
        self.added.end_id()
    }

    /// Number of types, those of the input's base left out.
    pub fn own_len(&self) -> u32 {
        self.end_id().0.saturating_sub(self.first_id().0)
    }

    /// What the input is split from.
    pub(crate) fn base(&self) -> Option<&'a Btf<'a>> {
        self.input.base()
    }

    /// The first name offset that is not one of the input's base.
    pub(crate) fn first_name(&self) -> u32 {
        self.input.first_name()
    }

    /// Where the names of all are.
    pub(crate) fn names(&self) -> &'a Btf<'a> {
        self.added
    }

    /// The type of `id`, as it is after the changes.
    #[inline]
    pub fn get(&self, id: TypeId) -> Option<Type<'a>> {
        let ty = self.added.get(id)?;
        if ty.kind() == Kind::FUNC {
            return Some(changed(ty, self.change_of(id)));
        }
        Some(ty)
    }

    fn change_of(&self, func: TypeId) -> Option<&'a NewPrototype> {
        let place = self
            .changes
            .binary_search_by_key(&func, |change| change.func);
        place.ok().and_then(|place| self.changes.get(place))
    }

    /// All types but those of the input's base, as they are after the changes.
    pub fn types(&self) -> AmendedTypes<'a> {
        AmendedTypes {
            input: self.input.types(),
            added: self.added.types(),
            changes: self.changes,
        }
    }
}

fn changed<'a>(ty: Type<'a>, change: Option<&NewPrototype>) -> Type<'a> {
    match change {
        Some(change) => ty.with_target(change.proto),
        None => ty,
    }
}

/// The types of an [`Amended`], in the order of their ids.
#[derive(Clone, Debug)]
pub struct AmendedTypes<'a> {
    input: Types<'a>,
    added: Types<'a>,
    changes: &'a [NewPrototype],
}

impl<'a> Iterator for AmendedTypes<'a> {
    type Item = Type<'a>;

    fn next(&mut self) -> Option<Type<'a>> {
        let Some(ty) = self.input.next() else {
            return self.added.next();
        };
        match self.changes.split_first() {
            Some((change, rest)) if change.func == ty.id() => {
                self.changes = rest;
                Some(changed(ty, Some(change)))
            }
            _ => Some(ty),
        }
    }
}

impl FusedIterator for AmendedTypes<'_> {}
