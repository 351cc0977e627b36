// SPDX-License-Identifier: MIT OR Apache-2.0

//! What follows a record: parameters, members, enumerators, variables.

use crate::{ByteOrder, TypeId};

/// Bytes of `struct btf_member`, `struct btf_var_secinfo` and `struct btf_enum64`.
pub(crate) const MEMBER_LEN: usize = 12;
/// Bytes of `struct btf_param` and `struct btf_enum`.
pub(crate) const PARAM_LEN: usize = 8;

/// A parameter of a FUNC_PROTO. `name` 0 and type `void` stand for C's `...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param {
    /// Where the name is.
    pub name: u32,
    /// The type.
    pub ty: TypeId,
}

/// The parameters of a FUNC_PROTO, in order.
#[derive(Clone, Copy, Debug)]
pub struct Params<'a> {
    pub(crate) rest: &'a [u8],
    pub(crate) order: ByteOrder,
}

impl Iterator for Params<'_> {
    type Item = Param;

    fn next(&mut self) -> Option<Param> {
        let (head, rest) = self.rest.split_at_checked(PARAM_LEN)?;
        self.rest = rest;
        Some(Param {
            name: self.order.u32_at(head, 0)?,
            ty: TypeId(self.order.u32_at(head, 4)?),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.rest.len() / PARAM_LEN;
        (len, Some(len))
    }

    fn nth(&mut self, n: usize) -> Option<Param> {
        let skipped = n.saturating_mul(PARAM_LEN);
        self.rest = self.rest.get(skipped..).unwrap_or_default();
        self.next()
    }
}

impl ExactSizeIterator for Params<'_> {}

/// A member as it is recorded; [`crate::Btf::member`] finds one by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawMember {
    /// Where the name is; 0 for an anonymous member.
    pub name: u32,
    /// The type.
    pub ty: TypeId,
    /// Bits from the start of the struct.
    pub bit_offset: u32,
    /// Bits of a bitfield; 0 for other members.
    pub bitfield_size: u32,
}

/// The members of a STRUCT or UNION, in order.
#[derive(Clone, Copy, Debug)]
pub struct RawMembers<'a> {
    pub(crate) rest: &'a [u8],
    pub(crate) order: ByteOrder,
    pub(crate) bitfields: bool,
}

impl Iterator for RawMembers<'_> {
    type Item = RawMember;

    fn next(&mut self) -> Option<RawMember> {
        let (head, rest) = self.rest.split_at_checked(MEMBER_LEN)?;
        self.rest = rest;
        let offset = self.order.u32_at(head, 8)?;
        Some(RawMember {
            name: self.order.u32_at(head, 0)?,
            ty: TypeId(self.order.u32_at(head, 4)?),
            bit_offset: if self.bitfields {
                offset & 0x00ff_ffff
            } else {
                offset
            },
            bitfield_size: if self.bitfields { offset >> 24 } else { 0 },
        })
    }

    fn nth(&mut self, n: usize) -> Option<Self::Item> {
        let skipped = n.saturating_mul(MEMBER_LEN);
        self.rest = self.rest.get(skipped..).unwrap_or_default();
        self.next()
    }
}

/// What an ARRAY is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Array {
    /// The type of each element.
    pub element: TypeId,
    /// The type of the index.
    pub index: TypeId,
    /// Number of elements.
    pub len: u32,
}

/// An enumerator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enumerator {
    /// Where the name is.
    pub name: u32,
    /// Its value. One above `i64::MAX`, of an unsigned ENUM64, keeps its place.
    pub value: i128,
}

/// The enumerators of an ENUM or ENUM64, in order.
#[derive(Clone, Copy, Debug)]
pub struct Enumerators<'a> {
    pub(crate) rest: &'a [u8],
    pub(crate) order: ByteOrder,
    pub(crate) wide: bool,
    pub(crate) signed: bool,
}

impl Iterator for Enumerators<'_> {
    type Item = Enumerator;

    fn next(&mut self) -> Option<Enumerator> {
        let len = if self.wide { MEMBER_LEN } else { PARAM_LEN };
        let (head, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        let low = self.order.u32_at(head, 4)?;
        let value = match (self.wide, self.signed) {
            (false, false) => i128::from(low),
            (false, true) => i128::from(low as i32),
            (true, signed) => {
                let value = u64::from(self.order.u32_at(head, 8)?) << 32 | u64::from(low);
                if signed {
                    i128::from(value as i64)
                } else {
                    i128::from(value)
                }
            }
        };
        Some(Enumerator {
            name: self.order.u32_at(head, 0)?,
            value,
        })
    }
}

/// A variable of a DATASEC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The VAR.
    pub var: TypeId,
    /// Bytes from the start of the section.
    pub offset: u32,
    /// Its size in bytes.
    pub size: u32,
}

/// The variables of a DATASEC, in order.
#[derive(Clone, Copy, Debug)]
pub struct Variables<'a> {
    pub(crate) rest: &'a [u8],
    pub(crate) order: ByteOrder,
}

impl Iterator for Variables<'_> {
    type Item = Variable;

    fn next(&mut self) -> Option<Variable> {
        let (head, rest) = self.rest.split_at_checked(MEMBER_LEN)?;
        self.rest = rest;
        Some(Variable {
            var: TypeId(self.order.u32_at(head, 0)?),
            offset: self.order.u32_at(head, 4)?,
            size: self.order.u32_at(head, 8)?,
        })
    }

    fn nth(&mut self, n: usize) -> Option<Self::Item> {
        let skipped = n.saturating_mul(MEMBER_LEN);
        self.rest = self.rest.get(skipped..).unwrap_or_default();
        self.next()
    }
}
