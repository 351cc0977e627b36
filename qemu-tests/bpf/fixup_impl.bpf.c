// SPDX-License-Identifier: GPL-2.0-only
#define IMPL_NAMES
#include "fixup.bpf.c"
