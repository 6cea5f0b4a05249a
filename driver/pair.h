/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The object model: what there is, in which states, under which lock.
 *
 *	file -> stream -> pair -> member        link -> remote -> member
 *	flow -> stream, peer                    peer -> pair, remote
 *
 * (-> holds a reference.) A flow is one stream towards one peer, a remote is
 * another member as seen from one of ours. Streams and peers are taken apart
 * explicitly when a pair goes, which breaks the circles.
 *
 * States of a pair
 *
 *	role		bar		reads give
 *	secondary	none		what is stored
 *	primary		none		what is recorded, recording more
 *	any		diverged	ESTALE
 *	any		fenced		ESTALE
 *	secondary	adopting	(wait, until its epoch is decided)
 *	primary		frozen		(wait, while it hands the pair over)
 *	any, @dead	any		ENODEV
 *
 *	event				from			to
 *	pair new, no peer		-			primary, new epoch
 *	pair new, with peers		-			secondary, no epoch
 *	first peer added, none issued	primary			secondary, no epoch
 *	promote --new			secondary, no epoch	primary, new epoch
 *	promote				secondary		(takeover, takeover.c)
 *	takeover gathered		secondary		primary, next epoch
 *	HANDOVER			secondary		primary, next epoch
 *	demote				primary			secondary, in sync
 *	switchover			primary			bar frozen
 *	all drained			primary, frozen		secondary, in sync
 *	PAIR of a primary, own epoch,	secondary		follows that peer
 *	  to the object that this is
 *	PAIR of a newer epoch		primary			secondary, not in sync
 *	SYNC (end) of a newer epoch,	secondary		its epoch, truncated;
 *	  no more delivered here than			  follows
 *	  the two have in common
 *	SYNC (end), more delivered	secondary		bar diverged
 *	PAIR of a primary, another	secondary		its life; follows
 *	  life, nothing delivered here
 *	PAIR of a primary, another	secondary		bar diverged
 *	  life, something delivered
 *	PAIR of a primary, another	primary			peer refused
 *	  life, or same epoch number
 *	FETCH beyond the head		primary			bar fenced
 *	outdate				secondary		another object, not in sync
 *	resync				any, with peers		secondary, no epoch
 *	resync				fenced or secondary,	primary, new epoch
 *					  no peers
 *	VM clone, reboot		any			bar fenced
 *	pair del			any			dead
 *
 * All moves are made under the pair's lock, by netlink handlers, by the
 * receiver of the link that brought the PAIR, and by the work of host.c. What
 * a reader needs of the state (role, bar, dead) it reads under the stream's
 * lock; a move that takes something from readers first changes the state and
 * then visits every stream under its lock and raises the generation of its
 * cursors, so that a reader sees either the state or the generation.
 *
 * Locks, outer to inner
 *
 *	remote->change	   mutex: a link comes or goes. peer.c, link.c
 *	pair->lock	   mutex: settings, role, epoch, peers, the list of
 *			   streams, what peers said. Held across memory
 *			   allocation, never across a wait for a peer, a
 *			   reader or a socket, nor across device_add/del
 *			   or anything else that waits for sysfs.
 *	members' mutex	   members, remotes, use counts. member.c
 *	cursor->lock	   mutex: serialises the readers of an instance. The
 *			   only one held across user memory and waits; not
 *			   nested with pair->lock in either order. Taken by
 *			   readers only: links, timers, notifiers, netlink
 *			   and teardown never wait for it.
 *	stream->lock	   spinlock: window, cursors' state, flows.
 *	cursor->move	   spinlock, leaf: see struct ndval_cursor.
 *	remote->lock	   spinlock, leaf: the current link, what is due.
 *	link->lock	   spinlock, leaf: a link's state and counters.
 *
 * What happens when a peer dies at any line: its link's receiver or sender
 * sees an error or silence and marks the link; the link's work joins both
 * threads, clears remote->link_id, by which every flow over it stops to count
 * from that instant, and visits the peers to wake who waited for them.
 *
 * Removal of a pair, in phases: (1) dead, under the pair's lock: no new
 * stream, peer, setting; (2) streams: generations raised, windows wiped,
 * readers and pollers woken; (3) peers: unlinked from their remotes, flows
 * dropped; peers told by PAIR (gone); (4) the node: device_del, which waits
 * for sysfs readers, hence in a work without locks; (5) unlinked from
 * look-up, only now, so that the name can't be taken while the node is there.
 * Memory goes with the last file.
 */
#ifndef NDVAL_PAIR_H
#define NDVAL_PAIR_H

#include <linux/device.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <linux/ndval.h>
#include <linux/ndval_netlink.h>

#include "history.h"
#include "mem.h"
#include "settings.h"

struct ndval_clocks;
struct ndval_member;
struct ndval_peer;
struct netlink_ext_ack;

/* Why a pair delivers nothing. */
enum ndval_bar {
	NDVAL_BAR_NONE,
	NDVAL_BAR_DIVERGED,
	NDVAL_BAR_FENCED,
	NDVAL_BAR_ADOPTING,	/* readers wait; only while the pair's lock is held */
	NDVAL_BAR_FROZEN,	/* readers wait; a primary that hands over */
};

/* How far a promotion or a switchover has come; see takeover.c. */
enum ndval_takeover_phase {
	NDVAL_TAKEOVER_NONE,
	NDVAL_TAKEOVER_GATHER,	/* secondary: asks others for what they have more */
	NDVAL_TAKEOVER_DRAIN,	/* primary: waits until the target stores all */
	NDVAL_TAKEOVER_HANDED,	/* secondary: waits until the target is primary */
};

/**
 * struct ndval_takeover - a promotion or switchover under way
 * @phase: how far it has come
 * @flags: of the promotion
 * @operation: id to report the end by
 * @again: a stream came up of which the others are to be asked
 * @deadline: jiffies at which it is given up
 * @target: name of the peer that is to take over
 * @link_id: link to it on which HANDOVER was said
 * @work: looks whether it can go on
 */
struct ndval_takeover {
	enum ndval_takeover_phase	phase;
	unsigned int			flags;
	u32				operation;
	bool				again;
	unsigned long			deadline;
	char				target[NDVAL_NAME_SIZE];
	u32				link_id;
	struct delayed_work		work;
};

/* Look-up key of a pair for messages of a link. */
struct ndval_group_key {
	struct ndval_member	*member;
	char			group[NDVAL_NAME_SIZE];
};

/**
 * struct ndval_pair - the redundancy group as one member has it
 * @dev: the node and the reference count; drvdata is the pair
 * @by_name: in the table of local names
 * @by_group: in the table of (member, group)
 * @rcu: delays freeing for look-ups without a lock
 * @name: local name
 * @key: member (with a reference) and group name
 * @uid: owner of the node
 * @gid: group of the node
 * @mode: permission bits of the node
 * @minor: of the node
 * @mem: what is charged to the pair
 * @lost: times an instance was declared lost
 * @waits: reads that had to wait
 * @clocks: its clocks, with a lock of their own; NULL before it has a peer or a journal
 * @divergences: times a copy of the application here was found to have diverged
 * @diverged: by instance, streams in which it may not read any more for that
 * @moving: a copy has moved since copies told of themselves last
 * @tight: there was no memory for what somebody needs: nothing is only retained
 * @lock: protects all that follows; see above
 * @role: enum ndval_role
 * @bar: enum ndval_bar
 * @dead: being removed
 * @ready: the node is there
 * @incarnation: random id of the pair's life, 0 for not known
 * @epoch: number of the epoch, 0 for not known
 * @epoch_id: identity of the epoch, 0 for not known
 * @id: identity of this object (the protocol's member id)
 * @history: epochs that led to what is stored here; the last is the current one
 * @epoch_seen: highest number of an epoch of this life that was heard of
 * @in_sync: a secondary that its primary told so, or demoted: it may take over
 * @outdated: it may not, until it is told again
 * @newer: somebody knows a newer epoch: what a primary of ours says of being in
 *	sync does not count
 * @forced: promotions that overrode a refusal
 * @drops: members that left the in-sync set without a word
 * @takeover: promotion or switchover under way
 * @set: settings
 * @peers: configured peers (struct ndval_peer)
 * @npeers: how many
 * @followed: the peer whose values this secondary obtains, or NULL
 * @streams: table of streams by name; looked up under RCU too
 * @stream_list: the same as a list
 * @nstreams: how many
 * @health: last health reported
 * @report: reports changes of health and peers, and lost instances
 * @remove: phases 4 and 5 of removal
 * @operation: of the removal
 */
struct ndval_pair {
	struct device		dev;
	struct rhash_head	by_name;
	struct rhash_head	by_group;
	struct rcu_head		rcu;
	char			name[NDVAL_NAME_SIZE];
	struct ndval_group_key	key;
	kuid_t			uid;
	kgid_t			gid;
	umode_t			mode;
	u32			minor;
	struct ndval_mem	mem;
	atomic64_t		lost;
	atomic64_t		waits;
	struct ndval_clocks	*clocks;
	atomic64_t		divergences;
	atomic_t		diverged[NDVAL_INSTANCES];
	bool			moving;
	bool			tight;

	struct mutex		lock;	/* protects all that follows */
	u8			role;
	u8			bar;
	bool			dead;
	bool			ready;
	u64			incarnation;
	u64			epoch;
	u64			epoch_id;
	u64			id;
	struct ndval_history	history;
	u64			epoch_seen;
	bool			in_sync;
	bool			outdated;
	bool			newer;
	u64			forced;
	u64			drops;
	struct ndval_takeover	takeover;
	struct ndval_settings	set;
	struct list_head	peers;
	unsigned int		npeers;
	struct ndval_peer	*followed;
	struct rhashtable	streams;
	struct list_head	stream_list;
	unsigned int		nstreams;
	u32			health;
	struct delayed_work	report;
	struct work_struct	remove;
	u32			operation;
};

/**
 * struct ndval_pair_args - what a pair is made from
 * @name: local name
 * @group: group name; NULL for the local name
 * @member: the member; NULL for the host's own
 * @peers: names of configured peers
 * @npeers: how many
 * @uid: owner of the node
 * @gid: group of the node
 * @mode: permission bits of the node
 * @change: settings that differ from the defaults
 */
struct ndval_pair_args {
	const char		*name;
	const char		*group;
	struct ndval_member	*member;
	const char		**peers;
	unsigned int		npeers;
	kuid_t			uid;
	kgid_t			gid;
	umode_t			mode;
	struct ndval_change	change;
};

/**
 * struct ndval_pair_sums - totals over the streams of a pair
 * @issued: sum of heads
 * @recorded: sum of the heads of journals
 * @committed: sum of what every connected peer stores
 * @retained: bytes in all windows, those of journals too
 * @delivered: bytes given to instances here
 * @lag: bytes delivered here that the peer furthest behind lacks; on a
 *	secondary, bytes of demand not obtained yet
 */
struct ndval_pair_sums {
	u64	issued;
	u64	recorded;
	u64	committed;
	u64	retained;
	u64	delivered;
	u64	lag;
};

int ndval_pair_init(void);
void ndval_pair_exit(void);
struct ndval_pair *ndval_pair_new(const struct ndval_pair_args *args,
				  struct netlink_ext_ack *extack);
int ndval_pair_del(struct ndval_pair *pair, u32 operation);
struct ndval_pair *ndval_pair_find(const char *name);
struct ndval_pair *ndval_pair_find_group(struct ndval_member *member, const char *group);
struct ndval_pair *ndval_pair_find_minor(unsigned int minor);
struct ndval_pair *ndval_pair_next(u32 *minor);
void ndval_pair_get(struct ndval_pair *pair);
void ndval_pair_put(struct ndval_pair *pair);

u32 ndval_pair_health(struct ndval_pair *pair);
void ndval_pair_sums(struct ndval_pair *pair, struct ndval_pair_sums *sums);
void ndval_pair_report(struct ndval_pair *pair);
void ndval_pair_report_work(struct work_struct *work);
void ndval_pair_tell(struct ndval_pair *pair);
int ndval_pair_promote(struct ndval_pair *pair, unsigned int flags, u32 operation,
		       struct netlink_ext_ack *extack);
int ndval_pair_demote(struct ndval_pair *pair, struct netlink_ext_ack *extack);
int ndval_pair_switchover(struct ndval_pair *pair, const char *target, u32 operation,
			  struct netlink_ext_ack *extack);
int ndval_pair_outdate(struct ndval_pair *pair, struct netlink_ext_ack *extack);
int ndval_pair_resync(struct ndval_pair *pair, struct netlink_ext_ack *extack);
void ndval_pair_begin(struct ndval_pair *pair);
void ndval_pair_forget_epoch(struct ndval_pair *pair);
void ndval_pair_wake(struct ndval_pair *pair);
void ndval_pair_adopt(struct ndval_pair *pair, struct ndval_peer *peer);
void ndval_pair_diverge(struct ndval_pair *pair, struct ndval_peer *peer);
void ndval_pair_step_down(struct ndval_pair *pair, bool in_sync);
void ndval_pair_take_over(struct ndval_pair *pair);
void ndval_pair_begin_anew(struct ndval_pair *pair);
void ndval_takeover_init(struct ndval_pair *pair);
void ndval_takeover_check(struct ndval_pair *pair);
void ndval_takeover_end(struct ndval_pair *pair, int err, const char *reason);
void ndval_takeover_answered(struct ndval_pair *pair, struct ndval_peer *peer, u32 error);
void ndval_takeover_yield(struct ndval_pair *pair, struct ndval_peer *peer);
void ndval_takeover_asked(struct ndval_pair *pair, struct ndval_peer *peer);
void ndval_pair_fence(struct ndval_pair *pair, bool new_id);
void ndval_pair_free(struct ndval_pair *pair);

static inline u64 ndval_pair_setting(const struct ndval_pair *pair,
				     enum ndval_setting which)
{
	return READ_ONCE(pair->set.value[which]);
}

static inline bool ndval_pair_expects(const struct ndval_pair *pair,
				      unsigned int instance)
{
	return ndval_pair_setting(pair, NDVAL_SET_INSTANCES) & (1U << instance);
}

/* What a promotion may do besides. */
#define NDVAL_PROMOTE_NEW	BIT(0)	/* begin the life of the pair */
#define NDVAL_PROMOTE_FORCE	BIT(1)	/* whatever speaks against it */
#define NDVAL_PROMOTE_FENCED	BIT(2)	/* members that are not connected are outdated */

static inline bool ndval_pair_is_sync(const struct ndval_pair *pair)
{
	return ndval_pair_setting(pair, NDVAL_SET_COMMIT) == NDVAL_COMMIT_SYNC;
}

/* Does the state keep readers waiting, and not in error? */
static inline bool ndval_bar_waits(u8 bar)
{
	return bar == NDVAL_BAR_ADOPTING || bar == NDVAL_BAR_FROZEN;
}

/* Does the state keep all values back, until an administrator decides? */
static inline bool ndval_bar_refuses(u8 bar)
{
	return bar == NDVAL_BAR_DIVERGED || bar == NDVAL_BAR_FENCED;
}

static inline bool ndval_pair_is_primary(const struct ndval_pair *pair)
{
	return READ_ONCE(pair->role) == NDVAL_ROLE_PRIMARY;
}

#endif /* NDVAL_PAIR_H */
