// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is split, and how.

use std::fs;

use btf_core::{Btf, Kind};
use object::write::{Object, Symbol, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, SectionKind, SymbolFlags, SymbolKind, SymbolScope,
};
use serde_json::Value;

use crate::kernel::Run;

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
        run.go_on();
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
    let data = run.output();
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
