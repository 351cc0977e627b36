// SPDX-License-Identifier: MIT OR Apache-2.0

//! How long records are (`btf_type_ops` of `kernel/bpf/btf.c`).

use core::num::NonZeroU8;

use crate::limits::{KINDS, TYPE_LEN};
use crate::Info;

/// How long the records of a kind are. Bytes, so that no length overflows 32 bits.
#[derive(Clone, Copy)]
struct Shape {
    /// Bytes of a record without elements.
    alone: NonZeroU8,
    /// Bytes of each element; 0 where `vlen` does not count any.
    each: u8,
}

/// The shape of each kind, from 0 on. A table: a jump by kind, at every record of a whole kernel, is too often guessed
/// wrong by the processor.
const SHAPES: [Option<Shape>; KINDS as usize] = [
    None,         // void
    shape(4, 0),  // INT
    shape(0, 0),  // PTR
    shape(12, 0), // ARRAY: struct btf_array
    shape(0, 12), // STRUCT: struct btf_member
    shape(0, 12), // UNION: struct btf_member
    shape(0, 8),  // ENUM: struct btf_enum
    shape(0, 0),  // FWD
    shape(0, 0),  // TYPEDEF
    shape(0, 0),  // VOLATILE
    shape(0, 0),  // CONST
    shape(0, 0),  // RESTRICT
    shape(0, 0),  // FUNC
    shape(0, 8),  // FUNC_PROTO: struct btf_param
    shape(4, 0),  // VAR: struct btf_var
    shape(0, 12), // DATASEC: struct btf_var_secinfo
    shape(0, 0),  // FLOAT
    shape(4, 0),  // DECL_TAG: struct btf_decl_tag
    shape(0, 0),  // TYPE_TAG
    shape(0, 12), // ENUM64: struct btf_enum64
];

/// Bytes of `struct btf_type`.
const HEAD: u8 = 12;
const _: () = assert!(HEAD as usize == TYPE_LEN);

/// `extra` bytes after what every record has, then elements of `each` bytes.
const fn shape(extra: u8, each: u8) -> Option<Shape> {
    match NonZeroU8::new(extra.saturating_add(HEAD)) {
        Some(alone) => Some(Shape { alone, each }),
        None => None,
    }
}

/// Bytes of a whole record; none for an unknown kind.
pub(crate) fn record_len(info: Info) -> Option<usize> {
    let shape = (*SHAPES.get(usize::from(info.kind().0))?)?;
    let elements = info.vlen().checked_mul(u32::from(shape.each))?;
    let len = elements.checked_add(u32::from(shape.alone.get()))?;
    usize::try_from(len).ok()
}

/// Of each kind from 0 on, bytes that follow what every record has, and bytes of each element.
pub(crate) fn sizes() -> impl Iterator<Item = (u8, u8)> {
    SHAPES.iter().map(|shape| match shape {
        Some(Shape { alone, each }) => (alone.get().saturating_sub(HEAD), *each),
        None => (0, 0),
    })
}
