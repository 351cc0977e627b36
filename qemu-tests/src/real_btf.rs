// SPDX-License-Identifier: MIT OR Apache-2.0

//! A kernel's own BTF, read by btf-core: whatever the size of the index, the answers are those of a walk.

use std::collections::HashMap;

use anyhow::{ensure, Result};
use btf_core::{Btf, Kind, Type, TypeId};

/// How much is asked.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Sizes of the index, in types for one of its words. Primes, so that what is asked for falls on every place.
    pub steps: &'static [usize],
    /// Look-ups by name.
    pub lookups: usize,
}

/// For vmlinux.
pub const THOROUGH: Effort = Effort {
    steps: &[1, 17, 1021],
    lookups: 200,
};
/// For each of a thousand modules.
pub const QUICK: Effort = Effort {
    steps: &[1, 17],
    lookups: 8,
};

/// Checks look-ups by id and by name among the own types of `btf`; gives their number.
///
/// # Errors
///
/// The first answer that differs.
pub fn check(btf: Btf<'_>, effort: Effort) -> Result<usize> {
    let types: Vec<_> = btf.types().collect();
    let mut first = HashMap::new();
    for ty in &types {
        first.entry((btf.name(ty), ty.kind())).or_insert(ty.id());
    }
    for step in effort.steps {
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
        by_name(&indexed, &types, &first, effort)?;
        let mut table = vec![0; types.len() / step * 2];
        by_name(&indexed.types_indexed(&mut table), &types, &first, effort)?;
    }
    Ok(types.len())
}

/// Checks look-ups of some of `types` by their names; `first` has the first type of each name and kind.
fn by_name(
    btf: &Btf<'_>,
    types: &[Type<'_>],
    first: &HashMap<(&[u8], Kind), TypeId>,
    effort: Effort,
) -> Result<()> {
    for ty in types.iter().step_by(types.len() / effort.lookups + 1) {
        let (name, kind) = (btf.name(ty), ty.kind());
        let found = btf.find_own(name, kind).map(|ty| ty.id());
        ensure!(
            found.as_ref() == first.get(&(name, kind)),
            "{kind} '{}': found {found:?}",
            name.escape_ascii()
        );
    }
    Ok(())
}
