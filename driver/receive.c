// SPDX-License-Identifier: GPL-2.0-only
/*
 * The receiver of a link: a thread that reads messages and draws the
 * conclusions. It never waits for the sender or a reader, so a peer whose
 * messages are not read is one whose network is slow.
 *
 * Nor does it work for a peer without end: messages that move nothing, however well
 * formed, are read at a limited rate, and what is beyond it waits in the sockets.
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
#include <linux/jiffies.h>
#include <linux/kcov.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/string.h>
#include <linux/string_helpers.h>

#include "link.h"
#include "member.h"
#include "send.h"
#include "skew.h"
#include "wire.h"

/*
 * Messages that move nothing: so many in a second, and at once, as when a link comes
 * up and there is a word to say of each stream.
 */
#define IDLE_RATE	2000
#define IDLE_BURST	16384

/* What a message that moves something gives back: it may be followed by some that do not. */
#define IDLE_EARNED	4

/* How long the receiver rests when there were too many. */
#define IDLE_REST	msecs_to_jiffies(20)

/* Ends the link, for nothing more comes. */
static void explain_end(struct ndval_link *link, int err)
{
	char reason[NDVAL_REASON_SIZE];

	ndval_sock_explain(&link->sock, err, reason, sizeof(reason));
	ndval_link_kill(link, "%s", reason);
}

/* Reads a message into the link's buffer; false if the link is to end instead. */
static bool receive_message(struct ndval_link *link)
{
	struct nlmsghdr *header = (struct nlmsghdr *)link->in.data;
	int err;

	link->sock.begun = false;
	err = ndval_sock_receive(&link->sock, &link->in, 0, NLMSG_HDRLEN);
	if (!err && ndval_wire_check(header)) {
		ndval_link_kill(link, "protocol error: a message that makes no sense");
		return false;
	}
	if (!err)
		err = ndval_sock_receive(&link->sock, &link->in, NLMSG_HDRLEN, nlmsg_len(header));
	if (err) {
		explain_end(link, err);
		return false;
	}
	WRITE_ONCE(link->rx_bytes, link->rx_bytes + header->nlmsg_len);
	WRITE_ONCE(link->rx_messages, link->rx_messages + 1);
	WRITE_ONCE(link->heard, jiffies);
	return true;
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
	const char *name = ndval_wire_text(attrs, NDVAL_WIRE_A_MEMBER);

	if (ndval_link_state(link) != NDVAL_LINK_STATE_HANDSHAKE)
		return -EPROTO;
	if (nla_get_u32(attrs[NDVAL_WIRE_A_VERSION]) != NDVAL_WIRE_VERSION ||
	    (ndval_wire_u64(attrs, NDVAL_WIRE_A_FEATURES) & ~NDVAL_FEATURES)) {
		ndval_link_kill(link, "the peer needs a newer version of the protocol");
		return -EPROTO;
	}
	if (strcmp(name, link->remote->name) ||
	    strcmp(ndval_wire_text(attrs, NDVAL_WIRE_A_TO), member->name)) {
		ndval_link_kill(link, "the peer is another member, or takes us for one");
		return -EPROTO;
	}
	link->peer_id = ndval_wire_u64(attrs, NDVAL_WIRE_A_MEMBER_ID);
	if (!link->peer_id || link->peer_id == READ_ONCE(member->id)) {
		ndval_link_kill(link, "the peer has our own identity");
		return -EPROTO;
	}
	string_escape_str(ndval_wire_text(attrs, NDVAL_WIRE_A_SOFTWARE), link->peer_software,
			  sizeof(link->peer_software) - 1, ESCAPE_NAP | ESCAPE_OCTAL,
			  NULL);
	link->rank = rank_of(link, ndval_wire_u64(attrs, NDVAL_WIRE_A_SERIAL));
	if (ndval_link_up(link)) {
		ndval_link_kill(link, "there is a newer link to this peer");
		return -EEXIST;
	}
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
	if (sent > now)
		return 0;
	WRITE_ONCE(link->rtt_us, min_t(u64, (now - sent) / NSEC_PER_USEC, U32_MAX));
	if (attrs[NDVAL_WIRE_A_REALTIME])
		ndval_skew_measured(link->remote, link->id,
				    ndval_wire_u64(attrs, NDVAL_WIRE_A_REALTIME), now - sent);
	return 0;
}

static int on_bye(struct ndval_link *link, struct nlattr **attrs)
{
	char reason[NDVAL_REASON_SIZE] = "the peer says: ";
	size_t len = strlen(reason);

	string_escape_str(ndval_wire_text(attrs, NDVAL_WIRE_A_REASON), reason + len,
			  NDVAL_REASON_SIZE / 2 - 1, ESCAPE_NAP | ESCAPE_OCTAL, NULL);
	ndval_link_left(link, reason);
	return -ECONNRESET;
}

static int (* const handlers[NDVAL_WIRE_CMDS])(struct ndval_link *link,
					       struct nlattr **attrs) = {
	[NDVAL_WIRE_CMD_HELLO]		= on_hello,
	[NDVAL_WIRE_CMD_PAIR]		= ndval_receive_pair,
	[NDVAL_WIRE_CMD_FETCH]		= ndval_receive_fetch,
	[NDVAL_WIRE_CMD_VALUES]		= ndval_receive_values,
	[NDVAL_WIRE_CMD_STREAM_DEL]	= ndval_receive_stream_del,
	[NDVAL_WIRE_CMD_SYNC]		= ndval_receive_sync,
	[NDVAL_WIRE_CMD_TAKEOVER]	= ndval_receive_takeover,
	[NDVAL_WIRE_CMD_HANDOVER]	= ndval_receive_handover,
	[NDVAL_WIRE_CMD_CHECK]		= ndval_receive_check,
	[NDVAL_WIRE_CMD_PROPOSE]	= ndval_receive_propose,
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
	struct nlmsghdr *header = (struct nlmsghdr *)link->in.data;
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
	/* To wipe a short one is less than to ask the socket whether another one is there. */
	if (header->nlmsg_len <= PAGE_SIZE)
		ndval_buffer_wipe(&link->in, 0);
	return err;
}

/* Ends the link, for what came can't be. */
static void explain(struct ndval_link *link, int err,
		    const struct netlink_ext_ack *extack)
{
	switch (err) {
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

/*
 * Counts the message that was processed, and rests if too many have moved nothing. The
 * end of the link wakes, and does not wait for what is left in the socket.
 */
static void pace(struct ndval_link *link)
{
	unsigned long passed;

	if (link->moved) {
		link->moved = false;
		link->budget = min(link->budget + IDLE_EARNED, IDLE_BURST);
		return;
	}
	if (--link->budget > 0 || kthread_should_stop())
		return;
	passed = jiffies - link->budgeted;
	if (passed < IDLE_REST) {
		schedule_timeout_interruptible(IDLE_REST - passed);
		passed = jiffies - link->budgeted;
	}
	link->budgeted += passed;
	link->budget = min_t(u64, (u64)passed * IDLE_RATE / HZ, IDLE_BURST);
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
	int err = 0;

	link->budgeted = jiffies;
	link->budget = IDLE_BURST;
	while (!err && receive_message(link)) {
		kcov_remote_start_common(link->kcov);
		err = process(link, &extack);
		kcov_remote_stop();
		pace(link);
		cond_resched();
	}
	if (err)
		explain(link, err, &extack);
	return 0;
}
