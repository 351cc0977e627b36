// SPDX-License-Identifier: MIT OR Apache-2.0

//! Reading, look-up, member offsets and writing, with good and with damaged input.

use btf_core::{
    Btf, Declaration, Error, ErrorKind, IntEncoding, Kind, Linkage, Param, RawMember, TypeId,
    Writer,
};

/// A small kernel: an int, a struct with an anonymous union in it, and a function of the struct's name.
fn sample() -> Vec<u8> {
    let (mut types, mut strings, mut out) = ([0; 512], [0; 256], [0; 1024]);
    let mut writer = Writer::new(&mut types, &mut strings).unwrap();
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
    writer.push_decl_tag(b"bpf_kfunc", func).unwrap();
    let len = writer.finish(&mut out).unwrap();
    out[..len].to_vec()
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
fn split_goes_on_where_its_base_ends() {
    let base_data = sample();
    let base = Btf::parse(&base_data).unwrap();
    let (mut types, mut strings, mut out) = ([0; 128], [0; 64], [0; 256]);
    let mut writer = Writer::split(&mut types, &mut strings, &base);
    let task = base.find(b"task", Kind::STRUCT).unwrap();
    let pointer = writer.push_reference(Kind::PTR, task.id()).unwrap();
    let typedef = writer.push_typedef(b"task_t", pointer).unwrap();
    let len = writer.finish(&mut out).unwrap();

    let split = Btf::parse_split(&out[..len], &base).unwrap();
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
fn a_chain_without_end_is_an_error() {
    let (mut types, mut strings, mut out) = ([0; 64], [0; 16], [0; 128]);
    let mut writer = Writer::new(&mut types, &mut strings).unwrap();
    let own = TypeId(1);
    assert_eq!(writer.push_reference(Kind::CONST, own).unwrap(), own);
    let len = writer.finish(&mut out).unwrap();
    let btf = Btf::parse(&out[..len]).unwrap();
    assert_eq!(
        btf.skip_modifiers(own).map_err(|error| error.kind),
        Err(ErrorKind::TooDeep)
    );
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
        Err(ErrorKind::InvalidMagic(u16::from_ne_bytes([1, 2])))
    );
    let foreign = btf_core::limits::MAGIC.swap_bytes().to_ne_bytes();
    assert_eq!(with(0, &foreign), Err(ErrorKind::ForeignByteOrder));
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

/// Reads all there is; must end, and must not panic.
fn exercise(data: &[u8]) -> Result<(), Error> {
    let btf = Btf::parse(data)?;
    for ty in btf.types() {
        let _ = (
            btf.name(&ty),
            ty.params().count(),
            ty.int_word(),
            ty.component(),
        );
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

#[test]
fn a_buffer_that_is_too_small_says_how_much_it_needs() {
    let (mut types, mut strings) = ([0; 16], [0; 5]);
    let mut writer = Writer::new(&mut types, &mut strings).unwrap();
    writer.push_int(b"int", 4, IntEncoding::UNSIGNED).unwrap();
    let too_small = |result: Result<TypeId, Error>| match result.map_err(|error| error.kind) {
        Err(ErrorKind::BufferTooSmall { need }) => need,
        other => panic!("{other:?}"),
    };
    assert_eq!(too_small(writer.push_reference(Kind::PTR, TypeId(1))), 20);
    assert_eq!(too_small(writer.push_typedef(b"abc", TypeId(1))), 8);
    // A name that is there already takes no room.
    assert_eq!(writer.name(b"int"), Ok(1));
    assert_eq!(
        writer.finish(&mut [0; 30]).map_err(|error| error.kind),
        Err(ErrorKind::BufferTooSmall { need: 40 })
    );
}

static_assertions::assert_impl_all!(Error: Copy, Send, Sync, core::error::Error);
static_assertions::assert_impl_all!(Btf<'static>: Copy, Send, Sync);
