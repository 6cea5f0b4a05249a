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
#include <linux/slab.h>

#include "host.h"
#include "pair.h"
#include "peer.h"
#include "stream.h"

/* Most credit that any peer may give, the largest window there is. */
#define CREDIT_MAX	(64ULL << 20)

/* Most bytes of one VALUES. */
#define PUSH_MAX	(16U << 10)

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
	flow->due.kind = NDVAL_DUE_FLOW;
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
	if (flow->behind) {
		flow->behind = false;
		atomic_dec(&flow->peer->behind);
	}
	if (ndval_remote_unmark(flow->peer->remote, &flow->due))
		refcount_dec(&flow->ref);	/* the list's is still there */
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

static bool is_current(const struct ndval_flow *flow)
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
	return flow->known && is_current(flow);
}

/* Puts the flow on its remote's list; the list's entry holds a reference. */
static void mark(struct ndval_flow *flow, bool lazy)
{
	/* The list's: the sender may drop it before this goes on. */
	refcount_inc(&flow->ref);
	if (!ndval_remote_mark(flow->peer->remote, &flow->due, lazy))
		refcount_dec(&flow->ref);
}

/**
 * ndval_flow_update_behind() - Does the peer lack what was promised?
 * @flow: the flow; the caller holds the stream's lock
 */
void ndval_flow_update_behind(struct ndval_flow *flow)
{
	struct ndval_stream *stream = flow->stream;
	bool behind;

	lockdep_assert_held(&stream->lock);
	behind = ndval_pair_is_primary(stream->pair) &&
		 (flow->refused || (flow->known ? flow->ack : 0) < stream->promised);
	if (behind == flow->behind)
		return;
	flow->behind = behind;
	if (behind ? atomic_inc_return(&flow->peer->behind) == 1 :
		     atomic_dec_and_test(&flow->peer->behind))
		ndval_pair_report(stream->pair);
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
	flow->link_id = link_id;
	flow->upstream = false;
	flow->known = false;
	flow->refused = false;
	flow->confirm = false;
	flow->again = false;
	flow->missed = false;
	flow->want = 0;
	flow->demand = 0;
	flow->need = 0;
	flow->sent = 0;
	flow->told_have = 0;
	flow->told_want = 0;
	flow->credit = 0;
	flow->told_demand = 0;
	flow->told_need = 0;
	ndval_flow_update_behind(flow);
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
	flow->known = true;
	flow->ack = 0;
	flow->want = min(ring_size, NDVAL_FIRST_CREDIT);
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
	mark(flow, false);
}

/*
 * What the peer of a flow must store before some reader, here or at another
 * peer, gets what it waits for: all that does not fit into our own window
 * when the window reaches to there.
 */
static u64 need_of_others(const struct ndval_flow *flow)
{
	const struct ndval_stream *stream = flow->stream;
	u64 size = ndval_pair_setting(stream->pair, NDVAL_SET_RING_SIZE);
	const struct ndval_flow *other;
	u64 need = stream->need;

	list_for_each_entry(other, &stream->flows, list)
		if (other != flow && ndval_flow_counts(other))
			need = max(need, other->need);
	return need > size ? need - size : 0;
}

/* What is committed, as seen from this peer: stored by all others. */
static u64 limit_for(const struct ndval_flow *flow)
{
	const struct ndval_flow *other;
	u64 limit = flow->stream->ring.head;

	list_for_each_entry(other, &flow->stream->flows, list)
		if (other != flow && !other->refused && ndval_flow_counts(other))
			limit = min(limit, other->ack);
	return limit;
}

static void update_upstream(struct ndval_flow *flow)
{
	struct ndval_stream *stream = flow->stream;
	u64 step = max(ndval_pair_setting(stream->pair, NDVAL_SET_PREFETCH) / 4, 1ULL);
	u64 have = stream->ring.head;
	u64 want = ndval_stream_want(stream);
	u64 demand = ndval_stream_furthest(stream);
	u64 need = stream->need;

	if (have - flow->told_have >= step || want >= flow->told_want + step ||
	    demand >= flow->told_demand + step || need > flow->told_need ||
	    (need > have && demand > flow->told_demand) ||
	    (flow->again && want > have))
		mark(flow, false);
	else if (have != flow->told_have || want != flow->told_want ||
		 demand != flow->told_demand)
		mark(flow, true);
}

static void update_downstream(struct ndval_flow *flow)
{
	struct ndval_stream *stream = flow->stream;
	u64 need;

	if (!flow->known || flow->refused)
		return;
	need = need_of_others(flow);
	if (flow->confirm || flow->sent < min(flow->want, stream->ring.head) ||
	    (need > flow->want && need > flow->told_need))
		mark(flow, false);
	else if (limit_for(flow) > flow->told_have)
		mark(flow, true);
}

/**
 * ndval_flow_update() - Something about the stream has changed: is the peer to
 *	be told, and how soon?
 * @flow: the flow; the caller holds the stream's lock
 *
 * At once if have, want or demand moved by a quarter of prefetch, if a reader
 * waits, or if values can be sent; within a millisecond else.
 */
void ndval_flow_update(struct ndval_flow *flow)
{
	lockdep_assert_held(&flow->stream->lock);
	if (!is_current(flow))
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
		mark(flow, false);
}

/* What a peer's instances were given counts as what ours were. */
static void promise(struct ndval_stream *stream, u64 end)
{
	struct ndval_flow *flow;

	if (end <= stream->promised)
		return;
	stream->promised = end;
	list_for_each_entry(flow, &stream->flows, list)
		ndval_flow_update_behind(flow);
}

/**
 * ndval_flow_fetched() - A peer has sent FETCH to this primary.
 * @flow: the flow
 * @fetch: what it says
 *
 * A peer is never trusted with memory: its demand and need are cut to what
 * the window could hold.
 *
 * Context: process. Takes the stream's lock.
 * Return: 0, or -EPROTO if it says what can't be.
 */
int ndval_flow_fetched(struct ndval_flow *flow, const struct ndval_fetch *fetch)
{
	struct ndval_stream *stream = flow->stream;
	u64 size = ndval_pair_setting(stream->pair, NDVAL_SET_RING_SIZE);
	int err = 0;

	spin_lock(&stream->lock);
	if (!is_current(flow))
		goto out;
	if (fetch->have > stream->ring.head || fetch->want < fetch->have ||
	    fetch->want - fetch->have > CREDIT_MAX) {
		err = -EPROTO;
		goto out;
	}
	if (!flow->known || flow->refused) {
		flow->known = true;
		flow->refused = false;
		flow->ack = fetch->have;
		flow->sent = fetch->have;
		flow->confirm = true;
	}
	flow->ack = max(flow->ack, fetch->have);
	if (fetch->again)
		flow->sent = flow->ack;
	flow->sent = max(flow->sent, flow->ack);
	flow->want = fetch->want;
	flow->demand = min(fetch->demand, stream->ring.head + size);
	flow->need = min(fetch->need, stream->ring.head + NDVAL_CHUNK);
	if (flow->need <= flow->ack)
		flow->need = 0;
	flow->told_need = 0;
	promise(stream, min(fetch->have, flow->demand));
	ndval_flow_update_behind(flow);
	mark(flow, false);
out:
	spin_unlock(&stream->lock);
	if (!err)
		ndval_stream_progress(stream);
	return err;
}

/**
 * ndval_flow_take_fetch() - What FETCH is to say now.
 * @flow: the flow
 * @link_id: the link that asks, which may not be the current one any more
 * @fetch: filled in
 *
 * Context: process. Takes the stream's lock.
 * Return: false if nothing is to be sent.
 */
bool ndval_flow_take_fetch(struct ndval_flow *flow, u32 link_id,
			   struct ndval_fetch *fetch)
{
	struct ndval_stream *stream = flow->stream;
	bool due;

	spin_lock(&stream->lock);
	due = flow->upstream && flow->link_id == link_id && is_current(flow);
	if (due) {
		fetch->have = stream->ring.head;
		fetch->want = ndval_stream_want(stream);
		fetch->demand = ndval_stream_furthest(stream);
		fetch->need = stream->need > fetch->have ? stream->need : 0;
		fetch->again = flow->again;
		fetch->id = stream->id;
		fetch->epoch_id = stream->epoch_id;
		flow->again = false;
		flow->told_have = fetch->have;
		flow->told_want = fetch->want;
		flow->credit = max(flow->credit, fetch->want);
		flow->told_demand = fetch->demand;
		flow->told_need = fetch->need;
	}
	spin_unlock(&stream->lock);
	return due;
}

/**
 * ndval_flow_take_push() - What VALUES is to say now.
 * @flow: the flow
 * @link_id: the link that asks, which may not be the current one any more
 * @push: filled in
 * @data: gets the bytes
 * @size: room there
 *
 * The flow is marked again if more is due.
 *
 * Context: process. Takes the stream's lock.
 * Return: false if nothing is to be sent.
 */
bool ndval_flow_take_push(struct ndval_flow *flow, u32 link_id,
			  struct ndval_push *push, u8 *data, size_t size)
{
	struct ndval_stream *stream = flow->stream;
	struct ndval_ring *ring = &stream->ring;
	bool due = false;
	u64 end;

	spin_lock(&stream->lock);
	if (flow->link_id != link_id || !is_current(flow) || flow->upstream ||
	    !flow->known || flow->refused ||
	    !ndval_pair_is_primary(stream->pair) || stream->dead)
		goto out;
	if (flow->sent < ring->tail) {
		flow->sent = ring->tail;
		due = true;
	}
	end = min(flow->want, ring->head);
	push->offset = flow->sent;
	push->len = 0;
	if (flow->sent < end)
		push->len = ndval_ring_copy(ring, flow->sent, data,
					    min3(end - flow->sent, (u64)size,
						 (u64)PUSH_MAX));
	push->committed = limit_for(flow);
	push->tail = ring->tail;
	push->need = need_of_others(flow);
	push->id = stream->id;
	push->epoch_id = stream->epoch_id;
	due |= push->len || flow->confirm || push->committed > flow->told_have ||
	       (push->need > flow->want && push->need > flow->told_need);
	flow->sent += push->len;
	flow->confirm = false;
	flow->told_have = push->committed;
	flow->told_need = push->need;
	update_downstream(flow);
out:
	spin_unlock(&stream->lock);
	return due;
}

/* What a push may not say of a flow, whatever is stored; stream's lock held. */
static int check_push(const struct ndval_flow *flow, const struct ndval_push *push)
{
	const struct ndval_stream *stream = flow->stream;
	u64 credit = max_t(u64, flow->credit,
			   min_t(u64, NDVAL_FIRST_CREDIT,
				 ndval_pair_setting(stream->pair, NDVAL_SET_RING_SIZE)));

	if (push->len > PUSH_MAX || push->offset >= NDVAL_OFFSET_MAX ||
	    push->tail > push->offset || push->committed >= NDVAL_OFFSET_MAX ||
	    push->need >= NDVAL_OFFSET_MAX)
		return -EPROTO;
	if (push->len && push->offset + push->len > credit)
		return -EPROTO;
	return 0;
}

static void store_failed(struct ndval_flow *flow, int err)
{
	struct ndval_stream *stream = flow->stream;

	spin_lock(&stream->lock);
	flow->missed = true;
	flow->again = true;
	if (err == -ENOMEM) {
		stream->starved = true;
		ndval_stream_wake(stream);
		ndval_host_retry();
	}
	ndval_flow_update(flow);
	spin_unlock(&stream->lock);
}

/**
 * ndval_flow_pushed() - The primary has sent VALUES to this secondary.
 * @flow: the flow
 * @push: what it says
 * @data: the bytes
 *
 * Bytes that can't be stored now are asked for again later.
 *
 * Context: process. Takes the stream's lock.
 * Return: 0, -EPROTO if it says what can't be, -EBADMSG if the bytes
 * contradict what is stored, -ERANGE for a gap.
 */
int ndval_flow_pushed(struct ndval_flow *flow, const struct ndval_push *push,
		      const u8 *data)
{
	struct ndval_stream *stream = flow->stream;
	bool store;
	int err;

	spin_lock(&stream->lock);
	store = flow->upstream && is_current(flow) &&
		flow->link_id == push->link_id &&
		stream->epoch_id == push->epoch_id;
	err = store ? check_push(flow, push) : 0;
	if (store && !err) {
		ndval_stream_jump(stream, push->tail);
		ndval_stream_force(stream, push->need);
		stream->committed = max(stream->committed, push->committed);
		stream->error = 0;
		if (push->offset > stream->ring.head && flow->missed)
			store = false;
	}
	spin_unlock(&stream->lock);
	if (err || !store)
		return err;

	err = ndval_stream_store(stream, push->epoch_id, push->offset, data, push->len);
	if (err == -ENOMEM || err == -EAGAIN) {
		store_failed(flow, err);
		return 0;
	}
	if (err == -ESTALE)	/* the epoch has changed meanwhile */
		return 0;
	if (err)
		return err;
	spin_lock(&stream->lock);
	if (push->len)
		flow->missed = false;
	ndval_stream_wake(stream);
	spin_unlock(&stream->lock);
	ndval_stream_progress(stream);
	return 0;
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
