// SPDX-License-Identifier: MIT OR Apache-2.0

//! BTF that is almost right, from a fuzzer's bytes.
//!
//! Records are made so that the kernel would take them: references lead to types that fit, members lie one behind the
//! other, names are of the right form. One choice in a few is a wild one, and at the end some words may be overwritten.
//! Without that, nothing would come past the checks of single records.

use arbitrary::Unstructured;
use btf_core::{ByteOrder, Kind};

use crate::blob::{Blob, Record, Shape, Word, VOID};

/// Names of structs and of members; few, so that they meet.
const STRUCTS: [&[u8]; 4] = [b"a", b"b", b"c", b"task_struct"];
const MEMBERS: [&[u8]; 4] = [b"m", b"n", b"o", b""];
/// Names for everything, good and bad ones.
const NAMES: [&[u8]; 16] = [
    b"a",
    b"b",
    b"c",
    b"m",
    b"x.y",
    b"int",
    b".data",
    b"bpf_spin_lock",
    b"bpf_list_node",
    b"cgroup",
    b"bpf_task_release_dtor",
    b"kptr",
    b"\xe9t\xe9",
    b"1st",
    b"two words",
    b"",
];
const TAGS: [&[u8]; 8] = [
    b"kptr",
    b"kptr",
    b"kptr_untrusted",
    b"percpu_kptr",
    b"uptr",
    b"user",
    b"rcu",
    b"",
];
/// The kernel's structs that are special fields, and their sizes.
const SPECIAL: [(&[u8], u32); 7] = [
    (b"bpf_spin_lock", 4),
    (b"bpf_res_spin_lock", 4),
    (b"bpf_refcount", 4),
    (b"bpf_list_head", 16),
    (b"bpf_rb_root", 16),
    (b"bpf_list_node", 24),
    (b"bpf_rb_node", 32),
];
const MODIFIERS: [Kind; 5] = [
    Kind::CONST,
    Kind::VOLATILE,
    Kind::RESTRICT,
    Kind::TYPEDEF,
    Kind::TYPE_TAG,
];
/// From this on, it is the header that is damaged.
const HEADER_DAMAGE: u8 = 0xe0;
const MAX_RECORDS: usize = 120;

/// A BTF and what it stands on.
#[derive(Debug)]
pub struct Generated {
    pub base: Option<Vec<u8>>,
    pub blob: Vec<u8>,
    /// The same in the other byte order, where it is known.
    pub twin: Option<Vec<u8>>,
}

/// Makes a BTF from `data`. The first bytes say how it is laid out and what is damaged.
pub fn generate(data: &[u8]) -> Generated {
    let mut choices = Choices(Unstructured::new(data));
    let form = choices.byte();
    let damage = choices.byte();
    let order = choices.byte();
    let shape = choices.byte();
    let base = (form & 3 == 3).then(|| {
        let base_len = usize::from(choices.byte() % 32);
        Generator::new(Blob::default(), None, &mut choices).run(base_len)
    });
    let own = base.as_ref().map_or_else(Blob::default, Blob::over);
    let mut blob = Generator::new(own, base.as_ref(), &mut choices).run(MAX_RECORDS);
    match order % 8 {
        5 => blob.reorder(&(0..blob.records.len()).rev().collect::<Vec<_>>()),
        6 => blob.sort(),
        7 => {
            let mut rotated: Vec<_> = (0..blob.records.len()).collect();
            let by = usize::from(order / 8).min(rotated.len());
            rotated.rotate_left(by);
            blob.reorder(&rotated);
        }
        _ => {}
    }
    blob.set_shape(shape_of(shape));
    let mut types = blob.type_words();
    let mut header = blob.header_words(types.len());
    for _ in 0..[0, 0, 0, 0, 0, 1, 1, 3][usize::from(damage % 8)] {
        let words = if damage >= HEADER_DAMAGE {
            &mut header
        } else {
            &mut types
        };
        choices.damage(words);
    }
    let (native, foreign) = match form & 0x80 {
        0 => (ByteOrder::Little, ByteOrder::Big),
        _ => (ByteOrder::Big, ByteOrder::Little),
    };
    Generated {
        base: base.map(|base| base.bytes_in(native)),
        blob: blob.bytes_of(&header, &types, native),
        // Sections that are not where they should be may be of bytes that have no order.
        twin: (damage < HEADER_DAMAGE).then(|| blob.bytes_of(&header, &types, foreign)),
    }
}

/// A module over its distilled base, and the kernel that it is moved onto.
#[derive(Debug)]
pub struct Move {
    pub distilled: Vec<u8>,
    pub kernel: Vec<u8>,
    pub module: Vec<u8>,
}

/// Makes the three from `data`. The kernel has most of what the distilled base asks for.
pub fn generate_move(data: &[u8]) -> Move {
    let mut choices = Choices(Unstructured::new(data));
    let (form, damage) = (choices.byte(), choices.byte());
    let others = usize::from(choices.byte() % 16);
    let asked = usize::from(choices.byte() % 16);
    let mut generator = Generator::new(Blob::default(), None, &mut choices);
    for _ in 0..asked {
        generator.opaque();
    }
    let distilled = generator.blob;
    let mut kernel = Generator::new(Blob::default(), None, &mut choices).run(others);
    for record in &distilled.records {
        let name = distilled.name_at(record.name).to_vec();
        choices.found(&mut kernel, record, &name);
    }
    if form & 1 != 0 {
        kernel.sort();
    }
    let module =
        Generator::new(Blob::over(&distilled), Some(&distilled), &mut choices).run(MAX_RECORDS);
    let order = match form & 0x80 {
        0 => ByteOrder::Little,
        _ => ByteOrder::Big,
    };
    let bytes = |blob: &Blob, choices: &mut Choices<'_>, damaged: bool| {
        let mut types = blob.type_words();
        if damaged {
            choices.damage(&mut types);
        }
        blob.bytes_of(&blob.header_words(types.len()), &types, order)
    };
    Move {
        distilled: bytes(&distilled, &mut choices, damage & 0xf0 == 0x10),
        kernel: bytes(&kernel, &mut choices, damage & 0xf0 == 0x20),
        module: bytes(&module, &mut choices, damage & 0xf0 == 0x30),
    }
}

fn shape_of(choice: u8) -> Shape {
    let usual = Shape::default();
    match choice % 16 {
        8 | 9 => Shape {
            strings_first: true,
            ..usual
        },
        10 => Shape {
            header_len: 32,
            ..usual
        },
        11 | 12 => Shape {
            header_len: 32,
            layout: true,
            ..usual
        },
        13 => Shape {
            header_len: 32,
            layout: true,
            strings_first: true,
            ..usual
        },
        14 => Shape {
            header_len: 24 + u32::from(choice / 16) * 4,
            ..usual
        },
        15 => Shape {
            gap: u32::from(choice / 16),
            ..usual
        },
        _ => usual,
    }
}

/// The fuzzer's bytes; zeros when they are used up.
struct Choices<'u>(Unstructured<'u>);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        self.0.arbitrary().unwrap_or(0)
    }

    fn word(&mut self) -> u32 {
        self.0.arbitrary().unwrap_or(0)
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.byte()) % all.len()]
    }

    /// True once in 16 times.
    fn rarely(&mut self) -> bool {
        self.byte() >= 0xf0
    }

    /// Overwrites one of `words`.
    fn damage(&mut self, words: &mut [u32]) {
        let (place, how) = (
            usize::from(self.byte()) << 8 | usize::from(self.byte()),
            self.byte(),
        );
        let other = words.get(place / 2 % words.len().max(1)).copied();
        let place = place % words.len().max(1);
        let Some(word) = words.get_mut(place) else {
            return;
        };
        *word = match how % 8 {
            0 => 0,
            1 => word.wrapping_add(1),
            2 => word.wrapping_sub(1),
            3 => *word ^ 1 << (how / 8),
            4 => u32::from(how / 8),
            5 => other.unwrap_or(0),
            6 => word.wrapping_mul(8),
            _ => self.word(),
        };
    }
}

impl Choices<'_> {
    /// Adds to `kernel` what `asked`, a record of a distilled base, asks for, or nearly so.
    fn found(&mut self, kernel: &mut Blob, asked: &Record, name: &[u8]) {
        let mut found = asked.clone();
        let choice = self.byte();
        match choice {
            0xc0..=0xcf => return,
            0xd0..=0xd7 => found.kind = self.of(&[Kind::STRUCT, Kind::UNION, Kind::ENUM64]),
            0xd8..=0xdf => found.size_or_type = Word::Plain(u32::from(self.byte())),
            0xe0..=0xe7 => found.kind_flag = !found.kind_flag,
            _ => {}
        }
        found.name = match choice {
            // The same name once more.
            0xf8.. => kernel.name_again(name),
            _ => kernel.name(name),
        };
        if choice >= 0xe8 {
            kernel.push(found.clone());
        }
        kernel.push(found);
    }
}

/// Makes records one by one.
struct Generator<'c, 'u> {
    blob: Blob,
    base: Option<&'c Blob>,
    choices: &'c mut Choices<'u>,
    /// References to whatever comes later: record and word, counted from the word after info, and the choice.
    late: Vec<(usize, usize, u8)>,
}

impl<'c, 'u> Generator<'c, 'u> {
    fn new(blob: Blob, base: Option<&'c Blob>, choices: &'c mut Choices<'u>) -> Self {
        Self {
            blob,
            base,
            choices,
            late: Vec::new(),
        }
    }

    /// Makes up to about `len` records.
    fn run(mut self, len: usize) -> Blob {
        while self.blob.records.len() < len && !self.choices.0.is_empty() {
            self.record();
        }
        let records = self.blob.records.len();
        for (record, word, choice) in self.late {
            // Nothing was pushed for some.
            let Some(record) = self.blob.records.get_mut(record) else {
                continue;
            };
            let word = match word.checked_sub(1) {
                None => Some(&mut record.size_or_type),
                Some(element) => record.tail.get_mut(element),
            };
            if let Some(word) = word {
                *word = Word::Own(usize::from(choice) % records);
            }
        }
        self.blob
    }

    fn record(&mut self) {
        match self.choices.byte() % 32 {
            0 | 1 => self.int(),
            2 | 3 => self.pointer(),
            4 => self.array(),
            5..=7 => self.composite(Kind::STRUCT),
            8 => self.composite(Kind::UNION),
            9 => self.enumeration(Kind::ENUM),
            10 => self.enumeration(Kind::ENUM64),
            11 => self.fwd(),
            12 => self.typedef(),
            13 | 14 => self.modifier(),
            15 => self.chain(),
            16 => self.float(),
            17 | 18 => self.func_proto(),
            19 => self.func(),
            20 => self.var(),
            21 => self.datasec(),
            22 => self.decl_tag(),
            23 => self.contains(),
            24 => self.special(),
            25 => drop(self.kptr()),
            26..=30 => self.owner(),
            _ => self.anything(),
        };
    }

    fn name(&mut self, all: &[&[u8]]) -> u32 {
        if self.choices.rarely() {
            return self.choices.word() % 0x200;
        }
        let name = self.choices.of(all);
        self.blob.name(name)
    }

    /// A type that `fits`, mostly; the last ones are the likeliest to be met. The word is the next one of the record
    /// that is pushed next, in which it has the number `at`.
    fn refer(&mut self, at: usize, fits: impl Fn(&Record) -> bool) -> Word {
        let choice = self.choices.byte();
        match choice {
            0xf8.. => match self.choices.byte() {
                0 => VOID,
                1..=3 => Word::Plain(self.choices.word()),
                other => {
                    self.late.push((self.blob.records.len(), at, other));
                    VOID
                }
            },
            0xe0..=0xf7 if self.base.is_some() => {
                let records = self.base.map_or(&[][..], |base| &base.records);
                nth_fitting(records, choice, fits)
                    .map_or(VOID, |place| Word::Plain(place as u32 + 1))
            }
            _ => nth_fitting(&self.blob.records, choice, fits).map_or(VOID, Word::Own),
        }
    }

    /// As [`Self::refer`]: any type whose values have a size.
    fn value(&mut self, at: usize) -> Word {
        self.refer(at, |ty| ty.size.is_some())
    }

    fn size_of(&self, word: Word) -> Option<u32> {
        match word {
            Word::Own(place) => self.blob.records.get(place)?.size,
            Word::Plain(id) => self.base?.records.get(id.checked_sub(1)? as usize)?.size,
        }
    }

    fn int(&mut self) {
        let choice = self.choices.byte();
        let size = [4, 8, 1, 2, 16, 4, 8, 3][usize::from(choice % 8)];
        let encoding = [1, 0, 4, 2, 0, 1, 0, 3][usize::from(choice / 8 % 8)];
        let mut word = (encoding << 24) | (size * 8);
        if choice >= 0xe0 {
            word ^= self.choices.word();
        }
        let name = self.name(&[b"int", b"a", b""]);
        let record = Record::new(Kind::INT, name, Word::Plain(size));
        self.blob.push(
            record
                .with(1, vec![Word::Plain(word)])
                .sized(Some(size))
                .vlen(0),
        );
    }

    /// A record as a distilled base has them.
    fn opaque(&mut self) {
        let kinds = [
            Kind::STRUCT,
            Kind::STRUCT,
            Kind::UNION,
            Kind::INT,
            Kind::FLOAT,
            Kind::ENUM,
            Kind::FWD,
            Kind::STRUCT,
        ];
        let kind = self.choices.of(&kinds);
        let name = self.name(&NAMES[..12]);
        let size = match kind {
            Kind::FWD => 0,
            _ => [8, 4, 16, 2][usize::from(self.choices.byte() % 4)],
        };
        let mut record = Record::new(kind, name, Word::Plain(size)).sized(Some(size));
        if kind == Kind::INT {
            record = record.with(1, vec![Word::Plain(size * 8)]).vlen(0);
        }
        record.kind_flag = self.choices.rarely();
        self.blob.push(record);
    }

    fn pointer(&mut self) {
        let to = self.refer(0, |ty| ty.kind != Kind::VAR && ty.kind != Kind::FUNC);
        self.blob.push(Record::new(Kind::PTR, 0, to).sized(Some(8)));
    }

    fn array(&mut self) {
        let element = self.value(1);
        let index = self.refer(2, |ty| ty.kind == Kind::INT);
        let len = match self.choices.byte() {
            0xff => self.choices.word(),
            choice => u32::from(choice % 8),
        };
        let size = self.size_of(element).and_then(|size| size.checked_mul(len));
        let tail = vec![element, index, Word::Plain(len)];
        self.blob.push(
            Record::new(Kind::ARRAY, 0, VOID)
                .with(3, tail)
                .sized(size)
                .vlen(0),
        );
    }

    fn composite(&mut self, kind: Kind) {
        let name = self.name(&[&STRUCTS[..], &[b""]].concat());
        let choice = self.choices.byte();
        let bitfields = choice & 0x70 == 0x70;
        let mut tail = Vec::new();
        let mut bits = 0_u32;
        let mut all = 0_u32;
        for _ in 0..choice % 8 {
            let ty = self.value(tail.len() + 2);
            let member = self.name(&MEMBERS);
            let bytes = self.size_of(ty).unwrap_or(0);
            let mut width = 0;
            if bitfields {
                width = u32::from(self.choices.byte() % 33).min(bytes.saturating_mul(8));
            }
            if width == 0 {
                bits = align(bits, bytes.saturating_mul(8).clamp(8, 64));
            }
            if choice & 0x88 == 0x88 {
                bits = bits.saturating_add(u32::from(self.choices.byte() / 16));
            }
            let at = if kind == Kind::UNION { 0 } else { bits };
            tail.extend([Word::Plain(member), ty, Word::Plain(width << 24 | at)]);
            let taken = if width == 0 {
                bytes.saturating_mul(8)
            } else {
                width
            };
            bits = at.saturating_add(taken);
            all = all.max(bits);
        }
        let size = align(all, 8) / 8;
        let mut record = Record::new(kind, name, Word::Plain(size))
            .with(3, tail)
            .sized(Some(size));
        record.kind_flag = bitfields;
        self.blob.push(record);
    }

    fn enumeration(&mut self, kind: Kind) {
        let choice = self.choices.byte();
        let size = [4, 8, 1, 2][usize::from(choice / 8 % 4)];
        let name = self.name(&NAMES);
        let words = if kind == Kind::ENUM { 2 } else { 3 };
        let mut tail = Vec::new();
        for _ in 0..choice % 4 {
            tail.push(Word::Plain(self.name(&NAMES[..4])));
            tail.push(Word::Plain(self.choices.word()));
            tail.extend((words == 3).then_some(Word::Plain(u32::MAX)));
        }
        let mut record = Record::new(kind, name, Word::Plain(size))
            .with(words, tail)
            .sized(Some(size));
        record.kind_flag = choice >= 0x80;
        self.blob.push(record);
    }

    fn fwd(&mut self) {
        let name = self.name(&STRUCTS);
        let mut record = Record::new(Kind::FWD, name, VOID);
        record.kind_flag = self.choices.byte() % 2 == 1;
        self.blob.push(record);
    }

    fn typedef(&mut self) {
        let name = self.name(&NAMES[..12]);
        let to = self.refer(0, is_type);
        let size = self.size_of(to);
        self.blob
            .push(Record::new(Kind::TYPEDEF, name, to).sized(size));
    }

    fn modifier(&mut self) {
        let to = self.refer(0, is_type);
        let kind = self.choices.of(&MODIFIERS);
        self.modify(kind, to);
    }

    fn modify(&mut self, kind: Kind, to: Word) -> Word {
        let name = match kind {
            Kind::TYPEDEF => self.name(&NAMES[..4]),
            Kind::TYPE_TAG => self.name(&TAGS),
            _ => 0,
        };
        let size = self.size_of(to);
        let mut record = Record::new(kind, name, to).sized(size);
        record.kind_flag = kind == Kind::TYPE_TAG && self.choices.rarely();
        self.blob.push(record)
    }

    /// Modifiers on modifiers: the most that a kernel follows are 32.
    fn chain(&mut self) {
        let len = self.choices.byte() % 36;
        let kind = self.choices.of(&MODIFIERS);
        let mut to = self.refer(0, is_type);
        for _ in 0..len {
            to = self.modify(kind, to);
        }
    }

    fn float(&mut self) {
        let size = self.choices.of(&[4, 8, 2, 12, 16, 3]);
        let name = self.name(&NAMES);
        self.blob
            .push(Record::new(Kind::FLOAT, name, Word::Plain(size)).sized(Some(size)));
    }

    fn func_proto(&mut self) {
        let choice = self.choices.byte();
        let result = if choice & 8 == 0 { self.value(0) } else { VOID };
        let mut tail = Vec::new();
        for _ in 0..choice % 6 {
            let ty = self.value(tail.len() + 2);
            let names: &[&[u8]] = if choice & 16 == 0 {
                &MEMBERS[..3]
            } else {
                &MEMBERS
            };
            tail.extend([Word::Plain(self.name(names)), ty]);
        }
        if choice & 32 != 0 {
            tail.extend([VOID, VOID]);
        }
        self.blob
            .push(Record::new(Kind::FUNC_PROTO, 0, result).with(2, tail));
    }

    fn func(&mut self) {
        let name = self.name(&NAMES[..12]);
        let proto = self.refer(0, |ty| ty.kind == Kind::FUNC_PROTO);
        let linkage = match self.choices.byte() {
            0xf8.. => 2,
            choice => u32::from(choice % 2),
        };
        self.blob
            .push(Record::new(Kind::FUNC, name, proto).vlen(linkage));
    }

    fn var(&mut self) {
        let name = self.name(&NAMES[..12]);
        let ty = self.value(0);
        let linkage = u32::from(self.choices.byte()) / 100;
        let record = Record::new(Kind::VAR, name, ty).with(1, vec![Word::Plain(linkage)]);
        self.blob.push(record.vlen(0));
    }

    fn datasec(&mut self) {
        let name = self.name(&NAMES[6..]);
        let mut tail = Vec::new();
        let mut end = 0_u32;
        for _ in 0..self.choices.byte() % 6 {
            let var = self.refer(tail.len() + 1, |ty| ty.kind == Kind::VAR);
            let size = match var {
                Word::Own(place) => self.size_of(self.blob.records[place].size_or_type),
                Word::Plain(_) => None,
            };
            let size = size.unwrap_or(1).max(1);
            tail.extend([var, Word::Plain(end), Word::Plain(size)]);
            end = end.saturating_add(size);
        }
        let slack = u32::from(self.choices.byte()) / 64;
        let size = Word::Plain(end.saturating_add(slack));
        self.blob
            .push(Record::new(Kind::DATASEC, name, size).with(3, tail));
    }

    fn decl_tag(&mut self) {
        let name = self.name(&NAMES[..15]);
        let on = self.refer(0, |ty| {
            matches!(
                ty.kind,
                Kind::STRUCT | Kind::UNION | Kind::FUNC | Kind::VAR | Kind::TYPEDEF
            )
        });
        let component = match self.choices.byte() {
            choice @ 0x80.. => u32::from(choice % 8),
            _ => u32::MAX,
        };
        self.push_decl_tag(name, on, component);
    }

    fn push_decl_tag(&mut self, name: u32, on: Word, component: u32) {
        let mut record =
            Record::new(Kind::DECL_TAG, name, on).with(1, vec![Word::Plain(component)]);
        record.kind_flag = self.choices.rarely();
        self.blob.push(record.vlen(0));
    }

    /// A tag that tells what hangs on a list or tree, on any member.
    fn contains(&mut self) {
        let on = self.refer(0, |ty| ty.kind == Kind::STRUCT);
        let component = u32::from(self.choices.byte() % 8);
        let name = self.contains_name();
        self.push_decl_tag(name, on, component);
    }

    fn contains_name(&mut self) -> u32 {
        let (structure, member) = (self.choices.of(&STRUCTS), self.choices.of(&MEMBERS));
        let mut tag = [b"contains:", structure, b":", member].concat();
        if self.choices.rarely() {
            tag.truncate(usize::from(self.choices.byte() % 20));
        }
        self.blob.name(&tag)
    }

    fn special(&mut self) {
        let (name, size) = self.choices.of(&SPECIAL);
        let off = u32::from(self.choices.rarely());
        let name = self.blob.name(name);
        let record = Record::new(Kind::STRUCT, name, Word::Plain(size + off)).with(3, vec![]);
        self.blob.push(record.sized(Some(size + off)));
    }

    /// The special struct of this number, which is made if there is none.
    fn one_special(&mut self, number: usize) -> Word {
        let (name, size) = SPECIAL[number];
        let name = self.blob.name(name);
        let known = self.blob.records.iter();
        let known = known
            .enumerate()
            .find(|(_, ty)| ty.kind == Kind::STRUCT && ty.name == name);
        match known {
            Some((place, _)) => Word::Own(place),
            None => {
                let record = Record::new(Kind::STRUCT, name, Word::Plain(size));
                self.blob.push(record.sized(Some(size)))
            }
        }
    }

    /// A pointer with a tag.
    fn kptr(&mut self) -> Word {
        let to = self.refer(0, |ty| ty.kind == Kind::STRUCT);
        let mut tagged = self.modify(Kind::TYPE_TAG, to);
        if self.choices.byte() >= 0xe0 {
            let kind = self.choices.of(&MODIFIERS);
            tagged = self.modify(kind, tagged);
        }
        self.blob
            .push(Record::new(Kind::PTR, 0, tagged).sized(Some(8)))
    }

    /// A struct with special fields, and the tags on them.
    fn owner(&mut self) {
        let name = self.name(&STRUCTS);
        let fields = u16::from(self.choices.byte()) << 8 | u16::from(self.choices.byte());
        let mut members = Vec::new();
        for number in 0..SPECIAL.len() {
            if fields & 1 << number != 0 {
                let ty = self.one_special(number);
                members.push(self.arrayed(ty, fields));
            }
        }
        if fields & 0x100 != 0 {
            let ty = self.kptr();
            members.push(self.arrayed(ty, fields));
        }
        for _ in 0..fields >> 9 & 3 {
            let ty = self.value(usize::MAX);
            members.push(ty);
        }
        let mut tail = Vec::new();
        let mut end = 0_u32;
        for &ty in &members {
            let size = self.size_of(ty).unwrap_or(0);
            let at = align(end, size.clamp(1, 8));
            // Nodes have the names that the tags ask for, if the choice is right.
            let member = self.name(&MEMBERS);
            tail.extend([Word::Plain(member), ty, Word::Plain(at.saturating_mul(8))]);
            end = at.saturating_add(size);
        }
        let size = align(end, 8);
        let record = Record::new(Kind::STRUCT, name, Word::Plain(size)).with(3, tail);
        let owner = self.blob.push(record.sized(Some(size)));
        for (place, ty) in members.iter().enumerate() {
            if self.is_root(*ty) {
                let name = self.contains_name();
                self.push_decl_tag(name, owner, place as u32);
            }
        }
    }

    /// Sometimes an array of `ty` in its place.
    fn arrayed(&mut self, ty: Word, fields: u16) -> Word {
        if fields < 0xe000 {
            return ty;
        }
        let len = u32::from(self.choices.byte() % 4);
        let index = self.refer(2, |ty| ty.kind == Kind::INT);
        let size = self.size_of(ty).and_then(|size| size.checked_mul(len));
        let tail = vec![ty, index, Word::Plain(len)];
        self.blob.push(
            Record::new(Kind::ARRAY, 0, VOID)
                .with(3, tail)
                .sized(size)
                .vlen(0),
        )
    }

    /// Whether `ty` is a list head or a tree root, or an array of them.
    fn is_root(&self, ty: Word) -> bool {
        let Word::Own(place) = ty else {
            return false;
        };
        let record = &self.blob.records[place];
        match (record.kind, record.tail.first()) {
            (Kind::ARRAY, Some(element)) => self.is_root(*element),
            (Kind::STRUCT, _) => record.tail.is_empty() && record.size == Some(16),
            _ => false,
        }
    }

    /// A record of any kind, known or not, with any words.
    fn anything(&mut self) {
        let kind = Kind(self.choices.byte() % 24);
        let name = self.name(&NAMES);
        let to = self.refer(0, |_| true);
        let words = usize::from(self.choices.byte() % 8);
        let tail = (0..words)
            .map(|_| Word::Plain(u32::from(self.choices.byte())))
            .collect();
        let vlen = u32::from(self.choices.byte() % 4);
        self.blob
            .push(Record::new(kind, name, to).with(1, tail).vlen(vlen));
    }
}

/// The place of one of the records that fit.
fn nth_fitting(records: &[Record], choice: u8, fits: impl Fn(&Record) -> bool) -> Option<usize> {
    let fitting = || {
        records
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, record)| fits(record))
    };
    let count = fitting().count();
    let nth = usize::from(choice).checked_rem(count)?;
    fitting().nth(nth).map(|(place, _)| place)
}

/// Whether other types may be made of it.
fn is_type(record: &Record) -> bool {
    record.size.is_some() || matches!(record.kind, Kind::FWD | Kind::FUNC_PROTO)
}

fn align(number: u32, to: u32) -> u32 {
    number.checked_next_multiple_of(to).unwrap_or(number)
}
