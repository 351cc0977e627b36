// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc btf split`: the BTF of a vmlinux or module as the build of Linux 7.x makes it of what pahole wrote.
//!
//! ```text
//!   IN.btf ──► kfunc_abi::split ──► what is new ──► btf_core: merged, distilled, sorted by name ──► OUT.btf
//!   ids of an ELF file ──► kfuncs with flags         └──► .BTF_ids with the ids of OUT.btf
//! ```

mod ids;

use std::collections::{HashMap, HashSet};
use std::panic::resume_unwind;
use std::thread;

use btf_core::{
    dedup_room, Amended, Btf, ByteOrder, Dialect, Distillation, Error as BtfError, ErrorKind,
    Header, Kind, NewPrototype, SortKey, TypeId, WriteOptions, Writer,
};
use kfunc_abi::split::{ImplicitRule, SplitError, SplitErrorKind, SplitKfunc, Splitter};
use kfunc_abi::{KfuncFlag, KfuncFlags, IMPLICIT_STRUCTS};
use serde_json::{json, Value};

use crate::{Error, Result};

pub use ids::IdsFile;

/// A kfunc to be split, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedKfunc {
    /// Its name.
    pub name: String,
    /// Its flags.
    pub flags: KfuncFlags,
    /// The set that names it; none if it was named by hand.
    pub set: Option<String>,
}

impl NamedKfunc {
    /// `NAME` or `NAME:FLAGS`; flags are names, with or without `KF_`, or numbers, with `|` or `,` between.
    ///
    /// # Errors
    ///
    /// No name, or a flag that is not known.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        let (name, flags) = text.split_once(':').unwrap_or((text, ""));
        if name.is_empty() {
            return Err("a kfunc has a name".to_owned());
        }
        let mut all = KfuncFlags::empty();
        for flag in flags.split(['|', ',']).map(str::trim) {
            if !flag.is_empty() {
                all |= parse_flag(flag).ok_or_else(|| format!("no flag is called '{flag}'"))?;
            }
        }
        Ok(Self {
            name: name.to_owned(),
            flags: all,
            set: None,
        })
    }
}

fn parse_flag(flag: &str) -> Option<KfuncFlags> {
    let number = match flag.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => flag.parse(),
    };
    if let Ok(bits) = number {
        return Some(KfuncFlags::from_bits_retain(bits));
    }
    let known = KfuncFlag::ALL
        .iter()
        .find(|known| known.name == flag || known.name.strip_prefix("KF_") == Some(flag));
    known.map(|known| known.flag)
}

/// What is to be split, and how.
#[derive(Clone, Copy, Debug)]
pub struct SplitRequest<'a> {
    /// The raw BTF.
    pub input: &'a [u8],
    /// The raw BTF that it is split from.
    pub base: Option<&'a [u8]>,
    /// The kfuncs, in any order.
    pub kfuncs: &'a [NamedKfunc],
    /// What the name of the first implicit parameter ends with.
    pub suffix: Option<&'a str>,
    /// What its type is called.
    pub types: &'a [String],
    /// Whether to distill the base.
    pub distill: bool,
    /// Whether kfuncs that the BTF does not have are left out.
    pub skip_missing: bool,
}

/// What became of a BTF.
#[derive(Clone, Debug)]
pub struct SplitBtf {
    /// The BTF.
    pub btf: Vec<u8>,
    /// Its distilled base.
    pub distilled_base: Option<Vec<u8>>,
    /// Names of the kfuncs that have another prototype now.
    pub changed: Vec<String>,
    /// Names of the kfuncs that the BTF does not have.
    pub missing: Vec<String>,
    /// How many kfuncs there are.
    pub kfuncs: usize,
    /// Structs of implicit arguments that the module has of its own, although its base has them. Linux 7.x compares ids, and
    /// does not fill in a pointer to another struct of that name.
    pub strange_structs: Vec<String>,
    /// How many types the BTF has, without its base.
    pub types: u32,
    /// How many it had.
    pub types_before: u32,
}

impl SplitBtf {
    /// For machines.
    pub fn to_json(&self) -> Value {
        json!({
            "kfuncs": self.kfuncs,
            "changed": self.changed,
            "missing": self.missing,
            "types_before": self.types_before,
            "types": self.types,
            "strange_structs": self.strange_structs,
            "bytes": self.btf.len(),
            "base_bytes": self.distilled_base.as_ref().map(Vec::len),
        })
    }
}

/// Splits a BTF.
///
/// # Errors
///
/// Damaged BTF, a kfunc that it does not have, or one that cannot be split.
pub fn split_btf(request: &SplitRequest<'_>) -> Result<SplitBtf> {
    let base = request.base.map(Btf::parse).transpose();
    let base = base.map_err(Error::Base)?;
    let mut base_rooms = Rooms::of(base.as_ref());
    let base = base.map(|base| base_rooms.index(base));
    let base = base.as_ref();
    let mut room = vec![0; Header::parse(request.input)?.most_types()];
    let input = match base {
        Some(base) => Btf::parse_split(request.input, base)?.indexed(&mut room),
        None => Btf::parse_indexed(request.input, &mut room)?,
    };

    let (kfuncs, missing) = find_kfuncs(&input, request)?;
    let types: Vec<_> = request.types.iter().map(String::as_bytes).collect();
    let rule = ImplicitRule {
        suffix: request.suffix.map(str::as_bytes),
        types: &types,
    };
    let new = New::of(&input, &kfuncs, rule).map_err(|error| describe(&input, error))?;
    let added = Btf::parse_split(&new.added, &input)?;
    let amended = Amended::new(&added, &new.changes).ok_or(Error::NoBase)?;
    let header = Header::parse(request.input)?;
    let writing = Writing {
        layout: !header.layout.is_empty(),
        long_header: header.is_long(),
        order: input.byte_order(),
        names: input.names_len() + added.names_len(),
        len: request.input.len() + new.added.len(),
    };
    let deduplicated = writing.deduplicated(&amended, base, !request.distill)?;
    let strange_structs = strange_structs(&deduplicated.bytes, base)?;
    let mut distilled_base = None;
    let btf = if request.distill {
        let (base, split) = writing.distilled(&deduplicated.bytes, base)?;
        let sorted = {
            let base = Btf::parse(&base)?;
            let mut names = vec![0; 2 * base.names_len()];
            let base = base.names_indexed(&mut names);
            writing
                .without_layout()
                .sorted(&Btf::parse_split(&split, &base)?, Some(&base))?
        };
        distilled_base = Some(base);
        sorted
    } else {
        deduplicated
    };
    let name = |change: &NewPrototype| {
        let func = input.get(change.func);
        func.map(|func| String::from_utf8_lossy(input.name(&func)).into_owned())
    };
    Ok(SplitBtf {
        types: btf.types,
        btf: btf.bytes,
        distilled_base,
        changed: new.changes.iter().filter_map(name).collect(),
        missing,
        kfuncs: distinct(&kfuncs),
        types_before: input.own_len(),
        strange_structs,
    })
}

/// Structs of implicit arguments that a module has of its own, although its base has them.
fn strange_structs(btf: &[u8], base: Option<&Btf<'_>>) -> Result<Vec<String>> {
    let Some(base) = base else {
        return Ok(Vec::new());
    };
    let btf = Btf::parse_split(btf, base)?;
    let strange = IMPLICIT_STRUCTS.into_iter().filter(|name| {
        base.find(name, Kind::STRUCT).is_some() && btf.find_own(name, Kind::STRUCT).is_some()
    });
    Ok(strange
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect())
}

/// How many kfuncs there are; one may be in several sets.
fn distinct(kfuncs: &[SplitKfunc]) -> usize {
    kfuncs.chunk_by(|one, other| one.func == other.func).count()
}

/// The kfuncs in the order of their ids, and the names of those that the BTF does not have.
fn find_kfuncs(
    input: &Btf<'_>,
    request: &SplitRequest<'_>,
) -> Result<(Vec<SplitKfunc>, Vec<String>)> {
    let impls = request.kfuncs.iter().map(|kfunc| impl_name(&kfunc.name));
    let impls: Vec<_> = impls.collect();
    let names = request.kfuncs.iter().map(|kfunc| &kfunc.name);
    let funcs = find_funcs(input, names.chain(&impls));
    let (mut kfuncs, mut missing) = (Vec::new(), Vec::new());
    for (kfunc, impl_name) in request.kfuncs.iter().zip(&impls) {
        match funcs.get(kfunc.name.as_bytes()) {
            Some(func) => kfuncs.push(SplitKfunc {
                func: *func,
                flags: kfunc.flags,
                has_impl: funcs.contains_key(impl_name.as_bytes()),
            }),
            None if request.skip_missing => missing.push(kfunc.name.clone()),
            None => return Err(no_func(input, kfunc)),
        }
    }
    kfuncs.sort_by_key(|kfunc| kfunc.func);
    Ok((kfuncs, missing))
}

fn impl_name(kfunc: &str) -> String {
    format!("{kfunc}_impl")
}

/// The first own FUNC of each of the names that has one. One pass: an index of all names would take longer.
fn find_funcs<'n>(
    input: &Btf<'_>,
    names: impl Iterator<Item = &'n String>,
) -> HashMap<&'n [u8], TypeId> {
    let wanted: HashSet<_> = names.map(|name| name.as_bytes()).collect();
    let mut found = HashMap::new();
    for func in input.of_kind(Kind::FUNC) {
        if let Some(name) = wanted.get(input.name(&func)) {
            found.entry(*name).or_insert(func.id());
        }
    }
    found
}

pub(crate) fn no_func(input: &Btf<'_>, kfunc: &NamedKfunc) -> Error {
    let name = kfunc.name.as_bytes();
    let other = input.types().find(|ty| input.name(ty) == name);
    match other {
        Some(other) => Error::NotAFunction {
            kfunc: kfunc.name.clone(),
            kind: other.kind(),
        },
        None => Error::MissingKfunc {
            kfunc: kfunc.name.clone(),
            set: kfunc.set.clone(),
        },
    }
}

/// The error with the name of the kfunc.
fn describe(input: &Btf<'_>, error: SplitError) -> Error {
    match error.kind {
        SplitErrorKind::Btf(error) => Error::Btf(error),
        kind => {
            let func = input.get(error.func);
            let name = func.map(|func| input.name(&func)).unwrap_or_default();
            Error::Split {
                kfunc: String::from_utf8_lossy(name).into_owned(),
                error: kind,
            }
        }
    }
}

/// Memory for the indexes of a BTF.
pub(crate) struct Rooms {
    types: Vec<u32>,
    names: Vec<u32>,
    named_types: Vec<u32>,
}

impl Rooms {
    pub(crate) fn of(btf: Option<&Btf<'_>>) -> Self {
        let types = btf.map_or(0, |btf| btf.own_len() as usize);
        Self {
            types: vec![0; types],
            names: vec![0; 2 * btf.map_or(0, Btf::names_len)],
            named_types: vec![0; 2 * types],
        }
    }

    pub(crate) fn index<'r>(&'r mut self, btf: Btf<'r>) -> Btf<'r> {
        btf.indexed(&mut self.types)
            .names_indexed(&mut self.names)
            .types_indexed(&mut self.named_types)
    }
}

/// What is new in a BTF.
struct New {
    added: Vec<u8>,
    changes: Vec<NewPrototype>,
}

impl New {
    fn of(
        input: &Btf<'_>,
        kfuncs: &[SplitKfunc],
        rule: ImplicitRule<'_>,
    ) -> std::result::Result<Self, SplitError> {
        let splitter = Splitter::new(input, kfuncs, rule)?;
        let unchanged = NewPrototype {
            func: TypeId::VOID,
            proto: TypeId::VOID,
        };
        let mut changes = vec![unchanged; kfuncs.len()];
        // Enough, whatever of them is a tag.
        let mut tags = vec![0; input.own_len() as usize];
        let mut changed = 0;
        let added = measured::<SplitError>(0, |out| {
            let mut writer = Writer::with(
                out,
                WriteOptions {
                    base: Some(input),
                    dialect: Dialect::Vlen24,
                    repeat_names: true,
                    ..WriteOptions::default()
                },
            );
            changed = splitter.push(&mut writer, &mut changes, &mut tags)?.len();
            Ok(writer.finish().map(<[u8]>::len))
        })?;
        changes.truncate(changed);
        Ok(Self { added, changes })
    }
}

/// How the results are written.
#[derive(Clone, Copy)]
struct Writing {
    layout: bool,
    long_header: bool,
    order: ByteOrder,
    /// At most so many names there are.
    names: usize,
    /// Bytes to begin with.
    len: usize,
}

impl Writing {
    /// What is not read, but made anew, has no layout section, but a header for it (`btf__new_empty`).
    fn without_layout(&self) -> Self {
        Self {
            layout: false,
            long_header: true,
            ..*self
        }
    }

    /// With of equal types a single one. Sorting takes as long as half of the rest, and needs nothing of it: another thread
    /// does it meanwhile.
    fn deduplicated(
        &self,
        amended: &Amended<'_>,
        base: Option<&Btf<'_>>,
        sorted: bool,
    ) -> Result<Written> {
        let mut room = vec![0; dedup_room(amended)];
        let keys = if sorted { amended.own_len() } else { 0 };
        let mut keys = vec![SortKey::default(); keys as usize];
        let keys = &mut *keys;
        thread::scope(|scope| {
            let mut sorting = sorted.then(|| scope.spawn(move || amended.sorted_by_name(keys)));
            let mut order = None;
            self.write(base, |writer| {
                let deduplicated = writer.deduplicate(amended, &mut room)?;
                if let Some(sorting) = sorting.take() {
                    let joined = sorting.join();
                    order = Some(joined.unwrap_or_else(|panic| resume_unwind(panic))?);
                }
                deduplicated.push(order)
            })
        })
    }

    fn sorted(&self, btf: &Btf<'_>, base: Option<&Btf<'_>>) -> Result<Written> {
        let types = btf.own_len() as usize;
        let mut room = vec![0; 2 * types];
        let mut order = vec![SortKey::default(); types];
        self.write(base, |writer| {
            writer.push_names(btf);
            writer.push_sorted(btf, &mut room, &mut order)
        })
    }

    /// The distilled base of `btf`, which is split from `base`, and what is then split from it.
    fn distilled(&self, btf: &[u8], base: Option<&Btf<'_>>) -> Result<(Vec<u8>, Vec<u8>)> {
        let btf = match base {
            Some(base) => Btf::parse_split(btf, base)?,
            None => Btf::parse(btf)?,
        };
        let mut room = vec![0; Distillation::room(&btf)];
        let distillation = Distillation::of(&btf, &mut room)?;
        let new = self.without_layout();
        let base = new.write(None, |writer| distillation.push_base(writer))?;
        let parsed = Btf::parse(&base.bytes)?;
        let split = new.write(Some(&parsed), |writer| distillation.push_split(writer))?;
        Ok((base.bytes, split.bytes))
    }

    fn write(
        &self,
        base: Option<&Btf<'_>>,
        mut fill: impl FnMut(&mut Writer<'_>) -> std::result::Result<(), BtfError>,
    ) -> Result<Written> {
        let mut name_index = vec![0; 2 * self.names];
        let mut types = 0;
        let bytes = measured::<Error>(self.len, |out| {
            let mut writer = Writer::with(
                out,
                WriteOptions {
                    base,
                    byte_order: base.map_or(self.order, Btf::byte_order),
                    dialect: Dialect::Vlen24,
                    layout: self.layout,
                    long_header: self.long_header,
                    repeat_names: false,
                    name_index: &mut name_index,
                },
            );
            let first = writer.next_id().0;
            fill(&mut writer)?;
            types = writer.next_id().0 - first;
            Ok(writer.finish().map(<[u8]>::len))
        })?;
        Ok(Written { bytes, types })
    }
}

/// A BTF, and how many types it has without its base.
struct Written {
    bytes: Vec<u8>,
    types: u32,
}

/// What `fill` writes, given a slice of `len` bytes, or of as many as it then asks for.
pub(crate) fn measured<E: From<BtfError>>(
    len: usize,
    mut fill: impl FnMut(&mut [u8]) -> std::result::Result<std::result::Result<usize, BtfError>, E>,
) -> std::result::Result<Vec<u8>, E> {
    let mut out = vec![0; len];
    loop {
        match fill(&mut out)? {
            Ok(written) => {
                out.truncate(written);
                return Ok(out);
            }
            Err(BtfError {
                kind: ErrorKind::BufferTooSmall { need },
                ..
            }) if need > out.len() => out.resize(need, 0),
            Err(error) => return Err(error.into()),
        }
    }
}
