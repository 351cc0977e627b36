// SPDX-License-Identifier: MIT OR Apache-2.0
/* The example module (kernel-glue/example): loaded in every way, called, and refused. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "audit.h"
#include "example.h"
#include "params.h"
#include "programs.h"

#define MODULE "kfunc_example"
#define SLOTS 16		/* of each kfunc: kernel-glue/example/kfuncs.rs */

/* The kernel has implicit arguments of its own. */
static bool native_kernel;

static int load_example(struct program *program, const char *name)
{
	int error = load(program, "/programs.bpf.o", name);

	if (error)
		check(false, name, "cannot be loaded: %d: %s", error, verifier_log);
	return error;
}

/* What a call does in one way of loading the module */

static void test_ids(const char *way)
{
	struct program one, other, tc, sub;
	__u64 got;

	if (load_example(&one, "self_id") || load_example(&other, "self_id"))
		return;
	got = run(&one, 0);
	call_row(way, "bpf_self_id()", got == one.id, "aux of program %llu", got);
	got = run(&other, 0);
	check(got == other.id && one.id != other.id, "two programs at once", "program %u got %llu", other.id, got);
	got = run(&one, 0);
	check(got == one.id, "the first program beside a second", "program %u got %llu", one.id, got);
	if (!load_example(&tc, "self_id_tc")) {
		got = run_packet(&tc);
		check(got == tc.id, "a program of type tc", "program %u got %llu", tc.id, got);
		unload(&tc);
	}
	if (!load_example(&sub, "in_subprogram")) {
		got = run(&sub, 1000);
		check(got == sub.id + 1000, "a call in a subprogram", "program %u got %llu", sub.id, got);
		unload(&sub);
	}
	unload(&one);
	unload(&other);
}

static void test_counts(void)
{
	struct program one, other, callback;
	__u64 got, others;

	if (load_example(&one, "self_count") || load_example(&other, "self_count"))
		return;
	run(&one, 5);
	others = run(&other, 1000);
	got = run(&one, 7);
	call_row("bound", "bpf_self_count(7)", got == 12 && others == 1000,
		 "self_count of program %u: %llu; of %u: %llu", one.id, got, other.id, others);
	check(run(&other, 0) == 1000, "the second program's own total", "it is not 1000");
	if (!load_example(&callback, "in_callback")) {
		got = run(&callback, 9);
		check(got == 9, "calls in a callback", "9 calls counted %llu", got);
		unload(&callback);
	}
	unload(&one);
	unload(&other);
}

/* Runs a program, which must leave `expected` behind; tells the host as a call of a kfunc. */
static void test_call(const char *name, const char *call, __u64 expected, const char *what)
{
	struct program program;
	__u64 got;

	if (load_example(&program, name))
		return;
	got = run(&program, 0);
	call_row("bound", call, got == expected, "%s: %llu", what, got);
	unload(&program);
}

/* Each place in a program has a limit of its own, and so has each program. */
static void test_limits(void)
{
	static const __u64 expected[] = { 11, 11, 1, 0 };
	struct program one, other;
	__u64 got, others;
	int error;

	if (load_example(&one, "two_limits") || load_example(&other, "two_limits"))
		return;
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		got = run(&one, 0);
		check(got == expected[i], "two places, two limits", "run %zu: %llu", i, got);
	}
	others = run(&other, 0);
	check(others == 11, "the limits of another program", "%llu", others);
	unload(&one);
	unload(&other);
	test_call("one_limit_each", "bpf_ratelimit(2, interval)", 23, "one place each in subprogram and callback");
	test_call("short_limit", "bpf_ratelimit(1, 0)", 20, "an interval that is over");
	test_call("default_limit", "bpf_ratelimit_default()", 10, "of 20 calls");
	test_call("limits_full", "bpf_ratelimit(1, interval)", 32, "of 32 places");
	error = load(&one, "/programs.bpf.o", "limits_over");
	check(error == -EACCES, "one place too many is refused", "%d: %s", error, last_words());
	if (!error)
		unload(&one);
}

/* Makes all permitted capabilities effective. */
static void raise_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data))
		return;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].effective = data[i].permitted;
	syscall(SYS_capset, &header, data);
}

/* Loads a program as another user, with all capabilities. */
static int load_as(struct program *program, const char *name, uid_t uid)
{
	int error;

	prctl(PR_SET_KEEPCAPS, 1);
	if (syscall(SYS_setresuid, uid, uid, 0))
		return -errno;
	/* The effective capabilities went with the effective user. */
	raise_capabilities();
	error = load(program, "/programs.bpf.o", name);
	if (syscall(SYS_setresuid, 0, 0, 0))
		return -errno;
	return error;
}

static void test_loader(void)
{
	struct program program;
	__u64 got;
	int error = load_as(&program, "loader_uid", 1234);

	if (error) {
		check(false, "a program of another user", "%d: %s", error, last_words());
	} else {
		got = run(&program, 0);
		call_row("bound", "bpf_loader_uid()", got == 1234, "user %llu", got);
		unload(&program);
	}
	error = load_as(&program, "loader_uid", 65534);
	check(error == -EACCES, "a program of nobody is refused", "%d: %s", error, last_words());
	if (!error)
		unload(&program);
}

static void test_refusals(void)
{
	struct program program;
	int error = load(&program, "/programs.bpf.o", "fails_late");

	check(error == -EACCES && strstr(verifier_log, "invalid mem access"), "a program that fails late is refused",
	      "%d: %s", error, verifier_log);
	error = load(&program, "/full_signature.bpf.o", "calls_body");
	check(error && strstr(verifier_log, "cannot find address for kernel function bpf_self_id_impl"), "the body cannot be called by name",
	      "%d: %s", error, verifier_log);
}

/* A slot is free again once its program is freed, which is some time after it was closed. */
static int load_patiently(struct program *program, const char *name)
{
	double deadline = seconds() + PATIENCE_SECONDS;
	int error;

	while ((error = load(program, "/programs.bpf.o", name)) == -EACCES && seconds() < deadline)
		usleep(20000);
	return error;
}

/* Every slot can be had: none was lost to the programs before, whether they were loaded or failed. */
static void test_exhaustion(const char *name)
{
	struct program programs[SLOTS], extra;
	int loaded, error;

	for (loaded = 0; loaded < SLOTS; loaded++)
		if (load_patiently(&programs[loaded], name))
			break;
	check(loaded == SLOTS, "every slot can be had", "%d of %d, then: %s", loaded, SLOTS, verifier_log);
	error = load(&extra, "/programs.bpf.o", name);
	check(error == -EACCES, "one program too many is refused", "%d", error);
	if (!error)
		unload(&extra);
	if (loaded == SLOTS) {
		__u64 id = run(&programs[0], 0);

		check(strcmp(name, "self_id") || id == programs[0].id, "the others go on", "program %u got %llu",
		      programs[0].id, id);
		check(rmmod(MODULE) == -EAGAIN, "rmmod under a program is refused", "it was not");
		unload(&programs[3]);
		error = load_patiently(&programs[3], name);
		check(!error, "a closed program makes room", "%d: %s", error, verifier_log);
	}
	while (loaded--)
		unload(&programs[loaded]);
}

static bool insmod_example(const char *options)
{
	int error = insmod("/" MODULE ".ko", options);

	check(!error, "insmod", "%s: %s", options, strerror(-error));
	return !error;
}

/* The kernel has moved it onto its own BTF. The host compares it with what btf-core makes of the module. */
static void print_module_btf(void)
{
	int fd = open("/sys/kernel/btf/" MODULE, O_RDONLY | O_CLOEXEC);
	unsigned char bytes[32];
	ssize_t len;

	while ((len = read(fd, bytes, sizeof(bytes))) > 0) {
		said++;
		printf("@btf ");
		for (ssize_t i = 0; i < len; i++)
			printf("%02x", bytes[i]);
		printf("\n");
	}
	check(!len, "the module's BTF can be read", "%s", strerror(errno));
	close(fd);
}

static void rmmod_example(void)
{
	int error = rmmod_patiently(MODULE);

	check(!error, "rmmod", "%s", strerror(-error));
}

/* Only ten lines in five seconds are logged, and the host looks for those that come next. */
static void let_log_settle(void)
{
	sleep(6);
}

static void test_bound(void)
{
	if (!insmod_example(""))
		return;
	print_module_btf();
	test_ids("bound");
	test_counts();
	test_limits();
	test_loader();
	test_refusals();
	let_log_settle();
	test_exhaustion("self_id");
	test_exhaustion("self_count");
	test_exhaustion("limits_full");
	test_exhaustion("loader_uid");
	rmmod_example();
}

/* A kfunc that the verifier cannot help with is bound while another one is native. */
static void test_bound_beside_native(void)
{
	struct program program;
	__u64 got;

	if (load_example(&program, "self_count"))
		return;
	run(&program, 2);
	got = run(&program, 3);
	check(got == 5, "counting beside a native kfunc", "2 and 3 are %llu", got);
	unload(&program);
}

static void test_native(void)
{
	int error;

	if (!native_kernel) {
		error = insmod("/" MODULE ".ko", "way=native");
		check(error == -ENOEXEC, "native is refused where the kernel cannot", "%d", error);
		return;
	}
	if (!insmod_example("way=native"))
		return;
	test_ids("native");
	test_bound_beside_native();
	test_refusals();
	rmmod_example();
}

/* The safe entry, which no program of a working module gets to. */
static void test_unbound(void)
{
	struct program program;
	__u64 got;

	if (!insmod_example("unbound=1"))
		return;
	if (!load_example(&program, "self_id")) {
		got = run(&program, 0);
		check(got == (__u32)-EOPNOTSUPP, "an unbound bpf_self_id returns -EOPNOTSUPP", "%llu", got);
		unload(&program);
	}
	if (!load_example(&program, "self_count")) {
		got = run(&program, 1);
		check(got == (__u64)-EOPNOTSUPP, "an unbound bpf_self_count returns -EOPNOTSUPP", "%llu", got);
		unload(&program);
	}
	rmmod_example();
}

static bool arm_kprobes(bool on)
{
	int fd = open("/sys/kernel/debug/kprobes/enabled", O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, on ? "1" : "0", 1) == 1;

	if (fd >= 0)
		close(fd);
	return written;
}

/*
 * While kprobes are off, the end of a program is missed. Its state must not pass to a program that gets its memory:
 * of so many programs in a row, each freed before the next is loaded, some do.
 */
static void test_missed_ends(void)
{
	struct program program;
	int stale = 0, tried = 0;

	if (!insmod_example(""))
		return;
	check(arm_kprobes(false), "kprobes can be turned off", "%s", strerror(errno));
	while (tried < SLOTS && !load(&program, "/programs.bpf.o", "self_count")) {
		stale += run(&program, 5) != 5;
		unload(&program);
		usleep(100000);
		tried++;
	}
	check(tried > 1 && !stale, "no state passes on when the end of a program is missed", "%d of %d", stale, tried);
	check(arm_kprobes(true), "kprobes can be turned on", "%s", strerror(errno));
	rmmod_example();
}

static void test_bad_modules(void)
{
	static const char *const modules[] = { "not_embedded", "no_btf", "other_layout" };

	for (size_t i = 0; i < sizeof(modules) / sizeof(*modules); i++) {
		char path[64];
		int error;

		snprintf(path, sizeof(path), "/%s.ko", modules[i]);
		error = insmod(path, "");
		check(error == -ENOEXEC, modules[i], "insmod gave %d", error);
		if (!error)
			rmmod_patiently(MODULE);
	}
}

void test_example(bool native)
{
	native_kernel = native;
	test_bound();
	test_native();
	test_unbound();
	test_missed_ends();
	test_audit();
	test_bad_modules();
	test_params();
}
