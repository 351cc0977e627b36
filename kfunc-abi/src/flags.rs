// SPDX-License-Identifier: MIT OR Apache-2.0

//! KF_* flags.

use crate::version::{KernelVersion, Kernels, Presence};
use core::fmt;

/// A KF_* flag, and the kernels that heed it.
#[derive(Clone, Copy, Debug)]
pub struct KfuncFlag {
    /// The flag.
    pub flag: KfuncFlags,
    /// Its name in the kernel: `KF_ACQUIRE`.
    pub name: &'static str,
    /// The kernels.
    pub kernels: Kernels,
}

const V6_12: KernelVersion = KernelVersion::new(6, 12);
const V6_19: KernelVersion = KernelVersion::new(6, 19);
const V7_0: KernelVersion = KernelVersion::new(7, 0);
const V7_2: KernelVersion = KernelVersion::new(7, 2);
const V7_3: KernelVersion = KernelVersion::new(7, 3);

/// In 6.12, 7.2 and 7.3, and so in those between. Older kernels were not read.
const ALWAYS: Kernels = Kernels::from(V6_12);
/// Not in 6.12, but in 7.2 and 7.3.
const BY_7_2: Kernels = Kernels::between(V6_12, V7_2);
/// Not in 7.2, but in 7.3.
const BY_7_3: Kernels = Kernels::between(V7_2, V7_3);
/// 7.0 made it the rule and dropped the flag.
const UNTIL_7_0: Kernels = ALWAYS.until(V6_19, V7_0);
const SINCE_7_0: Kernels = Kernels::between(V6_19, V7_0);

macro_rules! flags {
    ($($(#[doc = $doc:literal])+ $name:ident = $bit:literal, $kernels:expr;)*) => {
        bitflags::bitflags! {
            /// What the verifier is told of a kfunc (`KF_*` of `include/linux/btf.h`).
            ///
            /// No kernel looks at bits that it does not know (`btf_check_kfunc_protos` of `kernel/bpf/btf.c`), so
            /// one set serves all of them. Unknown bits are kept, and shown.
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            pub struct KfuncFlags: u32 {
                $($(#[doc = $doc])+ const $name = 1 << $bit;)*

                const _ = !0;
            }
        }

        impl KfuncFlag {
            /// All flags of 6.12, 7.2 and 7.3, by bit.
            pub const ALL: &'static [Self] = &[$(
                Self { flag: KfuncFlags::$name, name: concat!("KF_", stringify!($name)), kernels: $kernels },
            )*];
        }
    };
}

flags! {
    /// Returns a reference that the program must release.
    ACQUIRE = 0, ALWAYS;
    /// Releases the reference that it is passed.
    RELEASE = 1, ALWAYS;
    /// May return NULL.
    RET_NULL = 2, ALWAYS;
    /// Takes trusted pointers only; the rule for all since 7.0.
    TRUSTED_ARGS = 4, UNTIL_7_0;
    /// May sleep.
    SLEEPABLE = 5, ALWAYS;
    /// May reboot or crash the machine.
    DESTRUCTIVE = 6, ALWAYS;
    /// Takes pointers that RCU protects.
    RCU = 7, ALWAYS;
    /// Makes an iterator.
    ITER_NEW = 8, ALWAYS;
    /// Moves an iterator on.
    ITER_NEXT = 9, ALWAYS;
    /// Ends an iterator.
    ITER_DESTROY = 10, ALWAYS;
    /// To be called with the RCU read lock held.
    RCU_PROTECTED = 11, ALWAYS;
    /// Leaves the registers alone that the compiler's `bpf_fastcall` says.
    FASTCALL = 12, BY_7_2;
    /// Returns a pointer into the arena.
    ARENA_RET = 13, BY_7_2;
    /// Takes a pointer into the arena as its first argument.
    ARENA_ARG1 = 14, BY_7_2;
    /// Takes a pointer into the arena as its second argument.
    ARENA_ARG2 = 15, BY_7_2;
    /// Has implicit arguments that the verifier supplies (7.0 and later).
    IMPLICIT_ARGS = 16, SINCE_7_0;
    /// May be called between `bpf_spin_lock` and `bpf_spin_unlock`.
    SPINLOCK_SAFE = 17, BY_7_3;
    /// Needs CAP_PERFMON.
    PERFMON = 18, BY_7_3;
}

impl KfuncFlags {
    /// Those that `kernel` is not known to heed, unknown bits among them.
    pub const fn unheeded(self, kernel: KernelVersion) -> Self {
        let mut unheeded = self;
        let mut rest = KfuncFlag::ALL;
        while let Some((known, after)) = rest.split_first() {
            if matches!(known.kernels.presence(kernel), Presence::Present) {
                unheeded = unheeded.difference(known.flag);
            }
            rest = after;
        }
        unheeded
    }
}

/// `KF_ACQUIRE | KF_RET_NULL | 0x100000`, `0` if there are none.
impl fmt::Display for KfuncFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut unknown = *self;
        let mut between = "";
        let mut rest = KfuncFlag::ALL;
        while let Some((known, after)) = rest.split_first() {
            if self.contains(known.flag) {
                write!(f, "{between}{}", known.name)?;
                (unknown, between) = (unknown.difference(known.flag), " | ");
            }
            rest = after;
        }
        if self.is_empty() {
            f.write_str("0")
        } else if unknown.is_empty() {
            Ok(())
        } else {
            write!(f, "{between}{:#x}", unknown.bits())
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::string::ToString;

    #[test]
    fn flags_print_by_name_and_unknown_bits_by_number() {
        for (bits, text) in [
            (0, "0"),
            (1 | 1 << 2 | 1 << 20, "KF_ACQUIRE | KF_RET_NULL | 0x100000"),
            (1 << 3, "0x8"),
            (1 << 31 | 1 << 19, "0x80080000"),
            (
                1 << 16 | 1 << 17 | 1 << 18,
                "KF_IMPLICIT_ARGS | KF_SPINLOCK_SAFE | KF_PERFMON",
            ),
        ] {
            assert_eq!(KfuncFlags::from_bits_retain(bits).to_string(), text);
            assert_eq!(KfuncFlags::from_bits_retain(bits).bits(), bits);
        }
    }

    #[test]
    fn all_bits_up_to_18_but_one_are_known() {
        let known = KfuncFlag::ALL
            .iter()
            .fold(0, |bits, known| bits | known.flag.bits());
        assert_eq!(known, ((1 << 19) - 1) & !(1 << 3));
        assert_eq!(known.count_ones() as usize, KfuncFlag::ALL.len());
    }

    #[test]
    fn each_kernel_heeds_its_own() {
        let all = KfuncFlags::from_bits_retain((1 << 21) - 1);
        for (kernel, unheeded) in [
            (KernelVersion::new(6, 12), 0x1f_f008),
            // Of what came after 6.12, only IMPLICIT_ARGS is dated.
            (KernelVersion::new(7, 1), 0x1e_f018),
            (KernelVersion::new(7, 2), 0x1e_0018),
            (KernelVersion::new(7, 3), 0x18_0018),
        ] {
            let bits = all.unheeded(kernel).bits();
            assert_eq!(bits, unheeded, "{kernel}: {bits:#x}");
        }
    }
}
