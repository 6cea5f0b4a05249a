/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * States of a link
 *
 *	state		sends				what it receives
 *	handshake	HELLO				HELLO only
 *	up		PAIR, FETCH, VALUES, ...	is processed
 *	retired		BYE, then nothing		is read and thrown away
 *	closing		BYE if asked to			-
 *
 *	event					from		to
 *	link-attach				-		handshake
 *	HELLO received, newer than the current	handshake	up
 *	HELLO received, older than the current	handshake	closing
 *	a newer link comes up			up		retired
 *	link-detach, module exit		any		closing
 *	error, silence, protocol error		any		closing
 *	BYE					any		closing, see below
 *	host cloned				any		closing, no BYE
 *
 * At BYE the end waits for a link that is in handshake, as the other side may have
 * seen that one come up already: then the peer is not lost.
 *
 * The receiver moves a link up and retires its predecessor; anybody may close
 * one; all under link->lock (and remote->lock where "current" changes). The
 * end is made by the link's work alone: it shuts the socket down, joins both
 * threads, takes the link out of its remote, and drops it. The threads never
 * free it, and no lock is held across sendmsg or recvmsg.
 */
#ifndef NDVAL_LINK_H
#define NDVAL_LINK_H

#include <linux/list.h>
#include <linux/ndval_netlink.h>
#include <linux/ndval.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "buffer.h"
#include "sock.h"

struct ndval_member;
struct ndval_remote;
struct netlink_ext_ack;
struct sk_buff;
struct task_struct;

/* Bytes of a peer's software version with its NUL. */
#define NDVAL_SOFTWARE_SIZE	32

/* Bytes of the reason for which a link ended, with its NUL. */
#define NDVAL_REASON_SIZE	128

/*
 * Most links between the same two members. One is used; the others have not said HELLO
 * yet, or are being read to their end. Each takes two threads and two buffers.
 */
#define NDVAL_LINKS_MAX		32

/* Longest that a replaced link is read to its end, in ms. */
#define NDVAL_RETIRE_MS		10000

/**
 * struct ndval_link - a connected stream socket between two members
 * @list: in the list of links, under ndval_links_lock
 * @ref: the list, the remote and look-ups
 * @id: number, never used twice
 * @remote: the two members, with a reference
 * @sock: the socket
 * @serial: attachments to this remote so far, this one included
 * @end: makes the end
 * @wake: the sender waits here
 * @awake: something is to be sent, or the link is to end
 * @receiver: thread, with a reference
 * @sender: thread, with a reference
 * @skb: the sender's message, but for the values in it
 * @out: the sender's message, as it is sent
 * @in: the receiver's message
 * @kcov: handle by which whoever attached collects what the threads run
 *	(CONFIG_KCOV); 0 if it does not
 * @tx_bytes: sent; written by the sender alone, as @tx_messages
 * @tx_messages: sent
 * @rx_bytes: received; written by the receiver alone, as all until @lock
 * @rx_messages: received
 * @heard: when the last one was whole, in jiffies
 * @peer_id: identity of the other member
 * @rank: order of links between the same two members
 * @moved: the message that is processed has moved something
 * @budget: of those that do not, so many may come yet; see receive.c
 * @budgeted: when it was given, in jiffies
 * @rtt_us: last round trip in microseconds
 * @peer_software: version of the other end
 * @lock: protects all that follows
 * @state: enum ndval_link_state
 * @dying: the end has been asked for
 * @ended: the end is being made; @end is not queued any more
 * @mute: nothing more may be sent, not even BYE
 * @bye: BYE is to be sent, for @reason, and then the link ends
 * @pong: PONG is to be sent
 * @pong_time: with this
 * @reason: why it ends
 * @otherwise: why, if nobody gives a reason
 * @operation: of link-detach
 */
struct ndval_link {
	struct list_head	list;
	refcount_t		ref;
	u32			id;
	struct ndval_remote	*remote;
	struct ndval_sock	sock;
	u64			serial;
	struct delayed_work	end;
	wait_queue_head_t	wake;
	bool			awake;
	struct task_struct	*receiver;
	struct task_struct	*sender;
	struct sk_buff		*skb;
	struct ndval_buffer	out;
	struct ndval_buffer	in;
	u64			kcov;

	u64			tx_bytes;
	u64			tx_messages;

	u64			rx_bytes;
	u64			rx_messages;
	unsigned long		heard;
	u64			peer_id;
	u64			rank;
	bool			moved;
	int			budget;
	unsigned long		budgeted;
	u32			rtt_us;
	char			peer_software[NDVAL_SOFTWARE_SIZE];

	spinlock_t		lock;	/* protects all that follows */
	enum ndval_link_state	state;
	bool			dying;
	bool			ended;
	bool			mute;
	bool			bye;
	bool			pong;
	u64			pong_time;
	char			reason[NDVAL_REASON_SIZE];
	const char		*otherwise;
	u32			operation;
};

int ndval_link_attach(struct ndval_member *member, const char *peer, int fd,
		      u32 *id, struct netlink_ext_ack *extack);
void ndval_link_detach(struct ndval_link *link, u32 operation);
void ndval_link_detach_others(struct ndval_link *link);
void ndval_link_put(struct ndval_link *link);
void ndval_link_wake(struct ndval_link *link);
const char *ndval_link_security(struct ndval_remote *remote);
int ndval_link_up(struct ndval_link *link);
enum ndval_link_state ndval_link_state(struct ndval_link *link);
bool ndval_link_may_come_up(struct ndval_link *link);
__printf(2, 3) void ndval_link_kill(struct ndval_link *link, const char *fmt, ...);
void ndval_link_left(struct ndval_link *link, const char *reason);
void ndval_link_hung_up(struct ndval_link *link, const char *why);
void ndval_link_kill_all(const char *reason);
void ndval_link_exit(void);

#endif /* NDVAL_LINK_H */
