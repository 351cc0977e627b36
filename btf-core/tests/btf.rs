// SPDX-License-Identifier: MIT OR Apache-2.0

//! Reading, look-up, member offsets and writing, with good and with damaged input.

use btf_core::limits::MAX_CHAIN_LEN;
use btf_core::validate::{validate, Policy, Release};
use btf_core::{
    Array, Btf, ByteOrder, Declaration, Error, ErrorKind, Header, IntEncoding, Kind, Linkage,
    Param, RawMember, Tag, TypeId, Writer,
};

/// A small kernel: an int, a struct with an anonymous union in it, and a function of the struct's name.
fn sample() -> Vec<u8> {
    let mut out = [0; 1024];
    let mut writer = Writer::new(&mut out);
    let int = writer.push_int(b"int", 4, IntEncoding::SIGNED).unwrap();
    let member = |writer: &mut Writer<'_>, name: &[u8], ty, bytes: u32| RawMember {
        name: writer.name(name).unwrap(),
        ty,
        bit_offset: bytes * 8,
        bitfield_size: 0,
    };
    let (one, other) = (
        member(&mut writer, b"one", int, 0),
        member(&mut writer, b"other", int, 4),
    );
    let inner = writer
        .push_composite(Kind::STRUCT, b"", 8, &[one, other])
        .unwrap();
    let anonymous = member(&mut writer, b"", inner, 0);
    let union = writer
        .push_composite(Kind::UNION, b"", 8, &[anonymous])
        .unwrap();
    let (id, hidden) = (
        member(&mut writer, b"id", int, 0),
        member(&mut writer, b"", union, 8),
    );
    let named = member(&mut writer, b"named", inner, 16);
    let task = writer
        .push_composite(Kind::STRUCT, b"task", 24, &[id, hidden, named])
        .unwrap();
    let constant = writer.push_reference(Kind::CONST, task).unwrap();
    let pointer = writer.push_reference(Kind::PTR, constant).unwrap();
    let name = writer.name(b"of").unwrap();
    let param = Param { name, ty: pointer };
    let proto = writer.push_func_proto(int, &[param]).unwrap();
    let func = writer.push_func(b"task", proto, Linkage::STATIC).unwrap();
    writer
        .push_decl_tag(Tag::Value(b"bpf_kfunc"), func, None)
        .unwrap();
    writer.finish().unwrap().to_vec()
}

#[test]
fn a_name_is_found_by_its_kind() {
    let data = sample();
    let btf = Btf::parse(&data).unwrap();
    let structure = btf.find(b"task", Kind::STRUCT).unwrap();
    let func = btf.find(b"task", Kind::FUNC).unwrap();
    assert_ne!(structure.id(), func.id());
    assert_eq!(btf.get(structure.id()), Some(structure));
    assert_eq!(btf.find(b"task", Kind::UNION), None);
    assert_eq!(btf.get(TypeId::VOID), None);
    assert_eq!(btf.get(btf.end_id()), None);
    assert_eq!(
        Declaration::new(&btf, func).unwrap().to_string(),
        "int task(const struct task *of)"
    );
}

#[test]
fn members_are_found_through_anonymous_ones() {
    let data = sample();
    let btf = Btf::parse(&data).unwrap();
    let task = btf.find(b"task", Kind::STRUCT).unwrap();
    for (path, offset) in [
        ("id", 0),
        ("one", 8),
        ("other", 12),
        ("named", 16),
        ("named.other", 20),
    ] {
        let member = btf.member(&task, path).unwrap();
        assert_eq!(member.byte_offset(), Some(offset), "{path}");
    }
    for path in ["none", "", "id.x", "named.", "named.none"] {
        assert!(btf.member(&task, path).is_err(), "{path}");
    }
}

#[test]
fn paths_lead_through_arrays_and_to_sizes() {
    let mut out = [0; 1024];
    let mut writer = Writer::new(&mut out);
    let int = writer.push_int(b"int", 4, IntEncoding::SIGNED).unwrap();
    let member = |writer: &mut Writer<'_>, name: &[u8], ty, bit_offset| RawMember {
        name: writer.name(name).unwrap(),
        ty,
        bit_offset,
        bitfield_size: 0,
    };
    let x = member(&mut writer, b"x", int, 32);
    let inner = writer
        .push_composite(Kind::STRUCT, b"inner", 8, &[x])
        .unwrap();
    let array = |element, len| Array {
        element,
        index: int,
        len,
    };
    let row = writer.push_array(array(inner, 2)).unwrap();
    let rows = writer.push_array(array(row, 3)).unwrap();
    let rows_member = member(&mut writer, b"rows", rows, 64);
    let outer = writer
        .push_composite(Kind::STRUCT, b"outer", 56, &[rows_member])
        .unwrap();
    let btf = Btf::parse(writer.finish().unwrap()).unwrap();
    assert_eq!(btf.size_of(rows), Ok(48));
    assert_eq!(btf.size_of(outer), Ok(56));
    for (path, bytes, size) in [
        ("outer.rows", 8, 48),
        ("outer.rows[1]", 24, 16),
        ("outer.rows[2][1]", 48, 8),
        ("outer.rows[2][1].x", 52, 4),
    ] {
        let member = btf.locate(path).unwrap();
        assert_eq!(member.byte_offset(), Some(bytes), "{path}");
        assert_eq!(btf.size_of(member.ty), Ok(size), "{path}");
    }
    for path in [
        "outer",
        "outer.",
        "none.x",
        "outer.rows[3]",
        "outer.rows[2][2]",
        "outer.rows[",
        "outer.rows[x]",
        "outer.rows[1]x",
        "outer.rows]",
        "outer.rows[0][0][0]",
        "inner.x[0]",
        "outer.rows.x",
    ] {
        assert!(btf.locate(path).is_err(), "{path}");
    }
    assert_eq!(
        btf.size_of(TypeId::VOID).map_err(|error| error.kind),
        Err(ErrorKind::NoSize)
    );
}

#[test]
fn members_that_contain_the_same_again_and_again_are_given_up() {
    let mut out = [0; 4096];
    let mut writer = Writer::new(&mut out);
    let anonymous = |ty| RawMember {
        name: 0,
        ty,
        bit_offset: 0,
        bitfield_size: 0,
    };
    let mut last = writer.push_composite(Kind::STRUCT, b"", 0, &[]).unwrap();
    // Each looks twice at the one before: 2^25 looks at the first.
    for _ in 0..25 {
        let twice = [anonymous(last), anonymous(last)];
        last = writer.push_composite(Kind::STRUCT, b"", 0, &twice).unwrap();
    }
    let btf = Btf::parse(writer.finish().unwrap()).unwrap();
    let outermost = btf.get(last).unwrap();
    let error = btf.member(&outermost, "none").unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooDeep);
}

#[test]
fn a_table_of_types_gives_the_answers_of_a_walk() {
    let data = sample();
    let btf = Btf::parse(&data).unwrap();
    for len in 0..40 {
        let mut room = vec![u32::MAX; len];
        let tabled = btf.types_indexed(&mut room);
        for ty in btf.types() {
            let (name, kind) = (btf.name(&ty), ty.kind());
            assert!(
                tabled.named(name, kind).eq(btf.named(name, kind)),
                "{kind} in {len} words"
            );
        }
        assert_eq!(tabled.find(b"task", Kind::UNION), None);
        assert_eq!(tabled.find(b"nobody", Kind::STRUCT), None);
        assert!(tabled
            .of_kind(Kind::PTR)
            .eq(btf.types().filter(|ty| ty.kind() == Kind::PTR)));
    }
}

#[test]
fn split_goes_on_where_its_base_ends() {
    let base_data = sample();
    let base = Btf::parse(&base_data).unwrap();
    let mut out = [0; 256];
    let mut writer = Writer::split(&mut out, &base);
    let task = base.find(b"task", Kind::STRUCT).unwrap();
    let pointer = writer.push_reference(Kind::PTR, task.id()).unwrap();
    let typedef = writer.push_typedef(b"task_t", pointer).unwrap();
    let split = Btf::parse_split(writer.finish().unwrap(), &base).unwrap();
    assert_eq!(pointer, base.end_id());
    assert_eq!(
        split.find(b"task_t", Kind::TYPEDEF).map(|ty| ty.id()),
        Some(typedef)
    );
    assert_eq!(split.find(b"task", Kind::STRUCT), Some(task));
    assert_eq!(split.find_own(b"task", Kind::STRUCT), None);
    assert_eq!(
        split.skip_modifiers(typedef).unwrap().map(|ty| ty.kind()),
        Some(Kind::PTR)
    );
}

#[test]
fn names_begin_with_the_empty_one() {
    let good = sample();
    let header = Header::parse(&good).unwrap();
    let mut bad = good.clone();
    let strings = good.len() - header.strings.len();
    bad[strings] = b'x';
    let error = Btf::parse(&bad).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoEmptyName);
    // The names of a split BTF go on where others begin.
    let base = Btf::parse(&good).unwrap();
    assert!(Btf::parse_split(&bad, &base).is_ok());
}

#[test]
fn a_chain_without_end_is_an_error() {
    let mut out = [0; 128];
    let mut writer = Writer::new(&mut out);
    let own = TypeId(1);
    assert_eq!(writer.push_reference(Kind::CONST, own).unwrap(), own);
    let btf = Btf::parse(writer.finish().unwrap()).unwrap();
    assert_eq!(
        btf.skip_modifiers(own).map_err(|error| error.kind),
        Err(ErrorKind::TooDeep)
    );
}

#[test]
fn a_chain_as_long_as_kernels_take_is_followed() {
    let mut out = [0; 1024];
    let mut writer = Writer::new(&mut out);
    let int = writer.push_int(b"int", 4, IntEncoding::SIGNED).unwrap();
    let mut chain = vec![int];
    for _ in 0..=MAX_CHAIN_LEN {
        let last = *chain.last().unwrap();
        chain.push(writer.push_reference(Kind::CONST, last).unwrap());
    }
    let btf = Btf::parse(writer.finish().unwrap()).unwrap();
    let end = btf.skip_modifiers(chain[MAX_CHAIN_LEN]).unwrap();
    assert_eq!(end.map(|ty| ty.id()), Some(int));
    let too_long = btf.skip_modifiers(chain[MAX_CHAIN_LEN + 1]);
    assert_eq!(too_long.unwrap_err().kind, ErrorKind::TooDeep);
}

#[test]
fn a_header_that_is_not_sound_is_named() {
    let good = sample();
    let with = |offset: usize, bytes: &[u8]| {
        let mut data = good.clone();
        data[offset..offset + bytes.len()].copy_from_slice(bytes);
        Btf::parse(&data).map(|_| ()).map_err(|error| error.kind)
    };
    assert_eq!(
        with(0, &[1, 2]),
        Err(ErrorKind::InvalidMagic(u16::from_le_bytes([1, 2])))
    );
    assert_eq!(with(2, &[9]), Err(ErrorKind::UnsupportedVersion(9)));
    assert_eq!(with(3, &[1]), Err(ErrorKind::UnsupportedFlags(1)));
    assert_eq!(
        with(4, &4_u32.to_ne_bytes()),
        Err(ErrorKind::TruncatedHeader)
    );
    assert_eq!(
        with(8, &u32::MAX.to_ne_bytes()),
        Err(ErrorKind::SectionOutOfBounds)
    );
    assert_eq!(
        with(good.len() - 1, b"x"),
        Err(ErrorKind::UnterminatedStrings)
    );
    assert_eq!(
        with(24 + 4, &(0x7f_u32 << 24).to_ne_bytes()),
        Err(ErrorKind::UnknownKind(Kind(0x7f)))
    );
    assert_eq!(
        Btf::parse(&[]).map_err(|error| error.kind).err(),
        Some(ErrorKind::TruncatedHeader)
    );
}

/// The same BTF as a machine of the other byte order has it: every word of header and types turned round.
fn foreign(data: &[u8]) -> Vec<u8> {
    let mut data = data.to_vec();
    let types_len = u32::from_ne_bytes(data[12..16].try_into().unwrap()) as usize;
    data[..2].reverse();
    for word in data[4..24 + types_len].chunks_exact_mut(4) {
        word.reverse();
    }
    data
}

#[test]
fn both_byte_orders_read_the_same() {
    let (native, foreign) = (sample(), foreign(&sample()));
    let (native, foreign) = (Btf::parse(&native).unwrap(), Btf::parse(&foreign).unwrap());
    assert_eq!(native.byte_order(), ByteOrder::NATIVE);
    assert_ne!(foreign.byte_order(), ByteOrder::NATIVE);
    assert_eq!(native.own_len(), foreign.own_len());
    for (one, other) in native.types().zip(foreign.types()) {
        assert_eq!(one.info(), other.info());
        assert_eq!(native.name(&one), foreign.name(&other));
        assert_eq!((one.size(), one.target()), (other.size(), other.target()));
        assert!(one.members().eq(other.members()));
        assert!(one.params().eq(other.params()));
        assert_eq!(
            (one.int(), one.component()),
            (other.int(), other.component())
        );
    }
}

#[test]
fn a_base_of_the_other_byte_order_is_refused() {
    let (base, split) = (foreign(&sample()), sample());
    let base = Btf::parse(&base).unwrap();
    assert_eq!(
        Btf::parse_split(&split, &base)
            .map_err(|error| error.kind)
            .err(),
        Some(ErrorKind::OtherByteOrder)
    );
    let policy = Policy::Kernel { base: Some(&base) };
    let mut room = [0; 64];
    let validated = validate(&split, policy, Release::Linux7_3, &mut room);
    assert_eq!(
        validated.map_err(|error| error.kind).err(),
        Some(ErrorKind::OtherByteOrder)
    );
}

/// Reads all there is; must end, and must not panic.
fn exercise(data: &[u8]) -> Result<(), Error> {
    let mut room = [0; 3];
    let btf = Btf::parse(data)?.indexed(&mut room);
    let _ = (
        btf.find(b"task", Kind::FUNC),
        btf.find(b"x", Kind::STRUCT),
        btf.get(TypeId(u32::MAX)),
    );
    for ty in btf.types() {
        let _ = (btf.name(&ty), ty.params().count(), ty.int(), ty.component());
        let _ = (btf.skip_modifiers(ty.id()), btf.member(&ty, "named.other"));
        let _ = Declaration::new(&btf, ty).map(|declaration| declaration.to_string());
    }
    Ok(())
}

#[test]
fn no_damage_leads_to_a_panic() {
    let good = sample();
    for len in 0..good.len() {
        assert!(exercise(&good[..len]).is_err(), "cut to {len} bytes");
    }
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut data = good.clone();
            data[at] ^= 1 << bit;
            let _ = exercise(&data);
        }
        for value in [0, 0x7f, 0xff] {
            let mut data = good.clone();
            data[at] = value;
            let _ = exercise(&data);
        }
    }
}

static_assertions::assert_impl_all!(Error: Copy, Send, Sync, core::error::Error);
static_assertions::assert_impl_all!(Btf<'static>: Copy, Send, Sync);

/// Types `a0`, `a1`, … in the order of `names`, after an anonymous pointer.
fn named_types(names: &[&str]) -> Vec<u8> {
    let mut out = vec![0; 16384];
    let mut writer = Writer::new(&mut out);
    writer.push_reference(Kind::PTR, TypeId::VOID).unwrap();
    for name in names {
        let (kind, name) = match name.strip_prefix("union ") {
            Some(name) => (Kind::UNION, name),
            None => (Kind::STRUCT, *name),
        };
        writer.push_opaque(kind, name.as_bytes(), 8).unwrap();
    }
    writer.finish().unwrap().to_vec()
}

/// With every size of index, the answers are those of a walk.
fn assert_index_agrees(btf: Btf<'_>, names: &[&[u8]]) {
    for words in [0, 1, 2, 3, 7, 64, 1000] {
        let mut room = vec![0; words];
        let indexed = btf.indexed(&mut room);
        let mut table = vec![0; words];
        let mut index = vec![0; words];
        let tabled = btf.types_indexed(&mut table).indexed(&mut index);
        for id in 0..btf.end_id().0 + 2 {
            assert_eq!(
                indexed.get(TypeId(id)),
                btf.get(TypeId(id)),
                "type {id}, {words} words"
            );
        }
        assert_eq!(indexed.get(TypeId(u32::MAX)), None);
        for name in names {
            for kind in [Kind::STRUCT, Kind::UNION, Kind::PTR] {
                assert_eq!(
                    indexed.find(name, kind),
                    btf.find(name, kind),
                    "{words} words"
                );
                let named: Vec<_> = btf.named(name, kind).collect();
                assert!(indexed.named(name, kind).eq(named.iter().copied()));
                assert!(tabled.named(name, kind).eq(named));
            }
        }
    }
}

#[test]
fn an_index_gives_the_answers_of_a_walk() {
    let names: Vec<_> = (10..75).map(|number| format!("a{number}")).collect();
    let mut sorted: Vec<_> = names.iter().map(String::as_str).collect();
    sorted.splice(20..20, ["a29x", "union a29x", "a29x"]);
    let asked: Vec<_> = sorted
        .iter()
        .map(|name| name.as_bytes())
        .chain([&b"a"[..], b"zz", b"a29x", b""])
        .collect();

    let data = named_types(&sorted);
    let btf = Btf::parse(&data).unwrap();
    assert!(!btf.is_sorted() && btf.indexed(&mut [0; 8]).is_sorted());
    assert_index_agrees(btf, &asked);

    let mut unsorted = sorted.clone();
    unsorted.swap(3, 40);
    let data = named_types(&unsorted);
    let btf = Btf::parse(&data).unwrap();
    assert!(!btf.indexed(&mut [0; 8]).is_sorted());
    assert_index_agrees(btf, &asked);
    assert_index_agrees(Btf::parse(&named_types(&[])).unwrap(), &asked);
}

#[test]
fn a_name_outside_of_the_strings_sorts_as_the_empty_one() {
    let mut data = named_types(&["a", "b"]);
    let btf = Btf::parse(&data).unwrap();
    let first = 24 + btf.record_offset(TypeId(1));
    assert_eq!(btf.get(TypeId(1)).map(|ty| ty.name_offset()), Some(0));
    data[first..first + 4].copy_from_slice(&u32::MAX.to_ne_bytes());
    let btf = Btf::parse(&data).unwrap();
    assert_eq!(btf.name_at(u32::MAX), b"");
    assert!(btf.indexed(&mut [0; 8]).is_sorted());
}

/// A header of 32 bytes, a type of kind 20 with two elements of 8 bytes, then an INT; and the layout section.
fn future_kind(layout: &[u8]) -> Vec<u8> {
    let words = |words: &[u32]| {
        words
            .iter()
            .flat_map(|word| word.to_ne_bytes())
            .collect::<Vec<_>>()
    };
    let unknown = words(&[1, 20 << 24 | 2, 0, 7, 0, 0, 0, 0]);
    let int = words(&[5, 1 << 24, 4, 32]);
    let types = [unknown, int].concat();
    let strings = b"\0new\0int\0";
    let (types_len, layout_len) = (types.len() as u32, layout.len() as u32);
    let strings_at = types_len + layout_len;
    let mut data = btf_core::limits::MAGIC.to_ne_bytes().to_vec();
    data.extend([1, 0]);
    data.extend(words(&[
        32,
        0,
        types_len,
        strings_at,
        strings.len() as u32,
        types_len,
        layout_len,
    ]));
    data.extend(types);
    data.extend(layout);
    data.extend(strings);
    data
}

#[test]
fn an_unknown_kind_is_skipped_by_the_layout_section_and_never_guessed() {
    let mut layout = vec![0; 21 * 4];
    layout[20 * 4..].copy_from_slice(&[4, 8, 0, 0]);
    let data = future_kind(&layout);
    let btf = Btf::parse(&data).unwrap();
    assert_eq!(
        btf.types().map(|ty| ty.kind()).collect::<Vec<_>>(),
        [Kind(20), Kind::INT]
    );
    assert_eq!(
        btf.find(b"int", Kind::INT).map(|ty| ty.id()),
        Some(TypeId(2))
    );

    let error = |layout: &[u8]| {
        Btf::parse(&future_kind(layout))
            .map_err(|error| error.kind)
            .err()
    };
    let unknown = Some(ErrorKind::UnknownKind(Kind(20)));
    assert_eq!(error(&[]), unknown, "no layout section");
    assert_eq!(error(&layout[..20 * 4]), unknown, "the kind is not in it");
    layout[20 * 4] = 3;
    assert_eq!(
        error(&layout),
        unknown,
        "a record that is not made of words"
    );
    layout[20 * 4..].copy_from_slice(&[252, 252, 0, 0]);
    assert_eq!(error(&layout), Some(ErrorKind::TruncatedType));
}

#[test]
fn elements_of_every_kind_are_read() {
    let words = |words: &[u32]| {
        words
            .iter()
            .flat_map(|word| word.to_ne_bytes())
            .collect::<Vec<_>>()
    };
    let info = |kind: Kind, vlen: u32, flag: u32| u32::from(kind.0) << 24 | vlen | flag << 31;
    let types = words(&[
        0,
        info(Kind::ARRAY, 0, 0),
        0,
        9,
        8,
        7, //
        0,
        info(Kind::ENUM, 1, 0),
        4,
        1,
        u32::MAX, //
        0,
        info(Kind::ENUM, 1, 1),
        4,
        1,
        u32::MAX, //
        0,
        info(Kind::ENUM64, 1, 0),
        8,
        1,
        2,
        u32::MAX, //
        0,
        info(Kind::ENUM64, 1, 1),
        8,
        1,
        2,
        u32::MAX, //
        1,
        info(Kind::DATASEC, 1, 0),
        4,
        5,
        16,
        4, //
    ]);
    let mut data = btf_core::limits::MAGIC.to_ne_bytes().to_vec();
    data.extend([1, 0]);
    data.extend(words(&[24, 0, types.len() as u32, types.len() as u32, 3]));
    data.extend(&types);
    data.extend(b"\0x\0");
    let btf = Btf::parse(&data).unwrap();
    let ty = |id| btf.get(TypeId(id)).unwrap();

    let array = ty(1).array().unwrap();
    assert_eq!(
        (array.element, array.index, array.len),
        (TypeId(9), TypeId(8), 7)
    );
    let value = |id| {
        ty(id)
            .enumerators()
            .map(|enumerator| enumerator.value)
            .collect::<Vec<_>>()
    };
    assert_eq!(value(2), [i128::from(u32::MAX)]);
    assert_eq!(value(3), [-1]);
    assert_eq!(value(4), [i128::from(u64::from(u32::MAX) << 32 | 2)]);
    assert_eq!(value(5), [i128::from(-(1_i64 << 32) + 2)]);
    let variable = ty(6).variables().next().unwrap();
    assert_eq!(
        (variable.var, variable.offset, variable.size),
        (TypeId(5), 16, 4)
    );
    // Views of other kinds are empty.
    assert_eq!(
        (
            ty(2).array(),
            ty(1).enumerators().count(),
            ty(1).variables().count()
        ),
        (None, 0, 0)
    );
}
