// SPDX-License-Identifier: GPL-2.0-only
/* Programs that call one another, and those that the kernel calls as operations of its own. */
#include "lifecycle_common.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} tails SEC(".maps");

PROGRAM("tc", tail_called, 0)

SEC("tc")
int by_tail_caller(struct __sk_buff *skb)
{
	TELL(tail_caller);
	bpf_tail_call(skb, &tails, 0);
	return 1;
}

/* What a program of type ext takes the place of. */
__attribute__((noinline)) int replaceable(struct __sk_buff *skb)
{
	volatile int length = skb->len;

	return length;
}

SEC("tc")
int by_replaced(struct __sk_buff *skb)
{
	int length = replaceable(skb);

	TELL(replaced);
	return length;
}

struct sock;

/* As far as it is used. */
struct tcp_congestion_ops {
	void (*init)(struct sock *sk);
	__u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	__u32 (*undo_cwnd)(struct sock *sk);
	char name[16];
};

SEC("struct_ops")
void by_struct_ops(void *context)
{
	TELL(struct_ops);
}

SEC("struct_ops")
int by_ssthresh(void *context)
{
	return 2;
}

SEC("struct_ops")
void by_cong_avoid(void *context)
{
}

SEC("struct_ops")
int by_undo_cwnd(void *context)
{
	return 2;
}

SEC(".struct_ops.link")
struct tcp_congestion_ops congestion = {
	.init = (void *)by_struct_ops,
	.ssthresh = (void *)by_ssthresh,
	.cong_avoid = (void *)by_cong_avoid,
	.undo_cwnd = (void *)by_undo_cwnd,
	.name = "lifecycle",
};
