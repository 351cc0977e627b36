/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs that call the kfuncs of guest/compat have in common. */
#ifndef COMPAT_CALL_H
#define COMPAT_CALL_H

#include <bpf/bpf_helpers.h>

/* What a program is run with, and what it leaves behind (guest/programs.h). */
struct run {
	__u64 delta;
	__u64 result;
};

char LICENSE[] SEC("license") = "GPL";

/* Calls `kfunc`, and has LEFT in the second register, whatever the prototype says. */
#define CALL(kfunc)                                                   \
	({                                                            \
		__u64 result;                                         \
                                                                      \
		asm volatile("r1 = 1\n"                               \
			     "r2 = %[left]\n"                         \
			     "call %[called]\n"                       \
			     "%[returned] = r0"                       \
			     : [returned] "=r"(result)                \
			     : [left] "i"(LEFT), [called] "i"(kfunc)  \
			     : "r0", "r1", "r2", "r3", "r4", "r5");   \
		result;                                               \
	})

#endif
