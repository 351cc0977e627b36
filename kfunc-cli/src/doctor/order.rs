// SPDX-License-Identifier: MIT OR Apache-2.0

//! The order of types.
//!
//! `btf_check_sorted` of `kernel/bpf/btf.c` (7.2 and 7.3) looks at the BTF of a module, and searches it type by type if
//! it is not sorted. Of vmlinux it only asks where the first named type is: from there on it is searched by halves,
//! sorted or not. Linux 6.12 searches all BTF type by type.

use super::patient::Patient;
use super::{Finding, Rule, Who};

/// The first type of a vmlinux that is before the one that it follows.
pub(super) fn finding(patient: &Patient<'_>) -> Option<Finding> {
    let btf = patient.btf;
    if !patient.native || btf.is_sorted() || patient.file.btf.distilled_base.is_some() {
        return None;
    }
    let mut before: &[u8] = b"";
    let mut names = btf.types().map(|ty| (ty.id(), btf.name(&ty)));
    let (id, name) = names.find(|(_, name)| {
        let is_before = *name < before;
        before = if is_before { before } else { name };
        is_before
    })?;
    let name = name.escape_ascii().to_string();
    Some(Finding {
        rule: Rule::Unsorted,
        what: format!("type {} follows '{}'", id.0, before.escape_ascii()),
        module: patient.file.name.clone(),
        name,
        sets: Vec::new(),
        who: Who::default(),
    })
}
