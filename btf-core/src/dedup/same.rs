// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a record says: whether another one says the same, and a hash of it.
//!
//! Follows `btf_hash_…`, `btf_equal_…` and `btf_compat_…` of `tools/lib/bpf/btf.c` in what they compare; hashes are our own.

use super::names::NameMap;
use crate::types::TypeId;
use crate::{Amended, Kind, Type};

/// Where a record's first word behind the common part is: the word of an INT, the component of a DECL_TAG.
const FIRST_WORD: usize = 12;

/// How many types on the way to one with a name count in a hash.
const WAY_LEN: usize = 4;

/// All types, and their names as numbers.
#[derive(Clone, Copy)]
pub(super) struct Records<'d, 'r> {
    pub(super) amended: &'d Amended<'d>,
    pub(super) names: NameMap<'r>,
}

impl<'d> Records<'d, '_> {
    /// The type of `id`, which is one; or void.
    pub(super) fn get(&self, id: u32) -> Type<'d> {
        self.amended.get(TypeId(id)).unwrap_or(Type::VOID)
    }

    /// The name as a number.
    pub(super) fn name(&self, ty: &Type<'_>) -> u32 {
        self.names.of(ty.name_offset())
    }

    /// Name, kind, number of elements, and what `size_or_type` says (`btf_equal_common`).
    pub(super) fn is_same_common(&self, one: &Type<'_>, other: &Type<'_>) -> bool {
        self.is_same_head(one, other) && one.size_or_type() == other.size_or_type()
    }

    /// Name, kind and number of elements (`btf_equal_typedef`).
    pub(super) fn is_same_head(&self, one: &Type<'_>, other: &Type<'_>) -> bool {
        one.info() == other.info() && self.name(one) == self.name(other)
    }

    /// All that an INT says (`btf_equal_int_tag`).
    pub(super) fn is_same_int(&self, one: &Type<'_>, other: &Type<'_>) -> bool {
        self.is_same_common(one, other) && one.word(FIRST_WORD) == other.word(FIRST_WORD)
    }

    /// All that an enum says (`btf_equal_enum`).
    fn is_same_enum(&self, one: &Type<'_>, other: &Type<'_>) -> bool {
        let mut values = one.enumerators().zip(other.enumerators());
        self.is_same_common(one, other)
            && values.all(|(one, other)| {
                one.value == other.value && self.names.of(one.name) == self.names.of(other.name)
            })
    }

    /// Whether two enums are equal, or one of them is only declared (`btf_compat_enum`).
    pub(super) fn is_compatible_enum(&self, one: &Type<'_>, other: &Type<'_>) -> bool {
        if is_declared_enum(one) || is_declared_enum(other) {
            return is_enum(one) && is_enum(other) && self.name(one) == self.name(other);
        }
        self.is_same_enum(one, other)
    }

    /// All that a struct or union says but for the types of its members (`btf_shallow_equal_struct`).
    pub(super) fn is_same_shape(&self, one: &Type<'_>, other: &Type<'_>) -> bool {
        let mut members = one.members().zip(other.members());
        self.is_same_common(one, other)
            && members.all(|(one, other)| {
                (one.bit_offset, one.bitfield_size) == (other.bit_offset, other.bitfield_size)
                    && self.names.of(one.name) == self.names.of(other.name)
            })
    }

    /// All that a prototype says but for types (`btf_compat_fnproto`).
    pub(super) fn is_same_proto_shape(&self, one: &Type<'_>, other: &Type<'_>) -> bool {
        let mut params = one.params().zip(other.params());
        self.is_same_head(one, other)
            && params.all(|(one, other)| self.names.of(one.name) == self.names.of(other.name))
    }

    /// All that an array says but for types (`btf_compat_array`).
    pub(super) fn is_same_length(&self, one: &Type<'_>, other: &Type<'_>) -> bool {
        let len = |ty: &Type<'_>| ty.array().map(|array| array.len);
        self.is_same_common(one, other) && len(one) == len(other)
    }

    /// Whether two records say the same, and refer to the same: `target` gives what an id of a type stands for.
    pub(super) fn is_same(
        &self,
        one: &Type<'_>,
        other: &Type<'_>,
        target: impl Fn(&Type<'_>, u32) -> u32,
    ) -> bool {
        let same_children = || {
            (0..children(one)).all(|at| {
                let of = |ty: &Type<'_>| target(ty, child(ty, at));
                of(one) == of(other)
            })
        };
        match one.kind() {
            Kind::INT => self.is_same_int(one, other),
            Kind::ENUM | Kind::ENUM64 => self.is_same_enum(one, other),
            Kind::ARRAY => self.is_same_length(one, other) && same_children(),
            Kind::FUNC_PROTO => self.is_same_proto_shape(one, other) && same_children(),
            Kind::DECL_TAG => {
                self.is_same_head(one, other)
                    && one.word(FIRST_WORD) == other.word(FIRST_WORD)
                    && same_children()
            }
            kind if is_link(kind) => self.is_same_head(one, other) && same_children(),
            _ => self.is_same_common(one, other),
        }
    }

    /// A hash of what is compared to find a candidate. Enums have that of their name, since one of the same name may be the
    /// declaration of another; anonymous ones cannot, and there are many. A kernel has hundreds of anonymous structs with the
    /// same members: there, the names of the members' types count, too.
    pub(super) fn hash(&self, ty: &Type<'_>, target: impl Fn(u32) -> u32) -> u32 {
        let mut hash = Hash::new();
        hash.take(self.name(ty));
        let kind = ty.kind();
        if is_enum(ty) {
            if ty.name_offset() == 0 {
                hash.take(ty.info().0);
                for enumerator in ty.enumerators() {
                    hash.take(self.names.of(enumerator.name));
                }
            }
            return hash.finish();
        }
        hash.take(ty.info().0);
        match kind {
            Kind::STRUCT | Kind::UNION => {
                hash.take(ty.size_or_type());
                for member in ty.members() {
                    hash.take(self.names.of(member.name));
                    hash.take(member.bit_offset);
                    if ty.name_offset() == 0 {
                        self.take_way(&mut hash, member.ty.0);
                    }
                }
            }
            Kind::INT | Kind::FLOAT | Kind::FWD => hash.take(ty.size_or_type()),
            Kind::TYPEDEF => {}
            _ => {
                if let Some(array) = ty.array() {
                    hash.take(array.len);
                }
                each_child(ty, |id| hash.take(target(id)));
                for param in ty.params() {
                    hash.take(self.names.of(param.name));
                }
            }
        }
        hash.finish()
    }
}

impl Records<'_, '_> {
    /// Takes up what is on the way to a type with a name. Types can only be equal if it is the same; but that of an array does
    /// not always count ([`super::graph`]), and a declaration can stand for what it declares.
    fn take_way(&self, hash: &mut Hash, id: u32) {
        let mut ty = self.get(id);
        for _ in 0..WAY_LEN {
            hash.take(self.name(&ty));
            hash.take(
                match ty.kind() {
                    Kind::FWD | Kind::UNION => Kind::STRUCT.0,
                    Kind::ENUM64 => Kind::ENUM.0,
                    kind => kind.0,
                }
                .into(),
            );
            if !is_link(ty.kind()) {
                return;
            }
            ty = self.get(child(&ty, 0));
        }
    }
}

/// Number of types that a record refers to.
pub(super) fn children(ty: &Type<'_>) -> usize {
    match ty.kind() {
        Kind::ARRAY => 2,
        Kind::STRUCT | Kind::UNION => vlen(ty),
        Kind::FUNC_PROTO => vlen(ty).saturating_add(1),
        Kind::DECL_TAG | Kind::TYPEDEF => 1,
        kind if is_link(kind) => 1,
        _ => 0,
    }
}

fn vlen(ty: &Type<'_>) -> usize {
    usize::try_from(ty.info().vlen()).unwrap_or(usize::MAX)
}

/// Calls `visit` with each type that a record refers to, in the order of [`child`].
pub(super) fn each_child(ty: &Type<'_>, mut visit: impl FnMut(u32)) {
    match ty.kind() {
        Kind::ARRAY => (0..2).for_each(|at| visit(child(ty, at))),
        Kind::STRUCT | Kind::UNION => ty.members().for_each(|member| visit(member.ty.0)),
        _ => {
            ty.target().into_iter().for_each(|target| visit(target.0));
            ty.params().for_each(|param| visit(param.ty.0));
        }
    }
}

/// The type that a record refers to in the place `at`, in the order in which libbpf looks at them.
pub(super) fn child(ty: &Type<'_>, at: usize) -> u32 {
    let id = match ty.kind() {
        Kind::ARRAY => ty
            .array()
            .and_then(|array| [array.index, array.element].get(at).copied()),
        Kind::STRUCT | Kind::UNION => ty.members().nth(at).map(|member| member.ty),
        _ => match at.checked_sub(1) {
            None => ty.target(),
            Some(param) => ty.params().nth(param).map(|param| param.ty),
        },
    };
    id.unwrap_or(TypeId::VOID).0
}

/// Whether all that a type of this kind says is its name and what it refers to. A typedef is not among them.
pub(super) fn is_link(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::PTR | Kind::VOLATILE | Kind::CONST | Kind::RESTRICT | Kind::FUNC | Kind::TYPE_TAG
    )
}

fn is_enum(ty: &Type<'_>) -> bool {
    matches!(ty.kind(), Kind::ENUM | Kind::ENUM64)
}

/// `enum name;`, which has no enumerators.
pub(super) fn is_declared_enum(ty: &Type<'_>) -> bool {
    is_enum(ty) && ty.info().vlen() == 0
}

/// Whether it is a struct or union.
pub(super) fn is_composite(ty: &Type<'_>) -> bool {
    matches!(ty.kind(), Kind::STRUCT | Kind::UNION)
}

/// Whether a FWD is that of a union.
pub(super) fn declares_union(forward: &Type<'_>) -> bool {
    forward.info().kind_flag()
}

/// A hash of words.
struct Hash(u64);

impl Hash {
    fn new() -> Self {
        Self(0)
    }

    fn take(&mut self, word: u32) {
        self.0 = (self.0 ^ u64::from(word))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29);
    }

    /// The upper bits are the good ones.
    fn finish(self) -> u32 {
        let mixed = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        u32::try_from(mixed).unwrap_or(0)
    }
}
