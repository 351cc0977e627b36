// SPDX-License-Identifier: MIT OR Apache-2.0

//! Writing: every kind, good and bad, in memory of every size; names, layout, byte order, copies and sorting.

use btf_core::validate::{validate, Policy, Release};
use btf_core::{
    limits, Array, Btf, ByteOrder, Dialect, Enumerator, Error, ErrorKind, Header, Info,
    IntEncoding, Kind, Linkage, Param, RawMember, SortKey, Tag, Type, TypeId, Variable,
    WriteOptions, Writer,
};

/// Pushes records.
type Fill = fn(&mut Writer<'_>) -> Result<(), Error>;

/// What `fill` makes of enough memory.
fn written(
    options: WriteOptions<'_>,
    fill: impl FnOnce(&mut Writer<'_>) -> Result<(), Error>,
) -> Vec<u8> {
    let mut out = vec![0xaa; 1 << 16];
    let mut writer = Writer::with(&mut out, options);
    fill(&mut writer).unwrap();
    writer.finish().unwrap().to_vec()
}

fn member(name: u32, ty: TypeId, bit_offset: u32, bitfield_size: u32) -> RawMember {
    RawMember {
        name,
        ty,
        bit_offset,
        bitfield_size,
    }
}

/// One record of each kind and form, each name used twice.
fn every_kind(writer: &mut Writer<'_>) -> Result<(), Error> {
    let names: Vec<_> = ["one", "two", "three"]
        .iter()
        .map(|name| writer.name(name.as_bytes()))
        .collect::<Result<_, _>>()?;
    let int = writer.push_int(b"int", 4, IntEncoding::SIGNED)?;
    let pointer = writer.push_reference(Kind::PTR, int)?;
    writer.push_array(Array {
        element: pointer,
        index: int,
        len: 9,
    })?;
    writer.push_composite(
        Kind::STRUCT,
        b"plain",
        8,
        &[member(names[0], int, 0, 0), member(names[1], int, 32, 0)],
    )?;
    writer.push_composite(
        Kind::STRUCT,
        b"bits",
        4,
        &[member(names[1], int, 0, 3), member(0, int, 3, 29)],
    )?;
    let either = [member(names[2], int, 0, 0), member(names[0], pointer, 0, 0)];
    writer.push_composite(Kind::UNION, b"either", 8, &either)?;
    for (kind, signed, values) in [
        (Kind::ENUM, false, [0, i128::from(u32::MAX)]),
        (
            Kind::ENUM,
            true,
            [i128::from(i32::MIN), i128::from(i32::MAX)],
        ),
        (Kind::ENUM64, false, [0, i128::from(u64::MAX)]),
        (
            Kind::ENUM64,
            true,
            [i128::from(i64::MIN), i128::from(i64::MAX)],
        ),
    ] {
        let enumerators = [0, 1].map(|at| Enumerator {
            name: names[at + 1],
            value: values[at],
        });
        writer.push_enum(kind, b"choice", 8, signed, &enumerators)?;
    }
    writer.push_fwd(Kind::STRUCT, b"plain")?;
    writer.push_fwd(Kind::UNION, b"bits")?;
    writer.push_typedef(b"alias", pointer)?;
    for kind in [Kind::VOLATILE, Kind::CONST, Kind::RESTRICT] {
        writer.push_reference(kind, pointer)?;
    }
    let param = |name, ty| Param { name, ty };
    let proto = writer.push_func_proto(int, &[param(names[2], int), param(0, TypeId::VOID)])?;
    let func = writer.push_func(b"call", proto, Linkage::GLOBAL)?;
    let var = writer.push_var(b"counter", int, 1)?;
    let variable = Variable {
        var,
        offset: 16,
        size: 4,
    };
    writer.push_datasec(b".data", 20, &[variable])?;
    writer.push_opaque(Kind::FLOAT, b"double", 8)?;
    writer.push_opaque(Kind::UNION, b"distilled", 8)?;
    writer.push_decl_tag(Tag::Value(b"tag"), func, None)?;
    writer.push_decl_tag(Tag::Attribute(b"attribute"), func, Some(1))?;
    writer.push_type_tag(Tag::Value(b"tag"), int)?;
    writer.push_type_tag(Tag::Attribute(b"attribute"), int)?;
    Ok(())
}

#[test]
fn every_kind_reads_as_it_was_written() {
    let data = written(WriteOptions::default(), every_kind);
    let btf = Btf::parse(&data).unwrap();
    let types: Vec<_> = btf.types().collect();
    let kinds: std::collections::BTreeSet<_> = types.iter().map(|ty| ty.kind().0).collect();
    assert!(kinds.into_iter().eq(1..limits::KINDS));
    let find = |name: &str, kind| btf.find(name.as_bytes(), kind).unwrap();
    let names = |of: &mut dyn Iterator<Item = u32>| {
        of.map(|name| String::from_utf8(btf.name_at(name).to_vec()).unwrap())
            .collect::<Vec<_>>()
    };

    let int = find("int", Kind::INT);
    let of_int = int.int().unwrap();
    assert_eq!((int.size(), of_int.bits, of_int.offset), (Some(4), 32, 0));
    assert_eq!(of_int.encoding, IntEncoding::SIGNED);
    let array = types.iter().find_map(Type::array).unwrap();
    assert_eq!((array.element.0, array.index.0, array.len), (2, 1, 9));

    let plain = find("plain", Kind::STRUCT);
    assert!(!plain.info().kind_flag() && plain.size() == Some(8));
    assert_eq!(
        names(&mut plain.members().map(|member| member.name)),
        ["one", "two"]
    );
    assert_eq!(btf.member(&plain, "two").unwrap().byte_offset(), Some(4));
    let either = find("either", Kind::UNION);
    assert_eq!(either.members().count(), 2);
    let bits = find("bits", Kind::STRUCT);
    assert!(bits.info().kind_flag());
    let places: Vec<_> = bits
        .members()
        .map(|member| (member.bit_offset, member.bitfield_size))
        .collect();
    assert_eq!(places, [(0, 3), (3, 29)]);

    let values: Vec<_> = types
        .iter()
        .filter(|ty| matches!(ty.kind(), Kind::ENUM | Kind::ENUM64))
        .map(|ty| {
            let of_type: Vec<_> = ty.enumerators().map(|one| one.value).collect();
            assert_eq!(
                names(&mut ty.enumerators().map(|one| one.name)),
                ["two", "three"]
            );
            (ty.kind(), ty.info().kind_flag(), of_type)
        })
        .collect();
    let of = |low: i64, high: u64| vec![i128::from(low), i128::from(high)];
    assert_eq!(
        values,
        [
            (Kind::ENUM, false, of(0, u32::MAX.into())),
            (Kind::ENUM, true, of(i32::MIN.into(), i32::MAX as u64)),
            (Kind::ENUM64, false, of(0, u64::MAX)),
            (Kind::ENUM64, true, of(i64::MIN, i64::MAX as u64)),
        ]
    );

    assert!(!find("plain", Kind::FWD).info().kind_flag());
    assert!(find("bits", Kind::FWD).info().kind_flag());
    assert_eq!(find("alias", Kind::TYPEDEF).target(), Some(TypeId(2)));
    let func = find("call", Kind::FUNC);
    assert_eq!(func.info().vlen(), u32::from(Linkage::GLOBAL.0));
    let proto = btf.get(func.target().unwrap()).unwrap();
    assert_eq!(
        names(&mut proto.params().map(|param| param.name)),
        ["three", ""]
    );
    assert_eq!(proto.target(), Some(int.id()));
    let var = find("counter", Kind::VAR);
    assert_eq!((var.target(), var.linkage()), (Some(int.id()), Some(1)));
    let variable = find(".data", Kind::DATASEC).variables().next().unwrap();
    assert_eq!(
        (variable.var, variable.offset, variable.size),
        (var.id(), 16, 4)
    );
    assert_eq!(find("double", Kind::FLOAT).size(), Some(8));
    assert_eq!(find("distilled", Kind::UNION).members().count(), 0);
    for (name, flag, component) in [("tag", false, -1), ("attribute", true, 1)] {
        let tag = find(name, Kind::DECL_TAG);
        assert_eq!(
            (tag.info().kind_flag(), tag.component()),
            (flag, Some(component))
        );
        assert_eq!(tag.target(), Some(func.id()));
        let tag = find(name, Kind::TYPE_TAG);
        assert_eq!(
            (tag.info().kind_flag(), tag.target()),
            (flag, Some(int.id()))
        );
    }
}

#[test]
fn what_does_not_fit_a_record_is_refused_and_changes_nothing() {
    use ErrorKind::{NulInName, NumberTooLarge, TooManyElements, UnexpectedKind};
    let void = TypeId::VOID;
    let enumerator = |value| [Enumerator { name: 0, value }];
    type Push<'p> = &'p dyn Fn(&mut Writer<'_>) -> Result<TypeId, Error>;
    let many = vec![Param { name: 0, ty: void }; 0x1_0000];
    let many_members = vec![member(0, void, 0, 0); 0x1_0000];
    let cases: &[(ErrorKind, Push<'_>)] = &[
        (NumberTooLarge, &|writer| {
            writer.push_int(b"new", 17, IntEncoding::SIGNED)
        }),
        (NulInName, &|writer| {
            writer.push_int(b"n\0w", 4, IntEncoding::SIGNED)
        }),
        (UnexpectedKind(Kind::TYPEDEF), &|writer| {
            writer.push_reference(Kind::TYPEDEF, void)
        }),
        (UnexpectedKind(Kind::ENUM), &|writer| {
            writer.push_composite(Kind::ENUM, b"new", 8, &[])
        }),
        (NumberTooLarge, &|writer| {
            writer.push_composite(Kind::STRUCT, b"new", 8, &[member(0, void, 0, 256)])
        }),
        (NumberTooLarge, &|writer| {
            let members = [member(0, void, 0, 1), member(0, void, 1 << 24, 0)];
            writer.push_composite(Kind::STRUCT, b"new", 8, &members)
        }),
        (TooManyElements(0x1_0000), &|writer| {
            writer.push_composite(Kind::STRUCT, b"new", 8, &many_members)
        }),
        (UnexpectedKind(Kind::INT), &|writer| {
            writer.push_enum(Kind::INT, b"new", 4, true, &[])
        }),
        (NumberTooLarge, &|writer| {
            writer.push_enum(Kind::ENUM, b"new", 4, false, &enumerator(-1))
        }),
        (NumberTooLarge, &|writer| {
            writer.push_enum(Kind::ENUM, b"new", 4, true, &enumerator(1 << 31))
        }),
        (NumberTooLarge, &|writer| {
            writer.push_enum(Kind::ENUM64, b"new", 8, false, &enumerator(1 << 64))
        }),
        (NumberTooLarge, &|writer| {
            writer.push_enum(Kind::ENUM64, b"new", 8, true, &enumerator(1 << 63))
        }),
        (UnexpectedKind(Kind::ENUM), &|writer| {
            writer.push_fwd(Kind::ENUM, b"new")
        }),
        (NulInName, &|writer| writer.push_typedef(b"\0", void)),
        (UnexpectedKind(Kind::INT), &|writer| {
            writer.push_opaque(Kind::INT, b"new", 4)
        }),
        (TooManyElements(0x1_0000), &|writer| {
            writer.push_func_proto(void, &many)
        }),
        (NulInName, &|writer| {
            writer.push_func(b"new\0", void, Linkage::STATIC)
        }),
        (NulInName, &|writer| writer.push_var(b"new\0", void, 0)),
        (NulInName, &|writer| writer.push_datasec(b"new\0", 0, &[])),
        (NumberTooLarge, &|writer| {
            writer.push_decl_tag(Tag::Value(b"new"), void, Some(1 << 31))
        }),
        (NulInName, &|writer| {
            writer.push_type_tag(Tag::Value(b"n\0"), void)
        }),
        (NulInName, &|writer| writer.name(b"n\0").map(TypeId)),
    ];
    let expected = written(WriteOptions::default(), every_kind);
    for (at, (kind, push)) in cases.iter().enumerate() {
        let data = written(WriteOptions::default(), |writer| {
            let id = writer.next_id();
            let error = push(writer).unwrap_err();
            assert_eq!((error.kind, error.at.type_id), (*kind, id), "case {at}");
            every_kind(writer)
        });
        assert_eq!(data, expected, "case {at}");
    }
}

#[test]
fn the_newer_dialect_counts_further() {
    let many = vec![
        Param {
            name: 0,
            ty: TypeId::VOID
        };
        0x1_0000
    ];
    let mut out = vec![0; 1 << 20];
    let options = WriteOptions {
        dialect: Dialect::Vlen24,
        ..WriteOptions::default()
    };
    let mut writer = Writer::with(&mut out, options);
    writer.push_func_proto(TypeId::VOID, &many).unwrap();
    let too_many = vec![
        Param {
            name: 0,
            ty: TypeId::VOID
        };
        0x100_0000
    ];
    assert_eq!(
        writer
            .push_func_proto(TypeId::VOID, &too_many)
            .map_err(|error| error.kind),
        Err(ErrorKind::TooManyElements(0x100_0000))
    );
    let data = writer.finish().unwrap().to_vec();
    let btf = Btf::parse(&data).unwrap();
    let proto = btf.types().next().unwrap();
    assert_eq!(proto.params().count(), 0x1_0000);
    assert!(!Dialect::Vlen16.knows(proto.info()));

    let mut out = vec![0; 1 << 20];
    let mut older = Writer::new(&mut out);
    assert_eq!(
        older
            .push_type(&btf, &proto, |id| id)
            .map_err(|error| error.kind),
        Err(ErrorKind::TooManyElements(0x1_0000))
    );
}

#[test]
fn types_end_where_ids_do() {
    let mut writer = Writer::new(&mut []);
    for id in 1..limits::MAX_TYPES {
        assert_eq!(
            writer.push_reference(Kind::PTR, TypeId::VOID),
            Ok(TypeId(id))
        );
    }
    let before = writer.next_id();
    assert_eq!(
        writer
            .push_typedef(b"new", TypeId::VOID)
            .map_err(|error| error.kind),
        Err(ErrorKind::TooManyTypes)
    );
    assert_eq!(writer.next_id(), before);
    let records = 12 * (limits::MAX_TYPES as usize - 1);
    let need = limits::HEADER_LEN + records + 1;
    assert_eq!(
        writer.finish().map_err(|error| error.kind),
        Err(ErrorKind::BufferTooSmall { need })
    );
}

#[test]
fn names_end_where_their_offsets_do() {
    let longest = vec![b'x'; limits::MAX_NAME_OFFSET as usize - 1];
    let mut out = vec![0; longest.len() + 100];
    for (len, fits) in [(longest.len(), true), (longest.len() + 1, false)] {
        let mut name = longest.clone();
        name.resize(len, b'x');
        let mut writer = Writer::new(&mut out);
        writer.name(&name).unwrap();
        let finished = writer.finish();
        assert_eq!(finished.is_ok(), fits, "{:?}", finished.map(<[u8]>::len));
    }
}

/// Needs of all slices that are shorter than what is written; each must be enough.
fn needs(fill: Fill, options: impl Fn() -> WriteOptions<'static>) -> (usize, Vec<usize>) {
    let expected = written(options(), fill);
    let write = |out: &mut [u8]| {
        let mut writer = Writer::with(out, options());
        fill(&mut writer).unwrap();
        writer.finish().map(<[u8]>::to_vec)
    };
    let needs = (0..expected.len()).map(|len| {
        let error = write(&mut vec![0xaa; len]).unwrap_err();
        let ErrorKind::BufferTooSmall { need } = error.kind else {
            panic!("{len} bytes: {error}");
        };
        assert_eq!(
            write(&mut vec![0xaa; need]).as_ref(),
            Ok(&expected),
            "{len} bytes"
        );
        need
    });
    let needs = needs.collect();
    assert_eq!(
        write(&mut vec![0xaa; expected.len()]).as_ref(),
        Ok(&expected)
    );
    (expected.len(), needs)
}

#[test]
fn a_slice_that_is_too_small_says_how_much_is_enough() {
    let with_layout = || WriteOptions {
        layout: true,
        ..WriteOptions::default()
    };
    for (len, needs) in [
        needs(every_kind, WriteOptions::default),
        needs(every_kind, with_layout),
    ] {
        let strings =
            b"\0one\0two\0three\0int\0plain\0bits\0either\0choice\0alias\0call\0counter\0.data\0double\0\
            distilled\0tag\0attribute\0";
        for (given, need) in needs.iter().enumerate() {
            assert!(*need >= len, "{given} bytes");
            // Exact where all names could be kept.
            assert!(
                given < strings.len() || *need == len,
                "{given} bytes: {need}, not {len}"
            );
        }
        assert!(needs[0] > len, "names that are used again were not kept");
    }
}

#[test]
fn a_name_is_written_once_whatever_the_room_for_its_index() {
    let names: Vec<_> = (0..100)
        .map(|number| format!("name{}", number % 60))
        .collect();
    let fill = |writer: &mut Writer<'_>| {
        let first: Vec<_> = names
            .iter()
            .map(|name| writer.name(name.as_bytes()).unwrap())
            .collect();
        assert_eq!(first[..40], first[60..]);
        // The end of a name is no name.
        assert!(!first.contains(&writer.name(b"ame7")?));
        assert_eq!(writer.name(b""), Ok(0));
        Ok(())
    };
    let expected = written(WriteOptions::default(), fill);
    assert_eq!(Btf::parse(&expected).unwrap().names_len(), 1 + 60 + 1);
    for words in [1, 2, 3, 7, 30, 64, 124, 1000] {
        let mut name_index = vec![u32::MAX; words];
        let options = WriteOptions {
            name_index: &mut name_index,
            ..WriteOptions::default()
        };
        assert_eq!(written(options, fill), expected, "{words} words");
    }
}

#[test]
fn names_are_found_whatever_the_room_for_their_index() {
    let base_data = written(WriteOptions::default(), every_kind);
    let base = Btf::parse(&base_data).unwrap();
    let split_options = || WriteOptions {
        base: Some(&base),
        ..WriteOptions::default()
    };
    let split_data = written(split_options(), |writer| {
        for name in ["own", "two", "more"] {
            writer.push_typedef(name.as_bytes(), TypeId(1))?;
        }
        Ok(())
    });
    // The base's name is not written again.
    assert_eq!(Header::parse(&split_data).unwrap().strings, b"own\0more\0");
    for words in [0, 1, 2, 5, 40] {
        let (mut room, mut base_room) = (vec![7; words], vec![7; words]);
        let base = base.names_indexed(&mut base_room);
        let split = Btf::parse_split(&split_data, &base).unwrap();
        let split = split.names_indexed(&mut room);
        for name in ["own", "two", "more", "one", "attribute", ""] {
            let offset = split.name_offset(name.as_bytes()).unwrap();
            assert_eq!(split.name_at(offset), name.as_bytes(), "{words} words");
        }
        assert_eq!(split.name_offset(b"own"), Some(base.end_name()));
        for name in [&b"none"[..], b"wn", b"own\0", b"\0"] {
            assert_eq!(split.name_offset(name), None, "{words} words");
        }
    }
}

#[test]
fn the_layout_section_says_how_long_every_record_is() {
    let options = || WriteOptions {
        layout: true,
        ..WriteOptions::default()
    };
    let data = written(options(), every_kind);
    let plain = written(WriteOptions::default(), every_kind);
    let header = Header::parse(&data).unwrap();
    assert_eq!(data.len(), plain.len() + 8 + header.layout.len());
    assert_eq!(header.types, Header::parse(&plain).unwrap().types);
    assert_eq!(header.strings, Header::parse(&plain).unwrap().strings);
    let types_end = limits::HEADER_WITH_LAYOUT_LEN + header.types.len();
    assert_eq!(
        &data[types_end..types_end + header.layout.len()],
        header.layout
    );

    let entries: Vec<_> = header.layout.chunks(4).collect();
    assert_eq!(entries.len(), usize::from(limits::KINDS));
    let btf = Btf::parse(&data).unwrap();
    for ty in btf.types() {
        let entry = entries[usize::from(ty.kind().0)];
        let elements = ty.members().count()
            + ty.enumerators().count()
            + ty.params().count()
            + ty.variables().count();
        let len = limits::TYPE_LEN + usize::from(entry[0]) + elements * usize::from(entry[1]);
        assert_eq!(
            (ty.record_len(), &entry[2..]),
            (len, &[0, 0][..]),
            "{}",
            ty.kind()
        );
    }
}

#[test]
fn both_byte_orders_are_written() {
    for byte_order in [ByteOrder::Little, ByteOrder::Big] {
        let options = || WriteOptions {
            byte_order,
            layout: true,
            ..WriteOptions::default()
        };
        let data = written(options(), every_kind);
        let btf = Btf::parse(&data).unwrap();
        assert_eq!(btf.byte_order(), byte_order);
        // A copy in the machine's order says the same.
        let native = written(WriteOptions::default(), |writer| copy(writer, &btf));
        assert_eq!(native, written(WriteOptions::default(), every_kind));
        // A split BTF follows its base.
        let options = WriteOptions {
            base: Some(&btf),
            ..WriteOptions::default()
        };
        let split = written(options, every_kind);
        assert_eq!(Header::parse(&split).unwrap().order, byte_order);
        Btf::parse_split(&split, &btf).unwrap();
    }
}

fn copy(writer: &mut Writer<'_>, btf: &Btf<'_>) -> Result<(), Error> {
    writer.push_names(btf);
    btf.types()
        .try_for_each(|ty| writer.push_type(btf, &ty, |id| id).map(|_| ()))
}

#[test]
fn a_copy_is_the_same() {
    let unused = |writer: &mut Writer<'_>| {
        writer.name(b"unused")?;
        every_kind(writer)
    };
    let data = written(WriteOptions::default(), unused);
    let btf = Btf::parse(&data).unwrap();
    assert_eq!(
        written(WriteOptions::default(), |writer| copy(writer, &btf)),
        data
    );
    let options = || WriteOptions {
        base: Some(&btf),
        ..WriteOptions::default()
    };
    let split_data = written(options(), |writer| {
        writer.name(b"own but unused")?;
        writer.push_typedef(b"own", TypeId(1))?;
        every_kind(writer)
    });
    let split = Btf::parse_split(&split_data, &btf).unwrap();
    assert_eq!(
        written(options(), |writer| copy(writer, &split)),
        split_data
    );

    // Without the names first, those that nothing uses are left out.
    let compact = written(WriteOptions::default(), |writer| {
        btf.types()
            .try_for_each(|ty| writer.push_type(&btf, &ty, |id| id).map(|_| ()))
    });
    assert_eq!(compact.len(), data.len() - b"unused\0".len());
    assert_eq!(Btf::parse(&compact).unwrap().name_offset(b"unused"), None);
}

#[test]
fn a_copy_refers_to_where_the_ids_are_led() {
    let data = written(WriteOptions::default(), every_kind);
    let btf = Btf::parse(&data).unwrap();
    let mut ids = std::collections::BTreeSet::new();
    let moved = written(WriteOptions::default(), |writer| {
        for ty in btf.types() {
            let new_id = |id: TypeId| {
                assert_ne!(id, TypeId::VOID);
                TypeId(id.0 + 100)
            };
            ids.insert(writer.push_type(&btf, &ty, new_id)?);
        }
        Ok(())
    });
    let moved = Btf::parse(&moved).unwrap();
    assert!(ids.into_iter().eq(btf.types().map(|ty| ty.id())));
    let references = |btf: &Btf<'_>| -> Vec<u32> {
        let of = |ty: Type<'_>| {
            let array = ty.array();
            let own = [
                ty.target(),
                array.map(|array| array.element),
                array.map(|array| array.index),
            ];
            let members = ty.members().map(|member| member.ty);
            let params = ty.params().map(|param| param.ty);
            let variables = ty.variables().map(|variable| variable.var);
            own.into_iter()
                .flatten()
                .chain(members)
                .chain(params)
                .chain(variables)
                .map(|id| id.0)
                .collect::<Vec<_>>()
        };
        btf.types().flat_map(of).collect()
    };
    let expected: Vec<_> = references(&btf)
        .into_iter()
        .map(|id| if id == 0 { 0 } else { id + 100 })
        .collect();
    assert_eq!(references(&moved), expected);
}

#[test]
fn a_record_that_cannot_be_copied_is_refused() {
    let good = written(WriteOptions::default(), every_kind);
    let end = Btf::parse(&good).unwrap().end_name();
    for outside in [end, u32::MAX] {
        let mut data = good.clone();
        data[limits::HEADER_LEN..][..4].copy_from_slice(&outside.to_ne_bytes());
        let btf = Btf::parse(&data).unwrap();
        let ty = btf.types().next().unwrap();
        let error = Writer::new(&mut []).push_type(&btf, &ty, |id| id);
        assert_eq!(
            error.map_err(|error| error.kind),
            Err(ErrorKind::InvalidName(outside))
        );
    }
    // A kind that only the layout section tells of.
    let options = WriteOptions {
        layout: true,
        ..WriteOptions::default()
    };
    let mut data = written(options, |writer| {
        writer.push_reference(Kind::PTR, TypeId::VOID).map(|_| ())
    });
    let info = Info::new(Kind(0), 0, false);
    data[limits::HEADER_WITH_LAYOUT_LEN + 4..][..4].copy_from_slice(&info.0.to_ne_bytes());
    let btf = Btf::parse(&data).unwrap();
    let ty = btf.types().next().unwrap();
    let error = Writer::new(&mut []).push_type(&btf, &ty, |id| id);
    assert_eq!(
        error.map_err(|error| error.kind),
        Err(ErrorKind::UnknownKind(Kind(0)))
    );
}

fn sorted(btf: &Btf<'_>, options: WriteOptions<'_>) -> Vec<u8> {
    let types = btf.own_len() as usize;
    let mut room = vec![0; 2 * types];
    let mut order = vec![SortKey::default(); 2 * types];
    written(options, |writer| {
        writer.push_names(btf);
        writer.push_sorted(btf, &mut room, &mut order)
    })
}

/// What the types are, in order: kind, name, and the name of what they refer to.
fn described(btf: &Btf<'_>) -> Vec<String> {
    btf.types()
        .map(|ty| {
            let target = ty.target().and_then(|id| btf.get(id));
            let of = target.map(|target| btf.name(&target).escape_ascii().to_string());
            format!("{} {} {of:?}", ty.kind(), btf.name(&ty).escape_ascii())
        })
        .collect()
}

#[test]
fn sorting_is_by_name_stable_and_keeps_what_refers_to_what() {
    let data = written(WriteOptions::default(), every_kind);
    let btf = Btf::parse(&data).unwrap();
    let sorted_data = sorted(&btf, WriteOptions::default());
    let sorted_btf = Btf::parse(&sorted_data).unwrap();
    assert!(!btf.indexed(&mut [0; 8]).is_sorted());
    assert!(sorted_btf.indexed(&mut [0; 8]).is_sorted());
    let mut types: Vec<_> = btf
        .types()
        .map(|ty| btf.name(&ty))
        .zip(described(&btf))
        .collect();
    types.sort_by_key(|(name, _)| *name);
    let expected: Vec<_> = types.into_iter().map(|(_, described)| described).collect();
    assert_eq!(described(&sorted_btf), expected);
    assert_eq!(
        Header::parse(&sorted_data).unwrap().strings,
        Header::parse(&data).unwrap().strings
    );
    assert_eq!(sorted(&sorted_btf, WriteOptions::default()), sorted_data);

    // Of a split BTF, only its own types.
    let options = || WriteOptions {
        base: Some(&btf),
        ..WriteOptions::default()
    };
    let split_data = written(options(), |writer| {
        writer.push_typedef(b"z", TypeId(1))?;
        let a = writer.push_typedef(b"a", TypeId(1))?;
        writer.push_reference(Kind::PTR, a).map(|_| ())
    });
    let split = Btf::parse_split(&split_data, &btf).unwrap();
    let sorted_split = sorted(&split, options());
    let sorted_split = Btf::parse_split(&sorted_split, &btf).unwrap();
    assert_eq!(
        described(&sorted_split),
        [
            r#"PTR  Some("a")"#,
            r#"TYPEDEF a Some("int")"#,
            r#"TYPEDEF z Some("int")"#
        ]
    );
}

#[test]
fn sorting_in_too_small_a_room_changes_nothing() {
    let data = written(WriteOptions::default(), every_kind);
    let btf = Btf::parse(&data).unwrap();
    // As many words as keys.
    let need = 2 * btf.own_len() as usize;
    let mut out = [0; 2048];
    let mut writer = Writer::new(&mut out);
    let mut push = |words: usize, keys: usize| {
        let (mut room, mut order) = (vec![0; words], vec![SortKey::default(); keys]);
        let pushed = writer.push_sorted(&btf, &mut room, &mut order);
        (pushed.map_err(|error| error.kind), writer.next_id())
    };
    for less in 0..need {
        let too_small = Err(ErrorKind::RoomTooSmall { need });
        assert_eq!(push(less, need), (too_small, TypeId(1)));
        let too_small = Err(ErrorKind::OrderTooSmall { need });
        assert_eq!(push(need, less), (too_small, TypeId(1)));
    }
    assert_eq!(push(need, need).0, Ok(()));
    let empty = written(WriteOptions::default(), |_| Ok(()));
    writer
        .push_sorted(&Btf::parse(&empty).unwrap(), &mut [], &mut [])
        .unwrap();
}

/// Copies and sorts whatever can be read; must end, and must not panic.
fn exercise(data: &[u8]) {
    let Ok(btf) = Btf::parse(data) else { return };
    let (mut out, mut name_index) = (vec![0; 4096], [0; 16]);
    let types = btf.own_len() as usize;
    let (mut room, mut order) = (vec![0; 2 * types], vec![SortKey::default(); 2 * types]);
    for len in [0, 100, 4096] {
        let options = WriteOptions {
            base: Some(&btf),
            name_index: &mut name_index,
            ..WriteOptions::default()
        };
        let mut writer = Writer::with(&mut out[..len], options);
        writer.push_names(&btf);
        for ty in btf.types() {
            let _ = writer.push_type(&btf, &ty, |id| TypeId(id.0.wrapping_mul(3)));
            let members: Vec<_> = ty.members().collect();
            let _ = writer.push_composite(ty.kind(), btf.name(&ty), 0, &members);
            let enumerators: Vec<_> = ty.enumerators().collect();
            let _ = writer.push_enum(ty.kind(), btf.name(&ty), 0, false, &enumerators);
        }
        let _ = writer.push_sorted(&btf, &mut room, &mut order);
        if let Ok(data) = writer.finish() {
            Btf::parse_split(data, &btf).unwrap();
        }
    }
    let mut writer = Writer::new(&mut out);
    let copied = copy(&mut writer, &btf);
    let (Ok(()), Ok(copied)) = (copied, writer.finish()) else {
        return;
    };
    let copied = Btf::parse(copied).unwrap();
    assert_eq!(described(&copied), described(&btf));
}

#[test]
fn no_damage_leads_to_a_panic_or_to_another_meaning() {
    let options = || WriteOptions {
        layout: true,
        ..WriteOptions::default()
    };
    for good in [
        written(WriteOptions::default(), every_kind),
        written(options(), every_kind),
    ] {
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut data = good.clone();
                data[at] ^= 1 << bit;
                exercise(&data);
            }
            for value in [0, 0xff] {
                let mut data = good.clone();
                data[at] = value;
                exercise(&data);
            }
        }
    }
}

#[test]
fn the_kernel_takes_what_is_written() {
    for layout in [false, true] {
        let options = WriteOptions {
            layout,
            ..WriteOptions::default()
        };
        let data = written(options, every_kind);
        let mut room = [0; 128];
        let policy = Policy::Kernel { base: None };
        let read = validate(&data, policy, Release::Linux7_3, &mut room);
        assert_eq!(read.map(|btf| btf.own_len()), Ok(26), "layout: {layout}");
    }
}
