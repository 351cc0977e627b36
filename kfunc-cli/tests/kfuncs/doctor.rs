// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc doctor`: of each rule, what breaks it, and what only looks so.

use std::path::Path;

use btf_core::{Btf, ByteOrder, IntEncoding, Kind, Linkage, Param, Tag, TypeId, Writer};
use serde_json::{json, Value};
use tempfile::TempDir;

use crate::command::kfunc;
use crate::file;
use crate::kernel::{elf, elf_with_names, vmlinux, vmlinux_elf, Set};
use crate::list::machine;

/// `KF_IMPLICIT_ARGS`.
const FLAG: u32 = 1 << 16;

/// A function: its name, its parameters, whether it has the tag.
type Func = (&'static str, &'static [&'static str], bool);

/// A kfunc with implicit arguments, as it must be.
const GOOD: [Func; 2] = [("good", &["a"], true), ("good_impl", &["a", "aux"], false)];

/// A BTF with these functions, sorted by name. The parameters `aux` and `meta` are pointers to what is implicit.
struct Kernel {
    btf: Vec<u8>,
    /// The functions, in the order of their ids, from the first one's id on.
    names: Vec<&'static str>,
    first: u32,
}

impl Kernel {
    fn new(funcs: &[Func]) -> Self {
        let mut funcs = funcs.to_vec();
        funcs.sort_unstable();
        let mut out = vec![0; 4096];
        let mut writer = Writer::new(&mut out);
        // What has no name comes first: two pointers, what one points to, and the prototypes; then the tags.
        let protos = 4;
        let tags = protos + funcs.len() as u32;
        let structs = tags + funcs.iter().filter(|(_, _, tagged)| *tagged).count() as u32;
        let first = structs + 2;
        let word = first + funcs.len() as u32;
        let pushed = [
            writer.push_reference(Kind::PTR, TypeId(2)),
            writer.push_reference(Kind::CONST, TypeId(structs)),
            writer.push_reference(Kind::PTR, TypeId(structs + 1)),
        ];
        assert_eq!(pushed.map(Result::unwrap), [1, 2, 3].map(TypeId));
        for (_, params, _) in &funcs {
            let params: Vec<_> = params
                .iter()
                .map(|name| Param {
                    name: writer.name(name.as_bytes()).unwrap(),
                    ty: TypeId(match *name {
                        "aux" => 1,
                        "meta" => 3,
                        _ => word,
                    }),
                })
                .collect();
            writer.push_func_proto(TypeId::VOID, &params).unwrap();
        }
        for (func, (_, _, tagged)) in (first..).zip(&funcs) {
            let tag = Tag::Value(b"bpf_kfunc");
            if *tagged {
                writer.push_decl_tag(tag, TypeId(func), None).unwrap();
            }
        }
        for name in [&b"bpf_prog_aux"[..], b"btf_struct_meta"] {
            writer.push_opaque(Kind::STRUCT, name, 8).unwrap();
        }
        for (proto, (name, ..)) in (protos..).zip(&funcs) {
            let name = name.as_bytes();
            let func = writer.push_func(name, TypeId(proto), Linkage::STATIC);
            func.unwrap();
        }
        let pushed = writer.push_int(b"word", 4, IntEncoding::SIGNED).unwrap();
        assert_eq!(pushed, TypeId(word));
        Self {
            btf: writer.finish().unwrap().to_vec(),
            names: funcs.iter().map(|(name, ..)| *name).collect(),
            first,
        }
    }

    fn id(&self, name: &str) -> u32 {
        let place = self.names.iter().position(|one| *one == name).unwrap();
        self.first + place as u32
    }

    /// The ELF file, with one set of these kfuncs and their flags.
    fn elf(&self, kfuncs: &[(&str, u32)]) -> Vec<u8> {
        let mut pairs: Vec<_> = kfuncs
            .iter()
            .map(|&(name, flags)| (self.id(name), flags))
            .collect();
        pairs.sort_unstable();
        let set = ("scx_kfunc_ids_any", 1, &pairs[..]);
        elf(ByteOrder::Little, &[(".BTF", &self.btf)], &[set])
    }
}

/// What the doctor says to machines of a file: its exit status, and the answer.
fn ask(content: &[u8]) -> (i32, Value) {
    let folder = TempDir::new().unwrap();
    let path = file(&folder, "vmlinux", content);
    let (status, out, error) = kfunc(["doctor", path.to_str().unwrap(), "--json"]);
    assert_eq!(error, "");
    (status, serde_json::from_str(&out).unwrap())
}

/// The rules that are broken, by what, and how.
fn findings(content: &[u8]) -> Vec<[String; 3]> {
    let (status, answer) = ask(content);
    let findings = answer["findings"].as_array().unwrap();
    assert_eq!(status, i32::from(!findings.is_empty()));
    let field = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let told = |finding| ["rule", "name", "what"].map(|name| field(finding, name));
    findings.iter().map(told).collect()
}

fn finding(rule: &str, name: &str, what: &str) -> [String; 3] {
    [rule, name, what].map(str::to_owned)
}

/// What the doctor finds in a kernel that has `funcs` beside a good kfunc.
fn beside_good(funcs: &[Func], kfuncs: &[(&str, u32)]) -> Vec<[String; 3]> {
    let kernel = Kernel::new(&[&GOOD, funcs].concat());
    findings(&kernel.elf(&[&[("good", FLAG)], kfuncs].concat()))
}

#[test]
fn a_healthy_kernel_is_told_so() {
    let folder = TempDir::new().unwrap();
    let content = Kernel::new(&GOOD).elf(&[("good", FLAG)]);
    let path = file(&folder, "vmlinux", &content);
    let told = "nothing found: 1 kfunc in 1 set\n".to_owned();
    assert_eq!(
        kfunc(["doctor", path.to_str().unwrap()]),
        (0, told, String::new())
    );
    let expected = json!({ "findings": [], "kfuncs": 1, "sets": 1, "notes": [] });
    assert_eq!(ask(&content), (0, expected));
}

#[test]
fn each_unsplit_kfunc_is_found_by_the_type_of_its_parameter() {
    let aux = ("one", &["a", "aux"][..], true);
    let see = |param: &str, twin: &str| format!("programs see {param}, {twin}");
    assert_eq!(
        beside_good(
            &[aux, ("two", &["meta"], true)],
            &[("one", FLAG), ("two", FLAG)]
        ),
        [
            finding(
                "unsplit",
                "one",
                &see("const struct bpf_prog_aux *aux", "no one_impl")
            ),
            finding(
                "unsplit",
                "two",
                &see("struct btf_struct_meta *meta", "no two_impl")
            ),
        ]
    );
    // A second function does not help while programs see the parameter.
    assert_eq!(
        beside_good(&[aux, ("one_impl", &["a", "aux"], false)], &[("one", FLAG)]),
        [finding(
            "unsplit",
            "one",
            &see(
                "const struct bpf_prog_aux *aux",
                "although there is one_impl"
            )
        )]
    );
    // The kernel asks for the second one, whatever the first one is.
    assert_eq!(
        beside_good(&[("one", &["a"], true)], &[("one", FLAG)]),
        [finding("unsplit", "one", "no one_impl")]
    );
}

#[test]
fn what_is_not_implicit_is_not_unsplit() {
    // Without the flag; and where no kernel fills it in, as in 6.12.
    assert_eq!(
        beside_good(&[("one", &["a", "aux"], true)], &[("one", 0)]),
        [[""; 3]; 0]
    );
    let old = Kernel::new(&[("one_impl", &["a", "aux"], true)]);
    assert_eq!(findings(&old.elf(&[("one_impl", 0)])), [[""; 3]; 0]);
    // An old name for the full form of a kfunc.
    assert_eq!(
        beside_good(&[], &[("good_impl", 0)]),
        [finding("untagged", "good_impl", "no tag")]
    );
}

#[test]
fn a_finding_says_who_is_hit_and_what_mends_it() {
    let kernel = Kernel::new(&[&GOOD[..], &[("scx_bpf_one", &["aux"], false)]].concat());
    let content = kernel.elf(&[("good", FLAG), ("scx_bpf_one", FLAG)]);
    let (status, answer) = ask(&content);
    assert_eq!(status, 1);
    let unsplit = &answer["findings"][0];
    assert_eq!(unsplit["module"], "vmlinux");
    assert_eq!(unsplit["sets"], json!(["scx_kfunc_ids_any"]));
    let hits = unsplit["hits"].as_str().unwrap();
    let who = "every sched_ext scheduler (STRUCT_OPS, TRACING, SYSCALL) that calls such a kfunc: ";
    assert!(hits.starts_with(who), "{hits}");
    assert!(unsplit["mend"]
        .as_str()
        .unwrap()
        .contains("resolve_btfids of Linux 7.3"));

    let folder = TempDir::new().unwrap();
    let path = file(&folder, "vmlinux", &content);
    let (status, out, error) = kfunc(["doctor", path.to_str().unwrap()]);
    assert_eq!((status, error.as_str()), (1, ""));
    assert_eq!(out, include_str!("../expected/doctor.txt"));
}

#[test]
fn an_impl_must_belong_to_its_kfunc() {
    let other = ("one_impl", &["b", "aux"][..], false);
    assert_eq!(
        beside_good(&[("one", &["a"], true), other], &[("one", FLAG)]),
        [finding(
            "foreign-impl",
            "one",
            "one_impl: parameter 0 of the public prototype is not that of the full one"
        )]
    );
    // Nothing asks for it without the flag.
    assert_eq!(
        beside_good(&[("one", &["a"], true), other], &[("one", 0)]),
        [[""; 3]; 0]
    );
}

#[test]
fn an_impl_alone_has_lost_its_kfunc() {
    let alone = ("one_impl", &["a", "aux"][..], true);
    assert_eq!(
        beside_good(&[alone], &[("one_impl", 0)]),
        [finding("impl-without-public", "one_impl", "no one")]
    );
    // Not every such name says so.
    assert_eq!(
        beside_good(&[("one_impl", &["a"], true)], &[("one_impl", 0)]),
        [[""; 3]; 0]
    );
}

#[test]
fn a_kfunc_has_its_tag() {
    let one = ("one", &["a"][..], false);
    assert_eq!(
        beside_good(&[one], &[("one", 0)]),
        [finding("untagged", "one", "no tag")]
    );
    assert_eq!(beside_good(&[one], &[]), [[""; 3]; 0]);
}

#[test]
fn what_a_set_names_must_be_there() {
    let kernel = Kernel::new(&GOOD);
    let good = kernel.id("good");
    let sections = [(".BTF", &kernel.btf[..])];
    let one: Set<'_> = ("one", 1, &[(0, 0), (good, FLAG)]);
    let two: Set<'_> = ("two", 1, &[(0, 0)]);
    let names: [&[&str]; 2] = [&["good", "lost"], &["lost"]];
    let content = elf_with_names(ByteOrder::Little, &sections, &[one, two], &names);
    let expected = [finding("missing-function", "lost", "no function lost")];
    assert_eq!(findings(&content), expected);
    assert_eq!(
        ask(&content).1["findings"][0]["sets"],
        json!(["one", "two"])
    );
    // Where the symbols of the functions are stripped.
    let content = elf(ByteOrder::Little, &sections, &[one]);
    let expected = [finding(
        "missing-function",
        "one",
        "functions without a name: 1",
    )];
    assert_eq!(findings(&content), expected);
    let odd: Set<'_> = ("odd", 1, &[(1, 0), (9999, 0)]);
    assert_eq!(
        findings(&elf(ByteOrder::Little, &sections, &[odd])),
        [
            finding("missing-function", "", "its id 1 is PTR"),
            finding("missing-function", "", "its id 9999 is no type"),
        ]
    );
}

#[test]
fn sets_must_agree_about_flags() {
    let kernel = Kernel::new(&GOOD);
    let good = kernel.id("good");
    let sections = [(".BTF", &kernel.btf[..])];
    let found = |other| {
        let pairs = [(good, other)];
        let sets: [Set<'_>; 2] = [("one", 1, &[(good, FLAG)]), ("two", 1, &pairs)];
        findings(&elf(ByteOrder::Little, &sections, &sets))
    };
    assert_eq!(found(FLAG), [[""; 3]; 0]);
    let what = "KF_IMPLICIT_ARGS in one, but KF_SLEEPABLE | KF_IMPLICIT_ARGS in two";
    assert_eq!(
        found(FLAG | 1 << 5),
        [finding("inconsistent-flags", "good", what)]
    );
}

#[test]
fn only_a_kernel_that_searches_by_halves_must_be_sorted() {
    let (btf, ids) = vmlinux(ByteOrder::Little);
    let found = |flags| {
        let pairs = [(ids.new, flags)];
        let set: Set<'_> = ("generic_btf_ids", 1, &pairs);
        findings(&elf(ByteOrder::Little, &[(".BTF", &btf)], &[set]))
    };
    assert_eq!(
        found(FLAG),
        [finding("unsorted", "u32", "type 2 follows 'unsigned int'")]
    );
    assert_eq!(found(0), [[""; 3]; 0]);
}

#[test]
fn raw_btf_leaves_things_open() {
    let plain = ("helper", &["aux"][..], false);
    let kernel = Kernel::new(&[&GOOD[..], &[plain]].concat());
    let (status, answer) = ask(&kernel.btf);
    assert_eq!((status, &answer["findings"]), (0, &json!([])));
    let notes = answer["notes"].as_array().unwrap();
    assert!(
        notes[0].as_str().unwrap().ends_with("can tell: helper"),
        "{notes:?}"
    );
    assert!(
        notes[1].as_str().unwrap().starts_with("not looked at"),
        "{notes:?}"
    );
    // The tag tells as much as the flag.
    let kernel = Kernel::new(&[&GOOD[..], &[("one", &["aux"], true)]].concat());
    let what = "programs see const struct bpf_prog_aux *aux, no one_impl";
    assert_eq!(findings(&kernel.btf), [finding("unsplit", "one", what)]);
    // An older kernel, of which nothing is suspected.
    let (_, answer) = ask(&Kernel::new(&[plain]).btf);
    assert_eq!(answer["notes"].as_array().unwrap().len(), 1);
}

#[test]
fn the_running_kernel_is_looked_at_with_its_modules() {
    let root = machine(Some(&vmlinux_elf(ByteOrder::Little)));
    let run = |root: &TempDir| {
        let root = root.path().to_str().unwrap();
        let (status, out, error) = kfunc(["doctor", "--running", "--root", root, "--json"]);
        assert_eq!(error, "");
        (status, serde_json::from_str::<Value>(&out).unwrap())
    };
    let (status, answer) = run(&root);
    assert_eq!(
        (status, &answer["kfuncs"], &answer["sets"]),
        (1, &json!(6), &json!(3))
    );
    assert_eq!(answer["findings"][0]["rule"], "unsorted");
    let notes = answer["notes"].to_string();
    assert!(notes.contains("without tag, in own"), "{notes}");
    // Without the headers, the kernel is one of those that cannot be looked at.
    let notes = run(&machine(None)).1["notes"].to_string();
    assert!(notes.contains("without tag, in vmlinux, own"), "{notes}");
}

#[test]
fn what_cannot_be_read_is_another_status() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("missing");
    let damaged = file(&folder, "damaged", b"\x9f\xeb");
    for path in [missing, damaged] {
        let (status, out, error) = kfunc(["doctor", path.to_str().unwrap()]);
        assert_eq!((status, out.as_str()), (2, ""));
        assert!(error.starts_with("error: "), "{error}");
    }
    assert_eq!(kfunc(["doctor"]).0, 2);
    assert_eq!(kfunc(["doctor", "--running", "x"]).0, 2);
}

/// The BTF of a module over `base`, not sorted, with the kfunc `own` that takes an implicit argument; and its id.
fn module_over(base: &Kernel) -> (Vec<u8>, u32) {
    let base = Btf::parse(&base.btf).unwrap();
    let mut out = vec![0; 1024];
    let mut writer = Writer::split(&mut out, &base);
    let aux = Param {
        name: writer.name(b"aux").unwrap(),
        ty: TypeId(1),
    };
    let proto = writer.next_id();
    let func = TypeId(proto.0 + 1);
    writer.push_func_proto(TypeId::VOID, &[aux]).unwrap();
    let pushed = writer.push_func(b"own", proto, Linkage::STATIC);
    assert_eq!(pushed.unwrap(), func);
    let tag = Tag::Value(b"bpf_kfunc");
    writer.push_decl_tag(tag, func, None).unwrap();
    (writer.finish().unwrap().to_vec(), func.0)
}

#[test]
fn a_module_is_looked_at_on_its_kernel() {
    let folder = TempDir::new().unwrap();
    let native = Kernel::new(&GOOD);
    let base = file(&folder, "vmlinux", &native.elf(&[("good", FLAG)]));
    let (btf, own) = module_over(&native);
    let set: Set<'_> = ("own_set", 1, &[(own, FLAG)]);
    let with_set = elf(ByteOrder::Little, &[(".BTF", &btf)], &[set]);
    let what = "programs see const struct bpf_prog_aux *aux, no own_impl";
    let find = |content: &[u8], base: &Path| {
        let module = file(&folder, "mod.ko", content);
        let paths = [module.as_path(), base].map(|path| path.to_str().unwrap());
        let (status, out, error) = kfunc(["doctor", paths[0], "--base", paths[1], "--json"]);
        assert_eq!(error, "");
        let answer: Value = serde_json::from_str(&out).unwrap();
        (status, answer["findings"].clone())
    };
    // Its flags tell, and where there are none, its tag and its kernel.
    for content in [&with_set, &btf] {
        let (status, found) = find(content, &base);
        assert_eq!((status, found.as_array().unwrap().len()), (1, 1));
        assert_eq!(found[0]["rule"], "unsplit");
        assert_eq!(
            (&found[0]["module"], &found[0]["what"]),
            (&json!("mod"), &json!(what))
        );
    }
    // On a kernel that fills nothing in, the same module is as it must be.
    let old = Kernel::new(&[("bad", &["a"], true), ("good_impl", &["a", "aux"], false)]);
    let (btf, _) = module_over(&old);
    let base = file(&folder, "old", &old.elf(&[("bad", 0)]));
    assert_eq!(find(&btf, &base), (0, json!([])));
}
