// SPDX-License-Identifier: GPL-2.0-only
/*
 * The journal: whole records in a ring, wherever chunks and holes cut it. A
 * record's value is known from its place, so whatever is read can be checked.
 */
#include "../../driver/journal.c"

#include <kunit/test.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/sizes.h>

#include "mem.h"

#define CHUNK		((u64)NDVAL_CHUNK)

/* Most bytes of one VALUES. */
#define BYTES		SZ_16K

/* A journal's ring with its account, and room for what is stored and read. */
struct ground {
	struct ndval_mem	mem;
	struct ndval_ring	ring;
	u8			bytes[BYTES] __aligned(8);
	u8			record[round_up(NDVAL_RECORD_MAX, 8)] __aligned(8);
};

/* Where a test's journal begins: records cross what may be a limit of a type. */
static const struct base {
	const char	*shown;
	u64		at;
} bases[] = {
	{ "0", 0 },
	{ "near 2^31", BIT_ULL(31) - 2 * CHUNK - 1000 },
	{ "near 2^32", BIT_ULL(32) - 2 * CHUNK - 1000 },
	{ "chunk 2^32", BIT_ULL(32 + NDVAL_CHUNK_SHIFT) - 2 * CHUNK - 1000 },
	{ "near 2^62", BIT_ULL(62) - 2 * CHUNK - 1000 },
	{ "near 2^63", NDVAL_OFFSET_MAX - SZ_16M },
};

KUNIT_ARRAY_PARAM_DESC(base, bases, shown);

static int journal_test_init(struct kunit *test)
{
	struct ground *ground = kunit_kzalloc(test, sizeof(*ground), GFP_KERNEL);

	if (!ground)
		return -ENOMEM;
	ndval_mem_set_total_max(S64_MAX);
	ground->mem.max = SZ_1M;
	ndval_ring_init(&ground->ring, &ground->mem);
	test->priv = ground;
	return 0;
}

static void journal_test_exit(struct kunit *test)
{
	struct ground *ground = test->priv;

	if (!ground)
		return;
	ndval_ring_destroy(&ground->ring);
	KUNIT_EXPECT_EQ(test, ndval_mem_used(&ground->mem), 0);
}

/* Stands the journal where the test's parameter says. */
static struct ground *begin(struct kunit *test)
{
	const struct base *base = test->param_value;
	struct ground *ground = test->priv;

	ndval_ring_reset(&ground->ring, base->at);
	return ground;
}

static u8 byte_of(u64 place, u32 i)
{
	return ((place + i) * 0x9e3779b97f4a7c15ULL) >> 56;
}

/* An agreed value of so many bytes, as it stands at a place. Returns its size. */
static size_t make_agreed(u8 *to, u64 place, u32 length)
{
	const struct ndval_record record = {
		.kind = NDVAL_VALUE_KIND_AGREED, .length = length, .place = place,
	};
	size_t size = ndval_record_size(length);
	u32 i;

	memset(to, 0, size);
	memcpy(to, &record, sizeof(record));
	for (i = 0; i < length; i++)
		to[sizeof(record) + i] = byte_of(place, i);
	return size;
}

static size_t make_reading(u8 *to, u64 place, u32 kind, u64 value, u64 steps)
{
	const struct ndval_reading reading = { .value = value, .steps = steps };
	const struct ndval_record record = {
		.kind = kind, .length = sizeof(reading), .place = place,
	};

	memcpy(to, &record, sizeof(record));
	memcpy(to + sizeof(record), &reading, sizeof(reading));
	return sizeof(record) + sizeof(reading);
}

static int store_piece(struct ground *ground, const u8 *data, size_t len)
{
	struct ndval_ring *ring = &ground->ring;
	struct ndval_chunk *spare;
	int err;

	spare = ndval_chunk_create(&ground->mem, GFP_KERNEL | __GFP_ZERO);
	if (IS_ERR(spare))
		return PTR_ERR(spare);
	err = ndval_ring_reserve(ring, ring->head, GFP_KERNEL) ?:
	      ndval_ring_store(ring, ring->head, data, len, &spare);
	ndval_chunk_put(spare);
	return err;
}

static int store(struct ground *ground, const u8 *data, size_t len)
{
	size_t piece;
	int err = 0;

	while (len && !err) {
		piece = min_t(size_t, len, CHUNK - ground->ring.head % CHUNK);
		err = store_piece(ground, data, piece);
		data += piece;
		len -= piece;
	}
	return err;
}

/* One more record at the head; its place. */
static u64 append(struct kunit *test, u32 length)
{
	struct ground *ground = test->priv;
	u64 place = ground->ring.head;
	size_t size = make_agreed(ground->record, place, length);

	KUNIT_ASSERT_EQ(test, store(ground, ground->record, size), 0);
	return place;
}

/* What is at a place is the record that was appended there, whole. */
static void expect_record(struct kunit *test, u64 place, u32 length)
{
	struct ground *ground = test->priv;
	size_t size = make_agreed(ground->record, place, length);
	struct ndval_record record;

	memset(&record, 0xa5, sizeof(record));
	KUNIT_ASSERT_TRUE(test, ndval_journal_get(&ground->ring, place, &record));
	KUNIT_EXPECT_EQ(test, record.kind, NDVAL_VALUE_KIND_AGREED);
	KUNIT_EXPECT_EQ(test, record.length, length);
	memset(ground->bytes, 0xa5, BYTES);
	KUNIT_ASSERT_EQ(test, ndval_journal_copy(&ground->ring, place, place + 1,
						 ground->bytes, BYTES), size);
	KUNIT_EXPECT_EQ(test, memcmp(ground->bytes, ground->record, size), 0);
	KUNIT_EXPECT_TRUE(test, ndval_records_are_sane(ground->bytes, size, place));
}

/* Each length once, so that borders of chunks cut records wherever they can. */
static void records_of_every_length(struct kunit *test)
{
	struct ground *ground = begin(test);
	struct ndval_ring *ring = &ground->ring;
	u64 place, last = ring->tail;
	u32 length;

	for (length = 0; length <= NDVAL_AGREED_MAX; length++) {
		place = append(test, length);
		KUNIT_ASSERT_EQ(test, ring->head,
				place + round_up(sizeof(struct ndval_record) + length, 8));
		expect_record(test, place, length);
		KUNIT_ASSERT_TRUE(test, ndval_journal_has(ring, place));
		KUNIT_ASSERT_TRUE(test, ndval_journal_has(ring, ring->head));
		KUNIT_ASSERT_EQ(test, ndval_journal_border(ring, place + 1), ring->head);
		KUNIT_ASSERT_EQ(test, ndval_journal_floor(ring, ring->head - 1), place);
		/* The last one stays, so that two stand side by side. */
		ndval_ring_advance(ring, last, NULL);
		if (length)
			KUNIT_ASSERT_EQ(test, ndval_journal_border(ring, last + 1), place);
		last = place;
	}
}

/* A record in which nothing is wrong, and one thing that is. */
static const struct lie {
	const char	*shown;
	u32		kind;
	u32		length;
	u32		instance;
	s64		moved;		/* from where it stands */
	u64		value;
	u64		steps;
	bool		good;
} lies[] = {
	{ "a clock", NDVAL_VALUE_KIND_REALTIME, 16, .good = true },
	{ "the highest reading", NDVAL_VALUE_KIND_TAI, 16, 7, 0, S64_MAX, S64_MAX, true },
	{ "cycles", NDVAL_VALUE_KIND_CYCLES, 16, 0, 0, S64_MAX, NDVAL_KHZ_MAX, true },
	{ "slow cycles", NDVAL_VALUE_KIND_CYCLES, 16, 0, 0, 0, 1, true },
	{ "agreed", NDVAL_VALUE_KIND_AGREED, 16, .value = U64_MAX, .steps = U64_MAX,
	  .good = true },
	{ "random", NDVAL_VALUE_KIND_RANDOM, 16 },
	{ "beyond all kinds", NDVAL_VALUE_KIND_AGREED + 1, 16 },
	{ "no kind", U32_MAX, 16 },
	{ "a short clock", NDVAL_VALUE_KIND_MONOTONIC, 15 },
	{ "a long clock", NDVAL_VALUE_KIND_MONOTONIC, 17 },
	{ "a clock of nothing", NDVAL_VALUE_KIND_BOOTTIME, 0 },
	{ "one byte too many", NDVAL_VALUE_KIND_AGREED, NDVAL_AGREED_MAX + 1 },
	{ "a length that wraps", NDVAL_VALUE_KIND_AGREED, U32_MAX - 47 },
	{ "the longest length", NDVAL_VALUE_KIND_AGREED, U32_MAX },
	{ "no instance", NDVAL_VALUE_KIND_AGREED, 16, NDVAL_INSTANCES },
	{ "the place before", NDVAL_VALUE_KIND_AGREED, 16, 0, -8 },
	{ "the place behind", NDVAL_VALUE_KIND_AGREED, 16, 0, 1 },
	{ "a place that wraps", NDVAL_VALUE_KIND_AGREED, 16, 0, S64_MIN },
	{ "a place of 32 bits", NDVAL_VALUE_KIND_AGREED, 16, 0, BIT_ULL(32) },
	{ "a reading beyond", NDVAL_VALUE_KIND_REALTIME, 16, 0, 0, BIT_ULL(63) },
	{ "steps beyond", NDVAL_VALUE_KIND_TAI, 16, 0, 0, 1, BIT_ULL(63) },
	{ "cycles beyond", NDVAL_VALUE_KIND_CYCLES, 16, 0, 0, U64_MAX, 1000 },
	{ "cycles of no frequency", NDVAL_VALUE_KIND_CYCLES, 16 },
	{ "cycles too fast", NDVAL_VALUE_KIND_CYCLES, 16, 0, 0, 1, NDVAL_KHZ_MAX + 1 },
};

KUNIT_ARRAY_PARAM_DESC(lie, lies, shown);

/* Where the record that may be wrong stands, alone, first, last and in the middle. */
static void nonsense_is_seen_wherever_it_stands(struct kunit *test)
{
	const struct lie *lie = test->param_value;
	struct ground *ground = test->priv;
	unsigned int before, behind;
	u64 place = BIT_ULL(32) - 200;
	struct ndval_record record;
	size_t at, len;

	for (before = 0; before < 3; before++) {
		for (behind = 0; behind < 3; behind++) {
			len = 0;
			while (len < before * 64)
				len += make_agreed(ground->bytes + len, place + len, 9);
			at = len;
			len += make_reading(ground->bytes + len, place + len, lie->kind,
					    lie->value, lie->steps);
			memcpy(&record, ground->bytes + at, sizeof(record));
			record.length = lie->length;
			record.instance = lie->instance;
			record.place += lie->moved;
			memcpy(ground->bytes + at, &record, sizeof(record));
			KUNIT_EXPECT_EQ(test, ndval_record_is_sane(&record, place + at),
					lie->good || lie->value > S64_MAX ||
					lie->steps > S64_MAX ||
					(lie->kind == NDVAL_VALUE_KIND_CYCLES &&
					 lie->length == 16));
			while (len < at + (behind + 1) * 64)
				len += make_agreed(ground->bytes + len, place + len, 16);
			KUNIT_EXPECT_EQ(test,
					ndval_records_are_sane(ground->bytes, len, place),
					lie->good);
		}
	}
}

/* Two records, of which so many bytes have come: only whole ones will do. */
static void what_is_cut_is_no_record(struct kunit *test)
{
	struct ground *ground = test->priv;
	size_t first, both, len;

	first = make_agreed(ground->bytes, 8, 21);
	both = first + make_reading(ground->bytes + first, 8 + first,
				    NDVAL_VALUE_KIND_BOOTTIME, 5, 0);
	for (len = 0; len <= both; len++)
		KUNIT_EXPECT_EQ(test, ndval_records_are_sane(ground->bytes, len, 8),
				!len || len == first || len == both);
	/* Behind them a header that only begins, or says more than there is. */
	memset(ground->bytes + both, 0, 64);
	KUNIT_EXPECT_FALSE(test, ndval_records_are_sane(ground->bytes, both + 8, 8));
	make_agreed(ground->bytes + both, 8 + both, 100);
	KUNIT_EXPECT_FALSE(test, ndval_records_are_sane(ground->bytes, both + 147, 8));
	KUNIT_EXPECT_FALSE(test, ndval_records_are_sane(ground->bytes, both + 151, 8));
	KUNIT_EXPECT_TRUE(test, ndval_records_are_sane(ground->bytes, both + 152, 8));
}

/* Whole records only: as many as fit, as begin before the end, and no others. */
static void copy_is_of_whole_records(struct kunit *test)
{
	static const u32 lengths[] = { 3, 0, 4096, 16, 700, 4000, 1 };
	struct ground *ground = begin(test);
	struct ndval_ring *ring = &ground->ring;
	u64 places[ARRAY_SIZE(lengths) + 1], from, end;
	size_t size, want, got;
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		places[i] = append(test, lengths[i]);
	places[i] = ring->head;
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		from = places[i];
		for (n = i; n < ARRAY_SIZE(lengths); n++) {
			want = places[n + 1] - from;
			/* Room for just that, for less, and for a bit more. */
			got = ndval_journal_copy(ring, from, U64_MAX, ground->bytes, want);
			KUNIT_EXPECT_EQ(test, got, want);
			KUNIT_EXPECT_TRUE(test,
					  ndval_records_are_sane(ground->bytes, got, from));
			got = ndval_journal_copy(ring, from, U64_MAX, ground->bytes, want - 1);
			KUNIT_EXPECT_EQ(test, got, places[n] - from);
			got = ndval_journal_copy(ring, from, U64_MAX, ground->bytes, want + 47);
			KUNIT_EXPECT_EQ(test, got, want);
			/* One that begins before the end is copied whole. */
			end = places[n] + 1;
			got = ndval_journal_copy(ring, from, end, ground->bytes, BYTES);
			KUNIT_EXPECT_EQ(test, got, want);
			got = ndval_journal_copy(ring, from, places[n], ground->bytes, BYTES);
			KUNIT_EXPECT_EQ(test, got, places[n] - from);
		}
	}
	for (size = 0; size < ndval_record_size(3); size++)
		KUNIT_EXPECT_EQ(test, ndval_journal_copy(ring, places[0], U64_MAX,
							 ground->bytes, size), 0);
	/* Nothing is written beyond what it says. */
	memset(ground->bytes, 0xa5, BYTES);
	got = ndval_journal_copy(ring, places[0], U64_MAX, ground->bytes, 130);
	KUNIT_EXPECT_EQ(test, got, places[2] - places[0]);
	KUNIT_EXPECT_EQ(test, ground->bytes[got], 0xa5);
	/* No record begins there. */
	KUNIT_EXPECT_EQ(test, ndval_journal_copy(ring, places[1] + 8, U64_MAX,
						 ground->bytes, BYTES), 0);
	KUNIT_EXPECT_EQ(test, ndval_journal_copy(ring, ring->head, U64_MAX,
						 ground->bytes, BYTES), 0);
	ndval_ring_advance(ring, places[1], NULL);
	KUNIT_EXPECT_EQ(test, ndval_journal_copy(ring, places[0], U64_MAX,
						 ground->bytes, BYTES), 0);
}

/* An offset of the record, or hole, that begins at @place and ends at @end. */
static void expect_inside(struct kunit *test, u64 at, u64 place, u64 end)
{
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;

	if (at >= end)
		return;
	KUNIT_EXPECT_EQ(test, ndval_journal_has(ring, at), at == place);
	KUNIT_EXPECT_EQ(test, ndval_journal_floor(ring, at), place);
	KUNIT_EXPECT_EQ(test, ndval_journal_border(ring, at), at == place ? at : end);
}

/* Places where something may begin, @n of them, from the tail to the head. */
static void expect_places(struct kunit *test, const u64 *places, unsigned int n)
{
	static const u32 offsets[] = { 0, 1, 7, 8, 47, 48, 49, 64, 4095, 4096, 4097 };
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	unsigned int i, k;

	KUNIT_ASSERT_EQ(test, ring->tail, places[0]);
	KUNIT_ASSERT_EQ(test, ring->head, places[n - 1]);
	for (i = 0; i + 1 < n; i++) {
		for (k = 0; k < ARRAY_SIZE(offsets); k++)
			expect_inside(test, places[i] + offsets[k], places[i], places[i + 1]);
		expect_inside(test, places[i + 1] - 1, places[i], places[i + 1]);
	}
	KUNIT_EXPECT_TRUE(test, ndval_journal_has(ring, ring->head));
	KUNIT_EXPECT_FALSE(test, ndval_journal_has(ring, ring->head + 1));
	KUNIT_EXPECT_FALSE(test, ndval_journal_has(ring, U64_MAX));
	KUNIT_EXPECT_EQ(test, ndval_journal_border(ring, ring->head), ring->head);
	KUNIT_EXPECT_EQ(test, ndval_journal_border(ring, U64_MAX), ring->head);
	KUNIT_EXPECT_EQ(test, ndval_journal_floor(ring, ring->head), ring->head);
	KUNIT_EXPECT_EQ(test, ndval_journal_floor(ring, U64_MAX), ring->head);
	if (!ring->tail)
		return;
	KUNIT_EXPECT_FALSE(test, ndval_journal_has(ring, ring->tail - 1));
	KUNIT_EXPECT_EQ(test, ndval_journal_border(ring, ring->tail - 1), ring->tail);
	KUNIT_EXPECT_EQ(test, ndval_journal_floor(ring, ring->tail - 1), ring->tail);
}

static void places_are_known_as_the_tail_moves(struct kunit *test)
{
	static const u32 lengths[] = { 16, 4, 300, 4096, 0, 9 };
	struct ground *ground = begin(test);
	u64 places[ARRAY_SIZE(lengths) + 1];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		places[i] = append(test, lengths[i]);
	places[i] = ground->ring.head;
	for (i = 0; i <= ARRAY_SIZE(lengths); i++) {
		ndval_ring_advance(&ground->ring, places[i], NULL);
		expect_places(test, places + i, ARRAY_SIZE(places) - i);
	}
	/* Empty, and it goes on from there. */
	places[0] = append(test, 5);
	places[1] = ground->ring.head;
	expect_places(test, places, 2);
}

/* Nothing begins inside a hole; behind it, where it ends. */
static void holes_are_jumped_over(struct kunit *test)
{
	struct ground *ground = begin(test);
	struct ndval_ring *ring = &ground->ring;
	struct ndval_record record;
	u64 places[6];

	places[0] = append(test, 100);
	places[1] = append(test, 16);
	places[2] = ring->head;
	/* No multiple of 8: a peer says where it ends. */
	places[3] = ring->head + 2 * CHUNK + 13;
	ndval_ring_skip(ring, places[3]);
	expect_places(test, places, 4);
	KUNIT_EXPECT_EQ(test, append(test, 4096), places[3]);
	places[4] = append(test, 0);
	places[5] = ring->head;
	expect_places(test, places, 6);
	expect_record(test, places[3], 4096);
	KUNIT_EXPECT_FALSE(test, ndval_journal_get(ring, places[2], &record));
	KUNIT_EXPECT_FALSE(test, ndval_journal_get(ring, places[3] - 8, &record));
	/* A copy ends where the hole begins. */
	KUNIT_EXPECT_EQ(test, ndval_journal_copy(ring, places[0], U64_MAX, ground->bytes,
						 BYTES), places[2] - places[0]);
	KUNIT_EXPECT_EQ(test, ndval_journal_copy(ring, places[2], U64_MAX, ground->bytes,
						 BYTES), 0);
	ndval_ring_advance(ring, places[1], NULL);
	expect_places(test, places + 1, 5);
	ndval_ring_advance(ring, places[2], NULL);
	expect_places(test, places + 3, 3);
}

static void truncated_and_reset_it_goes_on(struct kunit *test)
{
	struct ground *ground = begin(test);
	struct ndval_ring *ring = &ground->ring;
	u64 places[5];

	places[0] = append(test, 4000);
	places[1] = append(test, 50);
	places[2] = append(test, 2000);
	ndval_ring_truncate(ring, places[2]);
	expect_places(test, places, 3);
	/* Another one there, with another end. */
	KUNIT_EXPECT_EQ(test, append(test, 1), places[2]);
	places[3] = ring->head;
	expect_places(test, places, 4);
	expect_record(test, places[2], 1);
	/* A hole that is cut, and one that goes. */
	ndval_ring_skip(ring, places[3] + 1000);
	places[4] = places[3] + 500;
	ndval_ring_truncate(ring, places[4]);
	expect_places(test, places, 5);
	ndval_ring_truncate(ring, places[3]);
	expect_places(test, places, 4);
	/* All of it, and from the beginning. */
	ndval_ring_truncate(ring, places[0]);
	expect_places(test, places, 1);
	ndval_ring_reset(ring, 0);
	places[0] = append(test, 77);
	KUNIT_EXPECT_EQ(test, places[0], 0);
	places[1] = ring->head;
	expect_places(test, places, 2);
	expect_record(test, places[0], 77);
}

static struct kunit_case journal_cases[] = {
	KUNIT_CASE_PARAM(records_of_every_length, base_gen_params),
	KUNIT_CASE_PARAM(nonsense_is_seen_wherever_it_stands, lie_gen_params),
	KUNIT_CASE(what_is_cut_is_no_record),
	KUNIT_CASE_PARAM(copy_is_of_whole_records, base_gen_params),
	KUNIT_CASE_PARAM(places_are_known_as_the_tail_moves, base_gen_params),
	KUNIT_CASE_PARAM(holes_are_jumped_over, base_gen_params),
	KUNIT_CASE_PARAM(truncated_and_reset_it_goes_on, base_gen_params),
	{}
};

static struct kunit_suite journal_suite = {
	.name		= "ndval_journal",
	.init		= journal_test_init,
	.exit		= journal_test_exit,
	.test_cases	= journal_cases,
};

kunit_test_suite(journal_suite);
