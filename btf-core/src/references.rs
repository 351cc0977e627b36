// SPDX-License-Identifier: MIT OR Apache-2.0

//! The words of a record that refer elsewhere: to a type or to a name.
//!
//! Who moves types or names rewrites these and leaves all other bytes alone.

use core::iter;

use crate::{Info, Kind, Type};

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

/// A word of a record that refers elsewhere, by its offset in bytes from the start of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    /// An offset into the strings; 0 for no name.
    Name(usize),
    /// The id of a type; 0 for `void`.
    Id(usize),
}

/// Bytes of a word.
const WORD_LEN: usize = 4;

/// What the words of a kind's records are. The first is always a name, and the second `info`.
struct Words {
    /// `size_or_type`.
    third: Word,
    /// Those of each element.
    element: &'static [Word],
    /// Whether `vlen` counts the elements; else there is one.
    counted: bool,
}

impl Words {
    /// None for an unknown kind. Follows `btf_field_iter_init` of `tools/lib/bpf/btf_iter.c`.
    fn of(kind: Kind) -> Option<Self> {
        use Word::{Id, Name, Other};
        let (third, element, counted): (_, &[_], _) = match kind {
            Kind::FLOAT => (Other, &[], true),
            Kind::INT => (Other, &[Other], false),
            // The type of a FWD is always 0, but the kernel, too, takes it for one.
            Kind::FWD
            | Kind::PTR
            | Kind::TYPEDEF
            | Kind::VOLATILE
            | Kind::CONST
            | Kind::RESTRICT
            | Kind::FUNC
            | Kind::TYPE_TAG => (Id, &[], true),
            Kind::VAR | Kind::DECL_TAG => (Id, &[Other], false),
            Kind::ARRAY => (Other, &[Id, Id, Other], false),
            Kind::ENUM => (Other, &[Name, Other], true),
            Kind::ENUM64 => (Other, &[Name, Other, Other], true),
            Kind::STRUCT | Kind::UNION => (Other, &[Name, Id, Other], true),
            Kind::FUNC_PROTO => (Id, &[Name, Id], true),
            Kind::DATASEC => (Other, &[Id, Other, Other], true),
            _ => return None,
        };
        Some(Self {
            third,
            element,
            counted,
        })
    }
}

/// Calls `visit` with each word of `ty`, in order; false, and no call, for an unknown kind.
#[inline]
pub(crate) fn each_word(ty: &Type<'_>, mut visit: impl FnMut(Word, u32)) -> bool {
    let Some(words) = Words::of(ty.kind()) else {
        return false;
    };
    visit(Word::Name, ty.name_offset());
    visit(Word::Other, ty.info().0);
    visit(words.third, ty.size_or_type());
    // Patterns of one length are apart, so that there is no loop in the loop.
    match *words.element {
        [one] => ty.each_chunk(|[word]| visit(one, word)),
        [one, two] => ty.each_chunk(|[first, second]| {
            visit(one, first);
            visit(two, second);
        }),
        [one, two, three] => ty.each_chunk(|[first, second, third]| {
            visit(one, first);
            visit(two, second);
            visit(three, third);
        }),
        _ => {}
    }
    true
}

/// The references of a record with this `info` word, in order; none for an unknown kind.
pub(crate) fn references(info: Info) -> Option<impl Iterator<Item = Reference>> {
    let words = Words::of(info.kind())?;
    let elements = match words.counted {
        true => usize::try_from(info.vlen()).ok()?,
        false => 1,
    };
    let behind = elements.saturating_mul(words.element.len());
    let behind = words.element.iter().copied().cycle().take(behind);
    let all = [Word::Name, Word::Other, words.third]
        .into_iter()
        .chain(behind);
    let places = iter::successors(Some(0_usize), |at| at.checked_add(WORD_LEN));
    Some(all.zip(places).filter_map(|(word, at)| match word {
        Word::Name => Some(Reference::Name(at)),
        Word::Id => Some(Reference::Id(at)),
        Word::Other => None,
    }))
}

#[cfg(test)]
mod tests {
    use super::Reference::{Id, Name};
    use super::*;
    use crate::elements::MEMBER_LEN;
    use crate::limits::TYPE_LEN;
    use crate::{ByteOrder, TypeId};

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

    #[test]
    fn fields_are_where_the_views_read_them() {
        let known = (1..=Kind::ENUM64.0).map(Kind);
        for (kind, elements) in known.flat_map(|kind| [(kind, 0), (kind, 3)]) {
            let info = Info::new(kind, elements, false);
            let bytes = record(info);
            let ty = Type::split_first(&bytes, ByteOrder::NATIVE, &[], TypeId(1));
            let ty = ty.map(|(ty, _)| ty);
            assert!(ty.is_ok() && references(info).is_some(), "{kind}");
            // The views do not show the type of a FWD.
            let found = references(info).into_iter().flatten();
            let found = found.filter(|field| kind != Kind::FWD || *field != Id(8));
            let words = found.filter_map(|field| match field {
                Name(offset) | Id(offset) => ByteOrder::NATIVE.u32_at(&bytes, offset),
            });
            assert!(words.eq(ty.iter().flat_map(viewed)), "{kind}, {elements}");
        }
    }

    #[test]
    fn names_and_ids_are_told_apart() {
        let of = |kind, elements| {
            references(Info::new(kind, elements, false))
                .into_iter()
                .flatten()
        };
        assert!(of(Kind::STRUCT, 2).eq([Name(0), Name(12), Id(16), Name(24), Id(28)]));
        assert!(of(Kind::FUNC_PROTO, 1).eq([Name(0), Id(8), Name(12), Id(16)]));
        assert!(of(Kind::DATASEC, 2).eq([Name(0), Id(12), Id(24)]));
        assert!(of(Kind::ENUM, 2).eq([Name(0), Name(12), Name(20)]));
        assert!(of(Kind::ENUM64, 2).eq([Name(0), Name(12), Name(24)]));
        assert!(of(Kind::ARRAY, 0).eq([Name(0), Id(12), Id(16)]));
        assert!(of(Kind::FWD, 0).eq([Name(0), Id(8)]));
    }

    #[test]
    fn an_unknown_kind_has_no_known_fields() {
        for kind in [0, Kind::ENUM64.0 + 1, 0x7f] {
            assert!(references(Info::new(Kind(kind), 1, false)).is_none());
        }
    }
}
