// SPDX-License-Identifier: GPL-2.0-only

//! Flags that say who may call a kfunc, and where.

kernel_glue::kfuncs! {
    /// Flags.
    pub set FLAGS for [SYSCALL, SCHED_CLS] {
        /// May sleep.
        #[kfunc(flags = [SLEEPABLE])]
        pub fn bpf_shape_sleepable() -> u64 {
            1
        }

        /// May do harm, for which the loader needs CAP_SYS_BOOT.
        #[kfunc(flags = [DESTRUCTIVE])]
        pub fn bpf_shape_destructive() -> u64 {
            1
        }
    }
}
