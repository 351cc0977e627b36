// SPDX-License-Identifier: MIT OR Apache-2.0

//! Types of BPF programs, and where the kernel looks for the kfuncs that they may call.

use crate::version::{KernelVersion, Kernels, Presence};
use core::fmt;

/// The type of a BPF program (`enum bpf_prog_type` of `include/uapi/linux/bpf.h`, the same in 6.12, 7.2 and 7.3).
///
/// Not an enum: an unknown type is kept, and still prints.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProgType(pub u32);

macro_rules! prog_types {
    ($($name:ident = $value:literal),* $(,)?) => {
        impl ProgType {
            $(
                #[doc = concat!("`BPF_PROG_TYPE_", stringify!($name), "`.")]
                pub const $name: Self = Self($value);
            )*

            /// All types that 6.12, 7.2 and 7.3 have.
            pub const ALL: [Self; 33] = [$(Self::$name),*];

            /// The name after `BPF_PROG_TYPE_`; none for an unknown type.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }

            /// The type that has this name after `BPF_PROG_TYPE_`.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

prog_types! {
    UNSPEC = 0, SOCKET_FILTER = 1, KPROBE = 2, SCHED_CLS = 3, SCHED_ACT = 4, TRACEPOINT = 5, XDP = 6,
    PERF_EVENT = 7, CGROUP_SKB = 8, CGROUP_SOCK = 9, LWT_IN = 10, LWT_OUT = 11, LWT_XMIT = 12, SOCK_OPS = 13,
    SK_SKB = 14, CGROUP_DEVICE = 15, SK_MSG = 16, RAW_TRACEPOINT = 17, CGROUP_SOCK_ADDR = 18,
    LWT_SEG6LOCAL = 19, LIRC_MODE2 = 20, SK_REUSEPORT = 21, FLOW_DISSECTOR = 22, CGROUP_SYSCTL = 23,
    RAW_TRACEPOINT_WRITABLE = 24, CGROUP_SOCKOPT = 25, TRACING = 26, STRUCT_OPS = 27, EXT = 28, LSM = 29,
    SK_LOOKUP = 30, SYSCALL = 31, NETFILTER = 32,
}

impl ProgType {
    /// Stands for every type, where a set is declared or registered.
    pub const ANY: Self = Self::UNSPEC;
}

/// A table of kfuncs that a BTF object has (`enum btf_kfunc_hook` of `kernel/bpf/btf.c`).
///
/// A module registers at most one set for each (`btf_populate_kfunc_set`): types that share a hook share the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Hook {
    /// Programs of all types look here first. Registered with [`ProgType::UNSPEC`].
    Common,
    /// `BTF_KFUNC_HOOK_XDP`.
    Xdp,
    /// `BTF_KFUNC_HOOK_TC`.
    Tc,
    /// `BTF_KFUNC_HOOK_STRUCT_OPS`.
    StructOps,
    /// `BTF_KFUNC_HOOK_TRACING`.
    Tracing,
    /// `BTF_KFUNC_HOOK_SYSCALL`.
    Syscall,
    /// `BTF_KFUNC_HOOK_CGROUP`.
    Cgroup,
    /// `BTF_KFUNC_HOOK_SCHED_ACT`.
    SchedAct,
    /// `BTF_KFUNC_HOOK_SK_SKB`.
    SkSkb,
    /// `BTF_KFUNC_HOOK_SOCKET_FILTER`.
    SocketFilter,
    /// `BTF_KFUNC_HOOK_LWT`.
    Lwt,
    /// `BTF_KFUNC_HOOK_NETFILTER`.
    Netfilter,
    /// `BTF_KFUNC_HOOK_KPROBE`.
    Kprobe,
}

impl ProgType {
    /// The hook of this type (`bpf_prog_type_to_kfunc_hook` of `kernel/bpf/btf.c`); none if the newest kernel
    /// that was read (7.3) gives it none, so that a set for it cannot be registered.
    ///
    /// A type's hook is the same in 6.12, 7.2 and 7.3 where they give it one: see [`ProgType::hook_kernels`].
    pub const fn hook(self) -> Option<Hook> {
        let hook = match self {
            Self::UNSPEC => Hook::Common,
            Self::XDP => Hook::Xdp,
            Self::SCHED_CLS => Hook::Tc,
            Self::STRUCT_OPS => Hook::StructOps,
            Self::TRACING
            | Self::TRACEPOINT
            | Self::RAW_TRACEPOINT
            | Self::PERF_EVENT
            | Self::LSM => Hook::Tracing,
            Self::SYSCALL => Hook::Syscall,
            Self::CGROUP_SKB
            | Self::CGROUP_SOCK
            | Self::CGROUP_DEVICE
            | Self::CGROUP_SOCK_ADDR
            | Self::CGROUP_SOCKOPT
            | Self::CGROUP_SYSCTL
            | Self::SOCK_OPS => Hook::Cgroup,
            Self::SCHED_ACT => Hook::SchedAct,
            Self::SK_SKB => Hook::SkSkb,
            Self::SOCKET_FILTER => Hook::SocketFilter,
            Self::LWT_OUT | Self::LWT_IN | Self::LWT_XMIT | Self::LWT_SEG6LOCAL => Hook::Lwt,
            Self::NETFILTER => Hook::Netfilter,
            Self::KPROBE => Hook::Kprobe,
            _ => return None,
        };
        Some(hook)
    }

    /// The kernels that give this type its [`hook`](Self::hook): 7.2 has those of `RAW_TRACEPOINT` and
    /// `SOCK_OPS` beside what 6.12 has.
    pub const fn hook_kernels(self) -> Option<Kernels> {
        const V6_12: KernelVersion = KernelVersion::new(6, 12);
        const V7_2: KernelVersion = KernelVersion::new(7, 2);
        match (self, self.hook()) {
            (_, None) => None,
            (Self::RAW_TRACEPOINT | Self::SOCK_OPS, _) => Some(Kernels::between(V6_12, V7_2)),
            _ => Some(Kernels::from(V6_12)),
        }
    }

    /// Whether programs of this type can be given kfuncs of their own in `kernel`.
    pub const fn has_hook_in(self, kernel: KernelVersion) -> Presence {
        match self.hook_kernels() {
            Some(kernels) => kernels.presence(kernel),
            None => Presence::Absent,
        }
    }
}

impl Hook {
    /// The name after `BTF_KFUNC_HOOK_`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Common => "COMMON",
            Self::Xdp => "XDP",
            Self::Tc => "TC",
            Self::StructOps => "STRUCT_OPS",
            Self::Tracing => "TRACING",
            Self::Syscall => "SYSCALL",
            Self::Cgroup => "CGROUP",
            Self::SchedAct => "SCHED_ACT",
            Self::SkSkb => "SK_SKB",
            Self::SocketFilter => "SOCKET_FILTER",
            Self::Lwt => "LWT",
            Self::Netfilter => "NETFILTER",
            Self::Kprobe => "KPROBE",
        }
    }
}

/// `SCHED_CLS`; `program type 99`.
impl fmt::Display for ProgType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "program type {}", self.0),
        }
    }
}

impl fmt::Debug for ProgType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::format;
    use std::vec::Vec;

    #[test]
    fn types_are_numbered_and_named_as_in_the_kernel() {
        for (value, ty) in (0_u32..).zip(ProgType::ALL) {
            assert_eq!(ty.0, value);
            assert_eq!(ty.name().and_then(ProgType::from_name), Some(ty));
        }
        assert_eq!(ProgType(33).name(), None);
        assert_eq!(
            format!("{} {:?}", ProgType::SYSCALL, ProgType(33)),
            "SYSCALL program type 33"
        );
        for name in ["syscall", "BPF_PROG_TYPE_XDP", ""] {
            assert_eq!(ProgType::from_name(name), None);
        }
    }

    #[test]
    fn types_without_a_hook_cannot_be_given_kfuncs() {
        let without: Vec<_> = ProgType::ALL
            .into_iter()
            .filter(|ty| ty.hook().is_none())
            .collect();
        assert_eq!(
            without,
            [
                ProgType::SK_MSG,
                ProgType::LIRC_MODE2,
                ProgType::SK_REUSEPORT,
                ProgType::FLOW_DISSECTOR,
                ProgType::RAW_TRACEPOINT_WRITABLE,
                ProgType::EXT,
                ProgType::SK_LOOKUP,
            ]
        );
        assert_eq!(ProgType(33).hook(), None);
        for ty in without {
            assert_eq!(ty.has_hook_in(KernelVersion::new(7, 3)), Presence::Absent);
        }
    }

    #[test]
    fn newer_kernels_have_more_hooks() {
        let new: Vec<_> = ProgType::ALL
            .into_iter()
            .filter(|ty| ty.hook().is_some())
            .filter(|ty| ty.has_hook_in(KernelVersion::new(6, 12)) != Presence::Present)
            .collect();
        assert_eq!(new, [ProgType::SOCK_OPS, ProgType::RAW_TRACEPOINT]);
        for ty in new {
            let asked =
                [(6, 12), (6, 15), (7, 2)].map(|(major, minor)| KernelVersion::new(major, minor));
            assert_eq!(
                asked.map(|kernel| ty.has_hook_in(kernel)),
                [Presence::Absent, Presence::Unknown, Presence::Present]
            );
        }
    }

    #[test]
    fn types_that_share_a_hook_share_its_name() {
        assert_eq!(ProgType::SCHED_CLS.hook().map(Hook::name), Some("TC"));
        assert_eq!(ProgType::LSM.hook(), ProgType::TRACING.hook());
        assert_ne!(ProgType::KPROBE.hook(), ProgType::TRACING.hook());
        assert_ne!(ProgType::SCHED_ACT.hook(), ProgType::SCHED_CLS.hook());
    }
}
