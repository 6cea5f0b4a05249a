// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clock skew: by how much other hosts' CLOCK_REALTIME differs from ours. A pair's clock
 * that people set goes on at a failover only when the new primary's own has come to
 * where the old one's was, so hosts should agree; that is for NTP or PTP to see to.
 *
 * Measured at every PONG, which tells the peer's clock, halfway between PING and it. The
 * error is at most half a round trip.
 */
#include "skew.h"

#include <linux/ktime.h>
#include <linux/math64.h>

#include "event.h"
#include "member.h"
#include "pair.h"
#include "peer.h"

/* Is the skew more than the pair's setting allows? */
static bool is_too_much(const struct ndval_pair *pair, s64 skew)
{
	u64 most = ndval_pair_setting(pair, NDVAL_SET_SKEW_MAX_MS) * NSEC_PER_MSEC;

	return most && abs(skew) > most;
}

/**
 * ndval_skew_measured() - A remote's clock was heard of.
 * @remote: the remote
 * @link_id: on which link
 * @realtime: what it showed, in ns
 * @rtt: round trip of the message that asked, in ns
 *
 * Context: process. Takes the remote's lock.
 */
void ndval_skew_measured(struct ndval_remote *remote, u32 link_id, u64 realtime, u64 rtt)
{
	s64 skew = realtime - (ktime_get_real_ns() - rtt / 2);
	struct ndval_peer *peer;

	spin_lock(&remote->lock);
	remote->skew = skew;
	remote->skew_link = link_id;
	list_for_each_entry(peer, &remote->peers, shared)
		if (is_too_much(peer->pair, skew) != READ_ONCE(peer->skewed))
			ndval_pair_report(peer->pair);
	spin_unlock(&remote->lock);
}

/**
 * ndval_peer_skew() - By how much a peer's clock is ahead of ours.
 * @peer: the peer
 * @skew: set to it, in ns; less than 0, it is behind
 *
 * Context: process. Takes the remote's lock.
 * Return: false if it was not measured on the link that is there.
 */
bool ndval_peer_skew(struct ndval_peer *peer, s64 *skew)
{
	struct ndval_remote *remote = peer->remote;
	bool known;

	spin_lock(&remote->lock);
	known = remote->link_id && remote->skew_link == remote->link_id;
	*skew = remote->skew;
	spin_unlock(&remote->lock);
	return known;
}

/**
 * ndval_pair_skew() - Largest skew to any peer.
 * @pair: the pair; the caller holds its lock
 *
 * Return: ns, with its sign; 0 if none was measured.
 */
s64 ndval_pair_skew(struct ndval_pair *pair)
{
	struct ndval_peer *peer;
	s64 most = 0, skew;

	lockdep_assert_held(&pair->lock);
	list_for_each_entry(peer, &pair->peers, list)
		if (ndval_peer_skew(peer, &skew) && abs(skew) > abs(most))
			most = skew;
	return most;
}

/**
 * ndval_skew_report() - Warn of a peer whose clock differs by too much, or does no more.
 * @peer: the peer; the caller holds the pair's lock
 *
 * Context: process.
 */
void ndval_skew_report(struct ndval_peer *peer)
{
	struct ndval_pair *pair = peer->pair;
	bool skewed;
	s64 skew;

	lockdep_assert_held(&pair->lock);
	if (!ndval_peer_skew(peer, &skew))
		return;
	skewed = is_too_much(pair, skew);
	if (skewed == peer->skewed)
		return;
	WRITE_ONCE(peer->skewed, skewed);
	if (skewed)
		pr_warn("pair %s: the clock of peer %s differs by %lld ms from this host's\n",
			pair->name, peer->remote->name, div_s64(skew, NSEC_PER_MSEC));
	ndval_event_clock_skew(peer, skew, skewed ? "more than skew_max_ms" :
						    "not more than skew_max_ms any longer");
}
