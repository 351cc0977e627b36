// SPDX-License-Identifier: MIT OR Apache-2.0

//! What has to change so that a call with implicit arguments works.
//!
//! ```text
//!   BTF of the running kernel ──► layout: where the descriptors keep what
//!   BTF of the module         ──► native: may the verifier fill this kfunc's argument by itself?
//!
//!   call             ──► resolve: which kfunc it is, whether it is allowed, where its implicit arguments come from
//!   program          ──► fixup, rewrite: what the verifier makes of its calls
//!   descriptor table ──► bind: the edits that send a program's calls to its stub
//!   stub address     ──► text: the machine code that the stub must be
//! ```
//!
//! Pure data in, pure data out. Nothing here writes to a kernel's memory; `kernel-glue` does.

#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod bind;
pub mod fixup;
pub mod insn;
pub mod layout;
pub mod native;
pub mod prog;
pub mod resolve;
pub mod rewrite;
pub mod text;
