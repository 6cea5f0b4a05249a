// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takeovers: a secondary is promoted, or a primary hands over.
 *
 *	phase	of a	waits for				then
 *	gather	second.	the answers of connected secondaries,	promotes itself
 *			of what they have more
 *	drain	primary	the target to store everything		HANDOVER, secondary
 *	handed	second.	the target to say that it is primary	done
 *
 * Nobody waits in a netlink handler: a work looks whether the phase is over
 * whenever something moved (ndval_takeover_check()), and at the deadline. Up to
 * HANDOVER a switchover that fails leaves everything as it was; after it the
 * old primary never resumes by itself, whatever becomes of the target.
 *
 * A peer that dies at any line: gather goes on without what it had; drain is
 * given up; handed ends in an error which says that any in-sync member may be
 * promoted. The pair's removal ends each.
 */
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/netlink.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "event.h"
#include "flow.h"
#include "host.h"
#include "knobs.h"
#include "pair.h"
#include "peer.h"
#include "stream.h"

/* Something has moved: look at once. */
static void look(struct ndval_pair *pair, unsigned long delay)
{
	lockdep_assert_held(&pair->lock);
	if (!pair->dead)
		mod_delayed_work(ndval_wq, &pair->takeover.work, delay);
}

/**
 * ndval_takeover_check() - Something that a takeover may wait for has happened.
 * @pair: the pair; the caller holds its lock
 */
void ndval_takeover_check(struct ndval_pair *pair)
{
	lockdep_assert_held(&pair->lock);
	if (pair->takeover.phase != NDVAL_TAKEOVER_NONE)
		look(pair, 0);
}

/* A phase may take twice as long as a peer may be silent. */
static void enter(struct ndval_pair *pair, enum ndval_takeover_phase phase)
{
	u64 ms = 2 * ndval_pair_setting(pair, NDVAL_SET_PEER_TIMEOUT_MS);

	pair->takeover.phase = phase;
	pair->takeover.deadline = jiffies + msecs_to_jiffies(ms);
}

static void begin(struct ndval_pair *pair, enum ndval_takeover_phase phase, u32 operation,
		  unsigned int flags)
{
	struct ndval_takeover *takeover = &pair->takeover;

	takeover->operation = operation;
	takeover->flags = flags;
	takeover->again = false;
	enter(pair, phase);
	look(pair, 0);
}

static void set_bar(struct ndval_pair *pair, enum ndval_bar bar)
{
	WRITE_ONCE(pair->bar, bar);
	ndval_pair_wake(pair);
}

/**
 * ndval_takeover_end() - A takeover is over.
 * @pair: the pair; the caller holds its lock
 * @err: 0 or why it failed, a negative errno
 * @reason: the same for people, or NULL
 *
 * No effect if none is under way.
 */
void ndval_takeover_end(struct ndval_pair *pair, int err, const char *reason)
{
	struct ndval_takeover *takeover = &pair->takeover;
	struct ndval_stream *stream;
	struct ndval_peer *peer;

	lockdep_assert_held(&pair->lock);
	if (takeover->phase == NDVAL_TAKEOVER_NONE)
		return;
	takeover->phase = NDVAL_TAKEOVER_NONE;
	list_for_each_entry(peer, &pair->peers, list) {
		if (peer->asked && peer != pair->followed)
			ndval_peer_reset_flows(peer);
		peer->asked = false;
	}
	if (pair->bar == NDVAL_BAR_FROZEN) {
		set_bar(pair, NDVAL_BAR_NONE);
		/* What peers asked for meanwhile. */
		list_for_each_entry(stream, &pair->stream_list, list)
			ndval_stream_progress(stream);
	}
	ndval_event_op_reason(takeover->operation, err, reason);
}

/* Promotion: what the others have more */

static void ask(struct ndval_peer *peer)
{
	peer->asked = true;
	ndval_peer_visit_flows(peer, ndval_flow_follow);
	/* First in, first out: this comes after every stream. */
	ndval_peer_say(peer, &peer->end);
}

static bool ask_all(struct ndval_pair *pair)
{
	struct ndval_peer *peer;
	bool any = false;

	list_for_each_entry(peer, &pair->peers, list) {
		/* It will be asked when it has spoken, unless it turns out to be the primary. */
		any |= ndval_peer_is_expected(peer);
		if (!ndval_peer_connected(peer) || peer->heard.diverged ||
		    peer->heard.role != NDVAL_ROLE_SECONDARY ||
		    peer->heard.epoch_id != pair->epoch_id)
			continue;
		ask(peer);
		any = true;
	}
	return any;
}

static bool awaits_answer(struct ndval_pair *pair)
{
	struct ndval_peer *peer;

	list_for_each_entry(peer, &pair->peers, list)
		if ((peer->asked && ndval_peer_connected(peer)) ||
		    ndval_peer_is_expected(peer))
			return true;
	return false;
}

static void outdate_absent(struct ndval_pair *pair)
{
	struct ndval_peer *peer;

	list_for_each_entry(peer, &pair->peers, list) {
		if (ndval_peer_is_linked(peer))
			continue;
		peer->outdated = true;
		ndval_peer_drop(peer);
	}
}

static void promote(struct ndval_pair *pair)
{
	unsigned int flags = pair->takeover.flags;

	if (flags & NDVAL_PROMOTE_FORCE) {
		pair->forced++;
		pr_warn("pair %s: promoted by force: values may be lost or differ\n", pair->name);
		ndval_event_pair(NDVAL_EVENT_KIND_FORCED, pair);
	}
	/* What was asked for and comes now is of an epoch that is over. */
	ndval_pair_take_over(pair);
	if (flags & NDVAL_PROMOTE_FENCED)
		outdate_absent(pair);
	ndval_takeover_end(pair, 0, NULL);
}

static void gather(struct ndval_pair *pair)
{
	if (!awaits_answer(pair)) {
		if (pair->takeover.again) {
			pair->takeover.again = false;
			if (ask_all(pair))
				return;
		}
		promote(pair);
	} else if (time_after_eq(jiffies, pair->takeover.deadline)) {
		ndval_takeover_end(pair, -ETIMEDOUT,
				   "a connected secondary does not say what it has: detach its link, and try again");
	}
}

/**
 * ndval_takeover_answered() - A peer has sent what it has more, or refuses to.
 * @pair: the pair; the caller holds its lock
 * @peer: the peer
 * @error: errno of its refusal, or 0
 */
void ndval_takeover_answered(struct ndval_pair *pair, struct ndval_peer *peer, u32 error)
{
	lockdep_assert_held(&pair->lock);
	if (pair->takeover.phase != NDVAL_TAKEOVER_GATHER || !peer->asked)
		return;
	if (error && !(pair->takeover.flags & NDVAL_PROMOTE_FORCE)) {
		ndval_takeover_end(pair, -EBUSY,
				   "another member sees the primary, or is being promoted: fence the primary first");
		return;
	}
	peer->asked = false;
	look(pair, 0);
}

/**
 * ndval_takeover_yield() - A peer is being promoted.
 * @pair: the pair, a secondary of the same epoch; the caller holds its lock
 * @peer: the peer
 *
 * Of two members that are being promoted the one with the lower id goes on.
 */
void ndval_takeover_yield(struct ndval_pair *pair, struct ndval_peer *peer)
{
	lockdep_assert_held(&pair->lock);
	if (pair->takeover.phase == NDVAL_TAKEOVER_GATHER && peer->heard.id < pair->id)
		ndval_takeover_end(pair, -EBUSY, "another member is being promoted");
}

/**
 * ndval_takeover_asked() - A peer that is being promoted asks what we have more.
 * @pair: the pair, a secondary of the same epoch; the caller holds its lock
 * @peer: the peer, which has told of all its streams
 */
void ndval_takeover_asked(struct ndval_pair *pair, struct ndval_peer *peer)
{
	struct ndval_stream *stream;
	struct ndval_flow *flow;

	lockdep_assert_held(&pair->lock);
	/* Streams that it did not ask for are unknown to it. */
	list_for_each_entry(stream, &pair->stream_list, list) {
		flow = ndval_flow_find(stream, peer);
		if (!flow)
			continue;
		spin_lock(&stream->lock);
		ndval_flow_give_all(flow, peer->heard.ring_size);
		spin_unlock(&stream->lock);
		ndval_flow_put(flow);
	}
	ndval_peer_say(peer, &peer->answer);
}

static int check_promote(struct ndval_pair *pair, unsigned int flags,
			 struct netlink_ext_ack *extack)
{
	struct ndval_peer *peer;

	if (pair->dead)
		return -ENODEV;
	if (ndval_bar_refuses(pair->bar)) {
		NL_SET_ERR_MSG(extack, "the pair is diverged or fenced: resync it first");
		return -ESTALE;
	}
	if (pair->takeover.phase != NDVAL_TAKEOVER_NONE) {
		NL_SET_ERR_MSG(extack, "a promotion or switchover is under way");
		return -EINPROGRESS;
	}
	if (pair->role == NDVAL_ROLE_PRIMARY) {
		NL_SET_ERR_MSG(extack, "this member is the primary");
		return -EALREADY;
	}
	if ((flags & NDVAL_PROMOTE_NEW) && pair->epoch_id) {
		NL_SET_ERR_MSG(extack,
			       "the pair has begun its life: a new one would lose it (resync first to throw this copy away)");
		return -EEXIST;
	}
	if (!(flags & NDVAL_PROMOTE_NEW) && !pair->epoch_id) {
		NL_SET_ERR_MSG(extack,
			       "this copy knows nothing of the pair yet: connect it to its primary, or begin a new life (new)");
		return -ENODATA;
	}
	if (max(pair->epoch, pair->epoch_seen) + 1 >= NDVAL_EPOCH_END) {
		NL_SET_ERR_MSG(extack,
			       "the numbers of epochs are used up: remove the pair and make it anew");
		return -EOVERFLOW;
	}
	if (flags & NDVAL_PROMOTE_FORCE)
		return 0;
	if (ndval_pair_renews_primary(pair)) {
		NL_SET_ERR_MSG(extack,
			       "the primary is connected, and its link is being replaced: switch over from there, or demote it");
		return -EBUSY;
	}
	list_for_each_entry(peer, &pair->peers, list) {
		if (!ndval_peer_connected(peer))
			continue;
		if (peer->heard.role == NDVAL_ROLE_PRIMARY && !peer->heard.diverged) {
			NL_SET_ERR_MSG(extack,
				       "a connected peer is primary of the pair: switch over from there, or demote it");
			return -EBUSY;
		}
		if (pair->epoch_id && peer->heard.incarnation == pair->incarnation &&
		    peer->heard.epoch > pair->epoch) {
			NL_SET_ERR_MSG(extack,
				       "a connected peer knows a newer epoch: promote that one");
			return -EUCLEAN;
		}
	}
	if (flags & NDVAL_PROMOTE_NEW)
		return 0;
	if (pair->outdated) {
		NL_SET_ERR_MSG(extack,
			       "this copy was outdated: it may lack values, until it is in sync again (force overrides)");
		return -EPERM;
	}
	if (!pair->in_sync && !ndval_broken(NDVAL_BROKEN_PROMOTE)) {
		NL_SET_ERR_MSG(extack,
			       "this copy was not told that it is in sync: it may lack values (force overrides)");
		return -EUCLEAN;
	}
	return 0;
}

/**
 * ndval_pair_promote() - Make this member the primary.
 * @pair: the pair
 * @flags: NDVAL_PROMOTE_...
 * @operation: id to report the end by
 * @extack: gets the reason of a refusal
 *
 * Connected secondaries are asked for what they have more first, so the end
 * may come later.
 *
 * Context: process. Takes the pair's lock.
 * Return: 0 if it is done or under way; -EALREADY if it is primary; -EEXIST,
 * -ENODATA if it knows too much or nothing; -EBUSY if a connected peer is
 * primary; -EPERM if it is outdated; -EUCLEAN if it was not told that it is in
 * sync, or a connected peer knows a newer epoch; -EOVERFLOW if no number is left;
 * -EINPROGRESS, -ESTALE, -ENODEV.
 */
int ndval_pair_promote(struct ndval_pair *pair, unsigned int flags, u32 operation,
		       struct netlink_ext_ack *extack)
{
	int err;

	mutex_lock(&pair->lock);
	err = check_promote(pair, flags, extack);
	if (err)
		goto out;
	if (flags & NDVAL_PROMOTE_NEW) {
		ndval_pair_begin_anew(pair);
		ndval_event_op_reason(operation, 0, NULL);
		goto out;
	}
	begin(pair, NDVAL_TAKEOVER_GATHER, operation, flags);
	if (!ask_all(pair))
		promote(pair);
out:
	mutex_unlock(&pair->lock);
	return err;
}

/* Switchover */

static bool has_all(struct ndval_pair *pair, struct ndval_peer *target)
{
	struct ndval_stream *stream;
	struct ndval_flow *flow;
	bool all = true;

	/* Who was not told so yet would not take over. */
	if (target->membership != NDVAL_MEMBERSHIP_IN_SYNC || !target->listed ||
	    !target->told_in_sync)
		return false;
	list_for_each_entry(stream, &pair->stream_list, list) {
		flow = ndval_flow_find(stream, target);
		if (!flow)
			return false;
		spin_lock(&stream->lock);
		all = all && flow->known && !flow->refused && flow->ack == stream->ring.head;
		spin_unlock(&stream->lock);
		ndval_flow_put(flow);
	}
	return all;
}

static void hand_over(struct ndval_pair *pair, struct ndval_peer *target)
{
	pair->takeover.link_id = target->link_id;
	ndval_peer_say(target, &target->handover);
}

static void drain(struct ndval_pair *pair)
{
	struct ndval_peer *target = ndval_peer_find(pair, pair->takeover.target);

	if (!target || (!ndval_peer_connected(target) && !ndval_peer_is_expected(target))) {
		ndval_takeover_end(pair, -ENOTCONN,
				   "the peer was lost before it had everything: this member goes on as primary");
		return;
	}
	if (has_all(pair, target)) {
		enter(pair, NDVAL_TAKEOVER_HANDED);
		hand_over(pair, target);
		/* Frozen until nobody here issues values any more. */
		ndval_pair_step_down(pair, true);
		set_bar(pair, NDVAL_BAR_NONE);
		return;
	}
	if (time_after_eq(jiffies, pair->takeover.deadline))
		ndval_takeover_end(pair, -ETIMEDOUT,
				   "the peer did not come to store everything: this member goes on as primary");
}

static void handed(struct ndval_pair *pair)
{
	struct ndval_peer *target = ndval_peer_find(pair, pair->takeover.target);

	if (target && ndval_peer_connected(target) &&
	    target->heard.role == NDVAL_ROLE_PRIMARY)
		ndval_takeover_end(pair, 0, NULL);
	else if (!target || !ndval_peer_is_linked(target) ||
		 time_after_eq(jiffies, pair->takeover.deadline))
		ndval_takeover_end(pair, -ENOTCONN,
				   "the peer was lost when it was to take over: if it is not the primary, promote either");
	else if (ndval_peer_connected(target) && pair->takeover.link_id != target->link_id)
		/* What was said on a link that was replaced need not have come. */
		hand_over(pair, target);
}

static void takeover_work(struct work_struct *work)
{
	struct ndval_pair *pair = container_of(work, struct ndval_pair, takeover.work.work);
	unsigned long now, delay;

	mutex_lock(&pair->lock);
	switch (pair->takeover.phase) {
	case NDVAL_TAKEOVER_NONE:
		break;
	case NDVAL_TAKEOVER_GATHER:
		gather(pair);
		break;
	case NDVAL_TAKEOVER_DRAIN:
		drain(pair);
		break;
	case NDVAL_TAKEOVER_HANDED:
		handed(pair);
		break;
	}
	now = jiffies;
	delay = time_after(pair->takeover.deadline, now) ? pair->takeover.deadline - now : 1;
	/* Nothing tells that somebody who was expected did not come. */
	delay = min(delay, msecs_to_jiffies(ndval_pair_setting(pair,
							       NDVAL_SET_PEER_TIMEOUT_MS)));
	if (pair->takeover.phase != NDVAL_TAKEOVER_NONE)
		look(pair, delay);
	mutex_unlock(&pair->lock);
}

/**
 * ndval_takeover_init() - Prepare a new pair.
 * @pair: the pair
 */
void ndval_takeover_init(struct ndval_pair *pair)
{
	INIT_DELAYED_WORK(&pair->takeover.work, takeover_work);
}

static struct ndval_peer *find_target(struct ndval_pair *pair, const char *name,
				      struct netlink_ext_ack *extack)
{
	struct ndval_peer *peer;

	if (name) {
		peer = ndval_peer_find(pair, name);
		if (!peer)
			NL_SET_ERR_MSG(extack, "the pair has no such peer");
		return peer;
	}
	if (pair->npeers != 1) {
		NL_SET_ERR_MSG(extack, "the pair has not just one peer: which is to take over?");
		return NULL;
	}
	return list_first_entry(&pair->peers, struct ndval_peer, list);
}

static int check_switchover(struct ndval_pair *pair, struct netlink_ext_ack *extack)
{
	if (pair->dead)
		return -ENODEV;
	if (ndval_bar_refuses(pair->bar)) {
		NL_SET_ERR_MSG(extack, "the pair is diverged or fenced: resync it first");
		return -ESTALE;
	}
	if (pair->role != NDVAL_ROLE_PRIMARY) {
		NL_SET_ERR_MSG(extack, "only a primary can hand over: type this on it");
		return -EINVAL;
	}
	if (pair->takeover.phase != NDVAL_TAKEOVER_NONE) {
		NL_SET_ERR_MSG(extack, "a promotion or switchover is under way");
		return -EINPROGRESS;
	}
	return 0;
}

/**
 * ndval_pair_switchover() - Hand the pair over to a peer.
 * @pair: the pair, a primary
 * @target: name of the peer; NULL if the pair has just one
 * @operation: id to report the end by
 * @extack: gets the reason of a refusal
 *
 * Readers wait until it is over; nothing is lost whenever it fails.
 *
 * Context: process. Takes the pair's lock.
 * Return: 0 if it is under way; -EINVAL on a secondary; -ENOENT; -ENOTCONN if the
 * peer is not in sync; -EINPROGRESS, -ESTALE, -ENODEV.
 */
int ndval_pair_switchover(struct ndval_pair *pair, const char *target, u32 operation,
			  struct netlink_ext_ack *extack)
{
	struct ndval_peer *peer;
	int err;

	mutex_lock(&pair->lock);
	err = check_switchover(pair, extack);
	if (err)
		goto out;
	peer = find_target(pair, target, extack);
	if (!peer) {
		err = -ENOENT;
		goto out;
	}
	if (peer->membership != NDVAL_MEMBERSHIP_IN_SYNC ||
	    (!ndval_peer_connected(peer) && !ndval_peer_is_expected(peer))) {
		NL_SET_ERR_MSG(extack, "the peer is not in sync: see its state");
		err = -ENOTCONN;
		goto out;
	}
	strscpy(pair->takeover.target, peer->remote->name, sizeof(pair->takeover.target));
	set_bar(pair, NDVAL_BAR_FROZEN);
	begin(pair, NDVAL_TAKEOVER_DRAIN, operation, 0);
out:
	mutex_unlock(&pair->lock);
	return err;
}

/**
 * ndval_pair_demote() - Make the primary a secondary that may be promoted again.
 * @pair: the pair
 * @extack: gets the reason of a refusal
 *
 * Context: process. Takes the pair's lock.
 * Return: 0; -EALREADY if it is a secondary; -EINVAL if it has no peer;
 * -EINPROGRESS, -ESTALE, -ENODEV.
 */
int ndval_pair_demote(struct ndval_pair *pair, struct netlink_ext_ack *extack)
{
	int err = 0;

	mutex_lock(&pair->lock);
	if (!pair->dead && pair->role != NDVAL_ROLE_PRIMARY) {
		NL_SET_ERR_MSG(extack, "this member is a secondary");
		err = -EALREADY;
	}
	if (!err)
		err = check_switchover(pair, extack);
	if (!err && !pair->npeers) {
		NL_SET_ERR_MSG(extack, "the pair has no peer that could be primary");
		err = -EINVAL;
	}
	if (!err)
		ndval_pair_step_down(pair, true);
	mutex_unlock(&pair->lock);
	return err;
}
