// SPDX-License-Identifier: MIT OR Apache-2.0

//! The BTF of a file: a vmlinux, a module, or raw BTF as `/sys/kernel/btf` shows it.

use std::fs;
use std::path::Path;

use object::read::elf::ElfFile64;
use object::{Object as _, ObjectSection as _};

use crate::{Error, Result};

/// How an ELF file begins.
const ELF_MAGIC: &[u8] = b"\x7fELF";

/// The raw BTF of the file at `path`.
///
/// # Errors
///
/// The file cannot be read, or is an ELF file without BTF.
pub fn read_btf(path: &Path) -> Result<Vec<u8>> {
    let data = fs::read(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    if !data.starts_with(ELF_MAGIC) {
        return Ok(data);
    }
    let elf = ElfFile64::<object::Endianness>::parse(&*data)?;
    let section = elf.section_by_name(".BTF").ok_or(Error::NoBtf)?;
    Ok(section.data()?.to_vec())
}
