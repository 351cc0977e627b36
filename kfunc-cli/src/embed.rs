// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc embed`: gives a module the BTF of the kfuncs that it declares.
//!
//! ```text
//!   MODULE.ko ┬─ .kfunc_abi ──────► records ────────────────────┬─► MODULE.ko with .BTF, .BTF.base
//!             ├─ .BTF, .BTF_ids ──► types and ids of C parts ───┘
//!             └─ stubs ───────────► compared with verifier_fixup::text
//! ```

mod base;
mod btf_ids;
mod foreign;
mod funcs;
mod module;
mod node;
mod rewrite;
mod split;
mod stubs;
mod table;
mod types;

use btf_core::{Btf, Declaration, TypeId};
use kfunc_abi::record::{self, Kfunc, Record, ID_OFFSET, IMPL_ID_OFFSET};
use verifier_fixup::layout::{Layout, LayoutRecord, FACTS_OFFSET};

use crate::{btf_id_symbol, Error, Result};
use base::Distilled;
use foreign::{release, Sections, Unsound, BASE_SECTION, SPLIT_SECTION};
use funcs::full_name;
use module::Module;
use rewrite::Rewritten;
use split::{Declared, Kept, ModuleBtf};

/// Bytes of a layout's record that this version fills in, with its padding.
const LAYOUT_FACTS_LEN: usize = size_of::<LayoutRecord>() - FACTS_OFFSET;

/// A module with BTF, and what it offers.
#[derive(Debug)]
pub struct Embedded {
    /// The new ELF file.
    pub module: Vec<u8>,
    /// Its `.BTF`.
    pub btf: Vec<u8>,
    /// Its `.BTF.base`; none if the BTF of its C parts is tied to one build of the kernel.
    pub btf_base: Option<Vec<u8>>,
    /// The signatures of each kfunc.
    pub signatures: Vec<Signatures>,
}

/// The signatures of a kfunc, as C declares them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signatures {
    /// What programs call.
    pub public: String,
    /// What runs; none if nothing is implicit.
    pub full: Option<String>,
}

/// Writes `.BTF` and `.BTF.base` into the module `data`, fills in its records, and checks its stubs.
/// `vmlinux` is the BTF of the kernel that the module is built for.
///
/// BTF that the module has already is kept, with all ids in `.BTF_ids`. Doing it again gives the same bytes.
///
/// # Errors
///
/// A damaged file, a declaration that names a type which the kernel does not have, a stub that is not what it
/// must be, BTF that is not sound or has something else of the same name, or a kernel that binding does not work on.
pub fn embed(data: &[u8], vmlinux: &[u8]) -> Result<Embedded> {
    let vmlinux = Btf::parse(vmlinux)?;
    let mut room = Room::for_btf(&vmlinux);
    let vmlinux = vmlinux
        .indexed(&mut room.index)
        .types_indexed(&mut room.types)
        .names_indexed(&mut room.names);
    let layout = Layout::of_kernel(&vmlinux)?;
    let module = Module::parse(data)?;
    let (declared, layouts) = read_records(&module)?;
    for kfunc in &declared.kfuncs {
        check_symbols(&module, kfunc)?;
        stubs::check(&module, kfunc)?;
    }
    let (btf, ids) = merge(&module, &vmlinux, &declared)?;
    let mut rewritten = Rewritten::default();
    let declarations = filled_in(&module, &declared, &layouts, &layout, &btf)?;
    rewritten.change(record::SECTION, declarations);
    if let Some(ids) = ids {
        rewritten.change(btf_id_symbol::SECTION, ids);
    }
    rewritten.replace(SPLIT_SECTION, Some(btf.split.clone()));
    rewritten.replace(BASE_SECTION, btf.base.clone());
    Ok(Embedded {
        module: rewritten.write(data)?,
        signatures: signatures(&btf, &vmlinux)?,
        btf: btf.split,
        btf_base: btf.base,
    })
}

/// The BTF that `module` has already, together with that of what it declares; and its `.BTF_ids`, if they change.
fn merge(
    module: &Module<'_>,
    vmlinux: &Btf<'_>,
    declared: &Declared<'_>,
) -> Result<(ModuleBtf, Option<Vec<u8>>)> {
    let kernel = module.kernel()?;
    let release = release(kernel);
    let Some(sections) = Sections::of(module)? else {
        let base = Some(Distilled::default());
        let btf = split::write(vmlinux, kernel, None, base, declared)?;
        btf.sections().check(vmlinux, release).map_err(refused)?;
        return Ok((btf, None));
    };
    sections.check(vmlinux, release).map_err(not_kept)?;
    let distilled = sections.base.map(Btf::parse).transpose()?;
    let split = Btf::parse_split(sections.split, distilled.as_ref().unwrap_or(vmlinux))?;
    let base = distilled.map(Distilled::of);
    let kept = Some(Kept { sections, split });
    let btf = split::write(vmlinux, kernel, kept, base, declared)?;
    btf.sections().check(vmlinux, release).map_err(refused)?;
    let ids = btf_ids::moved(module, &split, btf.start_id)?;
    Ok((btf, ids))
}

/// The error for BTF that the module has.
fn not_kept(Unsound { part, error }: Unsound) -> Error {
    Error::Foreign { part, error }
}

/// The error for BTF that it was to get.
fn refused(Unsound { part, error }: Unsound) -> Error {
    Error::Unsound { part, error }
}

/// Memory for the indexes of a BTF.
struct Room {
    index: Vec<u32>,
    types: Vec<u32>,
    names: Vec<u32>,
}

impl Room {
    fn for_btf(btf: &Btf<'_>) -> Self {
        let types = btf.own_len() as usize;
        Self {
            index: vec![0; types],
            types: vec![0; 2 * types],
            names: vec![0; 2 * btf.names_len()],
        }
    }
}

/// The declarations of `module`, and the layouts that it wants to know.
fn read_records<'a>(module: &Module<'a>) -> Result<(Declared<'a>, Vec<record::Layout<'a>>)> {
    let mut declared = Declared::default();
    let mut layouts = Vec::new();
    for record in record::records(module.declarations()?) {
        match record? {
            Record::Kfunc(kfunc) => declared.kfuncs.push(kfunc),
            Record::Type(ty) => declared.types.push(ty),
            Record::Layout(layout) => layouts.push(layout),
        }
    }
    Ok((declared, layouts))
}

/// The kernel asks its symbols where a kfunc is (`kallsyms_lookup_name`), and takes the first answer.
fn check_symbols(module: &Module<'_>, kfunc: &Kfunc<'_>) -> Result<()> {
    let legacy = kfunc.legacy.then(|| full_name(kfunc));
    for symbol in [kfunc.name.to_owned()].into_iter().chain(legacy) {
        let kfunc = kfunc.name.to_owned();
        match module.count_symbols(&symbol) {
            1 => {}
            0 => return Err(Error::NoSymbol { kfunc, symbol }),
            count => {
                return Err(Error::SeveralSymbols {
                    kfunc,
                    symbol,
                    count,
                })
            }
        }
    }
    Ok(())
}

/// The records of `module`, with the ids of `btf` and the facts of `layout`.
fn filled_in(
    module: &Module<'_>,
    declared: &Declared<'_>,
    layouts: &[record::Layout<'_>],
    layout: &Layout,
    btf: &ModuleBtf,
) -> Result<Vec<u8>> {
    let mut declarations = module.declarations()?.to_vec();
    for (kfunc, funcs) in declared.kfuncs.iter().zip(&btf.kfuncs) {
        fill_in(&mut declarations, kfunc.offset + ID_OFFSET, funcs.public.0);
        let full = funcs.full.unwrap_or(TypeId::VOID);
        fill_in(&mut declarations, kfunc.offset + IMPL_ID_OFFSET, full.0);
    }
    for record in layouts {
        if record.facts.len() != LAYOUT_FACTS_LEN {
            return Err(Error::OtherVersion);
        }
        fill_in(&mut declarations, record.offset + ID_OFFSET, btf.start_id.0);
        for (index, value) in layout.values().into_iter().enumerate() {
            let offset = record.offset + FACTS_OFFSET + 4 * index;
            fill_in(&mut declarations, offset, value);
        }
    }
    Ok(declarations)
}

/// Writes a word of a record. The record was read before, so the word is there.
fn fill_in(declarations: &mut [u8], offset: usize, value: u32) {
    if let Some(word) = declarations.get_mut(offset..offset + 4) {
        word.copy_from_slice(&value.to_le_bytes());
    }
}

fn signatures(btf: &ModuleBtf, vmlinux: &Btf<'_>) -> Result<Vec<Signatures>> {
    let base = btf.base.as_deref().map(Btf::parse).transpose()?;
    let split = Btf::parse_split(&btf.split, base.as_ref().unwrap_or(vmlinux))?;
    let declaration = |id| {
        let func = Declaration::new(&split, split.get(id)?)?;
        Some(func.to_string())
    };
    let signatures = btf.kfuncs.iter().filter_map(|funcs| {
        Some(Signatures {
            public: declaration(funcs.public)?,
            full: funcs.full.and_then(declaration),
        })
    });
    Ok(signatures.collect())
}

impl Embedded {
    /// The signatures, for machines.
    pub fn to_json(&self) -> String {
        let kfuncs: Vec<_> = self
            .signatures
            .iter()
            .map(|kfunc| serde_json::json!({ "public": kfunc.public, "full": kfunc.full }))
            .collect();
        serde_json::json!({ "kfuncs": kfuncs }).to_string()
    }
}
