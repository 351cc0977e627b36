// SPDX-License-Identifier: MIT OR Apache-2.0

//! The definitions of one name, for people.

use std::io::Write;

use btf_core::{Btf, Kind, Type, TypeId};

use super::names::Names;
use super::placed;
use super::printer::Printer;
use crate::dump::words;
use crate::{Error, Result};

/// Prints the definitions of `types`.
pub(in crate::dump) fn print(
    btf: &Btf<'_>,
    types: &[Type<'_>],
    pointer_size: Option<u32>,
    out: &mut impl Write,
) -> Result<()> {
    let mut printer = Printer::new(btf, pointer_size);
    let mut before = "";
    for ty in types {
        printer.put(before);
        before = "\n";
        placed(btf, define(&mut printer, ty))?;
        // They are not meant for one compilation.
        printer.names = Names::new(btf);
        out.write_all(&printer.take()).map_err(Error::Output)?;
    }
    Ok(())
}

fn define<'a>(
    printer: &mut Printer<'_, 'a>,
    ty: &Type<'a>,
) -> std::result::Result<(), btf_core::Error> {
    let name = printer.btf.name(ty);
    let target = ty.target().unwrap_or(TypeId::VOID);
    match ty.kind() {
        Kind::STRUCT | Kind::UNION => printer.composite_definition(ty, 0)?,
        Kind::ENUM | Kind::ENUM64 => printer.enum_definition(ty, 0)?,
        Kind::FWD => printer.tag(ty),
        Kind::TYPEDEF => printer.typedef_definition(ty)?,
        Kind::FUNC | Kind::VAR => {
            printer.put(linkage(ty));
            printer.declaration(target, name, 0)?;
        }
        _ => return remark(printer, ty),
    }
    printer.put(";\n");
    Ok(())
}

fn linkage(ty: &Type<'_>) -> &'static str {
    match ty.linkage() {
        Some(0) => "static ",
        Some(2) => "extern ",
        _ => "",
    }
}

/// What C has no words for.
fn remark<'a>(
    printer: &mut Printer<'_, 'a>,
    ty: &Type<'a>,
) -> std::result::Result<(), btf_core::Error> {
    printer.put(&format!("/* {} ", words::kind(ty.kind())));
    printer.put_bytes(printer.btf.name(ty));
    if let Some(size) = ty.size() {
        printer.put(&format!(": {size} bytes"));
    }
    if let Some(int) = ty.int() {
        let encoding = words::int_encoding(int.encoding);
        printer.put(&format!(", {} bits, {encoding}", int.bits));
    }
    if let Some(target) = ty.target() {
        printer.put(" on ");
        match printer.btf.get(target) {
            Some(func) if matches!(func.kind(), Kind::FUNC | Kind::VAR) => {
                printer.put_bytes(printer.btf.name(&func));
            }
            _ => printer.declaration(target, b"", 0)?,
        }
    }
    for variable in ty.variables() {
        printer.put(&format!("\n * {}: ", variable.offset));
        let var = printer.btf.get(variable.var);
        let target = var.and_then(|var| var.target());
        let name = var.map_or(b"".as_slice(), |var| printer.btf.name(&var));
        printer.declaration(target.unwrap_or(TypeId::VOID), name, 0)?;
    }
    printer.put(" */\n");
    Ok(())
}
