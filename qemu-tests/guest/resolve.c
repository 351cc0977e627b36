// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What the verifier says of programs that are one call. The host has written what is to be called, a line for each program:
 *
 *   TYPE ATTACH_TYPE FLAGS GPL FDS BINDS FD_INDEX ID
 *
 * FDS is "none", "some", or how many the kernel is told of. ID is "-" in a program without a call. What BINDS is tried again
 * if it is refused: the slots of the programs before are free only when these are.
 *
 * The names of functions are in another file, sorted; those are told that kallsyms knows.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <bpf/bpf.h>
#include "programs.h"
#include "resolve.h"

#define MOST_NAMES 4096
#define RETRY_MICROSECONDS 20000

/* What stands behind prog_token_fd since 6.14: fd_array_cnt. */
#define KNOWN_SIZE (offsetof(union bpf_attr, prog_token_fd) + sizeof(__s32))
#define FD_ARRAY_CNT (KNOWN_SIZE / sizeof(__u32))

struct call {
	__u32 type, attach_type, flags, gpl;
	char fds[8];
	int binds, fd_index;
	char id[16];
};

/* A map, the modules, vmlinux, a map again, and nothing. */
static int fds[6];

static int load_call(const struct call *call)
{
	union {
		union bpf_attr attr;
		__u32 words[64];
	} load = {};
	struct bpf_insn insns[8], *at = insns;
	__u32 counted = strtoul(call->fds, NULL, 0);
	int fd;

	for (int arg = BPF_REG_1; arg <= BPF_REG_5; arg++)
		*at++ = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = arg };
	if (strcmp(call->id, "-"))
		*at++ = (struct bpf_insn){ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL,
					   .off = call->fd_index, .imm = strtol(call->id, NULL, 0) };
	*at++ = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 };
	*at++ = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };

	verifier_log[0] = 0;
	load.attr.prog_type = call->type;
	load.attr.expected_attach_type = call->attach_type;
	load.attr.prog_flags = call->flags;
	load.attr.insns = (uintptr_t)insns;
	load.attr.insn_cnt = at - insns;
	load.attr.license = (uintptr_t)(call->gpl ? "GPL" : "Proprietary");
	load.attr.log_buf = (uintptr_t)verifier_log;
	load.attr.log_size = sizeof(verifier_log);
	load.attr.log_level = 1;
	if (strcmp(call->fds, "none"))
		load.attr.fd_array = (uintptr_t)fds;
	if (counted)
		load.words[FD_ARRAY_CNT] = counted;
	fd = syscall(SYS_bpf, BPF_PROG_LOAD, &load, KNOWN_SIZE + (counted ? sizeof(__u32) : 0));
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* All but the trace, on one line. */
static void tell(int number, int error)
{
	said++;
	printf("@load %d|%d|", number, error);
	for (char *line = strtok(verifier_log, "\n"); line; line = strtok(NULL, "\n"))
		if (!is_trace(line))
			printf("%.300s;", line);
	printf("\n");
}

static void try_calls(void)
{
	FILE *file = fopen("/resolve.calls", "r");
	struct call call;
	int number = 0;

	check(file, "calls", "%s", strerror(errno));
	while (file && fscanf(file, "%u %u %u %u %7s %d %d %15s", &call.type, &call.attach_type, &call.flags,
			      &call.gpl, call.fds, &call.binds, &call.fd_index, call.id) == 8) {
		double deadline = seconds() + PATIENCE_SECONDS;
		int error;

		while ((error = load_call(&call)) == EACCES && call.binds && seconds() < deadline)
			usleep(RETRY_MICROSECONDS);
		tell(number++, error);
	}
	if (file)
		fclose(file);
}

static int compare(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

static void tell_known_names(void)
{
	static char *names[MOST_NAMES];
	FILE *wanted = fopen("/resolve.names", "r"), *symbols = fopen("/proc/kallsyms", "r");
	char name[512], *key = name;
	uint64_t address;
	size_t count = 0;

	check(wanted && symbols, "names", "%s", strerror(errno));
	while (wanted && count < MOST_NAMES && fscanf(wanted, "%511s", name) == 1)
		names[count++] = strdup(name);
	while (symbols && fscanf(symbols, "%" SCNx64 " %*c %511s%*[^\n]", &address, name) == 2) {
		if (!bsearch(&key, names, count, sizeof(*names), compare))
			continue;
		said++;
		printf("@symbol %" PRIx64 "|%s\n", address, name);
	}
	if (wanted)
		fclose(wanted);
	if (symbols)
		fclose(symbols);
}

void test_resolve(void)
{
	int error = insmod("/kfunc_example.ko", "") ?: insmod("/kfunc_shapes.ko", "");
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "other", 4, 4, 1, NULL);
	const int all[] = { map, btf_fd("kfunc_example"), btf_fd("kfunc_shapes"), btf_fd("vmlinux"), map, -1 };

	check(!error, "insmod", "%d", error);
	memcpy(fds, all, sizeof(fds));
	for (int i = 0; i < 5; i++)
		check(fds[i] >= 0, "file descriptors", "%d of %d", fds[i], i);
	tell_known_names();
	try_calls();
}
