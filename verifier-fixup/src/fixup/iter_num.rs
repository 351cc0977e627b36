// SPDX-License-Identifier: MIT OR Apache-2.0

//! The iterator over numbers without its calls (Linux 7.3; 6.12 calls).
//!
//! R1 points to the iterator, which is two words of 32 bits: the number that was given last, and the end. The numbers
//! are signed. A range that cannot be, or is too long, leaves both words 0, and so does the end of the loop.

use super::Replacement;
use crate::insn::{Code, Insn, Reg};

/// The most steps of a loop (`BPF_MAX_LOOPS` of `include/linux/bpf.h`).
pub const MAX_LOOPS: i32 = 8 * 1024 * 1024;

const EINVAL: i32 = 22;
const E2BIG: i32 = 7;

/// `BPF_ALU | BPF_ADD | BPF_K`.
const ADD: Code = Code(0x04);
/// `BPF_ALU | BPF_SUB | BPF_X`.
const SUBTRACT: Code = Code(0x1c);
/// `BPF_ALU | BPF_MOV | BPF_X`.
const MOVE32: Code = Code(0xbc);
/// `BPF_ALU64 | BPF_MOV | BPF_X`.
const MOVE: Code = Code(0xbf);
/// `BPF_ALU64 | BPF_MOV | BPF_K`.
const SET: Code = Code(0xb7);
/// `BPF_JMP | BPF_JGT | BPF_K`.
const IF_ABOVE: Code = Code(0x25);
/// `BPF_JMP32 | BPF_JSGT | BPF_X`.
const IF_GREATER: Code = Code(0x6e);
/// `BPF_JMP32 | BPF_JSGE | BPF_X`.
const IF_NOT_LESS: Code = Code(0x7e);
/// `BPF_LDX | BPF_MEM | BPF_W`.
const LOAD: Code = Code(0x61);
/// `BPF_STX | BPF_MEM | BPF_W`.
const STORE: Code = Code(0x63);
/// `BPF_ST | BPF_MEM | BPF_DW`, both words at once.
const STORE_BOTH: Code = Code(0x7a);

/// Offset of the number that was given last.
const CURRENT: i16 = 0;
/// Offset of the end.
const END: i16 = 4;

/// Both words are 0.
const CLEAR: Insn = Insn::new(STORE_BOTH, Reg::R1, Reg::NONE, CURRENT, 0);

/// `bpf_iter_num_new`: R2 is the first number, R3 the end. Writes R0 and R2.
pub fn new() -> Replacement {
    let (error, start, end) = (Reg::R0, Reg::R2, Reg::R3);
    Replacement::of([
        Insn::new(IF_GREATER, start, end, 8, 0),
        Insn::new(MOVE32, Reg::R0, end, 0, 0),
        Insn::new(SUBTRACT, Reg::R0, start, 0, 0),
        Insn::new(IF_ABOVE, Reg::R0, Reg::NONE, 8, MAX_LOOPS),
        // The one before the first was given last.
        Insn::new(ADD, start, Reg::NONE, 0, -1),
        Insn::new(STORE, Reg::R1, start, CURRENT, 0),
        Insn::new(STORE, Reg::R1, end, END, 0),
        set(error, 0),
        Insn::goto(5),
        CLEAR,
        set(error, -EINVAL),
        Insn::goto(2),
        CLEAR,
        set(error, -E2BIG),
    ])
}

/// `bpf_iter_num_next`: R0 points to the next number, or is 0. Writes R2, too.
pub fn next() -> Replacement {
    let (number, end) = (Reg::R0, Reg::R2);
    Replacement::of([
        Insn::new(LOAD, number, Reg::R1, CURRENT, 0),
        Insn::new(ADD, number, Reg::NONE, 0, 1),
        Insn::new(LOAD, end, Reg::R1, END, 0),
        Insn::new(IF_NOT_LESS, number, end, 3, 0),
        Insn::new(STORE, Reg::R1, number, CURRENT, 0),
        Insn::new(MOVE, Reg::R0, Reg::R1, 0, 0),
        Insn::goto(2),
        CLEAR,
        set(Reg::R0, 0),
    ])
}

/// `bpf_iter_num_destroy`: there is nothing to do.
pub fn destroy() -> Replacement {
    Replacement::of([Insn::goto(0)])
}

fn set(register: Reg, value: i32) -> Insn {
    Insn::new(SET, register, Reg::NONE, 0, value)
}
