/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef PROJECT_H
#define PROJECT_H

/* Loads the module NAME.ko of a project, and runs its own test, NAME_test. */
void test_project(const char *name);

#endif
