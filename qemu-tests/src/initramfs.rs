// SPDX-License-Identifier: MIT OR Apache-2.0

//! The archive that a guest starts from.

use std::io::Write;

use anyhow::Result;
use cpio::newc::{trailer, Builder};

/// A regular file that everybody may read and run.
const MODE: u32 = 0o100_755;

/// An archive (newc) of files in its root.
///
/// # Errors
///
/// None while memory lasts.
pub fn pack(files: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let mut archive = Vec::new();
    for (inode, (name, content)) in (1..).zip(files) {
        let size = u32::try_from(content.len())?;
        let mut entry = Builder::new(name)
            .ino(inode)
            .mode(MODE)
            .write(&mut archive, size);
        entry.write_all(content)?;
        entry.finish()?;
    }
    trailer(&mut archive)?;
    Ok(archive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_names_and_content() {
        let archive = pack(&[("init", b"hello")]).unwrap();
        let reader = cpio::NewcReader::new(&*archive).unwrap();
        assert_eq!(
            (reader.entry().name(), reader.entry().file_size()),
            ("init", 5)
        );
    }
}
