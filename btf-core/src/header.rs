// SPDX-License-Identifier: MIT OR Apache-2.0

//! The header: where the sections are.

use crate::bytes::{array, slice, u32_at};
use crate::limits::{HEADER_LEN, HEADER_WITH_LAYOUT_LEN, MAGIC, VERSION};
use crate::{Error, ErrorKind, Section};

/// Where the fields of `struct btf_header` are; of a section, its offset, which its length follows.
const HEADER_LEN_FIELD: usize = 4;
const TYPES_FIELD: usize = 8;
const STRINGS_FIELD: usize = 16;
const LAYOUT_FIELD: usize = 24;

/// The sections of a BTF blob, found in bounds.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// The type records.
    pub types: &'a [u8],
    /// The NUL-terminated names.
    pub strings: &'a [u8],
    /// How long records of each kind are; empty where the BTF does not say (all before Linux 7.3).
    pub layout: &'a [u8],
}

impl<'a> Header<'a> {
    /// Reads the header at the start of `data`.
    ///
    /// # Errors
    ///
    /// A magic, version, flag or section that is not sound (`btf_check_sec_info` of
    /// `kernel/bpf/btf.c` without its rule against gaps).
    pub fn parse(data: &'a [u8]) -> Result<Self, Error> {
        let truncated = || ErrorKind::TruncatedHeader.at(Section::Header, data.len());
        let magic = array(data, 0)
            .map(u16::from_ne_bytes)
            .ok_or_else(truncated)?;
        if magic == MAGIC.swap_bytes() {
            return Err(ErrorKind::ForeignByteOrder.at(Section::Header, 0));
        }
        if magic != MAGIC {
            return Err(ErrorKind::InvalidMagic(magic).at(Section::Header, 0));
        }
        let [version, flags] = array(data, 2).ok_or_else(truncated)?;
        if version != VERSION {
            return Err(ErrorKind::UnsupportedVersion(version).at(Section::Header, 2));
        }
        if flags != 0 {
            return Err(ErrorKind::UnsupportedFlags(flags).at(Section::Header, 3));
        }
        let header_len = word(data, HEADER_LEN_FIELD)?;
        if header_len < HEADER_LEN {
            return Err(truncated());
        }
        let strings = section(data, header_len, STRINGS_FIELD)?;
        if !strings.is_empty() && strings.last() != Some(&0) {
            return Err(ErrorKind::UnterminatedStrings.at(Section::Strings, strings.len()));
        }
        let layout = match header_len {
            ..HEADER_WITH_LAYOUT_LEN => &[],
            _ => section(data, header_len, LAYOUT_FIELD)?,
        };
        Ok(Self {
            types: section(data, header_len, TYPES_FIELD)?,
            strings,
            layout,
        })
    }
}

fn word(data: &[u8], offset: usize) -> Result<usize, Error> {
    u32_at(data, offset)
        .and_then(|value| usize::try_from(value).ok())
        .ok_or_else(|| ErrorKind::TruncatedHeader.at(Section::Header, data.len()))
}

/// The section whose offset (after the header) and length stand at `field`.
fn section(data: &[u8], header_len: usize, field: usize) -> Result<&[u8], Error> {
    let offset = word(data, field)?;
    let len = word(data, field.saturating_add(4))?;
    header_len
        .checked_add(offset)
        .and_then(|start| slice(data, start, len))
        .ok_or_else(|| ErrorKind::SectionOutOfBounds.at(Section::Header, field))
}
