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
#include "clock.h"
#include "cursor.h"
#include "event.h"
#include "flow.h"
#include "pair.h"
#include "peer.h"
#include "propose.h"

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
	for (i = 0; i < NDVAL_INSTANCES; i++) {
		ndval_proposal_put(stream->cursors[i].proposal);
		ndval_cursor_destroy(&stream->cursors[i], &pair->mem);
	}
	ndval_ring_destroy(&stream->ring);
	ndval_mem_uncharge(&pair->mem, sizeof(*stream));
	ndval_stream_put(stream->base);
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

/* Into the table, or to the stream that it is the journal of. */
static int enter(struct ndval_stream *stream)
{
	struct ndval_stream *base = stream->base;
	int err;

	if (base) {
		spin_lock(&base->lock);
		base->journal = stream;
		spin_unlock(&base->lock);
		return 0;
	}
	err = rhashtable_lookup_insert_fast(&stream->pair->streams, &stream->node,
					    ndval_stream_params);
	if (!err)
		stream->pair->nstreams++;
	return err;
}

static struct ndval_stream *make(struct ndval_pair *pair, struct ndval_stream *base,
				 const char *name, u64 id, gfp_t gfp)
{
	struct ndval_stream *stream;
	unsigned int i;
	int err;

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
	if (base) {
		ndval_stream_get(base);
		stream->base = base;
		/* Listeners hear of the stream. */
		stream->announced = true;
	}
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
	err = enter(stream);
	if (err)
		goto err_put;
	list_add_tail(&stream->list, &pair->stream_list);
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
	lockdep_assert_held(&pair->lock);
	if (pair->dead)
		return ERR_PTR(-ENODEV);
	if (pair->nstreams >= ndval_peers_max_streams(pair))
		return ERR_PTR(-ENOSPC);
	return make(pair, NULL, name, id, gfp);
}

/**
 * ndval_stream_make_journal() - Make a stream's journal, unless it has one.
 * @base: the stream; the caller holds the pair's lock
 * @id: as for ndval_stream_make()
 * @gfp: how to allocate
 *
 * Context: as @gfp says.
 * Return: the journal with a reference, or ERR_PTR: -ENODEV, -ESTALE if the stream
 * is deleted, -ENOMEM, -EAGAIN if @gfp does not let it sleep.
 */
struct ndval_stream *ndval_stream_make_journal(struct ndval_stream *base, u64 id, gfp_t gfp)
{
	struct ndval_stream *journal = ndval_stream_journal(base);
	int err;

	lockdep_assert_held(&base->pair->lock);
	if (journal)
		return journal;
	if (base->pair->dead)
		return ERR_PTR(-ENODEV);
	if (list_empty(&base->list))
		return ERR_PTR(-ESTALE);
	err = ndval_clocks_create(base->pair, gfp);
	if (err)
		return ERR_PTR(err);
	return make(base->pair, base, base->name, id, gfp);
}

/**
 * ndval_stream_journal() - A stream's journal.
 * @base: the stream
 *
 * Context: process. Takes the stream's lock.
 * Return: the journal with a reference, or NULL.
 */
struct ndval_stream *ndval_stream_journal(struct ndval_stream *base)
{
	struct ndval_stream *journal;

	spin_lock(&base->lock);
	journal = base->journal;
	if (journal)
		ndval_stream_get(journal);
	spin_unlock(&base->lock);
	return journal;
}

/**
 * ndval_stream_look_up() - Look a stream, or its journal, up by name.
 * @pair: the pair
 * @name: the name
 * @journal: its journal
 *
 * Context: process. Takes the stream's lock.
 * Return: what was asked for with a reference, or NULL.
 */
struct ndval_stream *ndval_stream_look_up(struct ndval_pair *pair, const char *name,
					  bool journal)
{
	struct ndval_stream *stream = ndval_stream_find(pair, name);
	struct ndval_stream *found;

	if (!stream || !journal)
		return stream;
	found = ndval_stream_journal(stream);
	ndval_stream_put(stream);
	return found;
}

static void leave(struct ndval_stream *stream)
{
	struct ndval_stream *base = stream->base;
	struct ndval_pair *pair = stream->pair;

	if (base) {
		spin_lock(&base->lock);
		base->journal = NULL;
		spin_unlock(&base->lock);
		return;
	}
	rhashtable_remove_fast(&pair->streams, &stream->node, ndval_stream_params);
	pair->nstreams--;
}

/**
 * ndval_stream_remove() - Take a stream and its journal out of their pair; files get
 *	ESTALE.
 * @stream: the stream; the caller holds the pair's lock
 *
 * Context: process.
 */
void ndval_stream_remove(struct ndval_stream *stream)
{
	struct ndval_pair *pair = stream->pair;
	unsigned int i;

	lockdep_assert_held(&pair->lock);
	if (stream->journal)
		ndval_stream_remove(stream->journal);
	leave(stream);
	list_del_init(&stream->list);
	remove_flows(stream);

	spin_lock(&stream->lock);
	stream->dead = true;
	ndval_stream_void(stream);
	ndval_propose_forget(stream);
	for (i = 0; i < NDVAL_INSTANCES; i++)
		ndval_check_clear(stream, i);
	ndval_ring_reset(&stream->ring, stream->ring.head);
	ndval_stream_wake(stream);
	spin_unlock(&stream->lock);

	if (!pair->dead && !ndval_stream_is_journal(stream))
		ndval_event_stream(NDVAL_EVENT_KIND_STREAM_DEL, stream);
	ndval_stream_put(stream);
}
