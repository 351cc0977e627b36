// SPDX-License-Identifier: MIT OR Apache-2.0

//! The sets of kfuncs of an ELF file.
//!
//! `BTF_KFUNCS_START(name)` of `include/linux/btf_ids.h` puts a set into the section `.BTF_ids`, at the local symbol
//! `__BTF_ID__set8__name`, which stays in the headers' vmlinux and in modules. How long the set is, its count says.

use btf_core::{ByteOrder, TypeId};
use kfunc_abi::{IdSetReader, KfuncFlags};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};

use crate::btf_id_symbol::SECTION;
use crate::{Error, Result};

/// What the symbol of a set with flags begins with.
const SYMBOL_PREFIX: &str = "__BTF_ID__set8__";

/// A set of kfuncs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KfuncSet {
    /// Its name in the source.
    pub name: String,
    /// The ids of its FUNCs in the file's BTF, with their flags.
    pub kfuncs: Vec<(TypeId, KfuncFlags)>,
}

/// The sets of kfuncs of the ELF file `data`, in the order of their places; none if it has no section for them. Sets
/// that say that they are of something else are left out.
///
/// # Errors
///
/// A damaged ELF file, or a damaged set.
pub fn kfunc_sets(data: &[u8]) -> Result<Option<Vec<KfuncSet>>> {
    let elf = object::File::parse(data)?;
    let Some(section) = elf.section_by_name(SECTION) else {
        return Ok(None);
    };
    let (ids, start) = (section.data()?, section.address());
    let order = match elf.is_little_endian() {
        true => ByteOrder::Little,
        false => ByteOrder::Big,
    };
    let mut sets = Vec::new();
    for symbol in elf.symbols() {
        let name = symbol.name().unwrap_or_default();
        let Some(name) = name.strip_prefix(SYMBOL_PREFIX) else {
            continue;
        };
        // A symbol of another section only looks like one.
        if symbol.section_index() != Some(section.index()) {
            continue;
        }
        let offset = symbol.address().wrapping_sub(start);
        sets.push((offset, name));
    }
    sets.sort_unstable();
    let mut found = Vec::new();
    for (place, &(offset, name)) in sets.iter().enumerate() {
        // None goes on into the next one.
        let end = sets.get(place + 1).map(|&(next, _)| next);
        if let Some(kfuncs) = read_set(ids, offset, end, name, order)? {
            let name = name.to_owned();
            found.push(KfuncSet { name, kfuncs });
        }
    }
    Ok(Some(found))
}

/// The kfuncs of the set at `offset` of the section, which ends before `end`; none if it is a set of something else.
fn read_set(
    ids: &[u8],
    offset: u64,
    end: Option<u64>,
    name: &str,
    order: ByteOrder,
) -> Result<Option<Vec<(TypeId, KfuncFlags)>>> {
    let place = |offset| usize::try_from(offset).unwrap_or(usize::MAX);
    let end = end.map_or(ids.len(), place);
    let data = ids.get(place(offset)..end).unwrap_or_default();
    let set = IdSetReader::read(data, order).map_err(|error| Error::IdSet {
        set: name.to_owned(),
        error,
    })?;
    Ok(set.is_of_kfuncs().then(|| set.kfuncs().collect()))
}
