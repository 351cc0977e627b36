// SPDX-License-Identifier: GPL-2.0-only

//! The filter: the verifier asks it about every call of a kfunc that it checks.

use core::ffi::{c_int, c_void};
use core::fmt;

use crate::bind::{bind, check_entry, NotBound};
use crate::counters::count_refusal;
use crate::log::{self, Level, RateLimit};
use crate::program::printable;
use crate::registered::registered;
use crate::{unbind, Program};

/// `EACCES` of `include/uapi/asm-generic/errno-base.h`. Any value but 0 refuses the call.
const EACCES: c_int = 13;
const ALLOWED: c_int = 0;

static REFUSALS: RateLimit = RateLimit::new();

/// Binds the program to the kfunc, or refuses the call, by which the program is not loaded.
///
/// Called in process context, several times for a call, and for programs that fail later on
/// (`btf_kfunc_is_allowed` of 7.x, `btf_kfunc_id_set_contains` of 6.12, `kernel/bpf/btf.c`).
pub(crate) extern "C" fn filter(prog: *const c_void, kfunc_id: u32) -> c_int {
    let Some(registered) = registered() else {
        return -EACCES;
    };
    let Some(call) = registered.call(kfunc_id) else {
        return ALLOWED; // Not ours to judge: the kernel also asks about ids that are not in the set.
    };
    // SAFETY: The kernel passes the program that it is checking; the layout was compared at registration.
    let Some(program) = (unsafe { Program::new(prog, &registered.layout) }) else {
        return -EACCES;
    };
    let layout = &registered.layout;
    let prog_type = program.prog_type();
    let bound = match registered.pool(call.kfunc) {
        _ if !call.set.admits(prog_type) => Err(NotBound::ProgType(prog_type)),
        Some(pool) => bind(layout, call, pool, &program),
        None => check_entry(layout, call, &program),
    };
    match bound {
        Ok(()) => ALLOWED,
        Err(error) => {
            if count_refusal(&error, program.load_time()) && REFUSALS.allows() {
                log::print(
                    Level::Warning,
                    registered.module.name,
                    format_args!(
                        "program '{}' refused: {}: {error}{}",
                        printable(&program.name()),
                        call.kfunc.name,
                        Missed(unbind::missed())
                    ),
                );
            }
            -EACCES
        }
    }
}

/// How many ends of programs were missed, if any: as many slots may be lost until the module goes.
struct Missed(usize);

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            missed => write!(f, " (the end of {missed} programs was missed)"),
        }
    }
}
