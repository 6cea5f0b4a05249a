// SPDX-License-Identifier: GPL-2.0-only
/*
 * Another generic netlink family, asked throughout, answers at once: nothing
 * that ndval does under netlink's locks, or in its links and removals, waits
 * for a peer or a reader. A third family comes and goes all the while, since
 * that needs alone the lock that every command shares: behind who waits for it
 * because of one slow command, all others would wait.
 *
 * vm: sources=peer.c,../../tools/lib/nl.c libs=-lmnl timeout=90 modules=fou
 */
#include <linux/genetlink.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "common.h"
#include "peer.h"

/* Longest that the other family may take, in seconds; emulation is slow. */
#define LIMIT	1.0

struct asker {
	pthread_t	thread;
	atomic_bool	stop;
	atomic_ulong	answers;
	unsigned long	failures;
	double		worst;
};

/* Asks the controller for its own family. */
static bool ask_controller(struct mnl_socket *socket, unsigned int seq)
{
	char buf[8192];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;
	ssize_t len;

	nlh->nlmsg_type = GENL_ID_CTRL;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = seq;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = CTRL_CMD_GETFAMILY;
	genl->version = 1;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, "nlctrl");
	if (mnl_socket_sendto(socket, nlh, nlh->nlmsg_len) < 0)
		return false;
	len = mnl_socket_recvfrom(socket, buf, sizeof(buf));
	return len > 0 && ((struct nlmsghdr *)buf)->nlmsg_type == GENL_ID_CTRL;
}

static void *keep_asking(void *data)
{
	struct mnl_socket *socket = mnl_socket_open(NETLINK_GENERIC);
	struct asker *asker = data;
	unsigned int seq = 0;

	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		asker->failures++;
		return NULL;
	}
	while (!asker->stop) {
		double begin = seconds();

		if (ask_controller(socket, ++seq))
			asker->answers++;
		else
			asker->failures++;
		if (seconds() - begin > asker->worst)
			asker->worst = seconds() - begin;
		/* Leave the processor, which may be the only one, to the rest. */
		usleep(1000);
	}
	mnl_socket_close(socket);
	return NULL;
}

/* A test goes on until the third family has come and gone so often. */
#define TIMES	6

/* The process that registers a third family and removes it, again and again. */
static pid_t start_coming_and_going(unsigned long *times)
{
	pid_t child = fork();

	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* What an earlier test was about to do may get between the two. */
	for (;;)
		if (!run("modprobe fou && rmmod fou"))
			__atomic_add_fetch(times, 1, __ATOMIC_RELAXED);
}

FIXTURE(second)
{
	struct host host;
	struct fake fake;
	struct asker asker;
	pid_t third;
	unsigned long *times;	/* that the third family came and went */
	double begin;
};

FIXTURE_SETUP(second)
{
	memset(self, 0, sizeof(*self));
	self->fake.peer.fd = -1;
	ASSERT_TRUE(host_open(&self->host));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	self->times = shared(sizeof(*self->times));
	ASSERT_NE(NULL, self->times);
	self->third = start_coming_and_going(self->times);
	ASSERT_EQ(0, pthread_create(&self->asker.thread, NULL, keep_asking, &self->asker));
	ASSERT_TRUE(wait_until(self->asker.answers && *self->times, 10));
	self->begin = seconds();
}

FIXTURE_TEARDOWN(second)
{
	struct asker *asker = &self->asker;

	asker->stop = true;
	pthread_join(asker->thread, NULL);
	kill(self->third, SIGKILL);
	waitpid(self->third, NULL, 0);
	TH_LOG("%lu answers in %.1f s, the slowest after %.3f s; a third family came %lu times",
	       asker->answers, seconds() - self->begin, asker->worst, *self->times);
	EXPECT_EQ(0, asker->failures);
	EXPECT_LT(20, asker->answers);
	EXPECT_GT(LIMIT, asker->worst);
	peer_close(&self->fake.peer);
	host_close(&self->host);
}

/* A link to a peer that does not read, with more to send than there is room for. */
static bool link_to_frozen(struct host *host, struct fake *fake, int fd)
{
	const struct fetch fetch = {
		.stream = "default", .want = 64 << 20, .demand = 1 << 20,
	};
	char bytes[4096];
	int i;

	side_secondary(&fake->side, "web");
	if (!fake_come_to(host, fake, JOINED) || !say_fetch(&fake->peer, &fake->side, &fetch))
		return false;
	for (i = 0; i < 100; i++)
		get(fd, bytes, sizeof(bytes));
	return true;
}

TEST_F(second, answers_while_links_to_a_frozen_peer_come_and_go)
{
	struct host *host = &self->host;
	char reason[REASON_SIZE];
	int fd, i;

	ASSERT_EQ(0, host_pair(host, "web1", "web", "m1", "m2"));
	ASSERT_EQ(0, host_set(host, "web1", NDVAL_A_PAIR_RING_SIZE, 4 << 20));
	ASSERT_EQ(0, host_promote(host, "web1"));
	fd = node_open("web1", O_NONBLOCK);
	for (i = 0; i < 8 || *self->times < TIMES; i++) {
		double begin;

		ASSERT_TRUE(link_to_frozen(host, &self->fake, fd));
		begin = seconds();
		nl_request(host->nl, NDVAL_CMD_LINK_DETACH, 0);
		nl_put_u32(host->nl, NDVAL_A_LINK_ID, self->fake.peer.link);
		EXPECT_EQ(0, nl_call(host->nl, NULL, NULL));
		/* The command itself does not wait either. */
		EXPECT_GT(LIMIT, seconds() - begin);
		EXPECT_TRUE(host_link_down(host, self->fake.peer.link, reason));
		peer_close(&self->fake.peer);
	}
	close(fd);
	host_pair_del(host, "web1");
}

/* Sleeps in read() of a pair that delivers nothing; returns its process. */
static pid_t sleeping_reader(const char *pair)
{
	pid_t reader = fork();
	char byte;
	int fd;

	if (reader)
		return wait_until(task_sleeps(reader), 10) ? reader : -1;
	fd = node_open(pair, 0);
	_exit(get(fd, &byte, 1) == -ENODEV ? 42 : 1);
}

TEST_F(second, answers_while_pairs_are_removed_under_sleeping_readers)
{
	struct host *host = &self->host;
	pid_t readers[8];
	int round, i, status;

	for (round = 0; round < 5 || *self->times < TIMES; round++) {
		ASSERT_EQ(0, host_pair(host, "web1", "web", "m1", "m2"));
		for (i = 0; i < 8; i++) {
			readers[i] = sleeping_reader("web1");
			ASSERT_LT(0, readers[i]);
		}
		host_pair_del(host, "web1");
		for (i = 0; i < 8; i++) {
			ASSERT_EQ(readers[i], waitpid(readers[i], &status, 0));
			EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 42);
		}
	}
}

TEST_F(second, answers_while_the_module_can_not_be_removed_and_when_it_is)
{
	struct host *host = &self->host;
	double begin;
	int fd, i;

	ASSERT_EQ(0, host_pair(host, "web1", "web", "m1", "m2"));
	ASSERT_EQ(0, host_promote(host, "web1"));
	fd = node_open("web1", O_NONBLOCK);
	ASSERT_TRUE(link_to_frozen(host, &self->fake, fd));
	for (i = 0; i < 20 || *self->times < TIMES; i++) {
		EXPECT_EQ(-1, syscall(SYS_delete_module, "ndval", O_NONBLOCK));
		EXPECT_TRUE(errno == EBUSY || errno == EAGAIN);
		usleep(10000);
	}
	/* The link to the frozen peer does not hold it. */
	close(fd);
	nl_close(host->nl);
	host->nl = NULL;
	begin = seconds();
	EXPECT_EQ(0, syscall(SYS_delete_module, "ndval", O_NONBLOCK));
	EXPECT_GT(5, seconds() - begin);
	EXPECT_EQ(0, run("modprobe ndval host=a"));
}

TEST_HARNESS_MAIN
