// SPDX-License-Identifier: MIT OR Apache-2.0

//! The layout section: how long records are, for kinds that came after this crate.
//!
//! One entry of 4 bytes for each kind, from kind 0 on: bytes that follow every record of the kind, bytes of each
//! of its elements, and flags (`struct btf_layout` of `include/uapi/linux/btf.h`, Linux 7.3).

use crate::bytes::array;
use crate::limits::{KINDS, TYPE_LEN};
use crate::shape;
use crate::Info;

/// Bytes of an entry.
pub(crate) const ENTRY_LEN: usize = 4;
/// Bytes of the section with the kinds that this crate knows.
pub(crate) const SECTION_LEN: usize = ENTRY_LEN * KINDS as usize;
/// Records are made of words, so an entry that breaks them up is not believed (`btf_type_size_unknown` of
/// `tools/lib/bpf/btf.c`).
const WORD: u8 = 4;

/// Bytes of a whole record, by the layout section `layout`; none where it does not know the kind.
#[cold]
pub(crate) fn record_len(layout: &[u8], info: Info) -> Option<usize> {
    let entry = usize::from(info.kind().0).checked_mul(ENTRY_LEN)?;
    let [info_size, element_size, _, _] = array(layout, entry)?;
    if info_size % WORD != 0 || element_size % WORD != 0 {
        return None;
    }
    usize::try_from(info.vlen())
        .ok()?
        .checked_mul(usize::from(element_size))?
        .checked_add(usize::from(info_size))?
        .checked_add(TYPE_LEN)
}

/// The section of a BTF with the kinds that this crate knows, as libbpf of Linux 7.3 writes it (`layouts` of
/// `tools/lib/bpf/btf.c`).
pub(crate) fn section() -> impl Iterator<Item = [u8; ENTRY_LEN]> {
    shape::sizes().map(|(fixed, each)| [fixed, each, 0, 0])
}
