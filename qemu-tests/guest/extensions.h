/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Programs of type ext, which take the place of a function of another program. */
#ifndef EXTENSIONS_H
#define EXTENSIONS_H

/* Has some in the place of an XDP program's function: to the module they must be XDP programs. Tells what they were. */
void test_extensions(void);

#endif
