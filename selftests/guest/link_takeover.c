// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takeovers that something else comes in the way of: a peer that lags behind,
 * is fenced, was removed, is promoted at the same time, or is of another life.
 *
 * vm: sources=operation.c,peer.c,../../tools/lib/nl.c libs=-lmnl timeout=120
 */
#include "kselftest_harness.h"
#include "common.h"
#include "operation.h"
#include "peer.h"

#include <linux/genetlink.h>
#include <sys/socket.h>

#define RING	(256 * KIB)

/* Epochs that only the fake has made. */
#define E2	0xbbbb0002ULL
#define E9	0xbbbb0009ULL

/* Pair objects below and above any that the kernel draws, most likely. */
#define LOW_ID	2ULL
#define HIGH_ID	0xffffffffffff0000ULL

FIXTURE(takeover)
{
	struct host host;
	struct nl *nl;		/* promotes, and hears of its end */
	struct fake fake;	/* m2 */
	struct fake other;	/* m3, where a test has one */
	int fd;			/* an instance that reads the stream "default" */
};

FIXTURE_SETUP(takeover)
{
	memset(self, 0, sizeof(*self));
	self->fake.peer.fd = -1;
	self->other.peer.fd = -1;
	ASSERT_TRUE(host_open(&self->host));
	self->nl = nl_open();
	ASSERT_NE(NULL, self->nl);
	ASSERT_EQ(0, nl_join_events(self->nl));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	ASSERT_EQ(0, host_pair(&self->host, "web1", "web", "m1", "m2"));
	/* No peer is lost only because a test does not look at its link for a while. */
	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_PEER_TIMEOUT_MS,
			      3 * PATIENCE_MS));
	side_primary(&self->fake.side, "web");
	self->fd = node_open("web1", O_NONBLOCK);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(takeover)
{
	peer_close(&self->fake.peer);
	peer_close(&self->other.peer);
	close(self->fd);
	host_pair_del(&self->host, "web1");
	EXPECT_TRUE(host_member_del(&self->host, "m1"));
	EXPECT_FALSE(self->host.gap);
	nl_close(self->nl);
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

static bool is_primary(struct host *host)
{
	return wait_until(pair_get(host, NDVAL_A_PAIR_ROLE) == NDVAL_ROLE_PRIMARY, 5);
}

static int peer_del(struct host *host, const char *peer)
{
	nl_request(host->nl, NDVAL_CMD_PEER_DEL, 0);
	nl_put_str(host->nl, NDVAL_A_PEER_PAIR, "web1");
	nl_put_str(host->nl, NDVAL_A_PEER_NAME, peer);
	return nl_call(host->nl, NULL, NULL);
}

static bool begin(struct nl *nl, struct operation *promotion)
{
	return !operation_begin(nl, NDVAL_CMD_PROMOTE, "web1", promotion);
}

/* The kernel follows the fake, is in sync with it, and may deliver 1000 bytes. */
static bool lead(struct host *host, struct fake *fake)
{
	fake->side.in_sync = true;
	return fake_lead_all(host, fake, "m2") && fake_push(fake, 0, 1000) &&
	       fake_stores(fake, "default", 1000) &&
	       pair_get(host, NDVAL_A_PAIR_IN_SYNC) == 1;
}

/* m3, a secondary of m2's epoch. */
static bool appear_as_third(struct host *host, struct fake *other, const struct fake *fake,
			    __u64 pair_id)
{
	other->side = fake->side;
	other->side.pair_id = pair_id;
	other->side.role = NDVAL_ROLE_SECONDARY;
	other->side.seen_id = other->side.epoch_id;
	other->side.in_sync = false;
	return !host_add_peer(host, "web1", "m3") && fake_connect(host, other, "m1", "m3") &&
	       say_pair(&other->peer, &other->side);
}

/* And what the kernel had to say to that was heard. */
static bool come_as_third(struct host *host, struct fake *other, const struct fake *fake,
			  __u64 pair_id)
{
	return appear_as_third(host, other, fake, pair_id) && peer_is_served(&other->peer);
}

/* Receives what the kernel, which is being promoted, asks for. */
static bool is_asked(struct fake *fake)
{
	do {
		if (!peer_expect(&fake->peer, NDVAL_WIRE_CMD_FETCH, &fake->said) ||
		    !fake->said.tb[NDVAL_WIRE_A_TAKEOVER])
			return false;
	} while (!fake->said.tb[NDVAL_WIRE_A_END]);
	return true;
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

/* Nothing comes any more, and no PAIR with the flag has. */
static bool says_not(struct fake *fake, int flag)
{
	while (peer_receive(&fake->peer, &fake->said, QUIET_MS) > 0)
		if (fake->said.cmd == NDVAL_WIRE_CMD_PAIR && fake->said.tb[flag])
			return false;
	return true;
}

/* PAIR (gone) of one that has no such pair, or that has removed the kernel from it. */
static bool say_gone(struct fake *fake, bool removed)
{
	fake->side.gone = true;
	fake->side.removed = removed;
	wire_pair(&fake->wire, &fake->side);
	fake->side.gone = false;
	return peer_send(&fake->peer, &fake->wire) && peer_is_served(&fake->peer);
}

/* The kernel is primary and the fake in sync: it stores 4096 bytes, 1000 are given. */
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

/* The next bytes of the stream "default" that come; how many, and where they begin. */
static size_t next_values(struct fake *fake, __u64 *offset)
{
	size_t len = 0;

	do {
		if (!peer_expect(&fake->peer, NDVAL_WIRE_CMD_VALUES, &fake->said))
			return 0;
		said_value(&fake->said, &len);
	} while (!len);
	*offset = said_value_offset(&fake->said);
	return len;
}

/* A hole, from 1000 on, which is what lead() has stored. */
#define HOLE_END	20480ULL
#define BEHIND_HOLE	(HOLE_END + 4096)

/* The kernel follows, has missed what lies in the hole, and then its primary goes. */
static bool lead_with_hole(struct host *host, struct fake *fake, int fd)
{
	const struct values beyond = {
		.stream = "default", .id = FAKE_STREAM_ID, .tail = HOLE_END,
		.offset = HOLE_END, .len = BEHIND_HOLE - HOLE_END,
	};
	char byte;

	return node_ready(fd) && get(fd, &byte, 1) == -EAGAIN && lead(host, fake) &&
	       say_values(&fake->peer, &fake->side, &beyond) &&
	       fake_stores(fake, "default", BEHIND_HOLE) && fake_hang_up(host, fake);
}

/* What was missed before this one took over is missing for its peers too; no more is. */
TEST_F(takeover, who_stores_all_before_a_hole_goes_on_behind_it)
{
	struct fetch fetch = { .stream = "default", .id = FAKE_STREAM_ID, .want = RING };
	struct fake *fake = &self->fake;
	struct operation promotion;
	__u64 at;

	ASSERT_TRUE(lead_with_hole(&self->host, fake, self->fd));
	ASSERT_TRUE(begin(self->nl, &promotion));
	ASSERT_EQ(0, operation_end(self->nl, &promotion));
	side_secondary(&fake->side, "web");
	fake->side.pair_id++;
	ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2") && fake_follow(fake));
	ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch) &&
		    say_end(&fake->peer, &fake->side));
	ASSERT_EQ(1000, next_values(fake, &at));
	EXPECT_EQ(0, at);
	EXPECT_EQ(0, said_u64(&fake->said, NDVAL_WIRE_A_TAIL));
	/* Not before it is known that all of that is stored. */
	while (peer_receive(&fake->peer, &fake->said, QUIET_MS) > 0)
		EXPECT_FALSE(fake->said.cmd == NDVAL_WIRE_CMD_VALUES &&
			     said_u64(&fake->said, NDVAL_WIRE_A_TAIL));
	fetch.have = 1000;
	ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch));
	ASSERT_LT(0, next_values(fake, &at));
	EXPECT_EQ(HOLE_END, at);
	EXPECT_EQ(HOLE_END, said_u64(&fake->said, NDVAL_WIRE_A_TAIL));
	/* It need not be told again. */
	fetch.have = BEHIND_HOLE;
	ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch));
	EXPECT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_IN_SYNC));
}

/* Whom a new primary counts */

TEST_F(takeover, who_listed_in_the_old_epoch_has_to_in_the_new_one)
{
	struct fetch fetch = { 0 };
	struct fake *fake = &self->fake;

	ASSERT_TRUE(be_in_sync(&self->host, fake, self->fd, &fetch));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_DEMOTE, NDVAL_A_PAIR_NAME, "web1"));
	fetch.have = head(&self->host);
	ASSERT_EQ(0, host_take_over(&self->host, "web1"));
	ASSERT_TRUE(is_asked(fake));
	ASSERT_TRUE(say_takeover(&fake->peer, &fake->side, 0));
	do {
		ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_PAIR, &fake->said));
		EXPECT_EQ(NULL, fake->said.tb[NDVAL_WIRE_A_IN_SYNC]);
	} while (!side_adopt(&fake->side, &fake->said));
	EXPECT_TRUE(says_not(fake, NDVAL_WIRE_A_IN_SYNC));
	/* All of one stream is not all of all streams. */
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch));
	EXPECT_TRUE(says_not(fake, NDVAL_WIRE_A_IN_SYNC));
	EXPECT_NE(NDVAL_PEER_STATE_IN_SYNC, host_peer_state(&self->host, "web1", "m2", NULL));
	ASSERT_TRUE(say_end(&fake->peer, &fake->side));
	EXPECT_TRUE(says(fake, NDVAL_WIRE_A_IN_SYNC));
}

TEST_F(takeover, a_fenced_primary_does_not_hold_up_its_successor)
{
	struct fake *fake = &self->fake;
	char bytes[100];

	ASSERT_TRUE(lead(&self->host, fake));
	fake->side.diverged = true;
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	ASSERT_EQ(0, host_take_over(&self->host, "web1"));
	ASSERT_TRUE(is_primary(&self->host));
	EXPECT_TRUE(reads_pattern(self->fd, 0, 1000));
	EXPECT_TRUE(get_all(self->fd, bytes, sizeof(bytes), sizeof(bytes)));
}

TEST_F(takeover, who_has_joined_another_life_is_dropped)
{
	struct fetch fetch = { 0 };
	struct fake *fake = &self->fake;
	static char bytes[CHUNK];

	ASSERT_TRUE(be_in_sync(&self->host, fake, self->fd, &fetch));
	ASSERT_EQ(3096, get(self->fd, bytes, sizeof(bytes)));
	ASSERT_EQ(-EAGAIN, get(self->fd, bytes, 1));
	fake->side.incarnation++;
	fake->side.epoch_id = E9;
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	EXPECT_NE(NDVAL_PEER_STATE_IN_SYNC, host_peer_state(&self->host, "web1", "m2", NULL));
	EXPECT_TRUE(get_all(self->fd, bytes, sizeof(bytes), sizeof(bytes)));
}

/* A stream that was made when there was a link, but no PAIR yet, has that link too. */
TEST_F(takeover, a_stream_made_before_pair_has_come_is_served)
{
	struct fetch fetch = { .stream = "default", .want = 64 * KIB };
	struct fake *fake = &self->fake;
	char bytes[1000];
	size_t len;

	side_secondary(&fake->side, "web");
	ASSERT_EQ(0, host_promote(&self->host, "web1"));
	ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2") && fake_follow(fake));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	/* The same object of the same epoch is back. */
	ASSERT_TRUE(fake_hang_up(&self->host, fake));
	ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2"));
	ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_PAIR, &fake->said));
	ASSERT_TRUE(node_ready(self->fd));
	ASSERT_EQ(1, pair_get(&self->host, NDVAL_A_PAIR_STREAMS));
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch));
	do {
		ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_VALUES, &fake->said));
		ASSERT_NE(NULL, said_value(&fake->said, &len));
	} while (said_value_offset(&fake->said) + len < sizeof(bytes));
	/* It is counted, and what it acknowledges is given. */
	ASSERT_TRUE(say_end(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	EXPECT_EQ(-EAGAIN, get(self->fd, bytes, sizeof(bytes)));
	fetch.have = head(&self->host);
	ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch));
	EXPECT_TRUE(get_all(self->fd, bytes, sizeof(bytes), sizeof(bytes)));
	EXPECT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_IN_SYNC));
}

/* Who may be promoted */

TEST_F(takeover, who_was_removed_by_its_primary_may_not)
{
	struct fake *fake = &self->fake;

	ASSERT_TRUE(lead(&self->host, fake));
	ASSERT_TRUE(say_gone(fake, true));
	EXPECT_NE(1, pair_get(&self->host, NDVAL_A_PAIR_IN_SYNC));
	EXPECT_EQ(-EUCLEAN, host_take_over(&self->host, "web1"));
}

TEST_F(takeover, whose_primary_was_deleted_may)
{
	struct fake *fake = &self->fake;

	ASSERT_TRUE(lead(&self->host, fake));
	ASSERT_TRUE(say_gone(fake, false));
	EXPECT_EQ(1, pair_get(&self->host, NDVAL_A_PAIR_IN_SYNC));
	EXPECT_EQ(0, host_take_over(&self->host, "web1"));
	EXPECT_TRUE(is_primary(&self->host));
}

/* A word of one that is no primary of ours does not matter. */
TEST_F(takeover, who_was_removed_by_another_secondary_may)
{
	struct fake *fake = &self->fake, *other = &self->other;

	ASSERT_TRUE(lead(&self->host, fake));
	ASSERT_TRUE(come_as_third(&self->host, other, fake, HIGH_ID));
	ASSERT_TRUE(say_gone(other, true));
	EXPECT_EQ(1, pair_get(&self->host, NDVAL_A_PAIR_IN_SYNC));
	ASSERT_TRUE(fake_hang_up(&self->host, fake));
	EXPECT_EQ(0, host_take_over(&self->host, "web1"));
	EXPECT_TRUE(is_primary(&self->host));
}

TEST_F(takeover, who_removed_its_primary_may_not)
{
	struct fake *fake = &self->fake;

	ASSERT_TRUE(lead(&self->host, fake));
	ASSERT_EQ(0, peer_del(&self->host, "m2"));
	EXPECT_NE(1, pair_get(&self->host, NDVAL_A_PAIR_IN_SYNC));
	EXPECT_EQ(-EUCLEAN, host_take_over(&self->host, "web1"));
}

/* It may be the primary; nobody knows. */
TEST_F(takeover, who_removed_a_peer_that_is_away_may_not)
{
	struct fake *fake = &self->fake;

	ASSERT_TRUE(lead(&self->host, fake));
	ASSERT_TRUE(fake_hang_up(&self->host, fake));
	ASSERT_EQ(0, peer_del(&self->host, "m2"));
	EXPECT_EQ(-EUCLEAN, host_take_over(&self->host, "web1"));
}

TEST_F(takeover, who_removed_a_secondary_may)
{
	struct fake *fake = &self->fake, *other = &self->other;

	ASSERT_TRUE(lead(&self->host, fake));
	ASSERT_TRUE(come_as_third(&self->host, other, fake, HIGH_ID));
	ASSERT_EQ(0, peer_del(&self->host, "m3"));
	EXPECT_EQ(1, pair_get(&self->host, NDVAL_A_PAIR_IN_SYNC));
	ASSERT_TRUE(fake_hang_up(&self->host, fake));
	EXPECT_EQ(0, host_take_over(&self->host, "web1"));
	EXPECT_TRUE(is_primary(&self->host));
}

TEST_F(takeover, who_is_removed_is_told_so)
{
	struct fetch fetch = { 0 };
	struct fake *fake = &self->fake;

	ASSERT_TRUE(be_in_sync(&self->host, fake, self->fd, &fetch));
	ASSERT_EQ(0, peer_del(&self->host, "m2"));
	ASSERT_TRUE(says(fake, NDVAL_WIRE_A_GONE));
	EXPECT_STREQ("web", said_text(&fake->said, NDVAL_WIRE_A_PAIR));
	ASSERT_NE(NULL, fake->said.tb[NDVAL_WIRE_A_ROLE]);
	EXPECT_EQ(NDVAL_ROLE_PRIMARY, said_u32(&fake->said, NDVAL_WIRE_A_ROLE));
	EXPECT_EQ(fake->side.incarnation, said_u64(&fake->said, NDVAL_WIRE_A_INCARNATION));
	/* And again, should that have been lost with a link. */
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	ASSERT_TRUE(says(fake, NDVAL_WIRE_A_GONE));
	EXPECT_EQ(fake->side.incarnation, said_u64(&fake->said, NDVAL_WIRE_A_INCARNATION));
}

TEST_F(takeover, whose_pair_is_deleted_is_told_another_thing)
{
	struct fetch fetch = { 0 };
	struct fake *fake = &self->fake;

	ASSERT_TRUE(be_in_sync(&self->host, fake, self->fd, &fetch));
	host_pair_del(&self->host, "web1");
	ASSERT_TRUE(says(fake, NDVAL_WIRE_A_GONE));
	EXPECT_EQ(NULL, fake->said.tb[NDVAL_WIRE_A_ROLE]);
	/* As is whoever speaks of a pair that is not there. */
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	ASSERT_TRUE(says(fake, NDVAL_WIRE_A_GONE));
	EXPECT_EQ(NULL, fake->said.tb[NDVAL_WIRE_A_ROLE]);
}

/* m3, a secondary, knows a newer epoch than m2, which is primary still. */
static bool hear_of_newer(struct host *host, struct fake *fake, struct fake *other)
{
	if (!lead(host, fake) || !come_as_third(host, other, fake, HIGH_ID))
		return false;
	side_promote(&other->side, E2);
	other->side.role = NDVAL_ROLE_SECONDARY;
	return say_pair(&other->peer, &other->side) && peer_is_served(&other->peer) &&
	       pair_get(host, NDVAL_A_PAIR_IN_SYNC) != 1;
}

TEST_F(takeover, a_primary_of_the_past_brings_nobody_in_sync)
{
	struct fake *fake = &self->fake, *other = &self->other;

	ASSERT_TRUE(hear_of_newer(&self->host, fake, other));
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	EXPECT_NE(1, pair_get(&self->host, NDVAL_A_PAIR_IN_SYNC));
	ASSERT_TRUE(fake_hang_up(&self->host, fake));
	ASSERT_TRUE(fake_hang_up(&self->host, other));
	EXPECT_EQ(-EUCLEAN, host_take_over(&self->host, "web1"));
	/* Nor when it is back, and the other one is not. */
	ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2"));
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	EXPECT_NE(1, pair_get(&self->host, NDVAL_A_PAIR_IN_SYNC));
	/* A primary of the newer epoch does. */
	fake->side = other->side;
	fake->side.role = NDVAL_ROLE_PRIMARY;
	fake->side.in_sync = true;
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	ASSERT_TRUE(say_sync_end(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	ASSERT_EQ(E2, pair_get(&self->host, NDVAL_A_PAIR_EPOCH_ID));
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	EXPECT_EQ(1, pair_get(&self->host, NDVAL_A_PAIR_IN_SYNC));
}

TEST_F(takeover, the_member_with_the_newest_epoch_is_to_be_promoted)
{
	struct fake *fake = &self->fake, *other = &self->other;

	ASSERT_TRUE(hear_of_newer(&self->host, fake, other));
	EXPECT_EQ(-EBUSY, host_take_over(&self->host, "web1"));
	ASSERT_TRUE(fake_hang_up(&self->host, fake));
	EXPECT_EQ(-EUCLEAN, host_take_over(&self->host, "web1"));
	EXPECT_TRUE(host_refused_well(&self->host, -EUCLEAN));
}

TEST_F(takeover, numbers_of_epochs_do_not_come_to_an_end_unnoticed)
{
	struct fake *fake = &self->fake;

	ASSERT_TRUE(lead(&self->host, fake));
	ASSERT_TRUE(fake_hang_up(&self->host, fake));
	/* The last number that there is. */
	nl_request(self->host.nl, NDVAL_CMD_PAIR_SET, 0);
	nl_put_str(self->host.nl, NDVAL_A_PAIR_NAME, "web1");
	nl_put_u64(self->host.nl, NDVAL_A_PAIR_EPOCH_SEEN, (1ULL << 63) - 2);
	ASSERT_EQ(0, nl_call(self->host.nl, NULL, NULL));
	ASSERT_EQ(0, host_take_over(&self->host, "web1"));
	ASSERT_TRUE(is_primary(&self->host));
	EXPECT_EQ((1ULL << 63) - 1, pair_get(&self->host, NDVAL_A_PAIR_EPOCH));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_DEMOTE, NDVAL_A_PAIR_NAME, "web1"));
	EXPECT_EQ(-EOVERFLOW, host_take_over(&self->host, "web1"));
	EXPECT_TRUE(host_refused_well(&self->host, -EOVERFLOW));
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, pair_get(&self->host, NDVAL_A_PAIR_ROLE));
}

/* What happens meanwhile */

static bool ask_for_takeover(struct fake *other, __u64 have)
{
	const struct fetch fetch = {
		.stream = "default", .id = FAKE_STREAM_ID, .have = have,
		.want = have + 64 * KIB, .takeover = true,
	};
	const struct fetch end = { .takeover = true };

	return say_fetch(&other->peer, &other->side, &fetch) &&
	       say_fetch(&other->peer, &other->side, &end);
}

/* Receives VALUES from @have on without a gap, to where they end at TAKEOVER; 0 if not. */
static __u64 gift(struct fake *other, __u64 have, __u32 *error)
{
	size_t len;
	int got;

	while ((got = peer_receive(&other->peer, &other->said, PATIENCE_MS)) > 0 &&
	       got != NDVAL_WIRE_CMD_TAKEOVER) {
		if (got != NDVAL_WIRE_CMD_VALUES)
			continue;
		if (!said_value(&other->said, &len) || said_value_offset(&other->said) != have)
			return 0;
		have += len;
	}
	if (got <= 0)
		return 0;
	*error = said_u32(&other->said, NDVAL_WIRE_A_ERROR);
	return have;
}

/* The kernel has lost its primary and is being promoted, and so is m3. */
static bool race(struct host *host, struct nl *nl, struct fake *fake, struct fake *other,
		 __u64 pair_id, struct operation *promotion)
{
	return lead(host, fake) && fake_hang_up(host, fake) &&
	       come_as_third(host, other, fake, pair_id) && begin(nl, promotion) &&
	       is_asked(other);
}

TEST_F(takeover, who_loses_a_race_gives_what_it_has_more)
{
	struct fake *fake = &self->fake, *other = &self->other;
	struct operation promotion;
	__u32 error = ~0U;

	ASSERT_TRUE(race(&self->host, self->nl, fake, other, LOW_ID, &promotion));
	ASSERT_TRUE(ask_for_takeover(other, 500));
	EXPECT_EQ(1000, gift(other, 500, &error));
	EXPECT_EQ(0, error);
	EXPECT_EQ(EBUSY, operation_end(self->nl, &promotion));
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, pair_get(&self->host, NDVAL_A_PAIR_ROLE));
}

/* Whoever it gives to stores more than it missed. */
TEST_F(takeover, who_has_a_hole_gives_what_lies_behind_it)
{
	struct fake *fake = &self->fake, *other = &self->other;
	struct operation promotion;
	__u32 error = ~0U;

	ASSERT_TRUE(lead_with_hole(&self->host, fake, self->fd));
	ASSERT_TRUE(come_as_third(&self->host, other, fake, LOW_ID));
	ASSERT_TRUE(begin(self->nl, &promotion));
	ASSERT_TRUE(is_asked(other));
	ASSERT_TRUE(ask_for_takeover(other, HOLE_END + 1000));
	EXPECT_EQ(BEHIND_HOLE, gift(other, HOLE_END + 1000, &error));
	EXPECT_EQ(0, error);
	EXPECT_EQ(EBUSY, operation_end(self->nl, &promotion));
}

TEST_F(takeover, who_wins_a_race_goes_on)
{
	struct fake *fake = &self->fake, *other = &self->other;
	struct operation promotion;
	__u32 error = ~0U;

	ASSERT_TRUE(race(&self->host, self->nl, fake, other, HIGH_ID, &promotion));
	ASSERT_TRUE(ask_for_takeover(other, 1000));
	EXPECT_EQ(1000, gift(other, 1000, &error));
	EXPECT_EQ(EBUSY, error);
	ASSERT_TRUE(say_takeover(&other->peer, &other->side, 0));
	EXPECT_EQ(0, operation_end(self->nl, &promotion));
	EXPECT_TRUE(is_primary(&self->host));
}

TEST_F(takeover, who_is_diverged_meanwhile_is_not_promoted)
{
	struct fake *fake = &self->fake, *other = &self->other;
	struct operation promotion;
	char byte;

	ASSERT_TRUE(race(&self->host, self->nl, fake, other, HIGH_ID, &promotion));
	ASSERT_TRUE(reads_pattern(self->fd, 0, 1000));
	/* m2 is back, with another life. */
	fake->side.incarnation++;
	fake->side.epoch_id = E9;
	ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2"));
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	ASSERT_TRUE(says(fake, NDVAL_WIRE_A_DIVERGED));
	/* Nobody is waited for any more. */
	ASSERT_TRUE(fake_hang_up(&self->host, other));
	EXPECT_EQ(ESTALE, operation_end(self->nl, &promotion));
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, pair_get(&self->host, NDVAL_A_PAIR_ROLE));
	EXPECT_EQ(NDVAL_HEALTH_DIVERGED, pair_get(&self->host, NDVAL_A_PAIR_HEALTH));
	EXPECT_EQ(-ESTALE, get(self->fd, &byte, 1));
}

static bool is_synced(struct fake *fake)
{
	do {
		if (!peer_expect(&fake->peer, NDVAL_WIRE_CMD_SYNC, &fake->said))
			return false;
	} while (!fake->said.tb[NDVAL_WIRE_A_END]);
	return true;
}

TEST_F(takeover, who_has_the_pair_again_is_told_of_epochs_again)
{
	struct fake *fake = &self->fake;
	char byte;

	ASSERT_EQ(0, host_promote(&self->host, "web1"));
	ASSERT_TRUE(get_all(self->fd, &byte, 1, 1));
	side_secondary(&fake->side, "web");
	fake->side.incarnation = pair_get(&self->host, NDVAL_A_PAIR_INCARNATION);
	fake->side.epoch = 1;
	fake->side.epoch_id = pair_get(&self->host, NDVAL_A_PAIR_EPOCH_ID);
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_DEMOTE, NDVAL_A_PAIR_NAME, "web1"));
	ASSERT_EQ(0, host_take_over(&self->host, "web1"));
	ASSERT_TRUE(is_primary(&self->host));
	ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2"));
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && is_synced(fake));
	ASSERT_TRUE(say_gone(fake, false));
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	EXPECT_TRUE(is_synced(fake));
}

/* A sender that is held up */

/*
 * Waits until the kernel's sender is in the middle of VALUES that the link has no
 * room for: until they are received, it is held up.
 */
static bool is_held_up(struct fake *fake)
{
	struct {
		struct nlmsghdr nlh;
		struct genlmsghdr genl;
	} next;
	int fd = fake->peer.fd;

	for (;;) {
		if (!file_is_ready(fd, POLLIN, PATIENCE_MS) ||
		    recv(fd, &next, sizeof(next), MSG_PEEK) != sizeof(next))
			return false;
		if (next.genl.cmd == NDVAL_WIRE_CMD_VALUES && next.nlh.nlmsg_len > 8 * KIB)
			return true;
		if (recv(fd, fake->said.buf, next.nlh.nlmsg_len, MSG_WAITALL) !=
		    next.nlh.nlmsg_len)
			return false;
	}
}

/* The fake follows over a link that has little room, and holds the sender up. */
static bool hold_up(struct host *host, struct fake *fake, int fd, struct fetch *fetch)
{
	int ends[2], small = 1;

	side_secondary(&fake->side, "web");
	if (host_promote(host, "web1") || !node_ready(fd) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) ||
	    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) ||
	    !peer_attach(host, &fake->peer, "m1", "m2", ends[0], ends[1]) ||
	    !peer_greet(&fake->peer) || !fake_follow(fake) || !peer_is_served(&fake->peer))
		return false;
	while (fake->peer.filled)
		if (peer_receive(&fake->peer, &fake->said, PATIENCE_MS) <= 0)
			return false;
	*fetch = (struct fetch){ .stream = "default", .want = RING, .demand = 200 * KIB };
	fetch->id = host_stream_get(host, "web1", "default", NDVAL_A_STREAM_ID);
	return say_fetch(&fake->peer, &fake->side, fetch) && is_held_up(fake) &&
	       head(host) > fetch->demand;
}

TEST_F(takeover, handover_never_comes_before_in_sync)
{
	struct fake *fake = &self->fake;
	struct fetch fetch;
	bool told = false;
	int got;

	ASSERT_TRUE(hold_up(&self->host, fake, self->fd, &fetch));
	fetch.have = head(&self->host);
	ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch));
	ASSERT_TRUE(say_end(&fake->peer, &fake->side));
	ASSERT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_IN_SYNC));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_SWITCHOVER, NDVAL_A_PAIR_NAME, "web1"));
	/* We would ignore it, and nobody be primary. */
	EXPECT_FALSE(wait_until(pair_get(&self->host, NDVAL_A_PAIR_ROLE) !=
				NDVAL_ROLE_PRIMARY, QUIET_MS / 1000.0));
	while ((got = peer_receive(&fake->peer, &fake->said, PATIENCE_MS)) > 0 &&
	       got != NDVAL_WIRE_CMD_HANDOVER)
		told |= got == NDVAL_WIRE_CMD_PAIR && fake->said.tb[NDVAL_WIRE_A_IN_SYNC];
	EXPECT_EQ(NDVAL_WIRE_CMD_HANDOVER, got);
	EXPECT_TRUE(told);
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, pair_get(&self->host, NDVAL_A_PAIR_ROLE));
}

TEST_F(takeover, a_fenced_primary_sends_nothing_more)
{
	struct fake *fake = &self->fake;
	struct fetch fetch;
	int values = 0;

	ASSERT_TRUE(hold_up(&self->host, fake, self->fd, &fetch));
	/* More than it has recorded, by what it knows. */
	fetch.have = head(&self->host) + 1;
	fetch.want = fetch.have;
	ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch));
	ASSERT_TRUE(wait_until(pair_get(&self->host, NDVAL_A_PAIR_HEALTH) ==
			       NDVAL_HEALTH_FENCED, PATIENCE_MS / 1000));
	do {
		ASSERT_LT(0, peer_receive(&fake->peer, &fake->said, PATIENCE_MS));
		values += fake->said.cmd == NDVAL_WIRE_CMD_VALUES;
	} while (fake->said.cmd != NDVAL_WIRE_CMD_PAIR ||
		 !fake->said.tb[NDVAL_WIRE_A_DIVERGED]);
	while (peer_receive(&fake->peer, &fake->said, QUIET_MS) > 0)
		values += fake->said.cmd == NDVAL_WIRE_CMD_VALUES;
	/* But for what was on its way. */
	EXPECT_EQ(1, values);
}

/* Two secondaries compare their copies of the application from the first word on. */
TEST_F(takeover, a_secondary_of_our_epoch_is_told_of_copies)
{
	struct fake *fake = &self->fake, *other = &self->other;
	char bytes[1000];

	ASSERT_TRUE(lead(&self->host, fake));
	ASSERT_EQ(1000, get(self->fd, bytes, sizeof(bytes)));
	ASSERT_TRUE(appear_as_third(&self->host, other, fake, HIGH_ID));
	ASSERT_TRUE(peer_expect(&other->peer, NDVAL_WIRE_CMD_CHECK, &other->said));
	EXPECT_STREQ("default", said_text(&other->said, NDVAL_WIRE_A_STREAM));
	EXPECT_EQ(0, said_u32(&other->said, NDVAL_WIRE_A_INSTANCE));
}

TEST_HARNESS_MAIN
