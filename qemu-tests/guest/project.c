// SPDX-License-Identifier: MIT OR Apache-2.0
/* The module of a project that "cargo xtask new" has written, with the test that the project brings along. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>
#include "programs.h"
#include "project.h"

/* The exit status of the program `path`; negative if it does not run. */
static int run_program(const char *path)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return -errno;
	if (!child) {
		execl(path, path, NULL);
		_exit(127);
	}
	if (waitpid(child, &status, 0) != child)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

void test_project(const char *name)
{
	char module[80], program[80];
	int error;

	snprintf(module, sizeof(module), "/%s.ko", name);
	snprintf(program, sizeof(program), "/%s_test", name);
	error = run_program(program);
	check(error > 0 && error < 127, "without the module, its test fails", "exit status %d", error);
	error = insmod(module, "");
	check(!error, "insmod", "%s", strerror(-error));
	if (error)
		return;
	error = run_program(program);
	check(!error, "the project's own test", "exit status %d", error);
	error = rmmod_patiently(name);
	check(!error, "rmmod", "%s", strerror(-error));
}
