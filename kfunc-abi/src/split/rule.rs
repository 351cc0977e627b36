// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which parameters are implicit.

use btf_core::limits::MAX_CHAIN_LEN;
use btf_core::{Btf, Kind, Type, TypeId};

use crate::signature::IMPLICIT_STRUCTS;

/// Which parameter is the first implicit one; all behind it are implicit, too.
///
/// With [`crate::KfuncFlags::IMPLICIT_ARGS`] a pointer to `struct bpf_prog_aux` or `struct btf_struct_meta` always is.
/// What is named here counts for every kfunc, with or without the flag.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImplicitRule<'r> {
    /// What the parameter's name ends with, such as `__magic`, and more is before it.
    pub suffix: Option<&'r [u8]>,
    /// What the parameter's type is called: a struct, union, enum, typedef or integer, itself or what it points to.
    pub types: &'r [&'r [u8]],
}

impl ImplicitRule<'_> {
    /// What Linux 7.3 does, and no more.
    pub const OFFICIAL: Self = Self {
        suffix: None,
        types: &[],
    };

    /// The place of the first implicit parameter of `proto`; `native` is for a kfunc with the flag. As
    /// `is_kf_implicit_arg` of `tools/bpf/resolve_btfids/main.c` (7.3) looks for it, with [`ImplicitRule::OFFICIAL`].
    pub fn first_implicit(&self, btf: &Btf<'_>, proto: &Type<'_>, native: bool) -> Option<usize> {
        for (place, param) in proto.params().enumerate() {
            let by_name = self.has_suffix(btf.name_at(param.name));
            if by_name || self.is_listed(btf, param.ty) || (native && is_official(btf, param.ty)) {
                return Some(place);
            }
        }
        None
    }

    fn has_suffix(&self, name: &[u8]) -> bool {
        self.suffix
            .is_some_and(|suffix| name.len() > suffix.len() && name.ends_with(suffix))
    }

    /// Whether `ty`, or what it points to, has one of the names; through typedefs, which may have it, too.
    fn is_listed(&self, btf: &Btf<'_>, ty: TypeId) -> bool {
        if self.types.is_empty() {
            return false;
        }
        let (mut id, mut pointers) = (ty, 0_u32);
        for _ in 0..MAX_CHAIN_LEN {
            let Some(ty) = btf.get(id) else {
                return false;
            };
            let kind = ty.kind();
            // The name of a tag is none of a type.
            if kind != Kind::TYPE_TAG && self.types.contains(&btf.name(&ty)) {
                return true;
            }
            pointers = pointers.saturating_add(u32::from(kind == Kind::PTR));
            match ty.target() {
                Some(target) if (kind.is_modifier() || kind == Kind::PTR) && pointers <= 1 => {
                    id = target;
                }
                _ => return false,
            }
        }
        false
    }
}

/// Whether `ty` is a pointer to one of [`IMPLICIT_STRUCTS`].
fn is_official(btf: &Btf<'_>, ty: TypeId) -> bool {
    let Some(pointer) = skip_qualifiers(btf, ty).filter(|ty| ty.kind() == Kind::PTR) else {
        return false;
    };
    let target = pointer.target().unwrap_or(TypeId::VOID);
    skip_qualifiers(btf, target).is_some_and(|target| {
        target.kind() == Kind::STRUCT && IMPLICIT_STRUCTS.contains(&btf.name(&target))
    })
}

/// Follows qualifiers and type tags, but no typedef (`btf_type_skip_qualifiers` of the same file).
fn skip_qualifiers<'a>(btf: &Btf<'a>, id: TypeId) -> Option<Type<'a>> {
    let mut ty = btf.get(id)?;
    for _ in 0..MAX_CHAIN_LEN {
        match ty.target() {
            Some(target) if ty.kind().is_modifier() && ty.kind() != Kind::TYPEDEF => {
                ty = btf.get(target)?;
            }
            _ => return Some(ty),
        }
    }
    None
}
