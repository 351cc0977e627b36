// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program as it was written before the kfunc had an implicit argument: against a header that shows the argument, for
 * which it passes NULL.
 */
#include "shapes_common.h"

struct bpf_prog_aux {
};

extern __u64 bpf_shape_legacy_impl(__u64 value, struct bpf_prog_aux *program) __ksym;

SEC("syscall")
int old_call(struct run *run)
{
	run->result = bpf_shape_legacy_impl(run->delta, (void *)0);
	return 0;
}

/* Whatever the program passes, the kfunc does not see it. */
SEC("syscall")
int old_call_with_a_pointer(struct run *run)
{
	run->result = bpf_shape_legacy_impl(run->delta, (void *)run);
	return 0;
}
