// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc btf split`: the BTF of a vmlinux or module as the build of Linux 7.x makes it of what pahole wrote.
//!
//! ```text
//!   IN.btf ──► kfunc_abi::split ──► what is new ──► btf_core: deduplicated, distilled, sorted ──► OUT.btf
//!   ids of an ELF file ──► kfuncs with flags         └──► .BTF_ids with the ids of OUT.btf
//! ```

mod found;
mod ids;
mod named;
mod writing;

use btf_core::{Amended, Btf, Dialect, Header, Kind, NewPrototype, TypeId, WriteOptions, Writer};
use kfunc_abi::split::{ImplicitRule, SplitError, SplitErrorKind, SplitKfunc, Splitter};
use kfunc_abi::IMPLICIT_STRUCTS;
use serde_json::{json, Value};

use self::found::Found;
use self::writing::Writing;
use crate::rooms::Rooms;
use crate::{Error, Result};

pub(crate) use found::no_func;
pub use ids::IdsFile;
pub use named::NamedKfunc;
pub(crate) use writing::measured;

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

    let found = Found::of(&input, request)?;
    let types: Vec<_> = request.types.iter().map(String::as_bytes).collect();
    let rule = ImplicitRule {
        suffix: request.suffix.map(str::as_bytes),
        types: &types,
    };
    let new = New::of(&input, &found, rule).map_err(|error| describe(&input, error))?;
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
    let (btf, distilled_base) = if request.distill {
        let (btf, base) = writing.distilled(&deduplicated.bytes, base)?;
        (btf, Some(base))
    } else {
        (deduplicated, None)
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
        kfuncs: distinct(&found.kfuncs),
        missing: found.missing,
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

/// Bytes that what is new of a kfunc takes, about.
const LEN_OF_NEW: usize = 256;

/// What is new in a BTF.
struct New {
    added: Vec<u8>,
    changes: Vec<NewPrototype>,
}

impl New {
    fn of(
        input: &Btf<'_>,
        found: &Found,
        rule: ImplicitRule<'_>,
    ) -> std::result::Result<Self, SplitError> {
        let splitter = Splitter::new(input, &found.kfuncs, rule)?;
        let unchanged = NewPrototype {
            func: TypeId::VOID,
            proto: TypeId::VOID,
        };
        let mut changes = vec![unchanged; found.kfuncs.len()];
        let mut changed = 0;
        let added = measured::<SplitError>(LEN_OF_NEW * found.kfuncs.len(), |out| {
            let mut writer = Writer::with(
                out,
                WriteOptions {
                    base: Some(input),
                    dialect: Dialect::Vlen24,
                    repeat_names: true,
                    ..WriteOptions::default()
                },
            );
            changed = splitter.push(&mut writer, &mut changes, &found.tags)?.len();
            Ok(writer.finish().map(<[u8]>::len))
        })?;
        changes.truncate(changed);
        Ok(Self { added, changes })
    }
}
