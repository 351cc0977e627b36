// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The only program of the guest: loads a module, runs BPF programs against it, and tells the host what it saw. Its arguments
 * say what is done:
 *
 *   (none)           the example module, in every way (example.c)
 *   shapes           the module with a kfunc of every shape (shapes.c)
 *   compat           one with BTF of several tools (compat.c)
 *   split=NAME       kfuncs of the kernel's own, and perhaps of unsplit=NAME (doctor.c)
 *   project=NAME     the module of a project, by its own test (project.c)
 *   jited            nothing is tested, but the code of programs told (jited.c)
 *   resolve          what the verifier says of calls (resolve.c)
 *   count            what calls cost (call_bench.c)
 *   mistakes         what a kernel says that finds them (watched.c)
 *
 * and what the kernel can: "native", it has implicit arguments of its own; "arena", it takes arena pointers, too; "watched", it
 * looks for mistakes. One line each, on the console:
 *
 *   @call WAY|CALL|IMPLICIT|VERDICT    one kfunc called by a BPF program (the rows of the demo)
 *   @shape WAY|KFUNCS|VERDICT          kfuncs of the module with all shapes, called (shapes.c)
 *   @cell CELL|WHO|WORDS               one cell of the compatibility table (compat.c)
 *   @load WAY|ERRNO|TEXT               what was said of a program that calls a kfunc of the kernel (doctor.c, resolve.c)
 *   @jited NAME|CALLS|ADDRESS:HEX …    the code of a program's functions, which have so many calls (jited.c)
 *   @symbol ADDRESS|NAME               a function, as the kernel shows it (jited.c, resolve.c)
 *   @count WHAT|CALLS|STEPS|INSNS      how many instructions something took (call_bench.c)
 *   @check NAME|VERDICT                one thing that must hold
 *   @btf HEX                           bytes of the module's BTF, as the kernel shows it; several lines
 *   @boot, @leak                       what a watched kernel has found (watched.h)
 *   @log LINE                          one line of the kernel log, at the end
 *   @done COUNT                        the last line: how many of the others there were, but for the log
 *
 * VERDICT is "ok", or what was wrong. The host judges the log, and whether every check was made.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "call_bench.h"
#include "compat.h"
#include "doctor.h"
#include "example.h"
#include "jited.h"
#include "kernel_log.h"
#include "machine.h"
#include "programs.h"
#include "project.h"
#include "resolve.h"
#include "shapes.h"
#include "watched.h"

static char **arguments;

/* What follows `key` in the argument that begins with it; NULL if none does. */
static const char *value_of(const char *key)
{
	size_t len = strlen(key);

	for (char **each = arguments; *each; each++)
		if (!strncmp(*each, key, len))
			return *each + len;
	return NULL;
}

static bool has(const char *word)
{
	for (char **each = arguments; *each; each++)
		if (!strcmp(*each, word))
			return true;
	return false;
}

static void test_what_was_asked_for(void)
{
	const char *project = value_of("project="), *split = value_of("split=");
	bool native = has("native");

	if (has("shapes"))
		test_shapes(has("arena") ? ARENA : native ? NATIVE : OLD);
	else if (has("compat"))
		test_compat();
	else if (has("jited"))
		test_jited();
	else if (has("resolve"))
		test_resolve();
	else if (has("count"))
		count_calls_and_binds(native);
	else if (has("mistakes"))
		make_mistakes();
	else if (project)
		test_project(project);
	else if (split)
		test_doctor(split, value_of("unsplit="));
	else
		test_example(native);
}

int main(int argc, char **argv)
{
	bool watched;
	int log;

	begin_machine();
	begin_loading();
	arguments = argv + 1;
	watched = has("watched");
	if (watched)
		tell_boot_log();
	log = begin_kernel_log();
	test_what_was_asked_for();
	if (watched)
		tell_leaks();
	print_kernel_log(log);
	printf("@done %d\n", said);
	end_machine();
	return 0;
}
