// SPDX-License-Identifier: MIT OR Apache-2.0
/* What a module counts: its file in debugfs. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "counters.h"

bool read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t got = -1;

	while (fd >= 0 && len < size - 1 && (got = read(fd, text + len, size - 1 - len)) > 0)
		len += got;
	text[len] = 0;
	if (fd >= 0)
		close(fd);
	return !got;
}

long counter_of(const char *module, const char *name)
{
	char path[64], text[4096], *line, *rest = text;
	size_t len = strlen(name);

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/counters", module);
	if (!read_file(path, text, sizeof(text)))
		return -1;
	while ((line = strsep(&rest, "\n")))
		if (!strncmp(line, name, len) && line[len] == ' ')
			return strtol(line + len, NULL, 10);
	return -1;
}
