// SPDX-License-Identifier: MIT OR Apache-2.0
/* A program that a provider refuses. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include "counters.h"
#include "memory_figures.h"
#include "program_rows.h"
#include "programs.h"
#include "refused_program.h"
#include "self_program.h"

#define MODULE "kfunc_example"
#define WORDS "calling kernel function bpf_ratelimit is not allowed"

/* Without a second try for the verifier's words, which libbpf else makes: that would be a second program. */
static int load_once(void)
{
	struct bpf_object *object = open_object("/lifecycle_refused.bpf.o");
	int error = object ? 0 : -errno;

	if (!error)
		error = bpf_program__set_log_level(bpf_object__find_program_by_name(object, "refused"), 1);
	if (!error)
		error = bpf_object__load(object);
	bpf_object__close(object);
	return error;
}

static void check_counter(const char *name, long expected)
{
	long got = counter_of(MODULE, name);

	check(got == expected, name, "after a program was refused: %ld instead of %ld", got, expected);
}

/* The program had slots of two kfuncs, and one of the third for as long as that took. */
static void check_slots(void)
{
	double deadline = seconds() + PATIENCE_SECONDS;

	while (counter_of(MODULE, "unbinds") < 2 && seconds() < deadline)
		usleep(20000);
	check_counter("binds", 2);
	check_counter("unbinds", 2);
	check_counter("refused_by_provider", 1);
	check_counter("bpf_self_id.in_use", 0);
	check_counter("bpf_self_count.in_use", 0);
	check_counter("bpf_ratelimit.in_use", 0);
}

void test_refused_program(void)
{
	struct memory_figures before;
	int error = insmod("/" MODULE ".ko", "");

	check(!error, "insmod", "for a program that is refused: %d", error);
	if (error)
		return;
	before = memory_now();
	error = load_once();
	check(error == -EACCES && strstr(verifier_log, WORDS), "a provider refuses", "%d: %s", error, last_words());
	check_slots();
	check_memory("a program was refused", &before, 1);
	error = call_self_kfuncs(MODULE);
	check(!error, "the kfuncs work", "after a program was refused: %d", error);
	error = rmmod_patiently(MODULE);
	check(!error, "rmmod", "after a program was refused: %d", error);
}
