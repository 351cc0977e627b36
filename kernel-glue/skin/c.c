// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module on kernels without Rust: what only C can say.
 */
#include <linux/module.h>

/* c.rs */
int kfunc_skin_init(struct module *owner);
void kfunc_skin_exit(void);

static int __init kfunc_module_init(void)
{
	return kfunc_skin_init(THIS_MODULE);
}

static void __exit kfunc_module_exit(void)
{
	kfunc_skin_exit();
}

module_init(kfunc_module_init);
module_exit(kfunc_module_exit);

MODULE_LICENSE("GPL");
