// SPDX-License-Identifier: GPL-2.0-only
/*
 * How records come into a journal: a primary records what a copy asks for, a
 * secondary stores what the primary recorded. Whole records, in one step each:
 * whoever looks at a journal's end finds a place where one ends.
 */
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "clock.h"
#include "host.h"
#include "journal.h"
#include "pair.h"
#include "propose.h"
#include "stream.h"
#include "wire_enum_gen.h"

/* Most chunks that the longest records of one message can need, anywhere. */
#define SPARES		(NDVAL_WIRE_RECORDS_MAX / NDVAL_CHUNK + 1)

/**
 * struct spares - chunks for what is to come to a journal's head
 * @n: how many
 * @chunk: zeroed
 */
struct spares {
	unsigned int		n;
	struct ndval_chunk	*chunk[SPARES];
};

/* Chunks that bytes need and the ring has not. */
static unsigned int count_missing(struct ndval_ring *ring, u64 offset, u64 end)
{
	unsigned int n = 0;

	for (offset = round_down(offset, NDVAL_CHUNK); offset < end; offset += NDVAL_CHUNK)
		n += !ndval_ring_has_chunk(ring, offset);
	return n;
}

/* A chunk of zeroes: a new one, or if there is no memory the window's last. */
static struct ndval_chunk *get_spare(struct ndval_stream *journal, gfp_t gfp)
{
	struct ndval_chunk *chunk = ndval_chunk_create(journal->ring.mem, gfp | __GFP_ZERO);
	struct ndval_chunk *old;

	if (!IS_ERR(chunk))
		return chunk;
	old = ndval_stream_reclaim(journal);
	if (!old) {
		ndval_host_retry_pair(journal->pair);
		return chunk;
	}
	memset(old->data, 0, NDVAL_CHUNK);
	return old;
}

static int get_spares(struct ndval_stream *journal, u64 offset, u64 end,
		      struct spares *spares, gfp_t gfp)
{
	struct ndval_ring *ring = &journal->ring;
	unsigned int need = count_missing(ring, offset, end);
	struct ndval_chunk *chunk;
	u64 at;
	int err;

	for (at = round_down(offset, NDVAL_CHUNK); at < end; at += NDVAL_CHUNK) {
		err = ndval_ring_reserve(ring, at, gfp);
		if (err)
			return err;
	}
	while (spares->n < min_t(unsigned int, need, SPARES)) {
		chunk = get_spare(journal, gfp);
		if (IS_ERR(chunk))
			return PTR_ERR(chunk);
		spares->chunk[spares->n++] = chunk;
	}
	return 0;
}

static void put_spares(struct spares *spares)
{
	while (spares->n)
		ndval_chunk_put(spares->chunk[--spares->n]);
}

/* Stores bytes for which there are chunks enough, all of them or none. */
static int store(struct ndval_ring *ring, u64 offset, const u8 *data, size_t len,
		 struct spares *spares)
{
	struct ndval_chunk *spare;
	u64 head = ring->head;
	size_t piece;
	int err = 0;

	while (len && !err) {
		piece = min_t(size_t, len, NDVAL_CHUNK - (offset & (NDVAL_CHUNK - 1)));
		spare = spares->n ? spares->chunk[spares->n - 1] : NULL;
		err = ndval_ring_store(ring, offset, data, piece, &spare);
		if (spares->n && !spare)
			spares->n--;
		offset += piece;
		data += piece;
		len -= piece;
	}
	if (err)
		ndval_ring_truncate(ring, head);
	return err;
}

/* A record whose chunks are there. Its clock is read now, that of who asked is not. */
static int append(struct ndval_stream *journal, const struct ndval_record *asked,
		  const u8 *value, struct spares *spares)
{
	static const u8 zeroes[8];
	struct ndval_ring *ring = &journal->ring;
	struct ndval_record record = *asked;
	struct ndval_reading reading = {};
	int err;

	record.place = ring->head;
	if (ndval_kind_is_clock(record.kind)) {
		ndval_clock_read(journal->pair, record.kind, &reading);
		record.length = sizeof(reading);
		value = (const u8 *)&reading;
	}
	err = store(ring, record.place, (const u8 *)&record, sizeof(record), spares) ?:
	      store(ring, ring->head, value, record.length, spares) ?:
	      store(ring, ring->head, zeroes, ndval_record_size(record.length) -
		    sizeof(record) - record.length, spares);
	if (err)
		ndval_ring_truncate(ring, record.place);
	return err;
}

/* -EAGAIN without @room if there are not chunks enough. */
static int try_record(struct ndval_stream *journal, u64 place, size_t size,
		      const struct ndval_record *record, const u8 *value,
		      struct spares *spares, bool *again)
{
	struct ndval_ring *ring = &journal->ring;
	int err;

	lockdep_assert_held(&journal->lock);
	*again = false;
	err = ndval_stream_may_issue(journal);
	if (err)
		return err;
	if (place != ring->head)	/* it is recorded already, or asked too early */
		return place < ring->head ? 0 : -ERANGE;
	err = ndval_stream_make_room(journal, size, true, NULL);
	if (err)
		return err;
	*again = count_missing(ring, place, place + size) > spares->n;
	if (*again)
		return 0;
	err = append(journal, record, value, spares);
	if (err)
		return err;
	ndval_stream_update_flows(journal);
	ndval_stream_wake(journal);
	return 0;
}

/**
 * ndval_stream_record() - Record what a copy asks for, unless something is recorded.
 * @journal: the journal
 * @place: where the copy stands
 * @record: what it asks for, but for the place
 * @value: of kind agreed, the value that is offered
 * @gfp: how to allocate
 *
 * Context: as @gfp says. Takes the journal's lock.
 * Return: 0 if there is a record at the place now; -ERANGE if it lies beyond the end;
 * -EAGAIN if this member is not the primary, the window is held, or @gfp does not let
 * it sleep; -ENOMEM, -EOVERFLOW, -ESTALE, -ENODEV.
 */
int ndval_stream_record(struct ndval_stream *journal, u64 place,
			const struct ndval_record *record, const u8 *value, gfp_t gfp)
{
	size_t size = ndval_record_size(ndval_kind_is_clock(record->kind) ?
					sizeof(struct ndval_reading) : record->length);
	struct spares spares = {};
	bool again = true;
	int err = 0;
	u64 head;

	if (place >= NDVAL_OFFSET_MAX - NDVAL_RECORD_MAX)
		return -EOVERFLOW;
	while (!err && again) {
		/* A peer may speak of any place: no memory for what will not be recorded. */
		head = READ_ONCE(journal->ring.head);
		if (place != head) {
			err = place < head ? 0 : -ERANGE;
			break;
		}
		err = get_spares(journal, place, place + size, &spares, gfp);
		if (err)
			break;
		spin_lock(&journal->lock);
		err = try_record(journal, place, size, record, value, &spares, &again);
		spin_unlock(&journal->lock);
	}
	put_spares(&spares);
	return err;
}

/* What a clock read at the primary no reading here may be below, should this take over. */
static void hear_clocks(struct ndval_pair *pair, const u8 *data, size_t len)
{
	struct ndval_reading reading;
	struct ndval_record record;
	size_t done = 0;

	while (done < len) {
		memcpy(&record, data + done, sizeof(record));
		if (ndval_kind_is_clock(record.kind)) {
			memcpy(&reading, data + done + sizeof(record), sizeof(reading));
			ndval_clock_heard(pair, record.kind, &reading);
		}
		done += ndval_record_size(record.length);
	}
}

static int try_store(struct ndval_stream *journal, u64 epoch_id, u64 place, const u8 *data,
		     size_t len, struct spares *spares, bool *again)
{
	struct ndval_ring *ring = &journal->ring;
	u64 end = place + len;
	int err = 0;

	lockdep_assert_held(&journal->lock);
	*again = false;
	if (journal->epoch_id != epoch_id)
		return -ESTALE;
	if (place > ring->head)
		return -ERANGE;
	if (end > ring->head)
		err = ndval_stream_make_room(journal, end - ring->head, false, NULL);
	if (err)
		return err;
	if (end > ring->head)
		*again = count_missing(ring, ring->head, end) > spares->n;
	if (*again)
		return 0;
	/* First: once it is stored it may be acknowledged, and this member take over. */
	hear_clocks(journal->pair, data, len);
	return store(ring, place, data, len, spares);
}

/**
 * ndval_stream_store_records() - Store records that the primary recorded.
 * @journal: the journal
 * @epoch_id: epoch that they belong to
 * @place: of the first one
 * @data: whole records, looked at by ndval_records_are_sane()
 * @len: bytes of them, NDVAL_WIRE_RECORDS_MAX at most
 *
 * Context: process. Takes the journal's lock.
 * Return: 0; -EAGAIN if an instance holds the window; -ENOMEM; -ESTALE if the journal is
 * of another epoch; -ERANGE for a gap; -EBADMSG if others are stored there. In an
 * error nothing is stored.
 */
int ndval_stream_store_records(struct ndval_stream *journal, u64 epoch_id, u64 place,
			       const u8 *data, size_t len)
{
	struct spares spares = {};
	bool again = true;
	u64 from;
	int err = 0;

	while (len && !err && again) {
		from = max(place, READ_ONCE(journal->ring.head));
		err = get_spares(journal, from, max(from, place + len), &spares, GFP_KERNEL);
		if (err)
			break;
		spin_lock(&journal->lock);
		err = try_store(journal, epoch_id, place, data, len, &spares, &again);
		spin_unlock(&journal->lock);
	}
	put_spares(&spares);
	return err;
}
