// SPDX-License-Identifier: MIT OR Apache-2.0

//! Damage.

use fastrand::Rng;

use super::blob::Blob;

/// Values that rules turn on, to be put in the place of any word.
const VALUES: &[u32] = &[
    0,
    1,
    2,
    5,
    7,
    12,
    0x7fff,
    0x00ff_ffff,
    0x0010_0000,
    0x8000_0000,
    u32::MAX,
];
/// Bits that rules turn on: of an `info` word, an int's word, an offset.
const BITS: &[u32] = &[
    1,
    2,
    1 << 3,
    1 << 5,
    1 << 16,
    1 << 20,
    1 << 24,
    1 << 26,
    1 << 28,
    1 << 29,
    1 << 31,
];

/// `sample` with each word of its header and types in turn another one.
pub(super) fn each_word(sample: &Blob, blobs: &mut Vec<Blob>) {
    let mut with = |name: &str,
                    place: usize,
                    change: &mut dyn FnMut(&mut Blob) -> Option<&mut u32>,
                    new: &dyn Fn(u32) -> u32| {
        let mut blob = sample.clone();
        let Some(word) = change(&mut blob) else {
            return;
        };
        let old = *word;
        *word = new(old);
        if *word != old {
            let new = *word;
            blob.what = format!("{}, {name} word {place} {old:#x} -> {new:#x}", sample.what);
            blobs.push(blob);
        }
    };
    for place in 0..sample.types.len() {
        for value in VALUES {
            with(
                "types",
                place,
                &mut |blob| blob.types.get_mut(place),
                &|_| *value,
            );
        }
        for bit in BITS {
            with(
                "types",
                place,
                &mut |blob| blob.types.get_mut(place),
                &|old| old ^ bit,
            );
        }
    }
    for place in 0..sample.header.len() {
        for value in VALUES
            .iter()
            .chain(&[3, 4, 8, 9, 16, 20, 23, 24, 25, 28, 32, 33])
        {
            with(
                "header",
                place,
                &mut |blob| blob.header.get_mut(place),
                &|_| *value,
            );
        }
        for add in [1, 2, 4, u32::MAX, u32::MAX - 3] {
            with(
                "header",
                place,
                &mut |blob| blob.header.get_mut(place),
                &|old| old.wrapping_add(add),
            );
        }
    }
    for bit in 0..32 {
        with("magic", 0, &mut |blob| Some(&mut blob.magic), &|old| {
            old ^ 1 << bit
        });
    }
}

/// `sample` cut short, with bytes behind it, and with each byte of its names another one.
pub(super) fn each_cut(sample: &Blob, blobs: &mut Vec<Blob>) {
    let len = sample.bytes().len();
    for cut in (1..=len).step_by(7).chain(len - 40..=len).chain(1..9) {
        let mut blob = sample.clone();
        blob.cut = cut;
        blob.what = format!("{}, {cut} bytes cut off", sample.what);
        blobs.push(blob);
    }
    for padding in [1, 4, 100] {
        let mut blob = sample.clone();
        blob.padding = padding;
        blob.what = format!("{}, {padding} bytes behind", sample.what);
        blobs.push(blob);
    }
    for place in 0..sample.strings.len() {
        for byte in [0, b'5', b'-', b':', 0xe9, 0x7f] {
            let mut blob = sample.clone();
            blob.strings[place] = byte;
            blob.what = format!("{}, byte {place} of the strings is {byte:#x}", sample.what);
            blobs.push(blob);
        }
    }
}

/// `blob` with something changed.
pub(super) fn somewhere(blob: &mut Blob, rng: &mut Rng) {
    let what = rng.u32(0..100);
    if what < 75 && !blob.types.is_empty() {
        let place = rng.usize(0..blob.types.len());
        let ids = blob.next_id() + 2;
        let word = &mut blob.types[place];
        *word = match rng.u32(0..5) {
            0 => VALUES[rng.usize(0..VALUES.len())],
            1 => *word ^ BITS[rng.usize(0..BITS.len())],
            2 => rng.u32(0..ids),
            3 => word.wrapping_add(rng.u32(0..3).wrapping_sub(1)),
            _ => *word ^ 1 << rng.u32(0..32),
        };
        let new = *word;
        blob.what += &format!(", types word {place} -> {new:#x}");
    } else if what < 85 {
        let place = rng.usize(0..blob.strings.len());
        blob.strings[place] = *b"\0_5-: \xe9".get(rng.usize(0..7)).unwrap_or(&0);
        blob.what += &format!(", strings byte {place}");
    } else if what < 95 {
        let place = rng.usize(0..blob.header.len());
        let word = &mut blob.header[place];
        *word = word.wrapping_add(rng.u32(0..9).wrapping_sub(4));
        blob.what += &format!(", header word {place}");
    } else {
        blob.cut = rng.usize(0..16);
        blob.what += &format!(", {} bytes cut off", blob.cut);
    }
}
