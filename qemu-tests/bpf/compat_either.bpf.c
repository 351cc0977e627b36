// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program that knows both prototypes of a kfunc, and calls the one that the kernel has: libbpf ignores what follows
 * three underscores.
 */
#include <linux/types.h>
#include "compat_call.h"

struct bpf_prog_aux {
};

extern __u64 SHORT(__u64 value) __weak __ksym;
extern __u64 FULL(__u64 value, struct bpf_prog_aux *aux) __weak __ksym;

/* Not called. The BTF of a program has only those kfuncs that C code calls. */
__u64 declares(void)
{
	return SHORT(0) + FULL(0, 0);
}

SEC("syscall")
int call(struct run *run)
{
	if (bpf_ksym_exists(SHORT))
		run->result = CALL(SHORT);
	else if (bpf_ksym_exists(FULL))
		run->result = CALL(FULL);
	return 0;
}
