/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kfuncs of the kernel's own for which the verifier changes something, and the objects that they work on. The host knows
 * what becomes of each call, and the layouts (src/fixup_check/calls.rs).
 *
 * Of kfuncs with implicit arguments Linux 6.12 has the implementations alone, whose last arguments the program passes
 * and nobody looks at. 7.3 has both for some; bpf_wq_set_callback_impl and the signatures of sessions are 6.12's.
 */
#ifndef FIXUP_KFUNCS_H
#define FIXUP_KFUNCS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#ifdef LINUX_6_12
#define IMPL_NAMES
#endif

struct cell {
	__u64 value;
};

struct node {
	__u64 value;
	struct bpf_list_node link;
	struct bpf_rb_node place;
	struct bpf_refcount count;
};

extern void *bpf_rdonly_cast(const void *object, __u32 type) __ksym;
extern void *bpf_cast_to_kern_ctx(void *context) __ksym;
extern int bpf_wq_init(struct bpf_wq *wq, void *map, unsigned int flags) __ksym;
extern int bpf_wq_start(struct bpf_wq *wq, unsigned int flags) __ksym;

#ifdef IMPL_NAMES
extern void *bpf_obj_new_impl(__u64 type, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *object, void *meta) __ksym;
extern void *bpf_refcount_acquire_impl(void *object, void *meta) __ksym;
extern void *bpf_percpu_obj_new_impl(__u64 type, void *meta) __ksym;
extern void bpf_percpu_obj_drop_impl(void *object, void *meta) __ksym;
extern int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta,
				    __u64 offset) __ksym;
extern int bpf_list_push_back_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta,
				   __u64 offset) __ksym;
extern int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node,
			       _Bool (less)(struct bpf_rb_node *a, const struct bpf_rb_node *b), void *meta,
			       __u64 offset) __ksym;

#define bpf_obj_new(type) bpf_obj_new_impl(type, (void *)0)
#define bpf_obj_drop(object) bpf_obj_drop_impl(object, (void *)0)
#define bpf_refcount_acquire(object) bpf_refcount_acquire_impl(object, (void *)0)
#define bpf_percpu_obj_new(type) bpf_percpu_obj_new_impl(type, (void *)0)
#define bpf_percpu_obj_drop(object) bpf_percpu_obj_drop_impl(object, (void *)0)
#define bpf_list_push_front(head, node) bpf_list_push_front_impl(head, node, (void *)0, 0)
#define bpf_list_push_back(head, node) bpf_list_push_back_impl(head, node, (void *)0, 0)
#define bpf_rbtree_add(root, node, less) bpf_rbtree_add_impl(root, node, less, (void *)0, 0)
#else
extern void *bpf_obj_new(__u64 type) __ksym;
extern void bpf_obj_drop(void *object) __ksym;
extern void *bpf_refcount_acquire(void *object) __ksym;
extern void *bpf_percpu_obj_new(__u64 type) __ksym;
extern void bpf_percpu_obj_drop(void *object) __ksym;
extern int bpf_list_push_front(struct bpf_list_head *head, struct bpf_list_node *node) __ksym;
extern int bpf_list_push_back(struct bpf_list_head *head, struct bpf_list_node *node) __ksym;
extern int bpf_rbtree_add(struct bpf_rb_root *root, struct bpf_rb_node *node,
			  _Bool (less)(struct bpf_rb_node *a, const struct bpf_rb_node *b)) __ksym;
#endif

#ifdef LINUX_6_12
extern int bpf_wq_set_callback_impl(struct bpf_wq *wq, int (callback)(void *map, int *key, void *value),
				    unsigned int flags, void *aux) __ksym;
extern _Bool bpf_session_is_return(void) __ksym;
extern __u64 *bpf_session_cookie(void) __ksym;

#define bpf_wq_set_callback(wq, callback, flags) bpf_wq_set_callback_impl(wq, callback, flags, (void *)0)
#define bpf_session_is_return(context) bpf_session_is_return()
#define bpf_session_cookie(context) bpf_session_cookie()
#else
extern int bpf_stream_print_stack(int stream) __ksym;
extern int bpf_list_add(struct bpf_list_head *head, struct bpf_list_node *node, struct bpf_list_node *previous) __ksym;
extern int bpf_wq_set_callback(struct bpf_wq *wq, int (callback)(void *map, int *key, void *value),
			       unsigned int flags) __ksym;
extern _Bool bpf_session_is_return(void *context) __ksym;
extern __u64 *bpf_session_cookie(void *context) __ksym;
#endif

/* What a pointer can be cast to. */
struct task_struct {
	int pid;
} __attribute__((preserve_access_index));

static __always_inline void *as_task(const void *object)
{
	return bpf_rdonly_cast(object, bpf_core_type_id_kernel(struct task_struct));
}

#define PRIVATE(name) SEC(".bss." #name) __attribute__((aligned(8)))
#define CONTAINS(type, member) __attribute__((btf_decl_tag("contains:" #type ":" #member)))

static struct bpf_spin_lock lock PRIVATE(a);
static struct bpf_list_head list PRIVATE(a) CONTAINS(node, link);
static struct bpf_rb_root tree PRIVATE(a) CONTAINS(node, place);

/* Calls that grow, where no lock is held. */
static __always_inline void grow(int stream)
{
#ifdef LINUX_6_12
	void *cell = bpf_percpu_obj_new(bpf_core_type_id_local(struct cell));

	if (cell)
		bpf_percpu_obj_drop(cell);
#else
	bpf_stream_print_stack(stream);
#endif
}

/* Where one is, 6.12 allows none that the callback of a tree could make. */
static __always_inline void grow_locked(int stream)
{
#ifndef LINUX_6_12
	bpf_stream_print_stack(stream);
#endif
}

#endif
