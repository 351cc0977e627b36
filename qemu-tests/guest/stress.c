// SPDX-License-Identifier: MIT OR Apache-2.0
/* Programs that come and go, one after the other and eight at a time, while the module does too. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "memory_figures.h"
#include "programs.h"
#include "self_program.h"
#include "stress.h"

#define MODULE "kfunc_example"
#define SLOTS 16		/* of each kfunc: kernel-glue/example/kfuncs.rs */
#define THREADS 8
#define WARM_UP 500
#define PAUSE_MICROSECONDS 1000
#define AWAY_MICROSECONDS 10000	/* eight that ask more often leave little time to the one that loads the module */
#define ROUND_SECONDS 1

/* One that loads programs, and what came of them. */
struct worker {
	pthread_t thread;
	struct self_kfuncs kfuncs;
	long cycles, done, waits, late, away;
	bool module_goes;	/* the module may be away */
	char wrong[128];	/* empty, or what was wrong with the last program */
};

/* The workers load nothing; how many are left. */
static atomic_bool held_back;
static atomic_int working;

static enum self_kind kind_of(long cycle)
{
	return cycle % 16 == 15 ? SELF_SYSCALL : cycle % 16 == 7 ? SELF_FAILS : SELF_TC;
}

/* No module of the name; or one that is not live, or no longer (__find_kfunc_desc_btf of kernel/bpf/verifier.c). */
static bool is_away(int error)
{
	return error == -ENOENT || error == -ENXIO;
}

/* Loads a program, runs it, closes it. False if it is to be tried again. */
static bool cycle(struct worker *worker)
{
	enum self_kind kind = kind_of(worker->done);
	int fd = worker->kfuncs.btf_fd < 0 ? -ENOENT : load_self(&worker->kfuncs, kind);

	if (fd >= 0) {
		if (kind == SELF_FAILS)
			snprintf(worker->wrong, sizeof(worker->wrong), "a program that must fail was loaded");
		else
			runs_as_new(fd, kind, worker->wrong, sizeof(worker->wrong));
		close(fd);
		return true;
	}
	if (worker->module_goes && is_away(fd)) {
		worker->away++;
		usleep(AWAY_MICROSECONDS);
		find_self_btf(&worker->kfuncs, MODULE);
	} else if (fd != -EACCES) {
		snprintf(worker->wrong, sizeof(worker->wrong), "loading gave %d", fd);
		return true;
	} else if (kind == SELF_FAILS) {
		worker->late++;
		return true;
	} else {
		worker->waits++;
	}
	usleep(PAUSE_MICROSECONDS);
	return false;
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	double deadline = seconds() + PATIENCE_SECONDS;

	while (worker->done < worker->cycles && !worker->wrong[0]) {
		if (atomic_load(&held_back)) {
			usleep(PAUSE_MICROSECONDS);
			deadline = seconds() + PATIENCE_SECONDS;
		} else if (cycle(worker)) {
			worker->done++;
			deadline = seconds() + PATIENCE_SECONDS;
		} else if (seconds() > deadline) {
			snprintf(worker->wrong, sizeof(worker->wrong), "no program could be loaded for long");
		}
	}
	atomic_fetch_sub(&working, 1);
	return NULL;
}

/* As many programs as there are slots can be loaded at once, and no more. */
static void check_slots(const char *after)
{
	struct self_kfuncs kfuncs;
	int fds[SLOTS + 1], loaded = 0, error = find_self_kfuncs(&kfuncs, MODULE);
	double deadline = seconds() + PATIENCE_SECONDS;
	char wrong[128] = "";

	check(!error, "the kfuncs are found", "after %s: %d", after, error);
	if (error)
		return;
	while (loaded < SLOTS && seconds() < deadline) {
		fds[loaded] = load_self(&kfuncs, SELF_TC);
		if (fds[loaded] < 0)
			usleep(PAUSE_MICROSECONDS);
		else if (!runs_as_new(fds[loaded++], SELF_TC, wrong, sizeof(wrong)))
			break;
	}
	check(loaded == SLOTS && !wrong[0], "no slot is lost, and none is stale", "after %s: %d of %d; %s", after, loaded,
	      SLOTS, wrong);
	fds[SLOTS] = load_self(&kfuncs, SELF_TC);
	check(loaded < SLOTS || fds[SLOTS] == -EACCES, "there are no more slots", "after %s: %d", after, fds[SLOTS]);
	if (fds[SLOTS] >= 0)
		close(fds[SLOTS]);
	while (loaded--)
		close(fds[loaded]);
	close(kfuncs.btf_fd);
}

static void begin(struct worker *worker, long cycles, bool module_goes)
{
	int error;

	memset(worker, 0, sizeof(*worker));
	worker->cycles = cycles;
	worker->module_goes = module_goes;
	error = find_self_kfuncs(&worker->kfuncs, MODULE);
	if (error)
		snprintf(worker->wrong, sizeof(worker->wrong), "no kfuncs: %d", error);
	atomic_fetch_add(&working, 1);
}

static void tell(const char *who, struct worker *workers, int count, double since, int rounds)
{
	struct worker sum = {};

	for (int i = 0; i < count; i++) {
		struct worker *worker = &workers[i];

		check(!worker->wrong[0], who, "cycle %ld: %s", worker->done, worker->wrong);
		sum.done += worker->done;
		sum.waits += worker->waits;
		sum.late += worker->late;
		sum.away += worker->away;
		if (worker->kfuncs.btf_fd >= 0)
			close(worker->kfuncs.btf_fd);
	}
	said++;
	printf("@cycles %s|%ld|%.1f|%ld|%ld|%ld|%d\n", who, sum.done, seconds() - since, sum.waits, sum.late, sum.away,
	       rounds);
}

void test_cycles(long cycles)
{
	struct memory_figures before;
	struct worker worker;
	double since;

	begin(&worker, cycles < WARM_UP ? cycles : WARM_UP, false);
	work(&worker);
	check(!worker.wrong[0], "warming up", "%s", worker.wrong);
	close(worker.kfuncs.btf_fd);
	check_slots("warming up");
	before = memory_now();
	since = seconds();
	begin(&worker, cycles, false);
	work(&worker);
	tell("one", &worker, 1, since, 0);
	check_slots("cycles");
	check_memory("cycles", &before, cycles);
}

/* Unloads the module as soon as no program holds it, while the workers begin to load others. Gives 0, or an errno. */
static int unload_in_between(void)
{
	double deadline = seconds() + PATIENCE_SECONDS;
	int error;

	do {
		atomic_store(&held_back, true);
		while (users_of(MODULE) > 0 && seconds() < deadline)
			usleep(PAUSE_MICROSECONDS);
		atomic_store(&held_back, false);
		error = rmmod(MODULE);
	} while (error == -EAGAIN && seconds() < deadline);
	return error;
}

/* Unloads and loads the module until the workers are done. Gives how often. */
static int unload_and_load(void)
{
	int rounds = 0;

	while (atomic_load(&working)) {
		int error = rmmod(MODULE);

		check(error == -EAGAIN || !error, "rmmod under load", "%d", error);
		if (error)
			error = unload_in_between();
		check(!error, "rmmod in between", "%d", error);
		if (error)
			break;
		usleep(PAUSE_MICROSECONDS);
		error = insmod("/" MODULE ".ko", "");
		check(!error, "insmod under load", "%d", error);
		if (error)
			break;
		rounds++;
		sleep(ROUND_SECONDS);
	}
	return rounds;
}

void test_threads(long cycles)
{
	static struct worker workers[THREADS];
	struct memory_figures before = memory_now();
	double since = seconds();
	int rounds;

	for (int i = 0; i < THREADS; i++)
		begin(&workers[i], cycles / THREADS, true);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	rounds = unload_and_load();
	for (int i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	tell("eight", workers, THREADS, since, rounds);
	check(users_of(MODULE) >= 0, "the module is there", "it is not");
	check_slots("threads");
	check_memory("threads", &before, cycles);
}
