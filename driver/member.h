/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_MEMBER_H
#define NDVAL_MEMBER_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/ndval.h>

struct ndval_link;
struct netlink_ext_ack;

/**
 * struct ndval_member - an identity that takes part in pairs
 * @list: in the list of members
 * @ref: pairs, remotes and look-ups; one of the list's
 * @name: empty only on the host's own member before it is named
 * @id: random identity; drawn anew when the host was cloned
 * @host: the host's own
 * @gone: removed
 * @pairs: pairs that belong to it
 * @links: links attached as it
 * @remotes: other members as seen from this one
 *
 * All fields but @ref are protected by the members' mutex (member.c); @id and
 * @name may be read without, they change only while no link is attached.
 */
struct ndval_member {
	struct list_head	list;
	refcount_t		ref;
	char			name[NDVAL_NAME_SIZE];
	u64			id;
	bool			host;
	bool			gone;
	unsigned int		pairs;
	unsigned int		links;
	struct list_head	remotes;
};

/* What a sender has to do, in the order in which it became due. */
enum ndval_due_kind {
	NDVAL_DUE_PAIR,
	NDVAL_DUE_WORD,
	NDVAL_DUE_FLOW,
	NDVAL_DUE_CHECK,
	NDVAL_DUE_REFUSAL,
};

/**
 * struct ndval_due - one entry of a remote's list of what is to be sent
 * @list: in the list, or empty; under the remote's lock
 * @kind: what it is a part of
 * @lazy: in the list of what may wait a millisecond
 *
 * Level-triggered: an entry says that something has changed, what is sent is
 * made from the state at the moment of sending.
 */
struct ndval_due {
	struct list_head	list;
	enum ndval_due_kind	kind;
	bool			lazy;
};

/**
 * struct ndval_remote - another member as seen from one of ours
 * @list: in the member's list, under the members' mutex
 * @ref: peers and links
 * @member: ours, with a reference
 * @name: the other's
 * @change: makes the change of @link, and the visits to all peers that follow
 *	from it, one step; before pairs' locks
 * @lock: leaf lock, protects all that follows
 * @link: the current link, or NULL
 * @link_id: its number, or 0; read without the lock to ask whether what a peer
 *	said on a link still counts
 * @serial: attachments made so far
 * @peers: the pairs that the two share (struct ndval_peer)
 * @due: what the current link's sender has to send now (struct ndval_due)
 * @lazy: what it has to send within a millisecond
 * @refusals: struct ndval_refusal entries that wait in @due
 * @skew: by how much its CLOCK_REALTIME was ahead of ours, in ns
 * @skew_link: number of the link on which that was measured, 0 for none
 */
struct ndval_remote {
	struct list_head	list;
	refcount_t		ref;
	struct ndval_member	*member;
	char			name[NDVAL_NAME_SIZE];
	struct mutex		change;	/* one link comes or goes at a time */

	spinlock_t		lock;	/* protects all that follows */
	struct ndval_link	*link;
	u32			link_id;
	u64			serial;
	struct list_head	peers;
	struct list_head	due;
	struct list_head	lazy;
	unsigned int		refusals;
	s64			skew;
	u32			skew_link;
};

int ndval_member_init(const char *host_name);
void ndval_member_exit(void);
int ndval_member_new(const char *name, bool host, struct netlink_ext_ack *extack);
int ndval_member_del(const char *name, struct netlink_ext_ack *extack);
struct ndval_member *ndval_member_find(const char *name);
struct ndval_member *ndval_member_at(unsigned int n);
void ndval_member_get(struct ndval_member *member);
void ndval_member_put(struct ndval_member *member);
int ndval_member_use(struct ndval_member *member, int pairs, int links);
u64 ndval_random_id(void);
void ndval_member_new_ids(void);

struct ndval_remote *ndval_remote_get(struct ndval_member *member, const char *name);
void ndval_remote_hold(struct ndval_remote *remote);
void ndval_remote_put(struct ndval_remote *remote);
bool ndval_remote_mark(struct ndval_remote *remote, struct ndval_due *due, bool lazy);
bool ndval_remote_unmark(struct ndval_remote *remote, struct ndval_due *due);

#endif /* NDVAL_MEMBER_H */
