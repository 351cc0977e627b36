// SPDX-License-Identifier: MIT OR Apache-2.0

//! `.BTF_ids` of an object that is still to be resolved, or of one that was.
//!
//! An id has a symbol `__BTF_ID__func__NAME__NUMBER` (or struct, union, typedef), a set `__BTF_ID__set8__NAME` whose
//! size tells how many ids it has (`include/linux/btf_ids.h`). As long as all ids are 0, the symbols tell whose they
//! are; later the sets are sorted, and only the ids themselves do.

use std::path::Path;

use btf_core::{Btf, ByteOrder, Header, Kind, TypeId};
use kfunc_abi::{KfuncFlags, BTF_SET8_KFUNCS};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};

use super::{NamedKfunc, SplitBtf};
use crate::btf_file::read;
use crate::btf_id_symbol::{self, PREFIX, SECTION};
use crate::id_sets::kfunc_sets;
use crate::rooms::Rooms;
use crate::{Error, Result};

/// Bytes of the count of a set, and of an id.
const WORD: usize = 4;
/// Bytes of the count and the flags of a set with flags, and of an id with flags.
const PAIR: usize = 8;

/// The section of ids of an ELF file.
#[derive(Clone, Debug)]
pub struct IdsFile {
    data: Vec<u8>,
    section: Vec<u8>,
    order: ByteOrder,
    ids: Vec<Id>,
    sets: Vec<Set>,
}

/// An id that has a symbol.
#[derive(Clone, Debug)]
struct Id {
    at: usize,
    kind: Kind,
    name: String,
}

/// A set.
#[derive(Clone, Debug)]
struct Set {
    at: usize,
    name: String,
    len: usize,
    has_flags: bool,
}

impl Set {
    /// Bytes in front of the ids.
    fn head(&self) -> usize {
        if self.has_flags {
            PAIR
        } else {
            WORD
        }
    }

    /// Bytes of each of them.
    fn step(&self) -> usize {
        self.head()
    }

    /// Where the ids are.
    fn places(&self) -> impl Iterator<Item = usize> + use<'_> {
        (0..self.len).map(|place| self.at + self.head() + place * self.step())
    }
}

impl IdsFile {
    /// Reads the section of the ELF file at `path`.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or as [`IdsFile::parse`].
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(read(path)?)
    }

    /// Reads the section of the ELF file `data`.
    ///
    /// # Errors
    ///
    /// A damaged ELF file, one without the section, or a set that is not inside of it.
    pub fn parse(data: Vec<u8>) -> Result<Self> {
        let elf = object::File::parse(&*data)?;
        let section = elf.section_by_name(SECTION).ok_or(Error::NoIds)?;
        let order = match elf.is_little_endian() {
            true => ByteOrder::Little,
            false => ByteOrder::Big,
        };
        let (mut ids, mut sets) = (Vec::new(), Vec::new());
        for symbol in elf.symbols() {
            let name = symbol.name().unwrap_or_default();
            let Some(name) = name.strip_prefix(PREFIX) else {
                continue;
            };
            if symbol.section_index() != Some(section.index()) {
                continue;
            }
            let at = symbol.address().wrapping_sub(section.address());
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            let size = usize::try_from(symbol.size()).unwrap_or(usize::MAX);
            if let Some(set) = set(name, at, size) {
                sets.push(set);
            } else {
                let (kind, name, _) = btf_id_symbol::parse(name).ok_or_else(|| unknown(name))?;
                let name = name.to_owned();
                ids.push(Id { at, kind, name });
            }
        }
        if ids.is_empty() && sets.is_empty() {
            return Err(Error::NoIds);
        }
        let section = section.data()?.to_vec();
        let end = |set: &Set| set.at + set.head() + set.len * set.step();
        if let Some(set) = sets
            .iter()
            .find(|set| set.at > section.len() || end(set) > section.len())
        {
            return Err(Error::Ids(format!("set {} is not inside of it", set.name)));
        }
        ids.sort_by_key(|id| id.at);
        sets.sort_by_key(|set| set.at);
        Ok(Self {
            section,
            order,
            ids,
            sets,
            data,
        })
    }

    /// The kfuncs of all sets, by their names. `base` is what the file's own BTF is split from, which is only looked at
    /// where the ids are there already.
    ///
    /// # Errors
    ///
    /// A damaged set, or an id that is not one of the file's BTF.
    pub fn kfuncs(&self, base: Option<&[u8]>) -> Result<Vec<NamedKfunc>> {
        if self.is_resolved() {
            return self.resolved_kfuncs(base);
        }
        let mut kfuncs = Vec::new();
        for set in self.sets.iter().filter(|set| self.is_of_kfuncs(set)) {
            for at in set.places() {
                let symbol = self.ids.binary_search_by_key(&at, |id| id.at);
                let Some(id) = symbol.ok().and_then(|place| self.ids.get(place)) else {
                    let what = format!("an id of set {} has no symbol", set.name);
                    return Err(Error::Ids(what));
                };
                kfuncs.push(NamedKfunc {
                    name: id.name.clone(),
                    flags: KfuncFlags::from_bits_retain(self.word(at + WORD)),
                    set: Some(set.name.clone()),
                });
            }
        }
        Ok(kfuncs)
    }

    fn resolved_kfuncs(&self, base: Option<&[u8]>) -> Result<Vec<NamedKfunc>> {
        let file = crate::BtfFile::parse(self.data.clone())?;
        let base = file.distilled_base.as_deref().or(base);
        let base = base.map(Btf::parse).transpose().map_err(Error::Base)?;
        let btf = match &base {
            Some(base) => Btf::parse_split(&file.btf, base)?,
            None => Btf::parse(&file.btf)?,
        };
        let mut room = vec![0; btf.own_len() as usize];
        let btf = btf.indexed(&mut room);
        let mut kfuncs = Vec::new();
        for set in kfunc_sets(&self.data)?.unwrap_or_default() {
            for (id, flags) in set.kfuncs {
                // What resolve_btfids did not find.
                if id == TypeId::VOID {
                    continue;
                }
                let func = btf.get(id).ok_or(Error::NoKfuncType(id.0))?;
                kfuncs.push(NamedKfunc {
                    name: String::from_utf8_lossy(btf.name(&func)).into_owned(),
                    flags,
                    set: Some(set.name.clone()),
                });
            }
        }
        Ok(kfuncs)
    }

    fn is_resolved(&self) -> bool {
        let in_sets = self.sets.iter().flat_map(Set::places);
        let alone = self.ids.iter().map(|id| id.at);
        in_sets.chain(alone).any(|at| self.word(at) != 0)
    }

    fn is_of_kfuncs(&self, set: &Set) -> bool {
        set.has_flags && self.word(set.at + WORD) & BTF_SET8_KFUNCS != 0
    }

    fn word(&self, at: usize) -> u32 {
        let bytes = self.section.get(at..).and_then(<[u8]>::first_chunk);
        let bytes = bytes.copied().unwrap_or_default();
        match self.order {
            ByteOrder::Little => u32::from_le_bytes(bytes),
            ByteOrder::Big => u32::from_be_bytes(bytes),
        }
    }

    fn bytes(&self, word: u32) -> [u8; WORD] {
        match self.order {
            ByteOrder::Little => word.to_le_bytes(),
            ByteOrder::Big => word.to_be_bytes(),
        }
    }

    /// As [`IdsFile::resolved`], with the ids of what was split; `base` is what that was split from.
    ///
    /// # Errors
    ///
    /// As [`IdsFile::resolved`].
    pub fn resolved_by(
        &self,
        split: &SplitBtf,
        base: Option<&[u8]>,
    ) -> Result<(Vec<u8>, Vec<String>)> {
        let base = split.distilled_base.as_deref().or(base);
        let base = base.map(Btf::parse).transpose().map_err(Error::Base)?;
        let mut base_rooms = Rooms::of(base.as_ref());
        let base = base.map(|base| base_rooms.index(base));
        let mut room = vec![0; Header::parse(&split.btf)?.most_types()];
        // Its names are sorted: it needs no more.
        let btf = match &base {
            Some(base) => Btf::parse_split(&split.btf, base)?.indexed(&mut room),
            None => Btf::parse_indexed(&split.btf, &mut room)?,
        };
        self.resolved(&btf)
    }

    /// The section with the ids of `btf`, and the names that it does not have, whose ids stay 0. As `symbols_patch` of
    /// `tools/bpf/resolve_btfids/main.c`: the first type of the name counts, the base's before others; sets are sorted.
    ///
    /// # Errors
    ///
    /// The ids are there already.
    pub fn resolved(&self, btf: &Btf<'_>) -> Result<(Vec<u8>, Vec<String>)> {
        if self.is_resolved() {
            return Err(Error::ResolvedIds);
        }
        let mut section = self.section.clone();
        let mut missing = Vec::new();
        let mut put = |at: usize, word: u32| {
            if let Some(slot) = section.get_mut(at..at + WORD) {
                slot.copy_from_slice(&self.bytes(word));
            }
        };
        for id in &self.ids {
            match btf.find(id.name.as_bytes(), id.kind) {
                Some(ty) => put(id.at, ty.id().0),
                None => missing.push(id.name.clone()),
            }
        }
        for set in &self.sets {
            put(set.at, set.len as u32);
        }
        for set in &self.sets {
            let start = set.at + set.head();
            let end = start + set.len * set.step();
            if let Some(ids) = section.get_mut(start..end) {
                self.sort(ids, set.step());
            }
        }
        Ok((section, missing))
    }

    /// Sorts elements of `step` bytes by the ids that they begin with.
    fn sort(&self, elements: &mut [u8], step: usize) {
        let mut sorted: Vec<_> = elements.chunks(step).map(<[u8]>::to_vec).collect();
        sorted.sort_by_key(|element| {
            let id = element.first_chunk().copied().unwrap_or_default();
            match self.order {
                ByteOrder::Little => i32::from_le_bytes(id),
                ByteOrder::Big => i32::from_be_bytes(id),
            }
        });
        elements.copy_from_slice(&sorted.concat());
    }
}

/// `set8__NAME`, `set__NAME`.
fn set(symbol: &str, at: usize, size: usize) -> Option<Set> {
    let (kind, name) = symbol.split_once("__")?;
    let has_flags = match kind {
        "set8" => true,
        "set" => false,
        _ => return None,
    };
    let mut set = Set {
        at,
        name: name.to_owned(),
        len: 0,
        has_flags,
    };
    set.len = (size / set.step()).saturating_sub(1);
    Some(set)
}

fn unknown(symbol: &str) -> Error {
    Error::Ids(format!("symbol {PREFIX}{symbol} is not known"))
}
