// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a kfunc is, declared once in Rust.
//!
//! ```text
//!   #[kfunc(slots = 16)]
//!   fn foo(a: u64, #[implicit] b: B) -> u32 { … }
//!        │ parse_kfuncs!
//!        ▼
//!      Decl ── KfuncRecord in ELF section .kfunc_abi ──► kfunc embed ──► BTF:
//!                                                          FUNC foo       u32 (u64 a)        public
//!                                                          FUNC foo_impl  u32 (u64 a, B *b)  full
//! ```
//!
//! A kfunc has two signatures. The *public* one is what BPF programs call: its explicit parameters.
//! The *full* one, named with [`IMPL_SUFFIX`], adds the implicit parameters, which are filled in when a
//! program is loaded.

#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod call;
mod ctype;
mod decl;
mod declare;
mod flags;
mod id_set;
pub mod model;
mod prog_type;
pub mod record;
mod signature;
pub mod split;
mod suffix;
mod tag;
mod type_decl;
mod version;

pub use btf_core::Kind;
pub use ctype::{AsC, CType, Prototype};
pub use decl::{check_names, Decl, Delivery, ParamDecl, Passed, IMPL_SUFFIX, KSYM_NAME_LEN};
pub use flags::{KfuncFlag, KfuncFlags};
pub use id_set::{
    IdFlags, IdSet8, IdSetError, IdSetErrorKind, IdSetReader, Kfuncs, BTF_SET8_KFUNCS,
};
pub use prog_type::{Hook, ProgType};
pub use signature::{
    Signature, SignatureError, SignatureErrorKind, SignatureParam, SignatureParams, Source,
    IMPLICIT_STRUCTS,
};
pub use suffix::{
    annotation_in, annotation_of, is_annotated_name, Annotation, Known, Spelling, Unspellable,
};
pub use tag::{ARENA_ATTRIBUTE, FASTCALL_TAG, KFUNC_TAG};
pub use type_decl::{MemberDecl, TypeBody, TypeDecl};
pub use version::{End, KernelVersion, Kernels, Presence};
