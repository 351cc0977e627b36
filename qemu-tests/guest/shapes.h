/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The module with a kfunc of every shape (kernel-glue/shapes), called from BPF programs. */
#ifndef SHAPES_H
#define SHAPES_H

#include <linux/types.h>

/* What a kernel can be asked for; each has all before it, too. */
enum verifier {
	OLD,	/* 6.12 */
	NATIVE,	/* fills in implicit arguments, and takes more arguments than there are registers: 7.2 */
	ARENA,	/* passes arena pointers, and knows constant maps: 7.3 */
};

/* Loads the module in every way, and runs all programs. */
void test_shapes(enum verifier verifier);

/* Tells the host which kfuncs a program has called, and whether it got what it must get. */
void shape_row(const char *way, const char *kfuncs, const char *program, __u64 got, __u64 expected);

#endif
