// SPDX-License-Identifier: MIT OR Apache-2.0

//! Each record alone (`btf_check_all_metas`).

use super::names::{in_bounds, is_section, Names};
use super::{chain, Rule};
use crate::elements::{MEMBER_LEN, PARAM_LEN};
use crate::index::{NameOrder, MARK};
use crate::limits::{MAX_TYPES, TYPE_LEN};
use crate::shape::record_len;
use crate::{Btf, Dialect, Error, Kind, Section, Type, TypeId};

/// What the walk over the records found.
pub(super) struct Found {
    /// Number of types.
    pub(super) types: u32,
    /// Bytes of their records.
    pub(super) len: usize,
    /// Whether no name stands before a smaller one.
    pub(super) sorted: bool,
}

/// A broken rule, and where in the record.
struct Broken(Rule, usize);

impl From<Rule> for Broken {
    fn from(rule: Rule) -> Self {
        Self(rule, 0)
    }
}

/// Checks every record; puts their offsets into `offsets` as far as there is room, marked where a chain is open.
pub(super) fn check(btf: &Btf<'_>, dialect: Dialect, offsets: &mut [u32]) -> Result<Found, Error> {
    let mut found = Found {
        types: 0,
        len: 0,
        sorted: true,
    };
    let mut places = offsets.iter_mut();
    let names = Names::survey(btf);
    let mut order = NameOrder::new(true);
    let section = btf.own_records();
    let mut rest = section;
    while !rest.is_empty() {
        let offset = |rest: &[u8]| section.len().saturating_sub(rest.len());
        let id = TypeId(btf.first_id().0.saturating_add(found.types));
        let (ty, after) = record(btf, dialect, rest, id)
            .and_then(|(ty, after)| kind(btf, &names, &ty).map(|()| (ty, after)))
            .map_err(|Broken(rule, at)| {
                rule.at_type(Section::Types, offset(rest).saturating_add(at), id)
            })?;
        let start = offset(rest);
        rest = after;
        // The kernel leaves out those that are too many, and goes on (btf_add_type).
        if id.0 >= MAX_TYPES {
            continue;
        }
        if let Some(place) = places.next() {
            let mark = if chain::is_open(&ty, dialect) {
                MARK
            } else {
                0
            };
            *place = u32::try_from(start).unwrap_or(u32::MAX) | mark;
        }
        order.push(btf, ty.name_offset());
        found.types = found.types.saturating_add(1);
        found.len = offset(rest);
    }
    found.sorted = order.sorted();
    Ok(found)
}

/// The record at the start of `types`, and what follows it (`btf_check_meta`).
fn record<'a>(
    btf: &Btf<'_>,
    dialect: Dialect,
    types: &'a [u8],
    id: TypeId,
) -> Result<(Type<'a>, &'a [u8]), Broken> {
    let head = Type::head(types, btf.byte_order(), id).ok_or(Rule::MetaLeft)?;
    if !dialect.knows(head.info()) {
        return Err(Rule::InvalidInfo.into());
    }
    let len = record_len(head.info()).ok_or(Rule::InvalidKind)?;
    if !in_bounds(btf, head.name_offset()) {
        return Err(Rule::InvalidNameOffset.into());
    }
    let (ty, rest) = head.with_elements(types, len).ok_or(Rule::MetaLeft)?;
    // Attributes came with the dialect.
    let attribute = matches!(ty.kind(), Kind::DECL_TAG | Kind::TYPE_TAG) && ty.info().kind_flag();
    if attribute && dialect == Dialect::Vlen16 {
        return Err(attribute_of_old(btf, &ty).into());
    }
    Ok((ty, rest))
}

/// What a kernel that knows no attributes says of one: the other rules of the kind stand before that one.
fn attribute_of_old(btf: &Btf<'_>, ty: &Type<'_>) -> Rule {
    if ty.kind() == Kind::DECL_TAG && btf.name(ty).is_empty() {
        Rule::InvalidValue
    } else if ty.info().vlen() != 0 {
        Rule::InvalidVlen
    } else {
        Rule::InvalidKindFlag
    }
}

/// The `check_meta` of the record's kind.
fn kind(btf: &Btf<'_>, names: &Names<'_, '_>, ty: &Type<'_>) -> Result<(), Broken> {
    match ty.kind() {
        Kind::INT => int(ty).map_err(Broken::from),
        Kind::ARRAY => array(ty).map_err(Broken::from),
        Kind::STRUCT | Kind::UNION => composite(btf, names, ty),
        Kind::ENUM | Kind::ENUM64 => enumeration(btf, names, ty),
        Kind::FWD => fwd(names, ty).map_err(Broken::from),
        Kind::FUNC_PROTO => func_proto(ty).map_err(Broken::from),
        Kind::FUNC => func(names, ty).map_err(Broken::from),
        Kind::VAR => var(names, ty).map_err(Broken::from),
        Kind::DATASEC => datasec(btf, ty),
        Kind::FLOAT => float(ty).map_err(Broken::from),
        Kind::DECL_TAG => decl_tag(btf, ty).map_err(Broken::from),
        _ => reference(btf, names, ty).map_err(Broken::from),
    }
}

fn no_vlen(ty: &Type<'_>) -> Result<(), Rule> {
    must(ty.info().vlen() == 0, Rule::InvalidVlen)
}

fn no_kind_flag(ty: &Type<'_>) -> Result<(), Rule> {
    must(!ty.info().kind_flag(), Rule::InvalidKindFlag)
}

fn must(holds: bool, rule: Rule) -> Result<(), Rule> {
    if holds {
        Ok(())
    } else {
        Err(rule)
    }
}

/// `BTF_TYPE_ID_VALID`: not too big; whether there is such a type is asked later.
fn may_be_id(id: TypeId) -> bool {
    id.0 <= MAX_TYPES
}

fn has_identifier(names: &Names<'_, '_>, ty: &Type<'_>) -> bool {
    ty.name_offset() != 0 && names.is_identifier(ty.name_offset())
}

fn has_identifier_or_none(names: &Names<'_, '_>, ty: &Type<'_>) -> bool {
    ty.name_offset() == 0 || names.is_identifier(ty.name_offset())
}

/// `btf_int_check_meta`.
fn int(ty: &Type<'_>) -> Result<(), Rule> {
    no_vlen(ty)?;
    no_kind_flag(ty)?;
    let int = ty.int().ok_or(Rule::MetaLeft)?;
    must(int.unused == 0, Rule::InvalidIntData)?;
    let bits = u32::from(int.bits).saturating_add(u32::from(int.offset));
    must(bits <= 128, Rule::IntBits)?;
    must(bits.div_ceil(8) <= ty.size().unwrap_or(0), Rule::IntSize)?;
    // SIGNED, CHAR and BOOL do not go together.
    must(
        matches!(int.encoding.0, 0 | 1 | 2 | 4),
        Rule::UnsupportedEncoding,
    )
}

/// `btf_ref_type_check_meta`: PTR and the modifiers.
fn reference(btf: &Btf<'_>, names: &Names<'_, '_>, ty: &Type<'_>) -> Result<(), Rule> {
    no_vlen(ty)?;
    if ty.kind() != Kind::TYPE_TAG {
        no_kind_flag(ty)?;
    }
    must(ty.target().is_some_and(may_be_id), Rule::InvalidTypeId)?;
    let name_is_right = match ty.kind() {
        Kind::TYPEDEF => has_identifier(names, ty),
        Kind::TYPE_TAG => !btf.name(ty).is_empty(),
        _ => ty.name_offset() == 0,
    };
    must(name_is_right, Rule::InvalidName)
}

/// `btf_fwd_check_meta`.
fn fwd(names: &Names<'_, '_>, ty: &Type<'_>) -> Result<(), Rule> {
    no_vlen(ty)?;
    must(ty.size_or_type() == 0, Rule::TypeNotZero)?;
    must(has_identifier(names, ty), Rule::InvalidName)
}

/// `btf_array_check_meta`.
fn array(ty: &Type<'_>) -> Result<(), Rule> {
    must(ty.name_offset() == 0, Rule::InvalidName)?;
    no_vlen(ty)?;
    no_kind_flag(ty)?;
    must(ty.size_or_type() == 0, Rule::SizeNotZero)?;
    let array = ty.array().ok_or(Rule::MetaLeft)?;
    must(may_be_named(array.element), Rule::InvalidElem)?;
    must(may_be_named(array.index), Rule::InvalidIndex)
}

/// Not void, and not too big.
fn may_be_named(id: TypeId) -> bool {
    id != TypeId::VOID && may_be_id(id)
}

/// `btf_struct_check_meta`: STRUCT and UNION.
fn composite(btf: &Btf<'_>, names: &Names<'_, '_>, ty: &Type<'_>) -> Result<(), Broken> {
    must(has_identifier_or_none(names, ty), Rule::InvalidName)?;
    let size = ty.size().unwrap_or(0);
    let union = ty.kind() == Kind::UNION;
    let mut last = 0;
    let mut at = TYPE_LEN;
    for member in ty.members() {
        let rule = if !in_bounds(btf, member.name) {
            Rule::InvalidMemberName
        } else if member.name != 0 && !names.is_identifier(member.name) {
            Rule::InvalidName
        } else if !may_be_named(member.ty) {
            Rule::InvalidTypeId
        } else if union && member.bit_offset != 0 || last > member.bit_offset {
            Rule::InvalidMemberBitsOffset
        } else if member.bit_offset.div_ceil(8) > size {
            Rule::MemberBeyondStruct
        } else {
            last = member.bit_offset;
            at = at.saturating_add(MEMBER_LEN);
            continue;
        };
        return Err(Broken(rule, at));
    }
    Ok(())
}

/// `btf_enum_check_meta` and `btf_enum64_check_meta`.
fn enumeration(btf: &Btf<'_>, names: &Names<'_, '_>, ty: &Type<'_>) -> Result<(), Broken> {
    must(
        matches!(ty.size(), Some(1 | 2 | 4 | 8)),
        Rule::UnexpectedSize,
    )?;
    must(has_identifier_or_none(names, ty), Rule::InvalidName)?;
    let each = match ty.kind() {
        Kind::ENUM64 => MEMBER_LEN,
        _ => PARAM_LEN,
    };
    let mut at = TYPE_LEN;
    for enumerator in ty.enumerators() {
        if !in_bounds(btf, enumerator.name) {
            return Err(Broken(Rule::InvalidNameOffset, at));
        }
        if enumerator.name == 0 || !names.is_identifier(enumerator.name) {
            return Err(Broken(Rule::InvalidName, at));
        }
        at = at.saturating_add(each);
    }
    Ok(())
}

/// `btf_func_proto_check_meta`.
fn func_proto(ty: &Type<'_>) -> Result<(), Rule> {
    must(ty.name_offset() == 0, Rule::InvalidName)?;
    no_kind_flag(ty)
}

/// `btf_func_check_meta`.
fn func(names: &Names<'_, '_>, ty: &Type<'_>) -> Result<(), Rule> {
    must(has_identifier(names, ty), Rule::InvalidName)?;
    must(matches!(ty.linkage(), Some(0 | 1)), Rule::FuncLinkage)?;
    no_kind_flag(ty)
}

/// `btf_var_check_meta`.
fn var(names: &Names<'_, '_>, ty: &Type<'_>) -> Result<(), Rule> {
    no_vlen(ty)?;
    no_kind_flag(ty)?;
    must(has_identifier(names, ty), Rule::InvalidName)?;
    must(ty.target().is_some_and(may_be_named), Rule::InvalidTypeId)?;
    must(matches!(ty.linkage(), Some(0 | 1)), Rule::VarLinkage)
}

/// `btf_datasec_check_meta`.
fn datasec(btf: &Btf<'_>, ty: &Type<'_>) -> Result<(), Broken> {
    let size = ty.size().unwrap_or(0);
    must(size != 0, Rule::SizeZero)?;
    no_kind_flag(ty)?;
    let name = ty.name_offset() != 0 && is_section(btf, ty.name_offset());
    must(name, Rule::InvalidName)?;
    let (mut end, mut sum) = (0_u32, 0_u64);
    let mut at = TYPE_LEN;
    for variable in ty.variables() {
        // As the kernel's, the end wraps in 32 bits.
        let this_end = variable.offset.wrapping_add(variable.size);
        let rule = if !may_be_named(variable.var) {
            Rule::InvalidTypeId
        } else if variable.offset < end || variable.offset >= size {
            Rule::InvalidOffset
        } else if variable.size == 0 || variable.size > size {
            Rule::InvalidSize
        } else if this_end > size {
            Rule::InvalidEnd
        } else {
            end = this_end;
            sum = sum.saturating_add(u64::from(variable.size));
            at = at.saturating_add(MEMBER_LEN);
            continue;
        };
        return Err(Broken(rule, at));
    }
    Ok(must(u64::from(size) >= sum, Rule::InvalidInfoSize)?)
}

/// `btf_float_check_meta`.
fn float(ty: &Type<'_>) -> Result<(), Rule> {
    no_vlen(ty)?;
    no_kind_flag(ty)?;
    must(
        matches!(ty.size(), Some(2 | 4 | 8 | 12 | 16)),
        Rule::InvalidTypeSize,
    )
}

/// `btf_decl_tag_check_meta`.
fn decl_tag(btf: &Btf<'_>, ty: &Type<'_>) -> Result<(), Rule> {
    must(!btf.name(ty).is_empty(), Rule::InvalidValue)?;
    no_vlen(ty)?;
    let on_something = ty.component().is_some_and(|component| component >= -1);
    must(on_something, Rule::InvalidComponent)
}
