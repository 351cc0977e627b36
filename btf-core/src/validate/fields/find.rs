// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which special fields a struct has, in structs and arrays inside of it too (`btf_find_struct_field`).

use super::kind::FieldKind;
use super::{Checker, Field, Fields};
use crate::limits::MAX_RESOLVE_DEPTH;
use crate::validate::Rule;
use crate::{Kind, RawMember, Type, TypeId};

/// A struct that is being looked through.
#[derive(Clone, Copy)]
struct Frame<'a> {
    ty: Type<'a>,
    /// The member to go on with.
    next: usize,
    /// Bytes from the start of the struct around it.
    offset: u32,
    /// How many of it stand there in an array.
    count: u32,
    /// Number of fields that were found before it.
    first: usize,
    /// Kinds that it may not have again.
    seen: Seen,
    /// How deep structs stand in one another in it, itself counted in.
    depth: usize,
}

/// Which unique kinds have been seen.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Seen {
    spin_lock: bool,
    res_spin_lock: bool,
    refcount: bool,
}

impl Seen {
    /// Notes `kind`; false if it was there already.
    fn note(&mut self, kind: FieldKind) -> bool {
        let seen = match kind {
            FieldKind::SpinLock => &mut self.spin_lock,
            FieldKind::ResSpinLock => &mut self.res_spin_lock,
            _ => &mut self.refcount,
        };
        !core::mem::replace(seen, true)
    }
}

/// What a member is.
enum Found<'a> {
    Nothing,
    Field(Field<'a>),
    Struct(Type<'a>),
}

/// The special fields of `ty`.
///
/// A struct without any is looked through once: in a deep nest of them the kernel's time is exponential.
pub(super) fn find<'a>(checker: &Checker<'_, 'a>, ty: &Type<'a>) -> Result<Fields<'a>, Rule> {
    let mut fields = Fields::new();
    let root = Frame {
        ty: *ty,
        next: 0,
        offset: 0,
        count: 1,
        first: 0,
        seen: Seen::default(),
        depth: 1,
    };
    let mut frames = [root; MAX_RESOLVE_DEPTH];
    let mut depth = 1_usize;
    while let Some(frame) = depth.checked_sub(1).and_then(|top| frames.get_mut(top)) {
        let Some(member) = frame.ty.members().nth(frame.next) else {
            finish(frame, &mut fields)?;
            let inner = *frame;
            depth = depth.saturating_sub(1);
            if let Some(outer) = depth.checked_sub(1).and_then(|top| frames.get_mut(top)) {
                leave(checker, &inner, outer, fields.len);
            }
            continue;
        };
        let place = frame.next;
        frame.next = place.saturating_add(1);
        let (found, count, offset) = look_at(checker, frame, place, &member)?;
        match found {
            Found::Nothing => {}
            Found::Field(field) => {
                let first = fields.len;
                fields.push(field)?;
                repeat(&mut fields, first, count, field.kind.size())?;
            }
            Found::Struct(ty) => {
                if let Some(inner) = checker.graph.plain_depth(ty.id()) {
                    frame.depth = frame.depth.max(inner.saturating_add(1));
                    if depth.saturating_add(inner) > MAX_RESOLVE_DEPTH {
                        return Err(Rule::TooManyFields);
                    }
                    continue;
                }
                let seen = if checker.release.counts_deep() {
                    frame.seen
                } else {
                    Seen::default()
                };
                let inner = Frame {
                    ty,
                    next: 0,
                    offset,
                    count,
                    first: fields.len,
                    seen,
                    depth: 1,
                };
                *frames.get_mut(depth).ok_or(Rule::TooManyFields)? = inner;
                depth = depth.saturating_add(1);
            }
        }
    }
    Ok(fields)
}

/// Goes back from `inner` to the struct around it; `fields` have been found so far.
fn leave(checker: &Checker<'_, '_>, inner: &Frame<'_>, outer: &mut Frame<'_>, fields: usize) {
    outer.depth = outer.depth.max(inner.depth.saturating_add(1));
    let shared = checker.release.counts_deep();
    if inner.first == fields && !(shared && inner.seen != outer.seen) {
        checker.graph.note_plain(inner.ty.id(), inner.depth);
    }
    if shared {
        outer.seen = inner.seen;
    }
}

/// Moves the fields of a struct to where it stands, and repeats them for an array (`btf_find_nested_struct`).
fn finish(frame: &Frame<'_>, fields: &mut Fields<'_>) -> Result<(), Rule> {
    let len = fields.len;
    for field in fields.fields.get_mut(frame.first..len).unwrap_or_default() {
        field.offset = field.offset.wrapping_add(frame.offset);
    }
    repeat(
        fields,
        frame.first,
        frame.count,
        frame.ty.size().unwrap_or(0),
    )
}

/// Adds the fields from `first` on again until they stand `count` times, each time `len` bytes further
/// (`btf_repeat_fields`).
fn repeat(fields: &mut Fields<'_>, first: usize, count: u32, len: u32) -> Result<(), Rule> {
    let end = fields.len;
    let Some(group) = fields
        .fields
        .get(first..end)
        .filter(|group| !group.is_empty())
    else {
        return Ok(());
    };
    if count <= 1 {
        return Ok(());
    }
    if !group.iter().all(|field| field.kind.is_repeatable()) {
        return Err(Rule::RepeatedField);
    }
    // Bounded by the room for fields: each turn adds one at least.
    for turn in 1..count {
        for place in first..end {
            let Some(&field) = fields.fields.get(place) else {
                return Err(Rule::TooManyFields);
            };
            let offset = field.offset.wrapping_add(turn.wrapping_mul(len));
            fields.push(Field { offset, ..field })?;
        }
    }
    Ok(())
}

/// What `member` is, how often in an array, and its offset in bytes (`btf_find_field_one`).
fn look_at<'a>(
    checker: &Checker<'_, 'a>,
    frame: &mut Frame<'a>,
    place: usize,
    member: &RawMember,
) -> Result<(Found<'a>, u32, u32), Rule> {
    if member.bit_offset % 8 != 0 {
        return Err(Rule::FieldOffset);
    }
    let offset = member.bit_offset / 8;
    let (ty, count) = element(checker, member.ty)?;
    let nothing = Ok((Found::Nothing, count, offset));
    if count == 0 {
        return nothing;
    }
    let named = FieldKind::of_name(checker.shown_name(ty.name_offset()), checker.release);
    let Some(kind) = named else {
        return match ty.kind() {
            Kind::STRUCT => Ok((Found::Struct(ty), count, offset)),
            _ if !FieldKind::KptrRef.is_aligned(offset) => nothing,
            _ => Ok((kptr_field(checker, &ty, offset)?, count, offset)),
        };
    };
    if kind.is_unique(checker.release) && !frame.seen.note(kind) {
        return Err(Rule::SecondField);
    }
    let is_struct = ty.kind() == Kind::STRUCT && ty.size() == Some(kind.size());
    if !kind.is_aligned(offset) || !is_struct {
        return nothing;
    }
    let mut field = Field {
        kind,
        offset,
        target: TypeId::VOID,
        node: &[],
    };
    if kind.is_root() {
        (field.target, field.node) = checker.contained(&frame.ty, place)?;
    }
    Ok((Found::Field(field), count, offset))
}

fn kptr_field<'a>(
    checker: &Checker<'_, 'a>,
    ty: &Type<'a>,
    offset: u32,
) -> Result<Found<'a>, Rule> {
    Ok(match checker.kptr(ty)? {
        None => Found::Nothing,
        Some((kind, target)) => Found::Field(Field {
            kind,
            offset,
            target,
            node: &[],
        }),
    })
}

/// The type of an array's elements, and how many there are; 1 of a type that is no array.
fn element<'a>(checker: &Checker<'_, 'a>, id: TypeId) -> Result<(Type<'a>, u32), Rule> {
    let mut ty = checker.node(id);
    let mut count = 1_u32;
    for _ in 0..MAX_RESOLVE_DEPTH {
        let Some(array) = ty.array() else {
            return Ok((ty, count));
        };
        count = count.wrapping_mul(array.len);
        ty = checker.node(array.element);
    }
    Err(Rule::TooManyFields)
}
