// SPDX-License-Identifier: MIT OR Apache-2.0

//! Patches: what they replace, and where they refuse to.

use verifier_fixup::text::patch::{PatchError, TextPatch, MAX_PATCH_LEN};

#[test]
fn a_patch_of_other_bytes_is_refused_and_nothing_is_written() {
    let patch = TextPatch::new(0x1002, &[1, 2, 3], &[4, 5, 6]).unwrap();
    for (at, byte) in [(2, 9), (3, 9), (4, 9)] {
        let mut buffer = [0, 0, 1, 2, 3, 0];
        buffer[at] = byte;
        let before = buffer;
        let address = 0x1000 + at as u64;
        let refused = Err(PatchError::OldBytesDiffer { address });
        assert_eq!(patch.apply(&mut buffer, 0x1000), refused);
        assert_eq!(buffer, before);
    }
    // What is patched already.
    let mut buffer = [0, 0, 1, 2, 3, 0];
    assert_eq!(patch.apply(&mut buffer, 0x1000), Ok(()));
    assert_eq!(buffer, [0, 0, 4, 5, 6, 0]);
    let address = 0x1002;
    let refused = Err(PatchError::OldBytesDiffer { address });
    assert_eq!(patch.apply(&mut buffer, 0x1000), refused);
}

#[test]
fn a_patch_outside_the_buffer_is_refused() {
    let patch = TextPatch::new(0x1002, &[1, 2, 3], &[4, 5, 6]).unwrap();
    let outside = Err(PatchError::Outside { address: 0x1002 });
    let mut buffer = [1, 2, 3, 1];
    for (len, base) in [
        (4, 0x1003),
        (4, 0xfff),
        (4, 0xfe0),
        (2, 0x1002),
        (0, 0x1002),
        (4, u64::MAX),
    ] {
        assert_eq!(patch.apply(&mut buffer[..len], base), outside, "{base:#x}");
    }
    assert_eq!(buffer, [1, 2, 3, 1]);
    assert_eq!(patch.apply(&mut buffer[..3], 0x1002), Ok(()));
    let last = TextPatch::new(u64::MAX, &[1], &[2]).unwrap();
    assert_eq!(last.apply(&mut [1], u64::MAX), Ok(()));
}

#[test]
fn a_patch_replaces_bytes_by_as_many() {
    let long = [0; MAX_PATCH_LEN + 1];
    for (old, new) in [
        (&long[..2], &long[..3]),
        (&long[..3], &long[..2]),
        (&long, &long),
    ] {
        assert_eq!(TextPatch::new(0, old, new), Err(PatchError::Length));
    }
    assert!(TextPatch::new(0, &long[1..], &long[1..]).is_ok());
}
