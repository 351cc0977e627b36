// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc btf dump` on small BTF made here. What bpftool prints of whole kernels is compared by the boot tests.

mod blob;
mod command;

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use blob::Blob;
use btf_core::{Btf, ErrorKind, Kind};
use command::kfunc;
use kfunc_cli::{dump, BtfFile, Error, Format};
use object::write::Object;
use object::{Architecture, BinaryFormat, Endianness, SectionKind};
use serde_json::{json, Value};

const FORMATS: [Format; 3] = [Format::Raw, Format::Json, Format::C];

fn file(btf: Vec<u8>) -> BtfFile {
    BtfFile {
        btf,
        ..BtfFile::default()
    }
}

fn dumped(file: &BtfFile, format: Format, name: Option<&str>) -> Result<String, Error> {
    let mut out = Vec::new();
    dump(file, None, format, name, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn raw(blob: &Blob) -> String {
    dumped(&file(blob.bytes()), Format::Raw, None).unwrap()
}

/// All kinds, with what is unusual of each.
fn all_kinds() -> Blob {
    let mut blob = Blob::new();
    let int = blob.int("int", 4, 1);
    blob.push(Kind::INT, "odd", (0, false), 1, &[0x0f03_0005]);
    blob.int("char", 1, 2);
    blob.int("_Bool", 1, 4);
    let ptr = blob.refer(Kind::PTR, "", 0);
    blob.push(Kind::ARRAY, "", (0, false), 0, &[int, 1, u32::MAX]);
    let bits = [
        ("low", int, 3 << 24),
        ("", int, 29 << 24 | 3),
        ("next", int, 32),
    ];
    blob.composite_with(Kind::STRUCT, "bits", 8, true, &bits);
    blob.composite(Kind::UNION, "", 8, &[("p", ptr, 0)]);
    let values = [blob.name("A"), u32::MAX, blob.name("B"), 1];
    blob.push(Kind::ENUM, "unsigned_values", (2, false), 4, &values);
    blob.push(Kind::ENUM, "signed_values", (2, true), 4, &values);
    let values = [blob.name("C"), 1, u32::MAX];
    blob.push(Kind::ENUM64, "", (1, false), 8, &values);
    blob.push(Kind::ENUM64, "", (1, true), 8, &values);
    blob.refer(Kind::FWD, "later", 0);
    blob.push(Kind::FWD, "later_union", (0, true), 0, &[]);
    blob.refer(Kind::TYPEDEF, "alias", int);
    blob.refer(Kind::VOLATILE, "", int);
    blob.refer(Kind::CONST, "", 0);
    blob.refer(Kind::RESTRICT, "", ptr);
    let proto = blob.proto(int, &[("format", ptr), ("", 0)]);
    for (linkage, name) in ["f_static", "f_global", "f_extern", "f_other"]
        .iter()
        .enumerate()
    {
        blob.push(Kind::FUNC, name, (linkage as u32, false), proto, &[]);
    }
    let func = proto + 1;
    for (linkage, name) in ["v_static", "v_global", "v_extern", "v_other"]
        .iter()
        .enumerate()
    {
        blob.push(Kind::VAR, name, (0, false), int, &[linkage as u32]);
    }
    let var = func + 4;
    let variables = [var, 0, 4, var + 1, 8, 4, 0, 12, 0];
    blob.push(Kind::DATASEC, ".data", (3, false), 16, &variables);
    blob.refer(Kind::FLOAT, "double", 8);
    blob.push(Kind::DECL_TAG, "bpf_kfunc", (0, false), func, &[u32::MAX]);
    blob.push(Kind::DECL_TAG, "attribute", (0, true), func, &[1]);
    blob.refer(Kind::TYPE_TAG, "rcu", int);
    blob.push(Kind::TYPE_TAG, "attribute", (0, true), int, &[]);
    blob
}

/// A file of many types that is cut or changed somewhere gives an answer or an error.
fn survives(bytes: &[u8]) {
    for format in FORMATS {
        let _ = dump(&file(bytes.to_vec()), None, format, None, &mut io::sink());
    }
}

/// The error of a BTF in which something refers to nothing.
fn error_of(blob: &Blob) -> String {
    let error = dumped(&file(blob.bytes()), Format::Raw, None).unwrap_err();
    assert_eq!(error.exit_status(), 1);
    error.to_string()
}

#[test]
fn raw_is_what_bpftool_prints() {
    assert_eq!(raw(&all_kinds()), include_str!("expected/all_kinds.raw"));
}

#[test]
fn a_kind_that_came_later_is_skipped_by_the_layout_section() {
    let mut blob = Blob::new();
    blob.layout = vec![(0, 0); 21];
    blob.layout[20] = (4, 8);
    blob.push(Kind(20), "new", (2, false), 0, &[0; 5]);
    blob.int("int", 4, 1);
    assert_eq!(
        raw(&blob),
        "[1] UNKNOWN 'new'\n[2] INT 'int' size=4 bits_offset=0 nr_bits=32 encoding=SIGNED\n"
    );
    blob.layout.clear();
    assert_eq!(
        error_of(&blob),
        "BTF: kind 20 is not known (types+0, type 1)"
    );
}

#[test]
fn vlen_has_24_bits() {
    let members = vec![("", 1, 0); 70_000];
    let mut blob = Blob::new();
    blob.int("int", 4, 1);
    blob.composite(Kind::STRUCT, "large", 280_000, &members);
    let text = raw(&blob);
    assert!(text.contains("STRUCT 'large' size=280000 vlen=70000\n"));
    assert_eq!(text.lines().count(), 2 + 70_000);
}

#[test]
fn a_name_that_is_not_text_stays_as_it_is_in_raw() {
    let mut blob = Blob::new();
    blob.int("i?t", 4, 1);
    let mut bytes = blob.bytes();
    let place = bytes.iter().position(|&byte| byte == b'?').unwrap();
    bytes[place] = 0xff;
    let mut out = Vec::new();
    dump(&file(bytes.clone()), None, Format::Raw, None, &mut out).unwrap();
    assert!(out.starts_with(b"[1] INT 'i\xfft'"));
    let json = dumped(&file(bytes), Format::Json, None).unwrap();
    assert!(json.contains("\"i\u{fffd}t\""), "{json}");
}

#[test]
fn json_has_what_raw_has() {
    let json = dumped(&file(all_kinds().bytes()), Format::Json, None).unwrap();
    let parsed: Value = serde_json::from_str(&json).unwrap();
    let types = parsed["types"].as_array().unwrap();
    assert_eq!(types.len(), 33);
    let expected = [
        json!({"id": 6, "kind": "ARRAY", "name": "(anon)", "type_id": 1, "index_type_id": 1,
            "nr_elems": 4_294_967_295_u32}),
        json!({"id": 7, "kind": "STRUCT", "name": "bits", "size": 8, "vlen": 3, "members": [
            {"name": "low", "type_id": 1, "bits_offset": 0, "bitfield_size": 3},
            {"name": "(anon)", "type_id": 1, "bits_offset": 3, "bitfield_size": 29},
            {"name": "next", "type_id": 1, "bits_offset": 32}]}),
        json!({"id": 9, "kind": "ENUM", "name": "unsigned_values", "encoding": "UNSIGNED", "size": 4,
            "vlen": 2, "values": [{"name": "A", "val": u32::MAX}, {"name": "B", "val": 1}]}),
        json!({"id": 19, "kind": "FUNC_PROTO", "name": "(anon)", "ret_type_id": 1, "vlen": 2,
            "params": [{"name": "format", "type_id": 5}, {"name": "(anon)", "type_id": 0}]}),
        json!({"id": 26, "kind": "VAR", "name": "v_extern", "type_id": 1, "linkage": "extern"}),
        json!({"id": 31, "kind": "DECL_TAG", "name": "attribute", "type_id": 20, "component_idx": 1}),
    ];
    for record in expected {
        assert!(types.contains(&record), "{record}");
    }
    // A line for each type, and the brackets.
    assert_eq!(json.lines().count(), 33 + 2);
}

#[test]
fn a_name_selects_its_types_of_all_kinds() {
    let mut blob = Blob::new();
    let int = blob.int("int", 4, 1);
    let foo = blob.composite(Kind::STRUCT, "foo", 4, &[("foo", int, 0)]);
    blob.refer(Kind::TYPEDEF, "foo", foo);
    let file = file(blob.bytes());
    assert_eq!(
        dumped(&file, Format::Raw, Some("foo")).unwrap(),
        "[2] STRUCT 'foo' size=4 vlen=1\n\t'foo' type_id=1 bits_offset=0\n\
         [3] TYPEDEF 'foo' type_id=2\n"
    );
    let error = dumped(&file, Format::Json, Some("bar")).unwrap_err();
    assert_eq!(error.to_string(), "no type is called 'bar'");
    assert_eq!(error.exit_status(), 1);
}

#[test]
fn split_btf_goes_on_where_its_base_ends() {
    let base = {
        let mut blob = Blob::new();
        blob.int("int", 4, 1);
        blob.bytes()
    };
    let mut blob = Blob::split(&Btf::parse(&base).unwrap());
    let alias = blob.refer(Kind::TYPEDEF, "alias", 1);
    blob.push(Kind::VAR, "v", (0, false), alias, &[0]);
    let expected = "[2] TYPEDEF 'alias' type_id=1\n[3] VAR 'v' type_id=2, linkage=static\n";

    let mut out = Vec::new();
    let split = file(blob.bytes());
    dump(
        &split,
        Some(&file(base.clone())),
        Format::Raw,
        None,
        &mut out,
    )
    .unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), expected);
    assert!(matches!(
        dumped(&split, Format::Raw, None),
        Err(Error::NoBase)
    ));

    // The same with a base that the file brings along.
    let distilled = BtfFile {
        distilled_base: Some(base),
        ..split
    };
    assert_eq!(dumped(&distilled, Format::Raw, None).unwrap(), expected);

    // On another kernel the types of the base have other ids.
    let mut kernel = Blob::new();
    kernel.int("char", 1, 2);
    kernel.int("int", 4, 1);
    let mut out = Vec::new();
    let onto = file(kernel.bytes());
    dump(&distilled, Some(&onto), Format::Raw, None, &mut out).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "[3] TYPEDEF 'alias' type_id=2\n[4] VAR 'v' type_id=3, linkage=static\n"
    );
    let onto = file(Blob::new().bytes());
    let error = dump(&distilled, Some(&onto), Format::Raw, None, &mut io::sink()).unwrap_err();
    assert!(matches!(error, Error::DistilledBase(_)), "{error}");
}

#[test]
fn what_refers_to_nothing_is_an_error() {
    let mut blob = Blob::new();
    blob.int("int", 4, 1);
    let good = blob.clone();
    blob.refer(Kind::PTR, "", 3);
    assert_eq!(
        error_of(&blob),
        "BTF: there is no type 3 (types+16, type 2)"
    );
    let elements: [(_, &[u32]); 4] = [
        (Kind::ARRAY, &[1, 77, 0]),
        (Kind::STRUCT, &[0, 77, 0]),
        (Kind::FUNC_PROTO, &[0, 77]),
        (Kind::DATASEC, &[77, 0, 0]),
    ];
    for (kind, words) in elements {
        let mut blob = good.clone();
        blob.push(kind, "", (1, false), 0, words);
        assert_eq!(
            error_of(&blob),
            "BTF: there is no type 77 (types+16, type 2)"
        );
    }
    let mut blob = good.clone();
    blob.push(Kind::ENUM, "", (1, false), 4, &[99, 0]);
    assert_eq!(
        error_of(&blob),
        "BTF: name offset 99 is outside of the strings (types+16, type 2)"
    );
}

#[test]
fn damaged_btf_is_never_more_than_an_error() {
    let good = all_kinds().bytes();
    for len in 0..good.len() {
        let error = dumped(&file(good[..len].to_vec()), Format::Raw, None);
        assert!(error.is_err(), "cut to {len} bytes");
    }
    for place in 0..good.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[place] ^= change;
            survives(&bytes);
        }
    }
    assert!(matches!(
        dumped(&file(b"no BTF at all".to_vec()), Format::Raw, None),
        Err(Error::Btf(error)) if matches!(error.kind, ErrorKind::InvalidMagic(_))
    ));
}

/// A BTF whose C is not trivial: `struct s` has one member of each sort.
fn declarations() -> Blob {
    let mut blob = Blob::new();
    let int = blob.int("int", 4, 1);
    let long = blob.int("long", 8, 1);
    let char = blob.int("char", 1, 2);
    let (ptr, constant) = (Kind::PTR, Kind::CONST);
    let s = blob.next_id() + 30;
    let to_s = blob.refer(ptr, "", s);
    let const_char = blob.refer(constant, "", char);
    let text = blob.refer(ptr, "", const_char);
    let const_text = blob.refer(constant, "", text);
    let row = blob.array(int, 3);
    let table = blob.array(row, 2);
    let to_row = blob.refer(ptr, "", row);
    let printf = blob.proto(int, &[("format", const_text), ("", 0)]);
    let to_printf = blob.refer(ptr, "", printf);
    let handlers = blob.array(to_printf, 4);
    let no_params = blob.proto(0, &[]);
    let to_no_params = blob.refer(ptr, "", no_params);
    let getter = blob.proto(to_no_params, &[("self", to_s)]);
    let to_getter = blob.refer(ptr, "", getter);
    let rcu = blob.refer(Kind::TYPE_TAG, "rcu", int);
    let to_rcu = blob.refer(ptr, "", rcu);
    let other = blob.refer(Kind::FWD, "other", 0);
    let to_other = blob.refer(ptr, "", other);
    let volatile = blob.refer(Kind::VOLATILE, "", long);
    let restrict = blob.refer(Kind::RESTRICT, "", text);
    let values = [blob.name("NONE"), 0, blob.name("ALL"), u32::MAX];
    let anon_enum = blob.push(Kind::ENUM, "", (2, true), 4, &values);
    let inner = [("x", int, 0), ("y", int, 0)];
    let anon_union = blob.composite(Kind::UNION, "", 4, &inner);
    let packed = blob.composite(Kind::STRUCT, "packed", 5, &[("c", char, 0), ("i", int, 8)]);
    let alias = blob.refer(Kind::TYPEDEF, "packed_t", packed);
    let values = [blob.name("BIG"), 0, 1];
    let big = blob.push(Kind::ENUM64, "big", (1, false), 8, &values);
    let values = [blob.name("SMALL"), 1];
    let small = blob.push(Kind::ENUM, "small", (1, false), 1, &values);
    while blob.next_id() < s {
        blob.refer(Kind::FLOAT, "double", 8);
    }
    let bits = |size: u32, offset: u32| size << 24 | offset;
    let members = [
        ("next", to_s, 0),
        ("name", const_text, 64),
        ("table", table, 128),
        ("to_row", to_row, 320),
        ("handlers", handlers, 384),
        ("getter", to_getter, 640),
        ("rcu", to_rcu, 704),
        ("other", to_other, 768),
        ("volatile_", volatile, 832),
        ("restrict_", restrict, 896),
        ("state", anon_enum, 960),
        ("", anon_union, 992),
        ("low", int, bits(3, 1024)),
        ("high", int, bits(4, 1030)),
        ("packed", alias, 1056),
        ("big", big, 1152),
        ("small", small, 1216),
        ("far", long, 2048),
    ];
    assert_eq!(
        blob.composite_with(Kind::STRUCT, "s", 264, true, &members),
        s
    );
    blob.refer(Kind::TYPEDEF, "s", packed);
    let func = blob.push(Kind::FUNC, "call", (2, false), printf, &[]);
    blob.push(Kind::DECL_TAG, "bpf_kfunc", (0, false), func, &[u32::MAX]);
    blob.push(
        Kind::DECL_TAG,
        "bpf_fastcall",
        (0, false),
        func,
        &[u32::MAX],
    );
    blob.push(Kind::VAR, "counter", (0, false), volatile, &[0]);
    blob
}

/// An ELF file with these sections.
fn elf(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
    for (name, content) in sections {
        let section = object.add_section(vec![], name.as_bytes().to_vec(), SectionKind::Debug);
        object.append_section_data(section, content, 1);
    }
    object.write().unwrap()
}

/// Runs `kfunc btf dump`; gives its exit status and what it said.
fn run_dump(arguments: &[&str]) -> (i32, String, String) {
    kfunc([&["btf", "dump"], arguments].concat())
}

#[test]
fn the_command_says_how_it_went() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.into_os_string().into_string().unwrap()
    };
    let btf = all_kinds().bytes();
    let base_btf = Btf::parse(&btf).unwrap();
    let mut split = Blob::split(&base_btf);
    split.refer(Kind::TYPEDEF, "of_module", 1);
    let raw = file("vmlinux.btf", &btf);
    let vmlinux = file("vmlinux", &elf(&[(".BTF", &btf)]));
    let module = file("module.ko", &elf(&[(".BTF", &split.bytes())]));
    let distilled = file(
        "distilled.ko",
        &elf(&[(".BTF", &split.bytes()), (".BTF.base", &btf)]),
    );
    let bare = file("bare.ko", &elf(&[]));

    let everything = include_str!("expected/all_kinds.raw").to_owned();
    let of_module = "[34] TYPEDEF 'of_module' type_id=1\n".to_owned();
    assert_eq!(run_dump(&[&raw]), (0, everything.clone(), String::new()));
    assert_eq!(run_dump(&[&vmlinux, "--format", "raw"]).1, everything);
    assert_eq!(run_dump(&[&module, "--base", &vmlinux]).1, of_module);
    assert_eq!(run_dump(&[&module, "--base", &raw]).1, of_module);
    assert_eq!(run_dump(&[&distilled]).1, of_module);

    let fails = |arguments: &[&str], status, message: &str| {
        let (got, out, err) = run_dump(arguments);
        assert_eq!((got, out.as_str()), (status, ""), "{err}");
        assert!(err.starts_with(message), "{err}");
    };
    fails(&[&module], 1, "error: split BTF: its base is missing");
    fails(&[&bare], 1, "error: no section .BTF");
    fails(
        &[&raw, "--name", "none"],
        1,
        "error: no type is called 'none'\n",
    );
    let cut = file("cut.btf", &btf[..40]);
    fails(
        &[&cut],
        1,
        "error: BTF: the section lies outside of the blob (header+",
    );
    fails(&[&module, "--base", &cut], 1, "error: BTF of the base: ");
    fails(
        &[&file("none", b"").replace("none", "nowhere")],
        2,
        "error: cannot read ",
    );
    fails(
        &[&raw, "--format", "yaml"],
        2,
        "error: invalid value 'yaml'",
    );
    fails(&[], 2, "error: ");
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    let mut blob = Blob::new();
    for _ in 0..20_000 {
        blob.int("int", 4, 1);
    }
    fs::write(&path, blob.bytes()).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_kfunc"))
        .args([Path::new("btf"), Path::new("dump"), &path])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(0), [].as_slice())
    );
}

#[test]
fn c_is_what_bpftool_prints() {
    let text = dumped(&file(declarations().bytes()), Format::C, None).unwrap();
    assert_eq!(text, include_str!("expected/declarations.h"));
}

/// The definitions of `name` in C.
fn definitions(blob: &Blob, name: &str) -> String {
    dumped(&file(blob.bytes()), Format::C, Some(name)).unwrap()
}

#[test]
fn a_name_selects_its_definitions_in_c() {
    let blob = declarations();
    let (header, of_s) = (
        include_str!("expected/declarations.h"),
        definitions(&blob, "s"),
    );
    let (definition, alias) = of_s.split_once("\n\n").unwrap();
    assert!(definition.starts_with("struct s {\n\tstruct s *next;\n"));
    assert!(header.contains(definition));
    assert_eq!(alias, "typedef struct packed s;\n");
    assert_eq!(
        definitions(&blob, "call"),
        "extern int call(const char * const format, ...);\n"
    );
    assert_eq!(
        definitions(&blob, "counter"),
        "static volatile long counter;\n"
    );
    assert_eq!(definitions(&blob, "other"), "struct other;\n");
    assert_eq!(
        definitions(&blob, "int"),
        "/* INT int: 4 bytes, 32 bits, SIGNED */\n"
    );
    assert_eq!(
        definitions(&all_kinds(), "attribute"),
        "/* DECL_TAG attribute on f_static */\n\n/* TYPE_TAG attribute on int */\n"
    );
    assert_eq!(
        definitions(&all_kinds(), ".data"),
        "/* DATASEC .data: 16 bytes\n * 0: int v_static\n * 8: int v_global\n * 12: void */\n"
    );
}

#[test]
fn a_named_struct_without_a_member_name_is_written_out() {
    let mut blob = Blob::new();
    let int = blob.int("int", 4, 1);
    let head = blob.composite(Kind::STRUCT, "head", 4, &[("x", int, 0)]);
    blob.composite(Kind::STRUCT, "foo", 8, &[("", head, 0), ("y", int, 32)]);
    assert_eq!(
        definitions(&blob, "foo"),
        "struct foo {\n\tstruct {\n\t\tint x;\n\t};\n\tint y;\n};\n"
    );
}

#[test]
fn a_large_gap_is_an_array() {
    let mut blob = Blob::new();
    let int = blob.int("int", 4, 1);
    blob.composite(Kind::STRUCT, "foo", 1 << 30, &[("x", int, 0)]);
    assert_eq!(
        definitions(&blob, "foo"),
        "struct foo {\n\tint x;\n\tchar __gap_1[1073741816];\n};\n"
    );
}

/// BTF that goes in circles, or grows without end when it is written out.
fn endless() -> Vec<(&'static str, Blob)> {
    const LEVELS: u32 = 5_000;
    let around = |kind| {
        let mut blob = Blob::new();
        blob.refer(kind, "", 2);
        blob.refer(Kind::CONST, "", 1);
        blob
    };
    let nested = |level: &dyn Fn(&mut Blob, u32) -> u32| {
        let mut blob = Blob::new();
        let mut inner = blob.int("int", 4, 1);
        for _ in 0..LEVELS {
            inner = level(&mut blob, inner);
        }
        blob.composite(Kind::STRUCT, "outermost", 4, &[("x", inner, 0)]);
        blob
    };
    let twice = |blob: &mut Blob, kind, inner| {
        blob.composite(kind, "", 4, &[("x", inner, 0), ("y", inner, 0)])
    };
    let mut itself = Blob::new();
    itself.composite(Kind::STRUCT, "itself", 4, &[("x", 1, 0)]);
    let mut alias = Blob::new();
    alias.refer(Kind::TYPEDEF, "alias", 1);
    vec![
        ("pointer", around(Kind::PTR)),
        ("qualifier", around(Kind::VOLATILE)),
        ("tag", around(Kind::TYPE_TAG)),
        ("struct in itself", itself),
        ("typedef of itself", alias),
        (
            "pointers",
            nested(&|blob, inner| blob.refer(Kind::PTR, "", inner)),
        ),
        ("arrays", nested(&|blob, inner| blob.array(inner, u32::MAX))),
        (
            "structs",
            nested(&|blob, inner| blob.composite(Kind::STRUCT, "s", 4, &[("x", inner, 0)])),
        ),
        (
            "anonymous structs",
            nested(&|blob, inner| twice(blob, Kind::STRUCT, inner)),
        ),
        (
            "prototypes",
            nested(&|blob, inner| {
                let pointer = blob.refer(Kind::PTR, "", inner);
                blob.proto(pointer, &[("x", pointer), ("y", pointer)])
            }),
        ),
    ]
}

#[test]
fn what_does_not_end_is_an_error() {
    for (what, blob) in endless() {
        let error = dumped(&file(blob.bytes()), Format::C, None).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("BTF: the chain of types is too long (types+"),
            "{what}: {error}"
        );
        assert_eq!(error.exit_status(), 1);
        // As it is, it can be shown.
        assert!(dumped(&file(blob.bytes()), Format::Raw, None).is_ok());
        assert!(dumped(&file(blob.bytes()), Format::Json, None).is_ok());
    }
}

#[test]
fn what_grows_with_each_level_is_an_error() {
    let mut blob = Blob::new();
    let mut inner = blob.int("int", 4, 1);
    for _ in 0..60 {
        let members = [("x", inner, 0), ("y", inner, 0)];
        inner = blob.composite(Kind::UNION, "", 4, &members);
    }
    blob.composite(Kind::STRUCT, "outermost", 4, &[("x", inner, 0)]);
    for name in [None, Some("outermost")] {
        let error = dumped(&file(blob.bytes()), Format::C, name).unwrap_err();
        assert!(error.to_string().contains("too long"), "{error}");
    }
}
