// SPDX-License-Identifier: GPL-2.0-only
/*
 * Epochs: the moves of a pair from state to state, as told in pair.h.
 */
#include <linux/minmax.h>
#include <linux/netlink.h>
#include <linux/string.h>

#include "clock.h"
#include "event.h"
#include "flow.h"
#include "knobs.h"
#include "member.h"
#include "pair.h"
#include "peer.h"
#include "propose.h"
#include "stream.h"

/* A new epoch is the current one; returns whether old ones became one. */
static bool enter_epoch(struct ndval_pair *pair, u64 number)
{
	pair->epoch = number;
	pair->epoch_seen = max(pair->epoch_seen, number);
	WRITE_ONCE(pair->epoch_id, ndval_random_id());
	return ndval_history_push(&pair->history, number, pair->epoch_id);
}

/**
 * ndval_pair_begin() - Begin a pair's life, with this member as its primary.
 * @pair: the pair; the caller holds its lock
 */
void ndval_pair_begin(struct ndval_pair *pair)
{
	lockdep_assert_held(&pair->lock);
	WRITE_ONCE(pair->incarnation, ndval_random_id());
	pair->history.n = 0;
	enter_epoch(pair, pair->epoch_seen + 1);
	ndval_clocks_begin(pair);
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

static void reset_streams(struct ndval_pair *pair)
{
	struct ndval_stream *stream;

	list_for_each_entry(stream, &pair->stream_list, list) {
		spin_lock(&stream->lock);
		ndval_stream_reset(stream);
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
	WRITE_ONCE(pair->incarnation, 0);
	pair->epoch = 0;
	WRITE_ONCE(pair->epoch_id, 0);
	pair->history.n = 0;
	pair->in_sync = false;
	pair->newer = false;
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

/*
 * How much of a stream is the same here and at a primary of another epoch. One
 * that it did not tell of it does not have.
 */
static u64 common(const struct ndval_stream *stream, const struct ndval_heard *heard)
{
	const struct ndval_pair *pair = stream->pair;

	if (heard->incarnation != pair->incarnation ||
	    stream->offer_id != heard->epoch_id)
		return 0;
	return stream->common;
}

/*
 * Was more delivered here than the two have in common? Voids what readers are
 * copying, so that the answer holds for as long as they are barred.
 */
static bool contradicts(struct ndval_pair *pair, const struct ndval_heard *heard)
{
	struct ndval_stream *stream;
	bool found = false;

	list_for_each_entry(stream, &pair->stream_list, list) {
		spin_lock(&stream->lock);
		ndval_stream_void(stream);
		found |= ndval_stream_delivered(stream) > common(stream, heard);
		spin_unlock(&stream->lock);
	}
	return found && !ndval_broken(NDVAL_BROKEN_HW);
}

static void adopt_stream(struct ndval_stream *stream, const struct ndval_heard *heard)
{
	u64 to = common(stream, heard);

	spin_lock(&stream->lock);
	ndval_stream_truncate(stream, to);
	/* A low guess, until the primary tells with its first values. */
	ndval_history_adopt(&stream->pair->history, stream->starts, &heard->history, to);
	if (heard->incarnation != stream->pair->incarnation ||
	    stream->offer_id != heard->epoch_id)
		stream->id = 0;
	stream->epoch_id = heard->epoch_id;
	stream->offer_id = 0;
	stream->drops_told = NDVAL_DROPS_UNTOLD;
	spin_unlock(&stream->lock);
}

/**
 * ndval_pair_adopt() - Take over a primary's epoch, unless what was delivered here
 *	contradicts it.
 * @pair: the pair, a secondary; the caller holds its lock
 * @peer: the primary; of the same life it has told where its epochs began
 *
 * One step for readers: they are barred, all of them, from the look at what
 * was delivered until every stream is truncated to what the two have in
 * common. Streams are of the new epoch before the pair is: what comes of
 * another is refused.
 */
void ndval_pair_adopt(struct ndval_pair *pair, struct ndval_peer *peer)
{
	const struct ndval_heard *heard = &peer->heard;
	struct ndval_stream *stream;

	lockdep_assert_held(&pair->lock);
	WRITE_ONCE(pair->bar, NDVAL_BAR_ADOPTING);
	if (contradicts(pair, heard)) {
		ndval_pair_diverge(pair, peer);
		return;
	}
	/* One that was handed over to has done what it was to do. */
	if (pair->takeover.phase == NDVAL_TAKEOVER_HANDED &&
	    !strcmp(pair->takeover.target, peer->remote->name))
		ndval_takeover_end(pair, 0, NULL);
	else
		ndval_takeover_end(pair, -ESTALE, "a peer is primary of a newer epoch");
	list_for_each_entry(stream, &pair->stream_list, list)
		adopt_stream(stream, heard);
	WRITE_ONCE(pair->role, NDVAL_ROLE_SECONDARY);
	if (pair->incarnation != heard->incarnation) {
		pair->epoch_seen = 0;
		ndval_clocks_begin(pair);
	}
	WRITE_ONCE(pair->incarnation, heard->incarnation);
	pair->epoch = heard->epoch;
	pair->epoch_seen = max(pair->epoch_seen, pair->epoch);
	WRITE_ONCE(pair->epoch_id, heard->epoch_id);
	pair->history = heard->history;
	pair->in_sync = false;
	pair->newer = false;
	pair->followed = NULL;
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
	ndval_takeover_end(pair, -ESTALE, "the pair is diverged");
	WRITE_ONCE(pair->bar, NDVAL_BAR_DIVERGED);
	pair->followed = NULL;
	pair->in_sync = false;
	ndval_pair_wake(pair);
	pr_warn("pair %s: diverged from primary %s: resync, or remove one of the two\n",
		pair->name, peer->remote->name);
	ndval_event(&event);
	ndval_pair_tell(pair);
	ndval_pair_report(pair);
}

/**
 * ndval_pair_fence() - Deliver nothing more, and wipe all values.
 * @pair: the pair; the caller holds its lock
 * @new_id: the object is another one now (the host was cloned)
 *
 * Context: process.
 */
void ndval_pair_fence(struct ndval_pair *pair, bool new_id)
{
	struct ndval_stream *stream;

	lockdep_assert_held(&pair->lock);
	ndval_takeover_end(pair, -ESTALE, "the pair was fenced");
	WRITE_ONCE(pair->bar, NDVAL_BAR_FENCED);
	pair->followed = NULL;
	pair->in_sync = false;
	if (new_id)
		pair->id = ndval_random_id();
	list_for_each_entry(stream, &pair->stream_list, list) {
		spin_lock(&stream->lock);
		ndval_stream_void(stream);
		ndval_ring_reset(&stream->ring, stream->ring.head);
		ndval_propose_forget(stream);
		ndval_stream_wake(stream);
		spin_unlock(&stream->lock);
	}
	ndval_pair_tell(pair);
	ndval_event_pair(NDVAL_EVENT_KIND_FENCED, pair);
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
 * ndval_pair_begin_anew() - Begin a pair's life, by promote --new.
 * @pair: the pair, which knows nothing; the caller holds its lock
 */
void ndval_pair_begin_anew(struct ndval_pair *pair)
{
	lockdep_assert_held(&pair->lock);
	ndval_pair_begin(pair);
	name_streams(pair);
	ndval_pair_tell(pair);
	ndval_event_pair(NDVAL_EVENT_KIND_PAIR_CHANGE, pair);
	ndval_pair_report(pair);
}

/*
 * Everything stored here is promised: somebody may have been given it, by the
 * old primary's word. What we could deliver ourselves we still can: all who
 * were counted store it.
 */
static void take_over_stream(struct ndval_stream *stream, bool merged)
{
	struct ndval_pair *pair = stream->pair;
	u64 head;

	spin_lock(&stream->lock);
	ndval_stream_void(stream);
	head = stream->ring.head;
	ndval_history_push_start(&pair->history, merged, stream->starts, head);
	stream->limit = min(stream->limit, head);
	stream->promised = head;
	stream->given = max(ndval_stream_delivered(stream), stream->limit);
	stream->offer_id = 0;
	stream->starved = false;
	/* Who asks will do so again, and have it recorded here. */
	ndval_propose_forget(stream);
	/* With the head: no bytes of the old epoch are stored after this. */
	stream->epoch_id = pair->epoch_id;
	spin_unlock(&stream->lock);
}

/* It was of another epoch: what is stored now may be less. */
static void forget_ack(struct ndval_flow *flow)
{
	flow->ack = 0;
}

static void believe(struct ndval_flow *flow)
{
	flow->in_sync = true;
}

/* Who waits in fsync for what a member that is left out may lack is told. */
static void miss(struct ndval_flow *flow)
{
	if (flow->stream->committed < flow->stream->given)
		flow->stream->drops++;
}

static void count_peer(struct ndval_peer *peer)
{
	struct ndval_pair *pair = peer->pair;
	bool suspend = ndval_pair_setting(pair, NDVAL_SET_ON_PEER_LOSS) ==
		       NDVAL_ON_PEER_LOSS_SUSPEND;
	bool there = ndval_peer_connected(peer) || ndval_peer_is_expected(peer);

	peer->renewed = 0;
	peer->membership = NDVAL_MEMBERSHIP_OUT;
	/* What it told of an earlier epoch is void. */
	peer->listed = false;
	ndval_peer_reset_flows(peer);
	ndval_peer_visit_flows(peer, forget_ack);
	/* Who is diverged or fenced will store nothing, and not be promoted. */
	if ((suspend || there) && !peer->heard.diverged &&
	    !ndval_broken(NDVAL_BROKEN_ALONE))
		ndval_peer_count(peer);
	/* Who was in sync before still believes so: it is missed if it is lost. */
	if (peer->membership == NDVAL_MEMBERSHIP_COUNTED)
		ndval_peer_visit_flows(peer, believe);
	else if (!ndval_pair_is_sync(pair))
		ndval_peer_visit_flows(peer, miss);
	ndval_peer_tell(peer);
}

/**
 * ndval_pair_take_over() - Begin a new epoch, with this member as its primary.
 * @pair: the pair; the caller holds its lock, and has seen to it that nothing
 *	speaks against it
 *
 * Connected members are counted from the first moment, and what they store is
 * not known: nothing new is delivered before they have said so. The others
 * are left out, or awaited under on_peer_loss=suspend.
 */
void ndval_pair_take_over(struct ndval_pair *pair)
{
	struct ndval_stream *stream;
	struct ndval_peer *peer;
	bool merged;

	lockdep_assert_held(&pair->lock);
	merged = enter_epoch(pair, max(pair->epoch, pair->epoch_seen) + 1);
	list_for_each_entry(stream, &pair->stream_list, list)
		take_over_stream(stream, merged);
	pair->followed = NULL;
	pair->in_sync = false;
	pair->newer = false;
	pair->outdated = false;
	list_for_each_entry(peer, &pair->peers, list) {
		peer->asked = false;
		count_peer(peer);
	}
	ndval_clocks_take_over(pair);
	WRITE_ONCE(pair->bar, NDVAL_BAR_NONE);
	WRITE_ONCE(pair->role, NDVAL_ROLE_PRIMARY);
	name_streams(pair);
	list_for_each_entry(peer, &pair->peers, list) {
		ndval_peer_visit_flows(peer, ndval_flow_update_behind);
		/* Not before: senders say where the epoch began as primaries, or never. */
		if (ndval_peer_connected(peer))
			ndval_peer_start_sync(peer);
	}
	ndval_event_pair(NDVAL_EVENT_KIND_PAIR_CHANGE, pair);
	ndval_pair_report(pair);
}

static void leave_peer(struct ndval_peer *peer)
{
	peer->membership = NDVAL_MEMBERSHIP_OUT;
	peer->listed = false;
	peer->renewed = 0;
	ndval_peer_visit_flows(peer, ndval_flow_uncount);
	ndval_peer_reset_flows(peer);
}

/**
 * ndval_pair_step_down() - Be a secondary of the same epoch.
 * @pair: the pair, a primary; the caller holds its lock
 * @in_sync: by an administrator's word: it stores everything, may go on to deliver
 *	what everybody stores, and may be promoted again. Else there is a newer
 *	epoch: nothing more is delivered until that was compared.
 */
void ndval_pair_step_down(struct ndval_pair *pair, bool in_sync)
{
	struct ndval_stream *stream;
	struct ndval_peer *peer;

	lockdep_assert_held(&pair->lock);
	list_for_each_entry(stream, &pair->stream_list, list) {
		spin_lock(&stream->lock);
		stream->committed = ndval_stream_committed(stream);
		stream->limit = in_sync ? ndval_stream_limit(stream) : 0;
		spin_unlock(&stream->lock);
	}
	WRITE_ONCE(pair->role, NDVAL_ROLE_SECONDARY);
	pair->followed = NULL;
	pair->in_sync = in_sync;
	pair->outdated = false;
	list_for_each_entry(peer, &pair->peers, list)
		leave_peer(peer);
	ndval_pair_wake(pair);
	ndval_pair_tell(pair);
	ndval_event_pair(NDVAL_EVENT_KIND_PAIR_CHANGE, pair);
	ndval_pair_report(pair);
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
	ndval_takeover_end(pair, -ECANCELED, "the pair was resynced");
	ndval_pair_forget_epoch(pair);
	pair->outdated = false;
	/* Another object from now on: what the old one acknowledged is void. */
	pair->id = ndval_random_id();
	reset_streams(pair);
	WRITE_ONCE(pair->bar, NDVAL_BAR_NONE);
	list_for_each_entry(peer, &pair->peers, list) {
		leave_peer(peer);
		ndval_peer_forget(peer);
	}
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
