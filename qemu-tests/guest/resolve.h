/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the verifier says of calls of kfuncs, right and wrong ones. */
#ifndef RESOLVE_H
#define RESOLVE_H

void test_resolve(void);

#endif
