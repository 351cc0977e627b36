// SPDX-License-Identifier: MIT OR Apache-2.0

//! The words of a record that refer elsewhere: to a type or to a name.
//!
//! Who moves types or names rewrites these and leaves all other bytes alone.

use core::iter;

use crate::elements::{MEMBER_LEN, PARAM_LEN};
use crate::limits::TYPE_LEN;
use crate::{Info, Kind};

/// A word of a record, by its offset in bytes from the start of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    /// An offset into the strings; 0 for no name.
    Name(usize),
    /// The id of a type; 0 for `void`.
    Id(usize),
}

impl Reference {
    /// Where the word is.
    pub(crate) fn at(self) -> usize {
        match self {
            Name(at) | Id(at) => at,
        }
    }
}

use Reference::{Id, Name};

/// Every record begins with its name.
const NAME: Reference = Name(0);
/// `size_or_type`, where it is a type.
const TARGET: Reference = Id(8);

/// Where the references of a kind are.
struct Places {
    /// Those that every record of the kind has.
    record: &'static [Reference],
    /// Those of each element, from the start of the element.
    element: &'static [Reference],
    /// Bytes of an element.
    element_len: usize,
}

impl Places {
    /// References of a kind without elements, or whose elements have no references.
    const fn record(record: &'static [Reference]) -> Self {
        Self {
            record,
            element: &[],
            element_len: 0,
        }
    }

    /// None for an unknown kind.
    fn of(kind: Kind) -> Option<Self> {
        let named = Self::record(&[NAME]);
        let (record, element, element_len): (&[_], &[_], _) = match kind {
            Kind::INT | Kind::FLOAT => return Some(named),
            // The type of a FWD is always 0, but the kernel, too, takes it for one.
            Kind::FWD
            | Kind::PTR
            | Kind::TYPEDEF
            | Kind::VOLATILE
            | Kind::CONST
            | Kind::RESTRICT
            | Kind::FUNC
            | Kind::VAR
            | Kind::DECL_TAG
            | Kind::TYPE_TAG => return Some(Self::record(&[NAME, TARGET])),
            Kind::ARRAY => return Some(Self::record(&[NAME, Id(TYPE_LEN), Id(TYPE_LEN + 4)])),
            Kind::ENUM => (&[NAME], &[NAME], PARAM_LEN),
            Kind::ENUM64 => (&[NAME], &[NAME], MEMBER_LEN),
            Kind::STRUCT | Kind::UNION => (&[NAME], &[NAME, Id(4)], MEMBER_LEN),
            Kind::FUNC_PROTO => (&[NAME, TARGET], &[NAME, Id(4)], PARAM_LEN),
            Kind::DATASEC => (&[NAME], &[Id(0)], MEMBER_LEN),
            _ => return None,
        };
        Some(Self {
            record,
            element,
            element_len,
        })
    }
}

/// The references of a record with this `info` word, in order; none for an unknown kind.
///
/// Follows `btf_field_iter_init` of `tools/lib/bpf/btf_iter.c`.
pub(crate) fn references(info: Info) -> Option<impl Iterator<Item = Reference>> {
    let places = Places::of(info.kind())?;
    let elements = match places.element {
        [] => 0,
        _ => usize::try_from(info.vlen()).ok()?,
    };
    let starts = iter::successors(Some(TYPE_LEN), move |start| {
        start.checked_add(places.element_len)
    });
    let of_elements = starts.take(elements).flat_map(move |start| {
        places.element.iter().map(move |field| match field {
            Name(offset) => Name(start.saturating_add(*offset)),
            Id(offset) => Id(start.saturating_add(*offset)),
        })
    });
    Some(places.record.iter().copied().chain(of_elements))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ByteOrder, Type, TypeId};

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
            let found = found.filter(|field| kind != Kind::FWD || *field != TARGET);
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
