// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands that can't be obeyed: each gets its errno and, every one, the
 * reason in words; and changes nothing.
 *
 * vm: sources=peer.c,../../tools/lib/nl.c libs=-lmnl timeout=60
 */
#include "kselftest_harness.h"
#include "common.h"
#include "peer.h"

FIXTURE(refuse)
{
	struct host host;
	struct fake fake;
};

FIXTURE_SETUP(refuse)
{
	memset(self, 0, sizeof(*self));
	self->fake.peer.fd = -1;
	ASSERT_TRUE(host_open(&self->host));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	ASSERT_EQ(0, host_pair(&self->host, "web1", "web", "m1", "m2"));
	ASSERT_EQ(0, host_pair(&self->host, "own", NULL, "m1", NULL));
}

static int count_one(const struct nlmsghdr *nlh UNUSED, void *data)
{
	++*(unsigned int *)data;
	return MNL_CB_OK;
}

static unsigned int pairs(struct host *host)
{
	unsigned int count = 0;

	nl_request(host->nl, NDVAL_CMD_PAIR_GET, NLM_F_DUMP);
	nl_call(host->nl, count_one, &count);
	return count;
}

/* What was refused left nothing behind. */
FIXTURE_TEARDOWN(refuse)
{
	peer_close(&self->fake.peer);
	EXPECT_EQ(3, pairs(&self->host));
	host_pair_del(&self->host, "web1");
	host_pair_del(&self->host, "own");
	EXPECT_TRUE(host_member_del(&self->host, "m1"));
	EXPECT_FALSE(self->host.gap);
	host_close(&self->host);
}

/*
 * A command with attributes as the letters of @form say: s string, u 32 bits,
 * q 64 bits, f flag, b length and bytes; each after its type.
 */
static int ask(struct host *host, __u8 cmd, const char *form, ...)
{
	struct nlmsghdr *nlh = nl_request(host->nl, cmd, 0);
	const void *bytes;
	va_list args;
	size_t len;

	va_start(args, form);
	for (; *form; form++) {
		__u16 type = va_arg(args, int);

		switch (*form) {
		case 's':
			mnl_attr_put_strz(nlh, type, va_arg(args, const char *));
			break;
		case 'u':
			mnl_attr_put_u32(nlh, type, va_arg(args, __u32));
			break;
		case 'q':
			mnl_attr_put_u64(nlh, type, va_arg(args, __u64));
			break;
		case 'f':
			mnl_attr_put(nlh, type, 0, NULL);
			break;
		case 'b':
			len = va_arg(args, size_t);
			bytes = va_arg(args, const void *);
			mnl_attr_put(nlh, type, len, bytes);
			break;
		}
	}
	va_end(args);
	return nl_call(host->nl, NULL, NULL);
}

#define REFUSED(err, ...)							\
	do {									\
		int err_ = ask(&self->host, __VA_ARGS__);			\
										\
		EXPECT_EQ(-(err), err_)						\
			TH_LOG("%s: %s", #__VA_ARGS__, nl_message(self->host.nl));	\
		EXPECT_TRUE(host_refused_well(&self->host, err_))		\
			TH_LOG("%s: no reason", #__VA_ARGS__);			\
	} while (0)

#define DONE(...) EXPECT_EQ(0, ask(&self->host, __VA_ARGS__))

/* Every command, its highest attribute, and whether it needs one at all. */
static const struct {
	__u8 cmd;
	__u16 max;
	bool alone;
	bool dump;
} commands[] = {
	{ NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_MAX, false, false },
	{ NDVAL_CMD_MEMBER_DEL, NDVAL_A_MEMBER_MAX, false, false },
	{ NDVAL_CMD_MEMBER_GET, NDVAL_A_MEMBER_MAX, true, true },
	{ NDVAL_CMD_PAIR_NEW, NDVAL_A_PAIR_MAX, false, false },
	{ NDVAL_CMD_PAIR_DEL, NDVAL_A_PAIR_MAX, false, false },
	{ NDVAL_CMD_PAIR_SET, NDVAL_A_PAIR_MAX, false, false },
	{ NDVAL_CMD_PAIR_GET, NDVAL_A_PAIR_MAX, false, true },
	{ NDVAL_CMD_PROMOTE, NDVAL_A_PAIR_MAX, false, false },
	{ NDVAL_CMD_RESYNC, NDVAL_A_PAIR_MAX, false, false },
	{ NDVAL_CMD_PEER_ADD, NDVAL_A_PEER_MAX, false, false },
	{ NDVAL_CMD_PEER_DEL, NDVAL_A_PEER_MAX, false, false },
	{ NDVAL_CMD_PEER_GET, NDVAL_A_PEER_MAX, false, true },
	{ NDVAL_CMD_LINK_ATTACH, NDVAL_A_LINK_MAX, false, false },
	{ NDVAL_CMD_LINK_DETACH, NDVAL_A_LINK_MAX, false, false },
	{ NDVAL_CMD_LINK_GET, NDVAL_A_LINK_MAX, false, true },
	{ NDVAL_CMD_STREAM_GET, NDVAL_A_STREAM_MAX, false, true },
	{ NDVAL_CMD_STREAM_DEL, NDVAL_A_STREAM_MAX, false, false },
	{ NDVAL_CMD_INSTANCE_GET, NDVAL_A_INSTANCE_MAX, false, true },
	{ NDVAL_CMD_INSTANCE_SET, NDVAL_A_INSTANCE_MAX, false, false },
	{ NDVAL_CMD_VALUES_GET, NDVAL_A_VALUES_MAX, false, false },
	{ NDVAL_CMD_DEMOTE, NDVAL_A_PAIR_MAX, false, false },
	{ NDVAL_CMD_SWITCHOVER, NDVAL_A_PAIR_MAX, false, false },
	{ NDVAL_CMD_OUTDATE, NDVAL_A_PAIR_MAX, false, false },
	{ NDVAL_CMD_PEER_OUTDATE, NDVAL_A_PEER_MAX, false, false },
};

TEST_F(refuse, a_command_without_what_it_needs)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(commands); i++) {
		if (commands[i].alone)
			continue;
		REFUSED(EINVAL, commands[i].cmd, "");
	}
	REFUSED(EINVAL, NDVAL_CMD_PEER_ADD, "s", NDVAL_A_PEER_PAIR, "web1");
	REFUSED(EINVAL, NDVAL_CMD_PEER_ADD, "s", NDVAL_A_PEER_NAME, "m2");
	REFUSED(EINVAL, NDVAL_CMD_PEER_DEL, "s", NDVAL_A_PEER_PAIR, "web1");
	REFUSED(EINVAL, NDVAL_CMD_PEER_GET, "s", NDVAL_A_PEER_PAIR, "web1");
	REFUSED(EINVAL, NDVAL_CMD_PEER_OUTDATE, "s", NDVAL_A_PEER_PAIR, "web1");
	REFUSED(EINVAL, NDVAL_CMD_PEER_OUTDATE, "s", NDVAL_A_PEER_NAME, "m2");
	REFUSED(EINVAL, NDVAL_CMD_LINK_ATTACH, "s", NDVAL_A_LINK_PEER, "m2");
	REFUSED(EINVAL, NDVAL_CMD_LINK_ATTACH, "u", NDVAL_A_LINK_FD, 0);
	REFUSED(EINVAL, NDVAL_CMD_STREAM_DEL, "s", NDVAL_A_STREAM_PAIR, "own");
	REFUSED(EINVAL, NDVAL_CMD_STREAM_DEL, "s", NDVAL_A_STREAM_NAME, "default");
	REFUSED(EINVAL, NDVAL_CMD_VALUES_GET, "s", NDVAL_A_VALUES_PAIR, "own");
	REFUSED(EINVAL, NDVAL_CMD_VALUES_GET, "sq", NDVAL_A_VALUES_PAIR, "own",
		NDVAL_A_VALUES_OFFSET, 0ULL);
}

TEST_F(refuse, attributes_that_no_command_knows)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(commands); i++) {
		REFUSED(EINVAL, commands[i].cmd, "u", commands[i].max + 1, 1);
		REFUSED(EINVAL, commands[i].cmd, "u", 0x3fff, 1);
		REFUSED(EINVAL, commands[i].cmd, "u", 0, 1);
	}
	/* And known ones that this command does not take. */
	REFUSED(EINVAL, NDVAL_CMD_PAIR_SET, "su", NDVAL_A_PAIR_NAME, "own",
		NDVAL_A_PAIR_MODE, 0600);
	REFUSED(EINVAL, NDVAL_CMD_PAIR_NEW, "su", NDVAL_A_PAIR_NAME, "x",
		NDVAL_A_PAIR_ROLE, 1);
	REFUSED(EINVAL, NDVAL_CMD_MEMBER_NEW, "sq", NDVAL_A_MEMBER_NAME, "x",
		NDVAL_A_MEMBER_ID, 1ULL);
}

TEST_F(refuse, attributes_of_the_wrong_shape)
{
	REFUSED(EINVAL, NDVAL_CMD_PAIR_NEW, "b", NDVAL_A_PAIR_NAME, (size_t)3, "abc");
	REFUSED(EINVAL, NDVAL_CMD_PAIR_NEW, "b", NDVAL_A_PAIR_NAME, (size_t)0, "");
	REFUSED(EINVAL, NDVAL_CMD_PAIR_NEW, "sb", NDVAL_A_PAIR_NAME, "x",
		NDVAL_A_PAIR_RING_SIZE, (size_t)3, "abc");
	REFUSED(EINVAL, NDVAL_CMD_PAIR_NEW, "sb", NDVAL_A_PAIR_NAME, "x",
		NDVAL_A_PAIR_RING_SIZE, (size_t)8, "\0\0\1\0\0\0\0\0");
	REFUSED(EINVAL, NDVAL_CMD_PAIR_NEW, "su", NDVAL_A_PAIR_NAME, "x",
		NDVAL_A_PAIR_MEMORY_MAX, 1 << 20);
	REFUSED(ERANGE, NDVAL_CMD_MEMBER_NEW, "sb", NDVAL_A_MEMBER_NAME, "x",
		NDVAL_A_MEMBER_HOST, (size_t)1, "x");
}

TEST_F(refuse, names_that_can_not_be)
{
	static const char * const bad[] = {
		"", ".", "..", ".x", "/", "/x", "a/b", "a:b", "a!", "a b", "a\n", "a%d",
		"\xc3\xa4", "\xff",
		"x234567890123456789012345678901234567890123456789012345678901234",
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad); i++) {
		REFUSED(EINVAL, NDVAL_CMD_MEMBER_NEW, "s", NDVAL_A_MEMBER_NAME, bad[i]);
		REFUSED(EINVAL, NDVAL_CMD_MEMBER_NEW, "sf", NDVAL_A_MEMBER_NAME, bad[i],
			NDVAL_A_MEMBER_HOST);
		REFUSED(EINVAL, NDVAL_CMD_PAIR_NEW, "s", NDVAL_A_PAIR_NAME, bad[i]);
		REFUSED(EINVAL, NDVAL_CMD_PAIR_NEW, "ss", NDVAL_A_PAIR_NAME, "x",
			NDVAL_A_PAIR_GROUP, bad[i]);
		REFUSED(EINVAL, NDVAL_CMD_PAIR_NEW, "sss", NDVAL_A_PAIR_NAME, "x",
			NDVAL_A_PAIR_MEMBER, "m1", NDVAL_A_PAIR_PEER, bad[i]);
		REFUSED(EINVAL, NDVAL_CMD_PEER_ADD, "ss", NDVAL_A_PEER_PAIR, "web1",
			NDVAL_A_PEER_NAME, bad[i]);
		/* Where something is looked up, there is none of such a name. */
		REFUSED(ENOENT, NDVAL_CMD_MEMBER_DEL, "s", NDVAL_A_MEMBER_NAME, bad[i]);
		REFUSED(ENOENT, NDVAL_CMD_PAIR_DEL, "s", NDVAL_A_PAIR_NAME, bad[i]);
		REFUSED(ENOENT, NDVAL_CMD_PAIR_GET, "s", NDVAL_A_PAIR_NAME, bad[i]);
		REFUSED(ENOENT, NDVAL_CMD_STREAM_GET, "ss", NDVAL_A_STREAM_PAIR, "own",
			NDVAL_A_STREAM_NAME, bad[i]);
		REFUSED(ENOENT, NDVAL_CMD_PEER_DEL, "ss", NDVAL_A_PEER_PAIR, "web1",
			NDVAL_A_PEER_NAME, bad[i]);
	}
}

TEST_F(refuse, names_of_63_bytes_are_taken)
{
	char name[64];

	memset(name, 'y', 63);
	name[63] = '\0';
	DONE(NDVAL_CMD_MEMBER_NEW, "s", NDVAL_A_MEMBER_NAME, name);
	DONE(NDVAL_CMD_PAIR_NEW, "ssss", NDVAL_A_PAIR_NAME, name, NDVAL_A_PAIR_GROUP, name,
	     NDVAL_A_PAIR_MEMBER, name, NDVAL_A_PAIR_PEER, "z");
	host_pair_del(&self->host, name);
	EXPECT_TRUE(host_member_del(&self->host, name));
}

TEST_F(refuse, members)
{
	REFUSED(EEXIST, NDVAL_CMD_MEMBER_NEW, "s", NDVAL_A_MEMBER_NAME, "m1");
	REFUSED(EEXIST, NDVAL_CMD_MEMBER_NEW, "sf", NDVAL_A_MEMBER_NAME, "m1",
		NDVAL_A_MEMBER_HOST);
	REFUSED(EBUSY, NDVAL_CMD_MEMBER_DEL, "s", NDVAL_A_MEMBER_NAME, "m1");
	REFUSED(ENOENT, NDVAL_CMD_MEMBER_DEL, "s", NDVAL_A_MEMBER_NAME, "m2");
	REFUSED(ENOENT, NDVAL_CMD_MEMBER_GET, "s", NDVAL_A_MEMBER_NAME, "m2");
	REFUSED(EPERM, NDVAL_CMD_MEMBER_DEL, "s", NDVAL_A_MEMBER_NAME, "a");
	/* The host's own can't be named anew while it has a peer. */
	DONE(NDVAL_CMD_PAIR_NEW, "ss", NDVAL_A_PAIR_NAME, "x", NDVAL_A_PAIR_PEER, "m2");
	REFUSED(EBUSY, NDVAL_CMD_MEMBER_NEW, "sf", NDVAL_A_MEMBER_NAME, "other",
		NDVAL_A_MEMBER_HOST);
	DONE(NDVAL_CMD_MEMBER_NEW, "sf", NDVAL_A_MEMBER_NAME, "a", NDVAL_A_MEMBER_HOST);
	host_pair_del(&self->host, "x");
}

TEST_F(refuse, pairs)
{
	REFUSED(EEXIST, NDVAL_CMD_PAIR_NEW, "s", NDVAL_A_PAIR_NAME, "own");
	REFUSED(EEXIST, NDVAL_CMD_PAIR_NEW, "s", NDVAL_A_PAIR_NAME, "default");
	REFUSED(EEXIST, NDVAL_CMD_PAIR_NEW, "sss", NDVAL_A_PAIR_NAME, "x",
		NDVAL_A_PAIR_GROUP, "web", NDVAL_A_PAIR_MEMBER, "m1");
	REFUSED(ENOENT, NDVAL_CMD_PAIR_NEW, "ss", NDVAL_A_PAIR_NAME, "x",
		NDVAL_A_PAIR_MEMBER, "m7");
	REFUSED(EINVAL, NDVAL_CMD_PAIR_NEW, "su", NDVAL_A_PAIR_NAME, "x",
		NDVAL_A_PAIR_MODE, 01000);
	REFUSED(EINVAL, NDVAL_CMD_PAIR_NEW, "su", NDVAL_A_PAIR_NAME, "x",
		NDVAL_A_PAIR_UID, ~0U);
	REFUSED(EINVAL, NDVAL_CMD_PAIR_NEW, "su", NDVAL_A_PAIR_NAME, "x",
		NDVAL_A_PAIR_GID, ~0U);
	REFUSED(EINVAL, NDVAL_CMD_PAIR_NEW, "sss", NDVAL_A_PAIR_NAME, "x",
		NDVAL_A_PAIR_MEMBER, "m1", NDVAL_A_PAIR_PEER, "m1");
	REFUSED(EEXIST, NDVAL_CMD_PAIR_NEW, "ssss", NDVAL_A_PAIR_NAME, "x",
		NDVAL_A_PAIR_MEMBER, "m1", NDVAL_A_PAIR_PEER, "m2", NDVAL_A_PAIR_PEER, "m2");
	REFUSED(ENOENT, NDVAL_CMD_PAIR_GET, "s", NDVAL_A_PAIR_NAME, "x");
	REFUSED(ENOENT, NDVAL_CMD_PAIR_SET, "su", NDVAL_A_PAIR_NAME, "x",
		NDVAL_A_PAIR_RETAIN, 0);
	REFUSED(ENOENT, NDVAL_CMD_PAIR_DEL, "s", NDVAL_A_PAIR_NAME, "x");
	REFUSED(ENOENT, NDVAL_CMD_PROMOTE, "sf", NDVAL_A_PAIR_NAME, "x", NDVAL_A_PAIR_NEW);
	REFUSED(ENOENT, NDVAL_CMD_RESYNC, "s", NDVAL_A_PAIR_NAME, "x");
	REFUSED(ENOENT, NDVAL_CMD_DEMOTE, "s", NDVAL_A_PAIR_NAME, "x");
	REFUSED(ENOENT, NDVAL_CMD_SWITCHOVER, "s", NDVAL_A_PAIR_NAME, "x");
	REFUSED(ENOENT, NDVAL_CMD_OUTDATE, "s", NDVAL_A_PAIR_NAME, "x");
	REFUSED(ENOENT, NDVAL_CMD_PEER_OUTDATE, "ss", NDVAL_A_PEER_PAIR, "x",
		NDVAL_A_PEER_NAME, "m2");
}

TEST_F(refuse, more_peers_than_a_pair_may_have)
{
	char name[16];
	int i;

	nl_request(self->host.nl, NDVAL_CMD_PAIR_NEW, 0);
	nl_put_str(self->host.nl, NDVAL_A_PAIR_NAME, "x");
	nl_put_str(self->host.nl, NDVAL_A_PAIR_MEMBER, "m1");
	for (i = 0; i < 32; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		nl_put_str(self->host.nl, NDVAL_A_PAIR_PEER, name);
	}
	EXPECT_EQ(-ENOSPC, nl_call(self->host.nl, NULL, NULL));
	EXPECT_TRUE(host_refused_well(&self->host, -ENOSPC));
}

TEST_F(refuse, a_pair_is_removed_once)
{
	int i;

	for (i = 0; i < 20; i++) {
		/* The name is taken as long as the node is there. */
		ASSERT_TRUE(wait_until(ask(&self->host, NDVAL_CMD_PAIR_NEW, "s",
					   NDVAL_A_PAIR_NAME, "x") != -EEXIST, 10));
		DONE(NDVAL_CMD_PAIR_DEL, "s", NDVAL_A_PAIR_NAME, "x");
		REFUSED(ENOENT, NDVAL_CMD_PAIR_DEL, "s", NDVAL_A_PAIR_NAME, "x");
	}
}

/* As everywhere in netlink; a pair's peers are the exception. */
TEST_F(refuse, of_a_repeated_attribute_the_last_one_counts)
{
	DONE(NDVAL_CMD_PAIR_NEW, "ssuu", NDVAL_A_PAIR_NAME, "own", NDVAL_A_PAIR_NAME, "x",
	     NDVAL_A_PAIR_INSTANCES, 1, NDVAL_A_PAIR_INSTANCES, 7);
	EXPECT_EQ(7, host_pair_get(&self->host, "x", NDVAL_A_PAIR_INSTANCES));
	host_pair_del(&self->host, "x");
}

TEST_F(refuse, settings_outside_their_ranges)
{
	static const struct {
		int type;
		__u32 values[6];
	} bad[] = {
		{ NDVAL_A_PAIR_BIND, { 2, ~0U } },
		{ NDVAL_A_PAIR_COMMIT, { 2, ~0U } },
		{ NDVAL_A_PAIR_ON_PEER_LOSS, { 2, ~0U } },
		{ NDVAL_A_PAIR_ON_DIVERGENCE, { 2, ~0U } },
		{ NDVAL_A_PAIR_RING_SIZE, { 0, 1, 4096, 8191, 12288, 134217728 } },
		{ NDVAL_A_PAIR_RETAIN, { 262145, ~0U } },
		{ NDVAL_A_PAIR_PREFETCH, { 131073, ~0U } },
		{ NDVAL_A_PAIR_MAX_STREAMS, { 0, 65537, ~0U } },
		{ NDVAL_A_PAIR_OVERFLOW, { 2, ~0U } },
		{ NDVAL_A_PAIR_INSTANCES, { 256, ~0U } },
		{ NDVAL_A_PAIR_READ_TIMEOUT_MS, { 1U << 31, ~0U } },
		{ NDVAL_A_PAIR_PEER_TIMEOUT_MS, { 99, 600001, ~0U } },
		{ NDVAL_A_PAIR_INSPECT, { 2, ~0U } },
	};
	size_t i, j;

	for (i = 0; i < ARRAY_LEN(bad); i++) {
		for (j = 0; j < ARRAY_LEN(bad[i].values) && (!j || bad[i].values[j]); j++) {
			__u64 before = host_pair_get(&self->host, "own", bad[i].type);
			int err = ask(&self->host, NDVAL_CMD_PAIR_SET, "suu",
				      NDVAL_A_PAIR_NAME, "own", NDVAL_A_PAIR_READ_TIMEOUT_MS,
				      77, bad[i].type, bad[i].values[j]);

			/* What a number's type can't be is out of range. */
			EXPECT_TRUE(err == -EINVAL || err == -ERANGE)
				TH_LOG("setting %d to %u: %d", bad[i].type,
				       bad[i].values[j], err);
			EXPECT_TRUE(host_refused_well(&self->host, err));
			EXPECT_EQ(before, host_pair_get(&self->host, "own", bad[i].type));
			/* All of a command or nothing. */
			EXPECT_EQ(0, host_pair_get(&self->host, "own",
						   NDVAL_A_PAIR_READ_TIMEOUT_MS));
		}
	}
	REFUSED(EINVAL, NDVAL_CMD_PAIR_SET, "sq", NDVAL_A_PAIR_NAME, "own",
		NDVAL_A_PAIR_MEMORY_MAX, 65535ULL);
	REFUSED(EINVAL, NDVAL_CMD_PAIR_SET, "sq", NDVAL_A_PAIR_NAME, "own",
		NDVAL_A_PAIR_MEMORY_MAX, ~0ULL);
}

TEST_F(refuse, pair_settings_on_a_secondary)
{
	static const int types[] = {
		NDVAL_A_PAIR_BIND, NDVAL_A_PAIR_COMMIT, NDVAL_A_PAIR_ON_PEER_LOSS,
		NDVAL_A_PAIR_ON_DIVERGENCE,
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(types); i++) {
		__u64 before = host_pair_get(&self->host, "web1", types[i]);

		REFUSED(EPERM, NDVAL_CMD_PAIR_SET, "su", NDVAL_A_PAIR_NAME, "web1",
			types[i], !before);
		/* Not even as it is, nor with one that could be set. */
		REFUSED(EPERM, NDVAL_CMD_PAIR_SET, "suu", NDVAL_A_PAIR_NAME, "web1",
			NDVAL_A_PAIR_READ_TIMEOUT_MS, 77, types[i], (__u32)before);
		EXPECT_EQ(before, host_pair_get(&self->host, "web1", types[i]));
	}
	EXPECT_EQ(0, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_READ_TIMEOUT_MS));
}

TEST_F(refuse, epochs_that_can_not_have_been)
{
	struct host *host = &self->host;

	DONE(NDVAL_CMD_PAIR_SET, "sq", NDVAL_A_PAIR_NAME, "own",
	     NDVAL_A_PAIR_EPOCH_SEEN, 7ULL);
	EXPECT_EQ(7, host_pair_get(host, "own", NDVAL_A_PAIR_EPOCH_SEEN));
	/* It is raised, never lowered. */
	DONE(NDVAL_CMD_PAIR_SET, "sq", NDVAL_A_PAIR_NAME, "own",
	     NDVAL_A_PAIR_EPOCH_SEEN, 3ULL);
	DONE(NDVAL_CMD_PAIR_SET, "sqq", NDVAL_A_PAIR_NAME, "own",
	     NDVAL_A_PAIR_EPOCH_SEEN, 6ULL, NDVAL_A_PAIR_INCARNATION,
	     host_pair_get(host, "own", NDVAL_A_PAIR_INCARNATION));
	REFUSED(EINVAL, NDVAL_CMD_PAIR_SET, "sq", NDVAL_A_PAIR_NAME, "own",
		NDVAL_A_PAIR_EPOCH_SEEN, 1ULL << 63);
	REFUSED(EINVAL, NDVAL_CMD_PAIR_SET, "squ", NDVAL_A_PAIR_NAME, "own",
		NDVAL_A_PAIR_EPOCH_SEEN, 9ULL, NDVAL_A_PAIR_RETAIN, 0);
	REFUSED(EINVAL, NDVAL_CMD_PAIR_SET, "sq", NDVAL_A_PAIR_NAME, "own",
		NDVAL_A_PAIR_INCARNATION, host_pair_get(host, "own", NDVAL_A_PAIR_INCARNATION));
	REFUSED(ESTALE, NDVAL_CMD_PAIR_SET, "sqq", NDVAL_A_PAIR_NAME, "own",
		NDVAL_A_PAIR_EPOCH_SEEN, 9ULL, NDVAL_A_PAIR_INCARNATION, 4711ULL);
	EXPECT_EQ(7, host_pair_get(host, "own", NDVAL_A_PAIR_EPOCH_SEEN));
	/* A secondary takes it too. */
	DONE(NDVAL_CMD_PAIR_SET, "sq", NDVAL_A_PAIR_NAME, "web1",
	     NDVAL_A_PAIR_EPOCH_SEEN, 5ULL);
	EXPECT_EQ(5, host_pair_get(host, "web1", NDVAL_A_PAIR_EPOCH_SEEN));
}

TEST_F(refuse, peers)
{
	char name[16];
	int i;

	REFUSED(EINVAL, NDVAL_CMD_PEER_ADD, "ss", NDVAL_A_PEER_PAIR, "web1",
		NDVAL_A_PEER_NAME, "m1");
	REFUSED(EEXIST, NDVAL_CMD_PEER_ADD, "ss", NDVAL_A_PEER_PAIR, "web1",
		NDVAL_A_PEER_NAME, "m2");
	REFUSED(ENOENT, NDVAL_CMD_PEER_ADD, "ss", NDVAL_A_PEER_PAIR, "x",
		NDVAL_A_PEER_NAME, "m2");
	REFUSED(ENOENT, NDVAL_CMD_PEER_DEL, "ss", NDVAL_A_PEER_PAIR, "web1",
		NDVAL_A_PEER_NAME, "m3");
	REFUSED(ENOENT, NDVAL_CMD_PEER_GET, "ss", NDVAL_A_PEER_PAIR, "web1",
		NDVAL_A_PEER_NAME, "m3");
	for (i = 3; i < 33; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		DONE(NDVAL_CMD_PEER_ADD, "ss", NDVAL_A_PEER_PAIR, "web1",
		     NDVAL_A_PEER_NAME, name);
	}
	REFUSED(ENOSPC, NDVAL_CMD_PEER_ADD, "ss", NDVAL_A_PEER_PAIR, "web1",
		NDVAL_A_PEER_NAME, "m33");
	DONE(NDVAL_CMD_PEER_DEL, "ss", NDVAL_A_PEER_PAIR, "web1", NDVAL_A_PEER_NAME, "m2");
	REFUSED(ENOENT, NDVAL_CMD_PEER_DEL, "ss", NDVAL_A_PEER_PAIR, "web1",
		NDVAL_A_PEER_NAME, "m2");
	EXPECT_EQ(30, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_PEERS));
}

TEST_F(refuse, promote_and_resync)
{
	REFUSED(ENODATA, NDVAL_CMD_PROMOTE, "s", NDVAL_A_PAIR_NAME, "web1");
	REFUSED(ENODATA, NDVAL_CMD_PROMOTE, "sf", NDVAL_A_PAIR_NAME, "web1",
		NDVAL_A_PAIR_FORCE);
	REFUSED(EINVAL, NDVAL_CMD_PROMOTE, "sff", NDVAL_A_PAIR_NAME, "web1",
		NDVAL_A_PAIR_NEW, NDVAL_A_PAIR_FORCE);
	REFUSED(EALREADY, NDVAL_CMD_PROMOTE, "s", NDVAL_A_PAIR_NAME, "own");
	REFUSED(EALREADY, NDVAL_CMD_PROMOTE, "sf", NDVAL_A_PAIR_NAME, "own",
		NDVAL_A_PAIR_FORCE);
	REFUSED(EALREADY, NDVAL_CMD_PROMOTE, "sf", NDVAL_A_PAIR_NAME, "own",
		NDVAL_A_PAIR_NEW);
	REFUSED(EINVAL, NDVAL_CMD_RESYNC, "s", NDVAL_A_PAIR_NAME, "own");
	DONE(NDVAL_CMD_PROMOTE, "sf", NDVAL_A_PAIR_NAME, "web1", NDVAL_A_PAIR_NEW);
	REFUSED(EALREADY, NDVAL_CMD_PROMOTE, "sf", NDVAL_A_PAIR_NAME, "web1",
		NDVAL_A_PAIR_NEW);
}

TEST_F(refuse, demote_switchover_and_outdate)
{
	REFUSED(EALREADY, NDVAL_CMD_DEMOTE, "s", NDVAL_A_PAIR_NAME, "web1");
	REFUSED(EINVAL, NDVAL_CMD_DEMOTE, "s", NDVAL_A_PAIR_NAME, "own");
	REFUSED(EINVAL, NDVAL_CMD_SWITCHOVER, "s", NDVAL_A_PAIR_NAME, "web1");
	REFUSED(EINVAL, NDVAL_CMD_SWITCHOVER, "ss", NDVAL_A_PAIR_NAME, "web1",
		NDVAL_A_PAIR_PEER, "m2");
	REFUSED(ENOENT, NDVAL_CMD_SWITCHOVER, "s", NDVAL_A_PAIR_NAME, "own");
	REFUSED(EINVAL, NDVAL_CMD_OUTDATE, "s", NDVAL_A_PAIR_NAME, "own");
	REFUSED(ENOENT, NDVAL_CMD_PEER_OUTDATE, "ss", NDVAL_A_PEER_PAIR, "web1",
		NDVAL_A_PEER_NAME, "m3");
	REFUSED(EINVAL, NDVAL_CMD_PEER_OUTDATE, "ss", NDVAL_A_PEER_PAIR, "web1",
		NDVAL_A_PEER_NAME, "m2");

	DONE(NDVAL_CMD_PROMOTE, "sf", NDVAL_A_PAIR_NAME, "web1", NDVAL_A_PAIR_NEW);
	REFUSED(ENOTCONN, NDVAL_CMD_SWITCHOVER, "s", NDVAL_A_PAIR_NAME, "web1");
	REFUSED(ENOENT, NDVAL_CMD_SWITCHOVER, "ss", NDVAL_A_PAIR_NAME, "web1",
		NDVAL_A_PAIR_PEER, "m3");
	DONE(NDVAL_CMD_PEER_OUTDATE, "ss", NDVAL_A_PEER_PAIR, "web1", NDVAL_A_PEER_NAME, "m2");
	REFUSED(EINVAL, NDVAL_CMD_OUTDATE, "s", NDVAL_A_PAIR_NAME, "web1");

	/* A primary that was demoted may be promoted, unless it is outdated. */
	DONE(NDVAL_CMD_DEMOTE, "s", NDVAL_A_PAIR_NAME, "web1");
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_ROLE));
	REFUSED(EALREADY, NDVAL_CMD_DEMOTE, "s", NDVAL_A_PAIR_NAME, "web1");
	DONE(NDVAL_CMD_OUTDATE, "s", NDVAL_A_PAIR_NAME, "web1");
	REFUSED(EPERM, NDVAL_CMD_PROMOTE, "s", NDVAL_A_PAIR_NAME, "web1");
	REFUSED(EEXIST, NDVAL_CMD_PROMOTE, "sf", NDVAL_A_PAIR_NAME, "web1",
		NDVAL_A_PAIR_NEW);
	DONE(NDVAL_CMD_PROMOTE, "sf", NDVAL_A_PAIR_NAME, "web1", NDVAL_A_PAIR_FORCE);
	EXPECT_EQ(2, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_EPOCH));
	EXPECT_EQ(1, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_FORCED));
	DONE(NDVAL_CMD_DEMOTE, "s", NDVAL_A_PAIR_NAME, "web1");
	DONE(NDVAL_CMD_PROMOTE, "sf", NDVAL_A_PAIR_NAME, "web1", NDVAL_A_PAIR_FENCED);
	EXPECT_EQ(3, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_EPOCH));
	EXPECT_EQ(1, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_FORCED));
}

TEST_F(refuse, promote_while_the_primary_is_seen)
{
	side_primary(&self->fake.side, "web");
	ASSERT_TRUE(fake_come_to(&self->host, &self->fake, JOINED));
	REFUSED(EBUSY, NDVAL_CMD_PROMOTE, "s", NDVAL_A_PAIR_NAME, "web1");
	REFUSED(EBUSY, NDVAL_CMD_PROMOTE, "sf", NDVAL_A_PAIR_NAME, "web1",
		NDVAL_A_PAIR_FENCED);
}

TEST_F(refuse, promote_new_of_a_pair_that_lives)
{
	side_primary(&self->fake.side, "web");
	ASSERT_TRUE(fake_come_to(&self->host, &self->fake, JOINED));
	REFUSED(EEXIST, NDVAL_CMD_PROMOTE, "sf", NDVAL_A_PAIR_NAME, "web1",
		NDVAL_A_PAIR_NEW);
}

/* It gives nobody a value any more, and nobody can follow it: it does not count. */
TEST_F(refuse, promote_new_is_not_refused_for_a_primary_that_is_fenced)
{
	side_primary(&self->fake.side, "web");
	self->fake.side.diverged = true;
	ASSERT_TRUE(fake_connect(&self->host, &self->fake, "m1", "m2"));
	ASSERT_TRUE(say_pair(&self->fake.peer, &self->fake.side));
	ASSERT_TRUE(peer_is_served(&self->fake.peer));
	DONE(NDVAL_CMD_PROMOTE, "sf", NDVAL_A_PAIR_NAME, "web1", NDVAL_A_PAIR_NEW);
	EXPECT_EQ(NDVAL_ROLE_PRIMARY, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_ROLE));
}

TEST_F(refuse, links)
{
	REFUSED(ENOENT, NDVAL_CMD_LINK_DETACH, "u", NDVAL_A_LINK_ID, 4711);
	REFUSED(ENOENT, NDVAL_CMD_LINK_GET, "u", NDVAL_A_LINK_ID, 0);
	REFUSED(ENOENT, NDVAL_CMD_LINK_GET, "u", NDVAL_A_LINK_ID, ~0U);
	REFUSED(ENOENT, NDVAL_CMD_LINK_DETACH, "ss", NDVAL_A_LINK_MEMBER, "m1",
		NDVAL_A_LINK_PEER, "m2");
	REFUSED(ENOENT, NDVAL_CMD_LINK_DETACH, "ss", NDVAL_A_LINK_MEMBER, "m7",
		NDVAL_A_LINK_PEER, "m2");
	REFUSED(EINVAL, NDVAL_CMD_LINK_DETACH, "s", NDVAL_A_LINK_MEMBER, "m1");
}

TEST_F(refuse, streams_and_instances)
{
	char byte;
	int fd = node_open("own", O_NONBLOCK);
	int secondary = node_open("web1", O_NONBLOCK);

	ASSERT_TRUE(node_ready(fd) && node_ready(secondary));
	ASSERT_EQ(1, get(fd, &byte, 1));
	ASSERT_EQ(-EAGAIN, get(secondary, &byte, 1));
	close(fd);
	close(secondary);
	REFUSED(EPERM, NDVAL_CMD_STREAM_DEL, "ss", NDVAL_A_STREAM_PAIR, "web1",
		NDVAL_A_STREAM_NAME, "default");
	REFUSED(ENOENT, NDVAL_CMD_STREAM_DEL, "ss", NDVAL_A_STREAM_PAIR, "own",
		NDVAL_A_STREAM_NAME, "none");
	REFUSED(ENOENT, NDVAL_CMD_STREAM_GET, "ss", NDVAL_A_STREAM_PAIR, "own",
		NDVAL_A_STREAM_NAME, "none");
	REFUSED(EINVAL, NDVAL_CMD_INSTANCE_GET, "su", NDVAL_A_INSTANCE_PAIR, "own",
		NDVAL_A_INSTANCE_INSTANCE, 8);
	REFUSED(ENXIO, NDVAL_CMD_INSTANCE_GET, "su", NDVAL_A_INSTANCE_PAIR, "own",
		NDVAL_A_INSTANCE_INSTANCE, 7);
	REFUSED(EINVAL, NDVAL_CMD_INSTANCE_SET, "s", NDVAL_A_INSTANCE_PAIR, "own");
	REFUSED(EINVAL, NDVAL_CMD_INSTANCE_SET, "suq", NDVAL_A_INSTANCE_PAIR, "own",
		NDVAL_A_INSTANCE_INSTANCE, 8, NDVAL_A_INSTANCE_POSITION, 0ULL);
	REFUSED(ENXIO, NDVAL_CMD_INSTANCE_SET, "suq", NDVAL_A_INSTANCE_PAIR, "own",
		NDVAL_A_INSTANCE_INSTANCE, 1, NDVAL_A_INSTANCE_POSITION, 0ULL);
	REFUSED(ERANGE, NDVAL_CMD_INSTANCE_SET, "sq", NDVAL_A_INSTANCE_PAIR, "own",
		NDVAL_A_INSTANCE_POSITION, 1ULL << 40);
	REFUSED(ERANGE, NDVAL_CMD_INSTANCE_SET, "sq", NDVAL_A_INSTANCE_PAIR, "own",
		NDVAL_A_INSTANCE_POSITION, ~0ULL);
	REFUSED(ERANGE, NDVAL_CMD_INSTANCE_SET, "sq", NDVAL_A_INSTANCE_PAIR, "own",
		NDVAL_A_INSTANCE_POSITION, 4097ULL);
	DONE(NDVAL_CMD_INSTANCE_SET, "sq", NDVAL_A_INSTANCE_PAIR, "own",
	     NDVAL_A_INSTANCE_POSITION, 4096ULL);
}

static int look(struct host *host, __u64 offset, __u32 length)
{
	return ask(host, NDVAL_CMD_VALUES_GET, "squ", NDVAL_A_VALUES_PAIR, "own",
		   NDVAL_A_VALUES_OFFSET, offset, NDVAL_A_VALUES_LENGTH, length);
}

TEST_F(refuse, values_outside_what_may_be_seen)
{
	/* One chunk is recorded. */
	static const struct {
		__u64 offset;
		__u32 length;
		int err;
	} looks[] = {
		{ 0, 1, 0 }, { 0, 4096, 0 }, { 4095, 4096, 0 },
		{ 0, 0, -EINVAL }, { 0, 4097, -EINVAL }, { 0, ~0U, -EINVAL },
		{ 4096, 1, -ENODATA }, { 1ULL << 63, 1, -ENODATA }, { ~0ULL, 4096, -ENODATA },
	};
	char byte;
	int fd = node_open("own", O_NONBLOCK);
	size_t i;

	ASSERT_TRUE(node_ready(fd));
	ASSERT_EQ(1, get(fd, &byte, 1));
	close(fd);
	EXPECT_EQ(-EACCES, look(&self->host, 0, 1));
	EXPECT_TRUE(host_refused_well(&self->host, -EACCES));
	ASSERT_EQ(0, host_set(&self->host, "own", NDVAL_A_PAIR_INSPECT, NDVAL_SWITCH_ON));
	for (i = 0; i < ARRAY_LEN(looks); i++) {
		EXPECT_EQ(looks[i].err, look(&self->host, looks[i].offset, looks[i].length));
		EXPECT_TRUE(!looks[i].err || host_refused_well(&self->host, looks[i].err))
			TH_LOG("case %zu", i);
	}
	REFUSED(ENOENT, NDVAL_CMD_VALUES_GET, "ssqu", NDVAL_A_VALUES_PAIR, "own",
		NDVAL_A_VALUES_STREAM, "none", NDVAL_A_VALUES_OFFSET, 0ULL,
		NDVAL_A_VALUES_LENGTH, 1);
	REFUSED(ENOENT, NDVAL_CMD_VALUES_GET, "squ", NDVAL_A_VALUES_PAIR, "none",
		NDVAL_A_VALUES_OFFSET, 0ULL, NDVAL_A_VALUES_LENGTH, 1);
	/* Nobody has read a clock, or agreed. */
	REFUSED(ENOENT, NDVAL_CMD_VALUES_GET, "squf", NDVAL_A_VALUES_PAIR, "own",
		NDVAL_A_VALUES_OFFSET, 0ULL, NDVAL_A_VALUES_LENGTH, 1,
		NDVAL_A_VALUES_JOURNAL);
}

TEST_F(refuse, a_dump_with_attributes)
{
	unsigned int count = 0;
	size_t i;
	int err;

	for (i = 0; i < ARRAY_LEN(commands); i++) {
		if (!commands[i].dump)
			continue;
		nl_request(self->host.nl, commands[i].cmd, NLM_F_DUMP);
		nl_put_str(self->host.nl, 1, "own");
		err = nl_call(self->host.nl, count_one, &count);
		EXPECT_GT(0, err) TH_LOG("command %d", commands[i].cmd);
		EXPECT_TRUE(host_refused_well(&self->host, err))
			TH_LOG("command %d: %s", commands[i].cmd, nl_message(self->host.nl));
	}
	EXPECT_EQ(0, count);
}

/* Netlink itself refuses these, without words. */
TEST_F(refuse, commands_that_are_none)
{
	size_t i;

	EXPECT_EQ(-EOPNOTSUPP, ask(&self->host, 0, ""));
	EXPECT_EQ(-EOPNOTSUPP, ask(&self->host, NDVAL_CMD_EVENT, ""));
	EXPECT_EQ(-EOPNOTSUPP, ask(&self->host, NDVAL_CMD_MAX + 1, ""));
	EXPECT_EQ(-EOPNOTSUPP, ask(&self->host, 255, ""));
	for (i = 0; i < ARRAY_LEN(commands); i++) {
		if (commands[i].dump)
			continue;
		nl_request(self->host.nl, commands[i].cmd, NLM_F_DUMP);
		EXPECT_EQ(-EOPNOTSUPP, nl_call(self->host.nl, NULL, NULL));
	}
}

TEST_HARNESS_MAIN
