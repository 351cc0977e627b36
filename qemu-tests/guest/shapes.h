/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The module with a kfunc of every shape (kernel-glue/shapes), called from BPF programs. */
#ifndef SHAPES_H
#define SHAPES_H

/* What a kernel can be asked for; each has all before it, too. */
enum verifier {
	OLD,	/* 6.12 */
	NATIVE,	/* fills in implicit arguments, and takes more arguments than there are registers: 7.2 */
	ARENA,	/* passes arena pointers, and knows constant maps: 7.3 */
};

/* Loads the module in every way, and runs all programs. */
void test_shapes(enum verifier verifier);

#endif
