// SPDX-License-Identifier: MIT OR Apache-2.0

//! What was split becomes what it was.

use btf_core::Btf;

use crate::kernel::{functions, input, Run};

/// Kfuncs of every form, with their flags.
const KFUNCS: [&str; 12] = [
    "--kfunc",
    "bpf_aux:KF_IMPLICIT_ARGS|FASTCALL",
    "--kfunc",
    "bpf_plain",
    "--kfunc",
    "bpf_arena:0x4000",
    "--kfunc",
    "bpf_old:IMPLICIT_ARGS",
    "--kfunc",
    "bpf_old_impl",
    "--kfunc",
    "bpf_page",
];

/// Splits, and goes back.
fn there_and_back(more: &[&str]) -> (Vec<String>, Vec<u8>) {
    let run = Run::new();
    let split = run.written(&KFUNCS);
    run.go_on();
    let (status, out, errors) = run.run("unsplit", &[&KFUNCS[..], more].concat());
    assert_eq!((status, &*out, &*errors), (0, "", ""));
    (split, run.output())
}

fn sorted(btf: &[u8]) -> Vec<String> {
    let mut functions = functions(&Btf::parse(btf).unwrap());
    functions.sort();
    functions
}

#[test]
fn functions_tags_and_types_are_as_before() {
    for more in [&[][..], &["--shuffle"]] {
        let (split, back) = there_and_back(more);
        for wanted in [
            "bpf_aux_impl(a, aux, off) bpf_fastcall mine",
            "bpf_old(a) bpf_kfunc",
            "bpf_old_impl(a, aux__ign) bpf_kfunc",
        ] {
            assert!(
                split.iter().any(|one| one == wanted),
                "{wanted} in {split:?}"
            );
        }
        let before = input();
        assert_eq!(sorted(&back), sorted(&before));
        let len = |btf| Btf::parse(btf).unwrap().own_len();
        assert_eq!(len(&back), len(&before));
    }
}

#[test]
fn splitting_again_gives_the_same() {
    let run = Run::new();
    let split = run.written(&KFUNCS);
    run.go_on();
    assert_eq!(run.run("unsplit", &KFUNCS).0, 0);
    run.go_on();
    assert_eq!(run.written(&KFUNCS), split);
}

#[test]
fn types_can_be_left_in_no_order() {
    let (_, kept) = there_and_back(&[]);
    let (_, shuffled) = there_and_back(&["--shuffle"]);
    let (_, again) = there_and_back(&["--shuffle"]);
    assert_ne!(kept, shuffled);
    assert_eq!(shuffled, again);
}

#[test]
fn what_is_no_kfunc_is_told() {
    let run = Run::new();
    let tell = |kfunc, why| {
        let (status, _, errors) = run.run("unsplit", &["--kfunc", kfunc]);
        assert_eq!((status, errors), (1, format!("error: {why}\n")));
        assert_eq!(run.output(), b"untouched");
    };
    tell("bpf_gone", "kfunc bpf_gone is not in the BTF");
    tell("bpf_prog_aux", "bpf_prog_aux is a STRUCT, not a function");
    tell("bpf_bare", "kfunc bpf_bare: the function has no prototype");
}
