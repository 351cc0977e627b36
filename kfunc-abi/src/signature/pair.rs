// SPDX-License-Identifier: MIT OR Apache-2.0

//! Two FUNCs that are one kfunc.

use btf_core::limits::MAX_CHAIN_LEN;
use btf_core::{Btf, Kind, Type, TypeId};

use super::{SignatureError, SignatureErrorKind};
use crate::{IMPL_SUFFIX, KSYM_NAME_LEN};

/// The FUNC called as `name` with [`IMPL_SUFFIX`], the base's first (`find_kfunc_impl_proto` of
/// `kernel/bpf/verifier.c`).
pub(super) fn find_impl<'a>(btf: &Btf<'a>, name: &[u8]) -> Option<Type<'a>> {
    let mut buffer = [0; KSYM_NAME_LEN];
    btf.find(impl_name(name, &mut buffer)?, Kind::FUNC)
}

/// `name` with [`IMPL_SUFFIX`] in `buffer`; none if it does not fit there with a NUL.
pub(crate) fn impl_name<'b>(name: &[u8], buffer: &'b mut [u8; KSYM_NAME_LEN]) -> Option<&'b [u8]> {
    let len = name.len().checked_add(IMPL_SUFFIX.len())?;
    if len >= KSYM_NAME_LEN {
        return None;
    }
    let full = buffer.get_mut(..len)?;
    let (stem, suffix) = full.split_at_mut_checked(name.len())?;
    for (place, byte) in stem.iter_mut().zip(name) {
        *place = *byte;
    }
    for (place, byte) in suffix.iter_mut().zip(IMPL_SUFFIX.as_bytes()) {
        *place = *byte;
    }
    Some(full)
}

/// Whether `full` is `public` with more parameters behind. Type tags do not count: only the public prototype has those of
/// arena pointers (`process_kfunc_with_arena_attrs` of `tools/bpf/resolve_btfids/main.c`).
pub(super) fn belong(
    btf: &Btf<'_>,
    public: &Type<'_>,
    full: &Type<'_>,
) -> Result<(), SignatureError> {
    if !is_same(btf, public.target(), full.target()) {
        return Err(SignatureErrorKind::OtherReturnType.at(full.id()));
    }
    let mut rest = full.params();
    for (place, param) in public.params().enumerate() {
        let same = match rest.next() {
            Some(other) => {
                btf.name_at(param.name) == btf.name_at(other.name)
                    && is_same(btf, Some(param.ty), Some(other.ty))
            }
            None => false,
        };
        if !same {
            return Err(SignatureErrorKind::OtherParam(place).at(full.id()));
        }
    }
    if rest.len() == 0 {
        return Err(SignatureErrorKind::NothingImplicit.at(full.id()));
    }
    Ok(())
}

/// Whether two types are the same but for type tags.
fn is_same(btf: &Btf<'_>, one: Option<TypeId>, other: Option<TypeId>) -> bool {
    let (Some(mut one), Some(mut other)) = (one, other) else {
        return false;
    };
    // Each step goes on in both chains, or skips a tag in one of them.
    for _ in 0..MAX_CHAIN_LEN.saturating_mul(2) {
        if one == other {
            return true;
        }
        let (first, second) = (btf.get(one), btf.get(other));
        if let Some(target) = tagged(first) {
            one = target;
        } else if let Some(target) = tagged(second) {
            other = target;
        } else {
            match (around(first), around(second)) {
                (Some((kind, target)), Some((other_kind, other_target))) if kind == other_kind => {
                    (one, other) = (target, other_target);
                }
                _ => return false,
            }
        }
    }
    false
}

/// What a type tag is on.
fn tagged(ty: Option<Type<'_>>) -> Option<TypeId> {
    let ty = ty?;
    match ty.kind() {
        Kind::TYPE_TAG => ty.target(),
        _ => None,
    }
}

/// What a pointer or qualifier is on, and which of them it is.
fn around(ty: Option<Type<'_>>) -> Option<(Kind, TypeId)> {
    let ty = ty?;
    match ty.kind() {
        Kind::PTR | Kind::CONST | Kind::VOLATILE | Kind::RESTRICT => {
            Some((ty.kind(), ty.target()?))
        }
        _ => None,
    }
}
