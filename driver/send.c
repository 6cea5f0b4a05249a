// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sender of a link: a thread that makes a message from the state of
 * whatever is due, sends it, and sleeps when nothing is. Nothing is queued
 * but the fact that something has changed (struct ndval_due), so however much
 * happens while the peer is slow, memory does not grow; refusals, which have
 * no state to be made from, are charged to their pair, or counted.
 */
#include "send.h"

#include <linux/jiffies.h>
#include <linux/kcov.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <net/sock.h>

#include "check.h"
#include "flow.h"
#include "host.h"
#include "link.h"
#include "member.h"
#include "pair.h"
#include "peer.h"
#include "stream.h"
#include "wire.h"

/* How long what is lazy may wait. */
#define LAZY_NS		(1 * NSEC_PER_MSEC)

/* Most refusals of unknown pairs that wait to be sent to one peer. */
#define REFUSALS_MAX	256

/**
 * struct ndval_refusal - a peer spoke of what is not here
 * @due: in the remote's list
 * @pair: the pair, charged, with a reference; NULL if there is no such pair
 * @group: group name of the pair
 * @stream: name of the stream
 * @incarnation: of the pair, as the rest
 * @epoch_id: of the pair
 * @pair_id: of the pair
 * @stream_id: of the stream
 * @error: errno with which the stream is refused, 0 if it was deleted
 * @role: of the pair that the peer has no place in
 */
struct ndval_refusal {
	struct ndval_due	due;
	struct ndval_pair	*pair;
	char			group[NDVAL_NAME_SIZE];
	char			stream[NDVAL_NAME_SIZE];
	u64			incarnation;
	u64			epoch_id;
	u64			pair_id;
	u64			stream_id;
	u32			error;
	u32			role;
};

/* Sends the message in link->skb whole. The bytes are wiped behind it. */
static int send_message(struct ndval_link *link)
{
	struct msghdr msg = { .msg_flags = MSG_NOSIGNAL };
	struct sk_buff *skb = link->skb;
	struct kvec vec = { .iov_base = skb->data, .iov_len = skb->len };
	int sent;

	sent = kernel_sendmsg(link->sock, &msg, &vec, 1, skb->len);
	memzero_explicit(skb->data, skb->len);
	/* A short count leaves half a message in the stream: no way on. */
	if (sent != skb->len)
		return sent < 0 ? sent : -ETIMEDOUT;
	WRITE_ONCE(link->tx_bytes, link->tx_bytes + skb->len);
	WRITE_ONCE(link->tx_messages, link->tx_messages + 1);
	return 0;
}

static int finish(struct ndval_link *link, struct nlmsghdr *header, int err)
{
	if (WARN_ON_ONCE(err))
		return err;
	ndval_wire_end(link->skb, header);
	return send_message(link);
}

static int send_hello(struct ndval_link *link)
{
	const struct ndval_member *member = link->remote->member;
	struct sk_buff *skb = link->skb;
	struct nlmsghdr *header = ndval_wire_begin(skb, NDVAL_WIRE_CMD_HELLO);
	int err;

	err = nla_put_u32(skb, NDVAL_WIRE_A_VERSION, NDVAL_WIRE_VERSION) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_FEATURES, NDVAL_FEATURES) ?:
	      nla_put_string(skb, NDVAL_WIRE_A_MEMBER, member->name) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_MEMBER_ID, READ_ONCE(member->id)) ?:
	      nla_put_string(skb, NDVAL_WIRE_A_TO, link->remote->name) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_SERIAL, link->serial) ?:
	      nla_put_string(skb, NDVAL_WIRE_A_SOFTWARE, THIS_MODULE->version);
	return finish(link, header, err);
}

static int send_time(struct ndval_link *link, u8 cmd, u64 time)
{
	struct nlmsghdr *header = ndval_wire_begin(link->skb, cmd);

	return finish(link, header,
		      ndval_wire_put_u64(link->skb, NDVAL_WIRE_A_TIME, time));
}

static int send_bye(struct ndval_link *link)
{
	struct nlmsghdr *header = ndval_wire_begin(link->skb, NDVAL_WIRE_CMD_BYE);

	return finish(link, header,
		      nla_put_string(link->skb, NDVAL_WIRE_A_REASON, link->reason));
}

static int put_pair(struct sk_buff *skb, const struct ndval_pair *pair, u64 epoch_id)
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
	int err;

	lockdep_assert_held(&pair->lock);
	WRITE_ONCE(peer->told_id, pair->epoch_id);
	peer->told_for = peer->spoken ? peer->heard.id : 0;
	/* Who has not spoken on this link is nobody yet: it would not be meant. */
	peer->told_in_sync = pair->role == NDVAL_ROLE_PRIMARY && peer->told_for &&
			     peer->membership == NDVAL_MEMBERSHIP_IN_SYNC;
	if (peer->told_in_sync)		/* it may take over from now on */
		ndval_takeover_check(pair);
	peer->told_behind = pair->role == NDVAL_ROLE_PRIMARY && atomic_read(&peer->behind);
	peer->told_diverged = ndval_pair_has_diverged(pair);
	err = put_pair(skb, pair, pair->epoch_id) ?:
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
	return err;
}

/* That the receiver has no place here; of what life the pair is, if there is one. */
static int put_gone(struct sk_buff *skb, u64 incarnation, u32 role)
{
	int err = nla_put_flag(skb, NDVAL_WIRE_A_GONE);

	if (err || !incarnation)
		return err;
	return ndval_wire_put_u64(skb, NDVAL_WIRE_A_INCARNATION, incarnation) ?:
	       nla_put_u32(skb, NDVAL_WIRE_A_ROLE, role);
}

static int send_pair(struct ndval_link *link, struct ndval_peer *peer)
{
	struct nlmsghdr *header = ndval_wire_begin(link->skb, NDVAL_WIRE_CMD_PAIR);
	struct ndval_pair *pair = peer->pair;
	int err;

	mutex_lock(&pair->lock);
	if (!list_empty(&peer->list) && peer->link_id != link->id) {
		mutex_unlock(&pair->lock);
		return 0;	/* a newer link has come up, and tells */
	}
	if (!list_empty(&peer->list) && peer->handover) {
		/* HANDOVER comes before the word that there is no primary. */
		ndval_peer_tell(peer);
		mutex_unlock(&pair->lock);
		return 0;
	}
	if (list_empty(&peer->list))
		err = nla_put_string(link->skb, NDVAL_WIRE_A_PAIR, pair->key.group) ?:
		      put_gone(link->skb, pair->dead ? 0 : pair->incarnation, pair->role);
	else
		err = put_pair_state(link->skb, peer);
	mutex_unlock(&pair->lock);
	return finish(link, header, err);
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
	err = put_pair(skb, pair, pair->epoch_id) ?: nla_put_flag(skb, NDVAL_WIRE_A_END);
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
	       (pair->followed && ndval_peer_connected(pair->followed));
	if (!busy && any_flow(peer, is_giving))
		return -EAGAIN;
	header = ndval_wire_begin(skb, NDVAL_WIRE_CMD_TAKEOVER);
	err = put_pair(skb, pair, pair->epoch_id) ?:
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
	err = put_pair(skb, pair, pair->epoch_id);
	if (!err)
		ndval_wire_end(skb, header);
	return err;
}

/* One of the messages that come after those of all streams. */
static int send_word(struct ndval_link *link, struct ndval_peer *peer)
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
	return send_message(link);
}

static int send_sync(struct ndval_link *link, struct ndval_flow *flow)
{
	struct nlmsghdr *header = ndval_wire_begin(link->skb, NDVAL_WIRE_CMD_SYNC);
	struct sk_buff *skb = link->skb;
	u64 starts[NDVAL_EPOCHS];
	u64 id, epoch_id;
	int err;

	if (!ndval_flow_take_sync(flow, link->id, &id, &epoch_id, starts))
		return 0;
	err = put_pair(skb, flow->stream->pair, epoch_id) ?:
	      nla_put_string(skb, NDVAL_WIRE_A_STREAM, flow->stream->name) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_STREAM_ID, id) ?:
	      nla_put(skb, NDVAL_WIRE_A_STARTS, sizeof(starts), starts);
	return finish(link, header, err);
}

static int send_fetch(struct ndval_link *link, struct ndval_flow *flow)
{
	struct nlmsghdr *header = ndval_wire_begin(link->skb, NDVAL_WIRE_CMD_FETCH);
	struct sk_buff *skb = link->skb;
	struct ndval_fetch fetch;
	int err;

	if (!ndval_flow_take_fetch(flow, link->id, &fetch))
		return 0;
	err = put_pair(skb, flow->stream->pair, fetch.epoch_id) ?:
	      nla_put_string(skb, NDVAL_WIRE_A_STREAM, flow->stream->name) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_STREAM_ID, fetch.id) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_HAVE, fetch.have) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_WANT, fetch.want) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_DEMAND, fetch.demand) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_NEED, fetch.need);
	if (!err && fetch.again)
		err = nla_put_flag(skb, NDVAL_WIRE_A_AGAIN);
	if (!err && fetch.takeover)
		err = nla_put_flag(skb, NDVAL_WIRE_A_TAKEOVER);
	return finish(link, header, err);
}

static int send_values(struct ndval_link *link, struct ndval_flow *flow)
{
	struct nlmsghdr *header = ndval_wire_begin(link->skb, NDVAL_WIRE_CMD_VALUES);
	struct sk_buff *skb = link->skb;
	struct ndval_value value;
	struct ndval_push push;
	u8 *data;
	int err;

	if (ndval_pair_is_primary(flow->stream->pair))
		ndval_stream_fill_ahead(flow->stream, GFP_KERNEL);
	data = ndval_value_begin(skb, NDVAL_WIRE_A_VALUE, NDVAL_WIRE_VALUES_MAX, &value);
	if (WARN_ON_ONCE(!data))
		return -EMSGSIZE;
	if (!ndval_flow_take_push(flow, link->id, &push, data, NDVAL_WIRE_VALUES_MAX))
		return 0;
	err = ndval_value_end(skb, &value, push.offset, push.len) ?:
	      put_pair(skb, flow->stream->pair, push.epoch_id) ?:
	      nla_put_string(skb, NDVAL_WIRE_A_STREAM, flow->stream->name) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_STREAM_ID, push.id) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_COMMITTED, push.committed) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_TAIL, push.tail) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_NEED, push.need) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_LIMIT, push.limit) ?:
	      nla_put_u32(skb, NDVAL_WIRE_A_DROPS, push.drops);
	if (!err && push.n)
		err = nla_put(skb, NDVAL_WIRE_A_STARTS, push.n * sizeof(*push.starts),
			      push.starts);
	return finish(link, header, err);
}

static int put_copy(struct sk_buff *skb, const struct ndval_told *told)
{
	const struct ndval_piece *piece = &told->copy.piece;

	return nla_put_u32(skb, NDVAL_WIRE_A_INSTANCE, told->copy.instance) ?:
	       nla_put_u32(skb, NDVAL_WIRE_A_RUN, told->copy.run) ?:
	       nla_put(skb, NDVAL_WIRE_A_STOPS, told->n * sizeof(*told->stops),
		       told->stops) ?:
	       nla_put_u32(skb, NDVAL_WIRE_A_KIND, piece->kind) ?:
	       nla_put_u32(skb, NDVAL_WIRE_A_LENGTH, piece->length) ?:
	       nla_put_u32(skb, NDVAL_WIRE_A_PID, piece->pid) ?:
	       nla_put_string(skb, NDVAL_WIRE_A_COMM, piece->comm);
}

static int send_check(struct ndval_link *link, struct ndval_flow *flow)
{
	struct sk_buff *skb = link->skb;
	struct ndval_check check;
	struct nlmsghdr *header;
	int err;

	if (!ndval_check_take(flow, link->id, &check))
		return 0;
	header = ndval_wire_begin(skb, NDVAL_WIRE_CMD_CHECK);
	err = put_pair(skb, flow->stream->pair, check.epoch_id) ?:
	      nla_put_string(skb, NDVAL_WIRE_A_STREAM, flow->stream->name) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_STREAM_ID, check.id) ?:
	      put_copy(skb, &check.told);
	if (!err && check.found)
		err = ndval_wire_put_u64(skb, NDVAL_WIRE_A_FOUND_AT, check.found_at) ?:
		      nla_put_u32(skb, NDVAL_WIRE_A_FOUND_INSTANCE, check.found_instance);
	return finish(link, header, err);
}

static int send_refusal(struct ndval_link *link, const struct ndval_refusal *refusal)
{
	struct sk_buff *skb = link->skb;
	struct nlmsghdr *header;
	int err;

	if (!refusal->pair) {
		header = ndval_wire_begin(skb, NDVAL_WIRE_CMD_PAIR);
		err = nla_put_string(skb, NDVAL_WIRE_A_PAIR, refusal->group) ?:
		      put_gone(skb, refusal->incarnation, refusal->role);
		return finish(link, header, err);
	}
	header = ndval_wire_begin(skb, NDVAL_WIRE_CMD_STREAM_DEL);
	err = nla_put_string(skb, NDVAL_WIRE_A_PAIR, refusal->group) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_INCARNATION, refusal->incarnation) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_EPOCH_ID, refusal->epoch_id) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_PAIR_ID, refusal->pair_id) ?:
	      nla_put_string(skb, NDVAL_WIRE_A_STREAM, refusal->stream) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_STREAM_ID, refusal->stream_id) ?:
	      nla_put_u32(skb, NDVAL_WIRE_A_ERROR, refusal->error);
	return finish(link, header, err);
}

static int send_flow(struct ndval_link *link, struct ndval_flow *flow)
{
	if (READ_ONCE(flow->sync))
		return send_sync(link, flow);
	if (READ_ONCE(flow->give) || ndval_pair_is_primary(flow->stream->pair))
		return send_values(link, flow);
	return send_fetch(link, flow);
}

/* Sends what one entry of the list stands for. */
static int send_due(struct ndval_link *link, struct ndval_due *due)
{
	switch (due->kind) {
	case NDVAL_DUE_PAIR:
		return send_pair(link, container_of(due, struct ndval_peer, pair_due));
	case NDVAL_DUE_WORD:
		return send_word(link, container_of(due, struct ndval_peer, word_due));
	case NDVAL_DUE_REFUSAL:
		return send_refusal(link, container_of(due, struct ndval_refusal, due));
	case NDVAL_DUE_FLOW:
		return send_flow(link, container_of(due, struct ndval_flow, due));
	case NDVAL_DUE_CHECK:
		return send_check(link, container_of(due, struct ndval_flow, check_due));
	}
	return 0;
}

static void free_refusal(struct ndval_refusal *refusal)
{
	if (refusal->pair) {
		ndval_mem_uncharge(&refusal->pair->mem, sizeof(*refusal));
		ndval_pair_put(refusal->pair);
	}
	kfree(refusal);
}

/* Drops the reference that the list held. */
static void put_due(struct ndval_due *due)
{
	switch (due->kind) {
	case NDVAL_DUE_PAIR:
		ndval_peer_put(container_of(due, struct ndval_peer, pair_due));
		break;
	case NDVAL_DUE_WORD:
		ndval_peer_put(container_of(due, struct ndval_peer, word_due));
		break;
	case NDVAL_DUE_REFUSAL:
		free_refusal(container_of(due, struct ndval_refusal, due));
		break;
	case NDVAL_DUE_FLOW:
		ndval_flow_put(container_of(due, struct ndval_flow, due));
		break;
	case NDVAL_DUE_CHECK:
		ndval_flow_put(container_of(due, struct ndval_flow, check_due));
		break;
	}
}

/* The first entry of a list, if @link is current or there is no matter (NULL). */
static struct ndval_due *take(struct ndval_remote *remote, struct list_head *list,
			      const struct ndval_link *link)
{
	struct ndval_due *due = NULL;

	spin_lock(&remote->lock);
	if (!link || remote->link == link)
		due = list_first_entry_or_null(list, struct ndval_due, list);
	if (due) {
		list_del_init(&due->list);
		remote->refusals -= due->kind == NDVAL_DUE_REFUSAL;
	}
	spin_unlock(&remote->lock);
	return due;
}

/**
 * ndval_send_purge() - Forget what was to be sent on a link that has gone.
 * @remote: the remote
 *
 * Context: process, sleeps.
 */
void ndval_send_purge(struct ndval_remote *remote)
{
	struct ndval_due *due;

	while ((due = take(remote, &remote->due, NULL)))
		put_due(due);
	while ((due = take(remote, &remote->lazy, NULL)))
		put_due(due);
}

static int add_refusal(struct ndval_remote *remote, struct ndval_refusal *refusal)
{
	bool room;

	INIT_LIST_HEAD(&refusal->due.list);
	refusal->due.kind = NDVAL_DUE_REFUSAL;
	spin_lock(&remote->lock);
	room = (refusal->pair || remote->refusals < REFUSALS_MAX) && remote->link;
	if (room)
		remote->refusals++;
	spin_unlock(&remote->lock);
	if (room && ndval_remote_mark(remote, &refusal->due, false))
		return 0;
	if (room) {
		spin_lock(&remote->lock);
		remote->refusals--;
		spin_unlock(&remote->lock);
	}
	free_refusal(refusal);
	return room ? 0 : -ENOBUFS;
}

/**
 * ndval_send_gone() - Tell a peer that there is no such pair, or not with it.
 * @remote: the peer's member
 * @group: the pair's group name
 * @pair: the pair, without that peer; or NULL
 *
 * Context: process.
 * Return: 0, -ENOMEM, or -ENOBUFS if too many refusals wait.
 */
int ndval_send_gone(struct ndval_remote *remote, const char *group, struct ndval_pair *pair)
{
	struct ndval_refusal *refusal = kzalloc(sizeof(*refusal), GFP_KERNEL);

	if (!refusal)
		return -ENOMEM;
	strscpy(refusal->group, group, sizeof(refusal->group));
	if (pair) {
		mutex_lock(&pair->lock);
		refusal->incarnation = pair->dead ? 0 : pair->incarnation;
		refusal->role = pair->role;
		mutex_unlock(&pair->lock);
	}
	return add_refusal(remote, refusal);
}

/**
 * ndval_send_stream_del() - Tell a peer that a stream is gone or can't be had.
 * @remote: the peer's member
 * @pair: the pair
 * @stream: name of the stream
 * @stream_id: identity of the stream that is meant, 0 for whichever
 * @error: errno of a refusal, 0 if it was deleted
 *
 * Context: process.
 * Return: 0, -ENOMEM, or -ENOBUFS if so many wait that memory_max is reached.
 */
int ndval_send_stream_del(struct ndval_remote *remote, struct ndval_pair *pair,
			  const char *stream, u64 stream_id, u32 error)
{
	struct ndval_refusal *refusal;

	if (ndval_mem_charge(&pair->mem, sizeof(*refusal)))
		return -ENOBUFS;
	refusal = kzalloc(sizeof(*refusal), GFP_KERNEL);
	if (!refusal) {
		ndval_mem_uncharge(&pair->mem, sizeof(*refusal));
		return -ENOMEM;
	}
	ndval_pair_get(pair);
	refusal->pair = pair;
	strscpy(refusal->group, pair->key.group, sizeof(refusal->group));
	strscpy(refusal->stream, stream, sizeof(refusal->stream));
	refusal->incarnation = READ_ONCE(pair->incarnation);
	refusal->epoch_id = READ_ONCE(pair->epoch_id);
	refusal->pair_id = READ_ONCE(pair->id);
	refusal->stream_id = stream_id;
	refusal->error = error;
	return add_refusal(remote, refusal);
}

/* What is lazy is due now. */
static void expire_lazy(struct ndval_remote *remote)
{
	struct ndval_due *due;

	spin_lock(&remote->lock);
	list_for_each_entry(due, &remote->lazy, list)
		due->lazy = false;
	list_splice_tail_init(&remote->lazy, &remote->due);
	spin_unlock(&remote->lock);
}

/**
 * struct agenda - what a sender knows of time
 * @ping: when PING is due
 * @lazy: when what is lazy is due; 0 if nothing is
 */
struct agenda {
	ktime_t	ping;
	ktime_t	lazy;
};

/* Is the link the one that its remote's list is for? */
static bool is_current(struct ndval_link *link)
{
	return READ_ONCE(link->remote->link_id) == link->id &&
	       ndval_link_state(link) == NDVAL_LINK_STATE_UP;
}

static int send_all_due(struct ndval_link *link)
{
	struct ndval_remote *remote = link->remote;
	struct ndval_due *due;
	int err;

	while (is_current(link) && !ndval_host_is_cloned() &&
	       (due = take(remote, &remote->due, link))) {
		err = send_due(link, due);
		put_due(due);
		if (err)
			return err;
		if (READ_ONCE(link->pong) || READ_ONCE(link->bye)) {
			/* The rest is due still, and nobody else will say so. */
			WRITE_ONCE(link->awake, true);
			break;
		}
		cond_resched();
	}
	return 0;
}

static int send_pong(struct ndval_link *link)
{
	bool pong;
	u64 time;

	spin_lock(&link->lock);
	pong = link->pong;
	time = link->pong_time;
	link->pong = false;
	spin_unlock(&link->lock);
	return pong ? send_time(link, NDVAL_WIRE_CMD_PONG, time) : 0;
}

static int send_ping(struct ndval_link *link, struct agenda *agenda)
{
	ktime_t now = ktime_get();

	if (ktime_before(now, agenda->ping))
		return 0;
	ndval_link_tune(link);
	agenda->ping = ktime_add_ms(now, max(link->timeout_ms / 3, 1U));
	if (!is_current(link))
		return 0;
	return send_time(link, NDVAL_WIRE_CMD_PING, ktime_to_ns(now));
}

/* Sends all that is due now. */
static int send_round(struct ndval_link *link, struct agenda *agenda)
{
	struct ndval_remote *remote = link->remote;
	int err;

	if (ndval_host_is_cloned())
		return -EPERM;
	if (agenda->lazy && !ktime_before(ktime_get(), agenda->lazy)) {
		agenda->lazy = 0;
		if (is_current(link))
			expire_lazy(remote);
	}
	err = send_all_due(link) ?: send_pong(link) ?: send_ping(link, agenda);
	if (!agenda->lazy && is_current(link) && !list_empty_careful(&remote->lazy))
		agenda->lazy = ktime_add_ns(ktime_get(), LAZY_NS);
	return err;
}

/* Sleeps until there is something to do. */
static void rest(struct ndval_link *link, const struct agenda *agenda)
{
	ktime_t until = agenda->ping;
	ktime_t now = ktime_get();

	if (agenda->lazy && ktime_before(agenda->lazy, until))
		until = agenda->lazy;
	if (ktime_before(now, until))
		wait_event_interruptible_hrtimeout(link->wake, READ_ONCE(link->awake),
						   ktime_sub(until, now));
}

static bool is_ending(struct ndval_link *link, bool *bye)
{
	bool ending;

	spin_lock(&link->lock);
	*bye = link->bye && !link->mute;
	ending = link->dying || link->bye;
	spin_unlock(&link->lock);
	return ending;
}

/**
 * ndval_send_thread() - The sender of a link.
 * @data: the link
 *
 * Return: 0.
 */
int ndval_send_thread(void *data)
{
	struct ndval_link *link = data;
	struct agenda agenda = {
		.ping = ktime_add_ms(ktime_get(), link->timeout_ms / 3),
	};
	bool bye = false;
	int err;

	ndval_link_tune(link);
	err = send_hello(link);
	while (!err) {
		WRITE_ONCE(link->awake, false);
		smp_mb();	/* what is found below is newer than a wake-up */
		if (is_ending(link, &bye))
			break;
		kcov_remote_start_common(link->kcov);
		err = send_round(link, &agenda);
		kcov_remote_stop();
		if (!err)
			rest(link, &agenda);
	}
	if (!err && bye)
		err = send_bye(link);
	/* A retired link is read to its end, which the other side makes. */
	if (err == -EPIPE || err == -ECONNRESET)
		ndval_link_kill(link, "the peer has closed the connection");
	else if (err || ndval_link_state(link) != NDVAL_LINK_STATE_RETIRED)
		ndval_link_kill(link, "could not send: error %d", -err);
	else
		kernel_sock_shutdown(link->sock, SHUT_WR);
	return 0;
}
