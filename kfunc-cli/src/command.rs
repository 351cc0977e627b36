// SPDX-License-Identifier: MIT OR Apache-2.0

//! The subcommands: what each is told, and what it does.

mod check;
mod doctor;
mod dump;
mod embed;
mod header;
mod kfuncs;
mod list;
mod split;
mod unsplit;
mod with_kfuncs;

pub(crate) use check::Check;
pub(crate) use doctor::Doctor;
pub(crate) use dump::Dump;
pub(crate) use embed::Embed;
pub(crate) use header::Header;
pub(crate) use list::List;
pub(crate) use split::Split;
pub(crate) use unsplit::Unsplit;
