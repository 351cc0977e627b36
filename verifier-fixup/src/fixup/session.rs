// SPDX-License-Identifier: MIT OR Apache-2.0

//! Calls about its session in a program attached as `BPF_TRACE_FSESSION` or `BPF_TRACE_FSESSION_MULTI` (7.3). In any
//! other program they stay calls.
//!
//! The trampoline keeps a word before the context, which R1 points to (`include/linux/bpf.h`): bit 63 is set at the
//! function's return, and bits 8–15 say how many words before the context the cookie is.

use super::Replacement;
use crate::insn::{Code, Insn, Reg};

/// `BPF_TRAMP_IS_RETURN_SHIFT`.
const IS_RETURN_SHIFT: i32 = 63;
/// `BPF_TRAMP_COOKIE_INDEX_SHIFT`.
const COOKIE_INDEX_SHIFT: i32 = 8;

/// `BPF_ALU64 | BPF_AND | BPF_K`.
const AND: Code = Code(0x57);
/// `BPF_ALU64 | BPF_LSH | BPF_K`.
const SHIFT_LEFT: Code = Code(0x67);
/// `BPF_ALU64 | BPF_RSH | BPF_K`.
const SHIFT_RIGHT: Code = Code(0x77);
/// `BPF_LDX | BPF_MEM | BPF_DW`.
const LOAD: Code = Code(0x79);
/// `BPF_ALU64 | BPF_SUB | BPF_X`.
const SUBTRACT: Code = Code(0x1f);
/// `BPF_ALU64 | BPF_NEG`.
const NEGATE: Code = Code(0x87);

/// The word before the context.
const TRAMPOLINE_WORD: Insn = Insn::new(LOAD, Reg::R0, Reg::R1, -8, 0);

/// `bpf_session_is_return`: R0 is bit 63.
pub fn is_return() -> Replacement {
    Replacement::of([
        TRAMPOLINE_WORD,
        on_r0(SHIFT_RIGHT, IS_RETURN_SHIFT),
        on_r0(AND, 1),
    ])
}

/// `bpf_session_cookie`: R0 is the cookie's address, R1 less eight bytes for each word.
pub fn cookie() -> Replacement {
    Replacement::of([
        TRAMPOLINE_WORD,
        on_r0(SHIFT_RIGHT, COOKIE_INDEX_SHIFT),
        on_r0(AND, 0xff),
        on_r0(SHIFT_LEFT, 3),
        Insn::new(SUBTRACT, Reg::R0, Reg::R1, 0, 0),
        on_r0(NEGATE, 0),
    ])
}

fn on_r0(code: Code, value: i32) -> Insn {
    Insn::new(code, Reg::R0, Reg::NONE, 0, value)
}
