// SPDX-License-Identifier: MIT OR Apache-2.0

//! Names by their offsets, and the other way round.

use super::Btf;
use crate::bytes::{is_name, up_to_nul};
use crate::names::{names, NameHash, NameTable};
use crate::Type;

impl<'a> Btf<'a> {
    /// This BTF with a hash table of its own names in `room`. Linear in the strings, once.
    ///
    /// [`Btf::name_offset`] then takes a few steps. Two words for each name ([`Btf::names_len`]) are good; names beyond
    /// seven eighths of the room are found by a walk.
    pub fn names_indexed(mut self, room: &'a mut [u32]) -> Self {
        self.names = NameTable::build(room, self.header.strings);
        self
    }

    /// Number of own names. Linear in the strings.
    pub fn names_len(&self) -> usize {
        let strings = self.header.strings;
        // Counts of so few bytes that they fit in one: so many are added at once.
        let nuls = |part: &[u8]| {
            part.iter()
                .map(|&byte| u8::from(byte == 0))
                .fold(0, u8::wrapping_add)
        };
        let parts = strings.chunks(usize::from(u8::MAX));
        let ended = parts
            .map(|part| usize::from(nuls(part)))
            .fold(0, usize::saturating_add);
        let last_is_open = strings.last().is_some_and(|&byte| byte != 0);
        ended.saturating_add(usize::from(last_is_open))
    }

    /// The own names, one behind the other.
    pub(crate) fn own_names(&self) -> &'a [u8] {
        self.header.strings
    }

    /// The first offset at which `name` begins, the base's first. Linear in the strings, or a few steps after
    /// [`Btf::names_indexed`].
    pub fn name_offset(&self, name: &[u8]) -> Option<u32> {
        if name.is_empty() {
            return Some(0);
        }
        let base = self.base.and_then(|base| base.name_offset(name));
        base.or_else(|| {
            let place = self.own_name_place(name)?;
            self.first_name.checked_add(u32::try_from(place).ok()?)
        })
    }

    fn own_name_place(&self, name: &[u8]) -> Option<usize> {
        let strings = self.header.strings;
        let known = self.names.find(NameHash::of(name), |place| {
            let at = strings.get(place..);
            at.is_some_and(|strings| is_name(strings, name))
        });
        known.or_else(|| {
            let start = self.names.covered();
            let (place, _) = names(strings.get(start..)?).find(|(_, known)| *known == name)?;
            place.checked_add(start)
        })
    }

    /// The offset of the first own name.
    pub(crate) fn first_name(&self) -> u32 {
        self.first_name
    }

    /// One more than the last name offset: where the names of a split BTF over this one begin.
    pub fn end_name(&self) -> u32 {
        let own = u32::try_from(self.header.strings.len()).unwrap_or(u32::MAX);
        self.first_name.saturating_add(own)
    }

    /// The name at `offset`, without its NUL. Empty for offset 0, and for an offset outside of the strings.
    pub fn name_at(&self, offset: u32) -> &'a [u8] {
        up_to_nul(self.strings_from(offset))
    }

    /// The strings from `offset` on; empty for an offset outside of them.
    #[inline]
    pub(crate) fn strings_from(&self, offset: u32) -> &'a [u8] {
        let strings = match offset.checked_sub(self.first_name) {
            Some(own) => usize::try_from(own)
                .ok()
                .and_then(|own| self.header.strings.get(own..)),
            None => self.base_strings_from(offset),
        };
        strings.unwrap_or_default()
    }

    /// Apart, so that the way to the own strings is short.
    #[cold]
    fn base_strings_from(&self, offset: u32) -> Option<&'a [u8]> {
        self.base.map(|base| base.strings_from(offset))
    }

    /// The name of `ty`; empty for an anonymous type.
    pub fn name(&self, ty: &Type<'_>) -> &'a [u8] {
        self.name_at(ty.name_offset())
    }
}
