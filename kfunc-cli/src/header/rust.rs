// SPDX-License-Identifier: MIT OR Apache-2.0

//! The header in Rust: a module with an extern block.

mod types;

use std::collections::BTreeMap;

use btf_core::TypeId;

use self::types::{raw, Types};
use super::{remarks, Part};
use crate::dump::ARENA_ATTRIBUTE;
use crate::list::Entry;
use crate::Result;

/// Pull request 161390 of rust-lang/rust would change what is said here; it was open when this was written.
const HEAD: &str = "\
//! To be used as a module of a BPF program, with rustc 1.82 or later.
//!
//! rustc cannot say all that a kfunc needs. Checked with rustc 1.95:
//!
//! - There is no section here: rustc ignores `#[link_section]` on foreign functions, and will refuse it. bpf-linker puts
//!   what is undefined into `.ksyms` (its pull request 317).
//! - There are no types in the program's BTF: rustc writes no debug information for foreign functions (rust-lang/rust
//!   pull requests 152899 and 161390), and loaders (aya issue 432, libbpf) find kfuncs by their BTF. Until rustc does, a
//!   program that calls one of these compiles, but its BTF must be completed before it can be loaded.
//! - All are strong: weak linkage is unstable (`#![feature(linkage)]`). A program that names a kfunc that a kernel does
//!   not have is not loaded there.
//! - There are no address spaces: pointers into an arena look like others.
";

const ALLOW: &str = "#![allow(non_camel_case_types, non_snake_case, dead_code, unused_imports)]\n\
                     #![allow(improper_ctypes, clippy::all)]\n\n\
                     use core::ffi::{c_char, c_void};\n\n";

/// What was declared so far.
#[derive(Default)]
pub(super) struct Header {
    /// Definitions, by name.
    types: BTreeMap<String, String>,
    functions: String,
}

impl Header {
    pub(super) fn add(&mut self, part: &Part<'_>) -> Result<()> {
        let first_own = match part.kernel {
            true => part.btf.end_id(),
            false => part.btf.first_id(),
        };
        let mut types = Types::new(part.btf, first_own, &mut self.types);
        let mut text = part.text();
        for entry in &part.entries {
            let mut remarks = remarks(entry, &mut text)?;
            let c = text.declare(entry.signature.public(), entry.signature.name())?;
            if c.contains(ARENA_ATTRIBUTE) {
                remarks.push(format!("Pointers into an arena: {c}"));
            }
            for remark in remarks {
                let line = format!("    /// {remark}");
                self.functions.push_str(line.trim_end());
                self.functions.push('\n');
            }
            let declaration = function(entry, &mut types)?;
            types.define()?;
            self.functions.push_str(&declaration);
        }
        Ok(())
    }

    /// The whole module for `name`; none if it declares nothing.
    pub(super) fn finish(self, name: &str) -> Option<String> {
        if self.functions.is_empty() {
            return None;
        }
        let types: String = self.types.into_values().collect();
        let functions = self.functions;
        Some(format!(
            "//! The kfuncs of {name}, for BPF programs. Made by kfunc header.\n\
             //!\n\
             {HEAD}\n\
             {ALLOW}\
             {types}\
             unsafe extern \"C\" {{\n\
             {functions}\
             }}\n"
        ))
    }
}

fn function(entry: &Entry<'_>, types: &mut Types<'_, '_>) -> Result<String> {
    let name = String::from_utf8_lossy(entry.signature.name());
    let signature = types.signature(entry.signature.public(), true)?;
    let returns = match entry.signature.return_type() {
        TypeId::VOID => String::new(),
        ty => format!(" -> {}", types.of(ty)?),
    };
    Ok(format!(
        "    pub fn {}({signature}){returns};\n",
        raw(&name)
    ))
}
