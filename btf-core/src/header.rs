// SPDX-License-Identifier: MIT OR Apache-2.0

//! The header: where the sections are.

use crate::bytes::{array, slice, ByteOrder};
use crate::limits::{HEADER_LEN_END, HEADER_WITH_LAYOUT_LEN, MAGIC, TYPE_LEN, VERSION};
use crate::{Error, ErrorKind, Section};

/// Where the fields of `struct btf_header` are; of a section, its offset, which its length follows.
const HEADER_LEN_FIELD: usize = 4;
pub(crate) const TYPES_FIELD: usize = 8;
pub(crate) const STRINGS_FIELD: usize = 16;
pub(crate) const LAYOUT_FIELD: usize = 24;

/// The words of a header, before anything is made of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    pub(crate) magic: u16,
    pub(crate) version: u8,
    pub(crate) flags: u8,
    pub(crate) header_len: u32,
    pub(crate) types: Extent,
    pub(crate) strings: Extent,
    pub(crate) layout: Extent,
}

/// Where a section is, in bytes from the end of the header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) offset: u32,
    pub(crate) len: u32,
}

impl Fields {
    /// Reads `header`. A field beyond its end is 0, as for the kernel (`btf_parse_hdr` of `kernel/bpf/btf.c`).
    pub(crate) fn read(header: &[u8], order: ByteOrder) -> Self {
        let mut padded = [0; HEADER_WITH_LAYOUT_LEN];
        for (to, from) in padded.iter_mut().zip(header) {
            *to = *from;
        }
        let word = |field: usize| order.u32_at(&padded, field).unwrap_or(0);
        let extent = |field: usize| Extent {
            offset: word(field),
            len: word(field.saturating_add(4)),
        };
        let [magic @ .., version, flags] = array(&padded, 0).unwrap_or([0; 4]);
        Self {
            magic: match order {
                ByteOrder::Little => u16::from_le_bytes(magic),
                ByteOrder::Big => u16::from_be_bytes(magic),
            },
            version,
            flags,
            header_len: word(HEADER_LEN_FIELD),
            types: extent(TYPES_FIELD),
            strings: extent(STRINGS_FIELD),
            layout: extent(LAYOUT_FIELD),
        }
    }

    /// Whether there is a layout section. If not, where it would be does not matter.
    pub(crate) fn has_layout(&self) -> bool {
        let len = usize::try_from(self.header_len).unwrap_or(usize::MAX);
        len >= HEADER_WITH_LAYOUT_LEN && self.layout.len != 0
    }

    /// The sections, which must lie inside `data`; if not, the field of the first that does not.
    pub(crate) fn sections<'a>(
        &self,
        data: &'a [u8],
        order: ByteOrder,
    ) -> Result<Header<'a>, usize> {
        let section = |extent: Extent, field: usize| {
            let start = self.header_len.checked_add(extent.offset).ok_or(field)?;
            let start = usize::try_from(start).map_err(|_| field)?;
            let len = usize::try_from(extent.len).map_err(|_| field)?;
            slice(data, start, len).ok_or(field)
        };
        Ok(Header {
            order,
            types: section(self.types, TYPES_FIELD)?,
            strings: section(self.strings, STRINGS_FIELD)?,
            layout: if self.has_layout() {
                section(self.layout, LAYOUT_FIELD)?
            } else {
                &[]
            },
            data,
            types_start: self.header_len.saturating_add(self.types.offset),
        })
    }
}

/// The header that `data` begins with, by the length that it gives itself; none if there is less.
pub(crate) fn header_bytes(data: &[u8], order: ByteOrder) -> Option<&[u8]> {
    let len = order.u32_at(data, HEADER_LEN_FIELD)?;
    data.get(..usize::try_from(len).ok()?)
}

/// The sections of a BTF blob, found in bounds.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// The order of the bytes in every word.
    pub order: ByteOrder,
    /// The type records.
    pub types: &'a [u8],
    /// The NUL-terminated names.
    pub strings: &'a [u8],
    /// How long records of each kind are; empty where the BTF does not say (all before Linux 7.3).
    pub layout: &'a [u8],
    /// The whole blob, and where in it the type records begin.
    pub(crate) data: &'a [u8],
    pub(crate) types_start: u32,
}

impl<'a> Header<'a> {
    /// Whether the header has the fields of a layout section, be there one or not.
    pub fn is_long(&self) -> bool {
        header_bytes(self.data, self.order)
            .is_some_and(|header| header.len() >= HEADER_WITH_LAYOUT_LEN)
    }

    /// As many types as there is room for: enough words for an index of all ([`crate::Btf::parse_indexed`]).
    pub fn most_types(&self) -> usize {
        self.types.len() / TYPE_LEN
    }

    /// Reads the header at the start of `data`. Constant time.
    ///
    /// # Errors
    ///
    /// A magic, version, flag or section that is not sound (`btf_check_sec_info` of
    /// `kernel/bpf/btf.c` without its rule against gaps, which [`crate::validate`] has).
    pub fn parse(data: &'a [u8]) -> Result<Self, Error> {
        let truncated = || ErrorKind::TruncatedHeader.at(Section::Header, data.len());
        let magic = array(data, 0).ok_or_else(truncated)?;
        let order = match u16::from_le_bytes(magic) {
            MAGIC => ByteOrder::Little,
            _ if u16::from_be_bytes(magic) == MAGIC => ByteOrder::Big,
            other => return Err(ErrorKind::InvalidMagic(other).at(Section::Header, 0)),
        };
        let header = header_bytes(data, order)
            .filter(|header| header.len() >= HEADER_LEN_END)
            .ok_or_else(truncated)?;
        let fields = Fields::read(header, order);
        if fields.version != VERSION {
            return Err(ErrorKind::UnsupportedVersion(fields.version).at(Section::Header, 2));
        }
        if fields.flags != 0 {
            return Err(ErrorKind::UnsupportedFlags(fields.flags).at(Section::Header, 3));
        }
        let header = fields
            .sections(data, order)
            .map_err(|field| ErrorKind::SectionOutOfBounds.at(Section::Header, field))?;
        if header.strings.last().is_some_and(|&last| last != 0) {
            return Err(ErrorKind::UnterminatedStrings.at(Section::Strings, header.strings.len()));
        }
        Ok(header)
    }
}
