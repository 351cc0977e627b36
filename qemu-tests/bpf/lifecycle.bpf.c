// SPDX-License-Identifier: GPL-2.0-only
/* Programs that user space can have run: of all types, sleepable and not, and with all kinds of functions. */
#include "lifecycle_common.h"

PROGRAM("xdp", xdp, XDP_PASS)
PROGRAM("tc", tc, 0)
PROGRAM("syscall", syscall, 0)
PROGRAM("socket", socket_filter, 0)
PROGRAM("action", sched_act, 0)
PROGRAM("cgroup_skb/egress", cgroup_skb, 1)
PROGRAM("lwt_in", lwt_in, 0)
PROGRAM("fentry/bpf_fentry_test1", fentry, 0)
PROGRAM("fexit/bpf_fentry_test1", fexit, 0)
PROGRAM("fmod_ret/bpf_modify_return_test", fmod_ret, 0)
PROGRAM("fentry.s/bpf_fentry_test1", fentry_sleepable, 0)

__attribute__((noinline)) int tell_from_subprogram(struct __sk_buff *skb)
{
	return TELL(subprogram) ? skb->len : 0;
}

SEC("tc")
int by_subprogram(struct __sk_buff *skb)
{
	return tell_from_subprogram(skb);
}

static long tell_from_loop(__u64 index, void *context)
{
	TELL(loop_callback);
	return 0;
}

SEC("tc")
int by_loop_callback(struct __sk_buff *skb)
{
	bpf_loop(2, tell_from_loop, NULL, 0);
	return 0;
}

struct cell {
	struct bpf_wq work;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct cell);
} cells SEC(".maps");

static long tell_from_each(void *map, int *key, struct cell *cell, void *context)
{
	TELL(each_callback);
	return 0;
}

SEC("tc")
int by_each_callback(struct __sk_buff *skb)
{
	bpf_for_each_map_elem(&cells, tell_from_each, NULL, 0);
	return 0;
}

extern int bpf_wq_init(struct bpf_wq *work, void *map, unsigned int flags) __ksym;
extern int bpf_wq_start(struct bpf_wq *work, unsigned int flags) __ksym;
/* With an argument that the verifier fills in, and, on 6.12, with one that nobody looks at. */
extern int bpf_wq_set_callback(struct bpf_wq *work, int (callback)(void *map, int *key, void *value),
			       unsigned int flags) __ksym __weak;
extern int bpf_wq_set_callback_impl(struct bpf_wq *work, int (callback)(void *map, int *key, void *value),
				    unsigned int flags, void *aux) __ksym __weak;

static int tell_from_work(void *map, int *key, void *cell)
{
	TELL(wq_callback);
	return 0;
}

SEC("syscall")
int by_wq_callback(void *context)
{
	int first = 0, error;
	struct cell *cell = bpf_map_lookup_elem(&cells, &first);

	if (!cell || bpf_wq_init(&cell->work, &cells, 0))
		return 1;
	if (bpf_ksym_exists(bpf_wq_set_callback))
		error = bpf_wq_set_callback(&cell->work, tell_from_work, 0);
	else
		error = bpf_wq_set_callback_impl(&cell->work, tell_from_work, 0, NULL);
	return error || bpf_wq_start(&cell->work, 0);
}
