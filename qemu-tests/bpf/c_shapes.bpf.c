// SPDX-License-Identifier: GPL-2.0-only
/*
 * BPF programs that call the kfunc in C of the module that has the others in Rust.
 */
#include "shapes_common.h"

struct shape_point {
	__u64 x;
	__u32 y;
};

extern __u64 bpf_shape_in_c(const struct shape_point *point, __u64 more) __ksym;

SEC("action")
int in_c(struct __sk_buff *context)
{
	struct shape_point point = { .x = 300, .y = 20 };

	return bpf_shape_in_c(&point, 1);
}

/* Bad: what is added is no constant. */
SEC("action")
int in_c_that_varies(struct __sk_buff *context)
{
	struct shape_point point = {};

	return bpf_shape_in_c(&point, context->len);
}
