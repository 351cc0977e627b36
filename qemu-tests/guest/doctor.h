/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Calls of kfuncs of the kernel whose BTF may be wrong. */
#ifndef DOCTOR_H
#define DOCTOR_H

/*
 * Calls the kfunc `split`, whose BTF is right, and `unsplit`, whose BTF is not; NULL if there is none. The programs are
 * /split.bpf.o; and /unsplit.bpf.o by the prototype that programs should see, /unsplit_full.bpf.o by the one that they
 * do see, /unsplit_weak.bpf.o with a call that is left out if it is not possible.
 */
void test_doctor(const char *split, const char *unsplit);

#endif
