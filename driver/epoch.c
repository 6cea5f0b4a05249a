// SPDX-License-Identifier: GPL-2.0-only
/*
 * Epochs: the moves of a pair from state to state, as told in pair.h.
 */
#include <linux/netlink.h>

#include "event.h"
#include "member.h"
#include "pair.h"
#include "peer.h"
#include "stream.h"

/**
 * ndval_pair_begin() - Begin a pair's life, with this member as its primary.
 * @pair: the pair; the caller holds its lock
 */
void ndval_pair_begin(struct ndval_pair *pair)
{
	lockdep_assert_held(&pair->lock);
	pair->incarnation = ndval_random_id();
	pair->epoch = 1;
	pair->epoch_id = ndval_random_id();
	WRITE_ONCE(pair->role, NDVAL_ROLE_PRIMARY);
}

/**
 * ndval_pair_tell() - Send PAIR to all peers.
 * @pair: the pair; the caller holds its lock
 */
void ndval_pair_tell(struct ndval_pair *pair)
{
	struct ndval_peer *peer;

	lockdep_assert_held(&pair->lock);
	list_for_each_entry(peer, &pair->peers, list)
		ndval_peer_tell(peer);
}

/**
 * ndval_pair_delivered() - Was anything delivered to an instance here?
 * @pair: the pair; the caller holds its lock
 *
 * Voids what readers are copying, so that the answer holds until the caller
 * has drawn its conclusion and let readers see it.
 */
bool ndval_pair_delivered(struct ndval_pair *pair)
{
	struct ndval_stream *stream;
	bool delivered = false;

	lockdep_assert_held(&pair->lock);
	list_for_each_entry(stream, &pair->stream_list, list) {
		spin_lock(&stream->lock);
		ndval_stream_void(stream);
		spin_unlock(&stream->lock);
		delivered |= ndval_stream_delivered(stream) > 0;
	}
	return delivered;
}

static void reset_streams(struct ndval_pair *pair, bool forget)
{
	struct ndval_stream *stream;

	list_for_each_entry(stream, &pair->stream_list, list) {
		spin_lock(&stream->lock);
		ndval_stream_reset(stream, 0, forget);
		stream->id = 0;
		spin_unlock(&stream->lock);
	}
}

/**
 * ndval_pair_forget_epoch() - Become a secondary that knows nothing.
 * @pair: the pair; the caller holds its lock, and deals with its streams
 */
void ndval_pair_forget_epoch(struct ndval_pair *pair)
{
	lockdep_assert_held(&pair->lock);
	WRITE_ONCE(pair->role, NDVAL_ROLE_SECONDARY);
	pair->incarnation = 0;
	pair->epoch = 0;
	WRITE_ONCE(pair->epoch_id, 0);
	pair->followed = NULL;
}

/**
 * ndval_pair_wake() - Let all readers of a pair look at its state again.
 * @pair: the pair; the caller holds its lock
 */
void ndval_pair_wake(struct ndval_pair *pair)
{
	struct ndval_stream *stream;

	lockdep_assert_held(&pair->lock);
	list_for_each_entry(stream, &pair->stream_list, list) {
		spin_lock(&stream->lock);
		ndval_stream_void(stream);
		ndval_stream_wake(stream);
		spin_unlock(&stream->lock);
	}
}

/**
 * ndval_pair_adopt() - Take over a primary's epoch; nothing was delivered here.
 * @pair: the pair, a secondary; the caller holds its lock
 * @incarnation: the primary's
 * @epoch: its number
 * @epoch_id: its identity
 *
 * The caller has barred readers (NDVAL_BAR_ADOPTING). The epoch changes first,
 * then every stream is emptied: what comes of another epoch after this is
 * refused, and before it is thrown away. Then readers are let in again.
 */
void ndval_pair_adopt(struct ndval_pair *pair, u64 incarnation, u64 epoch, u64 epoch_id)
{
	lockdep_assert_held(&pair->lock);
	ndval_pair_forget_epoch(pair);
	pair->incarnation = incarnation;
	pair->epoch = epoch;
	WRITE_ONCE(pair->epoch_id, epoch_id);
	reset_streams(pair, false);
	WRITE_ONCE(pair->bar, NDVAL_BAR_NONE);
	ndval_pair_wake(pair);
	ndval_pair_tell(pair);
	ndval_event_pair(NDVAL_EVENT_KIND_PAIR_CHANGE, pair);
}

/**
 * ndval_pair_diverge() - Values were delivered here that the pair has not.
 * @pair: the pair; the caller holds its lock
 * @peer: the primary whose epoch contradicts
 */
void ndval_pair_diverge(struct ndval_pair *pair, struct ndval_peer *peer)
{
	const struct ndval_event event = {
		.kind	= NDVAL_EVENT_KIND_DIVERGED,
		.pair	= pair,
		.member	= pair->key.member->name,
		.peer	= peer->remote->name,
		.reason	= "values were delivered here that the primary's pair does not have",
	};

	lockdep_assert_held(&pair->lock);
	WRITE_ONCE(pair->bar, NDVAL_BAR_DIVERGED);
	pair->followed = NULL;
	ndval_pair_wake(pair);
	pr_warn("pair %s: diverged from primary %s: resync, or remove one of the two\n",
		pair->name, peer->remote->name);
	ndval_event(&event);
	ndval_pair_tell(pair);
	ndval_pair_report(pair);
}

/**
 * ndval_pair_fence() - Deliver nothing more, and wipe all values.
 * @pair: the pair
 * @new_id: the object is another one now (the host was cloned)
 *
 * Context: process. Takes the pair's lock.
 */
void ndval_pair_fence(struct ndval_pair *pair, bool new_id)
{
	struct ndval_stream *stream;

	mutex_lock(&pair->lock);
	WRITE_ONCE(pair->bar, NDVAL_BAR_FENCED);
	pair->followed = NULL;
	if (new_id)
		pair->id = ndval_random_id();
	list_for_each_entry(stream, &pair->stream_list, list) {
		spin_lock(&stream->lock);
		ndval_stream_void(stream);
		ndval_ring_reset(&stream->ring, stream->ring.head);
		ndval_stream_wake(stream);
		spin_unlock(&stream->lock);
	}
	ndval_pair_tell(pair);
	ndval_event_pair(NDVAL_EVENT_KIND_FENCED, pair);
	mutex_unlock(&pair->lock);
}

/* Streams that were only asked for are the primary's own now. */
static void name_streams(struct ndval_pair *pair)
{
	struct ndval_stream *stream;

	list_for_each_entry(stream, &pair->stream_list, list) {
		spin_lock(&stream->lock);
		if (!stream->id)
			stream->id = ndval_random_id();
		stream->epoch_id = pair->epoch_id;
		stream->error = 0;
		ndval_stream_wake(stream);
		spin_unlock(&stream->lock);
	}
}

/**
 * ndval_pair_promote_new() - Begin a pair's life, with this member as primary.
 * @pair: the pair
 * @extack: gets the reason of a refusal
 *
 * Context: process. Takes the pair's lock.
 * Return: 0; -EALREADY if it is primary; -EEXIST if it belongs to an
 * incarnation; -EBUSY if a connected peer is primary; -ESTALE, -ENODEV.
 */
int ndval_pair_promote_new(struct ndval_pair *pair, struct netlink_ext_ack *extack)
{
	struct ndval_peer *peer;
	int err = 0;

	mutex_lock(&pair->lock);
	if (pair->dead) {
		err = -ENODEV;
	} else if (pair->bar != NDVAL_BAR_NONE) {
		NL_SET_ERR_MSG(extack, "the pair is diverged or fenced: resync it first");
		err = -ESTALE;
	} else if (pair->role == NDVAL_ROLE_PRIMARY) {
		NL_SET_ERR_MSG(extack, "this member is the primary");
		err = -EALREADY;
	} else if (pair->epoch_id) {
		NL_SET_ERR_MSG(extack,
			       "the pair has begun its life: a new one would lose it (resync first to throw this copy away)");
		err = -EEXIST;
	}
	list_for_each_entry(peer, &pair->peers, list) {
		if (!err && ndval_peer_connected(peer) &&
		    peer->heard.role == NDVAL_ROLE_PRIMARY) {
			NL_SET_ERR_MSG(extack, "a connected peer is primary of the pair");
			err = -EBUSY;
		}
	}
	if (!err) {
		ndval_pair_begin(pair);
		name_streams(pair);
		ndval_pair_tell(pair);
		ndval_event_pair(NDVAL_EVENT_KIND_PAIR_CHANGE, pair);
		ndval_pair_report(pair);
	}
	mutex_unlock(&pair->lock);
	return err;
}

/**
 * ndval_pair_resync() - Throw all values away, and obtain them anew.
 * @pair: the pair
 * @extack: gets the reason of a refusal
 *
 * With peers it becomes a secondary that knows nothing, without a primary of
 * a new incarnation. Instances are lost until they are repositioned.
 *
 * Context: process. Takes the pair's lock.
 * Return: 0; -EINVAL if there is nothing to resync from; -ENODEV.
 */
int ndval_pair_resync(struct ndval_pair *pair, struct netlink_ext_ack *extack)
{
	struct ndval_peer *peer;
	int err = 0;

	mutex_lock(&pair->lock);
	if (pair->dead) {
		err = -ENODEV;
		goto out;
	}
	if (!pair->npeers && pair->bar == NDVAL_BAR_NONE &&
	    pair->role == NDVAL_ROLE_PRIMARY) {
		NL_SET_ERR_MSG(extack, "the pair has no peer to obtain values from");
		err = -EINVAL;
		goto out;
	}
	ndval_pair_forget_epoch(pair);
	/* Another object from now on: what the old one acknowledged is void. */
	pair->id = ndval_random_id();
	reset_streams(pair, true);
	WRITE_ONCE(pair->bar, NDVAL_BAR_NONE);
	list_for_each_entry(peer, &pair->peers, list)
		ndval_peer_forget(peer);
	if (!pair->npeers) {
		ndval_pair_begin(pair);
		name_streams(pair);
	}
	ndval_pair_tell(pair);
	ndval_event_pair(NDVAL_EVENT_KIND_PAIR_CHANGE, pair);
	ndval_pair_report(pair);
out:
	mutex_unlock(&pair->lock);
	return err;
}
