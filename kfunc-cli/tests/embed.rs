// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc embed` on small modules made here, good and bad. Modules that kbuild made are embedded, and loaded,
//! by the boot tests.

mod command;

use std::fs;
use std::path::Path;

use btf_core::{Btf, IntEncoding, Kind, RawMember, Writer};
use command::kfunc;
use kfunc_abi::call::{Arch, MAX_REGISTER_ARGS};
use kfunc_abi::record::{self, Encoded};
use kfunc_abi::{CType, Decl, Delivery, KfuncFlags, ParamDecl, Passed, ProgType};
use kfunc_cli::{embed, Error};
use object::write::{Object, Symbol, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, Object as _, ObjectSection as _, SectionKind,
    SymbolFlags, SymbolKind, SymbolScope,
};
use verifier_fixup::layout::{LayoutRecord, Of, FACTS};
use verifier_fixup::text::{encode, Stub};

/// A kernel with every struct that a layout asks for, and `u32`.
fn vmlinux() -> Vec<u8> {
    let mut out = vec![0; 9000];
    let mut writer = Writer::new(&mut out);
    let int = writer
        .push_int(b"unsigned int", 4, IntEncoding::UNSIGNED)
        .unwrap();
    let alias = writer.push_typedef(b"__u32", int).unwrap();
    writer.push_typedef(b"u32", alias).unwrap();
    let mut structures: Vec<_> = FACTS.iter().map(|fact| fact.structure).collect();
    structures.dedup();
    for structure in structures {
        let mut members = Vec::new();
        for fact in FACTS.iter().filter(|fact| fact.structure == structure) {
            if let Of::Member(name) | Of::EitherMember(name, _) = fact.of {
                members.push(RawMember {
                    name: writer.name(name.as_bytes()).unwrap(),
                    ty: int,
                    bit_offset: 0,
                    bitfield_size: 0,
                });
            }
        }
        writer
            .push_composite(Kind::STRUCT, structure.as_bytes(), 8, &members)
            .unwrap();
    }
    writer.finish().unwrap().to_vec()
}

/// A declared kfunc's record: its body and the words before it.
fn record(kind: u8, words: &[u32], body: &[u8]) -> Vec<u8> {
    let start = record::HEADER_LEN + 4 * words.len() + 4;
    let size = (start + body.len()).next_multiple_of(8);
    let mut bytes = b"KFNC".to_vec();
    bytes.extend([record::VERSION as u8, 0, kind, 0]);
    bytes.extend((size as u32).to_le_bytes());
    bytes.extend([0; 4]);
    for word in words.iter().copied().chain([body.len() as u32]) {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(body);
    bytes.resize(size, 0);
    bytes
}

const U32: CType = CType::Kernel {
    kind: Kind::TYPEDEF,
    name: "u32",
};

/// The record of `u32 NAME(u32 delta, struct IMPLICIT *own)`, `own` implicit, with one slot.
fn kfunc_record(name: &'static str, implicit: &'static str) -> Vec<u8> {
    let pointee = Box::leak(Box::new(CType::Kernel {
        kind: Kind::STRUCT,
        name: implicit,
    }));
    let param = |name, ty, passed| ParamDecl { name, ty, passed };
    let params = vec![
        param("delta", U32, Passed::ByProgram(None)),
        param("own", CType::Pointer(pointee), Passed::Implicitly),
    ];
    let decl = Decl {
        name,
        doc: "",
        flags: KfuncFlags::empty(),
        delivery: Delivery::Bound { slots: 1 },
        legacy: false,
        prog_types: &[ProgType::ANY],
        return_type: U32,
        params: params.leak(),
    };
    let body = Encoded::kfunc(&decl, MAX_REGISTER_ARGS);
    record(1, &[0, 0, 0, 1, 0], body.bytes())
}

/// The record of a layout, not filled in.
fn layout_record() -> Vec<u8> {
    let size = size_of::<LayoutRecord>();
    let mut bytes = b"KFNC\x02\x00\x02\x00".to_vec();
    bytes.extend((size as u32).to_le_bytes());
    bytes.resize(size, 0);
    bytes
}

/// A module with these declarations and one stub, for the kfunc `foo`.
fn module(declarations: &[u8], stub_byte: Option<u8>) -> Vec<u8> {
    let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
    let section = object.add_section(vec![], record::SECTION.into(), SectionKind::Data);
    object.append_section_data(section, declarations, 8);
    let section = object.add_section(vec![], b".modinfo".to_vec(), SectionKind::Data);
    object.append_section_data(section, b"vermagic=6.12.1 SMP\0", 1);
    // Stub, body and slot stand in one section, so that the stub needs no relocation.
    let stub = Stub {
        address: 0x1000,
        slot: 0x1040,
        body: 0x1080,
        explicit: 1,
        implicit: 1,
    };
    let mut text = encode(Arch::X86_64, &stub).unwrap().bytes().to_vec();
    if let Some(byte) = stub_byte {
        text[5] = byte;
    }
    text.resize(0x100, 0);
    let section = object.add_section(vec![], b".text".to_vec(), SectionKind::Text);
    object.append_section_data(section, &text, 16);
    for (name, value) in [
        ("__kfunc_stubs_foo", 0),
        ("__kfunc_slots_foo", 0x40),
        ("__kfunc_body_foo", 0x80),
    ] {
        object.add_symbol(Symbol {
            name: name.into(),
            value,
            size: 0,
            kind: SymbolKind::Text,
            scope: SymbolScope::Linkage,
            weak: false,
            section: SymbolSection::Section(section),
            flags: SymbolFlags::None,
        });
    }
    object.write().unwrap()
}

fn good_module() -> Vec<u8> {
    module(
        &[kfunc_record("foo", "bpf_prog_aux"), layout_record()].concat(),
        None,
    )
}

fn section(module: &[u8], name: &str) -> Vec<u8> {
    let elf = object::File::parse(module).unwrap();
    elf.section_by_name(name).unwrap().data().unwrap().to_vec()
}

#[test]
fn both_signatures_are_written() {
    let embedded = embed(&good_module(), &vmlinux()).unwrap();
    let (public, full) = &embedded.signatures[0];
    assert_eq!(public, "u32 foo(u32 delta)");
    assert_eq!(full, "u32 foo_impl(u32 delta, struct bpf_prog_aux *own)");

    let (base, split) = (
        section(&embedded.module, ".BTF.base"),
        section(&embedded.module, ".BTF"),
    );
    let base = Btf::parse(&base).unwrap();
    let split = Btf::parse_split(&split, &base).unwrap();
    // A distilled base holds named types without members.
    assert!(base
        .types()
        .all(|ty| !base.name(&ty).is_empty() && ty.members().next().is_none()));
    let foo = split.find_own(b"foo", Kind::FUNC).unwrap();
    let tag = split.find_own(b"bpf_kfunc", Kind::DECL_TAG).unwrap();
    assert_eq!((tag.target(), tag.component()), (Some(foo.id()), Some(-1)));

    // The records are filled in: the public FUNC, and where the module's types begin.
    let records = section(&embedded.module, record::SECTION);
    let word = |at: usize| u32::from_le_bytes(records[at..at + 4].try_into().unwrap());
    let kfunc_len = kfunc_record("foo", "bpf_prog_aux").len();
    assert_eq!(word(record::ID_OFFSET), foo.id().0);
    assert_eq!(word(kfunc_len + record::ID_OFFSET), split.first_id().0);
}

#[test]
fn doing_it_again_gives_the_same_bytes() {
    let once = embed(&good_module(), &vmlinux()).unwrap().module;
    assert_eq!(embed(&once, &vmlinux()).unwrap().module, once);
}

#[test]
fn a_type_that_the_base_does_not_have_is_named() {
    let module = module(&kfunc_record("foo", "bpf_prog_ox"), None);
    let error = embed(&module, &vmlinux()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "kfunc foo, parameter own: the base has no STRUCT 'bpf_prog_ox'"
    );
}

#[test]
fn a_stub_that_is_not_what_it_must_be_is_refused() {
    let module = module(&kfunc_record("foo", "bpf_prog_aux"), Some(0x90));
    let error = embed(&module, &vmlinux()).unwrap_err();
    assert!(
        matches!(error, Error::StubDiffers { slot: 0, .. }),
        "{error}"
    );
}

#[test]
fn a_module_of_another_version_is_refused() {
    let mut layout = layout_record();
    layout.extend([0; 8]);
    let size = layout.len() as u32;
    layout[8..12].copy_from_slice(&size.to_le_bytes());
    let module = module(
        &[kfunc_record("foo", "bpf_prog_aux"), layout].concat(),
        None,
    );
    assert!(matches!(
        embed(&module, &vmlinux()),
        Err(Error::OtherVersion)
    ));
}

#[test]
fn a_missing_symbol_is_named() {
    let module = module(&kfunc_record("bar", "bpf_prog_aux"), None);
    let error = embed(&module, &vmlinux()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "kfunc bar: the module has no symbol __kfunc_stubs_bar"
    );
}

#[test]
fn damaged_input_is_an_error() {
    let good = good_module();
    let damaged_record = module(&kfunc_record("foo", "bpf_prog_aux")[..40], None);
    assert!(matches!(
        embed(&damaged_record, &vmlinux()),
        Err(Error::Record(_))
    ));
    assert!(matches!(embed(b"\x7fELF", &vmlinux()), Err(Error::Elf(_))));
    assert!(matches!(embed(&good, b"no BTF"), Err(Error::Btf(_))));
    for len in (0..good.len()).step_by(7) {
        assert!(
            embed(&good[..len], &vmlinux()).is_err(),
            "cut to {len} bytes"
        );
    }
}

/// Runs `kfunc embed`; gives its exit status and what it said.
fn run_embed(arguments: &[&Path]) -> (i32, String, String) {
    kfunc([&[Path::new("embed")], arguments].concat())
}

#[test]
fn the_command_says_how_it_went() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let (base, good) = (file("vmlinux", &vmlinux()), file("good.ko", &good_module()));
    let bad = file("bad.ko", &module(&kfunc_record("foo", "bpf_prog_ox"), None));
    let (option, json) = (Path::new("--base"), Path::new("--json"));

    let (status, out, _) = run_embed(&[&good, option, &base]);
    assert_eq!(
        (status, out.as_str()),
        (
            0,
            "u32 foo(u32 delta)  ->  u32 foo_impl(u32 delta, struct bpf_prog_aux *own)\n"
        )
    );
    let (status, out, _) = run_embed(&[&good, option, &base, json]);
    assert_eq!(status, 0);
    assert!(out.starts_with(r#"{"kfuncs":[{"full":"#), "{out}");

    let before = fs::read(&bad).unwrap();
    let (status, _, err) = run_embed(&[&bad, option, &base]);
    assert_eq!(
        (status, err.as_str()),
        (
            1,
            "error: kfunc foo, parameter own: the base has no STRUCT 'bpf_prog_ox'\n"
        )
    );
    assert_eq!(
        fs::read(&bad).unwrap(),
        before,
        "a module that is refused stays as it was"
    );

    let (status, _, err) = run_embed(&[&folder.path().join("none.ko"), option, &base]);
    assert_eq!(status, 2, "{err}");
    assert_eq!(run_embed(&[&good]).0, 2, "without --base");
}
