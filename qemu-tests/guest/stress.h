/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Programs that come and go, one after the other and eight at a time, while the module does too. Told to the host:
 *
 *   @cycles WHO|CYCLES|SECONDS|WAITS|REFUSED LATE|MODULE AWAY|ROUNDS
 *
 * WAITS is how often no slot was free; REFUSED LATE, how many programs were meant to fail, and did, after both calls
 * were bound or for want of a slot; MODULE AWAY, how often a program found no module; ROUNDS, how often the module was
 * unloaded and loaded meanwhile.
 */
#ifndef STRESS_H
#define STRESS_H

/* Both are done with the example module loaded, and leave it so. */
void test_cycles(long cycles);
void test_threads(long cycles);

#endif
