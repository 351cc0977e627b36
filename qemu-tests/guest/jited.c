// SPDX-License-Identifier: MIT OR Apache-2.0
/* What the JIT makes of programs. The host finds the calls in it. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "jited.h"
#include "programs.h"

#define MAX_PROGRAMS 32
#define MAX_FUNCTIONS 16
#define MAX_INSNS 4096

static struct program programs[MAX_PROGRAMS];
static int loaded;

/* The calls that are left after the verifier. The kernel shows a tail call, which is a jump, as a call of a helper. */
static int count_calls(const struct bpf_insn *insns, __u32 len)
{
	int calls = 0;

	for (__u32 i = 0; i < len / sizeof(*insns); i++) {
		const struct bpf_insn *insn = &insns[i];

		if (insn->code == (BPF_LD | BPF_IMM | BPF_DW))
			i++;
		else if (insn->code == (BPF_JMP | BPF_CALL))
			calls += insn->src_reg || insn->imm != BPF_FUNC_tail_call;
	}
	return calls;
}

static void tell(const struct program *program, const char *name)
{
	static struct bpf_insn insns[MAX_INSNS];
	static unsigned char code[1 << 16];
	__u64 addresses[MAX_FUNCTIONS];
	__u32 lens[MAX_FUNCTIONS];
	struct bpf_prog_info info = {
		.xlated_prog_insns = (uintptr_t)insns, .xlated_prog_len = sizeof(insns),
		.jited_prog_insns = (uintptr_t)code, .jited_prog_len = sizeof(code),
		.jited_ksyms = (uintptr_t)addresses, .nr_jited_ksyms = MAX_FUNCTIONS,
		.jited_func_lens = (uintptr_t)lens, .nr_jited_func_lens = MAX_FUNCTIONS,
	};
	__u32 len = sizeof(info), at = 0;
	int error = bpf_prog_get_info_by_fd(program->fd, &info, &len);
	bool whole = !error && info.jited_prog_insns && info.jited_ksyms && info.xlated_prog_len <= sizeof(insns) &&
		     info.jited_prog_len <= sizeof(code) && info.nr_jited_ksyms <= MAX_FUNCTIONS &&
		     info.nr_jited_ksyms == info.nr_jited_func_lens;

	check(whole, name, "its code cannot be read: %d", error);
	if (!whole)
		return;
	said++;
	printf("@jited %s|%d|", name, count_calls(insns, info.xlated_prog_len));
	for (__u32 i = 0; i < info.nr_jited_ksyms; i++) {
		printf("%s%" PRIx64 ":", i ? " " : "", (uint64_t)addresses[i]);
		for (__u32 end = at + lens[i]; at < end; at++)
			printf("%02x", code[at]);
	}
	printf("\n");
}

/* Programs that must not load (init.c). */
static bool is_refused(const char *name)
{
	return !strcmp(name, "fails_late") || !strcmp(name, "limits_over");
}

static void load_all(const char *path)
{
	struct bpf_object *names = bpf_object__open_file(path, NULL);
	struct bpf_program *each;

	check(names, path, "it cannot be opened");
	bpf_object__for_each_program(each, names) {
		const char *name = bpf_program__name(each);
		int error;

		if (is_refused(name))
			continue;
		check(loaded < MAX_PROGRAMS, name, "there is no room for it");
		if (loaded == MAX_PROGRAMS)
			break;
		error = load(&programs[loaded], path, name);
		check(!error, name, "cannot be loaded: %d: %s", error, last_words());
		if (!error)
			tell(&programs[loaded++], name);
	}
	bpf_object__close(names);
}

/* All functions, but for the paddings before them. */
static void tell_symbols(void)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	char line[512], name[256], type;
	uint64_t address;

	check(file, "kallsyms", "%s", strerror(errno));
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%" SCNx64 " %c %255s", &address, &type, name) != 3 || !strchr("tTwW", type) ||
		    !strncmp(name, "__pfx_", 6))
			continue;
		said++;
		printf("@symbol %" PRIx64 "|%s\n", address, name);
	}
	if (file)
		fclose(file);
}

void test_jited(void)
{
	int error = insmod("/kfunc_example.ko", "");

	check(!error, "insmod", "%s", strerror(-error));
	load_all("/programs.bpf.o");
	load_all("/calls.bpf.o");
	tell_symbols();
	while (loaded)
		unload(&programs[--loaded]);
	error = rmmod_patiently("kfunc_example");
	check(!error, "rmmod", "%s", strerror(-error));
}
