// SPDX-License-Identifier: MIT OR Apache-2.0

//! Deduplicating: whatever the types say, it ends, and what it leaves can be read and deduplicated again.

use btf_core::{dedup_room, Amended, Btf, Dialect, ErrorKind, SortKey, WriteOptions, Writer};

use crate::{input, kernel};

pub fn check(data: &[u8]) {
    let input = input(data);
    if let Ok(btf) = Btf::parse(&input.blob) {
        check_btf(&btf, None);
    }
    let base = input.base.as_deref().map_or(Ok(kernel()), Btf::parse);
    let Ok(base) = base else { return };
    if let Ok(btf) = Btf::parse_split(&input.blob, &base) {
        check_btf(&btf, Some(&base));
    }
}

fn check_btf(btf: &Btf<'_>, base: Option<&Btf<'_>>) {
    let Ok(kept) = deduplicated(btf, base, false) else {
        return;
    };
    let Ok(sorted) = deduplicated(btf, base, true) else {
        panic!("sorted, it is refused");
    };
    let (kept, sorted) = (read(&kept, base), read(&sorted, base));
    assert!(kept.own_len() <= btf.own_len());
    assert_eq!(kept.own_len(), sorted.own_len());
    let mut room = vec![0; sorted.own_len() as usize];
    assert!(sorted.indexed(&mut room).is_sorted() || sorted.own_len() == 0);
    for ty in kept.types() {
        assert!(ty.target().is_none_or(|id| id < kept.end_id()));
    }
    // What is there once stays, but a later run may find more.
    let again = deduplicated(&kept, base, false).unwrap();
    assert!(read(&again, base).own_len() <= kept.own_len());
}

/// Without what is there twice, written into as much room as is asked for.
fn deduplicated(btf: &Btf<'_>, base: Option<&Btf<'_>>, sorted: bool) -> Result<Vec<u8>, ErrorKind> {
    let mut nothing = [0; 64];
    let added = WriteOptions {
        base: Some(btf),
        ..WriteOptions::default()
    };
    let added = Writer::with(&mut nothing, added).finish().unwrap();
    let added = Btf::parse_split(added, btf).unwrap();
    let amended = Amended::new(&added, &[]).unwrap();
    let mut room = vec![0xdead_beef; dedup_room(&amended)];
    let mut keys = vec![SortKey::default(); 2 * btf.own_len() as usize];
    let order = sorted.then(|| amended.sorted_by_name(&mut keys).unwrap());
    let mut out = Vec::new();
    loop {
        let options = WriteOptions {
            base,
            byte_order: btf.byte_order(),
            dialect: Dialect::Vlen24,
            ..WriteOptions::default()
        };
        let mut writer = Writer::with(&mut out, options);
        let deduplicated = writer.deduplicate(&amended, &mut room);
        let pushed = deduplicated.and_then(|deduplicated| deduplicated.push(order));
        pushed.map_err(|error| error.kind)?;
        match writer.finish().map(<[u8]>::len) {
            Ok(len) => {
                out.truncate(len);
                return Ok(out);
            }
            Err(error) => match error.kind {
                ErrorKind::BufferTooSmall { need } if need > out.len() => out.resize(need, 0xa5),
                kind => return Err(kind),
            },
        }
    }
}

fn read<'a>(data: &'a [u8], base: Option<&'a Btf<'a>>) -> Btf<'a> {
    let btf = match base {
        Some(base) => Btf::parse_split(data, base),
        None => Btf::parse(data),
    };
    btf.unwrap()
}
