// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the command `kfunc` does, for programs that do it too.
//!
//! ```text
//!   MODULE.ko ┬─ .kfunc_abi ──────► records ────────────────────┬─► MODULE.ko with .BTF, .BTF.base
//!             ├─ .BTF, .BTF_ids ──► types and ids of C parts ───┘
//!             └─ stubs ───────────► compared with verifier_fixup::text
//! ```

#![forbid(unsafe_code)]

mod base;
mod btf_file;
mod btf_ids;
mod check;
mod dump;
mod embed;
mod error;
mod foreign;
mod funcs;
mod header;
mod id_sets;
mod list;
mod module;
mod node;
mod rewrite;
mod split;
mod stubs;
mod table;
mod types;

pub use btf_file::{read_btf, BtfFile};
pub use check::{check, CheckKernel, CheckPolicy, Refusal};
pub use dump::{dump, Format};
pub use embed::{embed, Embedded, Signatures};
pub use error::{Error, Result};
pub use header::{header, header_of, Language};
pub use id_sets::{kfunc_sets, KfuncSet};
pub use list::{
    for_people, list, Declared, Kfunc, KfuncFile, KfuncList, Place, Programs, Running, Selection,
};
