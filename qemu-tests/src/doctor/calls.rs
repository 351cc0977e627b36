// SPDX-License-Identifier: MIT OR Apache-2.0

//! Programs that call a kfunc whose BTF is right, and one whose BTF is not, on a kernel that is booted.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use kfunc_abi::{KfuncFlags, Source};
use kfunc_cli::Kfunc;

use crate::boot::run_guest;
use crate::build_root::BuildRoot;
use crate::kernel::Kernel;
use crate::progress::step;
use crate::verdict::{complaints, read, Report};
use crate::{guest, initramfs, qemu};

/// The set of the kfuncs that are called. Programs of type syscall may do so, too.
const SET: &str = "scx_kfunc_ids_any";
/// What a program can pass without having anything.
const NUMBERS: &[&str] = &["s32", "u32", "s64", "u64"];
const EINVAL: i32 = 22;

/// The first kfunc that every program of type syscall can call with numbers, and whose prototypes are such.
pub(super) fn callable(kfuncs: &[Kfunc], source: Source) -> Option<&Kfunc> {
    kfuncs.iter().find(|kfunc| {
        let takes_aux = kfunc.implicit.len() == 1 && kfunc.implicit[0].contains("bpf_prog_aux *");
        kfunc.source == source
            && takes_aux
            && kfunc.sets.iter().any(|set| set == SET)
            && kfunc.flags == Some(KfuncFlags::IMPLICIT_ARGS)
            && only_numbers(&public(kfunc))
    })
}

/// The prototype that programs should see. The list has the one that they do see.
fn public(kfunc: &Kfunc) -> String {
    let implicit = kfunc.implicit.join(", ");
    kfunc.prototype.replace(&format!(", {implicit}"), "")
}

fn only_numbers(prototype: &str) -> bool {
    let types = prototype.split(['(', ',', ')']);
    let mut types = types.map(|part| part.split_whitespace().next().unwrap_or_default());
    let returned = types.next().unwrap_or_default();
    let mut params = types.filter(|ty| !ty.is_empty());
    let a_number = |ty: &str| NUMBERS.contains(&ty);
    (returned == "void" || a_number(returned)) && !prototype.contains('*') && params.all(a_number)
}

/// Boots `kernel` with programs that call both kfuncs, and reads what became of them.
pub(super) fn boot(
    root: &BuildRoot,
    kernel: &Kernel,
    split: &Kfunc,
    unsplit: Option<&Kfunc>,
) -> Result<Report> {
    let guest = guest::build(root, kernel.arch)?;
    let mut programs = vec![Program::new("split", &split.name, public(split), "")];
    let mut arguments = format!("split={}", split.name);
    if let Some(kfunc) = unsplit {
        let name = &kfunc.name;
        let weak = format!("-DWEAK={name}");
        programs.extend([
            Program::new("unsplit", name, public(kfunc), ""),
            Program::new("unsplit_full", name, kfunc.prototype.clone(), ""),
            Program::new("unsplit_weak", name, public(kfunc), &weak),
        ]);
        arguments.push_str(&format!(" unsplit={name}"));
    }
    let compiled = step(&format!("{kernel}: compiling calls of its kfuncs"), || {
        compile(root, kernel, &programs)
    })?;
    let mut files = vec![("init", guest.init.as_slice())];
    files.extend(compiled.iter().map(|(name, object)| (&**name, &**object)));
    let console = run_guest(
        root,
        kernel,
        "doctor",
        &initramfs::pack(&files)?,
        &arguments,
    )?;
    let (mut report, log) = read(&console).with_context(|| qemu::tail(&console))?;
    report.failures.extend(complaints(&log));
    Ok(report)
}

/// A program that calls a kfunc, in `bpf/doctor.bpf.c`.
struct Program {
    file: &'static str,
    options: String,
}

impl Program {
    fn new(file: &'static str, kfunc: &str, prototype: String, more: &str) -> Self {
        let count = prototype.matches(',').count() + 1;
        let zeros = vec!["0"; count].join(", ");
        Self {
            file,
            options: format!("-D'PROTOTYPE={prototype}' -D'CALL={kfunc}({zeros})' {more}"),
        }
    }
}

fn compile(
    root: &BuildRoot,
    kernel: &Kernel,
    programs: &[Program],
) -> Result<Vec<(String, Vec<u8>)>> {
    let folder = BuildRoot::own(&format!("doctor/{}", kernel.release()));
    let host_folder = root.host_path(&folder);
    fs::create_dir_all(&host_folder)?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("bpf/doctor.bpf.c");
    fs::copy(&source, host_folder.join("doctor.bpf.c"))
        .with_context(|| format!("cannot read {}", source.display()))?;
    let mut objects = Vec::new();
    for Program { file, options } in programs {
        let object = format!("{file}.bpf.o");
        root.run(
            &format!("doctor-{file}-{kernel}"),
            &format!(
                "cd {folder} && clang-19 -target bpf -g -O2 -Wall -Werror -I/usr/include/x86_64-linux-gnu {options} \
                 -c doctor.bpf.c -o {object}"
            ),
        )?;
        let content = fs::read(host_folder.join(&object))?;
        objects.push((object, content));
    }
    Ok(objects)
}

/// Whether each program came to what it must.
pub(super) fn judge(report: &Report, split: &Kfunc, unsplit: Option<&Kfunc>) -> Vec<String> {
    let mut expected = vec![
        ("split", 0, String::new()),
        ("split, raw", 0, String::new()),
    ];
    if let Some(Kfunc { name, .. }) = unsplit {
        let impl_missing = format!("cannot find function {name}_impl in BTF");
        let extern_differs = format!("extern (func ksym) '{name}': func_proto");
        expected.extend([
            ("unsplit", EINVAL, extern_differs),
            // No other prototype helps.
            ("unsplit, full", EINVAL, impl_missing.clone()),
            ("unsplit, weak", 0, String::new()),
            ("unsplit, raw", EINVAL, impl_missing),
        ]);
    }
    let mut failures = Vec::new();
    for (way, errno, text) in &expected {
        let load = report.loads.iter().find(|load| load.way == *way);
        match load {
            Some(load) if load.errno == *errno && load.text.contains(text) => {}
            Some(load) => failures.push(format!("{way}: errno {}: {}", load.errno, load.text)),
            None => failures.push(format!("{way}: not tried ({})", split.name)),
        }
    }
    // Each program that was loaded with libbpf was run, too.
    let ran = 1 + usize::from(unsplit.is_some());
    if report.held != ran {
        failures.push(format!("{} programs ran, not {ran}", report.held));
    }
    failures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Load;
    use kfunc_cli::Programs;

    fn kfunc(name: &str, source: Source) -> Kfunc {
        Kfunc {
            name: name.to_owned(),
            module: "vmlinux".to_owned(),
            sets: vec![SET.to_owned()],
            flags: Some(KfuncFlags::IMPLICIT_ARGS),
            programs: Programs::default(),
            prototype: format!("u32 {name}(s32 cpu, const struct bpf_prog_aux *aux)"),
            implicit: vec!["const struct bpf_prog_aux *aux".to_owned()],
            source,
            legacy_of: None,
            doc: String::new(),
        }
    }

    fn good_report() -> Report {
        let missing = "cannot find function bad_impl in BTF";
        let loads = [
            ("split", 0, ""),
            ("split, raw", 0, ""),
            (
                "unsplit",
                22,
                "libbpf: extern (func ksym) 'bad': func_proto [8] incompatible with vmlinux [9]",
            ),
            ("unsplit, full", 22, missing),
            ("unsplit, weak", 0, ""),
            ("unsplit, raw", 22, missing),
        ];
        let load = |(way, errno, text): (&str, i32, &str)| Load {
            way: way.to_owned(),
            errno,
            text: text.to_owned(),
        };
        Report {
            loads: loads.map(load).into(),
            held: 2,
            ..Report::default()
        }
    }

    #[test]
    fn every_program_must_come_to_what_is_expected() {
        let (split, unsplit) = (kfunc("good", Source::Pair), kfunc("bad", Source::Unsplit));
        let judged = |report: &Report| judge(report, &split, Some(&unsplit)).len();
        assert_eq!(judged(&good_report()), 0);
        for place in 0..good_report().loads.len() {
            let mut other = good_report();
            other.loads[place].errno ^= 22;
            assert_eq!(judged(&other), 1);
            let mut lost = good_report();
            lost.loads.remove(place);
            assert_eq!(judged(&lost), 1);
        }
        let mut silent = good_report();
        silent.loads[2].text.clear();
        silent.held = 1;
        assert_eq!(judged(&silent), 2);
    }

    #[test]
    fn programs_call_by_the_prototype_that_they_should_see() {
        let kfuncs = [kfunc("good", Source::Pair), kfunc("bad", Source::Unsplit)];
        let found = callable(&kfuncs, Source::Unsplit).unwrap();
        assert_eq!((&*found.name, &*public(found)), ("bad", "u32 bad(s32 cpu)"));
        let mut other = kfunc("other", Source::Unsplit);
        other.flags = Some(KfuncFlags::IMPLICIT_ARGS | KfuncFlags::RCU);
        assert!(callable(&[other], Source::Unsplit).is_none());
    }

    #[test]
    fn numbers_can_be_called_with_zeros() {
        assert!(only_numbers("void kick(s32 cpu, u64 flags)"));
        assert!(only_numbers("u32 cap(s32 cpu)"));
        for other in [
            "struct rq *cpu_rq(s32 cpu)",
            "void stop(char *fmt, u32 n)",
            "bool slice(u64 slice)",
            "void iter(struct it it, u64 id)",
        ] {
            assert!(!only_numbers(other), "{other}");
        }
    }
}
