// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promotions and switchovers that do not come to their end as they should, or that
 * something comes on top of.
 *
 * vm: sources=operation.c,peer.c,../../tools/lib/nl.c libs=-lmnl timeout=120
 */
#include "kselftest_harness.h"
#include "common.h"
#include "operation.h"
#include "peer.h"

/* What the kernel is told to wait for a peer, twice, in ms. */
#define SHORT_MS	1500

/* An epoch that only the fake has made. */
#define E2	0xbbbb0002ULL

FIXTURE(operation)
{
	struct host host;
	struct nl *nl;		/* begins operations, and hears of their end */
	struct operation operation;
	struct fake fake;	/* m2 */
	struct fake other;	/* m3, where a test has one */
	struct fake fresh;	/* one of the two, on a link that replaces another */
	int fd;			/* an instance that reads the stream "default" */
};

FIXTURE_SETUP(operation)
{
	memset(self, 0, sizeof(*self));
	self->fake.peer.fd = -1;
	self->other.peer.fd = -1;
	self->fresh.peer.fd = -1;
	ASSERT_TRUE(host_open(&self->host));
	self->nl = nl_open();
	ASSERT_NE(NULL, self->nl);
	ASSERT_EQ(0, nl_join_events(self->nl));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	ASSERT_EQ(0, host_pair(&self->host, "web1", "web", "m1", "m2"));
	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_PEER_TIMEOUT_MS,
			      3 * PATIENCE_MS));
	side_primary(&self->fake.side, "web");
	self->fd = node_open("web1", O_NONBLOCK);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(operation)
{
	peer_close(&self->fake.peer);
	peer_close(&self->other.peer);
	peer_close(&self->fresh.peer);
	close(self->fd);
	host_pair_del(&self->host, "web1");
	EXPECT_TRUE(host_member_del(&self->host, "m1"));
	EXPECT_FALSE(self->host.gap);
	nl_close(self->nl);
	host_close(&self->host);
}

static __u64 role(struct host *host)
{
	return host_pair_get(host, "web1", NDVAL_A_PAIR_ROLE);
}

static __u64 head(struct host *host)
{
	return host_stream_get(host, "web1", "default", NDVAL_A_STREAM_HEAD);
}

/* The kernel is primary and the fake in sync, but lacks what an instance asked for. */
static bool give_before_it_is_stored(struct host *host, struct fake *fake, int fd)
{
	char byte;

	side_secondary(&fake->side, "web");
	return !host_promote(host, "web1") && fake_connect(host, fake, "m1", "m2") &&
	       fake_follow(fake) && say_end(&fake->peer, &fake->side) &&
	       host_peer_is(host, "web1", "m2", NDVAL_PEER_STATE_IN_SYNC) && node_ready(fd) &&
	       get(fd, &byte, 1) == -EAGAIN && head(host);
}

static bool store_all(struct host *host, struct fake *fake)
{
	const struct fetch fetch = {
		.stream = "default", .have = head(host), .want = head(host) + 64 * KIB,
		.id = host_stream_get(host, "web1", "default", NDVAL_A_STREAM_ID),
	};

	return say_fetch(&fake->peer, &fake->side, &fetch);
}

/* m3, a secondary of the same epoch. */
static bool come_as_third(struct host *host, const struct fake *fake, struct fake *other)
{
	other->side = fake->side;
	other->side.pair_id++;
	other->side.role = NDVAL_ROLE_SECONDARY;
	other->side.seen_id = other->side.epoch_id;
	other->side.in_sync = false;
	return fake_connect(host, other, "m1", "m3") && say_pair(&other->peer, &other->side) &&
	       peer_is_served(&other->peer);
}

/* The kernel has lost its primary, and m3 has come. */
static bool be_left_with_third(struct host *host, struct fake *fake, struct fake *other)
{
	fake->side.in_sync = true;
	return fake_lead_all(host, fake, "m2") && fake_push(fake, 0, 1000) &&
	       fake_stores(fake, "default", 1000) && fake_hang_up(host, fake) &&
	       !host_add_peer(host, "web1", "m3") && come_as_third(host, fake, other);
}

/* Receives what a kernel that is being promoted asks for; is it of this stream too? */
static bool is_asked(struct fake *fake, const char *stream)
{
	const struct said *said = &fake->said;
	bool found = !stream;

	do {
		if (!peer_expect(&fake->peer, NDVAL_WIRE_CMD_FETCH, &fake->said))
			return false;
		if (stream && said->tb[NDVAL_WIRE_A_TAKEOVER] && said->tb[NDVAL_WIRE_A_STREAM] &&
		    !strcmp(said_text(said, NDVAL_WIRE_A_STREAM), stream))
			found = true;
	} while (!said->tb[NDVAL_WIRE_A_END] || !said->tb[NDVAL_WIRE_A_TAKEOVER]);
	return found;
}

static bool refuses(struct host *host, __u8 cmd, int err)
{
	return host_call(host, cmd, NDVAL_A_PAIR_NAME, "web1") == -err &&
	       host_refused_well(host, -err);
}

TEST_F(operation, a_switchover_to_one_that_goes_away_changes_nothing)
{
	char byte;

	ASSERT_TRUE(give_before_it_is_stored(&self->host, &self->fake, self->fd));
	ASSERT_EQ(0, operation_begin(self->nl, NDVAL_CMD_SWITCHOVER, "web1",
				     &self->operation));
	/* One thing at a time. */
	EXPECT_TRUE(refuses(&self->host, NDVAL_CMD_SWITCHOVER, EINPROGRESS));
	EXPECT_TRUE(refuses(&self->host, NDVAL_CMD_PROMOTE, EINPROGRESS));
	EXPECT_TRUE(refuses(&self->host, NDVAL_CMD_DEMOTE, EINPROGRESS));
	EXPECT_EQ(-EAGAIN, get(self->fd, &byte, 1));
	peer_close(&self->fake.peer);
	EXPECT_EQ(ENOTCONN, operation_end(self->nl, &self->operation));
	EXPECT_EQ(NDVAL_ROLE_PRIMARY, role(&self->host));
	EXPECT_TRUE(wait_until(get(self->fd, &byte, 1) == 1, 20));
}

TEST_F(operation, of_two_that_part_after_handover_this_one_may_be_promoted)
{
	struct fake *fake = &self->fake;
	char byte;

	ASSERT_TRUE(give_before_it_is_stored(&self->host, fake, self->fd));
	ASSERT_EQ(0, operation_begin(self->nl, NDVAL_CMD_SWITCHOVER, "web1",
				     &self->operation));
	ASSERT_TRUE(store_all(&self->host, fake));
	ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_HANDOVER, &fake->said));
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, role(&self->host));
	EXPECT_TRUE(refuses(&self->host, NDVAL_CMD_PROMOTE, EINPROGRESS));
	peer_close(&fake->peer);
	EXPECT_EQ(ENOTCONN, operation_end(self->nl, &self->operation));
	ASSERT_EQ(0, operation_begin(self->nl, NDVAL_CMD_PROMOTE, "web1", &self->operation));
	EXPECT_EQ(0, operation_end(self->nl, &self->operation));
	EXPECT_EQ(NDVAL_ROLE_PRIMARY, role(&self->host));
	EXPECT_TRUE(wait_until(get(self->fd, &byte, 1) == 1, 20));
}

/* Until the operation has ended a fake answers PING, and says nothing else. */
static bool ends_while_served(struct nl *nl, struct operation *operation, struct fake *fake)
{
	while (!operation->done) {
		peer_receive(&fake->peer, &fake->said, SHORT_MS / 30);
		if (!operation_hear(nl, operation, 0))
			return false;
	}
	return true;
}

TEST_F(operation, who_does_not_take_over_is_not_waited_for_for_ever)
{
	struct fake *fake = &self->fake;

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_PEER_TIMEOUT_MS, SHORT_MS));
	ASSERT_TRUE(give_before_it_is_stored(&self->host, fake, self->fd));
	ASSERT_EQ(0, operation_begin(self->nl, NDVAL_CMD_SWITCHOVER, "web1",
				     &self->operation));
	ASSERT_TRUE(store_all(&self->host, fake));
	ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_HANDOVER, &fake->said));
	ASSERT_TRUE(ends_while_served(self->nl, &self->operation, fake));
	EXPECT_EQ(ENOTCONN, self->operation.error);
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, role(&self->host));
	EXPECT_EQ(NDVAL_PEER_STATE_WAITING,
		  host_peer_state(&self->host, "web1", "m2", NULL));
}

/* It lives, and answers whether it does, but not what it has more. */
TEST_F(operation, a_promotion_ends_if_a_secondary_says_nothing)
{
	struct fake *other = &self->other;

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_PEER_TIMEOUT_MS, SHORT_MS));
	ASSERT_TRUE(be_left_with_third(&self->host, &self->fake, other));
	ASSERT_EQ(0, operation_begin(self->nl, NDVAL_CMD_PROMOTE, "web1", &self->operation));
	ASSERT_TRUE(is_asked(other, NULL));
	EXPECT_TRUE(refuses(&self->host, NDVAL_CMD_PROMOTE, EINPROGRESS));
	ASSERT_TRUE(ends_while_served(self->nl, &self->operation, other));
	EXPECT_EQ(ETIMEDOUT, self->operation.error);
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, role(&self->host));
	/* As the error says. */
	ASSERT_TRUE(fake_hang_up(&self->host, other));
	ASSERT_EQ(0, operation_begin(self->nl, NDVAL_CMD_PROMOTE, "web1", &self->operation));
	EXPECT_EQ(0, operation_end(self->nl, &self->operation));
	EXPECT_TRUE(reads_pattern(self->fd, 0, 1000));
}

/* Of a stream that is not known here no more comes than fits into the first credit. */
TEST_F(operation, a_promotion_asks_again_for_streams_that_it_learns_of)
{
	const struct values more = { .stream = "more", .id = FAKE_STREAM_ID + 1, .len = 1000 };
	struct fake *other = &self->other;

	ASSERT_TRUE(be_left_with_third(&self->host, &self->fake, other));
	ASSERT_EQ(0, operation_begin(self->nl, NDVAL_CMD_PROMOTE, "web1", &self->operation));
	ASSERT_TRUE(is_asked(other, NULL));
	ASSERT_TRUE(say_values(&other->peer, &other->side, &more));
	ASSERT_TRUE(say_takeover(&other->peer, &other->side, 0));
	ASSERT_TRUE(is_asked(other, "more"));
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, role(&self->host));
	ASSERT_TRUE(say_takeover(&other->peer, &other->side, 0));
	EXPECT_EQ(0, operation_end(self->nl, &self->operation));
	EXPECT_EQ(NDVAL_ROLE_PRIMARY, role(&self->host));
	EXPECT_LE(1000, host_stream_get(&self->host, "web1", "more", NDVAL_A_STREAM_HEAD));
}

/* What is asked for while the primary is away, and m3 says nothing. */
static bool begin_without_primary(struct host *host, struct fake *fake, struct fake *other,
				  struct nl *nl, struct operation *operation)
{
	return be_left_with_third(host, fake, other) &&
	       !operation_begin(nl, NDVAL_CMD_PROMOTE, "web1", operation) &&
	       is_asked(other, NULL) && fake_connect(host, fake, "m1", "m2");
}

/* A new link is up in place of another, and nothing was said on it. */
static bool replace(struct host *host, struct fake *fake, struct fake *fresh, const char *name)
{
	fresh->side = fake->side;
	return fake_connect(host, fresh, "m1", name) && peer_is_served(&fresh->peer);
}

/* What it has more is not left behind because its link has a new key just then. */
TEST_F(operation, a_promotion_waits_for_a_secondary_whose_link_is_replaced)
{
	struct fake *other = &self->other, *fresh = &self->fresh;

	ASSERT_TRUE(be_left_with_third(&self->host, &self->fake, other));
	ASSERT_EQ(0, operation_begin(self->nl, NDVAL_CMD_PROMOTE, "web1", &self->operation));
	ASSERT_TRUE(is_asked(other, NULL));
	ASSERT_TRUE(replace(&self->host, other, fresh, "m3"));
	EXPECT_TRUE(refuses(&self->host, NDVAL_CMD_PROMOTE, EINPROGRESS));
	ASSERT_TRUE(say_pair(&fresh->peer, &fresh->side));
	ASSERT_TRUE(is_asked(fresh, NULL));
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, role(&self->host));
	ASSERT_TRUE(say_takeover(&fresh->peer, &fresh->side, 0));
	EXPECT_EQ(0, operation_end(self->nl, &self->operation));
	EXPECT_EQ(NDVAL_ROLE_PRIMARY, role(&self->host));
}

TEST_F(operation, a_promotion_asks_a_secondary_that_has_not_spoken_on_its_new_link)
{
	struct fake *other = &self->other, *fresh = &self->fresh;

	ASSERT_TRUE(be_left_with_third(&self->host, &self->fake, other));
	ASSERT_TRUE(replace(&self->host, other, fresh, "m3"));
	ASSERT_EQ(0, operation_begin(self->nl, NDVAL_CMD_PROMOTE, "web1", &self->operation));
	EXPECT_TRUE(refuses(&self->host, NDVAL_CMD_PROMOTE, EINPROGRESS));
	ASSERT_TRUE(say_pair(&fresh->peer, &fresh->side));
	ASSERT_TRUE(is_asked(fresh, NULL));
	ASSERT_TRUE(say_takeover(&fresh->peer, &fresh->side, 0));
	EXPECT_EQ(0, operation_end(self->nl, &self->operation));
	EXPECT_EQ(NDVAL_ROLE_PRIMARY, role(&self->host));
}

/* But not if it ends without a word. */
TEST_F(operation, a_promotion_goes_on_without_a_secondary_whose_new_link_ends)
{
	struct fake *other = &self->other, *fresh = &self->fresh;

	ASSERT_TRUE(be_left_with_third(&self->host, &self->fake, other));
	ASSERT_TRUE(replace(&self->host, other, fresh, "m3"));
	ASSERT_EQ(0, operation_begin(self->nl, NDVAL_CMD_PROMOTE, "web1", &self->operation));
	peer_close(&other->peer);
	peer_close(&fresh->peer);
	EXPECT_EQ(0, operation_end(self->nl, &self->operation));
	EXPECT_EQ(NDVAL_ROLE_PRIMARY, role(&self->host));
}

TEST_F(operation, nobody_is_promoted_while_the_link_to_his_primary_is_replaced)
{
	struct fake *fake = &self->fake, *fresh = &self->fresh;

	fake->side.in_sync = true;
	ASSERT_TRUE(fake_lead_all(&self->host, fake, "m2"));
	ASSERT_TRUE(replace(&self->host, fake, fresh, "m2"));
	EXPECT_TRUE(refuses(&self->host, NDVAL_CMD_PROMOTE, EBUSY));
}

TEST_F(operation, whose_primary_is_none_on_its_new_link_is_promoted)
{
	struct fake *fake = &self->fake, *fresh = &self->fresh;

	fake->side.in_sync = true;
	ASSERT_TRUE(fake_lead_all(&self->host, fake, "m2"));
	ASSERT_TRUE(replace(&self->host, fake, fresh, "m2"));
	fresh->side.role = NDVAL_ROLE_SECONDARY;
	fresh->side.in_sync = false;
	ASSERT_TRUE(say_pair(&fresh->peer, &fresh->side) && peer_is_served(&fresh->peer));
	ASSERT_EQ(0, operation_begin(self->nl, NDVAL_CMD_PROMOTE, "web1", &self->operation));
	ASSERT_TRUE(is_asked(fresh, NULL));
	ASSERT_TRUE(say_takeover(&fresh->peer, &fresh->side, 0));
	EXPECT_EQ(0, operation_end(self->nl, &self->operation));
	EXPECT_EQ(NDVAL_ROLE_PRIMARY, role(&self->host));
}

TEST_F(operation, a_switchover_goes_on_when_its_link_is_replaced)
{
	struct fake *fake = &self->fake, *fresh = &self->fresh;

	ASSERT_TRUE(give_before_it_is_stored(&self->host, fake, self->fd));
	ASSERT_EQ(0, operation_begin(self->nl, NDVAL_CMD_SWITCHOVER, "web1",
				     &self->operation));
	ASSERT_TRUE(replace(&self->host, fake, fresh, "m2"));
	ASSERT_TRUE(say_pair(&fresh->peer, &fresh->side) && store_all(&self->host, fresh) &&
		    say_end(&fresh->peer, &fresh->side));
	ASSERT_TRUE(peer_expect(&fresh->peer, NDVAL_WIRE_CMD_HANDOVER, &fresh->said));
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, role(&self->host));
}

/* It may have been lost with the link that it was said on. */
TEST_F(operation, handover_is_said_again_on_a_new_link)
{
	struct fake *fake = &self->fake, *fresh = &self->fresh;

	ASSERT_TRUE(give_before_it_is_stored(&self->host, fake, self->fd));
	ASSERT_EQ(0, operation_begin(self->nl, NDVAL_CMD_SWITCHOVER, "web1",
				     &self->operation));
	ASSERT_TRUE(store_all(&self->host, fake));
	ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_HANDOVER, &fake->said));
	ASSERT_TRUE(replace(&self->host, fake, fresh, "m2"));
	ASSERT_TRUE(say_pair(&fresh->peer, &fresh->side));
	EXPECT_TRUE(peer_expect(&fresh->peer, NDVAL_WIRE_CMD_HANDOVER, &fresh->said));
}

/* It may be in sync and take over in turn: nothing is delivered that it does not store. */
TEST_F(operation, who_takes_over_counts_one_whose_link_is_replaced)
{
	struct fake *fake = &self->fake, *other = &self->other, *fresh = &self->fresh;
	char byte;

	fake->side.in_sync = true;
	ASSERT_TRUE(fake_lead_all(&self->host, fake, "m2"));
	ASSERT_EQ(0, host_add_peer(&self->host, "web1", "m3"));
	ASSERT_TRUE(come_as_third(&self->host, fake, other));
	ASSERT_TRUE(replace(&self->host, other, fresh, "m3"));
	ASSERT_TRUE(say_handover(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	ASSERT_EQ(NDVAL_ROLE_PRIMARY, role(&self->host));
	fake->side.role = NDVAL_ROLE_SECONDARY;
	fake->side.in_sync = false;
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) && fake_follow(fake));
	ASSERT_TRUE(say_end(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	ASSERT_EQ(-EAGAIN, get(self->fd, &byte, 1));
	ASSERT_TRUE(store_all(&self->host, fake) && peer_is_served(&fake->peer));
	EXPECT_EQ(-EAGAIN, get(self->fd, &byte, 1));

	fresh->side.pair_id = other->side.pair_id;
	ASSERT_TRUE(say_pair(&fresh->peer, &fresh->side) && fake_follow(fresh));
	ASSERT_TRUE(store_all(&self->host, fresh) && say_end(&fresh->peer, &fresh->side));
	ASSERT_TRUE(peer_is_served(&fresh->peer));
	EXPECT_EQ(1, get(self->fd, &byte, 1));
}

TEST_F(operation, a_promotion_ends_when_the_primary_is_back)
{
	struct fake *fake = &self->fake;

	ASSERT_TRUE(begin_without_primary(&self->host, fake, &self->other, self->nl,
					  &self->operation));
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	EXPECT_EQ(EBUSY, operation_end(self->nl, &self->operation));
	/* It is followed, as if nothing had been. */
	ASSERT_TRUE(fake_push(fake, 1000, 1000) && fake_stores(fake, "default", 2000));
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, role(&self->host));
	EXPECT_TRUE(reads_pattern(self->fd, 0, 2000));
}

TEST_F(operation, a_promotion_ends_when_there_is_a_primary_of_a_newer_epoch)
{
	const __u64 starts[EPOCHS] = { 0, 1000 };
	struct fake *fake = &self->fake;

	ASSERT_TRUE(begin_without_primary(&self->host, fake, &self->other, self->nl,
					  &self->operation));
	side_promote(&fake->side, E2);
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) &&
		    say_sync(&fake->peer, &fake->side, "default", FAKE_STREAM_ID, starts) &&
		    say_sync_end(&fake->peer, &fake->side));
	EXPECT_EQ(ESTALE, operation_end(self->nl, &self->operation));
	EXPECT_TRUE(wait_until(host_pair_get(&self->host, "web1", NDVAL_A_PAIR_EPOCH_ID) == E2,
			       20));
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, role(&self->host));
	EXPECT_TRUE(reads_pattern(self->fd, 0, 1000));
}

TEST_HARNESS_MAIN
