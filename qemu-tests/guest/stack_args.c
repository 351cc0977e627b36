// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Calls with more than five arguments. The sixth and later ones are stored below register 11, from -8 on downwards
 * (is_stack_arg_st of include/linux/filter.h), right before the call.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include "programs.h"
#include "stack_args.h"

#define REG_PARAMS 11		/* BPF_REG_PARAMS of include/linux/filter.h */
#define REGISTER_ARGS 5
#define MOST_ARGS 12

__s32 func_id(const char *module, const char *kfunc)
{
	struct btf *vmlinux = btf__load_vmlinux_btf();
	struct btf *own = vmlinux ? btf__load_module_btf(module, vmlinux) : NULL;
	__s32 id = own ? btf__find_by_name_kind(own, kfunc, BTF_KIND_FUNC) : -ENOENT;

	btf__free(own);
	btf__free(vmlinux);
	return id;
}

/* The program: keeps its context, passes 1, 2, …, and stores the result there. Gives its length. */
static int write_program(struct bpf_insn *insns, __s32 kfunc, int passed)
{
	struct bpf_insn *at = insns;

	*at++ = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_6, .src_reg = BPF_REG_1 };
	for (int arg = 1; arg <= passed; arg++) {
		if (arg <= REGISTER_ARGS)
			*at++ = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = arg, .imm = arg };
		else
			*at++ = (struct bpf_insn){ .code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = REG_PARAMS,
						   .off = -8 * (arg - REGISTER_ARGS), .imm = arg };
	}
	*at++ = (struct bpf_insn){ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL,
				   .off = MODULE_BTF_INDEX, .imm = kfunc };
	*at++ = (struct bpf_insn){ .code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_6, .src_reg = BPF_REG_0,
				   .off = offsetof(struct run, result) };
	*at++ = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 };
	*at++ = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
	return at - insns;
}

__s64 call_with(const char *module, const char *kfunc, int passed)
{
	int fds[2] = { 0, btf_fd(module) };
	LIBBPF_OPTS(bpf_prog_load_opts, options, .fd_array = fds, .prog_flags = BPF_F_SLEEPABLE,
		    .log_buf = verifier_log, .log_size = sizeof(verifier_log), .log_level = 1);
	struct bpf_insn insns[MOST_ARGS + 8];
	struct program program = {};
	__s32 id = func_id(module, kfunc);
	__s64 result;
	int len;

	if (fds[MODULE_BTF_INDEX] < 0)
		return fds[MODULE_BTF_INDEX];
	if (id < 0) {
		close(fds[MODULE_BTF_INDEX]);
		return id;
	}
	len = write_program(insns, id, passed);
	verifier_log[0] = 0;
	program.fd = bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "stack_args", "GPL", insns, len, &options);
	close(fds[MODULE_BTF_INDEX]);
	if (program.fd < 0)
		return -errno;
	result = run(&program, 0);
	close(program.fd);
	return result;
}
