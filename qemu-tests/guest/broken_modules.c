// SPDX-License-Identifier: MIT OR Apache-2.0
/* The example module, broken by the host in several ways, and twice. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "broken_modules.h"
#include "memory_figures.h"
#include "programs.h"
#include "self_program.h"

#define MODULE "kfunc_example"
#define TWIN "kfunc_examplf"
#define PROBES "/sys/kernel/debug/kprobes/list"
#define PROBED "bpf_prog_free"

static const struct broken {
	const char *name;
	int error;
} broken[] = {
	{ "no_probe", -ENOENT },	/* it watches a function that is not there */
	{ "no_member", -ENOEXEC },	/* it asks for a member that no structure has */
	{ "moved_id", -ENOEXEC },	/* its record has another BTF id than its BTF */
	{ "bad_set", -EINVAL },		/* one of its kfuncs says that it makes an iterator, when all else is done */
};

/* Whether bpf_prog_free has a probe; -1 if that is not told. */
static int is_probed(void)
{
	FILE *file = fopen(PROBES, "r");
	char line[256];
	int found = file ? 0 : -1;

	while (file && fgets(line, sizeof(line), file))
		found |= strstr(line, PROBED) != NULL;
	if (file)
		fclose(file);
	return found;
}

static bool is_there(const char *module)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/module/%s", module);
	if (!access(path, F_OK))
		return true;
	snprintf(path, sizeof(path), "/sys/kernel/btf/%s", module);
	return !access(path, F_OK);
}

static void check_good(const char *after)
{
	int error = insmod("/" MODULE ".ko", "");

	check(!error, "insmod", "after %s: %d", after, error);
	if (error)
		return;
	check(is_probed() == 1, "the probe", "after %s: it is not there", after);
	error = call_self_kfuncs(MODULE);
	check(!error, "the kfuncs work", "after %s: %d", after, error);
	error = rmmod_patiently(MODULE);
	check(!error, "rmmod", "after %s: %d", after, error);
}

static void check_nothing_left(const char *after)
{
	check(!is_there(MODULE), "no module is left", "after %s", after);
	check(is_probed() == 0, "no probe is left", "after %s", after);
}

void test_broken_modules(void)
{
	struct memory_figures before;

	check_good("nothing");
	before = memory_now();
	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		const char *name = broken[i].name;
		char path[64];
		int error;

		snprintf(path, sizeof(path), "/%s.ko", name);
		error = insmod(path, "");
		check(error == broken[i].error, name, "insmod gave %d", error);
		if (!error)
			rmmod_patiently(MODULE);
		check_nothing_left(name);
		check_good(name);
		check_nothing_left(name);
	}
	check_memory("broken modules", &before, 0);
}

/* The kernel finds the newest function of a name. */
static void check_twins(void)
{
	int error = call_self_kfuncs(TWIN);

	check(!error, "a twin's kfuncs work", "%d", error);
	error = call_self_kfuncs(MODULE);
	check(error == -EACCES, "kfuncs that the kernel does not find are refused", "%d", error);
	error = rmmod_patiently(TWIN);
	check(!error, "rmmod of a twin", "%d", error);
}

void test_twin(bool knows_twins)
{
	int error = insmod("/" MODULE ".ko", "");

	check(!error, "insmod", "%d", error);
	error = insmod("/twin.ko", "");
	check(error == (knows_twins ? -EINVAL : 0), "insmod of a twin", "%d", error);
	if (!error)
		check_twins();
	check(!is_there(TWIN), "no twin is left", "it is there");
	error = call_self_kfuncs(MODULE);
	check(!error, "the kfuncs work without the twin", "%d", error);
	error = rmmod_patiently(MODULE);
	check(!error, "rmmod", "after a twin: %d", error);
	check_nothing_left("a twin");
}
