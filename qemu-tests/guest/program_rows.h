/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A program of the life cycle's (bpf/lifecycle_rows.h): loaded, run, and what it was given told. */
#ifndef PROGRAM_ROWS_H
#define PROGRAM_ROWS_H

#include "lifecycle_rows.h"

struct bpf_object;
struct bpf_program;

#define ROW_NAME(row) #row,
#define COUNT(array) (int)(sizeof(array) / sizeof(*(array)))

/* How the module and the JIT are set up. */
extern const char *way;

/* Opens a file of programs. What the verifier says of them will be in verifier_log. */
struct bpf_object *open_object(const char *path);

/* Loads all programs of a file. NULL if that fails, which it tells. */
struct bpf_object *load_object(const char *path);

/* The program of a row. */
struct bpf_program *program_of(struct bpf_object *object, const char *row);

/*
 * Runs a program by the system call for that, on a packet if it is of a type that takes one. Gives a negative errno,
 * or 0.
 */
int run_once(struct bpf_program *program);

/* Tells whether the program of row `number` was given its own id; waits for programs that run later. */
void judge(struct bpf_object *object, const char *row, int number);

/* Tells that it could not be run. */
void tell_error(const char *row, const char *what, int error);

#endif
