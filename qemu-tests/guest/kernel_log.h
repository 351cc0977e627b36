/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Telling the host what the kernel logs: "@log LINE". */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* From here on the kernel log is the tests' own. */
static inline int begin_kernel_log(void)
{
	int fd = open("/dev/kmsg", O_RDWR | O_NONBLOCK);

	lseek(fd, 0, SEEK_END);
	return fd;
}

/* What was logged since the last time. A line of ours after it shows also what the kernel has not ended yet. */
static inline void print_kernel_log(int fd)
{
	static const char end[] = "guest: told";
	static char record[8192];
	ssize_t len;

	if (write(fd, end, strlen(end)) < 0)
		printf("@log BUG: cannot write to the log\n");
	/* EPIPE: records were overwritten before they were read. */
	while ((len = read(fd, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		char *text;

		if (len <= 0)
			continue;
		record[len] = 0;
		text = strchr(record, ';');
		text = text ? text + 1 : record;
		if (strncmp(text, end, strlen(end)))
			printf("@log %.*s\n", (int)strcspn(text, "\n"), text);
	}
}

#endif
