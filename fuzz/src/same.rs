// SPDX-License-Identifier: MIT OR Apache-2.0

//! Whether types of two BTFs are the same.

use btf_core::{Btf, Type, TypeId};

/// `b` of `other` is `a` of `one`, but for the ids, to which `id` leads, and where the names are.
pub(crate) fn assert_same(
    (one, a): (&Btf<'_>, &Type<'_>),
    (other, b): (&Btf<'_>, &Type<'_>),
    id: impl Fn(TypeId) -> TypeId,
) {
    let id = |of: TypeId| if of == TypeId::VOID { of } else { id(of) };
    assert_eq!(
        (a.info(), a.size(), a.int(), a.component(), a.linkage()),
        (b.info(), b.size(), b.int(), b.component(), b.linkage())
    );
    assert_eq!(
        one.name(a).escape_ascii().to_string(),
        other.name(b).escape_ascii().to_string()
    );
    assert_eq!(a.target().map(id), b.target());
    let array = a
        .array()
        .map(|array| (id(array.element), id(array.index), array.len));
    assert_eq!(
        array,
        b.array()
            .map(|array| (array.element, array.index, array.len))
    );
    let same_name = |a, b| one.name_at(a) == other.name_at(b);
    for (a, b) in a.members().zip(b.members()) {
        assert!(same_name(a.name, b.name));
        assert_eq!(
            (id(a.ty), a.bit_offset, a.bitfield_size),
            (b.ty, b.bit_offset, b.bitfield_size)
        );
    }
    for (a, b) in a.params().zip(b.params()) {
        assert!(same_name(a.name, b.name));
        assert_eq!(id(a.ty), b.ty);
    }
    for (a, b) in a.enumerators().zip(b.enumerators()) {
        assert!(same_name(a.name, b.name));
        assert_eq!(a.value, b.value);
    }
    for (a, b) in a.variables().zip(b.variables()) {
        assert_eq!((id(a.var), a.offset, a.size), (b.var, b.offset, b.size));
    }
}

/// All names in `ty`.
pub(crate) fn names_of(ty: &Type<'_>) -> Vec<u32> {
    let members = ty.members().map(|member| member.name);
    let params = ty.params().map(|param| param.name);
    let enumerators = ty.enumerators().map(|enumerator| enumerator.name);
    let own = [ty.name_offset()].into_iter();
    own.chain(members)
        .chain(params)
        .chain(enumerators)
        .collect()
}
