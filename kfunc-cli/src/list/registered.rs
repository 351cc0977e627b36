// SPDX-License-Identifier: MIT OR Apache-2.0

//! For which programs the kernel registers its sets of kfuncs.
//!
//! BTF does not tell: it is what the code passes to `register_btf_kfunc_id_set`. This table was made by reading all
//! calls of that function, and of `register_btf_fmodret_id_set`, in the sources of Linux 6.12.117 and 7.3.4 (Debian's
//! linux-source packages). What a kernel adds only with an option that those packages do not set is left out:
//! `CONFIG_BINFMT_MISC_BPF` of 7.3 registers `bpf_fs_kfunc_set_ids` for STRUCT_OPS, too.

use kfunc_abi::{KernelVersion, ProgType};

/// What a kernel does with a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Registered {
    /// The program types that it is registered for; all types of the same hook have it.
    pub(super) types: &'static [ProgType],
    /// Whether a filter of the kernel's refuses some programs of these types.
    pub(super) filtered: bool,
    /// Whether it is of functions that fmod_ret programs attach to.
    pub(super) fmod_ret: bool,
}

/// A kernel whose source was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kernel {
    V6_12,
    V7_3,
}

impl Kernel {
    pub(super) fn version(self) -> KernelVersion {
        match self {
            Self::V6_12 => KernelVersion::new(6, 12),
            Self::V7_3 => KernelVersion::new(7, 3),
        }
    }

    /// The kernel that is most like one of `version`.
    pub(super) fn like(version: KernelVersion) -> Self {
        if version.is_before(KernelVersion::new(7, 0)) {
            Self::V6_12
        } else {
            Self::V7_3
        }
    }

    /// The kernel that has more of these sets; the newer one if both have as many.
    pub(super) fn with_most_of<'s>(sets: impl Iterator<Item = &'s str> + Clone) -> Self {
        let known = |kernel: Self| {
            let sets = sets.clone();
            sets.filter(|set| kernel.registered(set).is_some()).count()
        };
        if known(Self::V6_12) > known(Self::V7_3) {
            Self::V6_12
        } else {
            Self::V7_3
        }
    }

    /// What it does with the set `name`; none if it has no such set.
    pub(super) fn registered(self, name: &str) -> Option<Registered> {
        let mut rows = SETS.iter();
        let row = rows.find(|row| row.name == name)?;
        match self {
            Self::V6_12 => row.v6_12,
            Self::V7_3 => row.v7_3,
        }
    }
}

struct Row {
    name: &'static str,
    v6_12: Option<Registered>,
    v7_3: Option<Registered>,
}

const fn for_types(types: &'static [ProgType]) -> Option<Registered> {
    Some(Registered {
        types,
        filtered: false,
        fmod_ret: false,
    })
}

const fn filtered(types: &'static [ProgType]) -> Option<Registered> {
    Some(Registered {
        types,
        filtered: true,
        fmod_ret: false,
    })
}

const FMOD_RET: Option<Registered> = Some(Registered {
    types: &[],
    filtered: false,
    fmod_ret: true,
});

/// A set that both kernels treat alike.
const fn both(name: &'static str, registered: Option<Registered>) -> Row {
    Row {
        name,
        v6_12: registered,
        v7_3: registered,
    }
}

/// A set that only the newer one has.
const fn new(name: &'static str, v7_3: Option<Registered>) -> Row {
    Row {
        name,
        v6_12: None,
        v7_3,
    }
}

/// A set that only the older one has.
const fn old(name: &'static str, v6_12: Option<Registered>) -> Row {
    Row {
        name,
        v6_12,
        v7_3: None,
    }
}

/// A set that the newer one treats in another way.
const fn changed(name: &'static str, v6_12: Option<Registered>, v7_3: Option<Registered>) -> Row {
    Row { name, v6_12, v7_3 }
}

const ANY: &[ProgType] = &[ProgType::UNSPEC];
const CALLERS_OF_GENERIC: &[ProgType] = &[
    ProgType::TRACING,
    ProgType::SCHED_CLS,
    ProgType::XDP,
    ProgType::STRUCT_OPS,
    ProgType::SYSCALL,
    ProgType::CGROUP_SKB,
];
const CALLERS_WITH_SKB: &[ProgType] = &[
    ProgType::SCHED_CLS,
    ProgType::SCHED_ACT,
    ProgType::SK_SKB,
    ProgType::SOCKET_FILTER,
    ProgType::CGROUP_SKB,
    ProgType::LWT_OUT,
    ProgType::LWT_IN,
    ProgType::LWT_XMIT,
    ProgType::LWT_SEG6LOCAL,
    ProgType::NETFILTER,
    ProgType::TRACING,
];
const TC_ACTIONS: &[ProgType] = &[ProgType::SCHED_CLS, ProgType::SCHED_ACT];
const TC_ACTIONS_XDP: &[ProgType] = &[ProgType::SCHED_CLS, ProgType::SCHED_ACT, ProgType::XDP];
const XDP_TC: &[ProgType] = &[ProgType::XDP, ProgType::SCHED_CLS];
const XDP: &[ProgType] = &[ProgType::XDP];
const TC: &[ProgType] = &[ProgType::SCHED_CLS];
const TRACING: &[ProgType] = &[ProgType::TRACING];
const LSM: &[ProgType] = &[ProgType::LSM];
const KPROBE: &[ProgType] = &[ProgType::KPROBE];
const SYSCALL: &[ProgType] = &[ProgType::SYSCALL];
const OPS: &[ProgType] = &[ProgType::STRUCT_OPS];
const OPS_SYSCALL: &[ProgType] = &[ProgType::STRUCT_OPS, ProgType::SYSCALL];
const OPS_TRACING_SYSCALL: &[ProgType] =
    &[ProgType::STRUCT_OPS, ProgType::TRACING, ProgType::SYSCALL];

/// All sets, in the order of the files that register them.
const SETS: &[Row] = &[
    // drivers/base/power/wakeup.c
    new("wakeup_source_kfunc_ids", for_types(SYSCALL)),
    // drivers/hid/bpf/hid_bpf_dispatch.c
    both("hid_bpf_kfunc_ids", for_types(OPS)),
    both("hid_bpf_syscall_kfunc_ids", for_types(SYSCALL)),
    // fs/binfmt_misc_bpf.c, fs/bpf_fs_kfuncs.c, fs/verity/measure.c
    new("bm_bpf_kfunc_ids", filtered(OPS)),
    both("bpf_fs_kfunc_set_ids", filtered(LSM)),
    both("fsverity_set_ids", filtered(LSM)),
    // io_uring/bpf-ops.c
    new("io_uring_kfunc_set", for_types(OPS)),
    // kernel/bpf
    both("arena_kfuncs", for_types(ANY)),
    both("cpumask_kfunc_btf_ids", for_types(OPS_TRACING_SYSCALL)),
    both("crypt_init_kfunc_btf_ids", for_types(SYSCALL)),
    both("crypt_kfunc_btf_ids", for_types(TC_ACTIONS_XDP)),
    both("generic_btf_ids", for_types(CALLERS_OF_GENERIC)),
    both("common_btf_ids", for_types(ANY)),
    both("bpf_map_iter_kfunc_ids", for_types(ANY)),
    new("rqspinlock_kfunc_ids", for_types(ANY)),
    // kernel/cgroup/rstat.c
    both("bpf_rstat_kfunc_ids", for_types(TRACING)),
    // kernel/sched/ext.c; in 7.3 kernel/sched/ext/
    changed(
        "scx_kfunc_ids_enqueue_dispatch",
        for_types(OPS),
        filtered(OPS),
    ),
    changed("scx_kfunc_ids_dispatch", for_types(OPS), filtered(OPS)),
    changed("scx_kfunc_ids_cpu_release", for_types(OPS), filtered(OPS)),
    changed(
        "scx_kfunc_ids_unlocked",
        for_types(OPS_SYSCALL),
        filtered(OPS_SYSCALL),
    ),
    changed(
        "scx_kfunc_ids_any",
        for_types(OPS_TRACING_SYSCALL),
        filtered(OPS_TRACING_SYSCALL),
    ),
    changed(
        "scx_kfunc_ids_select_cpu",
        for_types(OPS),
        filtered(OPS_SYSCALL),
    ),
    new("scx_kfunc_ids_idle", filtered(OPS_TRACING_SYSCALL)),
    new("scx_kfunc_ids_init_cids", filtered(OPS)),
    new("scx_kfunc_ids_cid", for_types(OPS_TRACING_SYSCALL)),
    // Only asked by the filter of the others: all of its kfuncs are in one of them, too.
    new("scx_kfunc_ids_cpu_only", for_types(&[])),
    // kernel/trace/bpf_trace.c
    old("key_sig_kfunc_set", for_types(TRACING)),
    old("kprobe_multi_kfunc_set_ids", filtered(KPROBE)),
    new(
        "session_kfunc_set_ids",
        filtered(&[ProgType::KPROBE, ProgType::TRACING]),
    ),
    // mm/bpf_memcontrol.c
    new("bpf_memcontrol_kfuncs", for_types(ANY)),
    // net/bpf/test_run.c
    both("bpf_test_modify_return_ids", FMOD_RET),
    both(
        "test_sk_check_kfunc_ids",
        for_types(&[ProgType::SCHED_CLS, ProgType::TRACING, ProgType::SYSCALL]),
    ),
    // net/core
    both("bpf_kfunc_check_set_skb", for_types(CALLERS_WITH_SKB)),
    new("bpf_kfunc_check_set_skb_meta", for_types(TC_ACTIONS)),
    both("bpf_kfunc_check_set_xdp", for_types(XDP)),
    both(
        "bpf_kfunc_check_set_sock_addr",
        for_types(&[ProgType::CGROUP_SOCK_ADDR]),
    ),
    both("bpf_kfunc_check_set_tcp_reqsk", for_types(TC)),
    new(
        "bpf_kfunc_check_set_sock_ops",
        for_types(&[ProgType::SOCK_OPS]),
    ),
    new(
        "bpf_kfunc_check_set_icmp_send",
        for_types(&[ProgType::CGROUP_SKB]),
    ),
    both("bpf_sk_iter_kfunc_ids", filtered(TRACING)),
    both("xdp_metadata_kfunc_ids", for_types(XDP)),
    new("ksock_init_kfunc_btf_ids", for_types(SYSCALL)),
    new(
        "ksock_kfunc_btf_ids",
        filtered(&[ProgType::SYSCALL, ProgType::LSM]),
    ),
    // net/ipv4
    both("bpf_tcp_ca_check_kfunc_ids", for_types(OPS)),
    both("tcp_bbr_check_kfunc_ids", for_types(OPS)),
    both("tcp_cubic_check_kfunc_ids", for_types(OPS)),
    both("tcp_dctcp_check_kfunc_ids", for_types(OPS)),
    both("fou_kfunc_set", for_types(TC)),
    // net/netfilter
    both("nf_ct_kfunc_set", for_types(XDP_TC)),
    both("nf_ft_kfunc_set", for_types(XDP)),
    both("nf_nat_kfunc_set", for_types(XDP_TC)),
    // net/sched/bpf_qdisc.c
    new("qdisc_kfunc_ids", filtered(OPS)),
    // net/xfrm
    both("xfrm_ifc_kfunc_set", for_types(TC)),
    both("xfrm_state_kfunc_set", for_types(XDP)),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_set_is_there_once_and_every_type_has_a_hook() {
        let names: BTreeSet<_> = SETS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), SETS.len());
        for row in SETS {
            for registered in [row.v6_12, row.v7_3].into_iter().flatten() {
                let mut types = registered.types.iter();
                assert!(types.all(|ty| ty.hook().is_some()), "{}", row.name);
            }
        }
    }

    #[test]
    fn a_kernel_is_known_by_its_sets() {
        let old = ["generic_btf_ids", "key_sig_kfunc_set"];
        assert_eq!(Kernel::with_most_of(old.into_iter()), Kernel::V6_12);
        let new = ["generic_btf_ids", "rqspinlock_kfunc_ids", "their_own"];
        assert_eq!(Kernel::with_most_of(new.into_iter()), Kernel::V7_3);
        assert_eq!(Kernel::with_most_of([].into_iter()), Kernel::V7_3);
        assert_eq!(Kernel::like(KernelVersion::new(6, 19)), Kernel::V6_12);
        assert_eq!(Kernel::V6_12.registered("rqspinlock_kfunc_ids"), None);
    }
}
