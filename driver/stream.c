// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streams: made, looked up, taken out of their pair. What holds their window is
 * in window.c, how it is filled in fill.c, how it is read in cursor.c.
 */
#include "stream.h"

#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "check.h"
#include "cursor.h"
#include "event.h"
#include "flow.h"
#include "pair.h"
#include "peer.h"

const struct rhashtable_params ndval_stream_params = {
	.key_len		= NDVAL_NAME_SIZE,
	.key_offset		= offsetof(struct ndval_stream, name),
	.head_offset		= offsetof(struct ndval_stream, node),
	/* An idle pair has few: the default would be 64 buckets. */
	.nelem_hint		= 3,
	.min_size		= 4,
	.automatic_shrinking	= true,
};

/**
 * ndval_stream_find() - Look a stream up by name.
 * @pair: the pair
 * @name: the name
 *
 * Context: any; takes no lock.
 * Return: the stream with a reference, or NULL.
 */
struct ndval_stream *ndval_stream_find(struct ndval_pair *pair, const char *name)
{
	char key[NDVAL_NAME_SIZE] = {};
	struct ndval_stream *stream;

	strscpy(key, name, sizeof(key));
	rcu_read_lock();
	stream = rhashtable_lookup(&pair->streams, key, ndval_stream_params);
	if (stream && !refcount_inc_not_zero(&stream->ref))
		stream = NULL;
	rcu_read_unlock();
	return stream;
}

/**
 * ndval_stream_get() - Take a reference.
 * @stream: the stream
 */
void ndval_stream_get(struct ndval_stream *stream)
{
	refcount_inc(&stream->ref);
}

static void stream_destroy(struct ndval_stream *stream)
{
	struct ndval_pair *pair = stream->pair;
	unsigned int i;

	WARN_ON_ONCE(!list_empty(&stream->flows));
	for (i = 0; i < NDVAL_INSTANCES; i++)
		ndval_cursor_destroy(&stream->cursors[i], &pair->mem);
	ndval_ring_destroy(&stream->ring);
	ndval_mem_uncharge(&pair->mem, sizeof(*stream));
	kfree_rcu(stream, rcu);
	ndval_pair_put(pair);
}

/**
 * ndval_stream_put() - Drop a reference.
 * @stream: the stream, may be NULL
 *
 * Context: process; may drop the last reference to the pair.
 */
void ndval_stream_put(struct ndval_stream *stream)
{
	if (stream && refcount_dec_and_test(&stream->ref))
		stream_destroy(stream);
}

static int add_flows(struct ndval_stream *stream, gfp_t gfp)
{
	struct ndval_pair *pair = stream->pair;
	struct ndval_peer *peer;
	struct ndval_flow *flow;

	list_for_each_entry(peer, &pair->peers, list) {
		flow = ndval_flow_create(stream, peer, gfp);
		if (!flow)
			return ndval_mem_error(gfp);
		ndval_flow_add(flow);
	}
	return 0;
}

static void remove_flows(struct ndval_stream *stream)
{
	struct ndval_flow *flow;

	while ((flow = list_first_entry_or_null(&stream->flows, struct ndval_flow,
						list)))
		ndval_flow_remove(flow);
}

/* Connects the flows of a new stream to peers, as far as they have spoken already. */
static void start_flows(struct ndval_stream *stream)
{
	struct ndval_pair *pair = stream->pair;
	struct ndval_flow *flow;

	spin_lock(&stream->lock);
	list_for_each_entry(flow, &stream->flows, list) {
		struct ndval_peer *peer = flow->peer;

		if (!ndval_peer_has_link(peer))
			continue;
		ndval_flow_reset(flow, peer->link_id);
		if (!ndval_peer_connected(peer))
			continue;
		if (peer == pair->followed || peer->asked)
			ndval_flow_follow(flow);
		else if (peer->listed)
			ndval_flow_listed(flow, peer->heard.ring_size);
	}
	spin_unlock(&stream->lock);
}

/**
 * ndval_stream_make() - Make a stream.
 * @pair: the pair; the caller holds its lock
 * @name: name, checked
 * @id: identity; 0 draws one on a primary, and on a secondary asks for one
 * @gfp: how to allocate
 *
 * Context: as @gfp says.
 * Return: the stream with a reference, or ERR_PTR: -EEXIST, -ENODEV,
 * -ENOSPC at max_streams here or at a connected peer, -ENOMEM, -EAGAIN if @gfp
 * does not let it sleep.
 */
struct ndval_stream *ndval_stream_make(struct ndval_pair *pair, const char *name,
				       u64 id, gfp_t gfp)
{
	struct ndval_stream *stream;
	unsigned int i;
	int err;

	lockdep_assert_held(&pair->lock);
	if (pair->dead)
		return ERR_PTR(-ENODEV);
	if (pair->nstreams >= ndval_peers_max_streams(pair))
		return ERR_PTR(-ENOSPC);
	if (ndval_mem_charge(&pair->mem, sizeof(*stream)))
		return ERR_PTR(-ENOMEM);
	stream = kzalloc(sizeof(*stream), gfp);
	if (!stream) {
		ndval_mem_uncharge(&pair->mem, sizeof(*stream));
		return ERR_PTR(ndval_mem_error(gfp));
	}
	refcount_set(&stream->ref, 1);
	ndval_pair_get(pair);
	stream->pair = pair;
	strscpy(stream->name, name, sizeof(stream->name));
	init_waitqueue_head(&stream->wq);
	spin_lock_init(&stream->lock);
	ndval_ring_init(&stream->ring, &pair->mem);
	INIT_LIST_HEAD(&stream->flows);
	for (i = 0; i < NDVAL_INSTANCES; i++)
		ndval_cursor_init(&stream->cursors[i]);
	if (!id && ndval_pair_is_primary(pair))
		id = ndval_random_id();
	stream->id = id;
	stream->epoch_id = pair->epoch_id;
	stream->drops_told = NDVAL_DROPS_UNTOLD;

	err = add_flows(stream, gfp);
	if (err)
		goto err_put;
	err = rhashtable_lookup_insert_fast(&pair->streams, &stream->node,
					    ndval_stream_params);
	if (err)
		goto err_put;
	list_add_tail(&stream->list, &pair->stream_list);
	pair->nstreams++;
	start_flows(stream);
	ndval_stream_get(stream);
	ndval_pair_report(pair);
	return stream;

err_put:
	remove_flows(stream);
	ndval_stream_put(stream);
	return ERR_PTR(err);
}

/**
 * ndval_stream_remove() - Take a stream out of its pair; files get ESTALE.
 * @stream: the stream; the caller holds the pair's lock
 *
 * Context: process.
 */
void ndval_stream_remove(struct ndval_stream *stream)
{
	struct ndval_pair *pair = stream->pair;
	unsigned int i;

	lockdep_assert_held(&pair->lock);
	rhashtable_remove_fast(&pair->streams, &stream->node, ndval_stream_params);
	list_del_init(&stream->list);
	pair->nstreams--;
	remove_flows(stream);

	spin_lock(&stream->lock);
	stream->dead = true;
	ndval_stream_void(stream);
	for (i = 0; i < NDVAL_INSTANCES; i++)
		ndval_check_clear(stream, i);
	ndval_ring_reset(&stream->ring, stream->ring.head);
	ndval_stream_wake(stream);
	spin_unlock(&stream->lock);

	if (!pair->dead)
		ndval_event_stream(NDVAL_EVENT_KIND_STREAM_DEL, stream);
	ndval_stream_put(stream);
}
