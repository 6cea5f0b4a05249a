// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pair is removed while its link is up: the sender still has to tell the
 * peer, and drops the last reference to what it tells of. It may do so before
 * whoever asked for that has gone on: on a kernel that preempts, at once.
 *
 * vm: sources=peer.c,../../tools/lib/nl.c libs=-lmnl timeout=250
 */
#include "kselftest_harness.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "common.h"
#include "peer.h"

#define ROUNDS	rounds_of(200)
#define BREAKS	rounds_of(100)

/* Longest that they may take, in s: whoever removes the pair gets what others leave. */
#define BREAKING	600

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
	__u64 i;

	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, host_pair(&self->host, "web1", "web", "m1", "m2"));
		host_pair_del(&self->host, "web1");
		ASSERT_TRUE(hears_of_removal(&self->fake));
	}
}

TEST_F(two, peer_del)
{
	__u64 i;

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

/* Links are made and break, at any moment, until *@stop. */
static void come_and_go(const bool *stop)
{
	struct host host = { .nl = nl_open() };
	struct fake fake = { .peer.fd = -1 };
	/* Whoever removes pairs needs as much longer. */
	const __u64 slower = from_environment("NDVAL_SLOWER", 1);
	unsigned int i;

	/* Whoever could tell us to stop may be ended by a failure. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; !*stop; i++) {
		if (!fake_connect(&host, &fake, "m1", "m2"))
			_exit(1);
		usleep((1000 + i * 37 % 3000) * slower);
		peer_close(&fake.peer);
	}
	_exit(0);
}

/*
 * The list of what is to be sent is thrown away, with the references it holds,
 * while something is put on it: whoever removes the pair is overtaken by
 * everybody else wherever it is.
 */
TEST_F_TIMEOUT(two, pair_del_while_links_break, BREAKING)
{
	const struct sched_param none = { 0 };
	bool *stop = shared(sizeof(*stop));
	pid_t pid, gone = 0;
	int status;
	__u64 i;

	ASSERT_NE(NULL, stop);
	peer_close(&self->fake.peer);
	pid = fork();
	if (!pid)
		come_and_go(stop);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, sched_setscheduler(0, SCHED_IDLE, &none));
	for (i = 0; i < BREAKS && !gone; i++) {
		ASSERT_EQ(0, host_pair(&self->host, "web1", "web", "m1", "m2"));
		host_pair_del(&self->host, "web1");
		gone = waitpid(pid, &status, WNOHANG);
	}
	ASSERT_EQ(0, gone);
	*stop = true;
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
