// SPDX-License-Identifier: MIT OR Apache-2.0

//! The words that raw and JSON have in common; they are bpftool's.

use btf_core::{Btf, Info, IntEncoding, Kind, Type};

pub(super) fn int_encoding(encoding: IntEncoding) -> &'static str {
    match encoding {
        IntEncoding::UNSIGNED => "(none)",
        IntEncoding::SIGNED => "SIGNED",
        IntEncoding::CHAR => "CHAR",
        IntEncoding::BOOL => "BOOL",
        _ => "UNKN",
    }
}

/// The name at `offset`, or what stands for none.
pub(super) fn name<'a>(btf: &Btf<'a>, offset: u32) -> &'a [u8] {
    match offset {
        0 => b"(anon)",
        _ => btf.name_at(offset),
    }
}

pub(super) fn kind(kind: Kind) -> &'static str {
    kind.name().unwrap_or("UNKNOWN")
}

/// Whether the enumerators of an ENUM or ENUM64 have a sign.
pub(super) fn enum_encoding(info: Info) -> &'static str {
    if info.kind_flag() {
        "SIGNED"
    } else {
        "UNSIGNED"
    }
}

pub(super) fn composite(kind: Kind) -> &'static str {
    match kind {
        Kind::UNION => "union",
        _ => "struct",
    }
}

/// What a FWD announces.
pub(super) fn fwd_kind(info: Info) -> &'static str {
    if info.kind_flag() {
        "union"
    } else {
        "struct"
    }
}

/// The linkage of a FUNC or VAR.
pub(super) fn linkage(ty: &Type<'_>) -> &'static str {
    match ty.linkage() {
        Some(0) => "static",
        Some(1) => "global",
        Some(2) => "extern",
        _ => "(unknown)",
    }
}
