// SPDX-License-Identifier: GPL-2.0-only
/*
 * How values come into a stream: a primary draws them and records them ahead
 * of their use, a secondary stores what the primary recorded.
 */
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/random.h>
#include <linux/string.h>

#include "flow.h"
#include "host.h"
#include "pair.h"
#include "stream.h"

/* Bytes that are drawn for a reader that waits for no more; they are on the stack. */
#define FEW		256

/**
 * ndval_stream_may_issue() - May this member record values now?
 * @stream: the stream; the caller holds its lock
 *
 * Return: 0; -EAGAIN if it is not the primary, or hands the pair over; -ENODEV,
 * -ESTALE.
 */
int ndval_stream_may_issue(const struct ndval_stream *stream)
{
	const struct ndval_pair *pair = stream->pair;

	if (READ_ONCE(pair->dead))
		return -ENODEV;
	if (ndval_bar_waits(READ_ONCE(pair->bar)))
		return -EAGAIN;
	if (stream->dead || READ_ONCE(pair->bar) != NDVAL_BAR_NONE)
		return -ESTALE;
	return ndval_pair_is_primary(pair) ? 0 : -EAGAIN;
}

static int append(struct ndval_stream *stream, u64 end, bool needed,
		  struct ndval_chunk **chunk)
{
	int err;

	spin_lock(&stream->lock);
	err = ndval_stream_may_issue(stream);
	if (!err && stream->ring.head < end)
		err = ndval_stream_make_room(stream, ndval_ring_rest(&stream->ring), needed,
					     NULL);
	if (!err && stream->ring.head < end) {
		err = ndval_ring_fill(&stream->ring, chunk);
		if (!err) {
			ndval_stream_update_flows(stream);
			ndval_stream_wake(stream);
		}
	}
	spin_unlock(&stream->lock);
	return err;
}

/**
 * ndval_stream_fill() - Record fresh bytes until the head has reached an end.
 * @stream: the stream
 * @end: the end
 * @needed: a reader waits for them
 * @gfp: how to allocate
 *
 * The bytes are drawn outside the lock, into a chunk of which nobody knows.
 *
 * Context: as @gfp says. Takes the stream's lock.
 * Return: 0; -EAGAIN if this member is not the primary, the window is held or
 * the kernel's generator is not ready; -ENOMEM, -EOVERFLOW, -ESTALE, -ENODEV.
 */
int ndval_stream_fill(struct ndval_stream *stream, u64 end, bool needed, gfp_t gfp)
{
	struct ndval_chunk *chunk;
	u64 head;
	int err;

	if (!rng_is_initialized()) {
		ndval_host_retry();
		return -EAGAIN;
	}
	for (;;) {
		chunk = NULL;
		spin_lock(&stream->lock);
		head = stream->ring.head;
		err = ndval_stream_may_issue(stream);
		if (!err && head < end)
			err = ndval_stream_make_room(stream, ndval_ring_rest(&stream->ring),
						     needed, &chunk);
		spin_unlock(&stream->lock);
		if (err || head >= end)
			break;
		if (!chunk)
			chunk = ndval_chunk_create(&stream->pair->mem, gfp);
		if (IS_ERR(chunk) && needed)
			chunk = ndval_stream_reclaim(stream) ?: chunk;
		if (IS_ERR(chunk)) {
			if (needed)
				ndval_host_retry_pair(stream->pair);
			return PTR_ERR(chunk);
		}
		get_random_bytes(chunk->data, NDVAL_CHUNK);
		err = append(stream, end, needed, &chunk);
		if (err == -ENOMEM) {
			err = ndval_ring_reserve(&stream->ring, READ_ONCE(stream->ring.head),
						 gfp);
			if (err && needed)
				ndval_host_retry();
		}
		ndval_chunk_put(chunk);
		chunk = NULL;
		if (err || READ_ONCE(stream->ring.head) >= end)
			break;
	}
	ndval_chunk_put(chunk);
	return err;
}

/*
 * What ndval_ring_store() lacked at an offset: -ENOENT, a chunk, or -ENOMEM, memory that may
 * be waited for. 0, or why it can't be had.
 */
static int make_place(struct ndval_ring *ring, u64 offset, int err, struct ndval_chunk **spare,
		      gfp_t gfp)
{
	struct ndval_chunk *chunk;

	if (err == -ENOMEM)
		return ndval_ring_reserve(ring, offset, GFP_KERNEL);
	chunk = ndval_chunk_create(ring->mem, gfp);
	if (IS_ERR(chunk))
		return PTR_ERR(chunk);
	*spare = chunk;
	return 0;
}

/* Appends fresh bytes, no more than fit into the chunk at the head, if they are wanted yet. */
static int append_few(struct ndval_flow *flow, const u8 *data, size_t len)
{
	struct ndval_stream *stream = flow->stream;
	struct ndval_ring *ring = &stream->ring;
	struct ndval_chunk *spare = NULL;
	u64 head;
	int err;

	for (;;) {
		spin_lock(&stream->lock);
		head = ring->head;
		len = min_t(u64, len, ndval_ring_rest(ring));
		err = flow->demand > head ? 0 : -EAGAIN;
		err = err ?: ndval_stream_may_issue(stream) ?:
		      ndval_stream_make_room(stream, len, true, NULL) ?:
		      ndval_ring_store(ring, head, data, len, &spare);
		if (!err) {
			ndval_stream_update_flows(stream);
			ndval_stream_wake(stream);
		}
		spin_unlock(&stream->lock);
		if (err != -ENOENT && err != -ENOMEM)
			break;
		err = make_place(ring, head, err, &spare, GFP_KERNEL | __GFP_ZERO);
		if (err)
			break;
	}
	ndval_chunk_put(spare);
	return err;
}

/**
 * ndval_stream_fill_few() - A peer's reader waits for a few bytes: record just these.
 * @flow: the flow to that peer
 *
 * To draw a whole chunk would take longer than it takes to ask for the bytes and to
 * send them.
 *
 * Context: process, sleeps. Takes the stream's lock.
 * Return: true if there is something to be sent at once, so that what is to be there
 * ahead of use can wait until that is done.
 */
bool ndval_stream_fill_few(struct ndval_flow *flow)
{
	struct ndval_stream *stream = flow->stream;
	u64 wanted = 0;
	u8 few[FEW];
	int err;

	if (ndval_stream_is_journal(stream) || !rng_is_initialized())
		return false;
	spin_lock(&stream->lock);
	if (ndval_flow_counts(flow) && flow->need > stream->ring.head &&
	    flow->demand > stream->ring.head)
		wanted = flow->demand - stream->ring.head;
	spin_unlock(&stream->lock);
	if (!wanted || wanted > FEW)
		return false;
	get_random_bytes(few, sizeof(few));
	err = append_few(flow, few, sizeof(few));
	memzero_explicit(few, sizeof(few));
	return !err;
}

/* Up to where is a peer's reader to get something now? */
static u64 needed_by_peers(struct ndval_stream *stream)
{
	struct ndval_flow *flow;
	u64 need = 0;

	if (!ndval_stream_is_journal(stream))
		list_for_each_entry(flow, &stream->flows, list)
			if (ndval_flow_counts(flow) && flow->demand > stream->ring.head)
				need = max(need, flow->need);
	return need;
}

/**
 * ndval_stream_fill_ahead() - On a primary with peers, record ahead of use.
 * @stream: the stream
 * @gfp: how to allocate
 *
 * Up to prefetch beyond the chunk in which the furthest instance stands, and
 * up to where a peer's reader waits. Failing to is no error: who needs the
 * bytes will find out. Nothing of a journal is known before it is asked for.
 *
 * Context: as @gfp says. Takes the stream's lock.
 */
void ndval_stream_fill_ahead(struct ndval_stream *stream, gfp_t gfp)
{
	u64 prefetch = ndval_pair_setting(stream->pair, NDVAL_SET_PREFETCH);
	u64 ahead, need;

	spin_lock(&stream->lock);
	ahead = ndval_stream_furthest(stream);
	if (list_empty(&stream->flows) || ndval_stream_is_journal(stream))
		ahead = 0;
	else if (prefetch)
		ahead = round_down(ahead, NDVAL_CHUNK) + NDVAL_CHUNK + prefetch;
	need = needed_by_peers(stream);
	spin_unlock(&stream->lock);

	if (need && ndval_stream_fill(stream, need, true, gfp) == -ENOMEM)
		ndval_host_retry();
	if (ahead)
		ndval_stream_fill(stream, ahead, false, gfp);
}

/* One piece that does not cross a chunk border. */
static int store_piece(struct ndval_stream *stream, u64 epoch_id, u64 offset,
		       const u8 *data, size_t len)
{
	/* What is filled whole need not be zeroed before, and may have held something else. */
	bool whole = len == NDVAL_CHUNK;
	gfp_t gfp = GFP_KERNEL | (whole ? 0 : __GFP_ZERO);
	struct ndval_chunk *spare = NULL;
	int err;

	for (;;) {
		spin_lock(&stream->lock);
		err = stream->epoch_id == epoch_id ? 0 : -ESTALE;
		if (!err && offset + len > stream->ring.head)
			err = ndval_stream_make_room(stream, offset + len -
						     stream->ring.head, false,
						     whole ? &spare : NULL);
		if (!err)
			err = ndval_ring_store(&stream->ring, offset, data, len,
					       &spare);
		spin_unlock(&stream->lock);
		if (err != -ENOENT && err != -ENOMEM)
			break;
		err = make_place(&stream->ring, offset + len - 1, err, &spare, gfp);
		if (err)
			break;
	}
	ndval_chunk_put(spare);
	return err;
}

/**
 * ndval_stream_store() - Store bytes that the primary recorded.
 * @stream: the stream
 * @epoch_id: epoch that the bytes belong to
 * @offset: of the first byte
 * @data: the bytes
 * @len: how many
 *
 * Context: process. Takes the stream's lock.
 * Return: 0, or as ndval_ring_store(), or -EAGAIN if an instance holds the
 * window, or -ENOMEM, or -ESTALE if the stream is of another epoch. What came
 * before the failure is stored.
 */
int ndval_stream_store(struct ndval_stream *stream, u64 epoch_id, u64 offset,
		       const u8 *data, size_t len)
{
	int err = 0;

	while (len && !err) {
		size_t piece = min_t(size_t, len,
				     NDVAL_CHUNK - (offset & (NDVAL_CHUNK - 1)));

		err = store_piece(stream, epoch_id, offset, data, piece);
		offset += piece;
		data += piece;
		len -= piece;
	}
	return err;
}
