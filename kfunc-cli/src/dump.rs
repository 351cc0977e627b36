// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc btf dump`: prints the types of a file.
//!
//! ```text
//!   FILE ──► base, then the split part ──► references checked ──► types, or those of one name ──► raw, json
//!                                                             └─► types in C's order ──► c
//! ```

mod c;
mod json;
mod raw;
pub(crate) mod references;
mod words;

use std::io::Write;

use btf_core::{Btf, Header, Relocation, Type};

use crate::{BtfFile, Error, Result};

pub(crate) use c::{
    arena_macro, AfterKernel, Declarations, ARENA_ATTRIBUTE, KFUNC_MACROS, TYPES_BEGIN, TYPES_END,
};

/// How types are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A line for each type and for each of its elements, as `bpftool btf dump` prints them.
    Raw,
    /// C: without a name a whole header, as `bpftool btf dump file FILE format c` prints it; with one, the
    /// definitions of that name.
    C,
    /// One JSON object, as `bpftool -j btf dump` prints it, with each type on a line of its own.
    Json,
}

/// Prints the types of `file`, in the order of their ids; only those called `name`, if one is given. A split BTF stands
/// on `base`, or else on the distilled base that the file brings along; with both, it is first moved from that onto
/// `base`, as the kernel does when it loads a module.
///
/// # Errors
///
/// Damaged BTF, split BTF without its base, a distilled base that does not fit `base`, no type of that name, or a
/// failure of `out`.
pub fn dump(
    file: &BtfFile,
    base: Option<&BtfFile>,
    format: Format,
    name: Option<&str>,
    out: &mut impl Write,
) -> Result<()> {
    let request = Request {
        format,
        name,
        pointer_size: file.pointer_size,
    };
    with_types(file, base, |btf| request.print(btf, out))
}

/// Does `work` with the types of `file`, which [`dump`] would print: none refers to what is not there, and all have an
/// index.
pub(crate) fn with_types<T>(
    file: &BtfFile,
    base: Option<&BtfFile>,
    work: impl FnOnce(&Btf<'_>) -> Result<T>,
) -> Result<T> {
    match (base, &file.distilled_base) {
        (None, None) => sound(parse_alone(&file.btf)?, work),
        (Some(base), None) => over(&base.btf, Error::Base, |base| {
            sound(Btf::parse_split(&file.btf, base)?, work)
        }),
        (None, Some(distilled)) => over(distilled, Error::DistilledBase, |base| {
            sound(Btf::parse_split(&file.btf, base)?, work)
        }),
        (Some(base), Some(distilled)) => over(&base.btf, Error::Base, |base| {
            let moved = over(distilled, Error::DistilledBase, |distilled| {
                moved(&file.btf, distilled, base)
            })?;
            sound(Btf::parse_split(&moved, base)?, work)
        }),
    }
}

/// Does `work` with `btf`, if its types refer to what is there.
fn sound<T>(btf: Btf<'_>, work: impl FnOnce(&Btf<'_>) -> Result<T>) -> Result<T> {
    let mut room = vec![0; btf.own_len() as usize];
    let btf = btf.indexed(&mut room);
    references::check(&btf)?;
    work(&btf)
}

/// Does `work` with the base `data`; `damaged` tells what is wrong with it.
fn over<T>(
    data: &[u8],
    damaged: fn(btf_core::Error) -> Error,
    work: impl FnOnce(&Btf<'_>) -> Result<T>,
) -> Result<T> {
    let base = Btf::parse(data).map_err(damaged)?;
    let mut room = vec![0; base.own_len() as usize];
    let base = base.indexed(&mut room);
    references::check(&base).map_err(damaged)?;
    work(&base)
}

/// The split BTF `data`, moved from its distilled base onto `base`.
fn moved(data: &[u8], distilled: &Btf<'_>, base: &Btf<'_>) -> Result<Vec<u8>> {
    let split = Btf::parse_split(data, distilled)?;
    let mut room = vec![0; split.own_len() as usize];
    let split = split.indexed(&mut room);
    references::check(&split)?;
    let mut room = vec![0; Relocation::required_len(&split)];
    let relocation = Relocation::new(&split, base, &mut room).map_err(Error::DistilledBase)?;
    let mut moved = vec![0; data.len()];
    let len = relocation.write(&mut moved)?;
    moved.truncate(len);
    Ok(moved)
}

/// Reads a BTF that needs no base: its names begin with the empty one.
fn parse_alone(data: &[u8]) -> Result<Btf<'_>> {
    let first = Header::parse(data)?.strings.first();
    if first.is_some_and(|&byte| byte != 0) {
        return Err(Error::NoBase);
    }
    Ok(Btf::parse(data)?)
}

/// What is to be printed, and how.
struct Request<'r> {
    format: Format,
    name: Option<&'r str>,
    pointer_size: Option<u32>,
}

impl Request<'_> {
    fn print(&self, btf: &Btf<'_>, out: &mut impl Write) -> Result<()> {
        let types: Vec<_> = btf.types().filter(|ty| self.selects(btf, ty)).collect();
        match (self.format, self.name) {
            (_, Some(name)) if types.is_empty() => Err(Error::NoSuchName(name.to_owned())),
            (Format::Raw, _) => raw::print(btf, &types, out).map_err(Error::Output),
            (Format::Json, _) => json::print(btf, &types, out).map_err(Error::Output),
            (Format::C, None) => c::print(btf, self.pointer_size, out),
            (Format::C, Some(_)) => c::print_named(btf, &types, self.pointer_size, out),
        }
    }

    fn selects(&self, btf: &Btf<'_>, ty: &Type<'_>) -> bool {
        self.name.is_none_or(|name| btf.name(ty) == name.as_bytes())
    }
}
