/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs that call the kfuncs of kernel-glue/shapes have in common. */
#ifndef SHAPES_COMMON_H
#define SHAPES_COMMON_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* What a program is run with, and what it leaves behind (guest/programs.h). */
struct run {
	__u64 delta;
	__u64 result;
};

char LICENSE[] SEC("license") = "GPL";

#endif
