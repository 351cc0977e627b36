// SPDX-License-Identifier: MIT OR Apache-2.0

//! The text of definitions and declarations, as far as it was made.

use btf_core::Btf;

use super::layout::Layout;
use super::limits::Limits;
use super::names::Names;

/// Levels that are told apart by their indent.
const MAX_INDENT: usize = 13;

/// Writes C.
pub(super) struct Printer<'b, 'a> {
    pub(super) btf: &'b Btf<'a>,
    pub(super) limits: Limits,
    pub(super) names: Names<'b, 'a>,
    pub(super) layout: Layout<'b, 'a>,
    text: Vec<u8>,
    /// Gaps that got a name.
    pub(super) gaps: u32,
}

impl<'b, 'a> Printer<'b, 'a> {
    pub(super) fn new(btf: &'b Btf<'a>, pointer_size: Option<u32>) -> Self {
        Self {
            btf,
            limits: Limits::new(btf),
            layout: Layout::new(btf, pointer_size),
            names: Names::new(btf),
            text: Vec::new(),
            gaps: 0,
        }
    }

    /// The text so far.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.text)
    }

    pub(super) fn put(&mut self, text: &str) {
        self.text.extend(text.as_bytes());
    }

    pub(super) fn put_bytes(&mut self, text: &[u8]) {
        self.text.extend(text);
    }

    /// Ends a definition.
    pub(super) fn end(&mut self) {
        self.put(";\n\n");
    }

    pub(super) fn new_line(&mut self, level: usize) {
        self.put("\n");
        self.text
            .extend(std::iter::repeat_n(b'\t', level.min(MAX_INDENT)));
    }
}
