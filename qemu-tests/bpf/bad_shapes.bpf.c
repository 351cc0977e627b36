// SPDX-License-Identifier: GPL-2.0-only
/*
 * BPF programs that pass a kfunc the wrong thing. guest/shapes.c knows with which words the verifier refuses each.
 */
#include "shapes_common.h"
#include "shapes_kfuncs.h"

SEC("syscall")
int constant_that_varies(struct run *run)
{
	run->result = bpf_shape_constant(run->delta);
	return 0;
}

SEC("syscall")
int memory_without_bound(struct run *run)
{
	__u8 bytes[16] = {};

	run->result = bpf_shape_sum(bytes, (__u32)run->delta);
	return 0;
}

SEC("syscall")
int memory_that_is_short(struct run *run)
{
	__u8 bytes[16] = {};

	run->result = bpf_shape_sum(bytes, 17);
	return 0;
}

SEC("syscall")
int memory_that_is_null(struct run *run)
{
	run->result = bpf_shape_sum(NULL, 8);
	return 0;
}

SEC("syscall")
int const_size_that_varies(struct run *run)
{
	__u8 bytes[16] = {};

	run->result = bpf_shape_xor(bytes, run->delta & 15);
	return 0;
}

SEC("syscall")
int structure_that_is_null(struct run *run)
{
	run->result = bpf_shape_point(NULL);
	return 0;
}

SEC("syscall")
int structure_that_is_short(struct run *run)
{
	__u64 half = run->delta;

	run->result = bpf_shape_point((void *)&half);
	return 0;
}

SEC("syscall")
int string_on_the_stack(struct run *run)
{
	char text[8] = "letters";

	run->result = bpf_shape_length(text);
	return 0;
}

SEC("syscall")
int dynptr_that_is_none(struct run *run)
{
	struct bpf_dynptr data = {};

	run->result = bpf_shape_dynptr(&data);
	return 0;
}

SEC("syscall")
int buffer_past_its_end(struct run *run)
{
	const __u8 *text = bpf_shape_rdonly(4);

	if (text)
		run->result = text[4];
	return 0;
}

SEC("syscall")
int buffer_that_is_read_only(struct run *run)
{
	__u8 *text = (__u8 *)bpf_shape_rdonly(4);

	if (text)
		text[0] = 1;
	return 0;
}

SEC("syscall")
int buffer_of_any_size(struct run *run)
{
	__u8 *buffer = bpf_shape_rdwr(run->delta & 15);

	run->result = buffer ? buffer[0] : 0;
	return 0;
}

SEC("syscall")
int task_that_is_null(struct run *run)
{
	run->result = bpf_shape_task(NULL);
	return 0;
}

/* A pointer that RCU protects is not trusted. */
SEC("syscall")
int task_not_trusted(struct run *run)
{
	bpf_rcu_read_lock();
	run->result = bpf_shape_task(bpf_get_current_task_btf()->real_parent);
	bpf_rcu_read_unlock();
	return 0;
}

/* Outside of the read lock, RCU protects nothing. */
SEC("syscall")
int task_without_rcu(struct run *run)
{
	run->result = bpf_shape_rcu(bpf_get_current_task_btf()->real_parent);
	return 0;
}

SEC("syscall")
int reference_not_released(struct run *run)
{
	struct shape_ticket *ticket = bpf_shape_take(run->delta);

	if (ticket)
		run->result = ticket->number;
	return 0;
}

SEC("syscall")
int reference_maybe_null(struct run *run)
{
	struct shape_ticket *ticket = bpf_shape_take(run->delta);

	bpf_shape_give(ticket);
	return 0;
}

SEC("syscall")
int release_of_what_is_not_held(struct run *run)
{
	struct shape_ticket *ticket = bpf_shape_peek(run->delta);

	if (ticket)
		bpf_shape_give(ticket);
	return 0;
}

SEC("syscall")
int null_not_checked(struct run *run)
{
	struct shape_ticket *ticket = bpf_shape_peek(run->delta);

	run->result = ticket->number;
	return 0;
}

SEC("syscall")
int iterator_not_destroyed(struct run *run)
{
	struct bpf_iter_shape it;

	bpf_iter_shape_new(&it, 1, run->delta);
	return 0;
}

SEC("syscall")
int iterator_not_begun(struct run *run)
{
	struct bpf_iter_shape it = {};

	bpf_iter_shape_next(&it);
	return 0;
}

SEC("syscall")
int iterator_that_is_none(struct run *run)
{
	struct bpf_iter_shape it = {};

	run->result = bpf_shape_left(&it);
	return 0;
}

SEC("syscall")
int map_that_is_none(struct run *run)
{
	struct run none = {};

	run->result = bpf_shape_map(&none);
	return 0;
}

SEC("syscall")
int refcounted_that_is_none(struct run *run)
{
	struct kept kept = {};

	run->result = bpf_shape_refcounted(&kept);
	return 0;
}

SEC("syscall")
int callback_that_is_none(struct run *run)
{
	run->result = bpf_shape_callback((void *)run->delta);
	return 0;
}

SEC("tc")
int context_that_is_none(struct __sk_buff *packet)
{
	__u64 none[32] = {};

	return bpf_shape_context((void *)none);
}

/* This type of program may not call it. */
SEC("syscall")
int context_of_another(struct run *run)
{
	run->result = bpf_shape_context((void *)run);
	return 0;
}

/* A cgroup program, too, but of another type than the set is for. */
SEC("cgroup/sock_create")
int of_another_cgroup(struct bpf_sock *socket)
{
	return bpf_shape_cgroup() == 1;
}

SEC("syscall")
int implicit_reference_not_released(struct run *run)
{
	struct shape_ticket *ticket = bpf_shape_take_in_turn(run->delta);

	run->result = ticket ? ticket->number : 0;
	return 0;
}

/* This type of program may not sleep. */
SEC("tc")
int sleepable(struct __sk_buff *skb)
{
	return bpf_shape_sleepable();
}

/* Loaded without CAP_SYS_BOOT. */
SEC("syscall")
int destructive(struct run *run)
{
	run->result = bpf_shape_destructive();
	return 0;
}

SEC("syscall")
int pointer_for_a_scalar(struct run *run)
{
	run->result = bpf_shape_after1((__u64)run);
	return 0;
}
