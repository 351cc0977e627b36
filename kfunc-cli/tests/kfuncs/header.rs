// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc header`.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use btf_core::ByteOrder;
use tempfile::TempDir;

use crate::command::kfunc;
use crate::file;
use crate::kernel::{elf, module, vmlinux, vmlinux_elf};

/// Exit status, standard output and standard error of `kfunc header`.
fn header(path: &Path, arguments: &[&str]) -> (i32, String, String) {
    kfunc([&["header", path.to_str().unwrap()], arguments].concat())
}

fn declared(path: &Path, arguments: &[&str]) -> String {
    let (status, out, error) = header(path, arguments);
    assert_eq!((status, error.as_str()), (0, ""));
    out
}

/// A module with a kfunc and a struct of its own, and its kernel.
fn module_and_kernel(folder: &TempDir) -> [std::path::PathBuf; 2] {
    let kernel = vmlinux_elf(ByteOrder::Little);
    let (btf, func) = module(&vmlinux(ByteOrder::Little).0);
    let set = ("own_set", 1, &[(func, 0)][..]);
    let module = elf(ByteOrder::Little, &[(".BTF", &btf)], &[set]);
    [
        file(folder, "my-mod.ko", &module),
        file(folder, "vmlinux", &kernel),
    ]
}

/// Whether rustc takes `source` for a module of a program without the standard library.
fn check_rust(folder: &TempDir, source: &str) {
    let path = file(folder, "kfuncs.rs", source.as_bytes());
    let root = file(folder, "lib.rs", b"#![no_std]\npub mod kfuncs;\n");
    for edition in ["2021", "2024"] {
        let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
        let output = Command::new(rustc)
            .args(["--crate-type=lib", "--emit=metadata", "-Dwarnings"])
            .args(["--edition", edition, "-o"])
            .arg(folder.path().join("lib.rmeta"))
            .arg(&root)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {error}", path.display());
    }
}

#[test]
fn a_kernel_in_c() {
    let folder = TempDir::new().unwrap();
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let path = file(&folder, "vmlinux", &vmlinux_elf(order));
        let expected = include_str!("../expected/kfuncs.h");
        assert_eq!(declared(&path, &[]), expected, "{order:?}");
    }
}

#[test]
fn a_module_in_c_brings_its_own_types_only() {
    let folder = TempDir::new().unwrap();
    let [module, kernel] = module_and_kernel(&folder);
    let text = declared(&module, &["--base", kernel.to_str().unwrap()]);
    let definition = "struct own {\n\tstruct own *next;\n\tu32 n;\n\tu32 type;\n};\n";
    assert!(text.contains(definition), "{text}");
    assert!(text.contains("#ifndef __KFUNC_MY_MOD_H__\n"), "{text}");
    assert!(!text.contains("typedef"), "the kernel has u32: {text}");
    let declaration = "extern struct own *bpf_own(struct own *o, u32 n, enum mode m, union either *e) __weak __ksym;\n";
    assert!(text.contains(declaration), "{text}");
    // The kernel's own have all their types in vmlinux.h.
    let text = declared(&kernel, &[]);
    assert!(!text.contains("struct page {"), "{text}");
}

#[test]
fn rust_is_taken_by_rustc() {
    let folder = TempDir::new().unwrap();
    let [module, kernel] = module_and_kernel(&folder);
    let text = declared(&kernel, &["--lang", "rust"]);
    check_rust(&folder, &text);
    for line in [
        "    /// Filled in by the kernel, not passed: const struct bpf_prog_aux *aux\n",
        "    pub fn bpf_new(a: u64) -> u32;\n",
        "    pub fn bpf_push(head: *mut page);\n",
        "    pub fn bpf_push_impl(head: *mut page, meta__ign: *mut c_void, off: u64);\n",
        "    pub fn bpf_plain(call: Option<unsafe extern \"C\" fn(u32)>, s__str: *const c_char);\n",
        "pub struct page {\n    _opaque: [u8; 0],\n}\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    let text = declared(
        &module,
        &["--lang", "rust", "--base", kernel.to_str().unwrap()],
    );
    check_rust(&folder, &text);
    for line in [
        "    pub fn bpf_own(o: *mut own, n: u32, m: mode, e: *mut either) -> *mut own;\n",
        "pub type mode = i32;\npub const MODE_OFF: mode = -1;\npub const MODE_ON: mode = 1;\n",
        "#[repr(C, align(4))]\npub struct either {\n    _bytes: [u8; 4],\n}\n",
        "    pub next: *mut own,\n    pub n: u32,\n    pub r#type: u32,\n",
        "const _: () = assert!(size_of::<own>() == 16);\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
}

#[test]
fn only_what_is_asked_for_is_declared() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder, "vmlinux", &vmlinux_elf(ByteOrder::Little));
    for (arguments, count) in [
        (&["--implicit"][..], 3),
        (&["--name", "bpf_plain"], 1),
        (&["--implicit", "--lang", "rust"], 3),
    ] {
        let text = declared(&path, arguments);
        let lines = text.lines().map(str::trim_start);
        let functions =
            lines.filter(|line| line.starts_with("extern ") || line.starts_with("pub fn "));
        assert_eq!(functions.count(), count, "{arguments:?}: {text}");
    }
    for language in ["c", "rust"] {
        let arguments = ["--name", "no_such", "--lang", language];
        assert_eq!(header(&path, &arguments).0, 1);
    }
    assert_eq!(header(&path, &["--lang", "pascal"]).0, 2);
    assert_eq!(header(&folder.path().join("missing"), &[]).0, 2);
}

#[test]
fn it_goes_to_a_file_or_fails() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder, "vmlinux", &vmlinux_elf(ByteOrder::Little));
    let output = folder.path().join("kfuncs.h");
    let arguments = ["-o", output.to_str().unwrap()];
    assert_eq!(declared(&path, &arguments), "");
    let expected = include_str!("../expected/kfuncs.h");
    assert_eq!(fs::read_to_string(&output).unwrap(), expected);
    let nowhere = folder.path().join("no/folder");
    assert_eq!(header(&path, &["-o", nowhere.to_str().unwrap()]).0, 2);
}

#[test]
fn the_running_kernel_and_its_modules_are_one_header() {
    let root = TempDir::new().unwrap();
    let (btf, _) = vmlinux(ByteOrder::Little);
    file(&root, "sys/kernel/btf/vmlinux", &btf);
    for name in ["one", "two"] {
        let path = format!("sys/kernel/btf/{name}");
        file(&root, &path, &module(&btf).0);
    }
    let arguments = [
        "header",
        "--running",
        "--root",
        root.path().to_str().unwrap(),
    ];
    let (status, out, _) = kfunc(arguments);
    assert_eq!(status, 0);
    assert_eq!(out.matches("struct own {").count(), 1, "{out}");
    assert_eq!(out.matches(" __weak __ksym;\n").count(), 7, "{out}");
}
