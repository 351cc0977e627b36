// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc btf split` and `kfunc btf unsplit`: what they make of a small BTF, and what they refuse. `cargo xtask split` compares
//! the first with resolve_btfids.

mod basics;
#[path = "../command/mod.rs"]
mod command;
mod kernel;
mod module;
mod refused;
mod unsplit;
