// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls one kfunc of the kernel. Compiled with its PROTOTYPE and a CALL of it; with WEAK set to its name, for kernels
 * on which it cannot be called.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

typedef __s32 s32;
typedef __u32 u32;
typedef __s64 s64;
typedef __u64 u64;

/* libbpf tells a struct that is not defined from one that is. */
struct bpf_prog_aux {
	char unknown;
};

#ifdef WEAK
extern PROTOTYPE __weak __ksym;
#else
extern PROTOTYPE __ksym;
#endif

char LICENSE[] SEC("license") = "GPL";

/* What a program is run with, and what it leaves behind (guest/programs.h). */
struct run {
	__u64 delta;
	__u64 result;
};

SEC("syscall")
int call(struct run *run)
{
#ifdef WEAK
	if (!bpf_ksym_exists(WEAK)) {
		run->result = run->delta + 2;
		return 0;
	}
#endif
	CALL;
	run->result = run->delta + 1;
	return 0;
}
