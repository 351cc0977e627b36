// SPDX-License-Identifier: MIT OR Apache-2.0

/*
 * Runs code that has been made elsewhere: loads all registers, goes to its entry, and tells what they hold when it
 * gets to the body.
 *
 *   run_stub CASES RESULTS
 *
 * Both are words of 8 bytes, in the byte order of the machine:
 *
 *   CASES    address of the frame, which begins with the body
 *            count of regions, { address, length }...; the frame is in the first one
 *            count of cases, { entry, count of pieces, { address, length, bytes, padded }..., state before }...
 *   RESULTS  { signal, state in the body, stack pointer after the return }...
 *
 * A signal is 0 if all went well; what is after it is meaningless else.
 */

#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "run_stub.h"

#define BAD_INPUT 2
/* Seconds for one case. */
#define TIMEOUT 2

#ifdef __aarch64__
/* Landing pads count, where the CPU has them; PROT_BTI of asm/mman.h. */
#define PROT_LANDING_PADS 0x10
#else
#define PROT_LANDING_PADS 0
#endif

/* The frame, before it is copied. */
extern const char frame_start[], frame_end[];

static char *frame;

static sigjmp_buf stopped;

static void stop(int number)
{
	siglongjmp(stopped, number);
}

static void fail(const char *what)
{
	perror(what);
	exit(BAD_INPUT);
}

static uint64_t word(FILE *file)
{
	uint64_t word;

	if (fread(&word, sizeof(word), 1, file) != 1)
		fail("CASES ends too early");
	return word;
}

static void map_region(FILE *file)
{
	void *address = (void *)word(file);
	uint64_t length = word(file);
	int access = PROT_READ | PROT_WRITE | PROT_EXEC;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;

	if (mmap(address, length, access, flags, -1, 0) != address)
		fail("mmap");
	if (PROT_LANDING_PADS)
		mprotect(address, length, access | PROT_LANDING_PADS);
}

static void read_piece(FILE *file)
{
	char *address = (char *)word(file);
	uint64_t length = word(file);
	uint64_t bytes;

	for (uint64_t at = 0; at < length; at += sizeof(bytes)) {
		uint64_t left = length - at;

		bytes = word(file);
		memcpy(address + at, &bytes, left < sizeof(bytes) ? left : sizeof(bytes));
	}
	__builtin___clear_cache(address, address + length);
}

static int run_case(FILE *file, volatile uint64_t *state)
{
	/* Loads the state before, goes to the entry, and comes back from the body by way of its caller. */
	void (*run)(void) = (void (*)(void))(frame + RUN);
	int signal;

	state[ENTRY] = word(file);
	for (uint64_t pieces = word(file); pieces; pieces--)
		read_piece(file);
	for (int i = 0; i < STATE_WORDS; i++) {
		state[BEFORE + i] = word(file);
		state[IN_BODY + i] = 0;
	}
	state[AFTER_STACK] = 0;
	signal = sigsetjmp(stopped, 1);
	if (!signal) {
		alarm(TIMEOUT);
		run();
	}
	alarm(0);
	return signal;
}

static void catch_signals(void)
{
	static const int caught[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGALRM };
	static char stack[1 << 16];
	stack_t other = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_handler = stop, .sa_flags = SA_ONSTACK };

	if (sigaltstack(&other, NULL))
		fail("sigaltstack");
	for (unsigned int i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		if (sigaction(caught[i], &action, NULL))
			fail("sigaction");
}

int main(int argc, char **argv)
{
	FILE *cases, *results;
	uint64_t *state;

	if (argc != 3)
		return BAD_INPUT;
	cases = fopen(argv[1], "rb");
	results = fopen(argv[2], "wb");
	if (!cases || !results)
		fail("fopen");
	frame = (char *)word(cases);
	for (uint64_t regions = word(cases); regions; regions--)
		map_region(cases);
	memcpy(frame, frame_start, frame_end - frame_start);
	__builtin___clear_cache(frame, frame + STATE);
	state = (uint64_t *)(frame + STATE);
	catch_signals();
	for (uint64_t left = word(cases); left; left--) {
		uint64_t signal = run_case(cases, state);

		fwrite(&signal, sizeof(signal), 1, results);
		fwrite(state + IN_BODY, sizeof(*state), STATE_WORDS, results);
		fwrite(state + AFTER_STACK, sizeof(*state), 1, results);
	}
	if (fclose(results))
		fail("RESULTS");
	return 0;
}
