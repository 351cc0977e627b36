// SPDX-License-Identifier: MIT OR Apache-2.0
/* Lines of the audit. What a call looks like is written down here once more, apart from verifier-fixup. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <bpf/bpf.h>
#include "audit_line.h"
#include "programs.h"

#define STUB_LEN 16		/* of kfuncs with one implicit argument */

bool parse_audit_line(const char *text, struct audit_line *line)
{
	int head = 0, tail = 0;
	char stub[64];

	memset(line, 0, sizeof(*line));
	if (sscanf(text, "program=%15s id=%u type=%31s kfunc=%31s slot=%u values=%63s %n", line->program, &line->id,
		   line->type, line->kfunc, &line->slot, line->values, &head) != 6 || !head)
		return false;
	text += head;
	if (sscanf(text, "func=%u offset=0x%x target=%63s landed=%7s%n", &line->func, &line->offset, line->target,
		   line->landed, &tail) == 4) {
		snprintf(stub, sizeof(stub), "%s.stub.%u", line->kfunc, line->slot);
		return !text[tail] && !strcmp(line->landed, strcmp(line->target, stub) ? "no" : "yes");
	}
	return sscanf(text, "func=- offset=- target=- landed=%7s%n", line->landed, &tail) == 1 && !text[tail] &&
	       (!strcmp(line->landed, "unknown") || !strcmp(line->landed, "none"));
}

bool read_code(const struct program *program, struct code *code)
{
	struct bpf_prog_info info = {
		.jited_prog_insns = (uintptr_t)code->bytes, .jited_prog_len = sizeof(code->bytes),
		.jited_ksyms = (uintptr_t)code->addresses, .nr_jited_ksyms = 16,
		.jited_func_lens = (uintptr_t)code->lens, .nr_jited_func_lens = 16,
	};
	__u32 len = sizeof(info);

	if (bpf_prog_get_info_by_fd(program->fd, &info, &len))
		return false;
	code->count = info.nr_jited_func_lens;
	return code->count <= 16 && info.jited_prog_len <= sizeof(code->bytes);
}

/* Where the stubs of a kfunc begin. */
static __u64 find_stubs(const char *kfunc)
{
	char name[256];

	snprintf(name, sizeof(name), "__kfunc_stubs_%s", kfunc);
	return address_of(name);
}

#ifdef __x86_64__
/* call rel32 */
static __u64 called(__u64 address, const unsigned char *code)
{
	int32_t distance;

	memcpy(&distance, code + 1, sizeof(distance));
	return *code == 0xe8 ? address + 5 + distance : 0;
}
#else
/* bl; or movn, movk, movk, which blr follows */
static __u64 called(__u64 address, const unsigned char *code)
{
	uint32_t words[4];

	memcpy(words, code, sizeof(words));
	if (words[0] >> 26 == 0x25)
		return address + ((int64_t)((uint64_t)words[0] << 38) >> 36);
	if (words[0] >> 21 != 0x494 || words[3] != 0xd63f0140)
		return 0;
	return 0xffff000000000000 | (uint64_t)(words[2] >> 5 & 0xffff) << 32 |
	       (uint64_t)(words[1] >> 5 & 0xffff) << 16 | (~(words[0] >> 5) & 0xffff);
}
#endif

bool calls_stub(const struct code *code, const struct audit_line *line)
{
	__u64 stubs = find_stubs(line->kfunc);
	__u32 at = line->offset;

	if (!stubs || line->func >= code->count || line->offset >= code->lens[line->func])
		return false;
	for (__u32 i = 0; i < line->func; i++)
		at += code->lens[i];
	return called(code->addresses[line->func] + line->offset, code->bytes + at) == stubs + STUB_LEN * line->slot;
}
