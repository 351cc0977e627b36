// SPDX-License-Identifier: MIT OR Apache-2.0

//! `foo`, which programs call, and `foo_impl`, which runs.

use btf_core::{Kind, Type};
use kfunc_abi::{Signature, SignatureErrorKind, IMPL_SUFFIX};

use super::patient::{name_of, Kfunc, Patient};
use super::{Finding, Rule};
use crate::dump::Declarations;
use crate::Result;

/// Whether the prototypes are what kernels with implicit arguments need; others have no such kfuncs.
pub(super) fn findings(patient: &Patient<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    if !patient.native {
        return Ok(findings);
    }
    let mut text = Declarations::new(patient.btf, patient.file.btf.pointer_size);
    // What a module of ours declares names both of its FUNCs, and was compared when it was embedded.
    let kfuncs = patient.kfuncs.iter();
    for kfunc in kfuncs.filter(|kfunc| kfunc.member.full.is_none()) {
        let Some(func) = patient.btf.get(kfunc.id) else {
            continue;
        };
        findings.extend(unsplit(patient, kfunc, &func, &mut text)?);
        findings.extend(foreign_impl(patient, kfunc, &func));
        findings.extend(impl_without_public(patient, kfunc, &func));
    }
    Ok(findings)
}

/// What is told of a kfunc with the flag. Without flags the tag says that it is a kfunc, and no program can pass what
/// is implicit.
fn unsplit(
    patient: &Patient<'_>,
    kfunc: &Kfunc<'_>,
    func: &Type<'_>,
    text: &mut Declarations<'_, '_>,
) -> Result<Option<Finding>> {
    let full = patient.find_impl(&kfunc.name);
    let place = patient.first_implicit(func);
    let params = patient.prototype(func).map(|proto| proto.params());
    let param = place.and_then(|place| params?.nth(place));
    let is_broken = match kfunc.is_flagged() {
        Some(flagged) => flagged && (param.is_some() || full.is_none()),
        None => param.is_some() && full.is_none() && !kfunc.name.ends_with(IMPL_SUFFIX),
    };
    if !is_broken {
        return Ok(None);
    }
    let twin = match full {
        Some(_) => format!("although there is {}{IMPL_SUFFIX}", kfunc.name),
        None => format!("no {}{IMPL_SUFFIX}", kfunc.name),
    };
    let what = match param {
        Some(param) => format!("programs see {}, {twin}", text.param(param)?),
        None => twin,
    };
    Ok(Some(patient.finding(Rule::Unsplit, kfunc, what)))
}

/// With the flag, the kernel goes by the name only, and takes any `foo_impl`.
fn foreign_impl(patient: &Patient<'_>, kfunc: &Kfunc<'_>, func: &Type<'_>) -> Option<Finding> {
    let full = patient.find_impl(&kfunc.name)?;
    let error = Signature::of(patient.btf, func, kfunc.member.flags()).err()?;
    match error.kind {
        SignatureErrorKind::OtherReturnType | SignatureErrorKind::OtherParam(_) => {}
        _ => return None,
    }
    let what = format!("{}: {}", name_of(patient.btf, full.id()), error.kind);
    Some(patient.finding(Rule::ForeignImpl, kfunc, what))
}

/// Old programs may call `foo_impl` itself, with what is implicit in `foo`.
fn impl_without_public(
    patient: &Patient<'_>,
    kfunc: &Kfunc<'_>,
    func: &Type<'_>,
) -> Option<Finding> {
    let public = kfunc.name.strip_suffix(IMPL_SUFFIX)?;
    let takes_implicit = patient.first_implicit(func).is_some();
    if !takes_implicit || patient.find(public).is_some() {
        return None;
    }
    let what = format!("no {public}");
    Some(patient.finding(Rule::ImplWithoutPublic, kfunc, what))
}

/// Which functions may be unsplit kfuncs, where sets do not tell: the build leaves those unsplit that have no tag, and
/// then they look as other functions of the kernel do.
pub(super) fn suspicion(patient: &Patient<'_>) -> Option<String> {
    if !patient.native || patient.knows_sets() {
        return None;
    }
    let funcs = patient.btf.of_kind(Kind::FUNC);
    let suspects = funcs.filter(|func| {
        let name = patient.btf.name(func);
        !patient.tagged.contains(&func.id())
            && !name.ends_with(IMPL_SUFFIX.as_bytes())
            && patient.first_implicit(func).is_some()
            && patient.find_impl(&String::from_utf8_lossy(name)).is_none()
    });
    let mut names: Vec<_> = suspects
        .map(|func| name_of(patient.btf, func.id()))
        .collect();
    names.sort();
    (!names.is_empty()).then(|| {
        format!(
            "{}: of these functions, those that are kfuncs are unsplit, which only the sets in the vmlinux of its \
             headers can tell: {}",
            patient.file.name,
            names.join(", ")
        )
    })
}
