// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which type of the base each distilled type stands for (`btf_relocate_map_distilled_base` of
//! `tools/lib/bpf/btf_relocate.c`).

use core::cmp::Reverse;

use crate::bytes::{head, is_before, is_name};
use crate::sort::sort_by;
use crate::{Btf, Error, ErrorKind, Kind, Section, Type, TypeId};

/// Words for each distilled type, `void` included.
pub(super) const COLUMNS: usize = 5;
/// In place of an id: not found yet, and the split part has it as a member (`BTF_IS_EMBEDDED`).
const EMBEDDED: u32 = u32::MAX;
/// In a name offset: several composites of the base have this very offset. Strings are shorter than this.
const SHARED: u32 = 1 << 31;
/// In place of a name offset: composites of the base have the name at several offsets, which no tool writes.
const SCATTERED: u32 = u32::MAX;
/// The kernel keeps 31 bits of a size to compare (`struct btf_name_info`).
const SIZE_MASK: u32 = 0x7fff_ffff;

/// What was found for each distilled type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matches<'m> {
    /// By distilled id, the id in the base.
    ids: &'m [u32],
    /// By distilled id, the offset of the name in the base.
    names: &'m [u32],
    /// Distilled ids in the order of their name offsets, and these.
    by_offset: &'m [u32],
    offsets: &'m [u32],
}

impl Matches<'_> {
    /// The id in the base.
    pub(super) fn id(&self, id: TypeId) -> Option<TypeId> {
        at(self.ids, id.0).map(TypeId)
    }

    /// The offset in the base of the name that a distilled type has at `offset`.
    pub(super) fn name(&self, offset: u32) -> Option<u32> {
        let end = self.offsets.partition_point(|other| *other <= offset);
        let last = end.checked_sub(1)?;
        if *self.offsets.get(last)? != offset {
            return None;
        }
        at(self.names, *self.by_offset.get(last)?)
    }
}

/// Finds the types of `distilled` in `onto`. `room` has [`COLUMNS`] words for each of them.
pub(super) fn find<'m>(
    split: &Btf<'m>,
    distilled: Btf<'m>,
    onto: &Btf<'_>,
    room: &'m mut [u32],
) -> Result<Matches<'m>, Error> {
    check_distilled(&distilled)?;
    room.fill(0);
    let column = room.len() / COLUMNS;
    let (ids, rest) = room.split_at_mut_checked(column).unwrap_or_default();
    let (names, rest) = rest.split_at_mut_checked(column).unwrap_or_default();
    let (sorted, rest) = rest.split_at_mut_checked(column).unwrap_or_default();
    let (offsets, composites) = rest.split_at_mut_checked(column).unwrap_or_default();
    for (id, place) in (0..).zip(sorted.iter_mut()) {
        *place = id;
    }
    sort_by(sorted, |one, other| {
        (Key::of(&distilled, one), one) < (Key::of(&distilled, other), other)
    });
    put_name_offsets(&distilled, sorted, offsets);
    mark_embedded(split, ids)?;
    let mut matching = Matching {
        distilled,
        onto,
        ids,
        names,
        sorted,
        offsets,
        composites,
    };
    matching.count_composites();
    for candidate in onto.types().filter(can_be_found) {
        matching.offer(&candidate)?;
    }
    matching.finish()
}

/// A distilled base has named types of a few kinds (`btf_relocate_validate_distilled_base`).
fn check_distilled(distilled: &Btf<'_>) -> Result<(), Error> {
    for ty in distilled.types() {
        let fault = match ty.kind() {
            Kind::INT | Kind::FLOAT | Kind::ENUM | Kind::STRUCT | Kind::UNION | Kind::FWD => {
                if ty.name_offset() != 0 {
                    continue;
                }
                ErrorKind::AnonymousBaseType
            }
            kind => ErrorKind::UnexpectedKind(kind),
        };
        return Err(fault.of_type(ty.id()));
    }
    Ok(())
}

/// Marks each distilled STRUCT or UNION that is a member of one of `split`
/// (`btf_mark_embedded_composite_type_ids`).
fn mark_embedded(split: &Btf<'_>, ids: &mut [u32]) -> Result<(), Error> {
    for member in split.types().flat_map(|ty| ty.members()) {
        if let Some(place) = embedded(split, member.ty)?.and_then(|id| at_mut(ids, id.0)) {
            *place = EMBEDDED;
        }
    }
    Ok(())
}

/// The STRUCT or UNION that a member of type `id` brings with it.
fn embedded(split: &Btf<'_>, mut id: TypeId) -> Result<Option<TypeId>, Error> {
    // A chain that is longer than there are types goes in a circle, which the kernel would never leave.
    for _ in 0..split.end_id().0 {
        if id == TypeId::VOID {
            return Ok(None);
        }
        let ty = split.require(id)?;
        id = match (ty.target(), ty.array()) {
            (Some(target), _) if ty.kind().is_modifier() => target,
            (_, Some(array)) => array.element,
            _ if is_composite(&ty) => return Ok(Some(id)),
            _ => return Ok(None),
        };
    }
    Err(ErrorKind::TooDeep.of_type(id))
}

/// What the kernel sorts distilled types by: the name, then the size, greatest first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    name: &'a [u8],
    size: Reverse<u32>,
}

impl<'a> Key<'a> {
    /// `void`, too, has a key, with the name at offset 0, which is empty.
    fn of(distilled: &Btf<'a>, id: u32) -> Self {
        match distilled.get(TypeId(id)) {
            None => Self {
                name: distilled.name_at(0),
                size: Reverse(0),
            },
            Some(ty) => Self {
                name: distilled.name(&ty),
                size: size_key(&ty),
            },
        }
    }
}

fn size_key(ty: &Type<'_>) -> Reverse<u32> {
    Reverse(ty.size().unwrap_or(0) & SIZE_MASK)
}

/// The search, under way.
struct Matching<'o, 'm> {
    distilled: Btf<'m>,
    onto: &'o Btf<'o>,
    /// By distilled id: 0, [`EMBEDDED`], or what was found.
    ids: &'m mut [u32],
    /// By distilled id, the name offset of what was found.
    names: &'m mut [u32],
    /// Distilled ids in the order of their keys.
    sorted: &'m mut [u32],
    /// Their name offsets: a comparison of names needs no record.
    offsets: &'m mut [u32],
    /// By the place in `sorted` where a name begins: 0, the offset of that name in the composites of the base,
    /// perhaps [`SHARED`], or [`SCATTERED`].
    composites: &'m mut [u32],
}

impl<'m> Matching<'_, 'm> {
    /// Where in `sorted` the types named `name` begin.
    fn first_named(&self, name: &[u8]) -> usize {
        let name_head = head(name);
        self.offsets.partition_point(|offset| {
            is_before(self.distilled.strings_from(*offset), name, name_head)
        })
    }

    /// Whether the type at `place` of `sorted` is named `name`.
    fn is_named(&self, place: usize, name: &[u8]) -> bool {
        let offset = self.offsets.get(place);
        offset.is_some_and(|offset| is_name(self.distilled.strings_from(*offset), name))
    }

    fn count_composites(&mut self) {
        let named = |ty: &Type<'_>| is_composite(ty) && ty.name_offset() != 0;
        for ty in self.onto.types().filter(named) {
            let name = self.onto.name(&ty);
            let first = self.first_named(name);
            if !self.is_named(first, name) {
                continue;
            }
            if let Some(seen) = self.composites.get_mut(first) {
                *seen = match ty.name_offset() {
                    SHARED.. => SCATTERED,
                    offset if *seen == 0 => offset,
                    offset if *seen & !SHARED == offset => offset | SHARED,
                    _ => SCATTERED,
                };
            }
        }
    }

    /// Whether several composites of the base have the name of `ty`, a composite whose name begins at `first` of
    /// `sorted`. The kernel counts them by name offset, not by name.
    fn is_ambiguous(&self, ty: &Type<'_>, first: usize) -> bool {
        let same =
            |other: &Type<'_>| other.name_offset() == ty.name_offset() && is_composite(other);
        match self.composites.get(first) {
            Some(&SCATTERED) => self.onto.types().filter(same).nth(1).is_some(),
            Some(seen) => seen & SHARED != 0,
            None => false,
        }
    }

    /// Gives `candidate`, a type of the base, to each distilled type that it fits.
    fn offer(&mut self, candidate: &Type<'_>) -> Result<(), Error> {
        let name = self.onto.name(candidate);
        let first = self.first_named(name);
        let needs_size = match candidate.kind() {
            Kind::FWD => false,
            Kind::STRUCT | Kind::UNION => self.is_ambiguous(candidate, first),
            _ => true,
        };
        for place in first..self.sorted.len() {
            if !self.is_named(place, name) {
                break;
            }
            let id = self.sorted.get(place).copied().unwrap_or(0);
            let size = Key::of(&self.distilled, id).size;
            if !needs_size || size == size_key(candidate) {
                self.assign(id, candidate)?;
            }
        }
        Ok(())
    }

    /// Takes `candidate` for the distilled type `id`, if it fits.
    fn assign(&mut self, id: u32, candidate: &Type<'_>) -> Result<(), Error> {
        let offset = candidate.name_offset();
        let Some(distilled) = self.distilled.get(TypeId(id)) else {
            // An empty name at an offset that is not 0 finds `void`.
            return Err(ErrorKind::InvalidName(offset).at(Section::Strings, 0));
        };
        let (Some(found), Some(name)) = (at_mut(self.ids, id), at_mut(self.names, id)) else {
            return Ok(());
        };
        if !fits(&distilled, candidate, *found == EMBEDDED) {
            return Ok(());
        }
        if *found != 0 && *found != EMBEDDED {
            let candidates = [TypeId(*found), candidate.id()];
            return Err(ErrorKind::AmbiguousBaseType(candidates).of_type(distilled.id()));
        }
        *found = candidate.id().0;
        *name = offset;
        Ok(())
    }

    /// All types must have been found.
    fn finish(self) -> Result<Matches<'m>, Error> {
        let (distilled, ids) = (self.distilled, &*self.ids);
        for (id, found) in (0..).zip(ids.iter()).skip(1) {
            if matches!(*found, 0 | EMBEDDED) {
                return Err(ErrorKind::BaseTypeNotFound.of_type(TypeId(id)));
            }
        }
        // If types with one name were found under several, the last one of the base is the kernel's choice.
        let order = |id| (name_offset(&distilled, id), at(ids, id));
        sort_by(self.sorted, |one, other| order(one) < order(other));
        put_name_offsets(&distilled, self.sorted, self.offsets);
        Ok(Matches {
            ids: self.ids,
            names: self.names,
            by_offset: self.sorted,
            offsets: self.offsets,
        })
    }
}

/// Whether the distilled type can stand for `candidate`, which has the same name.
fn fits(distilled: &Type<'_>, candidate: &Type<'_>, embedded: bool) -> bool {
    let same_kind = distilled.kind() == candidate.kind();
    match distilled.kind() {
        Kind::INT => {
            // None for another kind.
            let encoding = |ty: &Type<'_>| ty.int().map(|int| int.encoding);
            encoding(distilled) == encoding(candidate)
        }
        Kind::FLOAT => same_kind,
        // Distilled, an ENUM64 is an ENUM.
        Kind::ENUM => same_kind || candidate.kind() == Kind::ENUM64,
        Kind::STRUCT | Kind::UNION => {
            !embedded || candidate.size().unwrap_or(0) == distilled.size().unwrap_or(0)
        }
        // The flag of a FWD means union, that of a STRUCT or UNION means bitfields: the kernel compares them
        // nevertheless.
        Kind::FWD => match candidate.kind() {
            Kind::FWD => candidate.info().kind_flag() == distilled.info().kind_flag(),
            Kind::STRUCT => !candidate.info().kind_flag(),
            Kind::UNION => candidate.info().kind_flag(),
            _ => false,
        },
        _ => false,
    }
}

/// Whether a type of the base can be what some distilled type stands for.
fn can_be_found(candidate: &Type<'_>) -> bool {
    let kinds = matches!(
        candidate.kind(),
        Kind::INT
            | Kind::FLOAT
            | Kind::ENUM
            | Kind::ENUM64
            | Kind::FWD
            | Kind::STRUCT
            | Kind::UNION
    );
    kinds && candidate.name_offset() != 0
}

fn is_composite(ty: &Type<'_>) -> bool {
    matches!(ty.kind(), Kind::STRUCT | Kind::UNION)
}

fn put_name_offsets(distilled: &Btf<'_>, ids: &[u32], offsets: &mut [u32]) {
    for (offset, id) in offsets.iter_mut().zip(ids) {
        *offset = name_offset(distilled, *id);
    }
}

fn name_offset(distilled: &Btf<'_>, id: u32) -> u32 {
    distilled.get(TypeId(id)).map_or(0, |ty| ty.name_offset())
}

fn at(column: &[u32], id: u32) -> Option<u32> {
    column.get(usize::try_from(id).ok()?).copied()
}

fn at_mut(column: &mut [u32], id: u32) -> Option<&mut u32> {
    column.get_mut(usize::try_from(id).ok()?)
}
