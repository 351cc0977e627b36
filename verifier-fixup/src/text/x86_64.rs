// SPDX-License-Identifier: MIT OR Apache-2.0

//! x86-64: calls, the instructions around them, and stubs.

pub(super) mod call;
pub mod insn;
pub(super) mod stub;
