// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The only program of a guest that tests the life cycle of the example module and of programs. Arguments:
 *
 *   cycles=N       so many programs come and go, one by one
 *   threads=N      so many do so eight at a time
 *   types          programs of all types
 *   broken         modules and a program that are refused
 *   native         the kernel has implicit arguments of its own
 *   watched        it looks for defects
 *
 * One line each, on the console:
 *
 *   @row …                 program_types.h
 *   @cycles …              stress.h
 *   @memory …              memory_figures.h
 *   @boot …, @leak …       watched.h
 *   @check NAME|VERDICT    one thing that must hold: "ok", or what was wrong
 *   @log LINE              one line of the kernel log
 *   @done COUNT            the last line: how many of the others there were, but for the log
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include "broken_modules.h"
#include "kernel_log.h"
#include "machine.h"
#include "memory_figures.h"
#include "program_types.h"
#include "programs.h"
#include "refused_program.h"
#include "stress.h"
#include "watched.h"

#define MODULE "kfunc_example"

static void test_stress(long cycles, long by_threads)
{
	int error = insmod("/" MODULE ".ko", "");

	check(!error, "insmod", "%d", error);
	if (error)
		return;
	test_cycles(cycles);
	test_threads(by_threads);
	error = rmmod_patiently(MODULE);
	check(!error, "rmmod", "after cycles: %d", error);
}

int main(int argc, char **argv)
{
	bool types = false, broken = false, native_kernel = false, watched = false;
	long cycles = 0, by_threads = 0;
	int log;

	begin_machine();
	begin_loading();
	for (int i = 1; i < argc; i++) {
		types |= !strcmp(argv[i], "types");
		broken |= !strcmp(argv[i], "broken");
		native_kernel |= !strcmp(argv[i], "native");
		watched |= !strcmp(argv[i], "watched");
		if (!strncmp(argv[i], "cycles=", 7))
			cycles = atol(argv[i] + 7);
		if (!strncmp(argv[i], "threads=", 8))
			by_threads = atol(argv[i] + 8);
	}
	freed_memory_is_kept = watched;
	if (watched)
		tell_boot_log();
	log = begin_kernel_log();
	if (cycles || by_threads)
		test_stress(cycles, by_threads);
	print_kernel_log(log);
	if (types)
		test_program_types(native_kernel);
	print_kernel_log(log);
	if (broken) {
		test_broken_modules();
		test_refused_program();
		test_twin(native_kernel);
	}
	if (watched)
		tell_leaks();
	print_kernel_log(log);
	printf("@done %d\n", said);
	end_machine();
	return 0;
}
