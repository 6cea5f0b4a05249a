// SPDX-License-Identifier: GPL-2.0-only
/*
 * The journal: a stream's recorded values of other kinds than random bytes. It is a
 * ring too, of records one behind the other, so that all that holds for the bytes
 * of a ring (window, credit, acknowledgment, commit, epochs) holds for them. A
 * record's place is the offset of its first byte. Memory and arithmetic only.
 *
 * The window's ends, and all that members tell each other of a journal, are places
 * where a record ends: only whole records are sent and stored.
 */
#include "journal.h"

#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/stddef.h>
#include <linux/string.h>

#include "ring.h"

/* Peers are little-endian hosts too: see main.c. */
static_assert(sizeof(struct ndval_record) == 48);
static_assert(sizeof_field(struct ndval_record, comm) == TASK_COMM_LEN);

/**
 * ndval_reading_is_sane() - May a clock be read so?
 * @kind: of which clock
 * @reading: what somebody says it shows
 */
bool ndval_reading_is_sane(u32 kind, const struct ndval_reading *reading)
{
	if (reading->value > S64_MAX)
		return false;
	if (kind == NDVAL_VALUE_KIND_CYCLES)
		return reading->steps && reading->steps <= NDVAL_KHZ_MAX;
	return reading->steps <= S64_MAX;
}

/**
 * ndval_record_is_sane() - May a record be as it says?
 * @record: what stands before its value
 * @place: where it stands
 */
bool ndval_record_is_sane(const struct ndval_record *record, u64 place)
{
	if (record->place != place || record->instance >= NDVAL_INSTANCES)
		return false;
	if (ndval_kind_is_clock(record->kind))
		return record->length == sizeof(struct ndval_reading);
	return record->kind == NDVAL_VALUE_KIND_AGREED && record->length <= NDVAL_AGREED_MAX;
}

/**
 * ndval_records_are_sane() - Do bytes consist of whole records?
 * @data: the bytes, aligned to 8
 * @len: how many
 * @place: where the first one stands
 */
bool ndval_records_are_sane(const u8 *data, size_t len, u64 place)
{
	struct ndval_reading reading;
	struct ndval_record record;
	size_t done = 0, size;

	while (done < len) {
		if (len - done < sizeof(record))
			return false;
		memcpy(&record, data + done, sizeof(record));
		if (!ndval_record_is_sane(&record, place + done))
			return false;
		size = ndval_record_size(record.length);
		if (size > len - done)
			return false;
		if (ndval_kind_is_clock(record.kind)) {
			memcpy(&reading, data + done + sizeof(record), sizeof(reading));
			if (!ndval_reading_is_sane(record.kind, &reading))
				return false;
		}
		done += size;
	}
	return true;
}

/**
 * ndval_journal_get() - What stands before the value of a record.
 * @ring: the journal's ring
 * @place: where the record stands
 * @record: filled in
 *
 * Return: false if no record is kept there.
 */
bool ndval_journal_get(struct ndval_ring *ring, u64 place, struct ndval_record *record)
{
	return ndval_ring_copy(ring, place, (u8 *)record, sizeof(*record)) ==
	       sizeof(*record) && ndval_record_is_sane(record, place);
}

/**
 * ndval_journal_copy() - Copy whole records.
 * @ring: the journal's ring
 * @place: where the first one stands
 * @end: the last one begins before this
 * @to: to where
 * @size: room there
 *
 * Return: bytes copied, 0 if the first record does not fit.
 */
size_t ndval_journal_copy(struct ndval_ring *ring, u64 place, u64 end, u8 *to, size_t size)
{
	struct ndval_record record;
	size_t len = 0, one;

	while (place + len < end && ndval_journal_get(ring, place + len, &record)) {
		one = ndval_record_size(record.length);
		if (one > size - len)
			break;
		len += one;
	}
	return ndval_ring_copy(ring, place, to, len);
}

/* The next place after a record, or after a hole. */
static u64 next(struct ndval_ring *ring, u64 place)
{
	struct ndval_record record;

	if (place == ring->hole && ndval_ring_has_hole(ring))
		return ring->hole_end;
	if (WARN_ON_ONCE(!ndval_journal_get(ring, place, &record)))
		return ring->head;
	return place + ndval_record_size(record.length);
}

/**
 * ndval_journal_border() - Where the first record at or beyond an offset begins.
 * @ring: the journal's ring
 * @offset: inside the window
 *
 * Looks at all records before it: who moves the tail there throws them away, so
 * that each is looked at once.
 *
 * Return: the place, the head at most.
 */
u64 ndval_journal_border(struct ndval_ring *ring, u64 offset)
{
	u64 place = ring->tail;

	if (offset >= ring->head)
		return ring->head;
	while (place < offset)
		place = next(ring, place);
	return place;
}

/**
 * ndval_journal_floor() - Where the record that an offset lies in begins.
 * @ring: the journal's ring
 * @offset: an offset, which may come from a peer
 *
 * Looks at all records before it, as ndval_journal_border() does.
 *
 * Return: the place, from the tail to the head.
 */
u64 ndval_journal_floor(struct ndval_ring *ring, u64 offset)
{
	u64 place = ring->tail, end;

	if (offset >= ring->head)
		return ring->head;
	for (;;) {
		end = place < offset ? next(ring, place) : U64_MAX;
		if (end > offset)
			return place;
		place = end;
	}
}

/**
 * ndval_journal_may_end() - Can what a peer stores end at a place?
 * @ring: the journal's ring
 * @place: the place
 *
 * Looks at what stands there alone: an agreed value that looks like a record deceives it.
 */
bool ndval_journal_may_end(struct ndval_ring *ring, u64 place)
{
	struct ndval_record record;

	return place <= ring->tail || place >= ring->head ||
	       (place >= ring->hole && place < ring->hole_end) ||
	       ndval_journal_get(ring, place, &record);
}

/**
 * ndval_journal_has() - Does a record begin, or may the next one begin, at a place?
 * @ring: the journal's ring
 * @place: the place
 */
bool ndval_journal_has(struct ndval_ring *ring, u64 place)
{
	return place >= ring->tail && place <= ring->head &&
	       ndval_journal_border(ring, place) == place;
}
