// SPDX-License-Identifier: GPL-2.0-only
/*
 * BPF programs that call a kfunc of every shape, as it is meant to be called. guest/shapes.c runs them, and knows what
 * each must come to. bad_shapes.bpf.c has what must be refused.
 *
 * Both headers are generated: `kfunc btf dump VMLINUX --format c`, and `kfunc header kfunc_shapes.ko`.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "kfunc_shapes.h"

#define NULL ((void *)0)

/* What a program is run with, and what it leaves behind (guest/programs.h). */
struct run {
	__u64 delta;
	__u64 result;
};

/* An object of the program's own that can be shared. */
struct kept {
	struct bpf_refcount count;
	__u64 value;
};

char LICENSE[] SEC("license") = "GPL";

/* Values */

SEC("syscall")
int scalars(struct run *run)
{
	run->result = bpf_shape_scalars(4000000000, -7, run->delta, -9);
	return 0;
}

SEC("syscall")
int constant(struct run *run)
{
	run->result = bpf_shape_constant(42);
	return 0;
}

SEC("syscall")
int ignored(struct run *run)
{
	run->result = bpf_shape_ignored(run->delta, run);
	return 0;
}

SEC("syscall")
int enumeration(struct run *run)
{
	run->result = bpf_shape_mode(SHAPE_MODE_DOUBLE, run->delta);
	return 0;
}

SEC("syscall")
int typedefs(struct run *run)
{
	run->result = bpf_shape_cookie(run->delta);
	return 0;
}

/* Memory */

SEC("syscall")
int memory(struct run *run)
{
	__u8 bytes[16] = { 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3 };

	run->result = bpf_shape_sum(bytes, run->delta & 15);
	return 0;
}

SEC("syscall")
int const_size_memory(struct run *run)
{
	__u8 bytes[4] = { 1, 2, 4, run->delta };

	run->result = bpf_shape_xor(bytes, sizeof(bytes));
	return 0;
}

SEC("syscall")
int optional_memory(struct run *run)
{
	__u8 bytes[4] = { 5, 6, 7, 8 };

	run->result = bpf_shape_sum_or(bytes, sizeof(bytes), 1000) + bpf_shape_sum_or(NULL, 0, run->delta);
	return 0;
}

SEC("syscall")
int structure(struct run *run)
{
	struct shape_point point = { .x = run->delta, .y = 5 };

	run->result = bpf_shape_point(&point);
	return 0;
}

SEC("syscall")
int nullable(struct run *run)
{
	struct shape_point point = { .x = 2, .y = 3 };

	run->result = bpf_shape_point_or(&point, 1000) + bpf_shape_point_or(NULL, run->delta);
	return 0;
}

SEC("syscall")
int uninit(struct run *run)
{
	struct shape_point point;

	bpf_shape_fill(&point, run->delta);
	run->result = point.x * 1000 + point.y;
	return 0;
}

SEC("syscall")
int unions(struct run *run)
{
	union shape_either either = { .both = run->delta };

	run->result = bpf_shape_either(&either);
	return 0;
}

static const char seven[] = "letters";

SEC("syscall")
int const_str(struct run *run)
{
	run->result = bpf_shape_length(seven) * 100 + bpf_shape_length(seven + 3);
	return 0;
}

static __u8 room[24];

SEC("syscall")
int dynptr(struct run *run)
{
	struct bpf_dynptr data;

	bpf_dynptr_from_mem(room, sizeof(room), 0, &data);
	run->result = bpf_shape_dynptr(&data);
	return 0;
}

/* What the kfunc returns is memory, of a size that the program says. */

SEC("syscall")
int rdonly_buffer(struct run *run)
{
	const __u8 *text = bpf_shape_rdonly(4);

	if (text)
		run->result = text[0] + text[3];
	return 0;
}

SEC("syscall")
int rdwr_buffer(struct run *run)
{
	__u8 *buffer = bpf_shape_rdwr(16);

	if (!buffer)
		return 0;
	buffer[15] = run->delta;
	run->result = buffer[15];
	return 0;
}

/* Objects of the kernel's and of the module's */

SEC("syscall")
int kernel_struct(struct run *run)
{
	run->result = bpf_shape_task(bpf_get_current_task_btf()) == bpf_get_current_task();
	return 0;
}

SEC("syscall")
int rcu(struct run *run)
{
	struct task_struct *parent;
	__u64 seen;

	bpf_rcu_read_lock();
	parent = bpf_get_current_task_btf()->real_parent;
	seen = bpf_shape_rcu(parent);
	bpf_rcu_read_unlock();
	run->result = seen && seen != bpf_get_current_task();
	return 0;
}

SEC("syscall")
int acquire_release(struct run *run)
{
	struct shape_ticket *ticket = bpf_shape_take(run->delta);

	if (!ticket)
		return 0;
	run->result = ticket->number;
	bpf_shape_give(ticket);
	return 0;
}

/* A reference that was given back can be had again; while it is out, it cannot. */
SEC("syscall")
int acquire_again(struct run *run)
{
	struct shape_ticket *ticket = bpf_shape_take(run->delta), *second;

	if (!ticket)
		return 0;
	second = bpf_shape_take(run->delta);
	if (second)
		bpf_shape_give(second);
	run->result = !second;
	bpf_shape_give(ticket);
	return 0;
}

SEC("syscall")
int ret_null(struct run *run)
{
	struct shape_ticket *ticket = bpf_shape_peek(run->delta);

	run->result = ticket ? ticket->number : 0;
	return 0;
}

SEC("syscall")
int iterator(struct run *run)
{
	__u64 sum = 0, left = 0;
	struct bpf_iter_shape it;
	__u64 *at;

	bpf_iter_shape_new(&it, 1, run->delta);
	while ((at = bpf_iter_shape_next(&it))) {
		sum += *at;
		left += bpf_shape_left(&it);
	}
	bpf_iter_shape_destroy(&it);
	run->result = sum * 1000 + left;
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} one SEC(".maps"), other SEC(".maps");

SEC("syscall")
int map(struct run *run)
{
	__u64 first = bpf_shape_map(&one);

	run->result = first && first == bpf_shape_map(&one) &&
		      first != bpf_shape_map(&other);
	return 0;
}

SEC("syscall")
int refcounted_kptr(struct run *run)
{
	struct kept *kept = bpf_obj_new_impl(bpf_core_type_id_local(struct kept), NULL);

	if (!kept)
		return 0;
	run->result = bpf_shape_refcounted(kept);
	bpf_obj_drop_impl(kept, NULL);
	return 0;
}

/* The kernel checks no callback of a module's kfunc, only functions that the program itself calls. */
static __attribute__((noinline)) __u64 twice(__u64 value)
{
	return 2 * value;
}

SEC("syscall")
int callback(struct run *run)
{
	run->result = twice(run->delta) + bpf_shape_callback(twice);
	return 0;
}

/* A context */

SEC("tc")
int context(struct __sk_buff *packet)
{
	return bpf_shape_context(packet);
}

/* Flags that say where a kfunc may be called */

SEC("syscall")
int sleepable(struct run *run)
{
	run->result = bpf_shape_sleepable();
	return 0;
}

SEC("syscall")
int destructive(struct run *run)
{
	run->result = bpf_shape_destructive();
	return 0;
}

/* Implicit arguments after any number of explicit ones, and several of them */

SEC("syscall")
int after_none(struct run *run)
{
	run->result = bpf_shape_after0();
	return 0;
}

SEC("syscall")
int after_one(struct run *run)
{
	run->result = bpf_shape_after1(1);
	return 0;
}

SEC("syscall")
int after_two(struct run *run)
{
	run->result = bpf_shape_after2(1, 20);
	return 0;
}

SEC("syscall")
int after_three(struct run *run)
{
	run->result = bpf_shape_after3(1, 20, 300);
	return 0;
}

SEC("syscall")
int after_four(struct run *run)
{
	run->result = bpf_shape_after4(1, 20, 300, 4000);
	return 0;
}

/* A pointer to the kernel's, an integer, and a pointer to the module's, after memory. */
SEC("syscall")
int several(struct run *run)
{
	__u8 bytes[2] = { 1, 2 };

	run->result = bpf_shape_several(bytes, run->delta & 1);
	return 0;
}

/* The first call gets none, the second one does: how many there were is an implicit argument. */
SEC("syscall")
int take_in_turn(struct run *run)
{
	struct shape_ticket *ticket = bpf_shape_take_in_turn(run->delta);

	if (ticket) {
		bpf_shape_give(ticket);
		return 0;
	}
	ticket = bpf_shape_take_in_turn(run->delta);
	if (!ticket) {
		run->result = 0;
		return 0;
	}
	run->result = ticket->number;
	bpf_shape_give(ticket);
	return 0;
}

SEC("syscall")
int legacy(struct run *run)
{
	run->result = bpf_shape_legacy(run->delta);
	return 0;
}

SEC("cgroup_skb/egress")
int of_cgroup(struct __sk_buff *packet)
{
	return bpf_shape_cgroup() == 1;
}

/* The providers */

SEC("syscall")
int asks_prog(struct run *run)
{
	run->result = bpf_shape_prog();
	return 0;
}

SEC("syscall")
int has_const(struct run *run)
{
	run->result = bpf_shape_const();
	return 0;
}

SEC("cgroup_skb/egress")
int for_a_hook(struct __sk_buff *packet)
{
	return bpf_shape_hook() == BPF_CGROUP_INET_EGRESS;
}

SEC("syscall")
int for_no_hook(struct run *run)
{
	run->result = bpf_shape_hook();
	return 0;
}

SEC("syscall")
int keeps(struct run *run)
{
	run->result = bpf_shape_kept();
	return 0;
}

SEC("syscall")
int keeps_too_much(struct run *run)
{
	run->result = bpf_shape_kept();
	return 0;
}

SEC("syscall")
int keeping(struct run *run)
{
	run->result = bpf_shape_keeping();
	return 0;
}

static long visit(__u64 index, void *last)
{
	*(__u64 *)last = bpf_shape_visits(1);
	return 0;
}

/* From one place as often as asked, then once from another; what the last visits differ by. */
SEC("syscall")
int visits(struct run *run)
{
	__u64 last = 0;

	bpf_loop(run->delta & 0xff, visit, &last, 0);
	run->result = bpf_shape_visits(2) - last;
	return 0;
}

/* From more places than there is state for. */
SEC("syscall")
int visits_too_many(struct run *run)
{
	run->result = bpf_shape_visits(1) + bpf_shape_visits(2) + bpf_shape_visits(3) + bpf_shape_visits(4);
	return 0;
}

/* A function that programs of type ext take the place of, and those. */

__attribute__((noinline)) int replaceable(struct xdp_md *packet)
{
	volatile int result = 1;

	return result;
}

SEC("xdp")
int replaced(struct xdp_md *packet)
{
	return replaceable(packet);
}

SEC("freplace/replaceable")
int kind(struct xdp_md *packet)
{
	return bpf_shape_kind();
}

SEC("freplace/replaceable")
int xdp_kind(struct xdp_md *packet)
{
	return bpf_shape_xdp_kind();
}
