// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a failover takes: the primary is gone; from the command that promotes the
 * survivor until a reader there, who waits, has a new value. Two members in one guest
 * in turns, so that nothing but ndval's own work is measured: the request over netlink,
 * and 'ndvalctl promote', a program that has to be started.
 *
 * The guest's clock counts instructions, a ns each, and what is waited for by a timer:
 * the figures do not depend on how busy this machine is.
 *
 * vm: sources=peer.c,../../tools/lib/nl.c libs=-lmnl timeout=600
 * vm: flavours=6.1,6.12 icount=1
 */
#include "kselftest_harness.h"
#include "common.h"
#include "peer.h"

#define SAMPLES		100
#define PROGRAMS	25	/* it takes long to start them */

/* Promotions in a life of the pair. */
#define LIFE		10

/* What the work may take, with the start of a program or without; and at worst. */
#define GOAL_MS		10.0
#define WORST_MS	50.0

struct name {
	const char	*member;
	const char	*pair;
};

static const struct name names[2] = { { "m1", "web1" }, { "m2", "web2" } };

static bool join(struct host *host)
{
	int ends[2], i, err = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return false;
	for (i = 0; i < 2; i++) {
		err |= host_attach(host, names[i].member, names[!i].member, ends[i], NULL);
		close(ends[i]);
	}
	return !err;
}

FIXTURE(promote)
{
	struct host host;
	double took[SAMPLES];
};

FIXTURE_VARIANT(promote) {
	bool program;
	int samples;
};

FIXTURE_VARIANT_ADD(promote, netlink) { .program = false, .samples = SAMPLES };
FIXTURE_VARIANT_ADD(promote, ndvalctl) { .program = true, .samples = PROGRAMS };

FIXTURE_SETUP(promote)
{
	int i;

	ASSERT_TRUE(host_open(&self->host));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_MEMBER_NEW,
				       NDVAL_A_MEMBER_NAME, names[i].member));
	/* It carries all pairs that the two ever have. */
	ASSERT_TRUE(join(&self->host));
}

FIXTURE_TEARDOWN(promote)
{
	int i;

	for (i = 0; i < 2; i++) {
		host_pair_del(&self->host, names[i].pair);
		run("ndvalctl link detach --member %s --peer %s", names[i].member,
		    names[!i].member);
		EXPECT_TRUE(host_member_del(&self->host, names[i].member));
	}
	host_close(&self->host);
}

static bool make_pair(struct host *host, int i)
{
	return !host_pair(host, names[i].pair, "web", names[i].member, names[!i].member);
}

static bool is_protected(struct host *host, int i)
{
	return wait_until(host_pair_get(host, names[i].pair, NDVAL_A_PAIR_HEALTH) ==
			  NDVAL_HEALTH_PROTECTED, 20);
}

static bool begin_life(struct host *host)
{
	return make_pair(host, 0) && make_pair(host, 1) &&
	       !host_promote(host, names[0].pair) &&
	       is_protected(host, 0) && is_protected(host, 1);
}

/* All that is there for the survivor's instance without a new primary. */
static bool read_all(int fd)
{
	char bytes[4096];
	ssize_t len;

	do {
		len = read(fd, bytes, sizeof(bytes));
	} while (len > 0);
	return len < 0 && errno == EAGAIN && !fcntl(fd, F_SETFL, 0);
}

/* The command; the reader is this process, which waits in read(2). */
static double time_promotion(struct host *host, int i, int fd, bool program)
{
	double begin = seconds();
	char byte;
	int err;

	if (program)
		err = run("ndvalctl promote %s", names[i].pair);
	else
		err = host_take_over(host, names[i].pair);
	if (err || read(fd, &byte, 1) != 1) {
		printf("# promote %s: %d %s\n", names[i].pair, err, nl_message(host->nl));
		return -1;
	}
	return (seconds() - begin) * 1000;
}

/* It has noticed; the link between the two members stays. */
static bool has_lost(struct host *host, int i)
{
	return wait_until(host_peer_state(host, names[i].pair, names[!i].member, NULL) <=
			  NDVAL_PEER_STATE_CONNECTING, 20);
}

static double one_failover(struct host *host, int old, bool program)
{
	int fd = node_open(names[!old].pair, 0);
	double took = -1;
	char byte;

	if (fd >= 0 && read(fd, &byte, 1) == 1) {
		host_pair_del(host, names[old].pair);
		if (has_lost(host, !old) && !fcntl(fd, F_SETFL, O_NONBLOCK) && read_all(fd))
			took = time_promotion(host, !old, fd, program);
	}
	close(fd);
	return took;
}

static int compare(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

TEST_F_TIMEOUT(promote, until_the_first_new_value, 350)
{
	int count = variant->samples, primary = 0, i;

	for (i = 0; i < count; i++) {
		if (i % LIFE == 0) {
			host_pair_del(&self->host, names[0].pair);
			host_pair_del(&self->host, names[1].pair);
			ASSERT_TRUE(begin_life(&self->host));
			primary = 0;
		}
		self->took[i] = one_failover(&self->host, primary, variant->program);
		ASSERT_LT(0, self->took[i]) TH_LOG("failover %d", i);
		primary = !primary;
		ASSERT_TRUE(make_pair(&self->host, !primary));
		ASSERT_TRUE(is_protected(&self->host, primary));
		ASSERT_TRUE(is_protected(&self->host, !primary));
	}
	qsort(self->took, count, sizeof(*self->took), compare);
	TH_LOG("%s: %d promotions: median %.2f ms, worst %.2f ms",
	       variant->program ? "ndvalctl" : "netlink", count, self->took[count / 2],
	       self->took[count - 1]);
	EXPECT_GT(GOAL_MS, self->took[count / 2]);
	EXPECT_GT(WORST_MS, self->took[count - 1]);
}

TEST_HARNESS_MAIN
