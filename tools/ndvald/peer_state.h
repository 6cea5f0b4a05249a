/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files that look after peers share: peer.c keeps the links, admit.c
 * says who may connect to here, peers.c follows the configuration.
 */
#ifndef NDVALD_PEER_STATE_H
#define NDVALD_PEER_STATE_H

#include "config.h"
#include "greet.h"
#include "rekey.h"
#include "target.h"

#define MAX_ENDPOINTS	32

/* Problems of different kinds, each logged again only when its text changes. */
#define TOLD_ENDPOINT(turn)	(turn)
#define TOLD_NAME(index)	(MAX_ENDPOINTS + (index) % 8)
#define TOLD_ACCEPTED		(MAX_ENDPOINTS + 8)
#define TOLD_COUNT		(MAX_ENDPOINTS + 9)

struct peer {
	struct peer *next;
	char name[NDVAL_NAME_MAX + 1];
	bool any;
	size_t target_count;
	struct target targets[ADDRESS_LIST_MAX];
	struct keys *keys;		/* NULL: links are in clear */

	uint32_t link;			/* its number, or 0 */
	int64_t linked_at;
	struct rekey rekey;
	uint32_t listed;		/* the newest, while the kernel's links are listed */
	uint64_t messages;		/* of that one */
	uint32_t listed_clear;		/* the newest in clear, likewise */
	uint32_t clear;			/* a link in clear, though there are keys; or 0 */
	int64_t clear_until;		/* it is detached then */

	struct greet *greet;
	char where[ADDRESS_TEXT_MAX];	/* with whom, to show */
	bool fresh;			/* its host names were never looked up */
	bool resolving;
	int64_t resolve_until;
	size_t turn;			/* which endpoint is tried next */
	unsigned int failures;		/* rounds through all endpoints */
	int64_t retry_at;
	uint32_t told[TOLD_COUNT];	/* hashes of the problems logged last */
};

extern struct peer *peers;
extern char host_name[NDVAL_NAME_MAX + 1];
extern struct keys *host_x509;		/* NULL: this host has no certificate */

struct peer *peer_find(const char *name);
size_t peer_endpoint_count(const struct peer *peer);
const struct endpoint *peer_endpoint_at(const struct peer *peer, size_t turn);
void peer_complain(struct peer *peer, size_t place, const char *where, const char *problem);
bool peer_attach(struct peer *peer, int fd);
void peer_stop_trying(struct peer *peer);

#endif /* NDVALD_PEER_STATE_H */
