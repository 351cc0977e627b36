/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module that carries BTF of choice into the kernel. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most bytes of BTF that the module can carry. */
#define CARRIER_ROOM (32 << 20)

/* BTF of a module, as the kernel shows it. */
struct shown {
	long len;	/* -1 if the kernel has none */
	uint64_t hash;	/* FNV-1a */
};

/* Reads the module. */
bool carrier_open(void);

/*
 * Loads the module with these sections .BTF.base (none if its length is 0) and .BTF, tells what BTF the kernel has of
 * it then, and unloads it. Gives the errno of loading.
 */
int carrier_load(const void *base, size_t base_len, const void *btf, size_t btf_len, struct shown *shown);
