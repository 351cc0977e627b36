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
#include "lifecycle_rows.h"
#include "program_types.h"
#include "programs.h"

#define MODULE "kfunc_example"
#define HARDEN "/proc/sys/net/core/bpf_jit_harden"
#define MOST_LINKS 16
#define CALLBACK_SECONDS 5

#define NAME(row) #row,
static const char *const run_rows[] = { RUN_ROWS(NAME) };
static const char *const attached_rows[] = { ATTACHED_ROWS(NAME) };
static const char *const linked_rows[] = { LINKED_ROWS(NAME) };
static const char *const replacement_rows[] = { REPLACEMENT_ROWS(NAME) };
static const char *const on_kfunc_rows[] = { ON_KFUNC_ROWS(NAME) };

#define COUNT(array) (int)(sizeof(array) / sizeof(*(array)))

/* How the module and the JIT are set up. */
static const char *way;

static void tell(const char *row, const char *outcome)
{
	said++;
	printf("@row %s|%s|%s\n", way, row, outcome);
}

static void tell_error(const char *row, const char *what, int error)
{
	char outcome[64];

	snprintf(outcome, sizeof(outcome), "%s: %d", what, error);
	tell(row, outcome);
}

static struct bpf_program *program_of(struct bpf_object *object, const char *row)
{
	char name[64];

	snprintf(name, sizeof(name), "by_%s", row);
	return bpf_object__find_program_by_name(object, name);
}

/* The id that the program of this row was given; 0 if it was not run. */
static __u64 seen(struct bpf_object *object, int row)
{
	size_t size;
	volatile __u64 *ids = bpf_map__initial_value(bpf_object__find_map_by_name(object, ".bss"), &size);

	return ids ? ids[row] : 0;
}

static void judge(struct bpf_object *object, const char *row, int number)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	double deadline = seconds() + CALLBACK_SECONDS;
	__u64 id;

	bpf_prog_get_info_by_fd(bpf_program__fd(program_of(object, row)), &info, &len);
	while (!(id = seen(object, number)) && seconds() < deadline)
		usleep(1000);
	if (!id)
		tell(row, "not run");
	else if (id == info.id)
		tell(row, "own id");
	else
		tell(row, "another id");
}

static struct bpf_object *open_object(const char *path)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .kernel_log_buf = verifier_log,
		    .kernel_log_size = sizeof(verifier_log));

	verifier_log[0] = 0;
	return bpf_object__open_file(path, &options);
}

/* Loads all programs of a file. */
static struct bpf_object *load_object(const char *path)
{
	struct bpf_object *object = open_object(path);
	int error = object ? bpf_object__load(object) : -errno;

	check(!error, path, "%s: it cannot be loaded: %d: %s", way, error, last_words());
	if (!error)
		return object;
	bpf_object__close(object);
	return NULL;
}

/* Runs a program by the system call for that, on a packet if it is of a type that takes one. */
static int run_once(struct bpf_program *program)
{
	char packet[64] = { [12] = 8 /* IPv4 */, [14] = 0x45 };
	LIBBPF_OPTS(bpf_test_run_opts, options);

	switch (bpf_program__type(program)) {
	case BPF_PROG_TYPE_TRACING:
	case BPF_PROG_TYPE_SYSCALL:
		break;
	default:
		options.data_in = packet;
		options.data_size_in = sizeof(packet);
		options.repeat = 1;
	}
	return bpf_prog_test_run_opts(bpf_program__fd(program), &options);
}

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

/* A program of type ext, beside the one of which it replaces a function. */
static void test_replacement(struct bpf_program *replaced)
{
	struct bpf_object *object = open_object("/lifecycle_replacement.bpf.o");
	struct bpf_program *program = program_of(object, *replacement_rows);
	struct bpf_link *link = NULL;
	int error = bpf_program__set_attach_target(program, bpf_program__fd(replaced), "replaceable");

	if (!error)
		error = bpf_object__load(object);
	if (!error) {
		link = bpf_program__attach_freplace(program, 0, NULL);
		error = link ? run_once(replaced) : -errno;
	}
	if (error)
		tell_error(*replacement_rows, "not run", error);
	else
		judge(object, *replacement_rows, ROW_freplace);
	bpf_link__destroy(link);
	bpf_object__close(object);
}

static void test_linked(void)
{
	struct bpf_object *object = load_object("/lifecycle_linked.bpf.o");
	struct bpf_link *link;
	__u32 first = 0;
	int tail, error;

	if (!object)
		return;
	tail = bpf_program__fd(program_of(object, "tail_called"));
	error = bpf_map_update_elem(bpf_object__find_map_fd_by_name(object, "tails"), &first, &tail, BPF_ANY);
	check(!error, "a tail call's map", "%d", error);
	error = run_once(program_of(object, "tail_caller"));
	check(!error, "a tail call", "%d", error);
	test_replacement(program_of(object, "replaced"));

	link = bpf_map__attach_struct_ops(bpf_object__find_map_by_name(object, "congestion"));
	error = link ? connect_to_self("lifecycle") : -errno;
	check(!error, "congestion control by programs", "%d", error);
	for (int row = 0; row < COUNT(linked_rows); row++)
		judge(object, linked_rows[row], row);
	bpf_link__destroy(link);
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
	void (*const tests[])(void) = { test_run, test_attached, test_linked, test_on_kfunc };

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
	if (native_kernel && begin("native=1")) {
		test_all("native");
		end();
	}
}
