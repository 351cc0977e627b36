// SPDX-License-Identifier: MIT OR Apache-2.0

//! The header: where the sections are.

use crate::bytes::{array, slice, ByteOrder};
use crate::limits::{HEADER_LEN_END, MAGIC, VERSION};
use crate::{Error, ErrorKind, Section};

/// Where the fields of `struct btf_header` are; of a section, its offset, which its length follows.
const HEADER_LEN_FIELD: usize = 4;
pub(crate) const TYPES_FIELD: usize = 8;
pub(crate) const STRINGS_FIELD: usize = 16;
pub(crate) const LAYOUT_FIELD: usize = 24;

/// The words of a header, before anything is made of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    pub(crate) order: ByteOrder,
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
    /// Reads the header at the start of `data`. A field beyond the header's own length is 0, as for the kernel
    /// (`btf_parse_hdr` of `kernel/bpf/btf.c`).
    pub(crate) fn read(data: &[u8]) -> Result<Self, Error> {
        let truncated = || ErrorKind::TruncatedHeader.at(Section::Header, data.len());
        let magic = array(data, 0).ok_or_else(truncated)?;
        let order = match u16::from_le_bytes(magic) {
            MAGIC => ByteOrder::Little,
            _ if u16::from_be_bytes(magic) == MAGIC => ByteOrder::Big,
            other => return Err(ErrorKind::InvalidMagic(other).at(Section::Header, 0)),
        };
        let [version, flags] = array(data, 2).ok_or_else(truncated)?;
        let header_len = order.u32_at(data, HEADER_LEN_FIELD).ok_or_else(truncated)?;
        let header = usize::try_from(header_len)
            .ok()
            .filter(|len| *len >= HEADER_LEN_END)
            .and_then(|len| data.get(..len))
            .ok_or_else(truncated)?;
        let extent = |field: usize| Extent {
            offset: order.u32_at(header, field).unwrap_or(0),
            len: order.u32_at(header, field.saturating_add(4)).unwrap_or(0),
        };
        Ok(Self {
            order,
            version,
            flags,
            header_len,
            types: extent(TYPES_FIELD),
            strings: extent(STRINGS_FIELD),
            layout: extent(LAYOUT_FIELD),
        })
    }

    /// The bytes of a section of `data`; none if it does not lie inside.
    pub(crate) fn section<'a>(&self, data: &'a [u8], extent: Extent) -> Option<&'a [u8]> {
        let start = self.header_len.checked_add(extent.offset)?;
        slice(
            data,
            usize::try_from(start).ok()?,
            usize::try_from(extent.len).ok()?,
        )
    }
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
}

impl<'a> Header<'a> {
    /// Reads the header at the start of `data`. Constant time.
    ///
    /// # Errors
    ///
    /// A magic, version, flag or section that is not sound (`btf_check_sec_info` of
    /// `kernel/bpf/btf.c` without its rule against gaps, which [`crate::validate`] has).
    pub fn parse(data: &'a [u8]) -> Result<Self, Error> {
        let fields = Fields::read(data)?;
        if fields.version != VERSION {
            return Err(ErrorKind::UnsupportedVersion(fields.version).at(Section::Header, 2));
        }
        if fields.flags != 0 {
            return Err(ErrorKind::UnsupportedFlags(fields.flags).at(Section::Header, 3));
        }
        let section = |extent, field| {
            fields
                .section(data, extent)
                .ok_or_else(|| ErrorKind::SectionOutOfBounds.at(Section::Header, field))
        };
        let strings = section(fields.strings, STRINGS_FIELD)?;
        if !strings.is_empty() && strings.last() != Some(&0) {
            return Err(ErrorKind::UnterminatedStrings.at(Section::Strings, strings.len()));
        }
        Ok(Self {
            order: fields.order,
            types: section(fields.types, TYPES_FIELD)?,
            strings,
            layout: section(fields.layout, LAYOUT_FIELD)?,
        })
    }
}
