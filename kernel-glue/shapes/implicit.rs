// SPDX-License-Identifier: GPL-2.0-only

//! Implicit arguments: after any number of explicit ones, and several of them.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use kernel_glue::kfunc_abi::{AsC, CType};
use kernel_glue::param::Memory;
use kernel_glue::{Handed, PerProgram, ProgAux, Program, Provider, Refusal, State};

use crate::objects::{self, Ticket};

/// Kfuncs here return what they are passed times this, plus the program's id.
const ID_UNIT: u64 = 1_000_000;

/// An implicit argument that is a number: how many programs were bound before this one.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct BoundBefore(u64);

impl AsC for BoundBefore {
    const C_TYPE: CType = u64::C_TYPE;
}

static BOUND: AtomicUsize = AtomicUsize::new(0);

// SAFETY: As large as a pointer, and passed like one; every number is a valid one.
unsafe impl Provider for BoundBefore {
    type For<'call> = Self;
    type Store = ();
    const EMPTY: () = ();

    unsafe fn bind(_store: &'static (), _program: &Program<'_>) -> Result<usize, Refusal> {
        Ok(BOUND.fetch_add(1, Ordering::Relaxed))
    }

    unsafe fn unbind(_store: &'static ()) {}
}

/// How often a program has called.
#[derive(Debug)]
pub struct Calls(AtomicU64);

impl State for Calls {
    const NAME: &'static str = "shape_calls";
    const NEW: Self = Self(AtomicU64::new(0));
}

fn with_id(value: u64, program: ProgAux) -> u64 {
    value
        .wrapping_mul(ID_UNIT)
        .wrapping_add(u64::from(program.id()))
}

kernel_glue::kfuncs! {
    /// Implicit arguments.
    pub set IMPLICIT for [SYSCALL, SCHED_CLS] {
        /// After no argument.
        #[kfunc(slots = 4)]
        pub fn bpf_shape_after0(#[implicit] program: ProgAux) -> u64 {
            with_id(0, program)
        }

        /// After one.
        #[kfunc(slots = 4)]
        pub fn bpf_shape_after1(a: u64, #[implicit] program: ProgAux) -> u64 {
            with_id(a, program)
        }

        /// After two.
        #[kfunc(slots = 4)]
        pub fn bpf_shape_after2(a: u64, b: u64, #[implicit] program: ProgAux) -> u64 {
            with_id(a.wrapping_add(b), program)
        }

        /// After three.
        #[kfunc(slots = 4)]
        pub fn bpf_shape_after3(a: u64, b: u64, c: u64, #[implicit] program: ProgAux) -> u64 {
            with_id(a.wrapping_add(b).wrapping_add(c), program)
        }

        /// After four: all registers are used.
        #[kfunc(slots = 4)]
        pub fn bpf_shape_after4(a: u64, b: u64, c: u64, d: u64, #[implicit] program: ProgAux) -> u64 {
            with_id(a.wrapping_add(b).wrapping_add(c).wrapping_add(d), program)
        }

        /// A pointer of the kernel's, a number, and a pointer of the module's: the id, how many programs were bound
        /// before, this program's calls, and the bytes that it passes, each with a weight.
        #[kfunc(slots = 8)]
        pub fn bpf_shape_several(
            bytes: Memory<'_>,
            #[implicit] program: ProgAux,
            #[implicit] before: BoundBefore,
            #[implicit] calls: PerProgram<'_, Calls>,
        ) -> u64 {
            let mut copied = [0; 2];
            if !bytes.read(&mut copied) {
                return u64::MAX;
            }
            let calls = calls.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            u64::from(program.id())
                .wrapping_mul(ID_UNIT)
                .wrapping_add(before.0.wrapping_mul(10_000))
                .wrapping_add(calls.wrapping_mul(100))
                .wrapping_add(copied.iter().fold(0, |sum, byte| sum.wrapping_add(u64::from(*byte))))
        }

        /// Every second call of a program gets the ticket of this number, unless it is out.
        #[kfunc(slots = 8, flags = [ACQUIRE, RET_NULL])]
        pub fn bpf_shape_take_in_turn(
            number: u32,
            #[implicit] calls: PerProgram<'_, Calls>,
        ) -> Handed<Ticket> {
            if calls.0.fetch_add(1, Ordering::Relaxed) & 1 == 0 {
                return Handed::null();
            }
            objects::take(number)
        }

        /// Had no implicit argument once: old programs call it with NULL for that.
        #[kfunc(slots = 8, legacy)]
        pub fn bpf_shape_legacy(value: u64, #[implicit] program: ProgAux) -> u64 {
            with_id(value, program)
        }
    }
}
