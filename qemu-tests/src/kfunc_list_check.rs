// SPDX-License-Identifier: MIT OR Apache-2.0

//! What `kfunc list` and `kfunc header` say of a whole kernel and of the example module: the kfuncs are those that bpftool
//! and nm tell, and what is declared of them, compilers take beside the kernel's vmlinux.h.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{ensure, Context, Result};
use btf_core::{Btf, Kind, Linkage};
use kfunc_cli::{dump, header, list, BtfFile, Format, KfuncList, Language, Place, Selection};

use crate::build_root::BuildRoot;
use crate::kernel::Kernel;

/// What a kernel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Figures {
    kfuncs: usize,
    sets: usize,
    implicit: usize,
    legacy: usize,
    /// Of those with implicit arguments: one `struct bpf_prog_aux *`; `void *meta__ign`; that and `u64 off`;
    /// `struct btf_struct_meta *` and `u64 off`.
    of_a_kind: [usize; 4],
}

/// Kernels that were counted by a script of another language that reads `.BTF`, `.BTF_ids` and the symbols itself; both
/// arches have the same. Of other point releases nothing is known beforehand.
const COUNTED: &[(&str, Figures)] = &[
    (
        "6.12.117+deb13",
        Figures {
            kfuncs: 132,
            sets: 23,
            implicit: 0,
            legacy: 0,
            of_a_kind: [0; 4],
        },
    ),
    (
        "7.3.4+deb13",
        Figures {
            kfuncs: 312,
            sets: 42,
            implicit: 69,
            legacy: 8,
            of_a_kind: [60, 5, 3, 1],
        },
    ),
];

/// Sets with flags that are not of kfuncs: fmod_ret programs attach to their functions.
const OTHER_SETS: &[&str] = &["bpf_mptcp_fmodret_ids"];
/// What the symbol of a set begins with.
const SET_PREFIX: &str = "__BTF_ID__set8__";
/// With and without the kfuncs that a vmlinux.h declares.
const OPTIONS: [&str; 2] = ["-D_", "-DBPF_NO_KFUNC_PROTOTYPES"];
/// Bytes of the head of a set, and of each kfunc in it.
const PAIR_LEN: usize = 8;

/// Checks the kfuncs of `kernel`, and of the embedded `modules` for it, by name.
///
/// # Errors
///
/// The first difference, or what a compiler says.
pub fn check(root: &BuildRoot, kernel: &Kernel, modules: &[(&str, &[u8])]) -> Result<()> {
    let folder = BuildRoot::own(&format!("kfuncs/{}", kernel.release()));
    let host_folder = root.host_path(&folder);
    fs::create_dir_all(&host_folder)?;
    let vmlinux = root.host_path(&kernel.vmlinux());
    let everything = Selection::default();
    let of_kernel = Place::File(vmlinux.clone(), None);
    let listed = list(&of_kernel, &everything)?;
    same_names(root, kernel, &listed)?;
    same_sets(root, kernel, &listed)?;
    if let Some((_, counted)) = COUNTED
        .iter()
        .find(|(version, _)| *version == kernel.version)
    {
        let figures = figures(&listed);
        ensure!(figures == *counted, "{figures:?}, counted {counted:?}");
    }
    for kfunc in &listed.kfuncs {
        let known = !kfunc.programs.unknown;
        ensure!(known, "{}: a set is in no table", kfunc.name);
    }

    let mut program = Program::default();
    program.declare(&host_folder, "vmlinux", &of_kernel, &listed)?;
    for (name, module) in modules {
        let file = host_folder.join(format!("{name}.ko"));
        fs::write(&file, module)?;
        let place = Place::File(file, Some(vmlinux.clone()));
        let listed = list(&place, &everything)?;
        ensure!(
            listed.with_implicit() > 0,
            "{name} has no kfunc with implicit arguments"
        );
        program.declare(&host_folder, name, &place, &listed)?;
    }
    c_compiles(root, kernel, &folder, &program)?;
    rust_compiles(root, kernel, &folder, &program)
}

/// A program that has to do with all kfuncs.
#[derive(Default)]
struct Program {
    /// Whose headers it includes.
    headers: Vec<String>,
    /// The kfuncs.
    names: BTreeSet<String>,
}

impl Program {
    /// Writes the headers of the kfuncs at `place`, which are `listed`, for the program to include.
    fn declare(
        &mut self,
        folder: &Path,
        name: &str,
        place: &Place,
        listed: &KfuncList,
    ) -> Result<()> {
        let everything = Selection::default();
        let c = header(place, &everything, Language::C)?;
        fs::write(folder.join(format!("{name}_kfuncs.h")), c)?;
        let rust = header(place, &everything, Language::Rust)?;
        fs::write(folder.join(format!("{name}_kfuncs.rs")), rust)?;
        self.headers.push(format!("{name}_kfuncs"));
        let names = listed.kfuncs.iter().map(|kfunc| kfunc.name.clone());
        self.names.extend(names);
        Ok(())
    }

    fn in_c(&self) -> Result<String> {
        let mut text = String::new();
        for header in &self.headers {
            writeln!(text, "#include \"{header}.h\"")?;
        }
        text.push_str("__attribute__((section(\"syscall\"))) int name_all_kfuncs(void *ctx)\n{\n");
        for name in &self.names {
            writeln!(text, "\tasm volatile (\"\" :: \"r\"(&{name}));")?;
        }
        text.push_str("\treturn 0;\n}\n");
        Ok(text)
    }

    fn in_rust(&self) -> Result<String> {
        let mut text = String::from("#![no_std]\n");
        for header in &self.headers {
            writeln!(text, "pub mod {header};")?;
        }
        Ok(text)
    }
}

/// The kfuncs are the functions that have the tag, by what bpftool prints.
fn same_names(root: &BuildRoot, kernel: &Kernel, listed: &KfuncList) -> Result<()> {
    let dump = root.output(&format!("bpftool btf dump file {}", kernel.vmlinux()))?;
    let mut names = BTreeMap::new();
    let mut tagged = BTreeSet::new();
    for line in dump.lines() {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            [id, "FUNC", name, ..] => {
                names.insert(id.trim_matches(['[', ']']), name.trim_matches('\''));
            }
            [_, "DECL_TAG", "'bpf_kfunc'", target, "component_idx=-1"] => {
                tagged.insert(target.trim_start_matches("type_id="));
            }
            _ => {}
        }
    }
    let tagged = tagged.iter().filter_map(|id| names.get(id).copied());
    let tagged: BTreeSet<_> = tagged.collect();
    let ours: BTreeSet<_> = listed
        .kfuncs
        .iter()
        .map(|kfunc| kfunc.name.as_str())
        .collect();
    ensure!(
        ours == tagged,
        "not the kfuncs of bpftool: {:?}",
        ours.symmetric_difference(&tagged).collect::<Vec<_>>()
    );
    ensure!(ours.len() == listed.kfuncs.len(), "a kfunc is listed twice");
    Ok(())
}

/// The sets are those whose symbols nm tells, and each has as many kfuncs as its symbol has room for.
fn same_sets(root: &BuildRoot, kernel: &Kernel, listed: &KfuncList) -> Result<()> {
    let symbols = root.output(&format!("nm --print-size {}", kernel.vmlinux()))?;
    let mut expected = BTreeMap::new();
    for line in symbols.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let [_, size, _, name] = words[..] else {
            continue;
        };
        let Some(name) = name.strip_prefix(SET_PREFIX) else {
            continue;
        };
        if !OTHER_SETS.contains(&name) {
            let size = usize::from_str_radix(size, 16)?;
            expected.insert(name, size / PAIR_LEN - 1);
        }
    }
    let mut sets = BTreeMap::new();
    for set in listed.kfuncs.iter().flat_map(|kfunc| &kfunc.sets) {
        *sets.entry(set.as_str()).or_default() += 1;
    }
    ensure!(sets == expected, "sets: {sets:?}, nm tells {expected:?}");
    Ok(())
}

fn figures(listed: &KfuncList) -> Figures {
    let mut of_a_kind = [0; 4];
    for kfunc in &listed.kfuncs {
        let params: Vec<_> = kfunc.implicit.iter().map(String::as_str).collect();
        let kind = match params[..] {
            [aux] if aux.contains("struct bpf_prog_aux *") => 0,
            ["void *meta__ign"] => 1,
            ["void *meta__ign", "u64 off"] => 2,
            [meta, "u64 off"] if meta.starts_with("struct btf_struct_meta *") => 3,
            _ => continue,
        };
        of_a_kind[kind] += 1;
    }
    Figures {
        kfuncs: listed.kfuncs.len(),
        sets: listed.sets(),
        implicit: listed.with_implicit(),
        legacy: listed.legacy(),
        of_a_kind,
    }
}

/// A program that names every kfunc is compiled, with the kernel's vmlinux.h as we print it and as bpftool does, and
/// with and without the kfuncs that these declare. Each kfunc is then an extern of the program.
fn c_compiles(root: &BuildRoot, kernel: &Kernel, folder: &str, program: &Program) -> Result<()> {
    let host_folder = root.host_path(folder);
    let mut ours = Vec::new();
    let vmlinux = BtfFile::read(&root.host_path(&kernel.vmlinux()))?;
    dump(&vmlinux, None, Format::C, None, &mut ours)?;
    fs::write(host_folder.join("ours.h"), ours)?;
    fs::write(host_folder.join("program.bpf.c"), program.in_c()?)?;
    root.run(
        &format!("kfuncs-c-{kernel}"),
        &format!(
            "cd {folder}
             bpftool btf dump file {vmlinux} format c > bpftool.h
             compile() {{
                 clang-19 --target=bpf -g -O2 -Wall -Werror -include $1.h $2 $3 -c program.bpf.c -o $1$2.o
             }}
             for option in {OPTIONS}; do
                 compile ours $option
                 # Structs that others take in (-fms-extensions) are lost in bpftool's.
                 compile bpftool $option -Wno-missing-declarations
             done",
            OPTIONS = OPTIONS.join(" "),
            vmlinux = kernel.vmlinux()
        ),
    )?;
    for kernel in ["ours", "bpftool"] {
        for option in OPTIONS {
            let object = host_folder.join(format!("{kernel}{option}.o"));
            let externs = externs(&object)?;
            ensure!(
                externs == program.names,
                "{}: other externs",
                object.display()
            );
        }
    }
    Ok(())
}

/// The functions that the program `object` leaves to the kernel.
fn externs(object: &Path) -> Result<BTreeSet<String>> {
    let file = BtfFile::read(object).with_context(|| object.display().to_string())?;
    let btf = Btf::parse(&file.btf)?;
    let funcs = btf.of_kind(Kind::FUNC);
    let externs = funcs.filter(|func| func.linkage() == Some(Linkage::EXTERN.0.into()));
    let names = externs.map(|func| String::from_utf8_lossy(btf.name(&func)).into_owned());
    Ok(names.collect())
}

fn rust_compiles(root: &BuildRoot, kernel: &Kernel, folder: &str, program: &Program) -> Result<()> {
    fs::write(
        root.host_path(folder).join("program.rs"),
        program.in_rust()?,
    )?;
    root.run(
        &format!("kfuncs-rust-{kernel}"),
        &format!(
            "cd {folder}
             for edition in 2021 2024; do
                 rustc --edition $edition --crate-type lib --emit metadata -D warnings program.rs
             done"
        ),
    )
}
