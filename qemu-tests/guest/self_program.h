/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A BPF program that calls both kfuncs of the example module, made by hand: loading it takes one system call. */
#ifndef SELF_PROGRAM_H
#define SELF_PROGRAM_H

#include <stdbool.h>
#include <linux/types.h>

/* Where the kfuncs are. The ids are the same whenever the module is loaded; its BTF is another one each time. */
struct self_kfuncs {
	int btf_fd;
	__s32 id, count;
};

enum self_kind {
	SELF_TC,		/* may not sleep */
	SELF_SYSCALL,		/* may sleep */
	SELF_FAILS,		/* uses what bpf_self_count() returned as an address, and is not loaded */
};

/* Finds the kfuncs of `module`. Gives a negative errno, or 0. */
int find_self_kfuncs(struct self_kfuncs *kfuncs, const char *module);

/* Finds the BTF of `module` again. Gives a negative errno, or 0. */
int find_self_btf(struct self_kfuncs *kfuncs, const char *module);

/* Loads it. Gives a file descriptor, or a negative errno. */
int load_self(const struct self_kfuncs *kfuncs, enum self_kind kind);

/*
 * Runs a program that has not run, twice: bpf_self_id() must be its own id, and bpf_self_count(1) must be 1, then 2.
 * Otherwise, `wrong` says what was there instead.
 */
bool runs_as_new(int fd, enum self_kind kind, char *wrong, int len);

/* Loads one that calls the kfuncs of `module`, and runs it. Gives a negative errno, or 0. */
int call_self_kfuncs(const char *module);

#endif
