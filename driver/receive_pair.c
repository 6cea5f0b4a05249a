// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a peer says of a pair: who it is, of which epoch, and who is to be the
 * primary. receive_stream.c has what it says of streams.
 */
#include "receive.h"

#include <linux/errno.h>
#include <linux/genetlink.h>
#include <linux/string.h>

#include "knobs.h"
#include "link.h"
#include "member.h"
#include "name.h"
#include "pair.h"
#include "peer.h"
#include "send.h"
#include "stream.h"
#include "wire.h"

/**
 * ndval_receive_peer() - The peer that a message of a pair comes from.
 * @link: the link
 * @attrs: what the message says
 *
 * Context: process.
 * Return: the peer with a reference, or NULL.
 */
struct ndval_peer *ndval_receive_peer(struct ndval_link *link, struct nlattr **attrs)
{
	struct ndval_peer *peer = NULL;
	struct ndval_pair *pair;

	pair = ndval_pair_find_group(link->remote->member,
				     ndval_wire_text(attrs, NDVAL_WIRE_A_PAIR));
	if (!pair)
		return NULL;
	mutex_lock(&pair->lock);
	peer = ndval_peer_by_remote(pair, link->remote);
	if (peer)
		ndval_peer_get(peer);
	mutex_unlock(&pair->lock);
	ndval_pair_put(pair);
	return peer;
}

/* Each newer than the one before it, and another one. */
static bool is_history(const struct ndval_history *history)
{
	u64 number = 0;
	unsigned int i, j;

	for (i = 0; i < history->n; i++) {
		if (!history->epochs[i].id || history->epochs[i].number <= number)
			return false;
		number = history->epochs[i].number;
		for (j = 0; j < i; j++)
			if (history->epochs[j].id == history->epochs[i].id)
				return false;
	}
	return true;
}

/* The epochs of a member, its current one last. */
static int parse_history(const struct nlattr *attr, struct ndval_heard *heard)
{
	struct ndval_history *history = &heard->history;
	size_t size = attr ? nla_len(attr) : 0;

	if (size % sizeof(history->epochs[0]) || size > sizeof(history->epochs))
		return -EPROTO;
	history->n = size / sizeof(history->epochs[0]);
	if (size)
		memcpy(history->epochs, nla_data(attr), size);
	if (!heard->epoch_id)
		return history->n ? -EPROTO : 0;
	if (!history->n || history->epochs[history->n - 1].id != heard->epoch_id ||
	    history->epochs[history->n - 1].number != heard->epoch || !is_history(history))
		return -EPROTO;
	return 0;
}

/* Looked at when they are taken. */
static int parse_clocks(const struct nlattr *attr, struct ndval_heard *heard)
{
	if (!attr)
		return 0;
	if (nla_len(attr) != sizeof(heard->clocks))
		return -EPROTO;
	memcpy(&heard->clocks, nla_data(attr), sizeof(heard->clocks));
	return ndval_clocks_are_sane(&heard->clocks) ? 0 : -EPROTO;
}

static int parse_heard(struct nlattr **attrs, struct ndval_heard *heard)
{
	struct nlattr *settings[NDVAL_WIRE_A_SETTINGS_MAX + 1];
	static const int required[] = {
		NDVAL_WIRE_A_INCARNATION, NDVAL_WIRE_A_EPOCH, NDVAL_WIRE_A_EPOCH_ID,
		NDVAL_WIRE_A_PAIR_ID, NDVAL_WIRE_A_ROLE, NDVAL_WIRE_A_SEEN_ID,
		NDVAL_WIRE_A_MAX_STREAMS, NDVAL_WIRE_A_RING_SIZE,
		NDVAL_WIRE_A_SETTINGS,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(required); i++)
		if (!attrs[required[i]])
			return -EPROTO;
	if (ndval_wire_parse_nested(attrs[NDVAL_WIRE_A_SETTINGS], settings,
				    NDVAL_WIRE_A_SETTINGS_MAX,
				    ndval_wire_settings_nl_policy))
		return -EPROTO;
	for (i = 0; i < NDVAL_PAIR_SETTINGS; i++)
		if (!settings[ndval_wire_setting(i)])
			return -EPROTO;
	*heard = (struct ndval_heard) {
		.incarnation	= ndval_wire_u64(attrs, NDVAL_WIRE_A_INCARNATION),
		.epoch		= ndval_wire_u64(attrs, NDVAL_WIRE_A_EPOCH),
		.epoch_id	= ndval_wire_u64(attrs, NDVAL_WIRE_A_EPOCH_ID),
		.id		= ndval_wire_u64(attrs, NDVAL_WIRE_A_PAIR_ID),
		.serial		= ndval_wire_u64(settings, NDVAL_WIRE_A_SETTINGS_SERIAL),
		.role		= nla_get_u32(attrs[NDVAL_WIRE_A_ROLE]),
		.max_streams	= nla_get_u32(attrs[NDVAL_WIRE_A_MAX_STREAMS]),
		.ring_size	= nla_get_u32(attrs[NDVAL_WIRE_A_RING_SIZE]),
		.diverged	= nla_get_flag(attrs[NDVAL_WIRE_A_DIVERGED]),
		.in_sync	= nla_get_flag(attrs[NDVAL_WIRE_A_IN_SYNC]),
		.behind		= nla_get_flag(attrs[NDVAL_WIRE_A_BEHIND]),
		.copy_diverged	= nla_get_flag(attrs[NDVAL_WIRE_A_COPY_DIVERGED]),
	};
	for (i = 0; i < NDVAL_PAIR_SETTINGS; i++)
		heard->set[i] = nla_get_u32(settings[ndval_wire_setting(i)]);
	/* The next promotion, here or there, needs a higher number. */
	if (heard->role > NDVAL_ROLE_PRIMARY || !heard->id || heard->epoch >= NDVAL_EPOCH_END ||
	    (heard->role == NDVAL_ROLE_PRIMARY &&
	     (!heard->incarnation || !heard->epoch_id || !heard->epoch)))
		return -EPROTO;
	return parse_clocks(attrs[NDVAL_WIRE_A_CLOCKS], heard) ?:
	       parse_history(attrs[NDVAL_WIRE_A_HISTORY], heard);
}

/*
 * A member that the pair does not list learns nothing of it, but for one that knows
 * the pair's incarnation: it was listed, and is told that it is not any more.
 */
static int answer_gone(struct ndval_link *link, struct nlattr **attrs)
{
	const char *group = ndval_wire_text(attrs, NDVAL_WIRE_A_PAIR);
	struct ndval_pair *pair = ndval_pair_find_group(link->remote->member, group);
	u64 incarnation = ndval_wire_u64(attrs, NDVAL_WIRE_A_INCARNATION);
	bool knows = pair && incarnation && incarnation == READ_ONCE(pair->incarnation);
	int err = ndval_send_gone(link->remote, group, knows ? pair : NULL);

	if (pair)
		ndval_pair_put(pair);
	return err;
}

/* Does a primary of our life say that we are not in its pair any more? */
static bool removes_us(const struct ndval_pair *pair, struct nlattr **attrs)
{
	return attrs[NDVAL_WIRE_A_ROLE] && pair->incarnation &&
	       nla_get_u32(attrs[NDVAL_WIRE_A_ROLE]) == NDVAL_ROLE_PRIMARY &&
	       ndval_wire_u64(attrs, NDVAL_WIRE_A_INCARNATION) == pair->incarnation;
}

/**
 * ndval_receive_pair() - PAIR has come: who the peer is, or that it has no place for us.
 * @link: the link
 * @attrs: what the message says, checked for form
 *
 * Context: process. Takes the pair's lock.
 * Return: 0 or an errno that ends the link.
 */
int ndval_receive_pair(struct ndval_link *link, struct nlattr **attrs)
{
	bool gone = nla_get_flag(attrs[NDVAL_WIRE_A_GONE]);
	struct ndval_heard heard = {};
	struct ndval_peer *peer;
	int err;

	err = gone ? 0 : parse_heard(attrs, &heard);
	if (err)
		return err;
	peer = ndval_receive_peer(link, attrs);
	if (!peer)
		return gone ? 0 : answer_gone(link, attrs);
	mutex_lock(&peer->pair->lock);
	if (peer->link_id == link->id && !list_empty(&peer->list)) {
		heard.for_us = ndval_wire_u64(attrs, NDVAL_WIRE_A_FOR_ID) == peer->pair->id;
		if (gone)
			ndval_peer_gone(peer, removes_us(peer->pair, attrs));
		else
			ndval_peer_heard(peer, &heard,
					 ndval_wire_u64(attrs, NDVAL_WIRE_A_SEEN_ID));
	}
	mutex_unlock(&peer->pair->lock);
	ndval_peer_put(peer);
	return 0;
}

/**
 * ndval_receive_is_of_epoch() - May a message of a pair be processed?
 * @link: the link
 * @peer: the peer; the caller holds the pair's lock
 * @attrs: what the message says
 *
 * The peer has spoken on this link, which no newer one has replaced since, is the
 * object that spoke, and is of our epoch; if not, it is told of ours.
 */
bool ndval_receive_is_of_epoch(const struct ndval_link *link, struct ndval_peer *peer,
			       struct nlattr **attrs)
{
	struct ndval_pair *pair = peer->pair;

	lockdep_assert_held(&pair->lock);
	if (pair->dead || list_empty(&peer->list) || peer->link_id != link->id ||
	    ndval_bar_refuses(pair->bar))
		return false;
	if (ndval_peer_connected(peer) &&
	    ndval_wire_u64(attrs, NDVAL_WIRE_A_PAIR_ID) == peer->heard.id &&
	    ndval_wire_u64(attrs, NDVAL_WIRE_A_INCARNATION) == pair->incarnation &&
	    ndval_wire_u64(attrs, NDVAL_WIRE_A_EPOCH_ID) == pair->epoch_id)
		return true;
	ndval_peer_tell(peer);
	return false;
}

/**
 * ndval_receive_stream() - The stream, or the journal, that a message is about.
 * @pair: the pair
 * @attrs: what the message says
 *
 * Context: process. Takes the stream's lock.
 * Return: it with a reference, or NULL.
 */
struct ndval_stream *ndval_receive_stream(struct ndval_pair *pair, struct nlattr **attrs)
{
	return ndval_stream_look_up(pair, ndval_wire_text(attrs, NDVAL_WIRE_A_STREAM),
				    nla_get_flag(attrs[NDVAL_WIRE_A_JOURNAL]));
}

/**
 * ndval_receive_starts() - Read where epochs began in a stream.
 * @attr: the attribute, or NULL
 * @starts: filled in, NDVAL_EPOCHS of them
 *
 * Return: 0 or -EPROTO.
 */
int ndval_receive_starts(const struct nlattr *attr, u64 *starts)
{
	if (!attr || nla_len(attr) != NDVAL_EPOCHS * sizeof(*starts))
		return -EPROTO;
	memcpy(starts, nla_data(attr), NDVAL_EPOCHS * sizeof(*starts));
	return 0;
}

/*
 * Does a primary of a newer epoch of our life say this, on the current link, of
 * the epoch that it spoke of, to the object that we are? What was said to a former
 * one is not the whole: some of it came while nothing was known of the epoch.
 */
static bool is_of_newer_epoch(const struct ndval_link *link, struct ndval_peer *peer,
			      struct nlattr **attrs)
{
	const struct ndval_heard *heard = &peer->heard;
	struct ndval_pair *pair = peer->pair;

	lockdep_assert_held(&pair->lock);
	return !pair->dead && !list_empty(&peer->list) && peer->link_id == link->id &&
	       !ndval_bar_refuses(pair->bar) && ndval_peer_connected(peer) &&
	       pair->role == NDVAL_ROLE_SECONDARY &&
	       heard->role == NDVAL_ROLE_PRIMARY && !heard->diverged &&
	       heard->incarnation == pair->incarnation && heard->epoch > pair->epoch &&
	       ndval_wire_u64(attrs, NDVAL_WIRE_A_FOR_ID) == pair->id &&
	       ndval_wire_u64(attrs, NDVAL_WIRE_A_PAIR_ID) == heard->id &&
	       ndval_wire_u64(attrs, NDVAL_WIRE_A_INCARNATION) == heard->incarnation &&
	       ndval_wire_u64(attrs, NDVAL_WIRE_A_EPOCH_ID) == heard->epoch_id;
}

static void take_offer(struct ndval_peer *peer, struct nlattr **attrs, u64 id,
		       const u64 *starts)
{
	struct ndval_stream *stream = ndval_receive_stream(peer->pair, attrs);

	if (stream && stream->id == id) {
		const struct ndval_history *theirs = &peer->heard.history;

		spin_lock(&stream->lock);
		stream->common = ndval_history_common(&peer->pair->history, stream->starts,
						      theirs, starts);
		if (ndval_broken(NDVAL_BROKEN_COMMON))
			stream->common = starts[theirs->n - 1];
		stream->offer_id = peer->heard.epoch_id;
		spin_unlock(&stream->lock);
	}
	ndval_stream_put(stream);
}

/**
 * ndval_receive_sync() - SYNC has come: where the epochs of a newer history began.
 * @link: the link
 * @attrs: what the message says, checked for form
 *
 * Context: process. Takes the pair's lock.
 * Return: 0 or an errno that ends the link.
 */
int ndval_receive_sync(struct ndval_link *link, struct nlattr **attrs)
{
	u64 id = ndval_wire_u64(attrs, NDVAL_WIRE_A_STREAM_ID);
	bool end = nla_get_flag(attrs[NDVAL_WIRE_A_END]);
	u64 starts[NDVAL_EPOCHS];
	struct ndval_peer *peer;

	if (!end && (!attrs[NDVAL_WIRE_A_STREAM] || !id ||
		     ndval_name_check_stream(ndval_wire_text(attrs, NDVAL_WIRE_A_STREAM)) ||
		     ndval_receive_starts(attrs[NDVAL_WIRE_A_STARTS], starts)))
		return -EPROTO;
	peer = ndval_receive_peer(link, attrs);
	if (!peer)
		return 0;
	mutex_lock(&peer->pair->lock);
	if (is_of_newer_epoch(link, peer, attrs)) {
		if (end)
			ndval_peer_synced(peer);
		else
			take_offer(peer, attrs, id, starts);
	}
	mutex_unlock(&peer->pair->lock);
	ndval_peer_put(peer);
	return 0;
}

/**
 * ndval_receive_takeover() - TAKEOVER has come: a peer has sent what it has more, or refuses to.
 * @link: the link
 * @attrs: what the message says, checked for form
 *
 * Context: process. Takes the pair's lock.
 * Return: 0 or an errno that ends the link.
 */
int ndval_receive_takeover(struct ndval_link *link, struct nlattr **attrs)
{
	struct ndval_peer *peer = ndval_receive_peer(link, attrs);
	u32 error = attrs[NDVAL_WIRE_A_ERROR] ? nla_get_u32(attrs[NDVAL_WIRE_A_ERROR]) : 0;

	if (!peer)
		return 0;
	mutex_lock(&peer->pair->lock);
	if (ndval_receive_is_of_epoch(link, peer, attrs))
		ndval_takeover_answered(peer->pair, peer, error);
	mutex_unlock(&peer->pair->lock);
	ndval_peer_put(peer);
	return 0;
}

/**
 * ndval_receive_handover() - HANDOVER has come: the primary wants this member to be it.
 * @link: the link
 * @attrs: what the message says, checked for form
 *
 * Context: process. Takes the pair's lock.
 * Return: 0 or an errno that ends the link.
 */
int ndval_receive_handover(struct ndval_link *link, struct nlattr **attrs)
{
	struct ndval_peer *peer = ndval_receive_peer(link, attrs);
	struct ndval_pair *pair;

	if (!peer)
		return 0;
	pair = peer->pair;
	mutex_lock(&pair->lock);
	if (ndval_receive_is_of_epoch(link, peer, attrs) && pair->role == NDVAL_ROLE_SECONDARY &&
	    pair->in_sync && !pair->outdated &&
	    (!pair->followed || pair->followed == peer)) {
		ndval_takeover_end(pair, -EALREADY, "the primary has handed over");
		ndval_pair_take_over(pair);
	}
	mutex_unlock(&pair->lock);
	ndval_peer_put(peer);
	return 0;
}
