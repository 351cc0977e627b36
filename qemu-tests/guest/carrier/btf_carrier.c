// SPDX-License-Identifier: GPL-2.0-only
/* A module that does nothing: it brings BTF into the kernel, any that a guest puts into it. */
#include <linux/module.h>

MODULE_DESCRIPTION("Carries BTF");
MODULE_LICENSE("GPL");
