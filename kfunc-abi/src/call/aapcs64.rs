// SPDX-License-Identifier: MIT OR Apache-2.0

//! Procedure Call Standard for the Arm 64-bit Architecture, section 6.8.2, stage C, for what is in general
//! registers.

use super::{words, ArgPlace, State};
use crate::model::ArgModel;

/// `x0` to `x7`.
const REGISTERS: usize = 8;
/// `x0`, `x1`.
pub(super) const RETURN_REGISTERS: [u8; 2] = [0, 1];

pub(super) const fn argument_register(index: usize) -> Option<u8> {
    if index < REGISTERS {
        Some(index as u8)
    } else {
        None
    }
}

/// What is aligned to 16 bytes begins at an even register (C.10). Once an argument had to go to the stack, all
/// later ones do (C.13).
pub(super) fn place(state: &mut State, arg: &ArgModel) -> ArgPlace {
    if arg.alignment() == 16 {
        state.registers = state.registers.saturating_add(state.registers & 1);
    }
    state.take_registers(words(arg)).unwrap_or_else(|| {
        state.registers = REGISTERS;
        state.take_stack(arg)
    })
}
