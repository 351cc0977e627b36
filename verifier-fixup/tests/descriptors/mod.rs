// SPDX-License-Identifier: MIT OR Apache-2.0

//! Descriptor tables by chance, laid out and filled without the code under test, and the BTF that describes them.

use btf_core::{Array, Btf, Error, IntEncoding, Kind, RawMember, TypeId, Writer};
use fastrand::Rng;
use verifier_fixup::bind::{BindError, Target, MAX_DESCS};
use verifier_fixup::layout::{Layout, Of, FACTS};

/// What is bound.
pub(crate) const TARGET: Target = Target {
    func_id: 7,
    entry: 0xffff_ffff_c000_1000,
    stub: 0xffff_ffff_c000_2000,
};

/// A struct as C lays it out: name, place and size of each member.
pub(crate) struct Struct {
    members: Vec<(&'static str, u32, u32)>,
    pub(crate) size: u32,
}

impl Struct {
    /// Lays out members of these names, sizes and alignments.
    fn new(members: &[(&'static str, u32, u32)]) -> Self {
        let mut placed = Vec::new();
        let mut end: u32 = 0;
        for (name, size, align) in members {
            let start = end.next_multiple_of(*align);
            placed.push((*name, start, *size));
            end = start + size;
        }
        let widest = members.iter().map(|(_, _, align)| *align).max();
        Self {
            members: placed,
            size: end.next_multiple_of(widest.unwrap()),
        }
    }

    fn at(&self, name: &str) -> usize {
        let mut members = self.members.iter();
        members.find(|(found, ..)| *found == name).unwrap().1 as usize
    }
}

/// A descriptor table: the structs, and whether the array of descriptors tells its length.
pub(crate) struct Table {
    pub(crate) desc: Struct,
    tab: Struct,
    flexible: bool,
}

impl Table {
    pub(crate) fn by_chance(rng: &mut Rng) -> Self {
        let mut members = vec![
            ("func_model", rng.u32(1..40), 1),
            ("func_id", 4, 4),
            ("imm", 4, 4),
            ("offset", 2, 2),
            ("addr", 8, 8),
        ];
        if rng.bool() {
            members.push(("proto", 8 * rng.u32(1..20), 8));
        }
        rng.shuffle(&mut members);
        let desc = Struct::new(&members);

        let flexible = rng.bool();
        let mut members = vec![("nr_descs", 4, 4)];
        if rng.bool() {
            members.push(("more", rng.u32(1..9), 1));
        }
        // Nothing can follow an array that does not tell its length.
        let capacity = if flexible { 0 } else { MAX_DESCS };
        let before = if flexible {
            members.len()
        } else {
            rng.usize(..=members.len())
        };
        members.insert(before, ("descs", capacity * desc.size, 8));
        Self {
            tab: Struct::new(&members),
            desc,
            flexible,
        }
    }

    /// A kernel with this table, the count, id and address of which have these bytes.
    pub(crate) fn btf(&self, count: u32, func_id: u32, addr: u32) -> Vec<u8> {
        let mut out = vec![0; 9000];
        let mut writer = Writer::new(&mut out);
        push_others(&mut writer).unwrap();
        let size = |name: &str, size| match name {
            "nr_descs" => count,
            "func_id" => func_id,
            "addr" => addr,
            _ => size,
        };
        let desc = push(
            &mut writer,
            "bpf_kfunc_desc",
            &self.desc,
            |writer, name, of| writer.push_opaque(Kind::STRUCT, b"", size(name, of)),
        );
        let descs = Array {
            element: desc,
            index: TypeId(1),
            len: if self.flexible { 0 } else { MAX_DESCS },
        };
        push(
            &mut writer,
            "bpf_kfunc_desc_tab",
            &self.tab,
            |writer, name, of| match name {
                "descs" => writer.push_array(descs),
                _ => writer.push_opaque(Kind::STRUCT, b"", size(name, of)),
            },
        );
        writer.finish().unwrap().to_vec()
    }

    pub(crate) fn layout(&self) -> Layout {
        Layout::of_kernel(&Btf::parse(&self.btf(4, 4, 8)).unwrap()).unwrap()
    }

    /// The bytes of a table of these descriptors. What is not a descriptor's id, offset or address is noise.
    pub(crate) fn bytes(&self, entries: &[Entry], noise: u64) -> Vec<u8> {
        let mut rng = Rng::with_seed(noise);
        let size = self.desc.size as usize;
        let behind = if self.flexible {
            size * entries.len()
        } else {
            0
        };
        let mut bytes = vec![0; self.tab.size as usize + behind];
        rng.fill(&mut bytes);
        let count = (entries.len() as u32).to_ne_bytes();
        put(&mut bytes, self.tab.at("nr_descs"), &count);
        let descs = &mut bytes[self.tab.at("descs")..];
        for (desc, entry) in descs.chunks_exact_mut(size).zip(entries) {
            put(desc, self.desc.at("func_id"), &entry.func_id.to_ne_bytes());
            put(desc, self.desc.at("offset"), &entry.offset.to_ne_bytes());
            put(desc, self.desc.at("addr"), &entry.addr.to_ne_bytes());
        }
        bytes
    }
}

/// A descriptor. Those of a kfunc differ by `offset`, the index of its BTF in `fd_array`.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    func_id: u32,
    offset: u16,
    addr: u64,
}

impl Entry {
    fn is_ours(&self) -> bool {
        self.func_id == TARGET.func_id && [TARGET.entry, TARGET.stub].contains(&self.addr)
    }

    pub(crate) fn bound(mut self) -> Self {
        if self.is_ours() {
            self.addr = TARGET.stub;
        }
        self
    }
}

/// Why these cannot be bound, if so.
pub(crate) fn refusal(entries: &[Entry]) -> Option<BindError> {
    let mut of_kfunc = entries
        .iter()
        .filter(|entry| entry.func_id == TARGET.func_id);
    let first = of_kfunc.clone().next();
    if of_kfunc.any(Entry::is_ours) {
        return None;
    }
    Some(
        first.map_or(BindError::NoDescriptor, |first| BindError::OtherAddress {
            expected: TARGET.entry,
            found: first.addr,
        }),
    )
}

pub(crate) fn entries(rng: &mut Rng) -> Vec<Entry> {
    let count = if rng.u8(..) == 0 {
        MAX_DESCS
    } else {
        rng.u32(..9)
    };
    let addrs = [TARGET.entry, TARGET.stub, TARGET.entry + 1, 0];
    let entry = |offset| Entry {
        func_id: rng.u32(6..9),
        offset,
        addr: addrs[rng.usize(..addrs.len())],
    };
    (0..count as u16).map(entry).collect()
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..][..value.len()].copy_from_slice(value);
}

fn push<F>(writer: &mut Writer<'_>, name: &str, of: &Struct, mut ty: F) -> TypeId
where
    F: FnMut(&mut Writer<'_>, &str, u32) -> Result<TypeId, Error>,
{
    let mut members = Vec::new();
    for (name, start, size) in &of.members {
        members.push(RawMember {
            ty: ty(writer, name, *size).unwrap(),
            name: writer.name(name.as_bytes()).unwrap(),
            bit_offset: 8 * start,
            bitfield_size: 0,
        });
    }
    writer
        .push_composite(Kind::STRUCT, name.as_bytes(), of.size, &members)
        .unwrap()
}

/// The structs that a layout asks for beside a table's.
fn push_others(writer: &mut Writer<'_>) -> Result<(), Error> {
    let int = writer.push_int(b"int", 4, IntEncoding::SIGNED)?;
    let mut others: Vec<_> = FACTS.iter().map(|fact| fact.structure).collect();
    others.dedup();
    others.retain(|name| !name.starts_with("bpf_kfunc_desc"));
    for name in others {
        let facts = FACTS.iter().filter(|fact| fact.structure == name);
        let members = facts.filter_map(|fact| match fact.of {
            Of::Member(name) | Of::EitherMember(name, _) => Some((name, 4, 4)),
            _ => None,
        });
        let members: Vec<_> = members.collect();
        push(writer, name, &Struct::new(&members), |_, _, _| Ok(int));
    }
    Ok(())
}
