// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The only program of a parity guest: gives every blob of /blobs to BPF_BTF_LOAD, and every pair of /modules to the
 * kernel as the BTF of a module, and tells the host what the kernel made of it. One line each, on the console:
 *
 *   @btf NUMBER|ERRNO|LAST         errno is 0 for a BTF that was taken; LAST is the last line of the kernel's log
 *   @module NUMBER|ERRNO|LEN|HASH  errno of loading the module; length and FNV-1a of the BTF that the kernel then
 *                                  shows of it, -1 if none
 *   @log LINE                      one line of the kernel log: about the module before it, else about all blobs
 *   @done COUNT|COUNT              the last line: how many blobs there were, and how many modules
 *
 * /blobs: for each blob its length and the bytes of it that follow, both 32 bits; the rest of it is zero. /modules is
 * the same, each time first the distilled base, with length 0 if there is none.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <sys/klog.h>
#include <sys/syscall.h>
#include "carrier.h"
#include "kernel_log.h"
#include "machine.h"

#define SYSLOG_ACTION_CONSOLE_OFF 6
#define LOG_LEN (4 << 20)
#define LINE_LEN 200		/* more of a line than any rule's words */

static char verifier_log[LOG_LEN];

/* The last line of the log, cut to what is worth telling. */
static const char *last_line(void)
{
	static char line[LINE_LEN + 1];
	size_t len = strlen(verifier_log);
	const char *start;

	while (len && verifier_log[len - 1] == '\n')
		verifier_log[--len] = 0;
	start = memrchr(verifier_log, '\n', len);
	start = start ? start + 1 : verifier_log;
	if (strlen(start) > LINE_LEN)
		start += strlen(start) - LINE_LEN;
	strcpy(line, start);
	for (char *at = line; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	return line;
}

static void load(unsigned int number, const void *blob, unsigned int len)
{
	union bpf_attr attr = {
		.btf = (unsigned long)blob,
		.btf_size = len,
		.btf_log_buf = (unsigned long)verifier_log,
		.btf_log_size = sizeof(verifier_log),
		.btf_log_level = 1,
	};
	int fd;

	verifier_log[0] = 0;
	fd = syscall(SYS_bpf, BPF_BTF_LOAD, &attr, sizeof(attr));
	printf("@btf %u|%d|%s\n", number, fd < 0 ? errno : 0, fd < 0 ? last_line() : "");
	if (fd >= 0)
		close(fd);
}

struct blob {
	unsigned int len;
	char *bytes;		/* NULL if there is none */
};

static struct blob next_blob(int fd)
{
	struct blob blob = { 0 };
	unsigned int lens[2];

	if (read(fd, lens, sizeof(lens)) != sizeof(lens))
		return blob;
	blob.len = lens[0];
	blob.bytes = calloc(1, lens[0] ? lens[0] : 1);
	if (blob.bytes && read(fd, blob.bytes, lens[1]) != (ssize_t)lens[1]) {
		free(blob.bytes);
		blob.bytes = NULL;
	}
	return blob;
}

static unsigned int load_blobs(void)
{
	int fd = open("/blobs", O_RDONLY);
	unsigned int count = 0;
	struct blob blob;

	while ((blob = next_blob(fd)).bytes) {
		load(count++, blob.bytes, blob.len);
		free(blob.bytes);
	}
	close(fd);
	return count;
}

static unsigned int load_modules(int log)
{
	int fd = open("/modules", O_RDONLY);
	unsigned int count = 0;
	struct blob base, btf;

	while ((base = next_blob(fd)).bytes && (btf = next_blob(fd)).bytes) {
		struct shown shown;
		int err = carrier_load(base.bytes, base.len, btf.bytes, btf.len, &shown);

		printf("@module %u|%d|%ld|%llx\n", count++, err, shown.len, (unsigned long long)shown.hash);
		print_kernel_log(log);
		free(base.bytes);
		free(btf.bytes);
	}
	close(fd);
	return count;
}

static void write_file(const char *path, const char *content)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, content, strlen(content)) < 0)
		printf("@log BUG: cannot write %s\n", path);
	close(fd);
}

int main(void)
{
	unsigned int blobs, modules = 0;
	int log;

	begin_machine();
	/* All that we write to the log shall get there. */
	write_file("/proc/sys/kernel/printk_devkmsg", "on\n");
	/* A module that goes waits for all CPUs, which takes time where they are emulated. */
	write_file("/sys/devices/system/cpu/cpu1/online", "0");
	/* The log is told by us. */
	klogctl(SYSLOG_ACTION_CONSOLE_OFF, NULL, 0);
	log = begin_kernel_log();
	blobs = load_blobs();
	print_kernel_log(log);
	if (carrier_open())
		modules = load_modules(log);
	printf("@done %u|%u\n", blobs, modules);
	end_machine();
	return 0;
}
