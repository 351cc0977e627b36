// SPDX-License-Identifier: MIT OR Apache-2.0
/* Programs that call one another, and those that the kernel calls as operations of its own. */
#include <errno.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "happenings.h"
#include "linked_programs.h"
#include "program_rows.h"
#include "programs.h"

static const char *const linked_rows[] = { LINKED_ROWS(ROW_NAME) };
static const char *const replacement_rows[] = { REPLACEMENT_ROWS(ROW_NAME) };

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

void test_linked(void)
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
