/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_SEND_H
#define NDVAL_SEND_H

#include <linux/types.h>

struct ndval_flow;
struct ndval_link;
struct ndval_pair;
struct ndval_peer;
struct ndval_remote;
struct nlmsghdr;
struct sk_buff;

/* Most bytes of a message but for values; the longest is a proposed record. */
#define NDVAL_SEND_MAX	6144

/* Features of the protocol that this version needs its peers to know. */
#define NDVAL_FEATURES	0ULL

int ndval_send_thread(void *data);

/* Messages, made from what is due at that moment; 0 or an errno that ends the link. */
int ndval_send_pair(struct ndval_link *link, struct ndval_peer *peer);
int ndval_send_word(struct ndval_link *link, struct ndval_peer *peer);
int ndval_send_flow(struct ndval_link *link, struct ndval_flow *flow);
int ndval_send_check(struct ndval_link *link, struct ndval_flow *flow);

/* What they are made with. */
int ndval_send_put_pair(struct sk_buff *skb, const struct ndval_pair *pair, u64 epoch_id);
int ndval_send_put_gone(struct sk_buff *skb, u64 incarnation, u32 role);
int ndval_send_finish(struct ndval_link *link, struct nlmsghdr *header, int err);
int ndval_send_message(struct ndval_link *link, size_t values);

void ndval_send_purge(struct ndval_remote *remote);
int ndval_send_gone(struct ndval_remote *remote, const char *group,
		    struct ndval_pair *pair);
int ndval_send_stream_del(struct ndval_remote *remote, struct ndval_pair *pair,
			  const char *stream, bool journal, u64 stream_id, u32 error);

#endif /* NDVAL_SEND_H */
