// SPDX-License-Identifier: MIT OR Apache-2.0

//! Sizes and alignments as a C compiler sees them.

use std::collections::HashMap;

use btf_core::{Btf, Error, Kind, Type, TypeId};

use super::limits::{all_ids, too_deep, Limits, MAX_CHAIN};

/// Names of the INT that is as wide as a pointer.
const LONG: &[&[u8]] = &[
    b"long",
    b"long int",
    b"int long",
    b"unsigned long",
    b"long unsigned",
    b"unsigned long int",
    b"unsigned int long",
    b"long unsigned int",
    b"long int unsigned",
    b"int unsigned long",
    b"int long unsigned",
];
const DEFAULT_POINTER_SIZE: u32 = 8;

/// Sizes and alignments of the types of a BTF, in bytes.
pub(super) struct Layout<'b, 'a> {
    btf: &'b Btf<'a>,
    pub(super) pointer_size: u32,
    /// Alignments of structs; none while it is being found.
    known: HashMap<TypeId, Option<u32>>,
}

impl<'b, 'a> Layout<'b, 'a> {
    pub(super) fn new(btf: &'b Btf<'a>, pointer_size: Option<u32>) -> Self {
        Self {
            btf,
            pointer_size: pointer_size
                .or_else(|| size_of_long(btf))
                .unwrap_or(DEFAULT_POINTER_SIZE),
            known: HashMap::new(),
        }
    }

    /// The alignment of `id`; 0 of what has no size.
    pub(super) fn align_of(&mut self, id: TypeId, limits: &mut Limits) -> Result<u32, Error> {
        let mut id = id;
        for _ in 0..MAX_CHAIN {
            let Some(ty) = self.btf.get(id) else {
                return Ok(0);
            };
            id = match ty.kind() {
                Kind::INT | Kind::ENUM | Kind::ENUM64 | Kind::FLOAT => {
                    return Ok(ty.size().unwrap_or_default().min(self.pointer_size));
                }
                Kind::PTR => return Ok(self.pointer_size),
                Kind::STRUCT | Kind::UNION => {
                    limits.enter(id)?;
                    let align = self.align_of_composite(&ty, limits)?;
                    limits.leave();
                    return Ok(align);
                }
                Kind::ARRAY => ty.array().map_or(TypeId::VOID, |array| array.element),
                kind if kind.is_modifier() => ty.target().unwrap_or(TypeId::VOID),
                _ => return Ok(0),
            };
        }
        Err(too_deep(id))
    }

    fn align_of_composite(&mut self, ty: &Type<'a>, limits: &mut Limits) -> Result<u32, Error> {
        match self.known.insert(ty.id(), None) {
            Some(Some(align)) => {
                self.known.insert(ty.id(), Some(align));
                return Ok(align);
            }
            Some(None) => return Err(too_deep(ty.id())),
            None => {}
        }
        let align = self.natural_align(ty, limits)?.unwrap_or(1);
        self.known.insert(ty.id(), Some(align));
        Ok(align)
    }

    /// The alignment of a struct or union by its members; none if it does not keep it, which takes `packed`.
    pub(super) fn natural_align(
        &mut self,
        ty: &Type<'a>,
        limits: &mut Limits,
    ) -> Result<Option<u32>, Error> {
        let mut max = 1;
        for member in ty.members() {
            let align = self.align_of(member.ty, limits)?.max(1);
            max = align.max(max);
            if member.bitfield_size == 0 && member.bit_offset % (8 * align) != 0 {
                return Ok(None);
            }
        }
        let size = ty.size().unwrap_or_default();
        Ok((size % max == 0).then_some(max))
    }

    /// The size of `id`; 0 of what has none.
    pub(super) fn size_of(&self, id: TypeId) -> u64 {
        let (mut id, mut count) = (id, 1_u64);
        for _ in 0..MAX_CHAIN {
            let Some(ty) = self.btf.get(id) else {
                return 0;
            };
            id = match ty.kind() {
                Kind::PTR => return count.saturating_mul(self.pointer_size.into()),
                Kind::ARRAY => {
                    let (element, len) = ty
                        .array()
                        .map_or((TypeId::VOID, 0), |array| (array.element, array.len));
                    count = count.saturating_mul(len.into());
                    element
                }
                kind if kind.is_modifier() => ty.target().unwrap_or(TypeId::VOID),
                _ => return count.saturating_mul(ty.size().unwrap_or_default().into()),
            };
        }
        0
    }
}

fn size_of_long(btf: &Btf<'_>) -> Option<u32> {
    all_ids(btf)
        .filter_map(|id| btf.get(id))
        .filter(|ty| ty.kind() == Kind::INT && LONG.contains(&btf.name(ty)))
        .find_map(|ty| ty.size().filter(|size| matches!(size, 4 | 8)))
}
