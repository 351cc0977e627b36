// SPDX-License-Identifier: MIT OR Apache-2.0
/* Programs of all types, and what bpf_self_id() gives to each. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "happenings.h"
#include "linked_programs.h"
#include "program_rows.h"
#include "program_types.h"
#include "programs.h"

#define MODULE "kfunc_example"
#define NATIVE "way=native"
#define HARDEN "/proc/sys/net/core/bpf_jit_harden"
#define MOST_LINKS 16

static const char *const run_rows[] = { RUN_ROWS(ROW_NAME) };
static const char *const timer_rows[] = { TIMER_ROWS(ROW_NAME) };
static const char *const attached_rows[] = { ATTACHED_ROWS(ROW_NAME) };
static const char *const on_kfunc_rows[] = { ON_KFUNC_ROWS(ROW_NAME) };

static void test_run(void)
{
	struct bpf_object *object = load_object("/lifecycle.bpf.o");

	for (int row = 0; object && row < COUNT(run_rows); row++) {
		struct bpf_program *program = program_of(object, run_rows[row]);
		bool traces = bpf_program__type(program) == BPF_PROG_TYPE_TRACING;
		struct bpf_link *link = traces ? bpf_program__attach(program) : NULL;
		int error = traces && !link ? -errno : run_once(program);

		if (error)
			tell_error(run_rows[row], "not run", error);
		else
			judge(object, run_rows[row], row);
		bpf_link__destroy(link);
	}
	bpf_object__close(object);
}

static void test_timer(void)
{
	struct bpf_object *object = open_object("/lifecycle_timer.bpf.o");
	int error = object ? bpf_object__load(object) : -errno;

	if (error)
		tell_error(timer_rows[0], "not loaded", error);
	else if ((error = run_once(program_of(object, timer_rows[0]))))
		tell_error(timer_rows[0], "not run", error);
	else
		judge(object, timer_rows[0], 0);
	bpf_object__close(object);
}

static struct bpf_link *attach_to_clock(struct bpf_program *program)
{
	struct perf_event_attr clock = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK, .size = sizeof(clock),
		.sample_period = 1000000,
	};
	int fd = syscall(SYS_perf_event_open, &clock, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? NULL : bpf_program__attach_perf_event(program, fd);
}

static struct bpf_link *attach(struct bpf_program *program)
{
	LIBBPF_OPTS(bpf_netfilter_opts, hook, .pf = 2 /* NFPROTO_IPV4 */, .hooknum = 3 /* NF_INET_LOCAL_OUT */);
	struct bpf_link *link;
	int cgroup;

	switch (bpf_program__type(program)) {
	case BPF_PROG_TYPE_PERF_EVENT:
		return attach_to_clock(program);
	case BPF_PROG_TYPE_NETFILTER:
		return bpf_program__attach_netfilter(program, &hook);
	case BPF_PROG_TYPE_SOCK_OPS:
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
	case BPF_PROG_TYPE_CGROUP_SOCK:
	case BPF_PROG_TYPE_CGROUP_SYSCTL:
		cgroup = root_cgroup();
		link = bpf_program__attach_cgroup(program, cgroup);
		close(cgroup);
		return link;
	default:
		return bpf_program__attach(program);
	}
}

static void read_iterator(struct bpf_link *link)
{
	int fd = bpf_iter_create(bpf_link__fd(link));

	read_all(fd);
	close(fd);
}

static void test_attached(void)
{
	struct bpf_object *object = load_object("/lifecycle_attached.bpf.o");
	struct bpf_link *links[MOST_LINKS] = {};
	int errors[MOST_LINKS] = {};

	if (!object)
		return;
	for (int row = 0; row < COUNT(attached_rows); row++) {
		links[row] = attach(program_of(object, attached_rows[row]));
		errors[row] = links[row] ? 0 : -errno;
	}
	if (links[ROW_iter_task])
		read_iterator(links[ROW_iter_task]);
	let_all_happen();
	for (int row = 0; row < COUNT(attached_rows); row++) {
		if (errors[row])
			tell_error(attached_rows[row], "not attached", errors[row]);
		else
			judge(object, attached_rows[row], row);
	}
	for (int row = 0; row < COUNT(attached_rows); row++)
		bpf_link__destroy(links[row]);
	bpf_object__close(object);
}

/* Each program alone: a kernel may take one and not another. */
static void test_on_kfunc(void)
{
	for (int row = 0; row < COUNT(on_kfunc_rows); row++) {
		struct bpf_object *object = open_object("/lifecycle_on_kfunc.bpf.o");
		struct bpf_program *program = program_of(object, on_kfunc_rows[row]), *each;
		struct bpf_link *link = NULL;
		struct program caller;
		int error;

		bpf_object__for_each_program(each, object)
			bpf_program__set_autoload(each, each == program);
		error = bpf_object__load(object);
		if (!error)
			link = bpf_program__attach(program);
		if (error) {
			tell_error(on_kfunc_rows[row], "not loaded", error);
		} else if (!link) {
			tell_error(on_kfunc_rows[row], "not attached", -errno);
		} else {
			error = load(&caller, "/programs.bpf.o", "self_id");
			check(!error && run(&caller, 0) == caller.id, "the traced kfunc", "%s: %d", on_kfunc_rows[row],
			      error);
			judge(object, on_kfunc_rows[row], row);
			unload(&caller);
		}
		bpf_link__destroy(link);
		bpf_object__close(object);
	}
}

static void harden(const char *level)
{
	int fd = open(HARDEN, O_WRONLY | O_CLOEXEC);

	check(fd >= 0 && write(fd, level, 1) == 1, "bpf_jit_harden", "%s", strerror(errno));
	close(fd);
}

/* The programs before are freed some time after they were closed, and have slots until then. */
static void wait_for_slots(void)
{
	double deadline = seconds() + PATIENCE_SECONDS;

	while (users_of(MODULE) > 0 && seconds() < deadline)
		usleep(1000);
	check(!users_of(MODULE), "every program is freed", "%d are not", users_of(MODULE));
}

static void test_all(const char *way_now)
{
	void (*const tests[])(void) = { test_run, test_timer, test_attached, test_linked, test_on_kfunc };

	way = way_now;
	for (int i = 0; i < COUNT(tests); i++) {
		tests[i]();
		wait_for_slots();
	}
}

static bool begin(const char *options)
{
	int error = insmod("/" MODULE ".ko", options);

	check(!error, "insmod", "%s: %d", options, error);
	return !error;
}

static void end(void)
{
	int error = rmmod_patiently(MODULE);

	check(!error, "rmmod", "after programs of all types: %d", error);
}

void test_program_types(bool native_kernel)
{
	prepare_happenings();
	if (begin("")) {
		test_all("bound");
		harden("2");
		test_all("hardened");
		harden("0");
		end();
	}
	if (native_kernel && begin(NATIVE)) {
		test_all("native");
		end();
	}
}
