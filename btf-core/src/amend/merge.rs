// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which types are equal, and which one of them stays.
//!
//! Follows `btf_dedup_ref_types` of `tools/lib/bpf/btf.c`: types are visited in the order of their ids, what a type
//! refers to before the type itself, and of equal types the first one visited stays.

use super::Amended;
use crate::{Btf, Error, ErrorKind, Kind, Section, Type, TypeId};

/// How deep types may refer to types before a struct, enum or typedef is met. libbpf has no limit but its stack.
const MAX_DEPTH: usize = 256;
/// In the map, a type that was not visited yet.
const UNSEEN: u32 = u32::MAX;
/// In the map, a type that is being visited.
const OPEN: u32 = u32::MAX - 1;
/// Slots of the hash table for each type: they must never be all used.
const SLOTS: usize = 2;

/// Words that [`crate::Writer::push_merged`] needs to work on `amended`.
pub fn merge_room(amended: &Amended<'_>) -> usize {
    let own = index(amended.own_len());
    let all = index(amended.end_id().0);
    all.saturating_mul(SLOTS).saturating_add(own)
}

/// The ids that types get.
pub(super) struct NewIds<'r> {
    first: u32,
    /// For each own type, the id of the one that stays for it.
    stays: &'r [u32],
    /// For each own type, its new id, if it stays.
    new: &'r [u32],
}

impl NewIds<'_> {
    fn stays(&self, id: TypeId) -> TypeId {
        let place = id.0.checked_sub(self.first);
        TypeId(
            place
                .and_then(|place| word(self.stays, place))
                .unwrap_or(id.0),
        )
    }

    /// Whether the type is written.
    pub(super) fn is_kept(&self, id: TypeId) -> bool {
        self.stays(id) == id
    }

    /// The new id of what stands for `id`.
    pub(super) fn of(&self, id: TypeId) -> TypeId {
        let stays = self.stays(id);
        let place = stays.0.checked_sub(self.first);
        TypeId(
            place
                .and_then(|place| word(self.new, place))
                .unwrap_or(stays.0),
        )
    }
}

/// Finds equal types; those that stay are numbered from `next_id` on.
pub(super) fn merge<'m, 'r>(
    amended: &'m Amended<'m>,
    next_id: TypeId,
    room: &'r mut [u32],
) -> Result<NewIds<'r>, Error> {
    let need = merge_room(amended);
    let too_small = || ErrorKind::RoomTooSmall { need }.at(Section::Types, 0);
    let own = index(amended.own_len());
    let (room, _) = room.split_at_mut_checked(need).ok_or_else(too_small)?;
    let (map, slots) = room.split_at_mut_checked(own).ok_or_else(too_small)?;
    map.fill(UNSEEN);
    slots.fill(0);
    let mut merge = Merge {
        amended,
        first: amended.first_id().0,
        map,
        slots,
        path: [Step {
            ty: Type::VOID,
            followed: 0,
        }; MAX_DEPTH],
    };
    if let Some(base) = amended.base() {
        merge.take_base(base);
    }
    for ty in amended.types() {
        merge.visit(ty)?;
    }

    let Merge {
        first, map, slots, ..
    } = merge;
    let mut next = next_id.0;
    // The table is not needed any more.
    for ((id, stays), new) in (first..).zip(map.iter()).zip(slots.iter_mut()) {
        if *stays == id {
            *new = next;
            next = next.saturating_add(1);
        }
    }
    Ok(NewIds {
        first,
        stays: map,
        new: slots,
    })
}

struct Merge<'m, 'r> {
    amended: &'m Amended<'m>,
    /// The first own id.
    first: u32,
    /// For each own type, the id of the one that stays for it.
    map: &'r mut [u32],
    /// A hash table of the types that stay, by what they say: ids, 0 where it is free.
    slots: &'r mut [u32],
    /// The way down to the type that is being visited.
    path: [Step<'m>; MAX_DEPTH],
}

/// A type on the way down.
#[derive(Clone, Copy)]
struct Step<'a> {
    ty: Type<'a>,
    /// How many of its references were followed.
    followed: usize,
}

impl<'m> Merge<'m, '_> {
    /// Takes up the types of the base, which all stay.
    fn take_base(&mut self, base: &Btf<'_>) {
        if let Some(below) = base.base() {
            self.take_base(below);
        }
        for ty in base.types() {
            if refers(ty.kind()) {
                let start = self.start(&ty);
                self.put(start, ty.id());
            }
        }
    }

    /// Finds out what stays for `ty`, and for all that it refers to.
    fn visit(&mut self, ty: Type<'m>) -> Result<(), Error> {
        if self.state(ty.id()) != UNSEEN {
            return Ok(());
        }
        let mut depth = 0_usize;
        let mut step = self.open(ty);
        loop {
            if let Some(child) = reference(&step.ty, step.followed) {
                step.followed = step.followed.saturating_add(1);
                match self.state(child) {
                    UNSEEN => {
                        let parent = step.ty.id();
                        let missing = || ErrorKind::InvalidTypeId(child).of_type(parent);
                        let ty = self.amended.get(child).ok_or_else(missing)?;
                        let too_deep = || ErrorKind::TooDeep.of_type(parent);
                        *self.path.get_mut(depth).ok_or_else(too_deep)? = step;
                        depth = depth.saturating_add(1);
                        step = self.open(ty);
                    }
                    OPEN => return Err(ErrorKind::TooDeep.of_type(child)),
                    _ => {}
                }
                continue;
            }
            self.close(&step.ty);
            let above = depth.checked_sub(1).and_then(|above| self.path.get(above));
            match above {
                Some(above) => step = *above,
                None => return Ok(()),
            }
            depth = depth.saturating_sub(1);
        }
    }

    fn open(&mut self, ty: Type<'m>) -> Step<'m> {
        self.set(ty.id(), OPEN);
        Step { ty, followed: 0 }
    }

    /// All that `ty` refers to was visited.
    fn close(&mut self, ty: &Type<'_>) {
        let stays = if refers(ty.kind()) {
            self.find_or_put(ty)
        } else {
            ty.id()
        };
        self.set(ty.id(), stays.0);
    }

    fn find_or_put(&mut self, ty: &Type<'_>) -> TypeId {
        let start = self.start(ty);
        let (head, tail) = self.slots.split_at_checked(start).unwrap_or_default();
        for slot in tail.iter().chain(head) {
            if *slot == 0 {
                break;
            }
            let known = TypeId(*slot);
            if self
                .amended
                .get(known)
                .is_some_and(|known| self.is_equal(ty, &known))
            {
                return known;
            }
        }
        self.put(start, ty.id());
        ty.id()
    }

    fn put(&mut self, start: usize, id: TypeId) {
        let Some((head, tail)) = self.slots.split_at_mut_checked(start) else {
            return;
        };
        // There are more slots than types.
        if let Some(slot) = tail.iter_mut().chain(head).find(|slot| **slot == 0) {
            *slot = id.0;
        }
    }

    /// The slot at which the search for what `ty` says begins.
    fn start(&self, ty: &Type<'_>) -> usize {
        let mut hash = 0_u64;
        let mut take = |word: u32| {
            hash = (hash ^ u64::from(word))
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .rotate_left(29);
        };
        take(ty.name_offset());
        take(ty.info().0);
        let mut at = 0_usize;
        while let Some(child) = reference(ty, at) {
            take(self.resolved(child).0);
            at = at.saturating_add(1);
        }
        for param in ty.params() {
            take(param.name);
        }
        let slots = u64::try_from(self.slots.len()).unwrap_or(u64::MAX);
        // The upper bits are the good ones.
        let place = (hash >> 32).checked_rem(slots).unwrap_or(0);
        usize::try_from(place).unwrap_or(0)
    }

    fn is_equal(&self, one: &Type<'_>, other: &Type<'_>) -> bool {
        if one.name_offset() != other.name_offset() || one.info() != other.info() {
            return false;
        }
        let mut at = 0_usize;
        loop {
            match (reference(one, at), reference(other, at)) {
                (None, None) => break,
                (Some(first), Some(second)) if self.resolved(first) == self.resolved(second) => {}
                _ => return false,
            }
            at = at.saturating_add(1);
        }
        let mut names = one.params().zip(other.params());
        names.all(|(one, other)| one.name == other.name)
            && one.component() == other.component()
            && one.array().map(|array| array.len) == other.array().map(|array| array.len)
    }

    /// What stays for `id`, which was visited.
    fn resolved(&self, id: TypeId) -> TypeId {
        let place = id.0.checked_sub(self.first);
        TypeId(
            place
                .and_then(|place| word(self.map, place))
                .unwrap_or(id.0),
        )
    }

    /// What the map says; types of the base stay themselves.
    fn state(&self, id: TypeId) -> u32 {
        match id.0.checked_sub(self.first) {
            Some(place) => word(self.map, place).unwrap_or(UNSEEN),
            None => id.0,
        }
    }

    fn set(&mut self, id: TypeId, value: u32) {
        let place = id.0.checked_sub(self.first).map(index);
        if let Some(slot) = place.and_then(|place| self.map.get_mut(place)) {
            *slot = value;
        }
    }
}

/// Whether types of this kind are compared: all that they say is what they refer to.
fn refers(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::PTR
            | Kind::VOLATILE
            | Kind::CONST
            | Kind::RESTRICT
            | Kind::ARRAY
            | Kind::FUNC
            | Kind::FUNC_PROTO
            | Kind::DECL_TAG
            | Kind::TYPE_TAG
    )
}

/// The type that a compared record refers to in the place `at`.
fn reference(ty: &Type<'_>, at: usize) -> Option<TypeId> {
    if !refers(ty.kind()) {
        return None;
    }
    if let Some(array) = ty.array() {
        return [array.element, array.index].get(at).copied();
    }
    match at.checked_sub(1) {
        None => ty.target(),
        Some(param) => Some(ty.params().nth(param)?.ty),
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn word(words: &[u32], at: u32) -> Option<u32> {
    words.get(index(at)).copied()
}
