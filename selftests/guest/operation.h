/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Promotions and switchovers: commands that go on after they were answered, and
 * whose end an event tells.
 */
#ifndef NDVAL_TEST_OPERATION_H
#define NDVAL_TEST_OPERATION_H

#include "peer.h"

struct operation {
	__u32	id;
	bool	done;
	int	error;		/* errno, 0 if all went well */
};

int operation_begin(struct nl *nl, __u8 cmd, const char *pair, struct operation *operation);
bool operation_hear(struct nl *nl, struct operation *operation, int timeout_ms);
int operation_end(struct nl *nl, struct operation *operation);

#endif /* NDVAL_TEST_OPERATION_H */
