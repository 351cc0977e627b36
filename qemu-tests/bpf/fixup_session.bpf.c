// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that run at a function's entry and at its return, and ask which it is: loaded, never attached. Of two types,
 * of which the verifier inlines the calls in one alone (fsession, 7.3).
 */
#include "fixup_kfuncs.h"

char LICENSE[] SEC("license") = "GPL";

static __u64 seen[16];

static __noinline __u64 at_entry(__u64 value)
{
	__u64 total = 0;
	int i;

	bpf_for(i, 0, value & 0xf)
		total ^= seen[i & 0xf] + i;
	return total;
}

/* Nothing of the context is read: other parts of the verifier check and convert that. */
static __always_inline int both_ways(void *context)
{
	__u64 *cookie = bpf_session_cookie(context);
	int i;

	for (i = 0; i < 8; i++) {
		if (bpf_session_is_return(context)) {
			seen[i] = *cookie;
			if (seen[i] & 1)
				continue;
			*bpf_session_cookie(context) += at_entry(seen[i]);
		} else {
			*cookie = at_entry(bpf_get_prandom_u32());
			if (*cookie & 2)
				break;
		}
		seen[i + 8] += bpf_session_is_return(context) ? 3 : *bpf_session_cookie(context);
	}
	if (!bpf_session_is_return(context))
		*bpf_session_cookie(context) = at_entry(i);
	return 0;
}

#ifndef LINUX_6_12
SEC("fsession/bpf_fentry_test1")
int inlined(void *context)
{
	return both_ways(context);
}
#endif

SEC("kprobe.session/bpf_fentry_test1")
int called(void *context)
{
	return both_ways(context);
}
