// SPDX-License-Identifier: MIT OR Apache-2.0

//! Each rule by which the kernel moves a split BTF from its distilled base: a case that keeps it, and one that
//! breaks just it.

use btf_core::{Btf, Error, ErrorKind, Info, Kind, Relocation, TypeId};

/// A type record, as words.
#[derive(Clone)]
struct Record {
    name: &'static str,
    info: Info,
    size_or_type: u32,
    elements: Vec<u32>,
}

fn record(name: &'static str, kind: Kind, size_or_type: u32) -> Record {
    Record {
        name,
        info: Info::new(kind, 0, false),
        size_or_type,
        elements: Vec::new(),
    }
}

impl Record {
    /// With `kind_flag`.
    fn flagged(mut self) -> Self {
        self.info = Info::new(self.info.kind(), self.info.vlen(), true);
        self
    }

    /// With elements, of `words` words each.
    fn with(mut self, words: usize, elements: &[u32]) -> Self {
        let vlen = elements.len().checked_div(words).unwrap_or(0) as u32;
        self.info = Info::new(self.info.kind(), vlen, self.info.kind_flag());
        self.elements = elements.to_vec();
        self
    }
}

/// An INT of `size` bytes.
fn int(name: &'static str, size: u32, encoding: u32) -> Record {
    record(name, Kind::INT, size).with(0, &[(encoding << 24) | (size * 8)])
}

fn structure(name: &'static str, size: u32) -> Record {
    record(name, Kind::STRUCT, size)
}

fn pointer(target: u32) -> Record {
    record("", Kind::PTR, target)
}

/// An own STRUCT of the split part with one member.
fn holder(member: u32) -> Record {
    structure("holder", 64).with(3, &[0, member, 0])
}

/// A whole blob. `first_name` is where its names begin, over its base; a name that starts with `+` gets a place of
/// its own even if it is there already.
fn blob(records: &[Record], first_name: u32, big: bool) -> Vec<u8> {
    let (mut types, mut strings) = (Vec::new(), Vec::new());
    if first_name == 0 {
        strings.push(0);
    }
    for record in records {
        let name = name_offset(&mut strings, record.name, first_name);
        types.extend([name, record.info.0, record.size_or_type]);
        types.extend(&record.elements);
    }
    finish(&types, &strings, big)
}

fn name_offset(strings: &mut Vec<u8>, name: &str, first_name: u32) -> u32 {
    let (name, again) = match name.strip_prefix('+') {
        Some(name) => (name, true),
        None => (name, false),
    };
    if name.is_empty() && !again {
        return 0;
    }
    let terminated = [name.as_bytes(), &[0]].concat();
    let known = (0..strings.len()).find(|at| {
        let starts = *at == 0 || strings[at - 1] == 0;
        !again && starts && strings[*at..].starts_with(&terminated)
    });
    let own = known.unwrap_or(strings.len());
    if known.is_none() {
        strings.extend(&terminated);
    }
    first_name + own as u32
}

fn finish(types: &[u32], strings: &[u8], big: bool) -> Vec<u8> {
    let types_len = types.len() as u32 * 4;
    let bytes = |word: u32| {
        if big {
            word.to_be_bytes()
        } else {
            word.to_le_bytes()
        }
    };
    let magic = btf_core::limits::MAGIC;
    let mut data = if big {
        magic.to_be_bytes()
    } else {
        magic.to_le_bytes()
    }
    .to_vec();
    data.extend([1, 0]);
    data.extend(
        [24, 0, types_len, types_len, strings.len() as u32]
            .into_iter()
            .flat_map(bytes),
    );
    data.extend(types.iter().copied().flat_map(bytes));
    data.extend(strings);
    data
}

/// The relocation of `split`: where each distilled type went, and the bytes.
fn relocate(distilled: &[u8], split: &[u8], onto: &[u8]) -> Result<(Vec<u32>, Vec<u8>), Error> {
    let distilled = Btf::parse(distilled)?;
    let mut index = vec![0; distilled.own_len() as usize];
    let distilled = distilled.indexed(&mut index);
    let split = Btf::parse_split(split, &distilled)?;
    let onto = Btf::parse(onto)?;
    let mut room = vec![0; Relocation::required_len(&split)];
    let relocation = Relocation::new(&split, &onto, &mut room)?;
    let mut out = vec![0; 4096];
    let len = relocation.write(&mut out)?;
    out.truncate(len);
    let found = (1..distilled.end_id().0).map(|id| relocation.id(TypeId(id)).unwrap().0);
    Ok((found.collect(), out))
}

/// Where the types of `distilled` are found in `onto`, for a module with the records `split`; or what is wrong with
/// which type.
fn found(
    distilled: &[Record],
    split: &[Record],
    onto: &[Record],
) -> Result<Vec<u32>, (ErrorKind, u32)> {
    let distilled = blob(distilled, 0, false);
    let first_name = Btf::parse(&distilled).unwrap().end_name();
    let split = blob(split, first_name, false);
    relocate(&distilled, &split, &blob(onto, 0, false))
        .map(|(found, _)| found)
        .map_err(|error| (error.kind, error.at.type_id.0))
}

/// As [`found`], for one distilled type that is only pointed to.
fn pointed(distilled: Record, onto: &[Record]) -> Result<u32, ErrorKind> {
    found(&[distilled], &[pointer(1)], onto)
        .map(|found| found[0])
        .map_err(|(kind, _)| kind)
}

/// As [`found`], for one distilled type that a STRUCT of the module has as a member.
fn embedded(distilled: Record, onto: &[Record]) -> Result<u32, ErrorKind> {
    found(&[distilled], &[holder(1)], onto)
        .map(|found| found[0])
        .map_err(|(kind, _)| kind)
}

const NOT_FOUND: ErrorKind = ErrorKind::BaseTypeNotFound;

#[test]
fn an_int_has_name_size_and_encoding() {
    let distilled = || int("int", 4, 1);
    assert_eq!(
        pointed(distilled(), &[int("char", 1, 1), int("int", 4, 1)]),
        Ok(2)
    );
    assert_eq!(pointed(distilled(), &[int("long", 4, 1)]), Err(NOT_FOUND));
    assert_eq!(pointed(distilled(), &[int("int", 8, 1)]), Err(NOT_FOUND));
    assert_eq!(pointed(distilled(), &[int("int", 4, 0)]), Err(NOT_FOUND));
    assert_eq!(
        pointed(distilled(), &[record("int", Kind::FLOAT, 4)]),
        Err(NOT_FOUND)
    );
    // Width and offset in bits are not compared.
    let narrow = record("int", Kind::INT, 4).with(0, &[1 << 24 | 3 << 16 | 7]);
    assert_eq!(pointed(distilled(), &[narrow]), Ok(1));
    // An INT of another encoding does not stand in the way.
    assert_eq!(
        pointed(distilled(), &[int("int", 4, 4), int("int", 4, 1)]),
        Ok(2)
    );
}

#[test]
fn a_float_has_name_and_size() {
    let distilled = || record("double", Kind::FLOAT, 8);
    assert_eq!(pointed(distilled(), &[distilled()]), Ok(1));
    assert_eq!(
        pointed(distilled(), &[record("double", Kind::FLOAT, 4)]),
        Err(NOT_FOUND)
    );
    assert_eq!(pointed(distilled(), &[int("double", 8, 0)]), Err(NOT_FOUND));
}

#[test]
fn an_enum_finds_an_enum_of_either_kind() {
    let distilled = || record("state", Kind::ENUM, 8);
    let wide = record("state", Kind::ENUM64, 8).with(3, &[0, 1, 2]);
    assert_eq!(
        pointed(distilled(), &[record("state", Kind::ENUM, 8)]),
        Ok(1)
    );
    assert_eq!(pointed(distilled(), &[wide]), Ok(1));
    assert_eq!(
        pointed(distilled(), &[record("state", Kind::ENUM, 4)]),
        Err(NOT_FOUND)
    );
    assert_eq!(
        pointed(distilled(), &[structure("state", 8)]),
        Err(NOT_FOUND)
    );
}

#[test]
fn a_struct_that_is_pointed_to_may_have_any_size() {
    for kind in [Kind::STRUCT, Kind::UNION] {
        let distilled = || record("task", kind, 8);
        assert_eq!(pointed(distilled(), &[record("task", kind, 16)]), Ok(1));
        assert_eq!(
            pointed(distilled(), &[record("file", kind, 8)]),
            Err(NOT_FOUND)
        );
        assert_eq!(embedded(distilled(), &[record("task", kind, 8)]), Ok(1));
        assert_eq!(
            embedded(distilled(), &[record("task", kind, 16)]),
            Err(NOT_FOUND)
        );
    }
}

#[test]
fn a_member_brings_its_struct_through_modifiers_and_arrays_but_not_through_pointers() {
    let chain = |links: &[Record]| {
        let mut split = vec![holder(2 + links.len() as u32)];
        split.extend_from_slice(links);
        found(&[structure("task", 8)], &split, &[structure("task", 16)]).map(|found| found[0])
    };
    // Own ids begin at 2, with the holder.
    let array = |element| record("", Kind::ARRAY, 0).with(0, &[element, 0, 4]);
    for link in [
        record("", Kind::CONST, 1),
        record("", Kind::VOLATILE, 1),
        record("", Kind::RESTRICT, 1),
        record("task_t", Kind::TYPEDEF, 1),
        record("user", Kind::TYPE_TAG, 1),
        array(1),
    ] {
        assert_eq!(chain(&[link]), Err((NOT_FOUND, 1)));
    }
    assert_eq!(
        chain(&[array(1), record("", Kind::CONST, 3)]),
        Err((NOT_FOUND, 1))
    );
    assert_eq!(chain(&[pointer(1)]), Ok(1));
    assert_eq!(chain(&[pointer(1), array(3)]), Ok(1));
    // A circle through an array passes the kernel's checker; the kernel would then never come back.
    assert_eq!(chain(&[array(3)]), Err((ErrorKind::TooDeep, 3)));
    assert_eq!(
        chain(&[array(9)]),
        Err((ErrorKind::InvalidTypeId(TypeId(9)), 9))
    );
}

#[test]
fn a_long_chain_of_modifiers_is_followed_to_its_end() {
    let mut split = vec![holder(102)];
    split
        .extend((0..100).map(|link| record("", Kind::CONST, if link == 0 { 1 } else { link + 2 })));
    let found = |size| found(&[structure("task", 8)], &split, &[structure("task", size)]);
    assert_eq!(found(8), Ok(vec![1]));
    assert_eq!(found(16), Err((NOT_FOUND, 1)));
}

#[test]
fn the_kind_of_a_composite_is_not_compared() {
    assert_eq!(
        pointed(structure("task", 8), &[record("task", Kind::UNION, 4)]),
        Ok(1)
    );
    assert_eq!(
        pointed(structure("task", 8), &[record("task", Kind::FWD, 0)]),
        Ok(1)
    );
    assert_eq!(
        embedded(structure("task", 8), &[record("task", Kind::FWD, 0)]),
        Err(NOT_FOUND)
    );
    // Kinds that are found by size are so here, too.
    assert_eq!(
        pointed(structure("task", 8), &[record("task", Kind::ENUM, 8)]),
        Ok(1)
    );
    assert_eq!(
        pointed(structure("task", 8), &[record("task", Kind::ENUM, 4)]),
        Err(NOT_FOUND)
    );
    assert_eq!(pointed(structure("task", 8), &[int("task", 8, 0)]), Ok(1));
    // Kinds that a distilled base cannot have do not count.
    assert_eq!(
        pointed(structure("task", 8), &[record("task", Kind::TYPEDEF, 8)]),
        Err(NOT_FOUND)
    );
}

#[test]
fn of_several_composites_the_one_of_the_size_is_found() {
    let onto = [
        structure("ring", 8),
        record("ring", Kind::UNION, 16),
        structure("ring", 24),
    ];
    assert_eq!(pointed(structure("ring", 16), &onto), Ok(2));
    assert_eq!(pointed(structure("ring", 24), &onto), Ok(3));
    assert_eq!(pointed(structure("ring", 12), &onto), Err(NOT_FOUND));
    // Two distilled types of one name, each with its own.
    let distilled = [
        structure("ring", 24),
        structure("ring", 8),
        int("int", 4, 1),
    ];
    let onto = [onto.as_slice(), &[int("int", 4, 1)]].concat();
    assert_eq!(
        found(&distilled, &[pointer(1), pointer(2)], &onto),
        Ok(vec![3, 1, 4])
    );
    // Sizes are compared in 31 bits.
    let huge = [structure("ring", 1 << 31 | 8), structure("ring", 16)];
    assert_eq!(pointed(structure("ring", 8), &huge), Ok(1));
    assert_eq!(embedded(structure("ring", 8), &huge), Err(NOT_FOUND));
}

#[test]
fn two_types_that_fit_are_ambiguous() {
    let both = |one, other| ErrorKind::AmbiguousBaseType([TypeId(one), TypeId(other)]);
    let onto = [structure("ring", 8), int("x", 1, 0), structure("ring", 8)];
    assert_eq!(pointed(structure("ring", 8), &onto), Err(both(1, 3)));
    assert_eq!(
        pointed(int("int", 4, 1), &[int("int", 4, 1), int("int", 4, 1)]),
        Err(both(1, 2))
    );
    // What does not fit is not in the way.
    let onto = [structure("ring", 8), structure("ring", 9)];
    assert_eq!(pointed(structure("ring", 8), &onto), Ok(1));
    // A FWD beside its struct fits, too; embedded, it depends on which comes first.
    let (fwd, ring) = (record("ring", Kind::FWD, 0), structure("ring", 8));
    let (before, after) = ([fwd.clone(), ring.clone()], [ring, fwd]);
    assert_eq!(pointed(structure("ring", 8), &before), Err(both(1, 2)));
    assert_eq!(embedded(structure("ring", 8), &before), Ok(2));
    assert_eq!(embedded(structure("ring", 8), &after), Err(both(1, 2)));
}

#[test]
fn composites_are_several_by_the_offset_of_their_name() {
    // The strings have the name twice: neither offset has two composites, so sizes are not asked for.
    let onto = [structure("ring", 4), structure("+ring", 12)];
    let both = ErrorKind::AmbiguousBaseType([TypeId(1), TypeId(2)]);
    assert_eq!(pointed(structure("ring", 4), &onto), Err(both));
    // The first offset has two, of which none fits; the second has one.
    let onto = [
        structure("ring", 4),
        structure("ring", 16),
        structure("+ring", 12),
    ];
    assert_eq!(pointed(structure("ring", 8), &onto), Ok(3));
    // Without a repetition in the strings, the size decides.
    let onto = [structure("ring", 4), structure("ring", 12)];
    assert_eq!(pointed(structure("ring", 4), &onto), Ok(1));
}

#[test]
fn a_fwd_finds_no_struct_with_bitfields() {
    let fwd = || record("task", Kind::FWD, 0);
    let union_fwd = || fwd().flagged();
    assert_eq!(pointed(fwd(), &[fwd()]), Ok(1));
    assert_eq!(pointed(fwd(), &[union_fwd()]), Err(NOT_FOUND));
    assert_eq!(pointed(union_fwd(), &[union_fwd()]), Ok(1));
    let union = || record("task", Kind::UNION, 8);
    // The flag of the FWD is not looked at, nor is the kind that it stands for.
    for distilled in [fwd(), union_fwd()] {
        assert_eq!(pointed(distilled.clone(), &[structure("task", 8)]), Ok(1));
        assert_eq!(
            pointed(distilled.clone(), &[structure("task", 8).flagged()]),
            Err(NOT_FOUND)
        );
        assert_eq!(pointed(distilled.clone(), &[union().flagged()]), Ok(1));
        assert_eq!(pointed(distilled, &[union()]), Err(NOT_FOUND));
    }
    assert_eq!(pointed(fwd(), &[int("task", 0, 0)]), Err(NOT_FOUND));
    // Several structs of the name are told apart by a size that a FWD does not have.
    assert_eq!(
        pointed(fwd(), &[structure("task", 8), structure("task", 4)]),
        Err(NOT_FOUND)
    );
    // An opaque STRUCT in its place finds the one with bitfields.
    assert_eq!(
        pointed(structure("task", 0), &[structure("task", 8).flagged()]),
        Ok(1)
    );
}

#[test]
fn a_distilled_base_has_named_types_of_few_kinds() {
    let onto = [int("int", 4, 1), structure("task", 8)];
    for (wrong, kind) in [
        (structure("", 8), ErrorKind::AnonymousBaseType),
        (record("", Kind::FWD, 0), ErrorKind::AnonymousBaseType),
        (pointer(0), ErrorKind::UnexpectedKind(Kind::PTR)),
        (
            record("t", Kind::TYPEDEF, 0),
            ErrorKind::UnexpectedKind(Kind::TYPEDEF),
        ),
        (
            record("e", Kind::ENUM64, 8),
            ErrorKind::UnexpectedKind(Kind::ENUM64),
        ),
    ] {
        assert_eq!(
            found(&[int("int", 4, 1), wrong], &[], &onto),
            Err((kind, 2))
        );
    }
    let missing = found(&[structure("task", 8), structure("file", 8)], &[], &onto);
    assert_eq!(missing, Err((NOT_FOUND, 2)));
    assert_eq!(found(&[], &[], &onto), Err((ErrorKind::EmptyBase, 0)));
}

#[test]
fn anonymous_types_of_the_base_are_not_candidates() {
    let onto = [
        structure("", 8),
        record("", Kind::ENUM, 4),
        int("int", 4, 1),
    ];
    assert_eq!(pointed(int("int", 4, 1), &onto), Ok(3));
}

#[test]
fn an_empty_name_in_the_base_finds_void_and_is_refused() {
    let onto = [int("int", 4, 1), structure("+", 8)];
    let refused = found(&[int("int", 4, 1)], &[], &onto);
    assert!(
        matches!(refused, Err((ErrorKind::InvalidName(_), 0))),
        "{refused:?}"
    );
    // `void` has no size, so a type that is found by size does not find it.
    assert_eq!(
        found(
            &[int("int", 4, 1)],
            &[],
            &[int("int", 4, 1), int("+", 8, 0)]
        ),
        Ok(vec![1])
    );
}

/// A module that refers to types and names in all ways, its base, and the same as it is over `onto`.
fn module(big: bool) -> [Vec<u8>; 4] {
    let distilled = [int("int", 4, 1), structure("task", 0), structure("file", 8)];
    let onto = [
        pointer(0),
        structure("file", 8),
        int("long", 8, 1),
        structure("task", 64).flagged(),
        int("int", 4, 1),
    ];
    // `int` and `file` are where they are in the distilled base, and `x` is own; ids from `first` on are own.
    let split = |int: u32, task: u32, file: u32, [first, int_name, file_name, x]: [u32; 4]| {
        vec![
            pointer(task),
            record("", Kind::ARRAY, 0).with(0, &[file, int, 3]),
            record("own", Kind::STRUCT, 16).with(3, &[x, int, 0, file_name, first, 64]),
            record("", Kind::FUNC_PROTO, 0).with(2, &[file_name, first, int_name, first + 1]),
            record("f", Kind::FUNC, first + 3),
            record("v", Kind::VAR, int).with(0, &[0]),
            record(".data", Kind::DATASEC, 4).with(3, &[first + 5, 0, 4]),
            record("tag", Kind::DECL_TAG, first + 2).with(0, &[u32::MAX]),
            record("e", Kind::ENUM, 4).with(2, &[x, 7]),
            record("e64", Kind::ENUM64, 8).with(3, &[x, 7, 8]),
            record("gone", Kind::FWD, 0),
        ]
    };
    let distilled = blob(&distilled, 0, big);
    let onto = blob(&onto, 0, big);
    let end_name = |data: &[u8]| Btf::parse(data).unwrap().end_name();
    let (old_name, new_name) = (end_name(&distilled), end_name(&onto));
    // Strings: \0int\0task\0file\0 and \0file\0long\0task\0int\0; `own` comes first in the split part.
    let split_data = blob(&split(1, 2, 3, [4, 1, 10, old_name]), old_name, big);
    let moved = blob(&split(5, 4, 2, [6, 16, 1, new_name]), new_name, big);
    [distilled, split_data, onto, moved]
}

#[test]
fn every_reference_is_moved_and_nothing_else() {
    for big in [false, true] {
        let [distilled, split, onto, moved] = module(big);
        assert_eq!(
            relocate(&distilled, &split, &onto),
            Ok((vec![5, 4, 2], moved))
        );
    }
}

#[test]
fn bytes_that_belong_to_no_section_are_kept() {
    let [distilled, mut split, onto, mut moved] = module(false);
    for data in [&mut split, &mut moved] {
        data.splice(24..24, *b"gap!");
        data.extend(*b"trailing");
        let word = |data: &mut Vec<u8>, at: usize, add: u32| {
            let value = u32::from_le_bytes(data[at..at + 4].try_into().unwrap()) + add;
            data[at..at + 4].copy_from_slice(&value.to_le_bytes());
        };
        word(data, 8, 4);
        word(data, 16, 4);
    }
    assert_eq!(
        relocate(&distilled, &split, &onto),
        Ok((vec![5, 4, 2], moved))
    );
}

#[test]
fn a_name_of_the_base_must_be_that_of_a_type() {
    let with_member_name = |name: u32| {
        let member = structure("own", 8).with(3, &[name, 1, 0]);
        found(&[int("int", 4, 1)], &[member], &[int("int", 4, 1)])
    };
    assert_eq!(with_member_name(1), Ok(vec![1]));
    assert_eq!(with_member_name(0), Ok(vec![1]));
    assert_eq!(with_member_name(2), Err((ErrorKind::UnmappedName(2), 2)));
}

#[test]
fn a_name_beyond_the_strings_stays_as_far_beyond() {
    // The kernel does not check the names of parameters.
    let with_name = |name: u32, target: u32, first_name: u32| {
        let param = record("", Kind::FUNC_PROTO, 0).with(2, &[name, target]);
        blob(&[param], first_name, false)
    };
    let distilled = blob(&[int("int", 4, 1)], 0, false);
    let onto = blob(&[structure("task", 8), int("int", 4, 1)], 0, false);
    // The strings are \0int\0 and \0task\0int\0.
    for (name, moved) in [(100, 105), (u32::MAX, 4)] {
        assert_eq!(
            relocate(&distilled, &with_name(name, 1, 5), &onto),
            Ok((vec![2], with_name(moved, 2, 10)))
        );
    }
}

#[test]
fn types_of_one_name_take_the_name_offset_of_the_last() {
    // The base has the name at two offsets; ENUM and STRUCT of the distilled base share one.
    let distilled = [record("ring", Kind::ENUM, 4), structure("ring", 8)];
    let onto = [structure("ring", 8), record("+ring", Kind::ENUM, 4)];
    let member = [structure("own", 8).with(3, &[1, 2, 0])];
    let distilled = blob(&distilled, 0, false);
    let split = blob(&member, 6, false);
    let (found, moved) = relocate(&distilled, &split, &blob(&onto, 0, false)).unwrap();
    assert_eq!(found, [2, 1]);
    let name = u32::from_le_bytes(moved[24 + 12..24 + 16].try_into().unwrap());
    assert_eq!(name, 6);
}

#[test]
fn a_reference_to_no_type_is_an_error() {
    let split = |target| found(&[int("int", 4, 1)], &[pointer(target)], &[int("int", 4, 1)]);
    assert_eq!(split(2), Ok(vec![1]));
    assert_eq!(split(3), Err((ErrorKind::InvalidTypeId(TypeId(3)), 2)));
}

#[test]
fn ids_beyond_the_end_are_not_moved() {
    let [distilled, split, onto, _] = module(false);
    let distilled = Btf::parse(&distilled).unwrap();
    let split = Btf::parse_split(&split, &distilled).unwrap();
    let onto = Btf::parse(&onto).unwrap();
    let mut room = vec![0; Relocation::required_len(&split)];
    let relocation = Relocation::new(&split, &onto, &mut room).unwrap();
    assert_eq!(relocation.id(TypeId::VOID), Some(TypeId::VOID));
    let last = TypeId(split.end_id().0 - 1);
    let moved = split.own_len() - 1 + onto.end_id().0;
    assert_eq!(relocation.id(last), Some(TypeId(moved)));
    for none in [split.end_id(), TypeId(u32::MAX)] {
        assert_eq!(relocation.id(none), None);
    }
}

#[test]
fn bases_must_fit_together() {
    let [distilled, split, onto, _] = module(false);
    let distilled = Btf::parse(&distilled).unwrap();
    let split = Btf::parse_split(&split, &distilled).unwrap();
    let onto = Btf::parse(&onto).unwrap();
    let new = |split: &Btf<'_>, onto: &Btf<'_>, words| {
        let mut room = vec![0; words];
        Relocation::new(split, onto, &mut room)
            .map(|_| ())
            .map_err(|error| error.kind)
    };
    let need = Relocation::required_len(&split);
    assert_eq!(new(&split, &onto, need), Ok(()));
    assert_eq!(
        new(&split, &onto, need - 1),
        Err(ErrorKind::RoomTooSmall { need })
    );
    assert_eq!(new(&distilled, &onto, need), Err(ErrorKind::MissingBase));
    assert_eq!(new(&split, &split, need), Err(ErrorKind::UnexpectedBase));
    let third = blob(&[pointer(1)], split.end_name(), false);
    let third = Btf::parse_split(&third, &split).unwrap();
    assert_eq!(new(&third, &onto, 1000), Err(ErrorKind::UnexpectedBase));
    let [.., foreign, _] = module(true);
    let foreign = Btf::parse(&foreign).unwrap();
    assert_eq!(new(&split, &foreign, need), Err(ErrorKind::OtherByteOrder));
}

#[test]
fn an_output_that_is_too_small_says_how_much_it_needs() {
    let [distilled, split_data, onto, moved] = module(false);
    let distilled = Btf::parse(&distilled).unwrap();
    let split = Btf::parse_split(&split_data, &distilled).unwrap();
    let onto = Btf::parse(&onto).unwrap();
    let mut room = vec![0; Relocation::required_len(&split)];
    let relocation = Relocation::new(&split, &onto, &mut room).unwrap();
    let need = split_data.len();
    let mut out = vec![0; need];
    assert_eq!(
        relocation
            .write(&mut out[..need - 1])
            .map_err(|error| error.kind),
        Err(ErrorKind::BufferTooSmall { need })
    );
    assert_eq!(relocation.write(&mut out), Ok(need));
    assert_eq!(out, moved);
}

#[test]
fn a_kind_that_came_later_cannot_be_moved() {
    let [distilled, .., onto, _] = module(false);
    // A header of 32 bytes, one record of kind 20 without elements, and the layout section that tells its length.
    let layout = vec![0_u8; 21 * 4];
    let words = [32, 0, 12, 12, 0, 12, layout.len() as u32, 0, 20 << 24, 0];
    let mut split = btf_core::limits::MAGIC.to_le_bytes().to_vec();
    split.extend([1, 0]);
    split.extend(words.into_iter().flat_map(u32::to_le_bytes));
    split.extend(layout);
    let error = relocate(&distilled, &split, &onto).unwrap_err();
    assert_eq!(
        (error.kind, error.at.type_id.0),
        (ErrorKind::UnknownKind(Kind(20)), 4)
    );
}

#[test]
fn no_damage_leads_to_a_panic() {
    let [distilled, split, onto, _] = module(false);
    let good = [&distilled, &split, &onto];
    let mut refused = 0;
    for (which, blob) in good.iter().enumerate() {
        for at in 0..blob.len() {
            let flips = (0..8).map(|bit| blob[at] ^ (1 << bit));
            for value in flips.chain([0, 0x7f, 0xff]) {
                let mut damaged = good.map(Clone::clone);
                damaged[which][at] = value;
                let [distilled, split, onto] = damaged;
                refused += usize::from(relocate(&distilled, &split, &onto).is_err());
            }
        }
        for len in 0..blob.len() {
            let mut damaged = good.map(Clone::clone);
            damaged[which].truncate(len);
            let [distilled, split, onto] = damaged;
            assert!(relocate(&distilled, &split, &onto).is_err());
        }
    }
    assert!(refused > 0);
}
