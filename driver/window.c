// SPDX-License-Identifier: GPL-2.0-only
/*
 * The window of a stream: who stands where in it, who holds it, and when it
 * moves.
 *
 * Who holds the window. Each expected instance holds it at its cursor; on the
 * primary, each connected peer holds it at the end of what it stores. Beyond
 * ring_size somebody has to give way, as the setting overflow says: under "stall"
 * a reader that needs more waits; under "drop" the slowest instance is lost, and
 * a peer with commit=async is passed: it never gets what leaves the window, and
 * has to come to be in sync anew. With commit=sync a peer is always waited for.
 * Only a reader's need does that, prefetch never.
 */
#include <linux/bitmap.h>
#include <linux/minmax.h>
#include <linux/random.h>
#include <linux/string.h>
#include <linux/wait.h>

#include "check.h"
#include "flow.h"
#include "journal.h"
#include "knobs.h"
#include "pair.h"
#include "peer.h"
#include "propose.h"
#include "stream.h"

/* Voids the copy under way, if the cursor stands before @end; stream's lock held. */
static bool raise_generation(struct ndval_cursor *cursor, u64 end)
{
	bool before;

	/* There was no reader yet: nobody copies, nor begins to without the stream's lock. */
	if (!cursor->reader)
		return READ_ONCE(cursor->pos) < end;
	spin_lock(&cursor->move);
	before = cursor->pos < end;
	if (before)
		WRITE_ONCE(cursor->gen, cursor->gen + 1);
	spin_unlock(&cursor->move);
	return before;
}

/* A copy that has diverged has in all that the stream gives: its journal knows nothing. */
static bool has_diverged(const struct ndval_stream *stream, unsigned int instance)
{
	return READ_ONCE((stream->base ?: stream)->cursors[instance].diverged);
}

/* The next value of the instance has left the window. */
static void lose(struct ndval_stream *stream, unsigned int instance)
{
	struct ndval_cursor *cursor = &stream->cursors[instance];

	/* One that has diverged has to be repositioned anyway. */
	if (cursor->lost || has_diverged(stream, instance) ||
	    !ndval_pair_expects(stream->pair, instance))
		return;
	cursor->lost = true;
	cursor->lost_told = false;
	atomic64_inc(&stream->pair->lost);
	ndval_pair_report(stream->pair);
}

/* Is a value that the instance needs missing from the window? */
static bool misses(const struct ndval_ring *ring, u64 pos)
{
	if (pos < ring->tail)
		return true;
	return ndval_ring_has_hole(ring) && pos >= ring->hole && pos < ring->hole_end;
}

/**
 * ndval_stream_size() - Most bytes of a stream's window.
 * @stream: the stream
 */
u64 ndval_stream_size(const struct ndval_stream *stream)
{
	return ndval_pair_setting(stream->pair, ndval_stream_is_journal(stream) ?
				  NDVAL_SET_JOURNAL_SIZE : NDVAL_SET_RING_SIZE);
}

/**
 * ndval_stream_reach() - How far beyond what holds the window something may begin.
 * @stream: the stream
 *
 * A record that begins there is stored whole.
 */
u64 ndval_stream_reach(const struct ndval_stream *stream)
{
	u64 size = ndval_stream_size(stream);

	return ndval_stream_is_journal(stream) ? size - NDVAL_RECORD_MAX : size;
}

/**
 * ndval_stream_state() - Why an instance can't read, if so.
 * @stream: the stream; the caller holds its lock
 * @instance: the instance
 *
 * Return: 0, or the errno of a read as a negative number; -EAGAIN while it is
 * being decided what the pair's epoch is.
 */
int ndval_stream_state(struct ndval_stream *stream, unsigned int instance)
{
	struct ndval_cursor *cursor = &stream->cursors[instance];
	struct ndval_pair *pair = stream->pair;

	lockdep_assert_held(&stream->lock);
	if (READ_ONCE(pair->dead))
		return -ENODEV;
	if (ndval_bar_waits(READ_ONCE(pair->bar)) && !stream->dead)
		return -EAGAIN;
	if (stream->dead || READ_ONCE(pair->bar) != NDVAL_BAR_NONE)
		return -ESTALE;
	if (!ndval_pair_expects(pair, instance))
		return -ENXIO;
	if (stream->error)
		return -stream->error;
	if (has_diverged(stream, instance))
		return -ESTALE;
	if (!cursor->lost && misses(&stream->ring, READ_ONCE(cursor->pos))) {
		raise_generation(cursor, U64_MAX);
		lose(stream, instance);
	}
	return cursor->lost ? -EPIPE : 0;
}

/*
 * Position of the slowest expected instance, U64_MAX if there is none. One
 * that stands before a hole is doomed: it reads what is there and is lost
 * then, so it counts only where nothing that is there may go (@doomed).
 */
static u64 slowest(struct ndval_stream *stream, bool doomed)
{
	unsigned long expected = ndval_pair_setting(stream->pair, NDVAL_SET_INSTANCES);
	const struct ndval_ring *ring = &stream->ring;
	u64 least = U64_MAX;
	unsigned int i;

	for_each_set_bit(i, &expected, NDVAL_INSTANCES) {
		const struct ndval_cursor *cursor = &stream->cursors[i];
		u64 pos = READ_ONCE(cursor->pos);

		if (cursor->lost || has_diverged(stream, i) || misses(ring, pos))
			continue;
		if (!doomed && pos < ring->hole)
			continue;
		least = min(least, pos);
	}
	return least;
}

/* What connected peers hold, or with @all what any configured peer lacks. */
static u64 peers_hold(struct ndval_stream *stream, bool all)
{
	struct ndval_flow *flow;
	u64 least = U64_MAX;

	if (!ndval_pair_is_primary(stream->pair))
		return least;
	list_for_each_entry(flow, &stream->flows, list)
		if (!flow->refused && (all || ndval_flow_counts(flow)))
			least = min(least, flow->ack);
	return least;
}

/*
 * What must stay because it may have to be given to others yet: on a primary
 * what connected peers lack, on a secondary what is not committed.
 */
static u64 others_hold(struct ndval_stream *stream)
{
	return ndval_pair_is_primary(stream->pair) ? peers_hold(stream, false) :
						     stream->limit;
}

/* The first place at or beyond an offset where the tail may be. */
static u64 border(struct ndval_stream *stream, u64 offset)
{
	if (!ndval_stream_is_journal(stream))
		return offset;
	return ndval_journal_border(&stream->ring, offset);
}

/* The last place at or before an offset where the tail, or the head, may be. */
static u64 whole(struct ndval_stream *stream, u64 offset)
{
	struct ndval_ring *ring = &stream->ring;

	if (!ndval_stream_is_journal(stream) || offset <= ring->tail || offset >= ring->head)
		return offset;
	return ndval_journal_floor(ring, offset);
}

/*
 * Counted members that do not store all that goes now never will. What one stores that
 * has not said so yet on its link is found out when it does.
 */
static void pass_peers(struct ndval_stream *stream, u64 to)
{
	struct ndval_flow *flow;

	if (!ndval_pair_is_primary(stream->pair))
		return;
	list_for_each_entry(flow, &stream->flows, list)
		if (flow->counted && flow->ack < to && ndval_flow_counts(flow))
			ndval_flow_passed(flow);
}

/* Moves the tail; instances before it are lost first, then bytes are wiped. */
static void advance(struct ndval_stream *stream, u64 to,
		    struct ndval_chunk **recycled)
{
	unsigned int i;

	pass_peers(stream, to);
	/* Who is not expected may be copying too. */
	for (i = 0; i < NDVAL_INSTANCES; i++)
		if (raise_generation(&stream->cursors[i], to) &&
		    ndval_pair_expects(stream->pair, i))
			lose(stream, i);
	ndval_ring_advance(&stream->ring, to, recycled);
}

/* Does a primary deliver without waiting for others to store it? */
static bool waits_for_nobody(struct ndval_stream *stream)
{
	return ndval_pair_is_primary(stream->pair) && !ndval_pair_is_sync(stream->pair);
}

/*
 * May @len more bytes come to the head, and where would the tail be then?
 * -EAGAIN if a peer or an instance that is not to be lost for them holds the window.
 */
static int check_room(struct ndval_stream *stream, u64 len, bool needed, u64 *to)
{
	struct ndval_pair *pair = stream->pair;
	struct ndval_ring *ring = &stream->ring;
	u64 size = ndval_stream_size(stream);
	u64 span = ndval_ring_span(ring) + len;
	bool may_lose;
	u64 held;

	*to = ring->tail;
	if (span <= size)
		return 0;
	*to += span - size;
	if (ndval_ring_has_hole(ring) && *to >= ring->hole)
		*to += ring->hole_end - ring->hole;
	*to = min(*to, ring->head);
	may_lose = needed && ndval_pair_setting(pair, NDVAL_SET_OVERFLOW) ==
			     NDVAL_OVERFLOW_DROP;
	held = may_lose ? U64_MAX : slowest(stream, false);
	if (!may_lose || !waits_for_nobody(stream))
		held = min(held, others_hold(stream));
	/* Before all records are looked at, which is for nothing if it is held anyway. */
	if (held < *to)
		return -EAGAIN;
	*to = border(stream, *to);
	return held < *to ? -EAGAIN : 0;
}

/**
 * ndval_stream_make_room() - Let the window move so that bytes fit at its head.
 * @stream: the stream; the caller holds its lock
 * @len: how many, at most the window's size
 * @needed: a reader needs them: instances may be lost under overflow=drop
 * @recycled: as for ndval_ring_advance()
 *
 * Return: 0, or -EAGAIN if the window is held.
 */
int ndval_stream_make_room(struct ndval_stream *stream, u64 len, bool needed,
			   struct ndval_chunk **recycled)
{
	u64 to;
	int err;

	lockdep_assert_held(&stream->lock);
	err = check_room(stream, len, needed, &to);
	if (!err && to > stream->ring.tail)
		advance(stream, to, recycled);
	return err;
}

/* Does a primary deliver only what others have acknowledged? */
static bool awaits_peers(struct ndval_stream *stream)
{
	struct ndval_flow *flow;

	if (ndval_pair_is_sync(stream->pair))
		list_for_each_entry(flow, &stream->flows, list)
			if (flow->counted)
				return true;
	return false;
}

/**
 * ndval_stream_limit() - End of what may be delivered here.
 * @stream: the stream; the caller holds its lock
 *
 * On a secondary what it stores and its primary allows (L). On a primary, with
 * commit=sync, what every counted peer stores, or could be delivered here
 * before it became primary.
 */
u64 ndval_stream_limit(struct ndval_stream *stream)
{
	u64 limit = stream->ring.head;
	struct ndval_flow *flow;

	lockdep_assert_held(&stream->lock);
	if (!ndval_pair_is_primary(stream->pair))
		return ndval_broken(NDVAL_BROKEN_L) ? limit : min(limit, stream->limit);
	if (!ndval_pair_is_sync(stream->pair) || ndval_broken(NDVAL_BROKEN_LIMIT))
		return limit;
	list_for_each_entry(flow, &stream->flows, list)
		if (flow->counted)
			limit = min(limit, flow->stored);
	return max(limit, min(stream->limit, stream->ring.head));
}

/**
 * ndval_stream_promise() - Somebody may deliver up to here from now on.
 * @stream: the stream, a primary's; the caller holds its lock
 * @end: the end
 */
void ndval_stream_promise(struct ndval_stream *stream, u64 end)
{
	lockdep_assert_held(&stream->lock);
	stream->promised = max(stream->promised, end);
}

/**
 * ndval_stream_can_read() - Would a read find data or make it?
 * @stream: the stream; the caller holds its lock
 * @instance: the instance, which ndval_stream_state() said can read
 *
 * Return: true if a read would not wait.
 */
bool ndval_stream_can_read(struct ndval_stream *stream, unsigned int instance)
{
	u64 to;

	lockdep_assert_held(&stream->lock);
	if (READ_ONCE(stream->cursors[instance].pos) < ndval_stream_limit(stream))
		return true;
	return ndval_pair_is_primary(stream->pair) && rng_is_initialized() &&
	       !awaits_peers(stream) &&
	       !check_room(stream, ndval_ring_rest(&stream->ring), true, &to);
}

/**
 * ndval_stream_force() - Let a secondary's window move to where a reader waits.
 * @stream: the stream; the caller holds its lock
 * @need: the end that some reader, anywhere, waits for
 *
 * Under overflow=drop, instances that stand more than ring_size before it are
 * lost; under stall nothing happens.
 */
void ndval_stream_force(struct ndval_stream *stream, u64 need)
{
	struct ndval_pair *pair = stream->pair;
	u64 size = ndval_stream_reach(stream);

	lockdep_assert_held(&stream->lock);
	need = min(need, stream->ring.head + size);
	/* What is not committed yet stays: the commit is on its way. */
	if (!ndval_pair_is_primary(pair))
		need = min(need, stream->limit + size);
	if (need <= size || need <= ndval_stream_want(stream) ||
	    ndval_pair_setting(pair, NDVAL_SET_OVERFLOW) != NDVAL_OVERFLOW_DROP)
		return;
	advance(stream, border(stream, min(need - size, stream->ring.head)), NULL);
}

/**
 * ndval_stream_furthest() - Furthest position of any instance of any member.
 * @stream: the stream; the caller holds its lock
 *
 * Return: the furthest position that an instance reached or asks for; at most
 * ring_size beyond the head.
 */
u64 ndval_stream_furthest(struct ndval_stream *stream)
{
	struct ndval_pair *pair = stream->pair;
	unsigned long expected = ndval_pair_setting(pair, NDVAL_SET_INSTANCES);
	struct ndval_flow *flow;
	u64 most = 0;
	unsigned int i;

	lockdep_assert_held(&stream->lock);
	for_each_set_bit(i, &expected, NDVAL_INSTANCES) {
		const struct ndval_cursor *cursor = &stream->cursors[i];

		if (!cursor->lost)
			most = max3(most, READ_ONCE(cursor->pos), cursor->wanted);
	}
	if (ndval_pair_is_primary(pair))
		list_for_each_entry(flow, &stream->flows, list)
			if (ndval_flow_counts(flow))
				most = max(most, flow->demand);
	return min(most, stream->ring.head + ndval_stream_size(stream));
}

/**
 * ndval_stream_delivered() - Highest end ever delivered to an instance here.
 * @stream: the stream
 */
u64 ndval_stream_delivered(const struct ndval_stream *stream)
{
	u64 most = 0;
	unsigned int i;

	for (i = 0; i < NDVAL_INSTANCES; i++)
		most = max(most, READ_ONCE(stream->cursors[i].hw));
	return most;
}

/**
 * ndval_stream_want() - End up to which a secondary accepts more.
 * @stream: the stream; the caller holds its lock
 *
 * No more than it has while there is no memory to store it, or while ring_size,
 * lowered, is less than what an instance holds.
 */
u64 ndval_stream_want(struct ndval_stream *stream)
{
	u64 head = stream->ring.head;
	u64 size = ndval_stream_reach(stream);

	lockdep_assert_held(&stream->lock);
	if (stream->starved)
		return head;
	return max(min3(slowest(stream, false), others_hold(stream), head) + size, head);
}

/**
 * ndval_stream_committed() - End up to which every member in sync stores it.
 * @stream: the stream; the caller holds its lock
 *
 * All that are counted are waited for: after a promotion they may have been in
 * sync, and may be promoted, though this primary does not know yet.
 */
u64 ndval_stream_committed(struct ndval_stream *stream)
{
	u64 end = stream->ring.head;
	struct ndval_flow *flow;

	lockdep_assert_held(&stream->lock);
	if (!ndval_pair_is_primary(stream->pair))
		return min(stream->committed, end);
	list_for_each_entry(flow, &stream->flows, list)
		if (flow->counted)
			end = min(end, flow->stored);
	return end;
}

/**
 * ndval_stream_void() - Make every copy under way void.
 * @stream: the stream; the caller holds its lock
 */
void ndval_stream_void(struct ndval_stream *stream)
{
	unsigned int i;

	lockdep_assert_held(&stream->lock);
	for (i = 0; i < NDVAL_INSTANCES; i++)
		raise_generation(&stream->cursors[i], U64_MAX);
}

static void forget(struct ndval_stream *stream, u64 to)
{
	stream->given = min(stream->given, to);
	stream->promised = min(stream->promised, to);
	stream->limit = min(stream->limit, to);
	stream->committed = min(stream->committed, to);
	stream->need = 0;
	stream->error = 0;
	stream->starved = false;
}

/**
 * ndval_stream_truncate() - Throw away what another epoch has not.
 * @stream: the stream; the caller holds its lock, and has made sure that nothing
 *	of it was delivered
 * @to: the end of what is kept
 *
 * An instance that was positioned beyond it is lost.
 */
void ndval_stream_truncate(struct ndval_stream *stream, u64 to)
{
	unsigned int i;

	lockdep_assert_held(&stream->lock);
	if (ndval_broken(NDVAL_BROKEN_TRUNCATE))
		return;
	ndval_stream_void(stream);
	to = whole(stream, to);
	ndval_ring_truncate(&stream->ring, to);
	forget(stream, to);
	ndval_check_truncate(stream, to);
	for (i = 0; i < NDVAL_INSTANCES; i++) {
		struct ndval_cursor *cursor = &stream->cursors[i];

		cursor->wanted = 0;
		if (READ_ONCE(cursor->pos) > to) {
			ndval_propose_forget_one(stream, i);
			lose(stream, i);
		}
	}
	ndval_stream_wake(stream);
}

/**
 * ndval_stream_reset() - Throw all values away, and what was delivered too.
 * @stream: the stream; the caller holds its lock
 *
 * Instances are lost until they are repositioned.
 */
void ndval_stream_reset(struct ndval_stream *stream)
{
	unsigned int i;

	lockdep_assert_held(&stream->lock);
	ndval_stream_void(stream);
	/* fsync would find that nothing was delivered, and confirm it. */
	if (ndval_stream_delivered(stream))
		stream->drops++;
	ndval_ring_reset(&stream->ring, 0);
	ndval_propose_forget(stream);
	forget(stream, 0);
	memset(stream->starts, 0, sizeof(stream->starts));
	stream->epoch_id = READ_ONCE(stream->pair->epoch_id);
	stream->offer_id = 0;
	for (i = 0; i < NDVAL_INSTANCES; i++) {
		struct ndval_cursor *cursor = &stream->cursors[i];

		spin_lock(&cursor->move);
		WRITE_ONCE(cursor->pos, 0);
		WRITE_ONCE(cursor->hw, 0);
		spin_unlock(&cursor->move);
		cursor->wanted = 0;
		ndval_check_clear(stream, i);
		lose(stream, i);
		cursor->lost = true;
	}
	ndval_stream_wake(stream);
}

/**
 * ndval_stream_wake() - Let everybody who waits look again.
 * @stream: the stream; the caller holds its lock
 */
void ndval_stream_wake(struct ndval_stream *stream)
{
	lockdep_assert_held(&stream->lock);
	WRITE_ONCE(stream->events, stream->events + 1);
	/* Without a key: pollers ask what it is, none takes the key for it. */
	if (wq_has_sleeper(&stream->wq))
		wake_up_interruptible(&stream->wq);
	/* Who polls a stream waits for the commit of its journal too. */
	if (stream->base)
		wake_up_interruptible(&stream->base->wq);
}

/**
 * ndval_stream_update_flows() - Tell peers what has changed about a stream.
 * @stream: the stream; the caller holds its lock
 */
void ndval_stream_update_flows(struct ndval_stream *stream)
{
	struct ndval_flow *flow;

	lockdep_assert_held(&stream->lock);
	if (stream->need <= ndval_stream_limit(stream))
		stream->need = 0;
	list_for_each_entry(flow, &stream->flows, list)
		ndval_flow_update(flow);
}

/* No instance and no connected peer is to have what lies before: it is only retained. */
static u64 needed_from(struct ndval_stream *stream)
{
	return min3(slowest(stream, true), others_hold(stream), stream->ring.head);
}

/* And so much of that is to be retained, or for peers that come back. */
static u64 kept_from(struct ndval_stream *stream)
{
	u64 retain = ndval_pair_setting(stream->pair, NDVAL_SET_RETAIN);
	const struct ndval_ring *ring = &stream->ring;
	u64 keep = max(ring->head - min(ring->head, retain), ring->tail);

	return min3(keep, needed_from(stream), peers_hold(stream, true));
}

/**
 * ndval_stream_progress() - Draw the conclusions of a cursor, an
 *	acknowledgment or a setting that has moved.
 * @stream: the stream
 *
 * Frees what nobody is to receive any more and retain does not keep, tells
 * peers of credit and demand, wakes who waits for room.
 *
 * Context: any that is not interrupt. Takes the stream's lock.
 */
void ndval_stream_progress(struct ndval_stream *stream)
{
	struct ndval_ring *ring = &stream->ring;
	struct ndval_flow *flow;
	u64 keep;

	spin_lock(&stream->lock);
	keep = READ_ONCE(stream->pair->tight) ? needed_from(stream) : kept_from(stream);
	/* Where a peer says that it ends may be anywhere. */
	keep = whole(stream, keep);
	if (keep > ring->tail)
		advance(stream, keep, NULL);
	ndval_stream_update_flows(stream);
	list_for_each_entry(flow, &stream->flows, list)
		ndval_flow_retry(flow);
	ndval_check_moved(stream);
	/* A waiter may be on its way to sleep: it looks at what this counts. */
	if (stream->waiters || wq_has_sleeper(&stream->wq))
		ndval_stream_wake(stream);
	spin_unlock(&stream->lock);
}

/**
 * ndval_stream_reclaim() - A chunk from what is only retained, when no more
 *	memory may be had.
 * @stream: the stream
 *
 * Context: any that is not interrupt. Takes the stream's lock.
 * Return: a chunk that nobody knows, or NULL.
 */
struct ndval_chunk *ndval_stream_reclaim(struct ndval_stream *stream)
{
	struct ndval_chunk *chunk = NULL;
	u64 to;

	spin_lock(&stream->lock);
	to = whole(stream, needed_from(stream));
	if (to > stream->ring.tail)
		advance(stream, to, &chunk);
	spin_unlock(&stream->lock);
	return chunk;
}

/**
 * ndval_stream_jump() - The primary's tail has passed our head.
 * @stream: the stream; the caller holds its lock
 * @tail: the primary's tail
 *
 * What is stored stays readable; instances that need what was missed are
 * lost, at once or when they come to the hole.
 */
void ndval_stream_jump(struct ndval_stream *stream, u64 tail)
{
	unsigned int i;

	lockdep_assert_held(&stream->lock);
	if (tail <= stream->ring.head)
		return;
	advance(stream, ndval_ring_skip_tail(&stream->ring), NULL);
	ndval_ring_skip(&stream->ring, tail);
	for (i = 0; i < NDVAL_INSTANCES; i++)
		if (misses(&stream->ring, READ_ONCE(stream->cursors[i].pos)))
			lose(stream, i);
	ndval_stream_wake(stream);
}
