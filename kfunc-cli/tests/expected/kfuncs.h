/* The kfuncs of vmlinux, for BPF programs. Made by kfunc header.
 *
 * To be included after a vmlinux.h of the same kernel. One that declares kfuncs, too, declares them as here;
 * if it is of another kernel, define BPF_NO_KFUNC_PROTOTYPES before it.
 */
#ifndef __KFUNC_VMLINUX_H__
#define __KFUNC_VMLINUX_H__

#ifndef __ksym
#define __ksym __attribute__((section(".ksyms")))
#endif

#ifndef __weak
#define __weak __attribute__((weak))
#endif

#ifndef __bpf_fastcall
#if __has_attribute(bpf_fastcall)
#define __bpf_fastcall __attribute__((bpf_fastcall))
#else
#define __bpf_fastcall
#endif
#endif

#ifndef __arena
#define __arena __attribute__((address_space(1)))
#endif

/* Filled in by the kernel, not passed: const struct bpf_prog_aux *aux */
extern struct page __arena *bpf_arena(struct page __arena *to__arena) __weak __ksym;
/* Filled in by the kernel, not passed: const struct bpf_prog_aux *aux */
extern u32 bpf_new(u64 a) __weak __ksym;
extern void bpf_plain(void (*call)(u32 n), const char *s__str) __weak __ksym;
/* Filled in by the kernel, not passed: void *meta__ign, u64 off */
extern void bpf_push(struct page *head) __weak __ksym;
/* For old programs; see bpf_push */
extern void bpf_push_impl(struct page *head, void *meta__ign, u64 off) __weak __ksym;

#endif /* __KFUNC_VMLINUX_H__ */
