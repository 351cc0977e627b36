// SPDX-License-Identifier: GPL-2.0-only
/* Programs that something in the kernel runs. */
#include "lifecycle_common.h"

PROGRAM("raw_tp/sys_enter", raw_tp, 0)
PROGRAM("tp/sched/sched_switch", tp, 0)
PROGRAM("ksyscall/getppid", kprobe, 0)
PROGRAM("kretsyscall/getppid", kretprobe, 0)
PROGRAM("uprobe//init:uprobe_target", uprobe, 0)
PROGRAM("uprobe.s//init:uprobe_target", uprobe_sleepable, 0)
PROGRAM("perf_event", perf_event, 0)
PROGRAM("lsm/file_open", lsm, 0)
PROGRAM("lsm.s/file_open", lsm_sleepable, 0)
PROGRAM("iter/task", iter_task, 0)
PROGRAM("sockops", sock_ops, 1)
PROGRAM("cgroup/connect4", connect4, 1)
PROGRAM("netfilter", netfilter, 1 /* NF_ACCEPT */)
PROGRAM("cgroup/sock_create", sock_create, 1)
PROGRAM("cgroup/sysctl", sysctl, 1)
PROGRAM("kprobe.multi/vfs_open", kprobe_multi, 0)
