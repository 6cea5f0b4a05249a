// SPDX-License-Identifier: GPL-2.0-only
/*
 * A new key is a new link: one that is attached while another is up takes its place,
 * and copies of the application at both ends read on as if nothing were. Nobody
 * leaves the in-sync set for it, so no value is less safe meanwhile.
 *
 * vm: sources=peer.c,tls.c,../../tools/lib/nl.c libs="-lmnl -lpthread" timeout=120
 * vm: modules=tls,chacha20poly1305,gcm
 */
#include <pthread.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "common.h"
#include "peer.h"
#include "tls.h"

/* Bytes that copies read at a time, and how many of them are compared. */
#define PIECE	1000
#define KEPT	(4000 * PIECE)

/* A copy that reads without a pause. */
struct copy {
	pthread_t	thread;
	int		fd;
	bool		stop;
	size_t		done;
	double		longest;	/* that a read took, in s */
	unsigned char	bytes[KEPT];
};

FIXTURE(rekey)
{
	struct host host;
	struct copy *copies;
	__u32 links[2];
};

FIXTURE_SETUP(rekey)
{
	memset(self, 0, sizeof(*self));
	self->copies = calloc(2, sizeof(*self->copies));
	ASSERT_NE(NULL, self->copies);
	ASSERT_TRUE(host_open(&self->host));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m2"));
	ASSERT_EQ(0, host_pair(&self->host, "web1", "web", "m1", "m2"));
	ASSERT_EQ(0, host_pair(&self->host, "web2", "web", "m2", "m1"));
	ASSERT_EQ(0, host_promote(&self->host, "web1"));
}

FIXTURE_TEARDOWN(rekey)
{
	host_pair_del(&self->host, "web1");
	host_pair_del(&self->host, "web2");
	run("ndvalctl link detach --member m1 --peer m2");
	EXPECT_TRUE(host_member_del(&self->host, "m1"));
	EXPECT_TRUE(host_member_del(&self->host, "m2"));
	host_close(&self->host);
	free(self->copies);
}

static void *read_on(void *data)
{
	struct copy *copy = data;

	while (!__atomic_load_n(&copy->stop, __ATOMIC_RELAXED)) {
		/* What is too much to be kept lies over one another at the end. */
		unsigned char *to = copy->bytes + (copy->done < KEPT - PIECE ? copy->done :
									       KEPT - PIECE);
		double begin = seconds();

		if (!get_all(copy->fd, to, PIECE, PIECE))
			break;
		begin = seconds() - begin;
		if (begin > copy->longest)
			copy->longest = begin;
		__atomic_store_n(&copy->done, copy->done + PIECE, __ATOMIC_RELAXED);
	}
	return NULL;
}

static bool begin(struct copy *copy, const char *pair)
{
	copy->fd = node_open(pair, 0);
	return copy->fd >= 0 && !pthread_create(&copy->thread, NULL, read_on, copy);
}

static void end(struct copy *copy)
{
	__atomic_store_n(&copy->stop, true, __ATOMIC_RELAXED);
	pthread_join(copy->thread, NULL);
	close(copy->fd);
}

static size_t progress(struct copy *copy)
{
	return __atomic_load_n(&copy->done, __ATOMIC_RELAXED);
}

/* A fresh connection, with keys that were not used before. */
static bool attach_new(struct host *host, unsigned int n, __u32 *links)
{
	int ends[2];
	bool made;

	/* Now one end is first, now the other, as it is with two daemons. */
	made = tls_pair(ends, n % CIPHERS, 2 * n % 250) &&
	       !host_attach(host, n % 2 ? "m1" : "m2", n % 2 ? "m2" : "m1", ends[!(n % 2)],
			    &links[!(n % 2)]) &&
	       !host_attach(host, n % 2 ? "m2" : "m1", n % 2 ? "m1" : "m2", ends[n % 2],
			    &links[n % 2]);
	close(ends[0]);
	close(ends[1]);
	return made;
}

struct in_sync {
	__u32	membership;
	__u32	state;
};

static int take_peer(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_PEER_MAX + 1];
	struct in_sync *in_sync = data;

	nl_parse(nlh, tb, NDVAL_A_PEER_MAX);
	in_sync->membership = nl_u32(tb[NDVAL_A_PEER_MEMBERSHIP]);
	in_sync->state = nl_u32(tb[NDVAL_A_PEER_STATE]);
	return MNL_CB_OK;
}

static struct in_sync ask_primary(struct host *host)
{
	struct in_sync in_sync = { ~0U, ~0U };

	nl_request(host->nl, NDVAL_CMD_PEER_GET, 0);
	nl_put_str(host->nl, NDVAL_A_PEER_PAIR, "web1");
	nl_put_str(host->nl, NDVAL_A_PEER_NAME, "m2");
	nl_call(host->nl, take_peer, &in_sync);
	return in_sync;
}

struct counts {
	unsigned int	lost;		/* peer-lost */
	unsigned int	down;		/* links that ended */
	unsigned int	odd;		/* for another reason than that they were replaced */
	unsigned int	changes;	/* of health, as said aloud */
	unsigned int	safe;		/* bits of members that say they are protected */
};

static int count_event(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_EVENT_MAX + 1];
	struct counts *counts = data;

	nl_parse(nlh, tb, NDVAL_A_EVENT_MAX);
	switch (nl_u32(tb[NDVAL_A_EVENT_KIND])) {
	case NDVAL_EVENT_KIND_PEER_LOST:
		counts->lost++;
		break;
	case NDVAL_EVENT_KIND_LINK_DOWN:
		counts->down++;
		if (strcmp(nl_str(tb[NDVAL_A_EVENT_REASON]), "replaced by a newer link") &&
		    strcmp(nl_str(tb[NDVAL_A_EVENT_REASON]),
			   "the peer says: replaced by a newer link")) {
			counts->odd++;
			printf("# %s\n", nl_str(tb[NDVAL_A_EVENT_REASON]));
		}
		break;
	case NDVAL_EVENT_KIND_PAIR_CHANGE:
		counts->changes++;
		if (nl_u32(tb[NDVAL_A_EVENT_HEALTH]) == NDVAL_HEALTH_PROTECTED)
			counts->safe |= strcmp(nl_str(tb[NDVAL_A_EVENT_PAIR]), "web1") ? 2 : 1;
		break;
	}
	return MNL_CB_OK;
}

TEST_F(rekey, a_link_is_replaced_under_readers)
{
	struct copy *copies = self->copies;
	struct counts counts = { 0 };
	struct nl *events = nl_open();
	size_t done[2], common, kept;
	unsigned int keys = rounds_of(20), i;
	double longest;
	__u64 drops;

	ASSERT_TRUE(events && !nl_join_events(events));
	ASSERT_TRUE(attach_new(&self->host, 0, self->links));
	ASSERT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_IN_SYNC));
	ASSERT_TRUE(host_peer_is(&self->host, "web2", "m1", NDVAL_PEER_STATE_IN_SYNC));
	drops = host_pair_get(&self->host, "web1", NDVAL_A_PAIR_DROPS);
	/* It is told a little later than it is so. */
	while (counts.safe != 3) {
		ASSERT_TRUE(file_is_ready(nl_fd(events), POLLIN, PATIENCE_MS));
		ASSERT_EQ(0, nl_receive_event(events, count_event, &counts));
	}
	memset(&counts, 0, sizeof(counts));
	ASSERT_TRUE(begin(&copies[0], "web1"));
	ASSERT_TRUE(begin(&copies[1], "web2"));
	for (i = 1; i <= keys; i++) {
		done[0] = progress(&copies[0]);
		done[1] = progress(&copies[1]);
		ASSERT_TRUE(attach_new(&self->host, i, self->links));
		/* At every moment of it. */
		while (!host_link_lives(&self->host, self->links[0]) ||
		       ask_primary(&self->host).state != NDVAL_PEER_STATE_IN_SYNC)
			ASSERT_EQ(NDVAL_MEMBERSHIP_IN_SYNC,
				  ask_primary(&self->host).membership);
		EXPECT_TRUE(wait_until(progress(&copies[0]) > done[0] + PIECE &&
				       progress(&copies[1]) > done[1] + PIECE, 20));
		/* All of the old link's events, which has nothing left to say. */
		while (counts.down < 2 * i) {
			ASSERT_TRUE(file_is_ready(nl_fd(events), POLLIN, PATIENCE_MS));
			ASSERT_EQ(0, nl_receive_event(events, count_event, &counts));
		}
	}
	end(&copies[0]);
	end(&copies[1]);
	nl_close(events);
	EXPECT_EQ(0, counts.lost);
	EXPECT_EQ(0, counts.odd);
	EXPECT_EQ(0, counts.changes);
	EXPECT_EQ(drops, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_DROPS));
	EXPECT_EQ(1, host_pair_get(&self->host, "web2", NDVAL_A_PAIR_IN_SYNC));
	common = copies[0].done < copies[1].done ? copies[0].done : copies[1].done;
	EXPECT_LT(keys * PIECE, common);
	kept = common < KEPT - PIECE ? common : KEPT - PIECE;
	EXPECT_EQ(0, memcmp(copies[0].bytes, copies[1].bytes, kept));
	longest = copies[copies[0].longest < copies[1].longest].longest;
	TH_LOG("%u keys, %zu bytes, a read took %.0f ms at most", keys, common, 1000 * longest);
	/* The time-out for silence is 3 s: nobody has waited for that. */
	EXPECT_GT(2 * from_environment("NDVAL_SLOWER", 1), longest);
}

TEST_HARNESS_MAIN
