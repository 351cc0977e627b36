// SPDX-License-Identifier: GPL-2.0-only
/*
 * Large programs: jumps of both widths and in both directions over calls that grow, loops of all kinds, subprograms,
 * callbacks. Loaded, never run. Compiled with all instructions that the JITs know.
 *
 * No branch is decided before the program runs, or the verifier would remove the dead one, and no helper is called that
 * it replaces by instructions of its own (a bpf_loop whose flags are known, a look-up).
 */
#include "fixup_kfuncs.h"

char LICENSE[] SEC("license") = "GPL";

#define WORDS 64

static __u64 words[WORDS];

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} array SEC(".maps");

struct work {
	struct bpf_wq wq;
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct work);
} works SEC(".maps");

/* What the verifier cannot know. */
#define ANY(mask) (bpf_get_prandom_u32() & (mask))
#define WORD(index) words[(index) & (WORDS - 1)]

static __noinline __u64 count_up(__u32 end)
{
	__u64 total = 0;
	int i;

	bpf_for(i, 0, end & 0xff) {
		if (i & 1)
			grow(1);
		total ^= WORD(i);
	}
	return total;
}

static __noinline __u64 nested(__u32 end)
{
	__u64 total = 0;
	int i, j;

	bpf_for(i, 0, end & 0xff) {
		bpf_for(j, i, 200) {
			if (WORD(j) == 7)
				continue;
			if (WORD(j) > 1000)
				break;
			total += count_up(j);
			grow(2);
		}
		if (WORD(i) == 9)
			break;
	}
	return total;
}

static __noinline _Bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	grow_locked(1);
	return a < b;
}

/* Checked by itself. */
__noinline int keep(int kind)
{
	struct node *node = bpf_obj_new(bpf_core_type_id_local(struct node)), *again;

	if (!node)
		return 1;
	node->value = kind;
	again = bpf_refcount_acquire(node);
	bpf_spin_lock(&lock);
	switch (kind & 3) {
	case 0:
		bpf_list_push_front(&list, &node->link);
		break;
	case 1:
		bpf_list_push_back(&list, &node->link);
		break;
	default:
		bpf_rbtree_add(&tree, &node->place, less);
		break;
	}
	bpf_spin_unlock(&lock);
	if (!again)
		return 2;
	if (kind & 4) {
		bpf_obj_drop(again);
		return 3;
	}
	bpf_spin_lock(&lock);
	bpf_rbtree_add(&tree, &again->place, less);
	bpf_spin_unlock(&lock);
	return 0;
}

__noinline int keep_some(int kind)
{
	int i, kept = 0;

	for (i = 0; i < 8; i++) {
		if (keep(kind + i))
			continue;
		kept += WORD(kept);
		if (kept > 100)
			break;
		grow(2);
	}
	return kept;
}

static long each_element(void *map, __u32 *key, __u64 *value, void *context)
{
	grow(1);
	if (*value & 1)
		*value += nested(*value);
	else
		*value = keep_some(*value);
	return *value > 1000;
}

static long each_round(__u32 round, void *context)
{
	if (WORD(round) & 1) {
		grow(2);
		return 1;
	}
	WORD(round + 1) += count_up(round);
	return 0;
}

static int on_work(void *map, int *key, void *value)
{
	if (count_up(ANY(7)) > 2)
		grow(1);
	return 0;
}

static int on_timer(void *map, int *key, struct work *value)
{
	if (ANY(1))
		bpf_timer_start(&value->timer, 1000, 0);
	grow(2);
	return 0;
}

static long each_work(void *map, int *key, struct work *value, void *context)
{
	if (bpf_wq_init(&value->wq, &works, 0) || bpf_timer_init(&value->timer, &works, 1))
		return 1;
	if (ANY(1)) {
		bpf_wq_set_callback(&value->wq, on_work, 0);
		bpf_wq_start(&value->wq, 0);
	} else {
		bpf_timer_set_callback(&value->timer, on_timer);
		bpf_timer_start(&value->timer, 1, 0);
	}
	return 0;
}

/* One step of an interpreter: its instruction is one of sixteen, and its operand a number. */
static __always_inline __u64 step(__u32 operation, __u64 operand, void *context)
{
	__u64 result = operand;
	int i;

	switch (operation & 15) {
	case 0:
		grow(1);
		break;
	case 1:
		result += count_up(operand);
		break;
	case 2:
		result ^= WORD(operand);
		if (result & 0x10)
			grow(2);
		else
			WORD(operand + 3) = result;
		break;
	case 3:
		bpf_for(i, 0, operand & 0x1f)
			result = result * 31 + WORD(i);
		break;
	case 4:
		result -= keep(operand);
		break;
	case 5:
		for (i = 0; i < 5; i++) {
			if (WORD(i) == result)
				grow(1);
			result = (result << 5) ^ (result >> 3);
		}
		break;
	case 6:
		result = as_task(context) ? 1 : 2;
		break;
	case 7:
		WORD(operand) = nested(result);
		break;
	case 8:
		bpf_for_each_map_elem(&array, each_element, (void *)0, 0);
		break;
	case 9:
		result += bpf_loop(ANY(31), each_round, (void *)0, ANY(1));
		break;
	case 10:
		result = keep_some(operand);
		grow(2);
		break;
	case 11:
		if (WORD(result) > WORD(operand + 1)) {
			grow(1);
			result = WORD(operand + 1);
		} else {
			result = WORD(result);
			grow(2);
		}
		break;
	case 12:
		result = (__s32)result;
		bpf_for(i, (int)(result & 7), 100) {
			if (WORD(i) == 3)
				break;
			grow(1);
		}
		break;
	case 13:
		result = __builtin_bswap64(result);
		WORD(result) -= keep(ANY(7));
		break;
	case 14:
		bpf_for_each_map_elem(&works, each_work, (void *)0, 0);
		break;
	default:
		result = ~result;
		break;
	}
	return result;
}

/* Both steps are inlined: a subprogram of several hundred instructions. */
static __noinline __u64 interpret(__u64 *context)
{
	__u64 value = *context;
	int i;

#pragma clang loop unroll(disable)
	for (i = 0; i < 16; i++) {
		value = step(WORD(i), value, context);
		if (value == 77)
			break;
		value ^= step(WORD(i + 16), value + 1, context);
	}
	return value;
}

SEC("syscall")
int interpreter(__u64 *context)
{
	*context = interpret(context);
	return 0;
}

SEC("syscall")
int unrolled(__u64 *context)
{
	__u64 value = *context;
	int i;

#pragma clang loop unroll(full)
	for (i = 0; i < 8; i++) {
		value = step(WORD(value), value + i, context);
		if (value == 100 + i)
			grow(2);
		else if (value == 200 + i)
			goto out;
	}
	value += interpret(context);
out:
	grow(1);
	*context = value;
	return 0;
}

/* Jumps of 32 bits, forth and back. */
SEC("syscall")
int far(__u64 *context)
{
	__u64 value = *context;
	int i = 0;

again:
	if (ANY(1))
		asm volatile goto("gotol %l[last]" :::: last);
	value = step(ANY(15), value, context);
	if (ANY(1))
		asm volatile goto("gotol %l[middle]" :::: middle);
	value = step(ANY(15), value + 1, context);
middle:
	grow(1);
	value += step(ANY(15), value + 2, context);
	if (++i < 4)
		asm volatile goto("gotol %l[again]" :::: again);
last:
	grow(2);
	*context = value + count_up(value);
	return 0;
}

/* A few hundred instructions for a packet's program, with the casts that only it can have. */
SEC("tc")
int classify(struct __sk_buff *skb)
{
	__u64 value = ANY(0xff);
	int i, j;

	if (bpf_cast_to_kern_ctx(skb) == as_task(skb))
		grow(1);
#pragma clang loop unroll(disable)
	for (i = 0; i < 24; i++) {
		bpf_for(j, 0, i) {
			value += WORD(j);
			if (value & 8)
				grow(2);
		}
		value ^= step(ANY(15), value, skb);
		if (!bpf_cast_to_kern_ctx(skb))
			break;
	}
	return value & 1;
}
