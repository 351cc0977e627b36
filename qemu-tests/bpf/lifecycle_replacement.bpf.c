// SPDX-License-Identifier: GPL-2.0-only
/* Takes the place of a function of another program, and tells its own id. */
#include "lifecycle_common.h"

SEC("freplace/replaceable")
int by_freplace(struct __sk_buff *skb)
{
	TELL(freplace);
	return skb->len;
}
