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
