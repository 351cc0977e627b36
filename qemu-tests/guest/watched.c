// SPDX-License-Identifier: MIT OR Apache-2.0
/* What a kernel that looks for defects has found, and whether it still looks. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "programs.h"
#include "watched.h"

#define KMEMLEAK "/sys/kernel/debug/kmemleak"
/*
 * Younger objects are not reported, nor those that have changed since the scan before; and some kernels want them to be
 * found twice (mm/kmemleak.c: MSECS_MIN_AGE, min_unref_scans).
 */
#define MIN_AGE_SECONDS 5
#define SCANS 4

void tell_boot_log(void)
{
	static char record[8192];
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	int lines = 0;
	ssize_t len;

	while ((len = read(fd, record, sizeof(record) - 1)) > 0) {
		char *text;

		record[len] = 0;
		text = strchr(record, ';');
		text = text ? text + 1 : record;
		said++;
		lines++;
		printf("@boot %.*s\n", (int)strcspn(text, "\n"), text);
	}
	check(lines && errno == EAGAIN, "the log from the boot on", "%d lines, then: %s", lines, strerror(errno));
	close(fd);
}

static bool scan(void)
{
	int fd = open(KMEMLEAK, O_WRONLY | O_CLOEXEC);
	bool scanned = fd >= 0 && write(fd, "scan", 4) == 4;

	if (fd >= 0)
		close(fd);
	return scanned;
}

static void print_leaks(void)
{
	FILE *file = fopen(KMEMLEAK, "r");
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		said++;
		printf("@leak %.*s\n", (int)strcspn(line, "\n"), line);
	}
	check(file, "the leaks can be read", "%s", strerror(errno));
	if (file)
		fclose(file);
}

/* A number of /proc/lockdep_stats; -1 if it is not there. */
static long lockdep_figure(const char *name)
{
	FILE *file = fopen("/proc/lockdep_stats", "r");
	char line[256];
	long value = -1;

	while (file && fgets(line, sizeof(line), file)) {
		const char *at = line + strspn(line, " ");

		if (!strncmp(at, name, strlen(name)))
			sscanf(at + strlen(name), ": %ld", &value);
	}
	if (file)
		fclose(file);
	return value;
}

void tell_leaks(void)
{
	for (int i = 0; i < SCANS; i++) {
		sleep(MIN_AGE_SECONDS + 1);
		check(scan(), "kmemleak looks for leaks", "%s", strerror(errno));
	}
	print_leaks();
	check(lockdep_figure("debug_locks") == 1, "lockdep is not turned off", "debug_locks: %ld",
	      lockdep_figure("debug_locks"));
}

/*
 * What the kernel writes to the console would fall into the lines of this program. Reports make the console verbose again,
 * but not at level 0 (console_verbose of kernel/printk/printk.c).
 */
static void silence_console(void)
{
	int fd = open("/proc/sys/kernel/printk", O_WRONLY | O_CLOEXEC);

	check(fd >= 0 && write(fd, "0", 1) == 1, "the console is silent", "%s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

void make_mistakes(void)
{
	int error;

	silence_console();
	error = insmod("/wrong.ko", "");
	check(!error, "insmod", "wrong: %s", strerror(-error));
	if (!error)
		check(!rmmod("wrong"), "rmmod", "wrong");
}
