// SPDX-License-Identifier: GPL-2.0-only

//! Providers: one for each kind of implicit argument.

use core::fmt;

use kfunc_abi::{AsC, Passed};

use crate::Program;

mod by_program;
mod call_site;
mod constant;
mod per_program;
mod per_site;
mod prog;
mod prog_aux;

pub use by_program::{ByProgram, FromProgram};
pub use call_site::CallSite;
pub use constant::Const;
pub use per_program::{PerProgram, State, StateCell};
pub use per_site::{PerSite, SiteTable};
pub use prog::Prog;
pub use prog_aux::ProgAux;

/// A type that can stand as an `#[implicit]` parameter: it says what a program is given at bind time.
///
/// # Safety
///
/// `Self` is passed in one general-purpose register, and what [`Provider::bind`] gives is, in its low bits, a valid
/// `Self` for as long as the program lives. If [`Provider::NATIVE`] is set, so is the `struct bpf_prog_aux *` of the
/// program. [`Provider::For`] is `Self` but for its lifetime. With [`Source::CallSite`], any address is a valid `Self`.
pub unsafe trait Provider: AsC + Sized {
    /// Whether the verifier of Linux 7.0 and later can fill it in by itself.
    const NATIVE: bool = false;

    /// How the stub gets the value.
    const SOURCE: Source = Source::Slot;

    /// The type, for the time of a call: what the body gets, and cannot keep. `Self`, if it has no lifetime.
    type For<'call>: AsC;

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

/// Bytes of the largest value that is made on the kernel's stack when a program is bound. That has 16 KiB, of which the
/// verifier has used some; up to three copies may stand there on the way to the slot, and a function of the kernel's own
/// must not take more than 2048 bytes (`CONFIG_FRAME_WARN`).
const MAX_STATE_ON_STACK: usize = 1024;

/// Stops the build on state that is too large to be made there.
const fn check_state<T>() {
    assert!(
        size_of::<T>() <= MAX_STATE_ON_STACK,
        "a state is made on the kernel's stack, and has at most 1024 bytes: keep a pointer to what is larger"
    );
}

/// Where a stub takes a value from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// From the slot: what [`Provider::bind`] gave.
    Slot,
    /// From the call: where it returns to. What [`Provider::bind`] gives has no meaning then.
    CallSite,
}

impl Source {
    /// What the declaration says of it.
    #[doc(hidden)]
    pub const fn passed(self) -> Passed {
        match self {
            Self::Slot => Passed::Implicitly,
            Self::CallSite => Passed::AsCallSite,
        }
    }
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
