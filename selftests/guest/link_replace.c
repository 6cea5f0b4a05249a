// SPDX-License-Identifier: GPL-2.0-only
/*
 * More than one link between the same two members: both ends settle on the
 * newest, and what is said on another one does not count.
 *
 * vm: sources=peer.c,../../tools/lib/nl.c libs=-lmnl timeout=60
 */
#include "kselftest_harness.h"
#include "common.h"
#include "peer.h"

#define LOW_ID	1ULL	/* below any id that the kernel draws */

FIXTURE(replace)
{
	struct host host;
	struct fake old;
	struct fake new;
};

FIXTURE_SETUP(replace)
{
	memset(self, 0, sizeof(*self));
	self->old.peer.fd = -1;
	self->new.peer.fd = -1;
	ASSERT_TRUE(host_open(&self->host));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	ASSERT_EQ(0, host_pair(&self->host, "web1", "web", "m1", "m2"));
	side_primary(&self->old.side, "web");
	side_primary(&self->new.side, "web");
}

FIXTURE_TEARDOWN(replace)
{
	peer_close(&self->old.peer);
	peer_close(&self->new.peer);
	host_pair_del(&self->host, "web1");
	EXPECT_TRUE(host_member_del(&self->host, "m1"));
	EXPECT_FALSE(self->host.gap);
	host_close(&self->host);
}

/* HELLO, of which the kernel's was taken already. */
static bool greet_back(struct fake *fake)
{
	wire_hello(&fake->wire, &fake->peer);
	return peer_send(&fake->peer, &fake->wire);
}

static bool serves_the_pair(struct fake *fake)
{
	return peer_expect(&fake->peer, NDVAL_WIRE_CMD_PAIR, &fake->said) &&
	       peer_is_served(&fake->peer);
}

TEST_F(replace, the_old_link_gets_bye_and_eof)
{
	struct said *said = &self->old.said;
	char reason[REASON_SIZE];

	ASSERT_TRUE(fake_connect(&self->host, &self->old, "m1", "m2"));
	ASSERT_TRUE(serves_the_pair(&self->old));
	ASSERT_TRUE(fake_connect(&self->host, &self->new, "m1", "m2"));
	EXPECT_TRUE(serves_the_pair(&self->new));
	ASSERT_TRUE(peer_expect(&self->old.peer, NDVAL_WIRE_CMD_BYE, said));
	EXPECT_STREQ("replaced by a newer link", said_text(said, NDVAL_WIRE_A_REASON));
	EXPECT_EQ(0, peer_receive(&self->old.peer, said, PATIENCE_MS));
	peer_close(&self->old.peer);
	EXPECT_TRUE(host_link_down(&self->host, self->old.peer.link, reason));
	EXPECT_STREQ("replaced by a newer link", reason);
	EXPECT_TRUE(peer_is_served(&self->new.peer));
}

TEST_F(replace, a_new_link_replaces_only_once_hello_has_come)
{
	ASSERT_TRUE(fake_connect(&self->host, &self->old, "m1", "m2"));
	ASSERT_TRUE(serves_the_pair(&self->old));
	ASSERT_TRUE(peer_connect(&self->host, &self->new.peer, "m1", "m2"));
	ASSERT_TRUE(peer_expect(&self->new.peer, NDVAL_WIRE_CMD_HELLO, &self->new.said));
	EXPECT_TRUE(peer_is_served(&self->old.peer));
	EXPECT_TRUE(host_link_lives(&self->host, self->old.peer.link));
}

TEST_F(replace, what_is_said_on_the_old_link_is_ignored)
{
	char reason[REASON_SIZE];
	struct values values = { .stream = "default", .id = FAKE_STREAM_ID, .len = 1000 };
	static const char lie[1000];

	ASSERT_TRUE(fake_connect(&self->host, &self->old, "m1", "m2"));
	ASSERT_TRUE(fake_lead(&self->old));
	ASSERT_TRUE(fake_connect(&self->host, &self->new, "m1", "m2"));
	ASSERT_TRUE(say_pair(&self->new.peer, &self->new.side));
	ASSERT_TRUE(peer_expect(&self->old.peer, NDVAL_WIRE_CMD_BYE, &self->old.said));
	/* Other bytes, another life, nonsense: read to the end, thrown away. */
	values.data = lie;
	ASSERT_TRUE(say_values(&self->old.peer, &self->old.side, &values));
	self->old.side.epoch_id++;
	self->old.side.incarnation++;
	ASSERT_TRUE(say_pair(&self->old.peer, &self->old.side));
	peer_close(&self->old.peer);
	ASSERT_TRUE(host_link_down(&self->host, self->old.peer.link, reason));
	values.data = NULL;
	ASSERT_TRUE(say_values(&self->new.peer, &self->new.side, &values));
	ASSERT_TRUE(peer_is_served(&self->new.peer));
	EXPECT_EQ(1000, host_stream_get(&self->host, "web1", "default", NDVAL_A_STREAM_HEAD));
	EXPECT_EQ(self->new.side.epoch_id,
		  host_pair_get(&self->host, "web1", NDVAL_A_PAIR_EPOCH_ID));
	EXPECT_EQ(NDVAL_PEER_STATE_BEHIND,
		  host_peer_state(&self->host, "web1", "m2", NULL));
}

/* Whose links are cut must not keep one by beginning another. */
TEST_F(replace, to_detach_a_peer_ends_all_links_to_it)
{
	char reason[REASON_SIZE];

	ASSERT_TRUE(fake_connect(&self->host, &self->old, "m1", "m2"));
	ASSERT_TRUE(serves_the_pair(&self->old));
	ASSERT_TRUE(peer_connect(&self->host, &self->new.peer, "m1", "m2"));
	ASSERT_EQ(0, run("ndvalctl link detach --member m1 --peer m2"));
	EXPECT_TRUE(host_link_down(&self->host, self->old.peer.link, reason));
	EXPECT_STREQ("detached", reason);
	EXPECT_FALSE(host_link_lives(&self->host, self->new.peer.link));
	EXPECT_EQ(NDVAL_PEER_STATE_DISCONNECTED,
		  host_peer_state(&self->host, "web1", "m2", NULL));
}

/* But one that is named by its number ends alone. */
TEST_F(replace, to_detach_one_link_leaves_the_other)
{
	char reason[REASON_SIZE];

	ASSERT_TRUE(fake_connect(&self->host, &self->old, "m1", "m2"));
	ASSERT_TRUE(serves_the_pair(&self->old));
	ASSERT_TRUE(peer_connect(&self->host, &self->new.peer, "m1", "m2"));
	nl_request(self->host.nl, NDVAL_CMD_LINK_DETACH, 0);
	nl_put_u32(self->host.nl, NDVAL_A_LINK_ID, self->new.peer.link);
	ASSERT_EQ(0, nl_call(self->host.nl, NULL, NULL));
	EXPECT_TRUE(host_link_down(&self->host, self->new.peer.link, reason));
	EXPECT_TRUE(peer_is_served(&self->old.peer));
}

TEST_F(replace, an_old_link_whose_peer_never_closes_ends_all_the_same)
{
	char reason[REASON_SIZE];

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_PEER_TIMEOUT_MS, 300));
	ASSERT_TRUE(fake_connect(&self->host, &self->old, "m1", "m2"));
	ASSERT_TRUE(serves_the_pair(&self->old));
	ASSERT_TRUE(fake_connect(&self->host, &self->new, "m1", "m2"));
	EXPECT_TRUE(host_link_down(&self->host, self->old.peer.link, reason));
}

/* The member with the lower id counts: here it is the kernel. */
TEST_F(replace, of_crossing_links_the_later_attached_stays_greeted_first_or_last)
{
	char reason[REASON_SIZE];

	ASSERT_TRUE(peer_connect(&self->host, &self->old.peer, "m1", "m2"));
	ASSERT_TRUE(peer_connect(&self->host, &self->new.peer, "m1", "m2"));
	ASSERT_TRUE(peer_greet(&self->new.peer));
	EXPECT_TRUE(serves_the_pair(&self->new));
	/* It may be dropped before the kernel has said HELLO in its turn. */
	wire_hello(&self->old.wire, &self->old.peer);
	ASSERT_TRUE(peer_send(&self->old.peer, &self->old.wire));
	EXPECT_TRUE(host_link_down(&self->host, self->old.peer.link, reason));
	EXPECT_STREQ("there is a newer link to this peer", reason);
	EXPECT_TRUE(peer_is_served(&self->new.peer));
}

/* And here it is the peer, which counts its attachments by itself. */
TEST_F(replace, of_crossing_links_the_peers_count_decides_if_its_id_is_lower)
{
	char reason[REASON_SIZE];

	self->old.peer.id = LOW_ID;
	self->new.peer.id = LOW_ID;
	self->old.peer.serial = 4;
	self->new.peer.serial = 5;
	/* In the opposite order of what the peer counts. */
	ASSERT_TRUE(peer_connect(&self->host, &self->new.peer, "m1", "m2"));
	ASSERT_TRUE(peer_connect(&self->host, &self->old.peer, "m1", "m2"));
	ASSERT_TRUE(peer_greet(&self->old.peer));
	EXPECT_TRUE(serves_the_pair(&self->old));
	ASSERT_TRUE(peer_greet(&self->new.peer));
	EXPECT_TRUE(serves_the_pair(&self->new));
	EXPECT_TRUE(peer_expect(&self->old.peer, NDVAL_WIRE_CMD_BYE, &self->old.said));
	peer_close(&self->old.peer);

	self->old.peer.id = LOW_ID;
	self->old.peer.serial = 4;
	ASSERT_TRUE(peer_connect(&self->host, &self->old.peer, "m1", "m2"));
	/* It may be dropped before the kernel has said HELLO in its turn. */
	wire_hello(&self->old.wire, &self->old.peer);
	ASSERT_TRUE(peer_send(&self->old.peer, &self->old.wire));
	EXPECT_TRUE(host_link_down(&self->host, self->old.peer.link, reason));
	EXPECT_STREQ("there is a newer link to this peer", reason);
	EXPECT_TRUE(peer_is_served(&self->new.peer));
}

TEST_F(replace, a_rebuilt_peer_replaces_whatever_it_counts)
{
	self->old.peer.id = LOW_ID;
	self->new.peer.id = LOW_ID + 1;
	self->old.peer.serial = 100;
	ASSERT_TRUE(fake_connect(&self->host, &self->old, "m1", "m2"));
	ASSERT_TRUE(serves_the_pair(&self->old));
	ASSERT_TRUE(fake_connect(&self->host, &self->new, "m1", "m2"));
	EXPECT_TRUE(serves_the_pair(&self->new));
	EXPECT_TRUE(peer_expect(&self->old.peer, NDVAL_WIRE_CMD_BYE, &self->old.said));
}

/* The kernel is in sync with its primary, which then says something on a new link. */
static bool speaks_on_a_new_link(struct host *host, struct fake *old, struct fake *new)
{
	old->side.in_sync = true;
	if (!fake_connect(host, old, "m1", "m2") || !fake_lead(old) ||
	    !wait_until(host_pair_get(host, "web1", NDVAL_A_PAIR_IN_SYNC) == 1, 20))
		return false;
	new->side = old->side;
	new->side.in_sync = false;
	new->side.for_id = 1;
	return fake_connect(host, new, "m1", "m2") && say_pair(&new->peer, &new->side) &&
	       peer_is_served(&new->peer);
}

/*
 * The first that a primary says on a new link it says before it has heard who is at
 * the other end: of nobody that he is in sync, or is not.
 */
TEST_F(replace, who_is_in_sync_stays_so_until_it_is_said_otherwise_to_him)
{
	struct fake *old = &self->old, *new = &self->new;

	ASSERT_TRUE(speaks_on_a_new_link(&self->host, old, new));
	EXPECT_EQ(1, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_IN_SYNC));
	EXPECT_EQ(NDVAL_PEER_STATE_IN_SYNC, host_peer_state(&self->host, "web1", "m2", NULL));
	new->side.for_id = 0;
	ASSERT_TRUE(say_pair(&new->peer, &new->side));
	ASSERT_TRUE(peer_is_served(&new->peer));
	EXPECT_NE(1, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_IN_SYNC));
	EXPECT_EQ(NDVAL_PEER_STATE_BEHIND, host_peer_state(&self->host, "web1", "m2", NULL));
}

/* It is as it was, should the primary die right then. */
TEST_F(replace, who_is_in_sync_may_take_over_if_the_primary_dies_on_a_new_link)
{
	struct fake *old = &self->old, *new = &self->new;

	ASSERT_TRUE(speaks_on_a_new_link(&self->host, old, new));
	peer_close(&old->peer);
	ASSERT_TRUE(fake_hang_up(&self->host, new));
	EXPECT_EQ(0, host_take_over(&self->host, "web1"));
	EXPECT_TRUE(wait_until(host_pair_get(&self->host, "web1", NDVAL_A_PAIR_ROLE) ==
			       NDVAL_ROLE_PRIMARY, 20));
}

/* What it is shown as meanwhile is not kept up for ever. */
TEST_F(replace, who_says_nothing_on_a_new_link_is_in_sync_no_longer_than_silence_may_last)
{
	struct fake *old = &self->old, *new = &self->new;

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_PEER_TIMEOUT_MS, 1000));
	old->side.in_sync = true;
	ASSERT_TRUE(fake_connect(&self->host, old, "m1", "m2"));
	ASSERT_TRUE(fake_lead(old));
	ASSERT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_IN_SYNC));
	ASSERT_TRUE(fake_connect(&self->host, new, "m1", "m2"));
	EXPECT_TRUE(wait_until(!peer_is_served(&new->peer) ||
			       host_peer_state(&self->host, "web1", "m2", NULL) ==
			       NDVAL_PEER_STATE_CONNECTING, 10));
	EXPECT_TRUE(peer_is_served(&new->peer));
	EXPECT_EQ(NDVAL_HEALTH_ALONE, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_HEALTH));
}

/* Counted by the kernel, which is primary, and in sync. */
static bool joins(struct host *host, struct fake *fake)
{
	side_secondary(&fake->side, "web");
	return fake_connect(host, fake, "m1", "m2") && fake_follow(fake) &&
	       say_end(&fake->peer, &fake->side) &&
	       host_peer_is(host, "web1", "m2", NDVAL_PEER_STATE_IN_SYNC);
}

/* The other end of the new link is up there already: its last word on the old one. */
static bool leaves(struct fake *fake)
{
	wire_bye(&fake->wire, "replaced by a newer link");
	return peer_send(&fake->peer, &fake->wire);
}

TEST_F(replace, who_leaves_a_link_for_a_new_one_is_not_lost)
{
	struct fake *old = &self->old, *new = &self->new;
	char reason[REASON_SIZE];
	__u64 drops;

	ASSERT_EQ(0, host_promote(&self->host, "web1"));
	ASSERT_TRUE(joins(&self->host, old));
	drops = host_pair_get(&self->host, "web1", NDVAL_A_PAIR_DROPS);
	ASSERT_TRUE(peer_connect(&self->host, &new->peer, "m1", "m2"));
	ASSERT_TRUE(leaves(old));
	peer_close(&old->peer);
	/* Longer than an end takes. */
	EXPECT_EQ(1, peer_receive(&new->peer, &new->said, PATIENCE_MS));
	EXPECT_EQ(-1, peer_receive(&new->peer, &new->said, 2 * QUIET_MS));
	EXPECT_EQ(NDVAL_PEER_STATE_IN_SYNC, host_peer_state(&self->host, "web1", "m2", NULL));
	new->side = old->side;
	ASSERT_TRUE(greet_back(new));
	ASSERT_TRUE(fake_follow(new));
	EXPECT_TRUE(host_link_down(&self->host, old->peer.link, reason));
	EXPECT_STREQ("the peer says: replaced by a newer link", reason);
	ASSERT_TRUE(say_end(&new->peer, &new->side));
	EXPECT_TRUE(peer_is_served(&new->peer));
	EXPECT_EQ(NDVAL_PEER_STATE_IN_SYNC, host_peer_state(&self->host, "web1", "m2", NULL));
	EXPECT_EQ(drops, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_DROPS));
}

TEST_F(replace, who_leaves_for_a_link_that_ends_is_lost_with_it)
{
	struct fake *old = &self->old, *new = &self->new;
	char reason[REASON_SIZE];
	double begin;

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_PEER_TIMEOUT_MS, 10000));
	ASSERT_EQ(0, host_promote(&self->host, "web1"));
	ASSERT_TRUE(joins(&self->host, old));
	ASSERT_TRUE(peer_connect(&self->host, &new->peer, "m1", "m2"));
	ASSERT_TRUE(leaves(old));
	EXPECT_EQ(1, peer_receive(&new->peer, &new->said, PATIENCE_MS));
	begin = seconds();
	peer_close(&new->peer);
	EXPECT_TRUE(host_link_down(&self->host, old->peer.link, reason));
	EXPECT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_DISCONNECTED));
	EXPECT_LT(seconds(), begin + 5);
	peer_close(&old->peer);
}

TEST_F(replace, who_leaves_for_a_link_on_which_nothing_comes_is_lost_in_time)
{
	struct fake *old = &self->old, *new = &self->new;
	char reason[REASON_SIZE];

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_PEER_TIMEOUT_MS, 1000));
	ASSERT_EQ(0, host_promote(&self->host, "web1"));
	ASSERT_TRUE(joins(&self->host, old));
	ASSERT_TRUE(peer_connect(&self->host, &new->peer, "m1", "m2"));
	ASSERT_TRUE(leaves(old));
	EXPECT_TRUE(host_link_down(&self->host, old->peer.link, reason));
	EXPECT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_DISCONNECTED));
	EXPECT_EQ(1, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_DROPS));
}

static int count_up(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_LINK_MAX + 1];

	nl_parse(nlh, tb, NDVAL_A_LINK_MAX);
	*(unsigned int *)data += 1 +
		(nl_u32(tb[NDVAL_A_LINK_STATE]) != NDVAL_LINK_STATE_UP) * 1000;
	return MNL_CB_OK;
}

/* How many link ends there are; 1000 more for each that is not up. */
static unsigned int link_ends(struct host *host)
{
	unsigned int ends = 0;

	nl_request(host->nl, NDVAL_CMD_LINK_GET, NLM_F_DUMP);
	nl_call(host->nl, count_up, &ends);
	return ends;
}

TEST_F(replace, two_kernel_members_settle_on_one_of_many_links)
{
	unsigned int i;

	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m2"));
	ASSERT_EQ(0, host_pair(&self->host, "web2", "web", "m2", "m1"));
	ASSERT_EQ(0, host_promote(&self->host, "web2"));
	for (i = 0; i < 20; i++) {
		int ends[2];

		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
		/* Now one end first, now the other. */
		ASSERT_EQ(0, host_attach(&self->host, i % 2 ? "m1" : "m2",
					 i % 2 ? "m2" : "m1", ends[0], NULL));
		ASSERT_EQ(0, host_attach(&self->host, i % 2 ? "m2" : "m1",
					 i % 2 ? "m1" : "m2", ends[1], NULL));
		close(ends[0]);
		close(ends[1]);
	}
	EXPECT_TRUE(wait_until(link_ends(&self->host) == 2, 20));
	EXPECT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_IN_SYNC));
	EXPECT_TRUE(host_peer_is(&self->host, "web2", "m1", NDVAL_PEER_STATE_IN_SYNC));
	EXPECT_EQ(0, run("ndvalctl read web1 -n 1000 >/tmp/1"));
	EXPECT_EQ(0, run("ndvalctl read web2 -n 1000 >/tmp/2 && cmp /tmp/1 /tmp/2"));
	host_pair_del(&self->host, "web2");
	EXPECT_EQ(0, run("ndvalctl link detach --member m2 --peer m1"));
	EXPECT_TRUE(host_member_del(&self->host, "m2"));
}

TEST_HARNESS_MAIN
