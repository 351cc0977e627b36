// SPDX-License-Identifier: MIT OR Apache-2.0
/* Calls of kfuncs of the kernel whose BTF may be wrong. The host knows what must be said of them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "doctor.h"
#include "programs.h"

#define RUN_WITH 40

/* What libbpf said of the object that was loaded last. */
static char libbpf_log[1 << 12];

static int keep(enum libbpf_print_level level, const char *format, va_list args)
{
	size_t len = strlen(libbpf_log);

	if (level == LIBBPF_WARN)
		vsnprintf(libbpf_log + len, sizeof(libbpf_log) - len, format, args);
	return 0;
}

/* Tells the host: "@load WAY|ERRNO|TEXT", with all lines of the text on one, each with a ; at its end. */
static void tell(const char *way, int error, char *text)
{
	for (char *at = text; *at; at++)
		if (*at == '\n')
			*at = ';';
		else if (*at < ' ' || *at > '~' || *at == '|')
			*at = ' ';
	said++;
	printf("@load %s|%d|%.1000s\n", way, -error, text);
}

static void load_object(const char *way, const char *path, __u64 result)
{
	struct program program;
	int error;

	libbpf_log[0] = 0;
	error = load(&program, path, "call");
	tell(way, error, verifier_log[0] ? verifier_log : libbpf_log);
	if (error)
		return;
	check(run(&program, RUN_WITH) == RUN_WITH + result, way, "another result");
	unload(&program);
}

/* The same call without libbpf, which compares no prototype. */
static void load_raw(const char *way, const char *kfunc)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .prog_flags = BPF_F_SLEEPABLE, .log_buf = verifier_log,
		    .log_size = sizeof(verifier_log), .log_level = 1);
	struct bpf_insn insns[8];
	struct btf *vmlinux = btf__load_vmlinux_btf();
	__s32 id = btf__find_by_name_kind(vmlinux, kfunc, BTF_KIND_FUNC);
	struct bpf_insn *at = insns;
	int fd;

	for (int arg = BPF_REG_1; arg <= BPF_REG_5; arg++)
		*at++ = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = arg };
	*at++ = (struct bpf_insn){ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL, .imm = id };
	*at++ = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 };
	*at++ = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
	verifier_log[0] = 0;
	fd = bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "raw", "GPL", insns, at - insns, &options);
	tell(way, fd < 0 ? -errno : 0, verifier_log);
	if (fd >= 0)
		close(fd);
	btf__free(vmlinux);
}

void test_doctor(const char *split, const char *unsplit)
{
	libbpf_set_print(keep);
	load_object("split", "/split.bpf.o", 1);
	load_raw("split, raw", split);
	if (!unsplit)
		return;
	load_object("unsplit", "/unsplit.bpf.o", 1);
	load_object("unsplit, full", "/unsplit_full.bpf.o", 1);
	load_object("unsplit, weak", "/unsplit_weak.bpf.o", 2);
	load_raw("unsplit, raw", unsplit);
}
