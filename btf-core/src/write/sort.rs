// SPDX-License-Identifier: MIT OR Apache-2.0

//! Types in the order of their names, as resolve_btfids of Linux 7.x leaves them.

use super::{saturating_u32, Writer};
use crate::sort::sort_by;
use crate::{Btf, Error, ErrorKind, Section, TypeId};

/// Words that sorting takes for each type: its rank, its place among the records, and its name or its new rank.
const WORDS: usize = 3;

impl Writer<'_> {
    /// Adds copies of all own types of `btf`, sorted by name: anonymous ones first, and those of one name in the order that
    /// they were in. References among them follow; those to the base stay. A look-up by name can then be a binary search
    /// ([`Btf::is_sorted`]).
    ///
    /// As `sort_btf_by_name` of `tools/bpf/resolve_btfids/main.c` does, through `btf__permute`. It leaves the strings as
    /// they are; so does [`Writer::push_names`] before this.
    ///
    /// `room` needs three words for each type ([`Btf::own_len`]). Time is n log n.
    ///
    /// # Errors
    ///
    /// The room is too small, or as [`Writer::push_type`]; then some of the types may have been added.
    ///
    /// ```
    /// # use btf_core::{Btf, Error, Writer};
    /// fn sorted<'b>(btf: &Btf<'_>, out: &'b mut [u8], room: &mut [u32]) -> Result<&'b [u8], Error> {
    ///     let mut writer = Writer::new(out);
    ///     writer.push_names(btf);
    ///     writer.push_sorted(btf, room)?;
    ///     writer.finish()
    /// }
    /// ```
    pub fn push_sorted(&mut self, btf: &Btf<'_>, room: &mut [u32]) -> Result<(), Error> {
        let len = usize::try_from(btf.own_len()).unwrap_or(usize::MAX);
        let need = len.saturating_mul(WORDS);
        let too_small = || ErrorKind::RoomTooSmall { need }.at(Section::Types, 0);
        let (order, room) = room.split_at_mut_checked(len).ok_or_else(too_small)?;
        let (places, room) = room.split_at_mut_checked(len).ok_or_else(too_small)?;
        let (names, _) = room.split_at_mut_checked(len).ok_or_else(too_small)?;

        let mut place = 0_usize;
        let slots = order.iter_mut().zip(&mut *places).zip(&mut *names);
        for (old, (((order, at), name), ty)) in (0..u32::MAX).zip(slots.zip(btf.types())) {
            (*order, *at, *name) = (old, saturating_u32(place), ty.name_offset());
            place = place.saturating_add(ty.record_len());
        }
        let key = |old: u32| (word(names, old).map(|offset| btf.name_at(offset)), old);
        sort_by(order, |one, other| key(one) < key(other));

        let ranks = names;
        for (rank, old) in (0..u32::MAX).zip(order.iter()) {
            if let Some(slot) = usize::try_from(*old)
                .ok()
                .and_then(|old| ranks.get_mut(old))
            {
                *slot = rank;
            }
        }
        self.push_ranked(btf, order, places, ranks)
    }

    fn push_ranked(
        &mut self,
        btf: &Btf<'_>,
        order: &[u32],
        places: &[u32],
        ranks: &[u32],
    ) -> Result<(), Error> {
        let (old_first, new_first) = (btf.first_id().0, self.next_id().0);
        let new_id = |id: TypeId| {
            let rank = id.0.checked_sub(old_first).and_then(|old| word(ranks, old));
            rank.map_or(id, |rank| TypeId(new_first.saturating_add(rank)))
        };
        for old in order {
            let at = word(places, *old).and_then(|at| usize::try_from(at).ok());
            let id = TypeId(old_first.saturating_add(*old));
            if let Some(ty) = at.and_then(|at| btf.types_at(at, id).next()) {
                self.push_type(btf, &ty, new_id)?;
            }
        }
        Ok(())
    }
}

fn word(words: &[u32], at: u32) -> Option<u32> {
    words.get(usize::try_from(at).ok()?).copied()
}
