// SPDX-License-Identifier: MIT OR Apache-2.0

//! Chains of modifiers end, and soon (`btf_check_modifier_chain_length`; `btf_check_type_tags` up to Linux 7.2).

use super::{broken, Release, Rule};
use crate::limits::MAX_CHAIN_LEN;
use crate::{Btf, Error, Kind, Type, TypeId};

/// Checks the own types. Linear: a chain is left where it meets one that has been found good.
pub(super) fn check(btf: &Btf<'_>, release: Release) -> Result<(), Error> {
    let mut good = TypeId(btf.first_id().0.saturating_sub(1));
    let is_modifier = |id: &TypeId| btf.kind_by_index(*id).is_some_and(Kind::is_modifier);
    let ids = (btf.first_id().0..btf.end_id().0).map(TypeId);
    for ty in ids.filter(is_modifier).filter_map(|id| btf.get(id)) {
        chain(btf, release, ty, good).map_err(|rule| broken(btf, rule, ty.id()))?;
        good = ty.id();
    }
    Ok(())
}

/// Follows the chain that begins with `start`; ids up to `good` have been followed before.
fn chain(btf: &Btf<'_>, release: Release, start: Type<'_>, good: TypeId) -> Result<(), Rule> {
    let mut ty = start;
    let mut in_tags = ty.kind() == Kind::TYPE_TAG;
    for _ in 0..MAX_CHAIN_LEN {
        let tag = ty.kind() == Kind::TYPE_TAG;
        if release == Release::Linux6_12 && tag && !in_tags {
            return Err(Rule::TagsAfterModifiers);
        }
        in_tags &= tag;
        let Some(target) = ty.target().filter(|_| ty.id() > good) else {
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
