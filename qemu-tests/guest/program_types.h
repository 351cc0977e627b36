/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Programs of all types, and what bpf_self_id() gives to each. Told to the host:
 *
 *   @row WAY|PROGRAM|OUTCOME       OUTCOME is "own id", or what came instead
 *
 * WAY is how the module was loaded, and "hardened" where constants of programs are blinded.
 */
#ifndef PROGRAM_TYPES_H
#define PROGRAM_TYPES_H

#include <stdbool.h>

/* Loads the example module in each way that the kernel has, and unloads it. */
void test_program_types(bool native_kernel);

#endif
