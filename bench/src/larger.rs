// SPDX-License-Identifier: MIT OR Apache-2.0

//! A BTF several times as large, for seeing how cost grows: copies of all types under names of their own, sorted if the
//! original is.

use anyhow::{bail, ensure, Context, Result};
use btf_core::{Btf, Header, Info, Kind};

/// Bytes of the header without a layout section.
const HEADER_LEN: u32 = 24;

/// One record, copied.
struct Copied<'a> {
    name: Vec<u8>,
    copy: usize,
    id: usize,
    words: &'a [u32],
}

/// `copies` times the types of `data`. The first copy keeps its names.
pub(crate) fn build(data: &[u8], copies: usize) -> Result<Vec<u8>> {
    let btf = Btf::parse(data)?;
    let header = Header::parse(data)?;
    let words: Vec<u32> = header.types.chunks_exact(4).map(word).collect();
    let records = split(&words)?;
    let own = records.len();
    let mut all = Vec::with_capacity(own * copies);
    for copy in 0..copies {
        all.extend(records.iter().enumerate().map(|(place, words)| Copied {
            name: name_of_copy(btf.name_at(words[0]), copy),
            copy,
            id: place + 1,
            words,
        }));
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));

    let mut new_ids = vec![0; own * copies + 1];
    for (new_id, record) in (1..).zip(&all) {
        new_ids[record.copy * own + record.id] = new_id;
    }
    let mut strings = header.strings.to_vec();
    let mut types = Vec::with_capacity(words.len() * copies);
    for record in &all {
        let start = types.len();
        types.extend_from_slice(record.words);
        if record.copy > 0 && !record.name.is_empty() {
            types[start] = u32::try_from(strings.len())?;
            strings.extend_from_slice(&record.name);
            strings.push(0);
        }
        for place in references(record.words) {
            let id = &mut types[start + place];
            if *id != 0 {
                *id = new_ids[record.copy * own + *id as usize];
            }
        }
    }
    join(&types, &strings)
}

fn word(bytes: &[u8]) -> u32 {
    bytes.try_into().map_or(0, u32::from_ne_bytes)
}

/// No character of a name sorts before the dot, so that a copy comes right after its original.
fn name_of_copy(name: &[u8], copy: usize) -> Vec<u8> {
    let mut name = name.to_vec();
    if copy > 0 && !name.is_empty() {
        name.extend_from_slice(format!(".{copy}").as_bytes());
    }
    name
}

/// The records of a type section, each with what follows it.
fn split(mut words: &[u32]) -> Result<Vec<&[u32]>> {
    let mut records = Vec::new();
    while !words.is_empty() {
        let info = Info(*words.get(1).context("a record is cut off")?);
        let vlen = info.vlen() as usize;
        let len = 3 + match info.kind() {
            Kind::INT | Kind::VAR | Kind::DECL_TAG => 1,
            Kind::ARRAY => 3,
            Kind::ENUM | Kind::FUNC_PROTO => 2 * vlen,
            Kind::STRUCT | Kind::UNION | Kind::ENUM64 | Kind::DATASEC => 3 * vlen,
            kind if kind.name().is_some() => 0,
            kind => bail!("{kind} is not known here"),
        };
        ensure!(len <= words.len(), "a record is cut off");
        let (record, rest) = words.split_at(len);
        records.push(record);
        words = rest;
    }
    Ok(records)
}

/// Where a record has type ids.
fn references(words: &[u32]) -> Vec<usize> {
    let elements = |first: usize, len| (3 + first..words.len()).step_by(len).collect();
    match Info(words[1]).kind() {
        Kind::INT | Kind::ENUM | Kind::ENUM64 | Kind::FWD | Kind::FLOAT => Vec::new(),
        Kind::ARRAY => vec![3, 4],
        Kind::STRUCT | Kind::UNION => elements(1, 3),
        Kind::DATASEC => elements(0, 3),
        Kind::FUNC_PROTO => std::iter::once(2)
            .chain((4..words.len()).step_by(2))
            .collect(),
        _ => vec![2],
    }
}

fn join(types: &[u32], strings: &[u8]) -> Result<Vec<u8>> {
    let types_len = u32::try_from(size_of_val(types))?;
    let strings_len = u32::try_from(strings.len())?;
    let mut data = 0xeb9f_u16.to_ne_bytes().to_vec();
    data.extend_from_slice(&[1, 0]);
    for word in [HEADER_LEN, 0, types_len, types_len, strings_len]
        .iter()
        .chain(types)
    {
        data.extend_from_slice(&word.to_ne_bytes());
    }
    data.extend_from_slice(strings);
    Ok(data)
}
