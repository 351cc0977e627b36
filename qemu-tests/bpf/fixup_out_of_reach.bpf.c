// SPDX-License-Identifier: GPL-2.0-only
/* A program that no kernel can load: its jump just fits, until the calls that it leads over have grown. */
#include "fixup_kfuncs.h"

char LICENSE[] SEC("license") = "GPL";

/* Instructions that the jump leads over, besides the calls. */
#define FILL "32570"

static int number;

SEC("syscall")
int jump(void *context)
{
	int round = number;

	if (bpf_get_prandom_u32() & 1)
		asm volatile goto("goto %l[out]" :::: out);
	asm volatile(".rept " FILL "\n%0 += 1\n.endr" : "+r"(round));
#pragma clang loop unroll(full)
	for (int i = 0; i < 20; i++) {
		struct node *node = bpf_obj_new(bpf_core_type_id_local(struct node));

		if (node)
			bpf_obj_drop(node);
	}
out:
	number = round;
	return 0;
}
