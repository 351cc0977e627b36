/* SPDX-License-Identifier: MIT OR Apache-2.0 */

#include "run_stub.h"

/* A word of the state. */
#define AT(index) frame_start + STATE + 8 * (index)
/* Where the pair of registers from `index` on is in a state, at x17. */
#define PAIR(index) [x17, 8 * (index)]

	.section .note.GNU-stack, "", %progbits

	.section .rodata
	.globl frame_start, frame_end
	.balign 16
frame_start:
	/* The body. */
	stp x16, x17, [sp, #-16]!
	adr x17, AT(IN_BODY)
	stp x0, x1, PAIR(0)
	stp x2, x3, PAIR(2)
	stp x4, x5, PAIR(4)
	stp x6, x7, PAIR(6)
	stp x8, x9, PAIR(8)
	stp x10, x11, PAIR(10)
	stp x12, x13, PAIR(12)
	stp x14, x15, PAIR(14)
	stp x18, x19, PAIR(18)
	stp x20, x21, PAIR(20)
	stp x22, x23, PAIR(22)
	stp x24, x25, PAIR(24)
	stp x26, x27, PAIR(26)
	stp x28, x29, PAIR(28)
	str x30, PAIR(30)
	mrs x0, nzcv
	str x0, [x17, 8 * FLAGS]
	ldp x0, x1, [sp], #16
	stp x0, x1, PAIR(16)
	mov x0, sp
	str x0, [x17, 8 * 31]
	ret

	.org frame_start + BACK
	adr x17, AT(AFTER_STACK)
	mov x16, sp
	str x16, [x17]
	adr x17, AT(CALLERS_STACK)
	ldr x16, [x17]
	mov sp, x16
	ldp x19, x20, [sp, #16]
	ldp x21, x22, [sp, #32]
	ldp x23, x24, [sp, #48]
	ldp x25, x26, [sp, #64]
	ldp x27, x28, [sp, #80]
	ldp x29, x30, [sp], #96
	ret

	.org frame_start + RUN
	hint #34 /* bti c */
	stp x29, x30, [sp, #-96]!
	stp x19, x20, [sp, #16]
	stp x21, x22, [sp, #32]
	stp x23, x24, [sp, #48]
	stp x25, x26, [sp, #64]
	stp x27, x28, [sp, #80]
	adr x17, AT(CALLERS_STACK)
	mov x16, sp
	str x16, [x17]
	adr x17, AT(BEFORE)
	ldr x16, [x17, 8 * FLAGS]
	msr nzcv, x16
	ldr x16, [x17, 8 * 31]
	mov sp, x16
	ldp x0, x1, PAIR(0)
	ldp x2, x3, PAIR(2)
	ldp x4, x5, PAIR(4)
	ldp x6, x7, PAIR(6)
	ldp x8, x9, PAIR(8)
	ldp x10, x11, PAIR(10)
	ldp x12, x13, PAIR(12)
	ldp x14, x15, PAIR(14)
	ldp x18, x19, PAIR(18)
	ldp x20, x21, PAIR(20)
	ldp x22, x23, PAIR(22)
	ldp x24, x25, PAIR(24)
	ldp x26, x27, PAIR(26)
	ldp x28, x29, PAIR(28)
	ldr x30, PAIR(30)
	ldr x16, PAIR(16)
	/* So x17 holds the entry, whatever `before` says. */
	adr x17, AT(ENTRY)
	ldr x17, [x17]
	br x17

	.org frame_start + STATE
	.skip 8 * (CALLERS_STACK + 1)
frame_end:
