// SPDX-License-Identifier: MIT OR Apache-2.0

//! The part of a document that a command writes, between two marks.

use std::fs;

use anyhow::{ensure, Context, Result};

use crate::module::repository;

/// Such a part.
pub(crate) struct WrittenPart {
    /// The document, from the repository's folder.
    pub(crate) document: &'static str,
    /// The mark before it, a line.
    pub(crate) begin: &'static str,
    /// The mark behind it, a line.
    pub(crate) end: &'static str,
}

impl WrittenPart {
    /// The part, as it is.
    ///
    /// # Errors
    ///
    /// The document cannot be read, or has not one place for the part.
    pub(crate) fn read(&self) -> Result<String> {
        let text = self.text()?;
        let (_, part, _) = self.places(&text)?;
        Ok(part.to_owned())
    }

    /// Puts `part` in its place.
    ///
    /// # Errors
    ///
    /// As [`Self::read`], or the document cannot be written.
    pub(crate) fn write(&self, part: &str) -> Result<()> {
        let document = self.document;
        let text = self.with(&self.text()?, part)?;
        let path = repository().join(document);
        fs::write(path, text).with_context(|| format!("cannot write {document}"))
    }

    fn text(&self) -> Result<String> {
        let path = repository().join(self.document);
        fs::read_to_string(path).with_context(|| format!("cannot read {}", self.document))
    }

    /// The document `text`, with another part.
    fn with(&self, text: &str, part: &str) -> Result<String> {
        let (before, _, after) = self.places(text)?;
        let Self { begin, end, .. } = self;
        Ok(format!("{before}{begin}{part}{end}{after}"))
    }

    /// What is before the part, the part, and what is behind it.
    fn places<'t>(&self, text: &'t str) -> Result<(&'t str, &'t str, &'t str)> {
        let Self {
            document,
            begin,
            end,
        } = self;
        let begun = text.split_once(begin);
        let (before, rest) = begun.with_context(|| format!("{document} has no {begin}"))?;
        let ended = rest.split_once(end);
        let (part, after) = ended.with_context(|| format!("{document} has no {end}"))?;
        ensure!(!after.contains(begin), "{document} has two {begin}");
        Ok((before, part, after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: WrittenPart = WrittenPart {
        document: "a document",
        begin: "<from here>\n",
        end: "<to here>\n",
    };

    #[test]
    fn the_part_between_the_marks_is_replaced() {
        let text = "one\n<from here>\nold\n<to here>\ntwo\n";
        let new = PART.with(text, "new\n").unwrap();
        assert_eq!(new, "one\n<from here>\nnew\n<to here>\ntwo\n");
        assert_eq!(PART.with(&new, "new\n").unwrap(), new);
    }

    #[test]
    fn the_place_is_found_once() {
        let text = "a\n<from here>\nb<to here>\nc";
        assert_eq!(PART.places(text).unwrap(), ("a\n", "b", "c"));
        let twice = format!("{text}<from here>\n<to here>\n");
        for wrong in ["a", "a<from here>\nb", "<to here>\n<from here>\n", &twice] {
            assert!(PART.places(wrong).is_err(), "{wrong}");
        }
    }
}
