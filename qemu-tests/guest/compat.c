// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * One module, with BTF of several tools, and programs that were compiled against several headers:
 *
 *   @cell CELL|WHO|WORDS           CELL is TOOLS|PROGRAM|KFUNC. WHO is "accepted", and WORDS tell what arrived as the
 *                                  implicit argument; or WHO refused the program, and WORDS say why
 *
 * The host knows what must come of each (src/compat/expected.rs).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <bpf/libbpf.h>
#include "compat.h"
#include "programs.h"
#include "stack_args.h"

#define MODULE "kfunc_compat"
#define OWN_AUX (1ull << 32)	/* guest/compat/kfunc_compat.c */
#define ARGS 2			/* that a call of raw instructions has: call_with() makes the second one 2, as LEFT is */

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char *const tools[] = { "old", "new", "ours" };
static const char *const programs[] = { "old", "old_weak", "new", "new_weak" };
static const char *const kfuncs[] = { "plain", "plain_impl", "legacy", "legacy_impl", "void", "void_impl" };
static const char *const with_both[] = { "plain", "legacy", "void" };

/* What libbpf warned of. */
static char warning[256];

static int keep_warning(enum libbpf_print_level level, const char *format, va_list args)
{
	static const char kfunc[] = "libbpf: extern (func ksym)";
	char line[256];

	vsnprintf(line, sizeof(line), format, args);
	if (level == LIBBPF_WARN && !strncmp(line, kfunc, strlen(kfunc)))
		strcpy(warning, line + strlen("libbpf: "));
	return 0;
}

/* The first words in the verifier's log. */
static const char *first_words(void)
{
	for (char *line = strtok(verifier_log, "\n"); line; line = strtok(NULL, "\n"))
		if (!is_trace(line))
			return line;
	return "";
}

static void tell(const char *made_by, const char *program, const char *kfunc, const char *who, const char *words)
{
	said++;
	printf("@cell %s|%s|%s|%s|%.*s\n", made_by, program, kfunc, who, (int)strcspn(words, "\n|"), words);
}

static void tell_accepted(const char *made_by, const char *program, const char *kfunc, __u64 arrived)
{
	char words[32] = "own aux";

	if (arrived != OWN_AUX)
		snprintf(words, sizeof(words), "%llu", arrived);
	tell(made_by, program, kfunc, "accepted", words);
}

static void call_compiled(const char *made_by, const char *compiled, const char *kfunc)
{
	struct program program;
	char path[64];

	snprintf(path, sizeof(path), "/%s_%s.bpf.o", compiled, kfunc);
	warning[0] = 0;
	if (!load(&program, path, "call")) {
		tell_accepted(made_by, compiled, kfunc, run(&program, 0));
		unload(&program);
	} else if (verifier_log[0]) {
		tell(made_by, compiled, kfunc, "verifier", first_words());
	} else {
		tell(made_by, compiled, kfunc, "libbpf", warning);
	}
}

/* Without libbpf's help, and without a prototype. */
static void call_raw(const char *made_by, const char *kfunc)
{
	char name[64];
	__s64 result;

	snprintf(name, sizeof(name), "bpf_compat_%s", kfunc);
	result = call_with(MODULE, name, ARGS);
	if (result == -ENOENT)
		tell(made_by, "raw", kfunc, "nobody", "no FUNC of that name");
	else if (result < 0)
		tell(made_by, "raw", kfunc, "verifier", first_words());
	else
		tell_accepted(made_by, "raw", kfunc, result);
}

static void test_tools(const char *made_by)
{
	char path[64];
	int error;

	snprintf(path, sizeof(path), "/%s.ko", made_by);
	error = insmod(path, "");
	check(!error, made_by, "insmod gave %d", error);
	if (error)
		return;
	for (size_t kfunc = 0; kfunc < COUNT(kfuncs); kfunc++) {
		for (size_t program = 0; program < COUNT(programs); program++)
			call_compiled(made_by, programs[program], kfuncs[kfunc]);
		call_raw(made_by, kfuncs[kfunc]);
	}
	for (size_t kfunc = 0; kfunc < COUNT(with_both); kfunc++)
		call_compiled(made_by, "either", with_both[kfunc]);
	error = rmmod_patiently(MODULE);
	check(!error, "rmmod", "of the module of %s tools gave %d", made_by, error);
}

void test_compat(void)
{
	libbpf_set_print(keep_warning);
	for (size_t i = 0; i < COUNT(tools); i++)
		test_tools(tools[i]);
}
