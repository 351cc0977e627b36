// SPDX-License-Identifier: MIT OR Apache-2.0

//! System V Application Binary Interface, AMD64 Architecture Processor Supplement, section 3.2.3.

use super::{words, ArgPlace, State};
use crate::model::{ArgModel, Class};

/// The call has pushed it when the function is entered.
pub(super) const RETURN_ADDRESS_LEN: u32 = 8;
/// `rax`, `rdx`.
pub(super) const RETURN_REGISTERS: [u8; 2] = [0, 2];

pub(super) const fn argument_register(index: usize) -> Option<u8> {
    let number = match index {
        0 => 7, // rdi
        1 => 6, // rsi
        2 => 2, // rdx
        3 => 1, // rcx
        4 => 8, // r8
        5 => 9, // r9
        _ => return None,
    };
    Some(number)
}

/// An argument is in registers as a whole or not at all; later ones may still take what it left. One with
/// unaligned fields has class MEMORY.
pub(super) fn place(state: &mut State, arg: &ArgModel) -> ArgPlace {
    let registers = match arg.class {
        Class::Packed => None,
        _ => state.take_registers(words(arg)),
    };
    registers.unwrap_or_else(|| state.take_stack(arg))
}
