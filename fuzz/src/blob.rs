// SPDX-License-Identifier: MIT OR Apache-2.0

//! BTF put together word by word, so that it may also be wrong.

use btf_core::{ByteOrder, Kind};

/// A word of a record.
#[derive(Clone, Copy, Debug)]
pub enum Word {
    /// A number, or the id of a type of the base.
    Plain(u32),
    /// The id of the own record of this number, counted from 0. It moves with the record.
    Own(usize),
}

/// `void`.
pub const VOID: Word = Word::Plain(0);

/// A type record and what follows it.
#[derive(Clone, Debug)]
pub struct Record {
    pub kind: Kind,
    pub name: u32,
    pub kind_flag: bool,
    pub vlen: u32,
    pub size_or_type: Word,
    pub tail: Vec<Word>,
    /// The bytes that a value of the type has, if there are values of it.
    pub size: Option<u32>,
}

impl Record {
    pub fn new(kind: Kind, name: u32, size_or_type: Word) -> Self {
        Self {
            kind,
            name,
            kind_flag: false,
            vlen: 0,
            size_or_type,
            tail: Vec::new(),
            size: None,
        }
    }

    /// This record with elements of `words` words each.
    pub fn with(mut self, words: usize, tail: Vec<Word>) -> Self {
        self.vlen = (tail.len() / words) as u32;
        self.tail = tail;
        self
    }

    /// This record, of whose type values have `size` bytes.
    pub fn sized(mut self, size: Option<u32>) -> Self {
        self.size = size;
        self
    }

    /// This record with another count of elements than it has.
    pub fn vlen(mut self, vlen: u32) -> Self {
        self.vlen = vlen;
        self
    }

    fn info(&self) -> u32 {
        self.vlen | u32::from(self.kind.0 & 0x7f) << 24 | u32::from(self.kind_flag) << 31
    }
}

/// How header and sections are laid out.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub header_len: u32,
    pub strings_first: bool,
    pub layout: bool,
    /// Bytes between the header and the sections.
    pub gap: u32,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            header_len: 24,
            strings_first: false,
            layout: false,
            gap: 0,
        }
    }
}

/// A BTF, alone or over a base.
#[derive(Clone, Debug)]
pub struct Blob {
    pub first_id: u32,
    first_name: u32,
    pub records: Vec<Record>,
    strings: Vec<u8>,
    shape: Shape,
}

impl Default for Blob {
    fn default() -> Self {
        Self {
            first_id: 1,
            first_name: 0,
            records: Vec::new(),
            strings: vec![0],
            shape: Shape::default(),
        }
    }
}

impl Blob {
    /// A split BTF over `base`.
    pub fn over(base: &Blob) -> Self {
        Self {
            first_id: base.first_id + base.records.len() as u32,
            first_name: base.first_name + base.strings.len() as u32,
            strings: Vec::new(),
            ..Self::default()
        }
    }

    /// The offset of `name`, which is taken up if it is new.
    pub fn name(&mut self, name: &[u8]) -> u32 {
        if name.is_empty() {
            return 0;
        }
        let mut own = 0;
        for known in self.strings.split_inclusive(|&byte| byte == 0) {
            if known.strip_suffix(&[0]) == Some(name) {
                return self.first_name + own;
            }
            own += known.len() as u32;
        }
        self.name_again(name)
    }

    /// A new offset of `name`, wherever else it is.
    pub fn name_again(&mut self, name: &[u8]) -> u32 {
        let own = self.strings.len() as u32;
        self.strings.extend(name);
        self.strings.push(0);
        self.first_name + own
    }

    /// Lays the blob out as `shape` says. Types that follow the strings are aligned.
    pub fn set_shape(&mut self, shape: Shape) {
        self.shape = shape;
        if shape.strings_first {
            self.strings
                .resize(self.strings.len().next_multiple_of(4), 0);
        }
    }

    pub fn push(&mut self, record: Record) -> Word {
        self.records.push(record);
        Word::Own(self.records.len() - 1)
    }

    fn id(&self, word: Word) -> u32 {
        match word {
            Word::Plain(number) => number,
            Word::Own(place) => self.first_id.saturating_add(place as u32),
        }
    }

    /// Puts the records into another order; `order` has the old place of each.
    pub fn reorder(&mut self, order: &[usize]) {
        let mut new_place = vec![0; order.len()];
        for (new, &old) in order.iter().enumerate() {
            new_place[old] = new;
        }
        let mut records: Vec<_> = order.iter().map(|&old| self.records[old].clone()).collect();
        for record in &mut records {
            for word in [&mut record.size_or_type]
                .into_iter()
                .chain(&mut record.tail)
            {
                if let Word::Own(place) = word {
                    *place = new_place.get(*place).copied().unwrap_or(*place);
                }
            }
        }
        self.records = records;
    }

    /// Puts the records into the order of their names, anonymous ones first.
    pub fn sort(&mut self) {
        let mut order: Vec<_> = (0..self.records.len()).collect();
        order.sort_by_key(|&place| self.name_at(self.records[place].name));
        self.reorder(&order);
    }

    pub fn name_at(&self, offset: u32) -> &[u8] {
        let own = offset.checked_sub(self.first_name).map(|own| own as usize);
        let rest = own
            .and_then(|own| self.strings.get(own..))
            .unwrap_or_default();
        rest.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    /// The words of the type section.
    pub fn type_words(&self) -> Vec<u32> {
        let mut words = Vec::new();
        for record in &self.records {
            words.extend([record.name, record.info(), self.id(record.size_or_type)]);
            words.extend(record.tail.iter().map(|word| self.id(*word)));
        }
        words
    }

    /// The words of the header after the first; some may be beyond its length.
    pub fn header_words(&self, type_words: usize) -> Vec<u32> {
        let shape = &self.shape;
        let (types, strings) = (type_words as u32 * 4, self.strings.len() as u32);
        let layout = if shape.layout {
            LAYOUT.len() as u32 * 4
        } else {
            0
        };
        // The layout stands before both, where it is aligned.
        let start = shape.gap + layout;
        let (type_offset, string_offset) = match shape.strings_first {
            true => (start + strings, start),
            false => (start, start + types),
        };
        let layout_offset = if shape.layout { shape.gap } else { 0 };
        let known = [
            shape.header_len,
            type_offset,
            types,
            string_offset,
            strings,
            layout_offset,
            layout,
        ];
        let len = (shape.header_len as usize / 4).max(1) - 1;
        known
            .into_iter()
            .chain(std::iter::repeat(0))
            .take(len)
            .collect()
    }

    /// The blob in the machine's byte order.
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes_in(ByteOrder::NATIVE)
    }

    pub fn bytes_in(&self, order: ByteOrder) -> Vec<u8> {
        let types = self.type_words();
        self.bytes_of(&self.header_words(types.len()), &types, order)
    }

    /// The blob with other words than its own.
    pub fn bytes_of(&self, header: &[u32], types: &[u32], order: ByteOrder) -> Vec<u8> {
        let words = |words: &[u32]| -> Vec<u8> {
            let bytes = words.iter().flat_map(|word| match order {
                ByteOrder::Little => word.to_le_bytes(),
                ByteOrder::Big => word.to_be_bytes(),
            });
            bytes.collect()
        };
        let magic = match order {
            ByteOrder::Little => [0x9f, 0xeb],
            ByteOrder::Big => [0xeb, 0x9f],
        };
        let mut bytes = [magic, [1, 0]].concat();
        bytes.extend(words(header));
        bytes.extend(vec![0; self.shape.gap as usize]);
        if self.shape.layout {
            bytes.extend(LAYOUT.as_flattened());
        }
        let (types, strings) = (words(types), self.strings.clone());
        let (first, second) = match self.shape.strings_first {
            true => (strings, types),
            false => (types, strings),
        };
        bytes.extend(first);
        bytes.extend(second);
        bytes
    }
}

/// The layout of all kinds, and of one that is not known.
pub const LAYOUT: [[u8; 4]; 21] = [
    [0, 0, 0, 0],
    [4, 0, 0, 0],
    [0, 0, 0, 0],
    [12, 0, 0, 0],
    [0, 12, 0, 0],
    [0, 12, 0, 0],
    [0, 8, 0, 0],
    [0, 0, 0, 0],
    [0, 0, 0, 0],
    [0, 0, 0, 0],
    [0, 0, 0, 0],
    [0, 0, 0, 0],
    [0, 0, 0, 0],
    [0, 8, 0, 0],
    [4, 0, 0, 0],
    [0, 12, 0, 0],
    [0, 0, 0, 0],
    [4, 0, 0, 0],
    [0, 0, 0, 0],
    [0, 12, 0, 0],
    [4, 8, 0, 0],
];
