// SPDX-License-Identifier: GPL-2.0-only
/*
 * Health: would a failover now lose or change a value? And the work that tells
 * listeners and peers when the answer changes, when an instance is lost or a
 * stream is new, a little later than it happens, so that changes which come
 * together are told together and nobody who holds a spinlock has to.
 */
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "check.h"
#include "clock.h"
#include "event.h"
#include "host.h"
#include "pair.h"
#include "peer.h"
#include "skew.h"
#include "stream.h"

/* How much later, in ms. */
#define REPORT_DELAY_MS	10

/**
 * ndval_pair_health() - Would a failover now lose or change a value?
 * @pair: the pair; the caller holds its lock
 *
 * Return: enum ndval_health.
 */
u32 ndval_pair_health(struct ndval_pair *pair)
{
	unsigned int behind = 0, in_sync = 0;
	struct ndval_peer *peer;

	lockdep_assert_held(&pair->lock);
	if (pair->bar == NDVAL_BAR_FENCED)
		return NDVAL_HEALTH_FENCED;
	if (pair->bar == NDVAL_BAR_DIVERGED || ndval_pair_has_diverged(pair))
		return NDVAL_HEALTH_DIVERGED;
	list_for_each_entry(peer, &pair->peers, list)
		if (peer->heard.copy_diverged)
			return NDVAL_HEALTH_DIVERGED;
	if (!pair->npeers)
		return NDVAL_HEALTH_STANDALONE;
	if (pair->role == NDVAL_ROLE_PRIMARY && ndval_pair_is_suspended(pair))
		return NDVAL_HEALTH_SUSPENDED;
	list_for_each_entry(peer, &pair->peers, list) {
		u32 state = ndval_peer_state(peer);

		/* A secondary is protected by what its primary says of it. */
		if (pair->role == NDVAL_ROLE_SECONDARY && peer != pair->followed &&
		    !ndval_peer_is_renewing(peer))
			continue;
		if (state == NDVAL_PEER_STATE_BEHIND)
			behind++;
		if (state == NDVAL_PEER_STATE_IN_SYNC)
			in_sync++;
	}
	if (!behind && !in_sync)
		return NDVAL_HEALTH_ALONE;
	if (pair->role == NDVAL_ROLE_SECONDARY)
		return in_sync ? NDVAL_HEALTH_PROTECTED : NDVAL_HEALTH_AT_RISK;
	return in_sync == pair->npeers ? NDVAL_HEALTH_PROTECTED :
					 NDVAL_HEALTH_AT_RISK;
}

static u64 demand_missing(struct ndval_stream *stream)
{
	u64 furthest = ndval_stream_furthest(stream);

	return furthest > stream->ring.head ? furthest - stream->ring.head : 0;
}

/**
 * ndval_pair_sums() - Totals over the streams of a pair.
 * @pair: the pair; the caller holds its lock
 * @sums: filled in
 */
void ndval_pair_sums(struct ndval_pair *pair, struct ndval_pair_sums *sums)
{
	struct ndval_stream *stream;
	struct ndval_peer *peer;
	unsigned int i;

	lockdep_assert_held(&pair->lock);
	memset(sums, 0, sizeof(*sums));
	list_for_each_entry(stream, &pair->stream_list, list) {
		spin_lock(&stream->lock);
		sums->retained += ndval_ring_span(&stream->ring);
		if (ndval_stream_is_journal(stream)) {
			sums->recorded += stream->ring.head;
			spin_unlock(&stream->lock);
			continue;
		}
		sums->issued += stream->ring.head;
		sums->committed += ndval_stream_committed(stream);
		for (i = 0; i < NDVAL_INSTANCES; i++) {
			const struct ndval_reader *reader = stream->cursors[i].reader;

			if (reader)
				sums->delivered += READ_ONCE(reader->delivered);
		}
		if (pair->role == NDVAL_ROLE_SECONDARY)
			sums->lag += demand_missing(stream);
		spin_unlock(&stream->lock);
	}
	if (pair->role != NDVAL_ROLE_PRIMARY)
		return;
	list_for_each_entry(peer, &pair->peers, list) {
		u64 acknowledged;

		sums->lag = max(sums->lag, ndval_peer_lag(peer, &acknowledged));
	}
}

/**
 * ndval_pair_report() - Health, a peer or an instance may have changed: tell
 *	listeners, soon.
 * @pair: the pair
 *
 * Context: any that is not interrupt.
 */
void ndval_pair_report(struct ndval_pair *pair)
{
	if (READ_ONCE(pair->dead) || !READ_ONCE(pair->ready))
		return;
	if (queue_delayed_work(ndval_wq, &pair->report,
			       msecs_to_jiffies(REPORT_DELAY_MS)))
		ndval_pair_get(pair);
}

static void report_new(struct ndval_stream *stream)
{
	bool tell;

	spin_lock(&stream->lock);
	tell = !stream->announced;
	stream->announced = true;
	spin_unlock(&stream->lock);
	if (tell)
		ndval_event_stream(NDVAL_EVENT_KIND_STREAM_NEW, stream);
}

static void report_lost(struct ndval_stream *stream)
{
	unsigned int i;

	for (i = 0; i < NDVAL_INSTANCES; i++) {
		struct ndval_cursor *cursor = &stream->cursors[i];
		bool tell;
		u64 pos;

		spin_lock(&stream->lock);
		tell = cursor->lost && !cursor->lost_told;
		cursor->lost_told |= tell;
		pos = cursor->pos;
		spin_unlock(&stream->lock);
		if (!tell)
			continue;
		pr_warn_ratelimited("pair %s: instance %u lost at offset %llu of %s %s\n",
				    stream->pair->name, i, pos,
				    ndval_stream_is_journal(stream) ?
				    "the journal of stream" : "stream", stream->name);
		ndval_event_instance(NDVAL_EVENT_KIND_INSTANCE_LOST, stream, i, pos);
	}
}

static void report_peer(struct ndval_peer *peer)
{
	bool in_sync, behind;
	u32 state;

	ndval_peer_check_passed(peer);
	ndval_peer_check_in_sync(peer);
	state = ndval_peer_state(peer);
	in_sync = peer->membership == NDVAL_MEMBERSHIP_IN_SYNC;
	behind = ndval_peer_is_behind(peer);
	if (peer->pair->role == NDVAL_ROLE_PRIMARY && ndval_peer_connected(peer) &&
	    (peer->told_in_sync != in_sync || peer->told_behind != behind))
		ndval_peer_tell(peer);
	if (peer->told_diverged != ndval_pair_has_diverged(peer->pair))
		ndval_peer_tell(peer);
	if (ndval_peer_is_renewing(peer))	/* which comes to an end */
		ndval_pair_report(peer->pair);
	else if (!ndval_peer_is_expected(peer))
		peer->renewed = 0;
	ndval_skew_report(peer);
	if (state == peer->state)
		return;
	peer->state = state;
	ndval_event_peer(peer, state);
}

/**
 * ndval_pair_report_work() - Tell listeners what has changed since the last time.
 * @work: the pair's report
 */
void ndval_pair_report_work(struct work_struct *work)
{
	struct ndval_pair *pair = container_of(work, struct ndval_pair, report.work);
	struct ndval_stream *stream;
	struct ndval_peer *peer;
	u32 health;

	mutex_lock(&pair->lock);
	if (pair->dead)
		goto out;
	list_for_each_entry(stream, &pair->stream_list, list) {
		report_new(stream);
		report_lost(stream);
		ndval_check_report(stream);
	}
	ndval_clocks_report(pair);
	list_for_each_entry(peer, &pair->peers, list)
		report_peer(peer);
	health = ndval_pair_health(pair);
	if (health != pair->health) {
		pair->health = health;
		ndval_event_pair(NDVAL_EVENT_KIND_PAIR_CHANGE, pair);
	}
out:
	mutex_unlock(&pair->lock);
	ndval_pair_put(pair);
}
