// SPDX-License-Identifier: MIT OR Apache-2.0

//! The binding plan over descriptor tables laid out by chance, beside a model of them.

mod descriptors;

use std::ops::Range;

use btf_core::Btf;
use descriptors::{entries, refusal, Entry, Table, TARGET};
use fastrand::Rng;
use verifier_fixup::bind::{descs_len, plan, BindError, Edit, MAX_DESCS};
use verifier_fixup::layout::{Layout, LayoutErrorKind, Of, FACTS};

const ROUNDS: u64 = 500;

fn edits(layout: &Layout, descs: &[u8]) -> Result<Vec<Edit>, BindError> {
    plan(layout, descs, TARGET).map(Iterator::collect)
}

/// Where the table's own count says that its descriptors are.
fn descs(layout: &Layout, table: &[u8]) -> Range<usize> {
    let count = table[layout.tab_nr_descs as usize..][..4]
        .try_into()
        .unwrap();
    let len = descs_len(layout, u32::from_ne_bytes(count)).unwrap();
    let start = layout.tab_descs as usize;
    start..start + len
}

#[test]
fn what_is_bound_is_what_the_model_binds() {
    let mut bound = 0;
    for seed in 0..ROUNDS {
        let mut rng = Rng::with_seed(seed);
        let table = Table::by_chance(&mut rng);
        let layout = table.layout();
        let entries = entries(&mut rng);
        let mut bytes = table.bytes(&entries, seed);
        let descs = descs(&layout, &bytes);
        let planned = edits(&layout, &bytes[descs.clone()]);
        if let Some(refused) = refusal(&entries) {
            assert_eq!(planned, Err(refused), "seed {seed}");
            continue;
        }
        for Edit { offset, old, new } in planned.unwrap() {
            let addr = &mut bytes[descs.clone()][offset..][..8];
            assert_eq!(addr, old.to_ne_bytes(), "seed {seed}");
            addr.copy_from_slice(&new.to_ne_bytes());
            bound += 1;
        }
        let expected: Vec<_> = entries.iter().copied().map(Entry::bound).collect();
        assert_eq!(bytes, table.bytes(&expected, seed), "seed {seed}");
        assert_eq!(edits(&layout, &bytes[descs]), Ok(vec![]), "seed {seed}");
    }
    assert!(bound > ROUNDS / 2, "{bound}");
}

#[test]
fn descriptors_cut_off_anywhere_are_refused_or_those_that_are_left() {
    for seed in 0..ROUNDS / 10 {
        let mut rng = Rng::with_seed(seed);
        let table = Table::by_chance(&mut rng);
        let layout = table.layout();
        let entries = entries(&mut rng);
        let bytes = table.bytes(&entries, seed);
        let bytes = &bytes[descs(&layout, &bytes)];
        for len in 0..bytes.len() {
            let left = &entries[..len / table.desc.size as usize];
            let expected = match len % table.desc.size as usize {
                0 => refusal(left),
                _ => Some(BindError::CutOff),
            };
            assert_eq!(edits(&layout, &bytes[..len]).err(), expected, "seed {seed}");
        }
    }
}

#[test]
fn a_count_beyond_the_room_is_refused() {
    for seed in 0..ROUNDS {
        let mut rng = Rng::with_seed(seed);
        let table = Table::by_chance(&mut rng);
        let layout = table.layout();
        let size = table.desc.size;
        let most = descs_len(&layout, MAX_DESCS).unwrap();
        assert_eq!(most, (size * MAX_DESCS) as usize);
        for count in [MAX_DESCS + 1, u32::MAX] {
            let refused = Err(BindError::TooManyDescriptors(count));
            assert_eq!(descs_len(&layout, count), refused);
        }
        let more = vec![0; most + size as usize];
        let refused = Err(BindError::TooManyDescriptors(MAX_DESCS + 1));
        assert_eq!(edits(&layout, &more), refused);

        // A smaller array in front of the count.
        let capacity = rng.u32(1..MAX_DESCS);
        let small = Layout {
            tab_nr_descs: layout.tab_descs + capacity * size,
            ..layout
        };
        assert_eq!(descs_len(&small, capacity), Ok((capacity * size) as usize));
        let refused = Err(BindError::TooManyDescriptors(capacity + 1));
        assert_eq!(descs_len(&small, capacity + 1), refused);
    }
}

/// Takes every byte of the members once; those that are not there, or taken, show that C lays out no such struct.
fn could_be(layout: &Layout) -> bool {
    let mut desc = vec![false; layout.desc_size as usize];
    let mut tab = [false; 500];
    let take = |bytes: &mut [bool], start: u32, len: u32| {
        (start..start + len).all(|at| match bytes.get_mut(at as usize) {
            Some(taken) => !std::mem::replace(taken, true),
            None => false,
        })
    };
    take(&mut desc, layout.desc_func_id, 4)
        && take(&mut desc, layout.desc_addr, 8)
        && take(&mut tab, layout.tab_nr_descs, 4)
        && take(&mut tab, layout.tab_descs, layout.desc_size)
        && [layout.desc_func_id, layout.tab_nr_descs]
            .iter()
            .all(|at| at % 4 == 0)
        && [layout.desc_addr, layout.tab_descs, layout.desc_size]
            .iter()
            .all(|at| at % 8 == 0)
}

#[test]
fn members_not_aligned_or_not_apart_are_refused() {
    let mut rng = Rng::with_seed(1);
    let mut sound = 0;
    for _ in 0..200 * ROUNDS {
        // Half of the numbers are aligned to 4.
        let mut number = |most| rng.u32(..most) & if rng.bool() { !0 } else { !3 };
        let layout = Layout {
            tab_descs: number(80),
            tab_nr_descs: number(80),
            desc_size: number(40),
            desc_func_id: number(40),
            desc_addr: number(40),
            ..Layout::from_values([0; FACTS.len()])
        };
        let refused = !could_be(&layout);
        sound += u64::from(!refused);
        let descs = [0; 96];
        let planned = edits(&layout, &descs).unwrap_err() == BindError::Layout;
        assert_eq!(planned, refused, "{layout:?}");
        let len = descs_len(&layout, 0) == Err(BindError::Layout);
        assert_eq!(len, refused, "{layout:?}");
    }
    assert!(sound > ROUNDS / 10, "{sound}");
}

#[test]
fn numbers_out_of_all_bounds_are_refused() {
    let mut rng = Rng::with_seed(2);
    for _ in 0..ROUNDS {
        let table = Table::by_chance(&mut rng);
        let large = rng.u32(u32::MAX - 300..);
        let sound = table.layout();
        for layout in [
            Layout {
                desc_func_id: large,
                ..sound
            },
            Layout {
                desc_addr: large,
                ..sound
            },
            Layout {
                tab_descs: large | 1,
                ..sound
            },
            Layout {
                tab_nr_descs: large | 1,
                ..sound
            },
        ] {
            assert_eq!(edits(&layout, &[0; 96]), Err(BindError::Layout));
            assert_eq!(descs_len(&layout, u32::MAX), Err(BindError::Layout));
        }
        // Nothing says that a descriptor is too large; only, nobody has one.
        let huge = Layout {
            desc_size: large & !7,
            tab_descs: 8,
            tab_nr_descs: 0,
            ..sound
        };
        assert_eq!(edits(&huge, &[0; 96]), Err(BindError::CutOff));
    }
}

#[test]
fn a_member_of_another_size_is_named() {
    let table = Table::by_chance(&mut Rng::with_seed(0));
    for (sizes, name, expected, found) in [
        ([2, 4, 8], "nr_descs", 4, 2),
        ([8, 4, 8], "nr_descs", 4, 8),
        ([4, 2, 8], "func_id", 4, 2),
        ([4, 8, 8], "func_id", 4, 8),
        ([4, 4, 4], "addr", 8, 4),
    ] {
        let [count, func_id, addr] = sizes;
        let btf = table.btf(count, func_id, addr);
        let error = Layout::of_kernel(&Btf::parse(&btf).unwrap()).unwrap_err();
        assert_eq!(error.fact.of, Of::Sized(name, expected));
        assert_eq!(error.kind, LayoutErrorKind::OtherSize { expected, found });
        let text = format!(
            "struct {}, member {name}: {expected} bytes are expected, this kernel has {found}",
            error.fact.structure
        );
        assert_eq!(error.to_string(), text);
    }
}
