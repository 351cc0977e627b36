// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc btf split`: what it makes of a small BTF, and what it refuses. `cargo xtask split` compares it with
//! resolve_btfids.

mod command;

use std::fs;
use std::path::PathBuf;

use btf_core::{Btf, IntEncoding, Kind, Linkage, Param, Tag, TypeId, Writer};
use command::kfunc;
use object::write::{Object, Symbol, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, SectionKind, SymbolFlags, SymbolKind, SymbolScope,
};
use serde_json::Value;
use tempfile::TempDir;

/// Types of a small kernel.
struct Kernel<'w> {
    writer: Writer<'w>,
    int: TypeId,
    aux: TypeId,
    page: TypeId,
    cookie: TypeId,
}

impl<'w> Kernel<'w> {
    fn new(out: &'w mut [u8]) -> Self {
        let mut writer = Writer::new(out);
        let int = writer.push_int(b"int", 4, IntEncoding::SIGNED).unwrap();
        let mut pointer = |name: &[u8]| {
            let of = writer.push_opaque(Kind::STRUCT, name, 8).unwrap();
            writer.push_reference(Kind::PTR, of).unwrap()
        };
        let (aux, page) = (pointer(b"bpf_prog_aux"), pointer(b"page"));
        let cookie = writer.push_typedef(b"cookie_t", int).unwrap();
        Self {
            writer,
            int,
            aux,
            page,
            cookie,
        }
    }

    fn func(&mut self, name: &str, params: &[(&str, TypeId)]) -> TypeId {
        let params: Vec<_> = params
            .iter()
            .map(|&(name, ty)| Param {
                name: self.writer.name(name.as_bytes()).unwrap(),
                ty,
            })
            .collect();
        let proto = self.writer.push_func_proto(self.int, &params).unwrap();
        let name = name.as_bytes();
        self.writer.push_func(name, proto, Linkage::STATIC).unwrap()
    }
}

/// A kernel with a function for each rule.
fn input() -> Vec<u8> {
    let mut out = vec![0; 4096];
    let mut kernel = Kernel::new(&mut out);
    let Kernel {
        int,
        aux,
        page,
        cookie,
        ..
    } = kernel;
    let tagged = kernel.func("bpf_aux", &[("a", int), ("aux", aux), ("off", int)]);
    let tag = Tag::Value(b"mine");
    kernel.writer.push_decl_tag(tag, tagged, None).unwrap();
    kernel.func("bpf_plain", &[("a", int)]);
    kernel.func("bpf_magic", &[("a", int), ("p__magic", page)]);
    kernel.func("bpf_cookie", &[("a", int), ("c", cookie)]);
    kernel.func("bpf_page", &[("p", page)]);
    kernel.func("bpf_arena", &[("p__arena", page)]);
    kernel.func("bpf_no_pointer", &[("n__arena", int)]);
    kernel.func(&"x".repeat(507), &[("aux", aux)]);
    let long = TypeId(1);
    kernel
        .writer
        .push_func(b"bpf_bare", long, Linkage::STATIC)
        .unwrap();
    kernel.writer.finish().unwrap().to_vec()
}

/// A folder with the kernel's BTF, and what the command makes of it.
struct Run {
    folder: TempDir,
}

impl Run {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("in.btf"), input()).unwrap();
        fs::write(folder.path().join("out.btf"), b"untouched").unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn split(&self, arguments: &[&str]) -> (i32, String, String) {
        let (input, output) = (self.path("in.btf"), self.path("out.btf"));
        let fixed = [
            "btf",
            "split",
            input.to_str().unwrap(),
            "-o",
            output.to_str().unwrap(),
        ];
        kfunc([&fixed[..], arguments].concat())
    }

    /// The signatures of all FUNCs in what was written, and their tags.
    fn written(&self, arguments: &[&str]) -> Vec<String> {
        let (status, _, errors) = self.split(arguments);
        assert_eq!((status, &*errors), (0, ""), "{arguments:?}");
        let data = fs::read(self.path("out.btf")).unwrap();
        let mut room = vec![0; 256];
        let btf = Btf::parse(&data).unwrap().indexed(&mut room);
        assert!(btf.is_sorted());
        functions(&btf)
    }

    /// The command refuses, says why, and leaves all files alone.
    fn refuses(&self, arguments: &[&str], why: &str) {
        let (status, _, errors) = self.split(arguments);
        assert_eq!(
            (status, errors),
            (1, format!("error: {why}\n")),
            "{arguments:?}"
        );
        assert_eq!(fs::read(self.path("out.btf")).unwrap(), b"untouched");
        let mut files: Vec<_> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|file| file.unwrap().file_name())
            .collect();
        files.sort();
        assert_eq!(files, ["in.btf", "out.btf"], "{arguments:?}");
    }
}

/// `name(params) tags`, of FUNCs whose names begin so.
fn functions(btf: &Btf<'_>) -> Vec<String> {
    let text = |name: &[u8]| String::from_utf8(name.to_vec()).unwrap();
    let all = btf
        .of_kind(Kind::FUNC)
        .filter(|func| btf.name(func).starts_with(b"bpf_"));
    let described = all.map(|func| {
        let proto = btf.get(func.target().unwrap()).unwrap();
        let params: Vec<_> = proto
            .params()
            .map(|param| {
                let pointer = btf.get(param.ty).unwrap();
                let tag = pointer.target().and_then(|target| btf.get(target));
                let tag = tag.filter(|tag| tag.kind() == Kind::TYPE_TAG);
                let tag = tag.map(|tag| format!(" {}", text(btf.name(&tag))));
                text(btf.name_at(param.name)) + &tag.unwrap_or_default()
            })
            .collect();
        let tags = btf
            .of_kind(Kind::DECL_TAG)
            .filter(|tag| tag.target() == Some(func.id()))
            .map(|tag| format!(" {}", text(btf.name(&tag))));
        let tags: String = tags.collect();
        format!("{}({}){tags}", text(btf.name(&func)), params.join(", "))
    });
    described.collect()
}

fn has(functions: &[String], wanted: &[&str]) {
    for wanted in wanted {
        assert!(
            functions.iter().any(|one| one == wanted),
            "{wanted} in {functions:#?}"
        );
    }
}

#[test]
fn implicit_parameters_by_flag() {
    let functions = Run::new().written(&[
        "--kfunc",
        "bpf_aux:KF_IMPLICIT_ARGS|FASTCALL",
        "--kfunc",
        "bpf_plain",
        "--kfunc",
        "bpf_arena:0x4000,KF_SLEEPABLE",
    ]);
    has(
        &functions,
        &[
            "bpf_aux(a) bpf_fastcall bpf_kfunc mine",
            "bpf_aux_impl(a, aux, off) bpf_fastcall mine",
            "bpf_plain(a) bpf_kfunc",
            "bpf_arena(p__arena address_space(1)) bpf_kfunc",
            "bpf_magic(a, p__magic)",
        ],
    );
    assert!(!functions
        .iter()
        .any(|one| one.starts_with("bpf_plain_impl")));
}

#[test]
fn implicit_parameters_by_suffix_and_by_type() {
    let functions = Run::new().written(&[
        "--implicit-suffix",
        "__magic",
        "--implicit-type",
        "cookie_t",
        "--kfunc",
        "bpf_magic",
        "--kfunc",
        "bpf_cookie",
        "--kfunc",
        "bpf_page",
        // Without the flag, the types of the kernel are like any other.
        "--kfunc",
        "bpf_aux",
    ]);
    has(
        &functions,
        &[
            "bpf_magic(a) bpf_kfunc",
            "bpf_magic_impl(a, p__magic)",
            "bpf_cookie(a) bpf_kfunc",
            "bpf_cookie_impl(a, c)",
            "bpf_page(p) bpf_kfunc",
            "bpf_aux(a, aux, off) bpf_kfunc mine",
        ],
    );
    let functions = Run::new().written(&["--implicit-type", "page", "--kfunc", "bpf_page"]);
    has(&functions, &["bpf_page() bpf_kfunc", "bpf_page_impl(p)"]);
}

#[test]
fn what_was_split_stays_as_it_is() {
    let run = Run::new();
    let split = || {
        let functions = run.written(&["--kfunc", "bpf_aux:IMPLICIT_ARGS"]);
        fs::rename(run.path("out.btf"), run.path("in.btf")).unwrap();
        (functions, fs::read(run.path("in.btf")).unwrap())
    };
    // Strings come in the order of their first use: the second time that is the order of the sorted types.
    let (once, twice, thrice) = (split(), split(), split());
    assert_eq!(once.0, twice.0);
    assert!(twice == thrice);
}

#[test]
fn summary_for_machines() {
    let (status, out, _) = Run::new().split(&["--kfunc", "bpf_aux:IMPLICIT_ARGS", "--json"]);
    let summary: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(status, 0);
    assert_eq!(summary["kfuncs"], 1);
    assert_eq!(summary["changed"], serde_json::json!(["bpf_aux"]));
    // A prototype, a FUNC and its copied tag, and the tag of kfuncs; the short prototype is that of bpf_plain.
    let added = summary["types"].as_u64().unwrap() - summary["types_before"].as_u64().unwrap();
    assert_eq!(added, 3);
}

#[test]
fn bad_input_is_told_and_no_file_is_touched() {
    let run = Run::new();
    run.refuses(&["--kfunc", "bpf_gone"], "kfunc bpf_gone is not in the BTF");
    run.refuses(
        &["--kfunc", "bpf_prog_aux"],
        "bpf_prog_aux is a STRUCT, not a function",
    );
    run.refuses(
        &["--kfunc", "bpf_bare"],
        "kfunc bpf_bare: the function has no prototype",
    );
    let long = "x".repeat(507);
    run.refuses(
        &["--kfunc", &format!("{long}:IMPLICIT_ARGS")],
        &format!("kfunc {long}: the name is too long to have _impl behind it"),
    );
    run.refuses(
        &["--kfunc", "bpf_aux:RCU", "--kfunc", "bpf_aux:RCU|SLEEPABLE"],
        "kfunc bpf_aux: one set gives it the flags KF_RCU, another one KF_SLEEPABLE | KF_RCU",
    );
    run.refuses(
        &["--kfunc", "bpf_no_pointer"],
        "kfunc bpf_no_pointer: what should point into an arena is no pointer",
    );
}

#[test]
fn damaged_files_are_told() {
    let run = Run::new();
    let whole = input();
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("base.btf");
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let arguments = ["--kfunc", "bpf_aux", "--base", path.to_str().unwrap()];
    let (status, _, errors) = run.split(&arguments);
    assert_eq!(status, 1);
    assert!(errors.starts_with("error: BTF of the base: "), "{errors}");
    assert_eq!(fs::read(run.path("out.btf")).unwrap(), b"untouched");

    fs::write(&path, &whole).unwrap();
    let (status, _, errors) = run.split(&["--kfunc", "bpf_gone", "--ids", "x"]);
    assert_eq!(status, 2, "{errors}");
    let (status, _, errors) = run.split(&["--kfunc", "bpf_aux:NO_FLAG"]);
    assert_eq!(status, 2, "{errors}");
    let (status, _, errors) = run.split(&["--ids", "/nowhere"]);
    assert_eq!(status, 2, "{errors}");
    let (status, _, errors) = run.split(&["--ids", path.to_str().unwrap()]);
    assert_eq!(status, 1, "{errors}");
}

/// An object with one set of these ids; where an id is 0 in `ids`, it is still to be resolved.
fn ids_object(kfuncs: &[(&str, u32)]) -> Vec<u8> {
    let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
    let section = object.add_section(vec![], b".BTF_ids".to_vec(), SectionKind::ReadOnlyData);
    let mut add = |name: String, value, size| {
        object.add_symbol(Symbol {
            name: name.into_bytes(),
            value,
            size,
            kind: SymbolKind::Data,
            scope: SymbolScope::Compilation,
            weak: false,
            section: SymbolSection::Section(section),
            flags: SymbolFlags::None,
        });
    };
    let size = 8 + 8 * kfuncs.len() as u64;
    add("__BTF_ID__set8__example".to_owned(), 0, size);
    let mut words = vec![0, 1];
    for (place, (name, flags)) in kfuncs.iter().enumerate() {
        add(
            format!("__BTF_ID__func__{name}__{place}"),
            8 + 8 * place as u64,
            4,
        );
        words.extend([0, *flags]);
    }
    let bytes: Vec<_> = words
        .iter()
        .flat_map(|word: &u32| word.to_le_bytes())
        .collect();
    object.append_section_data(section, &bytes, 4);
    object.write().unwrap()
}

#[test]
fn ids_are_read_and_resolved() {
    let run = Run::new();
    let object = run.path("ids.o");
    fs::write(
        &object,
        ids_object(&[("bpf_plain", 7), ("bpf_aux", 1 << 16)]),
    )
    .unwrap();
    let ids = run.path("ids");
    let arguments = [
        "--ids",
        object.to_str().unwrap(),
        "--ids-out",
        ids.to_str().unwrap(),
    ];
    let functions = run.written(&arguments);
    has(
        &functions,
        &["bpf_aux(a) bpf_kfunc mine", "bpf_plain(a) bpf_kfunc"],
    );
    let data = fs::read(run.path("out.btf")).unwrap();
    let btf = Btf::parse(&data).unwrap();
    let id = |name: &[u8]| btf.find(name, Kind::FUNC).unwrap().id().0;
    let words: Vec<_> = fs::read(ids)
        .unwrap()
        .chunks(4)
        .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
        .collect();
    // Sorted by id, each with its own flags.
    assert_eq!(words, [2, 1, id(b"bpf_aux"), 1 << 16, id(b"bpf_plain"), 7]);
}

#[test]
fn missing_kfuncs_may_be_left_out() {
    let run = Run::new();
    let (status, _, errors) = run.split(&[
        "--skip-missing",
        "--kfunc",
        "bpf_gone",
        "--kfunc",
        "bpf_plain",
    ]);
    assert_eq!(
        (status, &*errors),
        (0, "warning: kfunc bpf_gone is not in the BTF\n")
    );
}
