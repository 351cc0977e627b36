// SPDX-License-Identifier: MIT OR Apache-2.0

//! Special fields of a program's structs: locks, lists, trees, refcounts and pointers to the kernel's objects.

use btf_core::validate::{Release, Rule};
use btf_core::{Kind, TypeId};

use crate::blob::{Blob, Member, KIND_FLAG};
use crate::case::{accepted, case, run, told, Case, Linux6_12, Linux6_12_107, Linux7_3, RELEASES};

/// The structs that special fields are of, and their sizes.
const LOCK: (&str, u32) = ("bpf_spin_lock", 4);
const RES_LOCK: (&str, u32) = ("bpf_res_spin_lock", 4);
const REFCOUNT: (&str, u32) = ("bpf_refcount", 4);
const HEAD: (&str, u32) = ("bpf_list_head", 16);
const NODE: (&str, u32) = ("bpf_list_node", 24);
const ROOT: (&str, u32) = ("bpf_rb_root", 16);
const RB_NODE: (&str, u32) = ("bpf_rb_node", 32);

fn special(b: &mut Blob, (name, size): (&str, u32)) -> TypeId {
    b.structure(name, size, &[])
}

/// A pointer to `target` with these tags, the first one next to it.
fn tagged(b: &mut Blob, target: TypeId, tags: &[&str]) -> TypeId {
    let chain = tags.iter().fold(target, |ty, tag| b.type_tag(tag, ty));
    b.ptr(chain)
}

/// An untrusted kptr: it may point to any struct.
fn untrusted(b: &mut Blob) -> TypeId {
    let target = b.structure("target", 0, &[]);
    tagged(b, target, &["kptr_untrusted"])
}

/// Members of type `ty`, one after the other, each of `bytes`.
fn members(ty: TypeId, bytes: u32, count: u32) -> Vec<Member<'static>> {
    (0..count).map(|i| ("m", ty, i * bytes * 8)).collect()
}

fn unique() -> Vec<Case> {
    let rule = Rule::SecondField;
    let two = |what, field: (&'static str, u32)| {
        case(rule, what, [2, 1], move |b, count| {
            let ty = special(b, field);
            let counter = special(b, if field == RES_LOCK { REFCOUNT } else { NODE });
            let mut all = members(ty, 4, count);
            all.push(("c", counter, 64));
            b.structure("s", 40, &all)
        })
        .user()
    };
    let nested = case(rule, "one in a struct", [true, false], |b, bad| {
        let lock = special(b, LOCK);
        let inner = b.structure("inner", 4, if bad { &[("m", TypeId(1), 0)] } else { &[] });
        b.structure("s", 8, &[("m", lock, 0), ("n", inner, 32)])
    });
    let by_name = case(rule, "a typedef of that name", [LOCK.0, "t"], |b, name| {
        let int = b.int();
        let typedef = b.typedef(name, int);
        let lock = special(b, LOCK);
        b.structure("s", 8, &[("m", typedef, 0), ("n", lock, 32)])
    });
    vec![
        two("two locks", LOCK),
        two("two of the other locks", RES_LOCK)
            .on(Linux6_12_107, None)
            .on(Linux6_12, None),
        two("two refcounts", REFCOUNT).on(Linux6_12_107, None),
        nested.user().on(Linux6_12_107, None),
        by_name.user(),
    ]
}

fn too_many() -> Vec<Case> {
    let rule = Rule::TooManyFields;
    let in_arrays = |what, outer: [u32; 2], inner: u32| {
        case(rule, what, outer, move |b, outer| {
            let int = b.int();
            let kptr = untrusted(b);
            let row = b.array(kptr, int, inner);
            let rows = b.array(row, int, outer);
            let all = [("m", kptr, 0), ("n", rows, 64)];
            b.structure("s", 8 + 8 * inner * outer, &all)
        })
        .user()
    };
    vec![
        case(rule, "12 kptrs", [12, 11], |b, count| {
            let kptr = untrusted(b);
            b.structure("s", 8 * count, &members(kptr, 8, count))
        })
        .user(),
        in_arrays("1 + 1 * 11", [11, 10], 1),
        in_arrays("1 + 6 * 2", [6, 5], 2),
        case(rule, "1 + 2 * 6 in structs", [6, 5], |b, count| {
            let int = b.int();
            let kptr = untrusted(b);
            let pair = b.structure("pair", 16, &members(kptr, 8, 2));
            let pairs = b.array(pair, int, count);
            let all = [("m", kptr, 0), ("n", pairs, 64)];
            b.structure("s", 8 + 16 * count, &all)
        })
        .user(),
        // 10 for each of 0x1999999a, which is more than 32 bits can say.
        case(rule, "more than 4 Gi", [0x1999_999a, 1], |b, count| {
            let int = b.int();
            let kptr = untrusted(b);
            let one = b.array(kptr, int, 1);
            let ten: Vec<_> = (0..10).map(|_| ("m", one, 0)).collect();
            // They all stand at 0, which would be told later.
            let all = if count == 1 { &ten[..1] } else { &ten };
            let inner = b.structure("inner", 8, all);
            let array = b.array(inner, int, count);
            b.structure("s", 8 + 8 * count, &[("m", kptr, 0), ("n", array, 64)])
        })
        .user(),
        case(rule, "arrays 32 deep", [32, 31], |b, depth| {
            let int = b.int();
            let kptr = untrusted(b);
            let mut array = kptr;
            for _ in 0..depth {
                array = b.array(array, int, 1);
            }
            b.structure("s", 16, &[("m", kptr, 0), ("n", array, 64)])
        })
        .user(),
        case(rule, "structs 32 deep", [32, 31], |b, depth| {
            let kptr = untrusted(b);
            let mut inner = b.structure("none", 0, &[]);
            for _ in 1..depth {
                inner = b.structure("inner", 0, &[("m", inner, 0)]);
            }
            b.structure("s", 8, &[("m", kptr, 0), ("n", inner, 64)])
        })
        .user(),
    ]
}

fn arrays_and_offsets() -> Vec<Case> {
    let mut cases = Vec::new();
    for field in [LOCK, REFCOUNT, NODE, RB_NODE] {
        cases.push(
            case(Rule::RepeatedField, field.0, [2, 1], |b, count| {
                let int = b.int();
                let ty = special(b, field);
                let array = b.array(ty, int, count);
                let kptr = untrusted(b);
                let size = 8 + field.1 * count;
                b.structure("s", size, &[("k", kptr, 0), ("m", array, 64)])
            })
            .user(),
        );
    }
    cases.push(
        case(Rule::RepeatedField, "in structs", [2, 1], |b, count| {
            let int = b.int();
            let lock = special(b, LOCK);
            let inner = b.structure("inner", 4, &[("m", lock, 0)]);
            let array = b.array(inner, int, count);
            let kptr = untrusted(b);
            let size = 8 + 4 * count;
            b.structure("s", size, &[("k", kptr, 0), ("m", array, 64)])
        })
        .user(),
    );
    for (what, bad, behind) in [
        ("in front", 1, false),
        ("in front", 4, false),
        ("behind", 1, true),
    ] {
        cases.push(
            case(Rule::FieldOffset, what, [bad, 0], move |b, bit| {
                let int = b.int();
                let lock = special(b, LOCK);
                let (field, lock_at) = if behind { (32 + bit, 0) } else { (bit, 32) };
                let mut all = [(int, field, 1), (lock, lock_at, 0)];
                all.sort_by_key(|member| member.1);
                b.bitfields(8, &all)
            })
            .user(),
        );
    }
    cases.push(
        case(Rule::FieldOffset, "in a struct inside", [1, 0], |b, bit| {
            let int = b.int();
            let lock = special(b, LOCK);
            let inner = b.bitfields(4, &[(int, bit, 1)]);
            b.structure("s", 8, &[("m", lock, 0), ("n", inner, 32)])
        })
        .user(),
    );
    cases.push(
        case(Rule::NoField, "a lock of 8 bytes", [8, 4], |b, size| {
            let lock = special(b, (LOCK.0, size));
            b.structure("s", 8, &[("m", lock, 0)])
        })
        .user(),
    );
    cases.push(
        case(Rule::NoField, "a lock at byte 2", [16, 32], |b, offset| {
            let lock = special(b, LOCK);
            b.structure("s", 8, &[("m", lock, offset)])
        })
        .user(),
    );
    cases.push(
        case(Rule::NoField, "a kptr at byte 4", [32, 64], |b, offset| {
            let kptr = untrusted(b);
            b.structure("s", 16, &[("m", kptr, offset)])
        })
        .user(),
    );
    cases.push(
        case(Rule::FieldOverlap, "two at 0", [0, 32], |b, offset| {
            let (lock, count) = (special(b, LOCK), special(b, REFCOUNT));
            b.structure("s", 8, &[("m", lock, 0), ("n", count, offset)])
        })
        .user(),
    );
    cases.push(
        case(Rule::FieldOverlap, "in a struct", [32, 64], |b, offset| {
            let (lock, count) = (special(b, LOCK), special(b, REFCOUNT));
            let inner = b.structure("i", 8, &[("m", lock, 32)]);
            b.structure("s", 16, &[("n", inner, 0), ("m", count, offset)])
        })
        .user(),
    );
    cases
}

/// A struct with a field that is good, and a pointer to `target` with these tags.
fn with_tags(b: &mut Blob, tags: &[&str], target: Kind) -> TypeId {
    let target = b.sample(target);
    let ptr = tagged(b, target, tags);
    let count = special(b, REFCOUNT);
    b.structure("with", 16, &[("m", count, 0), ("p", ptr, 64)])
}

fn kptrs() -> Vec<Case> {
    let rule = Rule::KptrTags;
    let tags = |what, [bad, good]: [&'static [&'static str]; 2]| {
        case(rule, what, [bad, good], |b, tags| {
            with_tags(b, tags, Kind::STRUCT)
        })
        .user()
    };
    let mut cases = vec![
        tags("two", [&["kptr", "percpu_kptr"], &["kptr"]]),
        tags("the same twice", [&["kptr", "kptr"], &["kptr"]]).on(Linux7_3, None),
        tags("another one in front", [&["kptr", "user"], &["kptr"]]).on(Linux7_3, None),
        tags("another one behind", [&["user", "kptr"], &["kptr"]]).on(Linux7_3, None),
        tags("another one", [&["user"], &[]]).on(Linux7_3, None),
        tags("uptr", [&["uptr"], &[]]).on(Linux7_3, None),
        tags("uptr and kptr", [&["uptr", "kptr"], &["kptr"]]),
    ];
    for target in [Kind::INT, Kind::UNION, Kind::FWD, Kind::PTR] {
        for tag in ["kptr", "kptr_untrusted", "percpu_kptr"] {
            let what = format!("{tag} to {target}");
            cases.push(
                case(rule, what, [target, Kind::STRUCT], move |b, target| {
                    with_tags(b, &[tag], target)
                })
                .user(),
            );
        }
    }
    cases.push(
        case(Rule::Kptr, "a task", ["task_struct", "task"], |b, name| {
            let target = b.structure(name, 0, &[]);
            let kptr = tagged(b, target, &["kptr"]);
            b.structure("s", 8, &[("m", kptr, 0)])
        })
        .user()
        .into_kernel(&kernel(&["task_struct"], &[])),
    );
    cases.push(
        case(
            Rule::Kptr,
            "no destructor for it",
            ["net", "sk_buff"],
            |b, name| {
                let target = b.structure(name, 0, &[]);
                let kptr = tagged(b, target, &["kptr"]);
                b.structure("s", 8, &[("m", kptr, 0)])
            },
        )
        .user()
        .into_kernel(&kernel(&["net", "sk_buff"], &["bpf_kfree_skb_dtor"])),
    );
    cases.push(
        case(
            Rule::Kptr,
            "trusted",
            ["kptr", "kptr_untrusted"],
            |b, tag| {
                let target = b.structure("net", 0, &[]);
                let kptr = tagged(b, target, &[tag]);
                b.structure("s", 8, &[("m", kptr, 0)])
            },
        )
        .user()
        .into_kernel(&kernel(&["net"], &[])),
    );
    cases
}

/// A kernel with these structs and functions.
fn kernel(structs: &[&str], funcs: &[&str]) -> Blob {
    let mut kernel = Blob::new();
    for name in structs {
        kernel.structure(name, 0, &[]);
    }
    let proto = kernel.proto(TypeId::VOID, &[]);
    for name in funcs {
        kernel.func(name, proto);
    }
    kernel
}

/// A struct that has a list or tree, whose lock is `lock`, with these tags on it; and before that a struct `item`.
fn owner(b: &mut Blob, lock: (&str, u32), root: (&str, u32), tags: &[&str]) -> TypeId {
    let node = special(b, if root == HEAD { NODE } else { RB_NODE });
    b.structure("item", 40, &[("node", node, 64)]);
    let (lock, root) = (special(b, lock), special(b, root));
    let owner = b.structure("owner", 24, &[("root", root, 0), ("lock", lock, 128)]);
    for tag in tags {
        b.decl_tag(tag, owner, 0);
    }
    owner
}

fn roots() -> Vec<Case> {
    let tag = |rule, what, root, [bad, good]: [&'static [&'static str]; 2]| {
        case(rule, what, [bad, good], move |b, tags| {
            owner(b, LOCK, root, tags)
        })
        .user()
    };
    const GOOD: &[&str] = &["contains:item:node"];
    const TWO: &[&str] = &["contains:item:node", "contains:x"];
    let mut cases = Vec::new();
    for root in [HEAD, ROOT] {
        let rule = Rule::Contains;
        cases.push(tag(rule, "no tag", root, [&[], GOOD]));
        cases.push(tag(
            rule,
            "another tag",
            root,
            [&["contain:item:node"], GOOD],
        ));
        cases.push(tag(rule, "two", root, [TWO, GOOD]));
        cases.push(tag(
            rule,
            "a struct alone",
            root,
            [&["contains:item"], GOOD],
        ));
        cases.push(tag(rule, "no node", root, [&["contains:item:"], GOOD]));
        let rule = Rule::ContainsNoStruct;
        cases.push(tag(rule, "none", root, [&["contains:none:node"], GOOD]));
        // The kernel looks for the struct first.
        cases.push(tag(rule, "and no node", root, [&["contains:none:"], GOOD]));
        let rule = Rule::NoGraphNode;
        cases.push(tag(rule, "none", root, [&["contains:item:none"], GOOD]));
    }
    for (what, component) in [("on the struct", -1), ("on another member", 1)] {
        cases.push(
            case(Rule::Contains, what, [component, 0], |b, component| {
                let owner = owner(b, LOCK, HEAD, &[]);
                b.decl_tag(GOOD[0], owner, component);
                owner
            })
            .user(),
        );
    }
    cases.push(
        case(
            Rule::ContainsNoStruct,
            "a union",
            [Kind::UNION, Kind::STRUCT],
            |b, kind| {
                let owner = owner(b, LOCK, HEAD, &["contains:other:node"]);
                let node = [("node", TypeId(1), 0)];
                match kind {
                    Kind::UNION => b.union("other", 24, &node),
                    _ => b.structure("other", 24, &node),
                };
                owner
            },
        )
        .user(),
    );
    cases.extend(nodes());
    cases.extend(together());
    cases
}

/// What hangs on a list or tree.
fn nodes() -> Vec<Case> {
    let mut cases = Vec::new();
    let item = |rule, what, [bad, good]: [Vec<Member<'static>>; 2]| {
        // 1: list node, 2: tree node, 3: refcount.
        case(rule, what, [bad, good], |b, members| {
            special(b, NODE);
            special(b, RB_NODE);
            special(b, REFCOUNT);
            b.structure("thing", 80, &members);
            let (lock, head) = (special(b, LOCK), special(b, HEAD));
            let owner = b.structure("s", 24, &[("head", head, 0), ("lock", lock, 128)]);
            b.decl_tag("contains:thing:node", owner, 0);
            owner
        })
        .user()
    };
    let (list, tree, count) = (TypeId(1), TypeId(2), TypeId(3));
    let good = || vec![("node", list, 0)];
    let rule = Rule::GraphNode;
    cases.push(item(rule, "a tree's", [vec![("node", tree, 0)], good()]));
    cases.push(item(rule, "a refcount", [vec![("node", count, 0)], good()]));
    cases.push(item(
        rule,
        "two of that name",
        [vec![("node", list, 0), ("node", list, 192)], good()],
    ));
    cases.push(item(
        rule,
        "not at 8 bytes",
        [vec![("n", list, 0), ("node", list, 224)], good()],
    ));
    cases.push(item(
        Rule::NoGraphNode,
        "of another name",
        [vec![("edon", list, 0)], good()],
    ));
    // A second struct of that name is no special one: it does not make `value` a struct with special fields.
    cases.push(
        case(
            Rule::ValueWithoutFields,
            "a second struct of the name",
            [true, false],
            |b, bad| {
                let first = special(b, NODE);
                let second = special(b, NODE);
                let node = if bad { second } else { first };
                b.structure("value", 24, &[("node", node, 0)]);
                let (lock, head) = (special(b, LOCK), special(b, HEAD));
                let all = [("head", head, 0), ("lock", lock, 128)];
                let owner = b.structure("s", 24, &all);
                b.decl_tag("contains:value:node", owner, 0);
                owner
            },
        )
        .user(),
    );
    cases
}

/// What one field demands of the others.
fn together() -> Vec<Case> {
    let contains = "contains:item:node";
    let mut cases = Vec::new();
    for root in [HEAD, ROOT] {
        cases.push(
            case(Rule::Locks, "none", [("none", 4), LOCK], move |b, lock| {
                owner(b, lock, root, &[contains])
            })
            .user(),
        );
    }
    cases.push(
        case(
            Rule::Locks,
            "the other kind",
            [RES_LOCK, LOCK],
            |b, lock| owner(b, lock, HEAD, &[contains]),
        )
        .user()
        .on(Linux7_3, None),
    );
    cases.push(
        case(
            Rule::Locks,
            "of both kinds",
            [RES_LOCK, REFCOUNT],
            |b, other| {
                let (lock, other) = (special(b, LOCK), special(b, other));
                b.structure("s", 8, &[("m", lock, 0), ("n", other, 32)])
            },
        )
        .user()
        .on(Linux6_12_107, None)
        .on(Linux6_12, None),
    );
    cases.push(
        case(
            Rule::Locks,
            "nodes of both kinds",
            [("none", 4), REFCOUNT],
            |b, count| {
                let (list, tree) = (special(b, NODE), special(b, RB_NODE));
                let count = special(b, count);
                let all = [("l", list, 0), ("t", tree, 192), ("c", count, 448)];
                b.structure("s", 64, &all)
            },
        )
        .user(),
    );
    cases
}

/// A struct with a list head, a node and a lock, whose list holds `contains`.
fn link(b: &mut Blob, name: &str, contains: &str) -> TypeId {
    let (head, node, lock) = (TypeId(1), TypeId(2), TypeId(3));
    let all = [("head", head, 0), ("node", node, 128), ("lock", lock, 320)];
    let id = b.structure(name, 44, &all);
    b.decl_tag(&format!("contains:{contains}:node"), id, 0);
    id
}

/// The types 1 to 3 that [`link`] uses, and 4: `end`, which owns nothing.
fn links(b: &mut Blob) {
    for field in [HEAD, NODE, LOCK] {
        special(b, field);
    }
    b.structure("end", 24, &[("node", TypeId(2), 0)]);
}

/// Structs that own one another: the first owns the second, and so on. Gives back the first.
fn chain(b: &mut Blob, len: u32) -> TypeId {
    links(b);
    let first = b.next();
    for i in 1..len {
        let next = if i + 1 == len {
            "end".to_owned()
        } else {
            format!("link{}", i + 1)
        };
        link(b, &format!("link{i}"), &next);
    }
    first
}

fn ownership() -> Vec<Case> {
    let rule = Rule::Ownership;
    let mut cases = vec![
        case(rule, "itself", ["a", "end"], |b, contains| {
            links(b);
            link(b, "a", contains)
        })
        .user(),
        // What is owned may not own what owns.
        case(
            rule,
            "one that is owned and owns",
            ["b", "end"],
            |b, contains| {
                links(b);
                let owner = link(b, "a", contains);
                link(b, "b", "end");
                owner
            },
        )
        .user()
        .on(Linux6_12, None)
        .on(Linux7_3, None),
        case(rule, "9 deep", [9, 8], chain).user().only(Linux6_12),
        case(rule, "9 deep", [9, 8], chain).user().only(Linux7_3),
        case(rule, "a tree of itself", ["a", "end"], |b, contains| {
            let (root, node) = (special(b, ROOT), special(b, RB_NODE));
            let lock = special(b, LOCK);
            b.structure("end", 32, &[("node", node, 0)]);
            let all = [("root", root, 0), ("node", node, 128), ("lock", lock, 384)];
            let id = b.structure("a", 52, &all);
            b.decl_tag(&format!("contains:{contains}:node"), id, 0);
            id
        })
        .user(),
    ];
    // The kernel does not say which is to blame: the first here, or the first found to be too deep.
    for (release, blamed) in [(Linux6_12_107, 5), (Linux6_12, 7), (Linux7_3, 7)] {
        let owned = [["a", "b"], ["end"; 2]];
        let circle = case(rule, "each other", owned, |b, [of_b, of_a]| {
            links(b);
            link(b, "b", of_b);
            link(b, "a", of_a);
            TypeId(blamed)
        });
        cases.push(circle.user().only(release));
    }
    for tag in ["kptr", "percpu_kptr"] {
        let what = format!("{tag} to itself");
        cases.push(
            case(rule, what, [tag, "kptr_untrusted"], |b, tag| {
                let kptr = tagged(b, b.ahead(2), &[tag]);
                b.structure("s", 8, &[("m", kptr, 0)])
            })
            .user()
            .on(Linux6_12_107, None),
        );
    }
    // The program's struct that the kernel has too is the kernel's: nobody owns it.
    cases.push(
        case(
            rule,
            "kptr to its own",
            ["mine", "bpf_cpumask"],
            |b, name| {
                let kptr = tagged(b, b.ahead(2), &["kptr"]);
                b.structure(name, 8, &[("m", kptr, 0)])
            },
        )
        .user()
        .on(Linux6_12_107, None)
        .into_kernel(&kernel(&["bpf_cpumask"], &["bpf_cpumask_release_dtor"])),
    );
    cases
}

pub(crate) fn cases() -> Vec<Case> {
    [
        unique(),
        too_many(),
        arrays_and_offsets(),
        kptrs(),
        roots(),
        ownership(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn rules_of_special_fields() {
    run(&cases());
}

#[test]
fn these_fields_are_accepted() {
    accepted("special structs that no struct has", |b| {
        for field in [LOCK, RES_LOCK, REFCOUNT, HEAD, NODE, ROOT, RB_NODE] {
            special(b, field);
        }
    });
    accepted("arrays of heads and of kptrs", |b| {
        let int = b.int();
        let (node, head, lock) = (special(b, NODE), special(b, HEAD), special(b, LOCK));
        b.structure("end", 24, &[("node", node, 0)]);
        let heads = b.array(head, int, 4);
        let kptr = untrusted(b);
        let kptrs = b.array(kptr, int, 4);
        let all = [("h", heads, 0), ("k", kptrs, 512), ("l", lock, 768)];
        let owner = b.structure("owner", 100, &all);
        b.decl_tag("contains:end:node", owner, 0);
    });
    accepted(
        "no fields: none of an array, a union, a const pointer",
        |b| {
            let int = b.int();
            let lock = special(b, LOCK);
            let none = b.array(lock, int, 0);
            let union = b.union("u", 4, &[("m", lock, 0)]);
            let kptr = untrusted(b);
            let constant = b.constant(kptr);
            b.structure(
                "s",
                12,
                &[("m", none, 0), ("n", union, 0), ("k", constant, 32)],
            );
        },
    );
    accepted("a volatile kptr, at a byte that is none for one", |b| {
        let kptr = untrusted(b);
        let volatile = b.volatile(kptr);
        b.structure("s", 20, &[("m", volatile, 0), ("n", volatile, 96)]);
    });
    accepted("an anonymous node in the first anonymous struct", |b| {
        let (node, head, lock) = (special(b, NODE), special(b, HEAD), special(b, LOCK));
        b.structure("", 24, &[("", node, 0)]);
        let owner = b.structure("owner", 20, &[("h", head, 0), ("l", lock, 128)]);
        b.decl_tag("contains::(anon)", owner, 0);
    });
    accepted("only members of special types make a struct one", |b| {
        let int = b.int();
        let lock = special(b, LOCK);
        let locks = b.array(lock, int, 2);
        b.structure("s", 8, &[("m", locks, 0)]);
        let target = b.sample(Kind::INT);
        let bad = tagged(b, target, &["kptr"]);
        b.structure("t", 8, &[("m", bad, 0)]);
    });
}

/// Up to which depth structs may own one another.
#[test]
fn releases_differ_in_ownership() {
    let verdict = |release, len| {
        let mut blob = Blob::new();
        chain(&mut blob, len);
        told(&blob, release)
    };
    let broken = Some(Rule::Ownership);
    assert_eq!(
        [1, 2, 3].map(|len| verdict(Linux6_12_107, len)),
        [None, None, broken]
    );
    for release in [Linux6_12, Linux7_3] {
        assert_eq!([1, 3, 8].map(|len| verdict(release, len)), [None; 3]);
        assert_eq!([9, 10, 40].map(|len| verdict(release, len)), [broken; 3]);
    }
}

#[test]
fn releases_differ_in_where_a_tag_stands() {
    let verdict = |release: Release, make: fn(&mut Blob, TypeId) -> TypeId| {
        let mut blob = Blob::new();
        let target = TypeId(1);
        blob.structure("target", 0, &[]);
        let chain = make(&mut blob, target);
        let ptr = blob.ptr(chain);
        // Two at the same place: refused if they are kptrs, and left alone if not.
        let count = special(&mut blob, REFCOUNT);
        blob.structure("s", 16, &[("c", count, 0), ("p", ptr, 64), ("q", ptr, 64)]);
        told(&blob, release)
    };
    let overlap = Some(Rule::FieldOverlap);
    let of_const = |b: &mut Blob, target| {
        let constant = b.constant(target);
        b.type_tag("kptr", constant)
    };
    assert_eq!(RELEASES.map(|r| verdict(r, of_const)), [overlap; 3]);
    let behind_const = |b: &mut Blob, target| {
        let tag = b.type_tag("kptr", target);
        b.constant(tag)
    };
    let order = Some(Rule::TagsAfterModifiers);
    assert_eq!(
        RELEASES.map(|r| verdict(r, behind_const)),
        [order, order, overlap]
    );
    let attribute = |b: &mut Blob, target| {
        let tag = b.type_tag("kptr", target);
        b.set_info(tag, KIND_FLAG)
    };
    let flag = Some(Rule::InvalidKindFlag);
    assert_eq!(RELEASES.map(|r| verdict(r, attribute)), [flag, flag, None]);
    // Longer than what is followed at once; each one refers to one before it.
    let far_behind = |b: &mut Blob, target| {
        let tag = b.type_tag("kptr", target);
        (0..50).fold(tag, |ty, _| b.constant(ty))
    };
    assert_eq!(
        RELEASES.map(|r| verdict(r, far_behind)),
        [order, order, overlap]
    );
    let to_far = |b: &mut Blob, target| {
        let far = (0..50).fold(target, |ty, _| b.constant(ty));
        b.type_tag("kptr", far)
    };
    assert_eq!(RELEASES.map(|r| verdict(r, to_far)), [overlap; 3]);
}

#[test]
fn a_deep_nest_of_structs_takes_no_longer_than_a_wide_one() {
    // 10 structs in each of 10, and so on: more than can be looked through one by one.
    let verdict = |depth: u32, release: Release| {
        let mut blob = Blob::new();
        let kptr = untrusted(&mut blob);
        let mut inner = blob.structure("none", 0, &[]);
        for _ in 1..depth {
            inner = blob.structure("inner", 0, &members(inner, 0, 10));
        }
        let mut all = vec![("k", kptr, 0)];
        all.extend((0..10).map(|_| ("m", inner, 64)));
        blob.structure("s", 8, &all);
        // One in which it stands one level deeper.
        let around = blob.structure("around", 0, &[("m", inner, 0)]);
        blob.structure("t", 8, &[("k", kptr, 0), ("m", around, 64)]);
        told(&blob, release)
    };
    for release in RELEASES {
        assert_eq!(verdict(30, release), None);
        assert_eq!(verdict(31, release), Some(Rule::TooManyFields));
        assert_eq!(verdict(32, release), Some(Rule::TooManyFields));
    }
}

#[test]
fn what_is_unique_is_noticed_in_every_nested_struct() {
    // A typedef of a lock's name is no field, but counts as a lock: 7.3 counts them together.
    let mut blob = Blob::new();
    let int = blob.int();
    let typedef = blob.typedef(LOCK.0, int);
    let inner = blob.structure("inner", 4, &[("m", typedef, 0)]);
    let count = special(&mut blob, REFCOUNT);
    blob.structure("one", 8, &[("c", count, 0), ("m", inner, 32)]);
    assert_eq!(RELEASES.map(|r| told(&blob, r)), [None; 3]);
    let twice = [("c", count, 0), ("m", inner, 32), ("n", inner, 64)];
    blob.structure("two", 12, &twice);
    let second = Some(Rule::SecondField);
    assert_eq!(RELEASES.map(|r| told(&blob, r)), [None, second, second]);
}
