// SPDX-License-Identifier: MIT OR Apache-2.0
/* A program that libbpf has loaded, loaded again without it. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "again.h"
#include "programs.h"

bool find_again(struct again *again, const struct program *program, const char *name, const char *module)
{
	struct bpf_program *of_object = bpf_object__find_program_by_name(program->object, name);
	int fd = btf_fd(module);

	if (!of_object || fd < 0)
		return false;
	again->type = bpf_program__type(of_object);
	again->insns = bpf_program__insns(of_object);
	again->count = bpf_program__insn_cnt(of_object);
	for (size_t i = 0; i < sizeof(again->fds) / sizeof(*again->fds); i++)
		again->fds[i] = fd;
	return true;
}

int load_again(const struct again *again)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .fd_array = again->fds,
		    .prog_flags = again->type == BPF_PROG_TYPE_SYSCALL ? BPF_F_SLEEPABLE : 0);

	return bpf_prog_load(again->type, "again", "GPL", again->insns, again->count, &options);
}
