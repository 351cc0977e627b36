// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the command `kfunc` does, for programs that do it too.
//! A file for each subcommand: [`embed()`], [`list()`], [`header()`], [`doctor()`], [`check()`], [`dump()`],
//! [`split_btf()`] and [`unsplit_btf()`].

#![forbid(unsafe_code)]

mod btf_file;
mod btf_id_symbol;
mod check;
mod doctor;
mod dump;
mod embed;
mod error;
mod header;
mod id_sets;
mod list;
mod rooms;
mod split;
mod unsplit;

pub use btf_file::{read_btf, BtfFile};
pub use check::{check, CheckKernel, CheckPolicy, Refusal};
pub use doctor::{doctor, Diagnosis, Finding, Rule, Who};
pub use dump::{dump, Format};
pub use embed::{embed, Embedded, Signatures};
pub use error::{Error, Result};
pub use header::{header, header_of, Language};
pub use id_sets::{kfunc_sets, KfuncSet};
pub use list::{
    for_people, list, Declared, Kfunc, KfuncFile, KfuncList, Place, Programs, Running, Selection,
};
pub use split::{split_btf, IdsFile, NamedKfunc, SplitBtf, SplitRequest};
pub use unsplit::{unsplit_btf, TypeOrder};
