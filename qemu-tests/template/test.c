// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the programs of my_kfuncs.bpf.o while my_kfuncs is loaded, and checks what they leave behind. As root, in the
 * folder of the two. Exit status 0 if all is as it must be.
 */
#include <stdio.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

/* As in my_kfuncs.bpf.c. */
struct run {
	__u64 delta;
	__u64 result;
};

/* Runs `program` once. Gives what it left behind, or ~0 if it did not run. */
static __u64 run(struct bpf_object *object, const char *program, __u64 delta)
{
	struct run context = { .delta = delta };
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &context, .ctx_size_in = sizeof(context));
	int fd = bpf_program__fd(bpf_object__find_program_by_name(object, program));

	/* The kernel writes the context back to where it came from. */
	return bpf_prog_test_run_opts(fd, &options) ? ~0ULL : context.result;
}

static int check(const char *what, __u64 got, __u64 expected)
{
	printf("%s: %llu, expected %llu\n", what, got, expected);
	return got != expected;
}

int main(void)
{
	struct bpf_object *object = bpf_object__open_file("my_kfuncs.bpf.o", NULL);
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int wrong = 0;

	if (!object || bpf_object__load(object)) {
		fprintf(stderr, "the programs cannot be loaded: is my_kfuncs?\n");
		return 1;
	}
	if (bpf_prog_get_info_by_fd(bpf_program__fd(bpf_object__find_program_by_name(object, "id")), &info, &len))
		return 1;
	wrong += check("my_kfuncs_id()", run(object, "id", 0), info.id);
	wrong += check("my_kfuncs_add(5)", run(object, "add", 5), 5);
	wrong += check("my_kfuncs_add(7)", run(object, "add", 7), 12);
	bpf_object__close(object);
	return wrong != 0;
}
