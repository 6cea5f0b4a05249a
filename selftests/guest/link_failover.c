// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commit and failover on the wire: L, SYNC, HANDOVER, TAKEOVER, and what a
 * member does that meets an epoch which is not its own. The fake is now the
 * primary, now a secondary, now one that was promoted elsewhere. The rules are
 * in Documentation/model/.
 *
 * vm: sources=peer.c,../../tools/lib/nl.c libs=-lmnl timeout=120
 */
#include "kselftest_harness.h"
#include "common.h"
#include "peer.h"

#define RING	(256 * KIB)

/* Epochs that only the fake has made. */
#define E2	0xbbbb0002ULL
#define E3	0xbbbb0003ULL
#define E9	0xbbbb0009ULL

FIXTURE(failover)
{
	struct host host;
	struct fake fake;	/* m2 */
	struct fake other;	/* m3, where a test has one */
	struct fake third;	/* m4, likewise */
	int fd;			/* an instance that reads the stream "default" */
};

FIXTURE_SETUP(failover)
{
	memset(self, 0, sizeof(*self));
	self->fake.peer.fd = -1;
	self->other.peer.fd = -1;
	self->third.peer.fd = -1;
	ASSERT_TRUE(host_open(&self->host));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	ASSERT_EQ(0, host_pair(&self->host, "web1", "web", "m1", "m2"));
	side_primary(&self->fake.side, "web");
	self->fd = node_open("web1", O_NONBLOCK);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(failover)
{
	peer_close(&self->fake.peer);
	peer_close(&self->other.peer);
	peer_close(&self->third.peer);
	close(self->fd);
	host_pair_del(&self->host, "web1");
	EXPECT_TRUE(host_member_del(&self->host, "m1"));
	EXPECT_FALSE(self->host.gap);
	host_close(&self->host);
}

static __u64 pair_get(struct host *host, __u16 type)
{
	return host_pair_get(host, "web1", type);
}

static __u64 head(struct host *host)
{
	return host_stream_get(host, "web1", "default", NDVAL_A_STREAM_HEAD);
}

/* An empty VALUES that only tells L. */
static bool say_limit(struct fake *fake, __u64 offset, __u64 limit)
{
	const struct values values = {
		.stream = "default", .id = FAKE_STREAM_ID, .offset = offset, .limit = limit,
	};

	return say_values(&fake->peer, &fake->side, &values) && peer_is_served(&fake->peer);
}

/* The kernel follows the fake, and stores so much of which it may deliver all. */
static bool lead_with(struct host *host, struct fake *fake, size_t len)
{
	fake->side.for_id = host_pair_get(host, "web1", NDVAL_A_PAIR_MEMBER_ID);
	return fake_lead_all(host, fake, "m2") && fake_push(fake, 0, len) &&
	       fake_stores(fake, "default", len);
}

/* Where the epochs of our history began in the stream "default". */
static bool say_starts(struct fake *fake, __u64 first, __u64 second, __u64 third)
{
	const __u64 starts[EPOCHS] = { first, second, third };

	return say_sync(&fake->peer, &fake->side, "default", FAKE_STREAM_ID, starts);
}

/* Receives PAIRs until one that is of our epoch. */
static bool adopts(struct fake *fake)
{
	do {
		if (!peer_expect(&fake->peer, NDVAL_WIRE_CMD_PAIR, &fake->said))
			return false;
	} while (said_u64(&fake->said, NDVAL_WIRE_A_EPOCH_ID) != fake->side.epoch_id);
	return !fake->said.tb[NDVAL_WIRE_A_DIVERGED];
}

/* Receives PAIRs until one with a flag. */
static bool says(struct fake *fake, int flag)
{
	do {
		if (!peer_expect(&fake->peer, NDVAL_WIRE_CMD_PAIR, &fake->said))
			return false;
	} while (!fake->said.tb[flag]);
	return true;
}

/* L */

TEST_F(failover, a_secondary_delivers_below_l_and_no_further)
{
	const struct values values = {
		.stream = "default", .id = FAKE_STREAM_ID, .len = 1000, .held = true,
	};
	struct pollfd p = { .fd = self->fd, .events = POLLIN };
	struct fake *fake = &self->fake;
	char byte;

	ASSERT_TRUE(fake_lead_all(&self->host, fake, "m2"));
	ASSERT_TRUE(say_values(&fake->peer, &fake->side, &values));
	ASSERT_TRUE(fake_stores(fake, "default", 1000));
	EXPECT_EQ(0, poll(&p, 1, QUIET_MS));
	EXPECT_EQ(-EAGAIN, get(self->fd, &byte, 1));
	/* To the byte, not to the chunk. */
	ASSERT_TRUE(say_limit(fake, 1000, 500));
	EXPECT_EQ(1, poll(&p, 1, PATIENCE_MS));
	EXPECT_TRUE(reads_pattern(self->fd, 0, 500));
	EXPECT_EQ(-EAGAIN, get(self->fd, &byte, 1));
	EXPECT_EQ(0, poll(&p, 1, QUIET_MS));
	/* It never falls. */
	ASSERT_TRUE(say_limit(fake, 1000, 800));
	ASSERT_TRUE(say_limit(fake, 1000, 200));
	EXPECT_TRUE(reads_pattern(self->fd, 500, 300));
	EXPECT_EQ(-EAGAIN, get(self->fd, &byte, 1));
	/* Beyond what is stored it holds for what comes. */
	ASSERT_TRUE(say_limit(fake, 1000, 5000));
	EXPECT_TRUE(reads_pattern(self->fd, 800, 200));
	EXPECT_EQ(-EAGAIN, get(self->fd, &byte, 1));
	ASSERT_TRUE(fake_push(fake, 1000, 1000));
	EXPECT_TRUE(reads_pattern(self->fd, 1000, 1000));
	EXPECT_EQ(-EAGAIN, get(self->fd, &byte, 1));
}

TEST_F(failover, l_of_one_member_is_the_least_that_the_others_store)
{
	struct fetch ack = { .stream = "default", .want = RING };
	struct fake *fake = &self->fake, *other = &self->other, *third = &self->third;
	__u64 limit = 0;
	char byte;

	ASSERT_EQ(0, host_promote(&self->host, "web1"));
	ASSERT_EQ(0, host_add_peer(&self->host, "web1", "m3"));
	ASSERT_EQ(0, host_add_peer(&self->host, "web1", "m4"));
	side_secondary(&fake->side, "web");
	side_secondary(&other->side, "web");
	side_secondary(&third->side, "web");
	other->side.pair_id++;
	third->side.pair_id += 2;
	ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2") && fake_follow(fake));
	ASSERT_TRUE(fake_connect(&self->host, other, "m1", "m3") && fake_follow(other));
	ASSERT_TRUE(fake_connect(&self->host, third, "m1", "m4") && fake_follow(third));
	ASSERT_TRUE(say_end(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	ASSERT_TRUE(say_end(&other->peer, &other->side) && peer_is_served(&other->peer));
	ASSERT_TRUE(say_end(&third->peer, &third->side) && peer_is_served(&third->peer));
	ASSERT_TRUE(node_ready(self->fd));
	EXPECT_EQ(-EAGAIN, get(self->fd, &byte, 1));

	ack.have = 8 * KIB;
	ASSERT_TRUE(say_fetch(&other->peer, &other->side, &ack));
	ASSERT_TRUE(peer_is_served(&other->peer));
	ack.have = 4 * KIB;
	ASSERT_TRUE(say_fetch(&third->peer, &third->side, &ack));
	while (limit < 4 * KIB) {
		ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_VALUES, &fake->said));
		limit = said_u64(&fake->said, NDVAL_WIRE_A_LIMIT);
		ASSERT_GE(4 * KIB, limit);
	}
	ack.have = 12 * KIB;
	ASSERT_TRUE(say_fetch(&third->peer, &third->side, &ack));
	while (limit < 8 * KIB) {
		ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_VALUES, &fake->said));
		limit = said_u64(&fake->said, NDVAL_WIRE_A_LIMIT);
		ASSERT_GE(8 * KIB, limit);
	}
	/* Of our own instance, what all store; the first of the three has nothing. */
	EXPECT_EQ(-EAGAIN, get(self->fd, &byte, 1));
	ack.have = 1;
	ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &ack));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	EXPECT_EQ(1, get(self->fd, &byte, 1));
	EXPECT_EQ(-EAGAIN, get(self->fd, &byte, 1));
}

/* SYNC */

TEST_F(failover, a_newer_epoch_is_adopted_after_sync_with_what_is_in_common)
{
	static unsigned char news[1000], got[1000];
	struct values values = {
		.stream = "default", .id = FAKE_STREAM_ID, .offset = 5000, .data = news,
		.len = sizeof(news),
	};
	struct fake *fake = &self->fake;
	__u64 old = fake->side.epoch_id;

	memset(news, 0x5a, sizeof(news));
	ASSERT_TRUE(lead_with(&self->host, fake, 10000));
	ASSERT_TRUE(reads_pattern(self->fd, 0, 3000));
	side_promote(&fake->side, E2);
	/* Not at PAIR, nor before the last SYNC. */
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	EXPECT_EQ(old, pair_get(&self->host, NDVAL_A_PAIR_EPOCH_ID));
	ASSERT_TRUE(say_starts(fake, 0, 5000, 0) && peer_is_served(&fake->peer));
	EXPECT_EQ(old, pair_get(&self->host, NDVAL_A_PAIR_EPOCH_ID));
	EXPECT_EQ(10000, head(&self->host));
	ASSERT_TRUE(say_sync_end(&fake->peer, &fake->side));
	ASSERT_TRUE(adopts(fake));
	EXPECT_EQ(2, said_u64(&fake->said, NDVAL_WIRE_A_EPOCH));
	EXPECT_EQ(32, mnl_attr_get_payload_len(fake->said.tb[NDVAL_WIRE_A_HISTORY]));
	EXPECT_TRUE(fake_stores(fake, "default", 5000));
	EXPECT_EQ(FAKE_STREAM_ID, said_u64(&fake->said, NDVAL_WIRE_A_STREAM_ID));
	EXPECT_EQ(5000, head(&self->host));
	EXPECT_EQ(E2, pair_get(&self->host, NDVAL_A_PAIR_EPOCH_ID));
	/* What the old epoch had there is not delivered, nor in the way. */
	ASSERT_TRUE(say_values(&fake->peer, &fake->side, &values));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	EXPECT_TRUE(reads_pattern(self->fd, 3000, 2000));
	EXPECT_EQ((ssize_t)sizeof(got), get(self->fd, got, sizeof(got)));
	EXPECT_EQ(0, memcmp(got, news, sizeof(got)));
}

/*
 * A copy that is outdated is another object, which has not heard of the epoch yet: some of
 * what was said to the former one is thrown away, so its end is not that of the whole.
 */
TEST_F(failover, sync_that_was_said_to_a_former_object_does_not_count)
{
	struct fake *fake = &self->fake;
	__u64 old = fake->side.epoch_id;

	ASSERT_TRUE(lead_with(&self->host, fake, 10000));
	ASSERT_TRUE(reads_pattern(self->fd, 0, 3000));
	side_promote(&fake->side, E2);
	fake->side.for_id = pair_get(&self->host, NDVAL_A_PAIR_MEMBER_ID);
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_OUTDATE, NDVAL_A_PAIR_NAME, "web1"));
	ASSERT_TRUE(say_starts(fake, 0, 5000, 0) && say_pair(&fake->peer, &fake->side) &&
		    say_sync_end(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	EXPECT_NE(NDVAL_HEALTH_DIVERGED, pair_get(&self->host, NDVAL_A_PAIR_HEALTH));
	EXPECT_EQ(old, pair_get(&self->host, NDVAL_A_PAIR_EPOCH_ID));
	/* What is said to the one that it is now does. */
	fake->side.for_id = pair_get(&self->host, NDVAL_A_PAIR_MEMBER_ID);
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && say_starts(fake, 0, 5000, 0) &&
		    say_sync_end(&fake->peer, &fake->side) && adopts(fake));
	EXPECT_EQ(5000, head(&self->host));
}

/* L of the old epoch does not release bytes of the new one. */
TEST_F(failover, l_is_cut_to_what_is_in_common)
{
	struct values values = {
		.stream = "default", .id = FAKE_STREAM_ID, .offset = 5000, .len = 1000,
		.held = true,
	};
	struct fake *fake = &self->fake;
	char byte;

	ASSERT_TRUE(lead_with(&self->host, fake, 10000));
	side_promote(&fake->side, E2);
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && say_starts(fake, 0, 5000, 0) &&
		    say_sync_end(&fake->peer, &fake->side) && adopts(fake));
	ASSERT_TRUE(say_values(&fake->peer, &fake->side, &values));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	EXPECT_EQ(6000, head(&self->host));
	EXPECT_TRUE(reads_pattern(self->fd, 0, 5000));
	EXPECT_EQ(-EAGAIN, get(self->fd, &byte, 1));
}

/* Not where the newest epoch began: one in between may have begun earlier. */
TEST_F(failover, in_common_is_what_is_before_all_epochs_that_only_one_has)
{
	struct fake *fake = &self->fake;

	ASSERT_TRUE(lead_with(&self->host, fake, 10000));
	ASSERT_TRUE(reads_pattern(self->fd, 0, 2000));
	side_promote(&fake->side, E2);
	side_promote(&fake->side, E3);
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && say_starts(fake, 0, 2000, 6000) &&
		    say_sync_end(&fake->peer, &fake->side) && adopts(fake));
	EXPECT_EQ(3, pair_get(&self->host, NDVAL_A_PAIR_EPOCH));
	EXPECT_EQ(2000, head(&self->host));
	/* Both know all three now: nothing is to be thrown away again. */
	ASSERT_TRUE(fake_push(fake, 2000, 1000));
	EXPECT_TRUE(reads_pattern(self->fd, 2000, 1000));
}

TEST_F(failover, in_common_is_not_what_only_our_own_epoch_has)
{
	const __u64 starts[EPOCHS] = { 0, 4000 };
	struct values values = {
		.stream = "default", .id = FAKE_STREAM_ID, .offset = 4000, .len = 8000,
		.starts = starts,
	};
	struct fake *fake = &self->fake;

	ASSERT_TRUE(lead_with(&self->host, fake, 4000));
	side_promote(&fake->side, E2);
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && say_starts(fake, 0, 4000, 0) &&
		    say_sync_end(&fake->peer, &fake->side) && adopts(fake));
	ASSERT_TRUE(say_values(&fake->peer, &fake->side, &values));
	ASSERT_TRUE(fake_stores(fake, "default", 12000));
	/* Another one was promoted without E2, at 8000. */
	fake->side.past[1] = (struct epoch){ 0 };
	fake->side.npast = 1;
	fake->side.epoch = 3;
	fake->side.epoch_id = E3;
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && say_starts(fake, 0, 8000, 0) &&
		    say_sync_end(&fake->peer, &fake->side) && adopts(fake));
	EXPECT_EQ(4000, head(&self->host));
}

/* It is gone for those who read it, as it would be had it been deleted there. */
TEST_F(failover, a_stream_that_the_newer_epoch_does_not_tell_of_is_empty)
{
	struct fake *fake = &self->fake;

	ASSERT_TRUE(lead_with(&self->host, fake, 10000));
	side_promote(&fake->side, E2);
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) &&
		    say_sync_end(&fake->peer, &fake->side) && adopts(fake));
	EXPECT_EQ(0, head(&self->host));
	ASSERT_TRUE(fake_push(fake, 0, 1000));
	EXPECT_TRUE(reads_pattern(self->fd, 0, 1000));
}

TEST_F(failover, who_delivered_more_than_is_in_common_is_diverged)
{
	struct fake *fake = &self->fake;
	char byte;

	ASSERT_TRUE(lead_with(&self->host, fake, 10000));
	ASSERT_TRUE(reads_pattern(self->fd, 0, 5001));
	side_promote(&fake->side, E2);
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && say_starts(fake, 0, 5000, 0) &&
		    say_sync_end(&fake->peer, &fake->side));
	EXPECT_TRUE(says(fake, NDVAL_WIRE_A_DIVERGED));
	EXPECT_NE(E2, said_u64(&fake->said, NDVAL_WIRE_A_EPOCH_ID));
	EXPECT_EQ(NDVAL_HEALTH_DIVERGED, pair_get(&self->host, NDVAL_A_PAIR_HEALTH));
	EXPECT_EQ(-ESTALE, get(self->fd, &byte, 1));
	EXPECT_EQ(-ESTALE, host_take_over(&self->host, "web1"));
	EXPECT_TRUE(host_refused_well(&self->host, -ESTALE));
	/* It answers to nothing but PAIR. */
	ASSERT_TRUE(fake_push(fake, 5000, 100) && peer_is_served(&fake->peer));
	EXPECT_EQ(-ESTALE, get(self->fd, &byte, 1));
	EXPECT_EQ(NDVAL_HEALTH_DIVERGED, pair_get(&self->host, NDVAL_A_PAIR_HEALTH));
}

TEST_F(failover, who_delivered_just_what_is_in_common_is_not)
{
	struct fake *fake = &self->fake;

	ASSERT_TRUE(lead_with(&self->host, fake, 10000));
	ASSERT_TRUE(reads_pattern(self->fd, 0, 5000));
	side_promote(&fake->side, E2);
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && say_starts(fake, 0, 5000, 0) &&
		    say_sync_end(&fake->peer, &fake->side) && adopts(fake));
	EXPECT_EQ(5000, head(&self->host));
}

/* What was delivered counts, not where the instance stands. */
TEST_F(failover, who_went_back_before_it_is_diverged_all_the_same)
{
	struct fake *fake = &self->fake;

	ASSERT_TRUE(lead_with(&self->host, fake, 10000));
	ASSERT_TRUE(reads_pattern(self->fd, 0, 6000));
	ASSERT_EQ(0, run("ndvalctl instance set web1 --at 0"));
	side_promote(&fake->side, E2);
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && say_starts(fake, 0, 5000, 0) &&
		    say_sync_end(&fake->peer, &fake->side));
	EXPECT_TRUE(says(fake, NDVAL_WIRE_A_DIVERGED));
}

TEST_F(failover, sync_that_no_pair_has_announced_is_ignored)
{
	struct fake *fake = &self->fake;
	struct side wrong;

	ASSERT_TRUE(lead_with(&self->host, fake, 10000));
	/* Of an epoch of which PAIR has not told. */
	wrong = fake->side;
	side_promote(&wrong, E2);
	ASSERT_TRUE(say_sync_end(&fake->peer, &wrong) && peer_is_served(&fake->peer));
	EXPECT_EQ(1, pair_get(&self->host, NDVAL_A_PAIR_EPOCH));
	/* Of the one that it has. */
	ASSERT_TRUE(say_sync_end(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	EXPECT_EQ(10000, head(&self->host));
	/* Of another object, or another life. */
	side_promote(&fake->side, E2);
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	wrong = fake->side;
	wrong.pair_id++;
	ASSERT_TRUE(say_sync_end(&fake->peer, &wrong) && peer_is_served(&fake->peer));
	wrong = fake->side;
	wrong.incarnation++;
	ASSERT_TRUE(say_sync_end(&fake->peer, &wrong) && peer_is_served(&fake->peer));
	EXPECT_EQ(1, pair_get(&self->host, NDVAL_A_PAIR_EPOCH));
	/* By one that is not primary of it, or delivers nothing. */
	fake->side.role = NDVAL_ROLE_SECONDARY;
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	ASSERT_TRUE(say_sync_end(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	fake->side.role = NDVAL_ROLE_PRIMARY;
	fake->side.diverged = true;
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	ASSERT_TRUE(say_sync_end(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	EXPECT_EQ(1, pair_get(&self->host, NDVAL_A_PAIR_EPOCH));
	EXPECT_EQ(10000, head(&self->host));
	/* All that was wrong with it was who said it. */
	fake->side.diverged = false;
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && say_starts(fake, 0, 9000, 0) &&
		    say_sync_end(&fake->peer, &fake->side) && adopts(fake));
	EXPECT_EQ(9000, head(&self->host));
}

TEST_F(failover, what_sync_said_of_one_epoch_does_not_hold_for_the_next)
{
	struct fake *fake = &self->fake;
	struct side before;

	ASSERT_TRUE(lead_with(&self->host, fake, 10000));
	side_promote(&fake->side, E2);
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && say_starts(fake, 0, 9000, 0));
	before = fake->side;
	side_promote(&fake->side, E3);
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	ASSERT_TRUE(say_sync_end(&fake->peer, &before) && peer_is_served(&fake->peer));
	EXPECT_EQ(1, pair_get(&self->host, NDVAL_A_PAIR_EPOCH));
	EXPECT_EQ(10000, head(&self->host));
	/* The stream was not told of again: for this epoch it is unknown. */
	ASSERT_TRUE(say_sync_end(&fake->peer, &fake->side) && adopts(fake));
	EXPECT_EQ(3, pair_get(&self->host, NDVAL_A_PAIR_EPOCH));
	EXPECT_EQ(0, head(&self->host));
}

TEST_F(failover, sync_of_another_stream_of_the_name_has_nothing_in_common)
{
	const __u64 starts[EPOCHS] = { 0, 9000 };
	struct fake *fake = &self->fake;

	ASSERT_TRUE(lead_with(&self->host, fake, 10000));
	side_promote(&fake->side, E2);
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	ASSERT_TRUE(say_sync(&fake->peer, &fake->side, "default", FAKE_STREAM_ID + 1, starts));
	ASSERT_TRUE(say_sync(&fake->peer, &fake->side, "nothing.here", 77, starts));
	ASSERT_TRUE(say_sync_end(&fake->peer, &fake->side) && adopts(fake));
	EXPECT_EQ(0, head(&self->host));
	EXPECT_EQ(1, pair_get(&self->host, NDVAL_A_PAIR_STREAMS));
}

/* Between PAIR and SYNC it belongs to neither epoch. */
TEST_F(failover, values_of_the_newer_epoch_before_sync_are_not_taken)
{
	struct fake *fake = &self->fake;

	ASSERT_TRUE(lead_with(&self->host, fake, 1000));
	fake->side.in_sync = true;
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	EXPECT_EQ(1, pair_get(&self->host, NDVAL_A_PAIR_IN_SYNC));
	side_promote(&fake->side, E2);
	fake->side.in_sync = true;
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	ASSERT_TRUE(fake_push(fake, 1000, 1000) && peer_is_served(&fake->peer));
	EXPECT_EQ(1000, head(&self->host));
	EXPECT_NE(1, pair_get(&self->host, NDVAL_A_PAIR_IN_SYNC));
	ASSERT_TRUE(say_starts(fake, 0, 1000, 0) && say_sync_end(&fake->peer, &fake->side) &&
		    adopts(fake));
	EXPECT_EQ(1000, head(&self->host));
	/* PAIR said so, of the epoch that it has now. */
	EXPECT_EQ(1, pair_get(&self->host, NDVAL_A_PAIR_IN_SYNC));
}

/* And the other way round: the kernel tells. */
TEST_F(failover, a_primary_tells_members_of_an_earlier_epoch_where_its_own_began)
{
	struct fetch fetch = { .stream = "default", .want = 64 * KIB };
	struct fake *fake = &self->fake;
	bool stream = false;
	__u64 starts[EPOCHS], id, end;
	char byte;

	ASSERT_EQ(0, host_promote(&self->host, "web1"));
	side_secondary(&fake->side, "web");
	ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2") && fake_follow(fake));
	ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch));
	ASSERT_TRUE(say_end(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	ASSERT_TRUE(node_ready(self->fd));
	EXPECT_EQ(-EAGAIN, get(self->fd, &byte, 1));
	end = head(&self->host);
	ASSERT_LT(0, end);
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_DEMOTE, NDVAL_A_PAIR_NAME, "web1"));
	/* We are asked first what we have more: nothing. */
	ASSERT_EQ(0, host_take_over(&self->host, "web1"));
	do {
		ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_FETCH, &fake->said));
		EXPECT_NE(NULL, fake->said.tb[NDVAL_WIRE_A_TAKEOVER]);
	} while (!fake->said.tb[NDVAL_WIRE_A_END]);
	ASSERT_TRUE(say_takeover(&fake->peer, &fake->side, 0));
	do {
		ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_PAIR, &fake->said));
	} while (said_u32(&fake->said, NDVAL_WIRE_A_ROLE) != NDVAL_ROLE_PRIMARY);
	EXPECT_EQ(2, said_u64(&fake->said, NDVAL_WIRE_A_EPOCH));
	id = said_u64(&fake->said, NDVAL_WIRE_A_EPOCH_ID);
	EXPECT_NE(fake->side.epoch_id, id);
	for (;;) {
		ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_SYNC, &fake->said));
		EXPECT_EQ(id, said_u64(&fake->said, NDVAL_WIRE_A_EPOCH_ID));
		if (fake->said.tb[NDVAL_WIRE_A_END])
			break;
		EXPECT_STREQ("default", said_text(&fake->said, NDVAL_WIRE_A_STREAM));
		ASSERT_EQ(sizeof(starts),
			  mnl_attr_get_payload_len(fake->said.tb[NDVAL_WIRE_A_STARTS]));
		memcpy(starts, mnl_attr_get_payload(fake->said.tb[NDVAL_WIRE_A_STARTS]),
		       sizeof(starts));
		EXPECT_EQ(0, starts[0]);
		EXPECT_EQ(end, starts[1]);
		stream = true;
	}
	EXPECT_TRUE(stream);
	/* We were counted from the first moment, and have told of nothing stored. */
	EXPECT_EQ(-EAGAIN, get(self->fd, &byte, 1));
}

/* HANDOVER */

TEST_F(failover, handover_is_for_one_that_is_in_sync_and_of_the_epoch)
{
	struct fake *fake = &self->fake;
	const struct epoch *history;
	struct side wrong;

	ASSERT_TRUE(lead_with(&self->host, fake, 1000));
	ASSERT_TRUE(say_handover(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, pair_get(&self->host, NDVAL_A_PAIR_ROLE));
	fake->side.in_sync = true;
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	wrong = fake->side;
	wrong.epoch_id++;
	ASSERT_TRUE(say_handover(&fake->peer, &wrong) && peer_is_served(&fake->peer));
	wrong = fake->side;
	wrong.incarnation++;
	ASSERT_TRUE(say_handover(&fake->peer, &wrong) && peer_is_served(&fake->peer));
	wrong = fake->side;
	wrong.pair_id++;
	ASSERT_TRUE(say_handover(&fake->peer, &wrong) && peer_is_served(&fake->peer));
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, pair_get(&self->host, NDVAL_A_PAIR_ROLE));
	EXPECT_EQ(1, pair_get(&self->host, NDVAL_A_PAIR_EPOCH));

	ASSERT_TRUE(say_handover(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	EXPECT_EQ(NDVAL_ROLE_PRIMARY, pair_get(&self->host, NDVAL_A_PAIR_ROLE));
	EXPECT_EQ(2, pair_get(&self->host, NDVAL_A_PAIR_EPOCH));
	fake->side.role = NDVAL_ROLE_SECONDARY;
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	do {
		ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_PAIR, &fake->said));
	} while (said_u32(&fake->said, NDVAL_WIRE_A_ROLE) != NDVAL_ROLE_PRIMARY);
	ASSERT_EQ(32, mnl_attr_get_payload_len(fake->said.tb[NDVAL_WIRE_A_HISTORY]));
	history = mnl_attr_get_payload(fake->said.tb[NDVAL_WIRE_A_HISTORY]);
	EXPECT_EQ(fake->side.epoch_id, history[0].id);
	EXPECT_EQ(2, history[1].number);
	/* A second one is of an epoch that is over. */
	ASSERT_TRUE(say_handover(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	EXPECT_EQ(2, pair_get(&self->host, NDVAL_A_PAIR_EPOCH));
}

TEST_F(failover, handover_of_one_that_is_not_followed_is_ignored)
{
	struct fake *fake = &self->fake, *other = &self->other;

	ASSERT_EQ(0, host_add_peer(&self->host, "web1", "m3"));
	fake->side.in_sync = true;
	ASSERT_TRUE(lead_with(&self->host, fake, 1000));
	other->side = fake->side;
	other->side.pair_id++;
	other->side.role = NDVAL_ROLE_SECONDARY;
	other->side.in_sync = false;
	ASSERT_TRUE(fake_connect(&self->host, other, "m1", "m3"));
	ASSERT_TRUE(say_pair(&other->peer, &other->side));
	ASSERT_TRUE(say_handover(&other->peer, &other->side) && peer_is_served(&other->peer));
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, pair_get(&self->host, NDVAL_A_PAIR_ROLE));
	EXPECT_EQ(1, pair_get(&self->host, NDVAL_A_PAIR_IN_SYNC));
}

/* TAKEOVER */

/* m3, a secondary of m2's epoch. */
static bool come_as_third(struct host *host, struct fake *other, const struct fake *fake)
{
	other->side = fake->side;
	other->side.pair_id++;
	other->side.role = NDVAL_ROLE_SECONDARY;
	other->side.seen_id = other->side.epoch_id;
	return fake_connect(host, other, "m1", "m3") && say_pair(&other->peer, &other->side) &&
	       peer_is_served(&other->peer);
}

static bool ask_for_takeover(struct fake *other, __u64 have)
{
	const struct fetch fetch = {
		.stream = "default", .id = FAKE_STREAM_ID, .have = have,
		.want = have + 64 * KIB, .takeover = true,
	};
	const struct fetch end = { .takeover = true };

	return (!have || say_fetch(&other->peer, &other->side, &fetch)) &&
	       say_fetch(&other->peer, &other->side, &end);
}

/*
 * Receives VALUES and then TAKEOVER, its errno in @error. Returns where the
 * bytes ended, which must be ours and without a gap from @have on; 0 if not.
 */
static __u64 gift(struct fake *other, __u64 have, __u32 *error)
{
	static unsigned char want[NDVAL_WIRE_VALUES_MAX];
	const void *data;
	size_t len;
	int got;

	for (;;) {
		got = peer_receive(&other->peer, &other->said, PATIENCE_MS);
		if (got <= 0)
			return 0;
		if (got == NDVAL_WIRE_CMD_TAKEOVER)
			break;
		if (got != NDVAL_WIRE_CMD_VALUES)
			continue;
		data = said_value(&other->said, &len);
		if (!data || said_value_offset(&other->said) != have ||
		    !other->said.tb[NDVAL_WIRE_A_LIMIT])
			return 0;
		pattern_fill(want, have, len);
		if (memcmp(want, data, len))
			return 0;
		have += len;
	}
	*error = said_u32(&other->said, NDVAL_WIRE_A_ERROR);
	return have;
}

TEST_F(failover, a_takeover_is_given_what_the_asker_lacks_before_the_answer)
{
	struct fake *fake = &self->fake, *other = &self->other;
	__u32 error = ~0U;

	ASSERT_EQ(0, host_add_peer(&self->host, "web1", "m3"));
	ASSERT_TRUE(lead_with(&self->host, fake, 50000));
	ASSERT_TRUE(fake_hang_up(&self->host, fake));
	ASSERT_TRUE(come_as_third(&self->host, other, fake));
	ASSERT_TRUE(ask_for_takeover(other, 4000));
	EXPECT_EQ(50000, gift(other, 4000, &error));
	EXPECT_EQ(0, error);
	/* Who has all of it gets the answer alone. */
	ASSERT_TRUE(ask_for_takeover(other, 50000));
	EXPECT_EQ(50000, gift(other, 50000, &error));
	EXPECT_EQ(0, error);
	/* Who has more than we, too. */
	ASSERT_TRUE(ask_for_takeover(other, 60000));
	EXPECT_EQ(60000, gift(other, 60000, &error));
	EXPECT_EQ(0, error);
	/* Streams that it does not know come from their beginning. */
	ASSERT_TRUE(ask_for_takeover(other, 0));
	EXPECT_EQ(50000, gift(other, 0, &error));
	EXPECT_EQ(0, error);
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, pair_get(&self->host, NDVAL_A_PAIR_ROLE));
}

/* A setting of the asker's, or the state of a copy there, may change meanwhile. */
TEST_F(failover, what_an_asker_says_of_itself_takes_nothing_from_the_gift)
{
	const struct fetch fetch = {
		.stream = "default", .id = FAKE_STREAM_ID, .have = 4000,
		.want = 4000 + 64 * KIB, .takeover = true,
	};
	const struct fetch end = { .takeover = true };
	struct fake *fake = &self->fake, *other = &self->other;
	__u32 error = ~0U;

	ASSERT_EQ(0, host_add_peer(&self->host, "web1", "m3"));
	ASSERT_TRUE(lead_with(&self->host, fake, 50000));
	ASSERT_TRUE(fake_hang_up(&self->host, fake));
	ASSERT_TRUE(come_as_third(&self->host, other, fake));
	ASSERT_TRUE(say_fetch(&other->peer, &other->side, &fetch));
	ASSERT_TRUE(say_pair(&other->peer, &other->side));
	ASSERT_TRUE(say_fetch(&other->peer, &other->side, &end));
	EXPECT_EQ(50000, gift(other, 4000, &error));
	EXPECT_EQ(0, error);
}

TEST_F(failover, a_takeover_is_refused_while_the_primary_is_seen)
{
	struct fake *fake = &self->fake, *other = &self->other;
	__u32 error = 0;

	ASSERT_EQ(0, host_add_peer(&self->host, "web1", "m3"));
	ASSERT_TRUE(lead_with(&self->host, fake, 1000));
	ASSERT_TRUE(come_as_third(&self->host, other, fake));
	ASSERT_TRUE(ask_for_takeover(other, 1000));
	EXPECT_EQ(1000, gift(other, 1000, &error));
	EXPECT_EQ(EBUSY, error);
	/* Once it is gone there is nothing in the way. */
	ASSERT_TRUE(fake_hang_up(&self->host, fake));
	ASSERT_TRUE(ask_for_takeover(other, 1000));
	EXPECT_EQ(1000, gift(other, 1000, &error));
	EXPECT_EQ(0, error);
}

/* The epoch of who asks is not ours: it is told so, and gets nothing. */
TEST_F(failover, a_takeover_of_another_epoch_is_answered_by_pair)
{
	struct fake *fake = &self->fake, *other = &self->other;
	const struct fetch end = { .takeover = true };
	struct side wrong;

	ASSERT_EQ(0, host_add_peer(&self->host, "web1", "m3"));
	ASSERT_TRUE(lead_with(&self->host, fake, 1000));
	ASSERT_TRUE(fake_hang_up(&self->host, fake));
	ASSERT_TRUE(come_as_third(&self->host, other, fake));
	wrong = other->side;
	wrong.epoch_id = E9;
	ASSERT_TRUE(say_fetch(&other->peer, &wrong, &end));
	ASSERT_TRUE(peer_expect(&other->peer, NDVAL_WIRE_CMD_PAIR, &other->said));
	while (peer_receive(&other->peer, &other->said, QUIET_MS) > 0)
		EXPECT_NE(NDVAL_WIRE_CMD_TAKEOVER, other->said.cmd);
}

/* The kernel asks: it is in sync with 1000 bytes, and its primary is gone. */
static bool lose_primary(struct host *host, struct fake *fake, struct fake *other)
{
	fake->side.in_sync = true;
	return !host_add_peer(host, "web1", "m3") && lead_with(host, fake, 1000) &&
	       fake_hang_up(host, fake) && come_as_third(host, other, fake);
}

static bool is_asked(struct fake *other, __u64 have)
{
	bool stream = false;

	for (;;) {
		if (!peer_expect(&other->peer, NDVAL_WIRE_CMD_FETCH, &other->said) ||
		    !other->said.tb[NDVAL_WIRE_A_TAKEOVER])
			return false;
		if (other->said.tb[NDVAL_WIRE_A_END])
			return stream;
		stream = said_u64(&other->said, NDVAL_WIRE_A_HAVE) == have;
	}
}

TEST_F(failover, who_is_promoted_takes_what_others_have_more)
{
	struct fake *fake = &self->fake, *other = &self->other;
	__u64 old;

	ASSERT_TRUE(lose_primary(&self->host, fake, other));
	old = pair_get(&self->host, NDVAL_A_PAIR_EPOCH_ID);
	ASSERT_EQ(0, host_take_over(&self->host, "web1"));
	ASSERT_TRUE(is_asked(other, 1000));
	ASSERT_TRUE(fake_push(other, 1000, 20000) && peer_is_served(&other->peer));
	/* Not before it has answered. */
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, pair_get(&self->host, NDVAL_A_PAIR_ROLE));
	ASSERT_TRUE(say_takeover(&other->peer, &other->side, 0));
	EXPECT_TRUE(wait_until(pair_get(&self->host, NDVAL_A_PAIR_ROLE) == NDVAL_ROLE_PRIMARY,
			       5));
	EXPECT_EQ(2, pair_get(&self->host, NDVAL_A_PAIR_EPOCH));
	EXPECT_NE(old, pair_get(&self->host, NDVAL_A_PAIR_EPOCH_ID));
	EXPECT_LE(21000, head(&self->host));
	/* What it could deliver before it still can: L of the old primary. */
	EXPECT_TRUE(reads_pattern(self->fd, 0, 1000));
}

TEST_F(failover, who_is_promoted_gives_up_if_another_sees_the_primary)
{
	struct fake *fake = &self->fake, *other = &self->other;

	ASSERT_TRUE(lose_primary(&self->host, fake, other));
	ASSERT_EQ(0, host_take_over(&self->host, "web1"));
	ASSERT_TRUE(is_asked(other, 1000));
	ASSERT_TRUE(say_takeover(&other->peer, &other->side, EBUSY));
	ASSERT_TRUE(peer_is_served(&other->peer));
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, pair_get(&self->host, NDVAL_A_PAIR_ROLE));
	EXPECT_EQ(1, pair_get(&self->host, NDVAL_A_PAIR_EPOCH));
	/* An answer that nobody asked for, or asks for any more, does nothing. */
	ASSERT_TRUE(say_takeover(&other->peer, &other->side, 0));
	ASSERT_TRUE(peer_is_served(&other->peer));
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, pair_get(&self->host, NDVAL_A_PAIR_ROLE));
	/* The next one may succeed. */
	ASSERT_EQ(0, host_take_over(&self->host, "web1"));
	ASSERT_TRUE(is_asked(other, 1000));
	ASSERT_TRUE(say_takeover(&other->peer, &other->side, 0));
	EXPECT_TRUE(wait_until(pair_get(&self->host, NDVAL_A_PAIR_ROLE) == NDVAL_ROLE_PRIMARY,
			       5));
}

TEST_F(failover, who_is_promoted_goes_on_without_one_that_dies)
{
	struct fake *fake = &self->fake, *other = &self->other;

	ASSERT_TRUE(lose_primary(&self->host, fake, other));
	ASSERT_EQ(0, host_take_over(&self->host, "web1"));
	ASSERT_TRUE(is_asked(other, 1000));
	ASSERT_TRUE(fake_hang_up(&self->host, other));
	EXPECT_TRUE(wait_until(pair_get(&self->host, NDVAL_A_PAIR_ROLE) == NDVAL_ROLE_PRIMARY,
			       5));
}

TEST_F(failover, who_is_promoted_gives_up_if_another_knows_a_newer_epoch)
{
	struct fake *fake = &self->fake, *other = &self->other;

	ASSERT_TRUE(lose_primary(&self->host, fake, other));
	ASSERT_EQ(0, host_take_over(&self->host, "web1"));
	ASSERT_TRUE(is_asked(other, 1000));
	side_promote(&other->side, E2);
	other->side.role = NDVAL_ROLE_SECONDARY;
	ASSERT_TRUE(say_pair(&other->peer, &other->side) && peer_is_served(&other->peer));
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, pair_get(&self->host, NDVAL_A_PAIR_ROLE));
	EXPECT_EQ(1, pair_get(&self->host, NDVAL_A_PAIR_EPOCH));
	EXPECT_NE(1, pair_get(&self->host, NDVAL_A_PAIR_IN_SYNC));
}

/* Epochs that meet */

/* The kernel is primary, and has delivered a byte; the fake was of its epoch. */
static bool follow_one_byte(struct host *host, struct fake *fake, int fd)
{
	char byte;

	side_secondary(&fake->side, "web");
	return !host_promote(host, "web1") && node_ready(fd) && get(fd, &byte, 1) == 1 &&
	       fake_connect(host, fake, "m1", "m2") && fake_follow(fake) &&
	       peer_is_served(&fake->peer);
}

TEST_F(failover, a_primary_that_hears_of_a_newer_epoch_stops_at_once)
{
	static const __u32 roles[] = { NDVAL_ROLE_PRIMARY, NDVAL_ROLE_SECONDARY };
	struct fake *fake = &self->fake;
	char byte;
	size_t i;

	for (i = 0; i < ARRAY_LEN(roles); i++) {
		ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_RESYNC, NDVAL_A_PAIR_NAME, "web1"));
		run("ndvalctl instance set web1 --at 0");
		ASSERT_TRUE(follow_one_byte(&self->host, fake, self->fd));
		EXPECT_EQ(1, get(self->fd, &byte, 1));
		side_promote(&fake->side, E2);
		fake->side.role = roles[i];
		ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
		/* Though it can't say yet what the two have in common. */
		EXPECT_EQ(NDVAL_ROLE_SECONDARY, pair_get(&self->host, NDVAL_A_PAIR_ROLE));
		EXPECT_NE(E2, pair_get(&self->host, NDVAL_A_PAIR_EPOCH_ID));
		EXPECT_NE(1, pair_get(&self->host, NDVAL_A_PAIR_IN_SYNC));
		EXPECT_EQ(-EAGAIN, get(self->fd, &byte, 1));
		EXPECT_NE(0, host_take_over(&self->host, "web1"));
		ASSERT_TRUE(fake_hang_up(&self->host, fake));
	}
}

TEST_F(failover, a_primary_that_stopped_joins_or_is_diverged)
{
	static const struct {
		__u64 start;
		bool diverged;
	} cases[] = { { 4096, false }, { 2, true }, { 0, true } };
	struct fake *fake = &self->fake;
	struct host *host = &self->host;
	const __u64 none[EPOCHS] = { 0 };
	__u64 starts[EPOCHS], id;
	char byte;
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		ASSERT_EQ(0, host_call(host, NDVAL_CMD_RESYNC, NDVAL_A_PAIR_NAME, "web1"));
		run("ndvalctl instance set web1 --at 0");
		ASSERT_TRUE(follow_one_byte(host, fake, self->fd));
		ASSERT_EQ(1, get(self->fd, &byte, 1));
		ASSERT_EQ(1, get(self->fd, &byte, 1));
		id = host_stream_get(host, "web1", "default", NDVAL_A_STREAM_ID);
		side_promote(&fake->side, E2);
		memcpy(starts, none, sizeof(starts));
		starts[fake->side.npast] = cases[i].start;
		ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
		ASSERT_TRUE(say_sync(&fake->peer, &fake->side, "default", id, starts));
		ASSERT_TRUE(say_sync_end(&fake->peer, &fake->side));
		if (cases[i].diverged) {
			EXPECT_TRUE(says(fake, NDVAL_WIRE_A_DIVERGED));
			EXPECT_EQ(-ESTALE, get(self->fd, &byte, 1));
		} else {
			EXPECT_TRUE(adopts(fake));
			EXPECT_EQ(cases[i].start, head(host));
			EXPECT_EQ(NDVAL_ROLE_SECONDARY, pair_get(host, NDVAL_A_PAIR_ROLE));
		}
		ASSERT_TRUE(fake_hang_up(host, fake));
	}
}

TEST_F(failover, one_number_for_two_epochs_is_refused)
{
	struct fake *fake = &self->fake;
	char reason[REASON_SIZE];
	char byte;

	/* The kernel is a primary. */
	ASSERT_TRUE(follow_one_byte(&self->host, fake, self->fd));
	fake->side.npast = 0;
	fake->side.epoch_id = E9;
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	EXPECT_EQ(NDVAL_PEER_STATE_REFUSED,
		  host_peer_state(&self->host, "web1", "m2", reason));
	EXPECT_NE(0, strlen(reason));
	ASSERT_TRUE(node_ready(self->fd));
	EXPECT_EQ(1, get(self->fd, &byte, 1));
	/* It is a secondary: the other's word does not count. */
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_DEMOTE, NDVAL_A_PAIR_NAME, "web1"));
	fake->side.role = NDVAL_ROLE_PRIMARY;
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	ASSERT_TRUE(say_sync_end(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	EXPECT_EQ(NDVAL_PEER_STATE_REFUSED,
		  host_peer_state(&self->host, "web1", "m2", NULL));
	EXPECT_NE(E9, pair_get(&self->host, NDVAL_A_PAIR_EPOCH_ID));
	EXPECT_LT(0, head(&self->host));
}

TEST_F(failover, two_primaries_of_one_epoch_refuse_each_other)
{
	struct fake *fake = &self->fake;
	char byte;

	ASSERT_TRUE(follow_one_byte(&self->host, fake, self->fd));
	fake->side.role = NDVAL_ROLE_PRIMARY;
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	EXPECT_EQ(NDVAL_PEER_STATE_REFUSED,
		  host_peer_state(&self->host, "web1", "m2", NULL));
	EXPECT_EQ(NDVAL_ROLE_PRIMARY, pair_get(&self->host, NDVAL_A_PAIR_ROLE));
	ASSERT_TRUE(node_ready(self->fd));
	EXPECT_EQ(1, get(self->fd, &byte, 1));
}

/* An older epoch gets the newer one told, whoever is what. */
TEST_F(failover, an_older_epoch_is_answered_by_pair_and_changes_nothing)
{
	struct fake *fake = &self->fake;
	struct side older;

	side_promote(&fake->side, E2);
	ASSERT_TRUE(lead_with(&self->host, fake, 1000));
	older = fake->side;
	older.npast = 0;
	older.epoch = fake->side.past[0].number;
	older.epoch_id = fake->side.past[0].id;
	ASSERT_TRUE(say_pair(&fake->peer, &older));
	ASSERT_TRUE(say_sync_end(&fake->peer, &older));
	ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_PAIR, &fake->said));
	EXPECT_EQ(E2, said_u64(&fake->said, NDVAL_WIRE_A_EPOCH_ID));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	EXPECT_EQ(E2, pair_get(&self->host, NDVAL_A_PAIR_EPOCH_ID));
	EXPECT_EQ(1000, head(&self->host));
}

TEST_F(failover, of_more_than_sixteen_epochs_the_oldest_are_one)
{
	static char bytes[CHUNK];
	struct fake *fake = &self->fake;
	const struct epoch *history;
	__u64 starts[EPOCHS], end;
	int i;

	ASSERT_EQ(0, host_promote(&self->host, "web1"));
	ASSERT_TRUE(node_ready(self->fd));
	for (i = 1; i < 20; i++) {
		ASSERT_EQ((ssize_t)sizeof(bytes), get(self->fd, bytes, sizeof(bytes)));
		ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_DEMOTE, NDVAL_A_PAIR_NAME, "web1"));
		ASSERT_EQ(0, host_take_over(&self->host, "web1"));
	}
	/* What is recorded ahead of use from here on is of the last one. */
	end = head(&self->host);
	side_secondary(&fake->side, "web");
	ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2") && fake_follow(fake));
	ASSERT_EQ(EPOCHS * sizeof(*history),
		  mnl_attr_get_payload_len(fake->said.tb[NDVAL_WIRE_A_HISTORY]));
	history = mnl_attr_get_payload(fake->said.tb[NDVAL_WIRE_A_HISTORY]);
	for (i = 0; i < EPOCHS; i++) {
		EXPECT_EQ(20 - EPOCHS + 1 + i, history[i].number);
		EXPECT_NE(0, history[i].id);
	}
	ASSERT_TRUE(say_end(&fake->peer, &fake->side));
	ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_VALUES, &fake->said));
	ASSERT_EQ(sizeof(starts),
		  mnl_attr_get_payload_len(fake->said.tb[NDVAL_WIRE_A_STARTS]));
	memcpy(starts, mnl_attr_get_payload(fake->said.tb[NDVAL_WIRE_A_STARTS]),
	       sizeof(starts));
	/* The smallest start of those that are one: nothing is kept by mistake. */
	EXPECT_EQ(0, starts[0]);
	for (i = 1; i < EPOCHS; i++)
		EXPECT_LE(starts[i - 1] + CHUNK, starts[i]);
	EXPECT_EQ(end, starts[EPOCHS - 1]);
}

/* What a primary forgot or never knew */

TEST_F(failover, a_peer_that_stores_more_than_was_recorded_fences_the_primary)
{
	struct fetch fetch = { .stream = "default", .want = RING };
	struct fake *fake = &self->fake;
	char byte;

	ASSERT_TRUE(follow_one_byte(&self->host, fake, self->fd));
	fetch.id = host_stream_get(&self->host, "web1", "default", NDVAL_A_STREAM_ID);
	/* All there is: a byte more would be too much. */
	fetch.have = head(&self->host);
	ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch) && peer_is_served(&fake->peer));
	EXPECT_NE(NDVAL_HEALTH_FENCED, pair_get(&self->host, NDVAL_A_PAIR_HEALTH));
	EXPECT_EQ(1, get(self->fd, &byte, 1));
	fetch.have = head(&self->host) + 1;
	ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch));
	EXPECT_TRUE(says(fake, NDVAL_WIRE_A_DIVERGED));
	EXPECT_EQ(NDVAL_HEALTH_FENCED, pair_get(&self->host, NDVAL_A_PAIR_HEALTH));
	EXPECT_EQ(-ESTALE, get(self->fd, &byte, 1));
	EXPECT_EQ(-ESTALE, host_call(&self->host, NDVAL_CMD_SWITCHOVER, NDVAL_A_PAIR_NAME,
				     "web1"));
	EXPECT_TRUE(host_refused_well(&self->host, -ESTALE));
	/* The link is for other pairs too. */
	EXPECT_TRUE(peer_is_served(&fake->peer));
	/* Resync is the way out. */
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_RESYNC, NDVAL_A_PAIR_NAME, "web1"));
	EXPECT_NE(NDVAL_HEALTH_FENCED, pair_get(&self->host, NDVAL_A_PAIR_HEALTH));
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, pair_get(&self->host, NDVAL_A_PAIR_ROLE));
}

/* The kernel is primary and the fake in sync, having stored and acknowledged all. */
static bool be_in_sync(struct host *host, struct fake *fake, int fd, struct fetch *fetch)
{
	char bytes[1000];

	side_secondary(&fake->side, "web");
	if (host_promote(host, "web1") || !fake_connect(host, fake, "m1", "m2") ||
	    !fake_follow(fake) || !say_end(&fake->peer, &fake->side) ||
	    !peer_is_served(&fake->peer) || !node_ready(fd) ||
	    get(fd, bytes, sizeof(bytes)) != -EAGAIN)
		return false;
	fetch->stream = "default";
	fetch->id = host_stream_get(host, "web1", "default", NDVAL_A_STREAM_ID);
	fetch->have = 4096;
	fetch->want = RING;
	return say_fetch(&fake->peer, &fake->side, fetch) && peer_is_served(&fake->peer) &&
	       get(fd, bytes, sizeof(bytes)) == sizeof(bytes) &&
	       host_peer_is(host, "web1", "m2", NDVAL_PEER_STATE_IN_SYNC);
}

/* Has the kernel sent all there is, and with it L: so much is promised. */
static bool promises_all(struct host *host, struct fake *fake, struct fetch *fetch)
{
	bool said;

	fetch->again = true;
	said = say_fetch(&fake->peer, &fake->side, fetch);
	fetch->again = false;
	do {
		said = said && peer_expect(&fake->peer, NDVAL_WIRE_CMD_VALUES, &fake->said);
	} while (said && said_u64(&fake->said, NDVAL_WIRE_A_LIMIT) < head(host));
	return said;
}

TEST_F(failover, a_rebuilt_peer_is_counted_anew)
{
	struct fetch fetch = { 0 };
	struct fake *fake = &self->fake;
	static char bytes[CHUNK];
	int i;

	ASSERT_TRUE(be_in_sync(&self->host, fake, self->fd, &fetch));
	/* To its end: of a chunk that a reader has taken, all was promised to it. */
	ASSERT_EQ(3096, get(self->fd, bytes, sizeof(bytes)));
	/* Under its name, on the same link and then on a new one. */
	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(promises_all(&self->host, fake, &fetch));
		fake->side.pair_id++;
		if (i) {
			ASSERT_TRUE(fake_hang_up(&self->host, fake));
			ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2"));
		}
		ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
		EXPECT_NE(NDVAL_PEER_STATE_IN_SYNC,
			  host_peer_state(&self->host, "web1", "m2", NULL));
		ASSERT_TRUE(say_end(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
		EXPECT_NE(NDVAL_PEER_STATE_IN_SYNC,
			  host_peer_state(&self->host, "web1", "m2", NULL));
		/* It is counted: what it does not store nobody gets. */
		EXPECT_EQ(-EAGAIN, get(self->fd, bytes, 1));
		/* Not all that was given here. */
		fetch.have = 4095;
		ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch));
		ASSERT_TRUE(peer_is_served(&fake->peer));
		EXPECT_NE(NDVAL_PEER_STATE_IN_SYNC,
			  host_peer_state(&self->host, "web1", "m2", NULL));
		/* All that the former one, which was told of L, may have given. */
		fetch.have = head(&self->host) - 1;
		ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch));
		ASSERT_TRUE(peer_is_served(&fake->peer));
		EXPECT_NE(NDVAL_PEER_STATE_IN_SYNC,
			  host_peer_state(&self->host, "web1", "m2", NULL));
		fetch.have = head(&self->host);
		ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch));
		EXPECT_TRUE(host_peer_is(&self->host, "web1", "m2",
					 NDVAL_PEER_STATE_IN_SYNC));
		EXPECT_EQ((ssize_t)sizeof(bytes), get(self->fd, bytes, sizeof(bytes)));
	}
}

/* Nobody is left out without a word. */
TEST_F(failover, suspended_readers_wait_for_the_peer_or_the_word)
{
	struct fetch fetch = { 0 };
	struct fake *fake = &self->fake;
	static char bytes[64 * KIB];
	char reason[REASON_SIZE];

	ASSERT_TRUE(be_in_sync(&self->host, fake, self->fd, &fetch));
	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_ON_PEER_LOSS,
			      NDVAL_ON_PEER_LOSS_SUSPEND));
	peer_close(&fake->peer);
	ASSERT_TRUE(host_link_down(&self->host, fake->peer.link, reason));
	/* What it acknowledged may be given yet. */
	EXPECT_EQ(3096, get(self->fd, bytes, sizeof(bytes)));
	EXPECT_EQ(-EAGAIN, get(self->fd, bytes, 1));
	EXPECT_EQ(NDVAL_HEALTH_SUSPENDED, pair_get(&self->host, NDVAL_A_PAIR_HEALTH));
	/* It is back, rebuilt: what the former one stored does not count. */
	fake->side.pair_id++;
	ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2"));
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	ASSERT_TRUE(say_end(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	EXPECT_EQ(-EAGAIN, get(self->fd, bytes, 1));
	fetch.have = 4097;
	ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch) && peer_is_served(&fake->peer));
	EXPECT_EQ(1, get(self->fd, bytes, 1));
	EXPECT_EQ(-EAGAIN, get(self->fd, bytes, 1));
	/* Gone again, and given up. */
	ASSERT_TRUE(fake_hang_up(&self->host, fake));
	EXPECT_EQ(-EAGAIN, get(self->fd, bytes, 1));
	ASSERT_EQ(0, run("ndvalctl peer outdate web1 m2"));
	EXPECT_TRUE(get_all(self->fd, bytes, sizeof(bytes), 4096));
}

TEST_HARNESS_MAIN
