// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links on a host whose memory is in pieces: they come up, and what is in the longest
 * messages arrives as it was, over each kind of socket.
 *
 * vm: flavours=debug sources=fault.c,peer.c,tls.c,../../tools/lib/nl.c libs=-lmnl
 * vm: modules=tls,chacha20poly1305,gcm timeout=180
 */
#include <sys/socket.h>

#include "kselftest_harness.h"

#include "common.h"
#include "fault.h"
#include "peer.h"
#include "tls.h"

/* Several messages, and one that is not full. */
#define LENGTH	(3 * NDVAL_WIRE_VALUES_MAX + 12345)

/* Two links have two buffers each. */
#define BUFFERS	4

FIXTURE(pieces)
{
	struct host host;
	int ends[2];
	int copy[2];
};

static bool unix_ends(int *ends)
{
	return !socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
}

static bool chacha20_ends(int *ends)
{
	return tls_pair(ends, CHACHA20, 1);
}

static bool aes256_ends(int *ends)
{
	return tls_pair(ends, AES256, 1);
}

FIXTURE_VARIANT(pieces)
{
	bool (*connect)(int *ends);
};

FIXTURE_VARIANT_ADD(pieces, unix) {
	.connect = unix_ends,
};

FIXTURE_VARIANT_ADD(pieces, tcp) {
	.connect = tcp_pair,
};

FIXTURE_VARIANT_ADD(pieces, chacha20) {
	.connect = chacha20_ends,
};

FIXTURE_VARIANT_ADD(pieces, aes256) {
	.connect = aes256_ends,
};

FIXTURE_SETUP(pieces)
{
	int i;

	ASSERT_TRUE(host_open(&self->host));
	ASSERT_TRUE(two_members("ring_size=1M retain=1M commit=async"));
	for (i = 0; i < 2; i++) {
		self->copy[i] = instance_open(i ? "web2" : "web1", "default", 0, 0);
		ASSERT_LE(0, self->copy[i]);
	}
	ASSERT_TRUE(variant->connect(self->ends));
}

FIXTURE_TEARDOWN(pieces)
{
	fault_large(0);
	close(self->copy[0]);
	close(self->copy[1]);
	host_close(&self->host);
	two_members_end();
}

TEST_F_TIMEOUT(pieces, of_memory_carry_the_longest_messages, 120)
{
	static char got[2][LENGTH];
	__u32 links[2];
	int i;

	/* What its copy lacks is all there to be sent when the link comes. */
	ASSERT_EQ(0, run("ndvalctl link detach --member m1 --peer m2"));
	ASSERT_TRUE(wait_until(host_pair_get(&self->host, "web1", NDVAL_A_PAIR_HEALTH) ==
			       NDVAL_HEALTH_ALONE, 20));
	ASSERT_TRUE(get_all(self->copy[0], got[0], LENGTH, LENGTH));

	ASSERT_TRUE(fault_large(BUFFERS));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, host_attach(&self->host, i ? "m2" : "m1", i ? "m1" : "m2",
					 self->ends[i], &links[i]));
		close(self->ends[i]);
	}
	EXPECT_EQ(0, fault_large_left());
	ASSERT_TRUE(fault_large(0));

	ASSERT_TRUE(get_all(self->copy[1], got[1], LENGTH, LENGTH));
	EXPECT_EQ(0, memcmp(got[0], got[1], LENGTH));
	/* Not by many short ones. */
	EXPECT_GT(40, host_link_get(&self->host, links[1], NDVAL_A_LINK_RX_MESSAGES));
}

TEST_HARNESS_MAIN
