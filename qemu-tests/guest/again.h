/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A program that libbpf has loaded, loaded again and again without libbpf, which reads the kernel's BTF each time. */
#ifndef AGAIN_H
#define AGAIN_H

#include <stdbool.h>

struct program;
struct bpf_insn;

struct again {
	int type;
	const struct bpf_insn *insns;	/* the program's, which must not be unloaded */
	unsigned long count;
	int fds[8];			/* BTF of the module, by every number that calls of kfuncs have for it */
};

bool find_again(struct again *again, const struct program *program, const char *name, const char *module);

/* Gives the program's file descriptor, or a negative errno. */
int load_again(const struct again *again);

#endif
