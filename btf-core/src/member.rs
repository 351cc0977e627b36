// SPDX-License-Identifier: MIT OR Apache-2.0

//! Where a member of a struct is.

use crate::limits::MAX_RESOLVE_DEPTH;
use crate::{Btf, Error, ErrorKind, Kind, Type, TypeId};

/// A member, found by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Bits from the start of the outermost struct.
    pub bit_offset: u32,
    /// Bits of a bitfield; 0 for other members.
    pub bitfield_size: u32,
    /// The type.
    pub ty: TypeId,
}

impl Member {
    /// Bytes from the start of the outermost struct; none for a member that starts inside a byte.
    pub fn byte_offset(&self) -> Option<u32> {
        (self.bit_offset % 8 == 0 && self.bitfield_size == 0).then_some(self.bit_offset / 8)
    }
}

impl<'a> Btf<'a> {
    /// The member of `composite` at `path`: names with dots between them. Anonymous members are looked
    /// through, as C does. Linear in the number of members; each nested step is linear in the types too.
    ///
    /// ```
    /// # use btf_core::{Btf, Error};
    /// /// Where `struct bpf_prog` keeps its `aux`, in bytes.
    /// fn offset_of_aux(vmlinux: &Btf<'_>) -> Option<u32> {
    ///     let prog = vmlinux.find(b"bpf_prog", btf_core::Kind::STRUCT)?;
    ///     vmlinux.member(&prog, "aux").ok()?.byte_offset()
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// No such member, a type that has no members, or nesting deeper than [`MAX_RESOLVE_DEPTH`].
    pub fn member(&self, composite: &Type<'_>, path: &str) -> Result<Member, Error> {
        let mut composite = self.require(composite.id())?;
        let mut found: Option<Member> = None;
        for name in path.split('.') {
            if let Some(outer) = found {
                composite = self
                    .skip_modifiers(outer.ty)?
                    .ok_or_else(|| ErrorKind::NoSuchMember.of_type(outer.ty))?;
            }
            let inner = self
                .direct_member(&composite, name.as_bytes(), 0)?
                .ok_or_else(|| ErrorKind::NoSuchMember.of_type(composite.id()))?;
            let start = found.map_or(0, |outer| outer.bit_offset);
            found = Some(Member {
                bit_offset: start.saturating_add(inner.bit_offset),
                ..inner
            });
        }
        found.ok_or_else(|| ErrorKind::NoSuchMember.of_type(composite.id()))
    }

    /// The member `name` of `composite`, or of an anonymous member of it.
    fn direct_member(
        &self,
        composite: &Type<'a>,
        name: &[u8],
        depth: usize,
    ) -> Result<Option<Member>, Error> {
        if !matches!(composite.kind(), Kind::STRUCT | Kind::UNION) {
            return Err(ErrorKind::UnexpectedKind(composite.kind()).of_type(composite.id()));
        }
        if depth >= MAX_RESOLVE_DEPTH {
            return Err(ErrorKind::TooDeep.of_type(composite.id()));
        }
        for member in composite.members() {
            if member.name != 0 && self.name_at(member.name) == name {
                return Ok(Some(Member {
                    bit_offset: member.bit_offset,
                    bitfield_size: member.bitfield_size,
                    ty: member.ty,
                }));
            }
            if member.name != 0 {
                continue;
            }
            let Some(anonymous) = self.skip_modifiers(member.ty)? else {
                continue;
            };
            // An unnamed bitfield is padding.
            if !matches!(anonymous.kind(), Kind::STRUCT | Kind::UNION) {
                continue;
            }
            if let Some(inner) = self.direct_member(&anonymous, name, depth.saturating_add(1))? {
                return Ok(Some(Member {
                    bit_offset: member.bit_offset.saturating_add(inner.bit_offset),
                    ..inner
                }));
            }
        }
        Ok(None)
    }
}
