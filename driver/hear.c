// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a pair does when a peer says in PAIR what it knows: who is followed, who
 * steps down, whose epoch is adopted. The rules, and the schedule that makes
 * each of them necessary, are in Documentation/model/.
 *
 *	the peer says			this member
 *	own epoch, primary		follows it
 *	a newer epoch, primary		asks nobody more: stops if it was primary;
 *					adopts when SYNC (end) has come
 *	a newer epoch, secondary	stops if it was primary; is not in sync
 *	an older epoch			tells its own; a primary sends SYNC
 *	same number, other epoch	refuses the peer
 *	another life, primary		adopts it if nothing was delivered here
 */
#include <linux/printk.h>

#include "check.h"
#include "clock.h"
#include "event.h"
#include "flow.h"
#include "knobs.h"
#include "pair.h"
#include "peer.h"
#include "stream.h"

/* Obtain values from this primary of our epoch from now on. */
static void follow(struct ndval_peer *peer)
{
	struct ndval_pair *pair = peer->pair;

	if (pair->followed == peer)
		return;
	pair->followed = peer;
	ndval_peer_reset_flows(peer);
	ndval_peer_visit_flows(peer, ndval_flow_follow);
	/* The list is first in, first out: this comes after every stream. */
	ndval_peer_say(peer, &peer->end);
}

static void unfollow(struct ndval_peer *peer)
{
	peer->listed = false;
	if (peer->pair->followed == peer)
		peer->pair->followed = NULL;
	ndval_peer_reset_flows(peer);
}

static void refuse(struct ndval_peer *peer, const char *why)
{
	peer->refused = why;
	pr_warn_ratelimited("pair %s: peer %s refused: %s\n", peer->pair->name,
			    peer->remote->name, why);
}

/**
 * ndval_peer_start_sync() - Tell a peer where the epochs of this primary began.
 * @peer: the peer, of an earlier epoch; the caller holds the pair's lock
 */
void ndval_peer_start_sync(struct ndval_peer *peer)
{
	struct ndval_pair *pair = peer->pair;

	lockdep_assert_held(&pair->lock);
	if (peer->synced_id == pair->epoch_id)
		return;
	peer->synced_id = pair->epoch_id;
	ndval_peer_visit_flows(peer, ndval_flow_start_sync);
	ndval_peer_say(peer, &peer->end);
}

/*
 * From now on this member obtains what a primary of its epoch records. What it
 * says before it has heard of the object that we are now does not count: values
 * for the former one may be on their way still.
 */
static void heard_own(struct ndval_peer *peer)
{
	struct ndval_pair *pair = peer->pair;
	const struct ndval_heard *heard = &peer->heard;
	bool in_sync = heard->in_sync && heard->for_us && !pair->newer;

	/* What is said on a link that replaces another before it has heard of us is not of us. */
	if (!heard->for_us && !pair->newer && ndval_peer_is_renewing(peer))
		in_sync = pair->in_sync;
	if (pair->in_sync != in_sync)
		ndval_pair_report(pair);
	pair->in_sync = in_sync;
	if (in_sync && heard->for_us)
		pair->outdated = false;
	ndval_pair_adopt_settings(pair, heard->serial, heard->set);
	if (pair->takeover.phase == NDVAL_TAKEOVER_GATHER &&
	    !(pair->takeover.flags & NDVAL_PROMOTE_FORCE))
		ndval_takeover_end(pair, -EBUSY, "the primary is connected");
	if (heard->for_us)
		follow(peer);
}

/* There is a newer epoch. Whoever is primary of an older one stops at once. */
static void heard_newer(struct ndval_peer *peer)
{
	struct ndval_pair *pair = peer->pair;

	pair->epoch_seen = max(pair->epoch_seen, peer->heard.epoch);
	ndval_takeover_check(pair);
	if (pair->takeover.phase == NDVAL_TAKEOVER_GATHER ||
	    pair->takeover.phase == NDVAL_TAKEOVER_DRAIN)
		ndval_takeover_end(pair, -ESTALE, "a peer knows a newer epoch");
	if (pair->role == NDVAL_ROLE_PRIMARY)
		ndval_pair_step_down(pair, false);
	pair->in_sync = false;
	pair->newer = true;
}

static void heard_same_life(struct ndval_peer *peer)
{
	const struct ndval_heard *heard = &peer->heard;
	struct ndval_pair *pair = peer->pair;
	bool primary = heard->role == NDVAL_ROLE_PRIMARY;

	if (heard->epoch_id == pair->epoch_id) {
		if (primary && pair->role == NDVAL_ROLE_PRIMARY)
			refuse(peer, "both are primary of one epoch: resync one of them");
		else if (primary && !heard->diverged)
			heard_own(peer);
	} else if (heard->epoch > pair->epoch) {
		/* Adopted when SYNC (end) has come. */
		heard_newer(peer);
	} else if (heard->epoch == pair->epoch) {
		refuse(peer, "both made an epoch of this number: resync one, or promote one again");
	} else if (pair->role == NDVAL_ROLE_PRIMARY) {
		ndval_peer_tell(peer);
		ndval_peer_start_sync(peer);
	} else {
		ndval_peer_tell(peer);
	}
}

static void heard_other_life(struct ndval_peer *peer)
{
	const struct ndval_heard *heard = &peer->heard;
	struct ndval_pair *pair = peer->pair;

	if (heard->role != NDVAL_ROLE_PRIMARY || heard->diverged)
		return;
	if (pair->role == NDVAL_ROLE_PRIMARY) {
		refuse(peer, "both are primary: resync one of them");
		return;
	}
	ndval_pair_adopt(pair, peer);
	if (pair->bar == NDVAL_BAR_NONE)
		heard_own(peer);
}

/*
 * Does what the peer says of itself void what it said of streams? It is another
 * object, or has not joined our epoch, or is not the primary to obtain from.
 */
static bool starts_over(const struct ndval_peer *peer, const struct ndval_heard *heard)
{
	const struct ndval_pair *pair = peer->pair;

	if (heard->id != peer->heard.id)
		return true;
	if (pair->role == NDVAL_ROLE_PRIMARY)
		return heard->epoch_id != pair->epoch_id;
	/* Between secondaries nothing flows, but for what one that is promoted asked for. */
	return heard->role != NDVAL_ROLE_PRIMARY && !peer->asked &&
	       (peer->heard.role == NDVAL_ROLE_PRIMARY ||
		heard->epoch_id != peer->heard.epoch_id);
}

/*
 * Another object under the peer's name, or one that has joined another life: what
 * it stored is gone.
 */
static void check_object(struct ndval_peer *peer, const struct ndval_heard *heard)
{
	const struct ndval_pair *pair = peer->pair;
	bool left = pair->role == NDVAL_ROLE_PRIMARY && heard->incarnation &&
		    heard->incarnation != pair->incarnation;

	if (!peer->heard.id || (peer->heard.id == heard->id && !left) ||
	    ndval_broken(NDVAL_BROKEN_ACK))
		return;
	peer->synced_id = 0;
	peer->asked = false;
	ndval_peer_replaced(peer);
}

/**
 * ndval_peer_heard() - A peer has sent PAIR.
 * @peer: the peer; the caller holds the pair's lock
 * @heard: what it says
 * @seen_id: epoch id that it heard last from us, on this link
 *
 * Context: process.
 */
void ndval_peer_heard(struct ndval_peer *peer, const struct ndval_heard *heard, u64 seen_id)
{
	struct ndval_pair *pair = peer->pair;
	bool joins;

	lockdep_assert_held(&pair->lock);
	if (pair->dead || !ndval_peer_has_link(peer))
		return;
	/* Who is being promoted has not asked it. */
	pair->takeover.again |= !peer->spoken;
	check_object(peer, heard);
	if (starts_over(peer, heard))
		unfollow(peer);
	joins = heard->epoch_id != peer->heard.epoch_id;
	peer->heard = *heard;
	peer->spoken = true;
	peer->refused = NULL;
	if (seen_id != pair->epoch_id || peer->told_for != heard->id)
		ndval_peer_tell(peer);
	if (ndval_bar_refuses(pair->bar))
		goto out;
	if (heard->incarnation && heard->incarnation == pair->incarnation)
		heard_same_life(peer);
	else
		heard_other_life(peer);
	if (heard->diverged && heard->role != NDVAL_ROLE_PRIMARY)
		peer->refused = "the peer is diverged or fenced: resync it";
	if (heard->diverged || peer->refused) {
		/* Who takes or gives nothing holds nothing, and is not followed. */
		unfollow(peer);
		ndval_peer_drop(peer);
	}
	if (pair->followed == peer)
		ndval_clocks_hear(pair, &heard->clocks);
	if (joins && heard->epoch_id == pair->epoch_id)
		ndval_peer_visit_flows(peer, ndval_check_flow);
out:
	/* It is not any more what it was on the link before. */
	if (pair->role == NDVAL_ROLE_SECONDARY && pair->followed != peer &&
	    (heard->role != NDVAL_ROLE_PRIMARY || heard->diverged || peer->refused))
		peer->renewed = 0;
	ndval_takeover_check(pair);
	ndval_pair_report(pair);
}

/**
 * ndval_peer_synced() - A primary of a newer epoch has told where its epochs began
 *	in all streams.
 * @peer: the primary; the caller holds the pair's lock
 *
 * Context: process.
 */
void ndval_peer_synced(struct ndval_peer *peer)
{
	struct ndval_pair *pair = peer->pair;

	lockdep_assert_held(&pair->lock);
	ndval_pair_adopt(pair, peer);
	if (pair->bar == NDVAL_BAR_NONE)
		heard_own(peer);
	if (pair->followed == peer)
		ndval_clocks_hear(pair, &peer->heard.clocks);
	ndval_takeover_check(pair);
	ndval_pair_report(pair);
}
