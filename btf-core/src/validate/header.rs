// SPDX-License-Identifier: MIT OR Apache-2.0

//! Where the sections are, and that they are all there is (`btf_parse_hdr` and what `btf_parse` calls before the
//! types).

use super::{Policy, Release, Rule};
use crate::bytes::ByteOrder;
use crate::header::{
    header_bytes, Extent, Fields, Header, LAYOUT_FIELD, STRINGS_FIELD, TYPES_FIELD,
};
use crate::layout;
use crate::limits::{
    HEADER_LEN_END, HEADER_WITH_LAYOUT_LEN, MAGIC, MAX_NAME_OFFSET, MAX_SIZE, VERSION,
};
use crate::{Error, Section};

/// Sections must begin at a word.
const ALIGNMENT_MASK: u32 = 3;

/// Checks the header, the strings, and for a program's BTF the layout section and where the types are.
pub(super) fn check<'a>(
    data: &'a [u8],
    policy: Policy<'_>,
    release: Release,
) -> Result<Header<'a>, Error> {
    let user = matches!(policy, Policy::User { .. });
    if user && data.len() > MAX_SIZE {
        return Err(broken(Rule::TooLarge, 0));
    }
    let alone = policy.base().is_none();
    let fields = fields(data, alone, release)?;
    check_sections(&fields, data)?;
    let header = fields
        .sections(data, ByteOrder::NATIVE)
        .map_err(|field| broken(Rule::SectionTooLong, field))?;
    check_strings(header.strings, &fields, data, alone, release)?;
    if user {
        check_layout(&fields)?;
        if fields.types.offset & ALIGNMENT_MASK != 0 {
            return Err(broken(Rule::UnalignedTypes, TYPES_FIELD));
        }
        if fields.types.len == 0 {
            return Err(broken(Rule::NoTypes, TYPES_FIELD));
        }
    }
    Ok(header)
}

fn broken(rule: Rule, offset: usize) -> Error {
    rule.at(Section::Header, offset)
}

/// Reads the header as `btf_parse_hdr` does.
fn fields(data: &[u8], alone: bool, release: Release) -> Result<Fields, Error> {
    if data.len() < HEADER_LEN_END {
        return Err(broken(Rule::HdrLenNotFound, data.len()));
    }
    let Some(header) = header_bytes(data, ByteOrder::NATIVE) else {
        return Err(broken(Rule::HeaderNotFound, data.len()));
    };
    let known_len = release.header_len().min(header.len());
    let (known, unknown) = header.split_at_checked(known_len).unwrap_or_default();
    if let Some(at) = unknown.iter().position(|&byte| byte != 0) {
        return Err(broken(
            Rule::UnsupportedHeader,
            known_len.saturating_add(at),
        ));
    }
    let fields = Fields::read(known, ByteOrder::NATIVE);
    if fields.magic != MAGIC {
        return Err(broken(Rule::InvalidMagic, 0));
    }
    if fields.version != VERSION {
        return Err(broken(Rule::UnsupportedVersion, 2));
    }
    if fields.flags != 0 {
        return Err(broken(Rule::UnsupportedFlags, 3));
    }
    if alone && data.len() == as_len(fields.header_len) {
        return Err(broken(Rule::NoData, data.len()));
    }
    Ok(fields)
}

/// A section, and the field that says where it is.
type Place = (Extent, usize);

/// Sections follow one another without gap or overlap to the end of the blob (`btf_check_sec_info`).
fn check_sections(fields: &Fields, data: &[u8]) -> Result<(), Error> {
    let all = data.len().saturating_sub(as_len(fields.header_len));
    let mut total = 0_usize;
    for (section, field) in in_order(fields).into_iter().flatten() {
        let (offset, len) = (as_len(section.offset), as_len(section.len));
        let rule = if all < offset {
            Rule::InvalidSectionOffset
        } else if total < offset {
            Rule::UnsupportedSection
        } else if total > offset {
            Rule::SectionOverlap
        } else if all.saturating_sub(total) < len {
            Rule::SectionTooLong
        } else {
            total = total.saturating_add(len);
            continue;
        };
        return Err(broken(rule, field));
    }
    if all != total {
        let end = as_len(fields.header_len).saturating_add(total);
        return Err(broken(Rule::UnsupportedSection, end));
    }
    Ok(())
}

/// The sections that there are, by their offsets, then their lengths (`btf_sec_info_cmp`).
///
/// Of offsets beyond 2 GiB the comparison makes no order; then it matters that the kernel's `sort` first takes the last
/// one out.
fn in_order(fields: &Fields) -> [Option<Place>; 3] {
    let types = (fields.types, TYPES_FIELD);
    let strings = (fields.strings, STRINGS_FIELD);
    if !fields.has_layout() {
        let (first, second) = sorted(types, strings);
        return [Some(first), Some(second), None];
    }
    let layout = (fields.layout, LAYOUT_FIELD);
    let (one, later) = sorted(strings, layout);
    let (other, last) = sorted(later, types);
    let (first, second) = sorted(one, other);
    [Some(first), Some(second), Some(last)]
}

fn sorted(one: Place, other: Place) -> (Place, Place) {
    if is_before(other, one) {
        (other, one)
    } else {
        (one, other)
    }
}

/// The kernel compares by the sign of a difference of 32 bits.
fn is_before((one, _): Place, (other, _): Place) -> bool {
    let offsets = one.offset.wrapping_sub(other.offset) as i32;
    let lens = one.len.wrapping_sub(other.len) as i32;
    offsets < 0 || offsets == 0 && lens < 0
}

/// `btf_parse_str_sec`.
fn check_strings(
    strings: &[u8],
    fields: &Fields,
    data: &[u8],
    alone: bool,
    release: Release,
) -> Result<(), Error> {
    let end = [fields.header_len, fields.strings.offset, fields.strings.len]
        .into_iter()
        .fold(0_usize, |sum, part| sum.saturating_add(as_len(part)));
    let must_be_last = release.is_6_12() || as_len(fields.header_len) < HEADER_WITH_LAYOUT_LEN;
    if must_be_last && end != data.len() {
        return Err(broken(Rule::StringsNotLast, STRINGS_FIELD));
    }
    if strings.is_empty() && !alone {
        return Ok(());
    }
    let too_long = as_len(MAX_NAME_OFFSET) < strings.len().saturating_sub(1);
    let unterminated = strings.last() != Some(&0);
    let no_empty_name = alone && strings.first() != Some(&0);
    if too_long || unterminated || no_empty_name {
        return Err(Rule::InvalidStrings.at(Section::Strings, 0));
    }
    Ok(())
}

/// `btf_parse_layout_sec`. That the section is inside the blob has been checked.
fn check_layout(fields: &Fields) -> Result<(), Error> {
    if !fields.has_layout() {
        return Ok(());
    }
    let rule = if fields.layout.offset & ALIGNMENT_MASK != 0 {
        Rule::UnalignedLayout
    } else if as_len(fields.layout.len) < layout::ENTRY_LEN {
        Rule::LayoutTooSmall
    } else if as_len(fields.layout.len) % layout::ENTRY_LEN != 0 {
        Rule::LayoutLen
    } else {
        return Ok(());
    };
    Err(broken(rule, LAYOUT_FIELD))
}

fn as_len(word: u32) -> usize {
    usize::try_from(word).unwrap_or(usize::MAX)
}
