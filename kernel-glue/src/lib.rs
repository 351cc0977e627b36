// SPDX-License-Identifier: GPL-2.0-only

//! Kfuncs with implicit arguments in a kernel module: the part that runs in the kernel.
//!
//! ```text
//!   insmod      register ── kernel_btf: is this the kernel that the module was built for?
//!                  │
//!                  ├── probe   (unbind):  a program dies    ──► its slots are free again
//!                  └── filter  (bind):    a call is checked ──► slot ──► providers fill in its values
//!                                                                 │
//!                                         the descriptor of the call now leads to the slot's stub
//!
//!   debugfs     programs (audit): which program has which slot, and where its calls go;  counters
//!
//!   call        BPF program ──► stub: loads the slot's values ──► body
//! ```
//!
//! A module declares its kfuncs with [`kfuncs!`] and hands them to [`register()`]; [`guide`] has an example of everything
//! that can be declared. All unsafe code of the project is in this crate.

#![no_std]

mod audit;
mod bind;
mod buffer;
mod counters;
mod debugfs;
mod declare;
mod ffi;
mod filter;
mod kernel_btf;
mod kfunc;
mod load_error;
mod log;
mod memory;
mod module;
pub mod param;
mod pool;
mod program;
mod provider;
mod register;
mod registered;
mod returned;
mod seq;
mod slots;
mod stubs;
mod time;
mod types;
mod unbind;

/// How kfuncs are declared: the crate's README.
#[cfg(any(doc, doctest))]
#[doc = include_str!("../README.md")]
pub mod guide {}

pub use kfunc::Kfunc;
pub use module::{KfuncSet, Module, Options, Way};
pub use param::Explicit;
pub use program::Program;
pub use provider::{
    ByProgram, CallSite, Const, FromProgram, PerProgram, PerSite, Prog, ProgAux, Provider, Refusal,
    SiteTable, Source, State, StateCell,
};
pub use register::{register, Errno, Registration};
pub use returned::{Handed, Returned};
pub use time::monotonic_ns;

#[doc(hidden)]
pub use declare::{check_registers, MAX_PARAMS};
#[doc(hidden)]
pub use kfunc::Native;
#[doc(hidden)]
pub use kfunc_abi;
#[doc(hidden)]
pub use pool::{Pool, Values, Visit};
#[doc(hidden)]
pub use registered::native_active;
#[doc(hidden)]
pub use returned::returned_type;
#[doc(hidden)]
pub use slots::Slots;
#[doc(hidden)]
pub use stubs::{call_sites, stub_len};
