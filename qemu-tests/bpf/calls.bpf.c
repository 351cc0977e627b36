// SPDX-License-Identifier: GPL-2.0-only
/*
 * BPF programs of many calls, with all kinds of instructions between them: the host reads what a JIT makes of them.
 * None calls what a JIT puts in place of a call. The kfuncs are of the example module.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

extern __u32 bpf_self_id(void) __ksym;
extern __u64 bpf_self_count(__u64 delta) __ksym;

char LICENSE[] SEC("license") = "GPL";

struct value {
	struct bpf_spin_lock lock;
	__u32 seen;
	__u64 words[8];
	__u64 sum;
	__u16 half;
	__u8 bytes[6];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u64);
	__type(value, struct value);
} values SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} tails SEC(".maps");

static __attribute__((noinline)) __u64 mix(__u64 one, __u64 other)
{
	__u32 low = one ^ other;

	one = one * 0x9e3779b97f4a7c15 + (other >> (low & 31));
	other = other % (low | 1) + one / 1000003;
	low = (low << 7 | low >> 25) * 17;
	return __builtin_bswap64(one) ^ __builtin_bswap32(low) ^ __builtin_bswap16(other) ^ bpf_ktime_get_ns();
}

static __attribute__((noinline)) __s64 signed_mix(__s64 one, __s32 other)
{
	if (one < other)
		return (__s8)one / 7 + (__s64)(__s16)other % 5;
	if ((__u64)one > 1000 && other <= -4)
		return -(one >> 3) - (other >> (one & 15));
	return one / (other | 1) - (__s64)mix(one, other);
}

static long add_one(__u64 index, void *context)
{
	*(__u64 *)context += mix(index, bpf_get_prandom_u32());
	return 0;
}

SEC("tc")
int helpers(struct __sk_buff *skb)
{
	__u64 key = skb->len, total = 0;
	__u8 head[300] = {};
	struct value *value;

	if (bpf_skb_load_bytes(skb, 0, head, 14))
		return TC_ACT_SHOT;
	value = bpf_map_lookup_elem(&values, &key);
	if (!value) {
		struct value fresh = { .seen = 1, .half = head[12] };

		bpf_map_update_elem(&values, &key, &fresh, BPF_ANY);
		return TC_ACT_OK;
	}
	bpf_spin_lock(&value->lock);
	value->seen++;
	bpf_spin_unlock(&value->lock);
	value->half += head[0] << 4;
	value->bytes[3] = head[5];
	total = __sync_fetch_and_add(&value->sum, key);
	total ^= __sync_fetch_and_or(&value->words[0], total);
	total += __sync_fetch_and_and(&value->words[1], key);
	total -= __sync_val_compare_and_swap(&value->words[2], key, total);
	total += __sync_lock_test_and_set(&value->words[3], total);
	__sync_fetch_and_xor(&value->words[4], total);
	bpf_loop(4, add_one, &total, 0);
	for (int i = 0; i < 8; i++)
		total += mix(value->words[i], head[i]) + signed_mix(total, head[i + 1]);
	bpf_printk("%llu %u", total, bpf_self_id());
	return bpf_self_count(total) & 1 ? TC_ACT_OK : TC_ACT_SHOT;
}

static __attribute__((noinline)) int jump(struct __sk_buff *skb, __u32 index)
{
	bpf_tail_call(skb, &tails, index);
	return bpf_get_prandom_u32() & 1;
}

SEC("tc")
int tail_calls(struct __sk_buff *skb)
{
	int passed = jump(skb, skb->mark);

	bpf_tail_call_static(skb, &tails, 2);
	return passed + jump(skb, bpf_get_hash_recalc(skb));
}

struct mm_struct {
	int map_count;
	unsigned long task_size;
} __attribute__((preserve_access_index));

struct task_struct {
	int pid;
	struct mm_struct *mm;
	struct task_struct *real_parent;
} __attribute__((preserve_access_index));

SEC("tp_btf/sched_switch")
int loads_that_may_fault(__u64 *args)
{
	struct task_struct *task = (void *)args[1];
	__u64 key = task->pid;

	key += task->real_parent->real_parent->pid;
	if (task->mm)
		key ^= task->mm->task_size + task->mm->map_count;
	bpf_map_delete_elem(&values, &key);
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u64);
	__type(value, __u64);
} numbers SEC(".maps");

/* Has a private stack, where the kernel knows such. */
SEC("kprobe")
int private_stack(void *regs)
{
	__u64 words[24] = {};

	bpf_get_current_comm(words, 16);
	for (int i = 0; i < 24; i++)
		words[i] += mix(words[(i + 1) % 24], i);
	bpf_map_delete_elem(&numbers, &words[7]);
	return 0;
}

#define __arena __attribute__((address_space(1)))

struct {
	__uint(type, BPF_MAP_TYPE_ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4);
} arena SEC(".maps");

struct node {
	struct node __arena *next;
	__u64 word;
	__u32 number;
	__u16 half;
	__u8 byte;
};

struct node __arena *head;
struct node __arena first;

SEC("syscall")
int arena_accesses(void *ctx)
{
	struct node __arena *node = &first;

	node->word = bpf_get_prandom_u32();
	node->half = node->word + node->number;
	node->byte = 3;
	node->number = -1;
	for (int i = 0; i < 3 && node->next; i++)
		node = node->next;
	node->word += node->byte + node->half + mix(node->number, node->word);
	node->next = head;
	head = node;
	return 0;
}
