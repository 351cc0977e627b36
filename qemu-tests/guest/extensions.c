// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Programs of type ext. 6.12 asks about their calls before it notes what they extend, so they are not of a type then that
 * a set is for.
 */
#include <errno.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "counters.h"
#include "extensions.h"
#include "programs.h"
#include "shapes.h"

#define MODULE "kfunc_shapes"
#define EXTENDED "replaceable"
#define KIND (BPF_PROG_TYPE_XDP * 100 + BPF_XDP)

/* Loads the program `name` in the place of a function of `extended`. Gives NULL, and an errno, if that fails. */
static struct bpf_link *extend(struct bpf_object *object, const char *name, const struct program *extended)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name), *each;
	int error;

	bpf_object__for_each_program(each, object)
		bpf_program__set_autoload(each, each == program);
	error = bpf_program__set_attach_target(program, extended->fd, EXTENDED);
	if (!error)
		error = bpf_object__load(object);
	if (!error)
		return bpf_program__attach_freplace(program, 0, NULL);
	errno = -error;
	return NULL;
}

static void test_extension(const char *name, const char *kfunc, struct program *extended)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .kernel_log_buf = verifier_log,
		    .kernel_log_size = sizeof(verifier_log));
	long refused = counter_of(MODULE, "refused_program_type");
	struct bpf_object *object = bpf_object__open_file("/shapes.bpf.o", &options);
	struct bpf_link *link = extend(object, name, extended);

	if (link)
		shape_row("bound", kfunc, name, run_packet(extended), KIND);
	else
		check(false, name, "cannot be attached: %d: %s", errno, last_words());
	refused = counter_of(MODULE, "refused_program_type") - refused;
	check(!refused, "a program that is loaded was not refused", "%s: %ld times", name, refused);
	bpf_link__destroy(link);
	bpf_object__close(object);
}

void test_extensions(void)
{
	struct program extended;

	if (load(&extended, "/shapes.bpf.o", "replaced")) {
		check(false, "replaced", "cannot be loaded: %s", last_words());
		return;
	}
	check(run_packet(&extended) == 1, "a program that nobody extends", "another result");
	test_extension("kind", "bpf_shape_kind", &extended);
	test_extension("xdp_kind", "bpf_shape_xdp_kind", &extended);
	unload(&extended);
}
