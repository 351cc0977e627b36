// SPDX-License-Identifier: MIT OR Apache-2.0

//! The BTF of a file: a vmlinux, a module, a BPF object, or raw BTF as `/sys/kernel/btf` shows it.

use std::fs;
use std::path::Path;

use object::{File, Object as _, ObjectSection as _};

use crate::{Error, Result};

/// How an ELF file begins.
const ELF_MAGIC: &[u8] = b"\x7fELF";

/// How compressed files begin, and what decompresses them.
const COMPRESSED: [(&[u8], &str); 3] = [
    (b"\xfd7zXZ\0", "xz -d"),
    (b"\x28\xb5\x2f\xfd", "zstd -d"),
    (b"\x1f\x8b", "gzip -d"),
];

/// A file's BTF, and what the file says about it.
#[derive(Clone, Debug, Default)]
pub struct BtfFile {
    /// The raw BTF: section `.BTF` of an ELF file, or all of another file.
    pub btf: Vec<u8>,
    /// Section `.BTF.base`: of the base of a split BTF, as much as the split part needs.
    pub distilled_base: Option<Vec<u8>>,
    /// Bytes of a pointer, by the class of an ELF file.
    pub pointer_size: Option<u32>,
}

impl BtfFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is an ELF file without BTF.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(read(path)?)
    }

    /// What is in the file `data`.
    ///
    /// # Errors
    ///
    /// A compressed file, or an ELF file without BTF.
    pub fn parse(data: Vec<u8>) -> Result<Self> {
        if let Some((_, tool)) = COMPRESSED.iter().find(|(magic, _)| data.starts_with(magic)) {
            return Err(Error::Compressed(tool));
        }
        if !is_elf(&data) {
            return Ok(Self {
                btf: data,
                ..Self::default()
            });
        }
        let elf = File::parse(&*data)?;
        let section = |name| -> Result<Option<Vec<u8>>> {
            let section = elf.section_by_name(name);
            Ok(section
                .map(|section| section.data())
                .transpose()?
                .map(<[u8]>::to_vec))
        };
        Ok(Self {
            btf: section(".BTF")?.ok_or(Error::NoBtf)?,
            distilled_base: section(".BTF.base")?,
            pointer_size: Some(if elf.is_64() { 8 } else { 4 }),
        })
    }
}

/// Whether the file `data` is an ELF file.
pub(crate) fn is_elf(data: &[u8]) -> bool {
    data.starts_with(ELF_MAGIC)
}

/// The content of the file at `path`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })
}

/// The raw BTF of the file at `path`.
///
/// # Errors
///
/// As [`BtfFile::read`].
pub fn read_btf(path: &Path) -> Result<Vec<u8>> {
    Ok(BtfFile::read(path)?.btf)
}
