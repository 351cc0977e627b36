// SPDX-License-Identifier: MIT OR Apache-2.0

//! One function for each form of record.

use super::Writer;
use crate::limits::MAX_INT_LEN;
use crate::{
    Array, Enumerator, Error, ErrorKind, Info, IntEncoding, Kind, Linkage, Param, RawMember,
    TypeId, Variable,
};

/// `component_idx` of a DECL_TAG that is on the type itself (-1).
const WHOLE_TYPE: u32 = u32::MAX;
/// In a struct with bitfields, the bits of `offset` that are the offset; the size is in those above (`BTF_MEMBER_BIT_OFFSET`
/// of `include/uapi/linux/btf.h`).
const BIT_OFFSET_BITS: u32 = 24;
/// The largest size of a bitfield that fits above them.
const MAX_BITFIELD_SIZE: u32 = 0xff;

/// What a DECL_TAG or TYPE_TAG says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag<'t> {
    /// The value of `btf_decl_tag` or `btf_type_tag`.
    Value(&'t [u8]),
    /// A whole attribute of C, such as `address_space(1)`: with kind_flag, which Linux 6.12 refuses.
    Attribute(&'t [u8]),
}

impl<'t> Tag<'t> {
    fn name_and_flag(self) -> (&'t [u8], bool) {
        match self {
            Self::Value(name) => (name, false),
            Self::Attribute(name) => (name, true),
        }
    }
}

impl Writer<'_> {
    /// Adds an INT of `size` bytes.
    ///
    /// # Errors
    ///
    /// As every `push_` function: a NUL in the name, or too many types. Also a size of more than 16.
    pub fn push_int(
        &mut self,
        name: &[u8],
        size: u8,
        encoding: IntEncoding,
    ) -> Result<TypeId, Error> {
        if size > MAX_INT_LEN {
            return Err(self.error(ErrorKind::NumberTooLarge));
        }
        let bits = u32::from(size).saturating_mul(8);
        let word = u32::from(encoding.0 & 0xf) << 24 | bits;
        let info = self.info(Kind::INT, 0, false)?;
        self.push(name, info, u32::from(size), [[word]])
    }

    /// Adds a PTR or a nameless modifier (VOLATILE, CONST, RESTRICT) to `target`.
    ///
    /// # Errors
    ///
    /// Another kind, or as [`Writer::push_int`].
    pub fn push_reference(&mut self, kind: Kind, target: TypeId) -> Result<TypeId, Error> {
        self.expect(
            kind,
            &[Kind::PTR, Kind::VOLATILE, Kind::CONST, Kind::RESTRICT],
        )?;
        let info = self.info(kind, 0, false)?;
        self.push(&[], info, target.0, NONE)
    }

    /// Adds an ARRAY.
    ///
    /// # Errors
    ///
    /// As [`Writer::push_int`].
    pub fn push_array(&mut self, array: Array) -> Result<TypeId, Error> {
        let info = self.info(Kind::ARRAY, 0, false)?;
        self.push(&[], info, 0, [[array.element.0, array.index.0, array.len]])
    }

    /// Adds a STRUCT or UNION of `size` bytes. [`Writer::name`] gives the names of its members.
    ///
    /// It gets kind_flag if a member is a bitfield; then no member may begin at or after bit 2²⁴.
    ///
    /// # Errors
    ///
    /// Another kind, more members than a record can count, a bitfield's number that does not fit, or as
    /// [`Writer::push_int`].
    pub fn push_composite(
        &mut self,
        kind: Kind,
        name: &[u8],
        size: u32,
        members: &[RawMember],
    ) -> Result<TypeId, Error> {
        self.expect(kind, &[Kind::STRUCT, Kind::UNION])?;
        let bitfields = members.iter().any(|member| member.bitfield_size != 0);
        let fits = |member: &RawMember| {
            member.bitfield_size <= MAX_BITFIELD_SIZE && member.bit_offset >> BIT_OFFSET_BITS == 0
        };
        if bitfields && !members.iter().all(fits) {
            return Err(self.error(ErrorKind::NumberTooLarge));
        }
        let info = self.info(kind, members.len(), bitfields)?;
        let words = members.iter().map(|member| {
            let offset = member.bitfield_size << BIT_OFFSET_BITS | member.bit_offset;
            [member.name, member.ty.0, offset]
        });
        self.push(name, info, size, words)
    }

    /// Adds an ENUM or ENUM64 of `size` bytes. [`Writer::name`] gives the names of its enumerators.
    ///
    /// # Errors
    ///
    /// Another kind, more enumerators than a record can count, a value out of the range that `signed` and the kind give (32
    /// bits for ENUM), or as [`Writer::push_int`].
    pub fn push_enum(
        &mut self,
        kind: Kind,
        name: &[u8],
        size: u32,
        signed: bool,
        enumerators: &[Enumerator],
    ) -> Result<TypeId, Error> {
        self.expect(kind, &[Kind::ENUM, Kind::ENUM64])?;
        let range = match (kind, signed) {
            (Kind::ENUM, true) => i128::from(i32::MIN)..=i128::from(i32::MAX),
            (Kind::ENUM, false) => 0..=i128::from(u32::MAX),
            (_, true) => i128::from(i64::MIN)..=i128::from(i64::MAX),
            (_, false) => 0..=i128::from(u64::MAX),
        };
        if !enumerators
            .iter()
            .all(|enumerator| range.contains(&enumerator.value))
        {
            return Err(self.error(ErrorKind::NumberTooLarge));
        }
        let info = self.info(kind, enumerators.len(), signed)?;
        let words = enumerators.iter().map(|enumerator| {
            let (low, high) = (enumerator.value as u32, (enumerator.value >> 32) as u32);
            [enumerator.name, low, high]
        });
        if kind == Kind::ENUM {
            let words = words.map(|[name, low, _]| [name, low]);
            return self.push(name, info, size, words);
        }
        self.push(name, info, size, words)
    }

    /// Adds a FWD: the declaration of a STRUCT or UNION, which `kind` says.
    ///
    /// # Errors
    ///
    /// Another kind, or as [`Writer::push_int`].
    pub fn push_fwd(&mut self, kind: Kind, name: &[u8]) -> Result<TypeId, Error> {
        self.expect(kind, &[Kind::STRUCT, Kind::UNION])?;
        let info = self.info(Kind::FWD, 0, kind == Kind::UNION)?;
        self.push(name, info, 0, NONE)
    }

    /// Adds a TYPEDEF.
    ///
    /// # Errors
    ///
    /// As [`Writer::push_int`].
    pub fn push_typedef(&mut self, name: &[u8], target: TypeId) -> Result<TypeId, Error> {
        let info = self.info(Kind::TYPEDEF, 0, false)?;
        self.push(name, info, target.0, NONE)
    }

    /// Adds a FLOAT of `size` bytes; or a STRUCT, UNION, ENUM or ENUM64 without any element, the form that a distilled base
    /// has them in.
    ///
    /// # Errors
    ///
    /// Another kind, or as [`Writer::push_int`].
    pub fn push_opaque(&mut self, kind: Kind, name: &[u8], size: u32) -> Result<TypeId, Error> {
        self.expect(
            kind,
            &[
                Kind::FLOAT,
                Kind::STRUCT,
                Kind::UNION,
                Kind::ENUM,
                Kind::ENUM64,
            ],
        )?;
        let info = self.info(kind, 0, false)?;
        self.push(name, info, size, NONE)
    }

    /// Adds a FUNC_PROTO. [`Writer::name`] gives the names of the parameters.
    ///
    /// # Errors
    ///
    /// More parameters than a record can count, or as [`Writer::push_int`].
    pub fn push_func_proto(
        &mut self,
        return_type: TypeId,
        params: &[Param],
    ) -> Result<TypeId, Error> {
        let info = self.info(Kind::FUNC_PROTO, params.len(), false)?;
        let words = params.iter().map(|param| [param.name, param.ty.0]);
        self.push(&[], info, return_type.0, words)
    }

    /// Adds a FUNC with prototype `proto`.
    ///
    /// # Errors
    ///
    /// As [`Writer::push_int`].
    pub fn push_func(
        &mut self,
        name: &[u8],
        proto: TypeId,
        linkage: Linkage,
    ) -> Result<TypeId, Error> {
        let info = self.info(Kind::FUNC, usize::from(linkage.0), false)?;
        self.push(name, info, proto.0, NONE)
    }

    /// Adds a VAR of type `ty` (`linkage`: `BTF_VAR_*` of `include/uapi/linux/btf.h`).
    ///
    /// # Errors
    ///
    /// As [`Writer::push_int`].
    pub fn push_var(&mut self, name: &[u8], ty: TypeId, linkage: u32) -> Result<TypeId, Error> {
        let info = self.info(Kind::VAR, 0, false)?;
        self.push(name, info, ty.0, [[linkage]])
    }

    /// Adds a DATASEC of `size` bytes.
    ///
    /// # Errors
    ///
    /// More variables than a record can count, or as [`Writer::push_int`].
    pub fn push_datasec(
        &mut self,
        name: &[u8],
        size: u32,
        variables: &[Variable],
    ) -> Result<TypeId, Error> {
        let info = self.info(Kind::DATASEC, variables.len(), false)?;
        let words = variables
            .iter()
            .map(|variable| [variable.var.0, variable.offset, variable.size]);
        self.push(name, info, size, words)
    }

    /// Adds a DECL_TAG on `target`: on the member or parameter number `component`, or on the whole of it.
    ///
    /// # Errors
    ///
    /// A component beyond 2³¹, or as [`Writer::push_int`].
    pub fn push_decl_tag(
        &mut self,
        tag: Tag<'_>,
        target: TypeId,
        component: Option<u32>,
    ) -> Result<TypeId, Error> {
        if component.is_some_and(|component| i32::try_from(component).is_err()) {
            return Err(self.error(ErrorKind::NumberTooLarge));
        }
        let (name, flag) = tag.name_and_flag();
        let info = self.info(Kind::DECL_TAG, 0, flag)?;
        self.push(name, info, target.0, [[component.unwrap_or(WHOLE_TYPE)]])
    }

    /// Adds a TYPE_TAG to `target`.
    ///
    /// # Errors
    ///
    /// As [`Writer::push_int`].
    pub fn push_type_tag(&mut self, tag: Tag<'_>, target: TypeId) -> Result<TypeId, Error> {
        let (name, flag) = tag.name_and_flag();
        let info = self.info(Kind::TYPE_TAG, 0, flag)?;
        self.push(name, info, target.0, NONE)
    }

    fn expect(&self, kind: Kind, kinds: &[Kind]) -> Result<(), Error> {
        if kinds.contains(&kind) {
            return Ok(());
        }
        Err(self.error(ErrorKind::UnexpectedKind(kind)))
    }

    /// Writes a record. Whatever can fail does so before anything is written.
    fn push<const N: usize>(
        &mut self,
        name: &[u8],
        info: Info,
        size_or_type: u32,
        elements: impl IntoIterator<Item = [u32; N]>,
    ) -> Result<TypeId, Error> {
        self.check_name(name)?;
        let id = self.take_id()?;
        let name = self.offset_of(name);
        for word in [name, info.0, size_or_type] {
            self.push_word(word);
        }
        for word in elements.into_iter().flatten() {
            self.push_word(word);
        }
        Ok(id)
    }
}

/// What follows a record without elements.
const NONE: [[u32; 0]; 0] = [];
