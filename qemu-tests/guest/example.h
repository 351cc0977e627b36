/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The example module (kernel-glue/example), called from BPF programs. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <stdbool.h>

/* Loads the module in every way, and runs all programs. `native`: the kernel has implicit arguments of its own. */
void test_example(bool native);

#endif
