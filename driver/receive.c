// SPDX-License-Identifier: GPL-2.0-only
/*
 * The receiver of a link: a thread that reads messages and draws the
 * conclusions. It never waits for the sender or a reader, so a peer whose
 * messages are not read is one whose network is slow.
 *
 * A peer is believed nothing: what it says is checked for sense here and in
 * what is called, and nonsense ends the link (-EPROTO and such). What merely
 * crossed a change on our side, another epoch or a stream that is gone, is
 * answered with what is true and otherwise ignored.
 */
#include "receive.h"

#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/genetlink.h>
#include <linux/kcov.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/net.h>
#include <linux/string.h>
#include <linux/string_helpers.h>
#include <linux/uio.h>
#include <net/sock.h>

#include "check.h"
#include "flow.h"
#include "knobs.h"
#include "link.h"
#include "member.h"
#include "name.h"
#include "pair.h"
#include "peer.h"
#include "send.h"
#include "stream.h"
#include "wire.h"

/* Reads exactly so many bytes. -ECONNRESET if the other side has closed. */
static int receive(struct ndval_link *link, void *to, size_t len)
{
	struct kvec vec = { .iov_base = to, .iov_len = len };

	while (vec.iov_len) {
		struct msghdr msg = { .msg_flags = MSG_WAITALL };
		int got = kernel_recvmsg(link->sock, &msg, &vec, 1, vec.iov_len,
					 MSG_WAITALL);

		if (got <= 0)
			return got ?: -ECONNRESET;
		vec.iov_base += got;
		vec.iov_len -= got;
	}
	return 0;
}

/* Reads a message into the link's buffer. */
static int receive_message(struct ndval_link *link)
{
	struct nlmsghdr *header = link->buffer;
	int err;

	err = receive(link, header, NLMSG_HDRLEN);
	if (err)
		return err;
	err = ndval_wire_check(header);
	if (err)
		return err;
	err = receive(link, nlmsg_data(header), nlmsg_len(header));
	if (err)
		return err;
	WRITE_ONCE(link->rx_bytes, link->rx_bytes + header->nlmsg_len);
	WRITE_ONCE(link->rx_messages, link->rx_messages + 1);
	return 0;
}

static const char *text(struct nlattr **attrs, int type)
{
	return nla_data(attrs[type]);
}

/* Of two links between the same members, which is the newer? See the spec. */
static u64 rank_of(const struct ndval_link *link, u64 peer_serial)
{
	u64 own_id = READ_ONCE(link->remote->member->id);

	return own_id < link->peer_id ? link->serial : peer_serial;
}

static int on_hello(struct ndval_link *link, struct nlattr **attrs)
{
	const struct ndval_member *member = link->remote->member;
	const char *name = text(attrs, NDVAL_WIRE_A_MEMBER);

	if (ndval_link_state(link) != NDVAL_LINK_STATE_HANDSHAKE)
		return -EPROTO;
	if (nla_get_u32(attrs[NDVAL_WIRE_A_VERSION]) != NDVAL_WIRE_VERSION ||
	    (ndval_wire_u64(attrs, NDVAL_WIRE_A_FEATURES) & ~NDVAL_FEATURES)) {
		ndval_link_kill(link, "the peer needs a newer version of the protocol");
		return -EPROTO;
	}
	if (strcmp(name, link->remote->name) ||
	    strcmp(text(attrs, NDVAL_WIRE_A_TO), member->name)) {
		ndval_link_kill(link, "the peer is another member, or takes us for one");
		return -EPROTO;
	}
	link->peer_id = ndval_wire_u64(attrs, NDVAL_WIRE_A_MEMBER_ID);
	if (!link->peer_id || link->peer_id == READ_ONCE(member->id)) {
		ndval_link_kill(link, "the peer has our own identity");
		return -EPROTO;
	}
	string_escape_str(text(attrs, NDVAL_WIRE_A_SOFTWARE), link->peer_software,
			  sizeof(link->peer_software) - 1, ESCAPE_NAP | ESCAPE_OCTAL,
			  NULL);
	link->rank = rank_of(link, ndval_wire_u64(attrs, NDVAL_WIRE_A_SERIAL));
	if (ndval_link_up(link)) {
		ndval_link_kill(link, "there is a newer link to this peer");
		return -EEXIST;
	}
	return 0;
}

/* The peer that a message of a pair comes from, with a reference, or NULL. */
static struct ndval_peer *find_peer(struct ndval_link *link, struct nlattr **attrs)
{
	struct ndval_peer *peer = NULL;
	struct ndval_pair *pair;

	pair = ndval_pair_find_group(link->remote->member,
				     text(attrs, NDVAL_WIRE_A_PAIR));
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
	return parse_history(attrs[NDVAL_WIRE_A_HISTORY], heard);
}

static int answer_gone(struct ndval_link *link, const char *group)
{
	struct ndval_pair *pair = ndval_pair_find_group(link->remote->member, group);
	int err = ndval_send_gone(link->remote, group, pair);

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

static int on_pair(struct ndval_link *link, struct nlattr **attrs)
{
	bool gone = nla_get_flag(attrs[NDVAL_WIRE_A_GONE]);
	struct ndval_heard heard = {};
	struct ndval_peer *peer;
	int err;

	err = gone ? 0 : parse_heard(attrs, &heard);
	if (err)
		return err;
	peer = find_peer(link, attrs);
	if (!peer)
		return gone ? 0 : answer_gone(link, text(attrs, NDVAL_WIRE_A_PAIR));
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

/*
 * May this message of a pair be processed? The peer has spoken on this link,
 * which no newer one has replaced since, is the object that spoke, and is of
 * our epoch; if not, it is told of ours.
 */
static bool is_of_epoch(const struct ndval_link *link, struct ndval_peer *peer,
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

static u32 refusal_errno(long err)
{
	return err == -ENOMEM ? ENOMEM : ENOSPC;
}

/* The stream that a secondary fetches; NULL if it was answered. */
static struct ndval_stream *fetched_stream(struct ndval_peer *peer, const char *name,
					   u64 id, u64 have, int *err)
{
	struct ndval_pair *pair = peer->pair;
	struct ndval_stream *stream;

	lockdep_assert_held(&pair->lock);
	stream = ndval_stream_find(pair, name);
	if (stream && (!id || id == stream->id))
		return stream;
	if (stream || id || have) {
		/* It was deleted here while the peer was away. */
		*err = ndval_send_stream_del(peer->remote, pair, name, id, 0);
		ndval_stream_put(stream);
		return NULL;
	}
	stream = ndval_stream_make(pair, name, 0, GFP_KERNEL);
	if (!IS_ERR(stream))
		return stream;
	*err = ndval_send_stream_del(peer->remote, pair, name, 0,
				     refusal_errno(PTR_ERR(stream)));
	return NULL;
}

static void read_fetch(struct nlattr **attrs, struct ndval_fetch *fetch)
{
	*fetch = (struct ndval_fetch) {
		.have	= ndval_wire_u64(attrs, NDVAL_WIRE_A_HAVE),
		.want	= ndval_wire_u64(attrs, NDVAL_WIRE_A_WANT),
		.demand	= ndval_wire_u64(attrs, NDVAL_WIRE_A_DEMAND),
		.need	= ndval_wire_u64(attrs, NDVAL_WIRE_A_NEED),
		.again	= nla_get_flag(attrs[NDVAL_WIRE_A_AGAIN]),
	};
}

/* A peer that is being promoted asks what this secondary has more. */
static int fetch_for_takeover(struct ndval_peer *peer, struct nlattr **attrs)
{
	u64 id = ndval_wire_u64(attrs, NDVAL_WIRE_A_STREAM_ID);
	struct ndval_stream *stream;
	struct ndval_fetch fetch;
	struct ndval_flow *flow;
	int err = 0;

	ndval_takeover_yield(peer->pair, peer);
	if (attrs[NDVAL_WIRE_A_END]) {
		ndval_takeover_asked(peer->pair, peer);
		return 0;
	}
	read_fetch(attrs, &fetch);
	stream = ndval_stream_find(peer->pair, text(attrs, NDVAL_WIRE_A_STREAM));
	flow = stream && id && stream->id == id ? ndval_flow_find(stream, peer) : NULL;
	if (flow) {
		err = ndval_flow_give(flow, &fetch);
		ndval_flow_put(flow);
	}
	ndval_stream_put(stream);
	return err;
}

static int fetch_stream(struct ndval_peer *peer, struct nlattr **attrs)
{
	const char *name = text(attrs, NDVAL_WIRE_A_STREAM);
	struct ndval_stream *stream;
	struct ndval_fetch fetch;
	struct ndval_flow *flow;
	int err = 0;

	read_fetch(attrs, &fetch);
	if (ndval_name_check_stream(name) || !ndval_fetch_is_sane(&fetch))
		return -EPROTO;
	stream = fetched_stream(peer, name,
				ndval_wire_u64(attrs, NDVAL_WIRE_A_STREAM_ID),
				fetch.have, &err);
	if (!stream)
		return err;
	flow = ndval_flow_find(stream, peer);
	if (flow && fetch.have > READ_ONCE(stream->ring.head)) {
		/* The peer stores what we recorded and forgot: our memory went back. */
		pr_crit("pair %s: peer %s stores more than this primary recorded: fenced\n",
			peer->pair->name, peer->remote->name);
		ndval_pair_fence(peer->pair, false);
	} else if (flow) {
		err = ndval_flow_fetched(flow, &fetch);
		ndval_takeover_check(peer->pair);
	}
	if (flow)
		ndval_flow_put(flow);
	ndval_stream_put(stream);
	return err;
}

static int on_fetch(struct ndval_link *link, struct nlattr **attrs)
{
	struct ndval_peer *peer;
	struct ndval_pair *pair;
	int err = 0;

	if (!attrs[NDVAL_WIRE_A_END] == !attrs[NDVAL_WIRE_A_STREAM])
		return -EPROTO;
	if (attrs[NDVAL_WIRE_A_STREAM] &&
	    (!attrs[NDVAL_WIRE_A_STREAM_ID] || !attrs[NDVAL_WIRE_A_HAVE] ||
	     !attrs[NDVAL_WIRE_A_WANT]))
		return -EPROTO;
	peer = find_peer(link, attrs);
	if (!peer)
		return 0;
	pair = peer->pair;
	mutex_lock(&pair->lock);
	if (is_of_epoch(link, peer, attrs)) {
		if (nla_get_flag(attrs[NDVAL_WIRE_A_TAKEOVER]))
			err = pair->role == NDVAL_ROLE_SECONDARY ?
			      fetch_for_takeover(peer, attrs) : 0;
		else if (pair->role != NDVAL_ROLE_PRIMARY)
			err = 0;
		else if (attrs[NDVAL_WIRE_A_END])
			ndval_peer_listed(peer);
		else
			err = fetch_stream(peer, attrs);
	}
	mutex_unlock(&pair->lock);
	ndval_peer_put(peer);
	return err;
}

/* The stream of which the primary sends values; NULL if it was refused. */
static struct ndval_stream *pushed_stream(struct ndval_peer *peer, const char *name,
					  u64 id, int *err)
{
	struct ndval_pair *pair = peer->pair;
	struct ndval_stream *stream;

	lockdep_assert_held(&pair->lock);
	stream = ndval_stream_find(pair, name);
	if (stream && stream->id != id) {
		if (peer->asked && stream->id) {
			/* Another one of the same name: nothing to take. */
			ndval_stream_put(stream);
			return NULL;
		}
		if (!stream->id) {
			spin_lock(&stream->lock);
			stream->id = id;
			spin_unlock(&stream->lock);
			return stream;
		}
		/* The primary deleted it and made another of the same name. */
		ndval_stream_remove(stream);
		ndval_stream_put(stream);
		stream = NULL;
	}
	if (stream)
		return stream;
	stream = ndval_stream_make(pair, name, id, GFP_KERNEL);
	if (!IS_ERR(stream)) {
		/* Those that are asked while this member is promoted: again. */
		pair->takeover.again = true;
		return stream;
	}
	if (peer->asked)
		return NULL;
	*err = ndval_send_stream_del(peer->remote, pair, name, id,
				     refusal_errno(PTR_ERR(stream)));
	return NULL;
}

static struct ndval_flow *pushed_flow(const struct ndval_link *link,
				      struct ndval_peer *peer, struct nlattr **attrs,
				      u64 id, int *err)
{
	struct ndval_pair *pair = peer->pair;
	struct ndval_flow *flow = NULL;
	struct ndval_stream *stream;

	mutex_lock(&pair->lock);
	if (is_of_epoch(link, peer, attrs) && pair->role == NDVAL_ROLE_SECONDARY &&
	    (pair->followed == peer || peer->asked)) {
		stream = pushed_stream(peer, text(attrs, NDVAL_WIRE_A_STREAM), id, err);
		if (stream) {
			flow = ndval_flow_find(stream, peer);
			ndval_stream_put(stream);
		}
	}
	mutex_unlock(&pair->lock);
	return flow;
}

static int parse_starts(const struct nlattr *attr, u64 *starts)
{
	if (!attr || nla_len(attr) != NDVAL_EPOCHS * sizeof(*starts))
		return -EPROTO;
	memcpy(starts, nla_data(attr), NDVAL_EPOCHS * sizeof(*starts));
	return 0;
}

/*
 * Does a primary of a newer epoch of our life say this, on the current link, of
 * the epoch that it spoke of?
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
	       ndval_wire_u64(attrs, NDVAL_WIRE_A_PAIR_ID) == heard->id &&
	       ndval_wire_u64(attrs, NDVAL_WIRE_A_INCARNATION) == heard->incarnation &&
	       ndval_wire_u64(attrs, NDVAL_WIRE_A_EPOCH_ID) == heard->epoch_id;
}

static void take_offer(struct ndval_peer *peer, const char *name, u64 id,
		       const u64 *starts)
{
	struct ndval_stream *stream = ndval_stream_find(peer->pair, name);

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

static int on_sync(struct ndval_link *link, struct nlattr **attrs)
{
	u64 id = ndval_wire_u64(attrs, NDVAL_WIRE_A_STREAM_ID);
	bool end = nla_get_flag(attrs[NDVAL_WIRE_A_END]);
	u64 starts[NDVAL_EPOCHS];
	struct ndval_peer *peer;

	if (!end && (!attrs[NDVAL_WIRE_A_STREAM] || !id ||
		     ndval_name_check_stream(text(attrs, NDVAL_WIRE_A_STREAM)) ||
		     parse_starts(attrs[NDVAL_WIRE_A_STARTS], starts)))
		return -EPROTO;
	peer = find_peer(link, attrs);
	if (!peer)
		return 0;
	mutex_lock(&peer->pair->lock);
	if (is_of_newer_epoch(link, peer, attrs)) {
		if (end)
			ndval_peer_synced(peer);
		else
			take_offer(peer, text(attrs, NDVAL_WIRE_A_STREAM), id, starts);
	}
	mutex_unlock(&peer->pair->lock);
	ndval_peer_put(peer);
	return 0;
}

static int on_takeover(struct ndval_link *link, struct nlattr **attrs)
{
	struct ndval_peer *peer = find_peer(link, attrs);
	u32 error = attrs[NDVAL_WIRE_A_ERROR] ? nla_get_u32(attrs[NDVAL_WIRE_A_ERROR]) : 0;

	if (!peer)
		return 0;
	mutex_lock(&peer->pair->lock);
	if (is_of_epoch(link, peer, attrs))
		ndval_takeover_answered(peer->pair, peer, error);
	mutex_unlock(&peer->pair->lock);
	ndval_peer_put(peer);
	return 0;
}

/* The primary hands over: this member stores everything, and becomes primary. */
static int on_handover(struct ndval_link *link, struct nlattr **attrs)
{
	struct ndval_peer *peer = find_peer(link, attrs);
	struct ndval_pair *pair;

	if (!peer)
		return 0;
	pair = peer->pair;
	mutex_lock(&pair->lock);
	if (is_of_epoch(link, peer, attrs) && pair->role == NDVAL_ROLE_SECONDARY &&
	    pair->in_sync && !pair->outdated &&
	    (!pair->followed || pair->followed == peer)) {
		ndval_takeover_end(pair, -EALREADY, "the primary has handed over");
		ndval_pair_take_over(pair);
	}
	mutex_unlock(&pair->lock);
	ndval_peer_put(peer);
	return 0;
}

static int on_values(struct ndval_link *link, struct nlattr **attrs)
{
	struct nlattr *value[NDVAL_WIRE_A_VALUE_MAX + 1];
	struct ndval_peer *peer;
	struct ndval_flow *flow;
	struct ndval_push push;
	int err = 0;

	if (ndval_wire_parse_nested(attrs[NDVAL_WIRE_A_VALUE], value,
				    NDVAL_WIRE_A_VALUE_MAX,
				    ndval_wire_value_nl_policy) ||
	    !value[NDVAL_WIRE_A_VALUE_OFFSET] || !value[NDVAL_WIRE_A_VALUE_DATA])
		return -EPROTO;
	push = (struct ndval_push) {
		.offset		= ndval_wire_u64(value, NDVAL_WIRE_A_VALUE_OFFSET),
		.len		= nla_len(value[NDVAL_WIRE_A_VALUE_DATA]),
		.limit		= ndval_wire_u64(attrs, NDVAL_WIRE_A_LIMIT),
		.committed	= ndval_wire_u64(attrs, NDVAL_WIRE_A_COMMITTED),
		.drops		= attrs[NDVAL_WIRE_A_DROPS] ?
				  nla_get_u32(attrs[NDVAL_WIRE_A_DROPS]) : 0,
		.tail		= ndval_wire_u64(attrs, NDVAL_WIRE_A_TAIL),
		.need		= ndval_wire_u64(attrs, NDVAL_WIRE_A_NEED),
		.id		= ndval_wire_u64(attrs, NDVAL_WIRE_A_STREAM_ID),
		.epoch_id	= ndval_wire_u64(attrs, NDVAL_WIRE_A_EPOCH_ID),
		.link_id	= link->id,
	};
	if (!push.id || ndval_name_check_stream(text(attrs, NDVAL_WIRE_A_STREAM)) ||
	    (attrs[NDVAL_WIRE_A_STARTS] &&
	     parse_starts(attrs[NDVAL_WIRE_A_STARTS], push.starts)))
		return -EPROTO;
	push.n = attrs[NDVAL_WIRE_A_STARTS] ? NDVAL_EPOCHS : 0;
	peer = find_peer(link, attrs);
	if (!peer)
		return 0;
	flow = pushed_flow(link, peer, attrs, push.id, &err);
	if (flow) {
		err = ndval_flow_pushed(flow, &push,
					nla_data(value[NDVAL_WIRE_A_VALUE_DATA]));
		ndval_flow_put(flow);
	}
	ndval_peer_put(peer);
	return err;
}

static void stream_deleted(struct ndval_peer *peer, struct ndval_stream *stream,
			   u32 error)
{
	struct ndval_pair *pair = peer->pair;
	struct ndval_flow *flow;

	lockdep_assert_held(&pair->lock);
	if (pair->role == NDVAL_ROLE_PRIMARY) {
		flow = ndval_flow_find(stream, peer);
		if (flow) {
			ndval_flow_refuse(flow);
			ndval_flow_put(flow);
		}
	} else if (pair->followed != peer) {
		return;
	} else if (!error) {
		ndval_stream_remove(stream);
	} else {
		spin_lock(&stream->lock);
		stream->error = error == ENOMEM ? ENOMEM : ENOSPC;
		ndval_stream_wake(stream);
		spin_unlock(&stream->lock);
	}
}

static int on_stream_del(struct ndval_link *link, struct nlattr **attrs)
{
	const char *name = text(attrs, NDVAL_WIRE_A_STREAM);
	u64 id = ndval_wire_u64(attrs, NDVAL_WIRE_A_STREAM_ID);
	struct ndval_stream *stream;
	struct ndval_peer *peer;

	if (ndval_name_check_stream(name))
		return -EPROTO;
	peer = find_peer(link, attrs);
	if (!peer)
		return 0;
	mutex_lock(&peer->pair->lock);
	stream = is_of_epoch(link, peer, attrs) ?
		 ndval_stream_find(peer->pair, name) : NULL;
	/* Another one of the same name is not meant. */
	if (stream && stream->id == id)
		stream_deleted(peer, stream, nla_get_u32(attrs[NDVAL_WIRE_A_ERROR]));
	ndval_stream_put(stream);
	mutex_unlock(&peer->pair->lock);
	ndval_peer_put(peer);
	return 0;
}

static int parse_check(struct nlattr **attrs, struct ndval_check *check)
{
	const struct nlattr *stops = attrs[NDVAL_WIRE_A_STOPS];
	struct ndval_told *told = &check->told;
	unsigned int i;

	*check = (struct ndval_check) {
		.told.copy = {
			.id		= ndval_wire_u64(attrs, NDVAL_WIRE_A_PAIR_ID),
			.instance	= nla_get_u32(attrs[NDVAL_WIRE_A_INSTANCE]),
			.run		= nla_get_u32(attrs[NDVAL_WIRE_A_RUN]),
			.piece = {
				.kind	= nla_get_u32(attrs[NDVAL_WIRE_A_KIND]),
				.length	= nla_get_u32(attrs[NDVAL_WIRE_A_LENGTH]),
				.pid	= nla_get_u32(attrs[NDVAL_WIRE_A_PID]),
			},
		},
		.told.n		= nla_len(stops) / sizeof(*told->stops),
		.id		= ndval_wire_u64(attrs, NDVAL_WIRE_A_STREAM_ID),
		.found		= attrs[NDVAL_WIRE_A_FOUND_AT],
		.found_at	= ndval_wire_u64(attrs, NDVAL_WIRE_A_FOUND_AT),
	};
	if (nla_len(stops) % sizeof(*told->stops) || told->n > NDVAL_STOPS ||
	    told->copy.instance >= NDVAL_INSTANCES)
		return -EPROTO;
	memcpy(told->stops, nla_data(stops), nla_len(stops));
	for (i = 0; i < told->n; i++)
		if (told->stops[i].offset >= NDVAL_OFFSET_MAX)
			return -EPROTO;
	nla_strscpy(told->copy.piece.comm, attrs[NDVAL_WIRE_A_COMM],
		    sizeof(told->copy.piece.comm));
	if (!check->found != !attrs[NDVAL_WIRE_A_FOUND_INSTANCE])
		return -EPROTO;
	if (!check->found)
		return 0;
	check->found_instance = nla_get_u32(attrs[NDVAL_WIRE_A_FOUND_INSTANCE]);
	return check->found_instance < NDVAL_INSTANCES &&
	       check->found_at < NDVAL_OFFSET_MAX ? 0 : -EPROTO;
}

/* A peer tells what a copy of the application got there. */
static int on_check(struct ndval_link *link, struct nlattr **attrs)
{
	const char *name = text(attrs, NDVAL_WIRE_A_STREAM);
	struct ndval_stream *stream;
	struct ndval_check check;
	struct ndval_peer *peer;

	if (ndval_name_check_stream(name) || parse_check(attrs, &check))
		return -EPROTO;
	peer = find_peer(link, attrs);
	if (!peer)
		return 0;
	mutex_lock(&peer->pair->lock);
	stream = is_of_epoch(link, peer, attrs) ?
		 ndval_stream_find(peer->pair, name) : NULL;
	/* Another one of the same name is not meant. */
	if (stream && stream->id && stream->id == check.id)
		ndval_check_heard(stream, peer, &check);
	ndval_stream_put(stream);
	mutex_unlock(&peer->pair->lock);
	ndval_peer_put(peer);
	return 0;
}

static int on_ping(struct ndval_link *link, struct nlattr **attrs)
{
	spin_lock(&link->lock);
	link->pong = true;
	link->pong_time = ndval_wire_u64(attrs, NDVAL_WIRE_A_TIME);
	spin_unlock(&link->lock);
	ndval_link_wake(link);
	return 0;
}

static int on_pong(struct ndval_link *link, struct nlattr **attrs)
{
	u64 sent = ndval_wire_u64(attrs, NDVAL_WIRE_A_TIME);
	u64 now = ktime_get_ns();

	/* The peer may send what it likes; it only deceives itself. */
	if (sent <= now)
		WRITE_ONCE(link->rtt_us, min_t(u64, (now - sent) / NSEC_PER_USEC, U32_MAX));
	return 0;
}

static int on_bye(struct ndval_link *link, struct nlattr **attrs)
{
	char reason[NDVAL_REASON_SIZE / 2] = {};

	string_escape_str(text(attrs, NDVAL_WIRE_A_REASON), reason, sizeof(reason) - 1,
			  ESCAPE_NAP | ESCAPE_OCTAL, NULL);
	ndval_link_kill(link, "the peer says: %s", reason);
	return -ECONNRESET;
}

static int (* const handlers[NDVAL_WIRE_CMDS])(struct ndval_link *link,
					       struct nlattr **attrs) = {
	[NDVAL_WIRE_CMD_HELLO]		= on_hello,
	[NDVAL_WIRE_CMD_PAIR]		= on_pair,
	[NDVAL_WIRE_CMD_FETCH]		= on_fetch,
	[NDVAL_WIRE_CMD_VALUES]		= on_values,
	[NDVAL_WIRE_CMD_STREAM_DEL]	= on_stream_del,
	[NDVAL_WIRE_CMD_SYNC]		= on_sync,
	[NDVAL_WIRE_CMD_TAKEOVER]	= on_takeover,
	[NDVAL_WIRE_CMD_HANDOVER]	= on_handover,
	[NDVAL_WIRE_CMD_CHECK]		= on_check,
	[NDVAL_WIRE_CMD_PING]		= on_ping,
	[NDVAL_WIRE_CMD_PONG]		= on_pong,
	[NDVAL_WIRE_CMD_BYE]		= on_bye,
};

/* Messages of pairs count on the current link only. */
static bool counts(struct ndval_link *link, int cmd)
{
	enum ndval_link_state state = ndval_link_state(link);

	if (state == NDVAL_LINK_STATE_RETIRED || state == NDVAL_LINK_STATE_CLOSING)
		return false;
	return cmd == NDVAL_WIRE_CMD_HELLO || cmd == NDVAL_WIRE_CMD_BYE ||
	       cmd == NDVAL_WIRE_CMD_PING || cmd == NDVAL_WIRE_CMD_PONG ||
	       READ_ONCE(link->remote->link_id) == link->id;
}

static int process(struct ndval_link *link, struct netlink_ext_ack *extack)
{
	struct nlmsghdr *header = link->buffer;
	struct nlattr *attrs[NDVAL_WIRE_ATTRS];
	int cmd, err = 0;

	cmd = ndval_wire_parse(header, attrs, extack);
	if (cmd < 0)
		return cmd;
	if (ndval_link_state(link) == NDVAL_LINK_STATE_HANDSHAKE &&
	    cmd != NDVAL_WIRE_CMD_HELLO && cmd != NDVAL_WIRE_CMD_BYE) {
		NL_SET_ERR_MSG(extack, "HELLO must come first");
		return -EPROTO;
	}
	if (counts(link, cmd))
		err = handlers[cmd](link, attrs);
	memzero_explicit(header, header->nlmsg_len);
	return err;
}

static void explain(struct ndval_link *link, int err,
		    const struct netlink_ext_ack *extack)
{
	switch (err) {
	case -EAGAIN:
		ndval_link_kill(link, "the peer was silent for %u ms", link->timeout_ms);
		break;
	case -ECONNRESET:
		ndval_link_kill(link, "the peer has closed the connection");
		break;
	case -EBADMSG:
		ndval_link_kill(link, "protocol error: bytes that contradict what is stored");
		break;
	case -ERANGE:
		ndval_link_kill(link, "protocol error: bytes outside the window");
		break;
	case -EPROTO:
		ndval_link_kill(link, "protocol error: %s",
				extack->_msg ?: "a message that makes no sense");
		break;
	case -ENOBUFS:
		ndval_link_kill(link, "the peer asks for too much that is not here");
		break;
	default:
		ndval_link_kill(link, "could not receive: error %d", -err);
	}
}

/**
 * ndval_receive_thread() - The receiver of a link.
 * @data: the link
 *
 * Return: 0.
 */
int ndval_receive_thread(void *data)
{
	struct netlink_ext_ack extack = {};
	struct ndval_link *link = data;
	int err;

	do {
		err = receive_message(link);
		kcov_remote_start_common(link->kcov);
		if (!err)
			err = process(link, &extack);
		kcov_remote_stop();
		cond_resched();
	} while (!err);
	explain(link, err, &extack);
	return 0;
}
