// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that call kfuncs of the kernel's own for which the verifier changes something: loaded, never run.
 * src/fixup_check.rs knows what becomes of each call, and the layout of struct node.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "GPL";

struct cell {
	__u64 value;
};

struct node {
	__u64 value;
	struct bpf_list_node link;
	struct bpf_rb_node place;
	struct bpf_refcount count;
};

extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;
extern int bpf_stream_print_stack(int stream) __ksym;
extern void *bpf_rdonly_cast(const void *object, __u32 type) __ksym;
extern void *bpf_obj_new(__u64 type) __ksym;
extern void bpf_obj_drop(void *object) __ksym;
extern void *bpf_refcount_acquire(void *object) __ksym;
extern int bpf_list_push_front(struct bpf_list_head *head, struct bpf_list_node *node) __ksym;
extern int bpf_list_push_back(struct bpf_list_head *head, struct bpf_list_node *node) __ksym;
extern int bpf_list_add(struct bpf_list_head *head, struct bpf_list_node *node, struct bpf_list_node *previous) __ksym;
extern int bpf_rbtree_add(struct bpf_rb_root *root, struct bpf_rb_node *node,
			  _Bool (less)(struct bpf_rb_node *a, const struct bpf_rb_node *b)) __ksym;

extern void *bpf_percpu_obj_new(__u64 type) __ksym;
extern void bpf_percpu_obj_drop(void *object) __ksym;
extern void *bpf_cast_to_kern_ctx(void *context) __ksym;
extern int bpf_wq_init(struct bpf_wq *wq, void *map, unsigned int flags) __ksym;
extern int bpf_wq_set_callback(struct bpf_wq *wq, int (callback)(void *map, int *key, void *value),
			       unsigned int flags) __ksym;
extern int bpf_wq_start(struct bpf_wq *wq, unsigned int flags) __ksym;

#define PRIVATE(name) SEC(".bss." #name) __attribute__((aligned(8)))
#define CONTAINS(type, member) __attribute__((btf_decl_tag("contains:" #type ":" #member)))

static struct bpf_spin_lock lock PRIVATE(a);
static struct bpf_list_head list PRIVATE(a) CONTAINS(node, link);
static struct bpf_rb_root tree PRIVATE(a) CONTAINS(node, place);

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

static __attribute__((noinline)) __u64 sum(int start, int end)
{
	struct bpf_iter_num it;
	__u64 total = 0;
	int *number;

	bpf_iter_num_new(&it, start, end);
	while ((number = bpf_iter_num_next(&it))) {
		if (*number & 1)
			bpf_stream_print_stack(1);
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
		bpf_stream_print_stack(2);
	}
	bpf_iter_num_destroy(&outer);
	*context = total + sum(3, 9);
	return 0;
}

static long for_each(void *map, __u32 *key, __u64 *value, void *context)
{
	bpf_stream_print_stack(1);
	*value += sum(0, 5);
	return *value > 1000;
}

SEC("syscall")
int callback(__u64 *context)
{
	bpf_stream_print_stack(1);
	bpf_for_each_map_elem(&array, for_each, (void *)0, 0);
	if (bpf_rdonly_cast(context, 0))
		bpf_stream_print_stack(2);
	return 0;
}

static _Bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	bpf_stream_print_stack(1);
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
	bpf_list_add(&list, &third->link, &node->link);
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
		bpf_stream_print_stack(1);
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
