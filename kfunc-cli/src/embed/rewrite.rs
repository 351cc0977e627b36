// SPDX-License-Identifier: MIT OR Apache-2.0

//! An ELF file with other sections. What follows its end, such as a signature, is not part of it.

use std::borrow::Cow;
use std::mem::offset_of;

use object::build::elf::{Builder, SectionData};
use object::read::elf::{FileHeader, SectionHeader};
use object::{elf, Endianness, U32};

use crate::Result;

/// A table of symbols whose address matters, for linkers: `SHT_LLVM_ADDRSIG` of LLVM's ELF.h. Clang and rustc write it.
const SHT_LLVM_ADDRSIG: u32 = 0x6fff_4c03;
/// The name of that table.
const ADDRSIG: &[u8] = b".llvm_addrsig";

/// What becomes of the sections of an ELF file.
#[derive(Default)]
pub(crate) struct Rewritten {
    /// Other content.
    changed: Vec<(&'static str, Vec<u8>)>,
    /// Removed, and, with content, added as the last ones.
    replaced: Vec<(&'static str, Option<Vec<u8>>)>,
}

impl Rewritten {
    /// Gives `section` other content.
    pub(crate) fn change(&mut self, section: &'static str, content: Vec<u8>) {
        self.changed.push((section, content));
    }

    /// Removes `section`, and adds it again if there is content for it.
    pub(crate) fn replace(&mut self, section: &'static str, content: Option<Vec<u8>>) {
        self.replaced.push((section, content));
    }

    /// The ELF file `data`, so rewritten.
    pub(crate) fn write(self, data: &[u8]) -> Result<Vec<u8>> {
        let data = without_addrsig_type(data)?;
        let mut builder = Builder::read(&*data)?;
        for section in &mut builder.sections {
            let is = |name: &str| section.name.as_slice() == name.as_bytes();
            // Its indices would not be kept up; nobody links a module.
            section.delete = section.name.as_slice() == ADDRSIG
                || self.replaced.iter().any(|(name, _)| is(name));
            let changed = self.changed.iter().find(|(name, _)| is(name));
            if let Some((_, content)) = changed {
                section.data = SectionData::Data(content.clone().into());
            }
        }
        for (name, content) in self.replaced {
            let Some(content) = content else {
                continue;
            };
            let section = builder.sections.add();
            section.name = name.into();
            section.sh_type = elf::SHT_PROGBITS;
            section.sh_addralign = 1;
            section.data = SectionData::Data(content.into());
        }
        let mut out = Vec::new();
        builder.write(&mut out)?;
        Ok(out)
    }
}

/// The ELF file `data`, with no section of a type that `Builder` does not know.
fn without_addrsig_type(data: &[u8]) -> Result<Cow<'_, [u8]>> {
    let header = elf::FileHeader64::<Endianness>::parse(data)?;
    let endian = header.endian()?;
    let sections = header.section_headers(endian, data)?;
    let of_addrsig = sections
        .iter()
        .enumerate()
        .filter(|(_, section)| section.sh_type(endian) == SHT_LLVM_ADDRSIG);
    let start = usize::try_from(header.e_shoff(endian)).unwrap_or(usize::MAX);
    let mut data = Cow::Borrowed(data);
    for (index, _) in of_addrsig {
        let entry = index.saturating_mul(size_of::<elf::SectionHeader64<Endianness>>());
        let at =
            start.saturating_add(entry) + offset_of!(elf::SectionHeader64<Endianness>, sh_type);
        let plain = U32::new(endian, elf::SHT_PROGBITS);
        if let Some(kind) = data.to_mut().get_mut(at..at.saturating_add(4)) {
            kind.copy_from_slice(object::bytes_of(&plain));
        }
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use object::{Object, ObjectSection};

    /// A file with a table as clang writes it.
    fn with_addrsig() -> Vec<u8> {
        let mut builder = Builder::new(Endianness::Little, true);
        builder.header.e_type = elf::ET_REL;
        builder.header.e_machine = elf::EM_X86_64;
        for name in [".shstrtab", ".llvm_addrsig", ".text"] {
            let section = builder.sections.add();
            section.name = name.into();
            section.sh_addralign = 1;
            (section.sh_type, section.data) = match name {
                ".shstrtab" => (elf::SHT_STRTAB, SectionData::SectionString),
                _ => (elf::SHT_PROGBITS, SectionData::Data(vec![1, 2].into())),
            };
        }
        let mut data = Vec::new();
        builder.write(&mut data).unwrap();
        let header = elf::FileHeader64::<Endianness>::parse(&*data).unwrap();
        let endian = header.endian().unwrap();
        let sections = header.sections(endian, &*data).unwrap();
        let (index, _) = sections.section_by_name(endian, ADDRSIG).unwrap();
        let size = size_of::<elf::SectionHeader64<Endianness>>();
        let at = header.e_shoff(endian) as usize + index.0 * size + 4;
        data[at..at + 4].copy_from_slice(&SHT_LLVM_ADDRSIG.to_le_bytes());
        data
    }

    #[test]
    fn what_only_linkers_read_is_left_out() {
        let data = with_addrsig();
        assert!(Builder::read(&*data).is_err());
        let written = Rewritten::default().write(&data).unwrap();
        let file = object::File::parse(&*written).unwrap();
        assert!(file.section_by_name(".llvm_addrsig").is_none());
        let text = file.section_by_name(".text").unwrap();
        assert_eq!(text.data().unwrap(), [1, 2]);
    }

    #[test]
    fn a_file_without_such_a_table_is_not_copied() {
        let data = Rewritten::default().write(&with_addrsig()).unwrap();
        assert!(matches!(
            without_addrsig_type(&data).unwrap(),
            Cow::Borrowed(_)
        ));
        assert!(without_addrsig_type(b"not ELF").is_err());
    }
}
