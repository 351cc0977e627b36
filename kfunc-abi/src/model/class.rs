// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a calling convention asks of a value.

use btf_core::limits::{MAX_RESOLVE_DEPTH, POINTER_LEN};
use btf_core::{At, Btf, Error, ErrorKind, Kind, Section, Type, TypeId};

/// What a calling convention asks of a value beside its size.
///
/// BTF has no alignments. They are taken from the types of the members, and so are right unless the source says
/// `__attribute__((aligned(16)))` or has a packed struct around one `__int128`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Class {
    /// An integer, an enum or a pointer; of 16 bytes an `__int128`, aligned to as many.
    Scalar,
    /// A struct or union with an alignment of up to 8 bytes.
    Composite,
    /// A struct or union that holds an `__int128`, and has its alignment.
    Composite16,
    /// A struct with a member that is not at a multiple of its alignment. Bitfields do not count, as for gcc;
    /// clang counts those that a packed struct moves.
    Packed,
    /// A struct or union with a floating-point number in it. No kernel function has one.
    Float,
}

/// Members that are looked at in one value. With 16 bytes, more are only possible if many are empty.
const MAX_MEMBERS: u32 = 256;

impl Class {
    /// The class of a type without modifiers. One with a size of more than 16 bytes may fail.
    pub(super) fn of(btf: &Btf<'_>, ty: &Type<'_>) -> Result<Self, Error> {
        if !is_composite(ty) {
            return Ok(Self::Scalar);
        }
        let mut members = Members {
            btf,
            left: MAX_MEMBERS,
            found: Found::default(),
        };
        members.look_into(ty, 0, MAX_RESOLVE_DEPTH)?;
        let found = members.found;
        Ok(if found.float {
            Self::Float
        } else if found.misaligned {
            Self::Packed
        } else if found.alignment > 8 {
            Self::Composite16
        } else {
            Self::Composite
        })
    }
}

fn is_composite(ty: &Type<'_>) -> bool {
    matches!(ty.kind(), Kind::STRUCT | Kind::UNION)
}

/// What was found among the members.
#[derive(Clone, Copy, Default)]
struct Found {
    alignment: u32,
    misaligned: bool,
    float: bool,
}

struct Members<'m, 'a> {
    btf: &'m Btf<'a>,
    /// How many may still be looked at.
    left: u32,
    found: Found,
}

impl Members<'_, '_> {
    /// Looks at the members of a struct or union that is `at` bits from the start of the value.
    fn look_into(&mut self, ty: &Type<'_>, at: u32, depth: usize) -> Result<(), Error> {
        let depth = depth.checked_sub(1).ok_or(too_deep(ty.id()))?;
        for member in ty.members() {
            let at = at.saturating_add(member.bit_offset);
            self.look_at(member.ty, at, member.bitfield_size != 0, depth)?;
        }
        Ok(())
    }

    /// Looks at a member, or at an element of an array.
    fn look_at(&mut self, id: TypeId, at: u32, bitfield: bool, depth: usize) -> Result<(), Error> {
        self.left = self.left.checked_sub(1).ok_or(too_deep(id))?;
        let Some(ty) = self.btf.skip_modifiers(id)? else {
            return Ok(());
        };
        if is_composite(&ty) {
            return self.look_into(&ty, at, depth);
        }
        if let Some(array) = ty.array() {
            let depth = depth.checked_sub(1).ok_or(too_deep(id))?;
            // The others are as far from their alignment as the first; an empty array still has one.
            return self.look_at(array.element, at, false, depth);
        }
        let size = match ty.kind() {
            Kind::PTR => POINTER_LEN,
            _ => ty.size().unwrap_or_default(),
        };
        let bits = size.saturating_mul(8);
        self.found.float |= ty.kind() == Kind::FLOAT;
        self.found.alignment = self.found.alignment.max(size);
        // Before BTF marked the structs that have bitfields, the integer itself told.
        let narrow = ty.int().is_some_and(|int| u32::from(int.bits) != bits);
        let aligned = at.checked_rem(bits).is_none_or(|rest| rest == 0);
        self.found.misaligned |= !(aligned || bitfield || narrow);
        Ok(())
    }
}

fn too_deep(id: TypeId) -> Error {
    Error {
        kind: ErrorKind::TooDeep,
        at: At {
            section: Section::Types,
            offset: 0,
            type_id: id,
        },
    }
}
