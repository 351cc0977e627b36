// SPDX-License-Identifier: GPL-2.0-only

//! Numbers.

use core::ffi::c_void;

use kernel_glue::param::{Constant, Ignored};

kernel_glue::module_types! {
    /// What to make of a number.
    pub enum Mode as "shape_mode": u32 {
        /// The number itself.
        SHAPE_MODE_SAME = 0,
        /// Twice the number.
        SHAPE_MODE_DOUBLE = 1,
    }

    /// A number of this module's own.
    pub type Cookie as "shape_cookie_t" = u64;
}

kernel_glue::kfuncs! {
    /// Numbers.
    pub set VALUES for [SYSCALL, SCHED_CLS] {
        /// Integers of every type, each with a weight.
        #[kfunc]
        pub fn bpf_shape_scalars(a: u32, b: i32, c: u64, d: i64) -> i64 {
            i64::from(a)
                .wrapping_add(i64::from(b).wrapping_mul(10))
                .wrapping_add(c.wrapping_mul(100) as i64)
                .wrapping_add(d.wrapping_mul(1000))
        }

        /// A constant.
        #[kfunc]
        pub fn bpf_shape_constant(value: Constant<u64>) -> u64 {
            value.value()
        }

        /// An argument that nobody looks at, behind one that somebody does.
        #[kfunc]
        pub fn bpf_shape_ignored(value: u64, anything: Ignored<*mut c_void>) -> u64 {
            let _ = anything;
            value
        }

        /// An enum of the module's.
        #[kfunc]
        pub fn bpf_shape_mode(mode: Mode, value: u64) -> u64 {
            match mode {
                Mode::SHAPE_MODE_SAME => value,
                Mode::SHAPE_MODE_DOUBLE => value.wrapping_mul(2),
                _ => 0,
            }
        }

        /// A typedef of the module's: every bit of it the other way round.
        #[kfunc]
        pub fn bpf_shape_cookie(cookie: Cookie) -> Cookie {
            Cookie(!cookie.0)
        }
    }
}
