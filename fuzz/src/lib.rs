// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the fuzz targets share: inputs, and what must hold for each.

pub mod bind;
pub mod blob;
pub mod dedup;
mod generate;
pub mod parse;
pub mod relocate;
pub mod rewrite;
mod same;
pub mod seeds;
#[cfg(test)]
mod tests;
pub mod text;
pub mod validate;
pub mod write;

use std::sync::LazyLock;

use btf_core::{Btf, Header};
use generate::{generate, Generated};

/// What stands for the kernel's own BTF.
static KERNEL: LazyLock<Vec<u8>> = LazyLock::new(|| seeds::kernel().bytes());

fn kernel() -> Btf<'static> {
    Btf::parse(&KERNEL).unwrap()
}

/// A fuzzer's bytes are a BTF, or two of which the second stands on the first, if they begin as one; if not, BTF is made
/// from them.
fn input(data: &[u8]) -> Generated {
    if !is_btf(data) {
        return generate(data);
    }
    let (first, rest) = cut(data);
    Generated {
        base: (!rest.is_empty()).then(|| first.to_vec()),
        blob: if rest.is_empty() { first } else { rest }.to_vec(),
        twin: None,
    }
}

fn is_btf(data: &[u8]) -> bool {
    matches!(data, [0x9f, 0xeb, ..] | [0xeb, 0x9f, ..])
}

/// Cuts the first BTF off, if another one follows it at once.
fn cut(data: &[u8]) -> (&[u8], &[u8]) {
    let start = data.as_ptr_range().start as usize;
    let ends = Header::parse(data).map(|header| {
        [header.types, header.strings, header.layout]
            .map(|section| section.as_ptr_range().end as usize)
    });
    let end = ends.ok().and_then(|ends| ends.into_iter().max());
    let (first, rest) = end.map_or((data, &[][..]), |end| data.split_at(end - start));
    if is_btf(rest) {
        (first, rest)
    } else {
        (data, &[])
    }
}
