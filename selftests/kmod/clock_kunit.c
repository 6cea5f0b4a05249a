// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clocks of a pair, on hosts that the tests make up: what is read of a host
 * here is what the test has set, so that readings are known to the nanosecond.
 */
#include <kunit/test.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/timex.h>

/*
 * A host: its CLOCK_BOOTTIME, what others are ahead of it, and the cycles of its counter
 * in a millisecond.
 */
struct machine {
	u64	boot;
	s64	real;
	s64	tai;
	s64	mono;
	u64	khz;
	u64	counter;	/* ns of CLOCK_BOOTTIME at which it began */
};

/* The one that the code under test runs on. */
static struct machine *here;

static s64 offset_here(enum tk_offsets which)
{
	switch (which) {
	case TK_OFFS_REAL:
		return here->real - here->mono;
	case TK_OFFS_TAI:
		return here->tai - here->mono;
	default:
		return -here->mono;
	}
}

#define ndval_cycles()			((here->boot - here->counter) / 1000 * (here->khz / 1000))
#define ndval_cycles_khz()		(here->khz)
#define ktime_get_real_ns()		(here->boot + here->real)
#define ktime_get_ns()			(here->boot + here->mono)
#define ktime_get_boottime_ns()		(here->boot)
#define ktime_get_clocktai_ns()		(here->boot + here->tai)
#define ktime_mono_to_any(time, which)	((time) + offset_here(which))

#include "../../driver/clock.c"

#define MS		((u64)NSEC_PER_MSEC)
#define SEC		((u64)NSEC_PER_SEC)
#define DAY		(86400 * SEC)
#define YEAR		(365 * DAY)

/* What the driver would have told. */
static unsigned int reports;
static u32 told_kind;
static s64 told_step;

void ndval_pair_report(struct ndval_pair *pair)
{
	reports++;
}

void ndval_event_clock_step(struct ndval_pair *pair, u32 kind, s64 step)
{
	told_kind = kind;
	told_step = step;
}

/* Two hosts with a pair each: an old one, and a young one with a faster counter. */
struct world {
	struct machine		old;
	struct machine		young;
	struct ndval_pair	*first;		/* on the old one, the primary */
	struct ndval_pair	*second;	/* on the young one */
};

static struct ndval_pair *make_pair(struct kunit *test, u8 role)
{
	struct ndval_pair *pair = kunit_kzalloc(test, sizeof(*pair), GFP_KERNEL);

	if (!pair)
		return NULL;
	mutex_init(&pair->lock);
	pair->role = role;
	pair->clocks = kunit_kzalloc(test, sizeof(*pair->clocks), GFP_KERNEL);
	if (!pair->clocks)
		return NULL;
	spin_lock_init(&pair->clocks->lock);
	ndval_clocks_begin(pair);
	return pair;
}

static int clock_test_init(struct kunit *test)
{
	struct world *world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);

	if (!world)
		return -ENOMEM;
	world->old = (struct machine) {
		.boot = 300 * DAY, .real = 50 * YEAR, .tai = 50 * YEAR + 37 * SEC,
		.mono = -(s64)(2 * DAY), .khz = 1000000,
	};
	world->young = (struct machine) {
		.boot = 5 * SEC, .real = 50 * YEAR + 300 * DAY,
		.tai = 50 * YEAR + 300 * DAY + 37 * SEC, .khz = 3000000,
	};
	here = &world->old;
	world->first = make_pair(test, NDVAL_ROLE_PRIMARY);
	here = &world->young;
	world->second = make_pair(test, NDVAL_ROLE_SECONDARY);
	if (!world->first || !world->second)
		return -ENOMEM;
	here = &world->old;
	reports = 0;
	test->priv = world;
	return 0;
}

static void pass(struct world *world, u64 ns)
{
	world->old.boot += ns;
	world->young.boot += ns;
}

static struct ndval_reading read(struct kunit *test, struct ndval_pair *pair, u32 kind)
{
	struct ndval_reading reading = {};

	ndval_clock_read(pair, kind, &reading);
	KUNIT_EXPECT_TRUE(test, ndval_reading_is_sane(kind, &reading));
	return reading;
}

/* Reads at the primary what the secondary hears. */
static struct ndval_reading replicate(struct kunit *test, struct world *world, u32 kind)
{
	struct ndval_reading reading;

	here = &world->old;
	reading = read(test, world->first, kind);
	here = &world->young;
	ndval_clock_heard(world->second, kind, &reading);
	return reading;
}

static void fail_over(struct world *world)
{
	here = &world->young;
	world->second->role = NDVAL_ROLE_PRIMARY;
	ndval_clocks_take_over(world->second);
}

static void clocks_of_the_first_primary_are_its_hosts(struct kunit *test)
{
	struct world *world = test->priv;
	struct ndval_pair *pair = world->first;
	struct machine *host = here;

	KUNIT_EXPECT_EQ(test, read(test, pair, NDVAL_VALUE_KIND_REALTIME).value,
			host->boot + host->real);
	KUNIT_EXPECT_EQ(test, read(test, pair, NDVAL_VALUE_KIND_MONOTONIC).value,
			298 * DAY);
	KUNIT_EXPECT_EQ(test, read(test, pair, NDVAL_VALUE_KIND_BOOTTIME).value, 300 * DAY);
	KUNIT_EXPECT_EQ(test, read(test, pair, NDVAL_VALUE_KIND_TAI).value,
			host->boot + host->tai);
	KUNIT_EXPECT_EQ(test, read(test, pair, NDVAL_VALUE_KIND_CYCLES).value, 300 * DAY);
	KUNIT_EXPECT_EQ(test, read(test, pair, NDVAL_VALUE_KIND_CYCLES).steps, 1000000);
	KUNIT_EXPECT_EQ(test, read(test, pair, NDVAL_VALUE_KIND_REALTIME).steps, 0);
	KUNIT_EXPECT_EQ(test, pair->clocks->reads, 7);
	pass(world, 1);
	KUNIT_EXPECT_EQ(test, read(test, pair, NDVAL_VALUE_KIND_MONOTONIC).value,
			298 * DAY + 1);
	KUNIT_EXPECT_EQ(test, reports, 0);
}

/* Those that are the pair's go on where another host takes over. */
static const u32 counted[] = { NDVAL_VALUE_KIND_MONOTONIC, NDVAL_VALUE_KIND_BOOTTIME };

static void uptime_goes_on_on_a_younger_host(struct kunit *test)
{
	struct world *world = test->priv;
	struct ndval_reading last;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(counted); i++) {
		world->second->role = NDVAL_ROLE_SECONDARY;
		last = replicate(test, world, counted[i]);
		/* What has passed since it heard is not lost, nor given twice. */
		pass(world, 250 * MS);
		fail_over(world);
		KUNIT_EXPECT_EQ(test, read(test, world->second, counted[i]).value,
				last.value + 250 * MS);
		pass(world, 1);
		KUNIT_EXPECT_EQ(test, read(test, world->second, counted[i]).value,
				last.value + 250 * MS + 1);
		pass(world, YEAR);
		KUNIT_EXPECT_EQ(test, read(test, world->second, counted[i]).value,
				last.value + 250 * MS + 1 + YEAR);
	}
}

static void uptime_goes_on_on_an_older_host(struct kunit *test)
{
	struct world *world = test->priv;
	struct ndval_reading last;

	world->young.boot = 900 * DAY;
	last = replicate(test, world, NDVAL_VALUE_KIND_BOOTTIME);
	KUNIT_EXPECT_EQ(test, last.value, 300 * DAY);
	pass(world, MS);
	fail_over(world);
	KUNIT_EXPECT_EQ(test, read(test, world->second, NDVAL_VALUE_KIND_BOOTTIME).value,
			300 * DAY + MS);
}

/* There and back: the floor that came back counts, not the offset from before. */
static void uptime_goes_on_there_and_back(struct kunit *test)
{
	struct world *world = test->priv;
	struct ndval_reading last;
	unsigned int i;

	last = replicate(test, world, NDVAL_VALUE_KIND_MONOTONIC);
	for (i = 0; i < 4; i++) {
		struct ndval_pair *to = i % 2 ? world->first : world->second;
		struct ndval_pair *from = i % 2 ? world->second : world->first;

		from->role = NDVAL_ROLE_SECONDARY;
		to->role = NDVAL_ROLE_PRIMARY;
		here = i % 2 ? &world->old : &world->young;
		pass(world, SEC);
		ndval_clocks_take_over(to);
		KUNIT_EXPECT_EQ(test, read(test, to, NDVAL_VALUE_KIND_MONOTONIC).value,
				last.value + SEC);
		pass(world, SEC);
		last = read(test, to, NDVAL_VALUE_KIND_MONOTONIC);
		here = i % 2 ? &world->young : &world->old;
		ndval_clock_heard(from, NDVAL_VALUE_KIND_MONOTONIC, &last);
	}
}

/* What was never read needs no floor: it is the new host's own. */
static void clock_that_was_never_read_begins_at_the_new_host(struct kunit *test)
{
	struct world *world = test->priv;

	replicate(test, world, NDVAL_VALUE_KIND_MONOTONIC);
	fail_over(world);
	KUNIT_EXPECT_EQ(test, read(test, world->second, NDVAL_VALUE_KIND_BOOTTIME).value,
			5 * SEC);
}

static void cycles_stay_in_the_first_primarys_units(struct kunit *test)
{
	struct world *world = test->priv;
	struct ndval_reading last, next;

	last = replicate(test, world, NDVAL_VALUE_KIND_CYCLES);
	KUNIT_EXPECT_EQ(test, last.steps, 1000000);
	pass(world, 3 * MS);
	fail_over(world);
	next = read(test, world->second, NDVAL_VALUE_KIND_CYCLES);
	KUNIT_EXPECT_EQ(test, next.steps, 1000000);
	KUNIT_EXPECT_EQ(test, next.value, last.value + 3000000);
	/* Its counter is three times as fast: the pair's is not. */
	pass(world, MS);
	KUNIT_EXPECT_EQ(test, read(test, world->second, NDVAL_VALUE_KIND_CYCLES).value,
			next.value + 1000000);
	pass(world, 10 * YEAR);
	KUNIT_EXPECT_EQ(test, read(test, world->second, NDVAL_VALUE_KIND_CYCLES).value,
			next.value + 1000000 + 10 * YEAR);
}

static void values_are_scaled_exactly(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, scale(0, 1, 1), 0);
	KUNIT_EXPECT_EQ(test, scale(2999, 1000, 3000), 999);
	KUNIT_EXPECT_EQ(test, scale(3000, 1000, 3000), 1000);
	KUNIT_EXPECT_EQ(test, scale(7, 3000, 1000), 21);
	KUNIT_EXPECT_EQ(test, scale(S64_MAX, 1000000, 1000000), S64_MAX);
	/* Where the product has more than 64 bits. */
	KUNIT_EXPECT_EQ(test, scale(YEAR, 3000000, 1000000), 3 * YEAR);
	KUNIT_EXPECT_EQ(test, scale(9 * YEAR + 2, NSEC_PER_MSEC, 3 * NSEC_PER_MSEC), 3 * YEAR);
	KUNIT_EXPECT_EQ(test, scale(YEAR / 2, NDVAL_KHZ_MAX, NSEC_PER_MSEC), 50 * YEAR);
	KUNIT_EXPECT_EQ(test, scale(NDVAL_KHZ_MAX - 1ULL, NDVAL_KHZ_MAX, NDVAL_KHZ_MAX),
			NDVAL_KHZ_MAX - 1ULL);
}

/* A counter that begins anew, as after a suspend, or of a slow processor. */
static void counter_that_goes_back_goes_on(struct kunit *test)
{
	static const u32 kinds[] = {
		NDVAL_VALUE_KIND_MONOTONIC, NDVAL_VALUE_KIND_CYCLES,
	};
	struct world *world = test->priv;
	struct ndval_reading last;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		last = read(test, world->first, kinds[i]);
		/* A little, as processors differ: or each time it would run ahead by that. */
		world->old.boot -= 1000;
		KUNIT_EXPECT_EQ(test, read(test, world->first, kinds[i]).value, last.value);
		world->old.boot += 1000;
		KUNIT_EXPECT_EQ(test, read(test, world->first, kinds[i]).value, last.value);
		world->old.mono -= 100 * DAY;
		world->old.counter += 100 * DAY;
		pass(world, SEC);
		KUNIT_EXPECT_EQ(test, read(test, world->first, kinds[i]).value,
				last.value + SEC);
		pass(world, SEC);
		KUNIT_EXPECT_EQ(test, read(test, world->first, kinds[i]).value,
				last.value + 2 * SEC);
	}
}

static const u32 set_by_people[] = { NDVAL_VALUE_KIND_REALTIME, NDVAL_VALUE_KIND_TAI };

/* The new primary's clock is behind: it stands, is counted once, and goes on. */
static void date_that_is_behind_stands_until_it_is_reached(struct kunit *test)
{
	struct world *world = test->priv;
	struct ndval_clock_state *clock;
	struct ndval_reading last;
	unsigned int i;

	world->young.real -= 10 * SEC;
	world->young.tai -= 10 * SEC;
	for (i = 0; i < ARRAY_SIZE(set_by_people); i++) {
		u64 begin, own;

		world->second->role = NDVAL_ROLE_SECONDARY;
		last = replicate(test, world, set_by_people[i]);
		fail_over(world);
		clock = clock_of(world->second->clocks, set_by_people[i]);
		own = host_clock(world->second->clocks, set_by_people[i]);
		begin = last.value - own;
		KUNIT_ASSERT_GT(test, last.value, own);
		KUNIT_EXPECT_EQ(test, read(test, world->second, set_by_people[i]).value,
				last.value);
		pass(world, begin - 1);
		KUNIT_EXPECT_EQ(test, read(test, world->second, set_by_people[i]).value,
				last.value);
		KUNIT_EXPECT_TRUE(test, clock->stands);
		KUNIT_EXPECT_EQ(test, clock->stood, begin);
		pass(world, 2);
		KUNIT_EXPECT_EQ(test, read(test, world->second, set_by_people[i]).value,
				last.value + 1);
		KUNIT_EXPECT_FALSE(test, clock->stands);
		KUNIT_EXPECT_EQ(test, clock->stood, begin);
		KUNIT_EXPECT_EQ(test, clock->floor.steps, 0);
	}
	KUNIT_EXPECT_EQ(test, reports, 0);
}

/* A member that steps down while its clock stands, and takes over again: it stood twice. */
static void date_stands_anew_in_another_term(struct kunit *test)
{
	struct world *world = test->priv;
	struct ndval_clock_state *clock;
	u64 stood;

	world->young.real -= 10 * SEC;
	replicate(test, world, NDVAL_VALUE_KIND_REALTIME);
	fail_over(world);
	read(test, world->second, NDVAL_VALUE_KIND_REALTIME);
	clock = clock_of(world->second->clocks, NDVAL_VALUE_KIND_REALTIME);
	stood = clock->stood;
	KUNIT_EXPECT_GT(test, stood, 0);
	world->second->role = NDVAL_ROLE_SECONDARY;
	fail_over(world);
	pass(world, SEC);
	read(test, world->second, NDVAL_VALUE_KIND_REALTIME);
	KUNIT_EXPECT_EQ(test, clock->stood, 2 * stood - SEC);
}

/* One that is ahead is the pair's from now on. */
static void date_that_is_ahead_jumps(struct kunit *test)
{
	struct world *world = test->priv;
	struct ndval_reading last, next;

	world->young.real += DAY;
	last = replicate(test, world, NDVAL_VALUE_KIND_REALTIME);
	fail_over(world);
	next = read(test, world->second, NDVAL_VALUE_KIND_REALTIME);
	KUNIT_EXPECT_LT(test, last.value, next.value);
	KUNIT_EXPECT_EQ(test, next.value, here->boot + here->real);
	KUNIT_EXPECT_EQ(test, next.steps, 0);
	KUNIT_EXPECT_EQ(test, clock_of(world->second->clocks,
				       NDVAL_VALUE_KIND_REALTIME)->stood, 0);
}

/* An administrator sets the clock of the primary, also back: readings follow. */
static void date_that_is_set_is_followed_and_told(struct kunit *test)
{
	struct world *world = test->priv;
	struct ndval_pair *pair = world->first;
	struct ndval_reading before, after;

	before = read(test, pair, NDVAL_VALUE_KIND_REALTIME);
	here->real -= DAY;
	after = read(test, pair, NDVAL_VALUE_KIND_REALTIME);
	KUNIT_EXPECT_EQ(test, after.value, before.value - DAY);
	KUNIT_EXPECT_EQ(test, after.steps, 1);
	KUNIT_EXPECT_EQ(test, reports, 1);
	KUNIT_EXPECT_EQ(test, read(test, pair, NDVAL_VALUE_KIND_TAI).steps, 0);
	KUNIT_EXPECT_EQ(test, read(test, pair, NDVAL_VALUE_KIND_MONOTONIC).steps, 0);
	/* Again, before the first was told: the event tells of both. */
	here->real += 3 * DAY;
	KUNIT_EXPECT_EQ(test, read(test, pair, NDVAL_VALUE_KIND_REALTIME).steps, 2);
	mutex_lock(&pair->lock);
	ndval_clocks_report(pair);
	KUNIT_EXPECT_EQ(test, told_kind, NDVAL_VALUE_KIND_REALTIME);
	KUNIT_EXPECT_EQ(test, told_step, (s64)(2 * DAY));
	told_kind = 0;
	ndval_clocks_report(pair);
	KUNIT_EXPECT_EQ(test, told_kind, 0);
	mutex_unlock(&pair->lock);
	/* A leap second, or adjtimex(2), that sets TAI alone. */
	here->tai += SEC;
	KUNIT_EXPECT_EQ(test, read(test, pair, NDVAL_VALUE_KIND_TAI).steps, 1);
	KUNIT_EXPECT_EQ(test, read(test, pair, NDVAL_VALUE_KIND_REALTIME).steps, 2);
}

/* Set back while it stands: it does not stand any more. */
static void date_that_is_set_while_it_stands_goes_on(struct kunit *test)
{
	struct world *world = test->priv;
	struct ndval_reading last, next;

	world->young.real -= DAY;
	last = replicate(test, world, NDVAL_VALUE_KIND_REALTIME);
	fail_over(world);
	next = read(test, world->second, NDVAL_VALUE_KIND_REALTIME);
	KUNIT_EXPECT_EQ(test, next.value, last.value);
	here->real -= SEC;
	next = read(test, world->second, NDVAL_VALUE_KIND_REALTIME);
	KUNIT_EXPECT_EQ(test, next.steps, 1);
	KUNIT_EXPECT_EQ(test, next.value, here->boot + here->real);
	pass(world, 1);
	KUNIT_EXPECT_EQ(test, read(test, world->second, NDVAL_VALUE_KIND_REALTIME).value,
			next.value + 1);
}

/* A clock that was set before this member took over is none that was set since. */
static void date_that_was_set_before_is_not_told(struct kunit *test)
{
	struct world *world = test->priv;

	replicate(test, world, NDVAL_VALUE_KIND_REALTIME);
	world->young.real += SEC;
	fail_over(world);
	KUNIT_EXPECT_EQ(test, read(test, world->second, NDVAL_VALUE_KIND_REALTIME).steps, 0);
	KUNIT_EXPECT_EQ(test, reports, 0);
}

/* Whatever comes in whatever order: first how often it was set, then what it shows. */
static void late_message_does_not_undo_a_step(struct kunit *test)
{
	static const struct {
		struct ndval_reading	heard;
		bool			later;
	} messages[] = {
		{ { 100, 0 }, true },
		{ { 99, 0 }, false },
		{ { 100, 0 }, false },
		{ { 101, 0 }, true },
		{ { 50, 1 }, true },
		{ { 1000, 0 }, false },
		{ { 51, 1 }, true },
		{ { S64_MAX, 0 }, false },
		{ { 1, S64_MAX }, true },
		{ { S64_MAX, 1 }, false },
	};
	struct world *world = test->priv;
	struct ndval_clocks_told told = {};
	struct ndval_reading last = {};
	struct ndval_clock_state *clock;
	unsigned int i, how;

	for (how = 0; how < 2; how++) {
		ndval_clocks_begin(world->second);
		clock = clock_of(world->second->clocks, NDVAL_VALUE_KIND_REALTIME);
		for (i = 0; i < ARRAY_SIZE(messages); i++) {
			u64 heard = clock->heard;

			pass(world, 1);
			here = &world->young;
			told.floor[0] = messages[i].heard;
			if (how)
				ndval_clocks_hear(world->second, &told);
			else
				ndval_clock_heard(world->second, NDVAL_VALUE_KIND_REALTIME,
						  &messages[i].heard);
			if (messages[i].later)
				last = messages[i].heard;
			KUNIT_EXPECT_EQ(test, clock->floor.value, last.value);
			KUNIT_EXPECT_EQ(test, clock->floor.steps, last.steps);
			KUNIT_EXPECT_EQ(test, clock->heard,
					messages[i].later ? here->boot : heard);
		}
	}
	/* What is not told of is not heard. */
	KUNIT_EXPECT_EQ(test, clock_of(world->second->clocks,
				       NDVAL_VALUE_KIND_TAI)->floor.value, 0);
}

/* What a primary tells is what its clocks show, of those that were ever read. */
static void primary_tells_what_was_read_and_goes_on(struct kunit *test)
{
	struct world *world = test->priv;
	struct ndval_clocks_told told;
	struct ndval_reading real;
	unsigned int i;

	memset(&told, 0xa5, sizeof(told));
	KUNIT_EXPECT_FALSE(test, ndval_clocks_tell(world->first, &told));
	KUNIT_EXPECT_NULL(test, memchr_inv(&told, 0, sizeof(told)));
	real = read(test, world->first, NDVAL_VALUE_KIND_REALTIME);
	read(test, world->first, NDVAL_VALUE_KIND_BOOTTIME);
	pass(world, SEC);
	KUNIT_EXPECT_TRUE(test, ndval_clocks_tell(world->first, &told));
	KUNIT_EXPECT_TRUE(test, ndval_clocks_are_sane(&told));
	/* The date is in step anyhow, and would stand without need. */
	KUNIT_EXPECT_EQ(test, told.floor[0].value, real.value);
	KUNIT_EXPECT_EQ(test, told.floor[1].value, 0);
	KUNIT_EXPECT_EQ(test, told.floor[2].value, 300 * DAY + SEC);
	KUNIT_EXPECT_EQ(test, told.floor[3].value, 0);
	KUNIT_EXPECT_EQ(test, told.floor[4].value, 0);
	/* Who hears of it goes on from there, and tells it as it is, a secondary. */
	here = &world->young;
	ndval_clocks_hear(world->second, &told);
	pass(world, SEC);
	memset(&told, 0xa5, sizeof(told));
	KUNIT_EXPECT_TRUE(test, ndval_clocks_tell(world->second, &told));
	KUNIT_EXPECT_EQ(test, told.floor[2].value, 300 * DAY + SEC);
	fail_over(world);
	KUNIT_EXPECT_EQ(test, read(test, world->second, NDVAL_VALUE_KIND_BOOTTIME).value,
			300 * DAY + 2 * SEC);
	/* Another life. */
	ndval_clocks_begin(world->second);
	KUNIT_EXPECT_FALSE(test, ndval_clocks_tell(world->second, &told));
	for (i = 0; i < ARRAY_SIZE(counted); i++)
		KUNIT_EXPECT_EQ(test, read(test, world->second, counted[i]).value,
				here->boot);
}

static void floors_that_can_not_be_are_refused(struct kunit *test)
{
	struct ndval_clocks_told told;
	unsigned int i;

	for (i = 0; i < NDVAL_CLOCKS; i++) {
		bool cycles = i == NDVAL_CLOCKS - 1;

		memset(&told, 0, sizeof(told));
		KUNIT_EXPECT_TRUE(test, ndval_clocks_are_sane(&told));
		told.floor[i].value = S64_MAX;
		KUNIT_EXPECT_EQ(test, ndval_clocks_are_sane(&told), !cycles);
		told.floor[i].steps = NDVAL_KHZ_MAX;
		KUNIT_EXPECT_TRUE(test, ndval_clocks_are_sane(&told));
		told.floor[i].steps = NDVAL_KHZ_MAX + 1ULL;
		KUNIT_EXPECT_EQ(test, ndval_clocks_are_sane(&told), !cycles);
		told.floor[i].steps = BIT_ULL(63);
		KUNIT_EXPECT_FALSE(test, ndval_clocks_are_sane(&told));
		told.floor[i].steps = 1;
		told.floor[i].value = BIT_ULL(63);
		KUNIT_EXPECT_FALSE(test, ndval_clocks_are_sane(&told));
		told.floor[i].value = U64_MAX;
		KUNIT_EXPECT_FALSE(test, ndval_clocks_are_sane(&told));
	}
}

/* The highest floor that a peer can have told: readings stay such as peers take. */
static void highest_floor_leaves_readings_sane(struct kunit *test)
{
	const struct ndval_reading highest = { .value = S64_MAX, .steps = S64_MAX };
	const struct ndval_reading cycles = { .value = S64_MAX, .steps = NDVAL_KHZ_MAX };
	struct world *world = test->priv;
	struct ndval_clocks_told told;
	u32 kind;

	here = &world->young;
	for (kind = NDVAL_VALUE_KIND_REALTIME; kind < NDVAL_VALUE_KIND_CYCLES; kind++)
		ndval_clock_heard(world->second, kind, &highest);
	ndval_clock_heard(world->second, NDVAL_VALUE_KIND_CYCLES, &cycles);
	pass(world, SEC);
	fail_over(world);
	pass(world, SEC);
	for (kind = NDVAL_VALUE_KIND_REALTIME; kind <= NDVAL_VALUE_KIND_CYCLES; kind++)
		KUNIT_EXPECT_EQ(test, read(test, world->second, kind).value, S64_MAX);
	here->real -= SEC;
	here->tai -= SEC;
	for (kind = NDVAL_VALUE_KIND_REALTIME; kind <= NDVAL_VALUE_KIND_CYCLES; kind++)
		read(test, world->second, kind);
	KUNIT_EXPECT_TRUE(test, ndval_clocks_tell(world->second, &told));
	KUNIT_EXPECT_TRUE(test, ndval_clocks_are_sane(&told));
}

static struct kunit_case clock_cases[] = {
	KUNIT_CASE(clocks_of_the_first_primary_are_its_hosts),
	KUNIT_CASE(uptime_goes_on_on_a_younger_host),
	KUNIT_CASE(uptime_goes_on_on_an_older_host),
	KUNIT_CASE(uptime_goes_on_there_and_back),
	KUNIT_CASE(clock_that_was_never_read_begins_at_the_new_host),
	KUNIT_CASE(cycles_stay_in_the_first_primarys_units),
	KUNIT_CASE(values_are_scaled_exactly),
	KUNIT_CASE(counter_that_goes_back_goes_on),
	KUNIT_CASE(date_that_is_behind_stands_until_it_is_reached),
	KUNIT_CASE(date_stands_anew_in_another_term),
	KUNIT_CASE(date_that_is_ahead_jumps),
	KUNIT_CASE(date_that_is_set_is_followed_and_told),
	KUNIT_CASE(date_that_is_set_while_it_stands_goes_on),
	KUNIT_CASE(date_that_was_set_before_is_not_told),
	KUNIT_CASE(late_message_does_not_undo_a_step),
	KUNIT_CASE(primary_tells_what_was_read_and_goes_on),
	KUNIT_CASE(floors_that_can_not_be_are_refused),
	KUNIT_CASE(highest_floor_leaves_readings_sane),
	{}
};

static struct kunit_suite clock_suite = {
	.name		= "ndval_clock",
	.init		= clock_test_init,
	.test_cases	= clock_cases,
};

kunit_test_suite(clock_suite);
