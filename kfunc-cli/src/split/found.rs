// SPDX-License-Identifier: MIT OR Apache-2.0

//! The kfuncs that are to be split, in the BTF.

use std::collections::{HashMap, HashSet};

use btf_core::{Btf, Kind, TypeId};
use kfunc_abi::split::SplitKfunc;

use super::{NamedKfunc, SplitRequest};
use crate::{Error, Result};

/// What is looked for in a BTF.
pub(super) struct Found {
    /// The kfuncs in the order of their ids.
    pub(super) kfuncs: Vec<SplitKfunc>,
    /// Names of the kfuncs that the BTF does not have.
    pub(super) missing: Vec<String>,
    /// All DECL_TAGs.
    pub(super) tags: Vec<TypeId>,
}

impl Found {
    pub(super) fn of(input: &Btf<'_>, request: &SplitRequest<'_>) -> Result<Self> {
        let impls = request.kfuncs.iter().map(|kfunc| impl_name(&kfunc.name));
        let impls: Vec<_> = impls.collect();
        let names = request.kfuncs.iter().map(|kfunc| &kfunc.name);
        let (funcs, tags) = find_funcs(input, names.chain(&impls));
        let (mut kfuncs, mut missing) = (Vec::new(), Vec::new());
        for (kfunc, impl_name) in request.kfuncs.iter().zip(&impls) {
            match funcs.get(kfunc.name.as_bytes()) {
                Some(func) => kfuncs.push(SplitKfunc {
                    func: *func,
                    flags: kfunc.flags,
                    has_impl: funcs.contains_key(impl_name.as_bytes()),
                }),
                None if request.skip_missing => missing.push(kfunc.name.clone()),
                None => return Err(no_func(input, kfunc)),
            }
        }
        kfuncs.sort_by_key(|kfunc| kfunc.func);
        Ok(Self {
            kfuncs,
            missing,
            tags,
        })
    }
}

fn impl_name(kfunc: &str) -> String {
    format!("{kfunc}_impl")
}

/// The first own FUNC of each of the names that has one, and all DECL_TAGs. One pass: an index of all names would take
/// longer.
fn find_funcs<'n>(
    input: &Btf<'_>,
    names: impl Iterator<Item = &'n String>,
) -> (HashMap<&'n [u8], TypeId>, Vec<TypeId>) {
    let wanted: HashSet<_> = names.map(|name| name.as_bytes()).collect();
    let (mut funcs, mut tags) = (HashMap::new(), Vec::new());
    for ty in input.types() {
        match ty.kind() {
            Kind::FUNC => {
                if let Some(name) = wanted.get(input.name(&ty)) {
                    funcs.entry(*name).or_insert(ty.id());
                }
            }
            Kind::DECL_TAG => tags.push(ty.id()),
            _ => {}
        }
    }
    (funcs, tags)
}

pub(crate) fn no_func(input: &Btf<'_>, kfunc: &NamedKfunc) -> Error {
    let name = kfunc.name.as_bytes();
    let other = input.types().find(|ty| input.name(ty) == name);
    match other {
        Some(other) => Error::NotAFunction {
            kfunc: kfunc.name.clone(),
            kind: other.kind(),
        },
        None => Error::MissingKfunc {
            kfunc: kfunc.name.clone(),
            set: kfunc.set.clone(),
        },
    }
}
