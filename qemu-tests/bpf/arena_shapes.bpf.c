// SPDX-License-Identifier: GPL-2.0-only
/*
 * BPF programs that call what Linux 7.3 brought: arena pointers as arguments, and constant maps.
 */
#include "shapes_common.h"

#ifndef NULL
#define NULL ((void *)0)
#endif

#define __arena __attribute__((address_space(1)))
#define ARENA_PAGES 2
#define NUMA_NO_NODE (-1)

extern __u64 bpf_shape_const_map(void *map) __ksym;
extern __u64 bpf_shape_arena(__u64 __arena *cell) __ksym;
extern __u64 bpf_shape_arena_nullable(__u64 __arena *cell) __ksym;
extern void __arena *bpf_arena_alloc_pages(void *map, void __arena *address, __u32 pages, int node, __u64 flags) __ksym;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} one SEC(".maps"), other SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ARENA_PAGES);
	__ulong(map_extra, 1ull << 44);
} arena SEC(".maps");

SEC("syscall")
int const_map(struct run *run)
{
	__u64 first = bpf_shape_const_map(&one);

	run->result = first && first == bpf_shape_const_map(&one) &&
		      first != bpf_shape_const_map(&other);
	return 0;
}

/* Bad: an arena is needed, and this program has none. */
SEC("syscall")
int arena_that_is_none(struct run *run)
{
	run->result = bpf_shape_arena((__u64 __arena *)run->delta);
	return 0;
}

/* Bad: memory is no map. */
SEC("syscall")
int const_map_that_is_none(struct run *run)
{
	struct run none = {};

	run->result = bpf_shape_const_map(&none);
	return 0;
}

SEC("syscall")
int in_arena(struct run *run)
{
	__u64 __arena *cell = bpf_arena_alloc_pages(&arena, NULL, 1, NUMA_NO_NODE, 0);

	if (!cell)
		return 0;
	cell++; /* The arena begins at a multiple of 4 GiB, and 32 bits of 0 are NULL. */
	*cell = run->delta;
	run->result = bpf_shape_arena(cell) + bpf_shape_arena_nullable(cell);
	return 0;
}

SEC("syscall")
int no_arena_cell(struct run *run)
{
	__u64 __arena *cell = bpf_arena_alloc_pages(&arena, NULL, 1, NUMA_NO_NODE, 0);

	run->result = cell ? bpf_shape_arena_nullable(NULL) : 0;
	return 0;
}
