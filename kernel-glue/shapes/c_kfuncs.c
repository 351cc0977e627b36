// SPDX-License-Identifier: GPL-2.0-only
/*
 * A kfunc in C, in the module of those in Rust. Its BTF is pahole's, which `kfunc embed` keeps. A module registers one
 * set for a kind of program, so these are for another kind than those of kfuncs.rs.
 */
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/module.h>
#include <uapi/linux/bpf.h>

#ifndef KF_TRUSTED_ARGS
#define KF_TRUSTED_ARGS 0	/* the rule since 7.0 */
#endif

/* The same struct as in memory.rs. */
struct shape_point {
	u64 x;
	u32 y;
};

__bpf_kfunc_start_defs();

/* The coordinates of a point, added up. */
__bpf_kfunc u64 bpf_shape_in_c(const struct shape_point *point, u64 more__k)
{
	return point->x + point->y + more__k;
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(kfunc_shapes_in_c)
BTF_ID_FLAGS(func, bpf_shape_in_c, KF_TRUSTED_ARGS)
BTF_KFUNCS_END(kfunc_shapes_in_c)

static const struct btf_kfunc_id_set in_c = {
	.owner = THIS_MODULE,
	.set = &kfunc_shapes_in_c,
};

/* Called when the module is loaded. */
int kfunc_c_init(void);
int kfunc_c_init(void)
{
	return register_btf_kfunc_id_set(BPF_PROG_TYPE_SCHED_ACT, &in_c);
}
