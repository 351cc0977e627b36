// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is refused: one error each, and no file is touched.

use std::fs;

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
