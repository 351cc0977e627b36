// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is still to be done on a way through types, without recursion.

/// Words of the longest step: candidate, known type, how many of their references were followed.
pub(super) const LONGEST_STEP: usize = 3;

/// What is still to be done on the way down, in caller memory.
pub(super) struct Stack<'r> {
    words: &'r mut [u32],
    len: usize,
}

impl<'r> Stack<'r> {
    /// Words for a way through all of `types` types: none is on it twice.
    pub(super) fn room(types: usize) -> usize {
        types.saturating_mul(LONGEST_STEP)
    }

    pub(super) fn new(words: &'r mut [u32]) -> Self {
        Self { words, len: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// None if there is no room.
    pub(super) fn push<const N: usize>(&mut self, step: [u32; N]) -> Option<()> {
        let end = self.len.checked_add(N)?;
        for (slot, word) in self.words.get_mut(self.len..end)?.iter_mut().zip(step) {
            *slot = word;
        }
        self.len = end;
        Some(())
    }

    pub(super) fn pop<const N: usize>(&mut self) -> Option<[u32; N]> {
        let start = self.len.checked_sub(N)?;
        let step = self.words.get(start..self.len)?.try_into().ok();
        self.len = start;
        step
    }
}
