// SPDX-License-Identifier: MIT OR Apache-2.0

//! Rules for the source itself.

use std::process::Command;

use anyhow::{ensure, Context, Result};

use crate::module::repository;

/// Which crate of ours may use which, the tests apart: what is left out may use all.
const LAYERS: &[(&str, &[&str])] = &[
    ("btf-core", &[]),
    ("kfunc-abi", &["btf-core"]),
    ("verifier-fixup", &["btf-core", "kfunc-abi"]),
    ("kernel-glue", &["btf-core", "kfunc-abi", "verifier-fixup"]),
];
/// The crates from elsewhere that the kernel side may use.
const KERNEL_SIDE_DEPENDENCIES: &[&str] = &["bitflags"];
/// Lines within which a file names its licence.
const LICENCE_LINES: usize = 3;
/// Files that cannot name their licence, by the ends of their names.
const WITHOUT_LICENCE: &[&str] = &["Cargo.lock", ".gitignore", "rustfmt.toml", ".md"];
/// Folders of such files.
const FOLDERS_WITHOUT_LICENCE: &[&str] = &["LICENSES/", "fuzz/seeds/", "kfunc-cli/tests/expected/"];

/// What goes into modules. Nothing there may go by the version of the kernel: its headers and its BTF are asked.
const KERNEL_SIDE: &[&str] = &["btf-core/", "kfunc-abi/", "verifier-fixup/", "kernel-glue/"];
/// How C, make and Rust would ask for it.
const VERSION_CHECKS: &[&str] = &[
    "LINUX_VERSION_CODE",
    "KERNEL_VERSION(",
    "$(VERSION)",
    "$(PATCHLEVEL)",
    "$(KERNELVERSION)",
    "cfg(linux_version",
];

/// Checks the rules that no compiler checks.
///
/// # Errors
///
/// The rule that is broken, and where.
pub fn check() -> Result<()> {
    check_layers()?;
    check_licences()?;
    check_versions()
}

fn check_layers() -> Result<()> {
    for (name, allowed) in LAYERS {
        let output = Command::new(env!("CARGO"))
            .args([
                "tree",
                "--prefix=none",
                "--edges=normal",
                "--depth=1",
                "--package",
                name,
            ])
            .output()?;
        ensure!(output.status.success(), "cargo tree failed for {name}");
        let tree = String::from_utf8(output.stdout)?;
        for line in tree.lines().skip(1) {
            let used = line.split(' ').next().unwrap_or_default();
            ensure!(
                allowed.contains(&used) || KERNEL_SIDE_DEPENDENCIES.contains(&used),
                "{name} must not use {used}"
            );
        }
    }
    Ok(())
}

/// The names of all files, as git lists them.
fn files() -> Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(repository())
        .output()
        .context("git cannot be run")?;
    ensure!(output.status.success(), "git ls-files failed");
    let names = String::from_utf8(output.stdout)?;
    Ok(names.lines().map(str::to_owned).collect())
}

fn check_versions() -> Result<()> {
    let ours = |name: &String| KERNEL_SIDE.iter().any(|folder| name.starts_with(folder));
    for name in files()?.iter().filter(|name| ours(name)) {
        let path = repository().join(name);
        if !path.exists() {
            continue;
        }
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {name}"))?;
        let check = VERSION_CHECKS.iter().find(|check| text.contains(**check));
        ensure!(
            check.is_none(),
            "{name} asks for the kernel's version: {}",
            check.unwrap_or(&"")
        );
    }
    Ok(())
}

fn check_licences() -> Result<()> {
    for name in files()? {
        let excused = WITHOUT_LICENCE.iter().any(|end| name.ends_with(end))
            || FOLDERS_WITHOUT_LICENCE
                .iter()
                .any(|folder| name.starts_with(folder));
        let path = repository().join(&name);
        if excused || !path.exists() {
            continue;
        }
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {name}"))?;
        let named = text
            .lines()
            .take(LICENCE_LINES)
            .any(|line| line.contains("SPDX-License-Identifier:"));
        ensure!(named, "{name} does not name its licence");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kernel_version_is_asked_for() {
        check_versions().unwrap();
    }
}
