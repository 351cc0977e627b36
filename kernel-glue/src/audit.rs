// SPDX-License-Identifier: GPL-2.0-only

//! The audit file: where the calls of every bound program go, read from its code. `docs/audit.md` has its lines.

use core::ffi::{c_int, c_void};
use core::fmt::{self, Write};

use kfunc_abi::call::MAX_REGISTER_ARGS;
use kfunc_abi::ProgType;
use verifier_fixup::layout::{Layout, NAME_LEN};
use verifier_fixup::text::call::calls;

use crate::ffi::{self, SeqFile};
use crate::kfunc::Kfunc;
use crate::pool::Pool;
use crate::program::printable;
use crate::registered::registered;
use crate::seq::Out;
use crate::stubs::ARCH;

mod site;
#[cfg(test)]
mod tests;
mod watched;

use site::{Site, Target};
use watched::{Unread, Watched};

/// Writes the file.
pub(crate) extern "C" fn show(file: *mut SeqFile, _data: *mut c_void) -> c_int {
    // SAFETY: The kernel passes the file that is being read.
    let mut out = unsafe { Out::new(file) };
    match list_all(&mut out) {
        Err(Stop::Unread(Unread::NoMemory(errno))) => errno,
        // What does not fit is asked for again, with more room.
        _ => 0,
    }
}

/// Why no more is listed.
enum Stop {
    Unread(Unread),
    NoRoom,
}

impl From<Unread> for Stop {
    fn from(why: Unread) -> Self {
        Self::Unread(why)
    }
}

impl From<fmt::Error> for Stop {
    fn from(_: fmt::Error) -> Self {
        Self::NoRoom
    }
}

fn list_all(out: &mut Out) -> Result<(), Stop> {
    let Some(registered) = registered() else {
        return Ok(()); // Not reached: the file comes after that.
    };
    for kfunc in registered.module.kfuncs() {
        let Some(pool) = registered.pool(kfunc) else {
            continue;
        };
        for slot in 0..pool.slots.capacity() {
            list_slot(out, &registered.layout, kfunc, pool, slot)?;
        }
    }
    Ok(())
}

/// Lists the calls of the program that has a slot, if one has.
fn list_slot(
    out: &mut Out,
    layout: &Layout,
    kfunc: &Kfunc,
    pool: &Pool,
    slot: usize,
) -> Result<(), Stop> {
    // A program's id is given once and taken once. Who is gone more often than that came after the reading has begun.
    for _ in 0..3 {
        let Some(program) = Watched::new(layout, &pool.slots, slot) else {
            return Ok(());
        };
        give_way();
        match list_program(out, kfunc, pool, slot, &program) {
            Err(Stop::Unread(Unread::Gone)) => {}
            listed => return listed,
        }
    }
    Ok(())
}

/// Lets others run. There may be thousands of programs, and not every kernel takes the CPU away by itself.
fn give_way() {
    // Not `cond_resched`, of which there is no symbol on every kernel.
    // SAFETY: The file is read in process context, under a mutex of its own alone.
    unsafe { ffi::schedule() };
}

/// Lists the calls that a program has of the kfunc of one of its slots.
fn list_program(
    out: &mut Out,
    kfunc: &Kfunc,
    pool: &Pool,
    slot: usize,
    program: &Watched<'_>,
) -> Result<(), Stop> {
    let bound = Bound::read(kfunc, slot, program)?;
    if bound.id == 0 {
        return Ok(bound.line(out, &Site::UNKNOWN)?);
    }
    match list_functions(out, pool, &bound, program) {
        Ok(true) => Ok(()),
        Ok(false) => Ok(bound.line(out, &Site::NONE)?),
        Err(Stop::Unread(Unread::Lost)) => Ok(bound.line(out, &Site::UNKNOWN)?),
        Err(stop) => Err(stop),
    }
}

/// Lists the calls in all functions of a program; gives whether there was something to list.
fn list_functions(
    out: &mut Out,
    pool: &Pool,
    bound: &Bound<'_>,
    program: &Watched<'_>,
) -> Result<bool, Stop> {
    let mut found = false;
    for index in 0..program.function_count()? {
        found |= list_function(out, pool, bound, program, index)?;
    }
    Ok(found)
}

/// Lists the calls in one function; gives whether there was something to list.
fn list_function(
    out: &mut Out,
    pool: &Pool,
    bound: &Bound<'_>,
    program: &Watched<'_>,
    index: u32,
) -> Result<bool, Stop> {
    let function = program.function(index)?;
    let image = program.image(function)?;
    let base = function.address as u64;
    let mut found = false;
    for call in calls(ARCH, image.bytes(), base) {
        let site = match call {
            Ok(call) => {
                let Some(target) = Target::at(bound.kfunc, pool, call.target) else {
                    continue;
                };
                Site {
                    place: Some((index, call.address.wrapping_sub(base))),
                    landed: target.verdict(bound.slot),
                    target: Some(target),
                }
            }
            Err(error) => Site {
                place: Some((index, error.offset as u64)),
                ..Site::UNKNOWN
            },
        };
        found = true;
        bound.line(out, &site)?;
    }
    Ok(found)
}

/// What was read; none if the program lives, but it could not be.
fn unless_lost<T>(read: Result<T, Unread>) -> Result<Option<T>, Unread> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(Unread::Lost) => Ok(None),
        Err(why) => Err(why),
    }
}

/// A program and its slot: how each line begins.
struct Bound<'k> {
    kfunc: &'k Kfunc,
    slot: usize,
    id: u32,
    /// None if it could not be read.
    name: Option<[u8; NAME_LEN]>,
    /// None if it could not be read, or there is no id yet.
    prog_type: Option<ProgType>,
    values: [usize; MAX_REGISTER_ARGS],
    value_count: usize,
}

impl<'k> Bound<'k> {
    fn read(kfunc: &'k Kfunc, slot: usize, program: &Watched<'_>) -> Result<Self, Unread> {
        let mut values = [0; MAX_REGISTER_ARGS];
        let value_count = program.values(&mut values)?;
        let id = program.id();
        let prog_type = if id == 0 {
            None
        } else {
            unless_lost(program.prog_type())?
        };
        Ok(Self {
            kfunc,
            slot,
            id,
            name: unless_lost(program.name())?,
            prog_type,
            values,
            value_count,
        })
    }

    /// Writes the line of a call site.
    fn line(&self, out: &mut Out, site: &Site) -> fmt::Result {
        match &self.name {
            Some(name) => write!(out, "program={}", printable(name))?,
            None => out.write_str("program=-")?,
        }
        write!(out, " id={} type=", self.id)?;
        match self.prog_type {
            Some(prog_type) => match prog_type.name() {
                Some(name) => out.write_str(name)?,
                None => write!(out, "{}", prog_type.0)?,
            },
            None => out.write_str("-")?,
        }
        write!(out, " kfunc={} slot={} values=", self.kfunc.name, self.slot)?;
        for (index, value) in self.values.iter().take(self.value_count).enumerate() {
            out.write_str(if index == 0 { "" } else { "," })?;
            out.hashed(*value);
        }
        writeln!(out, " {site}")
    }
}
