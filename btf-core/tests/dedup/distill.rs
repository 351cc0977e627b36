// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a module needs of its base, and nothing else.

use btf_core::{Btf, Distillation, ErrorKind, IntEncoding, Kind, Linkage, Writer};

use crate::{kinds, LEN};

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
