// SPDX-License-Identifier: MIT OR Apache-2.0

//! Writing what comes out: deduplicated, sorted, distilled.

use std::panic::resume_unwind;
use std::thread;

use btf_core::{
    dedup_room, Amended, Btf, ByteOrder, Dialect, Distillation, Error as BtfError, ErrorKind,
    SortKey, WriteOptions, Writer,
};

use crate::{Error, Result};

/// How the results are written.
#[derive(Clone, Copy)]
pub(super) struct Writing {
    pub(super) layout: bool,
    pub(super) long_header: bool,
    pub(super) order: ByteOrder,
    /// At most so many names there are.
    pub(super) names: usize,
    /// Bytes to begin with.
    pub(super) len: usize,
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

    /// With of equal types a single one. Sorting takes a quarter as long as the rest, and needs nothing of it: another thread
    /// does it meanwhile.
    pub(super) fn deduplicated(
        &self,
        amended: &Amended<'_>,
        base: Option<&Btf<'_>>,
        sorted: bool,
    ) -> Result<Written> {
        let mut room = vec![0; dedup_room(amended)];
        let keys = if sorted { 2 * amended.own_len() } else { 0 };
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
        let mut order = vec![SortKey::default(); 2 * types];
        self.write(base, |writer| {
            writer.push_names(btf);
            writer.push_sorted(btf, &mut room, &mut order)
        })
    }

    /// What `btf`, which is split from `base`, becomes with a base of its own, sorted; and that base.
    pub(super) fn distilled(
        &self,
        btf: &[u8],
        base: Option<&Btf<'_>>,
    ) -> Result<(Written, Vec<u8>)> {
        let btf = match base {
            Some(base) => Btf::parse_split(btf, base)?,
            None => Btf::parse(btf)?,
        };
        let mut room = vec![0; Distillation::room(&btf)];
        let distillation = Distillation::of(&btf, &mut room)?;
        let new = self.without_layout();
        let base = new
            .write(None, |writer| distillation.push_base(writer))?
            .bytes;
        let parsed = Btf::parse(&base)?;
        let mut names = vec![0; 2 * parsed.names_len()];
        let parsed = parsed.names_indexed(&mut names);
        let split = new.write(Some(&parsed), |writer| distillation.push_split(writer))?;
        let sorted = new.sorted(&Btf::parse_split(&split.bytes, &parsed)?, Some(&parsed))?;
        Ok((sorted, base))
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
pub(super) struct Written {
    pub(super) bytes: Vec<u8>,
    pub(super) types: u32,
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
