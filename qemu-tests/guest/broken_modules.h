/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The example module, broken by the host in several ways (src/lifecycle/broken.rs), and twice. */
#ifndef BROKEN_MODULES_H
#define BROKEN_MODULES_H

#include <stdbool.h>

/* Each is refused, and leaves nothing behind: the module as it should be works right after. The host judges the log. */
void test_broken_modules(void);

/*
 * The same kfuncs in a second module. The kernel finds one function of a name. It refuses the second one by itself if
 * it `knows_twins`; the older ones take it, and nobody must get to the wrong function.
 */
void test_twin(bool knows_twins);

#endif
