// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel as secondary of a primary that is not a kernel: it asks, stores,
 * acknowledges and delivers, and nothing that comes twice harms.
 *
 * vm: sources=peer.c,../../tools/lib/nl.c libs=-lmnl timeout=90
 */
#include "kselftest_harness.h"
#include "common.h"
#include "peer.h"

#define RING	(256 * KIB)

FIXTURE(secondary)
{
	struct host host;
	struct fake fake;
	int fd;
};

FIXTURE_SETUP(secondary)
{
	memset(self, 0, sizeof(*self));
	self->fake.peer.fd = -1;
	ASSERT_TRUE(host_open(&self->host));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	ASSERT_EQ(0, host_pair(&self->host, "web1", "web", "m1", "m2"));
	side_primary(&self->fake.side, "web");
	self->fd = node_open("web1", O_NONBLOCK);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(secondary)
{
	peer_close(&self->fake.peer);
	close(self->fd);
	host_pair_del(&self->host, "web1");
	EXPECT_TRUE(host_member_del(&self->host, "m1"));
	EXPECT_FALSE(self->host.gap);
	host_close(&self->host);
}

TEST_F(secondary, joins_the_epoch_of_a_primary_and_says_so)
{
	struct said *said = &self->fake.said;

	ASSERT_TRUE(fake_connect(&self->host, &self->fake, "m1", "m2"));
	ASSERT_TRUE(peer_expect(&self->fake.peer, NDVAL_WIRE_CMD_PAIR, said));
	EXPECT_EQ(0, said_u64(said, NDVAL_WIRE_A_EPOCH_ID));
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, said_u32(said, NDVAL_WIRE_A_ROLE));
	ASSERT_TRUE(fake_lead(&self->fake));
	EXPECT_EQ(self->fake.side.incarnation, said_u64(said, NDVAL_WIRE_A_INCARNATION));
	EXPECT_EQ(1, said_u64(said, NDVAL_WIRE_A_EPOCH));
	EXPECT_EQ(self->fake.side.epoch_id, said_u64(said, NDVAL_WIRE_A_SEEN_ID));
	EXPECT_EQ(self->fake.side.epoch_id,
		  host_pair_get(&self->host, "web1", NDVAL_A_PAIR_EPOCH_ID));
}

TEST_F(secondary, tells_of_its_streams_and_then_of_their_end)
{
	struct fake *fake = &self->fake;
	bool asked = false;
	char byte;

	ASSERT_TRUE(node_ready(self->fd));
	EXPECT_EQ(-EAGAIN, get(self->fd, &byte, 1));
	ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2"));
	ASSERT_TRUE(fake_lead(fake));
	for (;;) {
		ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_FETCH, &fake->said));
		EXPECT_EQ(fake->side.epoch_id, said_u64(&fake->said, NDVAL_WIRE_A_EPOCH_ID));
		if (fake->said.tb[NDVAL_WIRE_A_END])
			break;
		EXPECT_STREQ("default", said_text(&fake->said, NDVAL_WIRE_A_STREAM));
		EXPECT_EQ(0, said_u64(&fake->said, NDVAL_WIRE_A_STREAM_ID));
		EXPECT_EQ(0, said_u64(&fake->said, NDVAL_WIRE_A_HAVE));
		EXPECT_EQ(RING, said_u64(&fake->said, NDVAL_WIRE_A_WANT));
		asked = true;
	}
	EXPECT_TRUE(asked);
}

TEST_F(secondary, stores_what_comes_acknowledges_and_delivers_it)
{
	ASSERT_TRUE(fake_lead_all(&self->host, &self->fake, "m2"));
	ASSERT_TRUE(fake_push(&self->fake, 0, 60000));
	ASSERT_TRUE(fake_stores(&self->fake, "default", 60000));
	ASSERT_TRUE(fake_push(&self->fake, 60000, 40000));
	EXPECT_TRUE(fake_stores(&self->fake, "default", 100000));
	EXPECT_EQ(RING, said_u64(&self->fake.said, NDVAL_WIRE_A_WANT));
	EXPECT_EQ(FAKE_STREAM_ID, said_u64(&self->fake.said, NDVAL_WIRE_A_STREAM_ID));
	EXPECT_TRUE(reads_pattern(self->fd, 0, 100000));
	EXPECT_EQ(FAKE_STREAM_ID, host_stream_get(&self->host, "web1", "default",
						  NDVAL_A_STREAM_ID));
}

TEST_F(secondary, gives_credit_as_its_instance_reads_on)
{
	struct fake *fake = &self->fake;

	ASSERT_TRUE(fake_lead_all(&self->host, fake, "m2"));
	ASSERT_TRUE(fake_push(fake, 0, 64 * KIB));
	ASSERT_TRUE(fake_stores(fake, "default", 64 * KIB));
	ASSERT_TRUE(reads_pattern(self->fd, 0, 50000));
	do {
		ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_FETCH, &fake->said));
	} while (said_u64(&fake->said, NDVAL_WIRE_A_WANT) < RING + 49152);
	EXPECT_GE(RING + 50000, said_u64(&fake->said, NDVAL_WIRE_A_WANT));
	EXPECT_EQ(64 * KIB, said_u64(&fake->said, NDVAL_WIRE_A_HAVE));
}

TEST_F(secondary, a_reader_that_waits_is_told_as_demand)
{
	struct fake *fake = &self->fake;
	static char byte[30000];

	ASSERT_TRUE(fake_lead_all(&self->host, fake, "m2"));
	ASSERT_TRUE(node_ready(self->fd));
	EXPECT_EQ(-EAGAIN, get(self->fd, byte, sizeof(byte)));
	do {
		ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_FETCH, &fake->said));
	} while (said_u64(&fake->said, NDVAL_WIRE_A_DEMAND) < sizeof(byte));
	EXPECT_EQ(sizeof(byte), said_u64(&fake->said, NDVAL_WIRE_A_DEMAND));
	ASSERT_TRUE(fake_push(fake, 0, sizeof(byte)));
	EXPECT_TRUE(reads_pattern(self->fd, 0, sizeof(byte)));
}

TEST_F(secondary, what_comes_twice_is_stored_once)
{
	ASSERT_TRUE(fake_lead_all(&self->host, &self->fake, "m2"));
	ASSERT_TRUE(fake_push(&self->fake, 0, 30000));
	ASSERT_TRUE(fake_push(&self->fake, 0, 30000));
	ASSERT_TRUE(fake_push(&self->fake, 29999, 1));
	ASSERT_TRUE(fake_push(&self->fake, 20000, 20001));
	ASSERT_TRUE(peer_is_served(&self->fake.peer));
	EXPECT_EQ(40001, host_stream_get(&self->host, "web1", "default", NDVAL_A_STREAM_HEAD));
	EXPECT_TRUE(reads_pattern(self->fd, 0, 40001));
}

TEST_F(secondary, an_empty_message_is_accepted)
{
	ASSERT_TRUE(fake_lead_all(&self->host, &self->fake, "m2"));
	ASSERT_TRUE(fake_push(&self->fake, 0, 100));
	wire_values(&self->fake.wire, &self->fake.side,
		    &(struct values){ .stream = "default", .id = FAKE_STREAM_ID, .offset = 100 });
	ASSERT_TRUE(peer_send(&self->fake.peer, &self->fake.wire));
	EXPECT_TRUE(peer_is_served(&self->fake.peer));
	EXPECT_TRUE(reads_pattern(self->fd, 0, 100));
}

TEST_F(secondary, a_tail_beyond_what_is_stored_makes_instances_lost)
{
	struct values values = {
		.stream = "default", .id = FAKE_STREAM_ID,
		.tail = 50000, .offset = 50000, .len = 1000,
	};
	char byte;

	ASSERT_TRUE(fake_lead_all(&self->host, &self->fake, "m2"));
	ASSERT_TRUE(fake_push(&self->fake, 0, 1000));
	ASSERT_TRUE(say_values(&self->fake.peer, &self->fake.side, &values));
	ASSERT_TRUE(peer_is_served(&self->fake.peer));
	EXPECT_TRUE(reads_pattern(self->fd, 0, 1000));
	EXPECT_EQ(-EPIPE, get(self->fd, &byte, 1));
	EXPECT_EQ(-EPIPE, get(self->fd, &byte, 1));
	ASSERT_EQ(0, run("ndvalctl instance set web1 --at 50000"));
	EXPECT_TRUE(reads_pattern(self->fd, 50000, 1000));
}

TEST_F(secondary, a_tail_that_goes_on_alone_takes_nothing_from_them)
{
	struct values values = {
		.stream = "default", .id = FAKE_STREAM_ID, .tail = 50000, .offset = 50000,
	};
	char byte;

	ASSERT_TRUE(fake_lead_all(&self->host, &self->fake, "m2"));
	ASSERT_TRUE(fake_push(&self->fake, 0, 1000));
	ASSERT_TRUE(say_values(&self->fake.peer, &self->fake.side, &values));
	values.tail = 60000;
	values.offset = 60000;
	values.len = 1000;
	ASSERT_TRUE(say_values(&self->fake.peer, &self->fake.side, &values));
	ASSERT_TRUE(peer_is_served(&self->fake.peer));
	EXPECT_TRUE(reads_pattern(self->fd, 0, 1000));
	EXPECT_EQ(-EPIPE, get(self->fd, &byte, 1));
	ASSERT_EQ(0, run("ndvalctl instance set web1 --at 60000"));
	EXPECT_TRUE(reads_pattern(self->fd, 60000, 1000));
}

TEST_F(secondary, a_stream_deleted_by_the_primary_is_gone_here)
{
	char byte;

	ASSERT_TRUE(fake_lead_all(&self->host, &self->fake, "m2"));
	ASSERT_TRUE(fake_push(&self->fake, 0, 1000));
	ASSERT_TRUE(reads_pattern(self->fd, 0, 10));
	wire_stream_del(&self->fake.wire, &self->fake.side, "default", FAKE_STREAM_ID, 0);
	ASSERT_TRUE(peer_send(&self->fake.peer, &self->fake.wire));
	ASSERT_TRUE(peer_is_served(&self->fake.peer));
	EXPECT_EQ(-ESTALE, get(self->fd, &byte, 1));
	EXPECT_EQ(0, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_STREAMS));
}

TEST_F(secondary, a_stream_del_that_means_another_one_is_ignored)
{
	ASSERT_TRUE(fake_lead_all(&self->host, &self->fake, "m2"));
	ASSERT_TRUE(fake_push(&self->fake, 0, 1000));
	wire_stream_del(&self->fake.wire, &self->fake.side, "default", FAKE_STREAM_ID + 1, 0);
	ASSERT_TRUE(peer_send(&self->fake.peer, &self->fake.wire));
	ASSERT_TRUE(peer_is_served(&self->fake.peer));
	EXPECT_TRUE(reads_pattern(self->fd, 0, 1000));
}

TEST_F(secondary, a_stream_the_primary_refuses_gives_enospc_to_its_reader)
{
	char byte;

	ASSERT_TRUE(fake_lead_all(&self->host, &self->fake, "m2"));
	ASSERT_TRUE(node_ready(self->fd));
	EXPECT_EQ(-EAGAIN, get(self->fd, &byte, 1));
	wire_stream_del(&self->fake.wire, &self->fake.side, "default", 0, ENOSPC);
	ASSERT_TRUE(peer_send(&self->fake.peer, &self->fake.wire));
	ASSERT_TRUE(peer_is_served(&self->fake.peer));
	EXPECT_EQ(-ENOSPC, get(self->fd, &byte, 1));
	/* Until it changes its mind. */
	ASSERT_TRUE(fake_push(&self->fake, 0, 100));
	ASSERT_TRUE(peer_is_served(&self->fake.peer));
	EXPECT_TRUE(reads_pattern(self->fd, 0, 100));
}

TEST_F(secondary, a_stream_made_anew_by_the_primary_is_another_one)
{
	struct values values = { .stream = "default", .id = FAKE_STREAM_ID + 1, .len = 100 };
	char byte;
	int fd;

	ASSERT_TRUE(fake_lead_all(&self->host, &self->fake, "m2"));
	ASSERT_TRUE(fake_push(&self->fake, 0, 1000));
	ASSERT_TRUE(reads_pattern(self->fd, 0, 10));
	ASSERT_TRUE(say_values(&self->fake.peer, &self->fake.side, &values));
	ASSERT_TRUE(peer_is_served(&self->fake.peer));
	EXPECT_EQ(-ESTALE, get(self->fd, &byte, 1));
	fd = node_open("web1", O_NONBLOCK);
	EXPECT_TRUE(reads_pattern(fd, 0, 100));
	close(fd);
}

TEST_F(secondary, after_a_reconnect_it_tells_what_it_has)
{
	struct fake *fake = &self->fake;
	char reason[REASON_SIZE];

	ASSERT_TRUE(fake_lead_all(&self->host, fake, "m2"));
	ASSERT_TRUE(fake_push(fake, 0, 60000));
	ASSERT_TRUE(fake_stores(fake, "default", 60000));
	ASSERT_TRUE(reads_pattern(self->fd, 0, 5000));
	peer_close(&fake->peer);
	ASSERT_TRUE(host_link_down(&self->host, fake->peer.link, reason));
	ASSERT_TRUE(reads_pattern(self->fd, 5000, 5000));

	ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2"));
	/* In the epoch already, it speaks of it at once. */
	ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_PAIR, &fake->said));
	EXPECT_EQ(fake->side.epoch_id, said_u64(&fake->said, NDVAL_WIRE_A_EPOCH_ID));
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	ASSERT_TRUE(fake_stores(fake, "default", 60000));
	EXPECT_EQ(FAKE_STREAM_ID, said_u64(&fake->said, NDVAL_WIRE_A_STREAM_ID));
	EXPECT_LE(RING, said_u64(&fake->said, NDVAL_WIRE_A_WANT));
	ASSERT_TRUE(fake_push(fake, 60000, 1000));
	EXPECT_TRUE(reads_pattern(self->fd, 10000, 51000));
}

TEST_F(secondary, is_in_sync_when_the_primary_says_so)
{
	struct fake *fake = &self->fake;

	ASSERT_TRUE(fake_lead_all(&self->host, fake, "m2"));
	EXPECT_EQ(NDVAL_PEER_STATE_BEHIND, host_peer_state(&self->host, "web1", "m2", NULL));
	EXPECT_EQ(NDVAL_HEALTH_AT_RISK, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_HEALTH));
	fake->side.in_sync = true;
	fake->side.seen_id = fake->side.epoch_id;
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	EXPECT_EQ(NDVAL_PEER_STATE_IN_SYNC, host_peer_state(&self->host, "web1", "m2", NULL));
	EXPECT_EQ(NDVAL_HEALTH_PROTECTED,
		  host_pair_get(&self->host, "web1", NDVAL_A_PAIR_HEALTH));
	peer_close(&fake->peer);
	EXPECT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_DISCONNECTED));
	EXPECT_EQ(NDVAL_HEALTH_ALONE, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_HEALTH));
}

TEST_F(secondary, takes_over_the_pair_settings_of_the_primary)
{
	struct fake *fake = &self->fake;

	fake->side.serial = 7;
	fake->side.bind = NDVAL_BIND_REQUIRED;
	ASSERT_TRUE(fake_lead_all(&self->host, fake, "m2"));
	EXPECT_EQ(NDVAL_BIND_REQUIRED, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_BIND));
	EXPECT_EQ(-EPERM, host_set(&self->host, "web1", NDVAL_A_PAIR_BIND, NDVAL_BIND_ANY));
	EXPECT_TRUE(host_refused_well(&self->host, -EPERM));
}

TEST_F(secondary, a_smaller_window_than_what_is_stored_disturbs_no_link)
{
	struct fake *fake = &self->fake;

	ASSERT_TRUE(fake_lead_all(&self->host, fake, "m2"));
	ASSERT_TRUE(fake_push(fake, 0, 60000));
	ASSERT_TRUE(fake_stores(fake, "default", 60000));
	ASSERT_TRUE(fake_push(fake, 60000, 40000));
	ASSERT_TRUE(fake_stores(fake, "default", 100000));
	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_RING_SIZE, 8 * KIB));
	/* A FETCH whose want is below its have ends the link at a real primary. */
	while (peer_receive(&fake->peer, &fake->said, QUIET_MS) == NDVAL_WIRE_CMD_FETCH)
		EXPECT_LE(said_u64(&fake->said, NDVAL_WIRE_A_HAVE),
			  said_u64(&fake->said, NDVAL_WIRE_A_WANT));
	ASSERT_TRUE(reads_pattern(self->fd, 0, 1000));
	while (peer_receive(&fake->peer, &fake->said, QUIET_MS) == NDVAL_WIRE_CMD_FETCH)
		EXPECT_LE(said_u64(&fake->said, NDVAL_WIRE_A_HAVE),
			  said_u64(&fake->said, NDVAL_WIRE_A_WANT));
}

/* Two lives of the pair meet. */

TEST_F(secondary, who_delivered_nothing_joins_another_life_silently)
{
	struct fake *fake = &self->fake;

	ASSERT_TRUE(fake_lead_all(&self->host, fake, "m2"));
	ASSERT_TRUE(fake_push(fake, 0, 1000));
	fake->side.incarnation++;
	fake->side.epoch_id++;
	ASSERT_TRUE(fake_lead(fake));
	EXPECT_EQ(NDVAL_HEALTH_AT_RISK, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_HEALTH));
	EXPECT_EQ(0, host_stream_get(&self->host, "web1", "default", NDVAL_A_STREAM_HEAD));
}

TEST_F(secondary, who_delivered_is_diverged_until_resync_and_reposition)
{
	struct fake *fake = &self->fake;
	char byte;

	ASSERT_TRUE(fake_lead_all(&self->host, fake, "m2"));
	ASSERT_TRUE(fake_push(fake, 0, 1000));
	ASSERT_TRUE(reads_pattern(self->fd, 0, 1));
	fake->side.incarnation++;
	fake->side.epoch_id++;
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	do {
		ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_PAIR, &fake->said));
	} while (!fake->said.tb[NDVAL_WIRE_A_DIVERGED]);
	EXPECT_EQ(NDVAL_HEALTH_DIVERGED, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_HEALTH));
	EXPECT_EQ(-ESTALE, get(self->fd, &byte, 1));
	EXPECT_EQ(-ESTALE, get(self->fd, &byte, 1));

	EXPECT_EQ(-1, fsync(self->fd));
	EXPECT_EQ(ESTALE, errno);
	ASSERT_EQ(0, run("ndvalctl resync web1"));
	EXPECT_EQ(-EPIPE, get(self->fd, &byte, 1));
	/* What was delivered is thrown away, and not confirmed by an empty stream. */
	EXPECT_EQ(-1, fsync(self->fd));
	EXPECT_EQ(ENOTCONN, errno);
	ASSERT_TRUE(fake_lead(fake));
	ASSERT_TRUE(fake_push(fake, 0, 1000));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	EXPECT_EQ(0, fsync(self->fd));
	EXPECT_EQ(-EPIPE, get(self->fd, &byte, 1));
	ASSERT_EQ(0, run("ndvalctl instance set web1 --at 500"));
	EXPECT_TRUE(reads_pattern(self->fd, 500, 500));
}

TEST_F(secondary, does_not_follow_a_primary_that_delivers_nothing)
{
	struct fake *fake = &self->fake;

	ASSERT_TRUE(fake_lead_all(&self->host, fake, "m2"));
	fake->side.in_sync = true;
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	EXPECT_EQ(NDVAL_HEALTH_PROTECTED,
		  host_pair_get(&self->host, "web1", NDVAL_A_PAIR_HEALTH));
	fake->side.diverged = true;
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	EXPECT_EQ(NDVAL_HEALTH_ALONE,
		  host_pair_get(&self->host, "web1", NDVAL_A_PAIR_HEALTH));
}

TEST_F(secondary, resync_makes_another_object_in_which_every_instance_is_lost)
{
	__u64 id = host_pair_get(&self->host, "web1", NDVAL_A_PAIR_MEMBER_ID);
	struct fake *fake = &self->fake;
	char byte;

	ASSERT_TRUE(fake_lead_all(&self->host, fake, "m2"));
	ASSERT_TRUE(fake_push(fake, 0, 1000));
	ASSERT_TRUE(reads_pattern(self->fd, 0, 100));
	/* Also one that is not expected at that moment. */
	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_INSTANCES, 2));
	ASSERT_EQ(0, run("ndvalctl resync web1"));
	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_INSTANCES, 3));
	EXPECT_NE(id, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_MEMBER_ID));
	ASSERT_TRUE(fake_lead(fake));
	ASSERT_TRUE(fake_push(fake, 0, 1000));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	EXPECT_EQ(-EPIPE, get(self->fd, &byte, 1));
}

TEST_F(secondary, without_peers_resync_begins_a_new_life)
{
	struct fake *fake = &self->fake;
	char byte;

	ASSERT_TRUE(fake_lead_all(&self->host, fake, "m2"));
	ASSERT_EQ(0, run("ndvalctl peer del web1 m2"));
	ASSERT_TRUE(node_ready(self->fd));
	EXPECT_EQ(-EAGAIN, get(self->fd, &byte, 1));
	ASSERT_EQ(0, run("ndvalctl resync web1"));
	EXPECT_EQ(NDVAL_ROLE_PRIMARY, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_ROLE));
	EXPECT_EQ(-EPIPE, get(self->fd, &byte, 1));
	ASSERT_EQ(0, run("ndvalctl instance set web1 --at 0"));
	EXPECT_EQ(1, get(self->fd, &byte, 1));
}

TEST_F(secondary, two_primaries_refuse_each_other_and_say_why)
{
	struct fake *fake = &self->fake;
	char reason[REASON_SIZE];
	char byte;

	ASSERT_EQ(0, host_promote(&self->host, "web1"));
	ASSERT_TRUE(node_ready(self->fd));
	ASSERT_EQ(1, get(self->fd, &byte, 1));
	ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2"));
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	EXPECT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_REFUSED));
	host_peer_state(&self->host, "web1", "m2", reason);
	EXPECT_STREQ("both are primary: resync one of them", reason);
	/* It stays what it was, and stores nothing of the other's. */
	ASSERT_TRUE(fake_push(fake, 0, 1000));
	EXPECT_TRUE(peer_is_served(&fake->peer));
	EXPECT_EQ(1, get(self->fd, &byte, 1));
	/* Resync makes it a secondary of the other. */
	ASSERT_EQ(0, run("ndvalctl resync web1"));
	ASSERT_TRUE(fake_lead(fake));
	EXPECT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_BEHIND));
}

TEST_HARNESS_MAIN
