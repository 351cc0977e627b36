// SPDX-License-Identifier: GPL-2.0-only

//! The example module: two kfuncs.

use core::sync::atomic::{AtomicU64, Ordering};

use kernel_glue::{Module, PerProgram, ProgAux, State};

/// What this module offers.
pub static MODULE: Module = Module::new("kfunc_example", &[&EXAMPLE]);

/// A running total.
#[derive(Debug)]
pub struct SelfCount {
    total: AtomicU64,
}

impl State for SelfCount {
    const NAME: &'static str = "self_count";
    const NEW: Self = Self {
        total: AtomicU64::new(0),
    };
}

kernel_glue::kfuncs! {
    /// For programs of every type.
    pub set EXAMPLE for [ANY] {
        /// The id of the calling program: what `BPF_OBJ_GET_INFO_BY_FD` tells user space of it. A program can tag
        /// its events with it, without a map that user space has to fill.
        #[kfunc(slots = 16)]
        pub fn bpf_self_id(#[implicit] program: ProgAux) -> u32 {
            program.id()
        }

        /// Adds `delta` to the calling program's own total, and returns the total.
        #[kfunc(slots = 16)]
        pub fn bpf_self_count(delta: u64, #[implicit] own: PerProgram<'_, SelfCount>) -> u64 {
            own.total.fetch_add(delta, Ordering::Relaxed).wrapping_add(delta)
        }
    }
}
