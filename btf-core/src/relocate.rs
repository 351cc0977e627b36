// SPDX-License-Identifier: MIT OR Apache-2.0

//! A module's BTF, moved from its distilled base onto the BTF of the kernel that loads it.
//!
//! ```text
//!   .BTF.base, distilled            BTF of the kernel
//!   │ 1  INT int           │──────►│  17  INT int             │    by name, and where that
//!   │ 2  STRUCT bpf_prog   │──────►│ 904  STRUCT bpf_prog {…} │    is not enough by size
//!   ├──────────────────────┤       ├──────────────────────────┤
//!   │ 3  PTR ─► 2          │ .BTF  │ 150000  PTR ─► 904       │    written
//!   │ 4  FUNC my_kfunc …   │       │ 150001  FUNC my_kfunc …  │
//! ```
//!
//! Follows `btf_relocate` of `tools/lib/bpf/btf_relocate.c`, which the kernel and libbpf share and which is the same
//! in Linux 6.12 and 7.3.

mod matching;

use crate::references::{each_word, Word};
use crate::{Btf, Error, ErrorKind, Section, TypeId};
use matching::{Matches, COLUMNS};

/// Where the types and names of a split BTF are once it stands on another base than its distilled one.
///
/// ```
/// use btf_core::{Btf, IntEncoding, Kind, Relocation, TypeId, Writer};
///
/// let (mut kernel, mut base, mut module) = ([0; 256], [0; 256], [0; 256]);
/// let mut writer = Writer::new(&mut kernel);
/// writer.push_int(b"int", 4, IntEncoding::SIGNED)?;
/// let task = writer.push_opaque(Kind::STRUCT, b"task_struct", 9536)?;
/// let kernel = Btf::parse(writer.finish()?)?;
///
/// // The module was built for another kernel; of its types it knows what the distilled base says.
/// let mut writer = Writer::new(&mut base);
/// let distilled_task = writer.push_opaque(Kind::STRUCT, b"task_struct", 9472)?;
/// let base = Btf::parse(writer.finish()?)?;
/// let mut writer = Writer::split(&mut module, &base);
/// let pointer = writer.push_reference(Kind::PTR, distilled_task)?;
/// let module = Btf::parse_split(writer.finish()?, &base)?;
///
/// let mut room = [0; 16];
/// let relocation = Relocation::new(&module, &kernel, &mut room)?;
/// assert_eq!(relocation.id(distilled_task), Some(task));
/// assert_eq!(relocation.id(pointer), Some(kernel.end_id()));
///
/// let mut moved = [0; 256];
/// let len = relocation.write(&mut moved)?;
/// let moved = Btf::parse_split(&moved[..len], &kernel)?;
/// assert_eq!(moved.get(kernel.end_id()).and_then(|pointer| pointer.target()), Some(task));
/// # Ok::<(), btf_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Relocation<'m> {
    split: Btf<'m>,
    matches: Matches<'m>,
    /// Where the own types and names will begin.
    first_id: TypeId,
    first_name: u32,
}

impl<'m> Relocation<'m> {
    /// The words that [`Relocation::new`] needs for `split`: a few for each type of its distilled base.
    pub fn required_len(split: &Btf<'_>) -> usize {
        usize::try_from(split.first_id().0)
            .unwrap_or(usize::MAX)
            .saturating_mul(COLUMNS)
    }

    /// Finds each type of the distilled base of `split` in `onto`.
    ///
    /// It accepts and rejects what the kernel does, of BTF that the kernel's checker has accepted. The rules, for
    /// candidates of the same name:
    ///
    /// - INT: same size and encoding. FLOAT: same size. ENUM: an ENUM or ENUM64 of the same size.
    /// - STRUCT and UNION: any size, if the split part uses it through pointers only; the same size if it has it as
    ///   a member, or if `onto` has several STRUCTs or UNIONs of the name. The kernel does not compare the kind.
    /// - FWD: a FWD with the same flag. A STRUCT only if none of its members is a bitfield, a UNION only if one is:
    ///   the kernel takes the flag that tells this for the flag of a FWD. A base with a FWD for a struct with
    ///   bitfields, such as `bpf_prog`, is therefore rejected; an opaque STRUCT is what it should have.
    ///
    /// Time: two passes over `onto` with a binary search of the distilled names for each named type, and one over
    /// the members in `split` with the modifiers of their types. The distilled base and `split` should have an
    /// index ([`Btf::indexed`]) for that. If the strings of `onto` have one name twice, which no tool writes, a pass
    /// more for each of its STRUCTs and UNIONs.
    ///
    /// # Errors
    ///
    /// `room` is too small ([`Relocation::required_len`]); `split` has no base, or a base has one itself; byte orders
    /// differ; the distilled base is empty, which makes the kernel misread `split`; a type of the distilled base is of
    /// a kind that it may not have, is anonymous, is not found, or is found more than once. Type ids in errors are
    /// those of `split` and its distilled base.
    pub fn new(split: &Btf<'m>, onto: &Btf<'_>, room: &'m mut [u32]) -> Result<Self, Error> {
        let distilled = *split
            .base()
            .ok_or_else(|| ErrorKind::MissingBase.at(Section::Header, 0))?;
        if distilled.base().is_some() || onto.base().is_some() {
            return Err(ErrorKind::UnexpectedBase.at(Section::Header, 0));
        }
        if onto.byte_order() != split.byte_order() {
            return Err(ErrorKind::OtherByteOrder.at(Section::Header, 0));
        }
        // Its `nr_types` does not count `void` then, and all ids are one less than they say (btf_add_type).
        if distilled.own_len() == 0 {
            return Err(ErrorKind::EmptyBase.at(Section::Types, 0));
        }
        let need = Self::required_len(split);
        let room = room
            .get_mut(..need)
            .ok_or_else(|| ErrorKind::RoomTooSmall { need }.at(Section::Output, 0))?;
        Ok(Self {
            split: *split,
            matches: matching::find(split, distilled, onto, room)?,
            first_id: onto.end_id(),
            first_name: onto.end_name(),
        })
    }

    /// The new id of a type of the split BTF or of its distilled base; none where there is no such type. Constant
    /// time.
    pub fn id(&self, id: TypeId) -> Option<TypeId> {
        match id.0.checked_sub(self.split.first_id().0) {
            None => self.matches.id(id),
            Some(own) if id < self.split.end_id() => {
                Some(TypeId(self.first_id.0.saturating_add(own)))
            }
            Some(_) => None,
        }
    }

    /// The new offset of a name.
    fn name(&self, offset: u32) -> Result<u32, ErrorKind> {
        if offset == 0 {
            return Ok(0);
        }
        match offset.checked_sub(self.split.first_name()) {
            None => self
                .matches
                .name(offset)
                .ok_or(ErrorKind::UnmappedName(offset)),
            // The kernel's checker does not look at the names of parameters, nor does it here.
            Some(own) => Ok(self.first_name.wrapping_add(own)),
        }
    }

    /// Writes the split BTF as it stands on the new base; gives the number of bytes written, as many as it had.
    ///
    /// These are the bytes that the kernel then shows in `/sys/kernel/btf`: ids and name offsets of the records are
    /// new, all else is as it was. A name that was beyond the strings is as far beyond them afterwards. Linear in the split BTF, with a binary search for each name in the base.
    ///
    /// # Errors
    ///
    /// `out` is too small; a record is of unknown kind, or refers to a type that is not there, or to a name of the
    /// distilled base that names none of its types.
    pub fn write(&self, out: &mut [u8]) -> Result<usize, Error> {
        let data = self.split.data();
        let need = data.len();
        let out = out
            .get_mut(..need)
            .ok_or_else(|| ErrorKind::BufferTooSmall { need }.at(Section::Output, 0))?;
        out.copy_from_slice(data);

        let order = self.split.byte_order();
        let (_, types) = out
            .split_at_mut_checked(self.split.types_start())
            .unwrap_or_default();
        let mut start = 0_usize;
        for ty in self.split.types() {
            let (mut place, mut wrong) = (start, None);
            let known = each_word(&ty, |word, old| {
                match self.moved(word, old) {
                    Ok(new) => order.put_u32(types, place, new),
                    Err(kind) => wrong = wrong.or(Some(kind)),
                }
                place = place.saturating_add(4);
            });
            let unknown = (!known).then_some(ErrorKind::UnknownKind(ty.kind()));
            if let Some(kind) = unknown.or(wrong) {
                return Err(kind.at_type(Section::Types, start, ty.id()));
            }
            start = start.saturating_add(ty.record_len());
        }
        Ok(need)
    }

    /// What a word holds afterwards, if it held `value`.
    fn moved(&self, word: Word, value: u32) -> Result<u32, ErrorKind> {
        match word {
            Word::Name => self.name(value),
            Word::Id => match self.id(TypeId(value)) {
                Some(id) => Ok(id.0),
                None => Err(ErrorKind::InvalidTypeId(TypeId(value))),
            },
            Word::Other => Ok(value),
        }
    }
}
