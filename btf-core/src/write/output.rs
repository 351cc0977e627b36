// SPDX-License-Identifier: MIT OR Apache-2.0

//! The slice that a writer fills.
//!
//! ```text
//!   │ header │ records ──►      free      ◄── names, backwards │
//! ```
//!
//! Names are kept backwards so that in the end it takes one reversal of all behind the records to have them there, in
//! order and the right way round.

/// A slice, filled from both ends.
///
/// What does not fit is counted, to tell how large the slice must be. From then on no record is kept, and names may
/// take the place of those that were: so fewer names are counted twice.
#[derive(Debug)]
pub(crate) struct Output<'b> {
    buf: &'b mut [u8],
    /// Bytes of header and records.
    front: usize,
    /// Bytes between records and names, for the layout section.
    middle: usize,
    /// Bytes of names.
    back: usize,
    /// Bytes of names that were not kept. A name that is asked for again is in here again.
    lost: usize,
    /// Whether something did not fit.
    full: bool,
}

impl<'b> Output<'b> {
    pub(crate) fn new(buf: &'b mut [u8], header: usize, middle: usize) -> Self {
        let full = header.saturating_add(middle) > buf.len();
        Self {
            buf,
            front: header,
            middle,
            back: 0,
            lost: 0,
            full,
        }
    }

    /// Bytes of header and records.
    pub(crate) fn front(&self) -> usize {
        self.front
    }

    /// Bytes of names.
    pub(crate) fn back(&self) -> usize {
        self.back
    }

    /// Whether a name was not kept.
    pub(crate) fn has_lost(&self) -> bool {
        self.lost > 0
    }

    /// Bytes that are enough for all there is; none if they are there.
    pub(crate) fn lacks(&self) -> Option<usize> {
        let need = self.kept().saturating_add(self.lost);
        self.full.then_some(need)
    }

    fn kept(&self) -> usize {
        self.front
            .saturating_add(self.middle)
            .saturating_add(self.back)
    }

    pub(crate) fn push_word(&mut self, word: [u8; 4]) {
        let at = self.front;
        self.front = at.saturating_add(word.len());
        self.full |= self.kept() > self.buf.len();
        if self.full {
            return;
        }
        let place = self.buf.get_mut(at..self.front);
        if let Some(place) = place.and_then(|place| place.first_chunk_mut()) {
            *place = word;
        }
    }

    /// Adds `name`; gives its place among the names if it could be kept.
    pub(crate) fn push_name(&mut self, name: &[u8]) -> Option<usize> {
        let len = name.len().saturating_add(1);
        let place = self.back;
        let end = place.saturating_add(len);
        self.full |= self.kept().saturating_add(len) > self.buf.len();
        let Some(start) = self.buf.len().checked_sub(end) else {
            self.lost = self.lost.saturating_add(len);
            return None;
        };
        self.back = end;
        let room = self.buf.get_mut(start..start.saturating_add(len));
        if let Some((nul, room)) = room.and_then(<[u8]>::split_first_mut) {
            *nul = 0;
            for (to, from) in room.iter_mut().rev().zip(name) {
                *to = *from;
            }
        }
        Some(place)
    }

    /// Whether `name` is at `place` among the names.
    pub(crate) fn has_name(&self, place: usize, name: &[u8]) -> bool {
        let end = self.buf.len().saturating_sub(place);
        let len = name.len().saturating_add(1);
        let kept = end
            .checked_sub(len)
            .and_then(|start| self.buf.get(start..end));
        match kept {
            Some([0, kept @ ..]) => kept.iter().rev().eq(name),
            _ => false,
        }
    }

    /// The place of `name` among the names from `first` on.
    pub(crate) fn find_name(&self, name: &[u8], first: usize) -> Option<usize> {
        let (start, end) = (
            self.buf.len().saturating_sub(self.back),
            self.buf.len().saturating_sub(first),
        );
        let mut place = first;
        for kept in self.buf.get(start..end)?.rsplit(|byte| *byte == 0) {
            if kept.len() == name.len() && kept.iter().rev().eq(name) {
                return Some(place);
            }
            place = place.saturating_add(kept.len()).saturating_add(1);
        }
        None
    }

    /// Puts header and middle in, and the names where they belong; gives all bytes.
    pub(crate) fn finish(
        self,
        header: impl Iterator<Item = u8>,
        middle: impl Iterator<Item = u8>,
    ) -> &'b [u8] {
        let len = self.kept();
        let names = self.front.saturating_add(self.middle);
        put(self.buf, 0, header);
        put(self.buf, self.front, middle.take(self.middle));
        if let Some(rest) = self.buf.get_mut(names..) {
            rest.reverse();
        }
        self.buf.get(..len).unwrap_or_default()
    }
}

/// Writes `bytes` to `buf` from `at` on.
fn put(buf: &mut [u8], at: usize, bytes: impl IntoIterator<Item = u8>) {
    for (to, from) in buf.iter_mut().skip(at).zip(bytes) {
        *to = from;
    }
}
