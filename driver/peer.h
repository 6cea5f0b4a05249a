/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_PEER_H
#define NDVAL_PEER_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "clock.h"
#include "history.h"
#include "member.h"
#include "settings.h"

/* Most peers of a pair: each costs a flow a stream. */
#define NDVAL_PEERS_MAX		31
#define NDVAL_PEERS_TOO_MANY	"a pair has at most 31 peers"

struct ndval_flow;
struct ndval_pair;
struct ndval_stream;
struct netlink_ext_ack;

/**
 * struct ndval_heard - what a peer's PAIR says
 * @incarnation: its incarnation of the pair
 * @epoch: number of its epoch
 * @epoch_id: identity of its epoch
 * @id: identity of its pair object
 * @serial: serial of the pair settings
 * @set: pair settings, by enum ndval_setting
 * @role: its role
 * @max_streams: its limit
 * @ring_size: its window
 * @diverged: it delivers nothing
 * @for_us: it was said to the object that we are now, not to a former one
 * @in_sync: it says that we are in sync
 * @behind: it says that we do not store everything delivered so far
 * @copy_diverged: a copy of the application there has diverged from another
 * @history: its epochs
 * @clocks: what it said of the pair's clocks; all 0 for nothing
 */
struct ndval_heard {
	u64	incarnation;
	u64	epoch;
	u64	epoch_id;
	u64	id;
	u64	serial;
	u32	set[NDVAL_PAIR_SETTINGS];
	u32	role;
	u32	max_streams;
	u32	ring_size;
	bool	diverged;
	bool	for_us;
	bool	in_sync;
	bool	behind;
	bool	copy_diverged;
	struct ndval_history history;
	struct ndval_clocks_told clocks;
};

/**
 * struct ndval_peer - a configured other member of a pair
 * @list: in the pair's list, under the pair's lock
 * @ref: flows, look-ups, entries of the due list, and one of the pair's
 * @pair: the pair, with a reference
 * @remote: the member, with a reference
 * @shared: in the remote's list, under the remote's lock
 * @visited: number of the walk over @shared that saw the peer last
 * @pair_due: PAIR is to be sent
 * @word_due: one of the messages that come after those of all streams, see @end
 * @joining: flows whose peer does not store all that keeps it from being in sync
 * @behind: flows whose peer does not store all that was given to instances
 * @membership: enum ndval_membership, on a primary; under the pair's lock, as all
 *	that follows
 * @outdated: the administrator's word that it will not be promoted
 * @link_id: link on which all that follows was said
 * @spoken: PAIR was received on it
 * @listed: FETCH (end) was received on it: the peer has told of all its streams
 * @heard: what PAIR said last; its @id is kept when the link goes
 * @refused: why values do not flow, or NULL
 * @state: enum ndval_peer_state reported last
 * @skewed: its clock differs by too much, as reported last
 * @told_id: epoch of ours that the last PAIR sent told of
 * @told_for: id of the peer's object that it was said to; 0, it had not spoken
 * @told_in_sync: what else it said
 * @told_behind: likewise
 * @told_diverged: likewise
 * @told_reads: how many readings of clocks had been taken by then
 * @synced_id: epoch of ours of which SYNC was sent
 * @renewed: when a new link took the place of another, on which it had spoken, in
 *	jiffies; 0, that is done with. See ndval_peer_is_renewing()
 * @renewed_settled: all had been said there
 * @renewed_state: enum ndval_peer_state, as it was on that one
 * @renewed_behind: what it was told last there of what it stores
 * @passed: the window went on without it: it is not in sync any more. Set under a
 *	stream's lock
 * @asked: this member is being promoted, and awaits its answer
 * @end: FETCH (end), or SYNC (end), is to be sent
 * @answer: TAKEOVER is to be sent
 * @handover: HANDOVER is to be sent
 */
struct ndval_peer {
	struct list_head	list;
	refcount_t		ref;
	struct ndval_pair	*pair;
	struct ndval_remote	*remote;
	struct list_head	shared;
	u64			visited;
	struct ndval_due	pair_due;
	struct ndval_due	word_due;
	atomic_t		joining;
	atomic_t		behind;

	u8			membership;
	bool			outdated;
	u32			link_id;
	bool			spoken;
	bool			listed;
	u64			told_id;
	u64			told_for;
	bool			told_in_sync;
	bool			told_behind;
	bool			told_diverged;
	u64			told_reads;
	unsigned long		renewed;
	u32			renewed_state;
	bool			renewed_behind;
	bool			renewed_settled;
	bool			passed;
	bool			asked;
	bool			end;
	bool			answer;
	bool			handover;
	u64			synced_id;
	struct ndval_heard	heard;
	const char		*refused;
	u32			state;
	bool			skewed;
};

int ndval_peer_add(struct ndval_pair *pair, const char *name,
		   struct netlink_ext_ack *extack);
int ndval_peer_del(struct ndval_pair *pair, const char *name,
		   struct netlink_ext_ack *extack);
void ndval_peer_remove(struct ndval_peer *peer);
struct ndval_peer *ndval_peer_find(struct ndval_pair *pair, const char *name);
struct ndval_peer *ndval_peer_by_remote(struct ndval_pair *pair,
					const struct ndval_remote *remote);
void ndval_peer_get(struct ndval_peer *peer);
void ndval_peer_put(struct ndval_peer *peer);

bool ndval_peer_connected(const struct ndval_peer *peer);
u32 ndval_peer_said_state(struct ndval_peer *peer);
u32 ndval_peer_state(struct ndval_peer *peer);
u64 ndval_peer_lag(struct ndval_peer *peer, u64 *acknowledged);
void ndval_peer_tell(struct ndval_peer *peer);
void ndval_peer_say(struct ndval_peer *peer, bool *word);
bool ndval_peer_is_linked(const struct ndval_peer *peer);
bool ndval_peer_has_link(const struct ndval_peer *peer);
void ndval_peer_visit_flows(struct ndval_peer *peer,
			    void (*visit)(struct ndval_flow *flow));
void ndval_peer_reset_flows(struct ndval_peer *peer);
void ndval_peer_synced(struct ndval_peer *peer);
void ndval_peer_start_sync(struct ndval_peer *peer);

bool ndval_peer_is_expected(const struct ndval_peer *peer);
bool ndval_peer_is_renewing(const struct ndval_peer *peer);
bool ndval_peer_is_behind(const struct ndval_peer *peer);
void ndval_peer_renew(struct ndval_peer *peer, u32 link_id);
void ndval_peer_count(struct ndval_peer *peer);
void ndval_peer_drop(struct ndval_peer *peer);
void ndval_peer_lost(struct ndval_peer *peer);
void ndval_peer_replaced(struct ndval_peer *peer);
void ndval_peer_check_passed(struct ndval_peer *peer);
void ndval_peer_check_in_sync(struct ndval_peer *peer);
int ndval_peer_outdate(struct ndval_pair *pair, const char *name,
		       struct netlink_ext_ack *extack);
void ndval_pair_recount(struct ndval_pair *pair);
bool ndval_pair_is_suspended(struct ndval_pair *pair);
bool ndval_pair_renews_primary(const struct ndval_pair *pair);
void ndval_peer_heard(struct ndval_peer *peer, const struct ndval_heard *heard, u64 seen_id);
void ndval_peer_gone(struct ndval_peer *peer, bool removed);
void ndval_peer_forget(struct ndval_peer *peer);
void ndval_peer_listed(struct ndval_peer *peer);
u32 ndval_peers_max_streams(struct ndval_pair *pair);
void ndval_peers_delete_stream(struct ndval_pair *pair, const struct ndval_stream *stream);
void ndval_remote_up(struct ndval_remote *remote, u32 link_id);
void ndval_remote_down(struct ndval_remote *remote);
void ndval_remote_tell_clocks(struct ndval_remote *remote);
u32 ndval_remote_timeout_ms(struct ndval_remote *remote);

#endif /* NDVAL_PEER_H */
