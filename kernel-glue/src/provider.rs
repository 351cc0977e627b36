// SPDX-License-Identifier: GPL-2.0-only

//! Providers: one for each kind of implicit argument.

use core::fmt;

use kfunc_abi::AsC;

use crate::Program;

mod per_program;
mod prog_aux;

pub use per_program::{PerProgram, State, StateCell};
pub use prog_aux::ProgAux;

/// A type that can stand as an `#[implicit]` parameter: it says what a program is given at bind time.
///
/// # Safety
///
/// `Self` is passed in one general-purpose register, and what [`Provider::bind`] gives is, in its low bits, a valid
/// `Self` for as long as the program lives. If [`Provider::NATIVE`] is set, so is the `struct bpf_prog_aux *` of the
/// program.
pub unsafe trait Provider: AsC + Sized {
    /// Whether the verifier of Linux 7.0 and later can fill it in by itself.
    const NATIVE: bool = false;

    /// What the provider keeps for each slot.
    type Store: Sync + 'static;

    /// A store that is not in use.
    const EMPTY: Self::Store;

    /// The value for `program`. The store is the program's own until it is unbound.
    ///
    /// # Errors
    ///
    /// A refusal: the program is then not loaded.
    ///
    /// # Safety
    ///
    /// The store belongs to a slot that this program has just claimed.
    unsafe fn bind(store: &'static Self::Store, program: &Program<'_>) -> Result<usize, Refusal>;

    /// Ends the use of a store that was bound. The program does not run any more.
    ///
    /// Called in the handler of a kprobe, in any context: it must not sleep, nor wait for a lock. (With
    /// `CONFIG_PREEMPT_RT`, taking a `spinlock_t` sleeps, and so may `kfree`.) Should the end of a program have been
    /// missed, it is called when its slot is taken by another, or when the module goes.
    ///
    /// # Safety
    ///
    /// The store was bound, and not unbound since.
    unsafe fn unbind(store: &'static Self::Store);
}

/// Why a program is not given a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal(
    /// The reason, for the kernel log.
    pub &'static str,
);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
