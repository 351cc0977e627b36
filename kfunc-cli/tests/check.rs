// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc btf check`: what it prints, and its exit status.

mod command;

use std::fs;
use std::path::{Path, PathBuf};

use btf_core::{Btf, IntEncoding, Kind, RawMember, Tag, TypeId, Writer};
use command::kfunc;
use object::write::Object;
use object::{Architecture, BinaryFormat, Endianness, SectionKind};
use serde_json::{json, Value};
use tempfile::TempDir;

/// Exit status, standard output and standard error of `kfunc btf check`.
fn check(file: &Path, arguments: &[&str]) -> (i32, String, String) {
    let file = file.to_str().unwrap();
    kfunc([&["btf", "check", file], arguments].concat())
}

fn file(folder: &TempDir, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    path
}

/// An ELF file with these sections.
fn elf(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
    for (name, data) in sections {
        let name = name.as_bytes().to_vec();
        let section = object.add_section(Vec::new(), name, SectionKind::Metadata);
        object.append_section_data(section, data, 4);
    }
    object.write().unwrap()
}

/// An int, a struct with two of them, and what `more` adds.
fn btf(more: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut out = [0; 512];
    let mut writer = Writer::new(&mut out);
    let ty = writer.push_int(b"int", 4, IntEncoding::SIGNED).unwrap();
    let members = [(b"a", 0), (b"b", 32)].map(|(name, bit_offset)| RawMember {
        name: writer.name(name).unwrap(),
        ty,
        bit_offset,
        bitfield_size: 0,
    });
    writer
        .push_composite(Kind::STRUCT, b"pair", 8, &members)
        .unwrap();
    more(&mut writer);
    writer.finish().unwrap().to_vec()
}

fn sound() -> Vec<u8> {
    btf(|_| {})
}

#[test]
fn sound_btf_is_counted() {
    let folder = TempDir::new().unwrap();
    let raw = file(&folder, "raw", &sound());
    let in_elf = file(&folder, "elf", &elf(&[(".BTF", &sound())]));
    for path in [&raw, &in_elf] {
        for arguments in [&[][..], &["--policy", "kernel"], &["--kernel", "6.12"]] {
            let expected = (0, "ok: 2 types\n".to_owned(), String::new());
            assert_eq!(check(path, arguments), expected, "{arguments:?}");
        }
    }
    let (status, out, _) = check(&raw, &["--json"]);
    let value: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((status, value), (0, json!({ "ok": true, "types": 2 })));
}

#[test]
fn the_broken_rule_is_named_and_where() {
    let folder = TempDir::new().unwrap();
    let damaged = btf(|writer| {
        writer.push_reference(Kind::CONST, TypeId(99)).unwrap();
    });
    let path = file(&folder, "raw", &damaged);
    let at = 16 + 12 + 2 * 12;
    let expected = format!(
        "error: Invalid type_id at types+{at} (type 3): the id names no type that may stand here\n"
    );
    assert_eq!(check(&path, &[]), (1, String::new(), expected));
    let (status, out, _) = check(&path, &["--json"]);
    let value: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((status, &value["rule"]), (1, &json!("Invalid type_id")));
    assert_eq!(
        (&value["offset"], &value["type_id"]),
        (&json!(at), &json!(3))
    );
    // The kernel trusts itself: of its own BTF only chains of modifiers are followed.
    let (status, _, error) = check(&path, &["--policy", "kernel"]);
    let begins = "error: btf_check_modifier_chain_length() at types+";
    assert!(status == 1 && error.starts_with(begins), "{error}");
}

#[test]
fn the_rules_are_those_of_the_kernel_asked_for() {
    let folder = TempDir::new().unwrap();
    let attribute = btf(|writer| {
        let attribute = Tag::Attribute(b"address_space(1)");
        writer.push_type_tag(attribute, TypeId(1)).unwrap();
    });
    let path = file(&folder, "raw", &attribute);
    assert_eq!(check(&path, &["--kernel", "7.3"]).0, 0);
    let (status, _, error) = check(&path, &["--kernel", "6.12"]);
    assert!(
        status == 1 && error.contains("Invalid btf_info kind_flag"),
        "{error}"
    );
}

#[test]
fn a_module_is_checked_over_its_base() {
    let folder = TempDir::new().unwrap();
    let base_bytes = sound();
    let base = Btf::parse(&base_bytes).unwrap();
    let mut out = [0; 128];
    let mut module = Writer::split(&mut out, &base);
    module.push_typedef(b"pair_t", TypeId(2)).unwrap();
    let module = module.finish().unwrap();
    let base_path = file(&folder, "vmlinux", &base_bytes);
    let base_argument = base_path.to_str().unwrap();
    let path = file(&folder, "module", module);
    assert_eq!(check(&path, &["--base", base_argument]).1, "ok: 1 types\n");
    assert_eq!(check(&path, &[]).0, 1, "split, and its base is missing");

    let distilled = elf(&[(".BTF", module), (".BTF.base", &base_bytes)]);
    let path = file(&folder, "module.ko", &distilled);
    for arguments in [&[][..], &["--base", base_argument]] {
        assert_eq!(check(&path, arguments).1, "ok: 1 types\n", "{arguments:?}");
    }
    let mut out = [0; 128];
    let mut other = Writer::new(&mut out);
    other.push_int(b"int", 4, IntEncoding::SIGNED).unwrap();
    let other = file(&folder, "other", other.finish().unwrap());
    let (status, _, error) = check(&path, &["--base", other.to_str().unwrap()]);
    let begins = "error: .BTF.base: BaseTypeNotFound at types+";
    assert!(status == 1 && error.starts_with(begins), "{error}");
}

#[test]
fn what_is_no_answer_is_another_status() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("missing");
    let no_btf = file(&folder, "no_btf", &elf(&[(".text", b"x")]));
    let no_elf = file(&folder, "no_elf", b"\x7fELF");
    for path in [&missing, &no_btf, &no_elf] {
        let (status, out, error) = check(path, &[]);
        assert_eq!((status, out.as_str()), (2, ""), "{error}");
        assert!(error.starts_with("error: "), "{error}");
    }
    let sound = file(&folder, "raw", &sound());
    assert_eq!(check(&sound, &["--policy", "strict"]).0, 2);
    assert_eq!(check(&sound, &["--base", missing.to_str().unwrap()]).0, 2);
    let empty = file(&folder, "empty", b"");
    let (status, _, error) = check(&empty, &[]);
    assert!(
        status == 1 && error.starts_with("error: hdr_len not found at header+0 (type 0)"),
        "{error}"
    );
}
