/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fault: runs one operation again and again, and each time another one of the
 * allocations fails that a task makes for it: the first, the second and so on,
 * until the operation needs no more of them.
 *
 *	fault_open(&fault, "thread-self");
 *	while (fault_next(&fault)) {
 *		fault_arm(&fault);
 *		ret = read(fd, to, size);
 *		fault_disarm(&fault);
 *		...				was it right?
 *	}
 *	fault_close(&fault);
 *
 * Slab and page allocations count, and so do copies from and to user memory,
 * which then fault. The task can be another one, as a link's thread is. The
 * kernel must have been built for it (flavour debug); fault.c has the code.
 */
#ifndef NDVAL_TEST_FAULT_H
#define NDVAL_TEST_FAULT_H

#include <stdbool.h>

/* What can fail. */
enum fault_kind {
	FAULT_ALL,	/* slabs, pages, and copies from and to user memory */
	FAULT_PAGES,	/* no slabs */
};

/**
 * struct fault - failures in one task
 * @fd: fail-nth of the task
 * @nth: number of the allocation that fails this time
 * @reached: the last operation came so far
 * @left: how many more it would have needed to
 * @injected: operations in which one failed
 */
struct fault {
	int		fd;
	unsigned int	nth;
	bool		reached;
	unsigned int	left;
	unsigned int	injected;
};

bool fault_kinds(enum fault_kind kind);
bool fault_open(struct fault *fault, const char *task);
void fault_close(struct fault *fault);
bool fault_next(struct fault *fault);
void fault_arm(struct fault *fault);
bool fault_disarm(struct fault *fault);
int fault_thread(const char *what, unsigned int link);
bool fault_workers(unsigned int percent);
unsigned int fault_workers_failed(void);

#endif /* NDVAL_TEST_FAULT_H */
