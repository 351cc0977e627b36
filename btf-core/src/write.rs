// SPDX-License-Identifier: MIT OR Apache-2.0

//! Writing BTF into caller memory.

use crate::limits::{HEADER_LEN, MAGIC, MAX_TYPES, MAX_VLEN, VERSION};
use crate::{
    Btf, Error, ErrorKind, Info, IntEncoding, Kind, Linkage, Param, RawMember, Section, TypeId,
};

/// Appends records and names to two slices, then joins them behind a header.
///
/// The header has 24 bytes and the strings come last, which every kernel accepts. A slice that is too
/// small gives [`ErrorKind::BufferTooSmall`] with the length that this record or name needs.
#[derive(Debug)]
pub struct Writer<'b> {
    types: Filled<'b>,
    strings: Filled<'b>,
    first_name: u32,
    next_id: u32,
}

impl<'b> Writer<'b> {
    /// A BTF that stands alone.
    ///
    /// # Errors
    ///
    /// `strings` must hold at least the empty name.
    pub fn new(types: &'b mut [u8], strings: &'b mut [u8]) -> Result<Self, Error> {
        let mut writer = Self {
            types: Filled::new(types),
            strings: Filled::new(strings),
            first_name: 0,
            next_id: 1,
        };
        writer.strings.push(&[0])?;
        Ok(writer)
    }

    /// A split BTF over `base`.
    pub fn split(types: &'b mut [u8], strings: &'b mut [u8], base: &Btf<'_>) -> Self {
        Self {
            types: Filled::new(types),
            strings: Filled::new(strings),
            first_name: base.end_name(),
            next_id: base.end_id().0,
        }
    }

    /// Adds an INT of `size` bytes.
    ///
    /// # Errors
    ///
    /// As every `push_` function: a slice is too small, or there are too many types.
    pub fn push_int(
        &mut self,
        name: &[u8],
        size: u8,
        encoding: IntEncoding,
    ) -> Result<TypeId, Error> {
        let word = u32::from(encoding.0) << 24 | u32::from(size).saturating_mul(8);
        let name = self.name(name)?;
        self.push(
            name,
            Info::new(Kind::INT, 0, false),
            u32::from(size),
            &[word],
        )
    }

    /// Adds a PTR or a nameless modifier (CONST, VOLATILE, RESTRICT) to `target`.
    ///
    /// # Errors
    ///
    /// Another kind, or as [`Writer::push_int`].
    pub fn push_reference(&mut self, kind: Kind, target: TypeId) -> Result<TypeId, Error> {
        if !matches!(
            kind,
            Kind::PTR | Kind::CONST | Kind::VOLATILE | Kind::RESTRICT
        ) {
            return Err(self.unexpected(kind));
        }
        self.push(0, Info::new(kind, 0, false), target.0, &[])
    }

    /// Adds a TYPEDEF.
    ///
    /// # Errors
    ///
    /// As [`Writer::push_int`].
    pub fn push_typedef(&mut self, name: &[u8], target: TypeId) -> Result<TypeId, Error> {
        let name = self.name(name)?;
        self.push(name, Info::new(Kind::TYPEDEF, 0, false), target.0, &[])
    }

    /// Adds a STRUCT, UNION, ENUM or FLOAT of `size` bytes without any member, the form that a
    /// distilled base has them in.
    ///
    /// # Errors
    ///
    /// Another kind, or as [`Writer::push_int`].
    pub fn push_opaque(&mut self, kind: Kind, name: &[u8], size: u32) -> Result<TypeId, Error> {
        if !matches!(kind, Kind::STRUCT | Kind::UNION | Kind::ENUM | Kind::FLOAT) {
            return Err(self.unexpected(kind));
        }
        let name = self.name(name)?;
        self.push(name, Info::new(kind, 0, false), size, &[])
    }

    /// Adds a STRUCT or UNION of `size` bytes with `members`, none of them a bitfield. [`Writer::name`] gives
    /// their names.
    ///
    /// # Errors
    ///
    /// Another kind, a bitfield, more members than a record holds, or as [`Writer::push_int`].
    pub fn push_composite(
        &mut self,
        kind: Kind,
        name: &[u8],
        size: u32,
        members: &[RawMember],
    ) -> Result<TypeId, Error> {
        let bitfield = members.iter().any(|member| member.bitfield_size != 0);
        if bitfield || !matches!(kind, Kind::STRUCT | Kind::UNION) {
            return Err(self.unexpected(kind));
        }
        let vlen = vlen(members.len())?;
        let name = self.name(name)?;
        let id = self.push(name, Info::new(kind, vlen, false), size, &[])?;
        for member in members {
            self.types.push_word(member.name)?;
            self.types.push_word(member.ty.0)?;
            self.types.push_word(member.bit_offset)?;
        }
        Ok(id)
    }

    /// Adds a FUNC_PROTO. [`Writer::name`] gives the names of the parameters.
    ///
    /// # Errors
    ///
    /// More parameters than a record holds, or as [`Writer::push_int`].
    pub fn push_func_proto(
        &mut self,
        return_type: TypeId,
        params: &[Param],
    ) -> Result<TypeId, Error> {
        let vlen = vlen(params.len())?;
        let id = self.push(
            0,
            Info::new(Kind::FUNC_PROTO, vlen, false),
            return_type.0,
            &[],
        )?;
        for param in params {
            self.types.push_word(param.name)?;
            self.types.push_word(param.ty.0)?;
        }
        Ok(id)
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
        let name = self.name(name)?;
        self.push(name, Info::new(Kind::FUNC, linkage.0, false), proto.0, &[])
    }

    /// Adds a DECL_TAG on the whole of `target`.
    ///
    /// # Errors
    ///
    /// As [`Writer::push_int`].
    pub fn push_decl_tag(&mut self, name: &[u8], target: TypeId) -> Result<TypeId, Error> {
        let name = self.name(name)?;
        self.push(
            name,
            Info::new(Kind::DECL_TAG, 0, false),
            target.0,
            &[WHOLE_TYPE],
        )
    }

    /// The offset of `name` in the strings, which takes it up if it is new. Linear in the strings.
    ///
    /// # Errors
    ///
    /// The strings slice is too small.
    pub fn name(&mut self, name: &[u8]) -> Result<u32, Error> {
        if name.is_empty() {
            return Ok(0);
        }
        let mut own = 0_usize;
        for known in self.strings.bytes().split_inclusive(|&byte| byte == 0) {
            if known.strip_suffix(&[0]) == Some(name) {
                return Ok(self.name_offset(own));
            }
            own = own.saturating_add(known.len());
        }
        self.strings.push_all(&[name, &[0]])?;
        Ok(self.name_offset(own))
    }

    /// Writes header, types and strings to `out`; gives the number of bytes written.
    ///
    /// # Errors
    ///
    /// `out` is too small.
    pub fn finish(self, out: &mut [u8]) -> Result<usize, Error> {
        let types = self.types.bytes();
        let strings = self.strings.bytes();
        let mut out = Filled::new(out);
        let [magic_0, magic_1] = MAGIC.to_ne_bytes();
        out.push(&[magic_0, magic_1, VERSION, 0])?;
        for word in [HEADER_LEN, 0, types.len(), types.len(), strings.len()] {
            out.push_word(u32::try_from(word).unwrap_or(u32::MAX))?;
        }
        out.push_all(&[types, strings])?;
        Ok(out.len)
    }

    fn name_offset(&self, own: usize) -> u32 {
        self.first_name
            .saturating_add(u32::try_from(own).unwrap_or(u32::MAX))
    }

    fn unexpected(&self, kind: Kind) -> Error {
        ErrorKind::UnexpectedKind(kind).at_type(
            Section::Output,
            self.types.len,
            TypeId(self.next_id),
        )
    }

    fn push(
        &mut self,
        name: u32,
        info: Info,
        size_or_type: u32,
        extra: &[u32],
    ) -> Result<TypeId, Error> {
        if self.next_id >= MAX_TYPES {
            return Err(ErrorKind::TooManyTypes.at(Section::Output, self.types.len));
        }
        for word in [name, info.0, size_or_type].iter().chain(extra) {
            self.types.push_word(*word)?;
        }
        let id = TypeId(self.next_id);
        self.next_id = self.next_id.saturating_add(1);
        Ok(id)
    }
}

fn vlen(elements: usize) -> Result<u16, Error> {
    u16::try_from(elements)
        .map_err(|_| ErrorKind::TooManyElements(elements).at(Section::Output, MAX_VLEN))
}

/// `component_idx` of a DECL_TAG that is on the type itself (-1).
const WHOLE_TYPE: u32 = u32::MAX;

/// A slice, filled from its start.
#[derive(Debug)]
struct Filled<'b> {
    buf: &'b mut [u8],
    len: usize,
}

impl<'b> Filled<'b> {
    fn new(buf: &'b mut [u8]) -> Self {
        Self { buf, len: 0 }
    }

    fn bytes(&self) -> &[u8] {
        self.buf.get(..self.len).unwrap_or_default()
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let end = self.len.saturating_add(bytes.len());
        let Some(place) = self.buf.get_mut(self.len..end) else {
            return Err(ErrorKind::BufferTooSmall { need: end }.at(Section::Output, self.len));
        };
        place.copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }

    /// Pushes all parts or none.
    fn push_all(&mut self, parts: &[&[u8]]) -> Result<(), Error> {
        let start = self.len;
        for part in parts {
            if let Err(error) = self.push(part) {
                self.len = start;
                return Err(error);
            }
        }
        Ok(())
    }

    fn push_word(&mut self, word: u32) -> Result<(), Error> {
        self.push(&word.to_ne_bytes())
    }
}
