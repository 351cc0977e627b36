// SPDX-License-Identifier: GPL-2.0-only
#define LINUX_6_12
#include "fixup_session.bpf.c"
