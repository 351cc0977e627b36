// SPDX-License-Identifier: GPL-2.0-only
/*
 * What every module says of itself, and its parameters, in both skins. What is wrong with one is told by the kernel:
 * "NAME: `x' invalid for parameter `way'".
 */
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/string.h>

/* Way and Options of src/module.rs */
enum way { WAY_AUTO, WAY_NATIVE, WAY_BOUND };

struct options {
	enum way way;
	unsigned int slots;
	bool unbound;
};

extern struct options kfunc_options;
struct options kfunc_options;

static int set_way(const char *value, const struct kernel_param *param)
{
	static const char *const names[] = {
		[WAY_AUTO] = "auto",
		[WAY_NATIVE] = "native",
		[WAY_BOUND] = "bound",
	};
	int found = sysfs_match_string(names, value);

	if (found < 0)
		return found;
	kfunc_options.way = found;
	return 0;
}

static const struct kernel_param_ops way_ops = { .set = set_way };

module_param_cb(way, &way_ops, NULL, 0);
__MODULE_PARM_TYPE(way, "auto|native|bound");
MODULE_PARM_DESC(way, "Who fills in implicit arguments: native, the verifier where it can (Linux 7.0 and later); bound, this module; "
		      "auto (default), as native if it can fill in all of them, else as bound");

static int set_slots(const char *value, const struct kernel_param *param)
{
	return param_set_uint_minmax(value, param, 1, UINT_MAX);
}

static const struct kernel_param_ops slots_ops = { .set = set_slots };

module_param_cb(slots, &slots_ops, &kfunc_options.slots, 0);
__MODULE_PARM_TYPE(slots, "uint");
MODULE_PARM_DESC(slots, "How many programs may call a bound kfunc at once (default, and at most: what it is declared with)");

module_param_named(unbound, kfunc_options.unbound, bool, 0);
MODULE_PARM_DESC(unbound, "Bind nothing, so that calls of kfuncs with slots fail (for tests)");

MODULE_AUTHOR(KFUNC_AUTHOR);
MODULE_DESCRIPTION(KFUNC_DESCRIPTION);
#ifdef KFUNC_VERSION
MODULE_VERSION(KFUNC_VERSION);
#endif
