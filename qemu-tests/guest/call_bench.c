// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What calls of kfuncs cost, and binding them, by a clock that advances by 1 ns with each instruction. An interrupt
 * costs, too; so everything is run several times, and the fewest count.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "call_bench.h"
#include "programs.h"
#include "stack_args.h"

#define MODULE "kfunc_bench"
#define PROGRAMS "/call_bench.bpf.o"
/* The module's parameters: no slots where the verifier can do without; and no binding, so that calls fail. */
#define NATIVE "way=native"
#define UNBOUND "unbound=1"
#define RUNS 16
#define STEPS 1000
#define SITES 50			/* calls in a program that looks itself up */
#define MANY 64			/* such programs */
#define REPEAT 16		/* in one run of such a program */

/* struct bench of the BPF programs */
struct bench {
	__u64 steps;
	__u64 calls;
	__u64 result;
};

/* In nanoseconds, and so in instructions. */
static __u64 now(void)
{
#ifdef __x86_64__
	return __builtin_ia32_rdtsc();
#else
	__u64 ticks, per_second;

	asm volatile("isb; mrs %0, cntvct_el0" : "=r"(ticks));
	asm volatile("mrs %0, cntfrq_el0" : "=r"(per_second));
	return ticks * (1000000000 / per_second);
#endif
}

static void tell(const char *what, __u64 calls, __u64 steps, __u64 insns)
{
	said++;
	printf("@count %s|%" PRIu64 "|%" PRIu64 "|%" PRIu64 "\n", what, (uint64_t)calls, (uint64_t)steps, (uint64_t)insns);
}

/* Runs a program once. Gives the instructions, or 0 if it did not run. */
static __u64 count_run(int fd, struct bench *bench)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = bench, .ctx_size_in = sizeof(*bench));
	__u64 start = now();
	int error = bpf_prog_test_run_opts(fd, &options);
	__u64 end = now();

	/* The kernel writes the context back to where it came from. */
	return error ? 0 : end - start;
}

/* The fewest instructions of a run. */
static __u64 fewest(struct program *program, __u64 calls, __u64 steps, __u64 *result)
{
	__u64 least = 0;

	for (int i = 0; i < RUNS; i++) {
		struct bench bench = { .steps = steps, .calls = calls };
		__u64 insns = count_run(program->fd, &bench);

		*result = bench.result;
		if (!insns)
			return 0;
		if (!least || insns < least)
			least = insns;
	}
	return least;
}

static void count_program(struct program *program, const char *name)
{
	static const int calls[] = { 1, 5 };
	__u64 result[2];

	for (int i = 0; i < 2; i++)
		for (int times = 1; times <= 2; times++)
			tell(name, calls[i], times * STEPS, fewest(program, calls[i], times * STEPS, &result[i]));
	/* Every call adds the same. */
	check(result[0] && result[1] == 5 * result[0], name, "its calls do not add up: %llu, %llu", result[0], result[1]);
}

static int load_bench(struct program *program, const char *name)
{
	int error = load(program, PROGRAMS, name);

	check(!error, name, "cannot be loaded: %d: %s", error, last_words());
	return error;
}

static void fill(struct program *program, const char *map)
{
	int fd = bpf_object__find_map_fd_by_name(program->object, map);
	__u64 value = 7;
	__u32 key = 0;
	int error = bpf_map_update_elem(fd, &key, &value, BPF_ANY);

	check(!error, map, "cannot be filled: %d", error);
}

static void count_calls_of(const char *name, const char *as)
{
	struct program program;

	if (load_bench(&program, name))
		return;
	fill(&program, "hash");
	fill(&program, "array");
	count_program(&program, as);
	unload(&program);
}

/* A program of so many calls and nothing else, which returns what the last of them did. Gives its file descriptor. */
static int load_calls(enum bpf_prog_type type, int btf, __s32 kfunc, int sites)
{
	int fds[] = { 0, btf };
	LIBBPF_OPTS(bpf_prog_load_opts, options, .fd_array = fds,
		    .prog_flags = type == BPF_PROG_TYPE_SYSCALL ? BPF_F_SLEEPABLE : 0);
	struct bpf_insn insns[2 * SITES + 2], *at = insns;

	*at++ = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 };
	while (sites--) {
		*at++ = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = 1 };
		*at++ = (struct bpf_insn){ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL,
					   .off = MODULE_BTF_INDEX, .imm = kfunc };
	}
	*at++ = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
	return bpf_prog_load(type, "calls", "GPL", insns, at - insns, &options);
}

/* The fewest instructions of a run with a packet, and what the program returned. */
static __u64 fewest_with_packet(int fd, __u32 *returned)
{
	char packet[64] = {};
	__u64 least = 0;

	for (int i = 0; i < RUNS; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = sizeof(packet), .repeat = REPEAT);
		__u64 start = now(), insns;
		int error = bpf_prog_test_run_opts(fd, &options);

		insns = now() - start;
		if (error)
			return 0;
		if (!least || insns < least)
			least = insns;
		*returned = options.retval;
	}
	return least;
}

/* What programs that are loaded take together, each run alone. */
static void count_look_ups_of(const int *fds, int programs, int sites, const char *name)
{
	__u64 sum = 0;

	for (int i = 0; i < programs; i++) {
		__u32 returned = 0;
		__u64 insns = fewest_with_packet(fds[i], &returned);

		/* Were no program found, it would be the argument. */
		check(insns && returned != 1, name, "program %d of %d does not find itself", i, programs);
		sum += insns;
	}
	tell(name, sites, programs * REPEAT, sum);
}

/* One program that looks itself up, and many. The module's table forgets none, so they are not to be loaded again. */
static void count_look_ups(int btf, const char *kfunc, const char *one, const char *many)
{
	__s32 id = func_id(MODULE, kfunc);
	int fds[MANY], loaded = 0;

	fds[0] = load_calls(BPF_PROG_TYPE_SCHED_CLS, btf, id, 0);
	count_look_ups_of(fds, 1, 0, one);
	count_look_ups_of(fds, 1, 0, many);
	close(fds[0]);
	for (; loaded < MANY; loaded++) {
		fds[loaded] = load_calls(BPF_PROG_TYPE_SCHED_CLS, btf, id, SITES);
		if (fds[loaded] < 0)
			break;
		if (!loaded)
			count_look_ups_of(fds, 1, SITES, one);
	}
	check(loaded == MANY, many, "%d of %d programs loaded", loaded, MANY);
	/* Once before it counts: then all are in the table. */
	for (int i = 0; i < loaded; i++)
		run_packet(&(struct program){ .fd = fds[i] });
	count_look_ups_of(fds, loaded, SITES, many);
	while (loaded--)
		close(fds[loaded]);
}

/* The fewest instructions of loading a program. */
static void count_loads(enum bpf_prog_type type, int btf, const char *kfunc, const char *name)
{
	static const int sites[] = { 0, 1, 2, 10, SITES };
	__s32 id = func_id(MODULE, kfunc);

	for (size_t i = 0; i < sizeof(sites) / sizeof(*sites); i++) {
		__u64 least = 0;

		for (int run = 0; run < RUNS; run++) {
			__u64 start = now(), insns;
			int fd = load_calls(type, btf, id, sites[i]);

			insns = now() - start;
			if (fd < 0) {
				check(false, name, "%d calls cannot be loaded: %d", sites[i], -fd);
				return;
			}
			close(fd);
			usleep(20000);	/* it is freed */
			if (!least || insns < least)
				least = insns;
		}
		tell(name, sites[i], 1, least);
	}
}

static bool insmod_bench(const char *options)
{
	char all[128];
	int error;

	snprintf(all, sizeof(all), "ksym_find=%#llx %s", address_of("bpf_prog_ksym_find"), options);
	error = insmod("/" MODULE ".ko", all);
	check(!error, "insmod", "%s: %s", all, strerror(-error));
	return !error;
}

static void rmmod_bench(void)
{
	int error = rmmod_patiently(MODULE);

	check(!error, "rmmod", "%s", strerror(-error));
}

void count_calls_and_binds(bool native_kernel)
{
	static const char *const names[] = { "ten", "plain", "constant", "rodata", "array_map", "hash_map", "bound", "state" };
	int btf;

	if (!insmod_bench(""))
		return;
	btf = btf_fd(MODULE);
	count_look_ups(btf, "bench_ask_table", "table_one", "table_many");
	count_look_ups(btf, "bench_ask_kernel", "kernel_one", "kernel_many");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		count_calls_of(names[i], names[i]);
	count_loads(BPF_PROG_TYPE_SCHED_CLS, btf, "bench_ask_kernel", "load_c");
	count_loads(BPF_PROG_TYPE_SYSCALL, btf, "bench_plain", "load_plain");
	count_loads(BPF_PROG_TYPE_SYSCALL, btf, "bench_bound", "load_bound");
	if (native_kernel) {
		count_calls_of("native", "native");
		count_loads(BPF_PROG_TYPE_SYSCALL, btf, "bench_native", "load_native");
	}
	close(btf);
	rmmod_bench();
	if (insmod_bench(UNBOUND)) {
		btf = btf_fd(MODULE);
		count_loads(BPF_PROG_TYPE_SYSCALL, btf, "bench_bound", "load_unbound");
		close(btf);
		rmmod_bench();
	}
	if (native_kernel && insmod_bench(NATIVE)) {
		count_calls_of("bound", "switched");
		rmmod_bench();
	}
}
