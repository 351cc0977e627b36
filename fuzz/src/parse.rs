// SPDX-License-Identifier: MIT OR Apache-2.0

//! Reading: nothing panics, and every way to ask for the same thing gives the same answer.

use btf_core::{Btf, Declaration, Error, Header, Kind, Type, TypeId};

use crate::{input, kernel};

/// Look-ups in a BTF, by id and by name: each may take a walk over all of it, one by name a few.
const LOOK_UPS: usize = 16;
const NAMES: usize = 4;

pub fn check(data: &[u8]) {
    let input = input(data);
    check_header(&input.blob);
    let kernel = kernel();
    let mut room = [0; 3];
    let base = match (&input.base, &input.twin) {
        (Some(base), _) => Btf::parse(base).ok(),
        // What was not made here may stand on anything.
        (None, None) => Some(kernel),
        (None, Some(_)) => None,
    };
    let base = base.map(|base| base.indexed(&mut room));
    let split = base
        .as_ref()
        .map(|base| Btf::parse_split(&input.blob, base));
    if let Some(Ok(split)) = &split {
        check_btf(split, base.as_ref());
    }
    let alone = Btf::parse(&input.blob);
    let mut room = [0; 5];
    let indexed = Btf::parse_indexed(&input.blob, &mut room);
    assert_eq!(
        alone.map(|btf| btf.end_id()),
        indexed.map(|btf| btf.end_id())
    );
    if let Ok(indexed) = indexed {
        check_answers(&indexed, None, &indexed.types().collect::<Vec<_>>());
    }
    match &alone {
        Ok(btf) => check_btf(btf, None),
        Err(error) => check_error(error, &input.blob),
    }
    if let Some(twin) = &input.twin {
        same_in_both_orders(alone, Btf::parse(twin));
    }
}

fn check_header(data: &[u8]) {
    let inside = |section: &[u8]| {
        let (all, part) = (data.as_ptr_range(), section.as_ptr_range());
        section.is_empty() || all.start <= part.start && part.end <= all.end
    };
    match Header::parse(data) {
        Ok(header) => {
            assert!([header.types, header.strings, header.layout]
                .into_iter()
                .all(inside));
        }
        Err(error) => check_error(&error, data),
    }
}

/// An error can be printed, and tells of a place in the blob.
pub(crate) fn check_error(error: &Error, data: &[u8]) {
    assert!(!error.to_string().is_empty());
    assert!(error.at.offset as usize <= data.len(), "{error}");
}

fn check_btf(btf: &Btf<'_>, base: Option<&Btf<'_>>) {
    let types: Vec<_> = btf.types().collect();
    assert_eq!(types.len(), btf.own_len() as usize);
    let end = types
        .last()
        .map_or(0, |ty| btf.record_offset(ty.id()) + ty.record_len());
    assert_eq!(types.iter().map(Type::record_len).sum::<usize>(), end);
    assert_eq!(btf.end_id().0 - btf.first_id().0, btf.own_len());
    let len = types.len();
    // Quicker than without.
    let mut room = vec![0; len];
    let indexed = btf.indexed(&mut room);
    for ty in &types {
        read_type(&indexed, ty);
    }
    check_answers(btf, base, &types);
    for words in [len / 3, len, 1 + btf.end_name() as usize % (len + 2)] {
        let mut room = vec![0; words];
        let indexed = btf.indexed(&mut room);
        let sorted = types.iter().map(|ty| btf.name(ty)).is_sorted();
        assert_eq!(indexed.is_sorted(), sorted && words.min(len) != 0);
        check_answers(&indexed, base, &types);
        let mut room = vec![0; words];
        check_answers(&indexed.types_indexed(&mut room), base, &types);
        let mut names = vec![0; words];
        check_names(btf, &btf.names_indexed(&mut names), &types);
        let mut index = vec![0; words];
        let table_first = btf.types_indexed(&mut room).indexed(&mut index);
        check_answers(&table_first, base, &types);
    }
}

/// Names are found where they are, with a table of them or without.
fn check_names(btf: &Btf<'_>, tabled: &Btf<'_>, types: &[Type<'_>]) {
    for ty in types.iter().step_by(types.len() / LOOK_UPS + 1) {
        let name = btf.name(ty);
        let found = btf.name_offset(name);
        assert_eq!(tabled.name_offset(name), found);
        assert_eq!(found.map_or(name, |offset| btf.name_at(offset)), name);
        assert_eq!(
            tabled.name_offset(&[name, b"x"].concat()),
            btf.name_offset(&[name, b"x"].concat())
        );
    }
    assert_eq!(btf.name_offset(b"a\0"), None);
    assert_eq!(tabled.name_offset(b"a\0"), None);
}

/// Reads all that there is to be read of `ty`.
fn read_type(btf: &Btf<'_>, ty: &Type<'_>) {
    let vlen = ty.info().vlen() as usize;
    let counts = [
        (
            ty.members().count(),
            matches!(ty.kind(), Kind::STRUCT | Kind::UNION),
        ),
        (ty.params().count(), ty.kind() == Kind::FUNC_PROTO),
        (ty.params().len(), ty.kind() == Kind::FUNC_PROTO),
        (
            ty.enumerators().count(),
            matches!(ty.kind(), Kind::ENUM | Kind::ENUM64),
        ),
        (ty.variables().count(), ty.kind() == Kind::DATASEC),
    ];
    for (count, has_them) in counts {
        assert_eq!(count, if has_them { vlen } else { 0 });
    }
    // Some iterators have a short way to a later element.
    for (place, member) in ty.members().enumerate().take(4) {
        assert_eq!(ty.members().nth(place), Some(member));
    }
    for (place, variable) in ty.variables().enumerate().take(4) {
        assert_eq!(ty.variables().nth(place), Some(variable));
    }
    assert_eq!(ty.members().nth(vlen), None);
    assert_eq!(ty.variables().nth(vlen), None);
    assert_eq!(ty.int().is_some(), ty.kind() == Kind::INT);
    assert_eq!(ty.array().is_some(), ty.kind() == Kind::ARRAY);
    assert_eq!(ty.component().is_some(), ty.kind() == Kind::DECL_TAG);
    assert_eq!(
        ty.linkage().is_some(),
        matches!(ty.kind(), Kind::FUNC | Kind::VAR)
    );
    assert!(ty.size().is_none() || ty.target().is_none());
    assert!(!ty.kind().to_string().is_empty());
    let declaration = Declaration::new(btf, *ty).map(|declaration| declaration.to_string());
    assert_eq!(declaration.is_some(), ty.kind() == Kind::FUNC);
    if let Ok(Some(end)) = btf.skip_modifiers(ty.id()) {
        assert!(!end.kind().is_modifier());
    }
    // An array of nothing has no size either way.
    if let (Some(size), Ok(found)) = (ty.size(), btf.size_of(ty.id())) {
        assert_eq!(size, found);
    }
    check_members(btf, ty);
}

fn check_members(btf: &Btf<'_>, ty: &Type<'_>) {
    let anonymous = ty.members().any(|member| member.name == 0);
    for (place, member) in ty.members().enumerate().take(NAMES) {
        let Ok(name) = std::str::from_utf8(btf.name_at(member.name)) else {
            continue;
        };
        let found = btf.member(ty, name);
        let mut before = ty.members().take(place);
        let first =
            !before.any(|other| other.name != 0 && btf.name_at(other.name) == name.as_bytes());
        if first && !anonymous && !name.contains(['.', '[']) {
            let found = found.unwrap();
            assert_eq!(
                (found.bit_offset, found.bitfield_size, found.ty),
                (member.bit_offset, member.bitfield_size, member.ty)
            );
        }
        check_located(btf, ty, name);
        for path in [".m", "[1]", "[0][1].m"] {
            if let Ok(inner) = btf.member(ty, &format!("{name}{path}")) {
                let bytes = inner.byte_offset();
                assert!(bytes.is_none_or(|bytes| bytes * 8 == inner.bit_offset));
            }
        }
    }
}

/// A path that begins with the name of a type leads where the path without it leads from the type.
fn check_located(btf: &Btf<'_>, ty: &Type<'_>, member: &str) {
    let first = btf
        .find(btf.name(ty), Kind::STRUCT)
        .or_else(|| btf.find(btf.name(ty), Kind::UNION));
    if let (Some(first), Ok(name)) = (first, std::str::from_utf8(btf.name(ty))) {
        if !name.contains('.') {
            assert_eq!(
                btf.locate(&format!("{name}.{member}")),
                btf.member(&first, member)
            );
        }
    }
}

/// What `btf` answers is what a walk over `types` finds.
fn check_answers(btf: &Btf<'_>, base: Option<&Btf<'_>>, types: &[Type<'_>]) {
    let mut last = None;
    for ty in types.iter().step_by(types.len() / LOOK_UPS + 1) {
        assert_eq!(btf.get(ty.id()), Some(*ty));
        let offset = btf.record_offset(ty.id());
        assert!(last < Some(offset));
        last = Some(offset);
    }
    let kind = types.first().map_or(Kind::INT, Type::kind);
    let of_kind = types.iter().filter(|ty| ty.kind() == kind).copied();
    assert!(btf.of_kind(kind).eq(of_kind));
    for id in [0, btf.end_id().0, u32::MAX] {
        assert_eq!(btf.get(TypeId(id)), None);
    }
    let last_of_base = TypeId(btf.first_id().0 - 1);
    assert_eq!(
        btf.get(last_of_base),
        base.and_then(|base| base.get(last_of_base))
    );
    for ty in types.iter().step_by(types.len() / NAMES + 1) {
        let name = btf.name(ty);
        check_name(btf, base, types, name, ty.kind());
        check_name(btf, base, types, name, Kind(ty.kind().0 ^ 1));
        let shorter = name.split_last().map_or(name, |(_, shorter)| shorter);
        for other in [shorter, &[name, b"\0"].concat(), &[name, b"x"].concat()] {
            check_name(btf, base, types, other, ty.kind());
        }
    }
    check_name(btf, base, types, b"task_struct", Kind::STRUCT);
}

fn check_name(btf: &Btf<'_>, base: Option<&Btf<'_>>, types: &[Type<'_>], name: &[u8], kind: Kind) {
    let walk: Vec<_> = types
        .iter()
        .filter(|ty| ty.kind() == kind && btf.name(ty) == name)
        .copied()
        .collect();
    assert_eq!(btf.named(name, kind).collect::<Vec<_>>(), walk);
    assert_eq!(btf.find_own(name, kind), walk.first().copied());
    let of_base = base.and_then(|base| base.find(name, kind));
    assert_eq!(btf.find(name, kind), of_base.or(walk.first().copied()));
}

fn same_in_both_orders(one: Result<Btf<'_>, Error>, other: Result<Btf<'_>, Error>) {
    let (one, other) = match (one, other) {
        (Ok(one), Ok(other)) => (one, other),
        (one, other) => {
            assert_eq!(one.err(), other.err());
            return;
        }
    };
    assert_ne!(one.byte_order(), other.byte_order());
    assert_eq!(one.own_len(), other.own_len());
    for (a, b) in one.types().zip(other.types()) {
        assert_eq!(
            (a.id(), a.kind(), a.info(), a.size(), a.target()),
            (b.id(), b.kind(), b.info(), b.size(), b.target())
        );
        assert_eq!(one.name(&a), other.name(&b));
        assert_eq!(
            (a.int(), a.array(), a.component(), a.linkage()),
            (b.int(), b.array(), b.component(), b.linkage())
        );
        assert!(a.members().eq(b.members()) && a.params().eq(b.params()));
        assert!(a.enumerators().eq(b.enumerators()) && a.variables().eq(b.variables()));
    }
}
