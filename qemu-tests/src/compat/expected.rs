// SPDX-License-Identifier: MIT OR Apache-2.0

//! What must come of each cell, written by hand from the kernel's source (`kernel/bpf/verifier.c`): `add_kfunc_call`
//! and `check_kfunc_args` of 6.12; `fetch_kfunc_meta`, `bpf_add_kfunc_call` and `check_kfunc_args` of 7.3.

use super::cell::{Key, Program, Tools};
use super::outcome::Outcome::{
    self, Arrives, Incompatible, NoAddress, NoFunc, NoImpl, NotFound, NotScalar, OwnAux, Unresolved,
};

/// Whether the kernel fills in implicit arguments.
const WITHOUT: bool = false;
const NATIVE: bool = true;

/// Of a program by the old header, of one by the new header, and of raw instructions.
type Row = [Outcome; 3];

const EXPECTED: &[(bool, Tools, &str, Row)] = &[
    // One prototype: the aux is an argument as any other, and these programs have none to pass.
    (
        WITHOUT,
        Tools::Old,
        "plain",
        [NotScalar, Incompatible, NotScalar],
    ),
    (
        WITHOUT,
        Tools::Old,
        "legacy",
        [NotScalar, Incompatible, NotScalar],
    ),
    (
        WITHOUT,
        Tools::Old,
        "void",
        [NotScalar, Incompatible, NotScalar],
    ),
    // Two: the verifier sees no such argument. It does not look at the register, and does not fill it in.
    (
        WITHOUT,
        Tools::New,
        "plain",
        [Incompatible, Arrives, Arrives],
    ),
    (
        WITHOUT,
        Tools::New,
        "legacy",
        [Incompatible, Arrives, Arrives],
    ),
    (
        WITHOUT,
        Tools::New,
        "void",
        [Incompatible, Arrives, Arrives],
    ),
    // `__ign`: not looked at.
    (WITHOUT, Tools::Old, "legacy_impl", [Arrives; 3]),
    (WITHOUT, Tools::Old, "void_impl", [Arrives; 3]),
    (WITHOUT, Tools::New, "legacy_impl", [Arrives; 3]),
    (WITHOUT, Tools::New, "void_impl", [Arrives; 3]),
    // The flag says that there are two prototypes. There are only where the C code has both functions: then the type of
    // the argument of `_impl` decides whether it is filled in, and whether that is asked for with a flag or not.
    (NATIVE, Tools::Old, "plain", [NoImpl, Incompatible, NoImpl]),
    (NATIVE, Tools::Old, "legacy", [OwnAux, Incompatible, OwnAux]),
    (NATIVE, Tools::Old, "void", [Arrives, Incompatible, Arrives]),
    (NATIVE, Tools::New, "plain", [Incompatible, OwnAux, OwnAux]),
    (NATIVE, Tools::New, "legacy", [Incompatible, OwnAux, OwnAux]),
    (NATIVE, Tools::New, "void", [Incompatible, Arrives, Arrives]),
    (NATIVE, Tools::Old, "legacy_impl", [OwnAux; 3]),
    (NATIVE, Tools::Old, "void_impl", [Arrives; 3]),
    (NATIVE, Tools::New, "legacy_impl", [OwnAux; 3]),
    (NATIVE, Tools::New, "void_impl", [Arrives; 3]),
    // The new tools make this one, as a prototype only: there is no symbol of that name.
    (
        WITHOUT,
        Tools::Old,
        "plain_impl",
        [NotFound, NotFound, NoFunc],
    ),
    (WITHOUT, Tools::New, "plain_impl", [NoAddress; 3]),
    (
        NATIVE,
        Tools::Old,
        "plain_impl",
        [NotFound, NotFound, NoFunc],
    ),
    (NATIVE, Tools::New, "plain_impl", [NoAddress; 3]),
];

/// What must come of a cell on a kernel with `native` implicit arguments or without; none if there is no such cell.
pub(super) fn expected(native: bool, key: Key) -> Option<Outcome> {
    // What we make must be as good as what the kernel's own tool makes.
    let tools = match key.tools {
        Tools::Ours => Tools::New,
        tools => tools,
    };
    let mut rows = EXPECTED.iter();
    let (.., [old, new, raw]) = rows.find(|(kernel, made_by, kfunc, _)| {
        (*kernel, *made_by, *kfunc) == (native, tools, key.kfunc)
    })?;
    Some(match key.program {
        Program::Old => *old,
        Program::New => *new,
        Program::Raw => *raw,
        Program::OldWeak => weak(*old),
        Program::NewWeak => weak(*new),
        // It has both declarations, and calls by the one that fits.
        Program::Either if key.kfunc.ends_with("_impl") => return None,
        Program::Either if tools == Tools::Old => *old,
        Program::Either => *new,
    })
}

/// What libbpf refuses it leaves to the verifier, if the declaration is weak.
fn weak(strong: Outcome) -> Outcome {
    match strong {
        Incompatible | NotFound => Unresolved,
        other => other,
    }
}
