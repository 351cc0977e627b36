/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kfuncs of kernel-glue/shapes as programs see them, and the types that they take, written by hand: what is passed
 * to them here must be refused by the verifier, not by a header. libbpf compares the prototypes with the module's BTF,
 * by kinds of types, so a struct must be one here, too, whatever its members.
 */
#ifndef SHAPES_KFUNCS_H
#define SHAPES_KFUNCS_H

#ifndef NULL
#define NULL ((void *)0)
#endif

struct task_struct {
	struct task_struct *real_parent;
} __attribute__((preserve_access_index));

struct shape_point {
	__u64 x;
	__u32 y;
};

struct shape_ticket {
	__u64 number;
};

struct bpf_iter_shape {
	__u64 __opaque[2];
};

/* An object of the program's own that can be shared. */
struct kept {
	struct bpf_refcount count;
	__u64 value;
};

extern __u64 bpf_shape_constant(__u64 value) __ksym;
extern __u64 bpf_shape_sum(void *bytes, __u64 len) __ksym;
extern __u64 bpf_shape_xor(void *bytes, __u64 len) __ksym;
extern __u64 bpf_shape_point(const struct shape_point *point) __ksym;
extern __u64 bpf_shape_length(const char *text) __ksym;
extern __u64 bpf_shape_dynptr(const struct bpf_dynptr *data) __ksym;
extern const __u8 *bpf_shape_rdonly(__u64 size) __ksym;
extern __u8 *bpf_shape_rdwr(__u64 size) __ksym;
extern __u64 bpf_shape_task(const struct task_struct *task) __ksym;
extern __u64 bpf_shape_rcu(const struct task_struct *task) __ksym;
extern struct shape_ticket *bpf_shape_take(__u32 number) __ksym;
extern void bpf_shape_give(struct shape_ticket *ticket) __ksym;
extern struct shape_ticket *bpf_shape_peek(__u32 number) __ksym;
extern int bpf_iter_shape_new(struct bpf_iter_shape *it, __u64 from, __u64 to) __ksym;
extern __u64 *bpf_iter_shape_next(struct bpf_iter_shape *it) __ksym;
extern __u64 bpf_shape_left(const struct bpf_iter_shape *it) __ksym;
extern __u64 bpf_shape_map(void *map) __ksym;
extern __u64 bpf_shape_refcounted(void *object) __ksym;
extern __u64 bpf_shape_callback(__u64 (*callback)(__u64 value)) __ksym;
extern __u64 bpf_shape_context(const struct __sk_buff *packet) __ksym;
extern __u64 bpf_shape_cgroup(void) __ksym;
extern __u64 bpf_shape_sleepable(void) __ksym;
extern __u64 bpf_shape_destructive(void) __ksym;
extern __u64 bpf_shape_after1(__u64 a) __ksym;
extern struct shape_ticket *bpf_shape_take_in_turn(__u32 number) __ksym;

/* The kernel's own */
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

#endif
