// SPDX-License-Identifier: GPL-2.0-only

//! The kfuncs of my_kfuncs. vendor/kernel-glue/README.md shows everything that can be declared.

use core::sync::atomic::{AtomicU64, Ordering};

use kernel_glue::{Module, PerProgram, ProgAux, State};

/// What the module offers.
pub static MODULE: Module = Module::new("my_kfuncs", &[&MY_KFUNCS]);

/// What every program has of its own.
#[derive(Debug)]
pub struct Total(AtomicU64);

impl State for Total {
    const NAME: &'static str = "my_kfuncs_total";
    const NEW: Self = Self(AtomicU64::new(0));
}

kernel_glue::kfuncs! {
    /// For programs of every type.
    pub set MY_KFUNCS for [ANY] {
        /// The id of the calling program.
        #[kfunc(slots = 16)]
        pub fn my_kfuncs_id(#[implicit] program: ProgAux) -> u32 {
            program.id()
        }

        /// Adds `delta` to the calling program's own total, and returns the total.
        #[kfunc(slots = 16)]
        pub fn my_kfuncs_add(delta: u64, #[implicit] total: PerProgram<'_, Total>) -> u64 {
            total.0.fetch_add(delta, Ordering::Relaxed).wrapping_add(delta)
        }
    }
}
