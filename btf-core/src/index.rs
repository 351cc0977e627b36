// SPDX-License-Identifier: MIT OR Apache-2.0

//! From the id of a type to its record, without a walk from the first one.
//!
//! ```text
//!   room      │ offset of type 1 │ of type 5 │ of type 9 │ …      every 4th: the rest is walked
//! ```

use crate::Btf;

/// Offsets of every so many own types of a BTF, and whether its names are sorted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Index<'i> {
    offsets: &'i [u32],
    /// Types from one offset to the next.
    step: u32,
    /// Whether no name stands before a smaller one; anonymous types have the smallest.
    sorted: bool,
}

impl<'i> Index<'i> {
    /// No index: every walk begins at the first type.
    pub(crate) const NONE: Self = Self {
        offsets: &[],
        step: 1,
        sorted: false,
    };

    /// An index that was made elsewhere: the offset of each own type, and whether their names are sorted.
    pub(crate) fn full(offsets: &'i [u32], sorted: bool) -> Self {
        Self {
            offsets,
            step: 1,
            sorted,
        }
    }

    /// An index of the own types of `btf`, with as many offsets as `room` holds.
    pub(crate) fn build(btf: &Btf<'_>, room: &'i mut [u32]) -> Self {
        let len = u32::try_from(room.len()).unwrap_or(u32::MAX);
        if len == 0 {
            return Self::NONE;
        }
        let step = btf.own_len().div_ceil(len).max(1);
        let mut places = room.iter_mut();
        let mut used = 0_usize;
        let mut offset = 0_u32;
        let (mut sorted, mut last_name) = (true, [].as_slice());
        for (place, ty) in (0..btf.own_len()).zip(btf.types()) {
            if place.checked_rem(step) == Some(0) {
                if let Some(entry) = places.next() {
                    *entry = offset;
                    used = used.saturating_add(1);
                }
            }
            // The section has less than 4 GiB: its length is a word of the header.
            offset = offset.saturating_add(u32::try_from(ty.len()).unwrap_or(u32::MAX));
            let name = btf.name(&ty);
            sorted &= last_name <= name;
            last_name = name;
        }
        Self {
            offsets: room.get(..used).unwrap_or_default(),
            step,
            sorted,
        }
    }

    /// The last type at or before `place`, counted from 0, whose offset is known: its place and its offset.
    pub(crate) fn before(&self, place: u32) -> (u32, usize) {
        let last = u32::try_from(self.offsets.len())
            .unwrap_or(u32::MAX)
            .saturating_sub(1);
        let entry = place.checked_div(self.step).unwrap_or(0).min(last);
        let offset = usize::try_from(entry)
            .ok()
            .and_then(|entry| self.offsets.get(entry));
        match offset.and_then(|offset| usize::try_from(*offset).ok()) {
            Some(offset) => (entry.saturating_mul(self.step), offset),
            None => (0, 0),
        }
    }

    pub(crate) fn sorted(&self) -> bool {
        self.sorted
    }
}
