// SPDX-License-Identifier: GPL-2.0-only

//! Declarations that cannot work, and what the compiler says of each; beside every one its mended twin, which compiles.

#[path = "declarations/table.rs"]
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use table::{Kernel, Row, TABLE};

/// What every sample begins with.
const PRELUDE: &str = "// SPDX-License-Identifier: GPL-2.0-only
#![allow(dead_code, unused_variables, unused_imports)]
use core::sync::atomic::AtomicU64;
use kernel_glue::param::*;
use kernel_glue::{ByProgram, CallSite, Const, FromProgram, Handed, Module, PerProgram, PerSite, Prog, ProgAux, Program};
use kernel_glue::{Provider, Refusal, State};

pub struct Total(AtomicU64);
impl State for Total {
    const NAME: &'static str = \"total\";
    const NEW: Self = Self(AtomicU64::new(0));
}
kernel_glue::kernel_types! { pub struct Task as \"task_struct\"; }
kernel_glue::module_types! { pub struct Counter as \"bpf_iter_counter\" { at: u64 } }
";

impl Row {
    fn sample(&self, declaration: &str) -> String {
        let items = match self.in_set {
            true => format!(
                "kernel_glue::kfuncs! {{ pub set SET for [SYSCALL] {{\n{declaration}\n}} }}"
            ),
            false => declaration.to_owned(),
        };
        format!("{PRELUDE}{items}\nfn main() {{}}\n")
    }
}

/// The errors of each sample, by its name.
type Errors = BTreeMap<String, Vec<String>>;

/// Compiles both samples of every row for a kernel, and gives what the compiler says.
fn compile(kernel: Kernel) -> Errors {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(kernel.name());
    let _ = fs::remove_dir_all(folder.join("src"));
    write(
        &folder.join("Cargo.toml"),
        &format!(
            "[package]\nname = \"declarations\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n\
             [dependencies]\nkernel-glue = {{ path = {:?} }}\n",
            env!("CARGO_MANIFEST_DIR")
        ),
    );
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    fs::copy(lock, folder.join("Cargo.lock")).expect("the workspace has a Cargo.lock");
    for row in rows(kernel) {
        for (which, declaration) in [("bad", row.bad), ("good", row.good)] {
            let file = folder.join(format!("src/bin/{}.rs", row.binary(which)));
            write(&file, &row.sample(declaration));
        }
    }
    let output = Command::new(env!("CARGO"))
        .args(["check", "--bins", "--keep-going", "--offline", "--quiet"])
        .arg("--message-format=json")
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env("RUSTFLAGS", kernel.rustflags())
        .output()
        .expect("cargo can be run");
    let said = String::from_utf8(output.stdout).expect("cargo writes text");
    assert!(
        said.contains("kernel_glue"),
        "kernel-glue was not compiled:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    errors(&said)
}

fn write(file: &PathBuf, content: &str) {
    fs::create_dir_all(file.parent().expect("a file is in a folder"))
        .expect("a folder can be made");
    fs::write(file, content).expect("a file can be written");
}

fn errors(said: &str) -> Errors {
    let mut errors = Errors::new();
    for line in said.lines() {
        let message: Value = serde_json::from_str(line).expect("cargo writes JSON");
        let Some(target) = message["target"]["name"].as_str() else {
            continue;
        };
        let of_target = errors.entry(target.to_owned()).or_default();
        if message["message"]["level"] == "error" {
            of_target.push(message["message"]["rendered"].to_string());
        }
    }
    errors
}

fn rows(kernel: Kernel) -> impl Iterator<Item = &'static Row> {
    TABLE.iter().filter(move |row| row.kernel == kernel)
}

/// Each bad sample is refused with its sentence, and each good one is not.
fn check(kernel: Kernel) {
    let errors = compile(kernel);
    let mut wrong = Vec::new();
    for row in rows(kernel) {
        let bad = errors.get(&row.binary("bad"));
        if !bad.is_some_and(|bad| bad.iter().any(|error| error.contains(row.says))) {
            wrong.push(format!("{}: not {:?}, but {bad:#?}", row.name, row.says));
        }
        match errors.get(&row.binary("good")) {
            Some(good) if good.is_empty() => {}
            good => wrong.push(format!("{}: the good one fails: {good:#?}", row.name)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_cannot_work_does_not_compile() {
    check(Kernel::RegistersOnly);
}

#[test]
fn what_cannot_work_with_stack_arguments_does_not_compile() {
    check(Kernel::StackArguments);
}

#[test]
fn every_row_has_its_name() {
    let mut names: Vec<_> = TABLE.iter().map(|row| row.name).collect();
    names.sort_unstable();
    let rows = names.len();
    names.dedup();
    assert_eq!(names.len(), rows);
}
