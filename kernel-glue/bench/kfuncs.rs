// SPDX-License-Identifier: GPL-2.0-only

//! Kfuncs whose bodies are one instruction: they add what they are given to their argument. What their calls cost is
//! how they are given it (`cargo xtask bench call`).

use kernel_glue::{Module, PerProgram, ProgAux, State};

/// What this module offers. The look-ups are in `lookup.c`.
pub static MODULE: Module = Module::new(
    "kfunc_bench",
    &[
        &BENCH,
        #[cfg(kfunc_stack_args)]
        &BENCH_NATIVE,
    ],
);

/// As much as a counter of a program's own takes.
#[derive(Debug)]
pub struct Own {
    _bytes: u64,
}

impl State for Own {
    const NAME: &'static str = "bench_own";
    const NEW: Self = Self { _bytes: 0 };
}

kernel_glue::kfuncs! {
    /// On every kernel.
    pub set BENCH for [SYSCALL] {
        /// Is given nothing.
        #[kfunc]
        pub fn bench_plain(value: u64) -> u64 {
            value.wrapping_add(1)
        }

        /// Is given something by the program.
        #[kfunc]
        pub fn bench_explicit(value: u64, given: u64) -> u64 {
            value.wrapping_add(given)
        }

        /// Is given the program.
        #[kfunc(slots = 16)]
        pub fn bench_bound(value: u64, #[implicit] program: ProgAux) -> u64 {
            value.wrapping_add(program.as_ptr() as u64)
        }

        /// Is given what the program has of its own.
        #[kfunc(slots = 16)]
        pub fn bench_state(value: u64, #[implicit] own: PerProgram<'_, Own>) -> u64 {
            value.wrapping_add(core::ptr::from_ref::<Own>(&own) as u64)
        }
    }
}

#[cfg(kfunc_stack_args)]
kernel_glue::kfuncs! {
    /// Where the verifier can fill it in, which it can where there are stack arguments.
    pub set BENCH_NATIVE for [SYSCALL] {
        /// Is given the program by the verifier.
        #[kfunc(native)]
        pub fn bench_native(value: u64, #[implicit] program: ProgAux) -> u64 {
            value.wrapping_add(program.as_ptr() as u64)
        }
    }
}
