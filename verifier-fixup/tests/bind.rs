// SPDX-License-Identifier: MIT OR Apache-2.0

//! The binding plan, over descriptors of the known layouts.

use verifier_fixup::bind::{descs_len, plan, BindError, Edit, Target, MAX_DESCS};
use verifier_fixup::layout::{Layout, FACTS};

/// A layout of which only the descriptors are known, and that the count stands behind them.
fn layout(desc_size: u32, desc_func_id: u32, desc_addr: u32) -> Layout {
    Layout {
        tab_nr_descs: desc_size.saturating_mul(MAX_DESCS),
        desc_size,
        desc_func_id,
        desc_addr,
        ..Layout::from_values([0; FACTS.len()])
    }
}

/// Linux 6.12, Linux 7.3, and a made-up one with its members in another order.
fn layouts() -> [Layout; 3] {
    let count_first = Layout {
        tab_nr_descs: 0,
        tab_descs: 8,
        ..layout(232, 208, 224)
    };
    [layout(48, 28, 40), count_first, layout(96, 64, 8)]
}

const TARGET: Target = Target {
    func_id: 7,
    entry: 0xffff_ffff_c000_1000,
    stub: 0xffff_ffff_c000_2000,
};

fn descs(layout: &Layout, entries: &[(u32, u64)]) -> Vec<u8> {
    let size = layout.desc_size as usize;
    let mut bytes = vec![0xaa; size * entries.len()];
    for (desc, (id, addr)) in bytes.chunks_mut(size).zip(entries) {
        desc[layout.desc_func_id as usize..][..4].copy_from_slice(&id.to_ne_bytes());
        desc[layout.desc_addr as usize..][..8].copy_from_slice(&addr.to_ne_bytes());
    }
    bytes
}

fn edits(layout: &Layout, descs: &[u8]) -> Result<Vec<Edit>, BindError> {
    plan(layout, descs, TARGET).map(Iterator::collect)
}

#[test]
fn every_descriptor_of_the_kfunc_is_found_and_no_other() {
    for layout in layouts() {
        // The id of another module's kfunc can be the same; its address is not.
        let table = descs(
            &layout,
            &[
                (3, TARGET.entry),
                (7, 0x1234),
                (7, TARGET.entry),
                (9, 1),
                (7, TARGET.entry),
            ],
        );
        let edit = |index: usize| Edit {
            offset: index * layout.desc_size as usize + layout.desc_addr as usize,
            old: TARGET.entry,
            new: TARGET.stub,
        };
        assert_eq!(edits(&layout, &table), Ok(vec![edit(2), edit(4)]));
    }
}

#[test]
fn binding_again_changes_nothing() {
    for layout in layouts() {
        assert_eq!(
            edits(&layout, &descs(&layout, &[(7, TARGET.stub)])),
            Ok(vec![])
        );
    }
}

#[test]
fn a_program_without_a_descriptor_is_refused() {
    for layout in layouts() {
        for table in [descs(&layout, &[]), descs(&layout, &[(8, TARGET.entry)])] {
            assert_eq!(edits(&layout, &table), Err(BindError::NoDescriptor));
        }
    }
}

#[test]
fn an_address_that_is_not_the_kfuncs_is_refused_and_named() {
    for layout in layouts() {
        let table = descs(&layout, &[(8, TARGET.entry), (7, 0x1234), (7, 0x5678)]);
        let error = edits(&layout, &table).unwrap_err();
        let refused = BindError::OtherAddress {
            expected: TARGET.entry,
            found: 0x1234,
        };
        assert_eq!(error, refused);
        assert_eq!(
            error.to_string(),
            "the kfunc is at 0xffffffffc0001000, its descriptor leads to 0x1234"
        );
    }
}

#[test]
fn a_layout_that_makes_no_sense_is_refused() {
    for layout in [
        layout(0, 0, 0),
        layout(8, 4, 4),
        layout(u32::MAX, u32::MAX, u32::MAX),
    ] {
        assert_eq!(edits(&layout, &[0; 256]), Err(BindError::Layout));
        assert_eq!(descs_len(&layout, 1), Err(BindError::Layout));
    }
}

#[test]
fn a_count_beyond_the_kernels_bound_is_refused() {
    let [layout, ..] = layouts();
    assert_eq!(descs_len(&layout, MAX_DESCS), Ok(48 * 256));
    assert_eq!(
        descs_len(&layout, MAX_DESCS + 1),
        Err(BindError::TooManyDescriptors(257))
    );
}
