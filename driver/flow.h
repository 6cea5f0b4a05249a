/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_FLOW_H
#define NDVAL_FLOW_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "member.h"

struct ndval_peer;
struct ndval_stream;

/* Credit of a stream that its peer has not spoken of yet, in bytes. */
#define NDVAL_FIRST_CREDIT	(64U << 10)

/**
 * struct ndval_flow - one stream towards one peer
 * @list: in the stream's list, under the stream's lock
 * @ref: the stream's list, the due list, senders
 * @stream: with a reference
 * @peer: with a reference
 * @due: values, or FETCH, are to be sent
 * @link_id: link on which the rest was said; all that follows is protected by
 *	the stream's lock
 * @upstream: the peer is the primary that this member follows
 * @known: the peer's @ack and @want are known on this link
 * @refused: the peer can't store the stream
 * @behind: counted in the peer's count
 * @confirm: the peer is to be told of the stream though no byte is due
 * @again: upstream, ask to send again from our head
 * @missed: upstream, bytes were not stored, so what follows them is no gap
 * @ack: end of what the peer stores; kept when the link goes
 * @want: end up to which it accepts more
 * @demand: furthest position that its instances reached or ask for
 * @need: position that one of its readers waits for, 0 for none
 * @sent: end of what was sent
 * @told_have: upstream, what the last FETCH said; downstream, L told last
 * @told_want: upstream, likewise
 * @credit: upstream, highest end that was ever told
 * @told_demand: upstream, likewise
 * @told_need: likewise, both ways
 */
struct ndval_flow {
	struct list_head	list;
	refcount_t		ref;
	struct ndval_stream	*stream;
	struct ndval_peer	*peer;
	struct ndval_due	due;

	u32			link_id;
	bool			upstream;
	bool			known;
	bool			refused;
	bool			behind;
	bool			confirm;
	bool			again;
	bool			missed;
	u64			ack;
	u64			want;
	u64			demand;
	u64			need;
	u64			sent;
	u64			told_have;
	u64			told_want;
	u64			credit;
	u64			told_demand;
	u64			told_need;
};

/**
 * struct ndval_fetch - what a FETCH says of a stream
 * @have: end of what the sender stores
 * @want: end up to which it accepts more
 * @demand: furthest position of its instances
 * @need: position a reader waits for, 0 for none
 * @id: identity of the stream, 0 if it is asked for
 * @epoch_id: of what the sender stores
 * @again: send again from @have
 */
struct ndval_fetch {
	u64	have;
	u64	want;
	u64	demand;
	u64	need;
	u64	id;
	u64	epoch_id;
	bool	again;
};

/**
 * struct ndval_push - what a VALUES says of a stream, but for the bytes
 * @offset: of the first byte
 * @len: bytes, 0 for none
 * @committed: limit L for the receiver
 * @tail: lowest offset recorded
 * @need: position some reader waits for, 0 for none
 * @id: identity of the stream
 * @epoch_id: of the bytes
 * @link_id: link it was received on
 */
struct ndval_push {
	u64	offset;
	u32	len;
	u64	committed;
	u64	tail;
	u64	need;
	u64	id;
	u64	epoch_id;
	u32	link_id;
};

struct ndval_flow *ndval_flow_create(struct ndval_stream *stream,
				     struct ndval_peer *peer, gfp_t gfp);
void ndval_flow_add(struct ndval_flow *flow);
void ndval_flow_remove(struct ndval_flow *flow);
struct ndval_flow *ndval_flow_find(struct ndval_stream *stream,
				   const struct ndval_peer *peer);
void ndval_flow_put(struct ndval_flow *flow);
void ndval_flow_reset(struct ndval_flow *flow, u32 link_id);
void ndval_flow_listed(struct ndval_flow *flow, u32 ring_size);
void ndval_flow_follow(struct ndval_flow *flow);
void ndval_flow_update(struct ndval_flow *flow);
void ndval_flow_retry(struct ndval_flow *flow);
void ndval_flow_update_behind(struct ndval_flow *flow);
bool ndval_flow_counts(const struct ndval_flow *flow);
int ndval_flow_fetched(struct ndval_flow *flow, const struct ndval_fetch *fetch);
bool ndval_flow_take_fetch(struct ndval_flow *flow, u32 link_id,
			   struct ndval_fetch *fetch);
int ndval_flow_pushed(struct ndval_flow *flow, const struct ndval_push *push,
		      const u8 *data);
void ndval_flow_refuse(struct ndval_flow *flow);
bool ndval_flow_take_push(struct ndval_flow *flow, u32 link_id,
			  struct ndval_push *push, u8 *data, size_t size);

#endif /* NDVAL_FLOW_H */
