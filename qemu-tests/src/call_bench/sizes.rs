// SPDX-License-Identifier: MIT OR Apache-2.0

//! What of a module stays in memory.

use anyhow::{ensure, Result};
use object::read::elf::ElfFile64;
use object::{elf, Object, ObjectSection, ObjectSymbol, SectionFlags, SymbolSection};

/// The kfunc of the bench whose parts are told apart, and its slots (`kernel-glue/bench/kfuncs.rs`).
const KFUNC: &str = "bench_state";
const SLOTS: u64 = 16;
/// What the symbols of a slot's parts have in their names.
const SLOT_PARTS: &[&str] = &[
    "__KFUNC_OWNERS",
    "__KFUNC_BIRTHS",
    "__kfunc_slots_",
    "STORES",
    ".stub.",
];

/// How the names of sections begin that are gone after insmod, or are there for rmmod only, or do not tell of the module.
const GONE: &[&str] = &[".init", ".exit", ".note", "__versions", ".BTF.base"];

/// Bytes of a module.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sizes {
    /// Code, but for init and exit.
    pub(super) text: u64,
    /// Data that is only read.
    pub(super) read_only: u64,
    /// Other data.
    pub(super) data: u64,
    /// BTF.
    pub(super) btf: u64,
    /// What a kfunc with slots takes, but for those.
    pub(super) kfunc: u64,
    /// What one of its slots takes: all memory that there is for a program.
    pub(super) slot: u64,
}

/// The sizes of the bench's module.
pub(super) fn of_module(module: &[u8]) -> Result<Sizes> {
    let file = ElfFile64::<object::Endianness>::parse(module)?;
    let mut sizes = Sizes::default();
    for section in file.sections() {
        sizes.add_section(section.name()?, section.flags(), section.size());
    }
    let (mut all, mut slots) = (0, 0);
    for symbol in file.symbols() {
        let name = symbol.name()?;
        let SymbolSection::Section(index) = symbol.section() else {
            continue;
        };
        if !name.contains(KFUNC) || !is_loaded(file.section_by_index(index)?.flags()) {
            continue;
        }
        all += symbol.size();
        if SLOT_PARTS.iter().any(|part| name.contains(part)) {
            slots += symbol.size();
        }
    }
    ensure!(
        slots > 0 && slots % SLOTS == 0 && all > slots,
        "{KFUNC}: {slots} of {all} bytes are slots"
    );
    sizes.slot = slots / SLOTS;
    sizes.kfunc = all - slots;
    Ok(sizes)
}

impl Sizes {
    /// Each with its name and what it is.
    pub(super) fn named(&self) -> [(&'static str, &'static str, u64); 6] {
        [
            ("text", "text", self.text),
            ("read_only", "read-only data", self.read_only),
            ("data", "data", self.data),
            ("btf", "BTF", self.btf),
            ("kfunc", "of these a kfunc without its slots", self.kfunc),
            ("slot", "of these a slot", self.slot),
        ]
    }

    fn add_section(&mut self, name: &str, flags: SectionFlags, size: u64) {
        let what = match bits(flags) {
            // The kernel keeps a copy of this; of .BTF.base nothing.
            _ if name == ".BTF" => &mut self.btf,
            bits if bits & elf::SHF_ALLOC == 0 => return,
            // Gone after insmod, or there for rmmod only.
            _ if GONE.iter().any(|start| name.starts_with(start)) => return,
            bits if bits & elf::SHF_EXECINSTR != 0 => &mut self.text,
            bits if bits & elf::SHF_WRITE != 0 => &mut self.data,
            _ => &mut self.read_only,
        };
        *what += size;
    }
}

fn is_loaded(flags: SectionFlags) -> bool {
    bits(flags) & elf::SHF_ALLOC != 0
}

fn bits(flags: SectionFlags) -> u32 {
    match flags {
        SectionFlags::Elf { sh_flags } => sh_flags as u32,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_told_apart() {
        let mut sizes = Sizes::default();
        let flags = |bits: u32| SectionFlags::Elf {
            sh_flags: bits.into(),
        };
        let (alloc, exec, write) = (elf::SHF_ALLOC, elf::SHF_EXECINSTR, elf::SHF_WRITE);
        for (name, bits, size) in [
            (".text", alloc | exec, 1),
            (".text.kfunc_stubs", alloc | exec, 2),
            (".init.text", alloc | exec, 100),
            (".rodata", alloc, 4),
            (".bss", alloc | write, 8),
            (".BTF", 0, 16),
            (".BTF.base", 0, 100),
            (".symtab", 0, 100),
        ] {
            sizes.add_section(name, flags(bits), size);
        }
        let found = (sizes.text, sizes.read_only, sizes.data, sizes.btf);
        assert_eq!(found, (3, 4, 8, 16));
    }

    #[test]
    fn what_is_no_module_is_an_error() {
        assert!(of_module(b"no module").is_err());
    }
}
