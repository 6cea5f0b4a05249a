// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a link says of a pair: PAIR, and the words that come after those of all
 * streams. send_stream.c has what it says of streams.
 */
#include "send.h"

#include <linux/list.h>
#include <linux/skbuff.h>

#include "check.h"
#include "clock.h"
#include "flow.h"
#include "link.h"
#include "member.h"
#include "pair.h"
#include "peer.h"
#include "stream.h"
#include "wire.h"

/**
 * ndval_send_put_pair() - Put what every message of a pair begins with.
 * @skb: the message
 * @pair: the pair
 * @epoch_id: epoch of which the message is
 *
 * Return: 0 or -EMSGSIZE.
 */
int ndval_send_put_pair(struct sk_buff *skb, const struct ndval_pair *pair, u64 epoch_id)
{
	return nla_put_string(skb, NDVAL_WIRE_A_PAIR, pair->key.group) ?:
	       ndval_wire_put_u64(skb, NDVAL_WIRE_A_INCARNATION,
				  READ_ONCE(pair->incarnation)) ?:
	       ndval_wire_put_u64(skb, NDVAL_WIRE_A_EPOCH_ID, epoch_id) ?:
	       ndval_wire_put_u64(skb, NDVAL_WIRE_A_PAIR_ID, READ_ONCE(pair->id));
}

static int put_settings(struct sk_buff *skb, const struct ndval_settings *set)
{
	struct nlattr *nest = nla_nest_start(skb, NDVAL_WIRE_A_SETTINGS);
	unsigned int i;

	if (!nest)
		return -EMSGSIZE;
	if (ndval_wire_put_u64(skb, NDVAL_WIRE_A_SETTINGS_SERIAL, set->serial))
		return -EMSGSIZE;
	for (i = 0; i < NDVAL_PAIR_SETTINGS; i++)
		if (nla_put_u32(skb, ndval_wire_setting(i), set->value[i]))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_pair_state(struct sk_buff *skb, struct ndval_peer *peer)
{
	struct ndval_pair *pair = peer->pair;
	struct ndval_clocks_told clocks;
	int err;

	lockdep_assert_held(&pair->lock);
	WRITE_ONCE(peer->told_id, pair->epoch_id);
	peer->told_for = peer->spoken ? peer->heard.id : 0;
	/* Who has not spoken on this link is nobody yet: it would not be meant. */
	peer->told_in_sync = pair->role == NDVAL_ROLE_PRIMARY && peer->told_for &&
			     peer->membership == NDVAL_MEMBERSHIP_IN_SYNC;
	if (peer->told_in_sync)		/* it may take over from now on */
		ndval_takeover_check(pair);
	peer->told_behind = pair->role == NDVAL_ROLE_PRIMARY && ndval_peer_is_behind(peer);
	peer->told_diverged = ndval_pair_has_diverged(pair);
	err = ndval_send_put_pair(skb, pair, pair->epoch_id) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_EPOCH, pair->epoch) ?:
	      nla_put_u32(skb, NDVAL_WIRE_A_ROLE, pair->role) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_SEEN_ID, peer->heard.epoch_id) ?:
	      nla_put_u32(skb, NDVAL_WIRE_A_MAX_STREAMS,
			  pair->set.value[NDVAL_SET_MAX_STREAMS]) ?:
	      nla_put_u32(skb, NDVAL_WIRE_A_RING_SIZE,
			  pair->set.value[NDVAL_SET_RING_SIZE]) ?:
	      put_settings(skb, &pair->set);
	if (!err && ndval_bar_refuses(pair->bar))
		err = nla_put_flag(skb, NDVAL_WIRE_A_DIVERGED);
	if (!err && peer->told_in_sync)
		err = nla_put_flag(skb, NDVAL_WIRE_A_IN_SYNC);
	if (!err)
		err = nla_put(skb, NDVAL_WIRE_A_HISTORY,
			      pair->history.n * sizeof(pair->history.epochs[0]),
			      pair->history.epochs);
	if (!err && peer->told_behind)
		err = nla_put_flag(skb, NDVAL_WIRE_A_BEHIND);
	if (!err)
		err = ndval_wire_put_u64(skb, NDVAL_WIRE_A_FOR_ID, peer->told_for);
	if (!err && peer->told_diverged)
		err = nla_put_flag(skb, NDVAL_WIRE_A_COPY_DIVERGED);
	WRITE_ONCE(peer->told_reads, ndval_clocks_reads(pair));
	if (!err && pair->role == NDVAL_ROLE_PRIMARY && ndval_clocks_tell(pair, &clocks))
		err = nla_put(skb, NDVAL_WIRE_A_CLOCKS, sizeof(clocks), &clocks);
	return err;
}

/**
 * ndval_send_put_gone() - Put that the receiver has no place here.
 * @skb: the message
 * @incarnation: life of the pair; 0, there is none
 * @role: role in it
 *
 * Return: 0 or -EMSGSIZE.
 */
int ndval_send_put_gone(struct sk_buff *skb, u64 incarnation, u32 role)
{
	int err = nla_put_flag(skb, NDVAL_WIRE_A_GONE);

	if (err || !incarnation)
		return err;
	return ndval_wire_put_u64(skb, NDVAL_WIRE_A_INCARNATION, incarnation) ?:
	       nla_put_u32(skb, NDVAL_WIRE_A_ROLE, role);
}

/**
 * ndval_send_pair() - Send PAIR, as things are now.
 * @link: the link
 * @peer: the peer
 *
 * Context: process, sleeps. Takes the pair's lock.
 * Return: 0 or an errno that ends the link.
 */
int ndval_send_pair(struct ndval_link *link, struct ndval_peer *peer)
{
	struct nlmsghdr *header = ndval_wire_begin(link->skb, NDVAL_WIRE_CMD_PAIR);
	struct ndval_pair *pair = peer->pair;
	int err;

	mutex_lock(&pair->lock);
	if (!list_empty(&peer->list) && peer->link_id != link->id) {
		mutex_unlock(&pair->lock);
		return 0;	/* a newer link has come up, and tells */
	}
	if (!list_empty(&peer->list) && peer->handover && peer->told_id) {
		/* HANDOVER comes before the word that there is no primary, but no first word. */
		ndval_peer_tell(peer);
		mutex_unlock(&pair->lock);
		return 0;
	}
	if (list_empty(&peer->list))
		err = nla_put_string(link->skb, NDVAL_WIRE_A_PAIR, pair->key.group) ?:
		      ndval_send_put_gone(link->skb, pair->dead ? 0 : pair->incarnation,
					  pair->role);
	else
		err = put_pair_state(link->skb, peer);
	mutex_unlock(&pair->lock);
	return ndval_send_finish(link, header, err);
}

static bool is_giving(const struct ndval_flow *flow)
{
	return READ_ONCE(flow->give);
}

static bool is_syncing(const struct ndval_flow *flow)
{
	return READ_ONCE(flow->sync);
}

/* Is there a flow of the peer of which something must be sent before the end? */
static bool any_flow(struct ndval_peer *peer, bool (*what)(const struct ndval_flow *flow))
{
	struct ndval_stream *stream;
	struct ndval_flow *flow;
	bool found = false;

	lockdep_assert_held(&peer->pair->lock);
	list_for_each_entry(stream, &peer->pair->stream_list, list) {
		flow = ndval_flow_find(stream, peer);
		if (!flow)
			continue;
		found = what(flow);
		ndval_flow_put(flow);
		if (found)
			break;
	}
	return found;
}

/* FETCH (end) of a secondary, or SYNC (end) of a primary. -EAGAIN if it is too early. */
static int make_end(struct sk_buff *skb, struct ndval_peer *peer)
{
	struct ndval_pair *pair = peer->pair;
	bool primary = pair->role == NDVAL_ROLE_PRIMARY;
	struct nlmsghdr *header;
	int err;

	if (!primary && pair->followed != peer && !peer->asked)
		return -ENOENT;
	if (primary && any_flow(peer, is_syncing))
		return -EAGAIN;
	header = ndval_wire_begin(skb, primary ? NDVAL_WIRE_CMD_SYNC : NDVAL_WIRE_CMD_FETCH);
	err = ndval_send_put_pair(skb, pair, pair->epoch_id) ?: nla_put_flag(skb, NDVAL_WIRE_A_END);
	if (!err && primary)
		err = ndval_wire_put_u64(skb, NDVAL_WIRE_A_FOR_ID, peer->heard.id);
	if (!err && !primary && peer->asked)
		err = nla_put_flag(skb, NDVAL_WIRE_A_TAKEOVER);
	if (!err)
		ndval_wire_end(skb, header);
	return err;
}

/* TAKEOVER: what was asked for has been sent, or why it may not be taken. */
static int make_answer(struct sk_buff *skb, struct ndval_peer *peer)
{
	struct ndval_pair *pair = peer->pair;
	struct nlmsghdr *header;
	bool busy;
	int err;

	busy = pair->role == NDVAL_ROLE_PRIMARY ||
	       pair->takeover.phase != NDVAL_TAKEOVER_NONE ||
	       (pair->followed && ndval_peer_connected(pair->followed)) ||
	       ndval_pair_renews_primary(pair);
	if (!busy && any_flow(peer, is_giving))
		return -EAGAIN;
	header = ndval_wire_begin(skb, NDVAL_WIRE_CMD_TAKEOVER);
	err = ndval_send_put_pair(skb, pair, pair->epoch_id) ?:
	      nla_put_u32(skb, NDVAL_WIRE_A_ERROR, busy ? EBUSY : 0);
	if (!err)
		ndval_wire_end(skb, header);
	return err;
}

/* HANDOVER, which only who was primary sends. */
static int make_handover(struct sk_buff *skb, struct ndval_peer *peer)
{
	struct ndval_pair *pair = peer->pair;
	struct nlmsghdr *header;
	int err;

	if (pair->takeover.phase != NDVAL_TAKEOVER_HANDED)
		return -ENOENT;
	header = ndval_wire_begin(skb, NDVAL_WIRE_CMD_HANDOVER);
	err = ndval_send_put_pair(skb, pair, pair->epoch_id);
	if (!err)
		ndval_wire_end(skb, header);
	return err;
}

/**
 * ndval_send_word() - Send one of the messages that come after those of all streams.
 * @link: the link
 * @peer: the peer
 *
 * Context: process, sleeps. Takes the pair's lock.
 * Return: 0 or an errno that ends the link.
 */
int ndval_send_word(struct ndval_link *link, struct ndval_peer *peer)
{
	struct ndval_pair *pair = peer->pair;
	int (*make)(struct sk_buff *skb, struct ndval_peer *peer) = NULL;
	bool *word = NULL;
	int err = -ENOENT;

	mutex_lock(&pair->lock);
	if (peer->handover) {
		word = &peer->handover;
		make = make_handover;
	} else if (peer->answer) {
		word = &peer->answer;
		make = make_answer;
	} else if (peer->end) {
		word = &peer->end;
		make = make_end;
	}
	if (word && peer->link_id == link->id && !list_empty(&peer->list)) {
		*word = false;
		err = make(link->skb, peer);
		/* What it waits for is in the list too: after that. */
		if (err == -EAGAIN)
			ndval_peer_say(peer, word);
		else if (peer->answer || peer->end)
			ndval_peer_say(peer, peer->answer ? &peer->answer : &peer->end);
	}
	mutex_unlock(&pair->lock);
	if (err == -ENOENT || err == -EAGAIN)
		return 0;
	if (WARN_ON_ONCE(err))
		return err;
	return ndval_send_message(link, 0);
}
