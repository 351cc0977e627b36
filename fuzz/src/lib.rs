// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the fuzz targets share: inputs, and what must hold for each.

pub mod blob;
mod generate;
pub mod parse;
pub mod seeds;
pub mod validate;

use std::sync::LazyLock;

use btf_core::Btf;
use generate::{generate, Generated};

/// What stands for the kernel's own BTF.
static KERNEL: LazyLock<Vec<u8>> = LazyLock::new(seeds::kernel);

fn kernel() -> Btf<'static> {
    Btf::parse(&KERNEL).unwrap()
}

/// A fuzzer's bytes are a BTF if they begin as one; if not, one is made from them.
fn input(data: &[u8]) -> Generated {
    match data {
        [0x9f, 0xeb, ..] | [0xeb, 0x9f, ..] => Generated {
            base: None,
            blob: data.to_vec(),
            twin: None,
        },
        _ => generate(data),
    }
}
