/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What calls of kfuncs cost, and binding them. */
#ifndef CALL_BENCH_H
#define CALL_BENCH_H

#include <stdbool.h>

/* Counts instructions; the guest's clock must advance by 1 ns with each (-icount shift=0). */
void count_calls_and_binds(bool native_kernel);

#endif
