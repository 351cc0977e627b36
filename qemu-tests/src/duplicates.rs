// SPDX-License-Identifier: MIT OR Apache-2.0

//! BTF in which much is there twice, as two compilation units leave it before pahole deduplicates: for tests.

use std::collections::HashMap;

use anyhow::{Context, Result};
use btf_core::{Btf, Header, Kind, Type, TypeId, WriteOptions, Writer};

/// Of the second unit's named structs and unions, every so many is only declared.
const DECLARED: u32 = 5;
/// Every so many of its named structs and unions is of another size: it, and what refers to it, stays there twice.
const RESIZED: u32 = 97;

/// The BTF `data`, and all of it once more; types of the second unit come in another order.
///
/// # Errors
///
/// Damaged BTF.
pub fn twice(data: &[u8]) -> Result<Vec<u8>> {
    let btf = Btf::parse(data)?;
    let mut room = vec![0; btf.own_len() as usize];
    let btf = btf.indexed(&mut room);
    let mut second: Vec<_> = btf.types().map(|ty| ty.id()).collect();
    second.sort_by_key(|id| id.0.wrapping_mul(0x9e37_79b1).rotate_left(13));
    let ids: HashMap<_, _> = second
        .iter()
        .copied()
        .zip((btf.end_id().0..).map(TypeId))
        .collect();

    let mut out = vec![0; 2 * data.len()];
    let mut name_index = vec![0; 2 * btf.names_len()];
    let mut writer = Writer::with(
        &mut out,
        WriteOptions {
            layout: !Header::parse(data)?.layout.is_empty(),
            name_index: &mut name_index,
            ..WriteOptions::default()
        },
    );
    for ty in btf.types() {
        writer.push_type(&btf, &ty, |id| id)?;
    }
    for id in second {
        let ty = btf.get(id).context("a type is missing")?;
        push_other(&mut writer, &btf, &ty, &ids)?;
    }
    let len = writer.finish()?.len();
    out.truncate(len);
    Ok(out)
}

fn push_other(
    writer: &mut Writer<'_>,
    btf: &Btf<'_>,
    ty: &Type<'_>,
    ids: &HashMap<TypeId, TypeId>,
) -> Result<()> {
    let named = matches!(ty.kind(), Kind::STRUCT | Kind::UNION) && ty.name_offset() != 0;
    if named && ty.id().0 % DECLARED == 0 {
        writer.push_fwd(ty.kind(), btf.name(ty))?;
    } else if named && ty.id().0 % RESIZED == 0 {
        writer.push_opaque(ty.kind(), btf.name(ty), ty.size().unwrap_or(0) + 8)?;
    } else {
        writer.push_type(btf, ty, |id| ids.get(&id).copied().unwrap_or(id))?;
    }
    Ok(())
}
