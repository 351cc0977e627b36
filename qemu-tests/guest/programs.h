/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What every test of a guest needs: modules and BPF programs, loaded and run; and telling the host what came of it. */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include <stdbool.h>
#include <linux/types.h>

struct bpf_object;

/* What a program is run with, and what it leaves behind: struct run of the BPF programs. */
struct run {
	__u64 delta;
	__u64 result;
};

/* One BPF program, loaded. Its object holds the one program only. */
struct program {
	struct bpf_object *object;
	int fd;
	__u32 id;
};

/* How many lines were told to the host. */
extern int said;

/* The kernel's words about the program that was loaded last. */
extern char verifier_log[1 << 16];

/* The end of verifier_log, on one line. */
const char *last_words(void);

/* Whether a line of the verifier's log is about how it got there: instructions, registers, source, statistics. */
bool is_trace(const char *line);

/* Tells the host: "@check NAME|ok", or what is wrong instead of ok. */
void check(bool held, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Tells the host: "@call WAY|CALL|IMPLICIT|VERDICT". */
void call_row(const char *way, const char *call, bool ok, const char *implicit, ...)
	__attribute__((format(printf, 4, 5)));

/* Lets programs be loaded: as much memory as they like, and no words of libbpf's own. */
void begin_loading(void);

/* Seconds since some time. */
double seconds(void);

/* Both give a negative errno, or 0. Programs hold a module until they are freed, some time after they were closed. */
int insmod(const char *path, const char *options);
int rmmod(const char *module);
int rmmod_patiently(const char *module);

/* The BTF of a module, or of vmlinux, as a file descriptor. Where it stands in the fd_array of a program: 0 is vmlinux. */
int btf_fd(const char *wanted);
#define MODULE_BTF_INDEX 1

/* The address of what the kernel calls `name`; 0 if there is none. */
__u64 address_of(const char *name);

/* How many programs hold a module; -1 if it is not there. */
int users_of(const char *module);

/* Loads the program `name` of the object file `path`. Gives a negative errno, or 0. */
int load(struct program *program, const char *path, const char *name);
void unload(struct program *program);

/* Runs a program once. Gives what it left in `result`; 0xbadbad if it did not run. */
__u64 run(struct program *program, __u64 delta);

/* Runs a program of type tc or xdp once, on an empty packet. Gives what it returned. */
__u32 run_packet(struct program *program);

#define PATIENCE_SECONDS 60	/* programs are freed after grace periods, and a watched module loads in half a minute */

#endif
