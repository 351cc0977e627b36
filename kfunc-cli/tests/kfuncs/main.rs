// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc list`, `kfunc header` and `kfunc doctor` on small kernels and modules made here, good and bad. What they say of
//! whole kernels is checked by the boot tests.

#[path = "../command/mod.rs"]
mod command;
mod doctor;
mod header;
mod kernel;
mod list;

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

/// A file in `folder`.
fn file(folder: &TempDir, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}
