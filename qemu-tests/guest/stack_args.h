/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Calls with more than five arguments (Linux 7.x), made by hand: no compiler of Debian 13 makes them. */
#ifndef STACK_ARGS_H
#define STACK_ARGS_H

#include <stdbool.h>
#include <linux/types.h>

/* The id of a function in a module's BTF, or a negative errno. Slow: both BTFs are read. */
__s32 func_id(const char *module, const char *function);

/*
 * Loads a program that calls `kfunc` of `module` with 1, 2, … `passed`, runs it, and gives what the kfunc returned.
 * A negative errno if the program is not loaded: the verifier's words are in verifier_log.
 */
__s64 call_with(const char *module, const char *kfunc, int passed);

#endif
