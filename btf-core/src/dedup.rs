// SPDX-License-Identifier: MIT OR Apache-2.0

//! Deduplication: of equal types one stays.
//!
//! ```text
//!   names       offsets into the writer's strings: equal names, equal offsets
//!   primitive   INT, ENUM, ENUM64, FLOAT, FWD: equal by what they say themselves
//!   composite   STRUCT, UNION, TYPEDEF: equal if the graphs of types behind them are (graph.rs)
//!   forward     a FWD whose struct or union can only be one
//!   reference   PTR, ARRAY, FUNC_PROTO …: equal if what they refer to has become the same
//! ```
//!
//! Follows `btf__dedup` of `tools/lib/bpf/btf.c` (7.3) decision by decision, so that the same types stay, in the same order.
//! Like it, it does not find all at once: a second run may find more.
//!
//! Two things differ, in BTF that no compiler makes. An anonymous enum without enumerators is no forward declaration of
//! every other anonymous enum. And where libbpf runs out of stack or does not end, this gives [`ErrorKind::TooDeep`].

mod forward;
mod graph;
mod hypothesis;
mod names;
mod primitive;
mod reference;
mod same;
mod stack;
mod table;

use crate::limits::MAX_TYPES;
use crate::words::{index, put, take, word};
use crate::write::{sorted_by_name, SortKey};
use crate::{Amended, Btf, Error, ErrorKind, Kind, Section, Type, TypeId, Writer};

use self::hypothesis::Hypothesis;
use self::names::NameMap;
use self::same::Records;
use self::stack::Stack;
use self::table::Table;

/// In the map, a type that was not looked at yet.
const UNSEEN: u32 = u32::MAX;
/// In the map, a type that is being looked at.
const OPEN: u32 = u32::MAX - 1;

/// Words that [`Writer::deduplicate`] needs to work on `amended`.
pub fn dedup_room(amended: &Amended<'_>) -> usize {
    let types = index(amended.end_id().0);
    [
        NameMap::room(amended),
        types,
        Hypothesis::room(types),
        Stack::room(types),
        Table::room(types),
    ]
    .into_iter()
    .fold(0, usize::saturating_add)
}

impl<'b> Writer<'b> {
    /// Finds out which types of `amended` stay, those of the input's base aside; takes up all names, in the order of their first
    /// use. [`Deduplicated::push`] then writes the types.
    ///
    /// The input should have an index of its types ([`Btf::indexed`]), and so should its base, with one of its names
    /// ([`Btf::names_indexed`]). `room` needs as many words as [`dedup_room`] says. About linear in the types.
    ///
    /// # Errors
    ///
    /// The room is too small; a reference to no type, or to one that nothing refers to; types that contain themselves
    /// without a struct between.
    ///
    /// ```
    /// # use btf_core::{dedup_room, Amended, Error, SortKey, Writer};
    /// fn sorted<'b>(amended: &Amended<'_>, out: &'b mut [u8]) -> Result<&'b [u8], Error> {
    ///     let mut room = vec![0; dedup_room(amended)];
    ///     let mut keys = vec![SortKey::default(); 2 * amended.own_len() as usize];
    ///     let mut writer = Writer::new(out);
    ///     let deduplicated = writer.deduplicate(amended, &mut room)?;
    ///     deduplicated.push(Some(amended.sorted_by_name(&mut keys)?))?;
    ///     writer.finish()
    /// }
    /// ```
    pub fn deduplicate<'w, 'd, 'r>(
        &'w mut self,
        amended: &'d Amended<'d>,
        room: &'r mut [u32],
    ) -> Result<Deduplicated<'w, 'b, 'd, 'r>, Error> {
        let need = dedup_room(amended);
        let mut room = room;
        let mut part = |words| {
            let part = take(&mut room, words);
            part.ok_or_else(|| ErrorKind::RoomTooSmall { need }.at(Section::Types, 0))
        };
        let types = index(amended.end_id().0);
        let names = NameMap::fill(self, amended, part(NameMap::room(amended))?)?;
        let mut dedup = Dedup {
            records: Records { amended, names },
            first: amended.first_id().0,
            map: part(types)?,
            hypothesis: Hypothesis::new(part(Hypothesis::room(types))?),
            stack: Stack::new(part(Stack::room(types))?),
            table: Table::new(part(Table::room(types))?, types),
        };
        // Without its names a type cannot be told from others. It is measured as if each would stay.
        if self.lacks_names() {
            dedup.keep_all();
        } else {
            dedup.run()?;
        }
        Ok(Deduplicated {
            writer: self,
            dedup,
        })
    }
}

/// A BTF of which it is known what stays ([`Writer::deduplicate`]).
pub struct Deduplicated<'w, 'b, 'd, 'r> {
    writer: &'w mut Writer<'b>,
    dedup: Dedup<'d, 'r>,
}

impl Deduplicated<'_, '_, '_, '_> {
    /// Adds all types but those of the input's base, and of equal ones a single one: in the order of `order`, what
    /// [`Amended::sorted_by_name`] gives, or else in the order that they were in.
    ///
    /// # Errors
    ///
    /// As [`Writer::push_type`].
    pub fn push(self, order: Option<&[SortKey]>) -> Result<(), Error> {
        let Self { writer, mut dedup } = self;
        match order {
            Some(order) => dedup.push(writer, order.iter().map(|key| key.id().0)),
            None => dedup.push(writer, dedup.first..dedup.end()),
        }
    }
}

impl Amended<'_> {
    /// All types but those of the input's base, in the order of their names: anonymous ones first, and those of one name in
    /// the order that they were in. Time is n log n, or linear where they are sorted already.
    ///
    /// # Errors
    ///
    /// `room` has less than two keys for each type ([`Amended::own_len`]).
    pub fn sorted_by_name<'k>(&self, room: &'k mut [SortKey]) -> Result<&'k [SortKey], Error> {
        sorted_by_name(self.types(), self.names(), room)
    }
}

struct Dedup<'d, 'r> {
    records: Records<'d, 'r>,
    /// The first own id: what comes before is of the base, and stays.
    first: u32,
    /// For each type, the id of the one that stands for it, which may have another one that does; itself if it stays.
    map: &'r mut [u32],
    hypothesis: Hypothesis<'r>,
    stack: Stack<'r>,
    /// The types that stay, by what they say.
    table: Table<'r>,
}

impl Dedup<'_, '_> {
    fn run(&mut self) -> Result<(), Error> {
        self.map.fill(UNSEEN);
        put(self.map, 0, 0);
        if let Some(base) = self.records.amended.base() {
            self.take_base(base);
        }
        let declares = self.take_primitives();
        self.take_composites()?;
        if declares {
            self.resolve_forwards();
        }
        self.take_references()
    }

    /// Takes up the types of the base, which all stay.
    fn take_base(&mut self, base: &Btf<'_>) {
        if let Some(below) = base.base() {
            self.take_base(below);
        }
        for ty in base.types() {
            put(self.map, ty.id().0, ty.id().0);
            if !matches!(ty.kind(), Kind::VAR | Kind::DATASEC) {
                self.table.add(self.records.hash(&ty, |id| id), ty.id().0);
            }
        }
    }

    /// `stands` stands for `ty`. If that is itself, others are compared with it.
    fn settle(&mut self, ty: &Type<'_>, stands: u32, hash: u32) {
        put(self.map, ty.id().0, stands);
        if stands == ty.id().0 {
            self.table.add(hash, stands);
        }
    }

    /// The first type that stays and says the same as `ty`, whose references were looked at.
    fn known(&self, ty: &Type<'_>, hash: u32) -> Option<u32> {
        let candidates = self.table.candidates(hash);
        let mut types = candidates.map(|id| self.records.get(id));
        types
            .find(|known| {
                self.records
                    .is_same(ty, known, |of, id| self.target(of, id))
            })
            .map(|known| known.id().0)
    }

    /// What stands for a type that `of` refers to. A type of the base refers to what it always did.
    fn target(&self, of: &Type<'_>, id: u32) -> u32 {
        if of.id().0 < self.first {
            id
        } else {
            self.resolved(id)
        }
    }

    /// Whether it is known what stands for `id`.
    fn is_mapped(&self, id: u32) -> bool {
        word(self.map, id).is_some_and(|stands| stands <= MAX_TYPES)
    }

    /// What stands for `id` in the end; itself as long as that is not known.
    fn resolved(&self, id: u32) -> u32 {
        let mut id = id;
        // Each step goes to another type, and never in a circle: a FWD to a struct, or a type to one that stays.
        for _ in 0..self.map.len() {
            match word(self.map, id) {
                Some(stands) if stands <= MAX_TYPES && stands != id => id = stands,
                _ => break,
            }
        }
        id
    }

    fn stays(&self, id: u32) -> bool {
        word(self.map, id) == Some(id)
    }

    fn end(&self) -> u32 {
        self.records.amended.end_id().0
    }

    /// Lets every type stay.
    fn keep_all(&mut self) {
        for (slot, id) in self.map.iter_mut().zip(0..) {
            *slot = id;
        }
    }

    /// Writes those of the types `ids` that stay.
    fn push(
        &mut self,
        writer: &mut Writer<'_>,
        ids: impl Iterator<Item = u32> + Clone,
    ) -> Result<(), Error> {
        let mut next = writer.next_id().0;
        for id in ids.clone() {
            if self.stays(id) {
                put(self.hypothesis.words(), id, next);
                next = next.saturating_add(1);
            }
        }
        for id in self.first..self.end() {
            if !self.stays(id) {
                let stands = self.resolved(id);
                let new = self.hypothesis.new_id(stands);
                let new = if stands < self.first { stands } else { new };
                put(self.hypothesis.words(), id, new);
            }
        }
        let mut staying = ids.filter(|id| self.stays(*id));
        staying.try_for_each(|id| self.push_one(writer, id))
    }

    fn push_one(&self, writer: &mut Writer<'_>, id: u32) -> Result<(), Error> {
        let new_id = |TypeId(id)| {
            // A FWD of the base can stand for a struct that it does not have.
            let stands = if id < self.first {
                self.resolved(id)
            } else {
                id
            };
            let of_base = stands < self.first;
            TypeId(if of_base {
                stands
            } else {
                self.hypothesis.new_id(stands)
            })
        };
        let ty = self.records.get(id);
        writer.push_moved(&ty, |name| self.records.names.of(name), new_id)
    }
}
