// SPDX-License-Identifier: GPL-2.0-only

//! Binding: a slot for the program, values for the slot, and the program's calls to the slot's stub.

use core::ffi::c_void;
use core::fmt;

use kfunc_abi::ProgType;
use verifier_fixup::bind::{descs_len, plan, BindError, Edit, Target};
use verifier_fixup::layout::Layout;

use crate::kfunc::{Called, Kfunc};
use crate::pool::Pool;
use crate::slots::{Claim, Owner};
use crate::{memory, KfuncSet, Program, Refusal};

/// Why a program was not bound.
#[derive(Clone, Copy)]
pub(crate) enum NotBound {
    /// The set is not for programs of this type.
    ProgType(ProgType),
    /// Every slot is taken.
    NoSlot { capacity: usize },
    /// A provider refused.
    Refused(Refusal),
    /// The program's descriptors are not as they must be.
    Descriptors(BindError),
}

impl fmt::Display for NotBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProgType(prog_type) => write!(f, "it is not for programs of type {prog_type}"),
            Self::NoSlot { capacity } => write!(f, "all {capacity} slots are taken"),
            Self::Refused(refusal) => refusal.fmt(f),
            // Addresses are not for the log.
            Self::Descriptors(BindError::OtherAddress { .. }) => {
                f.write_str("the kernel finds another function of this name")
            }
            Self::Descriptors(error) => error.fmt(f),
        }
    }
}

/// A kfunc, as a program calls it.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    pub(crate) set: &'static KfuncSet,
    pub(crate) kfunc: &'static Kfunc,
    pub(crate) by: Called,
    /// The id by which the kernel knows it.
    pub(crate) id: u32,
}

/// Binds `program` to a call of `pool`'s kfunc. Doing it again changes nothing.
///
/// A slot that a program got stays its own until it dies, also when this or another check fails: the
/// kernel frees programs that failed in the same way as those that ran.
pub(crate) fn bind(
    layout: &Layout,
    call: Call,
    pool: &Pool,
    program: &Program<'_>,
) -> Result<(), NotBound> {
    let owner = Owner {
        aux: program.aux().as_ptr() as usize,
        birth: program.load_time(),
    };
    let claim = pool.slots.claim(owner).ok_or(NotBound::NoSlot {
        capacity: pool.slots.capacity(),
    })?;
    if let Claim::Left(slot) = claim {
        pool.withdraw_all(slot);
    }
    let slot = match claim {
        Claim::Own(slot) => slot,
        Claim::Fresh(slot) | Claim::Left(slot) => {
            pool.provide(slot, program).map_err(NotBound::Refused)?;
            slot
        }
    };
    redirect(layout, call, program, pool.stub(slot)).map_err(NotBound::Descriptors)
}

/// Checks that the program's calls get to the kfunc's own entry, without binding them.
///
/// The kernel takes the first symbol of the name; it could be another one's.
pub(crate) fn check_entry(
    layout: &Layout,
    call: Call,
    program: &Program<'_>,
) -> Result<(), NotBound> {
    redirect(layout, call, program, call.kfunc.entry(call.by)).map_err(NotBound::Descriptors)
}

/// Sends the program's calls of the kfunc to `stub`.
fn redirect(
    layout: &Layout,
    call: Call,
    program: &Program<'_>,
    stub: u64,
) -> Result<(), BindError> {
    let target = Target {
        func_id: call.id,
        entry: call.kfunc.entry(call.by),
        stub,
    };
    let tab = program.kfunc_tab();
    if tab.is_null() {
        return Err(BindError::NoDescriptor);
    }
    // SAFETY: A live table of this layout; only the thread that checks the program, this one, uses it.
    let count = unsafe { memory::read::<u32>(tab, layout.tab_nr_descs) };
    let len = descs_len(layout, count)?;
    let descs = tab.wrapping_byte_add(layout.tab_descs as usize);
    // Every edit is planned anew: the slice that it is planned on must be gone when it is written.
    while let Some(edit) = next_edit(layout, descs, len, target)? {
        // SAFETY: The plan found the address of a live descriptor there; only this thread uses the table.
        unsafe { memory::write(descs, edit.offset, edit.new) };
    }
    Ok(())
}

fn next_edit(
    layout: &Layout,
    descs: *const c_void,
    len: usize,
    target: Target,
) -> Result<Option<Edit>, BindError> {
    // SAFETY: The descriptors of a live table; nobody writes to them while the slice is in use.
    let bytes = unsafe { core::slice::from_raw_parts(descs.cast::<u8>(), len) };
    Ok(plan(layout, bytes, target)?.next())
}
