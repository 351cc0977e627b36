// SPDX-License-Identifier: MIT OR Apache-2.0

//! The BTF of a module: what its C parts have, and the FUNCs of its kfuncs.
//!
//! ```text
//!             C parts           added
//!   .BTF.base │ INT int … │ STRUCT task_struct … │
//!   .BTF      │ FUNC c_kfunc … │ FUNC foo, FUNC foo_impl … │
//! ```

use btf_core::{Btf, ErrorKind, Header, TypeId, WriteOptions, Writer};
use kfunc_abi::record::{Kfunc, TypeRecord};
use kfunc_abi::KernelVersion;

use super::base::Distilled;
use super::foreign::{release, Sections};
use super::funcs::{self, Funcs};
use super::node::Id;
use super::table::Table;
use super::types::Types;
use crate::Result;

/// Bytes of a name and its part of a record: of a BTF, not less.
const NAME_LEN: usize = 8;
/// Bytes that are enough for most modules.
const FIRST_LEN: usize = 64 << 10;

/// The two sections, and what the module must know of them.
pub(crate) struct ModuleBtf {
    /// `.BTF`.
    pub(crate) split: Vec<u8>,
    /// `.BTF.base`; none for a module that is tied to one build of its kernel.
    pub(crate) base: Option<Vec<u8>>,
    /// First id of the split part.
    pub(crate) start_id: TypeId,
    /// The FUNCs of each kfunc.
    pub(crate) kfuncs: Vec<Funcs>,
}

impl ModuleBtf {
    pub(crate) fn sections(&self) -> Sections<'_> {
        Sections {
            split: &self.split,
            base: self.base.as_deref(),
        }
    }
}

/// What a module declares.
#[derive(Default)]
pub(crate) struct Declared<'a> {
    pub(crate) kfuncs: Vec<Kfunc<'a>>,
    pub(crate) types: Vec<TypeRecord<'a>>,
}

/// What a module has already, and how it stands in its sections.
#[derive(Clone, Copy)]
pub(crate) struct Kept<'a> {
    pub(crate) sections: Sections<'a>,
    /// `.BTF`.
    pub(crate) split: Btf<'a>,
}

/// Writes the BTF of a module for `kernel`, whose BTF is `vmlinux`. It stands on `base`; if there is none, on
/// `vmlinux` itself.
///
/// # Errors
///
/// A type that `vmlinux` does not have, an annotation that `kernel` does not know, or something that the module has
/// already, and that is not the same.
pub(crate) fn write(
    vmlinux: &Btf<'_>,
    kernel: KernelVersion,
    kept: Option<Kept<'_>>,
    base: Option<Distilled<'_>>,
    declared: &Declared<'_>,
) -> Result<ModuleBtf> {
    let table = kept.map_or_else(Table::default, |kept| Table::of(&kept.split));
    let mut types = Types::new(vmlinux, base, table, &declared.types)?;
    let mut kfuncs = Vec::new();
    for kfunc in &declared.kfuncs {
        kfuncs.push(funcs::add(&mut types, kernel, kfunc)?);
    }
    write_sections(vmlinux, kernel, kept, types, &kfuncs)
}

/// Writes both sections, in the form of those that are there.
fn write_sections(
    vmlinux: &Btf<'_>,
    kernel: KernelVersion,
    kept: Option<Kept<'_>>,
    mut types: Types<'_, '_>,
    kfuncs: &[Funcs<Id>],
) -> Result<ModuleBtf> {
    types.fill_base()?;
    let sections = kept.map(|kept| kept.sections);
    let options = |of: Option<&[u8]>| WriteOptions {
        dialect: release(kernel).dialect(),
        layout: of.is_some_and(has_layout),
        ..WriteOptions::default()
    };
    let base = match &types.base {
        None => None,
        Some(base) => {
            let kept = sections.and_then(|sections| sections.base);
            Some(grown(options(kept), |writer| base.write(writer))?)
        }
    };
    let base_btf = base.as_deref().map(Btf::parse).transpose()?;
    let base_btf = base_btf.unwrap_or(*vmlinux);
    let options = WriteOptions {
        base: Some(&base_btf),
        ..options(sections.map(|sections| sections.split))
    };
    let split = grown(options, |writer| {
        types
            .table
            .write(kept.as_ref().map(|kept| &kept.split), writer)
    })?;
    let start_id = base_btf.end_id();
    let in_split = |id: Id| id.in_split(start_id);
    let kfuncs = kfuncs
        .iter()
        .map(|funcs| Funcs {
            public: in_split(funcs.public),
            full: funcs.full.map(in_split),
        })
        .collect();
    Ok(ModuleBtf {
        split,
        start_id,
        kfuncs,
        base,
    })
}

/// The bytes that `fill` writes, however many they are.
fn grown(
    options: WriteOptions<'_>,
    fill: impl Fn(&mut Writer<'_>) -> std::result::Result<(), btf_core::Error>,
) -> Result<Vec<u8>> {
    let mut out = vec![0; FIRST_LEN];
    loop {
        let mut name_index = vec![0; out.len() / NAME_LEN];
        let mut writer = Writer::with(
            &mut out,
            WriteOptions {
                name_index: &mut name_index,
                ..options
            },
        );
        fill(&mut writer)?;
        let error = match writer.finish().map(<[u8]>::len) {
            Ok(len) => {
                out.truncate(len);
                return Ok(out);
            }
            Err(error) => error,
        };
        match error.kind {
            ErrorKind::BufferTooSmall { need } => out.resize(need, 0),
            _ => return Err(error.into()),
        }
    }
}

fn has_layout(section: &[u8]) -> bool {
    Header::parse(section).is_ok_and(|header| !header.layout.is_empty())
}
