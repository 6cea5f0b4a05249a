// SPDX-License-Identifier: GPL-2.0-only
/*
 * The judge of chaos is not blind: with each of the driver's protections
 * switched off (driver/knobs.h) it finds a violation, in rounds of the kind in
 * which that protection matters. Where chance seldom brings about what it takes,
 * the round is made of just that, and finds nothing as long as nothing is switched
 * off. NDVAL_SEED chooses other rounds.
 *
 * vm: sources=chaos_check.c,chaos_relay.c,chaos_world.c,chaos_app.c
 * vm: sources=chaos_journal.c,chaos_manager.c,chaos_steps.c,peer.c,../../tools/lib/nl.c
 * vm: libs="-lmnl -lpthread" flavours=6.12 knobs=1 timeout=600
 */
#include "kselftest_harness.h"
#include "common.h"
#include "chaos.h"

#define SEED		0x6b6e6f6273ULL
#define STEPS		20

/* How many rounds it may take until something is found. */
#define ROUNDS		120
#define LIMIT		3000

/* Longest that something may take which surely happens, in s. */
#define PATIENCE	60

/* More than the first credit of a stream. */
#define GIVEN		(100 * KIB)

/* How long is watched for what should not happen, in s. */
#define WATCH		3

/* As in driver/knobs.h, which is for the kernel. */
#define BROKEN(number)	(1u << (number))

static bool switch_off(unsigned int protections)
{
	char text[16];
	ssize_t len;
	int fd;

	fd = open(BROKEN_FILE, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = snprintf(text, sizeof(text), "%u", protections);
	len = write(fd, text, len);
	close(fd);
	return len > 0;
}

static __u64 head_in(struct world *world, unsigned int member, unsigned int stream,
		     __u16 type)
{
	__u64 head = world_stream(world, member, stream, type);

	return head == ~0ULL ? 0 : head;
}

static __u64 head_of(struct world *world, unsigned int member, unsigned int stream)
{
	return head_in(world, member, stream, NDVAL_A_STREAM_HEAD);
}

static __u64 journal_head_of(struct world *world, unsigned int member, unsigned int stream)
{
	return head_in(world, member, stream, NDVAL_A_STREAM_JOURNAL_HEAD);
}

/* Does it store more than the other one, of each stream and journal? */
static bool is_beyond(struct world *world, unsigned int member, unsigned int other)
{
	unsigned int s;

	for (s = 0; s < world->streams; s++)
		if (head_of(world, member, s) < head_of(world, other, s) + CHUNK ||
		    journal_head_of(world, member, s) <= journal_head_of(world, other, s))
			return false;
	return true;
}

static bool may_all_lead(struct world *world)
{
	unsigned int m;

	for (m = 0; m < world->members; m++)
		if ((int)m != world->primary &&
		    (!world_may_lead(world, m) || !check_next(world->check, m, 0)))
			return false;
	return true;
}

/*
 * One member is slow to get what the primary gives: nobody may deliver it yet.
 * Then all others die.
 */
static void lose_all_but_one(struct world *world)
{
	unsigned int old = world->primary, left = (old + 1) % world->members, m;
	struct joint *joint = world_joint(world, old, left);

	if (!wait_until(may_all_lead(world), PATIENCE))
		return;
	joint->whole = false;
	relay_hold(&world->relay, joint->relay, old > left, true);
	wait_until(check_needed(world->check, 0) > head_of(world, left, 0),
		   WATCH * world->slower);
	for (m = 0; m < world->members; m++) {
		if (m == left)
			continue;
		world_say(world, " kill(m%u)", m);
		world_member_kill(world, m, false);
	}
	world->primary = -1;
	manager_failover(world);
}

static bool has_all(struct world *world, unsigned int member, unsigned int other)
{
	unsigned int s;

	for (s = 0; s < world->streams; s++)
		if (head_of(world, member, s) < head_of(world, other, s))
			return false;
	return true;
}

/* When more was given than fits into the first credit, a member that stores it is reborn. */
static bool is_reborn(struct world *world, unsigned int old, unsigned int back)
{
	unsigned int s;

	if (!wait_until(check_needed(world->check, 0) > GIVEN, PATIENCE))
		return false;
	for (s = 0; s < world->streams; s++)
		app_hold(&world->member[old].apps[s]);
	if (!wait_until(has_all(world, back, old) && world_may_lead(world, back), PATIENCE))
		return false;
	world_say(world, " rebirth(m%u)", back);
	world_member_kill(world, back, false);
	world_member_new(world, back);
	return true;
}

static void lose(struct world *world, unsigned int member)
{
	world_say(world, " kill(m%u)", member);
	world_member_kill(world, member, false);
	world->primary = -1;
	manager_failover(world);
}

static void join_slowly(struct world *world, unsigned int a, unsigned int b)
{
	world_join(world, a, b);
	relay_delay(&world->relay, world_joint(world, a, b)->relay, 200);
}

/* A member comes back empty. All others die as soon as it says that it may take over. */
static void come_back_empty(struct world *world)
{
	unsigned int old = world->primary, back = !old;

	if (!is_reborn(world, old, back))
		return;
	join_slowly(world, old, back);
	wait_until(world_may_lead(world, back), WATCH * world->slower);
	lose(world, old);
}

/* All others die as soon as it is in the epoch, before it has anything of what was given. */
static void come_back_in_vain(struct world *world)
{
	unsigned int old = world->primary, back = !old;

	if (!is_reborn(world, old, back))
		return;
	join_slowly(world, old, back);
	if (wait_until(world_get(world, back, NDVAL_A_PAIR_EPOCH_ID) ==
		       world_get(world, old, NDVAL_A_PAIR_EPOCH_ID), PATIENCE))
		lose(world, old);
}

/*
 * After a cut the two differ from where the second began its epoch; what it begins
 * once more begins beyond what the first one stores.
 */
static void begin_twice(struct world *world)
{
	unsigned int old = world->primary, new = !old, s;
	struct joint *joint = world_joint(world, old, new);

	if (!wait_until(may_all_lead(world), PATIENCE))
		return;
	world_say(world, " cut");
	joint->whole = false;
	relay_drop(&world->relay, joint->relay);
	joint->relay = -1;
	if (!host_peer_is(&world->host, world->member[new].pair, world->member[old].name,
			  NDVAL_PEER_STATE_DISCONNECTED) ||
	    !wait_until(check_next(world->check, old, 0) > head_of(world, new, 0) + CHUNK,
			PATIENCE))
		return;
	for (s = 0; s < world->streams; s++)
		app_hold(&world->member[old].apps[s]);
	world_say(world, " promote(m%u) demote promote", new);
	if (world_promote(world, new, 0) ||
	    !wait_until(is_beyond(world, new, old), PATIENCE) ||
	    world_command(world, new, NDVAL_CMD_DEMOTE) || world_promote(world, new, 0))
		return;
	world->primary = new;
	/* They meet before the first one gives more, and beyond that. */
	manager_heal(world);
	wait_until(world_follows(world, old) ||
		   world_get(world, old, NDVAL_A_PAIR_HEALTH) == NDVAL_HEALTH_DIVERGED,
		   WATCH * world->slower);
	for (s = 0; s < world->streams; s++)
		app_go(&world->member[old].apps[s]);
	manager_settle(world);
}

FIXTURE(knobs) {
	struct world *world;
};

FIXTURE_VARIANT(knobs) {
	unsigned int off;
	enum mode mode;
	unsigned int members;
	bool bold;
	void (*aimed)(struct world *world);	/* NULL: any round */
};

/* A primary delivers what is not acknowledged. */
FIXTURE_VARIANT_ADD(knobs, limit) {
	.off = BROKEN(0), .mode = MODE_SUSPEND, .members = 2, .aimed = lose_all_but_one,
};

/* A secondary delivers what the third member does not store. */
FIXTURE_VARIANT_ADD(knobs, l) {
	.off = BROKEN(1), .mode = MODE_SUSPEND, .members = 3, .aimed = lose_all_but_one,
};

/* A member is in sync before it stores what was delivered. */
FIXTURE_VARIANT_ADD(knobs, bar) {
	.off = BROKEN(2), .mode = MODE_CONTINUE, .members = 2, .aimed = come_back_empty,
};

/* What a member acknowledged counts after it has lost its memory. */
FIXTURE_VARIANT_ADD(knobs, ack) {
	.off = BROKEN(3), .mode = MODE_CONTINUE, .members = 2, .aimed = come_back_empty,
};

/* A member that rejoins keeps values of an epoch that is over. */
FIXTURE_VARIANT_ADD(knobs, truncate) {
	.off = BROKEN(4), .mode = MODE_SUSPEND, .members = 3,
};

/* A member that delivered other values rejoins without a word. */
FIXTURE_VARIANT_ADD(knobs, hw) {
	.off = BROKEN(5), .mode = MODE_SPLIT, .members = 2,
};

/* Who was not told that it is in sync is promoted. */
FIXTURE_VARIANT_ADD(knobs, promote) {
	.off = BROKEN(6), .mode = MODE_CONTINUE, .members = 2, .bold = true,
	.aimed = come_back_in_vain,
};

/* A new primary goes on without those that are connected. */
FIXTURE_VARIANT_ADD(knobs, alone) {
	.off = BROKEN(7), .mode = MODE_CONTINUE, .members = 3,
};

/* Only the start of the newest epoch is looked at. */
FIXTURE_VARIANT_ADD(knobs, common) {
	.off = BROKEN(8), .mode = MODE_SPLIT, .members = 2, .aimed = begin_twice,
};

FIXTURE_SETUP(knobs)
{
	static struct world world;

	self->world = &world;
	if (access(BROKEN_FILE, W_OK))
		SKIP(return, "the module is not built with -DNDVAL_TEST_KNOBS");
	ASSERT_TRUE(world_open(self->world));
}

FIXTURE_TEARDOWN(knobs)
{
	switch_off(0);
	world_close(self->world);
}

/* Were the values of somebody wrong? All else may only be late. */
static bool is_found(const struct judge *check)
{
	switch (check->fault) {
	case FAULT_AGREEMENT:
	case FAULT_COMMIT:
	case FAULT_UNREPORTED:
	case FAULT_ONCE:
	case FAULT_STATE:
		return true;
	default:
		return false;
	}
}

TEST_F_TIMEOUT(knobs, are_missed, LIMIT)
{
	__u64 seed = from_environment("NDVAL_SEED", SEED);
	struct world *world = self->world;
	double begin = seconds();
	bool found = false;
	unsigned int i;

	/* Round 0 is one with nothing switched off. */
	for (i = !variant->aimed; !found && i <= ROUNDS; i++) {
		/* From the first value on. */
		ASSERT_TRUE(switch_off(i ? variant->off : 0));
		world->bold = variant->bold;
		world_begin(world, seed + i, variant->mode, variant->members);
		if (variant->aimed)
			variant->aimed(world);
		else
			chaos_round(world, STEPS);
		found = is_found(world->check);
		ASSERT_TRUE(switch_off(0));
		world_end(world);
		ASSERT_FALSE(found && !i) TH_LOG("%s: %s", world->check->what, world->steps);
	}
	EXPECT_TRUE(found);
	TH_LOG("%u rounds, %.0f s: %s: %s", i, seconds() - begin,
	       fault_name(world->check->fault), world->check->what);
}

TEST_HARNESS_MAIN
