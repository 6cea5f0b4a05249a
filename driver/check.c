// SPDX-License-Identifier: GPL-2.0-only
/*
 * Divergence of the application: when copies tell each other of their digests,
 * and what follows if they differ. For what a digest is see digest.c.
 *
 * A copy tells of itself when it has moved by a quarter of prefetch, at fsync,
 * and a second after it moved at the latest: other instances of this member at
 * once, peers by CHECK. As with all messages, only that one is due is noted.
 *
 * The copy that finds out is the one that has diverged: one that comes to a
 * stop of another and does not agree. Where both have passed the place, both
 * could find out, and the application would be without any copy. Then it is
 * the secondary's; of two secondaries that of the higher pair object; of two
 * instances of a member the higher one.
 */
#include "check.h"

#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "event.h"
#include "flow.h"
#include "host.h"
#include "journal.h"
#include "pair.h"
#include "peer.h"
#include "stream.h"

/* How long after it moved a copy tells of itself at the latest, in ms. */
#define TELL_MS		900

static bool is_copy(const struct ndval_stream *stream, unsigned int instance)
{
	return stream->cursors[instance].digest &&
	       ndval_pair_expects(stream->pair, instance);
}

/* Peers are to be told of the copy. */
static void mark_flows(struct ndval_stream *stream, unsigned int instance)
{
	struct ndval_flow *flow;

	list_for_each_entry(flow, &stream->flows, list)
		ndval_flow_mark_check(flow, BIT(instance));
}

static void snapshot(struct ndval_stream *stream, unsigned int instance,
		     struct ndval_told *told)
{
	struct ndval_cursor *cursor = &stream->cursors[instance];

	told->copy.id = 0;
	told->copy.instance = instance;
	spin_lock(&cursor->move);
	ndval_digest_tell(cursor->digest, told);
	spin_unlock(&cursor->move);
}

/*
 * A copy that begins hears where the others here stand, and peers, once they are
 * told that it begins, say where theirs do.
 */
static void ask_others(struct ndval_stream *stream, unsigned int instance)
{
	u64 end = stream->ring.head + ndval_pair_setting(stream->pair, NDVAL_SET_RING_SIZE);
	struct ndval_cursor *cursor = &stream->cursors[instance];
	struct ndval_told told;
	unsigned int i;
	u64 offset;

	for (i = 0; i < NDVAL_INSTANCES; i++) {
		if (i == instance || !is_copy(stream, i) || stream->cursors[i].diverged)
			continue;
		snapshot(stream, i, &told);
		mark_flows(stream, i);
		spin_lock(&cursor->move);
		ndval_digest_hear(cursor->digest, end, &told, &offset);
		spin_unlock(&cursor->move);
	}
	mark_flows(stream, instance);
}

/**
 * ndval_check_begin() - An instance gets its digest, unless it has one.
 * @stream: the stream
 * @instance: the instance
 * @digest: the digest, which is the stream's from now on
 *
 * Context: any but the locks of the stream. Takes them.
 */
void ndval_check_begin(struct ndval_stream *stream, unsigned int instance,
		       struct ndval_digest *digest)
{
	struct ndval_cursor *cursor = &stream->cursors[instance];

	spin_lock(&stream->lock);
	if (!cursor->digest) {
		ndval_digest_start(digest, READ_ONCE(cursor->pos));
		spin_lock(&cursor->move);
		WRITE_ONCE(cursor->digest, digest);
		spin_unlock(&cursor->move);
		digest = NULL;
		ask_others(stream, instance);
	}
	spin_unlock(&stream->lock);
	ndval_digest_destroy(digest);
}

/* What a copy told in former runs counts for nobody any more. */
static void withdraw(struct ndval_stream *stream, unsigned int instance)
{
	struct ndval_copy copy = { .instance = instance };
	unsigned int i;

	spin_lock(&stream->cursors[instance].move);
	copy.run = stream->cursors[instance].digest->run;
	spin_unlock(&stream->cursors[instance].move);
	for (i = 0; i < NDVAL_INSTANCES; i++) {
		struct ndval_cursor *cursor = &stream->cursors[i];

		if (i == instance || !cursor->digest)
			continue;
		spin_lock(&cursor->move);
		ndval_digest_drop_copy(cursor->digest, &copy);
		spin_unlock(&cursor->move);
	}
	mark_flows(stream, instance);
}

/* The copy may read again. */
static void unmark(struct ndval_stream *stream, unsigned int instance)
{
	struct ndval_cursor *cursor = &stream->cursors[instance];

	if (!cursor->diverged)
		return;
	cursor->diverged = false;
	atomic_dec(&stream->pair->diverged[instance]);
	ndval_pair_report(stream->pair);
}

/**
 * ndval_check_clear() - A copy begins anew where its cursor stands now.
 * @stream: the stream; the caller holds its lock
 * @instance: the instance
 */
void ndval_check_clear(struct ndval_stream *stream, unsigned int instance)
{
	struct ndval_cursor *cursor = &stream->cursors[instance];

	lockdep_assert_held(&stream->lock);
	unmark(stream, instance);
	if (!cursor->digest)
		return;
	spin_lock(&cursor->move);
	ndval_digest_start(cursor->digest, cursor->pos);
	spin_unlock(&cursor->move);
	withdraw(stream, instance);
}

/**
 * ndval_check_truncate() - Values were thrown away that another epoch has not.
 * @stream: the stream; the caller holds its lock
 * @to: the end of what is kept; with 0 it may be another life
 */
void ndval_check_truncate(struct ndval_stream *stream, u64 to)
{
	unsigned int i;

	lockdep_assert_held(&stream->lock);
	for (i = 0; i < NDVAL_INSTANCES; i++) {
		struct ndval_cursor *cursor = &stream->cursors[i];

		if (!to)
			ndval_check_clear(stream, i);
		if (cursor->digest) {
			spin_lock(&cursor->move);
			ndval_digest_drop(cursor->digest);
			spin_unlock(&cursor->move);
		}
	}
}

/**
 * ndval_check_forget_peer() - What a peer's copies told does not count any more.
 * @flow: the flow; the caller holds the locks of its pair and stream
 */
void ndval_check_forget_peer(struct ndval_flow *flow)
{
	struct ndval_stream *stream = flow->stream;
	unsigned int i;

	lockdep_assert_held(&stream->lock);
	flow->check = 0;
	for (i = 0; i < NDVAL_INSTANCES; i++) {
		struct ndval_cursor *cursor = &stream->cursors[i];

		if (!cursor->digest)
			continue;
		spin_lock(&cursor->move);
		ndval_digest_drop_member(cursor->digest, flow->peer->heard.id);
		spin_unlock(&cursor->move);
	}
}

/* Whoever waits for a record, or for room, looks again. */
static void wake_journal(struct ndval_stream *stream)
{
	struct ndval_stream *journal = stream->journal;

	lockdep_assert_held(&stream->lock);
	if (!journal)
		return;
	spin_lock_nested(&journal->lock, SINGLE_DEPTH_NESTING);
	ndval_stream_update_flows(journal);
	ndval_stream_wake(journal);
	spin_unlock(&journal->lock);
}

/* The copy has diverged, as its digest says. */
static void diverge(struct ndval_stream *stream, unsigned int instance)
{
	struct ndval_cursor *cursor = &stream->cursors[instance];
	struct ndval_pair *pair = stream->pair;
	bool fail = ndval_pair_setting(pair, NDVAL_SET_ON_DIVERGENCE) ==
		    NDVAL_ON_DIVERGENCE_FAIL;

	lockdep_assert_held(&stream->lock);
	atomic64_inc(&pair->divergences);
	spin_lock(&cursor->move);
	/* In either case once is enough: till the next segment, or repositioned. */
	ndval_digest_forget(cursor->digest);
	if (fail)
		WRITE_ONCE(cursor->gen, cursor->gen + 1);
	spin_unlock(&cursor->move);
	withdraw(stream, instance);
	if (fail && !cursor->diverged) {
		cursor->diverged = true;
		cursor->wanted = 0;
		atomic_inc(&pair->diverged[instance]);
		/* It does not hold the window any more. */
		ndval_stream_update_flows(stream);
		ndval_stream_wake(stream);
		wake_journal(stream);
	}
	ndval_pair_report(pair);
}

/**
 * ndval_check_found() - A reader comes to where its instance diverges.
 * @stream: the stream
 * @cursor: the instance's, whose lock the caller holds
 *
 * Context: process. Takes the stream's lock.
 * Return: -ESTALE, or 0 if the reader is to go on.
 */
int ndval_check_found(struct ndval_stream *stream, struct ndval_cursor *cursor)
{
	int err = 0;

	lockdep_assert_held(&cursor->reader->lock);
	spin_lock(&stream->lock);
	/* Unless it was repositioned meanwhile. */
	if (cursor->gen == cursor->reader->gen)
		diverge(stream, cursor - stream->cursors);
	if (cursor->diverged)
		err = -ESTALE;
	spin_unlock(&stream->lock);
	return err;
}

static void set_piece(struct ndval_piece *piece, const struct ndval_record *record)
{
	piece->kind = record->kind;
	piece->length = record->length;
	piece->pid = record->pid;
	strscpy(piece->comm, record->comm, sizeof(piece->comm));
}

/**
 * ndval_check_kind() - A copy asks for something else than what is recorded: it has
 *	diverged.
 * @journal: the journal
 * @instance: the instance, whose lock in the journal the caller holds
 * @record: what is recorded
 * @asked: what the copy asks for
 *
 * Context: process. Takes the lock of the journal's stream.
 * Return: -ESTALE; 0 if the instance was repositioned meanwhile, and is to look again.
 */
int ndval_check_kind(struct ndval_stream *journal, unsigned int instance,
		     const struct ndval_record *record, const struct ndval_record *asked)
{
	struct ndval_cursor *own = &journal->cursors[instance];
	struct ndval_stream *stream = journal->base;
	struct ndval_cursor *cursor = &stream->cursors[instance];
	struct ndval_copy other = { .instance = record->instance };
	struct ndval_piece piece;
	bool moved;

	lockdep_assert_held(&own->reader->lock);
	set_piece(&piece, asked);
	set_piece(&other.piece, record);
	if (record->origin != READ_ONCE(stream->pair->id))
		other.id = record->origin;
	/* Under this lock nobody is repositioned in the journal. */
	spin_lock(&stream->lock);
	moved = READ_ONCE(own->gen) != own->reader->gen;
	if (!moved && cursor->digest) {
		spin_lock(&cursor->move);
		ndval_digest_find_kind(cursor->digest, record->place, &piece, &other);
		spin_unlock(&cursor->move);
		diverge(stream, instance);
	}
	spin_unlock(&stream->lock);
	return moved ? 0 : -ESTALE;
}

/**
 * struct odds - instances of this member that differ from a copy but are not to blame
 * @instances: bit n, instance n does
 * @offset: where, by instance
 */
struct odds {
	u32	instances;
	u64	offset[NDVAL_INSTANCES];
};

/* All other copies here hear what one tells; those in @senior are not to blame. */
static void hear(struct ndval_stream *stream, const struct ndval_told *told, u32 senior,
		 struct odds *odds)
{
	u64 end = stream->ring.head + ndval_pair_setting(stream->pair, NDVAL_SET_RING_SIZE);
	unsigned int i;

	odds->instances = 0;
	for (i = 0; i < NDVAL_INSTANCES; i++) {
		struct ndval_cursor *cursor = &stream->cursors[i];
		bool differs;
		u64 offset;

		if (!is_copy(stream, i) || cursor->diverged ||
		    (!told->copy.id && told->copy.instance == i))
			continue;
		spin_lock(&cursor->move);
		differs = ndval_digest_hear(cursor->digest, end, told, &offset);
		if (differs && !(senior & BIT(i)))
			ndval_digest_blame(cursor->digest, offset, &told->copy);
		spin_unlock(&cursor->move);
		if (differs && senior & BIT(i)) {
			odds->instances |= BIT(i);
			odds->offset[i] = offset;
		} else if (differs) {
			diverge(stream, i);
		}
	}
}

/* The copy differs from one of lower number on this member: it is to blame. */
static void blame(struct ndval_stream *stream, unsigned int instance,
		  const struct odds *odds)
{
	struct ndval_cursor *cursor = &stream->cursors[instance];
	unsigned int other = __ffs(odds->instances);
	struct ndval_told told;

	snapshot(stream, other, &told);
	spin_lock(&cursor->move);
	ndval_digest_blame(cursor->digest, odds->offset[other], &told.copy);
	spin_unlock(&cursor->move);
	diverge(stream, instance);
}

/* A copy tells of itself: the others of this member now, peers soon. */
static void tell(struct ndval_stream *stream, unsigned int instance)
{
	struct ndval_told told;
	struct odds odds;

	snapshot(stream, instance, &told);
	mark_flows(stream, instance);
	hear(stream, &told, BIT(instance) - 1, &odds);
	if (odds.instances)
		blame(stream, instance, &odds);
}

/* Has the copy moved so far since it told of itself last? */
static bool has_moved(struct ndval_cursor *cursor, u64 by)
{
	bool moved;

	spin_lock(&cursor->move);
	moved = cursor->digest->stop >= cursor->digest->told + by;
	spin_unlock(&cursor->move);
	return moved;
}

static void tell_moved(struct ndval_stream *stream, u64 by)
{
	unsigned int i;

	for (i = 0; i < NDVAL_INSTANCES; i++)
		if (is_copy(stream, i) && has_moved(&stream->cursors[i], by))
			tell(stream, i);
}

/**
 * ndval_check_moved() - Something about the stream has moved: maybe a copy, enough to
 *	tell of itself.
 * @stream: the stream; the caller holds its lock
 */
void ndval_check_moved(struct ndval_stream *stream)
{
	u64 prefetch = ndval_pair_setting(stream->pair, NDVAL_SET_PREFETCH);

	lockdep_assert_held(&stream->lock);
	tell_moved(stream, max_t(u64, prefetch / 4, NDVAL_CHUNK));
}

/**
 * ndval_check_commit() - What an instance does from now on may leave the machine.
 * @stream: the stream
 * @instance: the instance
 *
 * Context: process. Takes the stream's lock.
 */
void ndval_check_commit(struct ndval_stream *stream, unsigned int instance)
{
	spin_lock(&stream->lock);
	if (is_copy(stream, instance) && has_moved(&stream->cursors[instance], 1))
		tell(stream, instance);
	spin_unlock(&stream->lock);
}

static void tell_pair(struct ndval_pair *pair)
{
	struct ndval_stream *stream;

	mutex_lock(&pair->lock);
	list_for_each_entry(stream, &pair->stream_list, list) {
		spin_lock(&stream->lock);
		tell_moved(stream, 1);
		spin_unlock(&stream->lock);
	}
	mutex_unlock(&pair->lock);
}

static void tell_work(struct work_struct *work)
{
	struct ndval_pair *pair;
	u32 minor = 0;

	while ((pair = ndval_pair_next(&minor))) {
		/* Whoever moves after this is seen below, or starts the work again. */
		if (READ_ONCE(pair->moving) && xchg(&pair->moving, false))
			tell_pair(pair);
		ndval_pair_put(pair);
		minor++;
	}
}

static DECLARE_DELAYED_WORK(teller, tell_work);

/**
 * ndval_check_start() - A copy has moved: it tells of itself in a second at the latest.
 * @pair: its pair
 *
 * One work for all pairs, for pairs are many and most of them idle.
 */
void ndval_check_start(struct ndval_pair *pair)
{
	if (!xchg(&pair->moving, true))
		queue_delayed_work(ndval_wq, &teller, msecs_to_jiffies(TELL_MS));
}

/**
 * ndval_check_exit() - Nobody tells any more; no file is open.
 */
void ndval_check_exit(void)
{
	cancel_delayed_work_sync(&teller);
}

/**
 * ndval_check_flow() - A peer is to be told of all copies that are here.
 * @flow: the flow; the caller holds the stream's lock
 */
void ndval_check_flow(struct ndval_flow *flow)
{
	unsigned int i;

	lockdep_assert_held(&flow->stream->lock);
	for (i = 0; i < NDVAL_INSTANCES; i++)
		if (is_copy(flow->stream, i))
			ndval_flow_mark_check(flow, BIT(i));
}

/* Is the peer one that can compare? It would not process what is of another epoch. */
static bool may_compare(struct ndval_peer *peer)
{
	const struct ndval_pair *pair = peer->pair;

	return !list_empty(&peer->list) && ndval_peer_connected(peer) &&
	       pair->epoch_id && !ndval_bar_refuses(pair->bar) &&
	       peer->heard.epoch_id == pair->epoch_id &&
	       peer->heard.incarnation == pair->incarnation;
}

static void take_finding(struct ndval_digest *digest, u64 peer_id, struct ndval_check *check)
{
	struct ndval_finding *found = &digest->found;

	/* Listeners here are told first. */
	check->found = found->untold && !found->due && found->other.id == peer_id;
	if (!check->found)
		return;
	found->untold = false;
	check->found_at = found->offset;
	check->found_journal = found->journal;
	check->found_instance = found->other.instance;
	check->told.copy.piece = found->own;
}

static bool take(struct ndval_flow *flow, struct ndval_check *check)
{
	struct ndval_stream *stream = flow->stream;
	struct ndval_cursor *cursor;
	unsigned int instance;

	while (flow->check) {
		instance = __ffs(flow->check);
		flow->check &= ~BIT(instance);
		if (!stream->id || !is_copy(stream, instance))
			continue;
		cursor = &stream->cursors[instance];
		snapshot(stream, instance, &check->told);
		spin_lock(&cursor->move);
		take_finding(cursor->digest, flow->peer->heard.id, check);
		spin_unlock(&cursor->move);
		check->id = stream->id;
		check->epoch_id = stream->epoch_id;
		if (flow->check)
			ndval_flow_mark_check(flow, 0);
		return true;
	}
	return false;
}

/**
 * ndval_check_take() - What CHECK is to say now.
 * @flow: the flow
 * @link_id: the link that asks, which may not be the current one any more
 * @check: filled in
 *
 * The flow is marked again if more is due.
 *
 * Context: process. Takes the locks of pair and stream.
 * Return: false if nothing is to be sent.
 */
bool ndval_check_take(struct ndval_flow *flow, u32 link_id, struct ndval_check *check)
{
	struct ndval_stream *stream = flow->stream;
	struct ndval_pair *pair = stream->pair;
	bool due = false;

	mutex_lock(&pair->lock);
	spin_lock(&stream->lock);
	if (flow->link_id == link_id && ndval_flow_is_current(flow) && !stream->dead &&
	    may_compare(flow->peer))
		due = take(flow, check);
	spin_unlock(&stream->lock);
	mutex_unlock(&pair->lock);
	return due;
}

/* What was recorded where a peer's copy asked for something else; @piece if it is gone. */
static void recorded_piece(struct ndval_stream *stream, const struct ndval_check *check,
			   struct ndval_piece *piece)
{
	struct ndval_stream *journal = stream->journal;
	struct ndval_record record;

	lockdep_assert_held(&stream->lock);
	if (!journal)
		return;
	spin_lock_nested(&journal->lock, SINGLE_DEPTH_NESTING);
	if (ndval_journal_get(&journal->ring, check->found_at, &record))
		set_piece(piece, &record);
	spin_unlock(&journal->lock);
}

/* A peer has found that one of its copies differs from one of ours. */
static void hear_finding(struct ndval_stream *stream, const struct ndval_check *check)
{
	struct ndval_cursor *cursor = &stream->cursors[check->found_instance];
	struct ndval_pair *pair = stream->pair;
	struct ndval_finding finding = {
		.offset	= check->found_at,
		.journal = check->found_journal,
		.reason	= "found by the peer",
		.other	= check->told.copy,
		.due	= true,
	};

	if (!is_copy(stream, check->found_instance))
		return;
	finding.own = cursor->digest->last;
	if (check->found_journal)
		recorded_piece(stream, check, &finding.own);
	spin_lock(&cursor->move);
	ndval_digest_hear_finding(cursor->digest, &finding);
	spin_unlock(&cursor->move);
	atomic64_inc(&pair->divergences);
	ndval_pair_report(pair);
}

/* Copies here get room for what is to be heard, as far as there is memory. */
static void make_room(struct ndval_stream *stream)
{
	struct ndval_mem *mem = &stream->pair->mem;
	unsigned int i;

	for (i = 0; i < NDVAL_INSTANCES; i++) {
		struct ndval_cursor *cursor = &stream->cursors[i];
		struct ndval_digest *digest = READ_ONCE(cursor->digest);
		struct ndval_others *others;

		if (!digest || READ_ONCE(digest->others))
			continue;
		others = ndval_others_create(mem, GFP_KERNEL);
		spin_lock(&cursor->move);
		if (!digest->others) {
			WRITE_ONCE(digest->others, others);
			others = NULL;
		}
		spin_unlock(&cursor->move);
		ndval_others_destroy(others, mem);
	}
}

/* Copies here that know where they stood. */
static u32 with_stops(struct ndval_stream *stream)
{
	u32 found = 0;
	unsigned int i;

	for (i = 0; i < NDVAL_INSTANCES; i++) {
		struct ndval_cursor *cursor = &stream->cursors[i];

		if (!is_copy(stream, i))
			continue;
		spin_lock(&cursor->move);
		if (cursor->digest->nstops)
			found |= BIT(i);
		spin_unlock(&cursor->move);
	}
	return found;
}

static bool is_senior(const struct ndval_pair *pair, const struct ndval_peer *peer)
{
	if (pair->role != peer->heard.role)
		return pair->role == NDVAL_ROLE_PRIMARY;
	return pair->id < peer->heard.id;
}

/**
 * ndval_check_heard() - A peer has sent CHECK.
 * @stream: the stream, which is the one that is meant
 * @peer: the peer; the caller holds the pair's lock
 * @check: what it says
 *
 * Stops that no copy can have reached are ignored: they may have crossed a
 * change here.
 *
 * Context: process, sleeps. Takes the stream's lock.
 */
void ndval_check_heard(struct ndval_stream *stream, struct ndval_peer *peer,
		       const struct ndval_check *check)
{
	u32 senior = is_senior(stream->pair, peer) ? U32_MAX : 0;
	struct ndval_flow *flow;
	struct odds odds;
	u32 due;

	lockdep_assert_held(&stream->pair->lock);
	if (check->told.n || check->found)
		make_room(stream);
	spin_lock(&stream->lock);
	hear(stream, &check->told, senior, &odds);
	if (check->found)
		hear_finding(stream, check);
	/* The peer is to find out: it knows these places, and so do we. */
	due = odds.instances;
	/* A copy that begins does not know where ours stand. */
	if (!check->told.n)
		due |= with_stops(stream);
	list_for_each_entry(flow, &stream->flows, list)
		if (flow->peer == peer && due)
			ndval_flow_mark_check(flow, due);
	spin_unlock(&stream->lock);
}

/* The peer that a copy belongs to, NULL if it is one of this member or gone. */
static struct ndval_peer *peer_of(struct ndval_pair *pair, const struct ndval_copy *copy)
{
	struct ndval_peer *peer;

	lockdep_assert_held(&pair->lock);
	list_for_each_entry(peer, &pair->peers, list)
		if (copy->id && peer->heard.id == copy->id)
			return peer;
	return NULL;
}

static void report(struct ndval_stream *stream, unsigned int instance,
		   const struct ndval_finding *finding)
{
	struct ndval_peer *peer = peer_of(stream->pair, &finding->other);
	struct ndval_flow *flow;

	/* Without the names of processes, which are not for everybody. */
	pr_warn_ratelimited("pair %s: instance %u differs from instance %u%s%s at offset %llu of %s %s: %s\n",
			    stream->pair->name, instance, finding->other.instance,
			    peer ? " of " : "", peer ? peer->remote->name : "",
			    finding->offset, finding->journal ? "the journal of stream" : "stream",
			    stream->name, finding->reason);
	ndval_event_diverged(stream, instance, peer, finding);
	if (!peer || !finding->untold)
		return;
	spin_lock(&stream->lock);
	list_for_each_entry(flow, &stream->flows, list)
		if (flow->peer == peer)
			ndval_flow_mark_check(flow, BIT(instance));
	spin_unlock(&stream->lock);
}

/* What was found here, or by a peer (@heard), and is to be told. */
static bool take_due(struct ndval_stream *stream, unsigned int instance, bool heard,
		     struct ndval_finding *finding)
{
	struct ndval_cursor *cursor = &stream->cursors[instance];
	struct ndval_digest *digest = cursor->digest;
	struct ndval_finding *from = &digest->found;
	bool due = false;

	spin_lock(&cursor->move);
	if (heard)
		from = digest->others ? &digest->others->heard : NULL;
	if (from) {
		*finding = *from;
		due = from->due;
		from->due = false;
	}
	spin_unlock(&cursor->move);
	return due;
}

/**
 * ndval_check_report() - Tell listeners, and the peer, of findings.
 * @stream: the stream; the caller holds the pair's lock
 *
 * Context: process.
 */
void ndval_check_report(struct ndval_stream *stream)
{
	struct ndval_finding finding;
	unsigned int i;

	lockdep_assert_held(&stream->pair->lock);
	for (i = 0; i < NDVAL_INSTANCES; i++) {
		if (!READ_ONCE(stream->cursors[i].digest))
			continue;
		if (take_due(stream, i, false, &finding))
			report(stream, i, &finding);
		if (take_due(stream, i, true, &finding))
			report(stream, i, &finding);
	}
}

/**
 * ndval_pair_has_diverged() - Is there a copy here that may not read any more, for it
 *	has diverged?
 * @pair: the pair; the caller holds its lock
 */
bool ndval_pair_has_diverged(const struct ndval_pair *pair)
{
	unsigned int i;

	for (i = 0; i < NDVAL_INSTANCES; i++)
		if (ndval_pair_expects(pair, i) && atomic_read(&pair->diverged[i]))
			return true;
	return false;
}
