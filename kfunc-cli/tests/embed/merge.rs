// SPDX-License-Identifier: MIT OR Apache-2.0

//! Modules that have BTF already, of their C parts.

use btf_core::{
    Btf, IntEncoding, Kind, Linkage, Param, RawMember, Relocation, Tag, TypeId, Variable,
    WriteOptions, Writer,
};
use kfunc_abi::record::{ID_OFFSET, SECTION};
use kfunc_cli::embed;

use crate::describe::{describe, functions, tags};
use crate::kernel::vmlinux;
use crate::module::{section, Module, VERMAGIC_7_3};
use crate::record::{layout_record, param, type_record, Kfunc, Part, Ty};

/// How the BTF of C parts stands on the kernel's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum On {
    /// On vmlinux itself, as in the modules that come with a kernel.
    Kernel,
    /// On a distilled base, as in those that are built outside of its tree.
    Distilled,
}

/// What pahole and resolve_btfids leave of C parts.
pub(crate) struct CParts {
    pub(crate) btf: Vec<u8>,
    pub(crate) base: Option<Vec<u8>>,
    ids: Vec<u8>,
    symbols: Vec<(String, u64)>,
}

/// The base of C parts: `unsigned int`, `u32` where it is not distilled, `struct task_struct`.
struct Base {
    data: Vec<u8>,
    int: TypeId,
    task: TypeId,
}

fn base(on: On, layout: bool) -> Base {
    if on == On::Kernel {
        let data = vmlinux();
        let btf = Btf::parse(&data).unwrap();
        let find = |name: &str, kind| btf.find(name.as_bytes(), kind).unwrap().id();
        let int = find("unsigned int", Kind::INT);
        let task = find("task_struct", Kind::STRUCT);
        return Base { data, int, task };
    }
    let mut out = vec![0; 1000];
    let options = WriteOptions {
        layout,
        ..WriteOptions::default()
    };
    let mut writer = Writer::with(&mut out, options);
    let int = writer
        .push_int(b"unsigned int", 4, IntEncoding::UNSIGNED)
        .unwrap();
    let task = writer
        .push_opaque(Kind::STRUCT, b"task_struct", 16)
        .unwrap();
    let data = writer.finish().unwrap().to_vec();
    Base { data, int, task }
}

/// ```c
/// struct node { unsigned int value; struct node *next; };
/// static struct node head;
/// __bpf_kfunc unsigned int c_first(struct task_struct *task, struct node *node);
/// __bpf_kfunc unsigned int c_second(struct task_struct *task, struct node *node);
/// ```
pub(crate) fn c_parts(on: On, layout: bool) -> CParts {
    let base = base(on, layout);
    let base_btf = Btf::parse(&base.data).unwrap();
    let mut out = vec![0; 4000];
    let options = WriteOptions {
        base: Some(&base_btf),
        layout,
        ..WriteOptions::default()
    };
    let mut writer = Writer::with(&mut out, options);
    let node = writer.next_id();
    let to_node = TypeId(node.0 + 1);
    let members = [("value", base.int, 0), ("next", to_node, 64)];
    let members = members.map(|(name, ty, bit_offset)| RawMember {
        name: writer.name(name.as_bytes()).unwrap(),
        ty,
        bit_offset,
        bitfield_size: 0,
    });
    writer
        .push_composite(Kind::STRUCT, b"node", 16, &members)
        .unwrap();
    writer.push_reference(Kind::PTR, node).unwrap();
    let to_task = writer.push_reference(Kind::PTR, base.task).unwrap();
    let params = [("task", to_task), ("node", to_node)];
    let params = params.map(|(name, ty)| Param {
        name: writer.name(name.as_bytes()).unwrap(),
        ty,
    });
    let proto = writer.push_func_proto(base.int, &params).unwrap();
    let funcs = ["c_first", "c_second"].map(|name| {
        let func = writer.push_func(name.as_bytes(), proto, Linkage::STATIC);
        func.unwrap()
    });
    for func in funcs {
        writer
            .push_decl_tag(Tag::Value(b"bpf_kfunc"), func, None)
            .unwrap();
    }
    let var = writer.push_var(b"head", node, 0).unwrap();
    let variable = Variable {
        var,
        offset: 0,
        size: 16,
    };
    writer.push_datasec(b".bss", 16, &[variable]).unwrap();
    let btf = writer.finish().unwrap().to_vec();

    // A list of two types, one of them of the base, then a set8. Flags look like ids. resolve_btfids has sorted the
    // ids of the set, so that they are not where their symbols say.
    let [first, second] = funcs;
    let words = [
        base.task.0,
        node.0,
        2,
        1,
        second.0,
        node.0,
        first.0,
        node.0 + 1,
    ];
    let symbols = [
        ("__BTF_ID__struct__task_struct__1001", 0),
        ("__BTF_ID__struct__node__1002", 4),
        ("__BTF_ID__set8__c_kfuncs", 8),
        ("__BTF_ID__func__c_first__1003", 16),
        ("__BTF_ID__func__c_second__1004", 24),
    ];
    CParts {
        btf,
        base: (on == On::Distilled).then_some(base.data),
        ids: words.into_iter().flat_map(u32::to_le_bytes).collect(),
        symbols: symbols.map(|(name, at)| (name.to_owned(), at)).into(),
    }
}

impl CParts {
    /// A module of these C parts, and of these declarations.
    pub(crate) fn module(self, declarations: &[Vec<u8>]) -> Module {
        let mut sections = vec![(".BTF", self.btf)];
        sections.extend(self.base.map(|base| (".BTF.base", base)));
        sections.push((".BTF_ids", self.ids));
        Module {
            sections,
            symbols: self.symbols,
            ..Module::new(declarations)
        }
    }
}

/// `u64 NAME(u32 a, union bits *b)`: of types that the C parts do not use.
fn kfunc(name: &'static str) -> Kfunc {
    let bits = Ty::kernel(Kind::UNION, "bits").pointer();
    Kfunc::new(
        name,
        Ty::typedef("u64"),
        vec![param("a", Ty::typedef("u32")), param("b", bits)],
    )
}

/// Does `work` with the BTF of `module` as the kernel sees it, and with the ids that the kernel has for those of the
/// module.
fn loaded<T>(module: &[u8], work: impl FnOnce(&Btf<'_>, &dyn Fn(u32) -> TypeId) -> T) -> T {
    let vmlinux = vmlinux();
    let vmlinux = Btf::parse(&vmlinux).unwrap();
    let (data, base) = (section(module, ".BTF"), section(module, ".BTF.base"));
    if base.is_empty() {
        return work(&Btf::parse_split(&data, &vmlinux).unwrap(), &TypeId);
    }
    let base = Btf::parse(&base).unwrap();
    let split = Btf::parse_split(&data, &base).unwrap();
    let mut room = vec![0; Relocation::required_len(&split)];
    let relocation = Relocation::new(&split, &vmlinux, &mut room).unwrap();
    let mut moved = vec![0; data.len()];
    relocation.write(&mut moved).unwrap();
    let moved = Btf::parse_split(&moved, &vmlinux).unwrap();
    work(&moved, &|id| relocation.id(TypeId(id)).unwrap())
}

/// Every own type of a module's BTF.
fn types(btf: &Btf<'_>) -> Vec<String> {
    btf.types().map(|ty| describe(btf, ty.id())).collect()
}

/// The words of `.BTF_ids`.
fn words(module: &[u8]) -> Vec<u32> {
    section(module, ".BTF_ids")
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
        .collect()
}

#[test]
fn c_parts_keep_their_types_and_ids() {
    for on in [On::Kernel, On::Distilled] {
        let plain = c_parts(on, false)
            .module(&[kfunc("foo").record(), layout_record()])
            .bytes();
        let embedded = embed(&plain, &vmlinux()).unwrap();
        assert_eq!(embedded.btf_base.is_some(), on == On::Distilled);
        let old_first = loaded(&plain, |btf, _| btf.first_id().0);
        let before = loaded(&plain, |btf, _| types(btf));
        loaded(&embedded.module, |btf, moved| {
            assert_eq!(btf.first_id().0, old_first);
            assert_eq!(types(btf)[..before.len()], before, "{on:?}");
            let funcs = functions(btf, "foo");
            assert_eq!(
                funcs,
                ["foo: u64=long long unsigned int(u32=__u32=unsigned int a, *union bits b)"]
            );
            // The record names what the kernel has.
            let records = section(&embedded.module, SECTION);
            let id = u32::from_le_bytes(records[ID_OFFSET..ID_OFFSET + 4].try_into().unwrap());
            assert_eq!(describe(btf, moved(id)), funcs[0]);
            assert_eq!(tags(btf, moved(id)), ["bpf_kfunc"]);
        });

        // Ids mean what they meant, and what is not an id is as it was.
        let ids = |module: &[u8]| {
            let words = words(module);
            loaded(module, |btf, moved| {
                [0, 1, 4, 6].map(|at| describe(btf, moved(words[at])))
            })
        };
        assert_eq!(ids(&embedded.module), ids(&plain), "{on:?}");
        let others = |module: &[u8]| [2, 3, 5, 7].map(|at| words(module)[at]);
        assert_eq!(others(&embedded.module), others(&plain), "{on:?}");
        // With a distilled base they had to move: it has got another type.
        assert_eq!(
            words(&embedded.module) != words(&plain),
            on == On::Distilled
        );
    }
}

#[test]
fn merging_again_gives_the_same_bytes() {
    for (on, layout) in [
        (On::Kernel, false),
        (On::Distilled, false),
        (On::Distilled, true),
    ] {
        let declarations = [
            type_record(
                Kind::STRUCT,
                8,
                "mine",
                &[Part::Member(
                    0,
                    "other",
                    Ty::module(Kind::STRUCT, 8, "mine").pointer(),
                )],
            ),
            type_record(Kind::ENUM, 4, "mode", &[Part::Value(1, "ON")]),
            kfunc("foo").record(),
            layout_record(),
        ];
        let module = Module {
            vermagic: Some(VERMAGIC_7_3),
            ..c_parts(on, layout).module(&declarations)
        };
        let once = embed(&module.bytes(), &vmlinux()).unwrap();
        let again = embed(&once.module, &vmlinux()).unwrap();
        assert_eq!(again.module, once.module, "{on:?}");
        // A layout section is kept, but not made.
        let has_layout = |data: &[u8]| !btf_core::Header::parse(data).unwrap().layout.is_empty();
        assert_eq!(has_layout(&once.btf), layout);
        assert_eq!(once.btf_base.as_deref().is_some_and(has_layout), layout);
    }
}

#[test]
fn types_that_c_has_are_not_written_again() {
    let node = Ty::module(Kind::STRUCT, 16, "node");
    let task = Ty::kernel(Kind::STRUCT, "task_struct").pointer();
    // C says `unsigned int`, Rust u32: the same struct nevertheless.
    let members = [
        Part::Member(0, "value", Ty::typedef("u32")),
        Part::Member(8, "next", node.clone().pointer()),
    ];
    let params = vec![param("task", task), param("node", node.pointer())];
    let returns = Ty::kernel(Kind::INT, "unsigned int");
    for on in [On::Kernel, On::Distilled] {
        let declarations = [
            type_record(Kind::STRUCT, 16, "node", &members),
            Kfunc::new("foo", returns.clone(), params.clone()).record(),
        ];
        let module = c_parts(on, false).module(&declarations).bytes();
        let embedded = embed(&module, &vmlinux()).unwrap();
        loaded(&embedded.module, |btf, _| {
            assert_eq!(btf.named(b"node", Kind::STRUCT).count(), 1);
            // foo has the very prototype of the C kfuncs.
            assert_eq!(btf.of_kind(Kind::FUNC_PROTO).count(), 1);
        });
    }
}

#[test]
fn what_c_has_under_the_same_name_must_be_the_same() {
    let opaque = |size| {
        let node = Ty::module(Kind::STRUCT, size, "node");
        Kfunc::new("foo", Ty::void(), vec![param("node", node.pointer())]).record()
    };
    let defined = |offset| {
        let member = Part::Member(offset, "value", Ty::typedef("u32"));
        type_record(Kind::STRUCT, 16, "node", &[member])
    };
    let other_node = "the C parts of the module have another STRUCT 'node'";
    for (declaration, expected) in [
        (
            kfunc("c_first").record(),
            "c_first: the C parts of the module have another function of this name",
        ),
        (opaque(24), other_node),
        (defined(0), other_node),
    ] {
        for on in [On::Kernel, On::Distilled] {
            let module = c_parts(on, false).module(std::slice::from_ref(&declaration));
            let error = embed(&module.bytes(), &vmlinux()).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
    let module = c_parts(On::Kernel, false).module(&[opaque(16)]);
    assert!(embed(&module.bytes(), &vmlinux()).is_ok());
}

#[test]
fn btf_that_does_not_fit_is_refused() {
    let declarations = [kfunc("foo").record()];
    let refused = |parts: CParts, expected: &str| {
        let module = parts.module(&declarations).bytes();
        let error = embed(&module, &vmlinux()).unwrap_err().to_string();
        let text = format!("the module's own BTF cannot be kept: {expected}");
        assert!(error.starts_with(&text), "{error}");
    };
    let good = || c_parts(On::Distilled, false);
    let cut = |mut data: Vec<u8>| {
        data.pop();
        data
    };
    let part = CParts {
        btf: cut(good().btf),
        ..good()
    };
    refused(part, ".BTF: ");
    let part = CParts {
        base: good().base.map(cut),
        ..good()
    };
    refused(part, ".BTF.base: ");
    // Split from another kernel, with fewer names.
    let part = CParts {
        btf: c_parts(On::Kernel, false).btf,
        ..good()
    };
    refused(part, ".BTF: ");
    let part = CParts {
        base: None,
        btf: b"no BTF".to_vec(),
        ..good()
    };
    refused(part, ".BTF: ");
    // A type that refers to one that is not there yet.
    let kernel = base(On::Kernel, false).data;
    let kernel = Btf::parse(&kernel).unwrap();
    let mut out = vec![0; 100];
    let mut writer = Writer::split(&mut out, &kernel);
    let next = TypeId(kernel.end_id().0 + 1);
    writer.push_reference(Kind::PTR, next).unwrap();
    let part = CParts {
        btf: writer.finish().unwrap().to_vec(),
        base: None,
        ..good()
    };
    refused(part, &format!(".BTF: there is no type {} ", next.0));
    // A type that the kernel does not have.
    let mut out = vec![0; 100];
    let mut writer = Writer::new(&mut out);
    writer
        .push_int(b"unsigned int", 4, IntEncoding::UNSIGNED)
        .unwrap();
    writer
        .push_opaque(Kind::STRUCT, b"task_strukt", 16)
        .unwrap();
    let part = CParts {
        base: Some(writer.finish().unwrap().to_vec()),
        ..good()
    };
    refused(
        part,
        ".BTF.base, STRUCT 'task_strukt': the base has no such type as the distilled one",
    );
}

#[test]
fn ids_that_cannot_be_kept_are_refused() {
    let declarations = [kfunc("foo").record()];
    let refused = |parts: CParts, expected: &str| {
        let module = parts.module(&declarations).bytes();
        let error = embed(&module, &vmlinux()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    let good = || c_parts(On::Distilled, false);
    let stripped = CParts {
        symbols: Vec::new(),
        ..good()
    };
    refused(
        stripped,
        "section .BTF_ids has no symbols __BTF_ID__…: its ids cannot be kept (strip after this)",
    );
    let stray = |word: u32| {
        let mut parts = good();
        parts.ids[16..20].copy_from_slice(&word.to_le_bytes());
        refused(
            parts,
            "section .BTF_ids does not fit the module's BTF: __BTF_ID__func__c_first__1003",
        );
    };
    // No type, a type of the base, a PTR.
    stray(1000);
    stray(1);
    stray(4);
    let mut beyond = good();
    beyond.symbols[4].1 = 30;
    refused(
        beyond,
        "section .BTF_ids does not fit the module's BTF: __BTF_ID__func__c_second__1004",
    );
    let mut unknown = good();
    unknown.symbols[4].0 = "__BTF_ID__enum__c_second__1004".to_owned();
    refused(
        unknown,
        "section .BTF_ids does not fit the module's BTF: __BTF_ID__enum__c_second__1004",
    );
    // What resolve_btfids did not find stays so.
    let mut missing = good();
    missing.ids[16..20].fill(0);
    let module = missing.module(&declarations).bytes();
    assert_eq!(words(&embed(&module, &vmlinux()).unwrap().module)[4], 0);
}

#[test]
fn damaged_btf_is_an_error_or_stays_sound() {
    type Part = fn(&mut CParts) -> &mut Vec<u8>;
    let parts: [Part; 3] = [
        |parts| &mut parts.btf,
        |parts| parts.base.as_mut().unwrap(),
        |parts| &mut parts.ids,
    ];
    let mut refused = 0;
    for part in parts {
        let len = part(&mut c_parts(On::Distilled, false)).len();
        for at in 0..len {
            for flipped in [1, 0x80] {
                let mut damaged = c_parts(On::Distilled, false);
                part(&mut damaged)[at] ^= flipped;
                let module = damaged.module(&[kfunc("foo").record()]).bytes();
                match embed(&module, &vmlinux()) {
                    // The kernel would take it, as it would have taken what was there.
                    Ok(embedded) => {
                        let before = loaded(&module, |btf, _| btf.own_len());
                        let after = loaded(&embedded.module, |btf, _| btf.own_len());
                        assert!(before < after, "{at}");
                    }
                    Err(_) => refused += 1,
                }
            }
        }
    }
    assert!(refused > 500, "{refused}");
}
