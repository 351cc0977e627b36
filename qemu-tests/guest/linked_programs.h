/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Programs that call one another, and those that the kernel calls as operations of its own. */
#ifndef LINKED_PROGRAMS_H
#define LINKED_PROGRAMS_H

/* Tells of each (program_rows.h). */
void test_linked(void);

#endif
