// SPDX-License-Identifier: MIT OR Apache-2.0

//! A module as pahole leaves it: with types of its own that the kernel has, too.

use std::fs;

use btf_core::{Btf, Kind, Linkage, Param, TypeId, Writer};

use crate::kernel::{input, Run};

/// A module with a kfunc whose implicit argument points to its own struct bpf_prog_aux of so many bytes.
fn module(base: &Btf<'_>, size: u32) -> Vec<u8> {
    let mut out = vec![0; 1024];
    let mut writer = Writer::split(&mut out, base);
    let aux = writer
        .push_opaque(Kind::STRUCT, b"bpf_prog_aux", size)
        .unwrap();
    let aux = writer.push_reference(Kind::PTR, aux).unwrap();
    let name = writer.name(b"aux").unwrap();
    let proto = writer
        .push_func_proto(TypeId::VOID, &[Param { name, ty: aux }])
        .unwrap();
    writer
        .push_func(b"bpf_own", proto, Linkage::STATIC)
        .unwrap();
    writer.finish().unwrap().to_vec()
}

/// Splits it; gives what was said, how many types are left, and the struct that the argument points to.
fn split(size: u32, more: &[&str]) -> (String, u32, TypeId) {
    let run = Run::new();
    let vmlinux = input();
    let base = Btf::parse(&vmlinux).unwrap();
    fs::write(run.path("vmlinux.btf"), &vmlinux).unwrap();
    fs::write(run.path("in.btf"), module(&base, size)).unwrap();
    let vmlinux_path = run.path("vmlinux.btf");
    let fixed = ["--base", vmlinux_path.to_str().unwrap()];
    let kfunc = ["--kfunc", "bpf_own:IMPLICIT_ARGS"];
    let (status, _, errors) = run.split(&[&fixed[..], &kfunc, more].concat());
    assert_eq!(status, 0, "{errors}");
    let distilled = fs::read(run.path("out.btf.base"));
    let base_data = distilled.unwrap_or(vmlinux);
    let base = Btf::parse(&base_data).unwrap();
    let data = run.output();
    let out = Btf::parse_split(&data, &base).unwrap();
    let full = out.find_own(b"bpf_own_impl", Kind::FUNC).unwrap();
    let proto = out.get(full.target().unwrap()).unwrap();
    let pointer = out.get(proto.params().next().unwrap().ty).unwrap();
    (errors, out.own_len(), pointer.target().unwrap())
}

#[test]
fn what_the_kernel_has_is_left_out() {
    let vmlinux = input();
    let base = Btf::parse(&vmlinux).unwrap();
    let of_kernel = base.find(b"bpf_prog_aux", Kind::STRUCT).unwrap().id();
    let (errors, types, target) = split(8, &[]);
    // Two FUNCs, two prototypes, a tag: struct and pointer are those of the kernel.
    assert_eq!((&*errors, types, target), ("", 5, of_kernel));
    let (errors, _, target) = split(8, &["--distill"]);
    assert_eq!((&*errors, target), ("", TypeId(1)));
}

#[test]
fn another_struct_of_that_name_is_told() {
    let warning = "warning: IN has a struct bpf_prog_aux of its own, which differs from that of VMLINUX: implicit \
                   arguments that point to it are not filled in\n";
    for more in [&[][..], &["--distill"]] {
        let (errors, _, _) = split(16, more);
        assert_eq!(errors, warning);
    }
}
