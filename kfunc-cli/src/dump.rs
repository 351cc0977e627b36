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
mod references;
mod words;

use std::io::Write;

use btf_core::{Btf, Header, Type};

use crate::{BtfFile, Error, Result};

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
/// on `base`, or on the distilled base that the file brings along.
///
/// # Errors
///
/// Damaged BTF, split BTF without its base or with two, no type of that name, or a failure of `out`.
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
    let base = match (base, &file.distilled_base) {
        (Some(_), Some(_)) => return Err(Error::TwoBases),
        (Some(base), None) => &base.btf,
        (None, Some(distilled)) => distilled,
        (None, None) => return request.print(&parse_alone(&file.btf)?, out),
    };
    let base = Btf::parse(base).map_err(Error::Base)?;
    let mut room = vec![0; base.own_len() as usize];
    let base = base.indexed(&mut room);
    references::check(&base).map_err(Error::Base)?;
    request.print(&Btf::parse_split(&file.btf, &base)?, out)
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
        let mut room = vec![0; btf.own_len() as usize];
        let btf = btf.indexed(&mut room);
        references::check(&btf)?;
        let types: Vec<_> = btf.types().filter(|ty| self.selects(&btf, ty)).collect();
        match (self.format, self.name) {
            (_, Some(name)) if types.is_empty() => Err(Error::NoSuchName(name.to_owned())),
            (Format::Raw, _) => raw::print(&btf, &types, out).map_err(Error::Output),
            (Format::Json, _) => json::print(&btf, &types, out).map_err(Error::Output),
            (Format::C, None) => c::print(&btf, self.pointer_size, out),
            (Format::C, Some(_)) => c::print_named(&btf, &types, self.pointer_size, out),
        }
    }

    fn selects(&self, btf: &Btf<'_>, ty: &Type<'_>) -> bool {
        self.name.is_none_or(|name| btf.name(ty) == name.as_bytes())
    }
}
