// SPDX-License-Identifier: GPL-2.0-only
/*
 * What binding is measured against: kfuncs that find the calling program at every call, from the return address.
 *
 * There are two of them. One asks the kernel, as bpf_throw() does; no module may, so the bench tells the address of the
 * function. The other asks a sorted array of the module's own, which is all that it can cost at least: the array is
 * made by itself when it is first asked, entries are never taken out, and the frames of subprograms are not traced back
 * to their main program. None of the functions can be traced, which would cost an instruction more.
 */
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/instruction_pointer.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#define MAX_IMAGES 256

/* bpf_prog_ksym_find(), which is not exported. */
static unsigned long ksym_find;
module_param(ksym_find, ulong, 0);
MODULE_PARM_DESC(ksym_find, "Address of bpf_prog_ksym_find");

/* The code of one function of a program. */
struct image {
	unsigned long start;
	unsigned long end;
	struct bpf_prog_aux *aux;
};

/* Sorted by address. Replaced as a whole. */
struct images {
	struct rcu_head rcu;
	unsigned int count;
	struct image image[];
};

static struct images none;
static struct images __rcu *images = RCU_INITIALIZER(&none);
static DEFINE_SPINLOCK(images_lock);

/* The caller holds the RCU read lock. */
static __always_inline struct bpf_prog_aux *ask_kernel(unsigned long ip)
{
	struct bpf_prog *(*find)(unsigned long addr) = (void *)ksym_find;
	struct bpf_prog *prog = find(ip);

	return prog ? prog->aux : NULL;
}

/* Adds the image at ip, unless somebody else has. Gives its program. */
static noinline notrace struct bpf_prog_aux *add_image(unsigned long ip)
{
	struct images *new = kmalloc(struct_size(new, image, MAX_IMAGES), GFP_ATOMIC), *old;
	struct bpf_prog_aux *aux;
	unsigned int i = 0;

	rcu_read_lock();
	aux = ask_kernel(ip);
	rcu_read_unlock();
	if (!new || !aux) {
		kfree(new);
		return NULL;
	}
	spin_lock(&images_lock);
	old = rcu_dereference_protected(images, lockdep_is_held(&images_lock));
	if (old->count == MAX_IMAGES) {
		spin_unlock(&images_lock);
		kfree(new);
		return NULL;
	}
	for (; i < old->count && old->image[i].start < aux->ksym.start; i++)
		new->image[i] = old->image[i];
	new->image[i] = (struct image){ aux->ksym.start, aux->ksym.end, aux };
	for (; i < old->count; i++)
		new->image[i + 1] = old->image[i];
	new->count = old->count + 1;
	rcu_assign_pointer(images, new);
	spin_unlock(&images_lock);
	if (old != &none)
		kfree_rcu(old, rcu);
	return aux;
}

static __always_inline struct bpf_prog_aux *ask_table(unsigned long ip)
{
	struct bpf_prog_aux *aux = NULL;
	const struct images *table;
	unsigned int low = 0, high;

	rcu_read_lock();
	table = rcu_dereference(images);
	high = table->count;
	while (low < high) {
		unsigned int middle = (low + high) / 2;
		const struct image *image = &table->image[middle];

		if (ip < image->start) {
			high = middle;
		} else if (ip >= image->end) {
			low = middle + 1;
		} else {
			aux = image->aux;
			break;
		}
	}
	rcu_read_unlock();
	return likely(aux) ? aux : add_image(ip);
}

__bpf_kfunc_start_defs();

__bpf_kfunc notrace u64 bench_ask_kernel(u64 value)
{
	struct bpf_prog_aux *aux;

	rcu_read_lock();
	aux = ask_kernel(_RET_IP_);
	rcu_read_unlock();
	return value + (u64)aux;
}

__bpf_kfunc notrace u64 bench_ask_table(u64 value)
{
	return value + (u64)ask_table(_RET_IP_);
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(kfunc_bench_in_c)
BTF_ID_FLAGS(func, bench_ask_kernel)
BTF_ID_FLAGS(func, bench_ask_table)
BTF_KFUNCS_END(kfunc_bench_in_c)

static const struct btf_kfunc_id_set in_c = {
	.owner = THIS_MODULE,
	.set = &kfunc_bench_in_c,
};

/* Called when the module is loaded. The last table is left behind: it is a bench. */
int kfunc_c_init(void);
int kfunc_c_init(void)
{
	if (!ksym_find)
		return -EINVAL;
	return register_btf_kfunc_id_set(BPF_PROG_TYPE_SCHED_CLS, &in_c);
}
