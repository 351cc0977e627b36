// SPDX-License-Identifier: GPL-2.0-only
/* A program with a timer, which kernels with CONFIG_PREEMPT_RT do not load. */
#include "lifecycle_common.h"

struct cell {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct cell);
} cells SEC(".maps");

static int tell_from_timer(void *map, int *key, struct cell *cell)
{
	TELL(timer_callback);
	return 0;
}

SEC("tc")
int by_timer_callback(struct __sk_buff *skb)
{
	int first = 0;
	struct cell *cell = bpf_map_lookup_elem(&cells, &first);

	if (!cell)
		return 1;
	return bpf_timer_init(&cell->timer, &cells, 1 /* CLOCK_MONOTONIC */) ||
	       bpf_timer_set_callback(&cell->timer, tell_from_timer) || bpf_timer_start(&cell->timer, 0, 0);
}
