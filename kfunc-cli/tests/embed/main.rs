// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc embed` on small modules made here. Modules that kbuild made are embedded, and loaded, by the boot tests.

mod basics;
#[path = "../command/mod.rs"]
mod command;
mod describe;
mod kernel;
mod merge;
mod module;
mod record;
mod refused;
mod shapes;
