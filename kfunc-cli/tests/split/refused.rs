// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is refused: one error each, and no file is touched.

use std::fs;

use btf_core::{Kind, Linkage, TypeId, Writer};

use crate::command::kfunc;
use crate::kernel::{input, Run};

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
fn input_that_is_cut_off_is_told() {
    let run = Run::new();
    let whole = input();
    for len in [0, 10, 30, whole.len() - 1] {
        fs::write(run.path("in.btf"), &whole[..len]).unwrap();
        let (status, _, errors) = run.split(&["--kfunc", "bpf_aux"]);
        assert_eq!(status, 1, "{len}: {errors}");
        assert!(errors.starts_with("error: BTF: "), "{len}: {errors}");
        assert_eq!(run.output(), b"untouched");
    }
}

#[test]
fn types_that_contain_themselves_are_told() {
    let run = Run::new();
    let mut out = vec![0; 1024];
    let mut writer = Writer::new(&mut out);
    writer.push_reference(Kind::PTR, TypeId(2)).unwrap();
    writer.push_reference(Kind::CONST, TypeId(1)).unwrap();
    let proto = writer.push_func_proto(TypeId(1), &[]).unwrap();
    writer.push_func(b"foo", proto, Linkage::STATIC).unwrap();
    fs::write(run.path("in.btf"), writer.finish().unwrap()).unwrap();
    run.refuses(
        &["--kfunc", "foo"],
        "BTF: the chain of types is too long (types+0, type 2)",
    );
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let run = Run::new();
    let (input, output) = (run.path("in.btf"), run.path("no/out.btf"));
    let arguments = ["btf", "split", "--kfunc", "bpf_aux", "-o"];
    let paths = [output.to_str().unwrap(), input.to_str().unwrap()];
    let (status, _, errors) = kfunc([&arguments[..], &paths].concat());
    assert_eq!(status, 2);
    assert!(errors.starts_with("error: cannot write "), "{errors}");
    assert!(!output.exists());
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
