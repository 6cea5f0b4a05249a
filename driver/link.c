// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links: a socket that userspace connected, handed over by file descriptor
 * and from then on used by the kernel alone, by one thread that receives and
 * one that sends. States and locks are told in link.h.
 */
#include "link.h"

#include <linux/jiffies.h>
#include <linux/kcov.h>
#include <linux/kthread.h>
#include <linux/limits.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/sched/task.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/stdarg.h>

#include "event.h"
#include "extack.h"
#include "host.h"
#include "links.h"
#include "member.h"
#include "name.h"
#include "peer.h"
#include "receive.h"
#include "send.h"
#include "wire.h"

/* How long BYE may take when a link is detached, in ms. */
#define BYE_MS		250

/* How long what the peer said last is read when nothing can be sent to it, in ms. */
#define LAST_MS		1000

static DECLARE_WAIT_QUEUE_HEAD(links_gone);
static u32 last_id;

/**
 * ndval_link_wake() - Let the sender look again.
 * @link: the link
 */
void ndval_link_wake(struct ndval_link *link)
{
	WRITE_ONCE(link->awake, true);
	wake_up(&link->wake);
}

/**
 * ndval_link_state() - A link's state now.
 * @link: the link
 */
enum ndval_link_state ndval_link_state(struct ndval_link *link)
{
	enum ndval_link_state state;

	spin_lock(&link->lock);
	state = link->dying ? NDVAL_LINK_STATE_CLOSING : link->state;
	spin_unlock(&link->lock);
	return state;
}

/**
 * ndval_link_may_come_up() - Has a link not said HELLO yet, and is not to end either?
 * @link: the link
 */
bool ndval_link_may_come_up(struct ndval_link *link)
{
	bool may;

	spin_lock(&link->lock);
	may = link->state == NDVAL_LINK_STATE_HANDSHAKE && !link->dying && !link->bye;
	spin_unlock(&link->lock);
	return may;
}

static void mark_dying(struct ndval_link *link, const char *reason)
{
	lockdep_assert_held(&link->lock);
	if (!link->dying && !*link->reason)
		strscpy(link->reason, reason, sizeof(link->reason));
	link->dying = true;
}

/* Makes the end come in @ms at the latest, unless it is being made. */
static void end_within(struct ndval_link *link, unsigned int ms)
{
	lockdep_assert_held(&link->lock);
	if (!link->ended)
		mod_delayed_work(ndval_wq, &link->end, msecs_to_jiffies(ms));
}

/**
 * ndval_link_kill() - End a link now.
 * @link: the link
 * @fmt: why; what comes from a peer has to be escaped
 *
 * One that is to end already does so at its time.
 *
 * Context: any that is not interrupt. May be called by the link's threads.
 */
void ndval_link_kill(struct ndval_link *link, const char *fmt, ...)
{
	char reason[NDVAL_REASON_SIZE];
	va_list args;

	va_start(args, fmt);
	vscnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	spin_lock(&link->lock);
	if (!link->dying) {
		mark_dying(link, reason);
		end_within(link, 0);
	}
	spin_unlock(&link->lock);
	ndval_link_wake(link);
}

/**
 * ndval_link_hung_up() - The peer takes nothing more: end a link.
 * @link: the link
 * @why: why, if it has not said itself; lives as long as the module
 *
 * The receiver is left some time to find out what was said last.
 *
 * Context: the link's sender.
 */
void ndval_link_hung_up(struct ndval_link *link, const char *why)
{
	spin_lock(&link->lock);
	if (!link->dying) {
		link->otherwise = why;
		end_within(link, link->bye ? 0 : LAST_MS);
	}
	spin_unlock(&link->lock);
}

/* Lets the sender say BYE, and ends the link when it has, or after @ms. */
static void say_bye(struct ndval_link *link, const char *reason, unsigned int ms)
{
	spin_lock(&link->lock);
	if (!link->dying) {
		if (!link->bye)
			strscpy(link->reason, reason, sizeof(link->reason));
		link->bye = true;
		end_within(link, ms);
	} else {
		/* It may await its successor. */
		end_within(link, 0);
	}
	spin_unlock(&link->lock);
	ndval_link_wake(link);
}

/**
 * ndval_link_left() - The peer has said BYE.
 * @link: the link
 * @reason: what it has said
 *
 * To the peer a newer link may be up already that is to be up here: it is no loss
 * of the peer, then, but a link that is replaced. The end waits for that one to be
 * up, or to end, but not for longer than silence may last.
 *
 * Context: process, the link's receiver.
 */
void ndval_link_left(struct ndval_link *link, const char *reason)
{
	struct ndval_remote *remote = link->remote;
	unsigned int ms = 0;

	mutex_lock(&remote->change);
	if (READ_ONCE(remote->link_id) == link->id && ndval_link_has_successor(link))
		ms = link->sock.timeout_ms;
	spin_lock(&link->lock);
	if (!link->dying) {
		mark_dying(link, reason);
		end_within(link, ms);
	}
	spin_unlock(&link->lock);
	mutex_unlock(&remote->change);
	ndval_link_wake(link);
}

/**
 * ndval_link_detach() - Close a link in order.
 * @link: the link
 * @operation: id to report the end by, 0 for none
 *
 * Context: process; does not wait for the end.
 */
void ndval_link_detach(struct ndval_link *link, u32 operation)
{
	spin_lock(&link->lock);
	link->operation = operation;
	spin_unlock(&link->lock);
	say_bye(link, "detached", BYE_MS);
}

/**
 * ndval_link_detach_others() - Close in order all links to a link's member but itself.
 * @link: the link
 *
 * A peer that is to have no link must not keep one by having begun another.
 *
 * Context: process; does not wait for the end.
 */
void ndval_link_detach_others(struct ndval_link *link)
{
	struct ndval_link *other;

	mutex_lock(&ndval_links_lock);
	list_for_each_entry(other, &ndval_links, list)
		if (other != link && other->remote == link->remote)
			say_bye(other, "detached", BYE_MS);
	mutex_unlock(&ndval_links_lock);
}

static void link_free(struct ndval_link *link)
{
	if (link->skb)
		memzero_explicit(link->skb->head, skb_end_offset(link->skb));
	kfree_skb(link->skb);
	ndval_buffer_destroy(&link->out);
	ndval_buffer_destroy(&link->in);
	ndval_remote_put(link->remote);
	kfree(link);
}

/**
 * ndval_link_put() - Drop a reference.
 * @link: the link
 */
void ndval_link_put(struct ndval_link *link)
{
	if (refcount_dec_and_test(&link->ref))
		link_free(link);
}

/* Its peer has left, and its successor is none. */
static void end_if_left(struct ndval_link *link)
{
	spin_lock(&link->lock);
	if (link->dying)
		end_within(link, 0);
	spin_unlock(&link->lock);
}

/* The link stops to be its remote's current one, if it is. */
static void leave_remote(struct ndval_link *link)
{
	struct ndval_remote *remote = link->remote;
	bool current_one;

	mutex_lock(&remote->change);
	spin_lock(&remote->lock);
	current_one = remote->link == link;
	if (current_one) {
		remote->link = NULL;
		WRITE_ONCE(remote->link_id, 0);
	} else if (remote->link) {
		end_if_left(remote->link);
	}
	spin_unlock(&remote->lock);
	if (current_one) {
		ndval_send_purge(remote);
		ndval_remote_down(remote);
	}
	mutex_unlock(&remote->change);
}

static void tell_of(struct ndval_link *link, u32 kind, const char *reason)
{
	const struct ndval_event event = {
		.kind	= kind,
		.member	= link->remote->member->name,
		.peer	= link->remote->name,
		.link	= link->id,
		.reason	= reason,
	};

	ndval_event(&event);
}

static void stop_thread(struct task_struct *task)
{
	kthread_stop(task);
	put_task_struct(task);
}

static void end_work(struct work_struct *work)
{
	struct ndval_link *link = container_of(to_delayed_work(work),
					       struct ndval_link, end);
	struct ndval_member *member = link->remote->member;

	spin_lock(&link->lock);
	mark_dying(link, link->otherwise);
	link->ended = true;
	/* Who queued it after it had begun to run does so no more. */
	cancel_delayed_work(&link->end);
	spin_unlock(&link->lock);
	ndval_link_wake(link);
	kernel_sock_shutdown(link->sock.socket, SHUT_RDWR);
	/* Until start() is done with the threads. */
	mutex_lock(&ndval_links_lock);
	mutex_unlock(&ndval_links_lock);
	stop_thread(link->receiver);
	stop_thread(link->sender);
	leave_remote(link);
	pr_info_ratelimited("link %u to %s: down: %s\n", link->id,
			    link->remote->name, link->reason);

	ndval_member_get(member);
	mutex_lock(&ndval_links_lock);
	list_del(&link->list);
	mutex_unlock(&ndval_links_lock);
	wake_up(&links_gone);
	ndval_sock_close(&link->sock);
	ndval_member_use(member, 0, -1);
	tell_of(link, NDVAL_EVENT_KIND_LINK_DOWN, link->reason);
	ndval_event_op(link->operation, 0);
	ndval_link_put(link);
	ndval_member_put(member);
}

static struct ndval_link *link_create(struct ndval_remote *remote,
				      const struct ndval_sock *sock)
{
	struct ndval_link *link = kzalloc(sizeof(*link), GFP_KERNEL);

	if (!link)
		return NULL;
	refcount_set(&link->ref, 1);
	ndval_remote_hold(remote);
	link->remote = remote;
	link->sock = *sock;
	link->kcov = kcov_common_handle();
	spin_lock_init(&link->lock);
	init_waitqueue_head(&link->wake);
	INIT_DELAYED_WORK(&link->end, end_work);
	link->state = NDVAL_LINK_STATE_HANDSHAKE;
	link->otherwise = "closed";
	link->skb = alloc_skb(NDVAL_SEND_MAX, GFP_KERNEL);
	if (!link->skb || ndval_buffer_init(&link->out) || ndval_buffer_init(&link->in)) {
		ndval_link_put(link);
		return NULL;
	}
	return link;
}

static struct task_struct *make_thread(int (*fn)(void *data), struct ndval_link *link,
				       const char *what)
{
	struct task_struct *task;

	task = kthread_create(fn, link, "ndval-%s/%u", what, link->id);
	if (!IS_ERR(task))
		get_task_struct(task);
	return task;
}

/* May the link be added to those that there are? */
static int check_others(const struct ndval_link *link, struct netlink_ext_ack *extack)
{
	const struct ndval_link *other;
	unsigned int count = 0;

	lockdep_assert_held(&ndval_links_lock);
	list_for_each_entry(other, &ndval_links, list) {
		if (other->sock.socket == link->sock.socket) {
			NL_SET_ERR_MSG(extack, "the socket is attached already");
			return -EBUSY;
		}
		count += other->remote == link->remote;
	}
	if (count >= NDVAL_LINKS_MAX) {
		NL_SET_ERR_MSG(extack,
			       "there are too many links to this peer: wait until most have ended, or detach them");
		return -EBUSY;
	}
	return 0;
}

/* Gives the link its number and threads, and starts it. */
static int start(struct ndval_link *link, struct netlink_ext_ack *extack)
{
	int err;

	mutex_lock(&ndval_links_lock);
	err = check_others(link, extack);
	if (err)
		goto out;
	link->id = ++last_id ?: ++last_id;
	link->receiver = make_thread(ndval_receive_thread, link, "rx");
	if (IS_ERR(link->receiver)) {
		err = PTR_ERR(link->receiver);
		goto out;
	}
	link->sender = make_thread(ndval_send_thread, link, "tx");
	if (IS_ERR(link->sender)) {
		err = PTR_ERR(link->sender);
		stop_thread(link->receiver);
		goto out;
	}
	spin_lock(&link->remote->lock);
	link->serial = ++link->remote->serial;
	spin_unlock(&link->remote->lock);
	ndval_sock_set_timeout(&link->sock, ndval_remote_timeout_ms(link->remote));
	link->heard = jiffies;
	list_add_tail(&link->list, &ndval_links);
	wake_up_process(link->receiver);
	wake_up_process(link->sender);
out:
	mutex_unlock(&ndval_links_lock);
	return err;
}

static int check_peer(const struct ndval_member *member, const char *peer,
		      struct netlink_ext_ack *extack)
{
	const char *why = ndval_name_check(peer);

	if (why) {
		ndval_extack(extack, why);
		return -EINVAL;
	}
	if (!*member->name) {
		NL_SET_ERR_MSG(extack,
			       "the host's member has no name yet: start ndvald, or type ndvalctl member add NAME --host");
		return -ENOENT;
	}
	if (!strcmp(member->name, peer)) {
		NL_SET_ERR_MSG(extack, "a member can't have a link to itself");
		return -EINVAL;
	}
	return 0;
}

static int attach(struct ndval_member *member, const char *peer,
		  const struct ndval_sock *sock, u32 *id, struct netlink_ext_ack *extack)
{
	struct ndval_remote *remote = ndval_remote_get(member, peer);
	struct ndval_link *link;
	int err;

	if (!remote)
		return -ENOMEM;
	link = link_create(remote, sock);
	ndval_remote_put(remote);
	if (!link)
		return -ENOMEM;
	/* Once it is started, it may end at any moment. */
	refcount_inc(&link->ref);
	err = start(link, extack);
	if (err)
		ndval_link_put(link);
	else
		*id = link->id;
	ndval_link_put(link);
	return err;
}

/**
 * ndval_link_attach() - Take over a connected socket.
 * @member: the member that the link is attached as
 * @peer: name of the member at the other end
 * @fd: file descriptor of the caller
 * @id: set to the link's number
 * @extack: gets the reason of a refusal
 *
 * Only checks and hands over: HELLO happens in the link's threads. A link
 * that is up to this peer is replaced once the new one is.
 *
 * Context: process, sleeps; waits for nobody.
 * Return: 0; -EBADF, -ENOTSOCK, -EPROTONOSUPPORT, -EPERM, -ENOTCONN, -ENOKEY,
 * -EBUSY, -EINVAL, -ENOENT, -ENOMEM.
 */
int ndval_link_attach(struct ndval_member *member, const char *peer, int fd,
		      u32 *id, struct netlink_ext_ack *extack)
{
	struct ndval_sock sock;
	int err;

	err = check_peer(member, peer, extack) ?: ndval_sock_open(&sock, fd, extack);
	if (err)
		return err;
	err = ndval_member_use(member, 0, 1);
	if (err)
		goto err_sock;
	err = attach(member, peer, &sock, id, extack);
	if (err)
		goto err_use;
	return 0;

err_use:
	ndval_member_use(member, 0, -1);
err_sock:
	ndval_sock_close(&sock);
	return err;
}

/* Does a link that says HELLO come before the current one? remote->lock held. */
static bool outranks(const struct ndval_link *link, const struct ndval_link *other)
{
	return !other || other->peer_id != link->peer_id || link->rank > other->rank;
}

/* Stops to send at a message border; what comes is thrown away until its end. */
static void retire(struct ndval_link *link)
{
	spin_lock(&link->lock);
	link->state = NDVAL_LINK_STATE_RETIRED;
	spin_unlock(&link->lock);
	say_bye(link, "replaced by a newer link", NDVAL_RETIRE_MS);
}

/**
 * ndval_link_up() - HELLO was received: make the link its remote's current one.
 * @link: the link, whose peer_id and rank are set
 *
 * Two links may come up at the same time in different order at the two ends;
 * both ends keep the one of higher rank.
 *
 * Context: process, the link's receiver.
 * Return: 0, or -EEXIST if the current link is the newer one, or this one is to end.
 */
int ndval_link_up(struct ndval_link *link)
{
	struct ndval_remote *remote = link->remote;
	struct ndval_link *old;
	bool newer;

	mutex_lock(&remote->change);
	spin_lock(&remote->lock);
	old = remote->link;
	newer = ndval_link_may_come_up(link) && outranks(link, old);
	if (newer) {
		/* From here on, nothing that was said on the old one counts. */
		remote->link = link;
		WRITE_ONCE(remote->link_id, link->id);
		if (old)
			refcount_inc(&old->ref);
	}
	spin_unlock(&remote->lock);
	if (!newer) {
		mutex_unlock(&remote->change);
		return -EEXIST;
	}
	if (old) {
		retire(old);
		ndval_link_put(old);
	}
	ndval_send_purge(remote);
	ndval_remote_up(remote, link->id);
	spin_lock(&link->lock);
	link->state = NDVAL_LINK_STATE_UP;
	spin_unlock(&link->lock);
	mutex_unlock(&remote->change);
	ndval_link_wake(link);
	pr_info_ratelimited("link %u to %s: up (%s, %s)\n", link->id, remote->name,
			    link->sock.transport, ndval_sock_security(&link->sock));
	tell_of(link, NDVAL_EVENT_KIND_LINK_UP, NULL);
	return 0;
}

/**
 * ndval_link_security() - How the current link to a member is protected.
 * @remote: the member
 *
 * Return: a word for people and programs, or NULL if there is no link.
 */
const char *ndval_link_security(struct ndval_remote *remote)
{
	const char *security = NULL;

	spin_lock(&remote->lock);
	if (remote->link)
		security = ndval_sock_security(&remote->link->sock);
	spin_unlock(&remote->lock);
	return security;
}

/**
 * ndval_link_kill_all() - End all links, without another byte on any.
 * @reason: why
 */
void ndval_link_kill_all(const char *reason)
{
	struct ndval_link *link;

	mutex_lock(&ndval_links_lock);
	list_for_each_entry(link, &ndval_links, list) {
		spin_lock(&link->lock);
		link->mute = true;
		spin_unlock(&link->lock);
		ndval_link_kill(link, "%s", reason);
	}
	mutex_unlock(&ndval_links_lock);
}

/**
 * ndval_link_exit() - End all links in order; nobody attaches any more.
 */
void ndval_link_exit(void)
{
	struct ndval_link *link;

	mutex_lock(&ndval_links_lock);
	list_for_each_entry(link, &ndval_links, list)
		say_bye(link, "the module is unloaded", BYE_MS);
	mutex_unlock(&ndval_links_lock);
	wait_event(links_gone, list_empty_careful(&ndval_links));
	/* The last one's work has left the list, but not ended. */
	flush_workqueue(ndval_wq);
}
