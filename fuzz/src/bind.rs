// SPDX-License-Identifier: MIT OR Apache-2.0

//! Binding a program: whatever the layout and the descriptors are, an edit changes an address of the kfunc, and no more.
//! What is refused must be so.
//!
//! An input is the layout (first descriptor, count, bytes of a descriptor, its id, its address: two bytes each,
//! those below 0 stand for the largest numbers), the kfunc's id (4 bytes), its address and the stub's (8 each), the
//! table's count (4), and then the descriptors, with whatever follows them. Unless the first byte is odd, the layout is
//! bent so that a table can have it.

use verifier_fixup::bind::{descs_len, plan, BindError, Edit, Target, MAX_DESCS};
use verifier_fixup::layout::{Layout, FACTS};

pub fn check(data: &[u8]) {
    let Some((input, descs)) = Input::read(data) else {
        return;
    };
    let Input {
        layout,
        target,
        count,
    } = input;
    let size = layout.desc_size as usize;
    let len = descs_len(&layout, count);
    if let Ok(len) = len {
        assert!(count <= MAX_DESCS);
        assert_eq!(len, size * count as usize);
        // The members are in a descriptor, and the count is in none, not even if there are none yet.
        let [start, at] = [layout.tab_descs, layout.tab_nr_descs].map(|place| place as usize);
        assert!(at + 4 <= start || start + len.max(size) <= at);
        assert!(layout.desc_func_id as usize + 4 <= size);
        assert!(layout.desc_addr as usize + 8 <= size);
    }
    // What the count says, or all that is left.
    let taken = len.ok().and_then(|len| descs.get(..len)).unwrap_or(descs);
    let planned: Vec<Edit> = match plan(&layout, taken, target) {
        Ok(edits) => edits.collect(),
        Err(error) => {
            assert_eq!(error == BindError::Layout, len == Err(BindError::Layout));
            check_refusal(error, &layout, taken, target);
            return;
        }
    };
    let mut bound = taken.to_vec();
    for edit in &planned {
        assert_eq!((edit.old, edit.new), (target.entry, target.stub));
        let addr = &mut bound[edit.offset..][..8];
        assert_eq!(addr, edit.old.to_ne_bytes());
        addr.copy_from_slice(&edit.new.to_ne_bytes());
    }
    assert_eq!(bound, by_hand(&layout, taken, target));
    assert_eq!(plan(&layout, &bound, target).unwrap().count(), 0);
}

/// Whether what is refused is so.
fn check_refusal(error: BindError, layout: &Layout, descs: &[u8], target: Target) {
    let first = match error {
        BindError::NoDescriptor => None,
        BindError::OtherAddress { expected, found } => {
            assert_eq!(expected, target.entry);
            Some(found)
        }
        _ => return,
    };
    let mut descs = descs.to_vec();
    let addrs: Vec<_> = addrs(layout, &mut descs, target.func_id)
        .map(|addr| u64::from_ne_bytes(*addr))
        .collect();
    assert_eq!(addrs.first(), first.as_ref());
    assert!(!addrs.contains(&target.entry) && !addrs.contains(&target.stub));
}

/// The descriptors, bound one after the other.
fn by_hand(layout: &Layout, descs: &[u8], target: Target) -> Vec<u8> {
    let mut descs = descs.to_vec();
    for addr in addrs(layout, &mut descs, target.func_id) {
        if *addr == target.entry.to_ne_bytes() {
            *addr = target.stub.to_ne_bytes();
        }
    }
    descs
}

/// The address of every descriptor of `func_id`.
fn addrs<'d>(
    layout: &Layout,
    descs: &'d mut [u8],
    func_id: u32,
) -> impl Iterator<Item = &'d mut [u8; 8]> {
    let [id, addr] = [layout.desc_func_id, layout.desc_addr].map(|place| place as usize);
    descs
        .chunks_mut(layout.desc_size as usize)
        .filter(move |desc| desc[id..][..4] == func_id.to_ne_bytes())
        .map(move |desc| desc[addr..].first_chunk_mut().unwrap())
}

struct Input {
    layout: Layout,
    target: Target,
    count: u32,
}

impl Input {
    fn read(data: &[u8]) -> Option<(Self, &[u8])> {
        let (odd, data) = data.split_first()?;
        let (places, data) = data.split_first_chunk::<10>()?;
        let (func_id, data) = data.split_first_chunk()?;
        let (entry, data) = data.split_first_chunk()?;
        let (stub, data) = data.split_first_chunk()?;
        let (count, descs) = data.split_first_chunk()?;
        let place = |index: usize| {
            let near = i16::from_le_bytes([places[2 * index], places[2 * index + 1]]);
            i32::from(near) as u32
        };
        let mut layout = Layout {
            tab_descs: place(0),
            tab_nr_descs: place(1),
            desc_size: place(2),
            desc_func_id: place(3),
            desc_addr: place(4),
            ..Layout::from_values([0; FACTS.len()])
        };
        if odd & 1 == 0 {
            bend(&mut layout);
        }
        let target = Target {
            func_id: u32::from_le_bytes(*func_id),
            entry: u64::from_le_bytes(*entry),
            stub: u64::from_le_bytes(*stub),
        };
        let count = u32::from_le_bytes(*count);
        Some((
            Self {
                layout,
                target,
                count,
            },
            descs,
        ))
    }
}

/// Makes the layout one that C could have made, of descriptors of up to 128 bytes.
fn bend(layout: &mut Layout) {
    layout.desc_size = 16 + 8 * (layout.desc_size % 15);
    layout.desc_addr = 8 * (layout.desc_addr % (layout.desc_size / 8));
    layout.desc_func_id = 4 * (layout.desc_func_id % (layout.desc_size / 4));
    if layout.desc_func_id / 8 == layout.desc_addr / 8 {
        layout.desc_func_id = (layout.desc_func_id + 8) % layout.desc_size;
    }
    layout.tab_descs &= 0xfff8;
    layout.tab_nr_descs &= 0xfffc;
    if layout.tab_nr_descs >= layout.tab_descs {
        layout.tab_nr_descs += layout.tab_descs + layout.desc_size;
    }
}

/// A table with the count behind the descriptors, one with the count in front, and one whose layout cannot be.
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    const ENTRY: u64 = 0xffff_ffff_c000_1000;
    const STUB: u64 = 0xffff_ffff_c000_2000;
    let seed = |[descs, count, size, func_id, addr]: [u16; 5]| {
        let mut bytes = vec![1];
        bytes.extend(
            [descs, count, size, func_id, addr]
                .map(u16::to_le_bytes)
                .as_flattened(),
        );
        bytes.extend(7_u32.to_le_bytes());
        bytes.extend([ENTRY, STUB].map(u64::to_le_bytes).as_flattened());
        bytes.extend(4_u32.to_le_bytes());
        for (id, at) in [(7, ENTRY), (7, STUB), (7, 1), (8, ENTRY)] {
            let mut desc = vec![0; size.into()];
            desc[func_id.into()..][..4].copy_from_slice(&u32::to_le_bytes(id));
            desc[addr.into()..][..8].copy_from_slice(&u64::to_le_bytes(at));
            bytes.extend(desc);
        }
        bytes
    };
    vec![
        ("count-behind", seed([0, 12288, 48, 28, 40])),
        ("count-in-front", seed([8, 0, 232, 208, 224])),
        ("id-in-address", seed([8, 0, 24, 12, 8])),
    ]
}
