// SPDX-License-Identifier: MIT OR Apache-2.0

//! The header in C.

use std::collections::BTreeSet;

use super::{identifier, remarks, Part};
use crate::dump::{
    arena_macro, AfterKernel, ARENA_ATTRIBUTE, KFUNC_MACROS, TYPES_BEGIN, TYPES_END,
};
use crate::Result;

/// What ends a definition, and its line.
const DEFINITION_END: &str = ";\n\n";

/// What was declared so far.
#[derive(Default)]
pub(super) struct Header {
    types: String,
    known: BTreeSet<String>,
    functions: String,
}

impl Header {
    pub(super) fn add(&mut self, part: &Part<'_>) -> Result<()> {
        // The vmlinux.h has all types of the kernel.
        let first_own = match part.kernel {
            true => part.btf.end_id(),
            false => part.btf.first_id(),
        };
        let pointer_size = part.file.btf.pointer_size;
        let mut text = AfterKernel::new(part.btf, pointer_size, first_own)?;
        let mut params = part.text();
        for entry in &part.entries {
            let proto = entry.signature.public();
            let types = text.define(proto)?;
            self.define(&types);
            let declaration = text.declare(proto, entry.signature.name())?;
            let fast = text.is_fast(entry.signature.func());
            self.declare(&remarks(entry, &mut params)?, fast, &declaration);
        }
        Ok(())
    }

    /// Adds definitions, but not again those that another module has, too.
    fn define(&mut self, types: &str) {
        for definition in types.split_inclusive(DEFINITION_END) {
            if self.known.insert(definition.to_owned()) {
                self.types.push_str(definition);
            }
        }
    }

    fn declare(&mut self, remarks: &[String], fast: bool, declaration: &str) {
        let text = &mut self.functions;
        match remarks {
            [] => {}
            [remark] => text.push_str(&format!("/* {} */\n", comment(remark))),
            remarks => {
                text.push_str("/*\n");
                for remark in remarks {
                    text.push_str(format!(" * {}", comment(remark)).trim_end());
                    text.push('\n');
                }
                text.push_str(" */\n");
            }
        }
        let fast = if fast { "__bpf_fastcall " } else { "" };
        let declaration = arena_macro(declaration);
        text.push_str(&format!("extern {fast}{declaration} __weak __ksym;\n"));
    }

    /// The whole header of `name`; none if it declares nothing.
    pub(super) fn finish(self, name: &str) -> Option<String> {
        if self.functions.is_empty() {
            return None;
        }
        let guard = format!("__KFUNC_{}_H__", identifier(name).to_uppercase());
        let types = match self.types.as_str() {
            "" => String::new(),
            types => [TYPES_BEGIN, types, TYPES_END].concat(),
        };
        let functions = &self.functions;
        Some(format!(
            "/* The kfuncs of {name}, for BPF programs. Made by kfunc header.\n \
             *\n \
             * To be included after a vmlinux.h of the same kernel. One that declares kfuncs, too, declares them as here;\n \
             * if it is of another kernel, define BPF_NO_KFUNC_PROTOTYPES before it.\n \
             */\n\
             #ifndef {guard}\n\
             #define {guard}\n\
             \n\
             {KFUNC_MACROS}\
             #ifndef __arena\n\
             #define __arena {ARENA_ATTRIBUTE}\n\
             #endif\n\
             \n\
             {types}{functions}\
             \n\
             #endif /* {guard} */\n"
        ))
    }
}

/// Text that does not end its comment.
fn comment(text: &str) -> String {
    text.replace("*/", "* /")
}
