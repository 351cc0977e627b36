// SPDX-License-Identifier: MIT OR Apache-2.0

//! Each record alone.

use btf_core::limits::MAX_TYPES;
use btf_core::validate::Rule;
use btf_core::{Kind, TypeId};

use crate::blob::{Blob, KINDS, KIND_FLAG};
use crate::case::{accepted, case, run, told, Case, Linux6_12, Linux6_12_107, Linux7_3};

/// The words of a record.
const NAME: usize = 0;
const INFO: usize = 1;
const SIZE_OR_TYPE: usize = 2;
/// What follows it.
const REST: usize = 3;

/// More than any id can be.
const TOO_BIG: TypeId = TypeId(MAX_TYPES + 1);
/// PTR and the modifiers.
const REFERENCES: [Kind; 6] = [
    Kind::PTR,
    Kind::TYPEDEF,
    Kind::VOLATILE,
    Kind::CONST,
    Kind::RESTRICT,
    Kind::TYPE_TAG,
];

/// `rule` is broken where `word` of a good record of `kind` has a bad value.
fn word(rule: Rule, kind: Kind, what: &str, word: usize, values: [u32; 2]) -> Case {
    let what = format!("{kind}: {what}");
    case(rule, what, values, move |b, value| {
        let id = b.sample(kind);
        b.set(id, word, value)
    })
}

/// As [`word`], with the offset of a name.
fn name(rule: Rule, kind: Kind, what: &str, names: [&'static str; 2]) -> Case {
    let what = format!("{kind}: {what}");
    case(rule, what, names, move |b, name| {
        let id = b.sample(kind);
        let name = b.name(name);
        b.set(id, NAME, name)
    })
}

fn every_record() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in KINDS {
        cases.push(case(Rule::MetaLeft, format!("{kind}"), [1, 0], |b, cut| {
            let id = b.sample(kind);
            b.cut(cut);
            id
        }));
        let outside = format!("{kind}: just outside");
        let name_offset = case(Rule::InvalidNameOffset, outside, [0, 1], |b, before| {
            let id = b.sample(kind);
            // The NUL at the end is no good name for all kinds; their own is.
            if before == 0 {
                b.set(id, NAME, b.end_name());
            }
            id
        });
        cases.push(name_offset);
    }
    for (what, kind) in [("0", 0), ("20", 20), ("31", 31)] {
        let values = [kind << 24, 10 << 24];
        cases.push(word(Rule::InvalidKind, Kind::CONST, what, INFO, values));
    }
    for bit in [29, 30] {
        let what = format!("bit {bit}");
        let values = [10 << 24 | 1 << bit, 10 << 24];
        let bits = word(Rule::InvalidInfo, Kind::CONST, &what, INFO, values);
        cases.push(bits.on(Linux7_3, Some(Rule::InvalidKind)));
    }
    for bit in 16..24 {
        let what = format!("bit {bit}");
        let values = [10 << 24 | 1 << bit, 10 << 24];
        let bits = word(Rule::InvalidInfo, Kind::CONST, &what, INFO, values);
        cases.push(bits.on(Linux7_3, Some(Rule::InvalidVlen)));
    }
    let many = |b: &mut Blob, len| b.enumeration("e", 4, &vec!["A"; len]);
    let members = case(Rule::InvalidInfo, "65536 elements", [0x10000, 0xffff], many);
    cases.push(members.on(Linux7_3, None));
    cases
}

fn info() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in KINDS {
        let counts = matches!(
            kind,
            Kind::STRUCT
                | Kind::UNION
                | Kind::ENUM
                | Kind::ENUM64
                | Kind::FUNC
                | Kind::FUNC_PROTO
                | Kind::DATASEC
        );
        if !counts {
            cases.push(case(
                Rule::InvalidVlen,
                format!("{kind}"),
                [1, 0],
                |b, vlen| {
                    let id = b.sample(kind);
                    b.set_info(id, vlen)
                },
            ));
        }
        let flagged = case(
            Rule::InvalidKindFlag,
            format!("{kind}"),
            [KIND_FLAG, 0],
            |b, flag| {
                let id = b.sample(kind);
                b.set_info(id, flag)
            },
        );
        match kind {
            // It means something for these.
            Kind::STRUCT | Kind::UNION | Kind::ENUM | Kind::ENUM64 | Kind::FWD => {}
            Kind::DECL_TAG | Kind::TYPE_TAG => cases.push(flagged.on(Linux7_3, None)),
            _ => cases.push(flagged),
        }
    }
    // The other rules of a tag stand before the one on its flag, but for that on the component.
    let tag = |rule, kind, bits: u32, word: usize, value: Option<u32>| {
        let what = format!("{kind}: kind_flag, and this");
        case(rule, what, [true, false], move |b, bad| {
            let id = b.sample(kind);
            if bad {
                b.set_info(id, KIND_FLAG | bits);
                if let Some(value) = value {
                    b.set(id, word, value);
                }
            }
            id
        })
    };
    cases.push(tag(Rule::InvalidVlen, Kind::TYPE_TAG, 1, 0, None));
    cases.push(tag(Rule::InvalidVlen, Kind::DECL_TAG, 1, 0, None));
    cases.push(tag(Rule::InvalidValue, Kind::DECL_TAG, 1, NAME, Some(0)));
    let component = tag(
        Rule::InvalidComponent,
        Kind::DECL_TAG,
        0,
        REST,
        Some(u32::MAX - 1),
    );
    cases.push(
        component
            .on(Linux6_12_107, Some(Rule::InvalidKindFlag))
            .on(Linux6_12, Some(Rule::InvalidKindFlag)),
    );
    let nameless = tag(Rule::InvalidName, Kind::TYPE_TAG, 0, NAME, Some(0));
    cases.push(
        nameless
            .on(Linux6_12_107, Some(Rule::InvalidKindFlag))
            .on(Linux6_12, Some(Rule::InvalidKindFlag)),
    );
    cases
}

fn int_and_float() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut int = |rule, what: &str, size, data: [u32; 2]| {
        cases.push(case(rule, what, data, move |b, data| b.int_of(size, data)));
    };
    for bit in 28..32 {
        let what = format!("bit {bit}");
        int(Rule::InvalidIntData, &what, 4, [1 << bit | 32, 32]);
    }
    int(Rule::IntBits, "129 bits", 17, [129, 128]);
    int(Rule::IntBits, "128 bits behind 1", 17, [1 << 16 | 128, 128]);
    int(Rule::IntSize, "33 bits in 4 bytes", 4, [33, 32]);
    int(Rule::IntSize, "32 bits behind 1", 4, [1 << 16 | 32, 32]);
    int(Rule::IntSize, "1 bit in no bytes", 0, [1, 0]);
    for encoding in (0..16).filter(|bits| ![0, 1, 2, 4].contains(bits)) {
        let what = format!("encoding {encoding}");
        let data = [encoding << 24 | 32, 4 << 24 | 32];
        int(Rule::UnsupportedEncoding, &what, 4, data);
    }
    for size in (0..20).filter(|size| ![2, 4, 8, 12, 16].contains(size)) {
        let what = format!("{size} bytes");
        let sizes = [size, 12];
        cases.push(word(
            Rule::InvalidTypeSize,
            Kind::FLOAT,
            &what,
            SIZE_OR_TYPE,
            sizes,
        ));
    }
    cases
}

fn names() -> Vec<Case> {
    let rule = Rule::InvalidName;
    let mut cases = Vec::new();
    for kind in [
        Kind::TYPEDEF,
        Kind::FWD,
        Kind::FUNC,
        Kind::VAR,
        Kind::DATASEC,
        Kind::TYPE_TAG,
    ] {
        cases.push(name(rule, kind, "must have one", ["", "t"]));
    }
    for kind in [
        Kind::PTR,
        Kind::VOLATILE,
        Kind::CONST,
        Kind::RESTRICT,
        Kind::ARRAY,
        Kind::FUNC_PROTO,
    ] {
        cases.push(name(rule, kind, "must have none", ["t", ""]));
    }
    let long = "n".repeat(513).leak();
    for kind in [
        Kind::TYPEDEF,
        Kind::FWD,
        Kind::FUNC,
        Kind::VAR,
        Kind::STRUCT,
        Kind::UNION,
        Kind::ENUM,
        Kind::ENUM64,
    ] {
        cases.push(name(rule, kind, "first byte", ["?a", ".a"]));
        cases.push(name(rule, kind, "a digit first", ["1a", "a1"]));
        cases.push(name(rule, kind, "later byte", ["a-", "a."]));
        cases.push(name(rule, kind, "513 bytes", [long, &long[1..]]));
    }
    let datasec = Kind::DATASEC;
    cases.push(name(rule, datasec, "513 bytes", [long, &long[1..]]));
    cases.push(name(rule, datasec, "first byte", ["\x7f", "?.a b:c"]));
    cases.push(name(rule, datasec, "later byte", ["a\n", "a "]));

    for (what, names) in [("first byte", ["?a", ""]), ("513 bytes", [long, "m"])] {
        cases.push(case(rule, what, names, |b, name| {
            let int = b.int();
            (
                b.structure("s", 8, &[("m", int, 0), (name, int, 32)]),
                12 + 12,
            )
        }));
        cases.push(case(rule, what, names, |b, name| {
            let int = b.int();
            (b.union("u", 4, &[(name, int, 0)]), 12)
        }));
    }
    for names in [["", "B"], ["?", "_"], [long, &long[1..]]] {
        cases.push(case(rule, "second enumerator", names, |b, name| {
            (b.enumeration("e", 4, &["A", name]), 12 + 8)
        }));
        cases.push(case(rule, "second of ENUM64", names, |b, name| {
            (b.enum64("e", 8, &["A", name]), 12 + 12)
        }));
    }
    cases.push(name(Rule::InvalidValue, Kind::DECL_TAG, "none", ["", "?"]));
    cases
}

/// Names of elements outside of the strings.
fn element_names() -> Vec<Case> {
    let outside = |rule, kind, name: usize, at: u32| {
        case(rule, format!("{kind}"), [true, false], move |b, bad| {
            let id = b.sample(kind);
            if bad {
                b.set(id, name, b.end_name());
            }
            (id, at)
        })
    };
    vec![
        outside(Rule::InvalidMemberName, Kind::STRUCT, REST, 12),
        outside(Rule::InvalidMemberName, Kind::UNION, REST, 12),
        outside(Rule::InvalidNameOffset, Kind::ENUM, REST, 12),
        outside(Rule::InvalidNameOffset, Kind::ENUM64, REST, 12),
    ]
}

fn references() -> Vec<Case> {
    let rule = Rule::InvalidTypeId;
    let mut cases = Vec::new();
    for kind in REFERENCES {
        let ids = [TOO_BIG.0, 1];
        cases.push(word(rule, kind, "too big", SIZE_OR_TYPE, ids));
    }
    cases.push(word(
        rule,
        Kind::VAR,
        "too big",
        SIZE_OR_TYPE,
        [TOO_BIG.0, 1],
    ));
    cases.push(word(rule, Kind::VAR, "void", SIZE_OR_TYPE, [0, 1]));
    for (what, bad) in [("too big", TOO_BIG.0), ("void", 0)] {
        // The type of the first element is the second word of a member, the first of a variable.
        for (kind, place, good) in [
            (Kind::STRUCT, REST + 1, 1),
            (Kind::UNION, REST + 1, 1),
            (Kind::DATASEC, REST, 2),
        ] {
            let what = format!("{kind}: {what}");
            cases.push(case(rule, what, [bad, good], move |b, ty| {
                let id = b.sample(kind);
                (b.set(id, place, ty), 12)
            }));
        }
        let ids = [bad, 1];
        cases.push(word(Rule::InvalidElem, Kind::ARRAY, what, REST, ids));
        cases.push(word(Rule::InvalidIndex, Kind::ARRAY, what, REST + 1, ids));
    }
    cases.push(word(
        Rule::TypeNotZero,
        Kind::FWD,
        "int",
        SIZE_OR_TYPE,
        [1, 0],
    ));
    cases.push(word(
        Rule::SizeNotZero,
        Kind::ARRAY,
        "4",
        SIZE_OR_TYPE,
        [4, 0],
    ));
    cases.push(word(Rule::FuncLinkage, Kind::FUNC, "extern", INFO, {
        let info = u32::from(Kind::FUNC.0) << 24;
        [info | 2, info | 1]
    }));
    cases.push(word(Rule::VarLinkage, Kind::VAR, "extern", REST, [2, 1]));
    cases.push(word(
        Rule::InvalidComponent,
        Kind::DECL_TAG,
        "-2",
        REST,
        [u32::MAX - 1, u32::MAX],
    ));
    cases
}

fn sizes_and_offsets() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in [Kind::ENUM, Kind::ENUM64] {
        for (bad, good) in [(0, 1), (3, 2), (5, 4), (16, 8)] {
            let what = format!("{bad} bytes");
            let sizes = [bad, good];
            cases.push(word(Rule::UnexpectedSize, kind, &what, SIZE_OR_TYPE, sizes));
        }
    }
    let rule = Rule::InvalidMemberBitsOffset;
    cases.push(case(rule, "union", [32, 0], |b, offset| {
        let int = b.int();
        (b.union("u", 8, &[("m", int, 0), ("n", int, offset)]), 24)
    }));
    cases.push(case(rule, "in front of another", [31, 32], |b, offset| {
        let char = b.int_of(1, 8);
        let before = ("m", char, 32);
        (b.structure("s", 8, &[before, ("n", char, offset)]), 24)
    }));
    cases.push(case(
        rule,
        "in front of another, among bitfields",
        [31, 32],
        |b, at| {
            let int = b.int();
            (b.bitfields(8, &[(int, 32, 1), (int, at, 1)]), 24)
        },
    ));
    // An array of nothing may stand at the very end.
    cases.push(case(
        Rule::MemberBeyondStruct,
        "1 bit behind",
        [33, 32],
        |b, at| {
            let int = b.int();
            let nothing = b.array(int, int, 0);
            (b.structure("s", 4, &[("m", nothing, at)]), 12)
        },
    ));
    cases
}

fn datasec() -> Vec<Case> {
    let section = |rule, what, size, [bad, good]: [&'static [(u32, u32)]; 2], at: u32| {
        case(rule, what, [bad, good], move |b, vars| {
            let char = b.int_of(1, 8);
            let var = b.var("v", char);
            let vars: Vec<_> = vars.iter().map(|&(at, len)| (var, at, len)).collect();
            (b.datasec(".data", size, &vars), at)
        })
    };
    let big = 0x8000_0001;
    vec![
        word(Rule::SizeZero, Kind::DATASEC, "", SIZE_OR_TYPE, [0, 4]),
        section(
            Rule::InvalidOffset,
            "in another",
            8,
            [&[(0, 4), (3, 4)], &[(0, 4), (4, 4)]],
            24,
        ),
        section(
            Rule::InvalidOffset,
            "at the end",
            8,
            [&[(8, 1)], &[(7, 1)]],
            12,
        ),
        section(Rule::InvalidSize, "nothing", 8, [&[(0, 0)], &[(0, 1)]], 12),
        section(
            Rule::InvalidSize,
            "more than the section",
            8,
            [&[(0, 9)], &[(0, 8)]],
            12,
        ),
        section(Rule::InvalidEnd, "1 byte", 8, [&[(4, 5)], &[(4, 4)]], 12),
        // The first one ends at 4 GiB, which is 0 for the kernel.
        section(
            Rule::InvalidInfoSize,
            "behind one that ends at 4 GiB",
            big,
            [
                &[(0x8000_0000, 0x8000_0000), (0, 2)],
                &[(0x8000_0000, 0x8000_0000), (0, 1)],
            ],
            0,
        ),
    ]
}

pub(crate) fn cases() -> Vec<Case> {
    [
        every_record(),
        info(),
        int_and_float(),
        names(),
        element_names(),
        references(),
        sizes_and_offsets(),
        datasec(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn rules_of_records() {
    run(&cases());
}

#[test]
fn every_kind_is_accepted() {
    for kind in KINDS {
        accepted(&format!("{kind}"), |b| {
            b.sample(kind);
        });
    }
    for kind in [
        Kind::STRUCT,
        Kind::UNION,
        Kind::ENUM,
        Kind::ENUM64,
        Kind::FWD,
    ] {
        accepted(&format!("{kind} with kind_flag"), |b| {
            let id = b.sample(kind);
            b.set_info(id, KIND_FLAG);
        });
    }
}

#[test]
fn some_kinds_need_no_name_or_none_that_is_an_identifier() {
    for kind in [Kind::STRUCT, Kind::UNION, Kind::ENUM, Kind::ENUM64] {
        accepted(&format!("{kind}"), |b| {
            let id = b.sample(kind);
            b.set(id, NAME, 0);
        });
    }
    for kind in [Kind::INT, Kind::FLOAT, Kind::DECL_TAG, Kind::TYPE_TAG] {
        accepted(&format!("{kind}"), |b| {
            let id = b.sample(kind);
            let name = b.name("? \x07");
            b.set(id, NAME, name);
        });
    }
    for kind in [Kind::INT, Kind::FLOAT] {
        accepted(&format!("{kind}"), |b| {
            let id = b.sample(kind);
            b.set(id, NAME, 0);
        });
    }
}

/// Whether a program may call a record of `kind` so.
fn may_be_called(kind: Kind, name: &[u8]) -> bool {
    let mut blob = Blob::new();
    let id = blob.sample(kind);
    let name = blob.name(name);
    blob.set(id, NAME, name);
    told(&blob, Linux7_3).is_none()
}

#[test]
fn letters_are_those_of_latin_1() {
    for byte in 1..=u8::MAX {
        let latin = matches!(byte, 0xc0..=0xd6 | 0xd8..=0xf6 | 0xf8..);
        let letter = latin || byte.is_ascii_alphabetic() || b"_.".contains(&byte);
        let printable = matches!(byte, b' '..=b'~' | 0xa0..);
        let typedef = Kind::TYPEDEF;
        assert_eq!(may_be_called(typedef, &[byte]), letter, "{byte:#x}");
        let later = letter || byte.is_ascii_digit();
        assert_eq!(may_be_called(typedef, &[b'a', byte]), later, "{byte:#x}");
        let datasec = Kind::DATASEC;
        assert_eq!(may_be_called(datasec, &[byte]), printable, "{byte:#x}");
        let second = [b'a', byte];
        assert_eq!(may_be_called(datasec, &second), printable, "{byte:#x}");
    }
}

#[test]
fn the_most_types_leave_the_others_out() {
    // Each of 12 bytes: there are ids for all but the last two.
    let last = MAX_TYPES - 1;
    for (target, rule) in [
        (last, None),
        (last + 1, Some(Rule::InvalidTypeId)),
        (last + 2, Some(Rule::InvalidTypeId)),
    ] {
        let mut blob = Blob::new();
        let name = blob.name("f");
        let ptr = blob.ptr(TypeId(target));
        for _ in 0..last + 1 {
            blob.raw(name, u32::from(Kind::FWD.0) << 24, 0, &[]);
        }
        assert_eq!(blob.next().0, last + 3);
        assert_eq!(ptr, TypeId(1));
        assert_eq!(told(&blob, Linux7_3), rule, "{target}");
    }
}

#[test]
fn the_first_broken_rule_of_a_record_is_told() {
    // What is broken is added from the last rule to the first.
    let mut blob = Blob::new();
    let id = blob.sample(Kind::INT);
    for (word, value, rule) in [
        (REST, 3 << 24 | 32, Rule::UnsupportedEncoding),
        (REST, 3 << 24 | 64, Rule::IntSize),
        (REST, 3 << 24 | 129, Rule::IntBits),
        (REST, 1 << 28 | 129, Rule::InvalidIntData),
        (INFO, 1 << 24 | KIND_FLAG, Rule::InvalidKindFlag),
        (INFO, 1 << 24 | KIND_FLAG | 1, Rule::InvalidVlen),
        (NAME, 1000, Rule::InvalidNameOffset),
        (INFO, 20 << 24, Rule::InvalidKind),
    ] {
        blob.set(id, word, value);
        for release in [Linux6_12_107, Linux7_3] {
            assert_eq!(told(&blob, release), Some(rule));
        }
    }
    blob.set(id, INFO, 1 << 30 | 20 << 24);
    assert_eq!(told(&blob, Linux6_12_107), Some(Rule::InvalidInfo));
    assert_eq!(told(&blob, Linux7_3), Some(Rule::InvalidKind));
}

/// Whether `name` is one, by the kernel's words: up to 512 letters, digits and marks, no digit first.
fn is_name(name: &[u8]) -> bool {
    let mark = |byte: u8| byte.is_ascii_alphabetic() || b"_.".contains(&byte);
    name.first().is_some_and(|&first| mark(first))
        && name.len() <= 512
        && name.iter().all(|&b| mark(b) || b.is_ascii_digit())
}

#[test]
fn names_are_the_same_wherever_they_stand() {
    // Strings of 12 KiB; one of them is long or has a bad byte, near multiples of 4 KiB.
    for (start, len, bad) in [
        (4096, 40, Some(0)),
        (4090, 40, Some(7)),
        (4090, 40, Some(6)),
        (4090, 40, Some(5)),
        (8100, 512, None),
        (8100, 513, None),
        (3600, 512, None),
        (3600, 513, None),
        (3840, 513, None),
        (7679, 513, None),
    ] {
        let mut strings = b"\0".to_vec();
        strings.extend(b"name_1\0".iter().cycle().take(12_280));
        strings.push(0);
        strings[start - 1] = 0;
        strings[start..start + len].fill(b'x');
        strings[start + len] = 0;
        if let Some(bad) = bad {
            strings[start + bad] = b'-';
        }
        let around = start.saturating_sub(300)..start + len + 300;
        for at in around.filter(|at| at % 3 == 0 || at.abs_diff(start) < 3) {
            let mut blob = Blob::new();
            blob.strings = strings.clone();
            blob.raw(
                u32::try_from(at).unwrap(),
                u32::from(Kind::FWD.0) << 24,
                0,
                &[],
            );
            let end = strings[at..].iter().position(|&b| b == 0).unwrap();
            let good = is_name(&strings[at..at + end]);
            let rule = (!good).then_some(Rule::InvalidName);
            assert_eq!(
                told(&blob, Linux7_3),
                rule,
                "{at} of {start}, {len}, {bad:?}"
            );
        }
    }
}
