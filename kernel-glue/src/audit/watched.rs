// SPDX-License-Identifier: GPL-2.0-only

//! Reading a bound program that may die meanwhile, without holding it.
//!
//! Nothing keeps the program: no reference, no lock. Instead, whatever is read is compared afterwards, and thrown away
//! unless the slot still has its owner:
//!
//! ```text
//!   reader                                the program's end
//!   1  who has the slot?                  a  bpf_prog_put: the id becomes 0
//!   2  copy, without faults               b  bpf_prog_free: our probe clears the slot
//!   3  the same one? else: gone           c  its memory is freed
//! ```
//!
//! If 3 still finds the owner, then b, and so c, came after 2: what was copied is of the program. (b is before c by the
//! locks of the work queue that frees programs.) That also makes the next step safe: a pointer is followed only after
//! it was found to be the living program's.
//!
//! Should b be missed, because the probe was not run, the slot keeps its owner after c, too. 3 therefore also compares
//! the program's id and the time of its loading, in memory that may be freed by then. A program that had its id in 1
//! has lost it in a, so that it is found to be gone. One that had none in 1, because it was refused or closed, is told
//! from one that is gone only once its memory holds another time: what is copied as its name may be anything then.
//! Nothing else of it is copied, and nothing followed.
//!
//! Before the id there is nothing to follow: until then the verifier may move the program and its code. Afterwards
//! they stay (`bpf_prog_load` of `kernel/bpf/syscall.c`), but for single instructions that are patched when something
//! is attached.

use core::sync::atomic::Ordering;

use kfunc_abi::ProgType;
use verifier_fixup::layout::{Layout, NAME_LEN};

use crate::buffer::Buffer;
use crate::memory;
use crate::slots::{Owner, Slots};

/// Bytes that are copied at once, with page faults off.
const CHUNK_LEN: usize = 4096;

/// Why something was not read.
#[derive(Clone, Copy)]
pub(super) enum Unread {
    /// The program has died, or its id was given or taken meanwhile.
    Gone,
    /// The program lives, but what was to be read is not where it must be.
    Lost,
    /// There is no memory: a negative errno.
    NoMemory(i32),
}

/// A program that has a slot.
pub(super) struct Watched<'w> {
    layout: &'w Layout,
    slots: &'w Slots,
    slot: usize,
    owner: Owner,
    id: u32,
}

/// The code of one function.
#[derive(Clone, Copy)]
pub(super) struct Function {
    /// Where it begins.
    pub(super) address: usize,
    len: usize,
}

impl<'w> Watched<'w> {
    /// The program that has `slot`; none if it is free, or left by a program whose end was missed.
    pub(super) fn new(layout: &'w Layout, slots: &'w Slots, slot: usize) -> Option<Self> {
        let owner = slots.owner(slot)?;
        let mut program = Self {
            layout,
            slots,
            slot,
            owner,
            id: 0,
        };
        program.id = program.current_id()?;
        program.lives().then_some(program)
    }

    /// Its id; 0 while it is being checked, and once user space has closed it.
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// What it is called, filled up with NULs.
    pub(super) fn name(&self) -> Result<[u8; NAME_LEN], Unread> {
        self.member(self.owner.aux, self.layout.aux_name)
    }

    /// Its own type. Only with an id.
    pub(super) fn prog_type(&self) -> Result<ProgType, Unread> {
        let prog = self.pointer(self.owner.aux, self.layout.aux_prog)?;
        let prog_type = self.member(prog, self.layout.prog_type)?;
        Ok(ProgType(u32::from_ne_bytes(prog_type)))
    }

    /// Copies the values of its slot; gives how many there are.
    pub(super) fn values(&self, into: &mut [usize]) -> Result<usize, Unread> {
        let mut count = 0_usize;
        for (place, value) in into.iter_mut().zip(self.slots.values_of(self.slot)) {
            *place = value.load(Ordering::Relaxed);
            count = count.saturating_add(1);
        }
        self.lives().then_some(count).ok_or(Unread::Gone)
    }

    /// How many functions it has. Only with an id.
    pub(super) fn function_count(&self) -> Result<u32, Unread> {
        Ok(self.subprogram_count()?.max(1))
    }

    /// One of its functions; the first is the main one. Only with an id.
    pub(super) fn function(&self, index: u32) -> Result<Function, Unread> {
        let aux = self.owner.aux;
        let prog = if self.subprogram_count()? == 0 {
            self.pointer(aux, self.layout.aux_prog)?
        } else {
            let table = self.pointer(aux, self.layout.aux_func)?;
            let offset = (index as usize).wrapping_mul(size_of::<usize>());
            self.pointer(table.wrapping_add(offset), 0)?
        };
        let len = u32::from_ne_bytes(self.member(prog, self.layout.prog_jited_len)?);
        Ok(Function {
            address: self.pointer(prog, self.layout.prog_bpf_func)?,
            len: len as usize,
        })
    }

    /// A copy of the code of one of its functions.
    pub(super) fn image(&self, function: Function) -> Result<Buffer, Unread> {
        if function.len == 0 {
            return Err(Unread::Lost);
        }
        let mut image = Buffer::new(function.len).map_err(Unread::NoMemory)?;
        let mut address = function.address;
        for chunk in image.bytes_mut().chunks_mut(CHUNK_LEN) {
            self.copy(address, chunk)?;
            address = address.wrapping_add(chunk.len());
        }
        Ok(image)
    }

    /// How many functions have a program of their own: none if there is one only.
    fn subprogram_count(&self) -> Result<u32, Unread> {
        let count = self.member(self.owner.aux, self.layout.aux_real_func_cnt)?;
        Ok(u32::from_ne_bytes(count))
    }

    fn pointer(&self, base: usize, offset: u32) -> Result<usize, Unread> {
        Ok(usize::from_ne_bytes(self.member(base, offset)?))
    }

    fn member<const LEN: usize>(&self, base: usize, offset: u32) -> Result<[u8; LEN], Unread> {
        let mut bytes = [0; LEN];
        self.copy(base.wrapping_add(offset as usize), &mut bytes)?;
        Ok(bytes)
    }

    /// Copies memory of the program at an address which was read from it.
    fn copy(&self, address: usize, into: &mut [u8]) -> Result<(), Unread> {
        // SAFETY: A moment ago the program lived, and had memory there: else the address would have been thrown away.
        let copied = unsafe { memory::copy_nofault(address, into) };
        match (self.lives(), copied) {
            (true, true) => Ok(()),
            (true, false) => Err(Unread::Lost),
            (false, _) => Err(Unread::Gone),
        }
    }

    /// Whether it has lived, and has had its id, until now.
    fn lives(&self) -> bool {
        self.slots.owner(self.slot) == Some(self.owner)
            && self.birth() == Some(self.owner.birth)
            && self.current_id() == Some(self.id)
    }

    /// When the program that is in the owner's memory was loaded.
    fn birth(&self) -> Option<u64> {
        let mut bytes = [0; size_of::<u64>()];
        let place = self
            .owner
            .aux
            .wrapping_add(self.layout.aux_load_time as usize);
        // SAFETY: A moment ago the owner had the slot, so its aux was there.
        unsafe { memory::copy_nofault(place, &mut bytes) }.then_some(u64::from_ne_bytes(bytes))
    }

    /// The id of the program that is in the owner's memory.
    fn current_id(&self) -> Option<u32> {
        let mut bytes = [0; size_of::<u32>()];
        let place = self.owner.aux.wrapping_add(self.layout.aux_id as usize);
        // SAFETY: As for `birth`.
        unsafe { memory::copy_nofault(place, &mut bytes) }.then_some(u32::from_ne_bytes(bytes))
    }
}
