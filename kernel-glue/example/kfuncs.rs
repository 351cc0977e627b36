// SPDX-License-Identifier: GPL-2.0-only

//! The example module: what implicit arguments are asked for.

use core::sync::atomic::{AtomicU64, Ordering};

use kernel_glue::{
    ByProgram, CallSite, Const, FromProgram, Module, PerProgram, PerSite, ProgAux, Program,
    Refusal, State,
};

pub mod limiter;

use limiter::Limiter;

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

/// Who has loaded a program.
#[derive(Debug)]
pub struct Loader;

impl FromProgram for Loader {
    fn from_program(program: &Program<'_>) -> Result<u64, Refusal> {
        /// `DEFAULT_OVERFLOWUID` of `include/linux/highuid.h`: "nobody".
        const NOBODY: u32 = 65534;
        match program.loader_uid() {
            NOBODY => Err(Refusal("it was loaded by nobody")),
            uid => Ok(uid.into()),
        }
    }
}

/// What [`bpf_ratelimit_default`] allows in an interval (`DEFAULT_RATELIMIT_BURST` of `include/linux/ratelimit_types.h`).
const DEFAULT_BURST: u64 = 10;
/// Its interval in nanoseconds (`DEFAULT_RATELIMIT_INTERVAL`, the same place).
const DEFAULT_INTERVAL: u64 = 5_000_000_000;

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

        /// Whether the program may go on here: up to `burst` times in `interval` nanoseconds. Every place in a program
        /// that calls it has a limit of its own, of up to 32, without a map. A loop that the compiler unrolls is several.
        #[kfunc(slots = 16)]
        pub fn bpf_ratelimit(
            burst: u64,
            interval: u64,
            #[implicit] limiters: PerSite<'_, Limiter, 32>,
            #[implicit] site: CallSite,
        ) -> u32 {
            limiters.at(site).allows(burst, interval).into()
        }

        /// The same, ten times in five seconds: as often as the kernel says the same thing in its log.
        #[kfunc(slots = 16)]
        pub fn bpf_ratelimit_default(
            #[implicit] limiters: PerSite<'_, Limiter, 32>,
            #[implicit] site: CallSite,
            #[implicit] burst: Const<DEFAULT_BURST>,
            #[implicit] interval: Const<DEFAULT_INTERVAL>,
        ) -> u32 {
            limiters.at(site).allows(burst.value(), interval.value()).into()
        }

        /// The user who has loaded the calling program, as the first user namespace counts users. It is looked up once,
        /// when the program is loaded. Programs of nobody (65534) are refused.
        #[kfunc(slots = 16)]
        pub fn bpf_loader_uid(#[implicit] loader: ByProgram<Loader>) -> u32 {
            loader.value() as u32
        }
    }
}
