// SPDX-License-Identifier: MIT OR Apache-2.0

//! A whole BTF, alone or over a base: its types by their ids. [`find`] has them by name, [`strings`] the names.

mod find;
mod strings;

use core::iter::FusedIterator;

use crate::elements::MEMBER_LEN;
use crate::index::{Index, IndexBuilder, NameOrder};
use crate::limits::{MAX_CHAIN_LEN, MAX_TYPES};
use crate::names::NameTable;
use crate::{ByteOrder, Error, ErrorKind, Header, Section, Type, TypeId};

/// BTF whose records all lie inside their section. References between them are checked when followed.
#[derive(Clone, Copy, Debug)]
pub struct Btf<'a> {
    base: Option<&'a Btf<'a>>,
    header: Header<'a>,
    first_id: TypeId,
    first_name: u32,
    end_id: TypeId,
    index: Index<'a>,
    names: NameTable<&'a [u32]>,
    named_types: NameTable<&'a [u32]>,
}

impl<'a> Btf<'a> {
    /// Reads a BTF that stands alone, such as that of vmlinux. Time is linear in the number of types.
    ///
    /// # Errors
    ///
    /// A bad header, names that do not begin with the empty one, a record of unknown kind or one that ends beyond its
    /// section.
    pub fn parse(data: &'a [u8]) -> Result<Self, Error> {
        Self::parse_over(data, None, &mut [])
    }

    /// [`Btf::parse`] and [`Btf::indexed`] in one pass.
    ///
    /// # Errors
    ///
    /// As [`Btf::parse`].
    pub fn parse_indexed(data: &'a [u8], room: &'a mut [u32]) -> Result<Self, Error> {
        Self::parse_over(data, None, room)
    }

    /// Reads a split BTF: its type ids and names go on where those of `base` end.
    ///
    /// # Errors
    ///
    /// As [`Btf::parse`].
    pub fn parse_split(data: &'a [u8], base: &'a Btf<'a>) -> Result<Self, Error> {
        Self::parse_over(data, Some(base), &mut [])
    }

    fn parse_over(
        data: &'a [u8],
        base: Option<&'a Btf<'a>>,
        room: &'a mut [u32],
    ) -> Result<Self, Error> {
        let header = Header::parse(data)?;
        if base.is_some_and(|base| base.byte_order() != header.order) {
            return Err(ErrorKind::OtherByteOrder.at(Section::Header, 0));
        }
        let mut btf = Self::over(header, base);
        if btf.first_name == 0 && header.strings.first().is_some_and(|&first| first != 0) {
            return Err(ErrorKind::NoEmptyName.at(Section::Strings, 0));
        }
        btf.walk(room)?;
        Ok(btf)
    }

    /// The sections of `header` over `base`, without any type yet.
    pub(crate) fn over(header: Header<'a>, base: Option<&'a Btf<'a>>) -> Self {
        let first_id = base.map_or(TypeId(1), Btf::end_id);
        Self {
            base,
            header,
            first_id,
            first_name: base.map_or(0, Btf::end_name),
            end_id: first_id,
            index: Index::NONE,
            names: NameTable::NONE,
            named_types: NameTable::NONE,
        }
    }

    /// This BTF with its types, whose records have `len` bytes and are at `offsets`.
    pub(crate) fn with_types(mut self, len: usize, offsets: &'a [u32], sorted: bool) -> Self {
        let types = u32::try_from(offsets.len()).unwrap_or(u32::MAX);
        self.end_id = TypeId(self.first_id.0.saturating_add(types));
        self.header.types = self.header.types.get(..len).unwrap_or_default();
        self.index = Index::full(offsets, sorted);
        self
    }

    /// The type section.
    pub(crate) fn own_records(&self) -> &'a [u8] {
        self.header.types
    }

    /// As many members as the records have room for, those of the base included.
    pub(crate) fn most_members(&self) -> usize {
        let own = self.header.types.len() / MEMBER_LEN;
        let of_base = self.base.map_or(0, Btf::most_members);
        own.saturating_add(of_base)
    }

    /// Where the record of `id` is in the type section; 0 for a type of the base. Linear in the id without an index.
    pub fn record_offset(&self, id: TypeId) -> usize {
        let rest = self.types_from(id).rest.len();
        self.header.types.len().saturating_sub(rest)
    }

    /// Reads all records: counts them and makes an index of them in `room`.
    fn walk(&mut self, room: &'a mut [u32]) -> Result<(), Error> {
        let Header { types, order, .. } = self.header;
        let layout = self.layout();
        let mut names = NameOrder::new(!room.is_empty());
        let mut index = IndexBuilder::new(room);
        let mut to_next_push = 0_u32;
        let mut id = self.first_id;
        let mut rest = types;
        while !rest.is_empty() {
            let offset = || types.len().saturating_sub(rest.len());
            if to_next_push == 0 {
                to_next_push = index.push(id.0.saturating_sub(self.first_id.0), offset());
            }
            to_next_push = to_next_push.saturating_sub(1);
            let (ty, after) = Type::split_first(rest, order, layout, id)
                .map_err(|kind| kind.at_type(Section::Types, offset(), id))?;
            if id.0 >= MAX_TYPES {
                return Err(ErrorKind::TooManyTypes.at_type(Section::Types, offset(), id));
            }
            names.push(self, ty.name_offset());
            id = TypeId(id.0.saturating_add(1));
            rest = after;
        }
        self.end_id = id;
        self.index = index.finish(names.sorted());
        Ok(())
    }

    /// The order of the bytes in every word, which the magic tells.
    pub fn byte_order(&self) -> ByteOrder {
        self.header.order
    }

    /// What this BTF is split from.
    pub(crate) fn base(&self) -> Option<&'a Btf<'a>> {
        self.base
    }

    /// The whole blob.
    pub(crate) fn data(&self) -> &'a [u8] {
        self.header.data
    }

    /// Where in the blob the type records begin.
    pub(crate) fn types_start(&self) -> usize {
        usize::try_from(self.header.types_start).unwrap_or(usize::MAX)
    }

    /// The layout section; a split BTF may leave it to its base.
    fn layout(&self) -> &'a [u8] {
        match self.base {
            Some(base) if self.header.layout.is_empty() => base.layout(),
            _ => self.header.layout,
        }
    }

    /// This BTF with an index of its own types in `room`. Linear in the types, once.
    ///
    /// [`Btf::get`] then takes a number of steps that depends on the room: with one word for each type
    /// ([`Btf::own_len`]) it is one step, with one word for every 16 at most 16; between powers of two the larger one
    /// counts. If the names are found to be sorted, as resolve_btfids of Linux 7.x leaves them, [`Btf::find`] becomes a
    /// binary search with as many steps at its end.
    ///
    /// ```
    /// # use btf_core::{Btf, Kind};
    /// # fn example(data: &[u8]) -> Result<(), btf_core::Error> {
    /// let btf = Btf::parse(data)?;
    /// let mut room = [0; 1024]; // 4 KiB: every 128th type of a vmlinux
    /// let btf = btf.indexed(&mut room);
    /// let task = btf.find(b"task_struct", Kind::STRUCT);
    /// # let _ = task;
    /// # Ok(())
    /// # }
    /// ```
    pub fn indexed(mut self, room: &'a mut [u32]) -> Self {
        // Cannot fail: the records were found sound when they were parsed.
        let _ = self.walk(room);
        if self.is_sorted() {
            // A binary search would find again what the table finds.
            self.named_types = NameTable::NONE;
        }
        self
    }

    /// Number of own types.
    pub fn own_len(&self) -> u32 {
        self.end_id.0.saturating_sub(self.first_id.0)
    }

    /// The id of the first own type.
    pub fn first_id(&self) -> TypeId {
        self.first_id
    }

    /// One more than the id of the last type: where a split BTF over this one begins.
    pub fn end_id(&self) -> TypeId {
        self.end_id
    }

    /// The own types, in the order of their ids; those of the base are not among them.
    pub fn types(&self) -> Types<'a> {
        self.types_at(0, self.first_id)
    }

    /// The own types from `id` on, whose record is at `offset`.
    pub(crate) fn types_at(&self, offset: usize, id: TypeId) -> Types<'a> {
        Types {
            rest: self.header.types.get(offset..).unwrap_or_default(),
            order: self.header.order,
            layout: self.layout(),
            id,
        }
    }

    /// The own types from `id` on.
    #[inline]
    pub(crate) fn types_from(&self, id: TypeId) -> Types<'a> {
        let place = id.0.saturating_sub(self.first_id.0);
        let (known, offset) = self.index.before(place);
        let known_id = TypeId(self.first_id.0.saturating_add(known));
        let mut types = self.types_at(offset, known_id);
        let ahead = place.saturating_sub(known);
        if let Some(last_skipped) = ahead.checked_sub(1) {
            // Ends early where there are no so many types.
            types.nth(usize::try_from(last_skipped).unwrap_or(usize::MAX));
        }
        types
    }

    /// The type of `id`, from here or from the base; none for `void`. Linear in the id without an index.
    #[inline]
    pub fn get(&self, id: TypeId) -> Option<Type<'a>> {
        let mut btf = self;
        while id < btf.first_id {
            btf = btf.base?;
        }
        match btf.indexed_type(id) {
            Some(ty) => Some(ty),
            None => btf.types_from(id).next(),
        }
    }

    /// The own type of `id`, if the index has every type: then its length needs not be found out.
    #[inline]
    fn indexed_type(&self, id: TypeId) -> Option<Type<'a>> {
        let place = id.0.checked_sub(self.first_id.0)?;
        let (start, end) = self.index.record(place)?;
        let Header { types, order, .. } = self.header;
        let record = types.get(start..end.unwrap_or(types.len()))?;
        let head = Type::head(record, order, id)?;
        head.with_elements(record, record.len()).map(|(ty, _)| ty)
    }

    /// The own types that are marked in the index, in the order of their ids.
    pub(crate) fn marked(&self) -> impl Iterator<Item = Type<'a>> + use<'a> {
        let btf = *self;
        let ids = self.index.marked();
        ids.filter_map(move |place| btf.get(TypeId(btf.first_id.0.saturating_add(place))))
    }

    /// The type of `id`, as [`Btf::get`], or the error that there is none.
    pub(crate) fn require(&self, id: TypeId) -> Result<Type<'a>, Error> {
        self.get(id)
            .ok_or_else(|| ErrorKind::InvalidTypeId(id).of_type(id))
    }

    /// Follows typedefs, qualifiers and type tags from `id` to what they stand for; none for `void`.
    ///
    /// # Errors
    ///
    /// An id without a type, or a chain longer than [`MAX_CHAIN_LEN`].
    pub fn skip_modifiers(&self, id: TypeId) -> Result<Option<Type<'a>>, Error> {
        let mut id = id;
        // One step more than there are modifiers: to what they stand for.
        for _ in 0..=MAX_CHAIN_LEN {
            if id == TypeId::VOID {
                return Ok(None);
            }
            let ty = self.require(id)?;
            match ty.target() {
                Some(target) if ty.kind().is_modifier() => id = target,
                _ => return Ok(Some(ty)),
            }
        }
        Err(ErrorKind::TooDeep.of_type(id))
    }
}

/// Types in the order of their ids.
#[derive(Clone, Debug)]
pub struct Types<'a> {
    rest: &'a [u8],
    order: ByteOrder,
    layout: &'a [u8],
    id: TypeId,
}

impl<'a> Iterator for Types<'a> {
    type Item = Type<'a>;

    #[inline]
    fn next(&mut self) -> Option<Type<'a>> {
        let (ty, rest) = Type::split_first(self.rest, self.order, self.layout, self.id).ok()?;
        self.rest = rest;
        self.id = TypeId(self.id.0.saturating_add(1));
        Some(ty)
    }
}

impl FusedIterator for Types<'_> {}
