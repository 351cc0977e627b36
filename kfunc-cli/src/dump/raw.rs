// SPDX-License-Identifier: MIT OR Apache-2.0

//! The format `raw`: byte for byte what `bpftool btf dump file FILE format raw` prints.

use std::io::{Result, Write};

use btf_core::{Btf, Kind, Type, TypeId};

use super::words;

/// Prints `types`: a line for each record, and one for each element.
pub(super) fn print(btf: &Btf<'_>, types: &[Type<'_>], out: &mut impl Write) -> Result<()> {
    types.iter().try_for_each(|ty| print_type(btf, ty, out))
}

fn print_type(btf: &Btf<'_>, ty: &Type<'_>, out: &mut impl Write) -> Result<()> {
    write!(out, "[{}] {} '", ty.id().0, words::kind(ty.kind()))?;
    out.write_all(words::name(btf, ty.name_offset()))?;
    out.write_all(b"'")?;
    print_record(ty, out)?;
    print_named_elements(btf, ty, out)?;
    print_variables(btf, ty, out)?;
    out.write_all(b"\n")
}

fn print_record(ty: &Type<'_>, out: &mut impl Write) -> Result<()> {
    let size = ty.size().unwrap_or_default();
    let target = ty.target().unwrap_or(TypeId::VOID).0;
    let vlen = ty.info().vlen();
    match ty.kind() {
        Kind::INT => ty.int().map_or(Ok(()), |int| {
            write!(
                out,
                " size={size} bits_offset={} nr_bits={} encoding={}",
                int.offset,
                int.bits,
                words::int_encoding(int.encoding)
            )
        }),
        Kind::ARRAY => ty.array().map_or(Ok(()), |array| {
            write!(
                out,
                " type_id={} index_type_id={} nr_elems={}",
                array.element.0, array.index.0, array.len
            )
        }),
        Kind::STRUCT | Kind::UNION | Kind::DATASEC => write!(out, " size={size} vlen={vlen}"),
        Kind::ENUM | Kind::ENUM64 => {
            let encoding = words::enum_encoding(ty.info());
            write!(out, " encoding={encoding} size={size} vlen={vlen}")
        }
        Kind::FWD => write!(out, " fwd_kind={}", words::fwd_kind(ty.info())),
        Kind::FUNC => write!(out, " type_id={target} linkage={}", words::linkage(ty)),
        Kind::FUNC_PROTO => write!(out, " ret_type_id={target} vlen={vlen}"),
        Kind::VAR => write!(out, " type_id={target}, linkage={}", words::linkage(ty)),
        Kind::FLOAT => write!(out, " size={size}"),
        Kind::DECL_TAG => {
            let component = ty.component().unwrap_or_default();
            write!(out, " type_id={target} component_idx={component}")
        }
        Kind::PTR
        | Kind::TYPEDEF
        | Kind::VOLATILE
        | Kind::CONST
        | Kind::RESTRICT
        | Kind::TYPE_TAG => write!(out, " type_id={target}"),
        _ => Ok(()),
    }
}

fn print_named_elements(btf: &Btf<'_>, ty: &Type<'_>, out: &mut impl Write) -> Result<()> {
    for member in ty.members() {
        print_name(btf, member.name, out)?;
        write!(
            out,
            " type_id={} bits_offset={}",
            member.ty.0, member.bit_offset
        )?;
        if member.bitfield_size != 0 {
            write!(out, " bitfield_size={}", member.bitfield_size)?;
        }
    }
    for enumerator in ty.enumerators() {
        let suffix = match (ty.kind(), ty.info().kind_flag()) {
            (Kind::ENUM64, true) => "LL",
            (Kind::ENUM64, false) => "ULL",
            _ => "",
        };
        print_name(btf, enumerator.name, out)?;
        write!(out, " val={}{suffix}", enumerator.value)?;
    }
    for param in ty.params() {
        print_name(btf, param.name, out)?;
        write!(out, " type_id={}", param.ty.0)?;
    }
    Ok(())
}

fn print_name(btf: &Btf<'_>, name: u32, out: &mut impl Write) -> Result<()> {
    out.write_all(b"\n\t'")?;
    out.write_all(words::name(btf, name))?;
    out.write_all(b"'")
}

fn print_variables(btf: &Btf<'_>, ty: &Type<'_>, out: &mut impl Write) -> Result<()> {
    for variable in ty.variables() {
        let (id, offset, size) = (variable.var.0, variable.offset, variable.size);
        write!(out, "\n\ttype_id={id} offset={offset} size={size}")?;
        let (kind, name) = match btf.get(variable.var) {
            Some(var) => (words::kind(var.kind()), words::name(btf, var.name_offset())),
            // `void`
            None => (words::kind(Kind(0)), words::name(btf, 0)),
        };
        write!(out, " ({kind} '")?;
        out.write_all(name)?;
        out.write_all(b"')")?;
    }
    Ok(())
}
