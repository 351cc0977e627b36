// SPDX-License-Identifier: MIT OR Apache-2.0

//! Forward declarations of what only one struct or union can be (`btf_dedup_resolve_fwds`).

use super::same::{declares_union, is_composite};
use super::Dedup;
use crate::words::{put, word};
use crate::{Btf, Kind, Type};

/// In a slot, beside the id of a struct or union: another one has its name, too. Ids are smaller (`BTF_MAX_TYPE`).
const AMBIGUOUS: u32 = 1 << 31;

impl Dedup<'_, '_> {
    pub(super) fn resolve_forwards(&mut self) {
        // Hypothesis and stack are not needed for now. They have two words and more for each type.
        self.hypothesis.words().fill(0);
        self.stack.clear();
        if let Some(base) = self.records.amended.base() {
            self.put_names_of_base(base);
        }
        for ty in self.records.amended.types() {
            self.put_name(&ty);
            if ty.kind() == Kind::FWD && self.stays(ty.id().0) {
                self.stack.push([ty.id().0]);
            }
        }
        while let Some([forward]) = self.stack.pop() {
            self.resolve_forward(&self.records.get(forward));
        }
    }

    fn resolve_forward(&mut self, ty: &Type<'_>) {
        let entry = self.slot(self.records.name(ty)).map(|(_, entry)| entry);
        let Some(id) = entry.filter(|id| (1..AMBIGUOUS).contains(id)) else {
            return;
        };
        let known = self.records.get(id);
        if (known.kind() == Kind::UNION) == declares_union(ty) {
            put(self.map, ty.id().0, id);
        }
    }

    fn put_names_of_base(&mut self, base: &Btf<'_>) {
        if let Some(below) = base.base() {
            self.put_names_of_base(below);
        }
        for ty in base.types() {
            self.put_name(&ty);
        }
    }

    fn put_name(&mut self, ty: &Type<'_>) {
        if !is_composite(ty) || !self.stays(ty.id().0) {
            return;
        }
        if let Some((place, entry)) = self.slot(self.records.name(ty)) {
            let entry = match entry {
                0 => ty.id().0,
                known => known | AMBIGUOUS,
            };
            put(self.hypothesis.words(), place, entry);
        }
    }

    /// The slot of a name, and what is in it: 0, or the first type of this name.
    fn slot(&mut self, name: u32) -> Option<(u32, u32)> {
        let slots = &*self.hypothesis.words();
        let len = u32::try_from(slots.len()).ok()?;
        let start = name.wrapping_mul(0x9e37_79b9).checked_rem(len)?;
        (start..len).chain(0..start).find_map(|place| {
            let entry = word(slots, place)?;
            let known = self.records.get(entry & !AMBIGUOUS);
            (entry == 0 || self.records.name(&known) == name).then_some((place, entry))
        })
    }
}
