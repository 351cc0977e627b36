/* SPDX-License-Identifier: MIT OR Apache-2.0 */

#include "run_stub.h"

/* A word of the state. */
#define AT(index) frame_start + STATE + 8 * (index)(%rip)

	.section .note.GNU-stack, "", @progbits

	.section .rodata
	.globl frame_start, frame_end
	.balign 16
frame_start:
	/* The body. */
	mov %rax, AT(IN_BODY + 0)
	mov %rcx, AT(IN_BODY + 1)
	mov %rdx, AT(IN_BODY + 2)
	mov %rbx, AT(IN_BODY + 3)
	mov %rsp, AT(IN_BODY + 4)
	mov %rbp, AT(IN_BODY + 5)
	mov %rsi, AT(IN_BODY + 6)
	mov %rdi, AT(IN_BODY + 7)
	mov %r8, AT(IN_BODY + 8)
	mov %r9, AT(IN_BODY + 9)
	mov %r10, AT(IN_BODY + 10)
	mov %r11, AT(IN_BODY + 11)
	mov %r12, AT(IN_BODY + 12)
	mov %r13, AT(IN_BODY + 13)
	mov %r14, AT(IN_BODY + 14)
	mov %r15, AT(IN_BODY + 15)
	mov (%rsp), %rax
	mov %rax, AT(IN_BODY + STACK_TOP)
	pushf
	pop AT(IN_BODY + FLAGS)
	ret

	.org frame_start + BACK
	mov %rsp, AT(AFTER_STACK)
	mov AT(CALLERS_STACK), %rsp
	/* The flags of C. */
	cld
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

	.org frame_start + RUN
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, AT(CALLERS_STACK)
	push AT(BEFORE + FLAGS)
	popf
	mov AT(BEFORE + 0), %rax
	mov AT(BEFORE + 1), %rcx
	mov AT(BEFORE + 2), %rdx
	mov AT(BEFORE + 3), %rbx
	mov AT(BEFORE + 4), %rsp
	mov AT(BEFORE + 5), %rbp
	mov AT(BEFORE + 6), %rsi
	mov AT(BEFORE + 7), %rdi
	mov AT(BEFORE + 8), %r8
	mov AT(BEFORE + 9), %r9
	mov AT(BEFORE + 10), %r10
	mov AT(BEFORE + 11), %r11
	mov AT(BEFORE + 12), %r12
	mov AT(BEFORE + 13), %r13
	mov AT(BEFORE + 14), %r14
	mov AT(BEFORE + 15), %r15
	jmp *AT(ENTRY)

	.org frame_start + STATE
	.skip 8 * (CALLERS_STACK + 1)
frame_end:
