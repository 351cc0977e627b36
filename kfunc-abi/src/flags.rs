// SPDX-License-Identifier: MIT OR Apache-2.0

//! KF_* flags.

bitflags::bitflags! {
    /// What the verifier is told of a kfunc (`KF_*` of `include/linux/btf.h`).
    ///
    /// No kernel looks at bits that it does not know (`btf_check_kfunc_protos` of `kernel/bpf/btf.c`), so one
    /// set serves all of them. Unknown bits are kept.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct KfuncFlags: u32 {
        /// Returns a reference that the program must release.
        const ACQUIRE = 1 << 0;
        /// Releases the reference that it is passed.
        const RELEASE = 1 << 1;
        /// May return NULL.
        const RET_NULL = 1 << 2;
        /// Takes trusted pointers only; the rule for all since 7.0.
        const TRUSTED_ARGS = 1 << 4;
        /// May sleep.
        const SLEEPABLE = 1 << 5;
        /// May reboot or crash the machine.
        const DESTRUCTIVE = 1 << 6;
        /// Takes pointers that RCU protects.
        const RCU = 1 << 7;
        /// Has implicit arguments that the verifier supplies (7.0 and later).
        const IMPLICIT_ARGS = 1 << 16;

        const _ = !0;
    }
}
