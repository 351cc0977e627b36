// SPDX-License-Identifier: MIT OR Apache-2.0

//! Every target on its seeds, without a fuzzing engine.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::seeds;

/// The targets, as `fuzz_targets` has them.
type Check = fn(&[u8]);
const TARGETS: [(&str, Check); 8] = [
    ("parse", crate::parse::check),
    ("validate", crate::validate::check),
    ("write", crate::write::check),
    ("dedup", crate::dedup::check),
    ("relocate", crate::relocate::check),
    ("rewrite", crate::rewrite::check),
    ("bind", crate::bind::check),
    ("text", crate::text::check),
];

fn files_in(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn every_target_holds_for_its_seeds() {
    for (target, check) in TARGETS {
        let files = files_in(&seeds::folder().join(target));
        assert!(!files.is_empty(), "{target} has no seeds");
        for file in files {
            println!("{}", file.display());
            check(&fs::read(&file).unwrap());
        }
    }
}

#[test]
fn no_target_is_without_its_test() {
    let tested: BTreeSet<_> = TARGETS.iter().map(|(target, _)| *target).collect();
    let stems = |folder: &Path| -> BTreeSet<_> {
        let files = files_in(folder).into_iter();
        files
            .map(|file| file.file_stem().unwrap().to_owned())
            .collect()
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["fuzz_targets", "seeds"] {
        let there = stems(&root.join(folder));
        assert!(
            there.iter().eq(tested.iter().copied()),
            "{folder}: {there:?}"
        );
    }
}

#[test]
fn seeds_are_as_they_are_made() {
    let made = seeds::all();
    for seed in &made {
        let kept = fs::read(seed.file());
        assert!(kept.is_ok_and(|kept| kept == seed.bytes), "{}", seed.name);
    }
    let kept = TARGETS.map(|(target, _)| files_in(&seeds::folder().join(target)).len());
    assert_eq!(kept.iter().sum::<usize>(), made.len());
}
