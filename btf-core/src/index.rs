// SPDX-License-Identifier: MIT OR Apache-2.0

//! From the id of a type to its record, without a walk from the first one.
//!
//! ```text
//!   room      │ offset of type 1 │ of type 5 │ of type 9 │ …      every 4th: the rest is walked
//! ```

use crate::bytes::{head, in_order};
use crate::Btf;

/// Marks a type, in its offset: records are made of words, so the lowest bits are free.
pub(crate) const MARK: u32 = 1;

/// Offsets of every so many own types of a BTF, and whether its names are sorted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Index<'i> {
    offsets: &'i [u32],
    /// Types from one offset to the next, a power of two.
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

    /// Where the record of the type at `place` begins, and where it ends unless it is the last one; none if the index does
    /// not have every type.
    #[inline]
    pub(crate) fn record(&self, place: u32) -> Option<(usize, Option<usize>)> {
        let entry = usize::try_from(place).ok()?;
        if self.step != 1 || entry >= self.offsets.len() {
            return None;
        }
        let next = entry.saturating_add(1);
        let end = (next < self.offsets.len()).then(|| self.entry(next).1);
        Some((self.entry(entry).1, end))
    }

    /// The last type at or before `place`, counted from 0, whose offset is known: its place and its offset.
    #[inline]
    pub(crate) fn before(&self, place: u32) -> (u32, usize) {
        let last = u32::try_from(self.offsets.len())
            .unwrap_or(u32::MAX)
            .saturating_sub(1);
        // A division by `step`.
        let entry = place.checked_shr(self.step.trailing_zeros());
        let entry = entry.unwrap_or(0).min(last);
        self.entry(usize::try_from(entry).unwrap_or(0))
    }

    /// Where the types begin for which `before` no longer holds, by the offset of a record: the last known type before
    /// them (the first of all, if none is), its place and its offset; and the place of the first known one of them.
    pub(crate) fn interval(&self, before: impl Fn(usize) -> bool) -> ((u32, usize), u32) {
        // Not `partition_point`: its steps wait for each other, these are guessed ahead.
        let (mut low, mut end) = (0, self.offsets.len());
        while low < end {
            let middle = low.midpoint(end);
            let (_, offset) = self.entry(middle);
            if before(offset) {
                low = middle.saturating_add(1);
            } else {
                end = middle;
            }
        }
        let (end_place, _) = self.entry(end);
        (self.entry(end.saturating_sub(1)), end_place)
    }

    /// The place of a known type, and its offset, which is 0 beyond the last one.
    fn entry(&self, entry: usize) -> (u32, usize) {
        let offset = self.offsets.get(entry).copied().unwrap_or(0);
        let place = u32::try_from(entry).unwrap_or(u32::MAX);
        (
            place.saturating_mul(self.step),
            usize::try_from(offset & !MARK).unwrap_or(0),
        )
    }

    /// The places of the types whose offsets are marked; of an index that has all.
    pub(crate) fn marked(&self) -> impl Iterator<Item = u32> + use<'i> {
        let marked = (0..)
            .zip(self.offsets)
            .filter(|(_, offset)| **offset & MARK != 0);
        marked.map(|(place, _)| place)
    }

    pub(crate) fn sorted(&self) -> bool {
        self.sorted
    }
}

/// An index in the making, of types that are told in the order of their ids.
#[derive(Debug)]
pub(crate) struct IndexBuilder<'i> {
    room: &'i mut [u32],
    used: usize,
    /// As in [`Index`].
    step: u32,
}

impl<'i> IndexBuilder<'i> {
    pub(crate) fn new(room: &'i mut [u32]) -> Self {
        Self {
            room,
            used: 0,
            step: 1,
        }
    }

    /// Takes up the type at `place`, whose record is at `offset`; gives the number of types to the next one that it
    /// must be told.
    #[inline(never)]
    pub(crate) fn push(&mut self, place: u32, offset: usize) -> u32 {
        if self.used == self.room.len() {
            self.thin_out();
        }
        let beyond = place & self.step.saturating_sub(1);
        if let (0, Some(entry)) = (beyond, self.room.get_mut(self.used)) {
            // The section has less than 4 GiB: its length is a word of the header.
            *entry = u32::try_from(offset).unwrap_or(u32::MAX);
            self.used = self.used.saturating_add(1);
        }
        self.step.saturating_sub(beyond)
    }

    /// Leaves every other offset.
    fn thin_out(&mut self) {
        let left = self.used.div_ceil(2);
        for to in 0..left {
            let from = self.room.get(to.saturating_mul(2)).copied();
            if let (Some(from), Some(to)) = (from, self.room.get_mut(to)) {
                *to = from;
            }
        }
        self.used = left;
        self.step = self.step.saturating_mul(2);
    }

    /// The index; `sorted` tells whether the names of the types are.
    pub(crate) fn finish(self, sorted: bool) -> Index<'i> {
        Index {
            offsets: self.room.get(..self.used).unwrap_or_default(),
            step: self.step,
            // Without offsets there is nothing to search.
            sorted: sorted && self.used > 0,
        }
    }
}

/// Whether names come in order.
#[derive(Debug)]
pub(crate) struct NameOrder {
    sorted: bool,
    last: u32,
    last_head: u128,
}

impl NameOrder {
    /// Anonymous types may come first. If it is not wanted, the answer is no.
    pub(crate) fn new(wanted: bool) -> Self {
        Self {
            sorted: wanted,
            last: 0,
            last_head: 0,
        }
    }

    /// Takes up the name at `name`.
    #[inline]
    pub(crate) fn push(&mut self, btf: &Btf<'_>, name: u32) {
        if !self.sorted || name == self.last {
            return;
        }
        let strings = btf.strings_from(name);
        let head = head(strings);
        // Equal heads, one in five in a vmlinux, take a look at the whole names.
        self.sorted = self.last_head < head || self.in_order(btf, strings);
        (self.last, self.last_head) = (name, head);
    }

    /// Apart, as is [`IndexBuilder::push`], so that the loop over all types keeps its few values in registers.
    #[inline(never)]
    fn in_order(&self, btf: &Btf<'_>, strings: &[u8]) -> bool {
        in_order(btf.strings_from(self.last), strings)
    }

    pub(crate) fn sorted(&self) -> bool {
        self.sorted
    }
}
