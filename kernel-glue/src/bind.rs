// SPDX-License-Identifier: GPL-2.0-only

//! Binding: a slot for the program, values for the slot, and the program's calls to the slot's stub.

use core::ffi::c_void;
use core::fmt;

use verifier_fixup::bind::{descs_len, plan, BindError, Target};
use verifier_fixup::layout::Layout;

use crate::kfunc::{Kfunc, Values};
use crate::slots::{Claim, Owner};
use crate::{memory, Program, Refusal};

/// Why a program was not bound.
#[derive(Clone, Copy)]
pub(crate) enum NotBound {
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
            Self::NoSlot { capacity } => write!(f, "all {capacity} slots are taken"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Descriptors(error) => error.fmt(f),
        }
    }
}

/// Binds `program` to `kfunc`. Doing it again changes nothing.
///
/// A slot that a program got stays its own until it dies, also when this or another check fails: the
/// kernel frees programs that failed in the same way as those that ran.
pub(crate) fn bind(
    layout: &Layout,
    kfunc: &Kfunc,
    id: u32,
    program: &Program<'_>,
) -> Result<(), NotBound> {
    let owner = Owner {
        aux: program.aux().as_ptr() as usize,
        birth: program.load_time(),
    };
    let claim = kfunc.slots.claim(owner).ok_or(NotBound::NoSlot {
        capacity: kfunc.slots.capacity(),
    })?;
    let slot = match claim {
        Claim::Own(slot) => slot,
        Claim::Fresh(slot) => provide(kfunc, slot, program)?,
        Claim::Left(slot) => {
            (kfunc.withdraw)(slot, usize::MAX);
            provide(kfunc, slot, program)?
        }
    };
    let target = Target {
        func_id: id,
        entry: kfunc.entry(),
        stub: kfunc.stub(slot),
    };
    redirect(layout, program, target).map_err(NotBound::Descriptors)
}

/// Fills a slot that holds nothing; gives it back if a provider refuses.
fn provide(kfunc: &Kfunc, slot: usize, program: &Program<'_>) -> Result<usize, NotBound> {
    let mut values = Values::default();
    if let Err(refusal) = (kfunc.provide)(slot, program, &mut values) {
        (kfunc.withdraw)(slot, values.provided().len());
        kfunc.slots.release(slot);
        return Err(NotBound::Refused(refusal));
    }
    kfunc.slots.fill(slot, values.provided());
    Ok(slot)
}

/// Sends the program's calls of the kfunc to the stub.
fn redirect(layout: &Layout, program: &Program<'_>, target: Target) -> Result<(), BindError> {
    let tab = program.kfunc_tab();
    if tab.is_null() {
        return Err(BindError::NoDescriptor);
    }
    // SAFETY: A live table of this layout; only the thread that checks the program, this one, uses it.
    let count = unsafe { memory::read::<u32>(tab, layout.tab_nr_descs) };
    let len = descs_len(layout, count)?;
    let descs = tab.wrapping_byte_add(layout.tab_descs as usize);
    // SAFETY: The table has `count` descriptors; nobody writes to them while the slice is in use.
    let bytes = unsafe { core::slice::from_raw_parts(descs.cast::<u8>(), len) };
    // Writes begin after the last read: the plan's edits are taken out first.
    let mut edits = [None; MAX_EDITS];
    let mut planned = plan(layout, bytes, target)?;
    for (place, edit) in edits.iter_mut().zip(&mut planned) {
        *place = Some(edit);
    }
    if planned.next().is_some() {
        return Err(BindError::NoDescriptor);
    }
    for edit in edits.into_iter().flatten() {
        write_edit(descs, edit.offset, edit.new);
    }
    Ok(())
}

/// Descriptors of one kfunc in one program: one for each file descriptor by which it names the module.
const MAX_EDITS: usize = 16;

fn write_edit(descs: *mut c_void, offset: usize, stub: u64) {
    // SAFETY: The plan found the address of a live descriptor there; only this thread uses the table.
    unsafe { memory::write(descs, offset, stub) }
}
