// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The only program of a guest that loads the programs of /fixup.bpf.o, and tells the host what the verifier made of
 * them. One line each, on the console:
 *
 *   @symbol NAME|ADDRESS       a function of the kernel whose name begins with bpf_ or __bpf_
 *   @old NAME|HEX              a program as libbpf gave it to the kernel
 *   @new NAME|HEX              what the kernel shows of it
 *   @error WHAT|TEXT           what went wrong
 *   @done COUNT                the last line: how many programs there were
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define MOST_INSNS 10000

static char verifier_log[1 << 16];

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

static void print_insns(const char *what, const char *name, const struct bpf_insn *insns, size_t count)
{
	const unsigned char *bytes = (const void *)insns;

	printf("@%s %s|", what, name);
	for (size_t i = 0; i < count * sizeof(*insns); i++)
		printf("%02x", bytes[i]);
	printf("\n");
}

static void print_program(struct bpf_program *program)
{
	static struct bpf_insn insns[MOST_INSNS];
	struct bpf_prog_info info = { .xlated_prog_insns = (unsigned long)insns, .xlated_prog_len = sizeof(insns) };
	const char *name = bpf_program__name(program);
	__u32 len = sizeof(info);

	print_insns("old", name, bpf_program__insns(program), bpf_program__insn_cnt(program));
	if (bpf_prog_get_info_by_fd(bpf_program__fd(program), &info, &len))
		printf("@error %s|the kernel does not show it\n", name);
	else
		print_insns("new", name, insns, info.xlated_prog_len / sizeof(*insns));
}

int main(void)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .kernel_log_buf = verifier_log,
		    .kernel_log_size = sizeof(verifier_log));
	struct bpf_object *object;
	struct bpf_program *program;
	int count = 0;

	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	libbpf_set_print(to_console);
	print_symbols();
	object = bpf_object__open_file("/fixup.bpf.o", &options);
	if (!object || bpf_object__load(object))
		printf("@error fixup.bpf.o|%s\n", verifier_log);
	else
		bpf_object__for_each_program(program, object) {
			print_program(program);
			count++;
		}
	printf("@done %d\n", count);
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 0;
}
