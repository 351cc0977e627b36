// SPDX-License-Identifier: MIT OR Apache-2.0

//! An ELF file with other sections. What follows its end, such as a signature, is not part of it.

use object::build::elf::{Builder, SectionData};
use object::elf;

use crate::Result;

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
        let mut builder = Builder::read(data)?;
        for section in &mut builder.sections {
            let is = |name: &str| section.name.as_slice() == name.as_bytes();
            section.delete = self.replaced.iter().any(|(name, _)| is(name));
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
