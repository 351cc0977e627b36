// SPDX-License-Identifier: GPL-2.0-only

//! Implicit arguments of every provider that the crate has. `implicit.rs` has one of the module's own.

use core::sync::atomic::{AtomicU64, Ordering};

use kernel_glue::{
    ByProgram, CallSite, Const, FromProgram, PerProgram, PerSite, Prog, ProgAux, Program, Refusal,
    State,
};

/// Kfuncs here return what they are passed times this, plus the program's id.
const ID_UNIT: u64 = 1_000_000;

static MADE: AtomicU64 = AtomicU64::new(0);
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// State that is counted while it is there, and knows the program that it is of.
#[derive(Debug)]
pub struct Kept {
    name_len: u64,
}

impl State for Kept {
    const NAME: &'static str = "shape_kept";
    const NEW: Self = Self { name_len: 0 };

    fn new(program: &Program<'_>) -> Result<Self, Refusal> {
        let name_len = name_len(&program.name());
        if name_len > 12 {
            return Err(Refusal("its name is too long to be kept"));
        }
        MADE.fetch_add(1, Ordering::Relaxed);
        Ok(Self { name_len })
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

/// How often it was called from a place.
#[derive(Debug)]
pub struct Visits(AtomicU64);

impl State for Visits {
    const NAME: &'static str = "shape_visits";
    const NEW: Self = Self(AtomicU64::new(0));
}

/// The hook that a program was loaded for; only programs for a hook of their own have one.
#[derive(Debug)]
pub struct Hook;

impl FromProgram for Hook {
    fn from_program(program: &Program<'_>) -> Result<u64, Refusal> {
        match program.attach_type() {
            0 => Err(Refusal("it was loaded for no hook")),
            hook => Ok(hook.into()),
        }
    }
}

/// The type and the hook of a program, as they were when it was loaded.
#[derive(Debug)]
pub struct Kind;

impl FromProgram for Kind {
    fn from_program(program: &Program<'_>) -> Result<u64, Refusal> {
        let prog_type = u64::from(program.prog_type().0).wrapping_mul(100);
        Ok(prog_type.wrapping_add(program.attach_type().into()))
    }
}

fn name_len(name: &[u8]) -> u64 {
    let end = name.iter().position(|byte| *byte == 0);
    end.unwrap_or(name.len()) as u64
}

kernel_glue::kfuncs! {
    /// Providers.
    pub set PROVIDERS for [SYSCALL, SCHED_CLS, CGROUP_SKB] {
        /// The program's id, its type, and how long its name is; that it has a tag and a time.
        #[kfunc(slots = 4)]
        pub fn bpf_shape_prog(#[implicit] program: Prog) -> u64 {
            let known = u64::from(program.tag() != [0; 8] && program.load_time() != 0);
            let told = u64::from(program.prog_type().0)
                .wrapping_mul(100)
                .wrapping_add(name_len(&program.name()))
                .wrapping_add(known.wrapping_mul(10_000))
                .wrapping_add(u64::from(program.loader_uid()).wrapping_mul(100_000));
            told.wrapping_mul(ID_UNIT).wrapping_add(u64::from(program.id()))
        }

        /// A constant.
        #[kfunc(slots = 4)]
        pub fn bpf_shape_const(#[implicit] constant: Const<0x1234_5678_9abc_def0>) -> u64 {
            constant.value()
        }

        /// The hook, for cgroups' programs.
        #[kfunc(slots = 4)]
        pub fn bpf_shape_hook(#[implicit] hook: ByProgram<Hook>) -> u64 {
            hook.value()
        }

        /// How long the program's name was when it was loaded.
        #[kfunc(slots = 4)]
        pub fn bpf_shape_kept(#[implicit] kept: PerProgram<'_, Kept>) -> u64 {
            kept.name_len
        }

        /// How many of those there are, and how many there were, with a weight.
        #[kfunc]
        pub fn bpf_shape_keeping() -> u64 {
            let (made, dropped) = (MADE.load(Ordering::Relaxed), DROPPED.load(Ordering::Relaxed));
            made.wrapping_sub(dropped).wrapping_mul(1000).wrapping_add(made)
        }

        /// How often it was called from this place, beside what it is passed and the id: the call site is between two
        /// values of the slot.
        #[kfunc(slots = 4)]
        pub fn bpf_shape_visits(
            value: u64,
            #[implicit] program: ProgAux,
            #[implicit] site: CallSite,
            #[implicit] visits: PerSite<'_, Visits, 3>,
        ) -> u64 {
            let visits = visits.at(site).0.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            value
                .wrapping_mul(10)
                .wrapping_add(visits)
                .wrapping_mul(ID_UNIT)
                .wrapping_add(u64::from(program.id()))
        }
    }
}

kernel_glue::kfuncs! {
    /// For programs of every type: with such a set, the kernel asks about each call of this module's kfuncs.
    pub set EVERY for [ANY] {
        /// The program's type, times 100, and its hook.
        #[kfunc(slots = 4)]
        pub fn bpf_shape_kind(#[implicit] kind: ByProgram<Kind>) -> u64 {
            kind.value()
        }
    }
}

kernel_glue::kfuncs! {
    /// For programs of a type that no other set here is for.
    pub set DRIVER for [XDP] {
        /// The same.
        #[kfunc(slots = 4)]
        pub fn bpf_shape_xdp_kind(#[implicit] kind: ByProgram<Kind>) -> u64 {
            kind.value()
        }
    }
}
