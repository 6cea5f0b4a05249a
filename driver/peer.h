/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_PEER_H
#define NDVAL_PEER_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "member.h"

/* Most peers of a pair: each costs a flow a stream. */
#define NDVAL_PEERS_MAX		31
#define NDVAL_PEERS_TOO_MANY	"a pair has at most 31 peers"

struct ndval_pair;
struct ndval_stream;
struct netlink_ext_ack;

/**
 * struct ndval_heard - what a peer's PAIR says
 * @incarnation: its incarnation of the pair
 * @epoch: number of its epoch
 * @epoch_id: identity of its epoch
 * @id: identity of its pair object
 * @seen_id: epoch id that it saw last from us
 * @serial: serial of the pair settings
 * @bind: pair setting
 * @role: its role
 * @max_streams: its limit
 * @ring_size: its window
 * @diverged: it delivers nothing
 * @in_sync: it says that we store everything
 */
struct ndval_heard {
	u64	incarnation;
	u64	epoch;
	u64	epoch_id;
	u64	id;
	u64	seen_id;
	u64	serial;
	u32	bind;
	u32	role;
	u32	max_streams;
	u32	ring_size;
	bool	diverged;
	bool	in_sync;
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
 * @end_due: FETCH (end) is to be sent
 * @behind: flows whose peer does not store all that was promised
 * @link_id: link on which all that follows was said; under the pair's lock,
 *	as all that follows
 * @spoken: PAIR was received on it
 * @listed: FETCH (end) was received on it: the peer has told of all its streams
 * @heard: what PAIR said last
 * @refused: why values do not flow, or NULL
 * @state: enum ndval_peer_state reported last
 * @told_in_sync: what the last PAIR sent said
 */
struct ndval_peer {
	struct list_head	list;
	refcount_t		ref;
	struct ndval_pair	*pair;
	struct ndval_remote	*remote;
	struct list_head	shared;
	u64			visited;
	struct ndval_due	pair_due;
	struct ndval_due	end_due;
	atomic_t		behind;

	u32			link_id;
	bool			spoken;
	bool			listed;
	bool			told_in_sync;
	struct ndval_heard	heard;
	const char		*refused;
	u32			state;
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
u32 ndval_peer_state(struct ndval_peer *peer);
u64 ndval_peer_lag(struct ndval_peer *peer, u64 *acknowledged);
void ndval_peer_tell(struct ndval_peer *peer);
void ndval_peer_heard(struct ndval_peer *peer, const struct ndval_heard *heard);
void ndval_peer_gone(struct ndval_peer *peer);
void ndval_peer_forget(struct ndval_peer *peer);
void ndval_peer_listed(struct ndval_peer *peer);
u32 ndval_peers_max_streams(struct ndval_pair *pair);
void ndval_peers_delete_stream(struct ndval_pair *pair, const struct ndval_stream *stream);
void ndval_remote_up(struct ndval_remote *remote, u32 link_id);
void ndval_remote_down(struct ndval_remote *remote);
u32 ndval_remote_timeout_ms(struct ndval_remote *remote);

#endif /* NDVAL_PEER_H */
