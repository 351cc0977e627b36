// SPDX-License-Identifier: MIT OR Apache-2.0

//! Chains of modifiers end, and soon (`btf_check_modifier_chain_length`; `btf_check_type_tags` up to Linux 7.2).

use super::{broken, Release, Rule};
use crate::limits::MAX_CHAIN_LEN;
use crate::{Btf, Dialect, Error, Kind, Type, TypeId};

/// Whether the chain that begins with `ty` must be followed when all records are known. Where a modifier refers to an
/// earlier type, the rest of the chain is checked already; only 6.12 must still look at the order of tags.
pub(super) fn is_open(ty: &Type<'_>, dialect: Dialect) -> bool {
    let forward = ty.target().is_some_and(|target| target >= ty.id());
    ty.kind().is_modifier() && (forward || dialect == Dialect::Vlen16)
}

/// Checks the own types that [`is_open`] holds for, which are marked. Linear: a chain is left at the first earlier type.
pub(super) fn check(btf: &Btf<'_>, release: Release) -> Result<(), Error> {
    for ty in btf.marked() {
        chain(btf, release, ty).map_err(|rule| broken(btf, rule, ty.id()))?;
    }
    Ok(())
}

/// Follows the chain that begins with `start`; modifiers before it have been checked.
fn chain(btf: &Btf<'_>, release: Release, start: Type<'_>) -> Result<(), Rule> {
    let mut ty = start;
    let mut in_tags = ty.kind() == Kind::TYPE_TAG;
    for _ in 0..MAX_CHAIN_LEN {
        let tag = ty.kind() == Kind::TYPE_TAG;
        if release.is_6_12() && tag && !in_tags {
            return Err(Rule::TagsAfterModifiers);
        }
        in_tags &= tag;
        let Some(target) = ty.target().filter(|_| ty.id() >= start.id()) else {
            return Ok(());
        };
        if target == TypeId::VOID {
            return Ok(());
        }
        ty = btf.get(target).ok_or(Rule::ChainEnd)?;
        if !ty.kind().is_modifier() {
            return Ok(());
        }
    }
    Err(Rule::ChainLength)
}
