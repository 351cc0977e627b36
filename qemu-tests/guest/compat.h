/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Kfuncs with an implicit argument, by BTF of old and new tools, called by programs of old and new headers. */
#ifndef COMPAT_H
#define COMPAT_H

void test_compat(void);

#endif
