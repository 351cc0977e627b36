// SPDX-License-Identifier: MIT OR Apache-2.0

//! Whether a kernel would take a BTF: its own checker's rules, one by one and in its order.
//!
//! ```text
//!            header ─► strings ─► layout ─► records alone ─► graph ─► modifier chains ─► special fields
//!   User        ✓         ✓          ✓           ✓              ✓            ✓                 ✓
//!   Kernel      ✓         ✓                      ✓                           ✓
//! ```
//!
//! The kernel trusts its own BTF more than a program's: `btf_parse` checks what BPF_BTF_LOAD is given,
//! `btf_parse_base` and `btf_parse_module` that of vmlinux and of modules (all in `kernel/bpf/btf.c`). The first rule
//! that is broken is told; it is the one that the kernel tells.
//!
//! Not reproduced, as no BTF reaches them: "Layout section is too big" (the sections have been compared with the size
//! of the blob), "Unsupported resolve" and "Unsupported check_member" (of kinds that are refused or need none), "Invalid
//! type" of a DATASEC (its VARs have been resolved, to types with a size) and "Invalid resolve state"; nor what depends
//! on the memory that the kernel has.

mod chain;
mod fields;
mod graph;
mod header;
mod member;
mod meta;
mod names;
mod resolve;
mod rule;

pub use rule::Rule;

use crate::{Btf, ByteOrder, Dialect, Error, ErrorKind, Section, TypeId};

/// The kernel release whose rules are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// Linux 6.12 up to 6.12.107; a later point release, at most 6.12.117, took over what 7.3 asks of special fields.
    Linux6_12_107,
    /// Linux 6.12 from 6.12.117 on.
    Linux6_12,
    /// Linux 7.3.
    Linux7_3,
}

impl Release {
    /// Every release, the oldest first.
    pub const ALL: [Self; 3] = [Self::Linux6_12_107, Self::Linux6_12, Self::Linux7_3];

    /// How the release reads an `info` word.
    pub const fn dialect(self) -> Dialect {
        if self.is_6_12() {
            Dialect::Vlen16
        } else {
            Dialect::Vlen24
        }
    }

    /// Bytes of `struct btf_header`.
    const fn header_len(self) -> usize {
        if self.is_6_12() {
            crate::limits::HEADER_LEN
        } else {
            crate::limits::HEADER_WITH_LAYOUT_LEN
        }
    }

    const fn is_6_12(self) -> bool {
        matches!(self, Self::Linux6_12_107 | Self::Linux6_12)
    }

    /// Whether locks and refcounts are counted in all structs of a struct together, and how deep structs own one
    /// another.
    const fn counts_deep(self) -> bool {
        !matches!(self, Self::Linux6_12_107)
    }
}

/// Whose BTF it is, and with it how much of it is checked.
#[derive(Clone, Copy, Debug)]
pub enum Policy<'a> {
    /// A program's, given to BPF_BTF_LOAD. Everything is checked.
    User {
        /// The kernel's own BTF, in which the target of a `kptr` is looked for. Without it every such target is taken
        /// for a type of the program's own. Types of modules are not looked for.
        kernel: Option<&'a Btf<'a>>,
    },
    /// The kernel's own: vmlinux or a distilled base (no base), or a module. References are not followed, but for
    /// chains of modifiers.
    Kernel {
        /// What a module's BTF stands on.
        base: Option<&'a Btf<'a>>,
    },
}

impl<'a> Policy<'a> {
    fn base(self) -> Option<&'a Btf<'a>> {
        match self {
            Self::User { .. } => None,
            Self::Kernel { base } => base,
        }
    }

    /// Words of room that each own type takes.
    const fn words_per_type(self) -> usize {
        match self {
            Self::User { .. } => graph::WORDS_PER_TYPE,
            Self::Kernel { .. } => 1,
        }
    }
}

/// Reads a BTF and checks it as a kernel of `release` would.
///
/// `room` takes three words for each type of a program's BTF, one for the kernel's own; the first word of each is the
/// full index of the BTF that is given back, as [`Btf::indexed`] makes it. Linear in the size of the BTF; for a
/// program's with special fields (`bpf_spin_lock`, `kptr` and their like) also in their number times that of the types.
///
/// ```
/// use btf_core::validate::{validate, Policy, Release};
///
/// # fn example(data: &[u8]) {
/// let mut room = [0; 3 * 1000];
/// match validate(data, Policy::User { kernel: None }, Release::Linux7_3, &mut room) {
///     Ok(btf) => println!("{} types", btf.own_len()),
///     Err(error) => println!("BPF_BTF_LOAD would refuse it: {error}"),
/// }
/// # }
/// ```
///
/// # Errors
///
/// [`ErrorKind::Rule`] with the rule that is broken, and where; [`ErrorKind::RoomTooSmall`] for a BTF whose records are
/// sound, but more than `room` holds; [`ErrorKind::OtherByteOrder`] for a base that is not of this machine's.
pub fn validate<'a>(
    data: &'a [u8],
    policy: Policy<'a>,
    release: Release,
    room: &'a mut [u32],
) -> Result<Btf<'a>, Error> {
    if policy
        .base()
        .is_some_and(|base| base.byte_order() != ByteOrder::NATIVE)
    {
        return Err(ErrorKind::OtherByteOrder.at(Section::Header, 0));
    }
    let header = header::check(data, policy, release)?;
    let unfinished = Btf::over(header, policy.base());
    let each = policy.words_per_type();
    let (offsets, rest) = room.split_at_mut(room.len().checked_div(each).unwrap_or(0));
    let found = meta::check(&unfinished, release.dialect(), offsets)?;
    let types = usize::try_from(found.types).unwrap_or(usize::MAX);
    if types > offsets.len() {
        let need = types.saturating_mul(each);
        return Err(ErrorKind::RoomTooSmall { need }.at(Section::Types, 0));
    }
    let offsets: &'a [u32] = offsets;
    let btf = unfinished.with_types(
        found.len,
        offsets.get(..types).unwrap_or_default(),
        found.sorted,
    );
    if let Policy::User { kernel } = policy {
        let (ids, sizes) = rest.split_at_mut(types.min(rest.len()));
        let graph = graph::Graph::new(&btf, ids, sizes);
        resolve::check(&graph)?;
        chain::check(&btf, release)?;
        fields::check(&graph, kernel, release)?;
    } else {
        chain::check(&btf, release)?;
    }
    Ok(btf)
}

/// `rule`, broken by the type of `id`.
fn broken(btf: &Btf<'_>, rule: Rule, id: TypeId) -> Error {
    rule.at_type(Section::Types, btf.record_offset(id), id)
}
