/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef PARAMS_H
#define PARAMS_H

/* Loads the example module with parameters that cannot be, and with fewer slots than it has. */
void test_params(void);

#endif
