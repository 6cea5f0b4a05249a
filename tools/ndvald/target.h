/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A target is one configured address of a peer and the endpoints behind it.
 */
#ifndef NDVALD_TARGET_H
#define NDVALD_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "address.h"

#define TARGET_ENDPOINTS	8

struct lookup;

struct target {
	struct address address;
	size_t count;
	struct endpoint endpoints[TARGET_ENDPOINTS];
	struct lookup *lookup;		/* under way, or NULL */
	int error;			/* EAI_* of the last one */
};

void target_start(struct target *target);
bool target_poll(struct target *target);
void target_drop(struct target *target);

#endif /* NDVALD_TARGET_H */
