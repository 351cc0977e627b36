// SPDX-License-Identifier: GPL-2.0-only

//! More arguments than there are registers, and what only the verifier fills in.

use kernel_glue::ProgAux;

kernel_glue::kfuncs! {
    /// For kernels with stack arguments, which fill in implicit ones as well.
    pub set STACK_ARGS for [SYSCALL, SCHED_CLS] {
        /// Only the verifier fills it in.
        #[kfunc(native)]
        pub fn bpf_shape_native(value: u64, #[implicit] program: ProgAux) -> u64 {
            value.wrapping_mul(1_000_000).wrapping_add(u64::from(program.id()))
        }

        /// The sixth argument is on the BPF stack. Each is a hexadecimal digit of the result.
        #[kfunc]
        pub fn bpf_shape_six(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64) -> u64 {
            digits(&[a, b, c, d, e, f])
        }

        /// So are these.
        #[kfunc]
        pub fn bpf_shape_twelve(
            a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64, i: u64, j: u64, k: u64, l: u64,
        ) -> u64 {
            digits(&[a, b, c, d, e, f, g, h, i, j, k, l])
        }
    }
}

/// A number of these hexadecimal digits, the lowest one first.
fn digits(digits: &[u64]) -> u64 {
    digits
        .iter()
        .rev()
        .fold(0, |number, digit| (number << 4) | (digit & 0xf))
}
