// SPDX-License-Identifier: GPL-2.0-only
/* Programs that trace the kfunc which they call. */
#include "lifecycle_common.h"

PROGRAM("fentry/bpf_self_id", fentry_on_entry, 0)
PROGRAM("fentry/bpf_self_id_impl", fentry_on_body, 0)
PROGRAM("fexit/bpf_self_id_impl", fexit_on_body, 0)
