// SPDX-License-Identifier: MIT OR Apache-2.0

//! BTF, the kernel's type information, read and written in caller memory.
//!
//! ```text
//!   bytes ──► Header ──► Btf ──► Type (one record) ──► Params, Members, Enumerators
//!                         │
//!                         ├── find(name, kind), skip_modifiers, member("a.b.c")
//!                         ├── base: a split BTF stands on another one
//!                         └── Relocation: moves it there from a distilled base
//!   bytes ──► validate: would a kernel take it? ──► Btf
//!   bytes ◄── Writer: push one record after the other, then finish
//! ```
//!
//! Nothing is copied and nothing is allocated: a [`Btf`] borrows its bytes, a [`Writer`] fills a slice
//! that the caller gives it. No function panics, whatever the bytes are.
//!
//! The format is that of the kernel's `include/uapi/linux/btf.h` and
//! `Documentation/bpf/btf.rst`.
//!
//! ```
//! use btf_core::{Btf, IntEncoding, Kind, TypeId, Writer};
//!
//! let mut out = [0; 64];
//! let mut writer = Writer::new(&mut out);
//! let int = writer.push_int(b"int", 4, IntEncoding::SIGNED)?;
//! let bytes = writer.finish()?;
//!
//! let btf = Btf::parse(bytes)?;
//! assert_eq!(btf.find(b"int", Kind::INT).map(|ty| ty.id()), Some(int));
//! assert_eq!(int, TypeId(1));
//! # Ok::<(), btf_core::Error>(())
//! ```
//!
//! The crate's README, which is also [the module `guide`](guide), explains BTF to those who have never seen it.

#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod amend;
mod btf;
mod bytes;
mod dedup;
mod distill;
mod elements;
mod error;
mod header;
mod index;
mod info;
mod layout;
pub mod limits;
mod member;
mod names;
mod print;
mod references;
mod relocate;
mod shape;
mod sort;
mod types;
pub mod validate;
mod words;
mod write;

pub use amend::{Amended, AmendedTypes, NewPrototype};
pub use btf::{Btf, Types};
pub use bytes::ByteOrder;
pub use dedup::{dedup_room, Deduplicated};
pub use distill::Distillation;
pub use elements::{
    Array, Enumerator, Enumerators, Param, Params, RawMember, RawMembers, Variable, Variables,
};
pub use error::{At, Error, ErrorKind, Section};
pub use header::Header;
pub use info::{Dialect, Info, Kind};
pub use member::Member;
pub use print::Declaration;
pub use relocate::Relocation;
pub use types::{Int, IntEncoding, Linkage, Type, TypeId};
pub use write::{SortKey, Tag, WriteOptions, Writer};

/// BTF for those who have never seen it; then figures and how to have them again.
#[cfg(any(doc, doctest))]
#[doc = include_str!("../README.md")]
pub mod guide {}
