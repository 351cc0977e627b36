// SPDX-License-Identifier: MIT OR Apache-2.0

//! Deduplicating and distilling: what must fail does, and small cases by hand. `cargo xtask split` compares with libbpf's on
//! the BTF of kernels.

mod distill;
mod graphs;

use btf_core::{
    dedup_room, Amended, Btf, ErrorKind, IntEncoding, Kind, Linkage, NewPrototype, TypeId, Writer,
};

pub(crate) const LEN: usize = 1024;

/// `int`, `PTR` to it, FUNC `foo` of FUNC_PROTO `int (void)`.
fn input() -> Vec<u8> {
    let mut out = [0; LEN];
    let mut writer = Writer::new(&mut out);
    let int = writer.push_int(b"int", 4, IntEncoding::SIGNED).unwrap();
    writer.push_reference(Kind::PTR, int).unwrap();
    let proto = writer.push_func_proto(int, &[]).unwrap();
    writer.push_func(b"foo", proto, Linkage::STATIC).unwrap();
    writer.finish().unwrap().to_vec()
}

/// What is written of the input, with what `add` adds and `changes`.
fn merged(
    add: impl FnOnce(&mut Writer<'_>),
    changes: &[NewPrototype],
    room: usize,
) -> Result<Vec<u8>, ErrorKind> {
    let (input, mut out) = (input(), [0; LEN]);
    let input = Btf::parse(&input).unwrap();
    let mut writer = Writer::split(&mut out, &input);
    add(&mut writer);
    let added = Btf::parse_split(writer.finish().unwrap(), &input).unwrap();
    let amended = Amended::new(&added, changes).unwrap();
    let mut room = vec![0; dedup_room(&amended).min(room)];
    let mut out = [0; LEN];
    let mut writer = Writer::new(&mut out);
    let pushed = writer
        .deduplicate(&amended, &mut room)
        .and_then(|deduplicated| deduplicated.push(None));
    pushed.map_err(|error| error.kind)?;
    Ok(writer.finish().unwrap().to_vec())
}

pub(crate) fn kinds(data: &[u8]) -> Vec<(Kind, u32)> {
    let btf = Btf::parse(data).unwrap();
    let target = |id: Option<TypeId>| id.unwrap_or(TypeId::VOID).0;
    btf.types()
        .map(|ty| (ty.kind(), target(ty.target())))
        .collect()
}

#[test]
fn equal_types_become_one() {
    let data = merged(
        |writer| {
            // PTR to int is there; then PTR to PTR is new, and there twice.
            let one = writer.push_reference(Kind::PTR, TypeId(1)).unwrap();
            let two = writer.push_reference(Kind::PTR, one).unwrap();
            let other = writer.push_reference(Kind::PTR, TypeId(2)).unwrap();
            writer.push_typedef(b"a", two).unwrap();
            writer.push_typedef(b"b", other).unwrap();
        },
        &[],
        usize::MAX,
    );
    let expected = [
        (Kind::INT, 0),
        (Kind::PTR, 1),
        (Kind::FUNC_PROTO, 1),
        (Kind::FUNC, 3),
        (Kind::PTR, 2),
        (Kind::TYPEDEF, 5),
        (Kind::TYPEDEF, 5),
    ];
    assert_eq!(kinds(&data.unwrap()), expected);
}

#[test]
fn what_is_met_first_stays() {
    // foo gets a prototype that is there, with a higher id, before the one that it equals is met: the copy stays.
    let (mut out, mut added) = ([0; LEN], [0; LEN]);
    let mut writer = Writer::new(&mut out);
    let int = writer.push_int(b"int", 4, IntEncoding::SIGNED).unwrap();
    let func = writer
        .push_func(b"foo", TypeId(3), Linkage::STATIC)
        .unwrap();
    writer.push_func_proto(TypeId::VOID, &[]).unwrap();
    writer.push_func_proto(int, &[]).unwrap();
    let input = Btf::parse(writer.finish().unwrap()).unwrap();
    let mut writer = Writer::split(&mut added, &input);
    let proto = writer.push_func_proto(int, &[]).unwrap();
    let added = Btf::parse_split(writer.finish().unwrap(), &input).unwrap();
    let changes = [NewPrototype { func, proto }];
    let amended = Amended::new(&added, &changes).unwrap();
    let mut room = vec![0; dedup_room(&amended)];
    let mut out = [0; LEN];
    let mut writer = Writer::new(&mut out);
    let deduplicated = writer.deduplicate(&amended, &mut room).unwrap();
    deduplicated.push(None).unwrap();
    let expected = [
        (Kind::INT, 0),
        (Kind::FUNC, 4),
        (Kind::FUNC_PROTO, 0),
        (Kind::FUNC_PROTO, 1),
    ];
    assert_eq!(kinds(writer.finish().unwrap()), expected);
}

#[test]
fn too_little_room_is_told() {
    let need = match merged(|_| {}, &[], 0) {
        Err(ErrorKind::RoomTooSmall { need }) => need,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        merged(|_| {}, &[], need).map(|data| kinds(&data).len()),
        Ok(4)
    );
    let too_small = Err(ErrorKind::RoomTooSmall { need });
    assert_eq!(merged(|_| {}, &[], need - 1), too_small);
}

#[test]
fn damaged_references_are_told() {
    let missing = merged(
        |writer| {
            writer.push_reference(Kind::PTR, TypeId(99)).unwrap();
        },
        &[],
        usize::MAX,
    );
    assert_eq!(missing, Err(ErrorKind::InvalidTypeId(TypeId(99))));
    let cycle = merged(
        |writer| {
            writer.push_reference(Kind::PTR, TypeId(6)).unwrap();
            writer.push_reference(Kind::CONST, TypeId(5)).unwrap();
        },
        &[],
        usize::MAX,
    );
    assert_eq!(cycle, Err(ErrorKind::TooDeep));
    let deep = merged(
        |writer| {
            for target in (6..).take(40) {
                writer.push_reference(Kind::PTR, TypeId(target)).unwrap();
            }
            writer.push_reference(Kind::PTR, TypeId(1)).unwrap();
        },
        &[],
        usize::MAX,
    );
    assert!(deep.is_ok());
}
