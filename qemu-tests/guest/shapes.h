/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The module with a kfunc of every shape (kernel-glue/shapes), called from BPF programs. */
#ifndef SHAPES_H
#define SHAPES_H

#include <stdbool.h>
#include <linux/types.h>

/* Loads the module in every way, and runs all programs. `new_kernel`: has what came after 6.12. */
void test_shapes(bool new_kernel);

/* Tells the host which kfuncs a program has called, and whether it got what it must get. */
void shape_row(const char *way, const char *kfuncs, const char *program, __u64 got, __u64 expected);

#endif
