// SPDX-License-Identifier: MIT OR Apache-2.0

//! A module project of its own, outside of this repository: what `cargo xtask new` writes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure, Context, Result};

use crate::module::{bitflags_package, copy_file, copy_folder, repository};

/// What the module is called in the templates.
const PLACEHOLDER: &str = "my_kfuncs";

/// The templates, and the names of their files in a project.
const TEMPLATES: &[(&str, &str)] = &[
    (".gitignore", include_str!("../template/gitignore")),
    ("Kbuild", include_str!("../template/Kbuild")),
    ("Makefile", include_str!("../template/Makefile")),
    ("README.md", include_str!("../template/README.md")),
    ("dkms.conf", include_str!("../template/dkms.conf")),
    (
        "my_kfuncs.bpf.c",
        include_str!("../template/my_kfuncs.bpf.c"),
    ),
    ("src/kfuncs.rs", include_str!("../template/src/kfuncs.rs")),
    ("test.c", include_str!("../template/test.c")),
];

/// What a project has copies of, in its folder `vendor`: folders and files of this repository.
const VENDORED_FOLDERS: &[&str] = &[
    "LICENSES",
    "btf-core/src",
    "kernel-glue/skin",
    "kernel-glue/src",
    "kfunc-abi/src",
    "verifier-fixup/src",
];
const VENDORED_FILES: &[&str] = &[
    "kernel-glue/Kbuild",
    "kernel-glue/README.md",
    "kernel-glue/freestanding.mk",
];
/// What they have of bitflags.
const BITFLAGS_FILES: &[&str] = &["LICENSE-APACHE", "LICENSE-MIT"];

/// Characters of the longest name. The kernel allows 55 for a module (`MODULE_NAME_LEN` of `include/linux/module.h`).
const MAX_NAME_LEN: usize = 40;
/// Names that `kernel-glue/Kbuild` gives to objects of its own.
const TAKEN_NAMES: &[&str] = &["freestanding"];

/// Writes a project for the module `name` into the new folder `folder`: all of it, or nothing.
///
/// # Errors
///
/// No such name can be, the folder is there already, or cannot be written.
pub fn write(name: &str, folder: &Path) -> Result<()> {
    check_name(name)?;
    ensure!(
        fs::symlink_metadata(folder).is_err(),
        "{} is there already",
        folder.display()
    );
    let parent = match folder.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    // A folder beside it, which goes if anything fails.
    let unfinished = tempfile::Builder::new()
        .prefix(&format!(".{name}-"))
        .tempdir_in(parent)
        .with_context(|| format!("cannot write into {}", parent.display()))?;
    let project = unfinished.path().join(name);
    fs::create_dir(&project)?;
    fill(name, &project)?;
    fs::rename(&project, folder).with_context(|| format!("cannot make {}", folder.display()))
}

/// Checks that `name` can be that of a module, and a part of identifiers.
fn check_name(name: &str) -> Result<()> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    let only = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !starts_well || !name.chars().all(only) {
        bail!("'{name}' cannot be a module's name: it has to be of a-z, 0-9 and _, and begin with a letter");
    }
    ensure!(
        name.len() <= MAX_NAME_LEN,
        "'{name}' is too long: {MAX_NAME_LEN} characters are allowed"
    );
    ensure!(
        !TAKEN_NAMES.contains(&name),
        "'{name}' is the name of a part of every module"
    );
    Ok(())
}

fn fill(name: &str, project: &Path) -> Result<()> {
    for (file, template) in TEMPLATES {
        let path = project.join(file.replace(PLACEHOLDER, name));
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let text = template.replace(PLACEHOLDER, name).replace(
            &PLACEHOLDER.to_ascii_uppercase(),
            &name.to_ascii_uppercase(),
        );
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    vendor(&project.join("vendor"))
}

fn vendor(to: &Path) -> Result<()> {
    for folder in VENDORED_FOLDERS {
        copy_folder(&repository().join(folder), &to.join(folder))?;
    }
    for file in VENDORED_FILES {
        copy_file(&repository().join(file), &to.join(file))?;
    }
    let bitflags: PathBuf = bitflags_package()?;
    copy_folder(&bitflags.join("src"), &to.join("bitflags/src"))?;
    for file in BITFLAGS_FILES {
        copy_file(&bitflags.join(file), &to.join("bitflags").join(file))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All files below `folder`, with their text.
    fn texts(folder: &Path) -> Vec<(PathBuf, String)> {
        let mut all = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                all.extend(texts(&path));
            } else {
                let text = fs::read_to_string(&path).unwrap();
                all.push((path, text));
            }
        }
        all
    }

    #[test]
    fn a_project_bears_its_name_and_stands_alone() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("project");
        write("flow_tags", &folder).unwrap();
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
        assert!(folder.join("flow_tags.bpf.c").exists());
        let kfuncs = fs::read_to_string(folder.join("src/kfuncs.rs")).unwrap();
        assert!(kfuncs.contains("Module::new(\"flow_tags\", &[&FLOW_TAGS])"));
        let repository = fs::canonicalize(repository()).unwrap();
        for (path, text) in texts(&folder) {
            let lower = text.to_lowercase();
            assert!(!lower.contains(PLACEHOLDER), "{}", path.display());
            assert!(
                !text.contains(repository.to_str().unwrap()),
                "{}",
                path.display()
            );
        }
    }

    #[test]
    fn nothing_is_written_over_and_nothing_is_left() {
        let place = tempfile::tempdir().unwrap();
        let error = write("ours", place.path()).unwrap_err().to_string();
        assert!(error.ends_with("is there already"), "{error}");
        assert!(write("ours", &place.path().join("no/folder")).is_err());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn names_that_cannot_be_are_refused() {
        let too_long = "a".repeat(MAX_NAME_LEN + 1);
        for name in [
            "",
            "9lives",
            "_hidden",
            "with-dash",
            "With_Capital",
            "../up",
            "a b",
            "naïve",
            "freestanding",
            &too_long,
        ] {
            let place = tempfile::tempdir().unwrap();
            assert!(write(name, &place.path().join("x")).is_err(), "{name}");
            assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        }
        for name in ["a", "self", "fn", "kfunc_7", &"a".repeat(MAX_NAME_LEN)] {
            check_name(name).unwrap();
        }
    }
}
