// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kfuncs in C with an implicit argument, which tell what arrived as that argument. They never follow it: a kernel that
 * does not fill it in leaves in it what the program had in the register.
 */
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/module.h>

#ifndef KF_IMPLICIT_ARGS
#define KF_IMPLICIT_ARGS (1 << 16)	/* of Linux 7.x; means nothing to 6.12 */
#endif

#define OWN_AUX (1ull << 32)		/* told instead of an address: guest/compat.c */

/* Of the program that was verified last, which is the one that runs: the guest loads one at a time. */
static const struct bpf_prog_aux *own_aux;

static u64 arrived(const void *aux)
{
	return aux == own_aux ? OWN_AUX : (unsigned long)aux;
}

__bpf_kfunc_start_defs();

__bpf_kfunc u64 bpf_compat_plain(u64 value, struct bpf_prog_aux *aux)
{
	return arrived(aux);
}

/* With a namesake for programs that are older than the implicit argument. */
__bpf_kfunc u64 bpf_compat_legacy(u64 value, struct bpf_prog_aux *aux)
{
	return arrived(aux);
}

__bpf_kfunc u64 bpf_compat_legacy_impl(u64 value, struct bpf_prog_aux *aux__ign)
{
	return arrived(aux__ign);
}

/* The same, but the namesake does not say which type the argument has: nor does bpf_wq_set_callback_impl of 6.12. */
__bpf_kfunc u64 bpf_compat_void(u64 value, struct bpf_prog_aux *aux)
{
	return arrived(aux);
}

__bpf_kfunc u64 bpf_compat_void_impl(u64 value, void *aux__ign)
{
	return arrived(aux__ign);
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(kfuncs)
BTF_ID_FLAGS(func, bpf_compat_plain, KF_IMPLICIT_ARGS)
BTF_ID_FLAGS(func, bpf_compat_legacy, KF_IMPLICIT_ARGS)
BTF_ID_FLAGS(func, bpf_compat_legacy_impl)
BTF_ID_FLAGS(func, bpf_compat_void, KF_IMPLICIT_ARGS)
BTF_ID_FLAGS(func, bpf_compat_void_impl)
BTF_KFUNCS_END(kfuncs)

static int note_program(const struct bpf_prog *prog, u32 kfunc_id)
{
	own_aux = prog->aux;
	return 0;
}

static const struct btf_kfunc_id_set set = {
	.owner = THIS_MODULE,
	.set = &kfuncs,
	.filter = note_program,
};

static int __init compat_init(void)
{
	return register_btf_kfunc_id_set(BPF_PROG_TYPE_SYSCALL, &set);
}

static void __exit compat_exit(void)
{
}

module_init(compat_init);
module_exit(compat_exit);
MODULE_DESCRIPTION("Kfuncs that tell what arrived as their implicit argument");
MODULE_LICENSE("GPL");
