// SPDX-License-Identifier: MIT OR Apache-2.0

//! Whether all names and types that are referred to are there (`btf_sanity_check` of
//! `tools/lib/bpf/btf.c`). What refers to what is not asked: a dump also serves to look into a wrong BTF.

use btf_core::{At, Btf, Error, ErrorKind, Section, Type, TypeId};

/// Checks the references of all own types of `btf`.
pub(crate) fn check(btf: &Btf<'_>) -> Result<(), Error> {
    for ty in btf.types() {
        check_type(btf, &ty).map_err(|kind| Error {
            kind,
            at: At {
                section: Section::Types,
                offset: u32::try_from(btf.record_offset(ty.id())).unwrap_or(u32::MAX),
                type_id: ty.id(),
            },
        })?;
    }
    Ok(())
}

fn check_type(btf: &Btf<'_>, ty: &Type<'_>) -> Result<(), ErrorKind> {
    let name = |offset| match offset {
        0 => Ok(()),
        _ if offset < btf.end_name() => Ok(()),
        _ => Err(ErrorKind::InvalidName(offset)),
    };
    let id = |id: TypeId| match id {
        _ if id < btf.end_id() => Ok(()),
        _ => Err(ErrorKind::InvalidTypeId(id)),
    };
    name(ty.name_offset())?;
    ty.target().map_or(Ok(()), id)?;
    if let Some(array) = ty.array() {
        id(array.element)?;
        id(array.index)?;
    }
    for member in ty.members() {
        name(member.name)?;
        id(member.ty)?;
    }
    for param in ty.params() {
        name(param.name)?;
        id(param.ty)?;
    }
    for enumerator in ty.enumerators() {
        name(enumerator.name)?;
    }
    for variable in ty.variables() {
        id(variable.var)?;
    }
    Ok(())
}
