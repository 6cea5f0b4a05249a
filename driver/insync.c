// SPDX-License-Identifier: GPL-2.0-only
/*
 * Membership: which peers a primary counts on.
 *
 *	state		its acknowledgements	may be promoted
 *	out		do not matter		no
 *	counted		limit every delivery	no, or not known here any more
 *	in sync		limit every delivery	yes, and was told so
 *
 *	event					from		to
 *	it told of all its streams on a link	out		counted
 *	promotion here, a link to it is up	-		counted
 *	it stores all that was promised before	counted		in sync
 *	  it was counted, in every stream
 *	link lost, on_peer_loss=continue	any		out
 *	link lost, on_peer_loss=suspend		in sync		counted
 *	the word that it is outdated		counted		out
 *	another object under its name		any		as link lost
 *	it has no such pair, or is diverged	any		out
 *
 * A member is never told that it is in sync before it is counted: what is
 * promised from then on it stores, or nobody else gets it; what was promised
 * before is the bar it has to reach. (That the bar need not move is because
 * what is promised to the member itself it delivers only if it stores it.)
 * All under the pair's lock; what readers need of it is in every flow.
 */
#include <linux/jiffies.h>
#include <linux/netlink.h>

#include "event.h"
#include "flow.h"
#include "pair.h"
#include "peer.h"
#include "stream.h"

/* Was anything given to anybody that a member in sync had not acknowledged? */
static bool is_missed(const struct ndval_flow *flow)
{
	const struct ndval_stream *stream = flow->stream;
	const struct ndval_flow *other;
	u64 given = stream->given;

	if (!flow->in_sync)
		return false;
	/* What another was allowed may have been given there, and not told yet. */
	list_for_each_entry(other, &stream->flows, list)
		if (other != flow && !other->upstream)
			given = max(given, other->told_have);
	return flow->stored < given;
}

/* Who waits in fsync for what the member had not acknowledged is told. */
static void drop_flow(struct ndval_flow *flow)
{
	if (is_missed(flow))
		flow->stream->drops++;
	ndval_flow_uncount(flow);
}

/* Nothing is known of what another object stores, and nothing of it counts yet. */
static void replace_flow(struct ndval_flow *flow)
{
	if (is_missed(flow))
		flow->stream->drops++;
	flow->in_sync = false;
	flow->stored = 0;
	ndval_flow_count(flow);
}

static void mark_in_sync(struct ndval_flow *flow)
{
	flow->in_sync = true;
}

/* Is it not long ago that a new link to the peer replaced one on which it had spoken? */
static bool is_fresh(const struct ndval_peer *peer)
{
	u64 ms = ndval_pair_setting(peer->pair, NDVAL_SET_PEER_TIMEOUT_MS);

	lockdep_assert_held(&peer->pair->lock);
	return peer->renewed && time_before(jiffies, peer->renewed + msecs_to_jiffies(ms));
}

/* Has all been said on the current link by which the two know where they stand? */
static bool is_settled(const struct ndval_peer *peer)
{
	const struct ndval_pair *pair = peer->pair;

	return pair->role == NDVAL_ROLE_PRIMARY ? peer->listed : pair->followed == peer;
}

/**
 * ndval_peer_is_renewing() - Has a new link to a peer just replaced one that was up?
 * @peer: the peer; the caller holds the pair's lock
 *
 * All is to be said anew on it. Meanwhile the peer is shown as it was, for nothing
 * has happened to it: a link is replaced to have a new key. But not for longer than
 * silence may last.
 */
bool ndval_peer_is_renewing(const struct ndval_peer *peer)
{
	return is_fresh(peer) && peer->renewed_settled && !is_settled(peer);
}

/**
 * ndval_peer_is_expected() - Will a peer speak again soon, as its link was replaced?
 * @peer: the peer; the caller holds the pair's lock
 *
 * What it has to do with a takeover is not known before it has. Of the new link the
 * pair may not have been told yet.
 */
bool ndval_peer_is_expected(const struct ndval_peer *peer)
{
	if (ndval_peer_is_linked(peer) && !ndval_peer_has_link(peer))
		return !peer->refused && (peer->spoken || is_fresh(peer));
	return is_fresh(peer) && !peer->spoken && ndval_peer_has_link(peer);
}

/**
 * ndval_pair_renews_primary() - Is a link to the primary that a secondary follows being
 *	replaced?
 * @pair: the pair; the caller holds its lock
 */
bool ndval_pair_renews_primary(const struct ndval_pair *pair)
{
	const struct ndval_peer *peer;

	if (pair->role != NDVAL_ROLE_SECONDARY)
		return false;
	list_for_each_entry(peer, &pair->peers, list)
		if (ndval_peer_is_renewing(peer) ||
		    (peer == pair->followed && ndval_peer_is_linked(peer) &&
		     !ndval_peer_has_link(peer)))
			return true;
	return false;
}

/**
 * ndval_peer_renew() - A link to a peer comes or goes: is it one that replaces another?
 * @peer: the peer, still as the former link left it; the caller holds the pair's lock
 * @link_id: number of the new link, 0 for none
 */
void ndval_peer_renew(struct ndval_peer *peer, u32 link_id)
{
	if (link_id && peer->link_id && !peer->spoken && is_fresh(peer))
		return;
	if (link_id && ndval_peer_is_renewing(peer))
		return;
	peer->renewed = 0;
	if (!link_id || !peer->link_id || !peer->spoken || peer->refused)
		return;
	peer->renewed = jiffies ?: 1;
	peer->renewed_settled = is_settled(peer);
	peer->renewed_state = ndval_peer_said_state(peer);
	peer->renewed_behind = peer->told_behind;
}

/**
 * ndval_peer_is_behind() - Does a peer lack something that was given to instances?
 * @peer: the peer of a primary; the caller holds the pair's lock
 */
bool ndval_peer_is_behind(const struct ndval_peer *peer)
{
	return ndval_peer_is_renewing(peer) ? peer->renewed_behind :
					      atomic_read(&peer->behind);
}

/**
 * ndval_peer_count() - From now on nothing is delivered that a peer does not store.
 * @peer: the peer; the caller holds the pair's lock
 */
void ndval_peer_count(struct ndval_peer *peer)
{
	lockdep_assert_held(&peer->pair->lock);
	if (peer->membership != NDVAL_MEMBERSHIP_OUT)
		return;
	peer->membership = NDVAL_MEMBERSHIP_COUNTED;
	ndval_peer_visit_flows(peer, ndval_flow_count);
}

/**
 * ndval_peer_check_in_sync() - Has a counted peer come to store all it has to?
 * @peer: the peer; the caller holds the pair's lock
 */
void ndval_peer_check_in_sync(struct ndval_peer *peer)
{
	lockdep_assert_held(&peer->pair->lock);
	if (peer->membership != NDVAL_MEMBERSHIP_COUNTED || !peer->listed ||
	    !ndval_peer_connected(peer) || atomic_read(&peer->joining))
		return;
	peer->membership = NDVAL_MEMBERSHIP_IN_SYNC;
	peer->outdated = false;
	ndval_peer_visit_flows(peer, mark_in_sync);
	ndval_peer_tell(peer);
}

/**
 * ndval_peer_drop() - Go on without a peer.
 * @peer: the peer; the caller holds the pair's lock
 */
void ndval_peer_drop(struct ndval_peer *peer)
{
	lockdep_assert_held(&peer->pair->lock);
	if (peer->membership == NDVAL_MEMBERSHIP_OUT)
		return;
	if (peer->membership == NDVAL_MEMBERSHIP_IN_SYNC)
		peer->pair->drops++;
	peer->membership = NDVAL_MEMBERSHIP_OUT;
	ndval_peer_visit_flows(peer, drop_flow);
}

/* Still counted, at no moment not: it is what readers may have that depends on it. */
static void begin_again(struct ndval_flow *flow)
{
	flow->in_sync = false;
	ndval_flow_count(flow);
}

/**
 * ndval_peer_check_passed() - Has it turned out that a peer in sync lacks something for good?
 * @peer: the peer; the caller holds the pair's lock
 *
 * It has to come to be in sync anew, by storing all that is promised by now.
 */
void ndval_peer_check_passed(struct ndval_peer *peer)
{
	lockdep_assert_held(&peer->pair->lock);
	if (!READ_ONCE(peer->passed))
		return;
	WRITE_ONCE(peer->passed, false);
	if (peer->membership != NDVAL_MEMBERSHIP_IN_SYNC)
		return;
	pr_warn_ratelimited("pair %s: peer %s does not store values that have left the window: it has to come in sync anew\n",
			    peer->pair->name, peer->remote->name);
	peer->pair->drops++;
	peer->membership = NDVAL_MEMBERSHIP_COUNTED;
	ndval_peer_visit_flows(peer, begin_again);
	ndval_peer_tell(peer);
}

/* Still counted; to be in sync again it has to store all that is promised now. */
static void await_peer(struct ndval_peer *peer)
{
	peer->membership = NDVAL_MEMBERSHIP_COUNTED;
	ndval_peer_visit_flows(peer, ndval_flow_count);
}

/**
 * ndval_peer_lost() - A counted peer can't be reached any more, or has lost its memory.
 * @peer: the peer; the caller holds the pair's lock
 *
 * What follows is the setting on_peer_loss: go on without it, or wait.
 */
void ndval_peer_lost(struct ndval_peer *peer)
{
	struct ndval_pair *pair = peer->pair;

	lockdep_assert_held(&pair->lock);
	if (peer->membership == NDVAL_MEMBERSHIP_OUT)
		return;
	ndval_event_peer_lost(peer);
	if (ndval_pair_setting(pair, NDVAL_SET_ON_PEER_LOSS) == NDVAL_ON_PEER_LOSS_CONTINUE)
		ndval_peer_drop(peer);
	else
		await_peer(peer);
	ndval_pair_report(pair);
}

/**
 * ndval_peer_replaced() - Another object has come under a peer's name.
 * @peer: the peer; the caller holds the pair's lock
 *
 * The former one and what it stored are gone. Under on_peer_loss=suspend the
 * new one takes its place as a counted member, all of a sudden for readers,
 * and has to store what was promised to the former one too.
 */
void ndval_peer_replaced(struct ndval_peer *peer)
{
	struct ndval_pair *pair = peer->pair;

	lockdep_assert_held(&pair->lock);
	peer->renewed = 0;
	ndval_peer_lost(peer);
	if (peer->membership == NDVAL_MEMBERSHIP_COUNTED)
		ndval_peer_visit_flows(peer, replace_flow);
}

static void recount_flow(struct ndval_flow *flow)
{
	ndval_stream_promise(flow->stream, flow->stream->ring.head);
	if (flow->counted)
		ndval_flow_count(flow);
}

/**
 * ndval_pair_recount() - The pair commits in step now, and did not before.
 * @pair: the pair, a primary; the caller holds its lock
 *
 * Everything recorded may have been delivered somewhere, so whoever is to be in
 * sync has to store it.
 */
void ndval_pair_recount(struct ndval_pair *pair)
{
	struct ndval_peer *peer;

	lockdep_assert_held(&pair->lock);
	list_for_each_entry(peer, &pair->peers, list) {
		ndval_peer_visit_flows(peer, recount_flow);
		if (peer->membership == NDVAL_MEMBERSHIP_IN_SYNC)
			peer->membership = NDVAL_MEMBERSHIP_COUNTED;
	}
	ndval_pair_report(pair);
}

/**
 * ndval_pair_is_suspended() - Does a primary wait for a lost peer?
 * @pair: the pair; the caller holds its lock
 *
 * With commit=async only fsync does.
 */
bool ndval_pair_is_suspended(struct ndval_pair *pair)
{
	struct ndval_peer *peer;

	lockdep_assert_held(&pair->lock);
	if (!ndval_pair_is_sync(pair))
		return false;
	list_for_each_entry(peer, &pair->peers, list)
		if (peer->membership != NDVAL_MEMBERSHIP_OUT && !ndval_peer_is_linked(peer))
			return true;
	return false;
}

/**
 * ndval_peer_outdate() - The word that a lost peer will not be promoted until it
 *	is in sync again.
 * @pair: the pair, a primary; the caller holds its lock
 * @name: name of the peer
 * @extack: gets the reason of a refusal
 *
 * Context: process.
 * Return: 0; -ENOENT; -EINVAL on a secondary; -EBUSY if the peer is connected.
 */
int ndval_peer_outdate(struct ndval_pair *pair, const char *name,
		       struct netlink_ext_ack *extack)
{
	struct ndval_peer *peer = ndval_peer_find(pair, name);

	if (!peer) {
		NL_SET_ERR_MSG(extack, "the pair has no such peer");
		return -ENOENT;
	}
	if (pair->role != NDVAL_ROLE_PRIMARY) {
		NL_SET_ERR_MSG(extack,
			       "only a primary goes on without a peer: outdate this copy itself on a secondary");
		return -EINVAL;
	}
	if (ndval_peer_has_link(peer)) {
		NL_SET_ERR_MSG(extack, "the peer is connected: detach its link first");
		return -EBUSY;
	}
	peer->outdated = true;
	ndval_peer_drop(peer);
	ndval_pair_report(pair);
	return 0;
}

/**
 * ndval_pair_outdate() - This copy is not to be promoted until it is in sync again.
 * @pair: the pair, a secondary
 * @extack: gets the reason of a refusal
 *
 * It is another object from now on: what is on its way from a primary was said to
 * the former one. A primary that is connected brings it in sync anew.
 *
 * Context: process. Takes the pair's lock.
 * Return: 0; -EINVAL on a primary; -ENODEV.
 */
int ndval_pair_outdate(struct ndval_pair *pair, struct netlink_ext_ack *extack)
{
	struct ndval_peer *peer;
	int err = 0;

	mutex_lock(&pair->lock);
	if (pair->dead) {
		err = -ENODEV;
	} else if (pair->role == NDVAL_ROLE_PRIMARY) {
		NL_SET_ERR_MSG(extack, "this member is the primary: demote it first");
		err = -EINVAL;
	} else {
		ndval_takeover_end(pair, -ECANCELED, "this copy was outdated");
		pair->outdated = true;
		pair->in_sync = false;
		pair->followed = NULL;
		pair->id = ndval_random_id();
		list_for_each_entry(peer, &pair->peers, list)
			ndval_peer_forget(peer);
		ndval_pair_tell(pair);
		ndval_event_pair(NDVAL_EVENT_KIND_PAIR_CHANGE, pair);
	}
	mutex_unlock(&pair->lock);
	return err;
}
