// SPDX-License-Identifier: MIT OR Apache-2.0
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "carrier.h"

#define NAME "btf_carrier"
#define ALIGNMENT 8		/* the kernel reads a distilled base where it lies */

/* The module's file, as it was read and with what is put behind it. */
static char *file;
static size_t file_len, end;
static Elf64_Shdr *btf_section, *base_section;
static Elf64_Word base_name;

static Elf64_Shdr *find_section(const char *name)
{
	Elf64_Ehdr *header = (Elf64_Ehdr *)file;
	Elf64_Shdr *sections = (Elf64_Shdr *)(file + header->e_shoff);
	const char *names = file + sections[header->e_shstrndx].sh_offset;

	for (int i = 1; i < header->e_shnum; i++)
		if (!strcmp(names + sections[i].sh_name, name))
			return &sections[i];
	return NULL;
}

bool carrier_open(void)
{
	int fd = open("/" NAME ".ko", O_RDONLY);
	struct stat stat;

	if (fd < 0 || fstat(fd, &stat))
		return false;
	file_len = stat.st_size;
	file = malloc(file_len + CARRIER_ROOM);
	if (!file || read(fd, file, file_len) != (ssize_t)file_len)
		return false;
	close(fd);
	btf_section = find_section(".BTF");
	base_section = find_section(".BTF.base");
	if (!btf_section || !base_section)
		return false;
	base_name = base_section->sh_name;
	return true;
}

/* Makes `section` one of these bytes, behind all others. */
static void put(Elf64_Shdr *section, const void *data, size_t len)
{
	end = (end + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	section->sh_offset = end;
	section->sh_size = len;
	memcpy(file + end, data, len);
	end += len;
}

static struct shown read_shown(void)
{
	static unsigned char bytes[1 << 16];
	struct shown shown = { .len = -1, .hash = 0xcbf29ce484222325 };
	int fd = open("/sys/kernel/btf/" NAME, O_RDONLY);
	ssize_t len;

	if (fd < 0)
		return shown;
	shown.len = 0;
	while ((len = read(fd, bytes, sizeof(bytes))) > 0) {
		shown.len += len;
		for (ssize_t i = 0; i < len; i++)
			shown.hash = (shown.hash ^ bytes[i]) * 0x100000001b3;
	}
	close(fd);
	return shown;
}

int carrier_load(const void *base, size_t base_len, const void *btf, size_t btf_len, struct shown *shown)
{
	int err;

	if (base_len + btf_len + 2 * ALIGNMENT > CARRIER_ROOM)
		return EFBIG;
	end = file_len;
	/* Without its name it is any section. */
	base_section->sh_name = base_len ? base_name : 0;
	put(base_section, base, base_len);
	put(btf_section, btf, btf_len);
	err = syscall(SYS_init_module, file, end, "") ? errno : 0;
	*shown = read_shown();
	if (!err && syscall(SYS_delete_module, NAME, O_NONBLOCK))
		return errno;
	return err;
}
