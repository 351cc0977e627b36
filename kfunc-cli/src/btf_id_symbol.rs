// SPDX-License-Identifier: MIT OR Apache-2.0

//! `.BTF_ids` and the symbols in it (`include/linux/btf_ids.h`).

use btf_core::Kind;

/// The section of ids.
pub(crate) const SECTION: &str = ".BTF_ids";
/// What the symbols of ids and sets begin with.
pub(crate) const PREFIX: &str = "__BTF_ID__";

/// `func__foo__123`, what follows the prefix in the symbol of an id: FUNC, foo, 123.
pub(crate) fn parse(id: &str) -> Option<(Kind, &str, &str)> {
    let (kind, rest) = id.split_once("__")?;
    let kind = match kind {
        "func" => Kind::FUNC,
        "struct" => Kind::STRUCT,
        "union" => Kind::UNION,
        "typedef" => Kind::TYPEDEF,
        _ => return None,
    };
    let (name, number) = rest.rsplit_once("__")?;
    Some((kind, name, number))
}
