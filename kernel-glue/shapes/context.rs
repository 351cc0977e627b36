// SPDX-License-Identifier: GPL-2.0-only

//! What only programs of one type may call: their context is an argument.

kernel_glue::kernel_types! {
    /// A packet, as programs of type tc see it. The kernel's own view of it is what the kfunc gets.
    pub struct Packet as "__sk_buff";
}

kernel_glue::kfuncs! {
    /// For classifiers.
    pub set CONTEXT for [SCHED_CLS] {
        /// Whether there is a packet.
        #[kfunc]
        pub fn bpf_shape_context(packet: *const Packet) -> u64 {
            u64::from(!packet.is_null())
        }
    }
}

kernel_glue::kfuncs! {
    /// For packets of cgroups. The kernel takes all types of cgroup programs for one.
    pub set CGROUP for [CGROUP_SKB] {
        /// 1.
        #[kfunc]
        pub fn bpf_shape_cgroup() -> u64 {
            1
        }
    }
}
