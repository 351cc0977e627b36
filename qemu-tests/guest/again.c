// SPDX-License-Identifier: MIT OR Apache-2.0
/* A program that libbpf has loaded, loaded again without it. */
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "again.h"
#include "programs.h"

static int open_module_btf(const char *module)
{
	__u32 id = 0;

	while (!bpf_btf_get_next_id(id, &id)) {
		char name[64] = "";
		struct bpf_btf_info info = { .name = (uintptr_t)name, .name_len = sizeof(name) };
		__u32 len = sizeof(info);
		int fd = bpf_btf_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (!bpf_btf_get_info_by_fd(fd, &info, &len) && !strcmp(name, module))
			return fd;
		close(fd);
	}
	return -1;
}

bool find_again(struct again *again, const struct program *program, const char *name, const char *module)
{
	struct bpf_program *of_object = bpf_object__find_program_by_name(program->object, name);
	int fd = open_module_btf(module);

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
