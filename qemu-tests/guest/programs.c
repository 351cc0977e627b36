// SPDX-License-Identifier: MIT OR Apache-2.0
/* Modules and BPF programs: loaded, run, unloaded. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "programs.h"

int said;
char verifier_log[1 << 16];

const char *last_words(void)
{
	static char words[200];
	size_t len = strlen(verifier_log), shown = len < sizeof(words) ? len : sizeof(words) - 1;

	memcpy(words, verifier_log + len - shown, shown);
	words[shown] = 0;
	for (char *at = words; *at; at++)
		if (*at < ' ' || *at > '~' || *at == '|')
			*at = ' ';
	return words;
}

bool is_trace(const char *line)
{
	return isdigit(*line) || *line == ';' || !strncmp(line, "R0", 2) || !strncmp(line, "R1=", 3) ||
	       !strncmp(line, "processed ", 10) || !strncmp(line, "func#", 5) || !*line;
}

void check(bool held, const char *name, const char *format, ...)
{
	char detail[256];
	va_list args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	said++;
	printf("@check %s|%s\n", name, held ? "ok" : detail);
}

void call_row(const char *way, const char *call, bool ok, const char *implicit, ...)
{
	char values[256];
	va_list args;

	va_start(args, implicit);
	vsnprintf(values, sizeof(values), implicit, args);
	va_end(args);
	said++;
	printf("@call %s|%s|%s|%s\n", way, call, values, ok ? "ok" : "wrong value");
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

void begin_loading(void)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	libbpf_set_print(quiet);
}

double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

int insmod(const char *path, const char *options)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int error;

	if (fd < 0)
		return -errno;
	/* What the kernel says of it on the console must not stand in a line of ours. */
	tcdrain(STDOUT_FILENO);
	error = syscall(SYS_finit_module, fd, options, 0) ? -errno : 0;
	close(fd);
	return error;
}

int rmmod(const char *module)
{
	return syscall(SYS_delete_module, module, O_NONBLOCK) ? -errno : 0;
}

int rmmod_patiently(const char *module)
{
	double deadline = seconds() + PATIENCE_SECONDS;
	int error;

	while ((error = rmmod(module)) == -EAGAIN && seconds() < deadline)
		usleep(20000);
	return error;
}

int btf_fd(const char *wanted)
{
	__u32 id = 0;

	while (!bpf_btf_get_next_id(id, &id)) {
		char name[64] = "";
		struct bpf_btf_info info = { .name = (unsigned long)name, .name_len = sizeof(name) };
		__u32 len = sizeof(info);
		int fd = bpf_btf_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (!bpf_btf_get_info_by_fd(fd, &info, &len) && !strcmp(name, wanted))
			return fd;
		close(fd);
	}
	return -ENOENT;
}

__u64 address_of(const char *name)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	char line[512], found[256];
	uint64_t address, last = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%" SCNx64 " %*c %255s", &address, found) == 2 && !strcmp(found, name))
			last = address;
	if (file)
		fclose(file);
	return last;
}

int users_of(const char *module)
{
	char path[64];
	FILE *file;
	int count = -1;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
	file = fopen(path, "r");
	if (file && fscanf(file, "%d", &count) != 1)
		count = -1;
	if (file)
		fclose(file);
	return count;
}

int load(struct program *program, const char *path, const char *name)
{
	/* The log is asked for when loading has failed: what is said of good BTF alone may not fit. */
	LIBBPF_OPTS(bpf_object_open_opts, options, .kernel_log_buf = verifier_log,
		    .kernel_log_size = sizeof(verifier_log));
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	struct bpf_program *each;
	int error;

	memset(program, 0, sizeof(*program));
	verifier_log[0] = 0;
	program->object = bpf_object__open_file(path, &options);
	if (!program->object)
		return -errno;
	bpf_object__for_each_program(each, program->object)
		bpf_program__set_autoload(each, !strcmp(bpf_program__name(each), name));
	error = bpf_object__load(program->object);
	if (error) {
		unload(program);
		return error;
	}
	each = bpf_object__find_program_by_name(program->object, name);
	program->fd = bpf_program__fd(each);
	error = bpf_prog_get_info_by_fd(program->fd, &info, &len);
	program->id = info.id;
	return error;
}

void unload(struct program *program)
{
	if (program->object)
		bpf_object__close(program->object);
	memset(program, 0, sizeof(*program));
}

__u64 run(struct program *program, __u64 delta)
{
	struct run context = { .delta = delta, .result = 0xbadbadbad };
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &context, .ctx_size_in = sizeof(context));

	/* The kernel writes the context back to where it came from. */
	if (bpf_prog_test_run_opts(program->fd, &options))
		return 0xbadbad;
	return context.result;
}

__u32 run_packet(struct program *program)
{
	char packet[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = sizeof(packet), .repeat = 1);

	if (bpf_prog_test_run_opts(program->fd, &options))
		return 0xbadbad;
	return options.retval;
}
