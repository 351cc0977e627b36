// SPDX-License-Identifier: GPL-2.0-only
/*
 * BPF programs that call the kfuncs of the example module.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern __u32 bpf_self_id(void) __ksym;
extern __u64 bpf_self_count(__u64 delta) __ksym;

char LICENSE[] SEC("license") = "GPL";

/* What a program is run with, and what it leaves behind (guest/programs.h). */
struct run {
	__u64 delta;
	__u64 result;
};

SEC("syscall")
int self_id(struct run *run)
{
	run->result = bpf_self_id();
	return 0;
}

SEC("syscall")
int self_count(struct run *run)
{
	run->result = bpf_self_count(run->delta);
	return 0;
}

/* A program of another type, which may not sleep. Returns the id. */
SEC("tc")
int self_id_tc(struct __sk_buff *skb)
{
	return bpf_self_id();
}

static __attribute__((noinline)) __u64 id_in_subprogram(struct run *run)
{
	return bpf_self_id() + run->delta;
}

SEC("syscall")
int in_subprogram(struct run *run)
{
	run->result = id_in_subprogram(run);
	return 0;
}

static long count_in_callback(__u64 index, void *context)
{
	__u64 *total = context;

	*total = bpf_self_count(1);
	return 0;
}

SEC("syscall")
int in_callback(struct run *run)
{
	__u64 total = 0;

	bpf_loop(run->delta & 0xff, count_in_callback, &total, 0);
	run->result = total;
	return 0;
}

/* Fails verification after both calls were checked, so that it was bound before it failed. */
SEC("syscall")
int fails_late(struct run *run)
{
	__u64 address = bpf_self_id() + bpf_self_count(1);

	run->result = *(volatile __u32 *)address;
	return 0;
}
