// SPDX-License-Identifier: GPL-2.0-only
/*
 * A member sees the pairs that list it, and no others: with a link of its own it
 * learns nothing of them, not even whether they are there, and changes nothing.
 *
 * vm: sources=peer.c,../../tools/lib/nl.c libs=-lmnl timeout=60
 */
#include "kselftest_harness.h"
#include "common.h"
#include "peer.h"

FIXTURE(stranger)
{
	struct host host;
	struct fake friend;	/* m2, which the pair lists */
	struct fake fake;	/* m3, which it does not */
	int fd;
};

FIXTURE_SETUP(stranger)
{
	struct fetch fetch = { .stream = "default", .want = 64 * KIB };

	memset(self, 0, sizeof(*self));
	self->fake.peer.fd = -1;
	self->friend.peer.fd = -1;
	ASSERT_TRUE(host_open(&self->host));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	ASSERT_EQ(0, host_pair(&self->host, "web1", "web", "m1", "m2"));
	ASSERT_EQ(0, host_promote(&self->host, "web1"));
	side_secondary(&self->friend.side, "web");
	ASSERT_TRUE(fake_come_to(&self->host, &self->friend, JOINED));
	ASSERT_TRUE(say_fetch(&self->friend.peer, &self->friend.side, &fetch));
	ASSERT_TRUE(peer_expect(&self->friend.peer, NDVAL_WIRE_CMD_VALUES, &self->friend.said));
	self->fd = node_open("web1", O_NONBLOCK);
	ASSERT_TRUE(fake_connect(&self->host, &self->fake, "m1", "m3"));
	/* All that the friend knows; but for one test, nobody else can. */
	self->fake.side = self->friend.side;
}

FIXTURE_TEARDOWN(stranger)
{
	close(self->fd);
	peer_close(&self->fake.peer);
	peer_close(&self->friend.peer);
	host_pair_del(&self->host, "web1");
	EXPECT_TRUE(host_member_del(&self->host, "m1"));
	EXPECT_FALSE(self->host.gap);
	host_close(&self->host);
}

/* What is answered to a PAIR of this group. */
static bool is_answered(struct fake *fake, const char *group)
{
	fake->side.pair = group;
	if (!say_pair(&fake->peer, &fake->side))
		return false;
	do {
		if (!peer_expect(&fake->peer, NDVAL_WIRE_CMD_PAIR, &fake->said))
			return false;
	} while (strcmp(said_text(&fake->said, NDVAL_WIRE_A_PAIR), group));
	return true;
}

TEST_F(stranger, is_told_of_no_pair)
{
	EXPECT_EQ(-1, peer_receive(&self->fake.peer, &self->fake.said, QUIET_MS));
	/* Nor when something happens to it. */
	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_COMMIT, NDVAL_COMMIT_ASYNC));
	ASSERT_TRUE(peer_expect(&self->friend.peer, NDVAL_WIRE_CMD_PAIR, &self->friend.said));
	EXPECT_EQ(-1, peer_receive(&self->fake.peer, &self->fake.said, QUIET_MS));
}

TEST_F(stranger, can_not_tell_a_pair_from_none)
{
	struct fake *fake = &self->fake;
	int type;

	fake->side.incarnation++;
	ASSERT_TRUE(is_answered(fake, "web"));
	for (type = 1; type <= NDVAL_WIRE_A_MAX; type++)
		EXPECT_EQ(type == NDVAL_WIRE_A_PAIR || type == NDVAL_WIRE_A_GONE,
			  !!fake->said.tb[type])
			TH_LOG("attribute %d", type);
	ASSERT_TRUE(is_answered(fake, "none"));
	for (type = 1; type <= NDVAL_WIRE_A_MAX; type++)
		EXPECT_EQ(type == NDVAL_WIRE_A_PAIR || type == NDVAL_WIRE_A_GONE,
			  !!fake->said.tb[type])
			TH_LOG("attribute %d", type);
}

/* Whatever it says, and though all of it is true. */
TEST_F(stranger, is_not_heard)
{
	struct fake *fake = &self->fake;
	__u64 epoch_id = host_pair_get(&self->host, "web1", NDVAL_A_PAIR_EPOCH_ID);
	__u64 memory, issued;
	int cmd;

	ASSERT_TRUE(peer_is_served(&self->friend.peer));
	memory = host_pair_get(&self->host, "web1", NDVAL_A_PAIR_MEMORY);
	issued = host_pair_get(&self->host, "web1", NDVAL_A_PAIR_ISSUED);
	ASSERT_TRUE(is_answered(fake, "web"));
	for (cmd = NDVAL_WIRE_CMD_FETCH; cmd <= NDVAL_WIRE_CMD_MAX; cmd++) {
		if (cmd == NDVAL_WIRE_CMD_PING || cmd == NDVAL_WIRE_CMD_PONG ||
		    cmd == NDVAL_WIRE_CMD_BYE)
			continue;
		fake_make(fake, cmd);
		ASSERT_TRUE(peer_send(&fake->peer, &fake->wire));
		EXPECT_EQ(-1, peer_receive(&fake->peer, &fake->said, QUIET_MS))
			TH_LOG("command %d", cmd);
	}
	/* As another one's primary, and of a newer epoch. */
	side_promote(&fake->side, epoch_id + 1);
	ASSERT_TRUE(is_answered(fake, "web"));
	EXPECT_TRUE(peer_is_served(&fake->peer));
	EXPECT_EQ(epoch_id, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_EPOCH_ID));
	EXPECT_EQ(NDVAL_ROLE_PRIMARY, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_ROLE));
	EXPECT_EQ(memory, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_MEMORY));
	EXPECT_EQ(issued, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_ISSUED));
	EXPECT_EQ(1, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_STREAMS));
	EXPECT_TRUE(peer_is_served(&self->friend.peer));
}

/* It would be m2, if that depended on what it says. */
TEST_F(stranger, has_the_name_that_its_link_was_attached_for)
{
	struct fake *fake = &self->fake;
	char reason[REASON_SIZE];

	peer_close(&fake->peer);
	ASSERT_TRUE(peer_connect(&self->host, &fake->peer, "m1", "m3"));
	fake->peer.name = "m2";
	fake_make(fake, NDVAL_WIRE_CMD_HELLO);
	ASSERT_TRUE(peer_send(&fake->peer, &fake->wire));
	ASSERT_TRUE(host_link_down(&self->host, fake->peer.link, reason));
	EXPECT_STREQ("the peer is another member, or takes us for one", reason);
	EXPECT_TRUE(peer_is_served(&self->friend.peer));
}

TEST_HARNESS_MAIN
