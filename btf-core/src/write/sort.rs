// SPDX-License-Identifier: MIT OR Apache-2.0

//! Types in the order of their names, as resolve_btfids of Linux 7.x leaves them.

use core::mem;

use super::{saturating_u32, Writer};
use crate::bytes::{in_order, name_head};
use crate::words::{index, put, word};
use crate::{Btf, Error, ErrorKind, Section, Type, TypeId};

/// Words that sorting takes for each type: its place among the records, and its rank.
const WORDS: usize = 2;

/// Keys that sorting takes for each type: half of them are for merging.
const KEYS: usize = 2;

/// Room for sorting types by their names: 16 bytes, two of which are needed for each type. What it holds is of no interest.
#[derive(Clone, Copy, Debug, Default)]
pub struct SortKey {
    /// How the name begins: most names differ there, and it is at hand.
    head: u64,
    name: u32,
    id: u32,
}

impl SortKey {
    fn of(btf: &Btf<'_>, ty: &Type<'_>) -> Self {
        let name = ty.name_offset();
        Self {
            head: name_head(btf.strings_from(name)),
            name,
            id: ty.id().0,
        }
    }

    pub(crate) fn id(&self) -> TypeId {
        TypeId(self.id)
    }
}

impl Writer<'_> {
    /// Adds copies of all own types of `btf`, sorted by name: anonymous ones first, and those of one name in the order that
    /// they were in. References among them follow; those to the base stay. A look-up by name can then be a binary search
    /// ([`Btf::is_sorted`]).
    ///
    /// As `sort_btf_by_name` of `tools/bpf/resolve_btfids/main.c` does, through `btf__permute`. It leaves the strings as
    /// they are; so does [`Writer::push_names`] before this.
    ///
    /// `room` needs two words for each type ([`Btf::own_len`]), and `order` two keys. Time is n log n, or linear where the
    /// types are sorted already.
    ///
    /// # Errors
    ///
    /// The room or the order is too small, or as [`Writer::push_type`]; then some of the types may have been added.
    ///
    /// ```
    /// # use btf_core::{Btf, Error, SortKey, Writer};
    /// fn sorted<'b>(
    ///     btf: &Btf<'_>,
    ///     out: &'b mut [u8],
    ///     room: &mut [u32],
    ///     order: &mut [SortKey],
    /// ) -> Result<&'b [u8], Error> {
    ///     let mut writer = Writer::new(out);
    ///     writer.push_names(btf);
    ///     writer.push_sorted(btf, room, order)?;
    ///     writer.finish()
    /// }
    /// ```
    pub fn push_sorted(
        &mut self,
        btf: &Btf<'_>,
        room: &mut [u32],
        order: &mut [SortKey],
    ) -> Result<(), Error> {
        let len = index(btf.own_len());
        let need = len.saturating_mul(WORDS);
        let too_small = || ErrorKind::RoomTooSmall { need }.at(Section::Types, 0);
        let (places, room) = room.split_at_mut_checked(len).ok_or_else(too_small)?;
        let (ranks, _) = room.split_at_mut_checked(len).ok_or_else(too_small)?;

        let mut place = 0_usize;
        for (at, ty) in places.iter_mut().zip(btf.types()) {
            *at = saturating_u32(place);
            place = place.saturating_add(ty.record_len());
        }
        let sorted = sorted_by_name(btf.types(), btf, order)?;
        let (old_first, new_first) = (btf.first_id().0, self.next_id().0);
        for (rank, key) in (0..u32::MAX).zip(sorted) {
            put(ranks, key.id.saturating_sub(old_first), rank);
        }
        let new_id = |id: TypeId| {
            let rank = id.0.checked_sub(old_first).and_then(|old| word(ranks, old));
            rank.map_or(id, |rank| TypeId(new_first.saturating_add(rank)))
        };
        for key in sorted {
            let at = word(places, key.id.saturating_sub(old_first)).map_or(0, index);
            if let Some(ty) = btf.types_at(at, key.id()).next() {
                self.push_type(btf, &ty, new_id)?;
            }
        }
        Ok(())
    }
}

/// The keys of `types`, whose names are those of `btf`, in the order of the names; those of one name stay in their order.
///
/// # Errors
///
/// `room` has less than two keys for each type.
pub(crate) fn sorted_by_name<'k, 'a>(
    types: impl Iterator<Item = Type<'a>>,
    btf: &Btf<'_>,
    room: &'k mut [SortKey],
) -> Result<&'k [SortKey], Error> {
    let half = room.len() / KEYS;
    let (keys, spare) = room.split_at_mut_checked(half).unwrap_or_default();
    let mut len = 0_usize;
    for ty in types {
        if let Some(key) = keys.get_mut(len) {
            *key = SortKey::of(btf, &ty);
        }
        len = len.saturating_add(1);
    }
    let need = len.saturating_mul(KEYS);
    let too_small = || ErrorKind::OrderTooSmall { need }.at(Section::Types, 0);
    let keys = keys.get_mut(..len).ok_or_else(too_small)?;
    let spare = spare.get_mut(..len).ok_or_else(too_small)?;
    sort(keys, spare, |one, other| {
        // A head with its NUL is a whole name.
        one.head < other.head
            || one.head == other.head
                && (one.head & 0xff == 0
                    || in_order(btf.strings_from(one.name), btf.strings_from(other.name)))
    });
    Ok(keys)
}

/// Sorts `keys`, merging ever longer parts into `spare`, which has the same length, and back. Equal keys stay in their order:
/// `in_order` says that of them. Not `sort_unstable` of `core`, which has a panic for an order that is none.
fn sort<'k>(
    mut keys: &'k mut [SortKey],
    mut spare: &'k mut [SortKey],
    in_order: impl Fn(&SortKey, &SortKey) -> bool,
) {
    let next = keys.iter().skip(1);
    if keys
        .iter()
        .zip(next)
        .all(|(one, other)| in_order(one, other))
    {
        return;
    }
    let (mut width, mut elsewhere) = (1_usize, false);
    while width < keys.len() {
        merge_parts(keys, spare, width, &in_order);
        mem::swap(&mut keys, &mut spare);
        elsewhere = !elsewhere;
        width = width.saturating_mul(2);
    }
    if elsewhere {
        for (to, from) in spare.iter_mut().zip(keys) {
            *to = *from;
        }
    }
}

/// Merges each two neighbouring parts of `width` keys.
fn merge_parts(
    mut from: &[SortKey],
    mut to: &mut [SortKey],
    width: usize,
    in_order: &impl Fn(&SortKey, &SortKey) -> bool,
) {
    while !from.is_empty() {
        let (one, rest) = from.split_at_checked(width).unwrap_or((from, &[]));
        let (other, rest) = rest.split_at_checked(width).unwrap_or((rest, &[]));
        let len = one.len().saturating_add(other.len());
        let (merged, after) = mem::take(&mut to)
            .split_at_mut_checked(len)
            .unwrap_or_default();
        merge(one, other, merged, in_order);
        (from, to) = (rest, after);
    }
}

fn merge<'k>(
    mut one: &'k [SortKey],
    mut other: &'k [SortKey],
    to: &mut [SortKey],
    in_order: &impl Fn(&SortKey, &SortKey) -> bool,
) {
    for slot in to {
        let first = match (one.first(), other.first()) {
            (Some(first), Some(second)) => in_order(first, second),
            (first, _) => first.is_some(),
        };
        let from = if first { &mut one } else { &mut other };
        if let Some((key, rest)) = from.split_first() {
            (*slot, *from) = (*key, rest);
        }
    }
}
