// SPDX-License-Identifier: MIT OR Apache-2.0

//! The binding plan: which descriptors of a program to send to its stub.
//!
//! The verifier keeps one descriptor for each kfunc that a program calls (`struct bpf_kfunc_desc` of
//! `kernel/bpf/verifier.c`). When it asks a set's filter about the call, the descriptor's `addr` has not been
//! used yet: the call instruction and every pass of the JIT are made from it afterwards.

use core::fmt;

use crate::layout::Layout;

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
    /// The program has no descriptor that leads to the kfunc.
    NoDescriptor,
    /// The table has more descriptors than any kernel allows.
    TooManyDescriptors(u32),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDescriptor => {
                f.write_str("the program has no descriptor that leads to the kfunc")
            }
            Self::TooManyDescriptors(count) => {
                write!(f, "{count} descriptors are more than any kernel allows")
            }
        }
    }
}

impl core::error::Error for BindError {}

/// Bytes of `count` descriptors.
///
/// # Errors
///
/// More than [`MAX_DESCS`].
pub fn descs_len(layout: &Layout, count: u32) -> Result<usize, BindError> {
    if count > MAX_DESCS {
        return Err(BindError::TooManyDescriptors(count));
    }
    Ok(widen(layout.desc_size).saturating_mul(widen(count)))
}

/// The edits that bind `target` in the descriptors `descs`; none for a descriptor that is bound already.
///
/// A program can have several descriptors of one kfunc, when it names the module's BTF by several file
/// descriptors. Ids of different modules overlap, so a descriptor counts only if it leads to the kfunc.
///
/// # Errors
///
/// [`BindError::NoDescriptor`].
pub fn plan<'d>(
    layout: &'d Layout,
    descs: &'d [u8],
    target: Target,
) -> Result<impl Iterator<Item = Edit> + use<'d>, BindError> {
    let ours = move |(_, addr): &(usize, u64)| *addr == target.entry || *addr == target.stub;
    let found = move || addresses(layout, descs, target.func_id).filter(ours);
    if found().next().is_none() {
        return Err(BindError::NoDescriptor);
    }
    Ok(found()
        .filter(move |(_, addr)| *addr != target.stub)
        .map(move |(offset, old)| Edit {
            offset,
            old,
            new: target.stub,
        }))
}

/// Place and value of the address in every descriptor of `func_id`.
fn addresses<'d>(
    layout: &'d Layout,
    descs: &'d [u8],
    func_id: u32,
) -> impl Iterator<Item = (usize, u64)> + use<'d> {
    let size = widen(layout.desc_size);
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
