// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A kfunc of every shape, called from BPF programs as it is meant to be, and as it must not be.
 *
 *   @shape WAY|KFUNCS|VERDICT      kfuncs that a program has called; the host knows which ones the module has
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include "extensions.h"
#include "programs.h"
#include "shapes.h"
#include "stack_args.h"

#define MODULE "kfunc_shapes"
#define ID_UNIT 1000000		/* kfuncs with implicit arguments return this times what they were passed, plus the id */

/* A program, and what it leaves behind when it is run with `delta`. */
struct good {
	const char *program;
	const char *kfuncs;
	__u64 delta;
	__u64 expected;
};

static const struct good values[] = {
	{ "scalars", "bpf_shape_scalars", 5, 4000000000 - 70 + 500 - 9000 },
	{ "constant", "bpf_shape_constant", 0, 42 },
	{ "ignored", "bpf_shape_ignored", 6, 6 },
	{ "enumeration", "bpf_shape_mode", 21, 42 },
	{ "typedefs", "bpf_shape_cookie", 1, ~1ull },
	{ "memory", "bpf_shape_sum", 5, 15 },
	{ "const_size_memory", "bpf_shape_xor", 8, 15 },
	{ "optional_memory", "bpf_shape_sum_or", 9, 26 + 9 },
	{ "structure", "bpf_shape_point", 4, 20 },
	{ "nullable", "bpf_shape_point_or", 7, 6 + 7 },
	{ "uninit", "bpf_shape_fill", 3, 3004 },
	{ "unions", "bpf_shape_either", 0x500000002, 7 },
	{ "const_str", "bpf_shape_length", 0, 704 },
	{ "dynptr", "bpf_shape_dynptr", 0, 24 },
	{ "rdonly_buffer", "bpf_shape_rdonly", 0, 'a' + 'd' },
	{ "rdwr_buffer", "bpf_shape_rdwr", 200, 200 },
	{ "kernel_struct", "bpf_shape_task", 0, 1 },
	{ "rcu", "bpf_shape_rcu", 0, 1 },
	{ "acquire_release", "bpf_shape_take bpf_shape_give", 2, 2 },
	{ "acquire_again", "bpf_shape_take bpf_shape_give", 2, 1 },
	{ "acquire_again", "bpf_shape_take bpf_shape_give", 2, 1 },
	{ "ret_null", "bpf_shape_peek", 3, 3 },
	{ "ret_null", "bpf_shape_peek", 1000, 0 },
	{ "iterator", "bpf_iter_shape_new bpf_iter_shape_next bpf_iter_shape_destroy bpf_shape_left", 5, 10006 },
	{ "map", "bpf_shape_map", 0, 1 },
	{ "refcounted_kptr", "bpf_shape_refcounted", 0, 1 },
	{ "callback", "bpf_shape_callback", 4, 8 + 1 },
	{ "take_in_turn", "bpf_shape_take_in_turn bpf_shape_give", 3, 3 },
	{ "sleepable", "bpf_shape_sleepable", 0, 1 },
	{ "destructive", "bpf_shape_destructive", 0, 1 },
	{ "has_const", "bpf_shape_const", 0, 0x123456789abcdef0 },
	{ "visits", "bpf_shape_visits", 3, (21 - 13) * ID_UNIT },
};

/* These leave the program's id behind as well. */
static const struct good implicit[] = {
	{ "after_none", "bpf_shape_after0", 0, 0 },
	{ "after_one", "bpf_shape_after1", 0, 1 * ID_UNIT },
	{ "after_two", "bpf_shape_after2", 0, 21 * ID_UNIT },
	{ "after_three", "bpf_shape_after3", 0, 321 * ID_UNIT },
	{ "after_four", "bpf_shape_after4", 0, 4321ull * ID_UNIT },
	{ "legacy", "bpf_shape_legacy", 8, 8 * ID_UNIT },
	{ "asks_prog", "bpf_shape_prog", 0, (10000 + 31 * 100 + 9) * (__u64)ID_UNIT },	/* BPF_PROG_TYPE_SYSCALL */
};

static const struct good old_calls[] = {
	{ "old_call", "bpf_shape_legacy_impl", 8, 8 * ID_UNIT },
	{ "old_call_with_a_pointer", "bpf_shape_legacy_impl", 9, 9 * ID_UNIT },
};

static const struct good with_arena[] = {
	{ "const_map", "bpf_shape_const_map", 0, 1 },
	{ "in_arena", "bpf_shape_arena bpf_shape_arena_nullable", 21, 42 },
	{ "no_arena_cell", "bpf_shape_arena_nullable", 0, 1 },
};

static const struct good native_only[] = {
	{ "native_only", "bpf_shape_native", 5, 5 * ID_UNIT },
};

/* A program that is refused, and with which words. */
struct bad {
	const char *program;
	const char *words[ARENA + 1];	/* where a kernel has none of its own, it says what the ones before say */
};

static const struct bad refused[] = {
	{ "constant_that_varies", { "R1 must be a known constant" } },
	{ "memory_without_bound", { "R2 unbounded memory access" } },
	{ "memory_that_is_short", { "memory, len pair leads to invalid memory access" } },
	{ "memory_that_is_null", { "Possibly NULL pointer passed to trusted" } },
	{ "const_size_that_varies", { "R2 must be a known constant" } },
	{ "structure_that_is_null", { "Possibly NULL pointer passed to trusted" } },
	{ "structure_that_is_short", { "stack R1 off=-8 size=16" } },
	{ "string_on_the_stack", { "doesn't point to a const string" } },
	{ "dynptr_that_is_none", { "Expected an initialized dynptr as" } },
	{ "buffer_past_its_end", { "invalid access to memory, mem_size=4 off=4 size=1" } },
	{ "buffer_that_is_read_only", { "cannot write into rdonly_mem" } },
	{ "buffer_of_any_size", { "R1 is not a const" } },
	{ "task_that_is_null", { "Possibly NULL pointer passed to trusted" } },
	{ "task_not_trusted", { "R1 must be referenced or trusted" } },
	{ "task_without_rcu", { "R1 must be a rcu pointer" } },
	{ "reference_not_released", { "Unreleased reference" } },
	{ "reference_maybe_null", { "Possibly NULL pointer passed to trusted" } },
	{ "release_of_what_is_not_held",
	  { "R1 must be referenced or trusted", [NATIVE] = "expects referenced PTR_TO_BTF_ID" } },
	{ "null_not_checked", { "ptr_or_null_'" } },
	{ "iterator_not_destroyed", { "Unreleased reference" } },
	{ "iterator_not_begun", { "expected an initialized iter_shape" } },
	{ "iterator_that_is_none", { "expected an initialized iter_shape" } },
	{ "map_that_is_none", { "pointer in R1 isn't map pointer", [ARENA] = "expected STRUCT bpf_map" } },
	{ "refcounted_that_is_none", { "is neither owning or non-owning ref" } },
	{ "callback_that_is_none", { "expected pointer to func" } },
	{ "context_that_is_none", { "expected pointer to ctx, but got fp" } },
	{ "context_of_another", { "calling kernel function bpf_shape_context is not allowed" } },
	{ "of_another_cgroup", { "calling kernel function bpf_shape_cgroup is not allowed" } },
	{ "implicit_reference_not_released", { "Unreleased reference" } },
	{ "sleepable", { "program must be sleepable to call sleepable kfunc bpf_shape_sleepable" } },
	{ "pointer_for_a_scalar", { "R1 is not a scalar" } },
};

/* By a provider; the log says why. */
static const struct bad refused_by_provider[] = {
	{ "for_no_hook", { "calling kernel function bpf_shape_hook is not allowed" } },
	{ "keeps_too_much", { "calling kernel function bpf_shape_kept is not allowed" } },
	{ "visits_too_many", { "calling kernel function bpf_shape_visits is not allowed" } },
};

static const struct bad refused_with_arena[] = {
	{ "arena_that_is_none", { "arena pointer requires a program with an associated arena" } },
	{ "const_map_that_is_none", { "pointer in R1 isn't map pointer" } },
};

static const struct bad refused_in_c[] = {
	{ "in_c_that_varies", { "R2 must be a known constant" } },
};

void shape_row(const char *way, const char *kfuncs, const char *program, __u64 got, __u64 expected)
{
	said++;
	if (got == expected)
		printf("@shape %s|%s|ok\n", way, kfuncs);
	else
		printf("@shape %s|%s|%s: %llu instead of %llu\n", way, kfuncs, program, got, expected);
}

static void test_good(const char *way, const char *path, const struct good *good, size_t count, bool adds_id)
{
	for (; count--; good++) {
		struct program program;
		int error = load(&program, path, good->program);
		__u64 expected, got;

		if (error) {
			check(false, good->program, "cannot be loaded: %d: %s", error, last_words());
			continue;
		}
		expected = good->expected + (adds_id ? program.id : 0);
		got = run(&program, good->delta);
		shape_row(way, good->kfuncs, good->program, got, expected);
		unload(&program);
	}
}

static const char *words_of(const struct bad *bad, enum verifier verifier)
{
	while (verifier > OLD && !bad->words[verifier])
		verifier--;
	return bad->words[verifier];
}

static void test_bad(const char *path, const struct bad *bad, size_t count, enum verifier verifier)
{
	for (; count--; bad++) {
		const char *words = words_of(bad, verifier);
		struct program program;
		int error = load(&program, path, bad->program);

		check(error && strstr(verifier_log, words), bad->program, "%d: %s", error, last_words());
		if (!error)
			unload(&program);
	}
}

#define TEST_GOOD(way, path, good, adds_id) test_good(way, path, good, sizeof(good) / sizeof(*(good)), adds_id)
#define TEST_BAD(path, bad, verifier) test_bad(path, bad, sizeof(bad) / sizeof(*(bad)), verifier)

/* Takes a capability away, or gives it back. */
static void have_capability(unsigned int capability, bool have)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	__u32 bit = 1u << (capability % 32);
	__u32 *effective = &data[capability / 32].effective;

	if (syscall(SYS_capget, &header, data))
		return;
	*effective = have ? *effective | bit : *effective & ~bit;
	syscall(SYS_capset, &header, data);
}

static void test_destructive(enum verifier verifier)
{
	static const struct bad without[] = {
		{ "destructive", { "destructive kfunc calls require CAP_SYS_BOOT capability" } },
	};

	have_capability(CAP_SYS_BOOT, false);
	TEST_BAD("/bad_shapes.bpf.o", without, verifier);
	have_capability(CAP_SYS_BOOT, true);
}

/* The program's id, a number that counts programs, and its own count of calls: of two programs, each called twice. */
static void test_several(const char *way)
{
	struct program one, two;
	__u64 number[2], got[4], rest;

	if (load(&one, "/shapes.bpf.o", "several")) {
		check(false, "several", "cannot be loaded: %s", last_words());
		return;
	}
	if (load(&two, "/shapes.bpf.o", "several")) {
		check(false, "several", "cannot be loaded twice: %s", last_words());
		unload(&one);
		return;
	}
	got[0] = run(&one, 1);
	got[1] = run(&two, 0);
	got[2] = run(&one, 1);
	got[3] = run(&two, 1);
	number[0] = got[0] / 10000 % 100;
	number[1] = got[1] / 10000 % 100;
	check(number[1] == number[0] + 1, "an integer as implicit argument", "programs %llu and %llu", number[0], number[1]);
	for (int i = 0; i < 4; i++) {
		const struct program *program = i % 2 ? &two : &one;

		rest = (__u64)program->id * ID_UNIT + number[i % 2] * 10000 + (i / 2 + 1) * 100 + (i != 1);
		shape_row(way, "bpf_shape_several", "several", got[i], rest);
	}
	unload(&one);
	unload(&two);
}

/* State is made when a program is loaded, and dropped some time after it was closed. */
static void test_keeping(void)
{
	struct program keepers[3], asks;
	double deadline;
	__u64 got;
	int loaded = 0;

	while (loaded < 3 && !load(&keepers[loaded], "/shapes.bpf.o", "keeps"))
		loaded++;
	if (loaded < 3 || load(&asks, "/shapes.bpf.o", "keeping")) {
		check(false, "keeping", "%d loaded, then: %s", loaded, last_words());
		return;
	}
	got = run(&keepers[2], 0);
	shape_row("bound", "bpf_shape_kept", "keeps", got, 5);
	got = run(&asks, 0);
	shape_row("bound", "bpf_shape_keeping", "keeping", got, 3003);
	while (loaded--)
		unload(&keepers[loaded]);
	deadline = seconds() + PATIENCE_SECONDS;
	while ((got = run(&asks, 0)) != 3 && seconds() < deadline)
		usleep(20000);
	check(got == 3, "state is dropped", "%llu", got);
	unload(&asks);
}

/* A program that is run on a packet, and what it returns. */
static void test_packet(const char *way, const char *path, const char *name, const char *kfunc, __u32 expected)
{
	struct program program;
	__u32 got;

	if (load(&program, path, name)) {
		check(false, name, "cannot be loaded: %s", last_words());
		return;
	}
	got = run_packet(&program);
	shape_row(way, kfunc, name, got, expected);
	unload(&program);
}

/* A kfunc in C beside the others. */
static void test_c(enum verifier verifier)
{
	test_packet("C", "/c_shapes.bpf.o", "in_c", "bpf_shape_in_c", 321);
	TEST_BAD("/c_shapes.bpf.o", refused_in_c, verifier);
}

/* Each argument is a hexadecimal digit of the result. */
static void test_stack_args(void)
{
	__s64 got = call_with(MODULE, "bpf_shape_six", 6);

	shape_row("bound", "bpf_shape_six", "six arguments", got, 0x654321);
	got = call_with(MODULE, "bpf_shape_twelve", 12);
	shape_row("bound", "bpf_shape_twelve", "twelve arguments", got, 0xcba987654321);
	got = call_with(MODULE, "bpf_shape_twelve", 11);
	check(got < 0 && strstr(verifier_log, "callee expects 12 args, stack arg7 is not initialized"),
	      "an argument too few", "%lld: %s", got, last_words());
}

static void test_bound(enum verifier verifier)
{
	int error = insmod("/" MODULE ".ko", "");

	check(!error, "insmod " MODULE, "%s", strerror(-error));
	if (error)
		return;
	TEST_GOOD("bound", "/shapes.bpf.o", values, false);
	TEST_GOOD("bound", "/shapes.bpf.o", implicit, true);
	TEST_GOOD("bound", "/old_header.bpf.o", old_calls, true);
	test_several("bound");
	TEST_BAD("/shapes.bpf.o", refused_by_provider, verifier);
	test_keeping();
	test_packet("bound", "/shapes.bpf.o", "for_a_hook", "bpf_shape_hook", 1);
	test_packet("bound", "/shapes.bpf.o", "context", "bpf_shape_context", 1);
	test_packet("bound", "/shapes.bpf.o", "of_cgroup", "bpf_shape_cgroup", 1);
	test_extensions();
	TEST_BAD("/bad_shapes.bpf.o", refused, verifier);
	test_destructive(verifier);
	test_c(verifier);
	if (verifier >= NATIVE) {
		TEST_GOOD("native", "/native_shapes.bpf.o", native_only, true);
		test_stack_args();
	}
	if (verifier >= ARENA) {
		TEST_GOOD("bound", "/arena_shapes.bpf.o", with_arena, false);
		TEST_BAD("/arena_shapes.bpf.o", refused_with_arena, verifier);
	}
	error = rmmod_patiently(MODULE);
	check(!error, "rmmod " MODULE, "%s", strerror(-error));
}

/* The verifier fills in the one aux; several implicit arguments are still bound. */
static void test_native(void)
{
	int error = insmod("/" MODULE ".ko", "way=native");

	check(!error, "insmod " MODULE " way=native", "%s", strerror(-error));
	if (error)
		return;
	TEST_GOOD("native", "/shapes.bpf.o", implicit, true);
	TEST_GOOD("native", "/old_header.bpf.o", old_calls, true);
	test_several("native");
	error = rmmod_patiently(MODULE);
	check(!error, "rmmod " MODULE, "%s", strerror(-error));
}

/* The safe entries, which no program of a working module gets to. */
static void test_unbound(void)
{
	static const struct good unbound[] = {
		{ "after_three", "bpf_shape_after3", 0, -EOPNOTSUPP },
		{ "several", "bpf_shape_several", 0, -EOPNOTSUPP },
		{ "take_in_turn", "bpf_shape_take_in_turn", 3, 0 },
		{ "memory", "bpf_shape_sum", 5, 15 },	/* nothing is implicit */
	};
	static const struct good old_unbound[] = {
		{ "old_call", "bpf_shape_legacy_impl", 8, -EOPNOTSUPP },
	};
	int error = insmod("/" MODULE ".ko", "unbound=1");

	check(!error, "insmod " MODULE " unbound=1", "%s", strerror(-error));
	if (error)
		return;
	TEST_GOOD("unbound", "/shapes.bpf.o", unbound, false);
	TEST_GOOD("unbound", "/old_header.bpf.o", old_unbound, false);
	error = rmmod_patiently(MODULE);
	check(!error, "rmmod " MODULE, "%s", strerror(-error));
}

/* This kernel fills in nothing. */
static void test_not_native(void)
{
	int error = insmod("/" MODULE ".ko", "way=native");

	check(error == -ENOEXEC, "native is refused where the kernel cannot", "%d", error);
	if (!error)
		rmmod_patiently(MODULE);
}

void test_shapes(enum verifier verifier)
{
	test_bound(verifier);
	if (verifier >= NATIVE)
		test_native();
	else
		test_not_native();
	test_unbound();
}
