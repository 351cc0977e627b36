/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The files of a module in debugfs. */
#ifndef AUDIT_H
#define AUDIT_H

/* Loads the example module and programs, and compares what it says of them with what they are. */
void test_audit(void);

#endif
