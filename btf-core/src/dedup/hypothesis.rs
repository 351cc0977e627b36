// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which candidates are taken for which known types, until that is proven or given up (`hypot_map` of libbpf).

use super::UNSEEN;
use crate::limits::MAX_TYPES;
use crate::words::{put, word};

/// Which candidate each known type is taken for.
pub(super) struct Hypothesis<'r> {
    words: &'r mut [u32],
    /// How many types are taken for another: the second half of the words lists them.
    pub(super) len: usize,
    /// Whether it can only hold if a FWD of the base were more than that. The base stays as it is.
    pub(super) changes_base: bool,
}

impl<'r> Hypothesis<'r> {
    /// Words for `types` types.
    pub(super) fn room(types: usize) -> usize {
        types.saturating_mul(2)
    }

    pub(super) fn new(words: &'r mut [u32]) -> Self {
        let types = words.len() / 2;
        words.get_mut(..types).unwrap_or_default().fill(UNSEEN);
        Self {
            words,
            len: 0,
            changes_base: false,
        }
    }

    /// All the words, when no hypothesis is needed any more.
    pub(super) fn words(&mut self) -> &mut [u32] {
        self.words
    }

    /// What the words say of `id` when they are new ids.
    pub(super) fn new_id(&self, id: u32) -> u32 {
        word(self.words, id).unwrap_or(0)
    }

    pub(super) fn clear(&mut self) {
        for place in 0..self.len {
            if let Some(known) = self.listed(place) {
                put(self.words, known, UNSEEN);
            }
        }
        self.len = 0;
        self.changes_base = false;
    }

    /// The known type that was taken for something in the place `place`.
    pub(super) fn listed(&self, place: usize) -> Option<u32> {
        let at = (self.words.len() / 2).checked_add(place)?;
        self.words.get(at).copied()
    }

    pub(super) fn candidate_of(&self, known: u32) -> Option<u32> {
        word(self.words, known).filter(|candidate| *candidate <= MAX_TYPES)
    }

    pub(super) fn add(&mut self, known: u32, candidate: u32) {
        put(self.words, known, candidate);
        let at = (self.words.len() / 2).saturating_add(self.len);
        if let Some(slot) = self.words.get_mut(at) {
            *slot = known;
            self.len = self.len.saturating_add(1);
        }
    }
}
