// SPDX-License-Identifier: GPL-2.0-only
/*
 * BPF programs that call the kfuncs of the example module.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern __u32 bpf_self_id(void) __ksym;
extern __u64 bpf_self_count(__u64 delta) __ksym;
extern __u32 bpf_ratelimit(__u64 burst, __u64 interval) __ksym;
extern __u32 bpf_ratelimit_default(void) __ksym;
extern __u32 bpf_loader_uid(void) __ksym;

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

#define LONG_TIME 1000000000000	/* nanoseconds: no interval of that length ends while a test runs */

/* Two places with limits of their own. */
SEC("syscall")
int two_limits(struct run *run)
{
	run->result = 10 * bpf_ratelimit(2, LONG_TIME) + bpf_ratelimit(3, LONG_TIME);
	return 0;
}

static __attribute__((noinline)) __u64 limit_in_subprogram(struct run *run)
{
	return bpf_ratelimit(2, LONG_TIME) + run->delta;
}

static long limit_in_callback(__u64 index, void *context)
{
	__u64 *allowed = context;

	*allowed += bpf_ratelimit(3, LONG_TIME);
	return 0;
}

/* One place, however often and from wherever it is come to. Digits: subprogram, called twice; callback. */
SEC("syscall")
int one_limit_each(struct run *run)
{
	__u64 in_callback = 0, in_subprogram;

	in_subprogram = limit_in_subprogram(run) + limit_in_subprogram(run);
	bpf_loop(7, limit_in_callback, &in_callback, 0);
	run->result = 10 * in_subprogram + in_callback;
	return 0;
}

/* An interval that is over at once: always allowed. */
SEC("syscall")
int short_limit(struct run *run)
{
	__u64 allowed = 0;

	for (int i = 0; i < 20; i++)
		allowed += bpf_ratelimit(1, 0);
	run->result = allowed;
	return 0;
}

static long default_limit_in_callback(__u64 index, void *context)
{
	__u64 *allowed = context;

	*allowed += bpf_ratelimit_default();
	return 0;
}

/* One place: the compiler would unroll a loop of known length, and make 20 of it. */
SEC("syscall")
int default_limit(struct run *run)
{
	__u64 allowed = 0;

	bpf_loop(20, default_limit_in_callback, &allowed, 0);
	run->result = allowed;
	return 0;
}

#define CALL run->result += bpf_ratelimit(1, LONG_TIME);
#define CALL8 CALL CALL CALL CALL CALL CALL CALL CALL

/* As many places as there are limits for. */
SEC("syscall")
int limits_full(struct run *run)
{
	run->result = 0;
	CALL8 CALL8 CALL8 CALL8
	return 0;
}

/* One too many. */
SEC("syscall")
int limits_over(struct run *run)
{
	run->result = 0;
	CALL8 CALL8 CALL8 CALL8 CALL
	return 0;
}

SEC("syscall")
int loader_uid(struct run *run)
{
	run->result = bpf_loader_uid();
	return 0;
}
