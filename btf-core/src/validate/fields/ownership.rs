// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which structs own one another, and that it is not in a circle (`btf_check_and_fixup_fields`,
//! `btf_check_ownership_depth`).

use super::kind::FieldKind;
use super::{Checker, Field};
use crate::validate::graph::{Graph, HAS_FIELDS};
use crate::validate::{broken, Rule};
use crate::{Error, Type, TypeId};

/// `BTF_MAX_OWNERSHIP_DEPTH` of `kernel/bpf/btf.c`.
const MAX_DEPTH: u32 = 8;

/// Checks all structs that are marked to have special fields.
pub(super) fn check(graph: &Graph<'_, '_>, checker: &Checker<'_, '_>) -> Result<(), Error> {
    let btf = checker.btf;
    for ty in btf.types() {
        if graph.is_marked(ty.id(), HAS_FIELDS) {
            values(graph, checker, &ty).map_err(|rule| broken(btf, rule, ty.id()))?;
            graph.set_size(ty.id(), 1);
        }
    }
    if !checker.release.counts_deep() {
        return Ok(());
    }
    // Each round finds what is owned one step deeper; what is still growing after the last is too deep, or a circle.
    for _ in 0..=MAX_DEPTH {
        let mut grown = false;
        for ty in btf.types() {
            if graph.is_marked(ty.id(), HAS_FIELDS) {
                grown |= grow(graph, checker, &ty).map_err(|rule| broken(btf, rule, ty.id()))?;
            }
        }
        if !grown {
            break;
        }
    }
    Ok(())
}

/// What hangs on lists and trees must have special fields itself; in 6.12.107 no struct may both be owned and own one that
/// owns.
fn values<'a>(graph: &Graph<'_, '_>, checker: &Checker<'_, 'a>, ty: &Type<'a>) -> Result<(), Rule> {
    let fields = checker.fields(ty)?;
    let is_owned = fields.has(FieldKind::is_node);
    for field in fields
        .as_slice()
        .iter()
        .filter(|field| field.kind.is_root())
    {
        if !graph.is_marked(field.target, HAS_FIELDS) {
            return Err(Rule::ValueWithoutFields);
        }
        if checker.release.counts_deep() || !is_owned {
            continue;
        }
        let value = checker.fields(&checker.node(field.target))?;
        if value.has(FieldKind::is_root) {
            return Err(Rule::Ownership);
        }
    }
    Ok(())
}

/// Makes `ty` one deeper than the deepest that it owns. True if that changed something.
fn grow<'a>(graph: &Graph<'_, '_>, checker: &Checker<'_, 'a>, ty: &Type<'a>) -> Result<bool, Rule> {
    let fields = checker.fields(ty)?;
    let mut depth = 1_u32;
    for owned in fields
        .as_slice()
        .iter()
        .filter_map(|field| owned(checker, field))
    {
        if graph.is_marked(owned, HAS_FIELDS) {
            depth = depth.max(graph.resolved_size(owned).saturating_add(1));
        }
    }
    if depth > MAX_DEPTH {
        return Err(Rule::Ownership);
    }
    let grown = depth > graph.resolved_size(ty.id());
    graph.set_size(ty.id(), depth);
    Ok(grown)
}

/// The type that `field` owns (`btf_owned_type_idx`).
fn owned<'a>(checker: &Checker<'_, 'a>, field: &Field<'a>) -> Option<TypeId> {
    let owns = match field.kind {
        FieldKind::KptrRef | FieldKind::KptrPercpu => !checker.is_of_kernel(field),
        kind => kind.is_root(),
    };
    owns.then_some(field.target)
}
