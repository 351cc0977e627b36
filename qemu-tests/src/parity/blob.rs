// SPDX-License-Identifier: MIT OR Apache-2.0

//! A blob of BTF, right or wrong, put together word by word.

use anyhow::Result;
use btf_core::Kind;

/// Bytes of a header without and with a layout section.
pub(super) const HEADER_LEN: u32 = 24;
pub(super) const HEADER_WITH_LAYOUT_LEN: u32 = 32;

/// The parts of a blob. Nothing holds them together: each can be wrong alone.
#[derive(Clone, Debug)]
pub(super) struct Blob {
    /// How it was made.
    pub(super) what: String,
    /// The words of the header after magic, version and flags.
    pub(super) header: Vec<u32>,
    pub(super) magic: u32,
    pub(super) types: Vec<u32>,
    pub(super) strings: Vec<u8>,
    pub(super) layout: Vec<u8>,
    /// Whether the strings come before the types.
    pub(super) swapped: bool,
    /// Whether the layout comes after the strings.
    pub(super) layout_last: bool,
    /// Bytes to cut off the end.
    pub(super) cut: usize,
    /// Zero bytes to add at the end.
    pub(super) padding: usize,
    next_id: u32,
}

impl Blob {
    /// An empty BTF.
    pub(super) fn new(what: &str) -> Self {
        Self {
            what: what.to_owned(),
            header: Vec::new(),
            magic: 0x0001_eb9f,
            types: Vec::new(),
            strings: vec![0],
            layout: Vec::new(),
            swapped: false,
            layout_last: false,
            cut: 0,
            padding: 0,
            next_id: 1,
        }
    }

    /// The offset of a name, which is added if it is new.
    pub(super) fn name(&mut self, name: &str) -> u32 {
        if name.is_empty() {
            return 0;
        }
        let with_end = [name.as_bytes(), &[0]].concat();
        let found = self
            .strings
            .windows(with_end.len())
            .position(|window| window == with_end);
        let offset = found.unwrap_or_else(|| {
            self.strings.extend_from_slice(&with_end);
            self.strings.len() - with_end.len()
        });
        offset as u32
    }

    /// Adds a record, whose number of elements is told; gives its id.
    pub(super) fn push(
        &mut self,
        kind: Kind,
        name: &str,
        (vlen, kind_flag): (u32, bool),
        size_or_type: u32,
        words: &[u32],
    ) -> u32 {
        let name = self.name(name);
        let info = u32::from(kind.0) << 24 | vlen | u32::from(kind_flag) << 31;
        self.types.extend_from_slice(&[name, info, size_or_type]);
        self.types.extend_from_slice(words);
        self.next_id += 1;
        self.next_id - 1
    }

    /// Number of types, and one.
    pub(super) fn next_id(&self) -> u32 {
        self.next_id
    }

    /// Changes the names and ids in its records, which must be whole.
    pub(super) fn each_reference(&mut self, mut change: impl FnMut(Word, &mut u32)) {
        let mut rest = &mut self.types[..];
        while let [name, info, target, after @ ..] = rest {
            let (has_target, count, element) = references(*info);
            change(Word::Name, name);
            if has_target {
                change(Word::Id, target);
            }
            let (elements, next) = after.split_at_mut(count * element.len());
            for (word, value) in element.iter().cycle().zip(elements) {
                change(*word, value);
            }
            rest = next;
        }
    }

    /// The same on a base that ends at these: its ids and names go on there.
    pub(super) fn over(mut self, end_id: u32, end_name: u32) -> Self {
        self.each_reference(|word, value| match word {
            Word::Id if *value != 0 => *value += end_id - 1,
            Word::Name if *value != 0 => *value += end_name,
            _ => {}
        });
        self.next_id += end_id - 1;
        self
    }

    /// Gives it the header that its sections need.
    pub(super) fn finish(mut self) -> Self {
        let types = self.types.len() as u32 * 4;
        let strings = self.strings.len() as u32;
        self.header = if self.layout.is_empty() {
            vec![HEADER_LEN, 0, types, types, strings]
        } else {
            let layout = self.layout.len() as u32;
            let header_len = HEADER_WITH_LAYOUT_LEN;
            vec![header_len, 0, types, types + layout, strings, types, layout]
        };
        self
    }

    /// The blob's bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let words = |words: &[u32]| -> Vec<u8> {
            words.iter().flat_map(|word| word.to_le_bytes()).collect()
        };
        let (types, strings) = (words(&self.types), self.strings.clone());
        let sections = match (self.swapped, self.layout_last) {
            (true, _) => [strings, types, self.layout.clone()],
            (false, true) => [types, strings, self.layout.clone()],
            (false, false) => [types, self.layout.clone(), strings],
        };
        let mut bytes = words(&[self.magic]);
        bytes.extend(words(&self.header));
        bytes.extend(sections.concat());
        bytes.truncate(bytes.len().saturating_sub(self.cut));
        bytes.resize(bytes.len() + self.padding, 0);
        bytes
    }
}

/// What a word of a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Name,
    Id,
    Other,
}

/// What follows the name and `info` of a record: whether an id, then how many elements of which words.
fn references(info: u32) -> (bool, usize, &'static [Word]) {
    use Word::{Id, Name, Other};
    let vlen = (info & 0x00ff_ffff) as usize;
    match Kind((info >> 24) as u8 & 0x1f) {
        Kind::INT => (false, 1, &[Other]),
        Kind::ARRAY => (false, 1, &[Id, Id, Other]),
        Kind::STRUCT | Kind::UNION => (false, vlen, &[Name, Id, Other]),
        Kind::ENUM => (false, vlen, &[Name, Other]),
        Kind::ENUM64 => (false, vlen, &[Name, Other, Other]),
        Kind::FUNC_PROTO => (true, vlen, &[Name, Id]),
        Kind::VAR | Kind::DECL_TAG => (true, 1, &[Other]),
        Kind::DATASEC => (false, vlen, &[Id, Other, Other]),
        Kind::FWD | Kind::FLOAT => (false, 0, &[]),
        _ => (true, 0, &[]),
    }
}

/// All blobs in one file, as `guest/parity.c` reads them.
pub(super) fn pack<'b>(blobs: impl IntoIterator<Item = &'b [u8]>) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    for bytes in blobs {
        let zeros = bytes.iter().rev().take_while(|&&byte| byte == 0).count();
        let stored = &bytes[..bytes.len() - zeros];
        file.extend_from_slice(&u32::try_from(bytes.len())?.to_le_bytes());
        file.extend_from_slice(&u32::try_from(stored.len())?.to_le_bytes());
        file.extend_from_slice(stored);
    }
    Ok(file)
}
