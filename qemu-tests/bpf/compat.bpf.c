// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program that calls KFUNC as HEADER declares it. HEADER is what bpftool makes of the module; it declares kfuncs
 * weak, which STRONG undoes.
 */
#ifdef STRONG
#define __weak
#endif
#include <linux/types.h>
#include HEADER
#include "compat_call.h"

#ifdef BY_HAND
extern __u64 KFUNC(__u64 value, struct bpf_prog_aux *aux) __weak __ksym;
#endif

/* Not called. The BTF of a program has only those kfuncs that C code calls. */
__u64 declares(void)
{
	__u64 (*kfunc)() = (void *)KFUNC;

	return kfunc();
}

SEC("syscall")
int call(struct run *run)
{
	run->result = CALL(KFUNC);
	return 0;
}
