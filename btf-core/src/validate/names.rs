// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which names are names.

use crate::limits::MAX_NAME_OFFSET;
use crate::Btf;

/// `KSYM_NAME_LEN` of `include/linux/kallsyms.h`: the longest name, in bytes.
const MAX_NAME_LEN: usize = 512;

/// Whether `offset` is inside the strings (`btf_name_offset_valid`).
pub(crate) fn in_bounds(btf: &Btf<'_>, offset: u32) -> bool {
    offset <= MAX_NAME_OFFSET && offset < btf.end_name()
}

/// Bytes of a block, of a part of it, and bits of a word. There are as many blocks as the strings may have
/// (`BTF_MAX_NAME_OFFSET`).
const BLOCK: usize = 4096;
const PART: usize = 256;
const WORD: usize = 64;
const WORDS: usize = 64;
const _: () = assert!(BLOCK * WORD * WORDS > MAX_NAME_OFFSET as usize);
const _: () = assert!(2 * PART <= MAX_NAME_LEN);

/// Where every string is an identifier, but for its first character.
///
/// A BTF names the same few strings again and again, and nearly all are identifiers: each of them is looked at once,
/// all together, instead of at every use, character by character.
pub(crate) struct Names<'b, 'a> {
    btf: &'b Btf<'a>,
    /// A bit for each block in which, or across whose end, there may be something else.
    doubtful: [u64; WORDS],
}

impl<'b, 'a> Names<'b, 'a> {
    /// Looks at the own strings of `btf`.
    pub(crate) fn survey(btf: &'b Btf<'a>) -> Self {
        let mut names = Self {
            btf,
            doubtful: [0; WORDS],
        };
        for (number, block) in btf.own_names().chunks(BLOCK).enumerate() {
            if !block.chunks(PART).all(is_plain) {
                names.doubt(number.saturating_sub(1));
                names.doubt(number);
            }
        }
        names
    }

    fn doubt(&mut self, block: usize) {
        if let Some(word) = self.doubtful.get_mut(block / WORD) {
            *word |= bit(block);
        }
    }

    fn is_doubtful(&self, offset: u32) -> bool {
        // What belongs to the base was not looked at.
        let own = offset.checked_sub(self.btf.first_name());
        let block =
            own.map_or(usize::MAX, |own| usize::try_from(own).unwrap_or(usize::MAX)) / BLOCK;
        let word = self.doubtful.get(block / WORD);
        word.is_none_or(|word| word & bit(block) != 0)
    }

    /// Whether there is an identifier at `offset` (`btf_name_valid_identifier`).
    #[inline]
    pub(crate) fn is_identifier(&self, offset: u32) -> bool {
        if self.is_doubtful(offset) {
            return is_identifier(self.btf, offset);
        }
        let first = self.btf.strings_from(offset).first();
        first.is_some_and(|&byte| class(byte) & (LETTER | MARK) != 0)
    }
}

/// The bit of `block` in its word.
fn bit(block: usize) -> u64 {
    1_u64.rotate_left(u32::try_from(block % WORD).unwrap_or(0))
}

/// Whether there are nothing but ASCII letters, digits, marks and at least one NUL: no name is longer than two parts.
fn is_plain(part: &[u8]) -> bool {
    // No branches, so that many bytes are looked at at once.
    let (plain, nul) = part.iter().fold((true, false), |(plain, nul), &byte| {
        let mark = (byte == b'_') | (byte == b'.');
        let known = byte.is_ascii_alphanumeric() | mark | (byte == 0);
        (plain & known, nul | (byte == 0))
    });
    plain & nul
}

/// Whether there is an identifier at `offset` (`btf_name_valid_identifier`).
pub(crate) fn is_identifier(btf: &Btf<'_>, offset: u32) -> bool {
    let name = btf.name_at(offset);
    let Some((first, rest)) = name.split_first() else {
        return false;
    };
    let first = class(*first) & (LETTER | MARK) != 0;
    first && name.len() <= MAX_NAME_LEN && rest.iter().all(|&byte| class(byte) & IDENTIFIER != 0)
}

/// Whether there is a section's name at `offset` (`btf_name_valid_section`).
pub(crate) fn is_section(btf: &Btf<'_>, offset: u32) -> bool {
    let name = btf.name_at(offset);
    !name.is_empty() && name.len() <= MAX_NAME_LEN && name.iter().all(|&byte| is_printable(byte))
}

const LETTER: u8 = 1;
const DIGIT: u8 = 2;
/// `_` and `.`.
const MARK: u8 = 4;
const IDENTIFIER: u8 = LETTER | DIGIT | MARK;

fn class(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(0)
}

/// The class of every byte. The kernel's letters are those of Latin 1 (`lib/ctype.c`).
static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut rest: &mut [u8] = &mut classes;
    let mut byte = 0_u8;
    while let Some((class, more)) = rest.split_first_mut() {
        *class = match byte {
            b'A'..=b'Z' | b'a'..=b'z' => LETTER,
            // The signs of multiplication and division are among the letters.
            0xd7 | 0xf7 => 0,
            0xc0.. => LETTER,
            b'0'..=b'9' => DIGIT,
            b'_' | b'.' => MARK,
            _ => 0,
        };
        rest = more;
        byte = byte.wrapping_add(1);
    }
    classes
}

/// As the kernel's `isprint`.
fn is_printable(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e | 0xa0..)
}
