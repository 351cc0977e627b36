/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a module counts: its file in debugfs. */
#ifndef COUNTERS_H
#define COUNTERS_H

#include <stdbool.h>
#include <stddef.h>

/* Reads a whole file as text. False if that fails, or it does not fit. */
bool read_file(const char *path, char *text, size_t size);

/* A value of a module's counters; -1 if it is not there. */
long counter_of(const char *module, const char *name);

#endif
