// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events: what happened, to the multicast group. Numbered one after the
 * other, so that a listener sees when it missed some and asks for the state
 * again.
 */
#include "event.h"

#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/string_helpers.h>
#include <net/genetlink.h>

#include "digest.h"
#include "netlink.h"
#include "pair.h"
#include "peer.h"
#include "stream.h"

/* Makes the order of numbers the order of sending. Innermost. */
static DEFINE_MUTEX(event_lock);
static u64 event_seq;
static bool listening;
static atomic_t operations;

/**
 * ndval_event_listen() - The family is, or is not any more, there to send by.
 * @on: it is
 */
void ndval_event_listen(bool on)
{
	mutex_lock(&event_lock);
	listening = on;
	mutex_unlock(&event_lock);
}

/**
 * ndval_operation() - Draw the id of an operation.
 *
 * Return: never 0.
 */
u32 ndval_operation(void)
{
	u32 id;

	do {
		id = atomic_inc_return(&operations);
	} while (!id);
	return id;
}

static int put_string(struct sk_buff *skb, int type, const char *text)
{
	return text ? nla_put_string(skb, type, text) : 0;
}

static int put_number(struct sk_buff *skb, int type, u32 number)
{
	return number ? nla_put_u32(skb, type, number) : 0;
}

static int put_caller(struct sk_buff *skb)
{
	char comm[TASK_COMM_LEN];

	get_task_comm(comm, current);
	return nla_put_u32(skb, NDVAL_A_EVENT_PID, task_tgid_nr(current)) ?:
	       nla_put_string(skb, NDVAL_A_EVENT_COMM, comm);
}

/* Both sides; what a peer calls its process is escaped. */
static int put_finding(struct sk_buff *skb, const struct ndval_finding *finding)
{
	const struct ndval_piece *own = &finding->own;
	const struct ndval_piece *other = &finding->other.piece;
	char comm[4 * sizeof(other->comm)] = {};

	string_escape_str(other->comm, comm, sizeof(comm) - 1, ESCAPE_NAP | ESCAPE_OCTAL,
			  NULL);
	return nla_put_u32(skb, NDVAL_A_EVENT_PID, own->pid) ?:
	       nla_put_string(skb, NDVAL_A_EVENT_COMM, own->comm) ?:
	       nla_put_u32(skb, NDVAL_A_EVENT_VALUE_KIND, own->kind) ?:
	       nla_put_u32(skb, NDVAL_A_EVENT_OTHER_INSTANCE, finding->other.instance) ?:
	       nla_put_u32(skb, NDVAL_A_EVENT_OTHER_KIND, other->kind) ?:
	       nla_put_u32(skb, NDVAL_A_EVENT_OTHER_LENGTH, other->length) ?:
	       nla_put_u32(skb, NDVAL_A_EVENT_OTHER_PID, other->pid) ?:
	       nla_put_string(skb, NDVAL_A_EVENT_OTHER_COMM, comm);
}

static int fill(struct sk_buff *skb, const struct ndval_event *event, u64 seq)
{
	int err;

	err = nla_put_u64_64bit(skb, NDVAL_A_EVENT_SEQ, seq, NDVAL_A_EVENT_PAD) ?:
	      nla_put_u32(skb, NDVAL_A_EVENT_KIND, event->kind) ?:
	      put_string(skb, NDVAL_A_EVENT_PAIR,
			 event->pair ? event->pair->name : NULL) ?:
	      put_string(skb, NDVAL_A_EVENT_MEMBER, event->member) ?:
	      put_string(skb, NDVAL_A_EVENT_PEER, event->peer) ?:
	      put_string(skb, NDVAL_A_EVENT_STREAM, event->stream) ?:
	      put_string(skb, NDVAL_A_EVENT_REASON, event->reason) ?:
	      put_number(skb, NDVAL_A_EVENT_LENGTH, event->length) ?:
	      put_number(skb, NDVAL_A_EVENT_LINK, event->link) ?:
	      put_number(skb, NDVAL_A_EVENT_OPERATION, event->operation);
	if (!err && event->operation)
		err = nla_put_u32(skb, NDVAL_A_EVENT_ERROR, event->error);
	if (!err && (event->has & NDVAL_HAS_OFFSET))
		err = nla_put_u64_64bit(skb, NDVAL_A_EVENT_OFFSET, event->offset,
					NDVAL_A_EVENT_PAD);
	if (!err && (event->has & NDVAL_HAS_INSTANCE))
		err = nla_put_u32(skb, NDVAL_A_EVENT_INSTANCE, event->instance);
	if (!err && (event->has & NDVAL_HAS_PEER_STATE))
		err = nla_put_u32(skb, NDVAL_A_EVENT_PEER_STATE, event->peer_state);
	if (!err && (event->has & NDVAL_HAS_HEALTH))
		err = nla_put_u32(skb, NDVAL_A_EVENT_ROLE, event->role) ?:
		      nla_put_u32(skb, NDVAL_A_EVENT_HEALTH, event->health);
	if (!err && (event->has & NDVAL_HAS_JOURNAL))
		err = nla_put_flag(skb, NDVAL_A_EVENT_JOURNAL);
	if (!err && (event->has & NDVAL_HAS_CLOCK))
		err = nla_put_u32(skb, NDVAL_A_EVENT_VALUE_KIND, event->clock) ?:
		      nla_put_s64(skb, NDVAL_A_EVENT_STEP, event->step, NDVAL_A_EVENT_PAD);
	if (!err && (event->has & NDVAL_HAS_SKEW))
		err = nla_put_s64(skb, NDVAL_A_EVENT_SKEW, event->skew, NDVAL_A_EVENT_PAD);
	if (!err && (event->has & NDVAL_HAS_CALLER))
		err = put_caller(skb);
	if (!err && event->finding)
		err = put_finding(skb, event->finding);
	return err;
}

static int send_event(const struct ndval_event *event, u64 seq)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	void *header;

	if (!skb)
		return -ENOMEM;
	header = genlmsg_put(skb, 0, 0, &ndval_nl_family, 0, NDVAL_CMD_EVENT);
	if (!header || fill(skb, event, seq)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	genlmsg_multicast(&ndval_nl_family, skb, 0, NDVAL_NLGRP_EVENTS, GFP_KERNEL);
	return 0;
}

/**
 * ndval_event() - Tell listeners of something that happened.
 * @event: what
 *
 * Without memory for the message listeners get ENOBUFS, as if they had not
 * listened fast enough, and its number is used up. Nothing is sent while the
 * family is not registered: the group's number would be somebody else's.
 *
 * Context: process, may hold mutexes.
 */
void ndval_event(const struct ndval_event *event)
{
	u64 seq;

	mutex_lock(&event_lock);
	seq = ++event_seq;
	if (listening && send_event(event, seq))
		genl_set_err(&ndval_nl_family, &init_net, 0, NDVAL_NLGRP_EVENTS, -ENOBUFS);
	mutex_unlock(&event_lock);
}

/**
 * ndval_event_pair() - Tell of a pair, with its role and health.
 * @kind: enum ndval_event_kind
 * @pair: the pair; the caller holds its lock
 */
void ndval_event_pair(u32 kind, struct ndval_pair *pair)
{
	const struct ndval_event event = {
		.kind	= kind,
		.pair	= pair,
		.member	= pair->key.member->name,
		.role	= pair->role,
		.health	= ndval_pair_health(pair),
		.has	= NDVAL_HAS_HEALTH,
	};

	ndval_event(&event);
}

/**
 * ndval_event_peer() - Tell of a peer's state.
 * @peer: the peer
 * @state: enum ndval_peer_state
 */
void ndval_event_peer(struct ndval_peer *peer, u32 state)
{
	const struct ndval_event event = {
		.kind		= NDVAL_EVENT_KIND_PEER_CHANGE,
		.pair		= peer->pair,
		.member		= peer->pair->key.member->name,
		.peer		= peer->remote->name,
		.reason		= peer->refused,
		.peer_state	= state,
		.has		= NDVAL_HAS_PEER_STATE,
	};

	ndval_event(&event);
}

/**
 * ndval_event_peer_lost() - Tell that a primary lost a peer that was counted.
 * @peer: the peer; the caller holds the pair's lock
 *
 * Context: process.
 */
void ndval_event_peer_lost(struct ndval_peer *peer)
{
	bool suspend = ndval_pair_setting(peer->pair, NDVAL_SET_ON_PEER_LOSS) ==
		       NDVAL_ON_PEER_LOSS_SUSPEND;
	bool sync = ndval_pair_is_sync(peer->pair);
	const struct ndval_event event = {
		.kind	= NDVAL_EVENT_KIND_PEER_LOST,
		.pair	= peer->pair,
		.member	= peer->pair->key.member->name,
		.peer	= peer->remote->name,
		.reason	= !suspend ? "going on without it" :
			  sync ? "waiting until it is back, or is outdated" :
				 "going on; fsync waits until it is back, or is outdated",
	};

	ndval_event(&event);
}

/**
 * ndval_event_stream() - Tell of a stream.
 * @kind: enum ndval_event_kind
 * @stream: the stream
 */
void ndval_event_stream(u32 kind, struct ndval_stream *stream)
{
	const struct ndval_event event = {
		.kind	= kind,
		.pair	= stream->pair,
		.stream	= stream->name,
	};

	ndval_event(&event);
}

/**
 * ndval_event_instance() - Tell of an instance.
 * @kind: enum ndval_event_kind
 * @stream: the stream
 * @instance: the instance
 * @offset: where it stands
 */
void ndval_event_instance(u32 kind, struct ndval_stream *stream,
			  unsigned int instance, u64 offset)
{
	const struct ndval_event event = {
		.kind		= kind,
		.pair		= stream->pair,
		.stream		= stream->name,
		.instance	= instance,
		.offset		= offset,
		.has		= NDVAL_HAS_INSTANCE | NDVAL_HAS_OFFSET |
				  (ndval_stream_is_journal(stream) ? NDVAL_HAS_JOURNAL : 0),
	};

	ndval_event(&event);
}

/**
 * ndval_event_diverged() - Tell that two copies of the application differ.
 * @stream: the stream
 * @instance: the copy of this member
 * @peer: whose copy the other is; NULL for this member
 * @finding: how
 */
void ndval_event_diverged(struct ndval_stream *stream, unsigned int instance,
			  struct ndval_peer *peer, const struct ndval_finding *finding)
{
	const struct ndval_event event = {
		.kind		= NDVAL_EVENT_KIND_DIVERGED,
		.pair		= stream->pair,
		.member		= stream->pair->key.member->name,
		.peer		= peer ? peer->remote->name : NULL,
		.stream		= stream->name,
		.reason		= finding->reason,
		.offset		= finding->offset,
		.length		= finding->own.length,
		.instance	= instance,
		.finding	= finding,
		.has		= NDVAL_HAS_INSTANCE | NDVAL_HAS_OFFSET |
				  (finding->journal ? NDVAL_HAS_JOURNAL : 0),
	};

	ndval_event(&event);
}

/**
 * ndval_event_clock_step() - Tell that a clock of a pair was set.
 * @pair: the pair; the caller holds its lock
 * @kind: which clock, enum ndval_value_kind
 * @step: by how much, in ns
 */
void ndval_event_clock_step(struct ndval_pair *pair, u32 kind, s64 step)
{
	const struct ndval_event event = {
		.kind	= NDVAL_EVENT_KIND_CLOCK_STEP,
		.pair	= pair,
		.member	= pair->key.member->name,
		.clock	= kind,
		.step	= step,
		.has	= NDVAL_HAS_CLOCK,
	};

	ndval_event(&event);
}

/**
 * ndval_event_op_reason() - Tell of the end of an operation, and why.
 * @operation: its id; 0 for none, then nothing is told
 * @err: 0 or a negative errno
 * @reason: for people; NULL for none
 *
 * Context: process, may hold mutexes.
 */
void ndval_event_op_reason(u32 operation, int err, const char *reason)
{
	const struct ndval_event event = {
		.kind		= NDVAL_EVENT_KIND_OP_DONE,
		.operation	= operation,
		.error		= -err,
		.reason		= reason,
	};

	if (operation)
		ndval_event(&event);
}

/**
 * ndval_event_op() - Tell of the end of an operation.
 * @operation: its id; 0 for none, then nothing is told
 * @err: 0 or a negative errno
 *
 * Context: process, may hold mutexes.
 */
void ndval_event_op(u32 operation, int err)
{
	ndval_event_op_reason(operation, err, NULL);
}

/**
 * ndval_event_clock_skew() - Tell that a peer's clock differs from ours by too much, or
 *	does no more.
 * @peer: the peer; the caller holds the pair's lock
 * @skew: by how much it is ahead, in ns
 * @reason: which of the two, for people
 */
void ndval_event_clock_skew(struct ndval_peer *peer, s64 skew, const char *reason)
{
	const struct ndval_event event = {
		.kind	= NDVAL_EVENT_KIND_CLOCK_SKEW,
		.pair	= peer->pair,
		.member	= peer->pair->key.member->name,
		.peer	= peer->remote->name,
		.reason	= reason,
		.skew	= skew,
		.has	= NDVAL_HAS_SKEW,
	};

	ndval_event(&event);
}
