// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel as primary, seen by a secondary that is not one: what it says
 * and when, and that it keeps to what it was told.
 *
 * vm: sources=peer.c,../../tools/lib/nl.c libs=-lmnl timeout=90
 */
#include "kselftest_harness.h"
#include "common.h"
#include "peer.h"

#define RING	(256 * KIB)

FIXTURE(primary)
{
	struct host host;
	struct fake fake;	/* m2 */
	struct fake other;	/* m3, where a test has one */
	int fd;			/* an instance that reads the stream "default" */
};

FIXTURE_SETUP(primary)
{
	memset(self, 0, sizeof(*self));
	self->fake.peer.fd = -1;
	self->other.peer.fd = -1;
	ASSERT_TRUE(host_open(&self->host));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	ASSERT_EQ(0, host_pair(&self->host, "web1", "web", "m1", "m2"));
	ASSERT_EQ(0, host_promote(&self->host, "web1"));
	side_secondary(&self->fake.side, "web");
	side_secondary(&self->other.side, "web");
	self->fd = node_open("web1", O_NONBLOCK);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(primary)
{
	peer_close(&self->fake.peer);
	peer_close(&self->other.peer);
	close(self->fd);
	host_pair_del(&self->host, "web1");
	EXPECT_TRUE(host_member_del(&self->host, "m1"));
	EXPECT_FALSE(self->host.gap);
	host_close(&self->host);
}

/* A link on which the fake follows, and has told of all it has: nothing. */
static bool join(struct host *host, struct fake *fake, const char *name)
{
	return fake_connect(host, fake, "m1", name) && fake_follow(fake) &&
	       say_end(&fake->peer, &fake->side);
}

/* Bytes that the fake stores of a stream. */
struct store {
	__u64		id;
	__u64		have;
	__u64		limit;
	__u64		committed;
	__u64		tail;
	__u64		need;
	__u64		want;		/* no byte may come from there on */
	unsigned char	data[512 * KIB];
};

/* Takes one VALUES; every one must be what Documentation promises. */
static void take(struct __test_metadata *_metadata, const struct fake *fake,
		 struct store *store)
{
	const struct said *said = &fake->said;
	__u64 offset = said_value_offset(said);
	const void *data;
	size_t len;

	data = said_value(said, &len);
	ASSERT_NE(NULL, data);
	EXPECT_EQ(fake->side.epoch_id, said_u64(said, NDVAL_WIRE_A_EPOCH_ID));
	EXPECT_EQ(fake->side.incarnation, said_u64(said, NDVAL_WIRE_A_INCARNATION));
	EXPECT_STREQ("web", said_text(said, NDVAL_WIRE_A_PAIR));
	EXPECT_NE(0, said_u64(said, NDVAL_WIRE_A_STREAM_ID));
	if (store->id)
		EXPECT_EQ(store->id, said_u64(said, NDVAL_WIRE_A_STREAM_ID));
	store->id = said_u64(said, NDVAL_WIRE_A_STREAM_ID);
	ASSERT_NE(NULL, said->tb[NDVAL_WIRE_A_LIMIT]);
	EXPECT_LE(store->limit, said_u64(said, NDVAL_WIRE_A_LIMIT));
	store->limit = said_u64(said, NDVAL_WIRE_A_LIMIT);
	store->committed = said_u64(said, NDVAL_WIRE_A_COMMITTED);
	EXPECT_GE(store->committed, store->limit);
	store->tail = said_u64(said, NDVAL_WIRE_A_TAIL);
	store->need = said_u64(said, NDVAL_WIRE_A_NEED);
	EXPECT_LE(store->tail, offset);
	EXPECT_GE(NDVAL_WIRE_VALUES_MAX, len);
	if (!len)
		return;
	EXPECT_EQ(store->have, offset);
	EXPECT_GE(store->want, offset + len);
	ASSERT_GE(sizeof(store->data), offset + len);
	memcpy(store->data + offset, data, len);
	store->have = offset + len;
}

/* Receives until so much is stored, which must come in order. */
static void take_until(struct __test_metadata *_metadata, struct fake *fake,
		       struct store *store, __u64 have)
{
	while (store->have < have) {
		ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_VALUES, &fake->said));
		take(_metadata, fake, store);
	}
}

/* Receives until nothing comes any more. */
static void take_rest(struct __test_metadata *_metadata, struct fake *fake,
		      struct store *store)
{
	while (peer_receive(&fake->peer, &fake->said, QUIET_MS) > 0)
		if (fake->said.cmd == NDVAL_WIRE_CMD_VALUES)
			take(_metadata, fake, store);
}

static void grant(struct __test_metadata *_metadata, struct fake *fake,
		  struct store *store, __u64 want)
{
	const struct fetch fetch = {
		.stream = "default", .id = store->id, .have = store->have, .want = want,
	};

	store->want = want;
	ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch));
}

/*
 * An instance asks for so much and gets nothing: with commit=sync, a peer that
 * is counted has to store it first.
 */
static void ask(struct __test_metadata *_metadata, int fd, size_t len)
{
	static unsigned char none[512 * KIB];

	ASSERT_GE(sizeof(none), len);
	ASSERT_TRUE(node_ready(fd));
	ASSERT_EQ(-EAGAIN, get(fd, none, len));
}

/* The peer acknowledges what it stores, and the instance gets just that. */
static void deliver(struct __test_metadata *_metadata, int fd, struct fake *fake,
		    struct store *store)
{
	static unsigned char got[512 * KIB];
	unsigned char more;

	grant(_metadata, fake, store, store->want);
	ASSERT_TRUE(peer_is_served(&fake->peer));
	ASSERT_TRUE(get_all(fd, got, store->have, 5000));
	EXPECT_EQ(-EAGAIN, get(fd, &more, 1));
	EXPECT_EQ(0, memcmp(got, store->data, store->have));
}

static struct store *new_store(__u64 want)
{
	struct store *store = calloc(1, sizeof(*store));

	store->want = want;
	return store;
}

static int take_member_id(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_MEMBER_MAX + 1];

	nl_parse(nlh, tb, NDVAL_A_MEMBER_MAX);
	*(__u64 *)data = nl_u64(tb[NDVAL_A_MEMBER_ID]);
	return MNL_CB_OK;
}

TEST_F(primary, hello_says_who_speaks_to_whom)
{
	struct said *said = &self->fake.said;
	struct peer *peer = &self->fake.peer;
	__u64 id = 0, serial;

	nl_request(self->host.nl, NDVAL_CMD_MEMBER_GET, 0);
	nl_put_str(self->host.nl, NDVAL_A_MEMBER_NAME, "m1");
	ASSERT_EQ(0, nl_call(self->host.nl, take_member_id, &id));
	ASSERT_TRUE(peer_connect(&self->host, peer, "m1", "m2"));
	/* It does not wait for ours. */
	ASSERT_EQ(NDVAL_WIRE_CMD_HELLO, peer_receive(peer, said, PATIENCE_MS));
	EXPECT_EQ(1, said_u32(said, NDVAL_WIRE_A_VERSION));
	EXPECT_NE(NULL, said->tb[NDVAL_WIRE_A_FEATURES]);
	EXPECT_EQ(0, said_u64(said, NDVAL_WIRE_A_FEATURES));
	EXPECT_STREQ("m1", said_text(said, NDVAL_WIRE_A_MEMBER));
	EXPECT_STREQ("m2", said_text(said, NDVAL_WIRE_A_TO));
	EXPECT_EQ(id, said_u64(said, NDVAL_WIRE_A_MEMBER_ID));
	EXPECT_NE(0, strlen(said_text(said, NDVAL_WIRE_A_SOFTWARE)));
	serial = said_u64(said, NDVAL_WIRE_A_SERIAL);
	peer_close(peer);
	ASSERT_TRUE(peer_connect(&self->host, peer, "m1", "m2"));
	ASSERT_EQ(NDVAL_WIRE_CMD_HELLO, peer_receive(peer, said, PATIENCE_MS));
	EXPECT_LT(serial, said_u64(said, NDVAL_WIRE_A_SERIAL));
}

TEST_F(primary, nothing_is_said_of_a_pair_before_hello)
{
	struct fake *fake = &self->fake;

	ASSERT_TRUE(peer_connect(&self->host, &fake->peer, "m1", "m2"));
	ASSERT_EQ(NDVAL_WIRE_CMD_HELLO, peer_receive(&fake->peer, &fake->said, PATIENCE_MS));
	EXPECT_EQ(-1, peer_receive(&fake->peer, &fake->said, QUIET_MS));
}

TEST_F(primary, pair_tells_epoch_role_and_settings)
{
	struct said *said = &self->fake.said;
	const struct nlattr *settings[NDVAL_WIRE_A_SETTINGS_MAX + 1];
	const struct epoch *history;

	ASSERT_TRUE(fake_connect(&self->host, &self->fake, "m1", "m2"));
	ASSERT_TRUE(peer_expect(&self->fake.peer, NDVAL_WIRE_CMD_PAIR, said));
	EXPECT_STREQ("web", said_text(said, NDVAL_WIRE_A_PAIR));
	EXPECT_EQ(NDVAL_ROLE_PRIMARY, said_u32(said, NDVAL_WIRE_A_ROLE));
	EXPECT_EQ(1, said_u64(said, NDVAL_WIRE_A_EPOCH));
	EXPECT_EQ(host_pair_get(&self->host, "web1", NDVAL_A_PAIR_EPOCH_ID),
		  said_u64(said, NDVAL_WIRE_A_EPOCH_ID));
	EXPECT_EQ(host_pair_get(&self->host, "web1", NDVAL_A_PAIR_INCARNATION),
		  said_u64(said, NDVAL_WIRE_A_INCARNATION));
	EXPECT_EQ(host_pair_get(&self->host, "web1", NDVAL_A_PAIR_MEMBER_ID),
		  said_u64(said, NDVAL_WIRE_A_PAIR_ID));
	EXPECT_EQ(64, said_u32(said, NDVAL_WIRE_A_MAX_STREAMS));
	EXPECT_EQ(RING, said_u32(said, NDVAL_WIRE_A_RING_SIZE));
	EXPECT_EQ(0, said_u64(said, NDVAL_WIRE_A_SEEN_ID));
	EXPECT_EQ(NULL, said->tb[NDVAL_WIRE_A_DIVERGED]);
	EXPECT_EQ(NULL, said->tb[NDVAL_WIRE_A_GONE]);
	EXPECT_EQ(NULL, said->tb[NDVAL_WIRE_A_IN_SYNC]);
	/* It made this epoch, and there was none before. */
	ASSERT_EQ(sizeof(*history),
		  mnl_attr_get_payload_len(said->tb[NDVAL_WIRE_A_HISTORY]));
	history = mnl_attr_get_payload(said->tb[NDVAL_WIRE_A_HISTORY]);
	EXPECT_EQ(1, history->number);
	EXPECT_EQ(said_u64(said, NDVAL_WIRE_A_EPOCH_ID), history->id);
	nl_parse_nest(said->tb[NDVAL_WIRE_A_SETTINGS], settings, NDVAL_WIRE_A_SETTINGS_MAX);
	EXPECT_EQ(NDVAL_BIND_ANY, nl_u32(settings[NDVAL_WIRE_A_SETTINGS_BIND]));
	EXPECT_EQ(NDVAL_COMMIT_SYNC, nl_u32(settings[NDVAL_WIRE_A_SETTINGS_COMMIT]));
	EXPECT_EQ(NDVAL_ON_PEER_LOSS_CONTINUE,
		  nl_u32(settings[NDVAL_WIRE_A_SETTINGS_ON_PEER_LOSS]));
	EXPECT_EQ(NDVAL_ON_DIVERGENCE_FAIL,
		  nl_u32(settings[NDVAL_WIRE_A_SETTINGS_ON_DIVERGENCE]));
	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_BIND, NDVAL_BIND_REQUIRED));
	ASSERT_TRUE(peer_expect(&self->fake.peer, NDVAL_WIRE_CMD_PAIR, said));
	nl_parse_nest(said->tb[NDVAL_WIRE_A_SETTINGS], settings, NDVAL_WIRE_A_SETTINGS_MAX);
	EXPECT_EQ(NDVAL_BIND_REQUIRED, nl_u32(settings[NDVAL_WIRE_A_SETTINGS_BIND]));
	EXPECT_NE(0, nl_u64(settings[NDVAL_WIRE_A_SETTINGS_SERIAL]));
}

TEST_F(primary, who_has_not_seen_the_epoch_is_told_with_what_was_seen_of_him)
{
	struct fake *fake = &self->fake;

	ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2"));
	ASSERT_TRUE(fake_follow(fake));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	fake->side.seen_id = 12345;
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_PAIR, &fake->said));
	EXPECT_EQ(fake->side.epoch_id, said_u64(&fake->said, NDVAL_WIRE_A_SEEN_ID));
}

TEST_F(primary, a_stream_that_the_peer_does_not_know_gets_64_kib_at_first)
{
	struct store *store = new_store(64 * KIB);

	ASSERT_TRUE(join(&self->host, &self->fake, "m2"));
	ASSERT_TRUE(peer_is_served(&self->fake.peer));
	ask(_metadata, self->fd, 128 * KIB);
	take_until(_metadata, &self->fake, store, 64 * KIB);
	take_rest(_metadata, &self->fake, store);
	EXPECT_EQ(64 * KIB, store->have);
	deliver(_metadata, self->fd, &self->fake, store);
}

TEST_F(primary, the_first_credit_is_not_more_than_the_peers_window)
{
	struct store *store = new_store(8 * KIB);

	self->fake.side.ring_size = 8 * KIB;
	ASSERT_TRUE(join(&self->host, &self->fake, "m2"));
	ASSERT_TRUE(peer_is_served(&self->fake.peer));
	ask(_metadata, self->fd, 1);
	take_until(_metadata, &self->fake, store, 8 * KIB);
	take_rest(_metadata, &self->fake, store);
	EXPECT_EQ(8 * KIB, store->have);
}

TEST_F(primary, credit_is_kept_to_the_byte)
{
	static const unsigned int wants[] = { 65537, 65537, 70000, 100001, 131071, 131072 };
	struct store *store = new_store(64 * KIB);
	size_t i;

	ASSERT_TRUE(join(&self->host, &self->fake, "m2"));
	ASSERT_TRUE(peer_is_served(&self->fake.peer));
	ask(_metadata, self->fd, 160 * KIB);
	take_until(_metadata, &self->fake, store, 64 * KIB);
	for (i = 0; i < ARRAY_LEN(wants); i++) {
		grant(_metadata, &self->fake, store, wants[i]);
		take_until(_metadata, &self->fake, store, wants[i]);
		ASSERT_TRUE(peer_is_served(&self->fake.peer));
	}
	take_rest(_metadata, &self->fake, store);
	EXPECT_EQ(131072, store->have);
	deliver(_metadata, self->fd, &self->fake, store);
}

TEST_F(primary, values_come_ahead_of_use_as_prefetch_says)
{
	struct store *store = new_store(64 * KIB);

	ASSERT_TRUE(join(&self->host, &self->fake, "m2"));
	ASSERT_TRUE(peer_is_served(&self->fake.peer));
	ask(_metadata, self->fd, 1);
	take_until(_metadata, &self->fake, store, 20 * KIB);
	take_rest(_metadata, &self->fake, store);
	EXPECT_EQ(20 * KIB, store->have);
	/* There is no third member that would have to store it. */
	EXPECT_EQ(store->have, store->limit);
	EXPECT_EQ(store->have, store->committed);
	EXPECT_EQ(0, store->tail);
}

TEST_F(primary, a_stream_that_is_asked_for_is_made)
{
	const struct fetch fetch = {
		.stream = "task/7", .want = RING, .demand = 100, .need = 4096,
	};
	struct fake *fake = &self->fake;
	__u64 id;

	ASSERT_TRUE(join(&self->host, fake, "m2"));
	ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch));
	ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_VALUES, &fake->said));
	EXPECT_STREQ("task/7", said_text(&fake->said, NDVAL_WIRE_A_STREAM));
	EXPECT_EQ(0, said_value_offset(&fake->said));
	id = said_u64(&fake->said, NDVAL_WIRE_A_STREAM_ID);
	EXPECT_NE(0, id);
	EXPECT_EQ(id, host_stream_get(&self->host, "web1", "task/7", NDVAL_A_STREAM_ID));
	/* Asking once more makes nothing more. */
	ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	EXPECT_EQ(1, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_STREAMS));
}

TEST_F(primary, demand_of_a_secondary_is_what_values_are_drawn_for)
{
	struct fetch fetch = { .stream = "default", .want = RING, .demand = 100000 };
	struct store *store = new_store(RING);
	struct fake *fake = &self->fake;

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_INSTANCES, 0));
	ASSERT_TRUE(join(&self->host, fake, "m2"));
	ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch));
	take_until(_metadata, fake, store, 100000);
	take_rest(_metadata, fake, store);
	EXPECT_GE(100000 + 4096 + 16 * KIB, store->have);
}

/* A reader of the peer's waits for so much more: how much is there then? */
static __u64 drawn_for(struct __test_metadata *_metadata, struct fake *fake,
		       struct store *store, __u64 len)
{
	const struct fetch fetch = {
		.stream = "default", .id = store->id, .have = store->have, .want = RING,
		.demand = store->have + len, .need = (store->have / 4096 + 1) * 4096,
	};

	EXPECT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch));
	take_until(_metadata, fake, store, store->have + 1);
	take_rest(_metadata, fake, store);
	return store->have;
}

TEST_F(primary, for_a_reader_that_waits_for_little_no_chunk_is_drawn)
{
	struct store *store = new_store(RING);
	struct fake *fake = &self->fake;

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_INSTANCES, 0));
	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_PREFETCH, 0));
	ASSERT_TRUE(join(&self->host, fake, "m2"));
	EXPECT_EQ(256, drawn_for(_metadata, fake, store, 1));
	EXPECT_EQ(512, drawn_for(_metadata, fake, store, 256));
	EXPECT_EQ(4096, drawn_for(_metadata, fake, store, 257));
	EXPECT_EQ(4096 + 256, drawn_for(_metadata, fake, store, 256));
}

TEST_F(primary, limit_and_committed_are_what_all_other_members_store)
{
	struct store *store = new_store(64 * KIB);
	struct fetch ack = { .stream = "default", .want = RING };
	struct fake *fake = &self->fake, *other = &self->other;

	ASSERT_EQ(0, host_add_peer(&self->host, "web1", "m3"));
	other->side.pair_id++;
	ASSERT_TRUE(join(&self->host, fake, "m2"));
	ASSERT_TRUE(join(&self->host, other, "m3"));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	ASSERT_TRUE(peer_is_served(&other->peer));
	ask(_metadata, self->fd, 1);
	take_until(_metadata, fake, store, 20 * KIB);
	EXPECT_EQ(0, store->committed);
	EXPECT_EQ(0, store->limit);
	ack.have = 4096;
	ASSERT_TRUE(say_fetch(&other->peer, &other->side, &ack));
	/* L that rose is told though there is no byte to send. */
	do {
		ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_VALUES, &fake->said));
		take(_metadata, fake, store);
	} while (store->committed < 4096);
	EXPECT_EQ(4096, store->committed);
	EXPECT_EQ(4096, store->limit);
	EXPECT_EQ(20 * KIB, store->have);
}

/* Receives PAIRs until one whose flags are as wanted. */
static bool told(struct fake *fake, bool in_sync, bool behind)
{
	do {
		if (!peer_expect(&fake->peer, NDVAL_WIRE_CMD_PAIR, &fake->said))
			return false;
	} while (!fake->said.tb[NDVAL_WIRE_A_IN_SYNC] != !in_sync ||
		 !fake->said.tb[NDVAL_WIRE_A_BEHIND] != !behind);
	return true;
}

/* What a member stores and wants, but may not have yet, nobody is behind for. */
TEST_F(primary, nobody_is_behind_for_what_another_may_not_have_yet)
{
	struct fetch ack = { .stream = "default", .want = RING, .demand = RING };
	struct store *store = new_store(64 * KIB);
	struct fake *fake = &self->fake, *other = &self->other;

	ASSERT_EQ(0, host_add_peer(&self->host, "web1", "m3"));
	other->side.pair_id++;
	ASSERT_TRUE(join(&self->host, fake, "m2"));
	ASSERT_TRUE(join(&self->host, other, "m3"));
	ASSERT_TRUE(told(other, true, false));
	ask(_metadata, self->fd, 1);
	take_until(_metadata, fake, store, 20 * KIB);
	ack.have = store->have;
	ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &ack));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	EXPECT_EQ(NDVAL_PEER_STATE_IN_SYNC, host_peer_state(&self->host, "web1", "m3", NULL));
	EXPECT_EQ(NDVAL_HEALTH_PROTECTED,
		  host_pair_get(&self->host, "web1", NDVAL_A_PAIR_HEALTH));
	ask(_metadata, self->fd, 1);
	/* Nor for what it may: all others store that. */
	ASSERT_TRUE(say_fetch(&other->peer, &other->side, &ack));
	ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &ack));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	EXPECT_EQ(NDVAL_HEALTH_PROTECTED,
		  host_pair_get(&self->host, "web1", NDVAL_A_PAIR_HEALTH));
}

TEST_F(primary, who_comes_after_the_window_has_moved_on_is_sent_from_the_tail)
{
	struct fake *fake = &self->fake;
	static unsigned char mine[128 * KIB];
	size_t len;

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_RING_SIZE, 8 * KIB));
	ASSERT_TRUE(get_all(self->fd, mine, sizeof(mine), 4096));
	ASSERT_TRUE(join(&self->host, fake, "m2"));
	ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_VALUES, &fake->said));
	EXPECT_LE(sizeof(mine) - 8 * KIB, said_u64(&fake->said, NDVAL_WIRE_A_TAIL));
	EXPECT_EQ(said_u64(&fake->said, NDVAL_WIRE_A_TAIL), said_value_offset(&fake->said));
	/* Beyond the first credit, so it is only told where the tail is. */
	EXPECT_NE(NULL, said_value(&fake->said, &len));
	EXPECT_EQ(0, len);
}

/* And one of an odd length, behind which the bytes of another one must not be seen. */
TEST_F(primary, what_is_recorded_comes_in_messages_as_long_as_may_be)
{
	static const size_t lengths[] = { NDVAL_WIRE_VALUES_MAX, NDVAL_WIRE_VALUES_MAX, 1001 };
	static unsigned char got[4 * NDVAL_WIRE_VALUES_MAX];
	struct store *store = new_store(RING);
	struct fake *fake = &self->fake;
	size_t i, len;

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_COMMIT, NDVAL_COMMIT_ASYNC));
	ASSERT_TRUE(get_all(self->fd, got, sizeof(got), sizeof(got)));
	ASSERT_TRUE(join(&self->host, fake, "m2"));
	take_until(_metadata, fake, store, 64 * KIB);
	grant(_metadata, fake, store, store->have + 2 * NDVAL_WIRE_VALUES_MAX + 1001);
	for (i = 0; i < ARRAY_LEN(lengths); i++) {
		do {
			ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_VALUES, &fake->said));
			ASSERT_NE(NULL, said_value(&fake->said, &len));
		} while (!len);
		EXPECT_EQ(lengths[i], len);
		take(_metadata, fake, store);
	}
	EXPECT_EQ(0, memcmp(got, store->data, store->have));
}

TEST_F(primary, need_tells_what_a_reader_waits_for)
{
	struct store *store = new_store(8 * KIB);
	struct fake *fake = &self->fake;

	fake->side.ring_size = 8 * KIB;
	ASSERT_TRUE(join(&self->host, fake, "m2"));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	ask(_metadata, self->fd, 1000);
	take_until(_metadata, fake, store, 8 * KIB);
	deliver(_metadata, self->fd, fake, store);
	do {
		ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_VALUES, &fake->said));
		take(_metadata, fake, store);
	} while (store->need <= 8 * KIB);
	EXPECT_EQ(8 * KIB, store->have);
	EXPECT_EQ(12 * KIB, store->need);
}

/* Who does not wait for acknowledgements has a window more than the peer. */
TEST_F(primary, need_of_an_async_reader_is_what_the_window_lacks)
{
	struct store *store = new_store(64 * KIB);
	static unsigned char mine[64 * KIB];
	struct fake *fake = &self->fake;
	size_t read = 0;
	ssize_t len;

	ASSERT_EQ(0, run("ndvalctl pair set web1 commit=async overflow=stall ring_size=8K"));
	fake->side.ring_size = 8 * KIB;
	store->want = 8 * KIB;
	ASSERT_TRUE(join(&self->host, fake, "m2"));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	ASSERT_TRUE(node_ready(self->fd));
	/* The window is held at what the peer stores: the reader comes to a stop. */
	while ((len = get(self->fd, mine + read, 1000)) > 0)
		read += len;
	EXPECT_EQ(-EAGAIN, len);
	EXPECT_EQ(8 * KIB, read);
	take_until(_metadata, fake, store, 8 * KIB);
	grant(_metadata, fake, store, 8 * KIB);
	while ((len = get(self->fd, mine + read, 1000)) > 0 ||
	       (len == -EAGAIN && read < 16 * KIB))
		read += len > 0 ? len : 0;
	EXPECT_EQ(16 * KIB, read);
	do {
		ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_VALUES, &fake->said));
		take(_metadata, fake, store);
	} while (store->need <= 8 * KIB);
	EXPECT_EQ(8 * KIB, store->have);
	EXPECT_EQ(12 * KIB, store->need);
}

/* With overflow=drop he does not wait for the peer either, and fsync tells what was not stored. */
TEST_F(primary, async_a_peer_that_does_not_keep_up_is_passed_and_told_so)
{
	struct store *store = new_store(8 * KIB);
	static unsigned char mine[64 * KIB];
	struct fake *fake = &self->fake;

	ASSERT_EQ(0, run("ndvalctl pair set web1 commit=async ring_size=8K"));
	fake->side.ring_size = 8 * KIB;
	ASSERT_TRUE(join(&self->host, fake, "m2"));
	EXPECT_TRUE(told(fake, true, false));
	ASSERT_TRUE(node_ready(self->fd));
	EXPECT_TRUE(get_all(self->fd, mine, sizeof(mine), 1000));
	EXPECT_EQ(-1, fsync(self->fd));
	EXPECT_EQ(ENOTCONN, errno);
	do {
		ASSERT_TRUE(peer_receive(&fake->peer, &fake->said, PATIENCE_MS) > 0);
		if (fake->said.cmd != NDVAL_WIRE_CMD_VALUES)
			continue;
		/* The reader may have passed it before anything was sent at all. */
		if (said_u64(&fake->said, NDVAL_WIRE_A_TAIL) > store->have)
			store->have = said_u64(&fake->said, NDVAL_WIRE_A_TAIL);
		take(_metadata, fake, store);
	} while (fake->said.cmd != NDVAL_WIRE_CMD_PAIR || fake->said.tb[NDVAL_WIRE_A_IN_SYNC] ||
		 !fake->said.tb[NDVAL_WIRE_A_BEHIND]);
	EXPECT_EQ(1, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_DROPS));
	EXPECT_EQ(NDVAL_PEER_STATE_BEHIND, host_peer_state(&self->host, "web1", "m2", NULL));

	/* It may come to be in sync again, from where the window begins now. */
	take_rest(_metadata, fake, store);
	EXPECT_EQ(sizeof(mine) - 8 * KIB, store->tail);
	store->have = store->tail;
	grant(_metadata, fake, store, 128 * KIB);
	take_until(_metadata, fake, store, sizeof(mine));
	EXPECT_EQ(0, memcmp(mine + store->tail, store->data + store->tail,
			    sizeof(mine) - store->tail));
	grant(_metadata, fake, store, 128 * KIB);
	EXPECT_TRUE(told(fake, true, false));
	EXPECT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_IN_SYNC));
	EXPECT_EQ(0, fsync(self->fd));
}

/* Also one that has not come in sync yet, which fsync waits for too. */
TEST_F(primary, async_what_fsync_waits_for_is_not_passed_unnoticed)
{
	struct store *store = new_store(8 * KIB);
	static unsigned char mine[64 * KIB];
	struct fake *fake = &self->fake;

	ASSERT_EQ(0, run("ndvalctl pair set web1 commit=async ring_size=8K"));
	ASSERT_TRUE(get_all(self->fd, mine, sizeof(mine), 1000));
	EXPECT_EQ(0, fsync(self->fd));
	fake->side.ring_size = 8 * KIB;
	ASSERT_TRUE(join(&self->host, fake, "m2"));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	EXPECT_TRUE(get_all(self->fd, mine, sizeof(mine), 1000));
	take_rest(_metadata, fake, store);
	store->have = store->tail;
	grant(_metadata, fake, store, 256 * KIB);
	take_until(_metadata, fake, store, 128 * KIB);
	grant(_metadata, fake, store, 256 * KIB);
	ASSERT_TRUE(peer_is_served(&fake->peer));
	EXPECT_EQ(-1, fsync(self->fd));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(0, fsync(self->fd));
}

/* The fake stores all that there is, of a window that is full, and has a new link. */
static bool replace_with_full_window(struct __test_metadata *_metadata, struct host *host,
				     int fd, struct fake *fake, struct fake *fresh,
				     struct store *store)
{
	static unsigned char mine[64 * KIB];

	fake->side.ring_size = 8 * KIB;
	if (run("ndvalctl pair set web1 commit=async overflow=stall ring_size=8K") ||
	    !join(host, fake, "m2") || !node_ready(fd))
		return false;
	while (store->have < 16 * KIB) {
		get(fd, mine, 2 * KIB);
		take_rest(_metadata, fake, store);
		grant(_metadata, fake, store, 256 * KIB);
	}
	if (!host_peer_is(host, "web1", "m2", NDVAL_PEER_STATE_IN_SYNC) ||
	    run("ndvalctl pair set web1 overflow=drop"))
		return false;
	fresh->side = fake->side;
	return fake_connect(host, fresh, "m1", "m2") && peer_is_served(&fresh->peer) &&
	       get_all(fd, mine, 8 * KIB, 1000);
}

/* What it stores is known again when it has said so. */
TEST_F(primary, who_is_on_a_new_link_is_not_passed)
{
	struct store *store = new_store(256 * KIB);

	ASSERT_TRUE(replace_with_full_window(_metadata, &self->host, self->fd, &self->fake,
					     &self->other, store));
	ASSERT_TRUE(say_pair(&self->other.peer, &self->other.side));
	grant(_metadata, &self->other, store, 256 * KIB);
	ASSERT_TRUE(say_end(&self->other.peer, &self->other.side));
	take_rest(_metadata, &self->other, store);
	EXPECT_LE(24 * KIB, store->have);
	grant(_metadata, &self->other, store, 256 * KIB);
	EXPECT_EQ(0, fsync(self->fd));
	EXPECT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_IN_SYNC));
	EXPECT_EQ(0, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_DROPS));
}

/* A machine that was set back: it was in sync with what it has no more. */
TEST_F(primary, who_stores_less_on_a_new_link_is_in_sync_no_more)
{
	struct store *store = new_store(256 * KIB);

	ASSERT_TRUE(replace_with_full_window(_metadata, &self->host, self->fd, &self->fake,
					     &self->other, store));
	ASSERT_TRUE(say_pair(&self->other.peer, &self->other.side));
	store->have--;
	grant(_metadata, &self->other, store, 256 * KIB);
	ASSERT_TRUE(say_end(&self->other.peer, &self->other.side));
	ASSERT_TRUE(peer_is_served(&self->other.peer));
	EXPECT_EQ(1, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_DROPS));
	EXPECT_EQ(-1, fsync(self->fd));
	EXPECT_EQ(ENOTCONN, errno);
}

TEST_F(primary, pings_are_sent_and_answered)
{
	struct said *said = &self->fake.said;
	struct peer *peer = &self->fake.peer;
	double begin = seconds();
	int got;

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_PEER_TIMEOUT_MS, 300));
	ASSERT_TRUE(fake_connect(&self->host, &self->fake, "m1", "m2"));
	/* As long as PING is answered the link stays, whatever else is silent. */
	do {
		got = peer_receive(peer, said, 100);
	} while (got && seconds() < begin + 1.2);
	EXPECT_NE(0, got);
	EXPECT_TRUE(host_link_lives(&self->host, peer->link));
	EXPECT_TRUE(peer_is_served(peer));
}

/* Nothing but what was promised before it came, and every byte of that. */
TEST_F(primary, a_peer_is_in_sync_once_it_stores_what_was_promised_before_it_was_counted)
{
	static unsigned char mine[10000];
	struct store *store = new_store(64 * KIB);
	struct fake *fake = &self->fake;

	/* Or more is promised as soon as it is made. */
	ASSERT_EQ(0, sys_set("web1", "prefetch", "0"));
	ASSERT_TRUE(get_all(self->fd, mine, sizeof(mine), 100));
	ASSERT_TRUE(join(&self->host, fake, "m2"));
	EXPECT_EQ(NULL, fake->said.tb[NDVAL_WIRE_A_IN_SYNC]);
	EXPECT_NE(NULL, fake->said.tb[NDVAL_WIRE_A_BEHIND]);
	EXPECT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_BEHIND));
	take_until(_metadata, fake, store, sizeof(mine));
	/* A byte less than was promised: what a read looked at counts, whole chunks. */
	store->have = 3 * CHUNK - 1;
	grant(_metadata, fake, store, 64 * KIB);
	while (peer_receive(&fake->peer, &fake->said, QUIET_MS) > 0)
		EXPECT_FALSE(fake->said.cmd == NDVAL_WIRE_CMD_PAIR &&
			     fake->said.tb[NDVAL_WIRE_A_IN_SYNC]);
	EXPECT_NE(NDVAL_PEER_STATE_IN_SYNC, host_peer_state(&self->host, "web1", "m2", NULL));
	store->have = 3 * CHUNK;
	grant(_metadata, fake, store, 64 * KIB);
	EXPECT_TRUE(told(fake, true, false));
	EXPECT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_IN_SYNC));
	EXPECT_EQ(NDVAL_HEALTH_PROTECTED,
		  host_pair_get(&self->host, "web1", NDVAL_A_PAIR_HEALTH));
}

/* From then on nothing is delivered that it does not store: it stays so. */
TEST_F(primary, a_peer_stays_in_sync_however_little_it_acknowledges)
{
	struct store *store = new_store(64 * KIB);
	struct fake *fake = &self->fake;

	ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2"));
	ASSERT_TRUE(fake_follow(fake));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	EXPECT_EQ(NDVAL_PEER_STATE_BEHIND, host_peer_state(&self->host, "web1", "m2", NULL));
	ASSERT_TRUE(say_end(&fake->peer, &fake->side));
	EXPECT_TRUE(told(fake, true, false));
	EXPECT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_IN_SYNC));
	ask(_metadata, self->fd, 8 * KIB);
	take_until(_metadata, fake, store, 8 * KIB);
	while (peer_receive(&fake->peer, &fake->said, QUIET_MS) > 0)
		EXPECT_NE(NDVAL_WIRE_CMD_PAIR, fake->said.cmd);
	EXPECT_EQ(NDVAL_PEER_STATE_IN_SYNC, host_peer_state(&self->host, "web1", "m2", NULL));
	deliver(_metadata, self->fd, fake, store);
	EXPECT_EQ(NDVAL_HEALTH_PROTECTED,
		  host_pair_get(&self->host, "web1", NDVAL_A_PAIR_HEALTH));
}

/*
 * A newer link replaces one that is up: the peer stays in sync, and is told so on
 * the new link too, as the object that it said it is.
 */
TEST_F(primary, a_peer_in_sync_is_told_so_on_a_newer_link)
{
	struct fake *fake = &self->fake, *newer = &self->other;

	ASSERT_TRUE(join(&self->host, fake, "m2"));
	ASSERT_TRUE(told(fake, true, false));
	newer->side = fake->side;
	ASSERT_TRUE(join(&self->host, newer, "m2"));
	EXPECT_EQ(NULL, newer->said.tb[NDVAL_WIRE_A_IN_SYNC]);
	ASSERT_TRUE(told(newer, true, false));
	EXPECT_EQ(newer->side.pair_id, said_u64(&newer->said, NDVAL_WIRE_A_FOR_ID));
	EXPECT_EQ(0, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_DROPS));
}

TEST_F(primary, async_a_peer_is_told_when_it_falls_behind_and_when_not)
{
	struct store *store = new_store(64 * KIB);
	static unsigned char mine[8 * KIB];
	struct fake *fake = &self->fake;

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_COMMIT, NDVAL_COMMIT_ASYNC));
	ASSERT_TRUE(join(&self->host, fake, "m2"));
	EXPECT_TRUE(told(fake, true, false));
	EXPECT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_IN_SYNC));
	ASSERT_TRUE(get_all(self->fd, mine, sizeof(mine), 100));
	take_until(_metadata, fake, store, 8 * KIB);
	/* It was in sync, and may be promoted; but there is more. */
	EXPECT_TRUE(told(fake, true, true));
	EXPECT_EQ(NDVAL_PEER_STATE_BEHIND, host_peer_state(&self->host, "web1", "m2", NULL));
	grant(_metadata, fake, store, RING);
	EXPECT_TRUE(told(fake, true, false));
	EXPECT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_IN_SYNC));
	EXPECT_EQ(NDVAL_HEALTH_PROTECTED,
		  host_pair_get(&self->host, "web1", NDVAL_A_PAIR_HEALTH));
}

TEST_F(primary, the_first_values_on_a_link_tell_where_the_epochs_began)
{
	struct fake *fake = &self->fake;
	unsigned char byte;
	__u64 starts[EPOCHS];
	int i;

	ASSERT_TRUE(get_all(self->fd, &byte, 1, 1));
	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(join(&self->host, fake, "m2"));
		ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_VALUES, &fake->said));
		ASSERT_NE(NULL, fake->said.tb[NDVAL_WIRE_A_STARTS]);
		ASSERT_EQ(sizeof(starts),
			  mnl_attr_get_payload_len(fake->said.tb[NDVAL_WIRE_A_STARTS]));
		memcpy(starts, mnl_attr_get_payload(fake->said.tb[NDVAL_WIRE_A_STARTS]),
		       sizeof(starts));
		EXPECT_EQ(0, starts[0]);
		ASSERT_TRUE(fake_hang_up(&self->host, fake));
	}
}

TEST_F(primary, a_deleted_stream_is_told_of)
{
	struct store *store = new_store(64 * KIB);
	struct fake *fake = &self->fake;
	unsigned char byte;

	ASSERT_TRUE(join(&self->host, fake, "m2"));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	ask(_metadata, self->fd, 1);
	take_until(_metadata, fake, store, 4096);
	ASSERT_EQ(0, run("ndvalctl stream del web1 default"));
	ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_STREAM_DEL, &fake->said));
	EXPECT_STREQ("default", said_text(&fake->said, NDVAL_WIRE_A_STREAM));
	EXPECT_EQ(store->id, said_u64(&fake->said, NDVAL_WIRE_A_STREAM_ID));
	EXPECT_EQ(0, said_u32(&fake->said, NDVAL_WIRE_A_ERROR));
	/* Who was away meanwhile, and speaks of it, is told as well. */
	grant(_metadata, fake, store, RING);
	ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_STREAM_DEL, &fake->said));
	EXPECT_EQ(store->id, said_u64(&fake->said, NDVAL_WIRE_A_STREAM_ID));
	EXPECT_EQ(-ESTALE, get(self->fd, &byte, 1));
}

/* With commit=sync nobody may get what a counted peer does not store: no room. */
TEST_F(primary, a_stream_that_a_counted_peer_refuses_gives_enospc)
{
	struct store *store = new_store(64 * KIB);
	struct fake *fake = &self->fake;
	char reason[REASON_SIZE];
	char byte;

	ASSERT_TRUE(join(&self->host, fake, "m2"));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	ask(_metadata, self->fd, 1);
	take_until(_metadata, fake, store, 4096);
	wire_stream_del(&fake->wire, &fake->side, "default", store->id, ENOSPC);
	ASSERT_TRUE(peer_send(&fake->peer, &fake->wire));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	EXPECT_EQ(-ENOSPC, get(self->fd, &byte, 1));
	EXPECT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_BEHIND));
	/* Until the peer is gone, for on_peer_loss=continue. */
	peer_close(&fake->peer);
	ASSERT_TRUE(host_link_down(&self->host, fake->peer.link, reason));
	EXPECT_TRUE(wait_until(get(self->fd, &byte, 1) == 1, 5));
}

TEST_F(primary, async_a_peer_that_refuses_a_stream_does_not_hold_it)
{
	struct store *store = new_store(64 * KIB);
	static unsigned char mine[64 * KIB];
	struct fake *fake = &self->fake;

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_COMMIT, NDVAL_COMMIT_ASYNC));
	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_RING_SIZE, 8 * KIB));
	ASSERT_TRUE(join(&self->host, fake, "m2"));
	ASSERT_TRUE(get_all(self->fd, mine, 100, 100));
	take_until(_metadata, fake, store, 4096);
	wire_stream_del(&fake->wire, &fake->side, "default", store->id, ENOSPC);
	ASSERT_TRUE(peer_send(&fake->peer, &fake->wire));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	EXPECT_TRUE(get_all(self->fd, mine, sizeof(mine), 1000));
	EXPECT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_BEHIND));
}

TEST_F(primary, a_stream_refused_once_is_sent_when_it_is_asked_for)
{
	struct store *store = new_store(64 * KIB);
	struct fake *fake = &self->fake;
	unsigned char byte;

	ASSERT_TRUE(join(&self->host, fake, "m2"));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	ask(_metadata, self->fd, 1);
	take_until(_metadata, fake, store, 4096);
	wire_stream_del(&fake->wire, &fake->side, "default", store->id, ENOSPC);
	ASSERT_TRUE(peer_send(&fake->peer, &fake->wire));
	take_rest(_metadata, fake, store);
	store->have = 0;
	grant(_metadata, fake, store, 64 * KIB);
	take_until(_metadata, fake, store, 4096);
	grant(_metadata, fake, store, 64 * KIB);
	EXPECT_TRUE(wait_until(get(self->fd, &byte, 1) == 1, 5));
	EXPECT_EQ(byte, store->data[0]);
}

TEST_F(primary, a_diverged_peer_does_not_hold_the_window)
{
	struct store *store = new_store(64 * KIB);
	static unsigned char mine[64 * KIB];
	struct fake *fake = &self->fake;

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_RING_SIZE, 8 * KIB));
	ASSERT_TRUE(join(&self->host, fake, "m2"));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	ask(_metadata, self->fd, 100);
	take_until(_metadata, fake, store, 4096);
	deliver(_metadata, self->fd, fake, store);
	fake->side.diverged = true;
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	EXPECT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_REFUSED));
	EXPECT_TRUE(get_all(self->fd, mine, sizeof(mine), 1000));
}

TEST_F(primary, the_last_word_of_a_link_is_bye_with_a_reason)
{
	struct fake *fake = &self->fake;

	ASSERT_TRUE(join(&self->host, fake, "m2"));
	ASSERT_EQ(0, run("ndvalctl link detach --member m1 --peer m2"));
	ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_BYE, &fake->said));
	EXPECT_STREQ("detached", said_text(&fake->said, NDVAL_WIRE_A_REASON));
	EXPECT_EQ(0, peer_receive(&fake->peer, &fake->said, PATIENCE_MS));
}

TEST_F(primary, bye_of_the_peer_ends_the_link_with_its_reason_escaped)
{
	struct fake *fake = &self->fake;
	char reason[REASON_SIZE];

	ASSERT_TRUE(join(&self->host, fake, "m2"));
	wire_bye(&fake->wire, "good\nnight \x1b[31m\xff");
	ASSERT_TRUE(peer_send(&fake->peer, &fake->wire));
	ASSERT_TRUE(host_link_down(&self->host, fake->peer.link, reason));
	EXPECT_STREQ("the peer says: good\\012night \\033[31m\\377", reason);
}

TEST_F(primary, who_speaks_of_an_unknown_pair_is_told_that_it_is_gone)
{
	struct side unknown;
	struct fake *fake = &self->fake;

	ASSERT_TRUE(join(&self->host, fake, "m2"));
	side_secondary(&unknown, "nothing.here");
	ASSERT_TRUE(say_pair(&fake->peer, &unknown));
	do {
		ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_PAIR, &fake->said));
	} while (strcmp(said_text(&fake->said, NDVAL_WIRE_A_PAIR), "nothing.here"));
	EXPECT_NE(NULL, fake->said.tb[NDVAL_WIRE_A_GONE]);
	EXPECT_EQ(NULL, fake->said.tb[NDVAL_WIRE_A_EPOCH_ID]);
}

TEST_F(primary, a_removed_pair_is_told_to_be_gone)
{
	struct fake *fake = &self->fake;

	ASSERT_TRUE(join(&self->host, fake, "m2"));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	ASSERT_EQ(0, run("ndvalctl pair del web1"));
	do {
		ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_PAIR, &fake->said));
	} while (!fake->said.tb[NDVAL_WIRE_A_GONE]);
	EXPECT_STREQ("web", said_text(&fake->said, NDVAL_WIRE_A_PAIR));
	/* The link stays for the pairs that are left. */
	EXPECT_TRUE(peer_is_served(&fake->peer));
}

TEST_F(primary, a_peer_whose_pair_is_gone_is_connecting_again)
{
	struct fake *fake = &self->fake;

	ASSERT_TRUE(join(&self->host, fake, "m2"));
	ASSERT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_IN_SYNC));
	fake->side.gone = true;
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	EXPECT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_CONNECTING));
}

TEST_F(primary, after_a_reconnect_nothing_is_sent_again)
{
	struct store *store = new_store(64 * KIB);
	static unsigned char mine[100 * KIB];
	struct fake *fake = &self->fake;
	char reason[REASON_SIZE];

	ASSERT_TRUE(join(&self->host, fake, "m2"));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	ask(_metadata, self->fd, 50000);
	take_until(_metadata, fake, store, 40000);
	peer_close(&fake->peer);
	ASSERT_TRUE(host_link_down(&self->host, fake->peer.link, reason));
	ASSERT_TRUE(get_all(self->fd, mine, sizeof(mine), 5000));

	/* take() insists that the first byte that comes is the next one. */
	ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2"));
	ASSERT_TRUE(fake_follow(fake));
	grant(_metadata, fake, store, RING);
	ASSERT_TRUE(say_end(&fake->peer, &fake->side));
	take_until(_metadata, fake, store, sizeof(mine));
	EXPECT_EQ(0, memcmp(mine, store->data, sizeof(mine)));
}

TEST_F(primary, again_asks_for_what_was_sent_but_not_stored)
{
	struct fetch again = { .stream = "default", .want = RING, .again = true };
	struct store *store = new_store(64 * KIB);
	struct fake *fake = &self->fake;

	ASSERT_TRUE(join(&self->host, fake, "m2"));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	ask(_metadata, self->fd, 1);
	take_until(_metadata, fake, store, 20 * KIB);
	store->have = 10000;
	store->want = RING;
	again.id = store->id;
	again.have = 10000;
	ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &again));
	take_until(_metadata, fake, store, 20 * KIB);
}

TEST_HARNESS_MAIN
