/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_STREAM_H
#define NDVAL_STREAM_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/ndval.h>

#include "history.h"
#include "ring.h"

struct ndval_digest;
struct ndval_flow;
struct ndval_pair;
struct ndval_proposal;

/* The primary has not said yet how many members it has dropped. */
#define NDVAL_DROPS_UNTOLD	U32_MAX

/**
 * struct ndval_reader - what readers of an instance need of its cursor
 * @lock: serialises them; the only lock held across a copy to user memory or a
 *	wait. Protects all that follows.
 * @chunk: chunk the instance reads from, with a reference; or NULL
 * @at: offset that is read next from @chunk: the cursor's as the reader knows it,
 *	which nobody changes under its hands
 * @limit: offset up to which @chunk may be read
 * @gen: of the cursor, when @chunk was taken
 * @delivered: bytes delivered, for statistics
 */
struct ndval_reader {
	struct mutex		lock;	/* protects all that follows */
	struct ndval_chunk	*chunk;
	u64			at;
	u64			limit;
	u64			delivered;
	u32			gen;
};

/**
 * struct ndval_cursor - where one instance stands in one stream
 * @move: leaf lock that makes "check the generation, then move" one step.
 *	Protects @pos, @hw and @gen against each other; whoever changes @gen
 *	holds the stream's lock too, so that either lock is enough to read it.
 * @pos: next offset
 * @hw: highest end ever delivered; kept when the instance is repositioned
 * @gen: raised by whatever makes a copy under way void: repositioning,
 *	eviction, reset, removal
 * @lost: the next value has left the window; until repositioned. Stream's lock.
 * @lost_told: the event for @lost was sent. Stream's lock.
 * @wanted: furthest end that a reader asked for. Stream's lock.
 * @files: open files bound to the instance. Stream's lock.
 * @excl: one of them bound it for itself alone. Stream's lock.
 * @diverged: the copy has diverged from another, and gets no more values; until
 *	repositioned. Stream's lock.
 * @reader: what only readers need; NULL before the first. Set once, under the stream's
 *	lock.
 * @digest: what the copy was given, in short; NULL before the first file is bound.
 *	Set once, under both the stream's lock and @move, which protects what is in it.
 *	None in a journal, where each record is compared by itself.
 * @proposal: in a journal, what the instance asked for last, with a reference.
 *	Stream's lock.
 */
struct ndval_cursor {
	u32			gen;
	spinlock_t		move;	/* see above */
	bool			lost;
	bool			lost_told;
	bool			excl;
	bool			diverged;
	unsigned int		files;
	u64			pos;
	u64			hw;
	u64			wanted;
	struct ndval_reader	*reader;
	struct ndval_digest	*digest;
	struct ndval_proposal	*proposal;
} ____cacheline_aligned;

/**
 * struct ndval_stream - an independent sequence of values inside a pair
 *
 * A stream's journal is another such object, with all that a stream has but for a
 * digest; what is said of bytes and offsets holds for records and their places.
 * It is not in the table of streams, but found through its stream.
 *
 * @node: in the pair's table of streams
 * @list: in the pair's list of streams, under the pair's lock
 * @ref: files, flows, look-ups, and one of the pair's
 * @rcu: delays freeing for look-ups without a lock
 * @pair: the pair, with a reference
 * @base: of a journal, the stream that it belongs to, with a reference; else NULL
 * @journal: the stream's journal, which is in the pair's list as long as it stands here,
 *	or NULL; set under the locks of both the pair and the stream
 * @name: as the application calls it
 * @wq: readers and pollers; lives as long as any file bound to the stream
 * @lock: protects all that follows, but for what struct ndval_cursor says
 *	otherwise. Never held across user memory, a wait, socket I/O or a
 *	sleeping allocation.
 * @ring: the recorded bytes
 * @flows: this stream towards each configured peer
 * @id: identity made by the primary; 0, not confirmed by it yet
 * @epoch_id: epoch that the ring's contents belong to
 * @given: highest end that was made available to any instance, here or, as
 *	far as it said, at a peer
 * @promised: highest end up to which this primary allowed anybody, itself or a
 *	peer, to deliver
 * @limit: on a secondary, the highest L received: it delivers below it
 * @committed: on a secondary, end up to which the others in sync store it
 * @drops: members that left the in-sync set before they stored what was given,
 *	and times that what was delivered here was thrown away
 * @drops_told: on a secondary, what the primary said of that last, or
 *	NDVAL_DROPS_UNTOLD
 * @starts: where each epoch of the pair's history began
 * @offer_id: newer epoch of which SYNC has told, or 0
 * @common: how much of the stream is the same here and in that epoch
 * @need: end that a reader waits for and the window has no room for, or 0
 * @events: counts what may end a wait; a reader that waits compares it
 * @waiters: readers that wait
 * @error: errno with which the primary refused the stream, or 0
 * @starved: bytes could not be stored for want of memory
 * @dead: deleted; files bound to it get ESTALE
 * @announced: the event for the stream was sent
 * @cursors: by instance
 */
struct ndval_stream {
	struct rhash_head	node;
	struct list_head	list;
	refcount_t		ref;
	struct rcu_head		rcu;
	struct ndval_pair	*pair;
	struct ndval_stream	*base;
	struct ndval_stream	*journal;
	char			name[NDVAL_NAME_SIZE];
	wait_queue_head_t	wq;

	spinlock_t		lock;	/* protects all that follows */
	struct ndval_ring	ring;
	struct list_head	flows;
	u64			id;
	u64			epoch_id;
	u64			given;
	u64			promised;
	u64			limit;
	u64			committed;
	u32			drops;
	u32			drops_told;
	u64			starts[NDVAL_EPOCHS];
	u64			offer_id;
	u64			common;
	u64			need;
	unsigned long		events;
	unsigned int		waiters;
	int			error;
	bool			starved;
	bool			dead;
	bool			announced;
	struct ndval_cursor	cursors[NDVAL_INSTANCES];
};

extern const struct rhashtable_params ndval_stream_params;

struct ndval_stream *ndval_stream_find(struct ndval_pair *pair, const char *name);
struct ndval_stream *ndval_stream_make(struct ndval_pair *pair, const char *name,
				       u64 id, gfp_t gfp);
struct ndval_stream *ndval_stream_make_journal(struct ndval_stream *base, u64 id,
					       gfp_t gfp);
struct ndval_stream *ndval_stream_journal(struct ndval_stream *base);
struct ndval_stream *ndval_stream_look_up(struct ndval_pair *pair, const char *name,
					  bool journal);
void ndval_stream_get(struct ndval_stream *stream);
void ndval_stream_put(struct ndval_stream *stream);
void ndval_stream_remove(struct ndval_stream *stream);

int ndval_stream_state(struct ndval_stream *stream, unsigned int instance);
u64 ndval_stream_furthest(struct ndval_stream *stream);
u64 ndval_stream_delivered(const struct ndval_stream *stream);
u64 ndval_stream_want(struct ndval_stream *stream);
u64 ndval_stream_committed(struct ndval_stream *stream);
u64 ndval_stream_limit(struct ndval_stream *stream);
void ndval_stream_promise(struct ndval_stream *stream, u64 end);
void ndval_stream_truncate(struct ndval_stream *stream, u64 to);
void ndval_stream_void(struct ndval_stream *stream);
void ndval_stream_reset(struct ndval_stream *stream);
int ndval_stream_make_room(struct ndval_stream *stream, u64 len, bool needed,
			   struct ndval_chunk **recycled);
bool ndval_stream_can_read(struct ndval_stream *stream, unsigned int instance);
void ndval_stream_jump(struct ndval_stream *stream, u64 tail);
void ndval_stream_force(struct ndval_stream *stream, u64 need);
void ndval_stream_wake(struct ndval_stream *stream);
u64 ndval_stream_size(const struct ndval_stream *stream);
u64 ndval_stream_reach(const struct ndval_stream *stream);
int ndval_stream_may_issue(const struct ndval_stream *stream);
void ndval_stream_update_flows(struct ndval_stream *stream);
struct ndval_chunk *ndval_stream_reclaim(struct ndval_stream *stream);
void ndval_stream_progress(struct ndval_stream *stream);
int ndval_stream_fill(struct ndval_stream *stream, u64 end, bool needed, gfp_t gfp);
bool ndval_stream_fill_few(struct ndval_flow *flow);
void ndval_stream_fill_ahead(struct ndval_stream *stream, gfp_t gfp);
int ndval_stream_store(struct ndval_stream *stream, u64 epoch_id, u64 offset,
		       const u8 *data, size_t len);

static inline bool ndval_stream_is_journal(const struct ndval_stream *stream)
{
	return stream->base;
}

#endif /* NDVAL_STREAM_H */
