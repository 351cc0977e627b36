// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program that tries to call the body of a kfunc, with an argument of its own choice.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct bpf_prog_aux {
};

extern __u32 bpf_self_id_impl(struct bpf_prog_aux *program) __ksym;

char LICENSE[] SEC("license") = "GPL";

SEC("syscall")
int calls_body(void *context)
{
	return bpf_self_id_impl((void *)0xdead);
}
