// SPDX-License-Identifier: MIT OR Apache-2.0

//! The binding plan: which descriptors of a program to send to its stub.
//!
//! The verifier keeps one descriptor for each kfunc that a program calls (`struct bpf_kfunc_desc` of
//! `kernel/bpf/verifier.c`). When it asks a set's filter about the call, the descriptor's `addr` has not been
//! used yet: the call instruction and every pass of the JIT are made from it afterwards.

use core::fmt;

use crate::layout::{Layout, ADDR_LEN, COUNT_LEN, FUNC_ID_LEN};

/// The most descriptors that a table of any supported kernel can have (`MAX_KFUNC_DESCS` of
/// `kernel/bpf/verifier.c`).
pub const MAX_DESCS: u32 = 256;

/// A change to one descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Bytes from the first descriptor to the address.
    pub offset: usize,
    /// What must be there: the kfunc's own address.
    pub old: u64,
    /// What to write there: the stub's address.
    pub new: u64,
}

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The BTF id of the kfunc, as the kernel counts it.
    pub func_id: u32,
    /// The kfunc's own address, where an unbound call goes.
    pub entry: u64,
    /// The stub of the program's slot.
    pub stub: u64,
}

/// Why a program cannot be bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BindError {
    /// The program has no descriptor of the kfunc's id.
    NoDescriptor,
    /// No descriptor of the kfunc's id leads to the kfunc or to the stub.
    OtherAddress {
        /// The kfunc's own address.
        expected: u64,
        /// Where the first of those descriptors leads.
        found: u64,
    },
    /// The table has more descriptors than any kernel allows, or than it has room for.
    TooManyDescriptors(u32),
    /// The descriptors end in the middle of one.
    CutOff,
    /// No table can have this layout: a member is not aligned, not inside, or on top of another one.
    Layout,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDescriptor => f.write_str("the program has no descriptor of the kfunc"),
            Self::OtherAddress { expected, found } => {
                write!(
                    f,
                    "the kfunc is at {expected:#x}, its descriptor leads to {found:#x}"
                )
            }
            Self::TooManyDescriptors(count) => {
                write!(f, "{count} descriptors are more than the table can hold")
            }
            Self::CutOff => f.write_str("the descriptors end in the middle of one"),
            Self::Layout => f.write_str("no descriptor table can have the layout of this kernel"),
        }
    }
}

impl core::error::Error for BindError {}

/// Bytes of `count` descriptors.
///
/// # Errors
///
/// More than [`MAX_DESCS`], descriptors that reach a count which stands behind them, or [`BindError::Layout`].
pub fn descs_len(layout: &Layout, count: u32) -> Result<usize, BindError> {
    check_layout(layout)?;
    let len = widen(layout.desc_size).saturating_mul(widen(count));
    let room = layout.tab_nr_descs.checked_sub(layout.tab_descs);
    if count > MAX_DESCS || room.is_some_and(|room| len > widen(room)) {
        return Err(BindError::TooManyDescriptors(count));
    }
    Ok(len)
}

/// The edits that bind `target` in the descriptors `descs`; none for a descriptor that is bound already.
///
/// A program can have several descriptors of one kfunc, when it names the module's BTF by several file
/// descriptors. Ids of different modules overlap, so a descriptor counts only if it leads to the kfunc.
///
/// # Errors
///
/// All that [`BindError`] lists; what has more than [`MAX_DESCS`] descriptors is no table.
pub fn plan<'d>(
    layout: &'d Layout,
    descs: &'d [u8],
    target: Target,
) -> Result<impl Iterator<Item = Edit> + use<'d>, BindError> {
    check_layout(layout)?;
    check_len(layout, descs)?;
    check_addresses(layout, descs, target)?;
    Ok(addresses(layout, descs, target.func_id)
        .filter(move |(_, addr)| *addr == target.entry && *addr != target.stub)
        .map(move |(offset, old)| Edit {
            offset,
            old,
            new: target.stub,
        }))
}

/// Checks that `descs` is whole descriptors, and not too many.
fn check_len(layout: &Layout, descs: &[u8]) -> Result<(), BindError> {
    let size = widen(layout.desc_size);
    if descs.len().checked_rem(size) != Some(0) {
        return Err(BindError::CutOff);
    }
    let count = descs.len().checked_div(size).unwrap_or(0);
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    if count > MAX_DESCS {
        return Err(BindError::TooManyDescriptors(count));
    }
    Ok(())
}

/// Checks that a descriptor leads to the kfunc, or to the stub already.
fn check_addresses(layout: &Layout, descs: &[u8], target: Target) -> Result<(), BindError> {
    let Target { entry, stub, .. } = target;
    let found = || addresses(layout, descs, target.func_id).map(|(_, addr)| addr);
    if found().any(|addr| addr == entry || addr == stub) {
        return Ok(());
    }
    Err(match found().next() {
        Some(found) => BindError::OtherAddress {
            expected: entry,
            found,
        },
        None => BindError::NoDescriptor,
    })
}

/// Checks that C could have laid out such a table.
fn check_layout(layout: &Layout) -> Result<(), BindError> {
    let count = Place::new(layout.tab_nr_descs, COUNT_LEN);
    let first = Place::new(layout.tab_descs, layout.desc_size);
    let func_id = Place::new(layout.desc_func_id, FUNC_ID_LEN);
    let addr = Place::new(layout.desc_addr, ADDR_LEN);

    let descs_aligned = layout.tab_descs % ADDR_LEN == 0 && layout.desc_size % ADDR_LEN == 0;
    let members_aligned = [count, func_id, addr].into_iter().all(Place::is_aligned);
    let inside = func_id.end.max(addr.end) <= layout.desc_size;
    let apart = func_id.is_apart_from(addr) && count.is_apart_from(first);
    (descs_aligned && members_aligned && inside && apart)
        .then_some(())
        .ok_or(BindError::Layout)
}

/// Where a member stands in its struct.
#[derive(Clone, Copy)]
struct Place {
    start: u32,
    len: u32,
    end: u32,
}

impl Place {
    fn new(start: u32, len: u32) -> Self {
        Self {
            start,
            len,
            end: start.saturating_add(len),
        }
    }

    fn is_aligned(self) -> bool {
        self.start.checked_rem(self.len) == Some(0)
    }

    fn is_apart_from(self, other: Self) -> bool {
        self.end <= other.start || other.end <= self.start
    }
}

/// Place and value of the address in every descriptor of `func_id`.
fn addresses<'d>(
    layout: &'d Layout,
    descs: &'d [u8],
    func_id: u32,
) -> impl Iterator<Item = (usize, u64)> + use<'d> {
    let size = widen(layout.desc_size);
    // No panic can be reached here, as by chunks_exact, or by enumerate with this crate's overflow checks.
    let desc_at = move |index| {
        let start = widen(index).checked_mul(size)?;
        Some((start, descs.get(start..start.checked_add(size)?)?))
    };
    (0..MAX_DESCS)
        .map_while(desc_at)
        .filter_map(move |(start, desc)| {
            let id = u32::from_ne_bytes(field(desc, layout.desc_func_id)?);
            let addr = u64::from_ne_bytes(field(desc, layout.desc_addr)?);
            let offset = start.checked_add(widen(layout.desc_addr))?;
            (id == func_id).then_some((offset, addr))
        })
}

fn field<const N: usize>(desc: &[u8], offset: u32) -> Option<[u8; N]> {
    let start = widen(offset);
    desc.get(start..start.checked_add(N)?)?.try_into().ok()
}

fn widen(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
