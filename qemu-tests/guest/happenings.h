/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What must happen in a guest for attached programs to be run. */
#ifndef HAPPENINGS_H
#define HAPPENINGS_H

/* The network of one, control groups and trace events. Once. */
void prepare_happenings(void);

/* The control group of all processes, as a file descriptor. */
int root_cgroup(void);

/* Begins a TCP connection to ourselves, with this congestion control if one is named. Gives a negative errno, or 0. */
int connect_to_self(const char *congestion);

/* Reads a file to its end. */
void read_all(int fd);

/* System calls, a sysctl that is opened and read, a function with uprobes, switches of tasks, some time on the CPU, a connection. */
void let_all_happen(void);

#endif
