// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a link says of a stream: where epochs began in it (SYNC), what is wanted and
 * stored (FETCH), what is recorded (VALUES), what copies of the application were
 * given (CHECK).
 */
#include "send.h"

#include <linux/skbuff.h>

#include "check.h"
#include "flow.h"
#include "link.h"
#include "pair.h"
#include "peer.h"
#include "propose.h"
#include "stream.h"
#include "wire.h"

/* Which sequence a message is of. */
static int put_stream(struct sk_buff *skb, const struct ndval_stream *stream, u64 id)
{
	int err = nla_put_string(skb, NDVAL_WIRE_A_STREAM, stream->name) ?:
		  ndval_wire_put_u64(skb, NDVAL_WIRE_A_STREAM_ID, id);

	if (!err && ndval_stream_is_journal(stream))
		err = nla_put_flag(skb, NDVAL_WIRE_A_JOURNAL);
	return err;
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
	err = ndval_send_put_pair(skb, flow->stream->pair, epoch_id) ?:
	      put_stream(skb, flow->stream, id) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_FOR_ID, READ_ONCE(flow->peer->heard.id)) ?:
	      nla_put(skb, NDVAL_WIRE_A_STARTS, sizeof(starts), starts);
	return ndval_send_finish(link, header, err);
}

static int send_fetch(struct ndval_link *link, struct ndval_flow *flow)
{
	struct nlmsghdr *header = ndval_wire_begin(link->skb, NDVAL_WIRE_CMD_FETCH);
	struct sk_buff *skb = link->skb;
	struct ndval_fetch fetch;
	int err;

	if (!ndval_flow_take_fetch(flow, link->id, &fetch))
		return 0;
	err = ndval_send_put_pair(skb, flow->stream->pair, fetch.epoch_id) ?:
	      put_stream(skb, flow->stream, fetch.id) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_HAVE, fetch.have) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_WANT, fetch.want) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_DEMAND, fetch.demand) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_NEED, fetch.need);
	if (!err && fetch.again)
		err = nla_put_flag(skb, NDVAL_WIRE_A_AGAIN);
	if (!err && fetch.takeover)
		err = nla_put_flag(skb, NDVAL_WIRE_A_TAKEOVER);
	return ndval_send_finish(link, header, err);
}

static int send_push(struct ndval_link *link, struct ndval_flow *flow)
{
	struct nlmsghdr *header = ndval_wire_begin(link->skb, NDVAL_WIRE_CMD_VALUES);
	u8 *values = link->out.data + NDVAL_WIRE_VALUE_AT;
	struct sk_buff *skb = link->skb;
	struct ndval_push push;
	u32 padded;
	int err;

	if (!ndval_flow_take_push(flow, link->id, &push, values))
		return 0;
	if (push.stuck) {
		ndval_link_kill(link, "protocol error: what the peer stores ends inside a record");
		return -EPROTO;
	}
	err = ndval_wire_put_value(skb, push.offset, push.len) ?:
	      ndval_send_put_pair(skb, flow->stream->pair, push.epoch_id) ?:
	      put_stream(skb, flow->stream, push.id) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_COMMITTED, push.committed) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_TAIL, push.tail) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_NEED, push.need) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_LIMIT, push.limit) ?:
	      nla_put_u32(skb, NDVAL_WIRE_A_DROPS, push.drops);
	if (!err && push.n)
		err = nla_put(skb, NDVAL_WIRE_A_STARTS, push.n * sizeof(*push.starts),
			      push.starts);
	if (!err && push.again)
		err = nla_put_flag(skb, NDVAL_WIRE_A_AGAIN);
	if (WARN_ON_ONCE(err))
		return err;
	padded = NLA_ALIGN(push.len);
	memset(values + push.len, 0, padded - push.len);
	ndval_wire_end(skb, header);
	return ndval_send_message(link, padded);
}

static int send_values(struct ndval_link *link, struct ndval_flow *flow)
{
	bool primary = ndval_pair_is_primary(flow->stream->pair);
	bool few = primary && ndval_stream_fill_few(flow);
	int err;

	if (primary && !few)
		ndval_stream_fill_ahead(flow->stream, GFP_KERNEL);
	err = send_push(link, flow);
	/* What that makes is told of by another message. */
	if (!err && few)
		ndval_stream_fill_ahead(flow->stream, GFP_KERNEL);
	return err;
}

static int put_record(struct sk_buff *skb, const struct ndval_propose *propose)
{
	const struct ndval_proposal *proposal = propose->proposal;
	struct nlattr *attr = nla_reserve(skb, NDVAL_WIRE_A_RECORD, sizeof(proposal->record) +
					  proposal->record.length);
	struct ndval_record record = proposal->record;

	if (!attr)
		return -EMSGSIZE;
	record.place = propose->place;
	memcpy(nla_data(attr), &record, sizeof(record));
	memcpy(nla_data(attr) + sizeof(record), proposal->value, record.length);
	return 0;
}

/* One PROPOSE, if one is due. */
static int send_proposal(struct ndval_link *link, struct ndval_flow *flow)
{
	struct ndval_propose propose;
	struct sk_buff *skb = link->skb;
	struct nlmsghdr *header;
	int err;

	if (!ndval_propose_take(flow, link->id, &propose))
		return 0;
	header = ndval_wire_begin(skb, NDVAL_WIRE_CMD_PROPOSE);
	err = ndval_send_put_pair(skb, flow->stream->pair, propose.epoch_id) ?:
	      nla_put_string(skb, NDVAL_WIRE_A_STREAM, flow->stream->name) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_STREAM_ID, propose.id) ?:
	      put_record(skb, &propose);
	ndval_proposal_put(propose.proposal);
	return ndval_send_finish(link, header, err);
}

/* What a secondary has to say: FETCH comes first, for the primary makes the stream by it. */
static int ask(struct ndval_link *link, struct ndval_flow *flow)
{
	bool news = true;
	int err = 0;

	if (READ_ONCE(flow->propose)) {
		spin_lock(&flow->stream->lock);
		news = ndval_flow_has_news(flow);
		spin_unlock(&flow->stream->lock);
	}
	if (news)
		err = send_fetch(link, flow);
	if (!err && ndval_stream_is_journal(flow->stream))
		err = send_proposal(link, flow);
	return err;
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

/**
 * ndval_send_check() - Send CHECK, if one is due.
 * @link: the link
 * @flow: the stream towards the peer
 *
 * Context: process, sleeps. Takes the locks of pair and stream.
 * Return: 0 or an errno that ends the link.
 */
int ndval_send_check(struct ndval_link *link, struct ndval_flow *flow)
{
	struct sk_buff *skb = link->skb;
	struct ndval_check check;
	struct nlmsghdr *header;
	int err;

	if (!ndval_check_take(flow, link->id, &check))
		return 0;
	header = ndval_wire_begin(skb, NDVAL_WIRE_CMD_CHECK);
	err = ndval_send_put_pair(skb, flow->stream->pair, check.epoch_id) ?:
	      nla_put_string(skb, NDVAL_WIRE_A_STREAM, flow->stream->name) ?:
	      ndval_wire_put_u64(skb, NDVAL_WIRE_A_STREAM_ID, check.id) ?:
	      put_copy(skb, &check.told);
	if (!err && check.found && check.found_journal)
		err = nla_put_flag(skb, NDVAL_WIRE_A_JOURNAL);
	if (!err && check.found)
		err = ndval_wire_put_u64(skb, NDVAL_WIRE_A_FOUND_AT, check.found_at) ?:
		      nla_put_u32(skb, NDVAL_WIRE_A_FOUND_INSTANCE, check.found_instance);
	return ndval_send_finish(link, header, err);
}

/**
 * ndval_send_flow() - Send what is due of a stream: SYNC, VALUES, or FETCH and PROPOSE.
 * @link: the link
 * @flow: the stream towards the peer
 *
 * Context: process, sleeps. Takes the stream's lock.
 * Return: 0 or an errno that ends the link.
 */
int ndval_send_flow(struct ndval_link *link, struct ndval_flow *flow)
{
	if (READ_ONCE(flow->sync))
		return send_sync(link, flow);
	if (READ_ONCE(flow->give) || ndval_pair_is_primary(flow->stream->pair))
		return send_values(link, flow);
	return ask(link, flow);
}
