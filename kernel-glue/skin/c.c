// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module on kernels without Rust: what only C can say.
 */
#include <linux/module.h>
#include <linux/moduleparam.h>

/* c.rs */
int kfunc_skin_init(struct module *owner, bool native, bool unbound);
void kfunc_skin_exit(void);

static bool native;
module_param(native, bool, 0);
MODULE_PARM_DESC(native, "Let the verifier fill in implicit arguments where it can (Linux 7.0 and later)");

static bool unbound;
module_param(unbound, bool, 0);
MODULE_PARM_DESC(unbound, "Bind nothing, so that calls of kfuncs with slots fail (for tests)");

static int __init kfunc_module_init(void)
{
	return kfunc_skin_init(THIS_MODULE, native, unbound);
}

static void __exit kfunc_module_exit(void)
{
	kfunc_skin_exit();
}

module_init(kfunc_module_init);
module_exit(kfunc_module_exit);

MODULE_AUTHOR("The implicit-kfuncs authors");
MODULE_DESCRIPTION("Kfuncs with implicit arguments, written in Rust");
MODULE_LICENSE("GPL");
