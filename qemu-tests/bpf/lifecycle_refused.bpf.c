// SPDX-License-Identifier: GPL-2.0-only
/* Is refused by a provider, from more places than that has state for, when it has slots of other kfuncs. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern __u32 bpf_self_id(void) __ksym;
extern __u64 bpf_self_count(__u64 delta) __ksym;
extern __u32 bpf_ratelimit(__u64 burst, __u64 interval) __ksym;

char LICENSE[] SEC("license") = "GPL";

#define CALL sum += bpf_ratelimit(1, 0);
#define CALL8 CALL CALL CALL CALL CALL CALL CALL CALL

SEC("syscall")
int refused(void *context)
{
	__u64 sum = bpf_self_id() + bpf_self_count(1);

	CALL8 CALL8 CALL8 CALL8 CALL
	return sum;
}
