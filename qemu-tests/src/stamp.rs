// SPDX-License-Identifier: MIT OR Apache-2.0

//! Knowing whether something in the cache is whole, and of what it was made.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// Hexadecimal digits of a key.
const KEY_LEN: usize = 16;

/// A short name for the content of `parts`.
pub fn key<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    let mut key = format!("{:x}", hash.finalize());
    key.truncate(KEY_LEN);
    key
}

/// Makes the folder `dir` by `make`, unless it is whole and was made for `key` already. What was left by a make
/// that failed is removed first. A thread that finds another at it waits.
///
/// # Errors
///
/// Those of `make`, and of the file system.
pub fn make_once(dir: &Path, key: &str, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let _busy = Busy::wait(dir);
    let stamp = dir.join(".complete");
    if fs::read_to_string(&stamp).is_ok_and(|made_for| made_for == key) {
        return Ok(());
    }
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    make()?;
    fs::write(&stamp, key).with_context(|| format!("cannot write {}", stamp.display()))
}

/// The folders that are being made, by which a thread each.
static BUSY: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
static NO_LONGER_BUSY: Condvar = Condvar::new();

/// A folder that only this thread makes.
struct Busy<'d>(&'d Path);

impl<'d> Busy<'d> {
    fn wait(dir: &'d Path) -> Self {
        let wait = NO_LONGER_BUSY.wait_while(busy(), |busy| busy.contains(dir));
        let mut busy = wait.unwrap_or_else(PoisonError::into_inner);
        busy.insert(dir.to_owned());
        Self(dir)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        busy().remove(self.0);
        NO_LONGER_BUSY.notify_all();
    }
}

/// A thread that panicked has left the set as it should be.
fn busy() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    BUSY.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_again_only_for_another_key_or_after_a_failure() {
        let dir = std::env::temp_dir().join(format!("stamp-test-{}", std::process::id()));
        let mut made = 0;
        let mut make = |key: &str, fails: bool| {
            make_once(&dir, key, || {
                made += 1;
                anyhow::ensure!(!fails, "asked to fail");
                Ok(())
            })
            .is_ok()
        };
        assert!(make("a", false) && make("a", false));
        assert!(!make("b", true) && make("b", false));
        assert_eq!(made, 3);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn keys_tell_parts_apart() {
        assert_ne!(key([b"ab".as_slice(), b"c"]), key([b"a".as_slice(), b"bc"]));
    }

    #[test]
    fn threads_that_want_the_same_make_it_once() {
        let dir = std::env::temp_dir().join(format!("stamp-threads-{}", std::process::id()));
        let made = std::sync::atomic::AtomicU32::new(0);
        let make = || {
            std::thread::sleep(std::time::Duration::from_millis(20));
            made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Ok(())
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| make_once(&dir, "key", make).unwrap());
            }
        });
        fs::remove_dir_all(&dir).unwrap();
        assert_eq!(made.into_inner(), 1);
    }
}
