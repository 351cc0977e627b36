// SPDX-License-Identifier: GPL-2.0-only
/*
 * BPF programs with calls of both kfuncs of the example module everywhere: guest/audit.c knows how many.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern __u32 bpf_self_id(void) __ksym;
extern __u64 bpf_self_count(__u64 delta) __ksym;

char LICENSE[] SEC("license") = "GPL";

/* guest/programs.h */
struct run {
	__u64 delta;
	__u64 result;
};

static __attribute__((noinline)) __u64 in_subprogram(struct run *run)
{
	return bpf_self_id() + bpf_self_count(run->delta) * bpf_self_count(1);
}

static long in_callback(__u64 index, void *context)
{
	*(__u64 *)context += bpf_self_count(index);
	return 0;
}

SEC("syscall")
int everywhere(struct run *run)
{
	__u64 total = bpf_self_id();

	bpf_loop(run->delta & 0xff, in_callback, &total, 0);
	total += in_subprogram(run) * bpf_self_count(2);
	run->result = total - bpf_self_id();
	return 0;
}

/* Without a callback, and so without func_info to load it again (guest/again.c). */
SEC("syscall")
int below(struct run *run)
{
	run->result = bpf_self_id() + in_subprogram(run);
	return 0;
}

/* May not sleep, and so is freed sooner. */
SEC("tc")
int both_tc(struct __sk_buff *skb)
{
	return bpf_self_id() + bpf_self_count(1);
}
