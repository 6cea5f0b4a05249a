// SPDX-License-Identifier: GPL-2.0-only
/* Digests: which copies count as the same, and where they are found to differ. */
#include "../../driver/digest.c"

#include <kunit/test.h>

#define KEY	0x1234ULL
#define FAR	(1ULL << 40)

static struct ndval_digest *copy_at(struct kunit *test, u64 pos)
{
	struct ndval_digest *digest = kunit_kzalloc(test, sizeof(*digest), GFP_KERNEL);
	struct ndval_others *others = kunit_kzalloc(test, sizeof(*others), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, digest);
	KUNIT_ASSERT_NOT_NULL(test, others);
	digest->others = others;
	ndval_digest_start(digest, pos);
	return digest;
}

/* A read of @len, of which @got are delivered, cut at chunks' borders. */
static bool read_part(struct ndval_digest *digest, u32 len, u32 got)
{
	while (got) {
		u64 pos = digest->stop + digest->open;
		u32 piece = min_t(u32, got, NDVAL_CHUNK - pos % NDVAL_CHUNK);

		len -= piece;
		got -= piece;
		if (!ndval_digest_add(digest, KEY, NDVAL_VALUE_KIND_RANDOM, piece, !len))
			return false;
	}
	return true;
}

static bool read_all(struct ndval_digest *digest, u32 len)
{
	return read_part(digest, len, len);
}

/* One tells, the other hears; true if they are found to differ. */
static bool tell(struct ndval_digest *from, struct ndval_digest *to, u64 *offset)
{
	struct ndval_told told = { .copy = { .id = 7, .instance = 1 } };

	ndval_digest_tell(from, &told);
	return ndval_digest_hear(to, FAR, &told, offset);
}

static void interrupted_counts_the_same(struct kunit *test)
{
	struct ndval_digest *a = copy_at(test, 0), *b = copy_at(test, 0);
	u64 offset;

	KUNIT_EXPECT_TRUE(test, read_all(a, 10000));
	KUNIT_EXPECT_TRUE(test, read_part(b, 10000, 100));
	KUNIT_EXPECT_EQ(test, b->stop, 0ULL);
	KUNIT_EXPECT_FALSE(test, tell(b, a, &offset));
	KUNIT_EXPECT_FALSE(test, tell(a, b, &offset));
	KUNIT_EXPECT_TRUE(test, read_part(b, 9900, 4500));
	KUNIT_EXPECT_EQ(test, b->stop, 4096ULL);
	KUNIT_EXPECT_TRUE(test, read_all(b, 5400));
	KUNIT_EXPECT_EQ(test, b->npending, 0);
	KUNIT_EXPECT_FALSE(test, tell(b, a, &offset));
	KUNIT_EXPECT_FALSE(test, tell(a, b, &offset));
	KUNIT_EXPECT_EQ(test, final(&a->sum), final(&b->sum));
}

static void other_pieces_are_another_digest(struct kunit *test)
{
	struct ndval_digest *a = copy_at(test, 0), *b = copy_at(test, 0);
	u64 offset = 0;

	KUNIT_EXPECT_TRUE(test, read_all(a, 100));
	KUNIT_EXPECT_TRUE(test, read_all(b, 60));
	KUNIT_EXPECT_TRUE(test, read_all(b, 40));
	KUNIT_EXPECT_TRUE(test, tell(a, b, &offset));
	KUNIT_EXPECT_EQ(test, offset, 100ULL);
	KUNIT_EXPECT_TRUE(test, tell(b, a, &offset));

	/* As many, of other lengths. */
	a = copy_at(test, 0);
	KUNIT_EXPECT_TRUE(test, read_all(a, 40));
	KUNIT_EXPECT_TRUE(test, read_all(a, 60));
	KUNIT_EXPECT_TRUE(test, tell(a, b, &offset));

	/* As long, of another kind, or in another life of the pair. */
	a = copy_at(test, 0);
	b = copy_at(test, 0);
	KUNIT_EXPECT_TRUE(test, read_all(a, 100));
	KUNIT_EXPECT_TRUE(test, ndval_digest_add(b, KEY, NDVAL_VALUE_KIND_RANDOM + 1, 100, true));
	KUNIT_EXPECT_TRUE(test, tell(a, b, &offset));
	b = copy_at(test, 0);
	KUNIT_EXPECT_TRUE(test, ndval_digest_add(b, KEY + 1, NDVAL_VALUE_KIND_RANDOM, 100, true));
	KUNIT_EXPECT_TRUE(test, tell(a, b, &offset));
}

static void reaching_a_pending_stop_otherwise_is_found(struct kunit *test)
{
	struct ndval_digest *a = copy_at(test, 0), *b = copy_at(test, 0);
	u64 offset;

	read_all(a, 100);
	KUNIT_EXPECT_FALSE(test, tell(a, b, &offset));
	KUNIT_EXPECT_EQ(test, b->next, 100ULL);
	KUNIT_EXPECT_TRUE(test, read_all(b, 60));
	KUNIT_EXPECT_FALSE(test, read_all(b, 40));
	/* Nothing has moved, and it says what it was. */
	KUNIT_EXPECT_EQ(test, b->stop, 60ULL);
	KUNIT_EXPECT_EQ(test, b->next, 100ULL);
	KUNIT_EXPECT_EQ(test, b->found.offset, 100ULL);
	KUNIT_EXPECT_STREQ(test, b->found.reason, "it was read in other pieces up to here");
	KUNIT_EXPECT_EQ(test, b->found.own.length, 40U);
	KUNIT_EXPECT_EQ(test, b->found.own.pid, (u32)task_tgid_nr(current));
	KUNIT_EXPECT_EQ(test, b->found.other.id, 7ULL);
	KUNIT_EXPECT_EQ(test, b->found.other.piece.length, 100U);
	KUNIT_EXPECT_TRUE(test, b->found.due);
	KUNIT_EXPECT_TRUE(test, b->found.untold);
	KUNIT_EXPECT_EQ(test, b->divergences, 1U);
}

static void first_finding_stays_until_it_was_told(struct kunit *test)
{
	const struct ndval_copy other = { .id = 7 };
	struct ndval_digest *b = copy_at(test, 0);

	ndval_digest_blame(b, 100, &other);
	ndval_digest_blame(b, 50, &other);
	KUNIT_EXPECT_EQ(test, b->found.offset, 100ULL);
	KUNIT_EXPECT_EQ(test, b->divergences, 2U);
	b->found.due = false;
	ndval_digest_blame(b, 50, &other);
	KUNIT_EXPECT_EQ(test, b->found.offset, 50ULL);
	KUNIT_EXPECT_EQ(test, b->divergences, 3U);
}

static void going_past_a_pending_stop_is_found(struct kunit *test)
{
	struct ndval_digest *a = copy_at(test, 0), *b = copy_at(test, 0);
	u64 offset;

	read_all(a, 100);
	tell(a, b, &offset);
	KUNIT_EXPECT_FALSE(test, read_all(b, 101));
	KUNIT_EXPECT_EQ(test, b->found.offset, 100ULL);
	KUNIT_EXPECT_STREQ(test, b->found.reason,
			   "a piece goes past the place where the other stopped");
	/* Also by a piece that has not ended. */
	KUNIT_EXPECT_TRUE(test, read_part(b, 200, 100));
	KUNIT_EXPECT_FALSE(test, read_part(b, 100, 1));
}

static void hear_stops(struct ndval_digest *digest, unsigned int n, const u64 *offsets)
{
	struct ndval_told told = { .copy = { .id = 7 }, .n = n };
	u64 offset;

	while (n--)
		told.stops[n] = (struct ndval_stop) { offsets[n], 42 };
	ndval_digest_hear(digest, FAR, &told, &offset);
}

static void least_of_the_stops_that_a_piece_goes_past_is_found(struct kunit *test)
{
	static const u64 offsets[] = { 120, 100, 150, 400 };
	struct ndval_digest *b = copy_at(test, 0);

	hear_stops(b, 4, offsets);
	KUNIT_EXPECT_FALSE(test, read_all(b, 200));
	KUNIT_EXPECT_EQ(test, b->found.offset, 100ULL);
}

/* It may end anywhere; what is certain is that it does not end before where it is. */
static void open_piece_differs_from_nobody_up_to_where_it_is(struct kunit *test)
{
	static const u64 at = 100, inside = 50;
	struct ndval_digest *b = copy_at(test, 0);

	hear_stops(b, 1, &at);
	KUNIT_EXPECT_TRUE(test, read_part(b, 200, 100));
	KUNIT_EXPECT_FALSE(test, read_part(b, 100, 1));

	b = copy_at(test, 0);
	KUNIT_EXPECT_TRUE(test, read_part(b, 200, 100));
	hear_stops(b, 1, &inside);
	KUNIT_EXPECT_EQ(test, b->npending, 0);
	hear_stops(b, 1, &at);
	KUNIT_EXPECT_EQ(test, b->npending, 1);
	KUNIT_EXPECT_FALSE(test, read_part(b, 100, 1));
}

static void segments_begin_anew_at_their_border(struct kunit *test)
{
	struct ndval_digest *a = copy_at(test, 0), *b = copy_at(test, 5000);
	u64 offset;

	/* One that came late differs from nobody, and joins at the border. */
	while (a->stop < NDVAL_SEGMENT) {
		read_all(a, 1000);
		KUNIT_EXPECT_FALSE(test, tell(a, b, &offset));
	}
	KUNIT_EXPECT_FALSE(test, b->known);
	read_all(b, 777);
	KUNIT_EXPECT_FALSE(test, tell(b, a, &offset));
	KUNIT_EXPECT_TRUE(test, read_all(b, (u32)(NDVAL_SEGMENT - b->stop)));
	KUNIT_EXPECT_FALSE(test, tell(b, a, &offset));
	KUNIT_EXPECT_TRUE(test, b->known);
	KUNIT_EXPECT_EQ(test, b->segment, (u64)NDVAL_SEGMENT);
	/* From there on both have to do the same. */
	KUNIT_EXPECT_FALSE(test, tell(a, b, &offset));
	KUNIT_EXPECT_EQ(test, b->next, a->stop);
	KUNIT_EXPECT_FALSE(test, read_all(b, 4000));
}

/* At the border stands what the segment before it came to. */
static void piece_that_has_begun_a_segment_tells_nothing_yet(struct kunit *test)
{
	struct ndval_digest *a = copy_at(test, 0), *b = copy_at(test, 0);
	u64 offset;

	read_all(a, NDVAL_SEGMENT);
	read_all(b, NDVAL_SEGMENT);
	KUNIT_EXPECT_TRUE(test, read_part(b, 100, 50));
	KUNIT_EXPECT_FALSE(test, tell(a, b, &offset));
	KUNIT_EXPECT_FALSE(test, tell(b, a, &offset));
}

static void repositioned_to_a_border_knows_at_once(struct kunit *test)
{
	struct ndval_digest *a = copy_at(test, 0), *b = copy_at(test, NDVAL_SEGMENT);
	u64 offset;

	KUNIT_EXPECT_TRUE(test, b->known);
	read_all(a, NDVAL_SEGMENT);
	read_all(a, 10);
	tell(a, b, &offset);
	KUNIT_EXPECT_TRUE(test, read_all(b, 10));
	KUNIT_EXPECT_EQ(test, final(&a->sum), final(&b->sum));
	KUNIT_EXPECT_FALSE(test, tell(b, a, &offset));
}

/* Nothing of before counts, and what it tells from now on is told from now on. */
static void repositioned_is_as_new(struct kunit *test)
{
	static const struct ndval_finding none;
	static const struct ndval_piece no_piece;
	struct ndval_digest *a = copy_at(test, 0), *b = copy_at(test, 0);
	const struct ndval_copy other = { .id = 7 };
	struct ndval_told told;
	u64 offset;
	u32 run;

	read_all(a, 100);
	read_all(b, 30);
	read_all(b, 50);
	ndval_digest_tell(b, &told);
	run = told.copy.run;
	KUNIT_EXPECT_EQ(test, b->told, 80ULL);
	read_part(b, 20, 10);
	ndval_digest_blame(b, 80, &other);
	b->others->heard = b->found;
	ndval_digest_start(b, 0);
	KUNIT_EXPECT_EQ(test, b->told, 0ULL);
	KUNIT_EXPECT_EQ(test, b->divergences, 0U);
	KUNIT_EXPECT_MEMEQ(test, &b->last, &no_piece, sizeof(no_piece));
	KUNIT_EXPECT_MEMEQ(test, &b->found, &none, sizeof(none));
	KUNIT_EXPECT_MEMEQ(test, &b->others->heard, &none, sizeof(none));
	ndval_digest_tell(b, &told);
	KUNIT_EXPECT_EQ(test, told.n, 0U);
	KUNIT_EXPECT_NE(test, told.copy.run, run);
	KUNIT_EXPECT_FALSE(test, tell(a, b, &offset));
	KUNIT_EXPECT_TRUE(test, read_all(b, 100));
	KUNIT_EXPECT_EQ(test, final(&a->sum), final(&b->sum));
}

static void far_behind_is_not_diverged(struct kunit *test)
{
	struct ndval_digest *a = copy_at(test, 0), *b = copy_at(test, 0);
	unsigned int i;
	u64 offset;

	for (i = 0; i < 40000; i++) {
		KUNIT_ASSERT_TRUE(test, read_all(a, 1 + i % 37));
		if (i % 100 == 0)
			KUNIT_ASSERT_FALSE(test, tell(a, b, &offset));
	}
	KUNIT_EXPECT_EQ(test, a->nstops, NDVAL_STOPS);
	KUNIT_EXPECT_EQ(test, b->npending, NDVAL_STOPS);
	/* It knows the last ones of itself, and awaits the first ones of others. */
	KUNIT_EXPECT_GT(test, a->stops[0].offset, b->others->pending[NDVAL_STOPS - 1].stop.offset);
	for (i = 0; i < 40000; i++) {
		KUNIT_ASSERT_TRUE(test, read_all(b, 1 + i % 37));
		if (i % 1000 == 0) {
			KUNIT_ASSERT_FALSE(test, tell(a, b, &offset));
			KUNIT_ASSERT_FALSE(test, tell(b, a, &offset));
		}
	}
	KUNIT_EXPECT_EQ(test, a->stop, b->stop);
	KUNIT_EXPECT_EQ(test, final(&a->sum), final(&b->sum));
}

static void far_behind_is_found_at_a_segments_end(struct kunit *test)
{
	struct ndval_digest *a = copy_at(test, 0), *b = copy_at(test, 0);
	u64 offset;

	while (a->stop < 3 * NDVAL_SEGMENT)
		read_all(a, 512);
	read_all(b, 511);
	read_all(b, 1);
	while (b->stop < NDVAL_SEGMENT)
		read_all(b, 512);
	KUNIT_EXPECT_TRUE(test, tell(a, b, &offset));
	KUNIT_EXPECT_EQ(test, offset, (u64)NDVAL_SEGMENT);
}

static void once_a_segment_is_enough(struct kunit *test)
{
	struct ndval_digest *a = copy_at(test, 0), *b = copy_at(test, 0);
	u64 offset;

	read_all(a, 100);
	tell(a, b, &offset);
	KUNIT_EXPECT_FALSE(test, read_all(b, 200));
	ndval_digest_forget(b);
	KUNIT_EXPECT_TRUE(test, read_all(b, 200));
	read_all(a, 1000);
	KUNIT_EXPECT_FALSE(test, tell(a, b, &offset));
	KUNIT_EXPECT_FALSE(test, tell(b, a, &offset));
	KUNIT_EXPECT_EQ(test, b->nstops, 0);
	while (b->stop < NDVAL_SEGMENT)
		KUNIT_EXPECT_TRUE(test, read_all(b, 4096));
	KUNIT_EXPECT_TRUE(test, b->known);
}

static void told_twice_is_known_once(struct kunit *test)
{
	struct ndval_digest *a = copy_at(test, 0);
	struct ndval_told told;

	read_all(a, 100);
	ndval_digest_tell(a, &told);
	ndval_digest_tell(a, &told);
	KUNIT_EXPECT_EQ(test, told.n, 1U);
}

static void first_place_where_two_differ_counts(struct kunit *test)
{
	struct ndval_digest *a = copy_at(test, 0);
	struct ndval_told own, told = {
		.copy = { .id = 7 }, .n = 2, .stops = { { .offset = 160 }, { .offset = 100 } },
	};
	u64 offset = 0;

	read_all(a, 100);
	ndval_digest_tell(a, &own);
	read_all(a, 60);
	ndval_digest_tell(a, &own);
	KUNIT_EXPECT_TRUE(test, ndval_digest_hear(a, FAR, &told, &offset));
	KUNIT_EXPECT_EQ(test, offset, 100ULL);
}

static void full_table_keeps_what_it_has(struct kunit *test)
{
	struct ndval_digest *b = copy_at(test, 0);
	struct ndval_told told = { .copy = { .id = 7 }, .n = 1 };
	unsigned int i;
	u64 offset;

	for (i = 1; i <= 100; i++) {
		told.stops[0].offset = 100 * i;
		/* Twice the same takes no more room than once. */
		ndval_digest_hear(b, FAR, &told, &offset);
		ndval_digest_hear(b, FAR, &told, &offset);
		KUNIT_EXPECT_EQ(test, b->npending, min_t(u32, i, NDVAL_STOPS));
	}
	KUNIT_EXPECT_EQ(test, b->next, 100ULL);
	KUNIT_EXPECT_EQ(test, b->others->pending[NDVAL_STOPS - 1].stop.offset,
			100ULL * NDVAL_STOPS);
	/* Of two that differ from each other one at least differs from this one. */
	ndval_digest_drop(b);
	told.stops[0].offset = 1000;
	ndval_digest_hear(b, 1000, &told, &offset);
	KUNIT_EXPECT_EQ(test, b->npending, 1);
	told.stops[0].digest++;
	ndval_digest_hear(b, 1000, &told, &offset);
	KUNIT_EXPECT_EQ(test, b->npending, 2);
	/* What can't be is not kept. */
	ndval_digest_drop(b);
	told.stops[0].offset = 1001;
	ndval_digest_hear(b, 1000, &told, &offset);
	KUNIT_EXPECT_EQ(test, b->npending, 0);
	KUNIT_EXPECT_EQ(test, b->next, U64_MAX);
}

static void another_run_voids_what_was_told(struct kunit *test)
{
	struct ndval_digest *b = copy_at(test, 0);
	struct ndval_told told = {
		.copy = { .id = 7, .instance = 3, .run = 1 }, .n = 1,
		.stops = { { .offset = 100 } },
	};
	u64 offset;

	ndval_digest_hear(b, FAR, &told, &offset);
	told.copy.id = 8;
	told.stops[0].offset = 200;
	ndval_digest_hear(b, FAR, &told, &offset);
	told.copy.instance = 4;
	told.stops[0].offset = 300;
	ndval_digest_hear(b, FAR, &told, &offset);
	KUNIT_EXPECT_EQ(test, b->npending, 3);
	told.copy.instance = 3;
	told.copy.run = 2;
	told.n = 0;
	ndval_digest_hear(b, FAR, &told, &offset);
	KUNIT_EXPECT_EQ(test, b->npending, 2);
	KUNIT_EXPECT_EQ(test, b->next, 100ULL);
	ndval_digest_drop_member(b, 7);
	KUNIT_EXPECT_EQ(test, b->next, 300ULL);
	ndval_digest_drop_member(b, 8);
	KUNIT_EXPECT_EQ(test, b->next, U64_MAX);
}

/* A copy that is known to be another is no measure for what comes after. */
static void who_differs_is_not_awaited(struct kunit *test)
{
	struct ndval_digest *a = copy_at(test, 0);
	struct ndval_told told = {
		.copy = { .id = 7 }, .n = 2, .stops = { { .offset = 100 }, { .offset = 160 } },
	};
	struct ndval_told own = {};
	u64 offset = 0;

	KUNIT_EXPECT_TRUE(test, ndval_digest_add(a, 1, 0, 100, true));
	ndval_digest_tell(a, &own);
	KUNIT_EXPECT_TRUE(test, ndval_digest_hear(a, FAR, &told, &offset));
	KUNIT_EXPECT_EQ(test, offset, 100ULL);
	KUNIT_EXPECT_EQ(test, a->npending, 0);
	KUNIT_EXPECT_TRUE(test, ndval_digest_add(a, 1, 0, 60, true));
	KUNIT_EXPECT_TRUE(test, ndval_digest_add(a, 1, 0, 60, true));
}

/* One that was stopped tells so by its run; one that is put elsewhere still awaits. */
static void stops_ahead_outlive_a_reposition_and_no_divergence(struct kunit *test)
{
	struct ndval_digest *a = copy_at(test, 0), *b = copy_at(test, 0);
	struct ndval_told told = { .copy = { .id = 7 } };
	u64 offset;

	KUNIT_EXPECT_TRUE(test, ndval_digest_add(b, 1, 0, 100, true));
	ndval_digest_tell(b, &told);
	ndval_digest_hear(a, FAR, &told, &offset);
	ndval_digest_start(a, 50);
	KUNIT_EXPECT_EQ(test, a->next, 100ULL);
	ndval_digest_forget(b);
	ndval_digest_tell(b, &told);
	ndval_digest_hear(a, FAR, &told, &offset);
	KUNIT_EXPECT_EQ(test, a->next, U64_MAX);
}

static struct ndval_sum new_sum(const siphash_key_t *key)
{
	return (struct ndval_sum) { .state = {
		SIPHASH_CONST_0 ^ key->key[0], SIPHASH_CONST_1 ^ key->key[1],
		SIPHASH_CONST_2 ^ key->key[0], SIPHASH_CONST_3 ^ key->key[1],
	} };
}

/* The sum is that of the kernel's siphash, word by word. */
static void digest_is_a_siphash(struct kunit *test)
{
	siphash_key_t key = { { 1, 2 } };
	struct ndval_sum sum = new_sum(&key);

	absorb(sum.state, 3);
	absorb(sum.state, 4);
	absorb(sum.state, 16ULL << 56);	/* bytes, as siphash ends */
	KUNIT_EXPECT_EQ(test, final(&sum), siphash_2u64(3, 4, &key));
}

/* Pieces of one size in a row are one word, whether they are over or not. */
static void same_pieces_are_a_word(struct kunit *test)
{
	u64 words[] = { 2ULL << 48 | 3 << 16 | 16, 2ULL << 48 | 1 << 16 | 8 };
	siphash_key_t key = { { 1, 2 } };
	struct ndval_sum sum = new_sum(&key);
	struct ndval_sum same = sum;
	int i;

	for (i = 0; i < 3; i++)
		add_piece(&sum, 2, 16);
	absorb(same.state, words[0]);
	KUNIT_EXPECT_EQ(test, final(&sum), final(&same));
	add_piece(&sum, 2, 8);
	absorb(same.state, words[1]);
	KUNIT_EXPECT_EQ(test, final(&sum), final(&same));
	/* It is not used up by being looked at. */
	KUNIT_EXPECT_EQ(test, final(&sum), final(&same));
}

static struct kunit_case digest_cases[] = {
	KUNIT_CASE(interrupted_counts_the_same),
	KUNIT_CASE(other_pieces_are_another_digest),
	KUNIT_CASE(reaching_a_pending_stop_otherwise_is_found),
	KUNIT_CASE(first_finding_stays_until_it_was_told),
	KUNIT_CASE(going_past_a_pending_stop_is_found),
	KUNIT_CASE(least_of_the_stops_that_a_piece_goes_past_is_found),
	KUNIT_CASE(open_piece_differs_from_nobody_up_to_where_it_is),
	KUNIT_CASE(segments_begin_anew_at_their_border),
	KUNIT_CASE(piece_that_has_begun_a_segment_tells_nothing_yet),
	KUNIT_CASE(repositioned_to_a_border_knows_at_once),
	KUNIT_CASE(repositioned_is_as_new),
	KUNIT_CASE(far_behind_is_not_diverged),
	KUNIT_CASE(far_behind_is_found_at_a_segments_end),
	KUNIT_CASE(once_a_segment_is_enough),
	KUNIT_CASE(told_twice_is_known_once),
	KUNIT_CASE(first_place_where_two_differ_counts),
	KUNIT_CASE(full_table_keeps_what_it_has),
	KUNIT_CASE(another_run_voids_what_was_told),
	KUNIT_CASE(who_differs_is_not_awaited),
	KUNIT_CASE(stops_ahead_outlive_a_reposition_and_no_divergence),
	KUNIT_CASE(digest_is_a_siphash),
	KUNIT_CASE(same_pieces_are_a_word),
	{}
};

static struct kunit_suite digest_suite = {
	.name		= "ndval_digest",
	.test_cases	= digest_cases,
};

kunit_test_suite(digest_suite);
