// SPDX-License-Identifier: MIT OR Apache-2.0
/* The files of a module in debugfs: the audit of programs that are loaded, that come and go; and the counters. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include "again.h"
#include "audit.h"
#include "audit_line.h"
#include "counters.h"
#include "programs.h"

#define MODULE "kfunc_example"
#define FOLDER "/sys/kernel/debug/" MODULE
#define SLOTS 16		/* of each kfunc: kernel-glue/example/kfuncs.rs */
#define ROUNDS 500		/* programs that come and go */
#define OPEN 4			/* of them at a time */
/* libbpf loads a program that was refused once more, for the verifier's words. */
#define TRIES 2

static long counter(const char *name)
{
	return counter_of(MODULE, name);
}

static void check_counter(const char *when, const char *name, long expected)
{
	char what[128];
	long got = counter(name);

	snprintf(what, sizeof(what), "%s: %s", when, name);
	check(got == expected, what, "%ld instead of %ld", got, expected);
}

/* All programs are freed some time after they were closed. */
static bool all_are_freed(void)
{
	double deadline = seconds() + PATIENCE_SECONDS;

	while (counter("binds") != counter("unbinds") && seconds() < deadline)
		usleep(20000);
	return counter("binds") == counter("unbinds");
}

static void check_freed(const char *when)
{
	char text[4096];

	check(all_are_freed(), when, "%ld binds, %ld unbinds", counter("binds"), counter("unbinds"));
	check_counter(when, "bpf_self_id.in_use", 0);
	check_counter(when, "bpf_self_count.in_use", 0);
	check(read_file(FOLDER "/programs", text, sizeof(text)) && !*text, "no program is listed", "%.200s", text);
}

/* Programs that stay */

static const struct expected {
	const char *path, *name, *type;
	unsigned int ids, counts;	/* call sites of each kfunc */
} table[] = {
	{ "/programs.bpf.o", "self_id", "SYSCALL", 1, 0 },
	{ "/programs.bpf.o", "self_id", "SYSCALL", 1, 0 },
	{ "/programs.bpf.o", "self_count", "SYSCALL", 0, 1 },
	{ "/programs.bpf.o", "in_subprogram", "SYSCALL", 1, 0 },
	{ "/programs.bpf.o", "in_callback", "SYSCALL", 0, 1 },
	{ "/audit.bpf.o", "everywhere", "SYSCALL", 3, 4 },
	{ "/audit.bpf.o", "both_tc", "SCHED_CLS", 1, 1 },
	{ "/calls.bpf.o", "helpers", "SCHED_CLS", 1, 1 },
};

#define PROGRAMS (sizeof(table) / sizeof(*table))

/* Compares the lines of a program with what it is, and takes them off `left`. */
static void check_program(const struct program *program, const struct expected *expected, char *text, int *left)
{
	unsigned int ids = 0, counts = 0, wrong = 0;
	struct code code;
	char *copy = strdup(text), *rest = copy, *line;

	check(read_code(program, &code), expected->name, "its code cannot be read");
	while ((line = strsep(&rest, "\n"))) {
		struct audit_line parsed;

		if (!parse_audit_line(line, &parsed) || parsed.id != program->id)
			continue;
		(*left)--;
		ids += !strcmp(parsed.kfunc, "bpf_self_id");
		counts += !strcmp(parsed.kfunc, "bpf_self_count");
		wrong += strcmp(parsed.program, expected->name) || strcmp(parsed.type, expected->type) ||
			 strcmp(parsed.landed, "yes") || !calls_stub(&code, &parsed);
	}
	check(ids == expected->ids && counts == expected->counts && !wrong, "audit of a program",
	      "%s: %u and %u sites, %u of them wrong", expected->name, ids, counts, wrong);
	free(copy);
}

static void test_programs_that_stay(void)
{
	struct program programs[PROGRAMS];
	char text[16384];
	int lines = 0, binds = 0;
	struct stat status = {};

	check(!stat(FOLDER "/programs", &status) && (status.st_mode & 07777) == 0400, "the audit is for root", "%o",
	      status.st_mode);
	check_freed("before all programs");
	check_counter("before all programs", "binds", 0);
	check_counter("before all programs", "bpf_self_id.capacity", SLOTS);
	for (size_t i = 0; i < PROGRAMS; i++) {
		int error = load(&programs[i], table[i].path, table[i].name);

		check(!error, table[i].name, "cannot be loaded: %d: %s", error, last_words());
		binds += !!table[i].ids + !!table[i].counts;
	}
	check(read_file(FOLDER "/programs", text, sizeof(text)), "the audit can be read", "%s", strerror(errno));
	printf("%s", text);
	for (char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	for (size_t i = 0; i < PROGRAMS; i++)
		check_program(&programs[i], &table[i], text, &lines);
	check(!lines, "the audit has no other lines", "%d", lines);
	check_counter("with programs", "binds", binds);
	check_counter("with programs", "unbinds", 0);
	check_counter("with programs", "bpf_self_id.in_use", 6);
	check_counter("with programs", "bpf_self_count.in_use", 5);
	for (size_t i = 0; i < PROGRAMS; i++)
		unload(&programs[i]);
	check_freed("after all programs");
	check_counter("after all programs", "binds", binds);
	check_counter("after all programs", "missed_ends", 0);
}

/* Programs that are refused */

static void test_refused_programs(void)
{
	struct program programs[SLOTS], extra;
	long binds = counter("binds");
	int loaded = 0;

	check(load(&extra, "/programs.bpf.o", "fails_late"), "a program that fails late is refused", "it was loaded");
	check_freed("after a program that failed");
	check_counter("after a program that failed", "binds", binds + 2 * TRIES);
	while (loaded < SLOTS && !load(&programs[loaded], "/programs.bpf.o", "self_id"))
		loaded++;
	check(load(&extra, "/programs.bpf.o", "self_id") == -EACCES, "one program too many is refused", "%d are loaded",
	      loaded);
	check_counter("with all slots taken", "refused_no_slot", TRIES);
	check_counter("with all slots taken", "bpf_self_id.in_use", SLOTS);
	while (loaded)
		unload(&programs[--loaded]);
	check_freed("after a program was refused");
	check_counter("after a program was refused", "binds", binds + 2 * TRIES + SLOTS);
	check_counter("after a program was refused", "refused_program_type", 0);
	check_counter("after a program was refused", "refused_by_provider", 0);
	check_counter("after a program was refused", "refused_descriptors", 0);
}

/* Programs that come and go */

static struct {
	atomic_bool stop;
	int readings, others, unknown, wrong;	/* others: calls of the programs that come and go */
	char first_wrong[200];
} reader;

static void *read_all_the_time(void *unused)
{
	static char text[65536];

	while (!reader.stop) {
		char *line, *rest = text;

		reader.wrong += !read_file(FOLDER "/programs", text, sizeof(text));
		reader.readings++;
		while ((line = strsep(&rest, "\n")) && *line) {
			struct audit_line parsed;
			bool whole = parse_audit_line(line, &parsed);

			if (whole && !strcmp(parsed.landed, "yes")) {
				reader.others += !strcmp(parsed.program, "again");
			} else if (whole && !parsed.id && !strcmp(parsed.landed, "unknown")) {
				reader.unknown++;
			} else if (!reader.wrong++) {
				snprintf(reader.first_wrong, sizeof(reader.first_wrong), "%s", line);
			}
		}
	}
	return unused;
}

/* Loads a program in the place of another, which is closed. A slot may have to become free first. */
static int replace(int *fd, const struct again *again)
{
	double deadline = seconds() + PATIENCE_SECONDS;

	if (*fd > 0)
		close(*fd);
	while ((*fd = load_again(again)) == -EACCES && seconds() < deadline)
		usleep(5000);
	return *fd < 0 ? *fd : 0;
}

static void test_programs_that_come_and_go(void)
{
	static const char *const names[] = { "below", "both_tc" };
	struct program first[2];
	struct again again[2];
	double begin = seconds();
	pthread_t thread;
	int fds[OPEN] = {}, round, error = 0;

	for (int i = 0; i < 2; i++)
		check(!load(&first[i], "/audit.bpf.o", names[i]) &&
			      find_again(&again[i], &first[i], names[i], MODULE),
		      names[i], "cannot be loaded: %s", last_words());
	check(!pthread_create(&thread, NULL, read_all_the_time, NULL), "a second thread", "there is none");
	for (round = 0; round < ROUNDS && !error; round++)
		error = replace(&fds[round % OPEN], &again[round % 20 != 0]);
	reader.stop = true;
	pthread_join(thread, NULL);
	check(!error, "programs are loaded while the audit is read", "%d after %d", error, round);
	check(!reader.wrong, "the audit while programs come and go", "%d wrong, such as: %s", reader.wrong,
	      reader.first_wrong);
	check(reader.readings > 10 && reader.others > 10, "the audit is read while programs come and go",
	      "%d readings, %d calls", reader.readings, reader.others);
	printf("audit: %d programs in %.0f s, %d readings, %d calls of them, %d lines without an id\n", round,
	       seconds() - begin, reader.readings, reader.others, reader.unknown);
	for (int i = 0; i < OPEN; i++)
		close(fds[i]);
	for (int i = 0; i < 2; i++)
		unload(&first[i]);
	check_freed("after many programs");
}

/* The module's own coming and going */

static bool insmod_example(const char *options)
{
	int error = insmod("/" MODULE ".ko", options);

	check(!error, "insmod", "%s: %s", options, strerror(-error));
	return !error;
}

static void rmmod_example(void)
{
	int fd = open(FOLDER "/programs", O_RDONLY | O_CLOEXEC), error;

	check(fd >= 0 && rmmod(MODULE) == -EAGAIN, "whoever reads the audit holds the module", "not so: %d", fd);
	close(fd);
	error = rmmod_patiently(MODULE);
	check(!error, "rmmod", "%s", strerror(-error));
	check(access(FOLDER, F_OK) && errno == ENOENT, "the files go with the module", "%s", strerror(errno));
}

static void test_unbound_audit(void)
{
	struct program program;

	if (!insmod_example("unbound=1"))
		return;
	if (!load(&program, "/programs.bpf.o", "self_id")) {
		check_freed("with nothing bound");
		check_counter("with nothing bound", "binds", 0);
		unload(&program);
	}
	rmmod_example();
}

void test_audit(void)
{
	if (!insmod_example(""))
		return;
	test_programs_that_stay();
	test_refused_programs();
	test_programs_that_come_and_go();
	rmmod_example();
	test_unbound_audit();
}
