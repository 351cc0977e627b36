// SPDX-License-Identifier: MIT OR Apache-2.0

//! A module without BTF of its own, good and bad.

use std::fs;
use std::path::Path;

use crate::command::kfunc;
use crate::describe::tags;
use crate::kernel::vmlinux;
use crate::module::{section, Module};
use crate::record::{implicit, layout_record, param, Kfunc, Param, Ty};
use btf_core::{Btf, Kind};
use kfunc_abi::record::{ID_OFFSET, IMPL_ID_OFFSET, SECTION};
use kfunc_cli::{embed, Error};

/// `u32 NAME(u32 delta, struct IMPLICIT *own)`, `own` implicit, with one slot.
fn kfunc_record(name: &'static str, own: &str) -> Vec<u8> {
    let u32 = || Ty::typedef("u32");
    let own = Ty::kernel(Kind::STRUCT, own).pointer();
    let params = vec![param("delta", u32()), implicit("own", own)];
    Kfunc {
        slots: 1,
        ..Kfunc::new(name, u32(), params)
    }
    .record()
}

/// A module with these declarations and one stub, for the kfunc `foo`.
fn module(declarations: &[Vec<u8>]) -> Module {
    Module {
        stub: Some(("foo", 1, true)),
        ..Module::new(declarations)
    }
}

fn good_module() -> Vec<u8> {
    module(&[kfunc_record("foo", "bpf_prog_aux"), layout_record()]).bytes()
}

#[test]
fn both_signatures_are_written() {
    let embedded = embed(&good_module(), &vmlinux()).unwrap();
    let signatures = &embedded.signatures[0];
    assert_eq!(signatures.public, "u32 foo(u32 delta)");
    assert_eq!(
        signatures.full.as_deref(),
        Some("u32 foo_impl(u32 delta, struct bpf_prog_aux *own)")
    );

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
    let public = split.find_own(b"foo", Kind::FUNC).unwrap().id();
    let full = split.find_own(b"foo_impl", Kind::FUNC).unwrap().id();
    assert_eq!(tags(&split, public), ["bpf_kfunc"]);
    assert!(tags(&split, full).is_empty());

    // The records are filled in: the FUNCs, and where the module's types begin.
    let records = section(&embedded.module, SECTION);
    let word = |at: usize| u32::from_le_bytes(records[at..at + 4].try_into().unwrap());
    let kfunc_len = kfunc_record("foo", "bpf_prog_aux").len();
    assert_eq!([word(ID_OFFSET), word(IMPL_ID_OFFSET)], [public.0, full.0]);
    assert_eq!(word(kfunc_len + ID_OFFSET), split.first_id().0);
}

#[test]
fn doing_it_again_gives_the_same_bytes() {
    let once = embed(&good_module(), &vmlinux()).unwrap().module;
    assert_eq!(embed(&once, &vmlinux()).unwrap().module, once);
}

#[test]
fn a_signature_of_what_it_was_is_dropped() {
    let signed = [&good_module(), &b"PKCS#7~Module signature appended~\n"[..]].concat();
    let module = embed(&signed, &vmlinux()).unwrap().module;
    assert_eq!(module, embed(&good_module(), &vmlinux()).unwrap().module);
}

#[test]
fn a_type_that_the_base_does_not_have_is_named() {
    let module = module(&[kfunc_record("foo", "bpf_prog_ox")]).bytes();
    let error = embed(&module, &vmlinux()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "kfunc foo, parameter own: the base has no STRUCT 'bpf_prog_ox'"
    );
}

#[test]
fn a_stub_that_is_not_what_it_must_be_is_refused() {
    let module = Module {
        stub: Some(("foo", 1, false)),
        ..module(&[kfunc_record("foo", "bpf_prog_aux")])
    }
    .bytes();
    let error = embed(&module, &vmlinux()).unwrap_err();
    assert!(
        matches!(error, Error::StubDiffers { slot: 0, .. }),
        "{error}"
    );
}

/// A stub that loads the call site is that of a parameter which is said to be one, and no other.
#[test]
fn a_call_site_is_loaded_where_the_record_says() {
    let u32 = || Ty::kernel(Kind::TYPEDEF, "u32");
    for (said, passed) in [(0, 1), (1, 2)] {
        for call_sites in [0, 1] {
            let site = Param {
                passed,
                ..implicit("site", u32())
            };
            let record = Kfunc {
                slots: 1,
                ..Kfunc::new("foo", u32(), vec![param("delta", u32()), site])
            };
            let module = Module {
                call_sites,
                ..module(&[record.record(), layout_record()])
            };
            match embed(&module.bytes(), &vmlinux()) {
                Ok(embedded) => {
                    assert_eq!(said, call_sites);
                    let full = embedded.signatures[0].full.as_deref();
                    assert_eq!(full, Some("u32 foo_impl(u32 delta, u32 site)"));
                }
                Err(error) => {
                    assert_ne!(said, call_sites);
                    let differs = matches!(error, Error::StubDiffers { slot: 0, .. });
                    assert!(differs, "{error}");
                }
            }
        }
    }
}

#[test]
fn a_module_of_another_version_is_refused() {
    let mut layout = layout_record();
    layout.extend([0; 8]);
    let size = layout.len() as u32;
    layout[8..12].copy_from_slice(&size.to_le_bytes());
    let module = module(&[kfunc_record("foo", "bpf_prog_aux"), layout]).bytes();
    assert!(matches!(
        embed(&module, &vmlinux()),
        Err(Error::OtherVersion)
    ));
}

#[test]
fn a_missing_symbol_is_named() {
    let module = module(&[kfunc_record("bar", "bpf_prog_aux")]).bytes();
    let error = embed(&module, &vmlinux()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "kfunc bar: the module has no symbol __kfunc_stubs_bar"
    );
}

#[test]
fn a_kfunc_has_one_symbol() {
    let kfunc = Kfunc {
        legacy: true,
        ..Kfunc::new(
            "foo",
            Ty::void(),
            vec![implicit("own", Ty::void().pointer())],
        )
    };
    for taken in ["foo", "foo_impl"] {
        let module = Module {
            functions: vec![taken],
            ..Module::new(&[kfunc.record()])
        };
        let error = embed(&module.bytes(), &vmlinux()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("kfunc foo: the module has 2 symbols {taken}")
        );
    }
}

#[test]
fn a_module_says_for_which_kernel_it_is() {
    for (vermagic, expected) in [
        (
            None,
            "section .modinfo has no vermagic: this is not a kernel module",
        ),
        (
            Some("six.twelve SMP"),
            "vermagic 'six.twelve SMP' does not begin with a kernel version",
        ),
        (Some(""), "vermagic '' does not begin with a kernel version"),
    ] {
        let module = Module {
            vermagic,
            ..module(&[kfunc_record("foo", "bpf_prog_aux")])
        };
        let error = embed(&module.bytes(), &vmlinux()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_damaged_record_is_an_error() {
    let good = kfunc_record("foo", "bpf_prog_aux");
    let mut refused = 0;
    for at in 0..good.len() {
        for byte in [0, 1, 0x7f, 0xff] {
            let mut bad = good.clone();
            bad[at] = byte;
            // An error, or a module whose BTF is sound: embed has checked it.
            refused += usize::from(embed(&module(&[bad]).bytes(), &vmlinux()).is_err());
        }
        let cut = module(&[good[..at].to_vec()]).bytes();
        assert_eq!(embed(&cut, &vmlinux()).is_ok(), at == 0, "cut to {at}");
    }
    assert!(refused > good.len(), "{refused}");
}

#[test]
fn damaged_input_is_an_error() {
    let good = good_module();
    let damaged_record = module(&[kfunc_record("foo", "bpf_prog_aux")[..40].to_vec()]).bytes();
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
    let bad = file(
        "bad.ko",
        &module(&[kfunc_record("foo", "bpf_prog_ox")]).bytes(),
    );
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
