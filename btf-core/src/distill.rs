// SPDX-License-Identifier: MIT OR Apache-2.0

//! A split BTF that brings along what it needs of its base.
//!
//! ```text
//!   before   vmlinux │ …                             │ split │ own types │
//!   after    base    │ INT, STRUCT without members … │ split │ own types │ PTR, FUNC_PROTO … of vmlinux │
//! ```
//!
//! Follows `btf__distill_base` of `tools/lib/bpf/btf.c`. The kernel finds the types of the distilled base by their names
//! in its own BTF ([`crate::Relocation`]).

use crate::references::{each_word, Word};
use crate::words::index;
use crate::{Btf, Error, ErrorKind, Kind, Section, Type, TypeId, Writer};

/// Words for each type of the base: its new id, and its place among those that are still to be looked at.
const WORDS: usize = 2;
/// In the map, a type that is needed and has no new id yet.
const NEEDED: u32 = u32::MAX;

/// What a split BTF needs of its base.
#[derive(Debug)]
pub struct Distillation<'a, 'r> {
    btf: &'a Btf<'a>,
    base: &'a Btf<'a>,
    /// For each type of the base, its new id, 0 if it is not needed.
    map: &'r mut [u32],
    base_len: u32,
}

/// Where a type of the base goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Into the distilled base, as it is.
    Base,
    /// Into the distilled base, without what is in it.
    BaseOpaque(Kind),
    /// Into the split BTF.
    Split,
}

impl<'a, 'r> Distillation<'a, 'r> {
    /// Words that [`Distillation::of`] needs for `btf`.
    pub fn room(btf: &Btf<'_>) -> usize {
        index(btf.first_id().0).saturating_mul(WORDS)
    }

    /// Looks at all that `btf` refers to. Its base should have an index ([`Btf::indexed`]).
    ///
    /// # Errors
    ///
    /// The BTF stands alone; the room is too small; a reference to no type, or to one that no type of a module
    /// refers to (FUNC, VAR, DATASEC, DECL_TAG).
    pub fn of(btf: &'a Btf<'a>, room: &'r mut [u32]) -> Result<Self, Error> {
        let base = btf
            .base()
            .ok_or(ErrorKind::MissingBase.at(Section::Header, 0))?;
        let need = Self::room(btf);
        let too_small = || ErrorKind::RoomTooSmall { need }.at(Section::Types, 0);
        let (map, rest) = room
            .split_at_mut_checked(index(btf.first_id().0))
            .ok_or_else(too_small)?;
        let (queue, _) = rest.split_at_mut_checked(map.len()).ok_or_else(too_small)?;
        map.fill(0);
        let mut needs = Needs {
            map,
            queue,
            queued: 0,
        };
        for ty in btf.types() {
            needs.take(&ty)?;
        }
        while let Some(id) = needs.next() {
            let ty = base.require(id)?;
            // Of a struct with a name, the members are left out.
            let opaque = matches!(ty.kind(), Kind::STRUCT | Kind::UNION) && ty.name_offset() != 0;
            if !opaque {
                needs.take(&ty)?;
            }
        }
        let map = needs.map;
        let mut distillation = Self {
            btf,
            base,
            map,
            base_len: 0,
        };
        distillation.number()?;
        Ok(distillation)
    }

    /// Gives new ids to what is needed.
    fn number(&mut self) -> Result<(), Error> {
        let mut next = 1_u32;
        for (id, new) in (0..).zip(self.map.iter_mut()) {
            if *new == NEEDED && place(&self.base.require(TypeId(id))?)? != Place::Split {
                *new = next;
                next = next.saturating_add(1);
            }
        }
        self.base_len = next.saturating_sub(1);
        next = next.saturating_add(self.btf.own_len());
        for new in self.map.iter_mut() {
            if *new == NEEDED {
                *new = next;
                next = next.saturating_add(1);
            }
        }
        Ok(())
    }

    /// The new id of a type of the split BTF or of its base.
    fn new_id(&self, id: TypeId) -> TypeId {
        match id.0.checked_sub(self.btf.first_id().0) {
            Some(own) => TypeId(own.saturating_add(self.base_len).saturating_add(1)),
            None => TypeId(self.map.get(index(id.0)).copied().unwrap_or(0)),
        }
    }

    /// The types of the base that are needed.
    fn needed(&self) -> impl Iterator<Item = Type<'a>> + use<'_, 'a, 'r> {
        let ids = (0..).zip(self.map.iter()).filter(|(_, new)| **new != 0);
        ids.filter_map(|(id, _)| self.base.get(TypeId(id)))
    }

    /// Writes the distilled base.
    ///
    /// # Errors
    ///
    /// As [`Writer::push_type`].
    pub fn push_base(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
        for ty in self.needed() {
            match place(&ty)? {
                Place::Base => {
                    writer.push_type(self.base, &ty, |id| id)?;
                }
                Place::BaseOpaque(kind) => {
                    let size = ty.size().unwrap_or(0);
                    writer.push_opaque(kind, self.base.name(&ty), size)?;
                }
                Place::Split => {}
            }
        }
        Ok(())
    }

    /// Writes the split BTF, with a writer that is split over the distilled base.
    ///
    /// # Errors
    ///
    /// As [`Writer::push_type`].
    pub fn push_split(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
        for ty in self.btf.types() {
            writer.push_type(self.btf, &ty, |id| self.new_id(id))?;
        }
        for ty in self.needed() {
            if place(&ty)? == Place::Split {
                writer.push_type(self.base, &ty, |id| self.new_id(id))?;
            }
        }
        Ok(())
    }
}

/// Types of the base that are needed, and those of them that are still to be looked at.
struct Needs<'r> {
    map: &'r mut [u32],
    queue: &'r mut [u32],
    queued: usize,
}

impl Needs<'_> {
    /// Takes up what `ty` refers to.
    fn take(&mut self, ty: &Type<'_>) -> Result<(), Error> {
        let known = each_word(ty, |word, id| {
            let slot = self.map.get_mut(index(id)).filter(|_| word == Word::Id);
            // Not those of the split BTF, and not void.
            if let (Some(new @ 0), 1..) = (slot, id) {
                *new = NEEDED;
                if let Some(slot) = self.queue.get_mut(self.queued) {
                    *slot = id;
                }
                self.queued = self.queued.saturating_add(1);
            }
        });
        if known {
            return Ok(());
        }
        Err(ErrorKind::UnknownKind(ty.kind()).of_type(ty.id()))
    }

    fn next(&mut self) -> Option<TypeId> {
        self.queued = self.queued.checked_sub(1)?;
        self.queue.get(self.queued).copied().map(TypeId)
    }
}

fn place(ty: &Type<'_>) -> Result<Place, Error> {
    let named = ty.name_offset() != 0;
    Ok(match ty.kind() {
        Kind::INT | Kind::FLOAT | Kind::FWD => Place::Base,
        kind @ (Kind::STRUCT | Kind::UNION) if named => Place::BaseOpaque(kind),
        Kind::ENUM | Kind::ENUM64 if named => Place::BaseOpaque(Kind::ENUM),
        Kind::STRUCT
        | Kind::UNION
        | Kind::ENUM
        | Kind::ENUM64
        | Kind::ARRAY
        | Kind::TYPEDEF
        | Kind::PTR
        | Kind::CONST
        | Kind::RESTRICT
        | Kind::VOLATILE
        | Kind::FUNC_PROTO
        | Kind::TYPE_TAG => Place::Split,
        kind => return Err(ErrorKind::UnexpectedKind(kind).of_type(ty.id())),
    })
}
