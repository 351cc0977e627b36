// SPDX-License-Identifier: MIT OR Apache-2.0

//! Types that refer to none: equal if they say the same (`btf_dedup_prim_type`).

use super::same::is_declared_enum;
use super::Dedup;
use crate::words::put;
use crate::{Kind, Type};

impl Dedup<'_, '_> {
    /// Gives whether there are FWDs.
    pub(super) fn take_primitives(&mut self) -> bool {
        let mut declares = false;
        for ty in self.records.amended.types() {
            declares |= ty.kind() == Kind::FWD;
            match ty.kind() {
                // They are never equal.
                Kind::VAR | Kind::DATASEC => put(self.map, ty.id().0, ty.id().0),
                Kind::INT | Kind::FLOAT | Kind::FWD => {
                    let hash = self.records.hash(&ty, |id| id);
                    let stands = self.known(&ty, hash).unwrap_or(ty.id().0);
                    self.settle(&ty, stands, hash);
                }
                Kind::ENUM | Kind::ENUM64 => self.take_enum(&ty),
                _ => {}
            }
        }
        declares
    }

    /// An enum that is only declared stands for the first one of its name that is more, or the other way round.
    fn take_enum(&mut self, ty: &Type<'_>) {
        let hash = self.records.hash(ty, |id| id);
        let mut stands = ty.id().0;
        let mut candidate = self.table.next(hash, 0);
        while candidate != 0 {
            let known = self.records.get(candidate);
            if self.records.is_same(ty, &known, |_, id| id) {
                stands = candidate;
                break;
            }
            if self.records.is_compatible_enum(ty, &known) {
                if is_declared_enum(ty) {
                    stands = candidate;
                    break;
                }
                put(self.map, candidate, ty.id().0);
            }
            candidate = self.table.next(hash, candidate);
        }
        self.settle(ty, stands, hash);
    }
}
