// SPDX-License-Identifier: MIT OR Apache-2.0

//! The format `c`: the declarations that the types come from.
//!
//! ```text
//!   types, sorted ──► order: what C must see first ──► forward: announced before used ──► declare ──► text
//! ```
//!
//! A whole BTF gives the header that BPF programs include as `vmlinux.h`: a type for a type, names that C has only once
//! made different (`foo___2`), gaps filled so that all sizes and offsets hold. One name gives its definitions.
//!
//! The text is that of `bpftool btf dump file FILE format c`, except where bpftool 7.8 loses something: the type that
//! is the first by name, members that a struct takes in from another one (`-fms-extensions`), the size of a `va_list`
//! and of an enum of two bytes; and gaps of more than 512 lines.

mod declare;
mod define;
mod forward;
mod kfuncs;
mod layout;
mod limits;
mod named;
mod names;
mod order;
mod padding;
mod printer;
mod prototype;
mod sort;
mod twin;

use std::io::Write;

use btf_core::Btf;

use self::forward::Forward;
use self::order::Order;
use self::printer::Printer;
use crate::{Error, Result};

pub(super) use self::named::print as print_named;
pub(crate) use self::prototype::{arena_macro, AfterKernel, Declarations, ARENA_ATTRIBUTE};

const GUARD_BEGIN: &str = "#ifndef __VMLINUX_H__
#define __VMLINUX_H__

";

const GUARD_END: &str = "#endif /* __VMLINUX_H__ */
";

/// What definitions of types begin with, for BPF programs.
pub(crate) const TYPES_BEGIN: &str = "#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
#endif

";

/// What definitions of types end with.
pub(crate) const TYPES_END: &str = "#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

";

/// What declarations of kfuncs are written with.
pub(crate) const KFUNC_MACROS: &str = r#"#ifndef __ksym
#define __ksym __attribute__((section(".ksyms")))
#endif

#ifndef __weak
#define __weak __attribute__((weak))
#endif

#ifndef __bpf_fastcall
#if __has_attribute(bpf_fastcall)
#define __bpf_fastcall __attribute__((bpf_fastcall))
#else
#define __bpf_fastcall
#endif
#endif

"#;

/// A typedef of the compiler that built the kernel. The one for BPF has its own, of another size.
const BUILT_IN: &[u8] = b"__builtin_va_list";

/// Prints all types of `btf` and of its base.
pub(super) fn print(btf: &Btf<'_>, pointer_size: Option<u32>, out: &mut impl Write) -> Result<()> {
    let mut write = |text: &[u8]| out.write_all(text).map_err(Error::Output);
    let mut order = Order::new(btf);
    let mut forward = Forward::new(Printer::new(btf, pointer_size));
    forward.printer.names.reserve(BUILT_IN);
    for part in [GUARD_BEGIN, TYPES_BEGIN, KFUNC_MACROS] {
        write(part.as_bytes())?;
    }
    for id in placed(btf, sort::sorted(btf))? {
        for definition in placed(btf, order.before(id))? {
            placed(btf, forward.define(definition))?;
        }
        write(&forward.printer.take())?;
    }
    placed(btf, kfuncs::declare(&mut forward.printer))?;
    write(&forward.printer.take())?;
    write(TYPES_END.as_bytes())?;
    write(GUARD_END.as_bytes())
}

/// A result whose error says where the record is that it names.
fn placed<T>(btf: &Btf<'_>, result: std::result::Result<T, btf_core::Error>) -> Result<T> {
    Ok(result.map_err(|mut error| {
        let offset = btf.record_offset(error.at.type_id);
        error.at.offset = u32::try_from(offset).unwrap_or(u32::MAX);
        error
    })?)
}
