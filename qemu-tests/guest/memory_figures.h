/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the kernel has in use, in kB, of memory that BPF programs and modules take. Told to the host:
 *
 *   @memory AFTER|FIGURE|BEFORE|NOW|TOLERANCE
 */
#ifndef MEMORY_FIGURES_H
#define MEMORY_FIGURES_H

#include <stdbool.h>

/* KASAN keeps what is freed for a while: the figures are told then, but not judged, and kmemleak does that. */
extern bool freed_memory_is_kept;

struct memory_figures {
	long slab, vmalloc, percpu;
};

/* What there is now, once what was freed has been given back. */
struct memory_figures memory_now(void);

/*
 * Tells what there was before, and is now, and checks that both are the same; waits for it. So many `programs` have
 * come and gone in between.
 */
void check_memory(const char *after, const struct memory_figures *before, long programs);

#endif
