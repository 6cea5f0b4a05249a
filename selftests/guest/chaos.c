// SPDX-License-Identifier: GPL-2.0-only
/*
 * Members of a group fail, are cut off, take over and come back in random
 * order, while applications read and draw from journals at all of them; a judge
 * compares what they got.
 * A round is a life of the group, some twenty such steps. chaos.h tells who does
 * what, chaos_check.h what must hold. From a seed that is printed (NDVAL_SEED
 * chooses another; a round that fails prints the seed that begins with it);
 * NDVAL_ROUNDS makes it longer, NDVAL_CHAOS_MODE=NAME allows one mode only.
 *
 * vm: sources=chaos_check.c,chaos_relay.c,chaos_world.c,chaos_app.c
 * vm: sources=chaos_journal.c,chaos_manager.c,chaos_steps.c,peer.c,../../tools/lib/nl.c
 * vm: libs="-lmnl -lpthread" timeout=400
 */
#include "kselftest_harness.h"
#include "common.h"
#include "chaos.h"

#define SEED		0x6368616f73ULL
#define ROUNDS		30
#define STEPS		20
#define LIMIT		50000

/* Longest that one thing may take on the slowest kernel, in s. */
#define LIMIT_SLOW	60

/* The judge finds what is wrong; with invented logs. */

FIXTURE(judge) {
	struct judge *check;
};

FIXTURE_SETUP(judge)
{
	self->check = check_new();
	ASSERT_NE(NULL, self->check);
	check_begin(self->check, true, false);
}

FIXTURE_TEARDOWN(judge)
{
	check_free(self->check);
}

TEST_F(judge, finds_nothing_where_all_is_well)
{
	struct judge *check = self->check;

	check_deliver(check, 0, 0, 0, "abcdef", 6);
	check_deliver(check, 1, 0, 0, "abc", 3);
	check_deliver(check, 1, 0, 3, "defg", 4);
	check_deliver(check, 1, 1, 0, "other", 5);
	check_position(check, 0, 0, 2);
	check_deliver(check, 0, 0, 2, "cd", 2);
	check_head(check, 1, 0, 7, check_needed(check, 0));
	check_stores(check, 1, 0, 1, "bcdefg", 6);
	check_same(check, 0, 1);
	check_memory(check, 0, 100, 100);
	EXPECT_FALSE(check_differ(check, 0, 1));
	EXPECT_EQ(0, check->faults) TH_LOG("%s", check->what);
	EXPECT_EQ(8, check->bytes.compared);
	EXPECT_EQ(6, check->bytes.audited);
}

TEST_F(judge, finds_two_values_at_one_place)
{
	check_deliver(self->check, 0, 2, 0, "abcdef", 6);
	check_position(self->check, 1, 2, 3);
	check_deliver(self->check, 1, 2, 3, "dxf", 3);
	EXPECT_EQ(FAULT_AGREEMENT, self->check->fault);
}

TEST_F(judge, finds_two_values_of_a_member_that_died)
{
	check_deliver(self->check, 0, 0, 0, "abc", 3);
	check_forget(self->check, 0);
	check_deliver(self->check, 0, 0, 0, "abd", 3);
	EXPECT_EQ(FAULT_AGREEMENT, self->check->fault);
}

TEST_F(judge, finds_a_gap_and_a_repeat)
{
	check_deliver(self->check, 0, 0, 0, "abc", 3);
	check_deliver(self->check, 0, 0, 4, "e", 1);
	EXPECT_EQ(FAULT_ONCE, self->check->fault);
	check_begin(self->check, true, false);
	check_deliver(self->check, 0, 0, 0, "abc", 3);
	check_deliver(self->check, 0, 0, 2, "cd", 2);
	EXPECT_EQ(FAULT_ONCE, self->check->fault);
}

TEST_F(judge, finds_a_successor_that_lacks_values)
{
	check_deliver(self->check, 0, 0, 0, "abc", 3);
	check_forget(self->check, 0);
	check_head(self->check, 1, 0, 2, check_needed(self->check, 0));
	EXPECT_EQ(FAULT_COMMIT, self->check->fault);
}

TEST_F(judge, finds_a_successor_with_other_values)
{
	check_deliver(self->check, 0, 0, 0, "abc", 3);
	check_stores(self->check, 1, 0, 1, "bd", 2);
	EXPECT_EQ(FAULT_COMMIT, self->check->fault);
}

TEST_F(judge, holds_async_to_what_fsync_confirmed)
{
	check_begin(self->check, false, true);
	check_deliver(self->check, 0, 0, 0, "abcdef", 6);
	check_durable(self->check, 0, 0, 3);
	EXPECT_EQ(3, check_needed(self->check, 0));
	check_head(self->check, 1, 0, 3, check_needed(self->check, 0));
	EXPECT_EQ(0, self->check->faults);
	check_head(self->check, 1, 0, 2, check_needed(self->check, 0));
	EXPECT_EQ(FAULT_COMMIT, self->check->fault);
}

TEST_F(judge, finds_that_what_fsync_confirmed_is_another)
{
	check_begin(self->check, false, true);
	check_deliver(self->check, 0, 0, 0, "abcdef", 6);
	check_durable(self->check, 0, 0, 3);
	/* What was not confirmed may be drawn again. */
	check_stores(self->check, 1, 0, 0, "abcxyz", 6);
	check_deliver(self->check, 1, 0, 0, "abcxyz", 6);
	check_durable(self->check, 1, 0, 6);
	EXPECT_EQ(0, self->check->faults);
	check_stores(self->check, 2, 0, 2, "cxyd", 4);
	EXPECT_EQ(FAULT_COMMIT, self->check->fault);
	check_begin(self->check, false, true);
	check_deliver(self->check, 0, 0, 0, "abc", 3);
	check_durable(self->check, 0, 0, 3);
	check_deliver(self->check, 1, 0, 0, "abx", 3);
	check_durable(self->check, 1, 0, 3);
	EXPECT_EQ(FAULT_COMMIT, self->check->fault);
}

TEST_F(judge, allows_a_difference_until_they_are_together)
{
	check_begin(self->check, false, false);
	check_deliver(self->check, 0, 0, 0, "abc", 3);
	check_deliver(self->check, 1, 0, 0, "abx", 3);
	EXPECT_TRUE(check_differ(self->check, 0, 1));
	EXPECT_EQ(0, self->check->faults);
	EXPECT_EQ(1, self->check->differed);
	check_same(self->check, 0, 1);
	EXPECT_EQ(FAULT_UNREPORTED, self->check->fault);
	/* One that was resynced begins anew. */
	check_begin(self->check, false, false);
	check_deliver(self->check, 0, 0, 0, "abc", 3);
	check_deliver(self->check, 1, 0, 0, "abx", 3);
	check_forget(self->check, 1);
	check_same(self->check, 0, 1);
	EXPECT_EQ(0, self->check->faults);
}

TEST_F(judge, finds_too_much_memory)
{
	check_memory(self->check, 0, 101, 100);
	EXPECT_EQ(FAULT_MEMORY, self->check->fault);
}

/* And in journals. */

static void read_clock(struct judge *check, unsigned int member, unsigned int clock,
		       __u64 place, __u64 value, __u64 steps)
{
	const struct reading reading = {
		.place = place, .clock = clock, .value = value, .steps = steps,
	};

	check_clock(check, member, 0, &reading);
}

TEST_F(judge, knows_a_journal_from_its_stream)
{
	__u64 needed[CHAOS_BOOKS];

	check_deliver(self->check, 0, 1, 0, "abcdef", 6);
	check_deliver(self->check, 0, CHAOS_JOURNAL(1), 0, "record", 6);
	check_deliver(self->check, 1, CHAOS_JOURNAL(1), 0, "record", 6);
	check_all_needed(self->check, needed);
	EXPECT_EQ(6, needed[1]);
	EXPECT_EQ(6, needed[CHAOS_JOURNAL(1)]);
	EXPECT_EQ(0, needed[CHAOS_JOURNAL(0)]);
	EXPECT_EQ(0, self->check->bytes.compared);
	EXPECT_EQ(6, self->check->journal.compared);
	check_forget(self->check, 1);
	EXPECT_EQ(0, check_next(self->check, 1, CHAOS_JOURNAL(1)));
	check_begin(self->check, true, false);
	check_deliver(self->check, 0, CHAOS_JOURNAL(1), 0, "another", 7);
	EXPECT_EQ(0, self->check->faults) TH_LOG("%s", self->check->what);
}

TEST_F(judge, finds_two_records_at_one_place)
{
	check_deliver(self->check, 0, CHAOS_JOURNAL(3), 0, "record", 6);
	check_deliver(self->check, 1, CHAOS_JOURNAL(3), 0, "recorD", 6);
	EXPECT_EQ(FAULT_AGREEMENT, self->check->fault);
}

TEST_F(judge, finds_a_record_that_is_left_out_or_got_twice)
{
	check_deliver(self->check, 0, CHAOS_JOURNAL(0), 64, "record", 6);
	EXPECT_EQ(FAULT_ONCE, self->check->fault);
	check_begin(self->check, true, false);
	check_deliver(self->check, 0, CHAOS_JOURNAL(0), 0, "record", 6);
	check_deliver(self->check, 0, CHAOS_JOURNAL(0), 0, "record", 6);
	EXPECT_EQ(FAULT_ONCE, self->check->fault);
}

TEST_F(judge, finds_a_successor_without_a_record_or_with_another)
{
	unsigned int journal = CHAOS_JOURNAL(0);

	check_deliver(self->check, 0, journal, 0, "record", 6);
	check_forget(self->check, 0);
	check_head(self->check, 1, journal, 0, check_needed(self->check, journal));
	EXPECT_EQ(FAULT_COMMIT, self->check->fault);
	check_begin(self->check, true, false);
	check_deliver(self->check, 0, journal, 0, "record", 6);
	check_stores(self->check, 1, journal, 0, "record2", 7);
	EXPECT_EQ(0, self->check->faults);
	check_stores(self->check, 1, journal, 0, "Record", 6);
	EXPECT_EQ(FAULT_COMMIT, self->check->fault);
}

TEST_F(judge, finds_records_that_differ_and_nobody_told_of)
{
	check_begin(self->check, false, false);
	check_deliver(self->check, 0, CHAOS_JOURNAL(0), 0, "record", 6);
	check_deliver(self->check, 1, CHAOS_JOURNAL(0), 0, "recorD", 6);
	EXPECT_TRUE(check_differ(self->check, 0, 1));
	EXPECT_EQ(0, self->check->faults);
	check_same(self->check, 0, 1);
	EXPECT_EQ(FAULT_UNREPORTED, self->check->fault);
}

TEST_F(judge, finds_a_value_that_nobody_offered)
{
	__u8 value[NDVAL_AGREED_MAX];
	__u32 length, bad = 0;
	__u64 place;

	for (place = 0; place < 100; place++) {
		length = journal_offer(1, 0x1234, place, value);
		EXPECT_TRUE(journal_was_offered(place, value, length));
		if (length < 20)
			continue;
		EXPECT_FALSE(journal_was_offered(place + 1, value, length));
		EXPECT_FALSE(journal_was_offered(place, value, length - 1));
		value[length - 1] ^= 1;
		EXPECT_FALSE(journal_was_offered(place, value, length));
		bad++;
	}
	EXPECT_LT(0, bad);
}

TEST_F(judge, finds_time_that_goes_back)
{
	read_clock(self->check, 0, 1, 0, 100, 0);
	read_clock(self->check, 0, 2, 64, 5, 0);
	read_clock(self->check, 0, 1, 128, 100, 0);
	read_clock(self->check, 1, 1, 192, 101, 0);
	/* Somebody set it. */
	read_clock(self->check, 1, 1, 256, 50, 1);
	EXPECT_EQ(0, self->check->faults) TH_LOG("%s", self->check->what);
	read_clock(self->check, 0, 1, 320, 49, 1);
	EXPECT_EQ(FAULT_TIME, self->check->fault);
}

TEST_F(judge, finds_time_that_is_ahead_of_a_later_one)
{
	read_clock(self->check, 0, 1, 128, 100, 0);
	read_clock(self->check, 1, 1, 0, 100, 0);
	EXPECT_EQ(0, self->check->faults);
	/* One that was behind has a place between the two. */
	read_clock(self->check, 1, 1, 64, 101, 0);
	EXPECT_EQ(FAULT_TIME, self->check->fault);
	check_begin(self->check, true, false);
	read_clock(self->check, 0, 0, 0, 100, 2);
	read_clock(self->check, 0, 0, 64, 200, 1);
	EXPECT_EQ(FAULT_TIME, self->check->fault);
}

TEST_F(judge, holds_time_to_what_fsync_confirmed_or_one_member_gave)
{
	check_begin(self->check, false, true);
	read_clock(self->check, 0, 1, 0, 100, 0);
	read_clock(self->check, 0, 1, 64, 200, 0);
	check_durable(self->check, 0, CHAOS_JOURNAL(0), 64);
	read_clock(self->check, 1, 1, 128, 150, 0);
	check_durable(self->check, 1, CHAOS_JOURNAL(0), 192);
	EXPECT_EQ(0, self->check->faults) TH_LOG("%s", self->check->what);
	read_clock(self->check, 2, 1, 192, 149, 0);
	check_durable(self->check, 2, CHAOS_JOURNAL(0), 256);
	EXPECT_EQ(FAULT_TIME, self->check->fault);
	check_begin(self->check, false, false);
	read_clock(self->check, 0, 1, 0, 100, 0);
	read_clock(self->check, 1, 1, 64, 50, 0);
	/* One that was resynced goes on with another history. */
	check_forget(self->check, 0);
	read_clock(self->check, 0, 1, 64, 50, 0);
	EXPECT_EQ(0, self->check->faults);
	read_clock(self->check, 0, 1, 128, 49, 0);
	EXPECT_EQ(FAULT_TIME, self->check->fault);
}

/* The relay does what it is told. */

FIXTURE(relay) {
	struct relay *relay;
	int ends[2];
	int link;
};

FIXTURE_SETUP(relay)
{
	self->relay = malloc(sizeof(*self->relay));
	ASSERT_TRUE(self->relay && relay_open(self->relay));
	self->link = relay_join(self->relay, self->ends);
	ASSERT_LE(0, self->link);
}

FIXTURE_TEARDOWN(relay)
{
	relay_close(self->relay);
	close(self->ends[0]);
	close(self->ends[1]);
	free(self->relay);
}

/* Does this come, and nothing else? "" is the end, NULL nothing at all. */
static bool comes(int fd, const char *what)
{
	size_t len = what ? strlen(what) : 0;
	char got[64] = "";

	if (!what)
		return !file_is_ready(fd, POLLIN, 50);
	return file_is_ready(fd, POLLIN, PATIENCE_MS) &&
	       recv(fd, got, sizeof(got), 0) == (ssize_t)len && !memcmp(got, what, len);
}

TEST_F(relay, passes_on_both_ways)
{
	EXPECT_EQ(3, write(self->ends[0], "abc", 3));
	EXPECT_EQ(2, write(self->ends[1], "de", 2));
	EXPECT_TRUE(comes(self->ends[1], "abc"));
	EXPECT_TRUE(comes(self->ends[0], "de"));
}

TEST_F(relay, holds_one_way_back)
{
	relay_hold(self->relay, self->link, 0, true);
	EXPECT_EQ(3, write(self->ends[0], "abc", 3));
	EXPECT_EQ(2, write(self->ends[1], "de", 2));
	EXPECT_TRUE(comes(self->ends[0], "de"));
	EXPECT_TRUE(comes(self->ends[1], NULL));
	relay_hold(self->relay, self->link, 0, false);
	EXPECT_TRUE(comes(self->ends[1], "abc"));
}

TEST_F(relay, ends_one_side_and_passes_on_the_rest_and_the_end)
{
	relay_hold(self->relay, self->link, 0, true);
	EXPECT_EQ(3, write(self->ends[0], "abc", 3));
	relay_end(self->relay, self->link, 0);
	EXPECT_TRUE(comes(self->ends[0], ""));
	EXPECT_TRUE(comes(self->ends[1], NULL));
	relay_hold(self->relay, self->link, 0, false);
	EXPECT_TRUE(comes(self->ends[1], "abc"));
	EXPECT_TRUE(comes(self->ends[1], ""));
}

TEST_F(relay, hears_nothing_after_the_last_word)
{
	EXPECT_EQ(3, write(self->ends[0], "abc", 3));
	relay_last(self->relay, self->link, 0);
	EXPECT_EQ(2, write(self->ends[0], "de", 2));
	relay_hold(self->relay, self->link, 0, false);
	EXPECT_TRUE(comes(self->ends[1], "abc"));
	EXPECT_TRUE(comes(self->ends[1], NULL));
}

TEST_F(relay, drops_what_is_under_way)
{
	relay_hold(self->relay, self->link, 0, true);
	EXPECT_EQ(3, write(self->ends[0], "abc", 3));
	relay_drop(self->relay, self->link);
	EXPECT_TRUE(comes(self->ends[1], ""));
}

TEST_F(relay, is_as_slow_as_it_is_told)
{
	double begin = seconds();

	relay_delay(self->relay, self->link, 100);
	EXPECT_EQ(3, write(self->ends[0], "abc", 3));
	EXPECT_TRUE(comes(self->ends[1], "abc"));
	EXPECT_LE(0.09, seconds() - begin);
}

/* Rounds. */

static int chosen_mode(void)
{
	const char *name = getenv("NDVAL_CHAOS_MODE");
	int mode;

	for (mode = 0; name && mode < MODES; mode++)
		if (!strcmp(name, mode_name(mode)))
			return mode;
	return -1;
}

FIXTURE(chaos) {
	struct world *world;
};

FIXTURE_SETUP(chaos)
{
	static struct world world;

	self->world = &world;
	ASSERT_TRUE(world_open(self->world));
}

FIXTURE_TEARDOWN(chaos)
{
	world_close(self->world);
}

/*
 * "You are in sync" is under way while the link dies, and arrives after the manager
 * has outdated the copy and let the primary go on without it.
 */
TEST_F_TIMEOUT(chaos, outdated_holds_against_what_was_under_way, 60 + LIMIT_SLOW)
{
	struct world *world = self->world;
	unsigned int old, other;
	struct joint *joint;
	__u64 needed;

	world_begin(world, SEED, MODE_SUSPEND, 2);
	old = world->primary;
	other = !old;
	joint = world_joint(world, old, other);
	ASSERT_TRUE(wait_until(world_may_lead(world, other), LIMIT_SLOW));
	relay_hold(&world->relay, joint->relay, old, true);
	/* Any setting of the pair: the primary tells it, and what it says with it. */
	ASSERT_EQ(0, host_set(&world->host, world->member[old].pair,
			      NDVAL_A_PAIR_BIND, NDVAL_BIND_REQUIRED));
	usleep(20000);
	joint->whole = false;
	relay_end(&world->relay, joint->relay, old);
	needed = check_needed(world->check, 0);
	manager_release(world);
	ASSERT_TRUE(wait_until(check_needed(world->check, 0) > needed + 64 * KIB, LIMIT_SLOW));
	EXPECT_FALSE(world_may_lead(world, other));
	relay_hold(&world->relay, joint->relay, old, false);
	ASSERT_TRUE(host_peer_is(&world->host, world->member[other].pair,
				 world->member[old].name, NDVAL_PEER_STATE_DISCONNECTED));
	EXPECT_FALSE(world_may_lead(world, other));
	world_member_kill(world, old, false);
	EXPECT_EQ(-EPERM, world_promote(world, other, 0));
	EXPECT_EQ(0, world->check->faults) TH_LOG("%s", world->check->what);
	world_end(world);
}

/* The first round that failed says how to have it again. */
static bool play(struct world *world, __u64 seed, int mode)
{
	world_begin(world, seed, mode, 0);
	chaos_round(world, STEPS);
	world_end(world);
	if (!world->check->faults)
		return true;
	printf("# NDVAL_SEED=%#llx NDVAL_ROUNDS=1: %s: %s (%u faults)\n#   %s\n", seed,
	       fault_name(world->check->fault), world->check->what, world->check->faults,
	       world->steps);
	fflush(stdout);
	return false;
}

TEST_F_TIMEOUT(chaos, violates_no_invariant, LIMIT)
{
	__u64 rounds = rounds_of(ROUNDS), seed = from_environment("NDVAL_SEED", SEED), i;
	struct world *world = self->world;
	const struct score *score = &world->score;
	int mode = chosen_mode();
	unsigned int bad = 0;
	double begin = seconds();

	TH_LOG("seed %#llx, %llu rounds", seed, rounds);
	for (i = 0; i < rounds && bad < 10; i++) {
		bad += !play(world, seed + i, mode);
		if (i % 100 == 99)
			TH_LOG("%llu rounds, %.0f s: %llu promoted, %llu switched, %llu records",
			       i + 1, seconds() - begin, score->promoted, score->switched,
			       score->records);
	}
	TH_LOG("%llu rounds, %llu steps, %.0f s: %llu kills, %llu promoted", score->rounds,
	       score->steps, seconds() - begin, score->kills, score->promoted);
	TH_LOG("%llu of them by force, %llu switched over, %llu refused, %llu stuck",
	       score->forced, score->switched, score->refused, score->stuck);
	TH_LOG("%llu instances lost, %llu fsyncs", score->lost, score->fsyncs);
	TH_LOG("%llu values got, %llu of them by another before, %llu found with a successor",
	       world->check->bytes.values, world->check->bytes.compared,
	       world->check->bytes.audited);
	TH_LOG("%llu records, %llu bytes, %llu by another before, %llu found with a successor",
	       score->records, world->check->journal.values, world->check->journal.compared,
	       world->check->journal.audited);
	TH_LOG("%llu readings compared with earlier and later ones, clocks set %llu times",
	       world->check->readings, score->set);
	TH_LOG("not strict: %llu reads differed, %llu times reported as diverged",
	       world->check->differed, score->diverged);
	EXPECT_EQ(0, bad);
	EXPECT_LT(0, score->promoted);
	EXPECT_LT(0, world->check->bytes.compared);
	EXPECT_LT(0, world->check->bytes.audited);
	EXPECT_LT(0, world->check->journal.compared);
	EXPECT_LT(0, world->check->journal.audited);
}

TEST_HARNESS_MAIN
