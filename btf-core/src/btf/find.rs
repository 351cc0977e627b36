// SPDX-License-Identifier: MIT OR Apache-2.0

//! Types by name and kind: by binary search where names are sorted, by a table of names, or by a walk.

use super::{Btf, Types};
use crate::bytes::{head, is_before, is_name};
use crate::names::{NameHash, NameTable};
use crate::{Kind, Type, TypeId};

impl<'a> Btf<'a> {
    /// This BTF with a hash table of its named types in `room`; two words for each type are good. Linear in the types,
    /// once.
    ///
    /// [`Btf::find`] then takes a few steps where the names are not sorted, as up to Linux 6.x. Types beyond seven
    /// eighths of the room are found by a walk. It should also have an index ([`Btf::indexed`]), and that first: of
    /// sorted names no table is made, or it is not used.
    pub fn types_indexed(mut self, room: &'a mut [u32]) -> Self {
        if self.is_sorted() {
            return self;
        }
        let mut table = NameTable::new(room);
        for (place, ty) in self.types().enumerate() {
            let name = self.name(&ty);
            if !name.is_empty() {
                table.add(NameHash::of(name), place, place.saturating_add(1));
            }
        }
        self.named_types = table.finish();
        self
    }

    /// Whether the names are known to be sorted, anonymous types first (`btf_check_sorted` of
    /// `kernel/bpf/btf.c`). Only who makes an index finds out.
    pub fn is_sorted(&self) -> bool {
        self.index.sorted()
    }

    /// The first type of this name **and kind**, the base's first, as `btf_find_by_name_kind` of
    /// `kernel/bpf/btf.c`. Linear in the number of types, or logarithmic where [`Btf::is_sorted`].
    ///
    /// A name alone is not enough: 181 names of a vmlinux belong to several types.
    pub fn find(&self, name: &[u8], kind: Kind) -> Option<Type<'a>> {
        self.base
            .and_then(|base| base.find(name, kind))
            .or_else(|| self.find_own(name, kind))
    }

    /// As [`Btf::find`], among the own types only.
    pub fn find_own(&self, name: &[u8], kind: Kind) -> Option<Type<'a>> {
        self.named(name, kind).next()
    }

    /// All own types of this name and kind, in the order of their ids.
    pub fn named<'n>(
        &self,
        name: &'n [u8],
        kind: Kind,
    ) -> impl Iterator<Item = Type<'a>> + use<'a, 'n> {
        let btf = *self;
        let has_name = move |ty: &Type<'_>| is_name(btf.strings_from(ty.name_offset()), name);
        let (types, end) = self.candidates(name);
        let types = types.take_while(move |ty| ty.id() < end || has_name(ty));
        self.by_table(name)
            .chain(types)
            .filter(move |ty| ty.kind() == kind && has_name(ty))
    }

    /// The own types of `kind`, in the order of their ids. One pass over all.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = Type<'a>> + use<'a> {
        self.types().filter(move |ty| ty.kind() == kind)
    }

    /// Types that may have this name, by the table; anonymous ones are not in it.
    fn by_table(&self, name: &[u8]) -> impl Iterator<Item = Type<'a>> + use<'a> {
        let table = if name.is_empty() {
            NameTable::NONE
        } else {
            self.named_types
        };
        let btf = *self;
        table.places(NameHash::of(name)).filter_map(move |place| {
            let place = u32::try_from(place).ok()?;
            btf.get(TypeId(btf.first_id.0.checked_add(place)?))
        })
    }

    /// The own types that the table does not have.
    fn types_behind_table(&self, name: &[u8]) -> Types<'a> {
        if name.is_empty() {
            return self.types();
        }
        let covered = u32::try_from(self.named_types.covered()).unwrap_or(u32::MAX);
        self.types_from(TypeId(self.first_id.0.saturating_add(covered)))
    }

    /// The types from one on that is not after the first of this name, and an id that is not before it: from there
    /// on, types of this name are all that matter.
    fn candidates(&self, name: &[u8]) -> (Types<'a>, TypeId) {
        if !self.is_sorted() {
            return (self.types_behind_table(name), self.end_id);
        }
        let name_head = head(name);
        let before = |offset| {
            let first = self.header.order.u32_at(self.header.types, offset);
            first.is_some_and(|first| is_before(self.strings_from(first), name, name_head))
        };
        let ((first, offset), end) = self.index.interval(before);
        let id = |place| TypeId(self.first_id.0.saturating_add(place));
        (self.types_at(offset, id(first)), id(end))
    }
}
