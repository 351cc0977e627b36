// SPDX-License-Identifier: MIT OR Apache-2.0
/* A program of the life cycle's: loaded, run, and what it was given told. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "program_rows.h"
#include "programs.h"

#define CALLBACK_SECONDS 5

const char *way;

static void tell(const char *row, const char *outcome)
{
	said++;
	printf("@row %s|%s|%s\n", way, row, outcome);
}

void tell_error(const char *row, const char *what, int error)
{
	char outcome[64];

	snprintf(outcome, sizeof(outcome), "%s: %d", what, error);
	tell(row, outcome);
}

struct bpf_program *program_of(struct bpf_object *object, const char *row)
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

void judge(struct bpf_object *object, const char *row, int number)
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

struct bpf_object *open_object(const char *path)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .kernel_log_buf = verifier_log,
		    .kernel_log_size = sizeof(verifier_log));

	verifier_log[0] = 0;
	return bpf_object__open_file(path, &options);
}

struct bpf_object *load_object(const char *path)
{
	struct bpf_object *object = open_object(path);
	int error = object ? bpf_object__load(object) : -errno;

	check(!error, path, "%s: it cannot be loaded: %d: %s", way, error, last_words());
	if (!error)
		return object;
	bpf_object__close(object);
	return NULL;
}

int run_once(struct bpf_program *program)
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
