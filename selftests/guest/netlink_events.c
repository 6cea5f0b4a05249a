// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events: each change is told, in order, numbered without a gap; who reads
 * too slowly learns that something was lost, and can ask for the state.
 *
 * vm: sources=peer.c,../../tools/lib/nl.c libs=-lmnl timeout=60
 */
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "common.h"
#include "peer.h"

/* One event, as far as tests look at it. */
struct event {
	__u64	seq;
	__u32	kind;
	__u32	link;
	__u32	operation;
	__u32	error;
	__u32	pid;
	__u64	offset;
	__u32	length;
	char	pair[64];
	char	peer[64];
	char	stream[64];
	char	comm[32];
	bool	filled;
};

/* What was heard so far. */
struct listener {
	struct nl	*nl;
	struct event	event;		/* the last one */
	__u64		seq;		/* its number, 0 for none */
};

FIXTURE(events)
{
	struct host host;
	struct fake fake;
	struct listener listener;
};

FIXTURE_SETUP(events)
{
	memset(self, 0, sizeof(*self));
	self->fake.peer.fd = -1;
	ASSERT_TRUE(host_open(&self->host));
	self->listener.nl = self->host.nl;
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
}

FIXTURE_TEARDOWN(events)
{
	peer_close(&self->fake.peer);
	host_close(&self->host);
	/* The rest of what the test made goes with the next host_open(). */
	ASSERT_TRUE(host_open(&self->host));
	host_close(&self->host);
}

static void copy(char *to, size_t size, const struct nlattr *attr)
{
	snprintf(to, size, "%s", nl_str(attr));
}

static int take(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_EVENT_MAX + 1];
	struct event *event = data;

	nl_parse(nlh, tb, NDVAL_A_EVENT_MAX);
	event->filled = true;
	event->seq = nl_u64(tb[NDVAL_A_EVENT_SEQ]);
	event->kind = nl_u32(tb[NDVAL_A_EVENT_KIND]);
	event->link = nl_u32(tb[NDVAL_A_EVENT_LINK]);
	event->operation = nl_u32(tb[NDVAL_A_EVENT_OPERATION]);
	event->error = nl_u32(tb[NDVAL_A_EVENT_ERROR]);
	event->pid = nl_u32(tb[NDVAL_A_EVENT_PID]);
	event->offset = nl_u64(tb[NDVAL_A_EVENT_OFFSET]);
	event->length = nl_u32(tb[NDVAL_A_EVENT_LENGTH]);
	copy(event->pair, sizeof(event->pair), tb[NDVAL_A_EVENT_PAIR]);
	copy(event->peer, sizeof(event->peer), tb[NDVAL_A_EVENT_PEER]);
	copy(event->stream, sizeof(event->stream), tb[NDVAL_A_EVENT_STREAM]);
	copy(event->comm, sizeof(event->comm), tb[NDVAL_A_EVENT_COMM]);
	return MNL_CB_OK;
}

/* The next event, of any kind; its number must be the next one. */
static bool next(struct __test_metadata *_metadata, struct listener *listener)
{
	struct pollfd p = { .fd = nl_fd(listener->nl), .events = POLLIN };
	struct event *event = &listener->event;

	memset(event, 0, sizeof(*event));
	if (poll(&p, 1, PATIENCE_MS) != 1)
		return false;
	if (nl_receive_event(listener->nl, take, event) || !event->filled)
		return false;
	if (listener->seq)
		EXPECT_EQ(listener->seq + 1, event->seq);
	listener->seq = event->seq;
	return true;
}

/* Skips to the next event of a kind. */
static bool await(struct __test_metadata *_metadata, struct listener *listener, __u32 kind)
{
	do {
		if (!next(_metadata, listener))
			return false;
	} while (listener->event.kind != kind);
	return true;
}

#define AWAIT(kind) \
	ASSERT_TRUE(await(_metadata, &self->listener, NDVAL_EVENT_KIND_##kind))

struct number {
	__u16	type;
	__u32	value;
};

static int take_number(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_PAIR_MAX + 1];
	struct number *number = data;

	nl_parse(nlh, tb, NDVAL_A_PAIR_MAX);
	number->value = nl_u32(tb[number->type]);
	return MNL_CB_OK;
}

TEST_F(events, tell_of_all_that_happens_to_a_pair)
{
	struct number operation = { .type = NDVAL_A_PAIR_OPERATION };
	struct event *event = &self->listener.event;
	struct host *host = &self->host;
	char byte;
	int fd;

	ASSERT_EQ(0, host_pair(host, "web1", "web", "m1", "m2"));
	AWAIT(PAIR_NEW);
	EXPECT_STREQ("web1", event->pair);
	ASSERT_EQ(0, host_promote(host, "web1"));
	AWAIT(PAIR_CHANGE);
	ASSERT_EQ(0, host_set(host, "web1", NDVAL_A_PAIR_INSPECT, NDVAL_SWITCH_ON));
	AWAIT(PAIR_CHANGE);
	/* We answer no PING for a while. */
	ASSERT_EQ(0, host_set(host, "web1", NDVAL_A_PAIR_PEER_TIMEOUT_MS, 60000));
	side_secondary(&self->fake.side, "web");
	ASSERT_TRUE(fake_come_to(host, &self->fake, JOINED));
	AWAIT(LINK_UP);
	EXPECT_EQ(self->fake.peer.link, event->link);
	EXPECT_STREQ("m2", event->peer);
	AWAIT(PEER_CHANGE);
	fd = node_open("web1", O_NONBLOCK);
	ASSERT_TRUE(node_ready(fd));
	ASSERT_EQ(1, get(fd, &byte, 1));
	AWAIT(STREAM_NEW);
	EXPECT_STREQ("default", event->stream);
	ASSERT_EQ(0, run("ndvalctl instance set web1 --at 100"));
	AWAIT(INSTANCE_SET);
	EXPECT_EQ(100, event->offset);
	ASSERT_EQ(0, run("ndvalctl values web1 --at 10 --length 20"));
	AWAIT(VALUES_READ);
	EXPECT_STREQ("ndvalctl", event->comm);
	EXPECT_NE(0, event->pid);
	EXPECT_EQ(10, event->offset);
	EXPECT_EQ(20, event->length);
	ASSERT_EQ(0, run("ndvalctl stream del web1 default"));
	AWAIT(STREAM_DEL);
	peer_close(&self->fake.peer);
	AWAIT(LINK_DOWN);
	EXPECT_EQ(self->fake.peer.link, event->link);

	nl_request(host->nl, NDVAL_CMD_PAIR_DEL, 0);
	nl_put_str(host->nl, NDVAL_A_PAIR_NAME, "web1");
	ASSERT_EQ(0, nl_call(host->nl, take_number, &operation));
	ASSERT_NE(0, operation.value);
	AWAIT(PAIR_DEL);
	AWAIT(OP_DONE);
	EXPECT_EQ(operation.value, event->operation);
	EXPECT_EQ(0, event->error);
	close(fd);
}

TEST_F(events, tell_of_a_lost_instance)
{
	static char bytes[64 * KIB];
	int fast, slow;

	nl_request(self->host.nl, NDVAL_CMD_PAIR_NEW, 0);
	nl_put_str(self->host.nl, NDVAL_A_PAIR_NAME, "own");
	nl_put_u32(self->host.nl, NDVAL_A_PAIR_RING_SIZE, 8 * KIB);
	nl_put_u32(self->host.nl, NDVAL_A_PAIR_INSTANCES, 3);
	ASSERT_EQ(0, nl_call(self->host.nl, NULL, NULL));
	fast = instance_open("own", "default", 0, O_NONBLOCK);
	slow = instance_open("own", "default", 1, O_NONBLOCK);
	ASSERT_EQ(10, get(slow, bytes, 10));
	ASSERT_TRUE(get_all(fast, bytes, sizeof(bytes), 4096));
	AWAIT(INSTANCE_LOST);
	EXPECT_EQ(10, self->listener.event.offset);
	close(fast);
	close(slow);
}

TEST_F(events, are_numbered_without_a_gap_whoever_makes_them)
{
	pid_t makers[4];
	int i, status;

	for (i = 0; i < 4; i++) {
		makers[i] = fork();
		if (makers[i])
			continue;
		/* Each with a socket of its own. */
		struct nl *nl = nl_open();
		char name[16];
		int n;

		snprintf(name, sizeof(name), "p%d", i);
		for (n = 0; nl && n < 25; n++) {
			nl_request(nl, NDVAL_CMD_PAIR_NEW, 0);
			nl_put_str(nl, NDVAL_A_PAIR_NAME, name);
			nl_call(nl, NULL, NULL);
			nl_request(nl, NDVAL_CMD_PAIR_DEL, 0);
			nl_put_str(nl, NDVAL_A_PAIR_NAME, name);
			nl_call(nl, NULL, NULL);
		}
		_exit(!nl);
	}
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(makers[i], waitpid(makers[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	ASSERT_EQ(0, host_pair(&self->host, "last", NULL, NULL, NULL));
	do {
		AWAIT(PAIR_NEW);
	} while (strcmp(self->listener.event.pair, "last"));
}

TEST_F(events, a_slow_listener_learns_that_it_missed_some)
{
	const int tiny = 1, ample = 1 << 20;
	int err, i, last = 0;

	setsockopt(nl_fd(self->host.nl), SOL_SOCKET, SO_RCVBUF, &tiny, sizeof(tiny));
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, host_pair(&self->host, "p", NULL, NULL, NULL));
		host_pair_del(&self->host, "p");
	}
	ASSERT_EQ(0, host_pair(&self->host, "last", NULL, NULL, NULL));
	do {
		memset(&self->listener.event, 0, sizeof(self->listener.event));
		err = nl_receive_event(self->host.nl, take, &self->listener.event);
		last = err ?: last;
	} while (!err);
	EXPECT_EQ(-ENOBUFS, last);
	/* The state is there for who asks. */
	EXPECT_EQ(NDVAL_ROLE_PRIMARY, host_pair_get(&self->host, "last", NDVAL_A_PAIR_ROLE));
	/* And who catches up gets what comes next. */
	fcntl(nl_fd(self->host.nl), F_SETFL, O_NONBLOCK);
	while (nl_receive_event(self->host.nl, take, &self->listener.event) != -EAGAIN)
		;
	setsockopt(nl_fd(self->host.nl), SOL_SOCKET, SO_RCVBUFFORCE, &ample, sizeof(ample));
	self->listener.seq = 0;
	host_pair_del(&self->host, "last");
	AWAIT(PAIR_DEL);
	EXPECT_STREQ("last", self->listener.event.pair);
}

TEST_HARNESS_MAIN
