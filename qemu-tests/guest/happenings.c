// SPDX-License-Identifier: MIT OR Apache-2.0
/* What must happen in a guest for attached programs to be run. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "happenings.h"
#include "programs.h"

#define CPU_SECONDS 0.1
#define CGROUPS "/sys/fs/cgroup"

void prepare_happenings(void)
{
	struct ifreq loopback = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	mount("cgroup2", CGROUPS, "cgroup2", 0, NULL);
	check(!ioctl(fd, SIOCSIFFLAGS, &loopback), "the loopback interface", "%s", strerror(errno));
	close(fd);
}

int root_cgroup(void)
{
	return open(CGROUPS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int connect_to_self(const char *congestion)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	int error = 0;

	if (bind(listener, (struct sockaddr *)&address, len) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&address, &len) ||
	    (congestion && setsockopt(client, IPPROTO_TCP, TCP_CONGESTION, congestion, strlen(congestion))) ||
	    connect(client, (struct sockaddr *)&address, len))
		error = -errno;
	close(client);
	close(listener);
	return error;
}

void read_all(int fd)
{
	char buffer[4096];

	while (read(fd, buffer, sizeof(buffer)) > 0)
		;
}

/* Where programs have uprobes. */
__attribute__((noinline, used)) void uprobe_target(void)
{
	asm volatile("");
}

void let_all_happen(void)
{
	double end = seconds() + CPU_SECONDS;
	int setting = open("/proc/sys/kernel/ostype", O_RDONLY | O_CLOEXEC), error;

	read_all(setting);
	close(setting);
	syscall(SYS_getppid);
	uprobe_target();
	usleep(1000);
	while (seconds() < end)
		;
	error = connect_to_self(NULL);
	check(!error, "a connection", "%s", strerror(-error));
}
