// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the copies of an application come to the same clock readings and agreed values.
 * A copy takes the record at its cursor. Where there is none yet, a primary
 * records what the copy asks for; a secondary proposes it to the primary, and takes
 * whatever the primary has recorded there, which may be what another copy asked for.
 *
 * What an instance asked for last stays with its cursor, so that it can be said again
 * on a new link, and goes on its way even if the call that asked was interrupted.
 */
#include "propose.h"

#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "check.h"
#include "cursor.h"
#include "flow.h"
#include "pair.h"
#include "stream.h"

static size_t cost(const struct ndval_proposal *proposal)
{
	return sizeof(*proposal) + proposal->record.length;
}

/**
 * ndval_proposal_create() - Make what the current process asks for.
 * @mem: account of the pair
 * @kind: enum ndval_value_kind
 * @length: of kind agreed, bytes of the value, which the caller fills in; else 0
 * @instance: for which instance
 * @gfp: how to allocate
 *
 * Context: process.
 * Return: the proposal with one reference, or ERR_PTR: -ENOMEM, -EAGAIN if @gfp does
 * not let it sleep.
 */
struct ndval_proposal *ndval_proposal_create(struct ndval_mem *mem, u32 kind, u32 length,
					     unsigned int instance, gfp_t gfp)
{
	struct ndval_proposal *proposal;
	size_t size = sizeof(*proposal) + length;

	if (ndval_mem_charge(mem, size))
		return ERR_PTR(-ENOMEM);
	proposal = kzalloc(size, gfp | __GFP_NOWARN);
	if (!proposal) {
		ndval_mem_uncharge(mem, size);
		return ERR_PTR(ndval_mem_error(gfp));
	}
	refcount_set(&proposal->ref, 1);
	proposal->mem = mem;
	proposal->record.kind = kind;
	proposal->record.length = length;
	proposal->record.instance = instance;
	proposal->record.pid = task_tgid_nr(current);
	get_task_comm(proposal->record.comm, current);
	return proposal;
}

/**
 * ndval_proposal_put() - Drop a reference; the last one wipes and frees.
 * @proposal: the proposal, may be NULL
 *
 * Context: any that is not hard interrupt.
 */
void ndval_proposal_put(struct ndval_proposal *proposal)
{
	if (!proposal || !refcount_dec_and_test(&proposal->ref))
		return;
	ndval_mem_uncharge(proposal->mem, cost(proposal));
	kfree_sensitive(proposal);
}

/* Copies the value of the record at a place, if it is of the kind that is asked for. */
static void copy_value(struct ndval_stream *journal, u64 place, u32 kind,
		       struct ndval_drawn *drawn)
{
	const struct ndval_record *record = &drawn->record;
	u64 at = place + sizeof(*record);

	if (record->kind != kind)
		return;
	if (ndval_kind_is_clock(kind))
		ndval_ring_copy(&journal->ring, at, (u8 *)&drawn->reading,
				sizeof(drawn->reading));
	else
		ndval_ring_copy(&journal->ring, at, drawn->agreed,
				min_t(u32, record->length, NDVAL_AGREED_MAX));
}

/* The record at the cursor. 0, or as ndval_cursor_why_not(), or why there is none. */
static int take(struct ndval_stream *journal, unsigned int instance, u32 kind,
		struct ndval_drawn *drawn)
{
	struct ndval_cursor *cursor = &journal->cursors[instance];
	u64 limit, end, pos;
	int err;

	lockdep_assert_held(&cursor->reader->lock);
	spin_lock(&journal->lock);
	err = ndval_stream_state(journal, instance);
	if (err)
		goto out;
	pos = cursor->pos;
	limit = ndval_stream_limit(journal);
	if (pos < limit && ndval_journal_get(&journal->ring, pos, &drawn->record)) {
		end = pos + ndval_record_size(drawn->record.length);
		copy_value(journal, pos, kind, drawn);
		cursor->reader->gen = cursor->gen;
		ndval_cursor_allow(journal, end);
	} else if (pos >= NDVAL_OFFSET_MAX - NDVAL_RECORD_MAX) {
		err = -EOVERFLOW;
	} else {
		err = ndval_cursor_why_not(journal, cursor, 1);
	}
out:
	spin_unlock(&journal->lock);
	return err;
}

/* The primary is to be told of it, on the link that is there and on those to come. */
static void propose(struct ndval_stream *journal, unsigned int instance,
		    struct ndval_proposal *proposal)
{
	struct ndval_cursor *cursor = &journal->cursors[instance];
	struct ndval_proposal *old = NULL;
	struct ndval_flow *flow;

	spin_lock(&journal->lock);
	if (ndval_pair_is_primary(journal->pair) || cursor->pos < journal->ring.head ||
	    journal->dead || ndval_bar_refuses(READ_ONCE(journal->pair->bar)))
		goto out;
	if (cursor->proposal && cursor->proposal->place == cursor->pos &&
	    cursor->proposal->record.kind == proposal->record.kind)
		goto out;	/* said before; the call was interrupted, or looks again */
	old = cursor->proposal;
	refcount_inc(&proposal->ref);
	proposal->place = cursor->pos;
	cursor->proposal = proposal;
	list_for_each_entry(flow, &journal->flows, list) {
		if (!flow->upstream)
			continue;
		flow->propose |= BIT(instance);
		ndval_flow_mark(flow, false);
	}
out:
	spin_unlock(&journal->lock);
	ndval_proposal_put(old);
}

/**
 * ndval_propose_forget_one() - What an instance asked for was given, or will not be.
 * @journal: the journal, or a stream of bytes, which has nothing of the kind; the
 *	caller holds its lock
 * @instance: the instance
 */
void ndval_propose_forget_one(struct ndval_stream *journal, unsigned int instance)
{
	struct ndval_cursor *cursor = &journal->cursors[instance];

	lockdep_assert_held(&journal->lock);
	ndval_proposal_put(cursor->proposal);
	cursor->proposal = NULL;
}

/**
 * ndval_propose_forget() - Nothing that was asked for counts any more.
 * @journal: as for ndval_propose_forget_one()
 */
void ndval_propose_forget(struct ndval_stream *journal)
{
	unsigned int i;

	for (i = 0; i < NDVAL_INSTANCES; i++)
		ndval_propose_forget_one(journal, i);
}

/* Brings a record to the cursor, if this member can. */
static int prepare(struct ndval_stream *journal, unsigned int instance,
		   struct ndval_proposal *proposal, struct ndval_drawn *drawn, gfp_t gfp)
{
	struct ndval_cursor *cursor = &journal->cursors[instance];
	struct ndval_record record = proposal->record;
	u64 pos;
	int err;

	record.origin = READ_ONCE(journal->pair->id);
	for (;;) {
		err = take(journal, instance, record.kind, drawn);
		if (err != -ENODATA)
			break;
		pos = READ_ONCE(cursor->pos);
		err = ndval_stream_record(journal, pos, &record, proposal->value, gfp);
		if (err == -EAGAIN) {
			spin_lock(&journal->lock);
			ndval_cursor_ask(journal, cursor, 1);
			spin_unlock(&journal->lock);
		}
		/* It was repositioned meanwhile, or has been put where nothing is any more. */
		if (err == -ERANGE && pos == READ_ONCE(cursor->pos))
			err = -EPIPE;
		if (err && err != -ERANGE)
			break;
	}
	if (err == -EAGAIN)
		propose(journal, instance, proposal);
	return err;
}

static int await(struct ndval_stream *journal, unsigned int instance,
		 struct ndval_proposal *proposal, struct ndval_drawn *drawn)
{
	long timeout = ndval_cursor_timeout(journal);
	unsigned long events;
	int err;

	atomic64_inc(&journal->pair->waits);
	ndval_cursor_wait_begin(journal);
	do {
		events = READ_ONCE(journal->events);
		err = prepare(journal, instance, proposal, drawn, GFP_KERNEL);
		if (err != -EAGAIN)
			break;
		err = ndval_cursor_wait(journal, events, &timeout);
	} while (!err);
	ndval_cursor_wait_end(journal);
	return err;
}

/* What was copied counts, unless the generation says otherwise. */
static bool move(struct ndval_cursor *cursor, const struct ndval_drawn *drawn)
{
	bool moved;

	spin_lock(&cursor->move);
	moved = cursor->gen == cursor->reader->gen;
	if (moved) {
		WRITE_ONCE(cursor->pos, cursor->pos + ndval_record_size(drawn->record.length));
		WRITE_ONCE(cursor->hw, max(cursor->hw, cursor->pos));
		WRITE_ONCE(cursor->reader->delivered, cursor->reader->delivered + 1);
	}
	spin_unlock(&cursor->move);
	return moved;
}

/* One try. 1 if it was delivered, 0 to try again, or an errno. */
static int draw(struct ndval_stream *journal, unsigned int instance,
		struct ndval_proposal *proposal, struct ndval_drawn *drawn, bool nowait,
		int (*give)(const struct ndval_drawn *drawn, void __user *to),
		void __user *to)
{
	struct ndval_cursor *cursor = &journal->cursors[instance];
	int err;

	err = prepare(journal, instance, proposal, drawn, nowait ? GFP_NOWAIT : GFP_KERNEL);
	if (err == -EAGAIN && !nowait)
		err = await(journal, instance, proposal, drawn);
	if (err)
		return err;
	if (drawn->record.kind != proposal->record.kind)
		return ndval_check_kind(journal, instance, &drawn->record, &proposal->record);
	err = give(drawn, to);
	if (err)
		return err;
	return move(cursor, drawn);
}

/**
 * ndval_propose() - Deliver the next record of a journal to an instance.
 * @journal: the journal
 * @instance: the instance
 * @proposal: what is to be recorded, if nothing is yet
 * @drawn: gets the record
 * @nowait: never sleep
 * @give: copies it to user memory; what it returns, if not 0, the call returns, and
 *	nothing is delivered
 * @to: passed to it
 *
 * Context: process; sleeps unless @nowait, and in the copy.
 * Return: 0, or an errno of linux/ndval.h.
 */
int ndval_propose(struct ndval_stream *journal, unsigned int instance,
		  struct ndval_proposal *proposal, struct ndval_drawn *drawn, bool nowait,
		  int (*give)(const struct ndval_drawn *drawn, void __user *to),
		  void __user *to)
{
	struct ndval_cursor *cursor = &journal->cursors[instance];
	int ret;

	ret = ndval_cursor_open(journal, instance, nowait ? GFP_NOWAIT : GFP_KERNEL) ?:
	      ndval_cursor_lock(cursor->reader, nowait);
	if (ret)
		return ret;
	do {
		ret = draw(journal, instance, proposal, drawn, nowait, give, to);
	} while (!ret);
	if (ret > 0 && READ_ONCE(cursor->proposal)) {
		spin_lock(&journal->lock);
		ndval_propose_forget_one(journal, instance);
		spin_unlock(&journal->lock);
	}
	mutex_unlock(&cursor->reader->lock);
	if (ret < 0)
		return ret;
	ndval_stream_progress(journal);
	return 0;
}

/**
 * ndval_propose_again() - All that is asked for is to be proposed to a peer.
 * @flow: the journal towards the peer, which is the primary; the caller holds the
 *	journal's lock
 */
void ndval_propose_again(struct ndval_flow *flow)
{
	struct ndval_stream *journal = flow->stream;
	unsigned int i;

	lockdep_assert_held(&journal->lock);
	for (i = 0; i < NDVAL_INSTANCES; i++)
		if (journal->cursors[i].proposal)
			flow->propose |= BIT(i);
	if (flow->propose)
		ndval_flow_mark(flow, false);
}

/**
 * ndval_propose_take() - What PROPOSE is to say now.
 * @flow: the flow
 * @link_id: the link that asks, which may not be the current one any more
 * @propose: filled in
 *
 * The flow is marked again if there is more.
 *
 * Context: process. Takes the journal's lock.
 * Return: false if nothing is to be sent.
 */
bool ndval_propose_take(struct ndval_flow *flow, u32 link_id, struct ndval_propose *propose)
{
	struct ndval_stream *journal = flow->stream;
	struct ndval_cursor *cursor;
	bool found = false;

	spin_lock(&journal->lock);
	if (!flow->upstream || flow->link_id != link_id || !ndval_flow_is_current(flow))
		flow->propose = 0;
	while (flow->propose && !found) {
		cursor = &journal->cursors[__ffs(flow->propose)];
		flow->propose &= flow->propose - 1;
		/* What is recorded there is known, or the instance went elsewhere. */
		if (!cursor->proposal || cursor->proposal->place < journal->ring.head ||
		    cursor->proposal->place != READ_ONCE(cursor->pos))
			continue;
		refcount_inc(&cursor->proposal->ref);
		*propose = (struct ndval_propose) {
			.proposal	= cursor->proposal,
			.place		= cursor->proposal->place,
			.id		= journal->id,
			.epoch_id	= journal->epoch_id,
		};
		found = true;
	}
	if (flow->propose)
		ndval_flow_mark(flow, false);
	spin_unlock(&journal->lock);
	return found;
}
