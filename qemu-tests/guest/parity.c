// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The only program of a parity guest: gives every blob of /blobs to BPF_BTF_LOAD and tells the host what the kernel
 * made of it. One line each, on the console:
 *
 *   @btf NUMBER|ERRNO|LAST         errno is 0 for a BTF that was taken; LAST is the last line of the kernel's log
 *   @log LINE                      one line of the kernel log, at the end
 *   @done COUNT                    the last line: how many blobs there were
 *
 * /blobs: for each blob its length and the bytes of it that follow, both 32 bits; the rest of it is zero.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>

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

static unsigned int load_all(void)
{
	int fd = open("/blobs", O_RDONLY);
	unsigned int lens[2], count = 0;

	while (read(fd, lens, sizeof(lens)) == sizeof(lens)) {
		char *blob = calloc(1, lens[0] ? lens[0] : 1);

		if (!blob || read(fd, blob, lens[1]) != (ssize_t)lens[1])
			break;
		load(count++, blob, lens[0]);
		free(blob);
	}
	close(fd);
	return count;
}

static void print_kernel_log(int fd)
{
	static char record[8192];
	ssize_t len;

	while ((len = read(fd, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		char *text;

		if (len <= 0)
			continue;
		record[len] = 0;
		text = strchr(record, ';');
		text = text ? text + 1 : record;
		printf("@log %.*s\n", (int)strcspn(text, "\n"), text);
	}
	close(fd);
}

int main(void)
{
	unsigned int count;
	int log;

	mkdir("/dev", 0755);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	lseek(log, 0, SEEK_END);
	count = load_all();
	print_kernel_log(log);
	printf("@done %u\n", count);
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 0;
}
