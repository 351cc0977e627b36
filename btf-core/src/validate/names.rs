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

/// Whether there is an identifier at `offset` (`btf_name_valid_identifier`).
pub(crate) fn is_identifier(btf: &Btf<'_>, offset: u32) -> bool {
    let name = btf.name_at(offset);
    let begins = name.first().is_some_and(|&byte| begins(byte));
    begins && name.len() <= MAX_NAME_LEN && name.iter().all(|&byte| class(byte) & IDENTIFIER != 0)
}

/// Whether an identifier may begin so.
fn begins(byte: u8) -> bool {
    class(byte) & (LETTER | MARK) != 0
}

/// Whether there is a section's name at `offset` (`btf_name_valid_section`).
pub(crate) fn is_section(btf: &Btf<'_>, offset: u32) -> bool {
    let name = btf.name_at(offset);
    !name.is_empty() && name.len() <= MAX_NAME_LEN && name.iter().all(|&byte| is_printable(byte))
}

/// The names of a BTF, of which it is known where the odd ones are.
///
/// Nearly all names are identifiers, and every one is asked for many times. So all bytes are looked at once, many at a
/// time, and a name by itself only where they are odd.
pub(crate) struct Names<'b, 'a> {
    btf: &'b Btf<'a>,
    odd: [Odd; MAX_ODD],
    len: usize,
    /// Whether `odd` has all of them.
    complete: bool,
}

/// Names in the own strings of a BTF that begin from `start` to `last` on have an odd byte.
#[derive(Clone, Copy)]
struct Odd {
    start: usize,
    last: usize,
}

/// The most odd names that are kept. A vmlinux has 11: `long int` and its like.
const MAX_ODD: usize = 32;
/// Bytes that are looked at together.
const BLOCK_LEN: usize = 64;
/// Blocks without a NUL after which a name may be too long.
const LONG_BLOCKS: usize = MAX_NAME_LEN / BLOCK_LEN - 1;

impl<'b, 'a> Names<'b, 'a> {
    /// Looks through the own strings of `btf`. Linear, about a byte in a quarter of a cycle where the machine has vectors.
    pub(crate) fn new(btf: &'b Btf<'a>) -> Self {
        let mut names = Self {
            btf,
            odd: [Odd { start: 0, last: 0 }; MAX_ODD],
            len: 0,
            complete: true,
        };
        let mut without_nul = 0_usize;
        for (number, block) in btf.own_names().chunks(BLOCK_LEN).enumerate() {
            let has_nul = block.iter().fold(false, |nul, &byte| nul | (byte == 0));
            without_nul = if has_nul {
                0
            } else {
                without_nul.saturating_add(1)
            };
            names.complete &= without_nul < LONG_BLOCKS;
            let odd = block.iter().fold(false, |odd, &byte| odd | is_odd(byte));
            if odd && names.complete {
                names.note(number.saturating_mul(BLOCK_LEN), block);
            }
        }
        names
    }

    /// Notes the odd names in the block at `offset`.
    fn note(&mut self, offset: usize, block: &[u8]) {
        let strings = self.btf.own_names();
        for (place, _) in (offset..).zip(block).filter(|(_, byte)| is_odd(**byte)) {
            // At most some blocks back, else the names are not complete.
            let before = strings.get(..place).unwrap_or_default();
            let start = before.iter().rposition(|&byte| byte == 0);
            let start = start.map_or(0, |nul| nul.saturating_add(1));
            let known = self
                .len
                .checked_sub(1)
                .and_then(|last| self.odd.get_mut(last));
            match known.filter(|odd| odd.start == start) {
                Some(odd) => odd.last = place,
                None => match self.odd.get_mut(self.len) {
                    Some(odd) => {
                        *odd = Odd { start, last: place };
                        self.len = self.len.saturating_add(1);
                    }
                    None => self.complete = false,
                },
            }
        }
    }

    pub(crate) fn btf(&self) -> &'b Btf<'a> {
        self.btf
    }

    /// As [`in_bounds`].
    pub(crate) fn in_bounds(&self, offset: u32) -> bool {
        in_bounds(self.btf, offset)
    }

    /// As [`is_identifier`].
    #[inline]
    pub(crate) fn is_identifier(&self, offset: u32) -> bool {
        match self.own_place(offset) {
            Some((place, first)) if self.complete && !self.is_odd(place) => begins(first),
            _ => is_identifier(self.btf, offset),
        }
    }

    /// Where the name at `offset` is among the own ones, and its first byte.
    fn own_place(&self, offset: u32) -> Option<(usize, u8)> {
        let own = offset.checked_sub(self.btf.first_name())?;
        let place = usize::try_from(own).ok()?;
        Some((place, *self.btf.own_names().get(place)?))
    }

    fn is_odd(&self, place: usize) -> bool {
        let odd = self.odd.get(..self.len).unwrap_or_default();
        let after = odd.partition_point(|odd| odd.last < place);
        odd.get(after).is_some_and(|odd| odd.start <= place)
    }
}

/// Whether a name with this byte needs a look. Letters beyond ASCII are taken for odd; no branches, for vectors.
fn is_odd(byte: u8) -> bool {
    let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let digit = byte.wrapping_sub(b'0') < 10;
    !(letter | digit | (byte == b'_') | (byte == b'.') | (byte == 0))
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
