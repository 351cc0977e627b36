/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a kernel that looks for defects has found, and whether it still looks:
 *
 *   @boot LINE     the kernel log from its beginning until now
 *   @leak LINE     of what kmemleak has found
 */
#ifndef WATCHED_H
#define WATCHED_H

void tell_boot_log(void);

/* Looks for leaks, and checks that nothing has been turned off since the boot. Takes some ten seconds. */
void tell_leaks(void);

/* Loads and unloads a module that makes mistakes (debug-kernel/wrong.c). */
void make_mistakes(void);

#endif
