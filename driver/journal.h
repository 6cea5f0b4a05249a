/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_JOURNAL_H
#define NDVAL_JOURNAL_H

#include <linux/align.h>
#include <linux/types.h>
#include <linux/ndval.h>
#include <linux/ndval_netlink.h>

struct ndval_ring;

/**
 * struct ndval_reading - value of a record whose kind is a clock
 * @value: nanoseconds, or cycles of the pair
 * @steps: how often the clock was set in the pair's life; of cycles, their frequency in
 *	kHz, that of the pair's first primary
 */
struct ndval_reading {
	u64	value;
	u64	steps;
};

/* Most bytes of a record. */
#define NDVAL_RECORD_MAX	(sizeof(struct ndval_record) + NDVAL_AGREED_MAX)

/**
 * ndval_record_size() - Bytes that a record takes in the journal.
 * @length: of its value
 */
static inline size_t ndval_record_size(u32 length)
{
	return ALIGN(sizeof(struct ndval_record) + length, 8);
}

static inline bool ndval_kind_is_clock(u32 kind)
{
	return kind >= NDVAL_VALUE_KIND_REALTIME && kind <= NDVAL_VALUE_KIND_CYCLES;
}

/* No processor counts faster. */
#define NDVAL_KHZ_MAX		100000000

bool ndval_reading_is_sane(u32 kind, const struct ndval_reading *reading);
bool ndval_record_is_sane(const struct ndval_record *record, u64 place);
bool ndval_records_are_sane(const u8 *data, size_t len, u64 place);
bool ndval_journal_get(struct ndval_ring *ring, u64 place, struct ndval_record *record);
size_t ndval_journal_copy(struct ndval_ring *ring, u64 place, u64 end, u8 *to, size_t size);
u64 ndval_journal_border(struct ndval_ring *ring, u64 offset);
u64 ndval_journal_floor(struct ndval_ring *ring, u64 offset);
bool ndval_journal_may_end(struct ndval_ring *ring, u64 place);
bool ndval_journal_has(struct ndval_ring *ring, u64 place);

#endif /* NDVAL_JOURNAL_H */
