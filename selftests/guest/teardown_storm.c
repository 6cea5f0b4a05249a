// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything is taken away from everybody in random order, while values flow:
 * pairs, links, files, readers. From a seed that is printed (NDVAL_SEED
 * chooses another); NDVAL_ROUNDS makes it longer. At the end the module can
 * be removed at once: the harness looks for what it left.
 *
 * vm: sources=peer.c,../../tools/lib/nl.c libs=-lmnl timeout=180
 */
#include <sys/socket.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "common.h"
#include "peer.h"

#define SEED	0x73746f726dULL
#define ROUNDS	300
#define READERS	6

/* Two members of this kernel with a pair each, and who reads them. */
struct storm {
	struct host	host;
	struct fake	fake;		/* a third member, which lies */
	__u64		random;
	pid_t		readers[READERS];
	int		files[READERS];
};

static __u64 from_environment(const char *name, __u64 otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static const char *pair_name(__u64 number)
{
	return number % 2 ? "web2" : "web1";
}

static const char *member_name(__u64 number)
{
	return number % 2 ? "m2" : "m1";
}

static void make_pair(struct storm *storm)
{
	__u64 which = draw(&storm->random);
	struct nl *nl = storm->host.nl;

	nl_request(nl, NDVAL_CMD_PAIR_NEW, 0);
	nl_put_str(nl, NDVAL_A_PAIR_NAME, pair_name(which));
	nl_put_str(nl, NDVAL_A_PAIR_GROUP, "web");
	nl_put_str(nl, NDVAL_A_PAIR_MEMBER, member_name(which));
	nl_put_str(nl, NDVAL_A_PAIR_PEER, member_name(which + 1));
	nl_put_str(nl, NDVAL_A_PAIR_PEER, "m3");
	nl_put_u32(nl, NDVAL_A_PAIR_RING_SIZE, 16 * KIB);
	nl_put_u32(nl, NDVAL_A_PAIR_PEER_TIMEOUT_MS, 500);
	nl_call(nl, NULL, NULL);
}

static void promote(struct storm *storm)
{
	host_promote(&storm->host, pair_name(draw(&storm->random)));
}

/* A link between the two; an older one is replaced. */
static void join_members(struct storm *storm)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return;
	host_attach(&storm->host, "m1", "m2", ends[0], NULL);
	host_attach(&storm->host, "m2", "m1", ends[1], NULL);
	close(ends[0]);
	close(ends[1]);
}

static void detach(struct storm *storm)
{
	__u64 which = draw(&storm->random);
	struct nl *nl = storm->host.nl;

	nl_request(nl, NDVAL_CMD_LINK_DETACH, 0);
	nl_put_str(nl, NDVAL_A_LINK_MEMBER, member_name(which));
	nl_put_str(nl, NDVAL_A_LINK_PEER, which & 2 ? member_name(which + 1) : "m3");
	nl_call(nl, NULL, NULL);
}

static void peer_change(struct storm *storm)
{
	__u64 which = draw(&storm->random);
	struct nl *nl = storm->host.nl;

	nl_request(nl, which & 2 ? NDVAL_CMD_PEER_DEL : NDVAL_CMD_PEER_ADD, 0);
	nl_put_str(nl, NDVAL_A_PEER_PAIR, pair_name(which));
	nl_put_str(nl, NDVAL_A_PEER_NAME, member_name(which + 1));
	nl_call(nl, NULL, NULL);
}

static void delete_stream(struct storm *storm)
{
	struct nl *nl = storm->host.nl;

	nl_request(nl, NDVAL_CMD_STREAM_DEL, 0);
	nl_put_str(nl, NDVAL_A_STREAM_PAIR, pair_name(draw(&storm->random)));
	nl_put_str(nl, NDVAL_A_STREAM_NAME, draw(&storm->random) % 2 ? "default" : "s1");
	nl_call(nl, NULL, NULL);
}

/* A process that reads whatever there is to read until it is killed. */
static void read_for_ever(const char *pair, const char *stream)
{
	static char bytes[20000];

	for (;;) {
		int fd = instance_open(pair, stream, 0, 0);

		while (fd >= 0 && get(fd, bytes, sizeof(bytes)) > 0)
			;
		if (fd >= 0)
			close(fd);
		usleep(2000);
	}
}

/* Ends a reader wherever it is, and starts another. */
static void change_reader(struct storm *storm)
{
	__u64 which = draw(&storm->random);
	pid_t *reader = &storm->readers[which % READERS];

	if (*reader) {
		kill(*reader, SIGKILL);
		waitpid(*reader, NULL, 0);
	}
	*reader = fork();
	if (!*reader)
		read_for_ever(pair_name(which >> 8), which >> 9 & 1 ? "default" : "s1");
}

/* Opens, binds, polls or closes a file of our own. */
static void change_file(struct storm *storm)
{
	__u64 which = draw(&storm->random);
	int *fd = &storm->files[which % READERS];

	if (*fd > 0) {
		poll_now(*fd);
		close(*fd);
		*fd = 0;
		return;
	}
	*fd = node_open(pair_name(which >> 8), O_NONBLOCK);
	if (*fd > 0 && which >> 9 & 1)
		node_bind(*fd, which >> 10 & 1 ? "s1" : "s2", 0,
			  which >> 11 & 1 ? NDVAL_BIND_EXCL : 0);
}

/* The third member comes, floods and goes, without a good-bye. */
static void flood(struct storm *storm)
{
	struct fake *fake = &storm->fake;
	int i;

	peer_close(&fake->peer);
	side_primary(&fake->side, "web");
	if (!fake_connect(&storm->host, fake, member_name(draw(&storm->random)), "m3") ||
	    !say_pair(&fake->peer, &fake->side))
		return;
	for (i = 0; i < 20; i++) {
		fake_make(fake, 2 + draw(&storm->random) % (NDVAL_WIRE_CMD_MAX - 2));
		if (send(fake->peer.fd, fake->wire.buf, fake->wire.nlh->nlmsg_len,
			 MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break;
	}
}

static void delete_pair(struct storm *storm)
{
	host_call(&storm->host, NDVAL_CMD_PAIR_DEL, NDVAL_A_PAIR_NAME,
		  pair_name(draw(&storm->random)));
}

static void resync(struct storm *storm)
{
	host_call(&storm->host, NDVAL_CMD_RESYNC, NDVAL_A_PAIR_NAME,
		  pair_name(draw(&storm->random)));
}

/* Some more often, so that there is something to take away. */
static void (* const things[])(struct storm *storm) = {
	make_pair, make_pair, make_pair, promote, promote, join_members, join_members,
	delete_pair, resync, detach, peer_change, delete_stream, change_reader,
	change_reader, change_file, flood,
};

static void calm(struct storm *storm)
{
	int i;

	for (i = 0; i < READERS; i++) {
		if (storm->readers[i]) {
			kill(storm->readers[i], SIGKILL);
			waitpid(storm->readers[i], NULL, 0);
		}
		if (storm->files[i] > 0)
			close(storm->files[i]);
	}
	peer_close(&storm->fake.peer);
}

TEST(the_module_survives_a_storm_and_goes_at_once)
{
	__u64 rounds = from_environment("NDVAL_ROUNDS", ROUNDS);
	__u64 seed = from_environment("NDVAL_SEED", SEED);
	static struct storm storm;
	double begin;
	__u64 i;

	TH_LOG("seed %#llx, %llu rounds", seed, rounds);
	storm.random = seed;
	storm.fake.peer.fd = -1;
	ASSERT_TRUE(host_open(&storm.host));
	ASSERT_EQ(0, host_call(&storm.host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	ASSERT_EQ(0, host_call(&storm.host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m2"));
	for (i = 0; i < rounds; i++) {
		things[draw(&storm.random) % ARRAY_LEN(things)](&storm);
		host_skip_events(&storm.host);
	}
	/* Pairs, links and a peer that is still there do not keep it. */
	make_pair(&storm);
	make_pair(&storm);
	join_members(&storm);
	calm(&storm);
	host_close(&storm.host);
	begin = seconds();
	EXPECT_EQ(0, syscall(SYS_delete_module, "ndval", O_NONBLOCK));
	EXPECT_GT(5, seconds() - begin) TH_LOG("%.1f s", seconds() - begin);
	EXPECT_NE(0, access("/sys/module/ndval", F_OK));
}

TEST_HARNESS_MAIN
