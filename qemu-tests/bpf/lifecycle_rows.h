/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where each program leaves the id that bpf_self_id() gave it: seen[ROW_NAME] of the program by_NAME. */
#ifndef LIFECYCLE_ROWS_H
#define LIFECYCLE_ROWS_H

#define RUN_ROWS(row) \
	row(xdp) row(tc) row(syscall) row(socket_filter) row(cgroup_skb) row(lwt_in) row(fentry) row(fexit) \
	row(fmod_ret) row(fentry_sleepable) row(subprogram) row(loop_callback) row(each_callback) \
	row(wq_callback) row(sched_act)

#define TIMER_ROWS(row) row(timer_callback)

#define ATTACHED_ROWS(row) \
	row(raw_tp) row(tp) row(kprobe) row(kretprobe) row(uprobe) row(uprobe_sleepable) row(perf_event) row(lsm) \
	row(lsm_sleepable) row(iter_task) row(sock_ops) row(connect4) row(netfilter) \
	row(sock_create) row(sysctl) row(kprobe_multi)

#define LINKED_ROWS(row) \
	row(tail_caller) row(tail_called) row(replaced) row(struct_ops)

#define REPLACEMENT_ROWS(row) row(freplace)

#define ON_KFUNC_ROWS(row) row(fentry_on_entry) row(fentry_on_body) row(fexit_on_body)

#define ROW_NUMBER(name) ROW_##name,
enum { RUN_ROWS(ROW_NUMBER) RUN_ROW_COUNT };
enum { TIMER_ROWS(ROW_NUMBER) TIMER_ROW_COUNT };
enum { ATTACHED_ROWS(ROW_NUMBER) ATTACHED_ROW_COUNT };
enum { LINKED_ROWS(ROW_NUMBER) LINKED_ROW_COUNT };
enum { REPLACEMENT_ROWS(ROW_NUMBER) REPLACEMENT_ROW_COUNT };
enum { ON_KFUNC_ROWS(ROW_NUMBER) ON_KFUNC_ROW_COUNT };

#endif
