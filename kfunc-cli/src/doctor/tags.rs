// SPDX-License-Identifier: MIT OR Apache-2.0

//! Tags, by which others know kfuncs.

use btf_core::Kind;

use super::patient::Patient;
use super::{Finding, Rule};

/// The kfuncs of sets that have no tag.
pub(super) fn findings(patient: &Patient<'_>) -> Vec<Finding> {
    let untagged = patient.kfuncs.iter().filter(|kfunc| {
        let func = patient.btf.get(kfunc.id);
        let is_func = func.is_some_and(|ty| ty.kind() == Kind::FUNC);
        is_func && !patient.tagged.contains(&kfunc.id)
    });
    untagged
        .map(|kfunc| patient.finding(Rule::Untagged, kfunc, "no tag".to_owned()))
        .collect()
}
