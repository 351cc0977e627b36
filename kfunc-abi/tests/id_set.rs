// SPDX-License-Identifier: MIT OR Apache-2.0

//! Sets of kfuncs, as they are in files.

use btf_core::{ByteOrder, TypeId};
use kfunc_abi::{IdSetError, IdSetErrorKind, IdSetReader};

const ORDERS: [ByteOrder; 2] = [ByteOrder::Little, ByteOrder::Big];

fn bytes(words: &[u32], order: ByteOrder) -> Vec<u8> {
    let bytes = |word: &u32| match order {
        ByteOrder::Little => word.to_le_bytes(),
        ByteOrder::Big => word.to_be_bytes(),
    };
    words.iter().flat_map(bytes).collect()
}

fn error(words: &[u32]) -> IdSetError {
    let [little, big] = ORDERS.map(|order| {
        let data = bytes(words, order);
        IdSetReader::read(&data, order).unwrap_err()
    });
    assert_eq!(little, big);
    little
}

#[test]
fn pairs_are_read_in_either_order() {
    for order in ORDERS {
        // A set, and what follows it.
        let data = bytes(&[3, 1, 5, 0x80, 7, 0x1_0001, 7, 1 << 31, 99], order);
        let set = IdSetReader::read(&data, order).unwrap();
        assert!(set.is_of_kfuncs() && !set.is_empty());
        let pairs: Vec<_> = set
            .kfuncs()
            .map(|(id, flags)| (id.0, flags.bits()))
            .collect();
        assert_eq!(pairs, [(5, 0x80), (7, 0x1_0001), (7, 1 << 31)]);
        assert_eq!(set.kfuncs().len(), set.len());
    }
}

#[test]
fn every_id_is_found_and_no_other() {
    for len in 0..9 {
        let mut words = Vec::from([len, 1]);
        for place in 0..len {
            words.extend([2 * place + 1, 1 << place]);
        }
        for order in ORDERS {
            let data = bytes(&words, order);
            let set = IdSetReader::read(&data, order).unwrap();
            for id in 0..2 * len + 2 {
                let flags = set.find(TypeId(id)).map(|flags| flags.bits());
                let expected = (id % 2 == 1 && id < 2 * len).then(|| 1 << (id / 2));
                assert_eq!(flags, expected, "id {id} of {len}");
            }
        }
    }
}

#[test]
fn a_set_without_kfuncs_says_so() {
    let data = bytes(&[1, 0, 5, 0], ByteOrder::Little);
    let set = IdSetReader::read(&data, ByteOrder::Little).unwrap();
    assert!(!set.is_of_kfuncs());
    let data = bytes(&[0, 1], ByteOrder::Little);
    assert!(IdSetReader::read(&data, ByteOrder::Little)
        .unwrap()
        .is_empty());
}

#[test]
fn a_cut_set_is_an_error() {
    let whole = bytes(&[2, 1, 5, 0, 6, 0], ByteOrder::Little);
    for len in 0..whole.len() {
        let need = if len < 8 { 8 } else { whole.len() };
        let expected = IdSetError {
            kind: IdSetErrorKind::Truncated { need },
            offset: len,
        };
        let error = IdSetReader::read(&whole[..len], ByteOrder::Little).unwrap_err();
        assert_eq!(error, expected);
    }
    let endless = error(&[u32::MAX, 1, 5, 0]);
    let need = u32::MAX as usize * 8 + 8;
    assert_eq!(endless.kind, IdSetErrorKind::Truncated { need });
}

#[test]
fn what_is_wrong_is_named_and_where() {
    let unsorted = IdSetErrorKind::Unsorted {
        before: TypeId(6),
        id: TypeId(5),
    };
    let expected = IdSetError {
        kind: unsorted,
        offset: 16,
    };
    assert_eq!(error(&[2, 1, 6, 0, 5, 0]), expected);
    let expected = IdSetError {
        kind: IdSetErrorKind::UnknownFlags(3),
        offset: 4,
    };
    assert_eq!(error(&[0, 3]), expected);
}
