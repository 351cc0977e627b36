// SPDX-License-Identifier: MIT OR Apache-2.0

//! Members lie inside their structs, where one of their type may lie. Only a program's are looked at.

use btf_core::limits::MAX_TYPES;
use btf_core::validate::Rule;
use btf_core::{Kind, TypeId};

use crate::blob::{Blob, KIND_FLAG};
use crate::case::{accepted, case, run, Case};

/// Makes the type of a member.
type Make = fn(&mut Blob) -> TypeId;

/// A type of each kind that is a value but no INT, ENUM or FLOAT; of 8 bytes.
const WHOLE: [(&str, Make); 5] = [
    ("PTR", |b| b.ptr(TypeId::VOID)),
    ("ARRAY", |b| {
        let int = b.int();
        b.array(int, int, 2)
    }),
    ("STRUCT", |b| b.structure("in", 8, &[])),
    ("UNION", |b| b.union("in", 8, &[])),
    ("typedef of const PTR", |b| {
        let ptr = b.ptr(TypeId::VOID);
        let constant = b.constant(ptr);
        b.typedef("t", constant)
    }),
];
const INT: Make = Blob::int;
const TYPEDEF_INT: Make = |b| {
    let int = b.int();
    b.typedef("t", int)
};
const ENUM: Make = |b| b.enumeration("in", 4, &[]);
const ENUM64: Make = |b| b.enum64("in", 8, &[]);
const TYPEDEF_ENUM: Make = |b| {
    let enumeration = b.enumeration("in", 4, &[]);
    b.typedef("t", enumeration)
};

/// A member of this type at a bad and at a good offset in bits, in a struct of `size` bytes.
fn at(rule: Rule, what: &str, make: Make, size: u32, offsets: [u32; 2]) -> Case {
    case(rule, what, offsets, move |b, offset| {
        let ty = make(b);
        b.structure("s", size, &[("m", ty, offset)])
    })
    .user()
}

/// A bitfield of this type, by its offset and width in bits.
fn bits(rule: Rule, what: &str, make: Make, size: u32, fields: [(u32, u32); 2]) -> Case {
    case(rule, what, fields, move |b, (offset, width)| {
        let ty = make(b);
        b.bitfields(size, &[(ty, offset, width)])
    })
    .user()
}

fn no_values() -> Vec<Case> {
    let others: [(&str, Make); 9] = [
        ("none", |_| TypeId(MAX_TYPES)),
        ("const void", |b| b.constant(TypeId::VOID)),
        ("FWD", |b| b.fwd("f")),
        ("typedef of a FWD", |b| {
            let fwd = b.fwd("f");
            b.typedef("t", fwd)
        }),
        ("FUNC", |b| b.sample(Kind::FUNC)),
        ("FUNC_PROTO", |b| b.sample(Kind::FUNC_PROTO)),
        ("VAR", |b| b.sample(Kind::VAR)),
        ("DATASEC", |b| b.sample(Kind::DATASEC)),
        ("DECL_TAG", |b| b.sample(Kind::DECL_TAG)),
    ];
    let mut cases = Vec::new();
    for (what, make) in others {
        cases.push(
            case(Rule::InvalidMember, what, [true, false], move |b, bad| {
                let int = b.int();
                let other = make(b);
                let ty = if bad { other } else { int };
                b.structure("s", 4, &[("m", ty, 0)])
            })
            .user(),
        );
        cases.push(
            case(Rule::InvalidMember, what, [true, false], move |b, bad| {
                let int = b.int();
                let other = make(b);
                b.bitfields(4, &[(if bad { other } else { int }, 0, 0)])
            })
            .user(),
        );
    }
    cases
}

fn whole_bytes() -> Vec<Case> {
    let mut cases = Vec::new();
    for (what, make) in WHOLE.into_iter().chain([("ENUM64", ENUM64)]) {
        for bad in [65, 68] {
            cases.push(at(Rule::MemberUnaligned, what, make, 17, [bad, 64]));
        }
        cases.push(at(Rule::MemberEnd, what, make, 15, [64, 56]));
    }
    for (what, make) in [("ENUM", ENUM), ("typedef of ENUM", TYPEDEF_ENUM)] {
        cases.push(at(Rule::MemberUnaligned, what, make, 9, [33, 32]));
        cases.push(at(Rule::MemberEnd, what, make, 7, [32, 24]));
    }
    for (what, make) in WHOLE {
        let rule = Rule::MemberBitfieldSize;
        cases.push(bits(rule, what, make, 8, [(0, 64), (0, 0)]));
        let rule = Rule::MemberUnaligned;
        cases.push(bits(rule, what, make, 17, [(65, 0), (64, 0)]));
        cases.push(bits(Rule::MemberEnd, what, make, 15, [(64, 0), (56, 0)]));
    }
    cases.push(
        case(Rule::MemberEnd, "the second one", [7, 8], |b, size| {
            let int = b.int();
            let typedef = b.typedef("t", int);
            b.structure("s", size, &[("m", int, 0), ("n", typedef, 32)])
        })
        .user(),
    );
    cases
}

fn ints() -> Vec<Case> {
    let int128: Make = |b| b.int_of(16, 128);
    let mut cases = Vec::new();
    for (what, make) in [("INT", INT), ("typedef of INT", TYPEDEF_INT)] {
        cases.push(at(Rule::MemberEnd, what, make, 7, [32, 24]));
        cases.push(at(Rule::MemberEnd, "one bit too far", make, 8, [33, 32]));
        for bad in [33, 36] {
            let rule = Rule::MemberOffset;
            cases.push(bits(rule, what, make, 9, [(bad, 0), (32, 0)]));
        }
        let rule = Rule::MemberBitfieldSize;
        cases.push(bits(rule, what, make, 8, [(0, 33), (0, 32)]));
        let rule = Rule::MemberEnd;
        cases.push(bits(rule, what, make, 4, [(30, 3), (30, 2)]));
        cases.push(bits(rule, "no bitfield", make, 7, [(32, 0), (24, 0)]));
        let in_union = case(rule, "in a union", [17, 16], move |b, width| {
            let ty = make(b);
            let union = b.union("u", 2, &[("m", ty, width << 24)]);
            b.set_info(union, KIND_FLAG)
        });
        cases.push(in_union.user());
    }
    cases.push(at(Rule::CopyBits, "128 bits", int128, 17, [1, 0]));
    cases.push(bits(
        Rule::CopyBits,
        "128 bits behind 1",
        int128,
        17,
        [(1, 128), (1, 127)],
    ));
    // An INT that begins at its second bit.
    let behind_a_bit: Make = |b| b.int_of(2, 1 << 16 | 8);
    cases.push(at(
        Rule::BitsOffsetOverflow,
        "4 Gbit",
        behind_a_bit,
        u32::MAX,
        [u32::MAX, u32::MAX - 1],
    ));
    cases.push(at(
        Rule::MemberEnd,
        "its own offset",
        behind_a_bit,
        2,
        [8, 7],
    ));
    let irregular: [(&str, u32); 4] = [
        ("31 bits", 31),
        ("24 bits", 24),
        ("no bits", 0),
        ("32 bits behind 8", 8 << 16 | 32),
    ];
    for (what, data) in irregular {
        for width in [0, 8] {
            cases.push(
                case(Rule::MemberBaseType, what, [data, 32], move |b, data| {
                    let int = b.int_of(8, data);
                    b.bitfields(8, &[(int, 0, width)])
                })
                .user(),
            );
        }
    }
    cases
}

fn enums_and_floats() -> Vec<Case> {
    let mut cases = Vec::new();
    for (what, make) in [
        ("ENUM", ENUM),
        ("ENUM64", ENUM64),
        ("typedef of ENUM", TYPEDEF_ENUM),
    ] {
        for bad in [33, 36] {
            let rule = Rule::MemberUnaligned;
            cases.push(bits(rule, what, make, 9, [(bad, 0), (32, 0)]));
        }
        let rule = Rule::MemberBitfieldSize;
        cases.push(bits(rule, what, make, 8, [(0, 33), (0, 32)]));
        // Four bytes, also of an ENUM64.
        let rule = Rule::MemberEnd;
        cases.push(bits(rule, what, make, 7, [(32, 0), (24, 0)]));
        cases.push(bits(rule, what, make, 4, [(30, 3), (30, 2)]));
    }
    for (size, bad, good) in [
        (2, 8, 16),
        (4, 16, 32),
        (8, 32, 64),
        (12, 32, 64),
        (16, 96, 64),
    ] {
        cases.push(
            case(
                Rule::MemberMisaligned,
                format!("FLOAT of {size}"),
                [bad, good],
                |b, offset| {
                    let float = b.float(size);
                    b.structure("s", 40, &[("m", float, offset)])
                },
            )
            .user(),
        );
        let sizes = [7 + size, 8 + size];
        cases.push(
            case(
                Rule::MemberEnd,
                format!("FLOAT of {size}"),
                sizes,
                |b, around| {
                    let float = b.float(size);
                    b.structure("s", around, &[("m", float, 64)])
                },
            )
            .user(),
        );
    }
    let float: Make = |b| b.float(4);
    let rule = Rule::MemberBitfieldSize;
    cases.push(bits(rule, "FLOAT", float, 4, [(0, 32), (0, 0)]));
    let rule = Rule::MemberMisaligned;
    cases.push(bits(rule, "FLOAT", float, 8, [(8, 0), (32, 0)]));
    cases
}

pub(crate) fn cases() -> Vec<Case> {
    [no_values(), whole_bytes(), ints(), enums_and_floats()]
        .into_iter()
        .flatten()
        .collect()
}

#[test]
fn rules_of_members() {
    run(&cases());
}

#[test]
fn these_members_are_accepted() {
    accepted("old bitfields: INTs inside bytes", |b| {
        let bit = b.int_of(4, 1);
        let behind = b.int_of(4, 3 << 16 | 5);
        b.structure("s", 4, &[("m", bit, 3), ("n", behind, 16)]);
    });
    accepted("120 bits of 128, as an INT and as a bitfield", |b| {
        let wide = b.int_of(16, 120);
        b.structure("s", 16, &[("m", wide, 0)]);
        let wide = b.int_of(16, 128);
        b.bitfields(16, &[(wide, 8, 120)]);
    });
    accepted("bitfields of typedefs in a union", |b| {
        let int = TYPEDEF_INT(b);
        let enumeration = TYPEDEF_ENUM(b);
        let union = b.union("u", 4, &[("m", int, 7 << 24), ("n", enumeration, 3 << 24)]);
        b.set_info(union, KIND_FLAG);
    });
    accepted("a struct behind pointer, typedef and arrays", |b| {
        let int = b.int();
        let row = b.array(int, int, 10);
        let rows = b.array(row, int, 20);
        let typedef = b.typedef("t", rows);
        let ptr = b.ptr(typedef);
        b.structure("s", 808, &[("m", ptr, 0), ("n", typedef, 64)]);
    });
    accepted("a struct of 512 MiB, its last bit", |b| {
        let bit = b.int_of(1, 1);
        b.structure("s", 1 << 29, &[("m", bit, u32::MAX)]);
    });
}
