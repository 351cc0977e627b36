// SPDX-License-Identifier: MIT OR Apache-2.0

//! BTF made word by word, so that it can hold what no compiler puts out.

use btf_core::{Btf, Kind};

const HEADER_WITH_LAYOUT_LEN: u32 = 32;

/// BTF in the making.
#[derive(Clone)]
pub(crate) struct Blob {
    types: Vec<u32>,
    strings: Vec<u8>,
    /// For each kind from 0 on: bytes after the record, bytes of an element.
    pub(crate) layout: Vec<(u8, u8)>,
    first_name: u32,
    next_id: u32,
}

impl Blob {
    pub(crate) fn new() -> Self {
        Self {
            types: Vec::new(),
            strings: vec![0],
            layout: Vec::new(),
            first_name: 0,
            next_id: 1,
        }
    }

    pub(crate) fn split(base: &Btf<'_>) -> Self {
        Self {
            strings: Vec::new(),
            first_name: base.end_name(),
            next_id: base.end_id().0,
            ..Self::new()
        }
    }

    pub(crate) fn name(&mut self, name: &str) -> u32 {
        if name.is_empty() {
            return 0;
        }
        let offset = self.first_name + self.strings.len() as u32;
        self.strings.extend(name.as_bytes());
        self.strings.push(0);
        offset
    }

    /// Adds a record, followed by `words`.
    pub(crate) fn push(
        &mut self,
        kind: Kind,
        name: &str,
        (vlen, flag): (u32, bool),
        size_or_type: u32,
        words: &[u32],
    ) -> u32 {
        let name = self.name(name);
        let info = vlen | u32::from(kind.0) << 24 | u32::from(flag) << 31;
        self.types.extend([name, info, size_or_type]);
        self.types.extend(words);
        self.next_id += 1;
        self.next_id - 1
    }

    /// Adds a record that refers to another one, and has no elements.
    pub(crate) fn refer(&mut self, kind: Kind, name: &str, target: u32) -> u32 {
        self.push(kind, name, (0, false), target, &[])
    }

    /// Adds an INT.
    pub(crate) fn int(&mut self, name: &str, size: u32, encoding: u32) -> u32 {
        let word = (encoding << 24) | (size * 8);
        self.push(Kind::INT, name, (0, false), size, &[word])
    }

    /// Adds an ARRAY.
    pub(crate) fn array(&mut self, element: u32, len: u32) -> u32 {
        self.push(Kind::ARRAY, "", (0, false), 0, &[element, element, len])
    }

    /// Adds a STRUCT or UNION with members of name, type and offset in bits.
    pub(crate) fn composite(
        &mut self,
        kind: Kind,
        name: &str,
        size: u32,
        members: &[(&str, u32, u32)],
    ) -> u32 {
        self.composite_with(kind, name, size, false, members)
    }

    /// As [`Blob::composite`]; with `bitfields`, the offsets have sizes in bits 24–31.
    pub(crate) fn composite_with(
        &mut self,
        kind: Kind,
        name: &str,
        size: u32,
        bitfields: bool,
        members: &[(&str, u32, u32)],
    ) -> u32 {
        let words: Vec<_> = members
            .iter()
            .flat_map(|&(name, ty, offset)| [self.name(name), ty, offset])
            .collect();
        let vlen = members.len() as u32;
        self.push(kind, name, (vlen, bitfields), size, &words)
    }

    /// Adds a FUNC_PROTO.
    pub(crate) fn proto(&mut self, return_type: u32, params: &[(&str, u32)]) -> u32 {
        let words: Vec<_> = params
            .iter()
            .flat_map(|&(name, ty)| [self.name(name), ty])
            .collect();
        let vlen = params.len() as u32;
        self.push(Kind::FUNC_PROTO, "", (vlen, false), return_type, &words)
    }

    /// The id of what comes next.
    pub(crate) fn next_id(&self) -> u32 {
        self.next_id
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let types_len = 4 * self.types.len() as u32;
        let layout_len = 4 * self.layout.len() as u32;
        let mut words = vec![0x0001_eb9f, HEADER_WITH_LAYOUT_LEN];
        words.extend([0, types_len]);
        words.extend([types_len + layout_len, self.strings.len() as u32]);
        words.extend([types_len, layout_len]);
        words.extend(&self.types);
        let layout = self
            .layout
            .iter()
            .map(|&(info, element)| u32::from(info) | u32::from(element) << 8);
        words.extend(layout);
        let mut bytes: Vec<_> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        bytes.extend(&self.strings);
        bytes
    }
}
