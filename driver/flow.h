/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_FLOW_H
#define NDVAL_FLOW_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "history.h"
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
 * @check_due: CHECK is to be sent
 * @link_id: link on which the rest was said; all that follows is protected by
 *	the stream's lock
 * @check: bit n, CHECK is to be sent for instance n
 * @upstream: the peer is the primary that this member follows
 * @known: the peer's @ack and @want are known on this link
 * @refused: the peer can't store the stream
 * @said_link: link on which something was said that counts as moving, see
 *	receive_stream.c, whose it is, as the next two
 * @said_have: most that it has said there of what it stores
 * @said_want: most that it has said there of what it accepts
 * @counted: the peer is counted: nothing is delivered that it does not store
 * @in_sync: it is in sync
 * @joining: has not reached @bar yet; counted in the peer's count
 * @behind: lacks what was given to an instance; counted in the peer's count
 * @sync: SYNC is to be sent
 * @give: a secondary that is being promoted asked for what we have more
 * @confirm: the peer is to be told of the stream though no byte is due
 * @again: upstream, ask to send again from our head
 * @told: upstream, FETCH was said
 * @deferred: downstream, something was proposed that could not be recorded yet
 * @propose: upstream, of a journal: bit n, what instance n asks for is to be proposed
 * @missed: upstream, bytes were not stored, so what follows them is no gap
 * @ack: end of what the peer stores; kept when the link goes, for retention
 * @stored: the same, as far as it may be relied on: 0 from a new link until FETCH
 *	has come on it, kept when a link goes
 * @bar: what the peer has to store to be in sync: all that had been promised when
 *	it became counted
 * @want: end up to which it accepts more
 * @demand: furthest position that its instances reached or ask for
 * @need: position that one of its readers waits for, 0 for none
 * @sent: end of what was sent
 * @told_have: upstream, what the last FETCH said; downstream, L told last
 * @told_committed: downstream, what is committed, told last
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
	struct ndval_due	check_due;

	u32			link_id;
	u32			said_link;
	u8			check;
	u8			propose;
	bool			told;
	bool			deferred;
	bool			upstream;
	bool			known;
	bool			refused;
	bool			counted;
	bool			in_sync;
	bool			joining;
	bool			behind;
	bool			sync;
	bool			give;
	bool			confirm;
	bool			again;
	bool			missed;
	u64			said_have;
	u64			said_want;
	u64			ack;
	u64			stored;
	u64			bar;
	u64			want;
	u64			demand;
	u64			need;
	u64			sent;
	u64			told_have;
	u64			told_committed;
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
 * @takeover: the sender is being promoted
 */
struct ndval_fetch {
	u64	have;
	u64	want;
	u64	demand;
	u64	need;
	u64	id;
	u64	epoch_id;
	bool	again;
	bool	takeover;
};

/**
 * struct ndval_push - what a VALUES says of a stream, but for the bytes
 * @offset: of the first byte
 * @len: bytes, 0 for none
 * @limit: limit L for the receiver
 * @committed: what is committed, for the receiver
 * @drops: the stream's
 * @starts: where the epochs began, @n of them; told with the first push of a link
 * @n: how many, 0 if they are not told
 * @tail: lowest offset recorded
 * @need: position some reader waits for, 0 for none
 * @again: what the receiver proposed was not recorded, and may be now
 * @stuck: nothing can be sent from where the receiver says that it ends
 * @id: identity of the stream
 * @epoch_id: of the bytes
 * @link_id: link it was received on
 */
struct ndval_push {
	u64	offset;
	u32	len;
	u64	limit;
	u64	committed;
	u32	drops;
	u64	starts[NDVAL_EPOCHS];
	unsigned int n;
	u64	tail;
	u64	need;
	bool	again;
	bool	stuck;
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
u64 ndval_flow_first_credit(const struct ndval_stream *stream, u32 ring_size);
bool ndval_flow_has_news(const struct ndval_flow *flow);
void ndval_flow_defer(struct ndval_flow *flow, bool deferred);
void ndval_flow_follow(struct ndval_flow *flow);
void ndval_flow_update(struct ndval_flow *flow);
void ndval_flow_retry(struct ndval_flow *flow);
void ndval_flow_update_behind(struct ndval_flow *flow);
void ndval_flow_start_sync(struct ndval_flow *flow);
void ndval_flow_count(struct ndval_flow *flow);
void ndval_flow_uncount(struct ndval_flow *flow);
void ndval_flow_passed(struct ndval_flow *flow);
void ndval_flow_check_passed(struct ndval_flow *flow, u64 have);
int ndval_flow_give(struct ndval_flow *flow, const struct ndval_fetch *fetch);
void ndval_flow_give_all(struct ndval_flow *flow, u32 ring_size);
bool ndval_flow_take_sync(struct ndval_flow *flow, u32 link_id, u64 *id, u64 *epoch_id,
			  u64 *starts);
bool ndval_flow_is_current(const struct ndval_flow *flow);
void ndval_flow_mark(struct ndval_flow *flow, bool lazy);
void ndval_flow_mark_check(struct ndval_flow *flow, u32 instances);
u64 ndval_flow_end(const struct ndval_flow *flow);
u64 ndval_flow_need(const struct ndval_flow *flow);
u64 ndval_flow_committed(const struct ndval_flow *flow);
u64 ndval_flow_limit(const struct ndval_flow *flow);
bool ndval_flow_counts(const struct ndval_flow *flow);
bool ndval_fetch_is_sane(const struct ndval_fetch *fetch);
int ndval_flow_fetched(struct ndval_flow *flow, const struct ndval_fetch *fetch);
bool ndval_flow_take_fetch(struct ndval_flow *flow, u32 link_id,
			   struct ndval_fetch *fetch);
int ndval_flow_pushed(struct ndval_flow *flow, const struct ndval_push *push,
		      const u8 *data);
void ndval_flow_refuse(struct ndval_flow *flow);
bool ndval_flow_take_push(struct ndval_flow *flow, u32 link_id,
			  struct ndval_push *push, u8 *data);

#endif /* NDVAL_FLOW_H */
