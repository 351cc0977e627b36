// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The only program of a guest that loads the programs of the files that it is given, and tells the host what the
 * verifier made of them. One line each, on the console:
 *
 *   @symbol NAME|ADDRESS       a function of the kernel whose name begins with bpf_ or __bpf_
 *   @old PROGRAM|RECORDS       a program's instructions as libbpf gave them to the kernel; PROGRAM is FILE/NAME
 *   @old_lines PROGRAM|RECORDS its line info (struct bpf_line_info)
 *   @old_functions PROGRAM|RECORDS
 *                              its functions (struct bpf_func_info)
 *   @new PROGRAM|RECORDS       what the kernel shows of it; @new_lines and @new_functions likewise
 *   @refused PROGRAM|TEXT      it was not loaded, as it cannot be rewritten
 *   @error WHAT|TEXT           what went wrong
 *   @done COUNT                the last line: how many programs there were
 *
 * RECORDS is HEX, or HEX*COUNT, for each, with a comma after it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "machine.h"

#define MOST_INSNS 30000
/* BPF_TRACE_FSESSION, which this libbpf does not know. */
#define TRACE_FSESSION 58
#define FSESSION "fsession/"

static char verifier_log[1 << 16];
static const char *file;

static int to_console(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vprintf(format, args) : 0;
}

static void print_symbols(void)
{
	FILE *symbols = fopen("/proc/kallsyms", "r");
	unsigned long address;
	char name[256], type;

	while (symbols && fscanf(symbols, "%lx %c %255s%*[^\n]", &address, &type, name) == 3)
		if (!strncmp(name, "bpf_", 4) || !strncmp(name, "__bpf_", 6))
			printf("@symbol %s|%lx\n", name, address);
}

/* Records that are all the same are printed once, with how many they are. */
static void print_records(const char *what, const struct bpf_program *program, const void *records, size_t count,
			  size_t size)
{
	const unsigned char *record = records;

	printf("@%s %s/%s|", what, file, bpf_program__name(program));
	while (count) {
		size_t same = 1;

		while (same < count && !memcmp(record, record + same * size, size))
			same++;
		for (size_t i = 0; i < size; i++)
			printf("%02x", record[i]);
		printf(same > 1 ? "*%zu," : ",", same);
		record += same * size;
		count -= same;
	}
	printf("\n");
}

/* Called by libbpf before it loads a program: it does not show line info and functions otherwise. */
static int prepare(struct bpf_program *program, struct bpf_prog_load_opts *options, long cookie)
{
	const char *section = bpf_program__section_name(program);

	print_records("old", program, bpf_program__insns(program), bpf_program__insn_cnt(program),
		      sizeof(struct bpf_insn));
	print_records("old_lines", program, options->line_info, options->line_info_cnt, options->line_info_rec_size);
	print_records("old_functions", program, options->func_info, options->func_info_cnt,
		      options->func_info_rec_size);
	if (bpf_program__type(program) == BPF_PROG_TYPE_SYSCALL)
		options->prog_flags |= BPF_F_SLEEPABLE;
	if (!strncmp(section, FSESSION, strlen(FSESSION))) {
		int function = libbpf_find_vmlinux_btf_id(section + strlen(FSESSION), BPF_TRACE_FENTRY);

		if (function < 0)
			return function;
		options->attach_btf_id = function;
	}
	return 0;
}

static int register_sections(void)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, options, .prog_prepare_load_fn = prepare);

	return libbpf_register_prog_handler("syscall", BPF_PROG_TYPE_SYSCALL, 0, &options) < 0 ||
	       libbpf_register_prog_handler("tc", BPF_PROG_TYPE_SCHED_CLS, 0, &options) < 0 ||
	       libbpf_register_prog_handler(FSESSION, BPF_PROG_TYPE_TRACING, TRACE_FSESSION, &options) < 0 ||
	       libbpf_register_prog_handler("kprobe.session/", BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_SESSION,
					    &options) < 0;
}

static void print_program(struct bpf_program *program)
{
	static struct bpf_insn insns[MOST_INSNS];
	static struct bpf_line_info lines[MOST_INSNS];
	static struct bpf_func_info functions[MOST_INSNS];
	struct bpf_prog_info info = {
		.xlated_prog_insns = (unsigned long)insns,
		.xlated_prog_len = sizeof(insns),
		.line_info = (unsigned long)lines,
		.line_info_rec_size = sizeof(*lines),
		.nr_line_info = MOST_INSNS,
		.func_info = (unsigned long)functions,
		.func_info_rec_size = sizeof(*functions),
		.nr_func_info = MOST_INSNS,
	};
	__u32 len = sizeof(info);

	if (bpf_prog_get_info_by_fd(bpf_program__fd(program), &info, &len)) {
		printf("@error %s|the kernel does not show it\n", bpf_program__name(program));
		return;
	}
	if (info.xlated_prog_len > sizeof(insns)) {
		printf("@error %s|it is too long\n", bpf_program__name(program));
		return;
	}
	print_records("new", program, insns, info.xlated_prog_len / sizeof(*insns), sizeof(*insns));
	print_records("new_lines", program, lines, info.nr_line_info, sizeof(*lines));
	print_records("new_functions", program, functions, info.nr_func_info, sizeof(*functions));
}

/* Whether a file's only program was refused because one of its jumps would lead too far. */
static int print_refused(struct bpf_object *object)
{
	struct bpf_program *program = object ? bpf_object__next_program(object, NULL) : NULL;
	char *reason = strstr(verifier_log, "cannot be patched due to 16-bit range");

	if (!program || bpf_object__next_program(object, program) || !reason)
		return 0;
	printf("@refused %s/%s|%s\n", file, bpf_program__name(program), strtok(reason, "\n"));
	return 1;
}

/* Gives how many programs there are. */
static int print_file(void)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .kernel_log_buf = verifier_log,
		    .kernel_log_size = sizeof(verifier_log));
	struct bpf_object *object = bpf_object__open_file(file, &options);
	struct bpf_program *program;
	int count = 0;

	if (!object || bpf_object__load(object)) {
		if (print_refused(object))
			return 1;
		printf("@error %s|%s\n", file, verifier_log);
		return 0;
	}
	bpf_object__for_each_program(program, object) {
		print_program(program);
		count++;
	}
	return count;
}

int main(int argc, char **argv)
{
	int count = 0;

	begin_machine();
	libbpf_set_print(to_console);
	print_symbols();
	if (register_sections())
		printf("@error sections|libbpf does not take them\n");
	for (int i = 1; i < argc; i++) {
		file = argv[i];
		count += print_file();
	}
	printf("@done %d\n", count);
	end_machine();
	return 0;
}
