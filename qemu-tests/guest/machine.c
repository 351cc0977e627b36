// SPDX-License-Identifier: MIT OR Apache-2.0
/* The machine that a guest's /init has for itself. */
#include <stdio.h>
#include <termios.h>
#include <unistd.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include "machine.h"

void begin_machine(void)
{
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	setlinebuf(stdout);
}

void end_machine(void)
{
	fflush(stdout);
	/* A busy machine has not sent all of it yet, and powering off does not wait. */
	tcdrain(STDOUT_FILENO);
	sync();
	reboot(RB_POWER_OFF);
}
