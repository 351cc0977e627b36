// SPDX-License-Identifier: MIT OR Apache-2.0

//! Merging and distilling: what must fail does, and small cases by hand. `cargo xtask split` compares with libbpf's on
//! the BTF of kernels.

use btf_core::{
    dedup_room, Amended, Btf, Distillation, ErrorKind, IntEncoding, Kind, Linkage, NewPrototype,
    TypeId, Writer,
};

const LEN: usize = 1024;

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

fn kinds(data: &[u8]) -> Vec<(Kind, u32)> {
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

#[test]
fn a_distilled_base_has_what_is_needed() {
    let (mut vmlinux, mut module) = ([0; LEN], [0; LEN]);
    let mut writer = Writer::new(&mut vmlinux);
    let int = writer.push_int(b"int", 4, IntEncoding::SIGNED).unwrap();
    writer
        .push_int(b"unused", 8, IntEncoding::UNSIGNED)
        .unwrap();
    let page = writer.push_opaque(Kind::STRUCT, b"page", 64).unwrap();
    let pointer = writer.push_reference(Kind::PTR, page).unwrap();
    let proto = writer.push_func_proto(int, &[]).unwrap();
    let func = writer.push_func(b"foo", proto, Linkage::STATIC).unwrap();
    let base = Btf::parse(writer.finish().unwrap()).unwrap();
    let mut writer = Writer::split(&mut module, &base);
    writer.push_typedef(b"page_t", pointer).unwrap();
    writer.push_typedef(b"number", int).unwrap();
    let split = Btf::parse_split(writer.finish().unwrap(), &base).unwrap();

    let need = Distillation::room(&split);
    let mut room = vec![0; need];
    let too_small = Distillation::of(&split, &mut room[1..]).map(|_| ());
    assert_eq!(
        too_small.map_err(|error| error.kind),
        Err(ErrorKind::RoomTooSmall { need })
    );
    let alone = Distillation::of(&base, &mut []).map(|_| ());
    assert_eq!(
        alone.map_err(|error| error.kind),
        Err(ErrorKind::MissingBase)
    );

    let distillation = Distillation::of(&split, &mut room).unwrap();
    let (mut out, mut rest) = ([0; LEN], [0; LEN]);
    let mut writer = Writer::new(&mut out);
    distillation.push_base(&mut writer).unwrap();
    let data = writer.finish().unwrap();
    assert_eq!(kinds(data), [(Kind::INT, 0), (Kind::STRUCT, 0)]);
    let distilled = Btf::parse(data).unwrap();
    let mut writer = Writer::split(&mut rest, &distilled);
    distillation.push_split(&mut writer).unwrap();
    let split = Btf::parse_split(writer.finish().unwrap(), &distilled).unwrap();
    let found: Vec<_> = split
        .types()
        .map(|ty| (ty.kind(), ty.target().unwrap().0))
        .collect();
    assert_eq!(
        found,
        [(Kind::TYPEDEF, 5), (Kind::TYPEDEF, 1), (Kind::PTR, 2)]
    );

    // A module cannot point to a function of the kernel.
    let mut module = [0; LEN];
    let mut writer = Writer::split(&mut module, &base);
    writer.push_typedef(b"odd", func).unwrap();
    let split = Btf::parse_split(writer.finish().unwrap(), &base).unwrap();
    let refused = Distillation::of(&split, &mut room).map(|_| ());
    assert_eq!(
        refused.map_err(|error| error.kind),
        Err(ErrorKind::UnexpectedKind(Kind::FUNC))
    );
}
