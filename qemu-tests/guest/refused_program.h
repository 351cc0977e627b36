/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A program that a provider refuses. */
#ifndef REFUSED_PROGRAM_H
#define REFUSED_PROGRAM_H

/* It leaves nothing behind: slots and memory are as before, and the kfuncs work. The host judges the log. */
void test_refused_program(void);

#endif
