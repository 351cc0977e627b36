// SPDX-License-Identifier: MIT OR Apache-2.0

//! Where a member of a struct is.

use crate::limits::{MAX_RESOLVE_DEPTH, POINTER_LEN};
use crate::{Btf, Error, ErrorKind, Kind, Type, TypeId};

/// What parts a path. Each as a set of characters: the search for a single one has an index that is only proven to be in
/// bounds where KASAN does not watch.
const DOT: [char; 1] = ['.'];
const OPENING: [char; 1] = ['['];
const CLOSING: [char; 1] = [']'];

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
    /// What `inner` of this one is, seen from where this one is seen from.
    fn then(self, inner: Self) -> Self {
        Self {
            bit_offset: self.bit_offset.saturating_add(inner.bit_offset),
            ..inner
        }
    }

    /// Bytes from the start of the outermost struct; none for a member that starts inside a byte.
    pub fn byte_offset(&self) -> Option<u32> {
        (self.bit_offset % 8 == 0 && self.bitfield_size == 0).then_some(self.bit_offset / 8)
    }
}

impl<'a> Btf<'a> {
    /// The member at `path`, which begins with the name of a struct or union: `"bpf_prog.aux"`.
    ///
    /// Costs a [`Btf::find`] and a [`Btf::member`].
    ///
    /// ```
    /// # use btf_core::{Btf, Error};
    /// /// Where `struct bpf_prog` keeps its `aux`, in bytes, and how long that is.
    /// fn aux(vmlinux: &Btf<'_>) -> Result<(Option<u32>, u32), Error> {
    ///     let aux = vmlinux.locate("bpf_prog.aux")?;
    ///     Ok((aux.byte_offset(), vmlinux.size_of(aux.ty)?))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// No struct or union of that name, or as [`Btf::member`].
    pub fn locate(&self, path: &str) -> Result<Member, Error> {
        let (name, members) = path.split_once('.').unwrap_or((path, ""));
        let composite = self
            .find(name.as_bytes(), Kind::STRUCT)
            .or_else(|| self.find(name.as_bytes(), Kind::UNION))
            .ok_or_else(|| ErrorKind::NoSuchType.of_type(TypeId::VOID))?;
        self.member(&composite, members)
    }

    /// The member of `composite` at `path`: names with dots between them, and `[3]` after that of an array. Anonymous
    /// members are looked through, as C does. Linear in the number of members; each nested step costs a [`Btf::get`].
    ///
    /// # Errors
    ///
    /// No such member, an index beyond its array, a type that has no members, nesting deeper than
    /// [`MAX_RESOLVE_DEPTH`], or anonymous members that contain the same ones again and again.
    pub fn member(&self, composite: &Type<'_>, path: &str) -> Result<Member, Error> {
        let mut found = Member {
            bit_offset: 0,
            bitfield_size: 0,
            ty: composite.id(),
        };
        for step in path.split(DOT) {
            let array = step.find(OPENING).unwrap_or(step.len());
            let (name, indices) = step.split_at_checked(array).unwrap_or((step, ""));
            let composite = self.concrete(found.ty)?;
            // C has no member of a name twice in a struct, so none is looked at twice.
            let mut left = self.most_members();
            let inner = self
                .direct_member(&composite, name.as_bytes(), 0, &mut left)?
                .ok_or_else(|| ErrorKind::NoSuchMember.of_type(composite.id()))?;
            found = found.then(inner);
            for index in indices.split_inclusive(CLOSING) {
                found = found.then(self.element(found.ty, index)?);
            }
        }
        Ok(found)
    }

    /// The type that `id` stands for.
    fn concrete(&self, id: TypeId) -> Result<Type<'a>, Error> {
        self.skip_modifiers(id)?
            .ok_or_else(|| ErrorKind::NoSuchMember.of_type(id))
    }

    /// The element of the array `id` that `index`, such as `[3]`, names. An array of length 0 ends nowhere.
    fn element(&self, id: TypeId, index: &str) -> Result<Member, Error> {
        let ty = self.concrete(id)?;
        let array = ty
            .array()
            .ok_or_else(|| ErrorKind::UnexpectedKind(ty.kind()).of_type(ty.id()))?;
        let no_such = || ErrorKind::NoSuchMember.of_type(ty.id());
        let number: u32 = index
            .strip_prefix('[')
            .and_then(|index| index.strip_suffix(']'))
            .and_then(|index| index.parse().ok())
            .filter(|number| array.len == 0 || *number < array.len)
            .ok_or_else(no_such)?;
        let bits = self.size_of(array.element)?.checked_mul(8);
        Ok(Member {
            bit_offset: bits
                .and_then(|bits| bits.checked_mul(number))
                .ok_or_else(no_such)?,
            bitfield_size: 0,
            ty: array.element,
        })
    }

    /// Bytes of a value of type `id`: of a member, a parameter, an element.
    ///
    /// Costs a [`Btf::get`] for each modifier and array on the way.
    ///
    /// # Errors
    ///
    /// A type without a size (void, a FWD, a function), one of 4 GiB or more, or a chain that is too long
    /// (`__btf_resolve_size` of `kernel/bpf/btf.c`).
    pub fn size_of(&self, id: TypeId) -> Result<u32, Error> {
        let mut count = 1_u32;
        let mut id = id;
        for _ in 0..MAX_RESOLVE_DEPTH {
            let no_size = || ErrorKind::NoSize.of_type(id);
            let ty = self.skip_modifiers(id)?.ok_or_else(no_size)?;
            if let Some(array) = ty.array() {
                count = count.checked_mul(array.len).ok_or_else(no_size)?;
                id = array.element;
                continue;
            }
            let size = match ty.kind() {
                Kind::PTR => Some(POINTER_LEN),
                _ => ty.size(),
            };
            return size
                .and_then(|size| size.checked_mul(count))
                .ok_or_else(no_size);
        }
        Err(ErrorKind::TooDeep.of_type(id))
    }

    /// The member `name` of `composite`, or of an anonymous member of it. Looks at `left` members at most.
    fn direct_member(
        &self,
        composite: &Type<'a>,
        name: &[u8],
        depth: usize,
        left: &mut usize,
    ) -> Result<Option<Member>, Error> {
        if !matches!(composite.kind(), Kind::STRUCT | Kind::UNION) {
            return Err(ErrorKind::UnexpectedKind(composite.kind()).of_type(composite.id()));
        }
        if depth >= MAX_RESOLVE_DEPTH {
            return Err(ErrorKind::TooDeep.of_type(composite.id()));
        }
        for member in composite.members() {
            *left = left
                .checked_sub(1)
                .ok_or_else(|| ErrorKind::TooDeep.of_type(composite.id()))?;
            let found = Member {
                bit_offset: member.bit_offset,
                bitfield_size: member.bitfield_size,
                ty: member.ty,
            };
            if member.name != 0 {
                if self.name_at(member.name) == name {
                    return Ok(Some(found));
                }
                continue;
            }
            let Some(anonymous) = self.skip_modifiers(member.ty)? else {
                continue;
            };
            // An unnamed bitfield is padding.
            if !matches!(anonymous.kind(), Kind::STRUCT | Kind::UNION) {
                continue;
            }
            let deeper = depth.saturating_add(1);
            if let Some(inner) = self.direct_member(&anonymous, name, deeper, left)? {
                return Ok(Some(found.then(inner)));
            }
        }
        Ok(None)
    }
}
