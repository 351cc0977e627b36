// SPDX-License-Identifier: MIT OR Apache-2.0

//! The header, the strings and the layout section.

use btf_core::limits::{MAGIC, MAX_SIZE};
use btf_core::validate::Rule;

use crate::blob::{Blob, Part, Place};
use crate::case::{case, run, told, Case, Kernel, Linux6_12_107, Linux7_3};

/// Where the header has what.
const VERSION: u32 = 2;
const FLAGS: u32 = 3;
const HEADER_LEN: u32 = 4;
const TYPES: u32 = 8;
const STRINGS: u32 = 16;
const STRINGS_LEN: u32 = 20;
const LAYOUT: u32 = 24;
const LAYOUT_LEN: u32 = 28;

/// One INT whose strings have 8 bytes, which fill words.
fn int(b: &mut Blob) {
    b.int();
    b.strings.resize(8, 0);
}

/// The same with the header of 7.3, and `layout` bytes of a layout section.
fn int_with_layout(b: &mut Blob, layout: usize) {
    int(b);
    b.header_len = 32;
    b.layout = vec![0; layout];
    b.parts.push(Part::Layout);
}

/// What follows the header, if it is other than usual.
fn arranged(b: &mut Blob, parts: &[Part]) {
    int(b);
    b.parts = parts.to_vec();
}

fn sections() -> Vec<Case> {
    use Part::{Gap, Strings, Types};
    let gap = |what, [one, two, three]: [u32; 3], place| {
        case(Rule::UnsupportedSection, what, [4, 0], move |b, len| {
            let gap = |this| Gap(usize::try_from(this * len).unwrap());
            arranged(b, &[gap(one), Types, gap(two), Strings, gap(three)]);
            Place::Header(place)
        })
    };
    let patched = |rule, what, at, [bad, good]: [u32; 2], place| {
        case(rule, what, [bad, good], move |b, word| {
            int(b);
            b.patch_word(at, word);
            Place::Header(place)
        })
    };
    vec![
        gap("before the types", [1, 0, 0], TYPES),
        gap("before the strings", [0, 1, 0], STRINGS),
        // Header, INT, strings.
        gap("at the end", [0, 0, 1], 24 + 16 + 8),
        patched(
            Rule::InvalidSectionOffset,
            "strings",
            STRINGS,
            [25, 16],
            STRINGS,
        ),
        patched(
            Rule::InvalidSectionOffset,
            "strings, as a negative word",
            STRINGS,
            [u32::MAX, 16],
            STRINGS,
        ),
        patched(
            Rule::SectionOverlap,
            "strings in types",
            STRINGS,
            [12, 16],
            STRINGS,
        ),
        patched(
            Rule::SectionOverlap,
            "both at the start; the shorter one counts as the first",
            STRINGS,
            [0, 16],
            TYPES,
        ),
        patched(
            Rule::SectionTooLong,
            "strings",
            STRINGS_LEN,
            [12, 8],
            STRINGS,
        ),
        patched(Rule::SectionTooLong, "types", TYPES + 4, [28, 16], TYPES),
        patched(
            Rule::UnsupportedSection,
            "strings end too early",
            STRINGS_LEN,
            [4, 8],
            24 + 16 + 4,
        ),
    ]
}

fn header() -> Vec<Case> {
    vec![
        case(Rule::TooLarge, "16 MiB and a byte", [1, 0], |b, more| {
            b.int();
            b.strings.resize(MAX_SIZE - 24 - 16 + more, 0);
            Place::Header(0)
        })
        .user(),
        case(Rule::HdrLenNotFound, "7 bytes", [7, 100], |b, len| {
            int(b);
            b.len = len;
            Place::Header(7)
        }),
        case(Rule::HdrLenNotFound, "nothing", [0, 100], |b, len| {
            int(b);
            b.len = len;
            Place::Header(0)
        }),
        case(Rule::HeaderNotFound, "8 bytes", [8, 100], |b, len| {
            int(b);
            b.len = len;
            Place::Header(8)
        }),
        case(Rule::HeaderNotFound, "23 bytes", [23, 100], |b, len| {
            int(b);
            b.len = len;
            Place::Header(23)
        }),
        case(Rule::HeaderNotFound, "a long one", [49, 24], |b, len| {
            int(b);
            b.patch_word(HEADER_LEN, len);
            Place::Header(48)
        }),
        case(Rule::UnsupportedHeader, "byte 35", [1, 0], |b, byte| {
            int(b);
            b.header_len = 36;
            b.patch(35, &[byte])
        }),
        case(Rule::UnsupportedHeader, "byte 24", [1, 0], |b, byte| {
            int(b);
            b.header_len = 32;
            b.patch(24, &[byte])
        })
        .on(Linux7_3, None),
        case(
            Rule::UnsupportedHeader,
            "byte 28, a layout's length",
            [1, 0],
            |b, byte| {
                int(b);
                b.header_len = 32;
                b.patch(28, &[byte])
            },
        )
        .on(Linux7_3, Some(Rule::SectionOverlap)),
        case(
            Rule::InvalidMagic,
            "of the other byte order",
            [MAGIC.swap_bytes(), MAGIC],
            |b, magic| {
                int(b);
                b.patch(0, &magic.to_ne_bytes())
            },
        ),
        case(Rule::UnsupportedVersion, "2", [2, 1], |b, version| {
            int(b);
            b.patch(VERSION, &[version])
        }),
        case(Rule::UnsupportedFlags, "1", [1, 0], |b, flags| {
            int(b);
            b.patch(FLAGS, &[flags])
        }),
        case(Rule::NoData, "only a header", [true, false], |b, bad| {
            int(b);
            if bad {
                b.parts.clear();
            }
            Place::Header(24)
        }),
    ]
}

fn strings() -> Vec<Case> {
    use Part::{Strings, Types};
    let first = [&[Strings, Types], &[Types, Strings]];
    vec![
        case(Rule::StringsNotLast, "header of 24 bytes", first, |b, p| {
            arranged(b, p);
            Place::Header(STRINGS)
        }),
        case(Rule::StringsNotLast, "header of 32 bytes", first, |b, p| {
            arranged(b, p);
            b.header_len = 32;
            Place::Header(STRINGS)
        })
        .on(Linux7_3, None),
        case(
            Rule::InvalidStrings,
            "no NUL at the end",
            [b'x', 0],
            |b, last| {
                int(b);
                b.strings[7] = last;
                Place::Strings(0)
            },
        ),
        case(
            Rule::InvalidStrings,
            "not empty at first",
            [b'x', 0],
            |b, first| {
                int(b);
                b.strings[0] = first;
                Place::Strings(0)
            },
        ),
        case(Rule::InvalidStrings, "none", [0, 1], |b, len| {
            b.raw(0, 0x0100_0000, 4, &[32]);
            b.strings.truncate(len);
            Place::Strings(0)
        }),
        case(
            Rule::InvalidStrings,
            "16 MiB and a byte",
            [1, 0],
            |b, more| {
                b.int();
                b.strings.resize((16 << 20) + more, 0);
                Place::Strings(0)
            },
        )
        .only_for(Kernel),
    ]
}

fn layout() -> Vec<Case> {
    use Part::{Strings, Types};
    vec![
        case(
            Rule::UnalignedLayout,
            "behind 5 bytes",
            [5, 8],
            |b, strings| {
                int_with_layout(b, 4);
                b.strings.truncate(strings);
                Place::Header(LAYOUT)
            },
        )
        .user()
        .only(Linux7_3),
        case(Rule::LayoutTooSmall, "3 bytes", [3, 4], |b, len| {
            int_with_layout(b, len);
            Place::Header(LAYOUT)
        })
        .user()
        .only(Linux7_3),
        case(
            Rule::LayoutLen,
            "two entries and a half",
            [10, 12],
            |b, len| {
                int_with_layout(b, len);
                Place::Header(LAYOUT)
            },
        )
        .user()
        .only(Linux7_3),
        case(
            Rule::UnalignedTypes,
            "behind 5 bytes",
            [5, 8],
            |b, strings| {
                int(b);
                b.header_len = 32;
                b.parts = vec![Strings, Types];
                b.strings.truncate(strings);
                Place::Header(TYPES)
            },
        )
        .user()
        .only(Linux7_3),
        case(
            Rule::UnalignedTypes,
            "none, behind 1 byte",
            [true, false],
            |b, bad| {
                if bad {
                    b.parts = vec![Strings, Types];
                } else {
                    b.int();
                }
                Place::Header(TYPES)
            },
        )
        .user(),
        case(Rule::NoTypes, "strings alone", [true, false], |b, bad| {
            if !bad {
                b.int();
            }
            Place::Header(TYPES)
        })
        .user(),
    ]
}

pub(crate) fn cases() -> Vec<Case> {
    [header(), sections(), strings(), layout()]
        .into_iter()
        .flatten()
        .collect()
}

#[test]
fn rules_of_the_header() {
    run(&cases());
}

#[test]
fn what_a_short_header_does_not_have_is_zero() {
    for (len, rule) in [
        (0, Rule::InvalidMagic),
        (1, Rule::InvalidMagic),
        (2, Rule::UnsupportedVersion),
        (3, Rule::UnsupportedSection),
        (7, Rule::UnsupportedSection),
        (8, Rule::UnsupportedSection),
        (23, Rule::UnsupportedSection),
    ] {
        let mut blob = Blob::new();
        int(&mut blob);
        blob.patch_word(HEADER_LEN, len);
        for release in [Linux6_12_107, Linux7_3] {
            assert_eq!(told(&blob, release), Some(rule), "{len}, {release:?}");
        }
    }
}

#[test]
fn where_no_layout_is_does_not_matter() {
    for (header_len, field, bytes) in [
        (32, LAYOUT, u32::MAX.to_ne_bytes().as_slice()),
        (28, LAYOUT, &[0xff; 4]),
        (30, LAYOUT, &[0xff; 6]),
        (31, LAYOUT_LEN, &[0xff; 3]),
    ] {
        let mut blob = Blob::new();
        int(&mut blob);
        blob.header_len = header_len;
        blob.patch(field, bytes);
        assert_eq!(told(&blob, Linux7_3), None, "{header_len}");
        assert_eq!(told(&blob, Linux6_12_107), Some(Rule::UnsupportedHeader));
    }
}

#[test]
fn sections_may_stand_in_any_order() {
    use Part::{Layout, Strings, Types};
    for parts in [
        [Types, Strings, Layout],
        [Types, Layout, Strings],
        [Strings, Types, Layout],
        [Strings, Layout, Types],
        [Layout, Types, Strings],
        [Layout, Strings, Types],
    ] {
        let mut blob = Blob::new();
        int_with_layout(&mut blob, 80);
        blob.parts = parts.to_vec();
        assert_eq!(told(&blob, Linux7_3), None);
        assert_eq!(told(&blob, Linux6_12_107), Some(Rule::UnsupportedHeader));
    }
}

#[test]
fn the_first_broken_rule_is_told() {
    let mut blob = Blob::new();
    int_with_layout(&mut blob, 3);
    blob.parts = vec![Part::Strings, Part::Types, Part::Layout];
    blob.strings.truncate(5);
    // Strings, layout, types: each fault hides those after it.
    blob.strings[4] = b'x';
    assert_eq!(told(&blob, Linux7_3), Some(Rule::InvalidStrings));
    blob.strings[4] = 0;
    assert_eq!(told(&blob, Linux7_3), Some(Rule::UnalignedLayout));
    blob.parts = vec![Part::Layout, Part::Strings, Part::Types];
    assert_eq!(told(&blob, Linux7_3), Some(Rule::LayoutTooSmall));
    blob.layout.resize(6, 0);
    assert_eq!(told(&blob, Linux7_3), Some(Rule::LayoutLen));
    blob.layout.resize(8, 0);
    assert_eq!(told(&blob, Linux7_3), Some(Rule::UnalignedTypes));
    blob.strings.resize(8, 0);
    assert_eq!(told(&blob, Linux7_3), None);
}

#[test]
fn offsets_that_go_in_a_circle_are_sorted_as_the_kernel_does() {
    // Each is before the next, and the last before the first: by the sign of their difference.
    let verdict = |types, strings, layout| {
        let mut blob = Blob::new();
        int_with_layout(&mut blob, 4);
        for (field, (offset, len)) in [(TYPES, types), (STRINGS, strings), (LAYOUT, layout)] {
            blob.patch_word(field, offset);
            blob.patch_word(field + 4, len);
        }
        told(&blob, Linux7_3).unwrap()
    };
    let far = 1 << 31;
    let gap = Rule::UnsupportedSection;
    assert_eq!(verdict((0, 0), (4, 0), (far, 4)), gap);
    assert_eq!(verdict((0, 8), (far, 0), (4, 4)), Rule::SectionOverlap);
    let beyond = Rule::InvalidSectionOffset;
    assert_eq!(verdict((0, 0), (far + 4, 0), (4, 4)), beyond);
}
