// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pair is removed while its link is up: the sender still has to tell the
 * peer, and drops the last reference to what it tells of. It may do so before
 * whoever asked for that has gone on: on a kernel that preempts, at once.
 *
 * vm: sources=peer.c,../../tools/lib/nl.c libs=-lmnl
 */
#include "kselftest_harness.h"
#include "common.h"
#include "peer.h"

#define ROUNDS	200

FIXTURE(two)
{
	struct host host;
	struct fake fake;
};

FIXTURE_SETUP(two)
{
	memset(self, 0, sizeof(*self));
	self->fake.peer.fd = -1;
	ASSERT_TRUE(host_open(&self->host));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	ASSERT_TRUE(fake_connect(&self->host, &self->fake, "m1", "m2"));
	ASSERT_TRUE(peer_is_served(&self->fake.peer));
}

FIXTURE_TEARDOWN(two)
{
	peer_close(&self->fake.peer);
	host_pair_del(&self->host, "web1");
	EXPECT_TRUE(host_member_del(&self->host, "m1"));
	host_close(&self->host);
}

/* Each removal is told to the peer, once. */
static bool hears_of_removal(struct fake *fake)
{
	do {
		if (!peer_expect(&fake->peer, NDVAL_WIRE_CMD_PAIR, &fake->said))
			return false;
	} while (!fake->said.tb[NDVAL_WIRE_A_GONE]);
	return true;
}

TEST_F(two, pair_del)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, host_pair(&self->host, "web1", "web", "m1", "m2"));
		host_pair_del(&self->host, "web1");
		ASSERT_TRUE(hears_of_removal(&self->fake));
	}
}

TEST_F(two, peer_del)
{
	int i;

	ASSERT_EQ(0, host_pair(&self->host, "web1", "web", "m1", "m2"));
	for (i = 0; i < ROUNDS; i++) {
		nl_request(self->host.nl, NDVAL_CMD_PEER_DEL, 0);
		nl_put_str(self->host.nl, NDVAL_A_PEER_PAIR, "web1");
		nl_put_str(self->host.nl, NDVAL_A_PEER_NAME, "m2");
		ASSERT_EQ(0, nl_call(self->host.nl, NULL, NULL));
		ASSERT_TRUE(hears_of_removal(&self->fake));
		nl_request(self->host.nl, NDVAL_CMD_PEER_ADD, 0);
		nl_put_str(self->host.nl, NDVAL_A_PEER_PAIR, "web1");
		nl_put_str(self->host.nl, NDVAL_A_PEER_NAME, "m2");
		ASSERT_EQ(0, nl_call(self->host.nl, NULL, NULL));
	}
}

TEST_HARNESS_MAIN
