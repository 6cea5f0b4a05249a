// SPDX-License-Identifier: GPL-2.0-only
/* Histories: how much two copies of a stream have in common. */
#include "../../driver/history.c"

#include <kunit/test.h>

/* A member's epochs and where they began in one stream. */
struct side {
	struct ndval_history	history;
	u64			starts[NDVAL_EPOCHS];
};

/* The two of each test; not on the stack, where they are too large. */
static struct side a, b;

static int forget_all(struct kunit *test)
{
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	return 0;
}

static void add(struct side *side, u64 id, u64 start)
{
	u64 number = side->history.n ? side->history.epochs[side->history.n - 1].number : 0;
	bool merged = ndval_history_push(&side->history, number + 1, id);

	ndval_history_push_start(&side->history, merged, side->starts, start);
}

static u64 common(const struct side *one, const struct side *other)
{
	return ndval_history_common(&one->history, one->starts,
				    &other->history, other->starts);
}

static void expect_common(struct kunit *test, u64 end)
{
	KUNIT_EXPECT_EQ(test, common(&a, &b), end);
	KUNIT_EXPECT_EQ(test, common(&b, &a), end);
}

static void same_epochs_have_all_in_common(struct kunit *test)
{
	expect_common(test, U64_MAX);
	add(&a, 11, 0);
	add(&b, 11, 0);
	expect_common(test, U64_MAX);
	KUNIT_EXPECT_EQ(test, a.history.epochs[0].id, 11);
	KUNIT_EXPECT_EQ(test, a.history.n, 1);
}

static void newer_epoch_begins_where_it_says(struct kunit *test)
{
	add(&a, 11, 0);
	add(&b, 11, 0);
	add(&b, 12, BIT_ULL(32) + 5);
	expect_common(test, BIT_ULL(32) + 5);
}

/* The schedule of finding C2: the newest epoch's start alone is too high. */
static void epoch_in_between_that_began_earlier_counts(struct kunit *test)
{
	add(&a, 11, 0);
	add(&b, 11, 0);
	add(&b, 12, 100);
	add(&b, 13, 200);
	expect_common(test, 100);
}

/* The schedule of finding C3: two epochs of one number are not the same. */
static void epochs_are_told_apart_by_id(struct kunit *test)
{
	add(&a, 11, 0);
	add(&a, 21, 50);
	add(&b, 11, 0);
	add(&b, 12, 70);
	add(&b, 13, 90);
	expect_common(test, 50);
}

static void strangers_have_nothing_in_common(struct kunit *test)
{
	add(&a, 11, 0);
	add(&b, 12, 0);
	expect_common(test, 0);
	memset(&a, 0, sizeof(a));
	expect_common(test, 0);
}

/*
 * Of the oldest two the newer one's name stays, with the smaller start; who still
 * knows both does not take the older one for what sets the two apart.
 */
static void full_history_goes_on(struct kunit *test)
{
	unsigned int i;

	add(&a, 1, 0);
	add(&b, 1, 0);
	for (i = 2; i <= NDVAL_EPOCHS; i++) {
		add(&a, i, 10 * i);
		add(&b, i, 10 * i);
	}
	KUNIT_EXPECT_EQ(test, a.history.n, NDVAL_EPOCHS);
	add(&b, 100, 1000);
	KUNIT_EXPECT_EQ(test, b.history.n, NDVAL_EPOCHS);
	KUNIT_EXPECT_EQ(test, b.history.epochs[0].id, 2);
	KUNIT_EXPECT_EQ(test, b.starts[0], 0);
	KUNIT_EXPECT_EQ(test, b.starts[1], 30);
	KUNIT_EXPECT_EQ(test, b.starts[NDVAL_EPOCHS - 1], 1000);
	KUNIT_EXPECT_EQ(test, b.history.epochs[NDVAL_EPOCHS - 1].number, NDVAL_EPOCHS + 1);
	expect_common(test, 1000);
	add(&a, 101, 900);
	expect_common(test, 900);
	ndval_history_adopt(&a.history, a.starts, &b.history, 900);
	KUNIT_EXPECT_EQ(test, a.starts[0], 0);
	KUNIT_EXPECT_EQ(test, a.starts[1], 30);
	KUNIT_EXPECT_EQ(test, a.starts[NDVAL_EPOCHS - 1], 900);
}

/* Away for so long that the other knows no epoch that is known here. */
static void forgotten_epochs_are_not_common(struct kunit *test)
{
	unsigned int i;

	add(&a, 1, 0);
	add(&b, 1, 0);
	for (i = 2; i <= NDVAL_EPOCHS + 1; i++)
		add(&b, i, 10 * i);
	expect_common(test, 0);
}

/* The oldest that is adopted may have merged what is known here, and smaller. */
static void adopted_oldest_epoch_begins_where_what_it_merged_did(struct kunit *test)
{
	unsigned int i;

	add(&a, 1, 0);
	add(&b, 1, 0);
	for (i = 2; i <= NDVAL_EPOCHS; i++) {
		add(&a, i, 10 * i);
		add(&b, i, 10 * i);
	}
	add(&b, 100, 1000);
	ndval_history_adopt(&a.history, a.starts, &b.history, common(&a, &b));
	KUNIT_EXPECT_EQ(test, a.starts[0], 0);
	KUNIT_EXPECT_EQ(test, a.starts[1], 30);
	KUNIT_EXPECT_EQ(test, a.starts[NDVAL_EPOCHS - 1], 1000);
}

static void adopted_epochs_begin_where_known_or_lower(struct kunit *test)
{
	add(&a, 11, 0);
	add(&a, 12, 40);
	add(&a, 13, 60);
	add(&b, 11, 0);
	add(&b, 12, 40);
	add(&b, 14, 50);
	add(&b, 15, 80);
	ndval_history_adopt(&a.history, a.starts, &b.history, common(&a, &b));
	KUNIT_EXPECT_EQ(test, a.starts[0], 0);
	KUNIT_EXPECT_EQ(test, a.starts[1], 40);
	KUNIT_EXPECT_EQ(test, a.starts[2], 50);
	KUNIT_EXPECT_EQ(test, a.starts[3], 50);
}

static struct kunit_case history_cases[] = {
	KUNIT_CASE(same_epochs_have_all_in_common),
	KUNIT_CASE(newer_epoch_begins_where_it_says),
	KUNIT_CASE(epoch_in_between_that_began_earlier_counts),
	KUNIT_CASE(epochs_are_told_apart_by_id),
	KUNIT_CASE(strangers_have_nothing_in_common),
	KUNIT_CASE(full_history_goes_on),
	KUNIT_CASE(forgotten_epochs_are_not_common),
	KUNIT_CASE(adopted_oldest_epoch_begins_where_what_it_merged_did),
	KUNIT_CASE(adopted_epochs_begin_where_known_or_lower),
	{}
};

static struct kunit_suite history_suite = {
	.name		= "ndval_history",
	.init		= forget_all,
	.test_cases	= history_cases,
};

kunit_test_suite(history_suite);
