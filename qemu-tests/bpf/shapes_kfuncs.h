/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kfuncs of kernel-glue/shapes as programs see them, and the types that they take. libbpf compares the prototypes
 * with the module's BTF: by kinds of types, so a struct must be one here, too, whatever its members.
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

union shape_either {
	__u64 both;
	__u32 halves[2];
};

enum shape_mode {
	SHAPE_MODE_SAME = 0,
	SHAPE_MODE_DOUBLE = 1,
};

typedef __u64 shape_cookie_t;

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

extern __s64 bpf_shape_scalars(__u32 a, __s32 b, __u64 c, __s64 d) __ksym;
extern __u64 bpf_shape_constant(__u64 value) __ksym;
extern __u64 bpf_shape_ignored(__u64 value, void *anything) __ksym;
extern __u64 bpf_shape_mode(enum shape_mode mode, __u64 value) __ksym;
extern shape_cookie_t bpf_shape_cookie(shape_cookie_t cookie) __ksym;

extern __u64 bpf_shape_sum(void *bytes, __u64 len) __ksym;
extern __u64 bpf_shape_xor(void *bytes, __u64 len) __ksym;
extern __u64 bpf_shape_sum_or(void *bytes, __u64 len, __u64 otherwise) __ksym;
extern __u64 bpf_shape_point(const struct shape_point *point) __ksym;
extern __u64 bpf_shape_point_or(const struct shape_point *point, __u64 otherwise) __ksym;
extern void bpf_shape_fill(struct shape_point *point, __u64 value) __ksym;
extern __u64 bpf_shape_either(const union shape_either *either) __ksym;
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
extern void bpf_iter_shape_destroy(struct bpf_iter_shape *it) __ksym;
extern __u64 bpf_shape_left(const struct bpf_iter_shape *it) __ksym;
extern __u64 bpf_shape_map(void *map) __ksym;
extern __u64 bpf_shape_refcounted(void *object) __ksym;
extern __u64 bpf_shape_callback(__u64 (*callback)(__u64 value)) __ksym;

extern __u64 bpf_shape_context(const struct __sk_buff *packet) __ksym;
extern __u64 bpf_shape_sleepable(void) __ksym;
extern __u64 bpf_shape_destructive(void) __ksym;

extern __u64 bpf_shape_after0(void) __ksym;
extern __u64 bpf_shape_after1(__u64 a) __ksym;
extern __u64 bpf_shape_after2(__u64 a, __u64 b) __ksym;
extern __u64 bpf_shape_after3(__u64 a, __u64 b, __u64 c) __ksym;
extern __u64 bpf_shape_after4(__u64 a, __u64 b, __u64 c, __u64 d) __ksym;
extern __u64 bpf_shape_several(void *bytes, __u64 len) __ksym;
extern struct shape_ticket *bpf_shape_take_in_turn(__u32 number) __ksym;
extern __u64 bpf_shape_legacy(__u64 value) __ksym;

/* The kernel's own */
extern void *bpf_obj_new_impl(__u64 local_type_id, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *object, void *meta) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

#endif
