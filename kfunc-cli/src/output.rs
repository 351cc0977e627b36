// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is printed, and files that are never there by half.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use kfunc_cli::{Error, Result};

/// Prints `text`.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).map_err(Error::Output)
}

/// Files beside their places, until all of them are whole. Those that never get there are removed.
#[derive(Default)]
pub(crate) struct Unfinished {
    paths: Vec<PathBuf>,
}

impl Unfinished {
    /// Writes what is to be at `path`.
    pub(crate) fn write(&mut self, path: &Path, content: &[u8]) -> Result<()> {
        self.paths.push(path.to_owned());
        fs::write(unfinished(path), content).map_err(|source| failed(path, source))
    }

    /// Puts all in their places.
    pub(crate) fn finish(mut self) -> Result<()> {
        for path in &self.paths {
            fs::rename(unfinished(path), path).map_err(|source| failed(path, source))?;
        }
        self.paths.clear();
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        for path in &self.paths {
            // It may be that it was not written.
            let _ = fs::remove_file(unfinished(path));
        }
    }
}

/// Writes one file.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<()> {
    let mut files = Unfinished::default();
    files.write(path, content)?;
    files.finish()
}

/// The file `path` with `suffix` behind its name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn unfinished(path: &Path) -> PathBuf {
    beside(path, ".tmp")
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::Write {
        path: path.to_owned(),
        source,
    }
}
