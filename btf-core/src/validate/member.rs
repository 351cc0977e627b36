// SPDX-License-Identifier: MIT OR Apache-2.0

//! A member lies inside its struct, where one of its type may lie (the `check_member` and `check_kflag_member` of each
//! kind).

use super::graph::Graph;
use super::Rule;
use crate::limits::POINTER_LEN;
use crate::{Int, Kind, RawMember, Type};

/// The most bits that the kernel copies to show a member.
const MAX_COPY_BITS: u32 = 128;
/// Bits of C's int, which an enumerator in a bitfield has at most.
const INT_BITS: u32 = 32;

/// Checks `member` of `composite`; what its type stands for is known to `graph`.
pub(super) fn check(
    graph: &Graph<'_, '_>,
    composite: &Type<'_>,
    member: &RawMember,
) -> Result<(), Rule> {
    let sized = graph.sized(member.ty).ok_or(Rule::InvalidMember)?;
    let struct_size = composite.size().unwrap_or(0);
    let bitfields = composite.info().kind_flag();
    match (sized.ty.kind(), sized.ty.int()) {
        (_, Some(int)) if bitfields => int_bitfield(&int, member, struct_size),
        (_, Some(int)) => plain_int(&int, member.bit_offset, struct_size),
        (Kind::ENUM | Kind::ENUM64, _) if bitfields => enum_bitfield(member, struct_size),
        _ if member.bitfield_size != 0 => Err(Rule::MemberBitfieldSize),
        (Kind::FLOAT, _) => float(sized.size, member.bit_offset, struct_size),
        _ => whole_bytes(sized.size, member.bit_offset, struct_size),
    }
}

/// `btf_ptr_check_member`, and those of ARRAY, STRUCT, UNION, ENUM and ENUM64.
fn whole_bytes(size: u32, bit_offset: u32, struct_size: u32) -> Result<(), Rule> {
    if bit_offset % 8 != 0 {
        return Err(Rule::MemberUnaligned);
    }
    // No member begins beyond its struct: that was checked with its record.
    if struct_size.saturating_sub(bit_offset / 8) < size {
        return Err(Rule::MemberEnd);
    }
    Ok(())
}

/// `btf_int_check_member`.
fn plain_int(int: &Int, bit_offset: u32, struct_size: u32) -> Result<(), Rule> {
    let start = bit_offset
        .checked_add(u32::from(int.offset))
        .ok_or(Rule::BitsOffsetOverflow)?;
    bits(start, u32::from(int.bits), struct_size)
}

/// `btf_int_check_kflag_member`.
fn int_bitfield(int: &Int, member: &RawMember, struct_size: u32) -> Result<(), Rule> {
    if !int.is_regular() {
        return Err(Rule::MemberBaseType);
    }
    let of_type = u32::from(int.bits);
    let len = match member.bitfield_size {
        0 if member.bit_offset % 8 != 0 => return Err(Rule::MemberOffset),
        0 => of_type,
        len if len > of_type => return Err(Rule::MemberBitfieldSize),
        len => len,
    };
    bits(member.bit_offset, len, struct_size)
}

/// `len` bits from `start` on are in the struct, and not too many to be copied.
fn bits(start: u32, len: u32, struct_size: u32) -> Result<(), Rule> {
    let copied = len.saturating_add(start % 8);
    if copied > MAX_COPY_BITS {
        return Err(Rule::CopyBits);
    }
    match struct_size.checked_sub(start / 8) {
        Some(left) if left >= copied.div_ceil(8) => Ok(()),
        _ => Err(Rule::MemberEnd),
    }
}

/// `btf_enum_check_kflag_member`.
fn enum_bitfield(member: &RawMember, struct_size: u32) -> Result<(), Rule> {
    let len = match member.bitfield_size {
        0 if member.bit_offset % 8 != 0 => return Err(Rule::MemberUnaligned),
        0 => INT_BITS,
        len if len > INT_BITS => return Err(Rule::MemberBitfieldSize),
        len => len,
    };
    let end = member.bit_offset.saturating_add(len).div_ceil(8);
    if struct_size < end {
        return Err(Rule::MemberEnd);
    }
    Ok(())
}

/// `btf_float_check_member`.
fn float(size: u32, bit_offset: u32, struct_size: u32) -> Result<(), Rule> {
    let align_bits = size.min(POINTER_LEN).saturating_mul(8);
    if bit_offset.checked_rem(align_bits) != Some(0) {
        return Err(Rule::MemberMisaligned);
    }
    if (bit_offset / 8).saturating_add(size) > struct_size {
        return Err(Rule::MemberEnd);
    }
    Ok(())
}
