// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random lies: valid messages with something changed at random, from a seed
 * that is printed (NDVAL_SEED chooses another, NDVAL_ROUNDS another number).
 * Whatever comes, the kernel lives, drops the link or goes on, keeps within
 * its memory, and serves the next peer that speaks the truth.
 *
 * vm: sources=peer.c,../../tools/lib/nl.c libs=-lmnl timeout=180
 */
#include "kselftest_harness.h"
#include "common.h"
#include "peer.h"

#define SEED	0x6e6476616cULL
#define ROUNDS	2000

/* Rounds after which the two begin anew, in the other roles. */
#define ERA	50

/* How long an answer may take before we believe that none comes, in ms. */
#define ANSWER_MS	60

FIXTURE(fuzz)
{
	struct host host;
	struct fake fake;
	__u64 random;
};

FIXTURE_SETUP(fuzz)
{
	memset(self, 0, sizeof(*self));
	self->fake.peer.fd = -1;
	ASSERT_TRUE(host_open(&self->host));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	ASSERT_EQ(0, host_pair(&self->host, "web1", "web", "m1", "m2"));
	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_MEMORY_MAX, 4 * MIB));
}

FIXTURE_TEARDOWN(fuzz)
{
	peer_close(&self->fake.peer);
	host_pair_del(&self->host, "web1");
	EXPECT_TRUE(host_member_del(&self->host, "m1"));
	host_close(&self->host);
}

/* A number that is more likely than others to hurt. */
static __u64 nasty(__u64 *random)
{
	static const __u64 corners[] = {
		0, 1, 4095, 4096, 65535, 65536, 1 << 18, 64 << 20, 1ULL << 31, 1ULL << 32,
		1ULL << 62, 1ULL << 63, ~0ULL,
	};
	__u64 corner = corners[draw(random) % ARRAY_LEN(corners)];

	return corner + draw(random) % 3 - 1;
}

/* An attribute of the message, or NULL. */
static struct nlattr *any_attr(struct wire *wire, __u64 *random)
{
	struct nlattr *attr = NULL;
	int tries = 20;

	while (!attr && tries--)
		attr = wire_attr(wire, draw(random) % (NDVAL_WIRE_A_MAX + 1));
	return attr;
}

static void change_attr(struct wire *wire, __u64 *random)
{
	struct nlattr *attr = any_attr(wire, random);
	__u64 number = nasty(random);

	if (!attr)
		return;
	switch (draw(random) % 6) {
	case 0:
		wire_drop(wire, mnl_attr_get_type(attr));
		break;
	case 1:
		wire_repeat(wire, mnl_attr_get_type(attr));
		break;
	case 2:
		attr->nla_type = draw(random);
		break;
	case 3:
		attr->nla_len = draw(random) % 2 ? draw(random) % 32 : draw(random);
		break;
	default:
		if (mnl_attr_get_payload_len(attr) == 8)
			memcpy(mnl_attr_get_payload(attr), &number, 8);
		else if (mnl_attr_get_payload_len(attr) == 4)
			memcpy(mnl_attr_get_payload(attr), &number, 4);
		break;
	}
}

static void change_bits(struct wire *wire, size_t len, __u64 *random)
{
	int count = 1 + draw(random) % 8;

	while (count--)
		wire->buf[draw(random) % len] ^= 1 << draw(random) % 8;
}

/* Makes a message that was valid; returns how many bytes to send of it. */
static size_t make_lie(struct fake *fake, __u64 *random)
{
	struct wire *wire = &fake->wire;
	size_t len;

	fake_make(fake, 1 + draw(random) % NDVAL_WIRE_CMD_MAX);
	len = wire->nlh->nlmsg_len;
	switch (draw(random) % 8) {
	case 0:
		change_bits(wire, len, random);
		break;
	case 1:
		wire->nlh->nlmsg_len = draw(random) % 2 ? nasty(random) : draw(random) % 512;
		return len;
	case 2:
		return draw(random) % len;
	case 3:
		/* Behind the header, so that the frame stays whole. */
		wire->buf[16 + draw(random) % (len - 16)] = draw(random);
		break;
	default:
		change_attr(wire, random);
		if (draw(random) % 2)
			change_attr(wire, random);
		return wire->nlh->nlmsg_len <= WIRE_MAX ? wire->nlh->nlmsg_len : len;
	}
	return len;
}

/* Does the kernel still listen? It may also have dropped us, or wait for more. */
static bool goes_on(struct fake *fake)
{
	int got;

	fake_make(fake, NDVAL_WIRE_CMD_PING);
	if (!peer_send(&fake->peer, &fake->wire))
		return false;
	do {
		got = peer_receive(&fake->peer, &fake->said, ANSWER_MS);
	} while (got > 0 && got != NDVAL_WIRE_CMD_PONG);
	return got == NDVAL_WIRE_CMD_PONG;
}

/* The kernel knows nothing, or is primary; we are the other. */
static bool begin_era(struct host *host, struct fake *fake, bool lead)
{
	if (fake->peer.fd >= 0)
		fake_hang_up(host, fake);
	if (host_call(host, NDVAL_CMD_RESYNC, NDVAL_A_PAIR_NAME, "web1"))
		return false;
	if (lead)
		side_primary(&fake->side, "web");
	else
		side_secondary(&fake->side, "web");
	return lead || !host_promote(host, "web1");
}

/* A link on which valid messages make sense. */
static bool connect_again(struct host *host, struct fake *fake)
{
	const struct values values = { .stream = "default", .id = FAKE_STREAM_ID, .len = 5000 };

	if (fake->peer.fd >= 0)
		fake_hang_up(host, fake);
	if (!peer_connect(host, &fake->peer, "m1", "m2") || !peer_greet(&fake->peer) ||
	    !say_pair(&fake->peer, &fake->side))
		return false;
	if (fake->side.role == NDVAL_ROLE_PRIMARY)
		return say_values(&fake->peer, &fake->side, &values);
	return fake_follow(fake);
}

TEST_F(fuzz, random_lies_do_no_harm)
{
	__u64 rounds = rounds_of(ROUNDS);
	__u64 seed = from_environment("NDVAL_SEED", SEED);
	struct fake *fake = &self->fake;
	unsigned int dropped = 0;
	bool connected = false;
	__u64 round;

	TH_LOG("seed %#llx, %llu rounds", seed, rounds);
	for (round = 0; round < rounds; round++) {
		__u64 random = seed + round;
		size_t len;

		if (round % ERA == 0) {
			ASSERT_TRUE(begin_era(&self->host, fake, round / ERA % 2 == 0))
				TH_LOG("round %llu: %s", round, nl_message(self->host.nl));
			connected = false;
		}
		if (!connected)
			ASSERT_TRUE(connect_again(&self->host, fake))
				TH_LOG("round %llu", round);
		len = make_lie(fake, &random);
		connected = peer_write(&fake->peer, fake->wire.buf, len) && goes_on(fake);
		dropped += !connected;
	}
	TH_LOG("%u links dropped", dropped);
	EXPECT_LT(rounds / 10, dropped);
	EXPECT_GT(rounds, dropped);
	EXPECT_GE(4 * MIB, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_MEMORY));
	ASSERT_TRUE(begin_era(&self->host, fake, true));
	fake->peer.fd = -1;
	EXPECT_TRUE(fake_come_to(&self->host, fake, JOINED));
}

TEST_HARNESS_MAIN
