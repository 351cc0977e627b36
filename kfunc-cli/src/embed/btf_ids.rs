// SPDX-License-Identifier: MIT OR Apache-2.0

//! `.BTF_ids`: ids by which the C parts of a module know types, among them their own kfuncs.
//!
//! resolve_btfids has filled them in. Every one has a symbol `__BTF_ID__KIND__NAME__NUMBER`
//! (`include/linux/btf_ids.h`); counts and flags of sets have none, and are not ids.

use std::collections::HashSet;

use btf_core::{Btf, Kind, TypeId};

use super::module::Module;
use super::node::Id;
use crate::btf_id_symbol::{self, PREFIX, SECTION};
use crate::{Error, Result};

/// What follows in a symbol that is not of an id, but of a set.
const SETS: [&str; 2] = ["set__", "set8__"];

/// An id of the section.
struct Place<'a> {
    /// Where it is in the section.
    at: usize,
    /// What it is the id of.
    kind: Kind,
    name: &'a str,
    symbol: &'a str,
}

/// The section with ids of a BTF whose own types begin with `first`, instead of `btf`; none if it stays as it is.
///
/// # Errors
///
/// Ids that are not those of `btf`, or that cannot be found.
pub(crate) fn moved(module: &Module<'_>, btf: &Btf<'_>, first: TypeId) -> Result<Option<Vec<u8>>> {
    let Some(section) = module.section(SECTION)? else {
        return Ok(None);
    };
    if first == btf.first_id() || section.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let places = places(module)?;
    if places.is_empty() {
        return Err(Error::StrippedIds);
    }
    // In a set they are sorted, so that symbols are no longer beside their own.
    let known: HashSet<_> = places
        .iter()
        .map(|place| (place.kind, place.name.as_bytes()))
        .collect();
    let mut section = section.to_vec();
    for place in &places {
        let stray = || Error::StrayId(place.symbol.to_owned());
        let word = section
            .get_mut(place.at..place.at + 4)
            .and_then(|word| <&mut [u8; 4]>::try_from(word).ok())
            .ok_or_else(stray)?;
        let id = TypeId(u32::from_le_bytes(*word));
        // resolve_btfids warns of what it does not find, and leaves 0.
        if id == TypeId::VOID {
            continue;
        }
        let ty = btf.get(id).ok_or_else(stray)?;
        if !known.contains(&(ty.kind(), btf.name(&ty))) {
            return Err(stray());
        }
        *word = Id::of(id, btf.first_id()).in_split(first).0.to_le_bytes();
    }
    Ok(Some(section))
}

/// The ids that have symbols.
fn places<'a>(module: &Module<'a>) -> Result<Vec<Place<'a>>> {
    let mut places = Vec::new();
    for (symbol, at) in module.symbols_of(SECTION)? {
        let Some(id) = symbol.strip_prefix(PREFIX) else {
            continue;
        };
        if SETS.iter().any(|set| id.starts_with(set)) {
            continue;
        }
        let (kind, name) = parse(id).ok_or_else(|| Error::StrayId(symbol.to_owned()))?;
        places.push(Place {
            at: at as usize,
            kind,
            name,
            symbol,
        });
    }
    Ok(places)
}

/// `func__foo__123`: FUNC, foo.
fn parse(id: &str) -> Option<(Kind, &str)> {
    let (kind, name, number) = btf_id_symbol::parse(id)?;
    number
        .bytes()
        .all(|digit| digit.is_ascii_digit())
        .then_some((kind, name))
}
