/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_SEND_H
#define NDVAL_SEND_H

#include <linux/types.h>

struct ndval_pair;
struct ndval_remote;

/* Features of the protocol that this version needs its peers to know. */
#define NDVAL_FEATURES	0ULL

int ndval_send_thread(void *data);
void ndval_send_purge(struct ndval_remote *remote);
int ndval_send_gone(struct ndval_remote *remote, const char *group,
		    struct ndval_pair *pair);
int ndval_send_stream_del(struct ndval_remote *remote, struct ndval_pair *pair,
			  const char *stream, u64 stream_id, u32 error);

#endif /* NDVAL_SEND_H */
