/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the JIT makes of programs. */
#ifndef JITED_H
#define JITED_H

/* Loads all programs of /programs.bpf.o and /calls.bpf.o beside the example module, and tells the host their code. */
void test_jited(void);

#endif
