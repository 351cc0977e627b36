/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The module with a kfunc of every shape (kernel-glue/shapes), called from BPF programs. */
#ifndef SHAPES_H
#define SHAPES_H

#include <stdbool.h>

/* Loads the module in every way, and runs all programs. `new_kernel`: has what came after 6.12. */
void test_shapes(bool new_kernel);

#endif
