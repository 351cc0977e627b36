// SPDX-License-Identifier: MIT OR Apache-2.0

//! Small modules, as kbuild leaves them.

use kfunc_abi::call::Arch;
use kfunc_abi::record::{self, Record};
use object::write::{Object, SectionId, Symbol, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, Object as _, ObjectSection as _, SectionKind,
    SymbolFlags, SymbolKind, SymbolScope,
};
use verifier_fixup::text::stub::{encode, pool_arguments, ArgRegisters, Reach, Stub};

pub(crate) const VERMAGIC_6_12: &str =
    "6.12.117+deb13-cloud-amd64 SMP preempt mod_unload modversions ";
pub(crate) const VERMAGIC_7_3: &str =
    "7.3.4+deb13-cloud-arm64 SMP preempt mod_unload modversions aarch64";

/// A module in the making.
#[derive(Clone)]
pub(crate) struct Module {
    pub(crate) arch: Arch,
    pub(crate) declarations: Vec<u8>,
    pub(crate) vermagic: Option<&'static str>,
    /// Its name, how many implicit arguments it has, and whether it is as it should be.
    pub(crate) stub: Option<(&'static str, usize, bool)>,
    /// Which of its implicit arguments are call sites, a bit for each.
    pub(crate) call_sites: u32,
    /// Functions of C parts; those of kfuncs come by themselves.
    pub(crate) functions: Vec<&'static str>,
    /// Further sections.
    pub(crate) sections: Vec<(&'static str, Vec<u8>)>,
    /// Symbols in the last of them.
    pub(crate) symbols: Vec<(String, u64)>,
}

impl Module {
    /// A module for x86-64 and Linux 6.12 with these declarations.
    pub(crate) fn new(declarations: &[Vec<u8>]) -> Self {
        Self {
            arch: Arch::X86_64,
            declarations: declarations.concat(),
            vermagic: Some(VERMAGIC_6_12),
            stub: None,
            call_sites: 0,
            functions: Vec::new(),
            sections: Vec::new(),
            symbols: Vec::new(),
        }
    }

    /// The ELF file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let architecture = match self.arch {
            Arch::X86_64 => Architecture::X86_64,
            Arch::Arm64 => Architecture::Aarch64,
        };
        let mut object = Object::new(BinaryFormat::Elf, architecture, Endianness::Little);
        let mut add = |name: &str, content: &[u8]| {
            let section = object.add_section(vec![], name.into(), SectionKind::Data);
            object.append_section_data(section, content, 8);
            section
        };
        add(record::SECTION, &self.declarations);
        if let Some(vermagic) = self.vermagic {
            let info = format!("license=GPL\0vermagic={vermagic}\0name=made\0");
            add(".modinfo", info.as_bytes());
        }
        let text = add(".text", &self.text());
        let last = self
            .sections
            .iter()
            .map(|(name, content)| add(name, content))
            .last();
        let of_c = self.functions.iter().map(|name| (*name).to_owned());
        for function in self.kfuncs().into_iter().chain(of_c) {
            add_symbol(&mut object, text, &function, 0xc0);
        }
        if let Some((name, ..)) = self.stub {
            for (prefix, value) in [
                ("__kfunc_stubs_", 0),
                ("__kfunc_slots_", 0x40),
                ("__kfunc_body_", 0x80),
            ] {
                add_symbol(&mut object, text, &format!("{prefix}{name}"), value);
            }
        }
        for (symbol, value) in &self.symbols {
            add_symbol(&mut object, last.unwrap(), symbol, *value);
        }
        object.write().unwrap()
    }

    /// What programs may call.
    fn kfuncs(&self) -> Vec<String> {
        let mut names = Vec::new();
        for record in record::records(&self.declarations) {
            if let Ok(Record::Kfunc(kfunc)) = record {
                names.push(kfunc.name.to_owned());
                names.extend(kfunc.legacy.then(|| format!("{}_impl", kfunc.name)));
            }
        }
        // No symbol has a NUL in it.
        names.retain(|name| !name.contains('\0'));
        names
    }

    /// Stub, slot and body in one section, so that the stub needs no relocation.
    fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        if let Some((_, count, good)) = self.stub {
            let implicit = pool_arguments(self.arch, 1, count, self.call_sites);
            let implicit = implicit.collect::<Result<Vec<_>, _>>();
            let stub = Stub {
                address: 0x1000,
                slot: 0x1040,
                body: 0x1080,
                implicit: &implicit.unwrap(),
                reach: Reach::Far,
                registers: ArgRegisters::OfBpf,
            };
            text.extend(encode(self.arch, &stub).unwrap().bytes());
            text[5] ^= u8::from(!good);
        }
        text.resize(0x100, 0);
        text
    }
}

fn add_symbol(object: &mut Object<'_>, section: SectionId, name: &str, value: u64) {
    object.add_symbol(Symbol {
        name: name.into(),
        value,
        size: 0,
        kind: SymbolKind::Text,
        scope: SymbolScope::Linkage,
        weak: false,
        section: SymbolSection::Section(section),
        flags: SymbolFlags::None,
    });
}

/// The content of a section; empty if there is none.
pub(crate) fn section(module: &[u8], name: &str) -> Vec<u8> {
    let elf = object::File::parse(module).unwrap();
    let section = elf.section_by_name(name);
    section.map_or_else(Vec::new, |section| section.data().unwrap().to_vec())
}
