// SPDX-License-Identifier: GPL-2.0-only
/*
 * BPF programs that call the kfuncs of the bench: each step makes one call, or five, the result of one being the
 * argument of the next. What four calls more cost is what four calls cost.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern __u64 bench_plain(__u64 value) __ksym;
extern __u64 bench_explicit(__u64 value, __u64 given) __ksym;
extern __u64 bench_bound(__u64 value) __ksym;
extern __u64 bench_state(__u64 value) __ksym;
extern __u64 bench_native(__u64 value) __ksym __weak;

char LICENSE[] SEC("license") = "GPL";

/* What a program is run with, and what it leaves behind (guest/call_bench.c). */
struct bench {
	__u64 steps;
	__u64 calls;		/* in a step: 1, or else 5 */
	__u64 result;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} array SEC(".maps");

/* Set by user space before it loads the program. */
const volatile __u64 cookie = 7;

/* The compiler must not keep for the next call what it has for this one. */
#define address_of(object)						\
	({								\
		void *address;						\
									\
		asm volatile("%0 = %1 ll" : "=r"(address) : "i"(&(object)));	\
		address;						\
	})

static __always_inline __u64 from_rodata(__u64 value)
{
	const volatile __u64 *place = address_of(cookie);

	return bench_explicit(value, *place);
}

static __always_inline __u64 from_map(void *map, __u64 value)
{
	__u32 key;
	__u64 *found;

	asm volatile("%0 = 0" : "=r"(key));
	found = bpf_map_lookup_elem(map, &key);
	return found ? bench_explicit(value, *found) : value;
}

/* A constant of 64 bits, as the verifier of 7.0 and later loads an address of the kernel's. */
static __always_inline __u64 with_constant(__u64 value)
{
	__u64 constant;

	asm volatile("%0 = 0xffff888012345678 ll" : "=r"(constant));
	return bench_explicit(value, constant);
}

/* No call, but ten instructions: is the method exact? */
static __always_inline __u64 ten_insns(__u64 value)
{
	asm volatile("%0 += 1; %0 += 1; %0 += 1; %0 += 1; %0 += 1; %0 += 1; %0 += 1; %0 += 1; %0 += 1; %0 += 1;"
		     : "+r"(value));
	return value;
}

#define BENCH(name, call)						\
	static long name##_once(__u64 index, __u64 *total)		\
	{								\
		__u64 value = *total;					\
									\
		*total = call;						\
		return 0;						\
	}								\
	static long name##_often(__u64 index, __u64 *total)		\
	{								\
		__u64 value = *total;					\
									\
		value = call;						\
		value = call;						\
		value = call;						\
		value = call;						\
		*total = call;						\
		return 0;						\
	}								\
	SEC("syscall") int name(struct bench *bench)			\
	{								\
		__u64 total = 0;					\
									\
		if (bench->calls == 1)					\
			bpf_loop(bench->steps, name##_once, &total, 0);	\
		else							\
			bpf_loop(bench->steps, name##_often, &total, 0);	\
		bench->result = total;					\
		return 0;						\
	}

BENCH(ten, ten_insns(value))
BENCH(plain, bench_plain(value))
BENCH(constant, with_constant(value))
BENCH(rodata, from_rodata(value))
BENCH(array_map, from_map(address_of(array), value))
BENCH(hash_map, from_map(address_of(hash), value))
BENCH(native, bench_native(value))
BENCH(bound, bench_bound(value))
BENCH(state, bench_state(value))
