// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flows: one stream towards one peer. What the peer acknowledged, how much it
 * accepts, what it was told. All is made so that any message may be lost or
 * repeated: a message is made from the state at the moment it is sent, and
 * FETCH says everything each time.
 */
#include "flow.h"

#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "check.h"
#include "host.h"
#include "journal.h"
#include "knobs.h"
#include "pair.h"
#include "peer.h"
#include "propose.h"
#include "stream.h"

/**
 * ndval_flow_create() - Make a flow that is not connected.
 * @stream: the stream
 * @peer: the peer
 * @gfp: how to allocate
 *
 * Context: as @gfp says.
 * Return: the flow with one reference, or NULL.
 */
struct ndval_flow *ndval_flow_create(struct ndval_stream *stream,
				     struct ndval_peer *peer, gfp_t gfp)
{
	struct ndval_flow *flow;

	if (ndval_mem_charge(&stream->pair->mem, sizeof(*flow)))
		return NULL;
	flow = kzalloc(sizeof(*flow), gfp);
	if (!flow) {
		ndval_mem_uncharge(&stream->pair->mem, sizeof(*flow));
		return NULL;
	}
	refcount_set(&flow->ref, 1);
	INIT_LIST_HEAD(&flow->list);
	INIT_LIST_HEAD(&flow->due.list);
	INIT_LIST_HEAD(&flow->check_due.list);
	flow->due.kind = NDVAL_DUE_FLOW;
	flow->check_due.kind = NDVAL_DUE_CHECK;
	ndval_stream_get(stream);
	flow->stream = stream;
	ndval_peer_get(peer);
	flow->peer = peer;
	return flow;
}

/**
 * ndval_flow_put() - Drop a reference.
 * @flow: the flow
 *
 * Context: process.
 */
void ndval_flow_put(struct ndval_flow *flow)
{
	struct ndval_stream *stream = flow->stream;

	if (!refcount_dec_and_test(&flow->ref))
		return;
	ndval_mem_uncharge(&stream->pair->mem, sizeof(*flow));
	ndval_peer_put(flow->peer);
	kfree(flow);
	ndval_stream_put(stream);
}

/* Keeps a peer's count of flows for which something holds; true if 0 and 1 changed. */
static bool count_in(bool *was, bool is, atomic_t *count)
{
	if (*was == is)
		return false;
	*was = is;
	return is ? atomic_inc_return(count) == 1 : atomic_dec_and_test(count);
}

/**
 * ndval_flow_add() - Put a new flow into its stream's list.
 * @flow: the flow; the reference goes to the list
 *
 * Context: process. Takes the stream's lock.
 */
void ndval_flow_add(struct ndval_flow *flow)
{
	spin_lock(&flow->stream->lock);
	list_add_tail(&flow->list, &flow->stream->flows);
	/* A new stream is born counted: nothing of it was promised yet. */
	flow->in_sync = flow->peer->membership == NDVAL_MEMBERSHIP_IN_SYNC;
	if (flow->peer->membership != NDVAL_MEMBERSHIP_OUT)
		ndval_flow_count(flow);
	ndval_flow_update_behind(flow);
	spin_unlock(&flow->stream->lock);
}

/**
 * ndval_flow_remove() - Take a flow out of its stream's list.
 * @flow: the flow; the list's reference is dropped
 *
 * Context: process. Takes the stream's lock.
 */
void ndval_flow_remove(struct ndval_flow *flow)
{
	struct ndval_stream *stream = flow->stream;

	spin_lock(&stream->lock);
	list_del_init(&flow->list);
	flow->link_id = 0;
	flow->upstream = false;
	flow->known = false;
	flow->counted = false;
	flow->in_sync = false;
	count_in(&flow->joining, false, &flow->peer->joining);
	count_in(&flow->behind, false, &flow->peer->behind);
	/* The list's reference is still there. */
	if (ndval_remote_unmark(flow->peer->remote, &flow->due))
		refcount_dec(&flow->ref);
	if (ndval_remote_unmark(flow->peer->remote, &flow->check_due))
		refcount_dec(&flow->ref);
	ndval_check_forget_peer(flow);
	spin_unlock(&stream->lock);
	ndval_flow_put(flow);
}

/**
 * ndval_flow_find() - The flow of a stream towards a peer.
 * @stream: the stream
 * @peer: the peer
 *
 * Context: process. Takes the stream's lock.
 * Return: the flow with a reference, or NULL.
 */
struct ndval_flow *ndval_flow_find(struct ndval_stream *stream,
				   const struct ndval_peer *peer)
{
	struct ndval_flow *found = NULL;
	struct ndval_flow *flow;

	spin_lock(&stream->lock);
	list_for_each_entry(flow, &stream->flows, list) {
		if (flow->peer == peer) {
			refcount_inc(&flow->ref);
			found = flow;
			break;
		}
	}
	spin_unlock(&stream->lock);
	return found;
}

/**
 * ndval_flow_is_current() - Was what the flow knows said on the current link?
 * @flow: the flow
 */
bool ndval_flow_is_current(const struct ndval_flow *flow)
{
	return flow->link_id &&
	       flow->link_id == READ_ONCE(flow->peer->remote->link_id);
}

/**
 * ndval_flow_counts() - Is the peer connected, and known what it stores?
 * @flow: the flow; the caller holds the stream's lock
 */
bool ndval_flow_counts(const struct ndval_flow *flow)
{
	lockdep_assert_held(&flow->stream->lock);
	return flow->known && ndval_flow_is_current(flow);
}

/* The entry of the remote's list holds a reference. */
static void mark(struct ndval_flow *flow, struct ndval_due *due, bool lazy)
{
	/* The list's: the sender may drop it before this goes on. */
	refcount_inc(&flow->ref);
	if (!ndval_remote_mark(flow->peer->remote, due, lazy))
		refcount_dec(&flow->ref);
}

/**
 * ndval_flow_mark() - Something is to be sent: FETCH, VALUES or SYNC.
 * @flow: the flow
 * @lazy: it may wait a millisecond
 */
void ndval_flow_mark(struct ndval_flow *flow, bool lazy)
{
	mark(flow, &flow->due, lazy);
}

/**
 * ndval_flow_mark_check() - CHECK is to be sent, within a millisecond.
 * @flow: the flow; the caller holds the stream's lock
 * @instances: bit n, for instance n; besides those for which it is already
 */
void ndval_flow_mark_check(struct ndval_flow *flow, u32 instances)
{
	lockdep_assert_held(&flow->stream->lock);
	if (!ndval_flow_is_current(flow))
		return;
	flow->check |= instances;
	if (flow->check)
		mark(flow, &flow->check_due, true);
}

/**
 * ndval_flow_update_behind() - Does the peer lack what it has to store to be in
 *	sync, or what was given to an instance?
 * @flow: the flow; the caller holds the stream's lock
 */
void ndval_flow_update_behind(struct ndval_flow *flow)
{
	struct ndval_stream *stream = flow->stream;
	bool primary = ndval_pair_is_primary(stream->pair);
	u64 stored = flow->refused ? 0 : flow->stored;
	bool changed;

	lockdep_assert_held(&stream->lock);
	changed = count_in(&flow->joining,
			   primary && flow->counted &&
			   (flow->refused || !flow->known || stored < flow->bar) &&
			   !ndval_broken(NDVAL_BROKEN_BAR),
			   &flow->peer->joining);
	changed |= count_in(&flow->behind,
			    primary && (flow->refused || stored < stream->given),
			    &flow->peer->behind);
	if (changed)
		ndval_pair_report(stream->pair);
}

/**
 * ndval_flow_count() - The peer is counted from now on.
 * @flow: the flow; the caller holds the stream's lock
 */
void ndval_flow_count(struct ndval_flow *flow)
{
	lockdep_assert_held(&flow->stream->lock);
	flow->counted = true;
	flow->bar = flow->stream->promised;
	ndval_flow_update_behind(flow);
}

/**
 * ndval_flow_uncount() - The peer is not counted any more.
 * @flow: the flow; the caller holds the stream's lock
 */
void ndval_flow_uncount(struct ndval_flow *flow)
{
	lockdep_assert_held(&flow->stream->lock);
	flow->counted = false;
	flow->in_sync = false;
	ndval_flow_update_behind(flow);
	ndval_stream_update_flows(flow->stream);
	ndval_stream_wake(flow->stream);
}

/**
 * ndval_flow_passed() - There are values that a counted peer will never store.
 * @flow: the flow; the caller holds the stream's lock
 *
 * Who waits in fsync is told, since it will say that it stores what comes behind
 * them. It is not in sync any more.
 */
void ndval_flow_passed(struct ndval_flow *flow)
{
	lockdep_assert_held(&flow->stream->lock);
	flow->stream->drops++;
	ndval_stream_wake(flow->stream);
	if (!flow->in_sync || READ_ONCE(flow->peer->passed))
		return;
	WRITE_ONCE(flow->peer->passed, true);
	ndval_pair_report(flow->stream->pair);
}

/**
 * ndval_flow_check_passed() - A peer says on a new link what it stores: is that all
 *	that it had?
 * @flow: the flow, as the former link left it; the caller holds the stream's lock
 * @have: end of what it stores
 *
 * The window may have gone on, or its memory may be that of earlier.
 */
void ndval_flow_check_passed(struct ndval_flow *flow, u64 have)
{
	lockdep_assert_held(&flow->stream->lock);
	if (!flow->known && flow->counted &&
	    (have < flow->stream->ring.tail || (flow->in_sync && have < flow->ack)))
		ndval_flow_passed(flow);
}

/**
 * ndval_flow_start_sync() - Tell the peer where the epochs began in the stream.
 * @flow: the flow; the caller holds the stream's lock
 */
void ndval_flow_start_sync(struct ndval_flow *flow)
{
	lockdep_assert_held(&flow->stream->lock);
	flow->sync = true;
	ndval_flow_mark(flow, false);
}

/**
 * ndval_flow_take_sync() - What SYNC is to say now.
 * @flow: the flow
 * @link_id: the link that asks, which may not be the current one any more
 * @id: set to the identity of the stream
 * @epoch_id: set to the primary's epoch
 * @starts: gets where the epochs began, NDVAL_EPOCHS of them
 *
 * The flow is marked again for what else may be due, and for SYNC itself as long
 * as PAIR has not told of the epoch.
 *
 * Context: process. Takes the stream's lock.
 * Return: false if nothing is to be sent.
 */
bool ndval_flow_take_sync(struct ndval_flow *flow, u32 link_id, u64 *id, u64 *epoch_id,
			  u64 *starts)
{
	struct ndval_stream *stream = flow->stream;
	bool due;

	spin_lock(&stream->lock);
	due = flow->sync && flow->link_id == link_id && ndval_flow_is_current(flow) &&
	      ndval_pair_is_primary(stream->pair);
	if (due && READ_ONCE(flow->peer->told_id) != stream->epoch_id) {
		ndval_flow_mark(flow, false);
		due = false;
	} else {
		flow->sync = false;
	}
	if (due) {
		*id = stream->id;
		*epoch_id = stream->epoch_id;
		memcpy(starts, stream->starts, sizeof(stream->starts));
		ndval_flow_update(flow);
	}
	spin_unlock(&stream->lock);
	return due;
}

/**
 * ndval_flow_reset() - A link has come or gone: nothing is known of the peer.
 * @flow: the flow; the caller holds the stream's lock
 * @link_id: the new link, or 0
 *
 * What the peer acknowledged before is kept for one purpose only: what it
 * lacks is retained for it as long as the window is not full.
 */
void ndval_flow_reset(struct ndval_flow *flow, u32 link_id)
{
	lockdep_assert_held(&flow->stream->lock);
	ndval_check_forget_peer(flow);
	if (flow->link_id != link_id)
		flow->sync = false;
	flow->link_id = link_id;
	/* What is stored there may be relied on until somebody else may be there. */
	if (link_id && !ndval_broken(NDVAL_BROKEN_ACK))
		flow->stored = 0;
	flow->give = false;
	flow->upstream = false;
	flow->known = false;
	flow->refused = false;
	flow->confirm = false;
	flow->again = false;
	flow->missed = false;
	flow->told = false;
	flow->deferred = false;
	flow->propose = 0;
	flow->want = 0;
	flow->demand = 0;
	flow->need = 0;
	flow->sent = 0;
	flow->told_have = 0;
	flow->told_committed = 0;
	flow->told_want = 0;
	flow->credit = 0;
	flow->told_demand = 0;
	flow->told_need = 0;
	ndval_flow_update_behind(flow);
}

/**
 * ndval_flow_first_credit() - What a peer accepts of a stream that it does not know.
 * @stream: the stream
 * @ring_size: the peer's window
 *
 * Of a journal, as much as the smallest window takes.
 */
u64 ndval_flow_first_credit(const struct ndval_stream *stream, u32 ring_size)
{
	if (ndval_stream_is_journal(stream))
		return SZ_8K - NDVAL_RECORD_MAX;
	return min(ring_size, NDVAL_FIRST_CREDIT);
}

/**
 * ndval_flow_listed() - The peer has told of all its streams.
 * @flow: the flow; the caller holds the stream's lock
 * @ring_size: the peer's window
 *
 * If it did not tell of this one it does not know it: it stores nothing, and
 * accepts the first credit.
 */
void ndval_flow_listed(struct ndval_flow *flow, u32 ring_size)
{
	lockdep_assert_held(&flow->stream->lock);
	if (flow->known || !flow->link_id)
		return;
	ndval_flow_check_passed(flow, 0);
	flow->known = true;
	flow->ack = 0;
	flow->stored = 0;
	flow->want = ndval_flow_first_credit(flow->stream, ring_size);
	flow->confirm = true;
	ndval_flow_update_behind(flow);
	ndval_flow_update(flow);
}

/**
 * ndval_flow_follow() - The peer is the primary whose values we obtain.
 * @flow: the flow; the caller holds the stream's lock
 */
void ndval_flow_follow(struct ndval_flow *flow)
{
	lockdep_assert_held(&flow->stream->lock);
	flow->upstream = true;
	ndval_flow_mark(flow, false);
	ndval_propose_again(flow);
	ndval_check_flow(flow);
}

/**
 * ndval_flow_need() - What the peer must store before some reader, here or at
 *	another peer, gets what it waits for.
 * @flow: the flow; the caller holds the stream's lock
 *
 * Where it is counted, just that; else all that does not fit into our own window
 * when the window reaches to there.
 */
u64 ndval_flow_need(const struct ndval_flow *flow)
{
	const struct ndval_stream *stream = flow->stream;
	u64 size = ndval_stream_reach(stream);
	const struct ndval_flow *other;
	u64 need = stream->need;

	list_for_each_entry(other, &stream->flows, list)
		if (other != flow && ndval_flow_counts(other))
			need = max(need, other->need);
	if (flow->counted && ndval_pair_is_sync(stream->pair))
		return need;
	return need > size ? need - size : 0;
}

/**
 * ndval_flow_committed() - What all others than the peer that are counted store.
 * @flow: the flow; the caller holds the stream's lock
 */
u64 ndval_flow_committed(const struct ndval_flow *flow)
{
	const struct ndval_flow *other;
	u64 end = flow->stream->ring.head;

	list_for_each_entry(other, &flow->stream->flows, list)
		if (other != flow && other->counted)
			end = min(end, other->stored);
	return end;
}

/**
 * ndval_flow_limit() - L, below which the peer may deliver.
 * @flow: the flow; the caller holds the stream's lock
 *
 * What all others that are counted store, with commit=sync; else all there is.
 */
u64 ndval_flow_limit(const struct ndval_flow *flow)
{
	const struct ndval_flow *other;
	u64 limit = flow->stream->ring.head;

	if (!ndval_pair_is_sync(flow->stream->pair))
		return limit;
	list_for_each_entry(other, &flow->stream->flows, list)
		if (other != flow && other->counted)
			limit = min(limit, other->stored);
	return limit;
}

/* How much may change before it has to be told at once. A record is waited for. */
static u64 step_of(const struct ndval_stream *stream)
{
	if (ndval_stream_is_journal(stream))
		return 1;
	return max(ndval_pair_setting(stream->pair, NDVAL_SET_PREFETCH) / 4, 1ULL);
}

/**
 * ndval_flow_has_news() - Would FETCH say something new?
 * @flow: the flow, upstream; the caller holds the stream's lock
 */
bool ndval_flow_has_news(const struct ndval_flow *flow)
{
	struct ndval_stream *stream = flow->stream;

	lockdep_assert_held(&stream->lock);
	return !flow->told || flow->again || stream->ring.head != flow->told_have ||
	       ndval_stream_want(stream) != flow->told_want ||
	       (stream->need > flow->told_need && stream->need > flow->told_want);
}

/* Is nothing delivered only when this member has said that it stores it? */
static bool may_wait(const struct ndval_stream *stream)
{
	return !ndval_stream_is_journal(stream) && !ndval_pair_is_sync(stream->pair);
}

/* Has the primary recorded what it would for the demand, if its prefetch is as ours? */
static bool is_provided(const struct ndval_stream *stream, u64 demand)
{
	u64 prefetch = ndval_pair_setting(stream->pair, NDVAL_SET_PREFETCH);

	return demand + NDVAL_CHUNK + prefetch < stream->limit;
}

static void update_upstream(struct ndval_flow *flow)
{
	struct ndval_stream *stream = flow->stream;
	u64 step = step_of(stream);
	u64 stride = step;
	bool wait = may_wait(stream);
	u64 have = stream->ring.head;
	u64 want = ndval_stream_want(stream);
	u64 demand = ndval_stream_furthest(stream);
	u64 need = stream->need;
	u64 ready = ndval_stream_limit(stream);

	/* More is under way, or the window is full: a part of it may be told within 1 ms. */
	if (wait)
		stride = max(step, min(ndval_stream_size(stream) / 16, (u64)NDVAL_FIRST_CREDIT));
	if (have - flow->told_have >= (have < stream->limit ? stride : step) ||
	    want >= flow->told_want + stride ||
	    (demand >= flow->told_demand + step && !(wait && is_provided(stream, demand))) ||
	    need > flow->told_need || (need > ready && demand > flow->told_demand) ||
	    (flow->again && want > have))
		ndval_flow_mark(flow, false);
	else if (have != flow->told_have || want != flow->told_want ||
		 demand != flow->told_demand)
		ndval_flow_mark(flow, true);
}

/**
 * ndval_flow_end() - Up to where the peer may be sent what is stored here.
 * @flow: the flow; the caller holds the stream's lock
 *
 * Who comes to a hole is sent nothing beyond it before it has said that it stores all before
 * it: it goes on behind the hole then, and must not pass over what is there to be had.
 */
u64 ndval_flow_end(const struct ndval_flow *flow)
{
	const struct ndval_ring *ring = &flow->stream->ring;
	u64 end = min(flow->want, ring->head);

	lockdep_assert_held(&flow->stream->lock);
	if (ndval_ring_has_hole(ring) && max(flow->ack, flow->sent) <= ring->hole &&
	    flow->ack < ring->hole)
		end = min(end, ring->hole);
	return end;
}

static void update_downstream(struct ndval_flow *flow)
{
	u64 need;

	if (!flow->known || flow->refused)
		return;
	need = ndval_flow_need(flow);
	if (flow->confirm || flow->deferred || flow->sent < ndval_flow_end(flow) ||
	    (need > flow->want && need > flow->told_need))
		ndval_flow_mark(flow, false);
	else if (ndval_flow_limit(flow) > flow->told_have)
		ndval_flow_mark(flow, flow->need <= flow->told_have);
	else if (ndval_flow_committed(flow) > flow->told_committed)
		ndval_flow_mark(flow, true);
}

/**
 * ndval_flow_update() - Something about the stream has changed: is the peer to
 *	be told, and how soon?
 * @flow: the flow; the caller holds the stream's lock
 *
 * At once if have, want or demand moved by a quarter of prefetch, if a reader
 * waits, or if values can be sent; within a millisecond else, and with commit=async
 * where that is enough: see update_upstream().
 */
void ndval_flow_update(struct ndval_flow *flow)
{
	lockdep_assert_held(&flow->stream->lock);
	if (!ndval_flow_is_current(flow))
		return;
	if (flow->upstream)
		update_upstream(flow);
	else if (ndval_pair_is_primary(flow->stream->pair))
		update_downstream(flow);
}

/**
 * ndval_flow_retry() - The window may have room now for what the peer waits for.
 * @flow: the flow; the caller holds the stream's lock
 *
 * The sender fills, and sends, what can be.
 */
void ndval_flow_retry(struct ndval_flow *flow)
{
	lockdep_assert_held(&flow->stream->lock);
	if (ndval_flow_counts(flow) && flow->need > flow->stream->ring.head)
		ndval_flow_mark(flow, false);
}

/**
 * ndval_flow_defer() - Can what the peer proposed not be recorded now?
 * @flow: the flow
 * @deferred: it can't
 *
 * Then the peer is asked for it again when the window has moved, or there is memory.
 *
 * Context: process. Takes the stream's lock.
 */
void ndval_flow_defer(struct ndval_flow *flow, bool deferred)
{
	spin_lock(&flow->stream->lock);
	flow->deferred = deferred;
	spin_unlock(&flow->stream->lock);
}

/**
 * ndval_flow_refuse() - A peer can't store a stream of this primary.
 * @flow: the flow
 *
 * It does not hold the window, and is not in sync, until it asks for the stream
 * or there is a new link.
 *
 * Context: process. Takes the stream's lock.
 */
void ndval_flow_refuse(struct ndval_flow *flow)
{
	spin_lock(&flow->stream->lock);
	flow->refused = true;
	ndval_flow_update_behind(flow);
	spin_unlock(&flow->stream->lock);
	ndval_stream_progress(flow->stream);
}
