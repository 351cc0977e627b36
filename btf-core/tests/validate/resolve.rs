// SPDX-License-Identifier: MIT OR Apache-2.0

//! References lead somewhere, and in no circle. Only a program's are followed, and chains of modifiers everywhere.

use btf_core::limits::MAX_TYPES;
use btf_core::validate::Rule;
use btf_core::{Kind, TypeId};

use crate::blob::Blob;
use crate::case::{accepted, case, run, told, Case, Kernel, Linux6_12_107, Linux7_3};

const VOID: TypeId = TypeId::VOID;
/// There is no such type, but there could be.
const NONE: TypeId = TypeId(MAX_TYPES);

/// Types that nothing but a DATASEC or a tag may refer to.
const SOURCES: [Kind; 3] = [Kind::VAR, Kind::DATASEC, Kind::DECL_TAG];
const MODIFIERS: [Kind; 5] = [
    Kind::TYPEDEF,
    Kind::VOLATILE,
    Kind::CONST,
    Kind::RESTRICT,
    Kind::TYPE_TAG,
];

/// A type that refers to another one.
fn reference(b: &mut Blob, kind: Kind, to: TypeId) -> TypeId {
    match kind {
        Kind::TYPEDEF | Kind::TYPE_TAG => b.refer(kind, "t", 0, to),
        _ => b.refer(kind, "", 0, to),
    }
}

fn const_void(b: &mut Blob) -> TypeId {
    b.constant(VOID)
}

/// Makes the type that a case is about.
type Make = fn(&mut Blob) -> TypeId;

fn references() -> Vec<Case> {
    let rule = Rule::InvalidTypeId;
    let mut cases = Vec::new();
    for kind in MODIFIERS {
        let to = |b: &mut Blob, ty| reference(b, kind, ty);
        cases.push(
            case(rule, format!("{kind}: none"), [NONE, VOID], to)
                .under(Kernel, Some(Rule::ChainEnd)),
        );
    }
    for source in SOURCES {
        for kind in MODIFIERS.into_iter().chain([Kind::PTR, Kind::VAR]) {
            let what = format!("{kind}: {source}");
            cases.push(
                case(rule, what, [source, Kind::INT], |b, target| {
                    let target = b.sample(target);
                    match kind {
                        Kind::VAR => b.var("w", target),
                        _ => reference(b, kind, target),
                    }
                })
                .user(),
            );
        }
    }
    let to = |rule, what, ids: [TypeId; 2], make: fn(&mut Blob, TypeId) -> TypeId| {
        case(rule, what, ids, move |b, id| {
            b.int();
            make(b, id)
        })
        .user()
    };
    cases.push(to(rule, "PTR: none", [NONE, TypeId(1)], Blob::ptr));
    // Not resolved yet, a FUNC is no target of a pointer.
    cases.push(
        case(rule, "PTR: FUNC behind it", [true, false], |b, bad| {
            let ptr = if bad {
                b.ptr(b.ahead(2))
            } else {
                b.ptr(b.ahead(1))
            };
            let proto = b.proto(VOID, &[]);
            b.func("f", proto);
            ptr
        })
        .user(),
    );
    cases.push(to(rule, "VAR: none", [NONE, TypeId(1)], |b, id| {
        b.var("v", id)
    }));
    let var_of: [(&str, Make); 6] = [
        ("FWD", |b| b.fwd("f")),
        ("FUNC_PROTO", |b| b.sample(Kind::FUNC_PROTO)),
        ("FUNC", |b| b.sample(Kind::FUNC)),
        ("const void", const_void),
        ("itself", |b| b.next()),
        ("one that comes later", |b| b.ahead(1)),
    ];
    for (what, make) in var_of {
        cases.push(
            case(rule, format!("VAR: {what}"), [true, false], |b, bad| {
                let int = b.int();
                let ty = make(b);
                let var = b.var("v", if bad { ty } else { int });
                b.var("w", int);
                var
            })
            .user(),
        );
    }
    cases.push(to(rule, "FUNC: none", [NONE, TypeId(3)], |b, id| {
        let func = b.func("f", id);
        b.proto(VOID, &[]);
        func
    }));
    cases.push(to(rule, "FUNC: INT", [TypeId(1), TypeId(3)], |b, id| {
        let func = b.func("f", id);
        b.proto(VOID, &[]);
        func
    }));
    cases.push(to(rule, "DECL_TAG: none", [NONE, TypeId(3)], |b, id| {
        let tag = b.decl_tag("t", id, -1);
        b.structure("s", 0, &[]);
        tag
    }));
    for kind in [
        Kind::INT,
        Kind::PTR,
        Kind::ARRAY,
        Kind::ENUM,
        Kind::FWD,
        Kind::CONST,
        Kind::FUNC_PROTO,
        Kind::DATASEC,
        Kind::DECL_TAG,
        Kind::TYPE_TAG,
    ] {
        let what = format!("DECL_TAG: {kind}");
        cases.push(
            case(rule, what, [kind, Kind::UNION], |b, kind| {
                let on = b.sample(kind);
                b.decl_tag("t", on, -1)
            })
            .user(),
        );
    }
    cases
}

fn arrays() -> Vec<Case> {
    let mut cases = Vec::new();
    let int31: Make = |b| b.int_of(4, 31);
    let const_int31: Make = |b| {
        let int = b.int_of(4, 31);
        b.constant(int)
    };
    let no_values: [(&str, Make); 8] = [
        ("none", |_| NONE),
        ("const void", const_void),
        ("FWD", |b| b.fwd("f")),
        ("FUNC", |b| b.sample(Kind::FUNC)),
        ("FUNC_PROTO", |b| b.sample(Kind::FUNC_PROTO)),
        ("VAR", |b| b.sample(Kind::VAR)),
        ("DATASEC", |b| b.sample(Kind::DATASEC)),
        ("DECL_TAG", |b| b.sample(Kind::DECL_TAG)),
    ];
    let no_index: [(&str, Make); 7] = [
        ("31 bits", int31),
        ("const of 31 bits", const_int31),
        ("32 bits behind 1", |b| b.int_of(8, 1 << 16 | 32)),
        ("24 bits", |b| b.int_of(4, 24)),
        ("no bits", |b| b.int_of(4, 0)),
        ("PTR", |b| b.sample(Kind::PTR)),
        ("ENUM", |b| b.sample(Kind::ENUM)),
    ];
    for (what, make) in no_values.into_iter().chain(no_index) {
        cases.push(
            case(Rule::InvalidIndex, what, [true, false], move |b, bad| {
                let int = b.int();
                let other = make(b);
                b.array(int, if bad { other } else { int }, 1)
            })
            .user(),
        );
    }
    for (what, make) in no_values {
        cases.push(
            case(Rule::InvalidElem, what, [true, false], move |b, bad| {
                let int = b.int();
                let other = make(b);
                b.array(if bad { other } else { int }, int, 1)
            })
            .user(),
        );
    }
    for (what, make) in [("31 bits", int31), ("const of 31 bits", const_int31)] {
        cases.push(
            case(Rule::IntArray, what, [true, false], move |b, bad| {
                let int = b.int();
                let other = make(b);
                b.array(if bad { other } else { int }, int, 1)
            })
            .user(),
        );
    }
    let rule = Rule::ArraySize;
    cases.push(
        case(rule, "4 GiB", [1 << 30, (1 << 30) - 1], |b, len| {
            let int = b.int();
            b.array(int, int, len)
        })
        .user(),
    );
    cases.push(
        case(
            rule,
            "4 GiB of arrays",
            [1 << 15, (1 << 15) - 1],
            |b, len| {
                let int = b.int();
                let row = b.array(int, int, 1 << 15);
                b.array(row, int, len)
            },
        )
        .user(),
    );
    cases
}

fn sections() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in [
        Kind::INT,
        Kind::PTR,
        Kind::TYPEDEF,
        Kind::DATASEC,
        Kind::FUNC,
    ] {
        cases.push(
            case(
                Rule::NotVar,
                format!("{kind}"),
                [kind, Kind::VAR],
                |b, kind| {
                    let member = b.sample(kind);
                    (b.datasec(".bss", 4, &[(member, 0, 4)]), 0)
                },
            )
            .user(),
        );
    }
    cases.push(
        case(Rule::NotVar, "none", [NONE, TypeId(2)], |b, id| {
            b.sample(Kind::VAR);
            b.datasec(".bss", 4, &[(id, 0, 4)])
        })
        .user(),
    );
    cases.push(
        case(Rule::InvalidSize, "47 bytes of 48", [47, 48], |b, size| {
            let int = b.int();
            let array = b.array(int, int, 12);
            let var = b.var("v", array);
            b.datasec(".bss", 48, &[(var, 0, size)])
        })
        .user(),
    );
    cases
}

fn functions() -> Vec<Case> {
    let mut cases = Vec::new();
    let no_values: [(&str, Make); 9] = [
        ("none", |_| NONE),
        ("const void", const_void),
        ("FWD", |b| b.fwd("f")),
        ("FUNC", |b| b.sample(Kind::FUNC)),
        ("FUNC_PROTO", |b| b.sample(Kind::FUNC_PROTO)),
        ("typedef of a FUNC_PROTO", |b| {
            let proto = b.sample(Kind::FUNC_PROTO);
            b.typedef("t", proto)
        }),
        ("VAR", |b| b.sample(Kind::VAR)),
        ("DATASEC", |b| b.sample(Kind::DATASEC)),
        ("DECL_TAG", |b| b.sample(Kind::DECL_TAG)),
    ];
    for (what, make) in no_values {
        cases.push(
            case(Rule::ReturnType, what, [true, false], move |b, bad| {
                let int = b.int();
                let other = make(b);
                b.proto(if bad { other } else { int }, &[])
            })
            .user(),
        );
        cases.push(
            case(Rule::InvalidArg, what, [true, false], move |b, bad| {
                let int = b.int();
                let other = make(b);
                b.proto(int, &[("a", int), ("b", if bad { other } else { int })])
            })
            .user(),
        );
    }
    let rule = Rule::InvalidArg;
    cases.push(
        case(rule, "... with a name", ["rest", ""], |b, name| {
            let int = b.int();
            b.proto(int, &[("a", int), (name, VOID)])
        })
        .user(),
    );
    cases.push(
        case(rule, "... in front", [VOID, TypeId(1)], |b, ty| {
            let int = b.int();
            b.proto(int, &[("", ty), ("b", int)])
        })
        .user(),
    );
    cases.push(
        case(rule, "a bad name", ["!!!", "b"], |b, name| {
            let int = b.int();
            b.proto(int, &[("a", int), (name, int)])
        })
        .user(),
    );
    cases.push(
        case(rule, "a name outside", [true, false], |b, bad| {
            let id = b.sample(Kind::FUNC_PROTO);
            if bad {
                b.set(id, 3, b.end_name());
            }
            id
        })
        .user(),
    );
    cases.push(
        case(rule, "a FUNC's without a name", ["", "b"], |b, name| {
            let int = b.int();
            let proto = b.proto(int, &[("a", int), (name, int)]);
            b.func("f", proto)
        })
        .user(),
    );
    cases
}

fn tags() -> Vec<Case> {
    let rule = Rule::InvalidComponent;
    let mut cases = Vec::new();
    for kind in [Kind::VAR, Kind::TYPEDEF] {
        cases.push(
            case(rule, format!("{kind}"), [0, -1], |b, component| {
                let on = b.sample(kind);
                b.decl_tag("t", on, component)
            })
            .user(),
        );
    }
    // Each sample has one member or parameter.
    for kind in [Kind::STRUCT, Kind::UNION, Kind::FUNC] {
        for bad in [1, i32::MAX] {
            cases.push(
                case(rule, format!("{kind}"), [bad, 0], |b, component| {
                    let on = b.sample(kind);
                    b.decl_tag("t", on, component)
                })
                .user(),
            );
        }
    }
    cases
}

/// Types in a circle, and the same with a way out of it.
fn loops() -> Vec<Case> {
    let circle = |what, blamed, ids: [u32; 2], make: fn(&mut Blob, TypeId)| {
        case(Rule::Loop, what, ids, move |b, id| {
            make(b, TypeId(id));
            TypeId(blamed)
        })
    };
    let long = Some(Rule::ChainLength);
    vec![
        circle("a modifier of itself", 2, [2, 1], |b, id| {
            b.int();
            b.constant(id);
        })
        .under(Kernel, long),
        circle("modifiers", 2, [2, 1], |b, id| {
            b.int();
            b.constant(TypeId(3));
            b.typedef("t", id);
        })
        .under(Kernel, long),
        circle("a pointer to itself", 2, [2, 1], |b, id| {
            b.int();
            b.ptr(id);
        })
        .user(),
        circle("a pointer to a modifier of it", 2, [2, 1], |b, id| {
            b.int();
            b.ptr(TypeId(3));
            b.constant(id);
        })
        .user(),
        circle("arrays", 2, [2, 1], |b, id| {
            let int = b.int();
            b.array(TypeId(3), int, 8);
            b.array(id, int, 8);
        })
        .user(),
        circle("arrays, a typedef in front", 2, [3, 1], |b, id| {
            let int = b.int();
            b.typedef("t", TypeId(4));
            b.array(TypeId(2), int, 8);
            b.array(id, int, 8);
        })
        .user(),
        circle("arrays, a typedef between them", 2, [2, 1], |b, id| {
            let int = b.int();
            b.array(TypeId(3), int, 8);
            b.typedef("t", TypeId(4));
            b.array(id, int, 8);
        })
        .user(),
        circle("an array as its own index", 2, [2, 1], |b, id| {
            let int = b.int();
            b.array(int, id, 8);
        })
        .user(),
        circle("a struct in itself", 2, [2, 1], |b, id| {
            b.int();
            b.structure("s", 4, &[("m", id, 0)]);
        })
        .user(),
        circle("structs, through a typedef", 2, [2, 1], |b, id| {
            let int = b.int();
            b.structure("a", 12, &[("x", int, 0), ("y", TypeId(3), 32)]);
            b.typedef("t", TypeId(4));
            b.structure("b", 8, &[("x", int, 0), ("y", id, 32)]);
        })
        .user(),
        circle("a struct with an array of it", 2, [3, 1], |b, id| {
            let int = b.int();
            b.array(id, int, 4);
            b.structure("a", 20, &[("x", int, 0), ("y", TypeId(2), 32)]);
        })
        .user(),
        // The struct stops at the pointer, which only then is followed.
        circle(
            "a const pointer to itself, in a struct",
            4,
            [3, 1],
            |b, id| {
                b.int();
                b.structure("a", 8, &[("m", TypeId(3), 0)]);
                b.constant(TypeId(4));
                b.ptr(id);
            },
        )
        .user(),
        circle("two const pointers to each other", 5, [4, 1], |b, id| {
            b.int();
            b.structure("a", 8, &[("m", TypeId(4), 0)]);
            b.structure("b", 8, &[("n", TypeId(6), 0)]);
            b.constant(TypeId(5));
            b.ptr(TypeId(6));
            b.constant(TypeId(7));
            b.ptr(id);
        })
        .user(),
        circle("a struct that a parameter is", 3, [3, 1], |b, id| {
            let int = b.int();
            b.proto(int, &[("a", TypeId(3))]);
            b.structure("s", 4, &[("m", id, 0)]);
        })
        .user(),
        circle("a struct that a variable is", 2, [4, 1], |b, id| {
            b.int();
            b.datasec(".bss", 4, &[(TypeId(3), 0, 4)]);
            b.var("v", TypeId(4));
            b.structure("s", 4, &[("m", id, 0)]);
        })
        .user(),
    ]
}

/// What stands in one another, each type before the one that it refers to.
fn depths() -> Vec<Case> {
    let nested = |what, blamed, make: fn(&mut Blob, TypeId) -> TypeId| {
        case(Rule::ResolveDepth, what, [33, 32], move |b, depth| {
            for _ in 0..depth {
                make(b, b.ahead(1));
            }
            b.int();
            TypeId(blamed)
        })
    };
    vec![
        nested("pointers", 1, Blob::ptr).user(),
        nested("modifiers", 1, Blob::constant).under(Kernel, Some(Rule::ChainLength)),
        nested("structs", 1, |b, inner| {
            b.structure("s", 4, &[("m", inner, 0)])
        })
        .user(),
        case(
            Rule::ResolveDepth,
            "behind a variable",
            [32, 31],
            |b, depth| {
                let var = b.var("v", b.ahead(1));
                for _ in 0..depth {
                    b.ptr(b.ahead(1));
                }
                b.int();
                var
            },
        )
        .user(),
        case(
            Rule::ResolveDepth,
            "behind a result",
            [33, 32],
            |b, depth| {
                let first = b.ahead(1);
                b.proto(first, &[]);
                for _ in 0..depth {
                    b.ptr(b.ahead(1));
                }
                b.int();
                first
            },
        )
        .user(),
    ]
}

fn chains() -> Vec<Case> {
    let tags = Rule::TagsAfterModifiers;
    let mut cases = vec![
        // The second half is resolved first, for the parameter: no more than 32 at a time.
        case(Rule::ChainLength, "33 modifiers", [33, 32], |b, len| {
            let void_param = b.ahead(1 + 16);
            b.proto(VOID, &[("a", void_param)]);
            let first = b.next();
            for _ in 0..len {
                b.constant(b.ahead(1));
            }
            b.int();
            first
        }),
        case(Rule::ChainEnd, "none", [NONE, VOID], Blob::constant).only_for(Kernel),
    ];
    for kind in [Kind::TYPEDEF, Kind::VOLATILE, Kind::CONST, Kind::RESTRICT] {
        cases.push(
            case(
                tags,
                format!("{kind}, TYPE_TAG"),
                [true, false],
                |b, bad| {
                    let int = b.int();
                    let tag = b.type_tag("tag", int);
                    reference(b, kind, if bad { tag } else { int })
                },
            )
            .on(Linux7_3, None),
        );
    }
    cases.push(
        case(
            tags,
            "TYPE_TAG, CONST, TYPE_TAG",
            [true, false],
            |b, bad| {
                let int = b.int();
                let first = b.type_tag("tag", b.ahead(1));
                b.constant(if bad { b.ahead(1) } else { int });
                b.type_tag("tag", int);
                first
            },
        )
        .on(Linux7_3, None),
    );
    cases
}

pub(crate) fn cases() -> Vec<Case> {
    [
        references(),
        arrays(),
        sections(),
        functions(),
        tags(),
        loops(),
        depths(),
        chains(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn rules_of_references() {
    run(&cases());
}

#[test]
fn these_references_are_accepted() {
    accepted("a pointer to void", |b| {
        b.ptr(VOID);
    });
    accepted("a pointer to a struct around it", |b| {
        b.ptr(b.ahead(1));
        let ptr = TypeId(1);
        b.structure("s", 8, &[("next", ptr, 0)]);
    });
    accepted("structs that point to each other", |b| {
        b.structure("a", 8, &[("m", TypeId(3), 0)]);
        b.structure("b", 8, &[("m", TypeId(4), 0)]);
        b.ptr(TypeId(2));
        b.ptr(TypeId(1));
    });
    accepted("a pointer to a FUNC that is resolved", |b| {
        let func = b.sample(Kind::FUNC);
        b.ptr(func);
    });
    accepted("a typedef of a FUNC that is not", |b| {
        b.typedef("t", b.ahead(2));
        let proto = b.proto(VOID, &[]);
        b.func("f", proto);
    });
    accepted(
        "pointers to a FUNC_PROTO and a FWD, through typedefs",
        |b| {
            let proto = b.proto(VOID, &[]);
            let typedef = b.typedef("t", proto);
            let constant = b.constant(typedef);
            b.ptr(constant);
            let fwd = b.fwd("f");
            let constant = b.constant(fwd);
            b.ptr(constant);
        },
    );
    accepted("a constant index, an array of pointers to void", |b| {
        let int = b.int();
        let (index, element) = (b.constant(int), b.constant(VOID));
        let element = b.ptr(element);
        b.array(element, index, 2);
    });
    accepted("an array of nothing, of 4 GiB each", |b| {
        let int = b.int();
        let huge = b.structure("huge", u32::MAX, &[]);
        b.array(huge, int, 0);
    });
    accepted(
        "a section before its variables, the sizes of which it then does not compare",
        |b| {
            b.datasec(".bss", 4, &[(b.ahead(2), 0, 1)]);
            let int = b.int();
            b.var("v", int);
        },
    );
    accepted(
        "a section before a variable of a pointer behind modifiers",
        |b| {
            b.datasec(".bss", 8, &[(b.ahead(1), 0, 8)]);
            b.var("v", b.ahead(1));
            b.constant(b.ahead(1));
            b.ptr(b.ahead(1));
            b.volatile(VOID);
        },
    );
    accepted("a section without variables", |b| {
        b.datasec(".bss", 4, &[]);
    });
    accepted("'...' alone, and parameters without names", |b| {
        let int = b.int();
        b.proto(VOID, &[("", VOID)]);
        b.proto(int, &[("", int), ("", int), ("", VOID)]);
    });
    accepted("tags on all that may have one", |b| {
        for kind in [Kind::STRUCT, Kind::UNION, Kind::FUNC] {
            let on = b.sample(kind);
            b.decl_tag("t", on, 0);
            b.decl_tag("t", on, -1);
        }
        for kind in [Kind::VAR, Kind::TYPEDEF] {
            let on = b.sample(kind);
            b.decl_tag("t", on, -1);
        }
    });
}

#[test]
fn a_variable_ends_at_4_gib_or_0() {
    accepted("an end that is 0 for the kernel", |b| {
        let char = b.int_of(1, 8);
        let var = b.var("v", char);
        let size = u32::MAX;
        b.datasec(".bss", size, &[(var, size - 1, 2), (var, 0, 1)]);
    });
}

#[test]
fn a_modifier_in_front_of_an_array_may_be_resolved_before_it() {
    // PTR to CONST to ARRAY: behind a pointer the array is left alone, so the CONST has no size yet. The struct sees
    // that, and has room for what the array really is only if it is resolved first.
    let build = |first: fn(&mut Blob, TypeId)| {
        let mut blob = Blob::new();
        let int = blob.int();
        let constant = TypeId(3);
        first(&mut blob, constant);
        blob.constant(TypeId(5));
        blob.structure("s", 4, &[("m", constant, 0)]);
        blob.array(int, int, 2);
        blob
    };
    let pointer_first = build(|b, constant| {
        b.ptr(constant);
    });
    assert_eq!(told(&pointer_first, Linux7_3), None);
    let modifier_first = build(|b, constant| {
        b.typedef("t", constant);
    });
    assert_eq!(told(&modifier_first, Linux7_3), Some(Rule::MemberEnd));
}

#[test]
fn longer_chains_are_good_up_to_what_was_checked_before() {
    accepted(
        "100 modifiers, each behind the one that it refers to",
        |b| {
            let mut ty = b.int();
            for _ in 0..100 {
                ty = b.constant(ty);
            }
        },
    );
}

#[test]
fn the_first_broken_rule_is_told() {
    // The last parameter is looked at before the others are resolved.
    let proto = |rest| {
        let mut blob = Blob::new();
        blob.proto(VOID, &[("a", TypeId(2)), (rest, VOID)]);
        blob.ptr(TypeId(2));
        blob
    };
    assert_eq!(told(&proto("rest"), Linux7_3), Some(Rule::InvalidArg));
    assert_eq!(told(&proto(""), Linux7_3), Some(Rule::Loop));
    // An index before an element, a type's references before those of the next.
    let mut blob = Blob::new();
    let array = blob.array(NONE, NONE, 1);
    assert_eq!(told(&blob, Linux6_12_107), Some(Rule::InvalidIndex));
    blob.ptr(NONE);
    assert_eq!(told(&blob, Linux6_12_107), Some(Rule::InvalidIndex));
    let int = blob.int();
    blob.set(array, 4, int.0);
    assert_eq!(told(&blob, Linux6_12_107), Some(Rule::InvalidElem));
    blob.set(array, 3, int.0);
    assert_eq!(told(&blob, Linux6_12_107), Some(Rule::InvalidTypeId));
}
