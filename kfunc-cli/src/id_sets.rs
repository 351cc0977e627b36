// SPDX-License-Identifier: MIT OR Apache-2.0

//! The sets of kfuncs of an ELF file.
//!
//! `BTF_KFUNCS_START(name)` of `include/linux/btf_ids.h` puts a set into the section `.BTF_ids`, at the local symbol
//! `__BTF_ID__set8__name`, which stays in the headers' vmlinux and in modules. How long the set is, its count says.

use std::collections::BTreeMap;

use btf_core::{ByteOrder, Kind, TypeId};
use kfunc_abi::{IdSetReader, KfuncFlags};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};

use crate::btf_id_symbol::{parse, PREFIX, SECTION};
use crate::{Error, Result};

/// What the symbol of a set with flags begins with.
const SYMBOL_PREFIX: &str = "__BTF_ID__set8__";

/// Bytes of the count and flags of a set, and of each id with its flags.
const PAIR_LEN: u64 = 8;

/// A set of kfuncs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KfuncSet {
    /// Its name in the source.
    pub name: String,
    /// The ids of its FUNCs in the file's BTF, with their flags. Id 0 is a function that the BTF does not have.
    pub kfuncs: Vec<(TypeId, KfuncFlags)>,
    /// The functions that it names in the source, by name; none if the symbols of its ids are stripped.
    pub names: Vec<String>,
}

impl KfuncSet {
    /// How many of its functions the BTF does not have.
    pub fn unresolved(&self) -> usize {
        let ids = self.kfuncs.iter();
        ids.filter(|(id, _)| *id == TypeId::VOID).count()
    }
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
    let (mut sets, mut names) = (Vec::new(), BTreeMap::new());
    for symbol in elf.symbols() {
        // A symbol of another section only looks like one.
        if symbol.section_index() != Some(section.index()) {
            continue;
        }
        let symbol_name = symbol.name().unwrap_or_default();
        let offset = symbol.address().wrapping_sub(start);
        if let Some(name) = symbol_name.strip_prefix(SYMBOL_PREFIX) {
            sets.push((offset, name));
        } else if let Some((Kind::FUNC, name, _)) = symbol_name.strip_prefix(PREFIX).and_then(parse)
        {
            names.insert(offset, name);
        }
    }
    sets.sort_unstable();
    let mut found = Vec::new();
    for (place, &(offset, name)) in sets.iter().enumerate() {
        // None goes on into the next one.
        let end = sets.get(place + 1).map(|&(next, _)| next);
        if let Some(kfuncs) = read_set(ids, offset, end, name, order)? {
            let len = u64::try_from(kfuncs.len()).unwrap_or(u64::MAX);
            let end = offset.saturating_add(len.saturating_add(1).saturating_mul(PAIR_LEN));
            let mut names: Vec<_> = names
                .range(offset..end)
                .map(|(_, name)| (*name).to_owned())
                .collect();
            names.sort_unstable();
            found.push(KfuncSet {
                name: name.to_owned(),
                kfuncs,
                names,
            });
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
