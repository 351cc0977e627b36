// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that call the kfuncs of my_kfuncs. What is implicit is not passed.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "my_kfuncs.h"

char LICENSE[] SEC("license") = "GPL";

/* What a program is run with, and what it leaves behind: test.c. */
struct run {
	__u64 delta;
	__u64 result;
};

SEC("syscall")
int id(struct run *run)
{
	run->result = my_kfuncs_id();
	return 0;
}

SEC("syscall")
int add(struct run *run)
{
	run->result = my_kfuncs_add(run->delta);
	return 0;
}
