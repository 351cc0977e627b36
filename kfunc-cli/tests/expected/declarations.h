#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
#endif

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

enum big {
	BIG = 4294967296ULL,
};

enum small {
	SMALL = 1,
} __attribute__((mode(byte)));

struct packed {
	char c;
	int i;
} __attribute__((packed));

typedef struct packed packed_t;

typedef struct packed s;

struct other;

struct s {
	struct s *next;
	const char * const name;
	int table[2][3];
	int (*to_row)[3];
	int (*handlers[4])(const char * const format, ...);
	void (* (*getter)(struct s *self))(void);
	int __attribute__((btf_type_tag("rcu"))) *rcu;
	struct other *other;
	volatile long volatile_;
	const char * restrict restrict_;
	enum {
		NONE = 0,
		ALL = -1,
	} state;
	union {
		int x;
		int y;
	};
	int low: 3;
	char: 3;
	int high: 4;
	int: 0;
	packed_t packed;
	enum big big;
	enum small small;
	long: 64;
	long: 64;
	long: 64;
	long: 64;
	long: 64;
	long: 64;
	long: 64;
	long: 64;
	long: 64;
	long: 64;
	long: 64;
	long: 64;
	long far;
};


/* BPF kfuncs */
#ifndef BPF_NO_KFUNC_PROTOTYPES
extern __bpf_fastcall int call(const char * const format, ...) __weak __ksym;
#endif

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

#endif /* __VMLINUX_H__ */
