// SPDX-License-Identifier: MIT OR Apache-2.0

//! The BTF that the fuzzer starts with, made by hand. `cargo run --example seeds` writes it to the folder `seeds`.

use std::path::{Path, PathBuf};

use btf_core::{ByteOrder, Kind};

use crate::blob::{Blob, Record, Shape, Word, VOID};

/// A seed: the target that it is for, its name, and its bytes. Those whose names begin with `bad-` are refused: for
/// `validate` by Linux 7.3 as a program's BTF, for `relocate` by relocation. The others of these targets are accepted.
pub struct Seed {
    pub target: &'static str,
    pub name: &'static str,
    pub bytes: Vec<u8>,
}

impl Seed {
    /// Where it is kept.
    pub fn file(&self) -> PathBuf {
        let extension = match self.target {
            "rewrite" => "insns",
            "bind" => "descs",
            "text" => "code",
            _ => "btf",
        };
        folder()
            .join(self.target)
            .join(self.name)
            .with_extension(extension)
    }
}

/// Where all are kept, those of each target in a folder of its own.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds")
}

/// All seeds.
pub fn all() -> Vec<Seed> {
    let of = |target, seeds: Vec<(&'static str, Vec<u8>)>| {
        let seed = move |(name, bytes)| Seed {
            target,
            name,
            bytes,
        };
        seeds.into_iter().map(seed)
    };
    let parse = of("parse", parse());
    let validate = of("validate", validate());
    // What is written in every way is deduplicated, too.
    let dedup = of("dedup", write());
    let write = of("write", write());
    parse
        .chain(validate)
        .chain(write)
        .chain(dedup)
        .chain(of("relocate", relocate()))
        .chain(of("rewrite", crate::rewrite::seeds()))
        .chain(of("bind", crate::bind::seeds()))
        .chain(of("text", crate::text::seeds()))
        .collect()
}

/// What a kernel must have for kptrs: structs, and the functions that release them.
pub fn kernel() -> Blob {
    let mut blob = Blob::default();
    for name in ["task_struct", "cgroup", "a"] {
        blob.structure(name, 8, &[]);
    }
    let proto = blob.push(Record::new(Kind::FUNC_PROTO, 0, VOID));
    for name in ["bpf_task_release_dtor", "bpf_cgroup_release_dtor"] {
        blob.named(Kind::FUNC, name, proto);
    }
    blob
}

/// How records are written by hand.
impl Blob {
    fn named(&mut self, kind: Kind, name: &str, word: Word) -> Word {
        let name = self.name(name.as_bytes());
        self.push(Record::new(kind, name, word))
    }

    fn int(&mut self) -> Word {
        let name = self.name(b"int");
        let word = Word::Plain(1 << 24 | 32);
        self.push(
            Record::new(Kind::INT, name, Word::Plain(4))
                .with(1, vec![word])
                .vlen(0),
        )
    }

    /// Members are names, types and offsets in bits.
    fn structure(&mut self, name: &str, size: u32, members: &[(&str, Word, u32)]) -> Word {
        self.composite(Kind::STRUCT, name, size, members)
    }

    fn composite(
        &mut self,
        kind: Kind,
        name: &str,
        size: u32,
        members: &[(&str, Word, u32)],
    ) -> Word {
        let mut tail = Vec::new();
        for (name, ty, offset) in members {
            tail.extend([
                Word::Plain(self.name(name.as_bytes())),
                *ty,
                Word::Plain(*offset),
            ]);
        }
        let name = self.name(name.as_bytes());
        self.push(Record::new(kind, name, Word::Plain(size)).with(3, tail))
    }

    fn array(&mut self, of: Word, index: Word, len: u32) -> Word {
        let tail = vec![of, index, Word::Plain(len)];
        self.push(Record::new(Kind::ARRAY, 0, VOID).with(3, tail).vlen(0))
    }

    fn proto(&mut self, result: Word, params: &[(&str, Word)]) -> Word {
        let mut tail = Vec::new();
        for (name, ty) in params {
            tail.extend([Word::Plain(self.name(name.as_bytes())), *ty]);
        }
        self.push(Record::new(Kind::FUNC_PROTO, 0, result).with(2, tail))
    }

    fn decl_tag(&mut self, name: &str, on: Word, component: u32) -> Word {
        let name = self.name(name.as_bytes());
        let tail = vec![Word::Plain(component)];
        self.push(Record::new(Kind::DECL_TAG, name, on).with(1, tail).vlen(0))
    }

    /// A pointer to `to` with a tag.
    fn tagged(&mut self, tag: &str, to: Word) -> Word {
        let tag = self.named(Kind::TYPE_TAG, tag, to);
        self.push(Record::new(Kind::PTR, 0, tag))
    }

    fn shaped(mut self, shape: Shape) -> Self {
        self.set_shape(shape);
        self
    }
}

/// Every kind, as a program may have it.
fn all_kinds() -> Blob {
    let mut blob = Blob::default();
    let int = blob.int();
    let constant = blob.push(Record::new(Kind::CONST, 0, int));
    let volatile = blob.push(Record::new(Kind::VOLATILE, 0, constant));
    let pointer = blob.push(Record::new(Kind::PTR, 0, volatile));
    let restrict = blob.push(Record::new(Kind::RESTRICT, 0, pointer));
    let array = blob.array(int, int, 3);
    let inner = blob.composite(Kind::UNION, "", 8, &[("m", int, 0), ("n", pointer, 0)]);
    let outer = [("head", int, 0), ("", inner, 64), ("rows", array, 128)];
    let outer = blob.structure("outer", 32, &outer);
    let names = [blob.name(b"ONE"), blob.name(b"TWO")].map(Word::Plain);
    let name = blob.name(b"small");
    let tail = vec![names[0], Word::Plain(1), names[1], Word::Plain(u32::MAX)];
    let mut small = Record::new(Kind::ENUM, name, Word::Plain(4)).with(2, tail);
    small.kind_flag = true;
    blob.push(small);
    let name = blob.name(b"big");
    let tail = vec![names[0], Word::Plain(0), Word::Plain(1 << 31)];
    blob.push(Record::new(Kind::ENUM64, name, Word::Plain(8)).with(3, tail));
    let fwd = blob.named(Kind::FWD, "later", VOID);
    let to_fwd = blob.push(Record::new(Kind::PTR, 0, fwd));
    let typedef = blob.named(Kind::TYPEDEF, "outer_t", outer);
    blob.named(Kind::FLOAT, "double", Word::Plain(8));
    let proto = blob.proto(int, &[("of", restrict), ("at", to_fwd), ("", VOID)]);
    let func = blob.named(Kind::FUNC, "call", proto);
    let name = blob.name(b"counter");
    let var = blob.push(
        Record::new(Kind::VAR, name, typedef)
            .with(1, vec![Word::Plain(1)])
            .vlen(0),
    );
    let name = blob.name(b".data");
    let tail = vec![var, Word::Plain(0), Word::Plain(32)];
    blob.push(Record::new(Kind::DATASEC, name, Word::Plain(32)).with(3, tail));
    blob.decl_tag("bpf_kfunc", func, u32::MAX);
    blob.decl_tag("on_member", outer, 2);
    blob.tagged("user", int);
    blob
}

fn parse() -> Vec<(&'static str, Vec<u8>)> {
    let shape = Shape::default();
    let mut sorted = all_kinds();
    sorted.sort();
    let mut reversed = all_kinds();
    reversed.reorder(&(0..reversed.records.len()).rev().collect::<Vec<_>>());
    let strings_first = Shape {
        strings_first: true,
        ..shape
    };
    let with_layout = Shape {
        header_len: 32,
        layout: true,
        ..shape
    };
    let mut unknown = all_kinds().shaped(with_layout);
    let tail = vec![Word::Plain(7); 5];
    unknown.push(Record::new(Kind(20), 0, VOID).with(1, tail).vlen(2));
    unknown.int();
    let mut circle = Blob::default();
    circle.push(Record::new(Kind::CONST, 0, Word::Own(1)));
    circle.push(Record::new(Kind::TYPE_TAG, 0, Word::Own(0)));
    let mut outside = all_kinds();
    outside.records[0].name = 0x00ff_ffff;
    outside.records[7].name = 3;
    let mut no_empty_name = all_kinds().bytes();
    let strings = no_empty_name
        .windows(5)
        .position(|bytes| bytes == b"\0int\0")
        .unwrap();
    no_empty_name[strings] = b'x';
    vec![
        ("all-kinds", all_kinds().bytes()),
        ("big-endian", all_kinds().bytes_in(ByteOrder::Big)),
        ("sorted", sorted.bytes()),
        ("reversed", reversed.bytes()),
        ("strings-first", all_kinds().shaped(strings_first).bytes()),
        ("layout", all_kinds().shaped(with_layout).bytes()),
        ("unknown-kind", unknown.bytes()),
        ("split", split().concat()),
        ("long-chain", long_chain(32).bytes()),
        ("circle", circle.bytes()),
        (
            "same-anonymous-again-and-again",
            again_and_again("").bytes(),
        ),
        ("name-outside", outside.bytes()),
        ("no-empty-name", no_empty_name),
        ("empty", Blob::default().bytes()),
    ]
}

/// A module over its kernel.
fn split() -> [Vec<u8>; 2] {
    let base = kernel();
    let mut module = Blob::over(&base);
    let task = Word::Plain(1);
    let pointer = module.push(Record::new(Kind::PTR, 0, task));
    let proto = module.proto(VOID, &[("task", pointer)]);
    module.named(Kind::FUNC, "bpf_my_kfunc", proto);
    [base.bytes(), module.bytes()]
}

/// Modifiers, each on the one before it.
fn long_chain(len: usize) -> Blob {
    let mut blob = Blob::default();
    let mut last = blob.int();
    for _ in 0..len {
        last = blob.push(Record::new(Kind::VOLATILE, 0, last));
    }
    blob
}

/// Structs of which each has the one before it twice, and one with a lock around all.
fn again_and_again(member: &str) -> Blob {
    let mut blob = Blob::default();
    let lock = blob.structure("bpf_spin_lock", 4, &[]);
    let mut last = blob.structure("", 0, &[]);
    for _ in 0..28 {
        last = blob.structure("", 0, &[(member, last, 0), (member, last, 0)]);
    }
    blob.structure("outermost", 8, &[("lock", lock, 0), (member, last, 32)]);
    blob
}

/// A list or tree of structs `a`, which have the node.
fn owner(head: &str, node: &str, node_size: u32, tag: &str) -> Blob {
    let mut blob = Blob::default();
    let lock = blob.structure("bpf_spin_lock", 4, &[]);
    let root = blob.structure(head, 16, &[]);
    let node = blob.structure(node, node_size, &[]);
    blob.structure("a", node_size + 8, &[("m", node, 64)]);
    let owner = blob.structure("owner", 24, &[("root", root, 0), ("lock", lock, 128)]);
    blob.decl_tag(tag, owner, 0);
    blob
}

/// Structs of which each owns the next one by a kptr.
fn owners(count: usize, circle: bool) -> Blob {
    let mut blob = Blob::default();
    let first = blob.records.len();
    let mut last = blob.structure("innermost", 8, &[]);
    for place in 0..count {
        let pointer = blob.tagged("kptr", last);
        last = blob.structure(&format!("owner{place}"), 8, &[("next", pointer, 0)]);
    }
    if circle {
        let Word::Own(tag) = blob.tagged("kptr", last) else {
            return blob;
        };
        let pointer = Word::Own(tag);
        let name = Word::Plain(blob.name(b"next"));
        let innermost = &mut blob.records[first];
        *innermost = innermost
            .clone()
            .with(3, vec![name, pointer, Word::Plain(0)]);
    }
    blob
}

/// A struct with an array of pointers that have a tag, on a struct of the program's own.
fn kptrs(tag: &str, target: &str, count: u32) -> Blob {
    let mut blob = Blob::default();
    let int = blob.int();
    let target = blob.structure(target, 8, &[]);
    let pointer = blob.tagged(tag, target);
    let array = blob.array(pointer, int, count);
    let size = (count + 1) * 8;
    blob.structure("value", size, &[("one", pointer, 0), ("more", array, 64)]);
    blob
}

fn validate() -> Vec<(&'static str, Vec<u8>)> {
    let mut two_locks = Blob::default();
    let lock = two_locks.structure("bpf_spin_lock", 4, &[]);
    two_locks.structure("value", 8, &[("one", lock, 0), ("two", lock, 32)]);
    let mut two_nodes = Blob::default();
    let list = two_nodes.structure("bpf_list_node", 24, &[]);
    let tree = two_nodes.structure("bpf_rb_node", 32, &[]);
    let count = two_nodes.structure("bpf_refcount", 4, &[]);
    let members = [
        ("list", list, 0),
        ("tree", tree, 192),
        ("count", count, 448),
    ];
    two_nodes.structure("value", 64, &members);
    let mut tags_after = Blob::default();
    let int = tags_after.int();
    let tag = tags_after.named(Kind::TYPE_TAG, "user", int);
    tags_after.push(Record::new(Kind::CONST, 0, tag));
    let bitfields = |offset: u32| {
        let mut blob = Blob::default();
        let int = blob.int();
        blob.structure(
            "bits",
            4,
            &[("m", int, 3 << 24), ("n", int, 29 << 24 | offset)],
        );
        blob.records[1].kind_flag = true;
        blob.bytes()
    };
    // The node is in the struct that hangs on the list, but its type is another struct of the name.
    let mut other_node = owner("bpf_list_head", "bpf_list_node", 24, "contains:a:m");
    let node = other_node.structure("bpf_list_node", 24, &[]);
    other_node.records[3].tail[1] = node;
    let mut wide = Blob::default();
    let word = vec![Word::Plain(128)];
    let int = wide.push(
        Record::new(Kind::INT, 0, Word::Plain(16))
            .with(1, word)
            .vlen(0),
    );
    wide.structure("value", 17, &[("m", int, 1)]);
    let mut deep = Blob::default();
    let lock = deep.structure("bpf_spin_lock", 4, &[]);
    let int = deep.int();
    let mut arrays = int;
    for _ in 0..32 {
        arrays = deep.array(arrays, int, 1);
    }
    deep.structure("value", 8, &[("lock", lock, 0), ("arrays", arrays, 32)]);
    let list = |tag| owner("bpf_list_head", "bpf_list_node", 24, tag).bytes();
    vec![
        ("all-kinds", all_kinds().bytes()),
        ("list", list("contains:a:m")),
        ("bad-list-of-nothing", list("contains:b:m")),
        ("bad-list-by-no-node", list("contains:a:o")),
        (
            "tree",
            owner("bpf_rb_root", "bpf_rb_node", 32, "contains:a:m").bytes(),
        ),
        ("owners", owners(6, false).bytes()),
        ("bad-owners", owners(9, false).bytes()),
        ("bad-owners-in-a-circle", owners(2, true).bytes()),
        ("kptrs", kptrs("kptr", "mine", 4).bytes()),
        ("kptrs-of-kernel", kptrs("kptr", "task_struct", 2).bytes()),
        ("percpu-kptrs", kptrs("percpu_kptr", "mine", 9).bytes()),
        (
            "bad-too-many-kptrs",
            kptrs("kptr_untrusted", "mine", 11).bytes(),
        ),
        ("bad-other-node", other_node.bytes()),
        ("bad-wide-int", wide.bytes()),
        ("bad-deep-arrays", deep.bytes()),
        ("two-nodes", two_nodes.bytes()),
        ("bad-two-locks", two_locks.bytes()),
        ("same-struct-again-and-again", again_and_again("m").bytes()),
        ("long-chain", long_chain(60).bytes()),
        ("tags-after-modifiers", tags_after.bytes()),
        ("bitfields", bitfields(3)),
        ("bad-bitfields", bitfields(4)),
        ("bad-no-types", Blob::default().bytes()),
    ]
}

fn write() -> Vec<(&'static str, Vec<u8>)> {
    let mut ends_of_names = all_kinds();
    ends_of_names.records[0].name += 1;
    let mut twice = all_kinds();
    twice.records[0].name = twice.name_again(b"int");
    twice.name_again(b"unused");
    let mut outside = all_kinds();
    outside.records[0].name = 0x00ff_ffff;
    let mut unsaid = all_kinds();
    unsaid.records[0].tail = vec![Word::Plain(0xf103_0118)];
    unsaid.records[1].kind_flag = true;
    unsaid.records[2].vlen = 7;
    let base = kernel();
    let mut shared = Blob::over(&base);
    shared.named(Kind::TYPEDEF, "own", Word::Plain(2));
    shared.named(Kind::TYPEDEF, "task_struct", Word::Plain(1));
    shared.push(Record::new(Kind::FWD, 1, VOID));
    let with_layout = Shape {
        header_len: 32,
        layout: true,
        ..Shape::default()
    };
    let mut unknown = all_kinds().shaped(with_layout);
    unknown.push(Record::new(Kind(20), 0, VOID).with(1, vec![VOID]).vlen(0));
    let mut long = all_kinds();
    let func = long.records.iter_mut().find(|ty| ty.kind == Kind::FUNC);
    func.unwrap().vlen = 0x0001_0000;
    let mut beyond = all_kinds();
    beyond.records[1].size_or_type = Word::Plain(1 << 30);
    vec![
        ("all-kinds", all_kinds().bytes()),
        ("big-endian", all_kinds().bytes_in(ByteOrder::Big)),
        ("ends-of-names", ends_of_names.bytes()),
        ("a-name-twice", twice.bytes()),
        ("name-outside", outside.bytes()),
        ("meaningless-bits", unsaid.bytes()),
        ("split", split().concat()),
        ("names-of-base", [base.bytes(), shared.bytes()].concat()),
        ("layout", all_kinds().shaped(with_layout).bytes()),
        ("unknown-kind", unknown.bytes()),
        ("id-beyond", beyond.bytes()),
        ("more-than-16-bits-count", long.bytes()),
        ("empty", Blob::default().bytes()),
    ]
}

/// A distilled base, a module over it, and a kernel, which `change` may change.
fn moved(change: impl Fn(&mut Blob, &mut Blob, &mut Blob)) -> Vec<u8> {
    moved_in(ByteOrder::NATIVE, change)
}

fn moved_in(order: ByteOrder, change: impl Fn(&mut Blob, &mut Blob, &mut Blob)) -> Vec<u8> {
    let mut distilled = Blob::default();
    distilled.int();
    distilled.structure("task", 16, &[]);
    distilled.structure("part", 8, &[]);
    distilled.named(Kind::ENUM, "state", Word::Plain(4));
    distilled.named(Kind::FWD, "later", VOID);
    distilled.named(Kind::FLOAT, "double", Word::Plain(8));
    let [int, task, part, state, later] = [1, 2, 3, 4, 5].map(Word::Plain);
    let mut module = Blob::over(&distilled);
    let pointer = module.push(Record::new(Kind::PTR, 0, task));
    let to_later = module.push(Record::new(Kind::PTR, 0, later));
    let members = [
        ("part", part, 0),
        ("task", pointer, 64),
        ("later", to_later, 128),
    ];
    module.structure("own", 24, &members);
    let proto = module.proto(int, &[("task", pointer), ("state", state)]);
    module.named(Kind::FUNC, "bpf_my_kfunc", proto);
    let mut kernel = all_kinds();
    let name = kernel.name(b"state");
    kernel.push(Record::new(Kind::ENUM64, name, Word::Plain(4)));
    kernel.structure("task", 24, &[("m", Word::Own(0), 0)]);
    kernel.structure("part", 8, &[]);
    change(&mut distilled, &mut module, &mut kernel);
    [distilled, module, kernel]
        .map(|blob| blob.bytes_in(order))
        .concat()
}

fn relocate() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("module", moved(|_, _, _| ())),
        ("sorted", moved(|_, _, kernel| kernel.sort())),
        ("big-endian", moved_in(ByteOrder::Big, |_, _, _| ())),
        (
            "struct-grew",
            moved(|distilled, _, _| distilled.records[1].size_or_type = Word::Plain(99)),
        ),
        (
            "bad-member-grew",
            moved(|distilled, _, _| distilled.records[2].size_or_type = Word::Plain(99)),
        ),
        (
            "two-of-a-name",
            moved(|_, _, kernel| {
                kernel.structure("task", 16, &[]);
            }),
        ),
        (
            "bad-name-at-two-places",
            moved(|_, _, kernel| {
                let name = kernel.name_again(b"task");
                kernel.push(Record::new(Kind::UNION, name, Word::Plain(16)));
            }),
        ),
        (
            "bad-missing",
            moved(|_, _, kernel| drop(kernel.records.pop())),
        ),
        (
            "fwd-of-a-struct",
            moved(|_, _, kernel| {
                let fwd = kernel
                    .records
                    .iter()
                    .position(|ty| ty.kind == Kind::FWD)
                    .unwrap();
                kernel.records[fwd] = Record {
                    kind: Kind::STRUCT,
                    ..kernel.records[fwd].clone()
                };
            }),
        ),
        (
            "bad-fwd-of-bitfields",
            moved(|_, _, kernel| {
                let fwd = kernel.records.iter_mut().find(|ty| ty.kind == Kind::FWD);
                fwd.unwrap().kind_flag = true;
            }),
        ),
        (
            "bad-name-of-no-type",
            moved(|_, module, _| module.records[4].name = 2),
        ),
        (
            "bad-anonymous-base",
            moved(|distilled, _, _| distilled.records[0].name = 0),
        ),
        (
            "bad-kind-that-no-base-has",
            moved(|distilled, _, _| distilled.records[0] = Record::new(Kind::PTR, 0, VOID)),
        ),
    ]
}
