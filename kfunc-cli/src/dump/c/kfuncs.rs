// SPDX-License-Identifier: MIT OR Apache-2.0

//! The kernel functions that BPF programs may call: FUNCs with a DECL_TAG that says so.

use std::collections::BTreeSet;

use btf_core::{Btf, Error, Kind, Type, TypeId};
use kfunc_abi::{FASTCALL_TAG, KFUNC_TAG};

use super::limits::all_ids;
use super::printer::Printer;

const WHOLE_TYPE: i32 = -1;

/// Declares all kfuncs, by name.
pub(super) fn declare(printer: &mut Printer<'_, '_>) -> Result<(), Error> {
    let btf = printer.btf;
    let fast: BTreeSet<_> = tagged(btf, FASTCALL_TAG.as_bytes())
        .map(|func| func.id())
        .collect();
    let mut kfuncs: Vec<_> = tagged(btf, KFUNC_TAG.as_bytes()).collect();
    kfuncs.sort_by_key(|func| btf.name(func));
    printer.put("\n/* BPF kfuncs */\n#ifndef BPF_NO_KFUNC_PROTOTYPES\n");
    for func in kfuncs {
        printer.put("extern ");
        if fast.contains(&func.id()) {
            printer.put("__bpf_fastcall ");
        }
        let proto = func.target().unwrap_or(TypeId::VOID);
        printer.declaration(proto, btf.name(&func), 0)?;
        printer.put(" __weak __ksym;\n");
    }
    printer.put("#endif\n\n");
    Ok(())
}

/// The FUNCs that `tag` is on.
pub(super) fn tagged<'t, 'a>(
    btf: &'t Btf<'a>,
    tag: &'t [u8],
) -> impl Iterator<Item = Type<'a>> + use<'t, 'a> {
    all_ids(btf)
        .filter_map(|id| btf.get(id))
        .filter(move |ty| ty.component() == Some(WHOLE_TYPE) && btf.name(ty) == tag)
        .filter_map(|ty| btf.get(ty.target()?))
        .filter(|ty| ty.kind() == Kind::FUNC)
}
