// SPDX-License-Identifier: MIT OR Apache-2.0

//! What sets say of their kfuncs.

use std::collections::{BTreeMap, BTreeSet};

use btf_core::Kind;

use super::patient::{Kfunc, Patient};
use super::{Finding, Rule, Who};
use crate::KfuncSet;

pub(super) fn findings(patient: &Patient<'_>) -> Vec<Finding> {
    let kfuncs = patient.kfuncs.iter();
    let of_kfuncs = kfuncs.filter_map(|kfunc| {
        no_function(patient, kfunc).or_else(|| inconsistent_flags(patient, kfunc))
    });
    of_kfuncs.chain(missing(patient)).collect()
}

/// An id that names something else than a function.
fn no_function(patient: &Patient<'_>, kfunc: &Kfunc<'_>) -> Option<Finding> {
    let ty = patient.btf.get(kfunc.id);
    let kind = ty.map_or("no type".to_owned(), |ty| ty.kind().to_string());
    if ty.is_some_and(|ty| ty.kind() == Kind::FUNC) {
        return None;
    }
    let what = format!("its id {} is {kind}", kfunc.id.0);
    Some(patient.finding(Rule::MissingFunction, kfunc, what))
}

fn inconsistent_flags(patient: &Patient<'_>, kfunc: &Kfunc<'_>) -> Option<Finding> {
    let (set, flags) = kfunc.member.sets.first()?;
    let (other, others) = kfunc.member.other_flags()?;
    let what = format!("{flags} in {set}, but {others} in {other}");
    Some(patient.finding(Rule::InconsistentFlags, kfunc, what))
}

/// The functions that sets name, and that have id 0; a set whose symbols are stripped stands for its own.
fn missing(patient: &Patient<'_>) -> Vec<Finding> {
    let names: BTreeSet<_> = patient.kfuncs.iter().map(|kfunc| &*kfunc.name).collect();
    let mut sets_of = BTreeMap::<&str, Vec<&KfuncSet>>::new();
    let sets = patient.file.sets.iter().flatten();
    for set in sets.filter(|set| set.unresolved() > 0) {
        let mut missing: Vec<_> = set.names.iter().map(String::as_str).collect();
        missing.retain(|name| !names.contains(name));
        if missing.is_empty() {
            missing.push(&set.name);
        }
        for name in missing {
            sets_of.entry(name).or_default().push(set);
        }
    }
    let findings = sets_of.into_iter().map(|(name, sets)| {
        let what = match sets.first() {
            Some(set) if set.name == name => {
                format!("functions without a name: {}", set.unresolved())
            }
            _ => format!("no function {name}"),
        };
        let sets: Vec<_> = sets.iter().map(|set| set.name.clone()).collect();
        Finding {
            rule: Rule::MissingFunction,
            name: name.to_owned(),
            module: patient.file.name.clone(),
            what,
            who: Who::may_call(name, &sets, BTreeSet::new()),
            sets,
        }
    });
    findings.collect()
}
