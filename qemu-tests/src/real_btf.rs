// SPDX-License-Identifier: MIT OR Apache-2.0

//! A kernel's own BTF, read by btf-core: whatever the size of the index, the answers are those of a walk.

use std::collections::HashMap;

use anyhow::{ensure, Result};
use btf_core::{Btf, TypeId};

/// Types for one word of the index: one, and more. Primes, so that what is asked for falls on every place.
const STEPS: &[usize] = &[1, 17, 1021];
/// Look-ups of names in a BTF.
const LOOKUPS: usize = 200;

/// Checks look-ups by id and by name; gives the number of types.
///
/// # Errors
///
/// The first answer that differs.
pub fn check(data: &[u8]) -> Result<usize> {
    let btf = Btf::parse(data)?;
    let types: Vec<_> = btf.types().collect();
    let mut first = HashMap::new();
    for ty in &types {
        first.entry((btf.name(ty), ty.kind())).or_insert(ty.id());
    }
    for step in STEPS {
        let mut room = vec![0; types.len().div_ceil(*step)];
        let indexed = btf.indexed(&mut room);
        for ty in &types {
            ensure!(
                indexed.get(ty.id()) == Some(*ty),
                "type {} is not found by its id",
                ty.id().0
            );
        }
        ensure!(
            indexed.get(TypeId(u32::MAX)).is_none(),
            "there is no such type"
        );
        for ty in types.iter().step_by(types.len() / LOOKUPS + 1) {
            let (name, kind) = (btf.name(ty), ty.kind());
            let found = indexed.find(name, kind).map(|ty| ty.id());
            ensure!(
                found.as_ref() == first.get(&(name, kind)),
                "{kind} '{}': found {found:?}",
                name.escape_ascii()
            );
        }
    }
    Ok(types.len())
}
