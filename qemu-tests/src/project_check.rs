// SPDX-License-Identifier: MIT OR Apache-2.0

//! A project as `cargo xtask new` writes it, used as its README.md says: built by plain `make`, packaged by dkms, and
//! tested in a guest by the test that it brings along.

use std::fs;
use std::path::Path;

use anyhow::{ensure, Context, Result};

use crate::boot::run_guest;
use crate::build_root::BuildRoot;
use crate::kernel::{Arch, Kernel, Skin};
use crate::progress::step;
use crate::verdict::{complaints, read, Report};
use crate::{facts, guest, initramfs, packages, project, qemu, rust_tree};

/// What the project is called, and its version in `template/dkms.conf`.
const NAME: &str = "flow_tags";
const VERSION: &str = "0.1.0";
/// The end of a module that is signed (`MODULE_SIG_STRING` of `include/linux/module_signature.h`).
const SIGNED: &[u8] = b"~Module signature appended~\n";

/// What came of one way to build the project.
#[derive(Clone, Debug)]
pub struct Checked {
    /// How it was built.
    pub how: &'static str,
    /// What the guest said.
    pub report: Report,
}

/// What a build of the project gives.
#[derive(Clone, Debug)]
struct Built {
    module: Vec<u8>,
    programs: Vec<u8>,
    test: Vec<u8>,
}

/// Builds a project for `kernel`, and boots it: by `make` against the stock headers, by dkms, and, where the kernel has Rust, by
/// `make` against a tree with its metadata. Nothing is said of other arches than that of the build root: `make` alone builds
/// for the machine that it runs on.
///
/// # Errors
///
/// It cannot be built or packaged, or the guest does not get to its end.
pub fn check(root: &BuildRoot, kernel: &Kernel) -> Result<Vec<Checked>> {
    if kernel.arch != Arch::Amd64 {
        return Ok(Vec::new());
    }
    packages::install(root, kernel)?;
    install_kfunc(root)?;
    let headers = format!("KDIR=/lib/modules/{}/build", kernel.release());
    let made = make(root, kernel, Skin::C, &headers)?;
    let packaged = Built {
        module: dkms(root, kernel)?,
        ..made.clone()
    };
    let mut all = vec![("make", made), ("dkms", packaged)];
    if facts::skin(root, kernel)? == Skin::Rust {
        let tree = rust_tree::prepare(root, kernel)?;
        // The tree was made by a compiler of that name.
        let variables = format!("KDIR={} CC={}", tree.objects, kernel.arch.compiler());
        let made = make(root, kernel, Skin::Rust, &variables)?;
        all.push(("make with the kernel's Rust", made));
    }
    let booted = all.iter().map(|(how, built)| {
        let report = boot(root, kernel, built).with_context(|| (*how).to_owned())?;
        Ok(Checked { how, report })
    });
    booted.collect()
}

/// A folder, inside, for what is made for `kernel`.
fn folder(kernel: &Kernel, what: &str) -> String {
    BuildRoot::own(&format!("project/{}/{what}", kernel.release()))
}

/// Where the command `kfunc` is, inside.
fn bin() -> String {
    BuildRoot::own("bin")
}

/// Puts the command of this repository into the build root.
fn install_kfunc(root: &BuildRoot) -> Result<()> {
    let status = std::process::Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package=kfunc-cli"])
        .status()?;
    ensure!(status.success(), "kfunc cannot be built");
    let ours = std::env::current_exe()?.with_file_name("kfunc");
    let bin = root.host_path(&bin());
    fs::create_dir_all(&bin)?;
    fs::copy(&ours, bin.join("kfunc")).with_context(|| format!("no {}", ours.display()))?;
    Ok(())
}

/// Writes the project anew; gives its folder, inside.
fn write(root: &BuildRoot, kernel: &Kernel, what: &str) -> Result<String> {
    let folder = folder(kernel, what);
    let host_folder = root.host_path(&folder);
    if host_folder.exists() {
        fs::remove_dir_all(&host_folder)?;
    }
    fs::create_dir_all(host_folder.parent().context("a folder is in another")?)?;
    project::write(NAME, &host_folder)?;
    Ok(folder)
}

/// Builds the project with the `variables` of make, which make it one of `skin`.
fn make(root: &BuildRoot, kernel: &Kernel, skin: Skin, variables: &str) -> Result<Built> {
    let (what, other) = match skin {
        Skin::C => ("c", "rust"),
        Skin::Rust => ("rust", "c"),
    };
    step(&format!("{kernel}: make in a new project, {skin}"), || {
        let folder = write(root, kernel, what)?;
        let log = format!("project-{what}-{kernel}");
        // Static, because the guest has no libraries.
        let elfutils = BuildRoot::own(&format!("guest/{}/elfutils.c", kernel.arch));
        guest::build(root, kernel.arch)?;
        root.run(
            &log,
            &format!(
                "cd {folder}
                 export PATH={bin}:$PATH
                 make -j$(nproc) {variables}
                 make {variables} CLANG=clang-19 LDFLAGS=-static LDLIBS='-lbpf -lelf -lz -lzstd {elfutils}' test",
                bin = bin()
            ),
        )?;
        let text = fs::read_to_string(root.log(&log))?;
        ensure!(!text.contains("warning:"), "make warns:\n{text}");
        let host_folder = root.host_path(&folder);
        let built = |skin| host_folder.join(format!("vendor/kernel-glue/skin/{skin}.o"));
        ensure!(
            built(what).exists() && !built(other).exists(),
            "the skin is not {what}"
        );
        check_modinfo(root, kernel, &format!("{folder}/{NAME}.ko"))?;
        Ok(Built {
            module: fs::read(host_folder.join(format!("{NAME}.ko")))?,
            programs: fs::read(host_folder.join(format!("{NAME}.bpf.o")))?,
            test: fs::read(host_folder.join(format!("{NAME}_test")))?,
        })
    })
}

/// Checks that modinfo says of a module what it must, once.
fn check_modinfo(root: &BuildRoot, kernel: &Kernel, module: &str) -> Result<()> {
    let text = root.output(&format!("modinfo {module}"))?;
    let lines: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(field, value)| (field, value.trim()))
        .collect();
    let vermagic = format!("{} SMP", kernel.release());
    let author = format!("The {NAME} authors");
    for (field, begin) in [
        ("name", NAME),
        ("version", VERSION),
        ("author", &author),
        ("description", "Kfuncs for BPF programs"),
        ("license", "GPL"),
        ("vermagic", &vermagic),
        ("parm", "way:"),
        ("parm", "slots:"),
        ("parm", "unbound:"),
    ] {
        let found = lines
            .iter()
            .filter(|(other, value)| *other == field && value.starts_with(begin));
        ensure!(
            found.count() == 1,
            "modinfo has not one '{field}: {begin}':\n{text}"
        );
    }
    Ok(())
}

/// Adds, builds, installs and removes the project with dkms; gives the module that was installed.
fn dkms(root: &BuildRoot, kernel: &Kernel) -> Result<Vec<u8>> {
    step(&format!("{kernel}: dkms with a new project"), || {
        let project = write(root, kernel, "dkms")?;
        let out = folder(kernel, "dkms-out");
        let release = kernel.release();
        root.run(
            &format!("dkms-{kernel}"),
            &format!(
                "export PATH={bin}:$PATH
                 rm -rf {out} && mkdir -p {out}
                 # What was left if this was interrupted.
                 dkms remove {NAME}/{VERSION} --all 2>/dev/null || rm -rf /var/lib/dkms/{NAME}
                 rm -rf /usr/src/{NAME}-{VERSION}
                 dkms add {project}
                 dkms build {NAME}/{VERSION} -k {release} || {{
                     cat /var/lib/dkms/{NAME}/{VERSION}/build/make.log
                     exit 1
                 }}
                 dkms install {NAME}/{VERSION} -k {release}
                 dkms status {NAME}/{VERSION} -k {release} | tee {out}/status
                 cp /lib/modules/{release}/updates/dkms/{NAME}.ko* {out}
                 [ ! -e {out}/{NAME}.ko.xz ] || unxz {out}/{NAME}.ko.xz
                 dkms remove {NAME}/{VERSION} --all
                 rm -r /usr/src/{NAME}-{VERSION}
                 find /lib/modules/{release} /var/lib/dkms -name '{NAME}*' > {out}/left",
                bin = bin()
            ),
        )?;
        let out_path = root.host_path(&out);
        let text = |name: &str| fs::read_to_string(out_path.join(name));
        let status = text("status")?;
        ensure!(status.trim_end().ends_with(": installed"), "dkms: {status}");
        let left = text("left")?;
        ensure!(left.is_empty(), "dkms remove leaves {left}");
        check_modinfo(root, kernel, &format!("{out}/{NAME}.ko"))?;
        let module = fs::read(Path::new(&out_path).join(format!("{NAME}.ko")))?;
        ensure!(module.ends_with(SIGNED), "dkms has not signed the module");
        Ok(module)
    })
}

/// Boots `kernel` with what was built, and judges what the project's own test said.
fn boot(root: &BuildRoot, kernel: &Kernel, built: &Built) -> Result<Report> {
    let guest = guest::build(root, kernel.arch)?;
    let name = |end: &str| format!("{NAME}{end}");
    let archive = initramfs::pack(&[
        ("init", &guest.init),
        (&name(".ko"), &built.module),
        (&name(".bpf.o"), &built.programs),
        (&name("_test"), &built.test),
    ])?;
    let console = run_guest(
        root,
        kernel,
        "project-boot",
        &archive,
        &format!("project={NAME}"),
    )?;
    let (mut report, log) = read(&console).with_context(|| qemu::tail(&console))?;
    report.failures.extend(complaints(&log));
    if !log.iter().any(|line| line.contains("2 kfuncs, bound")) {
        report
            .failures
            .push("the module has not said that it was loaded".to_owned());
    }
    Ok(report)
}
