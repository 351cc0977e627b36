// SPDX-License-Identifier: MIT OR Apache-2.0

//! Memory for what btf-core keeps beside a BTF.

use btf_core::Btf;

/// Memory for the indexes of a BTF.
pub(crate) struct Rooms {
    types: Vec<u32>,
    names: Vec<u32>,
    named_types: Vec<u32>,
}

impl Rooms {
    pub(crate) fn of(btf: Option<&Btf<'_>>) -> Self {
        let types = btf.map_or(0, |btf| btf.own_len() as usize);
        Self {
            types: vec![0; types],
            names: vec![0; 2 * btf.map_or(0, Btf::names_len)],
            named_types: vec![0; 2 * types],
        }
    }

    pub(crate) fn index<'r>(&'r mut self, btf: Btf<'r>) -> Btf<'r> {
        btf.indexed(&mut self.types)
            .names_indexed(&mut self.names)
            .types_indexed(&mut self.named_types)
    }
}
