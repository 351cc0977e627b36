// SPDX-License-Identifier: GPL-2.0-only
/*
 * A BPF program that calls what only the verifier can fill in. Stack arguments are passed by the guest itself, because no
 * compiler of Debian 13 makes such calls.
 */
#include "shapes_common.h"

extern __u64 bpf_shape_native(__u64 value) __ksym;

SEC("syscall")
int native_only(struct run *run)
{
	run->result = bpf_shape_native(run->delta);
	return 0;
}
