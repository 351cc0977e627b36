// SPDX-License-Identifier: MIT OR Apache-2.0

//! BTF word by word, sound or not: what the crate's writer would refuse to write.

use std::collections::HashMap;

use btf_core::{At, Kind, Section, TypeId};

/// Bit 31 of an `info` word.
pub(crate) const KIND_FLAG: u32 = 1 << 31;

/// Every kind there is.
pub(crate) const KINDS: [Kind; 19] = [
    Kind::INT,
    Kind::PTR,
    Kind::ARRAY,
    Kind::STRUCT,
    Kind::UNION,
    Kind::ENUM,
    Kind::FWD,
    Kind::TYPEDEF,
    Kind::VOLATILE,
    Kind::CONST,
    Kind::RESTRICT,
    Kind::FUNC,
    Kind::FUNC_PROTO,
    Kind::VAR,
    Kind::DATASEC,
    Kind::FLOAT,
    Kind::DECL_TAG,
    Kind::TYPE_TAG,
    Kind::ENUM64,
];

/// What comes after the header, in the order in which it stands there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Types,
    Strings,
    Layout,
    /// Bytes that belong to nothing.
    Gap(usize),
}

/// Where a rule is broken.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    Header(u32),
    Strings(u32),
    /// Bytes from the start of the record of a type.
    Type(TypeId, u32),
}

impl From<TypeId> for Place {
    fn from(id: TypeId) -> Self {
        Self::Type(id, 0)
    }
}

impl From<(TypeId, u32)> for Place {
    fn from((id, offset): (TypeId, u32)) -> Self {
        Self::Type(id, offset)
    }
}

/// A BTF that is being put together.
pub(crate) struct Blob {
    pub(crate) header_len: u32,
    pub(crate) parts: Vec<Part>,
    pub(crate) layout: Vec<u8>,
    pub(crate) strings: Vec<u8>,
    /// Bytes that are left of the blob.
    pub(crate) len: usize,
    words: Vec<u32>,
    /// The first word of each record.
    records: Vec<usize>,
    names: HashMap<Vec<u8>, u32>,
    patches: Vec<(usize, Vec<u8>)>,
    /// What the BTF stands on: its last id, and the bytes of its names.
    base: (u32, u32),
}

impl Blob {
    pub(crate) fn new() -> Self {
        Self::over(0, 0)
    }

    /// One whose ids go on after `last_id`, and its names after `names` bytes.
    pub(crate) fn over(last_id: u32, names: u32) -> Self {
        Self {
            header_len: 24,
            parts: vec![Part::Types, Part::Strings],
            layout: Vec::new(),
            strings: if names == 0 { vec![0] } else { Vec::new() },
            len: usize::MAX,
            words: Vec::new(),
            records: Vec::new(),
            names: HashMap::from([(Vec::new(), 0)]),
            patches: Vec::new(),
            base: (last_id, names),
        }
    }

    /// The blob as bytes, in the machine's order.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let types: Vec<u8> = self.words.iter().flat_map(|w| w.to_ne_bytes()).collect();
        let mut body = Vec::new();
        let mut header = [0_u32; 8];
        header[0] = u32::from_ne_bytes(header_start());
        header[1] = self.header_len;
        for part in &self.parts {
            let (field, bytes) = match part {
                Part::Types => (2, types.as_slice()),
                Part::Strings => (4, self.strings.as_slice()),
                Part::Layout => (6, self.layout.as_slice()),
                Part::Gap(len) => {
                    body.resize(body.len() + len, 0);
                    continue;
                }
            };
            header[field] = u32::try_from(body.len()).unwrap();
            header[field + 1] = u32::try_from(bytes.len()).unwrap();
            body.extend_from_slice(bytes);
        }
        let mut data: Vec<u8> = header.iter().flat_map(|w| w.to_ne_bytes()).collect();
        data.resize(usize::try_from(self.header_len).unwrap(), 0);
        data.append(&mut body);
        for (at, bytes) in &self.patches {
            data[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        data.truncate(self.len);
        data
    }

    /// `place`, as an error tells it.
    pub(crate) fn at(&self, place: Place) -> At {
        let (section, offset, type_id) = match place {
            Place::Header(offset) => (Section::Header, offset, TypeId::VOID),
            Place::Strings(offset) => (Section::Strings, offset, TypeId::VOID),
            Place::Type(id, offset) => {
                let record = u32::try_from(self.record(id) * 4).unwrap();
                (Section::Types, record + offset, id)
            }
        };
        At {
            section,
            offset,
            type_id,
        }
    }

    fn record(&self, id: TypeId) -> usize {
        let place = id.0 - self.base.0 - 1;
        self.records[usize::try_from(place).unwrap()]
    }

    /// Overwrites bytes of the finished blob.
    pub(crate) fn patch(&mut self, at: u32, bytes: &[u8]) -> Place {
        let place = usize::try_from(at).unwrap();
        self.patches.push((place, bytes.to_vec()));
        Place::Header(at)
    }

    /// Overwrites a word of the finished blob.
    pub(crate) fn patch_word(&mut self, at: u32, word: u32) -> Place {
        self.patch(at, &word.to_ne_bytes())
    }

    /// The offset of `name`, which is added if need be.
    pub(crate) fn name(&mut self, name: impl AsRef<[u8]>) -> u32 {
        let name = name.as_ref();
        let end = self.end_name();
        let new = !self.names.contains_key(name);
        if new {
            self.strings.extend_from_slice(name);
            self.strings.push(0);
        }
        *self.names.entry(name.to_vec()).or_insert(end)
    }

    /// The first offset that is outside of the strings.
    pub(crate) fn end_name(&self) -> u32 {
        self.base.1 + u32::try_from(self.strings.len()).unwrap()
    }

    /// The id that the next record gets.
    pub(crate) fn next(&self) -> TypeId {
        self.ahead(0)
    }

    /// The id of the record that comes after `count` others.
    pub(crate) fn ahead(&self, count: u32) -> TypeId {
        TypeId(self.base.0 + u32::try_from(self.records.len()).unwrap() + 1 + count)
    }

    /// A record: name, info, size or type, and what follows.
    pub(crate) fn raw(&mut self, name: u32, info: u32, word: u32, rest: &[u32]) -> TypeId {
        let id = self.next();
        self.records.push(self.words.len());
        self.words.extend_from_slice(&[name, info, word]);
        self.words.extend_from_slice(rest);
        id
    }

    /// Changes a word of the record of `id`.
    pub(crate) fn set(&mut self, id: TypeId, word: usize, value: u32) -> TypeId {
        let at = self.record(id) + word;
        self.words[at] = value;
        id
    }

    /// Sets bits in the `info` word of `id`.
    pub(crate) fn set_info(&mut self, id: TypeId, bits: u32) -> TypeId {
        let at = self.record(id) + 1;
        self.words[at] |= bits;
        id
    }

    /// Takes words away from the end of the types.
    pub(crate) fn cut(&mut self, words: usize) {
        self.words.truncate(self.words.len() - words);
    }

    fn push(&mut self, name: &str, kind: Kind, vlen: usize, word: u32, rest: &[u32]) -> TypeId {
        let name = self.name(name);
        let vlen = u32::try_from(vlen).unwrap();
        self.raw(name, u32::from(kind.0) << 24 | vlen, word, rest)
    }

    /// `int`, of 4 bytes.
    pub(crate) fn int(&mut self) -> TypeId {
        self.int_of(4, 0x0100_0020)
    }

    /// An INT of `size` bytes, with the word that says the rest.
    pub(crate) fn int_of(&mut self, size: u32, data: u32) -> TypeId {
        self.push("int", Kind::INT, 0, size, &[data])
    }

    /// A PTR, a modifier, or a FUNC with its linkage as `vlen`.
    pub(crate) fn refer(&mut self, kind: Kind, name: &str, vlen: usize, to: TypeId) -> TypeId {
        self.push(name, kind, vlen, to.0, &[])
    }

    pub(crate) fn ptr(&mut self, to: TypeId) -> TypeId {
        self.refer(Kind::PTR, "", 0, to)
    }

    pub(crate) fn constant(&mut self, of: TypeId) -> TypeId {
        self.refer(Kind::CONST, "", 0, of)
    }

    pub(crate) fn volatile(&mut self, of: TypeId) -> TypeId {
        self.refer(Kind::VOLATILE, "", 0, of)
    }

    pub(crate) fn typedef(&mut self, name: &str, of: TypeId) -> TypeId {
        self.refer(Kind::TYPEDEF, name, 0, of)
    }

    pub(crate) fn type_tag(&mut self, name: &str, of: TypeId) -> TypeId {
        self.refer(Kind::TYPE_TAG, name, 0, of)
    }

    pub(crate) fn func(&mut self, name: &str, proto: TypeId) -> TypeId {
        self.refer(Kind::FUNC, name, 0, proto)
    }

    pub(crate) fn fwd(&mut self, name: &str) -> TypeId {
        self.refer(Kind::FWD, name, 0, TypeId::VOID)
    }

    pub(crate) fn array(&mut self, element: TypeId, index: TypeId, len: u32) -> TypeId {
        self.push("", Kind::ARRAY, 0, 0, &[element.0, index.0, len])
    }

    /// A STRUCT; its members with their offsets in bits.
    pub(crate) fn structure(&mut self, name: &str, size: u32, members: &[Member<'_>]) -> TypeId {
        self.composite(Kind::STRUCT, name, size, members)
    }

    pub(crate) fn union(&mut self, name: &str, size: u32, members: &[Member<'_>]) -> TypeId {
        self.composite(Kind::UNION, name, size, members)
    }

    fn composite(&mut self, kind: Kind, name: &str, size: u32, members: &[Member<'_>]) -> TypeId {
        let mut rest = Vec::new();
        for (name, ty, offset) in members {
            rest.extend([self.name(name), ty.0, *offset]);
        }
        self.push(name, kind, members.len(), size, &rest)
    }

    /// A STRUCT whose members have widths; their offsets and widths in bits.
    pub(crate) fn bitfields(&mut self, size: u32, members: &[(TypeId, u32, u32)]) -> TypeId {
        let members: Vec<_> = members
            .iter()
            .map(|(ty, offset, width)| ("m", *ty, offset | width << 24))
            .collect();
        let id = self.structure("bits", size, &members);
        self.set_info(id, KIND_FLAG)
    }

    /// An ENUM of `size` bytes; its enumerators all have the value 0.
    pub(crate) fn enumeration(&mut self, name: &str, size: u32, names: &[&str]) -> TypeId {
        let rest: Vec<u32> = names.iter().flat_map(|n| [self.name(n), 0]).collect();
        self.push(name, Kind::ENUM, names.len(), size, &rest)
    }

    pub(crate) fn enum64(&mut self, name: &str, size: u32, names: &[&str]) -> TypeId {
        let rest: Vec<u32> = names.iter().flat_map(|n| [self.name(n), 0, 0]).collect();
        self.push(name, Kind::ENUM64, names.len(), size, &rest)
    }

    pub(crate) fn proto(&mut self, returned: TypeId, params: &[(&str, TypeId)]) -> TypeId {
        let mut rest = Vec::new();
        for (name, ty) in params {
            rest.extend([self.name(name), ty.0]);
        }
        self.push("", Kind::FUNC_PROTO, params.len(), returned.0, &rest)
    }

    pub(crate) fn var(&mut self, name: &str, ty: TypeId) -> TypeId {
        self.push(name, Kind::VAR, 0, ty.0, &[0])
    }

    /// A DATASEC; its variables with their offsets and sizes in bytes.
    pub(crate) fn datasec(&mut self, name: &str, size: u32, vars: &[(TypeId, u32, u32)]) -> TypeId {
        let rest: Vec<u32> = vars.iter().flat_map(|v| [v.0 .0, v.1, v.2]).collect();
        self.push(name, Kind::DATASEC, vars.len(), size, &rest)
    }

    pub(crate) fn float(&mut self, size: u32) -> TypeId {
        self.push("float", Kind::FLOAT, 0, size, &[])
    }

    pub(crate) fn decl_tag(&mut self, name: &str, on: TypeId, component: i32) -> TypeId {
        let component = u32::from_ne_bytes(component.to_ne_bytes());
        self.push(name, Kind::DECL_TAG, 0, on.0, &[component])
    }

    /// A good record of `kind`, after all that it needs.
    pub(crate) fn sample(&mut self, kind: Kind) -> TypeId {
        let int = self.int();
        match kind {
            Kind::INT => int,
            Kind::ARRAY => self.array(int, int, 1),
            Kind::STRUCT => self.structure("s", 4, &[("m", int, 0)]),
            Kind::UNION => self.union("u", 4, &[("m", int, 0)]),
            Kind::ENUM => self.enumeration("e", 4, &["A"]),
            Kind::ENUM64 => self.enum64("e", 8, &["A"]),
            Kind::FWD => self.fwd("f"),
            Kind::FUNC_PROTO => self.proto(int, &[("a", int)]),
            Kind::FUNC => {
                let proto = self.proto(int, &[("a", int)]);
                self.func("f", proto)
            }
            Kind::VAR => self.var("v", int),
            Kind::DATASEC => {
                let var = self.var("v", int);
                self.datasec(".data", 4, &[(var, 0, 4)])
            }
            Kind::FLOAT => self.float(4),
            Kind::DECL_TAG => {
                let on = self.structure("s", 4, &[("m", int, 0)]);
                self.decl_tag("tag", on, -1)
            }
            Kind::TYPEDEF | Kind::TYPE_TAG => self.refer(kind, "t", 0, int),
            _ => self.refer(kind, "", 0, int),
        }
    }
}

/// A member of a struct: name, type, and offset in bits.
pub(crate) type Member<'n> = (&'n str, TypeId, u32);

/// Magic, version and flags.
fn header_start() -> [u8; 4] {
    let [low, high] = btf_core::limits::MAGIC.to_ne_bytes();
    [low, high, btf_core::limits::VERSION, 0]
}
