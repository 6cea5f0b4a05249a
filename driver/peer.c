// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peers: the configured other members of a pair, and what they said of it.
 * What was said counts for the link that it was said on.
 */
#include "peer.h"

#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "clock.h"
#include "event.h"
#include "extack.h"
#include "flow.h"
#include "name.h"
#include "pair.h"
#include "send.h"
#include "stream.h"

static atomic64_t walks;

/**
 * ndval_peer_get() - Take a reference.
 * @peer: the peer
 */
void ndval_peer_get(struct ndval_peer *peer)
{
	refcount_inc(&peer->ref);
}

/**
 * ndval_peer_put() - Drop a reference.
 * @peer: the peer
 *
 * Context: process.
 */
void ndval_peer_put(struct ndval_peer *peer)
{
	struct ndval_pair *pair = peer->pair;

	if (!refcount_dec_and_test(&peer->ref))
		return;
	ndval_remote_put(peer->remote);
	ndval_mem_uncharge(&pair->mem, sizeof(*peer));
	kfree(peer);
	ndval_pair_put(pair);
}

/**
 * ndval_peer_find() - Look a peer up by name.
 * @pair: the pair; the caller holds its lock
 * @name: name of the peer
 *
 * Return: the peer, without a reference, or NULL.
 */
struct ndval_peer *ndval_peer_find(struct ndval_pair *pair, const char *name)
{
	struct ndval_peer *peer;

	lockdep_assert_held(&pair->lock);
	list_for_each_entry(peer, &pair->peers, list)
		if (!strcmp(peer->remote->name, name))
			return peer;
	return NULL;
}

/**
 * ndval_peer_by_remote() - The peer at the other end of a link.
 * @pair: the pair; the caller holds its lock
 * @remote: the other end
 *
 * Return: the peer, without a reference, or NULL.
 */
struct ndval_peer *ndval_peer_by_remote(struct ndval_pair *pair,
					const struct ndval_remote *remote)
{
	struct ndval_peer *peer;

	lockdep_assert_held(&pair->lock);
	list_for_each_entry(peer, &pair->peers, list)
		if (peer->remote == remote)
			return peer;
	return NULL;
}

static void mark(struct ndval_peer *peer, struct ndval_due *due)
{
	/* The list's: the sender may drop it before this goes on. */
	ndval_peer_get(peer);
	if (!ndval_remote_mark(peer->remote, due, false))
		ndval_peer_put(peer);
}

static void unmark(struct ndval_peer *peer, struct ndval_due *due)
{
	if (ndval_remote_unmark(peer->remote, due))
		ndval_peer_put(peer);
}

/**
 * ndval_peer_say() - Send a message that comes after those of all streams.
 * @peer: the peer; the caller holds the pair's lock
 * @word: which: its @end, @answer or @handover
 *
 * The list of what is due is first in, first out: what is marked now comes after
 * all that was marked before.
 *
 * Context: process.
 */
void ndval_peer_say(struct ndval_peer *peer, bool *word)
{
	lockdep_assert_held(&peer->pair->lock);
	*word = true;
	unmark(peer, &peer->word_due);
	mark(peer, &peer->word_due);
}

/**
 * ndval_peer_tell() - Send PAIR to a peer.
 * @peer: the peer
 *
 * Context: process.
 */
void ndval_peer_tell(struct ndval_peer *peer)
{
	mark(peer, &peer->pair_due);
}

/**
 * ndval_peer_visit_flows() - Do something with the flows of a peer in all streams.
 * @peer: the peer; the caller holds the pair's lock
 * @visit: what to do, under the stream's lock
 */
void ndval_peer_visit_flows(struct ndval_peer *peer,
			    void (*visit)(struct ndval_flow *flow))
{
	struct ndval_stream *stream;
	struct ndval_flow *flow;

	list_for_each_entry(stream, &peer->pair->stream_list, list) {
		spin_lock(&stream->lock);
		list_for_each_entry(flow, &stream->flows, list)
			if (flow->peer == peer)
				visit(flow);
		spin_unlock(&stream->lock);
	}
}

static void reset_flow(struct ndval_flow *flow)
{
	ndval_flow_reset(flow, flow->peer->link_id);
	ndval_stream_wake(flow->stream);
}

/**
 * ndval_peer_reset_flows() - What a peer said of streams is void.
 * @peer: the peer; the caller holds the pair's lock
 */
void ndval_peer_reset_flows(struct ndval_peer *peer)
{
	ndval_peer_visit_flows(peer, reset_flow);
}

static void listed_flow(struct ndval_flow *flow)
{
	ndval_flow_listed(flow, flow->peer->heard.ring_size);
}

/* A link to the peer has come (@link_id) or gone (0). */
static void connect(struct ndval_peer *peer, u32 link_id)
{
	bool copy_diverged = peer->heard.copy_diverged;
	struct ndval_pair *pair = peer->pair;

	lockdep_assert_held(&pair->lock);
	ndval_peer_renew(peer, link_id);
	peer->link_id = link_id;
	peer->spoken = false;
	peer->listed = false;
	WRITE_ONCE(peer->told_id, 0);
	peer->told_for = 0;
	peer->told_in_sync = false;
	peer->told_behind = false;
	peer->told_diverged = false;
	peer->asked = false;
	peer->end = false;
	peer->answer = false;
	peer->handover = false;
	peer->synced_id = 0;
	peer->refused = NULL;
	peer->heard = (struct ndval_heard) { .id = peer->heard.id };
	if (pair->followed == peer)
		pair->followed = NULL;
	/* It is shown as it was. */
	peer->heard.copy_diverged = copy_diverged && ndval_peer_is_renewing(peer);
	ndval_peer_reset_flows(peer);
	if (link_id)
		ndval_peer_tell(peer);
	else
		ndval_peer_lost(peer);
	ndval_takeover_check(pair);
	ndval_pair_report(pair);
}

static struct ndval_peer *peer_create(struct ndval_pair *pair, const char *name)
{
	struct ndval_peer *peer;

	if (ndval_mem_charge(&pair->mem, sizeof(*peer)))
		return NULL;
	peer = kzalloc(sizeof(*peer), GFP_KERNEL);
	if (!peer)
		goto err_uncharge;
	peer->remote = ndval_remote_get(pair->key.member, name);
	if (!peer->remote)
		goto err_free;
	refcount_set(&peer->ref, 1);
	ndval_pair_get(pair);
	peer->pair = pair;
	INIT_LIST_HEAD(&peer->list);
	INIT_LIST_HEAD(&peer->shared);
	INIT_LIST_HEAD(&peer->pair_due.list);
	INIT_LIST_HEAD(&peer->word_due.list);
	peer->pair_due.kind = NDVAL_DUE_PAIR;
	peer->word_due.kind = NDVAL_DUE_WORD;
	return peer;

err_free:
	kfree(peer);
err_uncharge:
	ndval_mem_uncharge(&pair->mem, sizeof(*peer));
	return NULL;
}

static void drop_flows(struct ndval_peer *peer)
{
	struct ndval_stream *stream;
	struct ndval_flow *flow;

	list_for_each_entry(stream, &peer->pair->stream_list, list) {
		flow = ndval_flow_find(stream, peer);
		if (!flow)
			continue;
		ndval_flow_remove(flow);
		ndval_flow_put(flow);
		ndval_stream_progress(stream);
	}
}

static int add_flows(struct ndval_peer *peer)
{
	struct ndval_stream *stream;
	struct ndval_flow *flow;

	list_for_each_entry(stream, &peer->pair->stream_list, list) {
		flow = ndval_flow_create(stream, peer, GFP_KERNEL);
		if (!flow) {
			drop_flows(peer);
			return -ENOMEM;
		}
		ndval_flow_add(flow);
	}
	return 0;
}

/* Joins the remote's list, and its link if there is one. */
static void share(struct ndval_peer *peer)
{
	struct ndval_remote *remote = peer->remote;
	u32 link_id;

	spin_lock(&remote->lock);
	list_add_tail(&peer->shared, &remote->peers);
	link_id = remote->link_id;
	spin_unlock(&remote->lock);
	connect(peer, link_id);
}

static int check_peer(struct ndval_pair *pair, const char *name,
		      struct netlink_ext_ack *extack)
{
	const struct ndval_member *member = pair->key.member;
	const char *why = ndval_name_check(name);

	if (why) {
		ndval_extack(extack, why);
		return -EINVAL;
	}
	if (!*member->name) {
		NL_SET_ERR_MSG(extack,
			       "the host's member has no name yet: start ndvald, or type ndvalctl member add NAME --host");
		return -ENOENT;
	}
	if (!strcmp(member->name, name)) {
		NL_SET_ERR_MSG(extack, "a member can't be its own peer");
		return -EINVAL;
	}
	if (ndval_peer_find(pair, name)) {
		NL_SET_ERR_MSG(extack, "the pair has this peer");
		return -EEXIST;
	}
	if (pair->npeers >= NDVAL_PEERS_MAX) {
		NL_SET_ERR_MSG(extack, NDVAL_PEERS_TOO_MANY);
		return -ENOSPC;
	}
	return 0;
}

/**
 * ndval_peer_add() - Add a configured peer to a pair.
 * @pair: the pair; the caller holds its lock
 * @name: name of the peer
 * @extack: gets the reason of a refusal
 *
 * A primary that has issued nothing becomes a secondary that knows nothing.
 *
 * Context: process, sleeps.
 * Return: 0, -EINVAL, -EEXIST, -ENOENT, -ENODEV, -ENOSPC, -ENOMEM.
 */
int ndval_peer_add(struct ndval_pair *pair, const char *name,
		   struct netlink_ext_ack *extack)
{
	struct ndval_pair_sums sums;
	struct ndval_peer *peer;
	int err;

	lockdep_assert_held(&pair->lock);
	if (pair->dead)
		return -ENODEV;
	err = check_peer(pair, name, extack) ?: ndval_clocks_create(pair, GFP_KERNEL);
	if (err)
		return err;
	peer = peer_create(pair, name);
	if (!peer)
		return -ENOMEM;
	err = add_flows(peer);
	if (err) {
		ndval_peer_put(peer);
		return err;
	}
	ndval_pair_sums(pair, &sums);
	if (!pair->npeers && !sums.issued && !sums.recorded) {
		/* A life of which nobody ever saw anything. */
		ndval_pair_forget_epoch(pair);
		pair->epoch_seen = 0;
	}
	list_add_tail(&peer->list, &pair->peers);
	pair->npeers++;
	share(peer);
	return 0;
}

/**
 * ndval_peer_remove() - Take a peer out of its pair.
 * @peer: the peer; the caller holds the pair's lock
 *
 * Without its primary a secondary may not be promoted: the primary, once told
 * that it was removed, goes on alone.
 *
 * Context: process.
 */
void ndval_peer_remove(struct ndval_peer *peer)
{
	struct ndval_remote *remote = peer->remote;
	struct ndval_pair *pair = peer->pair;

	lockdep_assert_held(&pair->lock);
	if (!ndval_peer_connected(peer) || peer->heard.role == NDVAL_ROLE_PRIMARY)
		pair->in_sync = false;
	if (pair->followed == peer)
		pair->followed = NULL;
	/* By an administrator's word: it is nobody to be missed. */
	ndval_peer_drop(peer);
	list_del_init(&peer->list);
	pair->npeers--;
	drop_flows(peer);

	spin_lock(&remote->lock);
	list_del_init(&peer->shared);
	spin_unlock(&remote->lock);
	unmark(peer, &peer->word_due);
	/* PAIR stays due: it tells the peer that the pair is gone. */
	ndval_peer_tell(peer);
	peer->link_id = 0;
	ndval_takeover_check(pair);
	ndval_peer_put(peer);
}

/**
 * ndval_peer_del() - Remove a configured peer from a pair.
 * @pair: the pair; the caller holds its lock
 * @name: name of the peer
 * @extack: gets the reason of a refusal
 *
 * Context: process.
 * Return: 0 or -ENOENT.
 */
int ndval_peer_del(struct ndval_pair *pair, const char *name,
		   struct netlink_ext_ack *extack)
{
	struct ndval_peer *peer = ndval_peer_find(pair, name);

	if (!peer) {
		NL_SET_ERR_MSG(extack, "the pair has no such peer");
		return -ENOENT;
	}
	ndval_peer_remove(peer);
	ndval_pair_report(pair);
	return 0;
}

/**
 * ndval_peer_has_link() - Is there a link to the peer?
 * @peer: the peer; the caller holds the pair's lock
 */
bool ndval_peer_has_link(const struct ndval_peer *peer)
{
	return peer->link_id && peer->link_id == READ_ONCE(peer->remote->link_id);
}

/**
 * ndval_peer_is_linked() - Is there a link to the peer, if a newer one than it spoke on?
 * @peer: the peer; the caller holds the pair's lock
 *
 * Of a link that has just replaced another the pairs are told one after the other.
 */
bool ndval_peer_is_linked(const struct ndval_peer *peer)
{
	return peer->link_id && READ_ONCE(peer->remote->link_id);
}

/**
 * ndval_peer_connected() - Has the peer spoken of the pair, on a link that is up?
 * @peer: the peer; the caller holds the pair's lock
 */
bool ndval_peer_connected(const struct ndval_peer *peer)
{
	lockdep_assert_held(&peer->pair->lock);
	return ndval_peer_has_link(peer) && peer->spoken && !peer->refused;
}

/**
 * ndval_peer_said_state() - What a peer is to this member by what was said.
 * @peer: the peer; the caller holds the pair's lock
 *
 * Return: enum ndval_peer_state, if the link is still there.
 */
u32 ndval_peer_said_state(struct ndval_peer *peer)
{
	struct ndval_pair *pair = peer->pair;

	lockdep_assert_held(&pair->lock);
	if (!peer->spoken)
		return ndval_peer_is_renewing(peer) ? peer->renewed_state :
						      NDVAL_PEER_STATE_CONNECTING;
	if (peer->refused)
		return NDVAL_PEER_STATE_REFUSED;
	if (!pair->epoch_id || peer->heard.epoch_id != pair->epoch_id)
		return NDVAL_PEER_STATE_WAITING;
	if (ndval_peer_is_renewing(peer))
		return peer->renewed_state;
	if (pair->role == NDVAL_ROLE_PRIMARY)
		return peer->membership == NDVAL_MEMBERSHIP_IN_SYNC &&
		       !atomic_read(&peer->behind) ?
			NDVAL_PEER_STATE_IN_SYNC : NDVAL_PEER_STATE_BEHIND;
	if (peer != pair->followed)
		return NDVAL_PEER_STATE_WAITING;
	return pair->in_sync && !peer->heard.behind ? NDVAL_PEER_STATE_IN_SYNC :
						      NDVAL_PEER_STATE_BEHIND;
}

/**
 * ndval_peer_state() - What a peer is to this member.
 * @peer: the peer; the caller holds the pair's lock
 *
 * Return: enum ndval_peer_state.
 */
u32 ndval_peer_state(struct ndval_peer *peer)
{
	return ndval_peer_is_linked(peer) ? ndval_peer_said_state(peer) :
					    NDVAL_PEER_STATE_DISCONNECTED;
}

/**
 * ndval_peer_lag() - Bytes delivered here that a peer does not store.
 * @peer: the peer; the caller holds the pair's lock
 * @acknowledged: set to the bytes that it stores, in all streams
 *
 * Return: bytes; 0 on a secondary, which does not know.
 */
u64 ndval_peer_lag(struct ndval_peer *peer, u64 *acknowledged)
{
	struct ndval_stream *stream;
	struct ndval_flow *flow;
	u64 lag = 0;

	*acknowledged = 0;
	if (!ndval_pair_is_primary(peer->pair))
		return 0;
	list_for_each_entry(stream, &peer->pair->stream_list, list) {
		u64 delivered = ndval_stream_delivered(stream);
		u64 ack = 0;

		flow = ndval_flow_find(stream, peer);
		if (flow) {
			ack = READ_ONCE(flow->ack);
			ndval_flow_put(flow);
		}
		*acknowledged += ack;
		lag += delivered > ack ? delivered - ack : 0;
	}
	return lag;
}

/**
 * ndval_peer_gone() - A peer says that it has no such pair, or not with us.
 * @peer: the peer; the caller holds the pair's lock
 * @removed: it is a primary that goes on without us
 *
 * Context: process.
 */
void ndval_peer_gone(struct ndval_peer *peer, bool removed)
{
	struct ndval_pair *pair = peer->pair;

	lockdep_assert_held(&pair->lock);
	peer->renewed = 0;
	peer->spoken = false;
	peer->listed = false;
	peer->asked = false;
	peer->synced_id = 0;
	if (removed)
		pair->in_sync = false;
	if (pair->followed == peer)
		pair->followed = NULL;
	ndval_peer_reset_flows(peer);
	/* What it stored is gone: nobody will promote it. */
	ndval_peer_drop(peer);
	ndval_takeover_check(pair);
	ndval_pair_report(pair);
}

/**
 * ndval_peer_forget() - This member starts anew: what a peer said of the pair
 *	has to be said again.
 * @peer: the peer; the caller holds the pair's lock, and sends PAIR
 *
 * PAIR will say that its epoch was not seen, which it answers.
 */
void ndval_peer_forget(struct ndval_peer *peer)
{
	lockdep_assert_held(&peer->pair->lock);
	peer->renewed = 0;
	peer->refused = NULL;
	peer->listed = false;
	peer->heard.epoch_id = 0;
	ndval_peer_reset_flows(peer);
}

/**
 * ndval_peer_listed() - A peer has told of all the streams it knows.
 * @peer: the peer; the caller holds the pair's lock
 *
 * Context: process.
 */
void ndval_peer_listed(struct ndval_peer *peer)
{
	lockdep_assert_held(&peer->pair->lock);
	peer->listed = true;
	ndval_peer_visit_flows(peer, listed_flow);
	ndval_peer_count(peer);
	ndval_peer_check_in_sync(peer);
	ndval_takeover_check(peer->pair);
	ndval_pair_report(peer->pair);
}

/**
 * ndval_peers_max_streams() - Most streams that all connected members have.
 * @pair: the pair; the caller holds its lock
 */
u32 ndval_peers_max_streams(struct ndval_pair *pair)
{
	u32 most = ndval_pair_setting(pair, NDVAL_SET_MAX_STREAMS);
	struct ndval_peer *peer;

	lockdep_assert_held(&pair->lock);
	list_for_each_entry(peer, &pair->peers, list)
		if (ndval_peer_connected(peer) && peer->heard.max_streams)
			most = min(most, peer->heard.max_streams);
	return most;
}

/*
 * The next peer of a remote that a walk has not seen, with a reference. Seen
 * ones go to the end, so the first tells whether any is left.
 */
static struct ndval_peer *walk(struct ndval_remote *remote, u64 number)
{
	struct ndval_peer *peer;

	spin_lock(&remote->lock);
	peer = list_first_entry_or_null(&remote->peers, struct ndval_peer, shared);
	if (peer && peer->visited != number) {
		peer->visited = number;
		list_move_tail(&peer->shared, &remote->peers);
		ndval_peer_get(peer);
	} else {
		peer = NULL;
	}
	spin_unlock(&remote->lock);
	return peer;
}

static void visit_all(struct ndval_remote *remote, u32 link_id)
{
	u64 number = atomic64_inc_return(&walks);
	struct ndval_peer *peer;

	while ((peer = walk(remote, number))) {
		mutex_lock(&peer->pair->lock);
		if (!list_empty(&peer->list))
			connect(peer, link_id);
		mutex_unlock(&peer->pair->lock);
		ndval_peer_put(peer);
	}
}

/**
 * ndval_remote_up() - A link to a remote has become current.
 * @remote: the remote
 * @link_id: the link's number
 *
 * Context: process. Takes the lock of every pair that is shared.
 */
void ndval_remote_up(struct ndval_remote *remote, u32 link_id)
{
	visit_all(remote, link_id);
}

/**
 * ndval_remote_down() - The current link to a remote has gone.
 * @remote: the remote, whose link_id is 0 already
 *
 * Context: process. Takes the lock of every pair that is shared.
 */
void ndval_remote_down(struct ndval_remote *remote)
{
	visit_all(remote, 0);
}

/* Does the peer know of less than what was read since? */
static bool lacks_clocks(const struct ndval_peer *peer)
{
	return ndval_pair_is_primary(peer->pair) &&
	       READ_ONCE(peer->told_reads) != ndval_clocks_reads(peer->pair);
}

/**
 * ndval_remote_tell_clocks() - Tell a remote of the clocks of all pairs in which they were
 *	read since it was told last.
 * @remote: the remote
 *
 * Context: process. Takes the remote's @change.
 */
void ndval_remote_tell_clocks(struct ndval_remote *remote)
{
	u64 number = atomic64_inc_return(&walks);
	struct ndval_peer *peer;
	bool any = false;

	spin_lock(&remote->lock);
	list_for_each_entry(peer, &remote->peers, shared)
		any |= lacks_clocks(peer);
	spin_unlock(&remote->lock);
	if (!any)
		return;
	/* Two walks at the same time would hide peers from each other. */
	mutex_lock(&remote->change);
	while ((peer = walk(remote, number))) {
		if (lacks_clocks(peer))
			ndval_peer_tell(peer);
		ndval_peer_put(peer);
	}
	mutex_unlock(&remote->change);
}

/**
 * ndval_remote_timeout_ms() - Silence after which a remote is lost.
 * @remote: the remote
 *
 * Return: the least peer_timeout_ms of the pairs that are shared, in
 * milliseconds; the default if there is none.
 */
u32 ndval_remote_timeout_ms(struct ndval_remote *remote)
{
	struct ndval_peer *peer;
	u64 least = U64_MAX;

	spin_lock(&remote->lock);
	list_for_each_entry(peer, &remote->peers, shared)
		least = min(least, ndval_pair_setting(peer->pair,
						      NDVAL_SET_PEER_TIMEOUT_MS));
	spin_unlock(&remote->lock);
	return least == U64_MAX ? 3000 : least;
}

/**
 * ndval_peers_delete_stream() - Tell all peers that a stream is deleted.
 * @pair: the pair, a primary; the caller holds its lock
 * @stream: the stream
 *
 * A peer that can't be told now, for want of memory, finds out when it speaks
 * of the stream.
 */
void ndval_peers_delete_stream(struct ndval_pair *pair, const struct ndval_stream *stream)
{
	struct ndval_peer *peer;

	lockdep_assert_held(&pair->lock);
	list_for_each_entry(peer, &pair->peers, list)
		if (ndval_peer_connected(peer))
			ndval_send_stream_del(peer->remote, pair, stream->name, false,
					      stream->id, 0);
}
