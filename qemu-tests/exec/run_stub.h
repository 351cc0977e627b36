/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/*
 * What run_stub.c and the code of each arch share; read by the assembler, too.
 *
 * The code of an arch is a frame: it is copied to its fixed address, so all in it is relative to itself.
 */

/* Bytes into the frame: the body of stubs, what the body's caller goes to, what the program calls, the state. */
#define BODY 0
#define BACK 0x100
#define RUN 0x200
#define STATE 0x400

/* Registers of a state, in hardware order: x86-64 has 16, arm64 x0 to x30 and sp. Then the flags. */
#define REGISTERS 32
#define FLAGS REGISTERS
/* x86-64: what the stack pointer points to. */
#define STACK_TOP (REGISTERS + 1)
#define STATE_WORDS (REGISTERS + 2)

/* Words of the frame's state. */
#define BEFORE 0
#define IN_BODY STATE_WORDS
#define AFTER_STACK (2 * STATE_WORDS)
#define ENTRY (AFTER_STACK + 1)
#define CALLERS_STACK (AFTER_STACK + 2)
