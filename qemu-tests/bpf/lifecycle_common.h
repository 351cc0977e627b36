/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs of the life cycle's share. */
#ifndef LIFECYCLE_COMMON_H
#define LIFECYCLE_COMMON_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "lifecycle_rows.h"

extern __u32 bpf_self_id(void) __ksym;

char LICENSE[] SEC("license") = "GPL";

#define MOST_ROWS 16	/* a program has a slot each: kernel-glue/example/kfuncs.rs */

/* The id that each program was given. User space finds it as .bss. */
__u64 seen[MOST_ROWS];

#define TELL(row) (seen[ROW_##row] = bpf_self_id())

/* A program that tells its id, and returns `result`. Sections have names too, so those of programs begin with by_. */
#define PROGRAM(section, name, result) \
	SEC(section) \
	int by_##name(void *context) \
	{ \
		TELL(name); \
		return result; \
	}

#endif
