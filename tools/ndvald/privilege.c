// SPDX-License-Identifier: GPL-2.0-only
#include "privilege.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The module's commands and kTLS; a port below 1024, also one that comes by a reload. */
#define KEPT	(1U << CAP_NET_ADMIN | 1U << CAP_NET_BIND_SERVICE)

/**
 * privilege_drop() - keep what ndvald needs, of what it was started with
 *
 * Call first of all: then files that it could not read later, on SIGHUP, are
 * not read at start either. What is dropped does not come back by execve(2).
 * Nor is there a core dump, which would have keys in it: the limit alone does not
 * keep the kernel from piping one to a program, and others from tracing.
 *
 * Return: 0 or a negative errno.
 */
int privilege_drop(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { };
	const struct rlimit none = { };

	if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capget, &header, sets) < 0)
		return -errno;
	if (!(sets[0].permitted & ~KEPT) && !sets[1].permitted)
		return 0;		/* as systemd starts it: it need not be allowed to */
	sets[0].permitted &= KEPT;
	sets[0].effective = sets[0].permitted;
	sets[0].inheritable = 0;
	sets[1] = (struct __user_cap_data_struct){ };
	return syscall(SYS_capset, &header, sets) < 0 ? -errno : 0;
}
