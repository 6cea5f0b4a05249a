// SPDX-License-Identifier: GPL-2.0-only
/*
 * A peer that lies. Each lie ends its link with a reason, or is ignored where
 * it may be mere lateness; and it disturbs nobody: an instance of the same
 * pair reads on, another pair too, memory is what it was, and the next link
 * of the same peer is served.
 *
 * vm: sources=peer.c,../../tools/lib/nl.c libs=-lmnl timeout=180
 */
#include <linux/genetlink.h>

#include "kselftest_harness.h"
#include "common.h"
#include "peer.h"

FIXTURE(hostile)
{
	struct host host;
	struct fake fake;
	int quiet;		/* an instance of another pair */
	__u64 memory;		/* of that pair */
	__u64 id;		/* of the stream "default" of the kernel's primary */
};

FIXTURE_SETUP(hostile)
{
	char byte;

	memset(self, 0, sizeof(*self));
	self->fake.peer.fd = -1;
	ASSERT_TRUE(host_open(&self->host));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	ASSERT_EQ(0, host_pair(&self->host, "web1", "web", "m1", "m2"));
	ASSERT_EQ(0, host_pair(&self->host, "quiet", NULL, "m1", NULL));
	self->quiet = node_open("quiet", O_NONBLOCK);
	ASSERT_TRUE(node_ready(self->quiet));
	ASSERT_EQ(1, get(self->quiet, &byte, 1));
	self->memory = host_pair_get(&self->host, "quiet", NDVAL_A_PAIR_MEMORY);
}

FIXTURE_TEARDOWN(hostile)
{
	char byte;

	peer_close(&self->fake.peer);
	EXPECT_EQ(1, get(self->quiet, &byte, 1));
	EXPECT_EQ(self->memory, host_pair_get(&self->host, "quiet", NDVAL_A_PAIR_MEMORY));
	close(self->quiet);
	host_pair_del(&self->host, "quiet");
	host_pair_del(&self->host, "web1");
	EXPECT_TRUE(host_member_del(&self->host, "m1"));
	EXPECT_FALSE(self->host.gap);
	host_close(&self->host);
}

/* What must come of it. */
enum end {
	ERROR,		/* the link ends: "protocol error" */
	ENDS,		/* the link ends, for another reason */
	IGNORED,	/* the link is served as before */
};

/* Says what is in fake->wire, and checks what comes of it. */
static bool comes_to(struct host *host, struct fake *fake, const char *what, enum end end)
{
	char reason[REASON_SIZE] = "";
	bool right;

	if (!peer_send(&fake->peer, &fake->wire))
		return false;
	if (end == IGNORED) {
		right = peer_is_served(&fake->peer);
		peer_close(&fake->peer);
		host_link_down(host, fake->peer.link, reason);
	} else {
		right = host_link_down(host, fake->peer.link, reason) && *reason &&
			(end != ERROR || !strncmp(reason, "protocol error: ", 16));
		peer_close(&fake->peer);
	}
	if (!right)
		printf("# %s: %s\n", what, *reason ? reason : "the link stays");
	return right;
}

/* Does a peer that speaks the truth find all as it was? */
static bool a_good_peer_is_served(struct host *host, struct fake *fake)
{
	bool served = fake_come_to(host, fake, JOINED);

	return fake_hang_up(host, fake) && served;
}

/* The side that may send a command: else the kernel would not look at it. */
static bool take_side(struct host *host, struct fake *fake, int cmd)
{
	if (cmd != NDVAL_WIRE_CMD_FETCH) {
		side_primary(&fake->side, "web");
		return true;
	}
	side_secondary(&fake->side, "web");
	return !host_promote(host, "web1");
}

/* Makes the kernel's pair one that knows nothing again. */
static bool start_again(struct host *host)
{
	return !host_call(host, NDVAL_CMD_RESYNC, NDVAL_A_PAIR_NAME, "web1");
}

/* Frames */

TEST_F(hostile, headers_that_can_not_be)
{
	static const __u32 lengths[] = {
		0, 1, 15, 16, 19, 21, 22, 23, NDVAL_WIRE_MESSAGE_MAX + 4, 1 << 17, 1 << 20,
		0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff,
	};
	struct fake *fake = &self->fake;
	size_t i;

	side_primary(&fake->side, "web");
	for (i = 0; i < ARRAY_LEN(lengths); i++) {
		struct nlmsghdr nlh = {
			.nlmsg_len = lengths[i], .nlmsg_type = NDVAL_WIRE_MESSAGE_TYPE,
		};
		char reason[REASON_SIZE];

		ASSERT_TRUE(fake_come_to(&self->host, fake, i % 2 ? JOINED : SILENT));
		ASSERT_TRUE(peer_write(&fake->peer, &nlh, sizeof(nlh)));
		ASSERT_TRUE(host_link_down(&self->host, fake->peer.link, reason))
			TH_LOG("nlmsg_len %u", lengths[i]);
		EXPECT_EQ(0, strncmp(reason, "protocol error: ", 16)) TH_LOG("%s", reason);
		peer_close(&fake->peer);
	}
	EXPECT_TRUE(a_good_peer_is_served(&self->host, fake));
}

TEST_F(hostile, type_flags_version_and_command_that_are_not_ours)
{
	enum { PING = NDVAL_WIRE_CMD_PING };
	static const struct {
		const char *what;
		__u16 type;
		__u16 flags;
		struct genlmsghdr genl;
	} lies[] = {
		{ "type 0", 0, 0, { PING, 1, 0 } },
		{ "type of netlink", NLMSG_DONE, 0, { PING, 1, 0 } },
		{ "type of another order", 0x564e, 0, { PING, 1, 0 } },
		{ "flags", NDVAL_WIRE_MESSAGE_TYPE, NLM_F_REQUEST, { PING, 1, 0 } },
		{ "version 0", NDVAL_WIRE_MESSAGE_TYPE, 0, { PING, 0, 0 } },
		{ "version 2", NDVAL_WIRE_MESSAGE_TYPE, 0, { PING, 2, 0 } },
		{ "command 0", NDVAL_WIRE_MESSAGE_TYPE, 0, { 0, 1, 0 } },
		{ "next command", NDVAL_WIRE_MESSAGE_TYPE, 0, { NDVAL_WIRE_CMD_MAX + 1, 1, 0 } },
		{ "command 255", NDVAL_WIRE_MESSAGE_TYPE, 0, { 255, 1, 0 } },
		{ "reserved bits", NDVAL_WIRE_MESSAGE_TYPE, 0, { PING, 1, 1 } },
	};
	struct fake *fake = &self->fake;
	size_t i;

	side_primary(&fake->side, "web");
	for (i = 0; i < ARRAY_LEN(lies); i++) {
		ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
		fake_make(fake, NDVAL_WIRE_CMD_PING);
		fake->wire.nlh->nlmsg_type = lies[i].type;
		fake->wire.nlh->nlmsg_flags = lies[i].flags;
		memcpy(mnl_nlmsg_get_payload(fake->wire.nlh), &lies[i].genl,
		       sizeof(lies[i].genl));
		EXPECT_TRUE(comes_to(&self->host, fake, lies[i].what, ERROR));
	}
	EXPECT_TRUE(a_good_peer_is_served(&self->host, fake));
}

TEST_F(hostile, a_message_cut_off_at_any_byte_ends_the_link)
{
	struct fake *fake = &self->fake;
	char reason[REASON_SIZE];
	unsigned int at;

	side_primary(&fake->side, "web");
	for (at = 1; at < 200; at += 1 + at / 8) {
		ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
		fake_make(fake, NDVAL_WIRE_CMD_VALUES);
		ASSERT_LT(at, fake->wire.nlh->nlmsg_len);
		ASSERT_TRUE(peer_write(&fake->peer, fake->wire.buf, at));
		peer_close(&fake->peer);
		EXPECT_TRUE(host_link_down(&self->host, fake->peer.link, reason));
		EXPECT_STREQ("the peer has closed the connection", reason);
	}
	EXPECT_EQ(0, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_STREAMS));
	EXPECT_TRUE(a_good_peer_is_served(&self->host, fake));
}

/* Attributes */

TEST_F(hostile, every_attribute_that_must_be_there_is_missed)
{
	static const struct {
		int cmd;
		int types[14];
	} required[] = {
		{ NDVAL_WIRE_CMD_HELLO, {
			NDVAL_WIRE_A_VERSION, NDVAL_WIRE_A_FEATURES, NDVAL_WIRE_A_MEMBER,
			NDVAL_WIRE_A_MEMBER_ID, NDVAL_WIRE_A_TO, NDVAL_WIRE_A_SERIAL,
			NDVAL_WIRE_A_SOFTWARE } },
		{ NDVAL_WIRE_CMD_PAIR, {
			NDVAL_WIRE_A_PAIR, NDVAL_WIRE_A_INCARNATION, NDVAL_WIRE_A_EPOCH,
			NDVAL_WIRE_A_EPOCH_ID, NDVAL_WIRE_A_PAIR_ID, NDVAL_WIRE_A_ROLE,
			NDVAL_WIRE_A_SEEN_ID, NDVAL_WIRE_A_MAX_STREAMS,
			NDVAL_WIRE_A_RING_SIZE, NDVAL_WIRE_A_SETTINGS,
			NDVAL_WIRE_A_HISTORY } },
		{ NDVAL_WIRE_CMD_FETCH, {
			NDVAL_WIRE_A_PAIR, NDVAL_WIRE_A_INCARNATION, NDVAL_WIRE_A_EPOCH_ID,
			NDVAL_WIRE_A_PAIR_ID, NDVAL_WIRE_A_STREAM, NDVAL_WIRE_A_STREAM_ID,
			NDVAL_WIRE_A_HAVE, NDVAL_WIRE_A_WANT } },
		{ NDVAL_WIRE_CMD_VALUES, {
			NDVAL_WIRE_A_PAIR, NDVAL_WIRE_A_INCARNATION, NDVAL_WIRE_A_EPOCH_ID,
			NDVAL_WIRE_A_PAIR_ID, NDVAL_WIRE_A_STREAM, NDVAL_WIRE_A_STREAM_ID,
			NDVAL_WIRE_A_COMMITTED, NDVAL_WIRE_A_TAIL, NDVAL_WIRE_A_NEED,
			NDVAL_WIRE_A_VALUE, NDVAL_WIRE_A_LIMIT } },
		{ NDVAL_WIRE_CMD_SYNC, {
			NDVAL_WIRE_A_PAIR, NDVAL_WIRE_A_INCARNATION, NDVAL_WIRE_A_EPOCH_ID,
			NDVAL_WIRE_A_PAIR_ID, NDVAL_WIRE_A_STREAM, NDVAL_WIRE_A_STREAM_ID,
			NDVAL_WIRE_A_STARTS } },
		{ NDVAL_WIRE_CMD_TAKEOVER, {
			NDVAL_WIRE_A_PAIR, NDVAL_WIRE_A_INCARNATION, NDVAL_WIRE_A_EPOCH_ID,
			NDVAL_WIRE_A_PAIR_ID } },
		{ NDVAL_WIRE_CMD_HANDOVER, {
			NDVAL_WIRE_A_PAIR, NDVAL_WIRE_A_INCARNATION, NDVAL_WIRE_A_EPOCH_ID,
			NDVAL_WIRE_A_PAIR_ID } },
		{ NDVAL_WIRE_CMD_STREAM_DEL, {
			NDVAL_WIRE_A_PAIR, NDVAL_WIRE_A_INCARNATION, NDVAL_WIRE_A_EPOCH_ID,
			NDVAL_WIRE_A_PAIR_ID, NDVAL_WIRE_A_STREAM, NDVAL_WIRE_A_STREAM_ID,
			NDVAL_WIRE_A_ERROR } },
		{ NDVAL_WIRE_CMD_CHECK, {
			NDVAL_WIRE_A_PAIR, NDVAL_WIRE_A_INCARNATION, NDVAL_WIRE_A_EPOCH_ID,
			NDVAL_WIRE_A_PAIR_ID, NDVAL_WIRE_A_STREAM, NDVAL_WIRE_A_STREAM_ID,
			NDVAL_WIRE_A_INSTANCE, NDVAL_WIRE_A_RUN, NDVAL_WIRE_A_STOPS,
			NDVAL_WIRE_A_KIND, NDVAL_WIRE_A_LENGTH, NDVAL_WIRE_A_PID,
			NDVAL_WIRE_A_COMM } },
		{ NDVAL_WIRE_CMD_PING, { NDVAL_WIRE_A_TIME } },
		{ NDVAL_WIRE_CMD_PONG, { NDVAL_WIRE_A_TIME } },
		{ NDVAL_WIRE_CMD_BYE, { NDVAL_WIRE_A_REASON } },
	};
	struct fake *fake = &self->fake;
	const int *type;
	size_t i;

	for (i = 0; i < ARRAY_LEN(required); i++) {
		int cmd = required[i].cmd;

		ASSERT_TRUE(start_again(&self->host));
		ASSERT_TRUE(take_side(&self->host, fake, cmd));
		for (type = required[i].types; *type; type++) {
			ASSERT_TRUE(fake_come_to(&self->host, fake, cmd == NDVAL_WIRE_CMD_HELLO ?
							       SILENT : JOINED));
			fake_make(fake, cmd);
			wire_drop(&fake->wire, *type);
			EXPECT_TRUE(comes_to(&self->host, fake, "missing", ERROR))
				TH_LOG("command %d without %d", cmd, *type);
		}
		EXPECT_TRUE(a_good_peer_is_served(&self->host, fake));
	}
}

TEST_F(hostile, every_attribute_has_its_length)
{
	static const char bytes[12] = "1234567890";
	struct fake *fake = &self->fake;
	int cmd, type, cases = 0;

	for (cmd = NDVAL_WIRE_CMD_HELLO; cmd <= NDVAL_WIRE_CMD_MAX; cmd++) {
		ASSERT_TRUE(start_again(&self->host));
		ASSERT_TRUE(take_side(&self->host, fake, cmd));
		for (type = NDVAL_WIRE_A_PAD + 1; type <= NDVAL_WIRE_A_MAX; type++) {
			ASSERT_TRUE(fake_come_to(&self->host, fake, cmd == NDVAL_WIRE_CMD_HELLO ?
							       SILENT : JOINED));
			fake_make(fake, cmd);
			if (!wire_attr(&fake->wire, type)) {
				EXPECT_TRUE(fake_hang_up(&self->host, fake));
				continue;
			}
			/* Too short for numbers, no NUL in strings, no nest. */
			wire_shape(&fake->wire, type, bytes, 3);
			EXPECT_TRUE(comes_to(&self->host, fake, "length", ERROR))
				TH_LOG("attribute %d of command %d", type, cmd);
			cases++;
		}
	}
	EXPECT_LT(50, cases);
	EXPECT_TRUE(a_good_peer_is_served(&self->host, fake));
}

TEST_F(hostile, nests_are_checked_like_the_rest)
{
	static const struct {
		const char *what;
		char bytes[24];
		size_t len;
	} nests[] = {
		{ "empty", "", 0 },
		{ "half a header", "\x04\x00", 2 },
		{ "attribute of length 0", "\x00\x00\x01\x00", 4 },
		{ "attribute of length 3", "\x03\x00\x01\x00", 4 },
		{ "attribute beyond the nest", "\xff\x00\x01\x00", 4 },
		{ "offset of 4 bytes", "\x08\x00\x01\x00\x31\x32\x33\x34", 8 },
		{ "no data", "\x0c\x00\x01\x00\0\0\0\0\0\0\0\0", 12 },
		{ "data without offset", "\x08\x00\x02\x00\x31\x32\x33\x34", 8 },
	};
	struct fake *fake = &self->fake;
	size_t i;

	side_primary(&fake->side, "web");
	for (i = 0; i < ARRAY_LEN(nests); i++) {
		ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
		fake_make(fake, NDVAL_WIRE_CMD_VALUES);
		wire_drop(&fake->wire, NDVAL_WIRE_A_VALUE);
		mnl_attr_put(fake->wire.nlh, NDVAL_WIRE_A_VALUE | NLA_F_NESTED,
			     nests[i].len, nests[i].bytes);
		EXPECT_TRUE(comes_to(&self->host, fake, nests[i].what, ERROR));
	}
	EXPECT_TRUE(a_good_peer_is_served(&self->host, fake));
}

TEST_F(hostile, attributes_from_the_future_are_ignored)
{
	static const char bytes[100];
	struct fake *fake = &self->fake;

	side_primary(&fake->side, "web");
	ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
	fake_make(fake, NDVAL_WIRE_CMD_PAIR);
	wire_shape(&fake->wire, NDVAL_WIRE_A_MAX + 1, bytes, sizeof(bytes));
	wire_shape(&fake->wire, 0x3fff, bytes, 0);
	EXPECT_TRUE(comes_to(&self->host, fake, "unknown", IGNORED));
	ASSERT_TRUE(peer_connect(&self->host, &fake->peer, "m1", "m2"));
	fake_make(fake, NDVAL_WIRE_CMD_HELLO);
	wire_shape(&fake->wire, NDVAL_WIRE_A_MAX + 1, bytes, sizeof(bytes));
	EXPECT_TRUE(comes_to(&self->host, fake, "unknown", IGNORED));
}

TEST_F(hostile, attributes_of_another_command_are_refused)
{
	struct fake *fake = &self->fake;
	__u64 number = 1;

	side_primary(&fake->side, "web");
	ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
	fake_make(fake, NDVAL_WIRE_CMD_PING);
	wire_shape(&fake->wire, NDVAL_WIRE_A_HAVE, &number, sizeof(number));
	EXPECT_TRUE(comes_to(&self->host, fake, "have in ping", ERROR));
	ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
	fake_make(fake, NDVAL_WIRE_CMD_VALUES);
	wire_shape(&fake->wire, NDVAL_WIRE_A_WANT, &number, sizeof(number));
	EXPECT_TRUE(comes_to(&self->host, fake, "want in values", ERROR));
	/* Nor is there padding: no host needs it. */
	ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
	fake_make(fake, NDVAL_WIRE_CMD_PING);
	wire_shape(&fake->wire, NDVAL_WIRE_A_PAD, NULL, 0);
	EXPECT_TRUE(comes_to(&self->host, fake, "padding", ERROR));
}

/* The last one counts, as everywhere in netlink: harmless, but no surprise. */
TEST_F(hostile, of_a_repeated_attribute_the_last_one_counts)
{
	struct fake *fake = &self->fake;

	side_primary(&fake->side, "web");
	ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
	fake_make(fake, NDVAL_WIRE_CMD_VALUES);
	wire_repeat(&fake->wire, NDVAL_WIRE_A_STREAM_ID);
	mnl_attr_put_u64(fake->wire.nlh, NDVAL_WIRE_A_STREAM_ID, FAKE_STREAM_ID + 1);
	ASSERT_TRUE(peer_send(&fake->peer, &fake->wire));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	EXPECT_EQ(FAKE_STREAM_ID + 1, host_stream_get(&self->host, "web1", "default",
						      NDVAL_A_STREAM_ID));
}

TEST_F(hostile, names_that_can_not_be)
{
	static const char * const bad[] = {
		"", ".", "..", "/", "/x", ".hidden", "a b", "a\nb", "a!", "a\\b", "\xc3\xa4",
	};
	char longest[65];
	struct fake *fake = &self->fake;
	size_t i, len;

	memset(longest, 'x', sizeof(longest));
	side_primary(&fake->side, "web");
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
		fake_make(fake, NDVAL_WIRE_CMD_VALUES);
		wire_shape(&fake->wire, NDVAL_WIRE_A_STREAM, bad[i], strlen(bad[i]) + 1);
		EXPECT_TRUE(comes_to(&self->host, fake, bad[i], ERROR));
	}
	/* 63 bytes are right; 64 with a NUL, and 63 or 64 without one are not. */
	for (len = 63; len <= 65; len++) {
		longest[64] = len == 65 ? '\0' : 'x';
		ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
		fake_make(fake, NDVAL_WIRE_CMD_VALUES);
		wire_shape(&fake->wire, NDVAL_WIRE_A_STREAM, longest, len);
		EXPECT_TRUE(comes_to(&self->host, fake, "long name", ERROR));
	}
	longest[63] = '\0';
	ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
	fake_make(fake, NDVAL_WIRE_CMD_VALUES);
	wire_shape(&fake->wire, NDVAL_WIRE_A_STREAM, longest, 64);
	EXPECT_TRUE(comes_to(&self->host, fake, "63 bytes", IGNORED));
	EXPECT_EQ(1, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_STREAMS));
}

/* HELLO */

TEST_F(hostile, hello_that_is_not_from_who_it_should_be)
{
	static const struct {
		const char *what;
		int type;
		const char *text;
		__u64 number;
		enum end end;
	} lies[] = {
		{ "another member", NDVAL_WIRE_A_MEMBER, "m3", 0, ENDS },
		{ "our own name", NDVAL_WIRE_A_MEMBER, "m1", 0, ENDS },
		{ "no name", NDVAL_WIRE_A_MEMBER, "", 0, ENDS },
		{ "longer name", NDVAL_WIRE_A_MEMBER, "m22", 0, ENDS },
		{ "to another member", NDVAL_WIRE_A_TO, "m3", 0, ENDS },
		{ "to itself", NDVAL_WIRE_A_TO, "m2", 0, ENDS },
		{ "no id", NDVAL_WIRE_A_MEMBER_ID, NULL, 0, ENDS },
		{ "an unknown feature", NDVAL_WIRE_A_FEATURES, NULL, 1ULL << 63, ENDS },
		{ "another feature", NDVAL_WIRE_A_FEATURES, NULL, 1, ENDS },
	};
	struct fake *fake = &self->fake;
	__u32 version = 2;
	size_t i;

	side_primary(&fake->side, "web");
	for (i = 0; i < ARRAY_LEN(lies); i++) {
		ASSERT_TRUE(fake_come_to(&self->host, fake, SILENT));
		fake_make(fake, NDVAL_WIRE_CMD_HELLO);
		if (lies[i].text)
			wire_shape(&fake->wire, lies[i].type, lies[i].text,
				   strlen(lies[i].text) + 1);
		else
			wire_shape(&fake->wire, lies[i].type, &lies[i].number, 8);
		EXPECT_TRUE(comes_to(&self->host, fake, lies[i].what, lies[i].end));
	}
	ASSERT_TRUE(fake_come_to(&self->host, fake, SILENT));
	fake_make(fake, NDVAL_WIRE_CMD_HELLO);
	wire_shape(&fake->wire, NDVAL_WIRE_A_VERSION, &version, 4);
	EXPECT_TRUE(comes_to(&self->host, fake, "version 2", ENDS));
	EXPECT_TRUE(a_good_peer_is_served(&self->host, fake));
}

TEST_F(hostile, hello_with_our_own_identity)
{
	struct fake *fake = &self->fake;
	char reason[REASON_SIZE];

	ASSERT_TRUE(fake_come_to(&self->host, fake, SILENT));
	ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_HELLO, &fake->said));
	fake->peer.id = said_u64(&fake->said, NDVAL_WIRE_A_MEMBER_ID);
	fake_make(fake, NDVAL_WIRE_CMD_HELLO);
	ASSERT_TRUE(peer_send(&fake->peer, &fake->wire));
	EXPECT_TRUE(host_link_down(&self->host, fake->peer.link, reason));
	EXPECT_STREQ("the peer has our own identity", reason);
	fake->peer.id = 0;
}

TEST_F(hostile, hello_comes_once_and_first)
{
	struct fake *fake = &self->fake;
	int cmd;

	side_primary(&fake->side, "web");
	ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
	fake_make(fake, NDVAL_WIRE_CMD_HELLO);
	EXPECT_TRUE(comes_to(&self->host, fake, "a second HELLO", ERROR));
	for (cmd = NDVAL_WIRE_CMD_PAIR; cmd <= NDVAL_WIRE_CMD_MAX; cmd++) {
		if (cmd == NDVAL_WIRE_CMD_BYE)
			continue;
		ASSERT_TRUE(fake_come_to(&self->host, fake, SILENT));
		fake_make(fake, cmd);
		EXPECT_TRUE(comes_to(&self->host, fake, "before HELLO", ERROR))
			TH_LOG("command %d", cmd);
	}
}

/* PAIR */

TEST_F(hostile, pair_that_contradicts_itself)
{
	static const struct {
		const char *what;
		__u32 role;
		__u64 pair_id;
		__u64 incarnation;
		__u64 epoch;
		__u64 epoch_id;
	} lies[] = {
		{ "role 2", 2, 1, 1, 1, 1 },
		{ "role -1", ~0U, 1, 1, 1, 1 },
		{ "no identity", NDVAL_ROLE_PRIMARY, 0, 1, 1, 1 },
		{ "no incarnation", NDVAL_ROLE_PRIMARY, 1, 0, 1, 1 },
		{ "epoch 0", NDVAL_ROLE_PRIMARY, 1, 1, 0, 1 },
		{ "no epoch id", NDVAL_ROLE_PRIMARY, 1, 1, 1, 0 },
		{ "epoch 2^63", NDVAL_ROLE_PRIMARY, 1, 1, 1ULL << 63, 1 },
		{ "epoch 2^64 - 1", NDVAL_ROLE_PRIMARY, 1, 1, ~0ULL, 1 },
		{ "epoch 2^64 - 1 of a secondary", NDVAL_ROLE_SECONDARY, 1, 1, ~0ULL, 1 },
		{ "epoch 2^63 and no id", NDVAL_ROLE_SECONDARY, 1, 1, 1ULL << 63, 0 },
	};
	struct fake *fake = &self->fake;
	size_t i;

	for (i = 0; i < ARRAY_LEN(lies); i++) {
		side_primary(&fake->side, "web");
		fake->side.role = lies[i].role;
		fake->side.pair_id = lies[i].pair_id;
		fake->side.incarnation = lies[i].incarnation;
		fake->side.epoch = lies[i].epoch;
		fake->side.epoch_id = lies[i].epoch_id;
		ASSERT_TRUE(fake_come_to(&self->host, fake, GREETED));
		fake_make(fake, NDVAL_WIRE_CMD_PAIR);
		EXPECT_TRUE(comes_to(&self->host, fake, lies[i].what, ERROR));
	}
	EXPECT_EQ(0, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_EPOCH_ID));
	side_primary(&fake->side, "web");
	EXPECT_TRUE(a_good_peer_is_served(&self->host, fake));
}

TEST_F(hostile, history_that_contradicts_itself)
{
	static const struct {
		const char *what;
		size_t len;
		struct epoch epochs[EPOCHS + 1];
		enum end end;
		__u64 epoch;
	} lies[] = {
		{ "empty", 0, { { 1, 7 } }, ERROR, 1 },
		{ "half of one", 8, { { 1, 7 } }, ERROR, 1 },
		{ "one and a half", 24, { { 1, 7 }, { 1, 7 } }, ERROR, 1 },
		{ "another id at the end", 16, { { 1, 8 } }, ERROR, 1 },
		{ "another number at the end", 16, { { 2, 7 } }, ERROR, 1 },
		{ "the current one is not the last", 32, { { 1, 7 }, { 2, 8 } }, ERROR, 1 },
		{ "number 0", 32, { { 0, 1 }, { 1, 7 } }, ERROR, 1 },
		{ "a number twice", 32, { { 1, 1 }, { 1, 7 } }, ERROR, 1 },
		{ "numbers that fall", 48, { { 2, 1 }, { 1, 2 }, { 3, 7 } }, ERROR, 3 },
		{ "one newer than the current one", 32, { { 2, 1 }, { 1, 7 } }, ERROR, 1 },
		{ "a number of 2^64 - 1", 32, { { ~0ULL, 1 }, { 1, 7 } }, ERROR, 1 },
		{ "no id", 32, { { 1, 0 }, { 2, 7 } }, ERROR, 2 },
		{ "an id twice", 48, { { 1, 1 }, { 2, 1 }, { 3, 7 } }, ERROR, 3 },
		{ "the current id twice", 48, { { 1, 7 }, { 2, 1 }, { 3, 7 } }, ERROR, 3 },
		{ "two with a gap", 32, { { 1, 1 }, { 3, 7 } }, IGNORED, 3 },
		{ "one", 16, { { 1, 7 } }, IGNORED, 1 },
	};
	struct epoch many[EPOCHS + 1];
	struct fake *fake = &self->fake;
	struct side nobody;
	size_t i;

	for (i = 0; i < ARRAY_LEN(lies); i++) {
		side_primary(&fake->side, "web");
		fake->side.epoch = lies[i].epoch;
		fake->side.epoch_id = 7;
		ASSERT_TRUE(fake_come_to(&self->host, fake, GREETED));
		fake_make(fake, NDVAL_WIRE_CMD_PAIR);
		wire_shape(&fake->wire, NDVAL_WIRE_A_HISTORY, lies[i].epochs, lies[i].len);
		EXPECT_TRUE(comes_to(&self->host, fake, lies[i].what, lies[i].end));
		if (lies[i].end == ERROR)
			EXPECT_EQ(0, host_pair_get(&self->host, "web1",
						   NDVAL_A_PAIR_EPOCH_ID));
	}
	/* As many as are remembered, and one more. */
	for (i = EPOCHS; i <= EPOCHS + 1; i++) {
		size_t n;

		for (n = 0; n < i; n++)
			many[n] = (struct epoch){ n + 1, 100 + n };
		fake->side.epoch = many[i - 1].number;
		fake->side.epoch_id = many[i - 1].id;
		ASSERT_TRUE(fake_come_to(&self->host, fake, GREETED));
		fake_make(fake, NDVAL_WIRE_CMD_PAIR);
		wire_shape(&fake->wire, NDVAL_WIRE_A_HISTORY, many, i * sizeof(*many));
		EXPECT_TRUE(comes_to(&self->host, fake, "many epochs",
				     i == EPOCHS ? IGNORED : ERROR));
	}
	/* Who is of no epoch has none behind him. */
	side_secondary(&nobody, "web");
	ASSERT_TRUE(fake_come_to(&self->host, fake, GREETED));
	wire_pair(&fake->wire, &nobody);
	wire_shape(&fake->wire, NDVAL_WIRE_A_HISTORY, lies[0].epochs, 16);
	EXPECT_TRUE(comes_to(&self->host, fake, "history without epoch", ERROR));
	ASSERT_TRUE(fake_come_to(&self->host, fake, GREETED));
	wire_pair(&fake->wire, &nobody);
	wire_drop(&fake->wire, NDVAL_WIRE_A_HISTORY);
	EXPECT_TRUE(comes_to(&self->host, fake, "no history without epoch", IGNORED));
}

TEST_F(hostile, settings_out_of_range_change_nothing)
{
	struct fake *fake = &self->fake;

	side_primary(&fake->side, "web");
	fake->side.bind = 7;
	fake->side.serial = ~0ULL;
	fake->side.ring_size = 0xffffffff;
	fake->side.max_streams = 0;
	ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
	EXPECT_EQ(NDVAL_BIND_ANY, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_BIND));
	peer_close(&fake->peer);
}

/* FETCH, to the kernel's primary */

struct fetch_lie {
	const char *what;
	struct fetch fetch;
	enum end end;
};

/* That one stores more than there is may be our fault: see link_failover.c. */
TEST_F(hostile, fetch_that_can_not_be)
{
	static const struct fetch_lie lies[] = {
		{ "want below have", { .have = 4096, .want = 4095 }, ERROR },
		{ "too much credit", { .want = (64 << 20) + 1 }, ERROR },
		{ "want of 2^63 - 1", { .want = ~0ULL >> 1 }, ERROR },
		{ "want of 2^63", { .want = 1ULL << 63 }, ERROR },
		{ "want of 2^64 - 1", { .want = ~0ULL }, ERROR },
		{ "have of 2^63", { .have = 1ULL << 63, .want = 1ULL << 63 }, ERROR },
		{ "have and want of 2^64 - 1", { .have = ~0ULL, .want = ~0ULL }, ERROR },
		{ "have beyond want near 2^63", { .have = ~0ULL >> 1, .want = 5 }, ERROR },
		{ "demand of 2^63", { .want = 4096, .demand = 1ULL << 63 }, IGNORED },
		{ "demand of 2^64 - 1", { .want = 4096, .demand = ~0ULL }, IGNORED },
		{ "need of 2^63", { .want = 4096, .need = 1ULL << 63 }, IGNORED },
		{ "need of 2^64 - 1", { .want = 4096, .need = ~0ULL }, IGNORED },
		{ "all credit there is", { .want = 64 << 20 }, IGNORED },
	};
	struct fake *fake = &self->fake;
	char byte;
	size_t i;
	int fd;

	ASSERT_EQ(0, host_promote(&self->host, "web1"));
	fd = node_open("web1", O_NONBLOCK);
	ASSERT_TRUE(node_ready(fd));
	ASSERT_EQ(1, get(fd, &byte, 1));
	side_secondary(&fake->side, "web");
	for (i = 0; i < ARRAY_LEN(lies); i++) {
		struct fetch fetch = lies[i].fetch;

		fetch.stream = "default";
		fetch.id = host_stream_get(&self->host, "web1", "default", NDVAL_A_STREAM_ID);
		ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
		wire_fetch(&fake->wire, &fake->side, &fetch);
		EXPECT_TRUE(comes_to(&self->host, fake, lies[i].what, lies[i].end));
		EXPECT_TRUE(wait_until(get(fd, &byte, 1) == 1, 5));
		EXPECT_GE(320 * KIB, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_MEMORY));
	}
	close(fd);
	EXPECT_TRUE(a_good_peer_is_served(&self->host, fake));
}

TEST_F(hostile, fetch_of_what_is_not_here_is_answered_or_ignored)
{
	struct fetch fetch = { .stream = "gone", .id = 77, .want = 4096 };
	struct fake *fake = &self->fake;
	struct side unknown;

	ASSERT_EQ(0, host_promote(&self->host, "web1"));
	side_secondary(&fake->side, "web");
	ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
	ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch));
	ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_STREAM_DEL, &fake->said));
	EXPECT_EQ(77, said_u64(&fake->said, NDVAL_WIRE_A_STREAM_ID));
	/* Asked for, but something is stored already: it can't be the new one. */
	fetch.id = 0;
	fetch.have = 1;
	ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch));
	ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_STREAM_DEL, &fake->said));
	EXPECT_EQ(0, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_STREAMS));
	unknown = fake->side;
	unknown.pair = "nothing.here";
	wire_fetch(&fake->wire, &unknown, &fetch);
	EXPECT_TRUE(comes_to(&self->host, fake, "unknown pair", IGNORED));
}

TEST_F(hostile, fetch_to_a_secondary_is_ignored)
{
	struct fake *fake = &self->fake;

	side_primary(&fake->side, "web");
	ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
	fake_make(fake, NDVAL_WIRE_CMD_FETCH);
	EXPECT_TRUE(comes_to(&self->host, fake, "FETCH", IGNORED));
	EXPECT_EQ(0, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_STREAMS));
}

/* VALUES, to the kernel's secondary */

/* Offsets stay below it. */
#define TOP	0x8000000000000000ULL

struct values_lie {
	const char *what;
	struct values values;
	enum end end;
	__u64 head;		/* of the stream afterwards */
};

TEST_F(hostile, values_that_can_not_be)
{
	static const struct values_lie lies[] = {
		{ "a gap", { .offset = 101, .len = 10 }, ERROR, 100 },
		{ "beyond credit", { .offset = 4 << 20, .len = 10 }, ERROR, 100 },
		{ "61441 bytes", { .offset = 100, .len = 61441 }, ERROR, 100 },
		{ "65000 bytes", { .offset = 100, .len = 65000 }, ERROR, 100 },
		{ "61440 bytes", { .offset = 100, .len = 61440 }, IGNORED, 61540 },
		{ "no byte", { .offset = 100 }, IGNORED, 100 },
		{ "no byte beyond the head", { .offset = 5000 }, IGNORED, 100 },
		{ "no byte at 2^63 - 1", { .offset = TOP - 1 }, IGNORED, 100 },
		{ "no byte at 2^63", { .offset = TOP }, ERROR, 100 },
		{ "the last byte", { .offset = TOP - 1, .len = 1 }, ERROR, 100 },
		{ "over the end", { .offset = TOP - 5, .len = 10 }, ERROR, 100 },
		{ "over 2^64", { .offset = ~0ULL - 5, .len = 10 }, ERROR, 100 },
		{ "tail beyond offset", { .offset = 100, .tail = 101, .len = 10 }, ERROR, 100 },
		{ "tail of 2^64 - 1", { .offset = 100, .tail = ~0ULL, .len = 10 }, ERROR, 100 },
		{ "committed of 2^63", { .offset = 100, .committed = TOP }, ERROR, 100 },
		{ "need of 2^63", { .offset = 100, .need = TOP }, ERROR, 100 },
		{ "need of 2^63 - 1", { .offset = 100, .need = TOP - 1 }, IGNORED, 100 },
		{ "limit of 2^63", { .offset = 100, .limit = TOP }, ERROR, 100 },
		{ "limit of 2^64 - 1", { .offset = 100, .limit = ~0ULL }, ERROR, 100 },
		{ "limit of 2^63 - 1", { .offset = 100, .limit = TOP - 1 }, IGNORED, 100 },
		{ "stream without id", { .id = ~0ULL, .offset = 100, .len = 1 }, ERROR, 100 },
		{ "other bytes", { .offset = 50, .len = 10, .data = "different!" }, ERROR, 100 },
		{ "other bytes at the end", { .offset = 95, .len = 10, .data = "different!" },
		  ERROR, 100 },
	};
	struct values values = { .stream = "default", .id = FAKE_STREAM_ID, .len = 100 };
	struct fake *fake = &self->fake;
	size_t i;

	side_primary(&fake->side, "web");
	for (i = 0; i < ARRAY_LEN(lies); i++) {
		const struct values_lie *lie = &lies[i];
		struct values wrong = lie->values;

		ASSERT_TRUE(start_again(&self->host));
		ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
		ASSERT_TRUE(say_values(&fake->peer, &fake->side, &values));
		ASSERT_TRUE(peer_is_served(&fake->peer));
		wrong.stream = "default";
		wrong.id = wrong.id ? 0 : FAKE_STREAM_ID;
		wire_values(&fake->wire, &fake->side, &wrong);
		EXPECT_TRUE(comes_to(&self->host, fake, lie->what, lie->end));
		EXPECT_EQ(lie->head, host_stream_get(&self->host, "web1", "default",
						     NDVAL_A_STREAM_HEAD))
			TH_LOG("%s", lie->what);
	}
	EXPECT_GE(64 * KIB, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_MEMORY));
}

TEST_F(hostile, starts_are_those_of_sixteen_epochs)
{
	static const size_t lengths[] = { 0, 1, 8, 15 * 8, 16 * 8 - 1, 16 * 8 + 1, 17 * 8 };
	static const int commands[] = { NDVAL_WIRE_CMD_VALUES, NDVAL_WIRE_CMD_SYNC };
	static const __u64 starts[EPOCHS + 1];
	struct fake *fake = &self->fake;
	size_t i, j;

	side_primary(&fake->side, "web");
	for (i = 0; i < ARRAY_LEN(commands); i++) {
		for (j = 0; j < ARRAY_LEN(lengths); j++) {
			ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
			fake_make(fake, commands[i]);
			wire_shape(&fake->wire, NDVAL_WIRE_A_STARTS, starts, lengths[j]);
			EXPECT_TRUE(comes_to(&self->host, fake, "starts", ERROR))
				TH_LOG("command %d, %zu bytes", commands[i], lengths[j]);
		}
		ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
		fake_make(fake, commands[i]);
		EXPECT_TRUE(comes_to(&self->host, fake, "starts", IGNORED));
	}
	EXPECT_TRUE(a_good_peer_is_served(&self->host, fake));
}

TEST_F(hostile, values_beyond_credit_without_a_gap)
{
	struct values values = { .stream = "default", .id = FAKE_STREAM_ID, .len = 8 * KIB };
	struct fake *fake = &self->fake;

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_RING_SIZE, 8 * KIB));
	side_primary(&fake->side, "web");
	ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
	ASSERT_TRUE(say_values(&fake->peer, &fake->side, &values));
	values.offset = values.len;
	values.len = 1;
	wire_values(&fake->wire, &fake->side, &values);
	EXPECT_TRUE(comes_to(&self->host, fake, "one byte too many", ERROR));
	EXPECT_EQ(8 * KIB, host_stream_get(&self->host, "web1", "default",
					   NDVAL_A_STREAM_HEAD));
}

/* What is stored before the lie is delivered after it. */
TEST_F(hostile, what_was_stored_before_a_lie_is_delivered)
{
	struct values values = { .stream = "default", .id = FAKE_STREAM_ID, .len = 1000 };
	struct fake *fake = &self->fake;
	char got[1000], want[1000];
	int fd = node_open("web1", O_NONBLOCK);

	side_primary(&fake->side, "web");
	ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
	ASSERT_TRUE(say_values(&fake->peer, &fake->side, &values));
	values.data = "no, these";
	values.offset = 10;
	values.len = 10;
	wire_values(&fake->wire, &fake->side, &values);
	EXPECT_TRUE(comes_to(&self->host, fake, "contradiction", ERROR));
	pattern_fill(want, 0, sizeof(want));
	EXPECT_EQ((ssize_t)sizeof(got), get(fd, got, sizeof(got)));
	EXPECT_EQ(0, memcmp(got, want, sizeof(got)));
	EXPECT_EQ(-EAGAIN, get(fd, got, 1));
	close(fd);
}

TEST_F(hostile, values_of_another_life_are_answered_by_pair)
{
	/* What is added to the truth. */
	static const struct {
		const char *what;
		__u64 epoch_id;
		__u64 incarnation;
		__u64 pair_id;
	} lies[] = {
		{ "another epoch", 1, 0, 0 },
		{ "another incarnation", 0, 1, 0 },
		{ "another object", 0, 0, 1 },
	};
	struct values values = { .stream = "default", .id = FAKE_STREAM_ID, .len = 100 };
	struct fake *fake = &self->fake;
	size_t i;

	for (i = 0; i < ARRAY_LEN(lies); i++) {
		struct side wrong;

		side_primary(&fake->side, "web");
		ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
		wrong = fake->side;
		wrong.epoch_id += lies[i].epoch_id;
		wrong.incarnation += lies[i].incarnation;
		wrong.pair_id += lies[i].pair_id;
		ASSERT_TRUE(say_values(&fake->peer, &wrong, &values));
		EXPECT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_PAIR, &fake->said))
			TH_LOG("%s", lies[i].what);
		EXPECT_TRUE(peer_is_served(&fake->peer));
		EXPECT_EQ(0, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_STREAMS));
		peer_close(&fake->peer);
	}
}

TEST_F(hostile, values_from_who_is_not_our_primary_are_ignored)
{
	struct fake *fake = &self->fake;
	char byte;
	int fd;

	/* From a secondary, to a secondary. */
	side_secondary(&fake->side, "web");
	ASSERT_TRUE(fake_come_to(&self->host, fake, GREETED));
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side));
	fake_make(fake, NDVAL_WIRE_CMD_VALUES);
	EXPECT_TRUE(comes_to(&self->host, fake, "from a secondary", IGNORED));
	EXPECT_EQ(0, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_STREAMS));

	/* From a secondary, to its primary. */
	ASSERT_EQ(0, host_promote(&self->host, "web1"));
	fd = node_open("web1", O_NONBLOCK);
	ASSERT_TRUE(node_ready(fd));
	ASSERT_EQ(1, get(fd, &byte, 1));
	ASSERT_TRUE(fake_come_to(&self->host, fake, JOINED));
	fake_make(fake, NDVAL_WIRE_CMD_VALUES);
	EXPECT_TRUE(comes_to(&self->host, fake, "to a primary", IGNORED));
	EXPECT_EQ(1, get(fd, &byte, 1));
	close(fd);
}

TEST_HARNESS_MAIN
