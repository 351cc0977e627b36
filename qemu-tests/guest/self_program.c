// SPDX-License-Identifier: MIT OR Apache-2.0
/* A BPF program that calls both kfuncs of the example module, made by hand. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include "programs.h"
#include "self_program.h"
#include "stack_args.h"

#define COUNT_BITS 4		/* the program returns the id, and below it so many bits of the count */
#define MOST_COUNT ((1 << COUNT_BITS) - 1)

int find_self_btf(struct self_kfuncs *kfuncs, const char *module)
{
	if (kfuncs->btf_fd >= 0)
		close(kfuncs->btf_fd);
	kfuncs->btf_fd = btf_fd(module);
	return kfuncs->btf_fd < 0 ? kfuncs->btf_fd : 0;
}

int find_self_kfuncs(struct self_kfuncs *kfuncs, const char *module)
{
	*kfuncs = (struct self_kfuncs){
		.btf_fd = -1,
		.id = func_id(module, "bpf_self_id"),
		.count = func_id(module, "bpf_self_count"),
	};
	if (kfuncs->id < 0 || kfuncs->count < 0)
		return -ENOENT;
	return find_self_btf(kfuncs, module);
}

int load_self(const struct self_kfuncs *kfuncs, enum self_kind kind)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL, .off = MODULE_BTF_INDEX,
		  .imm = kfuncs->id },
		{ .code = BPF_ALU | BPF_MOV | BPF_X, .dst_reg = BPF_REG_6, .src_reg = BPF_REG_0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = 1 },
		{ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL, .off = MODULE_BTF_INDEX,
		  .imm = kfuncs->count },
		{ .code = BPF_JMP | BPF_JLE | BPF_K, .dst_reg = BPF_REG_0, .imm = MOST_COUNT, .off = 1 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = MOST_COUNT },
		{ .code = BPF_ALU64 | BPF_LSH | BPF_K, .dst_reg = BPF_REG_6, .imm = COUNT_BITS },
		{ .code = BPF_ALU64 | BPF_OR | BPF_X, .dst_reg = BPF_REG_6, .src_reg = BPF_REG_0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_0, .src_reg = BPF_REG_6 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	const struct bpf_insn use_as_address = {
		.code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_0, .src_reg = BPF_REG_0,
	};
	int fds[] = { 0, kfuncs->btf_fd };
	LIBBPF_OPTS(bpf_prog_load_opts, options, .fd_array = fds,
		    .prog_flags = kind == SELF_SYSCALL ? BPF_F_SLEEPABLE : 0);
	enum bpf_prog_type type = kind == SELF_SYSCALL ? BPF_PROG_TYPE_SYSCALL : BPF_PROG_TYPE_SCHED_CLS;
	struct bpf_insn program[sizeof(insns) / sizeof(*insns)];
	int fd;

	for (size_t i = 0; i < sizeof(insns) / sizeof(*insns); i++)
		program[i] = insns[i];
	if (kind == SELF_FAILS)
		program[4] = use_as_address;	/* after both calls */
	fd = bpf_prog_load(type, "self", "GPL", program, sizeof(insns) / sizeof(*insns), &options);
	return fd < 0 ? -errno : fd;
}

static __u32 run_self(int fd, enum self_kind kind)
{
	char packet[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, options, .repeat = kind == SELF_TC);

	if (kind == SELF_TC) {
		options.data_in = packet;
		options.data_size_in = sizeof(packet);
	}
	return bpf_prog_test_run_opts(fd, &options) ? 0 : options.retval;
}

bool runs_as_new(int fd, enum self_kind kind, char *wrong, int len)
{
	struct bpf_prog_info info = {};
	__u32 info_len = sizeof(info), first, second, expected;

	if (bpf_prog_get_info_by_fd(fd, &info, &info_len)) {
		snprintf(wrong, len, "its id cannot be read: %d", errno);
		return false;
	}
	expected = info.id << COUNT_BITS;
	first = run_self(fd, kind);
	second = run_self(fd, kind);
	if (first == expected + 1 && second == expected + 2)
		return true;
	snprintf(wrong, len, "program %u: id %u, count %u, then id %u, count %u", info.id, first >> COUNT_BITS,
		 first & MOST_COUNT, second >> COUNT_BITS, second & MOST_COUNT);
	return false;
}

int call_self_kfuncs(const char *module)
{
	struct self_kfuncs kfuncs;
	char wrong[128];
	int fd, error = find_self_kfuncs(&kfuncs, module);

	if (error)
		return error;
	fd = load_self(&kfuncs, SELF_TC);
	close(kfuncs.btf_fd);
	if (fd < 0)
		return fd;
	error = runs_as_new(fd, SELF_TC, wrong, sizeof(wrong)) ? 0 : -EPROTO;
	close(fd);
	return error;
}
