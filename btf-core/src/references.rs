// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the words of a record are: those that refer to a type or to a name, and all others.
//!
//! Who moves types or names rewrites the former and leaves the latter alone.

use crate::{Kind, Type};

/// What a word of a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// An offset into the strings; 0 for no name.
    Name,
    /// The id of a type; 0 for `void`.
    Id,
    /// Neither.
    Other,
}

use Word::{Id, Name, Other};

/// Calls `visit` with each word of `ty`, in order; false, and no call, for an unknown kind.
///
/// Follows `btf_field_iter_init` of `tools/lib/bpf/btf_iter.c`.
#[inline]
pub(crate) fn each_word(ty: &Type<'_>, mut visit: impl FnMut(Word, u32)) -> bool {
    if ty.kind().name().is_none() {
        return false;
    }
    // The type of a FWD is always 0, but the kernel, too, takes it for one.
    let refers = ty.target().is_some() || ty.kind() == Kind::FWD;
    let third = if refers { Id } else { Other };
    visit(Name, ty.name_offset());
    visit(Other, ty.info().0);
    visit(third, ty.size_or_type());
    match ty.kind() {
        Kind::STRUCT | Kind::UNION => ty.each_chunk(|[name, member, offset]| {
            visit(Name, name);
            visit(Id, member);
            visit(Other, offset);
        }),
        Kind::FUNC_PROTO => ty.each_chunk(|[name, param]| {
            visit(Name, name);
            visit(Id, param);
        }),
        Kind::ENUM => ty.each_chunk(|[name, value]| {
            visit(Name, name);
            visit(Other, value);
        }),
        Kind::ENUM64 => ty.each_chunk(|[name, low, high]| {
            visit(Name, name);
            visit(Other, low);
            visit(Other, high);
        }),
        Kind::ARRAY => ty.each_chunk(|[element, index, len]| {
            visit(Id, element);
            visit(Id, index);
            visit(Other, len);
        }),
        Kind::DATASEC => ty.each_chunk(|[var, offset, size]| {
            visit(Id, var);
            visit(Other, offset);
            visit(Other, size);
        }),
        Kind::INT | Kind::VAR | Kind::DECL_TAG => ty.each_chunk(|[word]| visit(Other, word)),
        _ => {}
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elements::MEMBER_LEN;
    use crate::limits::TYPE_LEN;
    use crate::{ByteOrder, Info, TypeId};

    /// Bytes of a record with three elements of the longest kind.
    const LEN: usize = TYPE_LEN + 3 * MEMBER_LEN;

    /// A record of which every word but `info` holds its own offset.
    fn record(info: Info) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        for (offset, word) in (0_u32..).step_by(4).zip(bytes.chunks_exact_mut(4)) {
            let value = if offset == 4 { info.0 } else { offset };
            word.copy_from_slice(&value.to_ne_bytes());
        }
        bytes
    }

    /// What the views of [`Type`] find in the record.
    fn viewed<'a>(ty: &Type<'a>) -> impl Iterator<Item = u32> + use<'a> {
        let array = ty.array();
        let words = [
            Some(ty.name_offset()),
            ty.target().map(|target| target.0),
            array.map(|array| array.element.0),
            array.map(|array| array.index.0),
        ];
        let members = ty.members().flat_map(|member| [member.name, member.ty.0]);
        let params = ty.params().flat_map(|param| [param.name, param.ty.0]);
        let enumerators = ty.enumerators().map(|enumerator| enumerator.name);
        let variables = ty.variables().map(|variable| variable.var.0);
        words
            .into_iter()
            .flatten()
            .chain(members)
            .chain(params)
            .chain(enumerators)
            .chain(variables)
    }

    /// The names and ids among the words of a record, with their offsets; each word comes once, at its place.
    fn found(kind: Kind, elements: u32) -> ([(Word, u32); 16], usize) {
        let bytes = record(Info::new(kind, elements, false));
        let ty = Type::split_first(&bytes, ByteOrder::NATIVE, &[], TypeId(1));
        let ty = ty.map_or(Type::VOID, |(ty, _)| ty);
        let (mut found, mut len, mut place) = ([(Other, 0); 16], 0_usize, 0_u32);
        let known = each_word(&ty, |word, value| {
            assert!(value == place || place == 4, "{kind}");
            if let Some(slot) = found.get_mut(len).filter(|_| word != Other) {
                *slot = (word, value);
                len = len.saturating_add(1);
            }
            place = place.saturating_add(4);
        });
        assert!(known && place as usize == ty.record_len(), "{kind}");
        // The views do not show the type of a FWD.
        let hidden = usize::from(kind == Kind::FWD);
        let words = found.iter().take(len.saturating_sub(hidden));
        let words = words.map(|(_, value)| *value);
        assert!(words.eq(viewed(&ty)), "{kind}, {elements}");
        (found, len)
    }

    #[test]
    fn fields_are_where_the_views_read_them() {
        let known = (1..=Kind::ENUM64.0).map(Kind);
        for (kind, elements) in known.flat_map(|kind| [(kind, 0), (kind, 3)]) {
            assert!(found(kind, elements).1 > 0);
        }
    }

    #[test]
    fn names_and_ids_are_told_apart() {
        let of = |kind, elements| {
            let (found, len) = found(kind, elements);
            found.into_iter().take(len)
        };
        let members = [(Name, 0), (Name, 12), (Id, 16), (Name, 24), (Id, 28)];
        assert!(of(Kind::STRUCT, 2).eq(members));
        assert!(of(Kind::FUNC_PROTO, 1).eq([(Name, 0), (Id, 8), (Name, 12), (Id, 16)]));
        assert!(of(Kind::DATASEC, 2).eq([(Name, 0), (Id, 12), (Id, 24)]));
        assert!(of(Kind::ENUM, 2).eq([(Name, 0), (Name, 12), (Name, 20)]));
        assert!(of(Kind::ENUM64, 2).eq([(Name, 0), (Name, 12), (Name, 24)]));
        assert!(of(Kind::ARRAY, 0).eq([(Name, 0), (Id, 12), (Id, 16)]));
        assert!(of(Kind::FWD, 0).eq([(Name, 0), (Id, 8)]));
    }

    #[test]
    fn an_unknown_kind_has_no_known_fields() {
        assert!(!each_word(&Type::VOID, |_, _| {}));
    }
}
