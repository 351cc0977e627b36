// SPDX-License-Identifier: MIT OR Apache-2.0

//! Writing BTF into caller memory.

mod output;
mod push;
mod sort;

use core::mem;

use self::output::Output;
pub use self::push::Tag;
pub(crate) use self::sort::sorted_by_name;
pub use self::sort::SortKey;
use crate::layout;
use crate::limits::{
    HEADER_LEN, HEADER_WITH_LAYOUT_LEN, MAGIC, MAX_NAME_OFFSET, MAX_TYPES, VERSION,
};
use crate::names::{names, NameHash, NameTable};
use crate::references::{each_word, Word};
use crate::{Btf, ByteOrder, Dialect, Error, ErrorKind, Info, Kind, Section, Type, TypeId};

/// How a [`Writer`] writes.
///
/// ```
/// # use btf_core::{Dialect, WriteOptions, Writer};
/// let mut out = [0; 256];
/// let mut name_index = [0; 64];
/// let writer = Writer::with(
///     &mut out,
///     WriteOptions {
///         dialect: Dialect::Vlen24,
///         layout: true,
///         name_index: &mut name_index,
///         ..WriteOptions::default()
///     },
/// );
/// assert_eq!(writer.finish()?.len(), 32 + 20 * 4 + 1);
/// # Ok::<(), btf_core::Error>(())
/// ```
#[derive(Debug)]
pub struct WriteOptions<'b> {
    /// The BTF that a split BTF stands on: ids and names go on where its own end, and a name that it has is not
    /// written again (as `btf__add_str` of `tools/lib/bpf/btf.c`). [`Btf::names_indexed`] makes it fast to find them.
    pub base: Option<&'b Btf<'b>>,
    /// The order of the bytes in every word; a split BTF has that of its base.
    pub byte_order: ByteOrder,
    /// How many elements a record may have.
    pub dialect: Dialect,
    /// Whether to write the layout section, which Linux 7.3 and later read: 8 bytes of header and 80 of its own.
    pub layout: bool,
    /// Whether the header has the fields of a layout section even if there is none, as libbpf of Linux 7.3 writes a BTF that
    /// it has not read (`btf__new_empty`). Linux 6.12 takes that, too.
    pub long_header: bool,
    /// Whether a name that the base has is written again. Then nothing is looked for there, for which [`Btf::names_indexed`]
    /// would be needed; deduplication finds it ([`Writer::deduplicate`]).
    pub repeat_names: bool,
    /// Room for a hash table of the names: two words for each is good. Names beyond seven eighths of it are found by a
    /// walk through their bytes, and without room all are.
    pub name_index: &'b mut [u32],
}

impl Default for WriteOptions<'_> {
    fn default() -> Self {
        Self {
            base: None,
            byte_order: ByteOrder::NATIVE,
            dialect: Dialect::default(),
            layout: false,
            long_header: false,
            repeat_names: false,
            name_index: &mut [],
        }
    }
}

/// Fills a slice with a BTF: one `push_` for each record, then [`Writer::finish`].
///
/// | kind | function |
/// |---|---|
/// | INT | [`push_int`](Writer::push_int) |
/// | PTR, VOLATILE, CONST, RESTRICT | [`push_reference`](Writer::push_reference) |
/// | ARRAY | [`push_array`](Writer::push_array) |
/// | STRUCT, UNION | [`push_composite`](Writer::push_composite) |
/// | ENUM, ENUM64 | [`push_enum`](Writer::push_enum) |
/// | FWD | [`push_fwd`](Writer::push_fwd) |
/// | TYPEDEF | [`push_typedef`](Writer::push_typedef) |
/// | FUNC | [`push_func`](Writer::push_func) |
/// | FUNC_PROTO | [`push_func_proto`](Writer::push_func_proto) |
/// | VAR | [`push_var`](Writer::push_var) |
/// | DATASEC | [`push_datasec`](Writer::push_datasec) |
/// | FLOAT, and the distilled form of others | [`push_opaque`](Writer::push_opaque) |
/// | DECL_TAG, TYPE_TAG | [`push_decl_tag`](Writer::push_decl_tag), [`push_type_tag`](Writer::push_type_tag) |
/// | any, copied from another BTF | [`push_type`](Writer::push_type) |
///
/// A `push_` gives the id of the new type, or an error and then changes nothing. Types may be referred to before they are
/// there, and it is not checked that they ever are.
///
/// # Too small a slice
///
/// No `push_` fails for lack of room. What does not fit is counted, and [`Writer::finish`] tells how long the slice must
/// be. So measuring is writing into an empty slice. The length is exact if the slice can hold all names; else it is enough,
/// but may be too much, for a name that was not kept is counted each time that it is used.
///
/// ```
/// use btf_core::{Btf, Error, ErrorKind, IntEncoding, Kind, Writer};
///
/// fn write(out: &mut [u8]) -> Result<&[u8], Error> {
///     let mut writer = Writer::new(out);
///     let int = writer.push_int(b"int", 4, IntEncoding::SIGNED)?;
///     writer.push_reference(Kind::PTR, int)?;
///     writer.finish()
/// }
///
/// let measured = write(&mut []).map_err(|error| error.kind);
/// assert_eq!(measured, Err(ErrorKind::BufferTooSmall { need: 24 + 16 + 12 + 5 }));
/// let mut out = [0; 57];
/// let btf = Btf::parse(write(&mut out)?)?;
/// assert_eq!(btf.own_len(), 2);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Writer<'b> {
    out: Output<'b>,
    header_len: usize,
    layout: bool,
    names: NameTable<&'b mut [u32]>,
    base: Option<&'b Btf<'b>>,
    repeat_names: bool,
    byte_order: ByteOrder,
    dialect: Dialect,
    next_id: TypeId,
}

impl<'b> Writer<'b> {
    /// Writes a BTF that stands alone.
    pub fn new(out: &'b mut [u8]) -> Self {
        Self::with(out, WriteOptions::default())
    }

    /// Writes a split BTF over `base`.
    pub fn split(out: &'b mut [u8], base: &'b Btf<'b>) -> Self {
        let base = Some(base);
        Self::with(
            out,
            WriteOptions {
                base,
                ..WriteOptions::default()
            },
        )
    }

    /// Writes as the options say.
    pub fn with(out: &'b mut [u8], options: WriteOptions<'b>) -> Self {
        let header_len = if options.layout || options.long_header {
            HEADER_WITH_LAYOUT_LEN
        } else {
            HEADER_LEN
        };
        let layout_len = if options.layout {
            layout::SECTION_LEN
        } else {
            0
        };
        let mut writer = Self {
            out: Output::new(out, header_len, layout_len),
            header_len,
            layout: options.layout,
            names: NameTable::new(options.name_index),
            base: options.base,
            repeat_names: options.repeat_names,
            byte_order: options.base.map_or(options.byte_order, Btf::byte_order),
            dialect: options.dialect,
            next_id: options.base.map_or(TypeId(1), Btf::end_id),
        };
        if writer.base.is_none() {
            writer.add_name(&[], NameHash::of(&[]));
        }
        writer
    }

    /// The id that the next type gets.
    pub fn next_id(&self) -> TypeId {
        self.next_id
    }

    /// The offset of `name`, which is taken up if it is new; for the elements of a record.
    ///
    /// Takes a few steps with an index of the names, else a walk through them. If the slice is full, the offset means
    /// nothing.
    ///
    /// # Errors
    ///
    /// A NUL in the name.
    pub fn name(&mut self, name: &[u8]) -> Result<u32, Error> {
        self.check_name(name)?;
        Ok(self.offset_of(name))
    }

    fn check_name(&self, name: &[u8]) -> Result<(), Error> {
        if name.contains(&0) {
            return Err(self.error(ErrorKind::NulInName));
        }
        Ok(())
    }

    /// The offset of `name`, in which there is no NUL.
    pub(crate) fn offset_of(&mut self, name: &[u8]) -> u32 {
        if name.is_empty() {
            return 0;
        }
        let searched = self.base.filter(|_| !self.repeat_names);
        if let Some(offset) = searched.and_then(|base| base.name_offset(name)) {
            return offset;
        }
        let hash = NameHash::of(name);
        let known = self
            .names
            .find(hash, |place| self.out.has_name(place, name))
            .or_else(|| self.out.find_name(name, self.names.covered()));
        match known.or_else(|| self.add_name(name, hash)) {
            Some(place) => self.first_name().saturating_add(saturating_u32(place)),
            None => 0,
        }
    }

    /// Whether there was no room for a name.
    pub(crate) fn lacks_names(&self) -> bool {
        self.out.has_lost()
    }

    /// Takes up a name that is not there yet; gives its place.
    fn add_name(&mut self, name: &[u8], hash: NameHash) -> Option<usize> {
        let place = self.out.push_name(name)?;
        let next = place.saturating_add(name.len()).saturating_add(1);
        self.names.add(hash, place, next);
        Some(place)
    }

    fn first_name(&self) -> u32 {
        self.base.map_or(0, Btf::end_name)
    }

    /// Takes up all own names of `btf` in their order, whether they are used or not.
    ///
    /// Into a new writer over the same base: then names keep their offsets, and what [`Writer::push_type`] copies stays
    /// byte for byte as it was, unless a name is there twice.
    pub fn push_names(&mut self, btf: &Btf<'_>) {
        // The empty name that every BTF begins with is there already.
        let skipped = usize::from(self.base.is_none());
        for (_, name) in names(btf.own_names()).skip(skipped) {
            self.add_name(name, NameHash::of(name));
        }
    }

    /// Adds a copy of `ty`, a type of `btf`; `new_id` gives the new id of each type that it refers to, `void` excepted.
    ///
    /// # Errors
    ///
    /// A kind that came after this crate, more elements than the dialect can count, a name outside of the strings, or too
    /// many types.
    ///
    /// ```
    /// # use btf_core::{Btf, Error, Writer};
    /// /// The same BTF, without the strings that nothing uses.
    /// fn compact<'b>(btf: &Btf<'_>, out: &'b mut [u8]) -> Result<&'b [u8], Error> {
    ///     let mut writer = Writer::new(out);
    ///     for ty in btf.types() {
    ///         writer.push_type(btf, &ty, |id| id)?;
    ///     }
    ///     writer.finish()
    /// }
    /// ```
    pub fn push_type(
        &mut self,
        btf: &Btf<'_>,
        ty: &Type<'_>,
        new_id: impl Fn(TypeId) -> TypeId,
    ) -> Result<TypeId, Error> {
        self.check_vlen(ty.info().vlen())?;
        self.check_names_of(btf, ty)?;
        let id = self.take_id()?;
        each_word(ty, |word, value| {
            let value = match word {
                Word::Name => self.offset_of(btf.name_at(value)),
                Word::Id if value != 0 => new_id(TypeId(value)).0,
                _ => value,
            };
            self.push_word(value);
        });
        Ok(id)
    }

    /// As [`Writer::push_type`], of a type whose references were checked; `new_name` gives the offset that a name has here.
    pub(crate) fn push_moved(
        &mut self,
        ty: &Type<'_>,
        new_name: impl Fn(u32) -> u32,
        new_id: impl Fn(TypeId) -> TypeId,
    ) -> Result<(), Error> {
        self.check_vlen(ty.info().vlen())?;
        self.take_id()?;
        let order = self.byte_order;
        let Some(mut record) = self.out.push_record(ty.record_len()) else {
            return Ok(());
        };
        each_word(ty, |word, value| {
            let value = match word {
                Word::Name => new_name(value),
                Word::Id if value != 0 => new_id(TypeId(value)).0,
                _ => value,
            };
            if let Some((place, rest)) = mem::take(&mut record).split_first_chunk_mut() {
                *place = order.u32_bytes(value);
                record = rest;
            }
        });
        Ok(())
    }

    /// Whether the kind is known and the names of `ty` are there, so that an unsound record is not copied as another one.
    fn check_names_of(&self, btf: &Btf<'_>, ty: &Type<'_>) -> Result<(), Error> {
        let end = btf.end_name().max(1);
        let mut outside = None;
        let known = each_word(ty, |word, value| {
            if word == Word::Name && value >= end {
                outside = outside.or(Some(ErrorKind::InvalidName(value)));
            }
        });
        let unknown = (!known).then_some(ErrorKind::UnknownKind(ty.kind()));
        match unknown.or(outside) {
            Some(kind) => Err(self.error(kind)),
            None => Ok(()),
        }
    }

    /// Joins header, types, layout and strings; gives all bytes. Linear in the slice.
    ///
    /// # Errors
    ///
    /// The slice is too small, or a name or section lies further than the format allows.
    pub fn finish(self) -> Result<&'b [u8], Error> {
        if let Some(need) = self.out.lacks() {
            return Err(ErrorKind::BufferTooSmall { need }.at(Section::Output, self.out.front()));
        }
        let types_len = self.out.front().saturating_sub(self.header_len);
        let strings_len = self.out.back();
        let end_name = self
            .first_name()
            .saturating_add(saturating_u32(strings_len));
        if end_name > MAX_NAME_OFFSET.saturating_add(1) {
            return Err(ErrorKind::InvalidName(end_name).at(Section::Strings, strings_len));
        }
        let types_len = u32::try_from(types_len)
            .map_err(|_| ErrorKind::SectionOutOfBounds.at(Section::Types, types_len))?;
        let strings_len = saturating_u32(strings_len);

        let (layout_offset, layout_len) = if self.layout {
            (types_len, saturating_u32(layout::SECTION_LEN))
        } else {
            (0, 0)
        };
        let words = [
            saturating_u32(self.header_len),
            0,
            types_len,
            types_len.saturating_add(layout_len),
            strings_len,
            layout_offset,
            layout_len,
        ];
        let order = self.byte_order;
        let [magic_0, magic_1] = order.u16_bytes(MAGIC);
        let header = [magic_0, magic_1, VERSION, 0]
            .into_iter()
            .chain(
                words
                    .into_iter()
                    .flat_map(move |word| order.u32_bytes(word)),
            )
            .take(self.header_len);
        Ok(self.out.finish(header, layout::section().flatten()))
    }

    /// The id of the record that is written next.
    fn take_id(&mut self) -> Result<TypeId, Error> {
        let id = self.next_id;
        if id.0 >= MAX_TYPES {
            return Err(self.error(ErrorKind::TooManyTypes));
        }
        self.next_id = TypeId(id.0.saturating_add(1));
        Ok(id)
    }

    fn push_word(&mut self, word: u32) {
        self.out.push_word(self.byte_order.u32_bytes(word));
    }

    /// The `info` word of a record with `vlen` elements.
    fn info(&self, kind: Kind, vlen: usize, kind_flag: bool) -> Result<Info, Error> {
        let vlen = saturating_u32(vlen);
        self.check_vlen(vlen)?;
        Ok(Info::new(kind, vlen, kind_flag))
    }

    fn check_vlen(&self, vlen: u32) -> Result<(), Error> {
        if vlen > self.dialect.max_vlen() {
            let vlen = usize::try_from(vlen).unwrap_or(usize::MAX);
            return Err(self.error(ErrorKind::TooManyElements(vlen)));
        }
        Ok(())
    }

    /// `kind`, in the record that would be written next.
    fn error(&self, kind: ErrorKind) -> Error {
        kind.at_type(Section::Output, self.out.front(), self.next_id)
    }
}

fn saturating_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
