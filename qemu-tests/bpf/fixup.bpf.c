// SPDX-License-Identifier: GPL-2.0-only
/* Small programs, each with a few kinds of call: loaded, never run. */
#include "fixup_kfuncs.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} array SEC(".maps");

struct work {
	struct bpf_wq wq;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct work);
} works SEC(".maps");

static __noinline __u64 sum(int start, int end)
{
	struct bpf_iter_num it;
	__u64 total = 0;
	int *number;

	bpf_iter_num_new(&it, start, end);
	while ((number = bpf_iter_num_next(&it))) {
		if (*number & 1)
			grow(1);
		total |= *number & 0xff;
	}
	bpf_iter_num_destroy(&it);
	return total;
}

SEC("syscall")
int loops(__u64 *context)
{
	struct bpf_iter_num outer;
	__u64 total = 0;
	int *number;

	bpf_iter_num_new(&outer, 0, *context & 0xff);
	while ((number = bpf_iter_num_next(&outer))) {
		if (*number == 7)
			continue;
		total |= sum(0, *number) & 0xff;
		if (*number > 100)
			break;
		grow(2);
	}
	bpf_iter_num_destroy(&outer);
	*context = total + sum(3, 9);
	return 0;
}

static long for_each(void *map, __u32 *key, __u64 *value, void *context)
{
	grow(1);
	*value += sum(0, 5);
	return *value > 1000;
}

SEC("syscall")
int callback(__u64 *context)
{
	grow(1);
	bpf_for_each_map_elem(&array, for_each, (void *)0, 0);
	if (as_task(context))
		grow(2);
	return 0;
}

static _Bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	grow_locked(1);
	return a < b;
}

SEC("syscall")
int objects(__u64 *context)
{
	struct node *node = bpf_obj_new(bpf_core_type_id_local(struct node)), *again, *third;

	if (!node)
		return 1;
	third = bpf_obj_new(bpf_core_type_id_local(struct node));
	if (!third) {
		bpf_obj_drop(node);
		return 1;
	}
	node->value = *context;
	again = bpf_refcount_acquire(node);
	bpf_spin_lock(&lock);
	if (*context & 1)
		bpf_list_push_front(&list, &node->link);
	else
		bpf_list_push_back(&list, &node->link);
#ifdef LINUX_6_12
	bpf_list_push_back(&list, &third->link);
#else
	bpf_list_add(&list, &third->link, &node->link);
#endif
	bpf_rbtree_add(&tree, &again->place, less);
	bpf_spin_unlock(&lock);
	node = bpf_obj_new(bpf_core_type_id_local(struct node));
	if (node)
		bpf_obj_drop(node);
	return 0;
}

SEC("syscall")
int per_cpu(__u64 *context)
{
	void *cell = bpf_percpu_obj_new(bpf_core_type_id_local(struct cell));

	if (cell)
		bpf_percpu_obj_drop(cell);
	return 0;
}

static int work(void *map, int *key, void *value)
{
	if (sum(1, 3) > 2)
		grow(1);
	return 0;
}

static long queue_each(void *map, int *key, struct work *value, void *context)
{
	if (bpf_wq_init(&value->wq, &works, 0))
		return 1;
	bpf_wq_set_callback(&value->wq, work, 0);
	bpf_wq_start(&value->wq, 0);
	return 0;
}

/* A look-up would become many instructions. */
SEC("syscall")
int queue(__u64 *context)
{
	bpf_for_each_map_elem(&works, queue_each, (void *)0, 0);
	return 0;
}

SEC("tc")
int cast(struct __sk_buff *skb)
{
	return !bpf_cast_to_kern_ctx(skb);
}
