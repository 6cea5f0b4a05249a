// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cursors: the read path.
 *
 * A reader holds the cursor's lock, so it is alone with its instance. It takes
 * a reference to the chunk it stands in under the stream's lock, copies
 * without any other lock, and then moves the cursor, which fails if somebody
 * raised the generation meanwhile: then the copy does not count. The chunk is
 * kept, so that reads inside one chunk do not touch the stream's lock.
 *
 * What a reader found is delivered at the moment the cursor moves. A fault
 * inside a piece takes the cursor back to where the piece began, by not
 * moving it.
 */
#include "cursor.h"

#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/netlink.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/wait.h>

#include "check.h"
#include "event.h"
#include "flow.h"
#include "host.h"
#include "journal.h"
#include "pair.h"
#include "propose.h"
#include "stream.h"

/**
 * ndval_cursor_init() - Make a cursor at offset 0.
 * @cursor: zeroed memory
 */
void ndval_cursor_init(struct ndval_cursor *cursor)
{
	spin_lock_init(&cursor->move);
}

static void destroy_reader(struct ndval_reader *reader, struct ndval_mem *mem)
{
	if (!reader)
		return;
	ndval_chunk_put(reader->chunk);
	mutex_destroy(&reader->lock);
	kfree(reader);
	ndval_mem_uncharge(mem, sizeof(*reader));
}

/**
 * ndval_cursor_destroy() - Drop what a cursor holds; nobody uses it any more.
 * @cursor: the cursor
 * @mem: account of the pair
 */
void ndval_cursor_destroy(struct ndval_cursor *cursor, struct ndval_mem *mem)
{
	destroy_reader(cursor->reader, mem);
	ndval_digest_destroy(cursor->digest);
}

static struct ndval_reader *create_reader(struct ndval_mem *mem, gfp_t gfp)
{
	struct ndval_reader *reader;

	if (ndval_mem_charge(mem, sizeof(*reader)))
		return ERR_PTR(-ENOMEM);
	reader = kzalloc(sizeof(*reader), gfp | __GFP_NOWARN);
	if (!reader) {
		ndval_mem_uncharge(mem, sizeof(*reader));
		return ERR_PTR(ndval_mem_error(gfp));
	}
	mutex_init(&reader->lock);
	return reader;
}

/* The instance gets it, unless it has one. */
static void set_reader(struct ndval_stream *stream, unsigned int instance,
		       struct ndval_reader *reader)
{
	struct ndval_cursor *cursor = &stream->cursors[instance];

	spin_lock(&stream->lock);
	if (!cursor->reader) {
		/* All of it is there for who finds it. */
		smp_store_release(&cursor->reader, reader);
		reader = NULL;
	}
	spin_unlock(&stream->lock);
	destroy_reader(reader, &stream->pair->mem);
}

/**
 * ndval_parts_create() - Make what an instance needs once a file is bound to it.
 * @parts: gets it
 * @mem: account that it is charged to
 * @gfp: how to allocate
 *
 * Context: as @gfp says.
 * Return: 0; or nothing was made: -ENOMEM; -EAGAIN if @gfp does not let it sleep.
 */
int ndval_parts_create(struct ndval_parts *parts, struct ndval_mem *mem, gfp_t gfp)
{
	parts->reader = create_reader(mem, gfp);
	if (IS_ERR(parts->reader))
		return PTR_ERR(parts->reader);
	parts->digest = ndval_digest_create(mem, gfp);
	if (!IS_ERR(parts->digest))
		return 0;
	destroy_reader(parts->reader, mem);
	return PTR_ERR(parts->digest);
}

/**
 * ndval_parts_destroy() - The opposite of ndval_parts_create().
 * @parts: what was made
 * @mem: as then
 */
void ndval_parts_destroy(struct ndval_parts *parts, struct ndval_mem *mem)
{
	destroy_reader(parts->reader, mem);
	ndval_digest_destroy(parts->digest);
}

/**
 * ndval_parts_install() - An instance of a stream gets what it has not.
 * @parts: what was made, the stream's from now on
 * @stream: the stream
 * @instance: the instance
 *
 * Context: any but the locks of the stream. Takes them.
 */
void ndval_parts_install(struct ndval_parts *parts, struct ndval_stream *stream,
			 unsigned int instance)
{
	set_reader(stream, instance, parts->reader);
	ndval_check_begin(stream, instance, parts->digest);
}

/**
 * ndval_cursor_open() - Have what readers of an instance of a journal need.
 * @journal: the journal
 * @instance: the instance
 * @gfp: how to allocate
 *
 * Context: as @gfp says. Takes the journal's lock.
 * Return: 0; -ENOMEM; -EAGAIN if @gfp does not let it sleep.
 */
int ndval_cursor_open(struct ndval_stream *journal, unsigned int instance, gfp_t gfp)
{
	struct ndval_reader *reader;

	/* Pairs with the release in set_reader(). */
	if (smp_load_acquire(&journal->cursors[instance].reader))
		return 0;
	reader = create_reader(&journal->pair->mem, gfp);
	if (IS_ERR(reader))
		return PTR_ERR(reader);
	set_reader(journal, instance, reader);
	return 0;
}

/* The same for a stream, and what is compared of a copy besides. */
static int equip(struct ndval_stream *stream, unsigned int instance, gfp_t gfp)
{
	const struct ndval_cursor *cursor = &stream->cursors[instance];
	struct ndval_parts parts;
	int err;

	/* Pairs with the release in set_reader(). */
	if (smp_load_acquire(&cursor->reader) && READ_ONCE(cursor->digest))
		return 0;
	err = ndval_parts_create(&parts, &stream->pair->mem, gfp);
	if (!err)
		ndval_parts_install(&parts, stream, instance);
	return err;
}

/* Can the reader go on in the chunk that it has? */
static bool has_piece(const struct ndval_cursor *cursor, const struct ndval_reader *reader)
{
	return reader->chunk && reader->gen == READ_ONCE(cursor->gen) &&
	       reader->at < reader->limit;
}

/**
 * ndval_cursor_ask() - Nothing is deliverable at the cursor: say so to whoever can
 *	change it.
 * @stream: the stream; the caller holds its lock
 * @cursor: the cursor
 * @len: bytes that are asked for
 *
 * Peers learn the demand, and the need if the window is what is in the way.
 */
void ndval_cursor_ask(struct ndval_stream *stream, struct ndval_cursor *cursor, size_t len)
{
	u64 size = ndval_stream_size(stream);
	struct ndval_flow *flow;
	u64 need;

	lockdep_assert_held(&stream->lock);
	need = cursor->pos + 1;
	if (!ndval_stream_is_journal(stream))
		need = round_up(need, NDVAL_CHUNK);
	cursor->wanted = max(cursor->wanted, cursor->pos + min_t(u64, len, size));
	stream->need = max(stream->need, need);
	if (!ndval_pair_is_primary(stream->pair))
		ndval_stream_force(stream, need);
	list_for_each_entry(flow, &stream->flows, list)
		ndval_flow_update(flow);
}

/**
 * ndval_cursor_allow() - What is below this may be delivered from now on.
 * @stream: the stream; the caller holds its lock
 * @end: the end
 */
void ndval_cursor_allow(struct ndval_stream *stream, u64 end)
{
	struct ndval_flow *flow;

	lockdep_assert_held(&stream->lock);
	ndval_stream_promise(stream, end);
	if (stream->given >= end)
		return;
	stream->given = end;
	list_for_each_entry(flow, &stream->flows, list)
		ndval_flow_update_behind(flow);
}

/* A counted peer that can't store the stream keeps everybody from reading it. */
static bool is_refused(const struct ndval_stream *stream)
{
	const struct ndval_flow *flow;

	if (ndval_pair_is_sync(stream->pair))
		list_for_each_entry(flow, &stream->flows, list)
			if (flow->counted && flow->refused)
				return true;
	return false;
}

/**
 * ndval_cursor_why_not() - Nothing is deliverable at the cursor: why?
 * @stream: the stream; the caller holds its lock
 * @cursor: the cursor
 * @len: bytes that are asked for
 *
 * Return: -ENODATA if a primary has to record it first; -EAGAIN if a peer has to send
 * or acknowledge it, and was told so; -ENOSPC or -ENOMEM if that will not help.
 */
int ndval_cursor_why_not(struct ndval_stream *stream, struct ndval_cursor *cursor, size_t len)
{
	bool primary = ndval_pair_is_primary(stream->pair);

	if (primary && cursor->pos >= stream->ring.head)
		return -ENODATA;
	ndval_cursor_ask(stream, cursor, len);
	if (primary)
		return is_refused(stream) ? -ENOSPC : -EAGAIN;
	return stream->starved ? -ENOMEM : -EAGAIN;
}

/*
 * Takes the chunk at the cursor. Returns 0 with a piece, or as why_not(), or why
 * the instance can't read.
 */
static int take_chunk(struct ndval_stream *stream, unsigned int instance,
		      size_t len)
{
	struct ndval_cursor *cursor = &stream->cursors[instance];
	struct ndval_reader *reader = cursor->reader;
	struct ndval_chunk *old = reader->chunk;
	size_t avail;
	u64 limit;
	int err;

	lockdep_assert_held(&reader->lock);
	reader->chunk = NULL;
	spin_lock(&stream->lock);
	err = ndval_stream_state(stream, instance);
	if (err)
		goto out;
	limit = ndval_stream_limit(stream);
	if (cursor->pos < limit)
		reader->chunk = ndval_ring_get(&stream->ring, cursor->pos, &avail);
	if (reader->chunk) {
		reader->at = cursor->pos;
		reader->limit = min(cursor->pos + avail, limit);
		reader->gen = cursor->gen;
		ndval_cursor_allow(stream, reader->limit);
	} else if (cursor->pos >= NDVAL_OFFSET_MAX - NDVAL_CHUNK) {
		err = -EOVERFLOW;
	} else {
		err = ndval_cursor_why_not(stream, cursor, len);
	}
out:
	spin_unlock(&stream->lock);
	ndval_chunk_put(old);
	return err;
}

static void fill_ahead(struct ndval_stream *stream, gfp_t gfp)
{
	/* Who is added just now is looked after by whoever adds it. */
	if (!list_empty(&stream->flows) && ndval_pair_is_primary(stream->pair))
		ndval_stream_fill_ahead(stream, gfp);
}

/* Brings a piece to the cursor, recording values if this is the primary. */
static int prepare(struct ndval_stream *stream, unsigned int instance, size_t len,
		   bool nowait)
{
	struct ndval_cursor *cursor = &stream->cursors[instance];
	gfp_t gfp = nowait ? GFP_NOWAIT : GFP_KERNEL;
	int err;

	for (;;) {
		err = take_chunk(stream, instance, len);
		if (err != -ENODATA)
			break;
		if (!rng_is_initialized() && !nowait) {
			err = wait_for_random_bytes();
			if (err)
				break;
		}
		err = ndval_stream_fill(stream, READ_ONCE(cursor->pos) + 1, true, gfp);
		if (err == -EAGAIN) {
			spin_lock(&stream->lock);
			ndval_cursor_ask(stream, cursor, len);
			spin_unlock(&stream->lock);
		}
		if (err)
			break;
	}
	if (!err || err == -EAGAIN)
		fill_ahead(stream, gfp);
	return err;
}

/*
 * What was copied counts, unless the generation says otherwise. Returns 1, 0 if it
 * does not, -ESTALE if the instance diverges by it.
 */
static int move(struct ndval_cursor *cursor, struct ndval_reader *reader, size_t len, u64 key,
		bool complete)
{
	int ret = 1;

	spin_lock(&cursor->move);
	if (cursor->gen != reader->gen) {
		ret = 0;
	} else if (!ndval_digest_add(cursor->digest, key, NDVAL_VALUE_KIND_RANDOM, len,
				     complete)) {
		ret = -ESTALE;
	} else {
		reader->at += len;
		WRITE_ONCE(cursor->pos, reader->at);
		WRITE_ONCE(cursor->hw, max(cursor->hw, cursor->pos));
		WRITE_ONCE(reader->delivered, reader->delivered + len);
	}
	spin_unlock(&cursor->move);
	return ret;
}

/* Delivers what was copied. Returns 1, 0 to try again, or an errno. */
static int deliver(struct ndval_stream *stream, struct ndval_cursor *cursor,
		   struct ndval_reader *reader, size_t len, bool complete)
{
	u64 key = READ_ONCE(stream->pair->incarnation);
	int ret;

	do {
		ret = move(cursor, reader, len, key, complete);
	} while (ret == -ESTALE && !ndval_check_found(stream, cursor));
	if (ret > 0 && !READ_ONCE(stream->pair->moving))
		ndval_check_start(stream->pair);
	return ret;
}

/* Copies one piece and delivers it. Returns bytes delivered, 0 to try again. */
static ssize_t read_piece(struct ndval_stream *stream, struct ndval_cursor *cursor,
			  struct ndval_reader *reader, struct iov_iter *to)
{
	size_t in = reader->at & (NDVAL_CHUNK - 1);
	size_t len = min_t(u64, reader->limit - reader->at, iov_iter_count(to));
	/* As of a page: what is known to lie in one needs no check as other memory does. */
	size_t copied = copy_page_to_iter(virt_to_page(reader->chunk->data), in, len, to);
	int ret;

	if (copied < len) {
		iov_iter_revert(to, copied);
		return -EFAULT;
	}
	ret = deliver(stream, cursor, reader, len, !iov_iter_count(to));
	if (ret <= 0) {
		iov_iter_revert(to, len);
		return ret;
	}
	if (reader->at == reader->limit ||
	    ndval_pair_setting(stream->pair, NDVAL_SET_RETAIN) < NDVAL_CHUNK)
		ndval_stream_progress(stream);
	return len;
}

/**
 * ndval_cursor_wait_begin() - A reader begins to wait.
 * @stream: the stream
 */
void ndval_cursor_wait_begin(struct ndval_stream *stream)
{
	spin_lock(&stream->lock);
	stream->waiters++;
	spin_unlock(&stream->lock);
}

/**
 * ndval_cursor_wait_end() - A reader has ended to wait.
 * @stream: the stream
 */
void ndval_cursor_wait_end(struct ndval_stream *stream)
{
	spin_lock(&stream->lock);
	if (!--stream->waiters)
		stream->need = 0;
	spin_unlock(&stream->lock);
}

/**
 * ndval_cursor_wait() - Wait until something about a stream has changed.
 * @stream: the stream
 * @events: what its @events was
 * @timeout: jiffies; brought up to date
 *
 * Context: process, sleeps.
 * Return: 0, -ETIMEDOUT, -ERESTARTSYS.
 */
int ndval_cursor_wait(struct ndval_stream *stream, unsigned long events, long *timeout)
{
	long left;

	left = wait_event_interruptible_timeout(stream->wq,
						READ_ONCE(stream->events) != events,
						*timeout);
	if (left < 0)
		return left;
	if (!left)
		return -ETIMEDOUT;
	if (*timeout != MAX_SCHEDULE_TIMEOUT)
		*timeout = left;
	return 0;
}

/**
 * ndval_cursor_timeout() - How long a reader waits.
 * @stream: the stream
 *
 * Return: jiffies.
 */
long ndval_cursor_timeout(const struct ndval_stream *stream)
{
	u64 ms = ndval_pair_setting(stream->pair, NDVAL_SET_READ_TIMEOUT_MS);

	return ms ? msecs_to_jiffies(ms) : MAX_SCHEDULE_TIMEOUT;
}

/* Like prepare(), but waits until there is a piece. What it needs, fast reads do without. */
static noinline_for_stack int await_piece(struct ndval_stream *stream, unsigned int instance,
					  size_t len)
{
	long timeout = ndval_cursor_timeout(stream);
	unsigned long events;
	int err;

	atomic64_inc(&stream->pair->waits);
	ndval_cursor_wait_begin(stream);
	do {
		events = READ_ONCE(stream->events);
		err = prepare(stream, instance, len, false);
		if (err != -EAGAIN)
			break;
		err = ndval_cursor_wait(stream, events, &timeout);
	} while (!err);
	ndval_cursor_wait_end(stream);
	return err;
}

/**
 * ndval_cursor_lock() - Be alone with an instance.
 * @reader: its readers'
 * @nowait: never sleep
 *
 * Return: 0, -EAGAIN, -ERESTARTSYS.
 */
int ndval_cursor_lock(struct ndval_reader *reader, bool nowait)
{
	if (nowait)
		return mutex_trylock(&reader->lock) ? 0 : -EAGAIN;
	return mutex_lock_interruptible(&reader->lock) ? -ERESTARTSYS : 0;
}

/**
 * ndval_cursor_read() - Deliver the next bytes of a stream to an instance.
 * @stream: the stream
 * @instance: the instance, to which a file is bound
 * @to: where to
 * @nowait: never sleep
 *
 * Context: process; sleeps unless @nowait, and in the copy.
 * Return: bytes delivered, all that were asked for unless a signal, time-out,
 * error or fault cut it; or, if none were, an errno of linux/ndval.h.
 */
ssize_t ndval_cursor_read(struct ndval_stream *stream, unsigned int instance,
			  struct iov_iter *to, bool nowait)
{
	struct ndval_cursor *cursor = &stream->cursors[instance];
	struct ndval_reader *reader = cursor->reader;
	ssize_t done = 0;
	ssize_t ret;

	ret = ndval_cursor_lock(reader, nowait);
	if (ret)
		return ret;
	while (iov_iter_count(to)) {
		u32 gen = reader->gen;

		if (!has_piece(cursor, reader)) {
			ret = prepare(stream, instance, iov_iter_count(to), nowait);
			if (ret == -EAGAIN && !nowait)
				ret = await_piece(stream, instance,
						  iov_iter_count(to));
			/* Never join bytes from before and after a reposition. */
			if (ret || (done && gen != reader->gen))
				break;
		}
		ret = read_piece(stream, cursor, reader, to);
		if (ret < 0)
			break;
		done += ret;
		if (!iov_iter_count(to))
			break;
		if (signal_pending(current)) {
			ret = -ERESTARTSYS;
			break;
		}
		cond_resched();
	}
	mutex_unlock(&reader->lock);
	return done ?: ret;
}

static __poll_t look(struct ndval_stream *stream, unsigned int instance)
{
	__poll_t mask = 0;
	int err;

	err = ndval_stream_state(stream, instance);
	if (err && err != -EAGAIN) {
		mask = EPOLLERR | EPOLLIN | EPOLLRDNORM;
		if (err == -ENODEV)
			mask |= EPOLLHUP;
	} else if (!err && ndval_stream_can_read(stream, instance)) {
		mask = EPOLLIN | EPOLLRDNORM;
	} else {
		ndval_cursor_ask(stream, &stream->cursors[instance], 1);
	}
	if ((!err || err == -EPIPE) &&
	    READ_ONCE(stream->cursors[instance].hw) <= ndval_stream_committed(stream))
		mask |= EPOLLPRI;
	return mask;
}

/* Are all records that the instance got committed? */
static bool journal_is_committed(struct ndval_stream *stream, unsigned int instance)
{
	struct ndval_stream *journal = ndval_stream_journal(stream);
	bool committed;

	if (!journal)
		return true;
	spin_lock(&journal->lock);
	committed = READ_ONCE(journal->cursors[instance].hw) <= ndval_stream_committed(journal);
	spin_unlock(&journal->lock);
	ndval_stream_put(journal);
	return committed;
}

/**
 * ndval_cursor_poll() - What a read by an instance would find.
 * @stream: the stream
 * @instance: the instance
 *
 * Somebody who polls waits: the demand is registered as by a read.
 *
 * Context: process.
 * Return: EPOLLIN if a read would find data; EPOLLERR and EPOLLIN if it would
 * fail; EPOLLHUP besides if the pair was removed; EPOLLPRI if all that was
 * delivered to the instance is committed; 0 if it would wait.
 */
__poll_t ndval_cursor_poll(struct ndval_stream *stream, unsigned int instance)
{
	__poll_t mask;

	spin_lock(&stream->lock);
	mask = look(stream, instance);
	spin_unlock(&stream->lock);
	/* A primary that waits for its peers has to record first. */
	if (!(mask & EPOLLIN) && ndval_pair_is_primary(stream->pair)) {
		ndval_stream_fill(stream, READ_ONCE(stream->cursors[instance].pos) + 1, true,
				  GFP_NOWAIT);
		ndval_stream_fill_ahead(stream, GFP_NOWAIT);
		spin_lock(&stream->lock);
		mask = look(stream, instance);
		spin_unlock(&stream->lock);
	}
	if (mask & EPOLLPRI && !journal_is_committed(stream, instance))
		mask &= ~EPOLLPRI;
	return mask;
}

/*
 * What was delivered to the instance so far: up to where? Kept when it is
 * repositioned.
 */
static u64 delivered(const struct ndval_stream *stream, unsigned int instance)
{
	return READ_ONCE(stream->cursors[instance].hw);
}

/* 0 if all that was delivered is committed, -EAGAIN if not yet, or why it can't be. */
static int check_commit(struct ndval_stream *stream, unsigned int instance, u64 end,
			u32 *drops)
{
	int err;

	lockdep_assert_held(&stream->lock);
	err = ndval_stream_state(stream, instance);
	if (err == -ENODEV || err == -ESTALE || err == -EAGAIN)
		return err;
	if (*drops != stream->drops) {
		*drops = stream->drops;
		return -ENOTCONN;
	}
	return ndval_stream_committed(stream) >= end ? 0 : -EAGAIN;
}

/**
 * ndval_cursor_commit() - Wait until all that was delivered to an instance is stored
 *	by every member that is in sync.
 * @stream: the stream
 * @instance: the instance
 * @drops: what the file knows of members that were dropped; brought up to date
 *
 * Context: process, sleeps.
 * Return: 0; -ENOTCONN if a member was dropped before it stored it all, or it was
 * thrown away here, once for each @drops; -ETIMEDOUT, -ERESTARTSYS, -ESTALE, -ENODEV.
 */
int ndval_cursor_commit(struct ndval_stream *stream, unsigned int instance, u32 *drops)
{
	u64 end = delivered(stream, instance);
	long timeout = ndval_cursor_timeout(stream);
	unsigned long events;
	int err;

	ndval_check_commit(stream, instance);
	ndval_cursor_wait_begin(stream);
	do {
		spin_lock(&stream->lock);
		events = stream->events;
		err = check_commit(stream, instance, end, drops);
		spin_unlock(&stream->lock);
		if (err != -EAGAIN)
			break;
		err = ndval_cursor_wait(stream, events, &timeout);
	} while (!err);
	ndval_cursor_wait_end(stream);
	return err;
}

static void ask_again(struct ndval_stream *stream)
{
	struct ndval_flow *flow;

	lockdep_assert_held(&stream->lock);
	if (!stream->error)
		return;
	stream->error = 0;
	list_for_each_entry(flow, &stream->flows, list)
		if (flow->upstream)
			ndval_flow_follow(flow);
}

/**
 * ndval_cursor_bind() - Count a file that is bound to an instance.
 * @stream: the stream
 * @instance: the instance
 * @excl: for itself alone
 * @gfp: how to allocate
 *
 * A stream that the primary refused is asked for again, and so is its journal.
 *
 * Context: as @gfp says.
 * Return: 0; -EBUSY; -ENOMEM; -EAGAIN if @gfp does not let it sleep; or as
 * ndval_stream_state(), but for an instance that is lost or has diverged.
 */
int ndval_cursor_bind(struct ndval_stream *stream, unsigned int instance, bool excl,
		      gfp_t gfp)
{
	struct ndval_cursor *cursor = &stream->cursors[instance];
	int err;

	err = equip(stream, instance, gfp);
	if (err)
		return err;
	spin_lock(&stream->lock);
	ask_again(stream);
	if (stream->journal) {
		spin_lock_nested(&stream->journal->lock, SINGLE_DEPTH_NESTING);
		ask_again(stream->journal);
		spin_unlock(&stream->journal->lock);
	}
	err = ndval_stream_state(stream, instance);
	if (err == -EPIPE || err == -EAGAIN || (err == -ESTALE && !stream->dead))
		err = 0;	/* reads will say so; the file may stay open */
	if (!err && cursor->files && (excl || cursor->excl))
		err = -EBUSY;
	if (!err) {
		cursor->files++;
		cursor->excl = excl;
	}
	spin_unlock(&stream->lock);
	return err;
}

/**
 * ndval_cursor_unbind() - The opposite of ndval_cursor_bind().
 * @stream: the stream
 * @instance: the instance
 * @excl: as bound
 *
 * Context: process.
 */
void ndval_cursor_unbind(struct ndval_stream *stream, unsigned int instance,
			 bool excl)
{
	struct ndval_cursor *cursor = &stream->cursors[instance];

	spin_lock(&stream->lock);
	cursor->files--;
	if (excl)
		cursor->excl = false;
	spin_unlock(&stream->lock);
}

/* Does only what repositioning ends speak against it? */
static int check_set(struct ndval_stream *stream, unsigned int instance)
{
	int err = ndval_stream_state(stream, instance);

	if (err == -ESTALE && !stream->dead &&
	    READ_ONCE((stream->base ?: stream)->cursors[instance].diverged) &&
	    READ_ONCE(stream->pair->bar) == NDVAL_BAR_NONE)
		return 0;
	return err == -EPIPE ? 0 : err;
}

/* May the instance be put there? The lock of stream, or journal, is held. */
static int check_position(struct ndval_stream *stream, unsigned int instance, u64 pos,
			  struct netlink_ext_ack *extack)
{
	struct ndval_ring *ring = &stream->ring;
	int err = check_set(stream, instance);

	if (err == -ENXIO)
		NL_SET_ERR_MSG(extack,
			       "the instance is not expected on this member: see the setting instances");
	else if (err)
		NL_SET_ERR_MSG(extack, "the pair delivers nothing now: see its health");
	if (err)
		return err;
	if (pos < ring->tail || pos > ring->head ||
	    (ndval_ring_has_hole(ring) && pos >= ring->hole && pos < ring->hole_end)) {
		NL_SET_ERR_MSG(extack,
			       "the position is outside the window: see tail and head of the stream");
		return -ERANGE;
	}
	if (ndval_stream_is_journal(stream) && !ndval_journal_has(ring, pos)) {
		NL_SET_ERR_MSG(extack, "no record begins at this position of the journal");
		return -ERANGE;
	}
	return 0;
}

static void set_position(struct ndval_stream *stream, unsigned int instance, u64 pos)
{
	struct ndval_cursor *cursor = &stream->cursors[instance];

	spin_lock(&cursor->move);
	WRITE_ONCE(cursor->gen, cursor->gen + 1);
	WRITE_ONCE(cursor->pos, pos);
	spin_unlock(&cursor->move);
	cursor->wanted = 0;
	cursor->lost = false;
	ndval_propose_forget_one(stream, instance);
	ndval_check_clear(stream, instance);
	ndval_stream_wake(stream);
}

static int set_one(struct ndval_stream *stream, unsigned int instance, u64 pos,
		   struct netlink_ext_ack *extack)
{
	int err = check_position(stream, instance, pos, extack);

	if (!err)
		set_position(stream, instance, pos);
	return err;
}

/* In the journal, and if @pos is not NULL in the stream: both or none. */
static int set_both(struct ndval_stream *stream, struct ndval_stream *journal,
		    unsigned int instance, const u64 *pos, u64 journal_pos,
		    struct netlink_ext_ack *extack)
{
	int err;

	lockdep_assert_held(&stream->lock);
	err = pos ? check_position(stream, instance, *pos, extack) : 0;
	if (err)
		return err;
	spin_lock_nested(&journal->lock, SINGLE_DEPTH_NESTING);
	err = set_one(journal, instance, journal_pos, extack);
	spin_unlock(&journal->lock);
	if (!err && pos)
		set_position(stream, instance, *pos);
	return err;
}

/**
 * ndval_cursor_set() - Reposition an instance.
 * @stream: the stream
 * @instance: the instance
 * @pos: the offset that it gets next; inside the window or at its head; or NULL
 * @journal_pos: likewise, the place of the record; or NULL. One of the two is not.
 * @extack: gets the reason of a refusal
 *
 * Does not wait for a reader: what one is copying does not count any more.
 *
 * Context: process.
 * Return: 0, or nothing has changed: -ERANGE; -ENXIO if the instance is not expected,
 * -ESTALE, -ENODEV.
 */
int ndval_cursor_set(struct ndval_stream *stream, unsigned int instance, const u64 *pos,
		     const u64 *journal_pos, struct netlink_ext_ack *extack)
{
	struct ndval_stream *journal = NULL;
	int err;

	if (journal_pos) {
		journal = ndval_stream_journal(stream);
		if (!journal) {
			NL_SET_ERR_MSG(extack, "the stream has no journal yet");
			return -ERANGE;
		}
	}
	spin_lock(&stream->lock);
	err = journal ? set_both(stream, journal, instance, pos, *journal_pos, extack) :
			set_one(stream, instance, *pos, extack);
	spin_unlock(&stream->lock);
	if (!err && pos)
		ndval_stream_progress(stream);
	if (!err && journal)
		ndval_stream_progress(journal);
	ndval_stream_put(journal);
	return err;
}
