// SPDX-License-Identifier: MIT OR Apache-2.0

//! Machine code: the stubs that fill in implicit arguments, and the calls that lead to them.
//!
//! ```text
//!   a program, as its JIT made it          a stub                     slot
//!   call ───────────────────────────────► landing pad               ┌─────────┬─────────┐
//!   [call]: found, and sent elsewhere     argument register ◄────── │ value 0 │ value 1 │
//!   [patch]: as a value                   argument register ◄──┐    └─────────┴─────────┘
//!                                         jump to the body     └─── an address, a constant, the call site
//!                                         [stub]
//! ```
//!
//! What is encoded is checked: an immediate ([`imm`]) that does not fit its instruction is an error.

pub mod arm64;
pub mod call;
pub mod imm;
pub mod patch;
pub mod stub;
pub mod x86_64;

/// Bytes from `from` to `to`.
pub(crate) fn distance(from: u64, to: u64) -> i64 {
    to.wrapping_sub(from) as i64
}
