// SPDX-License-Identifier: GPL-2.0-only
/*
 * A peer that asks for too much, says too much, says nothing, or does not
 * listen: what it costs is bounded, and readers go on.
 *
 * vm: sources=peer.c,../../tools/lib/nl.c libs=-lmnl timeout=120
 */
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "common.h"
#include "peer.h"

/* How many a greedy peer has. */
#define STREAMS	2000

FIXTURE(limits)
{
	struct host host;
	struct fake fake;
	int quiet;
};

FIXTURE_SETUP(limits)
{
	memset(self, 0, sizeof(*self));
	self->fake.peer.fd = -1;
	ASSERT_TRUE(host_open(&self->host));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	ASSERT_EQ(0, host_pair(&self->host, "web1", "web", "m1", "m2"));
	ASSERT_EQ(0, host_pair(&self->host, "quiet", NULL, "m1", NULL));
	self->quiet = node_open("quiet", O_NONBLOCK);
	ASSERT_TRUE(node_ready(self->quiet));
}

FIXTURE_TEARDOWN(limits)
{
	char byte;

	peer_close(&self->fake.peer);
	EXPECT_EQ(1, get(self->quiet, &byte, 1));
	close(self->quiet);
	host_pair_del(&self->host, "quiet");
	host_pair_del(&self->host, "web1");
	EXPECT_TRUE(host_member_del(&self->host, "m1"));
	host_close(&self->host);
}

/* One by one, so that none is beyond what may wait. */
static void expect_refusal(struct __test_metadata *_metadata, struct fake *fake,
			   const char *stream)
{
	ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_STREAM_DEL, &fake->said));
	ASSERT_STREQ(stream, said_text(&fake->said, NDVAL_WIRE_A_STREAM));
	ASSERT_EQ(ENOSPC, said_u32(&fake->said, NDVAL_WIRE_A_ERROR));
}

TEST_F(limits, streams_pushed_beyond_max_streams_are_refused_each)
{
	struct values values = { .len = 100 };
	struct fake *fake = &self->fake;
	char name[16];
	int i;

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_MAX_STREAMS, 4));
	side_primary(&fake->side, "web");
	ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
	for (i = 0; i < STREAMS; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		values.stream = name;
		values.id = i + 1;
		ASSERT_TRUE(say_values(&fake->peer, &fake->side, &values));
		if (i >= 4)
			expect_refusal(_metadata, fake, name);
	}
	EXPECT_EQ(4, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_STREAMS));
	EXPECT_GE(128 * KIB, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_MEMORY));
}

TEST_F(limits, streams_asked_for_beyond_max_streams_are_refused_each)
{
	struct fetch fetch = { .want = 4096 };
	struct fake *fake = &self->fake;
	char name[16];
	int i;

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_MAX_STREAMS, 4));
	ASSERT_EQ(0, host_promote(&self->host, "web1"));
	side_secondary(&fake->side, "web");
	ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
	for (i = 0; i < STREAMS; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		fetch.stream = name;
		ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch));
		if (i >= 4)
			expect_refusal(_metadata, fake, name);
	}
	EXPECT_EQ(4, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_STREAMS));
	EXPECT_GE(256 * KIB, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_MEMORY));
}

/* A smaller limit of a peer counts too, and the reader is told. */
TEST_F(limits, a_peer_that_takes_fewer_streams_limits_the_primary)
{
	struct fake *fake = &self->fake;
	int one, two;

	ASSERT_EQ(0, host_promote(&self->host, "web1"));
	side_secondary(&fake->side, "web");
	fake->side.max_streams = 1;
	ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
	one = instance_open("web1", "a", 0, O_NONBLOCK);
	EXPECT_LE(0, one);
	two = instance_open("web1", "b", 0, O_NONBLOCK);
	EXPECT_EQ(-1, two);
	EXPECT_EQ(ENOSPC, errno);
	close(one);
}

/* What can't be sent because the peer does not listen is not kept for ever. */
TEST_F(limits, a_flood_of_unknown_pairs_ends_the_link_not_the_memory)
{
	struct fake *fake = &self->fake;
	char reason[REASON_SIZE];
	char name[32];
	bool sent = true;
	int i;

	side_primary(&fake->side, name);
	ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2"));
	for (i = 0; i < 200000 && sent; i++) {
		snprintf(name, sizeof(name), "unknown-%d", i);
		sent = say_pair(&fake->peer, &fake->side);
	}
	EXPECT_FALSE(sent);
	EXPECT_TRUE(host_link_down(&self->host, fake->peer.link, reason));
	EXPECT_STREQ("the peer asks for too much that is not here", reason);
	peer_close(&fake->peer);
	side_primary(&fake->side, "web");
	EXPECT_TRUE(fake_come_to(&self->host, fake, JOINED));
}

TEST_F(limits, a_flood_of_pings_costs_nothing)
{
	struct fake *fake = &self->fake;
	char byte;
	int i;

	side_primary(&fake->side, "web");
	ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
	fake_make(fake, NDVAL_WIRE_CMD_PING);
	for (i = 0; i < 20000; i++) {
		if (!peer_send(&fake->peer, &fake->wire))
			break;
		if (i % 1000 == 0)
			EXPECT_EQ(1, get(self->quiet, &byte, 1));
	}
	/* It may have been dropped as one that does not listen: no harm. */
	fake_hang_up(&self->host, fake);
	EXPECT_TRUE(fake_come_to(&self->host, fake, JOINED));
}

TEST_F(limits, silence_ends_the_link_after_peer_timeout)
{
	static const enum stage stages[] = { SILENT, GREETED, JOINED };
	struct fake *fake = &self->fake;
	char reason[REASON_SIZE];
	double begin;
	size_t i;

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_PEER_TIMEOUT_MS, 300));
	side_primary(&fake->side, "web");
	for (i = 0; i < ARRAY_LEN(stages); i++) {
		ASSERT_TRUE(fake_come_to(&self->host, fake, stages[i]));
		begin = seconds();
		ASSERT_TRUE(host_link_down(&self->host, fake->peer.link, reason));
		EXPECT_LT(seconds(), begin + 3);
		EXPECT_GT(seconds(), begin + 0.2);
		EXPECT_STREQ("the peer was silent for 300 ms", reason);
		peer_close(&fake->peer);
	}
}

TEST_F(limits, silence_in_the_middle_of_a_message_is_silence)
{
	struct fake *fake = &self->fake;
	char reason[REASON_SIZE];
	double begin;

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_PEER_TIMEOUT_MS, 300));
	side_primary(&fake->side, "web");
	ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
	fake_make(fake, NDVAL_WIRE_CMD_VALUES);
	ASSERT_TRUE(peer_write(&fake->peer, fake->wire.buf, 40));
	begin = seconds();
	ASSERT_TRUE(host_link_down(&self->host, fake->peer.link, reason));
	EXPECT_LT(seconds(), begin + 3);
	EXPECT_STREQ("the peer was silent for 300 ms", reason);
}

/* Slow as it may be, what comes is understood. */
TEST_F(limits, bytes_that_dribble_are_a_message_in_the_end)
{
	struct fake *fake = &self->fake;
	char byte;
	size_t i;

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_PEER_TIMEOUT_MS, 1000));
	side_primary(&fake->side, "web");
	ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
	fake_make(fake, NDVAL_WIRE_CMD_PING);
	for (i = 0; i < fake->wire.nlh->nlmsg_len; i++) {
		ASSERT_TRUE(peer_write(&fake->peer, fake->wire.buf + i, 1));
		EXPECT_EQ(1, get(self->quiet, &byte, 1));
		usleep(100000);
	}
	EXPECT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_PONG, &fake->said));
	EXPECT_EQ(1, said_u64(&fake->said, NDVAL_WIRE_A_TIME));
}

/* But not for ever: silence it is not, nor is it a message. */
TEST_F(limits, bytes_that_dribble_without_end_are_none)
{
	struct fake *fake = &self->fake;
	char reason[REASON_SIZE];
	double begin;
	size_t i;

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_PEER_TIMEOUT_MS, 300));
	side_primary(&fake->side, "web");
	ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
	fake_make(fake, NDVAL_WIRE_CMD_VALUES);
	begin = seconds();
	for (i = 0; i < fake->wire.nlh->nlmsg_len - 1; i++) {
		if (!peer_write(&fake->peer, fake->wire.buf + i, 1))
			break;
		usleep(100000);
	}
	EXPECT_LT(seconds(), begin + 10);
	ASSERT_TRUE(host_link_down(&self->host, fake->peer.link, reason));
	EXPECT_STREQ("the peer took longer than 3000 ms for one message", reason);
}

/* Reads until nothing comes any more; returns how much that was. */
static size_t read_until_held(int fd)
{
	static char bytes[4096];
	size_t done = 0;
	ssize_t len;

	if (!node_ready(fd))
		return ~0UL;
	while ((len = get(fd, bytes, sizeof(bytes))) > 0)
		done += len;
	return len == -EAGAIN ? done : ~0UL;
}

/* One that has told of all its streams, and says nothing more. */
static bool come_and_die(struct host *host, struct fake *fake)
{
	side_secondary(&fake->side, "web");
	return !host_set(host, "web1", NDVAL_A_PAIR_RING_SIZE, 64 * KIB) &&
	       !host_set(host, "web1", NDVAL_A_PAIR_PEER_TIMEOUT_MS, 1000) &&
	       fake_come_to(host, fake, JOINED) && say_end(&fake->peer, &fake->side) &&
	       peer_is_served(&fake->peer);
}

/* They get what it stores, if they wait for that (commit=sync): nothing. */
TEST_F(limits, readers_wait_for_a_dead_peer_until_its_link_is_dropped)
{
	struct fake *fake = &self->fake;
	char reason[REASON_SIZE];
	char bytes[100];
	int fd;

	ASSERT_EQ(0, host_promote(&self->host, "web1"));
	ASSERT_TRUE(come_and_die(&self->host, fake));
	fd = node_open("web1", O_NONBLOCK);
	EXPECT_EQ(0, read_until_held(fd));
	ASSERT_TRUE(host_link_down(&self->host, fake->peer.link, reason));
	EXPECT_STREQ("the peer was silent for 1000 ms", reason);
	EXPECT_TRUE(wait_until(get(fd, bytes, sizeof(bytes)) == sizeof(bytes), 5));
	close(fd);
}

/* Else what the window holds, unless they need not wait at all. */
TEST_F(limits, async_readers_have_a_window_until_the_link_is_dropped)
{
	struct fake *fake = &self->fake;
	char reason[REASON_SIZE];
	char bytes[100];
	int fd;

	ASSERT_EQ(0, host_promote(&self->host, "web1"));
	ASSERT_EQ(0, run("ndvalctl pair set web1 commit=async overflow=stall"));
	ASSERT_TRUE(come_and_die(&self->host, fake));
	fd = node_open("web1", O_NONBLOCK);
	EXPECT_EQ(64 * KIB, read_until_held(fd));
	ASSERT_TRUE(host_link_down(&self->host, fake->peer.link, reason));
	EXPECT_STREQ("the peer was silent for 1000 ms", reason);
	EXPECT_TRUE(wait_until(get(fd, bytes, sizeof(bytes)) == sizeof(bytes), 5));
	close(fd);
}

TEST_F(limits, a_peer_that_speaks_but_does_not_listen_is_dropped)
{
	struct fake *fake = &self->fake;
	char reason[REASON_SIZE] = "";
	const int small = 1;
	char bytes[100];
	int ends[2], fd;
	double begin;

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_PEER_TIMEOUT_MS, 500));
	ASSERT_EQ(0, host_promote(&self->host, "web1"));
	side_secondary(&fake->side, "web");
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	/* Little room, so that it is full soon. */
	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	ASSERT_TRUE(peer_attach(&self->host, &fake->peer, "m1", "m2", ends[0], ends[1]));
	ASSERT_TRUE(peer_greet(&fake->peer));
	ASSERT_TRUE(fake_follow(fake));
	ASSERT_TRUE(say_end(&fake->peer, &fake->side));
	fd = node_open("web1", O_NONBLOCK);
	begin = seconds();
	fake_make(fake, NDVAL_WIRE_CMD_PING);
	while (host_link_lives(&self->host, fake->peer.link) && seconds() < begin + 10) {
		send(fake->peer.fd, fake->wire.buf, fake->wire.nlh->nlmsg_len,
		     MSG_DONTWAIT | MSG_NOSIGNAL);
		get(fd, bytes, sizeof(bytes));
		usleep(20000);
	}
	EXPECT_LT(seconds(), begin + 5);
	EXPECT_TRUE(host_link_down(&self->host, fake->peer.link, reason));
	EXPECT_EQ(0, strncmp(reason, "could not send", 14)) TH_LOG("%s", reason);
	EXPECT_TRUE(wait_until(get(fd, bytes, sizeof(bytes)) == sizeof(bytes), 5));
	close(fd);
}

TEST_HARNESS_MAIN
