// SPDX-License-Identifier: MIT OR Apache-2.0

//! From an offset into the input's strings to the offset that the name gets: then equal names are equal numbers.

use crate::references::{each_word, Word};
use crate::words::{index, put, word as read};
use crate::{Amended, Error, ErrorKind, TypeId, Writer};

/// For a name that was not met yet.
const UNSEEN: u32 = u32::MAX;

/// New offsets of names.
#[derive(Clone, Copy)]
pub(super) struct NameMap<'r> {
    /// Names before this one are the base's, and stay.
    first: u32,
    /// For each other offset, the new one.
    offsets: &'r [u32],
}

impl<'r> NameMap<'r> {
    /// A word for each byte of strings.
    pub(super) fn room(amended: &Amended<'_>) -> usize {
        let names = amended.names();
        index(names.end_name().saturating_sub(amended.first_name()))
    }

    /// Takes all names up into `writer`, in the order of their first use, and checks all references: to names, and to types.
    pub(super) fn fill(
        writer: &mut Writer<'_>,
        amended: &Amended<'_>,
        offsets: &'r mut [u32],
    ) -> Result<Self, Error> {
        offsets.fill(UNSEEN);
        let (names, first) = (amended.names(), amended.first_name());
        let (end_name, end_id) = (names.end_name().max(1), amended.end_id().0);
        for ty in amended.types() {
            let mut wrong = None;
            let known = each_word(&ty, |word, value| match word {
                Word::Id if value >= end_id => {
                    wrong = Some(ErrorKind::InvalidTypeId(TypeId(value)));
                }
                Word::Name if value >= end_name => wrong = Some(ErrorKind::InvalidName(value)),
                Word::Name if value >= first && value != 0 => {
                    let place = value.saturating_sub(first);
                    if read(offsets, place) == Some(UNSEEN) {
                        put(offsets, place, writer.offset_of(names.name_at(value)));
                    }
                }
                _ => {}
            });
            if !known {
                wrong = Some(ErrorKind::UnknownKind(ty.kind()));
            }
            if let Some(wrong) = wrong {
                return Err(wrong.of_type(ty.id()));
            }
        }
        Ok(Self { first, offsets })
    }

    /// The new offset of the name at `offset`.
    pub(super) fn of(&self, offset: u32) -> u32 {
        match offset.checked_sub(self.first) {
            Some(place) if offset != 0 => read(self.offsets, place).unwrap_or(0),
            _ => offset,
        }
    }
}
