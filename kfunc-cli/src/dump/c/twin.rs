// SPDX-License-Identifier: MIT OR Apache-2.0

//! Types of a module that its kernel has, too: the compiler wrote them again, and pahole did not find them to be the
//! same, or could not.

use std::collections::HashMap;

use btf_core::{Btf, Kind, Type, TypeId};

/// The types of the kernel, by name.
pub(super) struct Twins<'b, 'a> {
    btf: &'b Btf<'a>,
    named: HashMap<(&'a [u8], u8), Vec<TypeId>>,
}

impl<'b, 'a> Twins<'b, 'a> {
    /// Types of `btf` from `first_own` on are the module's.
    pub(super) fn new(btf: &'b Btf<'a>, first_own: TypeId) -> Self {
        let mut named = HashMap::<_, Vec<_>>::new();
        for id in (1..first_own.0).map(TypeId) {
            if let Some(ty) = btf.get(id).filter(|ty| ty.name_offset() != 0) {
                let key = (btf.name(&ty), ty.kind().0);
                named.entry(key).or_default().push(id);
            }
        }
        Self { btf, named }
    }

    /// The kernel's type that a C compiler would not tell from `own`.
    pub(super) fn of(&self, own: &Type<'a>) -> Option<Type<'a>> {
        let ids = self.named.get(&(self.btf.name(own), own.kind().0))?;
        let mut types = ids.iter().filter_map(|&id| self.btf.get(id));
        types.find(|ty| self.is_same(own, ty))
    }

    fn is_same(&self, one: &Type<'_>, other: &Type<'_>) -> bool {
        one.size() == other.size()
            && match one.kind() {
                Kind::STRUCT | Kind::UNION => self.has_same_members(one, other),
                Kind::ENUM | Kind::ENUM64 => self.has_same_values(one, other),
                Kind::TYPEDEF => self.stands_for_same(one, other),
                _ => false,
            }
    }

    fn has_same_members(&self, one: &Type<'_>, other: &Type<'_>) -> bool {
        let members = |ty: &Type<'_>| {
            let btf = *self.btf;
            ty.members()
                .map(move |member| {
                    let name = btf.name_at(member.name);
                    (name, member.bit_offset, member.bitfield_size)
                })
                .collect::<Vec<_>>()
        };
        members(one) == members(other)
    }

    fn has_same_values(&self, one: &Type<'_>, other: &Type<'_>) -> bool {
        let values = |ty: &Type<'_>| {
            let btf = *self.btf;
            ty.enumerators()
                .map(move |value| (btf.name_at(value.name), value.value))
                .collect::<Vec<_>>()
        };
        values(one) == values(other)
    }

    /// Whether two typedefs stand for the same, as far as it has a name or a size.
    fn stands_for_same(&self, one: &Type<'_>, other: &Type<'_>) -> bool {
        let target = |ty: &Type<'_>| {
            let target = ty.target().unwrap_or(TypeId::VOID);
            self.btf.skip_modifiers(target).ok()
        };
        match (target(one), target(other)) {
            (Some(Some(one)), Some(Some(other))) => {
                let int = |ty: &Type<'_>| ty.int().map(|int| (int.encoding, int.bits));
                let name = |ty: &Type<'_>| self.btf.name(ty);
                one.id() == other.id()
                    || (one.kind(), one.size(), name(&one), int(&one))
                        == (other.kind(), other.size(), name(&other), int(&other))
            }
            (Some(None), Some(None)) => true,
            _ => false,
        }
    }
}
