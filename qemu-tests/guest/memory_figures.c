// SPDX-License-Identifier: MIT OR Apache-2.0
/* What the kernel has in use of memory that BPF programs and modules take. */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>
#include "memory_figures.h"
#include "programs.h"

/*
 * How much more there may be, in kB. Slab pages are freed when every object in one is. Code of programs lies in
 * allocations of 2 MB (bpf_prog_pack of kernel/bpf/core.c), which come and go as a whole.
 */
static const struct figure {
	const char *name, *line;
	size_t offset;
	long tolerance;
} figures[] = {
	{ "SUnreclaim", "SUnreclaim: %ld kB", offsetof(struct memory_figures, slab), 1024 },
	{ "VmallocUsed", "VmallocUsed: %ld kB", offsetof(struct memory_figures, vmalloc), 2048 + 256 },
	{ "Percpu", "Percpu: %ld kB", offsetof(struct memory_figures, percpu), 256 },
};

#define FIGURES (sizeof(figures) / sizeof(*figures))
#define SETTLING_SECONDS 1
#define SLACK_PER_PROGRAM 8	/* bytes, more: caches grow with use. What a program leaks would be larger. */

bool freed_memory_is_kept;

static long value_of(const struct memory_figures *memory, const struct figure *figure)
{
	return *(const long *)((const char *)memory + figure->offset);
}

static struct memory_figures read_figures(void)
{
	struct memory_figures memory = { -1, -1, -1 };
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		for (size_t i = 0; i < FIGURES; i++)
			sscanf(line, figures[i].line, (long *)((char *)&memory + figures[i].offset));
	if (file)
		fclose(file);
	return memory;
}

struct memory_figures memory_now(void)
{
	sleep(SETTLING_SECONDS);
	return read_figures();
}

static long tolerance(const struct figure *figure, long programs)
{
	return figure->tolerance + programs * SLACK_PER_PROGRAM / 1024;
}

static bool is_back(const struct memory_figures *before, const struct memory_figures *now, long programs)
{
	for (size_t i = 0; i < FIGURES; i++)
		if (value_of(now, &figures[i]) > value_of(before, &figures[i]) + tolerance(&figures[i], programs))
			return false;
	return true;
}

void check_memory(const char *after, const struct memory_figures *before, long programs)
{
	double deadline = seconds() + PATIENCE_SECONDS;
	struct memory_figures now;

	do
		now = memory_now();
	while (!freed_memory_is_kept && !is_back(before, &now, programs) && seconds() < deadline);
	for (size_t i = 0; i < FIGURES; i++) {
		long was = value_of(before, &figures[i]), is = value_of(&now, &figures[i]);

		said++;
		printf("@memory %s|%s|%ld|%ld|%ld\n", after, figures[i].name, was, is,
		       tolerance(&figures[i], programs));
		check(was > 0 && is > 0, figures[i].name, "/proc/meminfo does not have it");
	}
	if (!freed_memory_is_kept)
		check(is_back(before, &now, programs), "memory is back where it was", "after %s it is not", after);
}
