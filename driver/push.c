// SPDX-License-Identifier: GPL-2.0-only
/*
 * FETCH and VALUES: what they are made from, and what follows from them. FETCH
 * says everything each time; VALUES may be lost or repeated: what is at an
 * offset of an epoch is one value for ever.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "check.h"
#include "flow.h"
#include "host.h"
#include "journal.h"
#include "pair.h"
#include "peer.h"
#include "propose.h"
#include "stream.h"
#include "wire_enum_gen.h"

/* Most credit that any peer may give, the largest window there is. */
#define CREDIT_MAX	(64ULL << 20)

/**
 * ndval_fetch_is_sane() - Does a FETCH make sense, whatever is stored here?
 * @fetch: what it says
 */
bool ndval_fetch_is_sane(const struct ndval_fetch *fetch)
{
	return fetch->have < NDVAL_OFFSET_MAX && fetch->want < NDVAL_OFFSET_MAX &&
	       fetch->want >= fetch->have && fetch->want - fetch->have <= CREDIT_MAX;
}

/* A peer stores whole records, or it could never be sent what comes next. */
static bool may_have(struct ndval_stream *stream, u64 have)
{
	return !ndval_stream_is_journal(stream) ||
	       ndval_journal_may_end(&stream->ring, have);
}

/* What a peer's instances were given counts as what ours were. */
static void give(struct ndval_stream *stream, u64 end)
{
	struct ndval_flow *flow;

	if (end <= stream->given)
		return;
	stream->given = end;
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
	u64 size = ndval_stream_size(stream);
	int err = 0;

	spin_lock(&stream->lock);
	if (!ndval_flow_is_current(flow))
		goto out;
	if (fetch->have > stream->ring.head || !may_have(stream, fetch->have)) {
		err = -EPROTO;
		goto out;
	}
	ndval_flow_check_passed(flow, fetch->have);
	if (!flow->known || flow->refused) {
		flow->known = true;
		flow->refused = false;
		flow->ack = fetch->have;
		flow->sent = fetch->have;
		flow->confirm = true;
		ndval_check_flow(flow);
	}
	flow->ack = max(flow->ack, fetch->have);
	flow->stored = max(flow->stored, fetch->have);
	if (fetch->again)
		flow->sent = flow->ack;
	flow->sent = max(flow->sent, flow->ack);
	flow->want = fetch->want;
	flow->demand = min(fetch->demand, stream->ring.head + size);
	flow->need = min(fetch->need, stream->ring.head + NDVAL_CHUNK);
	if (flow->need <= min(flow->ack, ndval_flow_limit(flow)))
		flow->need = 0;
	flow->told_need = 0;
	/* What its readers want, it stores and was told that they may have. */
	give(stream, min3(fetch->have, flow->demand, flow->told_have));
	ndval_flow_update_behind(flow);
	ndval_flow_mark(flow, false);
out:
	spin_unlock(&stream->lock);
	if (!err)
		ndval_stream_progress(stream);
	return err;
}

/**
 * ndval_flow_give() - A peer that is being promoted has sent FETCH to this secondary.
 * @flow: the flow
 * @fetch: what it says
 *
 * It gets what it can store and is stored here, and nothing of it counts.
 *
 * Context: process. Takes the stream's lock.
 * Return: 0, or -EPROTO if it says what can't be.
 */
int ndval_flow_give(struct ndval_flow *flow, const struct ndval_fetch *fetch)
{
	struct ndval_stream *stream = flow->stream;
	int err = 0;

	spin_lock(&stream->lock);
	if (!ndval_fetch_is_sane(fetch) || !may_have(stream, fetch->have)) {
		err = -EPROTO;
	} else if (ndval_flow_is_current(flow)) {
		flow->known = true;
		flow->sent = fetch->have;
		flow->want = fetch->want;
		flow->give = fetch->have >= stream->ring.tail &&
			     fetch->have < min(fetch->want, stream->ring.head);
		if (flow->give)
			ndval_flow_mark(flow, false);
	}
	spin_unlock(&stream->lock);
	return err;
}

/**
 * ndval_flow_give_all() - A peer that is being promoted has told of all its streams.
 * @flow: the flow, maybe of a stream that it does not know; the caller holds the
 *	stream's lock
 * @ring_size: the peer's window
 */
void ndval_flow_give_all(struct ndval_flow *flow, u32 ring_size)
{
	struct ndval_stream *stream = flow->stream;

	lockdep_assert_held(&stream->lock);
	if (!flow->known && stream->id && !stream->ring.tail && stream->ring.head) {
		flow->sent = 0;
		flow->want = ndval_flow_first_credit(stream, ring_size);
		flow->give = true;
		ndval_flow_mark(flow, false);
	}
	flow->known = false;
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
	due = flow->upstream && flow->link_id == link_id && ndval_flow_is_current(flow);
	if (due) {
		fetch->have = stream->ring.head;
		fetch->want = ndval_stream_want(stream);
		fetch->demand = ndval_stream_furthest(stream);
		fetch->need = stream->need > ndval_stream_limit(stream) ? stream->need : 0;
		fetch->again = flow->again;
		fetch->takeover = READ_ONCE(flow->peer->asked);
		fetch->id = stream->id;
		fetch->epoch_id = stream->epoch_id;
		flow->again = false;
		flow->told = true;
		flow->told_have = fetch->have;
		flow->told_want = fetch->want;
		flow->credit = max(flow->credit, fetch->want);
		flow->told_demand = fetch->demand;
		flow->told_need = fetch->need;
	}
	spin_unlock(&stream->lock);
	return due;
}

/* Most bytes of one VALUES. */
static u32 longest(const struct ndval_stream *stream)
{
	return ndval_stream_is_journal(stream) ? NDVAL_WIRE_RECORDS_MAX : NDVAL_WIRE_VALUES_MAX;
}

static u32 copy_values(struct ndval_flow *flow, u8 *data)
{
	struct ndval_ring *ring = &flow->stream->ring;
	size_t size = longest(flow->stream);
	u64 end = ndval_flow_end(flow);
	u32 len;

	if (flow->sent >= end)
		return 0;
	/* Whole records: the last one may go on beyond what it had to begin before. */
	if (ndval_stream_is_journal(flow->stream))
		len = ndval_journal_copy(ring, flow->sent, end, data, size);
	else
		len = ndval_ring_copy(ring, flow->sent, data, min(end - flow->sent, (u64)size));
	flow->sent += len;
	return len;
}

/* What a secondary gives to one that is being promoted. */
static bool fill_gift(struct ndval_flow *flow, struct ndval_push *push, u8 *data)
{
	struct ndval_stream *stream = flow->stream;

	*push = (struct ndval_push) {
		.offset		= flow->sent,
		.len		= copy_values(flow, data),
		.id		= stream->id,
		.epoch_id	= stream->epoch_id,
	};
	flow->give = push->len && flow->sent < min(flow->want, stream->ring.head);
	if (flow->give)
		ndval_flow_mark(flow, false);
	return push->len;
}

/*
 * Of a hole there is nothing to send: the peer, which stores all before it, goes on behind
 * it. Where it may begin, which is told until it is known to have heard.
 */
static u64 pass_hole(struct ndval_flow *flow)
{
	const struct ndval_ring *ring = &flow->stream->ring;

	if (!ndval_ring_has_hole(ring) || flow->ack < ring->hole ||
	    flow->ack >= ring->hole_end)
		return ring->tail;
	flow->sent = max(flow->sent, ring->hole_end);
	return ring->hole_end;
}

/* What a primary pushes. */
static bool fill_push(struct ndval_flow *flow, struct ndval_push *push, u8 *data)
{
	struct ndval_stream *stream = flow->stream;
	bool due = flow->confirm;
	u64 sent = flow->sent;

	flow->sent = max(flow->sent, stream->ring.tail);
	push->tail = pass_hole(flow);
	due |= flow->sent != sent;
	push->offset = flow->sent;
	push->len = copy_values(flow, data);
	/* A peer that lied of where a record ends can be sent nothing more. */
	push->stuck = !push->len && flow->sent < ndval_flow_end(flow);
	push->limit = ndval_flow_limit(flow);
	push->committed = ndval_flow_committed(flow);
	push->drops = stream->drops;
	push->n = flow->confirm ? NDVAL_EPOCHS : 0;
	memcpy(push->starts, stream->starts, sizeof(push->starts));
	push->need = ndval_flow_need(flow);
	push->again = flow->deferred;
	push->id = stream->id;
	push->epoch_id = stream->epoch_id;
	due |= push->len || push->limit > flow->told_have ||
	       push->committed > flow->told_committed ||
	       (push->need > flow->want && push->need > flow->told_need) || push->again;
	flow->confirm = false;
	flow->deferred = false;
	flow->told_have = push->limit;
	flow->told_committed = push->committed;
	flow->told_need = push->need;
	if (due)
		ndval_stream_promise(stream, push->limit);
	if (!push->stuck)
		ndval_flow_update(flow);
	return due || push->stuck;
}

/**
 * ndval_flow_take_push() - What VALUES is to say now.
 * @flow: the flow
 * @link_id: the link that asks, which may not be the current one any more
 * @push: filled in
 * @data: gets the bytes, NDVAL_WIRE_VALUES_MAX at most
 *
 * The flow is marked again if more is due.
 *
 * Context: process. Takes the stream's lock.
 * Return: false if nothing is to be sent.
 */
bool ndval_flow_take_push(struct ndval_flow *flow, u32 link_id,
			  struct ndval_push *push, u8 *data)
{
	struct ndval_stream *stream = flow->stream;
	bool due = false;

	spin_lock(&stream->lock);
	if (flow->link_id == link_id && ndval_flow_is_current(flow) && !stream->dead &&
	    !ndval_bar_refuses(READ_ONCE(stream->pair->bar))) {
		if (flow->give && !ndval_pair_is_primary(stream->pair))
			due = fill_gift(flow, push, data);
		else if (!flow->upstream && flow->known && !flow->refused &&
			 ndval_pair_is_primary(stream->pair))
			due = fill_push(flow, push, data);
	}
	spin_unlock(&stream->lock);
	return due;
}

/* What a push may not say of a flow, whatever is stored; stream's lock held. */
static int check_push(const struct ndval_flow *flow, const struct ndval_push *push)
{
	const struct ndval_stream *stream = flow->stream;
	u64 size = ndval_pair_setting(stream->pair, NDVAL_SET_RING_SIZE);
	u64 credit = max(flow->credit, ndval_flow_first_credit(stream, size));

	/* That is up to where a record may begin. */
	if (ndval_stream_is_journal(stream))
		credit += NDVAL_RECORD_MAX - 1;

	if (push->len > longest(stream) || push->offset >= NDVAL_OFFSET_MAX ||
	    push->tail > push->offset || push->committed >= NDVAL_OFFSET_MAX ||
	    push->limit >= NDVAL_OFFSET_MAX ||
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
		ndval_host_retry_pair(stream->pair);
	}
	ndval_flow_update(flow);
	spin_unlock(&stream->lock);
}

/* What a push says besides its bytes; are they to be stored? Stream's lock held. */
static bool hear_push(struct ndval_flow *flow, const struct ndval_push *push)
{
	struct ndval_stream *stream = flow->stream;

	if (READ_ONCE(flow->peer->asked))
		return push->len && push->offset <= stream->ring.head;
	stream->limit = max(stream->limit, push->limit);
	stream->committed = max(stream->committed, push->committed);
	if (stream->drops_told != NDVAL_DROPS_UNTOLD && push->drops != stream->drops_told)
		stream->drops++;
	stream->drops_told = push->drops;
	if (push->n)
		memcpy(stream->starts, push->starts, sizeof(stream->starts));
	ndval_stream_jump(stream, push->tail);
	ndval_stream_force(stream, push->need);
	if (push->again)
		ndval_propose_again(flow);
	stream->error = 0;
	return push->offset <= stream->ring.head || !flow->missed;
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
	store = flow->upstream && ndval_flow_is_current(flow) &&
		flow->link_id == push->link_id &&
		stream->epoch_id == push->epoch_id;
	err = store ? check_push(flow, push) : 0;
	if (store && !err)
		store = hear_push(flow, push);
	spin_unlock(&stream->lock);
	if (err || !store)
		return err;

	if (!ndval_stream_is_journal(stream))
		err = ndval_stream_store(stream, push->epoch_id, push->offset, data, push->len);
	else if (ndval_records_are_sane(data, push->len, push->offset))
		err = ndval_stream_store_records(stream, push->epoch_id, push->offset, data,
						 push->len);
	else
		err = -EPROTO;
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
