// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a peer says of a stream: what it wants and stores (FETCH), what is recorded
 * (VALUES), that it is gone (STREAM_DEL), what a copy of the application was
 * given (CHECK).
 */
#include "receive.h"

#include <linux/errno.h>
#include <linux/genetlink.h>
#include <linux/string.h>

#include "check.h"
#include "flow.h"
#include "host.h"
#include "journal.h"
#include "link.h"
#include "name.h"
#include "pair.h"
#include "peer.h"
#include "propose.h"
#include "send.h"
#include "stream.h"
#include "wire.h"

static u32 refusal_errno(long err)
{
	return err == -ENOMEM ? ENOMEM : ENOSPC;
}

/* Makes the stream, or the journal and the stream that it is of. */
static struct ndval_stream *make_stream(struct ndval_pair *pair, const char *name,
					bool journal, u64 id)
{
	struct ndval_stream *base, *stream;

	if (!journal)
		return ndval_stream_make(pair, name, id, GFP_KERNEL);
	base = ndval_stream_find(pair, name) ?: ndval_stream_make(pair, name, 0, GFP_KERNEL);
	if (IS_ERR(base))
		return base;
	stream = ndval_stream_make_journal(base, id, GFP_KERNEL);
	ndval_stream_put(base);
	return stream;
}

/* The stream that a secondary fetches; NULL if it was answered. */
static struct ndval_stream *fetched_stream(struct ndval_peer *peer, struct nlattr **attrs,
					   u64 id, u64 have, int *err)
{
	const char *name = ndval_wire_text(attrs, NDVAL_WIRE_A_STREAM);
	bool journal = nla_get_flag(attrs[NDVAL_WIRE_A_JOURNAL]);
	struct ndval_pair *pair = peer->pair;
	struct ndval_stream *stream;

	lockdep_assert_held(&pair->lock);
	stream = ndval_receive_stream(pair, attrs);
	if (stream && (!id || id == stream->id))
		return stream;
	if (stream || id || have) {
		/* It was deleted here while the peer was away. */
		*err = ndval_send_stream_del(peer->remote, pair, name, journal, id, 0);
		ndval_stream_put(stream);
		return NULL;
	}
	stream = make_stream(pair, name, journal, 0);
	if (!IS_ERR(stream))
		return stream;
	*err = ndval_send_stream_del(peer->remote, pair, name, journal, 0,
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
	stream = ndval_receive_stream(peer->pair, attrs);
	flow = stream && id && stream->id == id ? ndval_flow_find(stream, peer) : NULL;
	if (flow) {
		err = ndval_flow_give(flow, &fetch);
		ndval_flow_put(flow);
	}
	ndval_stream_put(stream);
	return err;
}

/* Is it the first that is said of the stream on the link? That it can be once. */
static bool is_first(const struct ndval_link *link, struct ndval_flow *flow)
{
	if (READ_ONCE(flow->said_link) == link->id)
		return false;
	WRITE_ONCE(flow->said_link, link->id);
	flow->said_have = 0;
	flow->said_want = 0;
	return true;
}

/*
 * Moves something if the peer stores, or takes, more than it ever did on this link: it
 * can take back what it said, and say it again, as often as it likes.
 */
static int flow_fetched(struct ndval_link *link, struct ndval_flow *flow,
			const struct ndval_fetch *fetch)
{
	int err = ndval_flow_fetched(flow, fetch);

	if (err)
		return err;
	link->moved = is_first(link, flow) || fetch->have > flow->said_have ||
		      fetch->want > flow->said_want;
	flow->said_have = max(flow->said_have, fetch->have);
	flow->said_want = max(flow->said_want, fetch->want);
	return 0;
}

static int fetch_stream(struct ndval_link *link, struct ndval_peer *peer,
			struct nlattr **attrs)
{
	const char *name = ndval_wire_text(attrs, NDVAL_WIRE_A_STREAM);
	struct ndval_stream *stream;
	struct ndval_fetch fetch;
	struct ndval_flow *flow;
	int err = 0;

	read_fetch(attrs, &fetch);
	if (ndval_name_check_stream(name) || !ndval_fetch_is_sane(&fetch))
		return -EPROTO;
	stream = fetched_stream(peer, attrs,
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
		err = flow_fetched(link, flow, &fetch);
		ndval_peer_check_passed(peer);
		ndval_takeover_check(peer->pair);
	}
	if (flow)
		ndval_flow_put(flow);
	ndval_stream_put(stream);
	return err;
}

/**
 * ndval_receive_fetch() - FETCH has come: what a peer stores and wants of a stream.
 * @link: the link
 * @attrs: what the message says, checked for form
 *
 * Context: process. Takes the pair's lock.
 * Return: 0 or an errno that ends the link.
 */
int ndval_receive_fetch(struct ndval_link *link, struct nlattr **attrs)
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
	peer = ndval_receive_peer(link, attrs);
	if (!peer)
		return 0;
	pair = peer->pair;
	mutex_lock(&pair->lock);
	if (ndval_receive_is_of_epoch(link, peer, attrs)) {
		if (nla_get_flag(attrs[NDVAL_WIRE_A_TAKEOVER]))
			err = pair->role == NDVAL_ROLE_SECONDARY ?
			      fetch_for_takeover(peer, attrs) : 0;
		else if (pair->role != NDVAL_ROLE_PRIMARY)
			err = 0;
		else if (attrs[NDVAL_WIRE_A_END])
			ndval_peer_listed(peer);
		else
			err = fetch_stream(link, peer, attrs);
	}
	mutex_unlock(&pair->lock);
	ndval_peer_put(peer);
	return err;
}

/* The stream of which the primary sends values; NULL if it was refused. */
static struct ndval_stream *pushed_stream(struct ndval_peer *peer, struct nlattr **attrs,
					  u64 id, int *err)
{
	const char *name = ndval_wire_text(attrs, NDVAL_WIRE_A_STREAM);
	bool journal = nla_get_flag(attrs[NDVAL_WIRE_A_JOURNAL]);
	struct ndval_pair *pair = peer->pair;
	struct ndval_stream *stream;

	lockdep_assert_held(&pair->lock);
	stream = ndval_receive_stream(pair, attrs);
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
	stream = make_stream(pair, name, journal, id);
	if (!IS_ERR(stream)) {
		/* Those that are asked while this member is promoted: again. */
		pair->takeover.again = true;
		return stream;
	}
	if (peer->asked)
		return NULL;
	*err = ndval_send_stream_del(peer->remote, pair, name, journal, id,
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
	if (ndval_receive_is_of_epoch(link, peer, attrs) && pair->role == NDVAL_ROLE_SECONDARY &&
	    (pair->followed == peer || peer->asked)) {
		stream = pushed_stream(peer, attrs, id, err);
		if (stream) {
			flow = ndval_flow_find(stream, peer);
			ndval_stream_put(stream);
		}
	}
	mutex_unlock(&pair->lock);
	return flow;
}

/* How far a stream has come; what is said of that which is not stored does not count. */
static u64 progress_of(const struct ndval_stream *stream)
{
	u64 head = READ_ONCE(stream->ring.head);

	return head + min(READ_ONCE(stream->limit), head) +
	       min(READ_ONCE(stream->committed), head);
}

static int flow_pushed(struct ndval_link *link, struct ndval_flow *flow,
		       const struct ndval_push *push, const u8 *data)
{
	u64 progress = progress_of(flow->stream);
	int err = ndval_flow_pushed(flow, push, data);

	link->moved = is_first(link, flow) || progress_of(flow->stream) != progress;
	return err;
}

/**
 * ndval_receive_values() - VALUES has come: what is recorded in a stream.
 * @link: the link
 * @attrs: what the message says, checked for form
 *
 * Context: process. Takes the pair's lock.
 * Return: 0 or an errno that ends the link.
 */
int ndval_receive_values(struct ndval_link *link, struct nlattr **attrs)
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
		.again		= nla_get_flag(attrs[NDVAL_WIRE_A_AGAIN]),
		.id		= ndval_wire_u64(attrs, NDVAL_WIRE_A_STREAM_ID),
		.epoch_id	= ndval_wire_u64(attrs, NDVAL_WIRE_A_EPOCH_ID),
		.link_id	= link->id,
	};
	if (!push.id || ndval_name_check_stream(ndval_wire_text(attrs, NDVAL_WIRE_A_STREAM)) ||
	    (attrs[NDVAL_WIRE_A_STARTS] &&
	     ndval_receive_starts(attrs[NDVAL_WIRE_A_STARTS], push.starts)))
		return -EPROTO;
	push.n = attrs[NDVAL_WIRE_A_STARTS] ? NDVAL_EPOCHS : 0;
	peer = ndval_receive_peer(link, attrs);
	if (!peer)
		return 0;
	flow = pushed_flow(link, peer, attrs, push.id, &err);
	if (flow) {
		err = flow_pushed(link, flow, &push,
				  nla_data(value[NDVAL_WIRE_A_VALUE_DATA]));
		ndval_flow_put(flow);
	}
	ndval_peer_put(peer);
	return err;
}

/* The stream that a message of our epoch is about: another one of its name is not. */
static struct ndval_stream *meant_stream(const struct ndval_link *link,
					 struct ndval_peer *peer, struct nlattr **attrs,
					 bool journal)
{
	struct ndval_stream *stream;

	if (!ndval_receive_is_of_epoch(link, peer, attrs))
		return NULL;
	stream = ndval_stream_look_up(peer->pair, ndval_wire_text(attrs, NDVAL_WIRE_A_STREAM),
				      journal);
	if (stream && stream->id == ndval_wire_u64(attrs, NDVAL_WIRE_A_STREAM_ID))
		return stream;
	ndval_stream_put(stream);
	return NULL;
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
		ndval_stream_remove(stream->base ?: stream);
	} else {
		spin_lock(&stream->lock);
		stream->error = error == ENOMEM ? ENOMEM : ENOSPC;
		ndval_stream_wake(stream);
		spin_unlock(&stream->lock);
	}
}

/**
 * ndval_receive_stream_del() - STREAM_DEL has come: a stream is gone, or can't be had.
 * @link: the link
 * @attrs: what the message says, checked for form
 *
 * Context: process. Takes the pair's lock.
 * Return: 0 or an errno that ends the link.
 */
int ndval_receive_stream_del(struct ndval_link *link, struct nlattr **attrs)
{
	const char *name = ndval_wire_text(attrs, NDVAL_WIRE_A_STREAM);
	struct ndval_stream *stream;
	struct ndval_peer *peer;

	if (ndval_name_check_stream(name))
		return -EPROTO;
	peer = ndval_receive_peer(link, attrs);
	if (!peer)
		return 0;
	mutex_lock(&peer->pair->lock);
	stream = meant_stream(link, peer, attrs, nla_get_flag(attrs[NDVAL_WIRE_A_JOURNAL]));
	if (stream)
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
		.found_journal	= nla_get_flag(attrs[NDVAL_WIRE_A_JOURNAL]),
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

/**
 * ndval_receive_check() - CHECK has come: what a copy of the application was given.
 * @link: the link
 * @attrs: what the message says, checked for form
 *
 * Context: process. Takes the pair's lock.
 * Return: 0 or an errno that ends the link.
 */
int ndval_receive_check(struct ndval_link *link, struct nlattr **attrs)
{
	const char *name = ndval_wire_text(attrs, NDVAL_WIRE_A_STREAM);
	struct ndval_stream *stream;
	struct ndval_check check;
	struct ndval_peer *peer;

	if (ndval_name_check_stream(name) || parse_check(attrs, &check))
		return -EPROTO;
	peer = ndval_receive_peer(link, attrs);
	if (!peer)
		return 0;
	mutex_lock(&peer->pair->lock);
	stream = meant_stream(link, peer, attrs, false);
	if (stream && stream->id)
		ndval_check_heard(stream, peer, &check);
	ndval_stream_put(stream);
	mutex_unlock(&peer->pair->lock);
	ndval_peer_put(peer);
	return 0;
}

/* What is asked for; not where, by which object: that the message tells of itself. */
static int parse_record(const struct nlattr *attr, struct ndval_record *record)
{
	size_t len = nla_len(attr);

	if (len < sizeof(*record))
		return -EPROTO;
	memcpy(record, nla_data(attr), sizeof(*record));
	if (record->instance >= NDVAL_INSTANCES || record->length != len - sizeof(*record))
		return -EPROTO;
	if (ndval_kind_is_clock(record->kind))
		return record->length ? -EPROTO : 0;
	return record->kind == NDVAL_VALUE_KIND_AGREED && record->length <= NDVAL_AGREED_MAX ?
	       0 : -EPROTO;
}

static int record_proposal(struct ndval_link *link, struct ndval_peer *peer,
			   struct nlattr **attrs, struct ndval_record *record)
{
	const u8 *value = nla_data(attrs[NDVAL_WIRE_A_RECORD]) + sizeof(*record);
	u64 id = ndval_wire_u64(attrs, NDVAL_WIRE_A_STREAM_ID);
	struct ndval_stream *journal;
	struct ndval_flow *flow;
	int err;

	journal = ndval_stream_look_up(peer->pair, ndval_wire_text(attrs, NDVAL_WIRE_A_STREAM),
				       true);
	/* FETCH comes before, and makes it; what that did not is refused. */
	if (!journal)
		return 0;
	flow = ndval_flow_find(journal, peer);
	if (flow && (!id || id == journal->id)) {
		u64 head = READ_ONCE(journal->ring.head);

		record->origin = peer->heard.id;
		/* Before the look: what moves in between asks for it again. */
		ndval_flow_defer(flow, true);
		err = ndval_stream_record(journal, record->place, record, value, GFP_KERNEL);
		if (err == -ENOMEM)
			ndval_host_retry();
		else if (err != -EAGAIN)
			ndval_flow_defer(flow, false);
		link->moved = READ_ONCE(journal->ring.head) != head;
	}
	if (flow)
		ndval_flow_put(flow);
	ndval_stream_put(journal);
	return 0;
}

/**
 * ndval_receive_propose() - PROPOSE has come: what a copy asks for at a place.
 * @link: the link
 * @attrs: what the message says, checked for form
 *
 * A place at which something is recorded needs no answer but that; one beyond the end
 * is of a journal that was longer, and of an epoch that will be told of.
 *
 * Context: process. Takes the pair's lock.
 * Return: 0 or an errno that ends the link.
 */
int ndval_receive_propose(struct ndval_link *link, struct nlattr **attrs)
{
	struct ndval_record record;
	struct ndval_peer *peer;
	int err;

	if (ndval_name_check_stream(ndval_wire_text(attrs, NDVAL_WIRE_A_STREAM)) ||
	    parse_record(attrs[NDVAL_WIRE_A_RECORD], &record))
		return -EPROTO;
	peer = ndval_receive_peer(link, attrs);
	if (!peer)
		return 0;
	mutex_lock(&peer->pair->lock);
	err = ndval_receive_is_of_epoch(link, peer, attrs) &&
	      peer->pair->role == NDVAL_ROLE_PRIMARY ?
	      record_proposal(link, peer, attrs, &record) : 0;
	mutex_unlock(&peer->pair->lock);
	ndval_peer_put(peer);
	return err;
}
