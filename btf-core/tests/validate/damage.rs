// SPDX-License-Identifier: MIT OR Apache-2.0

//! A good BTF of all kinds, cut and flipped; and the room that it takes.

use btf_core::validate::{validate, Policy};
use btf_core::{Btf, ErrorKind, Kind, TypeId};

use crate::blob::{Blob, KINDS};
use crate::case::{check, RELEASES};

/// All kinds, all special fields, names of one byte and more; with the header of `header_len` bytes.
fn rich(header_len: u32) -> Blob {
    let mut b = Blob::new();
    for kind in KINDS {
        b.sample(kind);
    }
    let int = b.int();
    b.bitfields(8, &[(int, 3, 5), (int, 32, 0)]);
    let array = b.array(int, int, 3);
    let rows = b.array(array, int, 2);
    b.union("rows", 24, &[("rows", rows, 0), ("row", array, 0)]);
    b.proto(int, &[("a", rows), ("", int), ("", TypeId::VOID)]);
    let [head, node, lock] = [
        ("bpf_list_head", 16),
        ("bpf_list_node", 24),
        ("bpf_spin_lock", 4),
    ]
    .map(|(name, size)| b.structure(name, size, &[]));
    let item = b.structure("item", 24, &[("node", node, 0)]);
    let tag = b.type_tag("kptr", item);
    let kptr = b.ptr(tag);
    let kptrs = b.array(kptr, int, 2);
    let members = [
        ("head", head, 0),
        ("kptr", kptr, 128),
        ("kptrs", kptrs, 192),
        ("lock", lock, 320),
    ];
    let owner = b.structure("owner", 44, &members);
    b.decl_tag("contains:item:node", owner, 0);
    b.header_len = header_len;
    b
}

/// Each policy that needs nothing else, and the words of room that each type takes under it.
fn policies<'a>() -> [(Policy<'a>, usize); 2] {
    let user = Policy::User { kernel: None };
    [(user, 3), (Policy::Kernel { base: None }, 1)]
}

#[test]
fn a_cut_is_always_found() {
    for header_len in [24, 32] {
        let data = rich(header_len).bytes();
        for (policy, _) in policies() {
            for release in RELEASES {
                assert_eq!(check(&data, policy, release), Ok(()));
                for len in 0..data.len() {
                    let cut = check(&data[..len], policy, release);
                    assert!(cut.is_err(), "{len} bytes, {policy:?}, {release:?}");
                }
            }
        }
    }
}

#[test]
fn a_flipped_bit_is_found_or_harmless() {
    let mut data = rich(32).bytes();
    let types = Btf::parse(&data).unwrap().own_len();
    for (policy, _) in policies() {
        for release in RELEASES {
            let (mut found, mut harmless) = (0, 0);
            for bit in 0..data.len() * 8 {
                data[bit / 8] ^= 1 << (bit % 8);
                match check(&data, policy, release) {
                    Err(error) => {
                        assert!(matches!(error.kind, ErrorKind::Rule(_)), "{error:?}");
                        found += 1;
                    }
                    Ok(()) => {
                        // What is accepted can be read; a record may have swallowed others.
                        let btf = Btf::parse(&data).unwrap();
                        assert!(btf.own_len() <= types + 1, "bit {bit}");
                        assert_eq!(btf.types().last().unwrap().id().0, btf.own_len());
                        harmless += 1;
                    }
                }
                data[bit / 8] ^= 1 << (bit % 8);
            }
            assert!(found > harmless && harmless > 0, "{found}, {harmless}");
        }
    }
}

#[test]
fn the_room_that_is_asked_for_suffices() {
    let data = rich(24).bytes();
    let types = usize::try_from(Btf::parse(&data).unwrap().own_len()).unwrap();
    for (policy, words) in policies() {
        for release in RELEASES {
            let need = types * words;
            for len in 0..need {
                let mut room = vec![0; len];
                let told = validate(&data, policy, release, &mut room);
                let kind = told.unwrap_err().kind;
                assert_eq!(kind, ErrorKind::RoomTooSmall { need }, "{len}");
            }
            // What was in it before does not matter.
            let mut room = vec![u32::MAX; need];
            let btf = validate(&data, policy, release, &mut room).unwrap();
            let last = btf.types().last().unwrap();
            assert_eq!(btf.get(last.id()), Some(last));
            assert_eq!(last.kind(), Kind::DECL_TAG);
        }
    }
}

#[test]
fn a_broken_record_is_told_before_the_room() {
    let mut blob = rich(24);
    let last = blob.int();
    blob.set_info(last, 1);
    for (policy, _) in policies() {
        for release in RELEASES {
            let told = validate(&blob.bytes(), policy, release, &mut []).unwrap_err();
            assert!(matches!(told.kind, ErrorKind::Rule(_)), "{told:?}");
        }
    }
}
