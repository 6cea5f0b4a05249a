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
 * @stream_id: of the stream, or its journal
 * @journal: of its journal
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
	bool			journal;
	u32			error;
	u32			role;
};

/**
 * ndval_send_message() - Send the message in a link's skb whole.
 * @link: the link
 * @values: so many bytes of it are not in the skb, but in the buffer already, at
 *	NDVAL_WIRE_VALUE_AT; a multiple of 4
 *
 * Context: process, sleeps; no lock of ours is held.
 * Return: 0 or an errno that ends the link.
 */
int ndval_send_message(struct ndval_link *link, size_t values)
{
	size_t attrs = link->skb->len;
	size_t head = min(attrs, NDVAL_WIRE_VALUE_AT);
	size_t len = attrs + values;
	u8 *from = link->skb->data;
	u8 *to = link->out.data;
	int err;

	if (WARN_ON_ONCE(len > NDVAL_WIRE_MESSAGE_MAX))
		return -EMSGSIZE;
	nlmsg_hdr(link->skb)->nlmsg_len = len;
	memcpy(to, from, head);
	memcpy(to + head + values, from + head, attrs - head);
	memzero_explicit(from, attrs);
	err = ndval_sock_send(&link->sock, &link->out, len);
	if (err)
		return err;
	WRITE_ONCE(link->tx_bytes, link->tx_bytes + len);
	WRITE_ONCE(link->tx_messages, link->tx_messages + 1);
	return 0;
}

/**
 * ndval_send_finish() - End a message and send it, if it could be made.
 * @link: the link
 * @header: its header
 * @err: 0, or why it could not
 *
 * Context: process, sleeps; no lock of ours is held.
 * Return: 0 or an errno that ends the link.
 */
int ndval_send_finish(struct ndval_link *link, struct nlmsghdr *header, int err)
{
	if (WARN_ON_ONCE(err))
		return err;
	ndval_wire_end(link->skb, header);
	return ndval_send_message(link, 0);
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
	return ndval_send_finish(link, header, err);
}

static int send_time(struct ndval_link *link, u8 cmd, u64 time)
{
	struct nlmsghdr *header = ndval_wire_begin(link->skb, cmd);

	return ndval_send_finish(link, header,
		      ndval_wire_put_u64(link->skb, NDVAL_WIRE_A_TIME, time));
}

static int send_bye(struct ndval_link *link)
{
	struct nlmsghdr *header = ndval_wire_begin(link->skb, NDVAL_WIRE_CMD_BYE);

	return ndval_send_finish(link, header,
		      nla_put_string(link->skb, NDVAL_WIRE_A_REASON, link->reason));
}

static int send_refusal(struct ndval_link *link, const struct ndval_refusal *refusal)
{
	struct sk_buff *skb = link->skb;
	struct nlmsghdr *header;
	int err;

	if (!refusal->pair) {
		header = ndval_wire_begin(skb, NDVAL_WIRE_CMD_PAIR);
		err = nla_put_string(skb, NDVAL_WIRE_A_PAIR, refusal->group) ?:
		      ndval_send_put_gone(skb, refusal->incarnation, refusal->role);
		return ndval_send_finish(link, header, err);
	}
	header = ndval_wire_begin(skb, NDVAL_WIRE_CMD_STREAM_DEL);
	err = nla_put_string(skb, NDVAL_WIRE_A_PAIR, refusal->group) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_INCARNATION, refusal->incarnation) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_EPOCH_ID, refusal->epoch_id) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_PAIR_ID, refusal->pair_id) ?:
	      nla_put_string(skb, NDVAL_WIRE_A_STREAM, refusal->stream) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_STREAM_ID, refusal->stream_id) ?:
	      nla_put_u32(skb, NDVAL_WIRE_A_ERROR, refusal->error);
	if (!err && refusal->journal)
		err = nla_put_flag(skb, NDVAL_WIRE_A_JOURNAL);
	return ndval_send_finish(link, header, err);
}

/* Sends what one entry of the list stands for. */
static int send_due(struct ndval_link *link, struct ndval_due *due)
{
	switch (due->kind) {
	case NDVAL_DUE_PAIR:
		return ndval_send_pair(link, container_of(due, struct ndval_peer, pair_due));
	case NDVAL_DUE_WORD:
		return ndval_send_word(link, container_of(due, struct ndval_peer, word_due));
	case NDVAL_DUE_REFUSAL:
		return send_refusal(link, container_of(due, struct ndval_refusal, due));
	case NDVAL_DUE_FLOW:
		return ndval_send_flow(link, container_of(due, struct ndval_flow, due));
	case NDVAL_DUE_CHECK:
		return ndval_send_check(link, container_of(due, struct ndval_flow, check_due));
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
 * @journal: its journal is meant
 * @stream_id: identity of the stream that is meant, 0 for whichever
 * @error: errno of a refusal, 0 if it was deleted
 *
 * Context: process.
 * Return: 0, -ENOMEM, or -ENOBUFS if so many wait that memory_max is reached.
 */
int ndval_send_stream_del(struct ndval_remote *remote, struct ndval_pair *pair,
			  const char *stream, bool journal, u64 stream_id, u32 error)
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
	refusal->journal = journal;
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

/* Is PING due, or what is lazy, while there is always something else to send? */
static bool is_late(struct ndval_link *link, struct agenda *agenda)
{
	ktime_t now = ktime_get();

	if (!agenda->lazy && !list_empty_careful(&link->remote->lazy))
		agenda->lazy = ktime_add_ns(now, LAZY_NS);
	return !ktime_before(now, agenda->ping) ||
	       (agenda->lazy && !ktime_before(now, agenda->lazy));
}

static int send_all_due(struct ndval_link *link, struct agenda *agenda)
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
		if (READ_ONCE(link->pong) || READ_ONCE(link->bye) || is_late(link, agenda)) {
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
	struct nlmsghdr *header;
	bool pong;
	u64 time;

	spin_lock(&link->lock);
	pong = link->pong;
	time = link->pong_time;
	link->pong = false;
	spin_unlock(&link->lock);
	if (!pong)
		return 0;
	header = ndval_wire_begin(link->skb, NDVAL_WIRE_CMD_PONG);
	return ndval_send_finish(link, header,
		ndval_wire_put_u64(link->skb, NDVAL_WIRE_A_TIME, time) ?:
		ndval_wire_put_u64(link->skb, NDVAL_WIRE_A_REALTIME, ktime_get_real_ns()));
}

/*
 * Ends a link on which no message has come whole for too long. The receiver does that
 * itself, unless it is kept waiting by what is nothing at all, as a TLS record without
 * a byte in it is, of which a peer may send as many as it likes.
 */
static int check_heard(struct ndval_link *link)
{
	unsigned int ms = NDVAL_SOCK_PATIENCE * link->sock.timeout_ms;

	if (time_before(jiffies, READ_ONCE(link->heard) + msecs_to_jiffies(ms)))
		return 0;
	ndval_link_kill(link, "the peer took longer than %u ms for one message", ms);
	return -ETIME;
}

static int send_ping(struct ndval_link *link, struct agenda *agenda)
{
	ktime_t now = ktime_get();

	if (ktime_before(now, agenda->ping))
		return 0;
	/* Before the time-out may become a shorter one. */
	if (check_heard(link))
		return -ETIME;
	ndval_sock_tune(&link->sock, ndval_remote_timeout_ms(link->remote));
	agenda->ping = ktime_add_ms(now, max(link->sock.timeout_ms / 3, 1U));
	if (!is_current(link))
		return 0;
	ndval_remote_tell_clocks(link->remote);
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
	err = send_all_due(link, agenda) ?: send_pong(link) ?: send_ping(link, agenda);
	if (!agenda->lazy && is_current(link) && !list_empty_careful(&remote->lazy))
		agenda->lazy = ktime_add_ns(ktime_get(), LAZY_NS);
	return err;
}

/* Sleeps until there is something to do. What was sent last is wiped before. */
static void rest(struct ndval_link *link, const struct agenda *agenda)
{
	ktime_t until = agenda->ping;
	ktime_t now = ktime_get();

	if (READ_ONCE(link->awake))
		return;
	if (agenda->lazy && ktime_before(agenda->lazy, until))
		until = agenda->lazy;
	ndval_buffer_wipe(&link->out, 0);
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
		.ping = ktime_add_ms(ktime_get(), link->sock.timeout_ms / 3),
	};
	bool bye = false;
	const char *why;
	int err;

	ndval_sock_tune(&link->sock, ndval_remote_timeout_ms(link->remote));
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
	if (!err && bye) {
		err = send_bye(link);
		if (!err)
			ndval_sock_send_end(&link->sock);
	}
	ndval_buffer_wipe(&link->out, 0);
	why = ndval_sock_why(&link->sock, err);
	/* A retired link is read to its end, which the other side makes. */
	if (why)
		ndval_link_hung_up(link, why);
	else if (err || ndval_link_state(link) != NDVAL_LINK_STATE_RETIRED)
		ndval_link_kill(link, "could not send: error %d", -err);
	else
		kernel_sock_shutdown(link->sock.socket, SHUT_WR);
	return 0;
}
