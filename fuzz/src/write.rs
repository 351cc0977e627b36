// SPDX-License-Identifier: MIT OR Apache-2.0

//! Writing: what was read and written again is the same, whatever the room and the way.

use std::collections::HashSet;

use btf_core::validate::{validate, Policy, Release};
use btf_core::{
    Btf, ByteOrder, Dialect, Error, ErrorKind, Header, Info, Kind, Linkage, SortKey, Tag, Type,
    TypeId, WriteOptions, Writer,
};

use crate::same::{assert_same, names_of};
use crate::{input, kernel};

/// How it is written.
#[derive(Clone, Copy)]
struct How {
    dialect: Dialect,
    layout: bool,
    /// Take up all names before the types.
    names: bool,
    /// Words of the index of names.
    index: usize,
    /// Order of the types.
    order: Order,
}

#[derive(Clone, Copy, PartialEq)]
enum Order {
    Same,
    Sorted,
    /// As they are, each by the function for its kind.
    ByKind,
}

const PLAIN: How = How {
    dialect: Dialect::Vlen24,
    layout: false,
    names: true,
    index: 64,
    order: Order::Same,
};

pub fn check(data: &[u8]) {
    let input = input(data);
    let kernel = kernel();
    let base = match (&input.base, &input.twin) {
        (Some(base), _) => Btf::parse(base).ok(),
        (None, None) => Some(kernel),
        (None, Some(_)) => None,
    };
    let mut room = vec![0; 64];
    let base = base.map(|base| base.names_indexed(&mut room));
    if let Some(Ok(split)) = base
        .as_ref()
        .map(|base| Btf::parse_split(&input.blob, base))
    {
        check_btf(&split, base.as_ref(), &input.blob);
    }
    if let Ok(btf) = Btf::parse(&input.blob) {
        check_btf(&btf, None, &input.blob);
    }
}

fn check_btf(btf: &Btf<'_>, base: Option<&Btf<'_>>, data: &[u8]) {
    let copy = check_copy(btf, base, PLAIN);
    for (index, layout) in [(0, false), (5, true)] {
        let how = How {
            index,
            layout,
            ..PLAIN
        };
        let other = check_copy(btf, base, how);
        if !layout {
            assert_eq!(copy, other);
        }
    }
    let without_names = How {
        names: false,
        dialect: Dialect::Vlen16,
        ..PLAIN
    };
    let compact = check_copy(btf, base, without_names);
    if let Ok(copy) = &copy {
        check_identity(btf, base, data, copy);
        check_verdicts(data, copy, base);
    }
    if let Ok(compact) = &compact {
        check_verdicts(data, compact, base);
    }
    check_sorted(btf, base);
    check_by_kind(btf, base);
}

/// Writes `btf` into as much room as is asked for, and reads it again.
fn check_copy(btf: &Btf<'_>, base: Option<&Btf<'_>>, how: How) -> Result<Vec<u8>, ErrorKind> {
    let written = fill(btf, base, how);
    match &written {
        Err(kind) => assert!(may_fail(btf, how.dialect), "{kind:?}"),
        Ok(bytes) => {
            check_room(btf, base, how, bytes);
            assert!(!may_fail(btf, how.dialect));
            let copy = read(bytes, base);
            assert_eq!(copy.own_len(), btf.own_len());
            assert_eq!(Header::parse(bytes).unwrap().layout.is_empty(), !how.layout);
            for (old, new) in btf.types().zip(copy.types()) {
                assert_same((btf, &old), (&copy, &new), |id| id);
            }
        }
    }
    written
}

/// What is refused: kinds that are not known, names that are nowhere, and too many elements.
fn may_fail(btf: &Btf<'_>, dialect: Dialect) -> bool {
    let mut types = btf.types();
    types.any(|ty| {
        let names = names_of(&ty).into_iter();
        ty.kind().name().is_none()
            || ty.info().vlen() > dialect.max_vlen()
            || names
                .into_iter()
                .any(|name| name != 0 && name >= btf.end_name())
    })
}

fn read<'a>(bytes: &'a [u8], base: Option<&'a Btf<'a>>) -> Btf<'a> {
    match base {
        None => Btf::parse(bytes),
        Some(base) => Btf::parse_split(bytes, base),
    }
    .unwrap()
}

/// A slice of the length of `bytes`, which is what is written, is enough, and a shorter one is not.
fn check_room(btf: &Btf<'_>, base: Option<&Btf<'_>>, how: How, bytes: &[u8]) {
    let mut exact = vec![0x5a; bytes.len()];
    assert_eq!(write(btf, base, how, &mut exact).unwrap(), bytes);
    let less = bytes.len().checked_sub(1).unwrap();
    for len in [less, less / 2] {
        match write(btf, base, how, &mut exact[..len]) {
            Err(ErrorKind::BufferTooSmall { need }) => assert!(need >= bytes.len()),
            other => panic!("{other:?}"),
        }
    }
}

/// Writes into an empty slice to measure, then into one as long as was measured.
fn fill(btf: &Btf<'_>, base: Option<&Btf<'_>>, how: How) -> Result<Vec<u8>, ErrorKind> {
    let too_small = write(btf, base, how, &mut []);
    let need = match too_small {
        Err(ErrorKind::BufferTooSmall { need }) => need,
        other => return other,
    };
    let mut room = vec![0xa5; need];
    let bytes = write(btf, base, how, &mut room).unwrap();
    assert!(bytes.len() <= need);
    Ok(bytes)
}

fn write(
    btf: &Btf<'_>,
    base: Option<&Btf<'_>>,
    how: How,
    out: &mut [u8],
) -> Result<Vec<u8>, ErrorKind> {
    let mut index = vec![0xffff; how.index];
    let options = WriteOptions {
        base,
        byte_order: btf.byte_order(),
        dialect: how.dialect,
        layout: how.layout,
        name_index: &mut index,
        ..WriteOptions::default()
    };
    let mut writer = Writer::with(out, options);
    if how.names {
        writer.push_names(btf);
    }
    let pushed = push_all(btf, how.order, &mut writer);
    let finished = pushed.and_then(|()| writer.finish());
    finished.map(<[u8]>::to_vec).map_err(|error| error.kind)
}

fn push_all(btf: &Btf<'_>, order: Order, writer: &mut Writer<'_>) -> Result<(), Error> {
    if order == Order::Sorted {
        let types = btf.own_len() as usize;
        let mut room = vec![0xdead_beef; 2 * types];
        let mut order = vec![SortKey::default(); 2 * types];
        return writer.push_sorted(btf, &mut room, &mut order);
    }
    for ty in btf.types() {
        assert_eq!(writer.next_id(), ty.id());
        let id = match order {
            Order::ByKind => push_by_kind(btf, &ty, writer)?,
            _ => writer.push_type(btf, &ty, |id| id)?,
        };
        assert_eq!(id, ty.id());
    }
    Ok(())
}

/// If every name is there once and is used from its start, the sections are byte for byte the same.
fn check_identity(btf: &Btf<'_>, base: Option<&Btf<'_>>, data: &[u8], copy: &[u8]) {
    let mut known = HashSet::new();
    let mut offsets = HashSet::from([0]);
    let of_base = base.map_or(0, Btf::end_name);
    for first in [0, of_base] {
        let end = if first < of_base {
            of_base
        } else {
            btf.end_name()
        };
        let mut offset = first;
        while offset < end {
            let name = btf.name_at(offset);
            if !known.insert(name) {
                return;
            }
            offsets.insert(offset);
            offset += name.len() as u32 + 1;
        }
        if of_base == 0 {
            break;
        }
    }
    let mut names = btf.types().flat_map(|ty| names_of(&ty));
    if !names.all(|name| offsets.contains(&name)) {
        return;
    }
    let (old, new) = (Header::parse(data).unwrap(), Header::parse(copy).unwrap());
    assert_eq!(old.types, new.types);
    // There is always an empty name, and no byte too many.
    assert_eq!(
        old.strings,
        if old.strings.is_empty() {
            old.strings
        } else {
            new.strings
        }
    );
}

/// What a kernel accepts it accepts when it is written again.
fn check_verdicts(data: &[u8], copy: &[u8], base: Option<&Btf<'_>>) {
    let of_kernel = Policy::Kernel { base };
    let policies = match base {
        None => vec![of_kernel, Policy::User { kernel: None }],
        Some(_) => vec![of_kernel],
    };
    if base.is_some_and(|base| base.byte_order() != ByteOrder::NATIVE) {
        return;
    }
    for policy in policies {
        for release in Release::ALL {
            let mut room = vec![0; data.len().max(copy.len()) / 4 + 3];
            let before = validate(data, policy, release, &mut room).map(|_| ());
            let after = validate(copy, policy, release, &mut room).map(|_| ());
            if before.is_ok() {
                assert_eq!(after, before);
            }
        }
    }
}

fn check_sorted(btf: &Btf<'_>, base: Option<&Btf<'_>>) {
    let how = How {
        order: Order::Sorted,
        ..PLAIN
    };
    let Ok(bytes) = fill(btf, base, how) else {
        assert!(may_fail(btf, how.dialect));
        return;
    };
    let sorted = read(&bytes, base);
    let mut old: Vec<_> = btf.types().collect();
    old.sort_by_key(|ty| btf.name(ty));
    let first = btf.first_id().0;
    let new_id = |id: TypeId| {
        let place = old.iter().position(|ty| ty.id() == id);
        place.map_or(id, |place| TypeId(first + place as u32))
    };
    assert_eq!(sorted.own_len() as usize, old.len());
    for (old, new) in old.iter().zip(sorted.types()) {
        assert_same((btf, old), (&sorted, &new), new_id);
    }
    let mut room = [0; 3];
    assert!(sorted.indexed(&mut room).is_sorted() || old.is_empty());
    let mut again = vec![0; bytes.len()];
    assert_eq!(write(&sorted, base, how, &mut again).unwrap(), bytes);
    check_sort_room(btf);
}

fn check_sort_room(btf: &Btf<'_>) {
    // As many words as keys.
    let need = 2 * btf.own_len() as usize;
    let Some(less) = need.checked_sub(1) else {
        return;
    };
    for (words, keys, error) in [
        (less, need, ErrorKind::RoomTooSmall { need }),
        (need, less, ErrorKind::OrderTooSmall { need }),
    ] {
        let (mut room, mut order) = (vec![0; words], vec![SortKey::default(); keys]);
        let mut out = [0; 64];
        let pushed = Writer::new(&mut out).push_sorted(btf, &mut room, &mut order);
        assert_eq!(pushed.unwrap_err().kind, error);
    }
}

/// The functions for each kind write what they are told, or refuse it.
fn check_by_kind(btf: &Btf<'_>, base: Option<&Btf<'_>>) {
    let how = How {
        order: Order::ByKind,
        names: false,
        ..PLAIN
    };
    let Ok(bytes) = fill(btf, base, how) else {
        return;
    };
    let copy = read(&bytes, base);
    assert_eq!(copy.own_len(), btf.own_len());
    for (old, new) in btf.types().zip(copy.types()) {
        if !can_be_said(btf, &old) {
            continue;
        }
        match (old.int(), new.int()) {
            // Not compared as a whole: some of its bits mean nothing, and are not written.
            (Some(old), Some(new)) => {
                assert_eq!(
                    (old.encoding, old.offset, old.bits),
                    (new.encoding, new.offset, new.bits)
                );
            }
            _ => assert_same((btf, &old), (&copy, &new), |id| id),
        }
    }
}

/// Whether the functions for each kind can say all that there is in `ty`.
fn can_be_said(btf: &Btf<'_>, ty: &Type<'_>) -> bool {
    let info = ty.info();
    let bitfields = ty.members().any(|member| member.bitfield_size != 0);
    let flag = match ty.kind() {
        Kind::STRUCT | Kind::UNION => bitfields == info.kind_flag(),
        Kind::FWD | Kind::ENUM | Kind::ENUM64 | Kind::DECL_TAG | Kind::TYPE_TAG => true,
        _ => !info.kind_flag(),
    };
    let counted = match ty.kind() {
        Kind::STRUCT | Kind::UNION | Kind::ENUM | Kind::ENUM64 | Kind::FUNC_PROTO => true,
        Kind::DATASEC => true,
        Kind::FUNC => info.vlen() <= u32::from(u16::MAX),
        _ => info.vlen() == 0,
    };
    let int = ty.int().is_none_or(|int| {
        let said = Info::new(Kind::INT, 0, false) == info && int.offset == 0;
        said && Some(u32::from(int.bits)) == ty.size().map(|size| size * 8)
    });
    let nameless = matches!(
        ty.kind(),
        Kind::PTR | Kind::CONST | Kind::VOLATILE | Kind::RESTRICT | Kind::ARRAY | Kind::FUNC_PROTO
    );
    let component = ty.component().is_none_or(|component| component >= -1);
    let name = !nameless || btf.name(ty).is_empty();
    flag && counted && int && component && name
}

fn push_by_kind(btf: &Btf<'_>, ty: &Type<'_>, writer: &mut Writer<'_>) -> Result<TypeId, Error> {
    let name = btf.name(ty);
    let target = ty.target().unwrap_or(TypeId::VOID);
    let size = ty.size().unwrap_or(0);
    let flag = ty.info().kind_flag();
    let tag = if flag {
        Tag::Attribute(name)
    } else {
        Tag::Value(name)
    };
    match ty.kind() {
        Kind::INT => {
            let size = u8::try_from(size).unwrap_or(u8::MAX);
            writer.push_int(name, size, ty.int().unwrap().encoding)
        }
        Kind::ARRAY => writer.push_array(ty.array().unwrap()),
        kind @ (Kind::STRUCT | Kind::UNION) => {
            let mut members: Vec<_> = ty.members().collect();
            for member in &mut members {
                member.name = writer.name(btf.name_at(member.name))?;
            }
            writer.push_composite(kind, name, size, &members)
        }
        kind @ (Kind::ENUM | Kind::ENUM64) => {
            let mut enumerators: Vec<_> = ty.enumerators().collect();
            for enumerator in &mut enumerators {
                enumerator.name = writer.name(btf.name_at(enumerator.name))?;
            }
            writer.push_enum(kind, name, size, flag, &enumerators)
        }
        Kind::FWD => writer.push_fwd(if flag { Kind::UNION } else { Kind::STRUCT }, name),
        Kind::TYPEDEF => writer.push_typedef(name, target),
        Kind::FUNC => {
            let linkage = u16::try_from(ty.info().vlen()).unwrap_or(u16::MAX);
            writer.push_func(name, target, Linkage(linkage))
        }
        Kind::FUNC_PROTO => {
            let mut params: Vec<_> = ty.params().collect();
            for param in &mut params {
                param.name = writer.name(btf.name_at(param.name))?;
            }
            writer.push_func_proto(target, &params)
        }
        Kind::VAR => writer.push_var(name, target, ty.linkage().unwrap()),
        Kind::DATASEC => writer.push_datasec(name, size, &ty.variables().collect::<Vec<_>>()),
        Kind::FLOAT => writer.push_opaque(Kind::FLOAT, name, size),
        Kind::DECL_TAG => {
            let component = ty
                .component()
                .and_then(|component| u32::try_from(component).ok());
            writer.push_decl_tag(tag, target, component)
        }
        Kind::TYPE_TAG => writer.push_type_tag(tag, target),
        kind => writer.push_reference(kind, target),
    }
}
