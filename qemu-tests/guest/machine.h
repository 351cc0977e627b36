/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The machine that a guest's /init has for itself. */
#ifndef MACHINE_H
#define MACHINE_H

/* Mounts what the kernel shows of itself. What is printed gets to the console line by line. */
void begin_machine(void);

/* Turns the machine off, once all that was printed has got out. */
void end_machine(void);

#endif
