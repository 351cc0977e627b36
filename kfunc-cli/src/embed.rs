// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc embed`: gives a module the BTF of the kfuncs that it declares.

use btf_core::{Btf, Declaration, TypeId};
use kfunc_abi::record::{self, Record, ID_OFFSET, IMPL_ID_OFFSET};
use object::build::elf::{Builder, SectionData};
use object::elf;
use verifier_fixup::layout::{Layout, LayoutRecord, FACTS_OFFSET};

use crate::module::Module;
use crate::{split, stubs, Error, Result};

/// Bytes of a layout's record that this version fills in, with its padding.
const LAYOUT_FACTS_LEN: usize = size_of::<LayoutRecord>() - FACTS_OFFSET;

/// Words of the index of vmlinux: every type is found in at most some 30 steps.
const INDEX_LEN: usize = 4096;

/// A module with BTF, and what it offers.
#[derive(Debug)]
pub struct Embedded {
    /// The new ELF file.
    pub module: Vec<u8>,
    /// Its `.BTF`.
    pub btf: Vec<u8>,
    /// Its `.BTF.base`.
    pub btf_base: Vec<u8>,
    /// Public and full signature of each kfunc.
    pub signatures: Vec<(String, String)>,
}

/// Writes `.BTF` and `.BTF.base` into the module `data`, fills in its records, and checks its stubs.
/// `vmlinux` is the BTF of the kernel that the module is built for.
///
/// Doing it again gives the same bytes.
///
/// # Errors
///
/// A damaged file, a declaration that names a type which the kernel does not have, a stub that is not what it
/// must be, or a kernel that binding does not work on.
pub fn embed(data: &[u8], vmlinux: &[u8]) -> Result<Embedded> {
    let mut index = [0; INDEX_LEN];
    let vmlinux = Btf::parse(vmlinux)?.indexed(&mut index);
    let layout = Layout::of_kernel(&vmlinux)?;
    let module = Module::parse(data)?;
    let mut declarations = module.declarations()?.to_vec();
    let (mut kfuncs, mut layouts) = (Vec::new(), Vec::new());
    for record in record::records(module.declarations()?) {
        match record? {
            Record::Kfunc(kfunc) => kfuncs.push(kfunc),
            Record::Type(_) => {}
            Record::Layout(layout) => layouts.push(layout),
        }
    }
    for kfunc in &kfuncs {
        stubs::check(&module, kfunc)?;
    }
    let btf = split::write(&vmlinux, module.kernel()?, &kfuncs)?;
    for (kfunc, funcs) in kfuncs.iter().zip(&btf.funcs) {
        fill_in(&mut declarations, kfunc.offset + ID_OFFSET, funcs.public.0);
        let full = funcs.full.unwrap_or(TypeId::VOID);
        fill_in(&mut declarations, kfunc.offset + IMPL_ID_OFFSET, full.0);
    }
    for record in &layouts {
        if record.facts.len() != LAYOUT_FACTS_LEN {
            return Err(Error::OtherVersion);
        }
        fill_in(&mut declarations, record.offset + ID_OFFSET, btf.start_id.0);
        for (index, value) in layout.values().into_iter().enumerate() {
            fill_in(
                &mut declarations,
                record.offset + FACTS_OFFSET + 4 * index,
                value,
            );
        }
    }
    let sections = [(".BTF", btf.split.clone()), (".BTF.base", btf.base.clone())];
    Ok(Embedded {
        module: rewrite(data, declarations, sections)?,
        signatures: signatures(&btf)?,
        btf: btf.split,
        btf_base: btf.base,
    })
}

/// Writes a word of a record. The record was read before, so the word is there.
fn fill_in(declarations: &mut [u8], offset: usize, value: u32) {
    if let Some(word) = declarations.get_mut(offset..offset + 4) {
        word.copy_from_slice(&value.to_le_bytes());
    }
}

/// The ELF file `data` with other declarations and these sections.
fn rewrite<const N: usize>(
    data: &[u8],
    declarations: Vec<u8>,
    sections: [(&str, Vec<u8>); N],
) -> Result<Vec<u8>> {
    let mut builder = Builder::read(data)?;
    for section in &mut builder.sections {
        if section.name.as_slice() == record::SECTION.as_bytes() {
            section.data = SectionData::Data(declarations.clone().into());
        }
        section.delete = sections
            .iter()
            .any(|(name, _)| section.name.as_slice() == name.as_bytes());
    }
    for (name, content) in sections {
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

fn signatures(btf: &split::ModuleBtf) -> Result<Vec<(String, String)>> {
    let base = Btf::parse(&btf.base)?;
    let split = Btf::parse_split(&btf.split, &base)?;
    let declaration = |id| Some(Declaration::new(&split, split.get(id)?)?.to_string());
    let pair = |funcs: &split::Funcs| {
        let public = declaration(funcs.public)?;
        let full = funcs.full.and_then(declaration);
        Some((public.clone(), full.unwrap_or(public)))
    };
    Ok(btf.funcs.iter().filter_map(pair).collect())
}

impl Embedded {
    /// The signatures, for machines.
    pub fn to_json(&self) -> String {
        let kfuncs: Vec<_> = self
            .signatures
            .iter()
            .map(|(public, full)| serde_json::json!({ "public": public, "full": full }))
            .collect();
        serde_json::json!({ "kfuncs": kfuncs }).to_string()
    }
}
