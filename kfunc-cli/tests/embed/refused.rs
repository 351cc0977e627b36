// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the command does with a module that it refuses: it says why, and leaves all files as they are.

use std::fs;
use std::path::Path;

use btf_core::Kind;
use kfunc_abi::Annotation;

use crate::command::kfunc;
use crate::kernel::vmlinux;
use crate::merge::{c_parts, On};
use crate::module::Module;
use crate::record::{annotated, param, Kfunc, Ty};

/// Modules, and what is said of them.
fn bad_modules() -> Vec<(Vec<u8>, &'static str)> {
    let taking = |name, param| Kfunc::new(name, Ty::void(), vec![param]).record();
    let number = |name| taking(name, param("n", Ty::typedef("u64")));
    let flag = annotated("f", Annotation::IrqFlag, Ty::typedef("u64").pointer());
    let mut other_base = c_parts(On::Distilled, false);
    other_base.base = None;
    let mut damaged = c_parts(On::Kernel, false);
    damaged.btf.truncate(30);
    vec![
        (
            Module::new(&[number("kernel_function")]).bytes(),
            "kernel_function: the kernel has a function of this name, which would be called instead",
        ),
        (
            Module::new(&[taking(
                "foo",
                param("t", Ty::kernel(Kind::STRUCT, "twice").pointer()),
            )])
            .bytes(),
            "kfunc foo, parameter t: the base has 2 types STRUCT 'twice'",
        ),
        (
            Module::new(&[taking("foo", flag)]).bytes(),
            "kfunc foo, parameter f: Linux 6.12 is not known to read the annotation IrqFlag: \
             __irq_flag: 7.2 and later, not 6.12",
        ),
        (
            Module {
                vermagic: None,
                ..Module::new(&[number("foo")])
            }
            .bytes(),
            "section .modinfo has no vermagic: this is not a kernel module",
        ),
        (
            Module::new(&[number("foo")[..24].to_vec()]).bytes(),
            "damaged declaration: .kfunc_abi+0x0: the record is cut short",
        ),
        (
            c_parts(On::Distilled, false)
                .module(&[number("c_first")])
                .bytes(),
            "c_first: the C parts of the module have another function of this name",
        ),
        (
            other_base.module(&[number("foo")]).bytes(),
            "the module's own BTF cannot be kept: .BTF: Invalid name: a name that this kind must have is \
             missing or not an identifier, or it must have none (types+0, type 43)",
        ),
        (
            damaged.module(&[number("foo")]).bytes(),
            "the module's own BTF cannot be kept: .BTF: Total section length too long: a section ends beyond the \
             end of the blob (header+8)",
        ),
        (
            Module::new(&[number("foo-bar")]).bytes(),
            "the kernel would refuse the module's BTF: .BTF: Invalid name: a name that this kind must have \
             is missing or not an identifier, or it must have none (types+32, type 4)",
        ),
    ]
}

#[test]
fn a_module_that_is_refused_changes_nothing() {
    for (content, expected) in bad_modules() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            path
        };
        let base = file("vmlinux", &vmlinux());
        let (bad, old) = (file("bad.ko", &content), file("old.ko", b"old"));
        for output in [&[][..], &[Path::new("-o"), &old]] {
            let arguments = [
                &[Path::new("embed"), &bad, Path::new("--base"), &base],
                output,
            ]
            .concat();
            let (status, out, err) = kfunc(arguments);
            assert_eq!(err, format!("error: {expected}\n"));
            assert_eq!((status, out.as_str()), (1, ""));
        }
        assert_eq!(fs::read(&bad).unwrap(), content);
        assert_eq!(fs::read(&old).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}
