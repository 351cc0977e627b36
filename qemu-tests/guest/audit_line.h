/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Lines of the audit, read and compared with the code that they are about. */
#ifndef AUDIT_LINE_H
#define AUDIT_LINE_H

#include <stdbool.h>
#include <linux/types.h>

struct program;

struct audit_line {
	char program[16], type[32], kfunc[32], values[64], target[64], landed[8];
	unsigned int id, slot;
	/* Of lines with a call. */
	unsigned int func, offset;
};

/* The code of a program's functions, one after the other. */
struct code {
	__u64 addresses[16];
	__u32 lens[16];
	__u32 count;
	unsigned char bytes[1 << 15];
};

/* Whether `text` is a line of the audit, from its first byte to its last. */
bool parse_audit_line(const char *text, struct audit_line *line);

/* As BPF_OBJ_GET_INFO_BY_FD gives it. */
bool read_code(const struct program *program, struct code *code);

/* Whether there is a call at the place of the line, of the stub that it names. */
bool calls_stub(const struct code *code, const struct audit_line *line);

#endif
