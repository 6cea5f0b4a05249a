/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_RECEIVE_H
#define NDVAL_RECEIVE_H

#include <linux/types.h>

struct ndval_link;
struct ndval_pair;
struct ndval_peer;
struct ndval_stream;
struct nlattr;

int ndval_receive_thread(void *data);

/* Messages; 0 or an errno that ends the link. */
int ndval_receive_pair(struct ndval_link *link, struct nlattr **attrs);
int ndval_receive_sync(struct ndval_link *link, struct nlattr **attrs);
int ndval_receive_takeover(struct ndval_link *link, struct nlattr **attrs);
int ndval_receive_handover(struct ndval_link *link, struct nlattr **attrs);
int ndval_receive_fetch(struct ndval_link *link, struct nlattr **attrs);
int ndval_receive_values(struct ndval_link *link, struct nlattr **attrs);
int ndval_receive_stream_del(struct ndval_link *link, struct nlattr **attrs);
int ndval_receive_propose(struct ndval_link *link, struct nlattr **attrs);
int ndval_receive_check(struct ndval_link *link, struct nlattr **attrs);

/* What all messages of pairs have in common. */
struct ndval_peer *ndval_receive_peer(struct ndval_link *link, struct nlattr **attrs);
bool ndval_receive_is_of_epoch(const struct ndval_link *link, struct ndval_peer *peer,
			       struct nlattr **attrs);
struct ndval_stream *ndval_receive_stream(struct ndval_pair *pair, struct nlattr **attrs);
int ndval_receive_starts(const struct nlattr *attr, u64 *starts);

#endif /* NDVAL_RECEIVE_H */
