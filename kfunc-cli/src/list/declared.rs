// SPDX-License-Identifier: MIT OR Apache-2.0

//! The kfuncs that a module of ours declares, by its records.

use btf_core::TypeId;
use kfunc_abi::record::{self, Kfunc, Record, ID_OFFSET, IMPL_ID_OFFSET};
use kfunc_abi::{KfuncFlags, ProgType};
use object::{Object as _, ObjectSection as _};

use crate::Result;

/// A declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The name that programs call.
    pub name: String,
    /// Its documentation.
    pub doc: String,
    /// The set that it belongs to; may be empty.
    pub set: String,
    /// KF_* flags.
    pub flags: KfuncFlags,
    /// The types of program that may call it.
    pub programs: Vec<ProgType>,
    /// Whether old programs may call the form with all parameters.
    pub legacy: bool,
    /// The FUNC with the public signature; `void` before `kfunc embed`.
    pub public: TypeId,
    /// The FUNC with the full one; the public one if nothing is implicit.
    pub full: TypeId,
}

/// The declarations in the ELF file `data`; none if it has no section for them.
///
/// # Errors
///
/// A damaged ELF file, or a damaged record.
pub(super) fn declared(data: &[u8]) -> Result<Vec<Declared>> {
    let elf = object::File::parse(data)?;
    let Some(section) = elf.section_by_name(record::SECTION) else {
        return Ok(Vec::new());
    };
    let section = section.data()?;
    let mut declared = Vec::new();
    for record in record::records(section) {
        if let Record::Kfunc(kfunc) = record? {
            declared.push(declaration(section, &kfunc));
        }
    }
    Ok(declared)
}

fn declaration(section: &[u8], kfunc: &Kfunc<'_>) -> Declared {
    // The record was read before, so its words are there.
    let id = |offset| {
        let word = section.get(kfunc.offset + offset..);
        let word = word.and_then(|bytes| bytes.first_chunk());
        TypeId(word.map_or(0, |bytes| u32::from_le_bytes(*bytes)))
    };
    let public = id(ID_OFFSET);
    Declared {
        name: kfunc.name.to_owned(),
        doc: kfunc.doc.to_owned(),
        set: kfunc.set.to_owned(),
        flags: kfunc.flags,
        programs: kfunc.prog_types().collect(),
        legacy: kfunc.legacy,
        public,
        full: match id(IMPL_ID_OFFSET) {
            TypeId::VOID => public,
            full => full,
        },
    }
}
