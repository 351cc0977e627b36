// SPDX-License-Identifier: MIT OR Apache-2.0

//! A kernel module before it is linked: sections, symbols, relocations.

use kfunc_abi::call::Arch;
use kfunc_abi::{record, KernelVersion};
use object::read::elf::{ElfFile64, ElfSymbol64};
use object::{
    Architecture, Object as _, ObjectSection as _, ObjectSymbol as _, SectionIndex, SymbolIndex,
};

use crate::{Error, Result};

/// A module's ELF file.
pub(crate) struct Module<'a> {
    elf: ElfFile64<'a, object::Endianness>,
    arch: Arch,
}

/// Where a symbol is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) section: SectionIndex,
    pub(crate) offset: u64,
}

/// A word of a section that the module loader fills in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relocation {
    pub(crate) offset: u64,
    pub(crate) kind: u32,
    pub(crate) target: Place,
    pub(crate) addend: i64,
}

impl<'a> Module<'a> {
    pub(crate) fn parse(data: &'a [u8]) -> Result<Self> {
        let elf = ElfFile64::parse(data)?;
        let arch = match elf.architecture() {
            Architecture::X86_64 => Arch::X86_64,
            Architecture::Aarch64 => Arch::Arm64,
            _ => return Err(Error::Machine),
        };
        Ok(Self { elf, arch })
    }

    pub(crate) fn arch(&self) -> Arch {
        self.arch
    }

    /// The section with the declarations.
    pub(crate) fn declarations(&self) -> Result<&'a [u8]> {
        self.section(record::SECTION)?
            .ok_or(Error::NoDeclarations(record::SECTION))
    }

    /// The section of this name.
    pub(crate) fn section(&self, name: &str) -> Result<Option<&'a [u8]>> {
        let section = self.elf.section_by_name(name);
        Ok(section.map(|section| section.data()).transpose()?)
    }

    /// The symbols in the section of this name, and where they are in it.
    pub(crate) fn symbols_of(&self, name: &str) -> Result<Vec<(&'a str, u64)>> {
        let Some(section) = self.elf.section_by_name(name) else {
            return Ok(Vec::new());
        };
        let inside = |symbol: &ElfSymbol64<'_, '_>| symbol.section_index() == Some(section.index());
        let symbols = self.elf.symbols().filter(inside);
        symbols
            .map(|symbol| Ok((symbol.name()?, symbol.address())))
            .collect()
    }

    /// The kernel that the module is for, from its vermagic.
    pub(crate) fn kernel(&self) -> Result<KernelVersion> {
        let info = self.section(".modinfo")?.unwrap_or_default();
        let vermagic = info
            .split(|byte| *byte == 0)
            .find_map(|entry| entry.strip_prefix(b"vermagic="))
            .ok_or(Error::NoVermagic)?;
        KernelVersion::parse(vermagic)
            .ok_or_else(|| Error::Vermagic(String::from_utf8_lossy(vermagic).into_owned()))
    }

    pub(crate) fn symbol(&self, name: &str) -> Option<Place> {
        place(
            self.elf
                .symbols()
                .find(|symbol| symbol.name() == Ok(name))?,
        )
    }

    /// How many symbols of this name there are in sections of the module.
    pub(crate) fn count_symbols(&self, name: &str) -> usize {
        let symbols = self.elf.symbols();
        symbols
            .filter(|symbol| symbol.name() == Ok(name) && symbol.section_index().is_some())
            .count()
    }

    pub(crate) fn data(&self, section: SectionIndex) -> Result<&'a [u8]> {
        Ok(self.elf.section_by_index(section)?.data()?)
    }

    /// The relocations of `section`. Those against undefined symbols are left out.
    pub(crate) fn relocations(&self, section: SectionIndex) -> Result<Vec<Relocation>> {
        let section = self.elf.section_by_index(section)?;
        let relocations = section.relocations().filter_map(|(offset, relocation)| {
            let object::RelocationTarget::Symbol(symbol) = relocation.target() else {
                return None;
            };
            let object::RelocationFlags::Elf { r_type } = relocation.flags() else {
                return None;
            };
            Some(Relocation {
                offset,
                kind: r_type,
                target: self.symbol_place(symbol)?,
                addend: relocation.addend(),
            })
        });
        Ok(relocations.collect())
    }

    fn symbol_place(&self, symbol: SymbolIndex) -> Option<Place> {
        place(self.elf.symbol_by_index(symbol).ok()?)
    }
}

fn place<'a>(symbol: impl object::ObjectSymbol<'a>) -> Option<Place> {
    Some(Place {
        section: symbol.section_index()?,
        offset: symbol.address(),
    })
}
