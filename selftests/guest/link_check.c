// SPDX-License-Identifier: GPL-2.0-only
/*
 * Divergence of the application: copies that take the same values in other
 * pieces are found, told of and stopped; those that do not are left alone. In
 * this kernel, two copies are two instances of a member, or two members that are
 * joined by a socketpair, or one of the kernel's and one that the test makes up.
 *
 * vm: sources=peer.c,../../tools/lib/nl.c libs=-lmnl timeout=240
 */
#include <sys/prctl.h>

#include "kselftest_harness.h"
#include "common.h"
#include "journal.h"
#include "peer.h"

#define SEGMENT	(64 * KIB)
#define FAIL	"on_divergence=fail"

/* What a copy that told of itself at the latest has to have told by, in s. */
#define TOLD	5.0

/* How two copies differ, as an event tells. */
struct finding {
	const char	*pair;		/* wanted */
	bool		seen;
	unsigned int	times;
	__u64		offset;
	__u32		instance;
	__u32		length;
	__u32		pid;
	__u32		other_instance;
	__u32		other_length;
	__u32		other_pid;
	char		stream[64];
	char		peer[64];
	char		comm[64];
	char		other_comm[64];
};

FIXTURE(check)
{
	struct host host;
	struct fake fake;
	struct fake other;	/* m3, where a test has one */
	struct finding finding;
	int a, b, c;		/* files of copies */
	char bytes[64 * KIB];
};

FIXTURE_SETUP(check)
{
	memset(self, 0, sizeof(*self));
	self->fake.peer.fd = -1;
	self->other.peer.fd = -1;
	self->a = -1;
	self->b = -1;
	self->c = -1;
	prctl(PR_SET_NAME, "copy");
	ASSERT_TRUE(host_open(&self->host));
}

FIXTURE_TEARDOWN(check)
{
	peer_close(&self->fake.peer);
	peer_close(&self->other.peer);
	close(self->a);
	close(self->b);
	close(self->c);
	host_close(&self->host);
	two_members_end();
	run("ndvalctl pair del one");
}

static void copy(char *to, const struct nlattr *attr)
{
	snprintf(to, 64, "%s", nl_str(attr));
}

static int take_finding(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_EVENT_MAX + 1];
	struct finding *finding = data;

	nl_parse(nlh, tb, NDVAL_A_EVENT_MAX);
	if (nl_u32(tb[NDVAL_A_EVENT_KIND]) != NDVAL_EVENT_KIND_DIVERGED ||
	    strcmp(nl_str(tb[NDVAL_A_EVENT_PAIR]), finding->pair))
		return MNL_CB_OK;
	finding->seen = true;
	finding->times++;
	finding->offset = nl_u64(tb[NDVAL_A_EVENT_OFFSET]);
	finding->instance = nl_u32(tb[NDVAL_A_EVENT_INSTANCE]);
	finding->length = nl_u32(tb[NDVAL_A_EVENT_LENGTH]);
	finding->pid = nl_u32(tb[NDVAL_A_EVENT_PID]);
	finding->other_instance = nl_u32(tb[NDVAL_A_EVENT_OTHER_INSTANCE]);
	finding->other_length = nl_u32(tb[NDVAL_A_EVENT_OTHER_LENGTH]);
	finding->other_pid = nl_u32(tb[NDVAL_A_EVENT_OTHER_PID]);
	copy(finding->stream, tb[NDVAL_A_EVENT_STREAM]);
	copy(finding->peer, tb[NDVAL_A_EVENT_PEER]);
	copy(finding->comm, tb[NDVAL_A_EVENT_COMM]);
	copy(finding->other_comm, tb[NDVAL_A_EVENT_OTHER_COMM]);
	return MNL_CB_OK;
}

/* Waits @ms for a finding of a pair, 0: it is there. What it counts is one each. */
static bool await_finding(struct host *host, struct finding *finding, const char *pair, int ms)
{
	double end = seconds() + ms / 1000.0, left = ms / 1000.0;

	memset(finding, 0, sizeof(*finding));
	finding->pair = pair;
	while (!finding->seen && file_is_ready(nl_fd(host->nl), POLLIN, left * 1000)) {
		nl_receive_event(host->nl, take_finding, finding);
		left = end - seconds();
		left = left > 0 ? left : 0;
	}
	return finding->seen;
}

/* An instance is repositioned. */
static int set_instance(struct host *host, const char *pair, __u32 instance, __u64 at)
{
	nl_request(host->nl, NDVAL_CMD_INSTANCE_SET, 0);
	nl_put_str(host->nl, NDVAL_A_INSTANCE_PAIR, pair);
	nl_put_u32(host->nl, NDVAL_A_INSTANCE_INSTANCE, instance);
	nl_put_u64(host->nl, NDVAL_A_INSTANCE_POSITION, at);
	return nl_call(host->nl, NULL, NULL);
}

struct instance {
	bool	diverged;
	__u64	divergences;
};

static int take_instance(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_INSTANCE_MAX + 1];
	struct instance *instance = data;

	nl_parse(nlh, tb, NDVAL_A_INSTANCE_MAX);
	instance->diverged = tb[NDVAL_A_INSTANCE_DIVERGED];
	instance->divergences = nl_u64(tb[NDVAL_A_INSTANCE_DIVERGENCES]);
	return MNL_CB_OK;
}

static struct instance get_instance(struct host *host, const char *pair, __u32 number)
{
	struct instance instance = { .divergences = ~0ULL };

	nl_request(host->nl, NDVAL_CMD_INSTANCE_GET, 0);
	nl_put_str(host->nl, NDVAL_A_INSTANCE_PAIR, pair);
	nl_put_u32(host->nl, NDVAL_A_INSTANCE_INSTANCE, number);
	nl_call(host->nl, take_instance, &instance);
	return instance;
}

static bool health_is(struct host *host, const char *pair, __u32 health)
{
	return wait_until(host_pair_get(host, pair, NDVAL_A_PAIR_HEALTH) == health, 20);
}

#define READ(fd, len)							\
	do {								\
		ssize_t len_ = (len);					\
									\
		EXPECT_EQ(len_, get(fd, self->bytes, len_));		\
	} while (0)
#define STALE(fd, len)	EXPECT_EQ(-ESTALE, get(fd, self->bytes, len))

/* Two instances of one member */

static bool two_instances(FIXTURE_DATA(check) * self, const char *settings)
{
	char all[128];

	snprintf(all, sizeof(all), "instances=0,1 %s", settings);
	if (!pair_new("one", all))
		return false;
	self->a = instance_open("one", "default", 0, 0);
	self->b = instance_open("one", "default", 1, 0);
	return self->a >= 0 && self->b >= 0;
}

TEST_F(check, a_read_that_goes_past_a_stop_fails_and_moves_nothing)
{
	struct pollfd p = { .events = POLLIN };
	struct finding *finding = &self->finding;

	ASSERT_TRUE(two_instances(self, FAIL));
	READ(self->a, 100);
	ASSERT_EQ(0, fsync(self->a));
	READ(self->b, 30);
	STALE(self->b, 200);
	EXPECT_EQ(30, position(self->b));
	STALE(self->b, 1);
	p.fd = self->b;
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_TRUE(p.revents & POLLERR);
	EXPECT_EQ(-1, fsync(self->b));
	EXPECT_EQ(ESTALE, errno);
	/* The other goes on, and nobody else is to blame. */
	READ(self->a, 5000);
	EXPECT_TRUE(health_is(&self->host, "one", NDVAL_HEALTH_DIVERGED));
	EXPECT_TRUE(get_instance(&self->host, "one", 1).diverged);
	EXPECT_EQ(1, get_instance(&self->host, "one", 1).divergences);
	EXPECT_FALSE(get_instance(&self->host, "one", 0).diverged);
	EXPECT_EQ(1, host_pair_get(&self->host, "one", NDVAL_A_PAIR_DIVERGENCES));

	ASSERT_TRUE(await_finding(&self->host, finding, "one", PATIENCE_MS));
	EXPECT_EQ(100, finding->offset);
	EXPECT_EQ(1, finding->instance);
	EXPECT_EQ(200, finding->length);
	EXPECT_EQ(getpid(), finding->pid);
	EXPECT_STREQ("copy", finding->comm);
	EXPECT_EQ(0, finding->other_instance);
	EXPECT_EQ(100, finding->other_length);
	EXPECT_EQ(getpid(), finding->other_pid);
	EXPECT_STREQ("copy", finding->other_comm);
	EXPECT_STREQ("default", finding->stream);
	EXPECT_STREQ("", finding->peer);
	EXPECT_FALSE(await_finding(&self->host, finding, "one", QUIET_MS));
}

TEST_F(check, other_pieces_up_to_a_stop_are_found_at_it)
{
	ASSERT_TRUE(two_instances(self, FAIL));
	READ(self->a, 100);
	ASSERT_EQ(0, fsync(self->a));
	READ(self->b, 60);
	STALE(self->b, 40);
	EXPECT_EQ(60, position(self->b));
}

TEST_F(check, of_two_that_have_passed_the_place_the_higher_instance_is_stopped)
{
	struct finding *finding = &self->finding;

	ASSERT_TRUE(two_instances(self, FAIL));
	READ(self->a, 100);
	READ(self->b, 60);
	READ(self->b, 40);
	/* Whoever tells. What it does next must not leave the machine. */
	EXPECT_EQ(-1, fsync(self->b));
	EXPECT_EQ(ESTALE, errno);
	STALE(self->b, 1);
	READ(self->a, 1);
	ASSERT_TRUE(await_finding(&self->host, finding, "one", PATIENCE_MS));
	EXPECT_EQ(100, finding->offset);
	EXPECT_EQ(1, finding->instance);
	EXPECT_EQ(40, finding->length);
	EXPECT_EQ(100, finding->other_length);
}

TEST_F(check, repositioning_ends_it)
{
	ASSERT_TRUE(two_instances(self, FAIL));
	READ(self->a, 100);
	ASSERT_EQ(0, fsync(self->a));
	STALE(self->b, 200);
	ASSERT_TRUE(health_is(&self->host, "one", NDVAL_HEALTH_DIVERGED));
	ASSERT_EQ(0, set_instance(&self->host, "one", 1, 50));
	EXPECT_TRUE(health_is(&self->host, "one", NDVAL_HEALTH_STANDALONE));
	EXPECT_FALSE(get_instance(&self->host, "one", 1).diverged);
	EXPECT_EQ(0, get_instance(&self->host, "one", 1).divergences);
	/* From the middle of a segment nothing is known: any piece goes. */
	READ(self->b, 200);
	READ(self->a, 700);
	ASSERT_EQ(0, fsync(self->a));
	READ(self->b, 1000);
	/* In the next one it counts again. */
	READ(self->a, SEGMENT - 800);
	READ(self->b, SEGMENT - 1250);
	READ(self->a, 10);
	ASSERT_EQ(0, fsync(self->a));
	STALE(self->b, 20);
}

TEST_F(check, what_a_copy_told_before_it_was_repositioned_is_void)
{
	ASSERT_TRUE(two_instances(self, FAIL));
	READ(self->a, 100);
	ASSERT_EQ(0, fsync(self->a));
	ASSERT_EQ(0, set_instance(&self->host, "one", 0, 0));
	READ(self->a, 200);
	ASSERT_EQ(0, fsync(self->a));
	READ(self->b, 200);
	READ(self->b, 1);
}

/* Also if it has told nothing since. */
TEST_F(check, what_a_repositioned_copy_has_told_stops_nobody)
{
	ASSERT_TRUE(two_instances(self, FAIL));
	READ(self->a, 100);
	ASSERT_EQ(0, fsync(self->a));
	ASSERT_EQ(0, set_instance(&self->host, "one", 0, 0));
	READ(self->b, 200);
	READ(self->b, 1);
}

/* And not the good one, which is not told in time. */
TEST_F(check, a_copy_that_begins_late_hears_where_the_others_stood)
{
	ASSERT_TRUE(pair_new("one", "instances=0,1 " FAIL));
	self->a = instance_open("one", "default", 0, 0);
	READ(self->a, 100);
	ASSERT_EQ(0, fsync(self->a));
	self->b = instance_open("one", "default", 1, 0);
	READ(self->b, 30);
	STALE(self->b, 200);
	READ(self->a, 500);
}

/* The first and the second read the same; what the third told before it was stopped is void. */
TEST_F(check, what_a_stopped_copy_has_told_stops_nobody)
{
	ASSERT_TRUE(pair_new("one", "instances=0,1,2 " FAIL));
	self->a = instance_open("one", "default", 0, 0);
	self->b = instance_open("one", "default", 1, 0);
	self->c = instance_open("one", "default", 2, 0);
	READ(self->a, 90);
	READ(self->b, 90);
	READ(self->b, 110);
	ASSERT_EQ(0, fsync(self->b));
	READ(self->c, 100);
	READ(self->c, 60);
	ASSERT_EQ(0, fsync(self->c));
	STALE(self->c, 60);
	READ(self->a, 110);
	READ(self->a, 1);
	EXPECT_EQ(1, host_pair_get(&self->host, "one", NDVAL_A_PAIR_DIVERGENCES));
}

TEST_F(check, report_tells_once_a_segment_and_lets_it_go_on)
{
	struct finding *finding = &self->finding;

	ASSERT_TRUE(two_instances(self, "on_divergence=report"));
	READ(self->a, 100);
	ASSERT_EQ(0, fsync(self->a));
	READ(self->b, 200);
	EXPECT_EQ(200, position(self->b));
	ASSERT_TRUE(await_finding(&self->host, finding, "one", PATIENCE_MS));
	EXPECT_EQ(100, finding->offset);
	EXPECT_EQ(200, finding->length);
	READ(self->a, 500);
	ASSERT_EQ(0, fsync(self->a));
	READ(self->b, 1000);
	ASSERT_EQ(0, fsync(self->b));
	EXPECT_EQ(1, get_instance(&self->host, "one", 1).divergences);
	EXPECT_FALSE(get_instance(&self->host, "one", 1).diverged);
	EXPECT_EQ(NDVAL_HEALTH_STANDALONE,
		  host_pair_get(&self->host, "one", NDVAL_A_PAIR_HEALTH));
	READ(self->a, SEGMENT - 600);
	READ(self->b, SEGMENT - 1200);
	READ(self->a, 10);
	ASSERT_EQ(0, fsync(self->a));
	READ(self->b, 11);
	EXPECT_EQ(2, get_instance(&self->host, "one", 1).divergences);
}

/* In the journal nothing moves: it may ask for the other kind for ever. */
TEST_F(check, who_asks_for_another_kind_again_is_told_of_once)
{
	struct finding *finding = &self->finding;
	char out[16];

	ASSERT_TRUE(two_instances(self, "on_divergence=report"));
	ASSERT_NE(0, clock_read(self->a, CLOCK_TAI));
	EXPECT_EQ(-ESTALE, agree(self->b, "x", 1, out, sizeof(out)));
	ASSERT_TRUE(await_finding(&self->host, finding, "one", PATIENCE_MS));
	EXPECT_EQ(0, finding->offset);
	EXPECT_EQ(-ESTALE, agree(self->b, "x", 1, out, sizeof(out)));
	EXPECT_FALSE(await_finding(&self->host, finding, "one", QUIET_MS));
	/* At another place, another time. */
	EXPECT_NE(0, clock_read(self->b, CLOCK_TAI));
	ASSERT_NE(0, clock_read(self->a, CLOCK_TAI));
	EXPECT_EQ(-ESTALE, agree(self->b, "x", 1, out, sizeof(out)));
	EXPECT_TRUE(await_finding(&self->host, finding, "one", PATIENCE_MS));
}

TEST_F(check, the_setting_counts_from_when_it_is_changed)
{
	ASSERT_TRUE(two_instances(self, FAIL));
	ASSERT_EQ(0, host_set(&self->host, "one", NDVAL_A_PAIR_ON_DIVERGENCE,
			      NDVAL_ON_DIVERGENCE_REPORT));
	READ(self->a, 100);
	ASSERT_EQ(0, fsync(self->a));
	READ(self->b, 200);
}

TEST_F(check, a_second_after_it_moved_a_copy_has_told_without_fsync)
{
	ASSERT_TRUE(two_instances(self, FAIL));
	READ(self->a, 100);
	/* Nobody but time can tell b. */
	READ(self->b, 60);
	READ(self->b, 40);
	EXPECT_TRUE(wait_until(get_instance(&self->host, "one", 1).diverged, TOLD));
}

TEST_F(check, a_quarter_of_prefetch_is_told_at_once)
{
	ASSERT_TRUE(two_instances(self, FAIL));
	READ(self->a, 4096);
	READ(self->b, 1);
	STALE(self->b, 4095);
	EXPECT_EQ(1, position(self->b));
}

/* Two members */

static bool open_both(FIXTURE_DATA(check) * self, const char *settings)
{
	if (!two_members(settings))
		return false;
	self->a = node_open("web1", 0);
	self->b = node_open("web2", 0);
	return self->a >= 0 && self->b >= 0;
}

TEST_F(check, both_sides_tell_and_know)
{
	struct finding *finding = &self->finding;
	struct host *host = &self->host;

	ASSERT_TRUE(open_both(self, FAIL));
	READ(self->a, 100);
	ASSERT_EQ(0, fsync(self->a));
	READ(self->b, 60);
	/* Whether CHECK has come already or not: it is the secondary's copy. */
	get(self->b, self->bytes, 40);
	ASSERT_TRUE(await_finding(host, finding, "web2", PATIENCE_MS));
	EXPECT_EQ(100, finding->offset);
	EXPECT_EQ(40, finding->length);
	EXPECT_EQ(100, finding->other_length);
	EXPECT_STREQ("m1", finding->peer);
	EXPECT_STREQ("copy", finding->comm);
	EXPECT_STREQ("copy", finding->other_comm);
	ASSERT_TRUE(await_finding(host, finding, "web1", PATIENCE_MS));
	EXPECT_EQ(100, finding->offset);
	EXPECT_EQ(100, finding->length);
	EXPECT_EQ(40, finding->other_length);
	EXPECT_EQ(getpid(), finding->other_pid);
	EXPECT_STREQ("m2", finding->peer);
	EXPECT_STREQ("default", finding->stream);
	STALE(self->b, 1);
	EXPECT_TRUE(health_is(host, "web1", NDVAL_HEALTH_DIVERGED));
	EXPECT_TRUE(health_is(host, "web2", NDVAL_HEALTH_DIVERGED));
	READ(self->a, 1000);
	EXPECT_EQ(1, host_pair_get(host, "web1", NDVAL_A_PAIR_DIVERGENCES));
	EXPECT_EQ(1, host_pair_get(host, "web2", NDVAL_A_PAIR_DIVERGENCES));
	ASSERT_EQ(0, set_instance(host, "web2", 0, 100));
	EXPECT_TRUE(health_is(host, "web1", NDVAL_HEALTH_PROTECTED));
	EXPECT_TRUE(health_is(host, "web2", NDVAL_HEALTH_PROTECTED));
	READ(self->b, 500);
}

TEST_F(check, resync_ends_it)
{
	struct host *host = &self->host;

	ASSERT_TRUE(open_both(self, FAIL));
	READ(self->a, 100);
	READ(self->b, 99);
	get(self->b, self->bytes, 1);
	EXPECT_TRUE(health_is(host, "web1", NDVAL_HEALTH_DIVERGED));
	ASSERT_EQ(0, host_call(host, NDVAL_CMD_RESYNC, NDVAL_A_PAIR_NAME, "web2"));
	EXPECT_TRUE(health_is(host, "web1", NDVAL_HEALTH_PROTECTED));
	EXPECT_TRUE(health_is(host, "web2", NDVAL_HEALTH_PROTECTED));
	EXPECT_EQ(-EPIPE, get(self->b, self->bytes, 1));
	EXPECT_FALSE(get_instance(host, "web2", 0).diverged);
}

TEST_F(check, resync_voids_what_copies_here_have_told)
{
	struct host *host = &self->host;

	ASSERT_TRUE(two_members("instances=0,1 " FAIL));
	self->a = instance_open("web2", "default", 0, 0);
	self->b = instance_open("web2", "default", 1, 0);
	READ(self->a, 100);
	ASSERT_EQ(0, fsync(self->a));
	ASSERT_EQ(0, host_call(host, NDVAL_CMD_RESYNC, NDVAL_A_PAIR_NAME, "web2"));
	EXPECT_TRUE(health_is(host, "web2", NDVAL_HEALTH_PROTECTED));
	ASSERT_EQ(0, set_instance(host, "web2", 1, 0));
	READ(self->b, 200);
	READ(self->b, 1);
}

/* Like get_all(), but whatever it gets: one read of a program that goes on with it. */
static bool read_on(FIXTURE_DATA(check) * self, int fd, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (len) {
		ssize_t got = get(fd, self->bytes, len);

		if (got == -EAGAIN && poll(&p, 1, PATIENCE_MS) == 1)
			continue;
		if (got <= 0)
			return false;
		len -= got;
	}
	return true;
}

/* Small and large, whole chunks and odd ones. */
static size_t a_length(__u64 *seed)
{
	size_t length = 1 + draw(seed) % 6000;

	return length % 2 ? length % 60 + 1 : length;
}

TEST_F(check, equal_copies_do_not_diverge)
{
	struct finding *finding = &self->finding;
	struct host *host = &self->host;
	__u64 seed = 1, again;
	int i, round;

	ASSERT_TRUE(open_both(self, FAIL " ring_size=1048576"));
	/* One that does not wait is cut short wherever nothing is there yet. */
	ASSERT_EQ(0, fcntl(self->b, F_SETFL, O_NONBLOCK));
	for (round = 0; round < 4; round++) {
		/* Far behind, and then step by step, in all the sizes there are. */
		int ahead = round % 2 ? 1 : 150;

		for (i = 0; i < 300; i += ahead) {
			int n;

			again = seed;
			for (n = 0; n < ahead; n++)
				READ(self->a, a_length(&seed));
			for (n = 0; n < ahead; n++)
				ASSERT_TRUE(read_on(self, self->b, a_length(&again)));
			if (i % 100 == 0)
				ASSERT_EQ(0, fsync(self->a) ?: fsync(self->b));
		}
	}
	EXPECT_FALSE(await_finding(host, finding, "web1", 2000));
	EXPECT_EQ(0, host_pair_get(host, "web1", NDVAL_A_PAIR_DIVERGENCES));
	EXPECT_EQ(0, host_pair_get(host, "web2", NDVAL_A_PAIR_DIVERGENCES));
	/* They were compared all the time: one byte less, and it is found. */
	READ(self->a, 50);
	get(self->b, self->bytes, 49);
	get(self->b, self->bytes, 1);
	EXPECT_TRUE(await_finding(host, finding, "web2", PATIENCE_MS));
}

/* A peer that the test makes up */

/* The kernel follows it, and may deliver so much. */
static bool lead(FIXTURE_DATA(check) * self, size_t len)
{
	struct host *host = &self->host;
	struct fake *fake = &self->fake;

	side_primary(&fake->side, "web");
	if (host_call(host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1") ||
	    host_pair(host, "web1", "web", "m1", "m2"))
		return false;
	self->a = node_open("web1", O_NONBLOCK);
	return node_ready(self->a) && fake_lead_all(host, fake, "m2") &&
	       fake_push(fake, 0, len) && fake_stores(fake, "default", len);
}

static const struct check one_stop = {
	.stream = "default", .id = FAKE_STREAM_ID, .instance = 3, .run = 1, .n = 1,
	.stops = { { 100, 42 } }, .length = 77, .pid = 4711, .comm = "a\nb\x7f",
};

static bool tells(FIXTURE_DATA(check) * self, const struct check *check)
{
	return say_check(&self->fake.peer, &self->fake.side, check) &&
	       peer_is_served(&self->fake.peer);
}

/* The next CHECK. */
static bool hears(FIXTURE_DATA(check) * self)
{
	return peer_expect(&self->fake.peer, NDVAL_WIRE_CMD_CHECK, &self->fake.said);
}

TEST_F(check, a_peer_is_told_of_the_finding)
{
	struct said *said = &self->fake.said;
	struct finding *finding = &self->finding;

	ASSERT_TRUE(lead(self, 1000));
	ASSERT_TRUE(tells(self, &one_stop));
	READ(self->a, 50);
	STALE(self->a, 100);
	EXPECT_EQ(50, position(self->a));
	do {
		ASSERT_TRUE(hears(self));
	} while (!said->tb[NDVAL_WIRE_A_FOUND_AT]);
	EXPECT_EQ(100, said_u64(said, NDVAL_WIRE_A_FOUND_AT));
	EXPECT_EQ(3, said_u32(said, NDVAL_WIRE_A_FOUND_INSTANCE));
	EXPECT_EQ(0, said_u32(said, NDVAL_WIRE_A_INSTANCE));
	EXPECT_EQ(100, said_u32(said, NDVAL_WIRE_A_LENGTH));
	EXPECT_EQ(NDVAL_VALUE_KIND_RANDOM, said_u32(said, NDVAL_WIRE_A_KIND));
	EXPECT_EQ(getpid(), said_u32(said, NDVAL_WIRE_A_PID));
	EXPECT_STREQ("copy", said_text(said, NDVAL_WIRE_A_COMM));
	/* Listeners here were told first. */
	ASSERT_TRUE(await_finding(&self->host, finding, "web1", 0));
	EXPECT_EQ(3, finding->other_instance);
	EXPECT_EQ(77, finding->other_length);
	EXPECT_EQ(4711, finding->other_pid);
	EXPECT_STREQ("a\\012b\\177", finding->other_comm);
	EXPECT_STREQ("m2", finding->peer);
	/* PAIR says so until it is repositioned. */
	ASSERT_TRUE(health_is(&self->host, "web1", NDVAL_HEALTH_DIVERGED));
	ASSERT_TRUE(say_pair(&self->fake.peer, &self->fake.side));
	do {
		ASSERT_TRUE(peer_expect(&self->fake.peer, NDVAL_WIRE_CMD_PAIR, said));
	} while (!said->tb[NDVAL_WIRE_A_COPY_DIVERGED]);
	ASSERT_EQ(0, set_instance(&self->host, "web1", 0, 50));
	do {
		ASSERT_TRUE(peer_expect(&self->fake.peer, NDVAL_WIRE_CMD_PAIR, said));
	} while (said->tb[NDVAL_WIRE_A_COPY_DIVERGED]);
	EXPECT_TRUE(reads_pattern(self->a, 50, 950));
}

TEST_F(check, a_peer_is_told_of_a_finding_once)
{
	struct said *said = &self->fake.said;
	int cmd;

	ASSERT_TRUE(lead(self, 1000));
	self->fake.side.serial = 2;
	self->fake.side.on_divergence = NDVAL_ON_DIVERGENCE_REPORT;
	ASSERT_TRUE(say_pair(&self->fake.peer, &self->fake.side));
	ASSERT_TRUE(tells(self, &one_stop));
	READ(self->a, 200);
	do {
		ASSERT_TRUE(hears(self));
	} while (!said->tb[NDVAL_WIRE_A_FOUND_AT]);
	READ(self->a, 10);
	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_READ_TIMEOUT_MS, 50));
	fsync(self->a);
	ASSERT_TRUE(hears(self));
	do {
		EXPECT_FALSE(said->tb[NDVAL_WIRE_A_FOUND_AT]);
		cmd = peer_receive(&self->fake.peer, said, QUIET_MS);
	} while (cmd > 0);
}

/* The epoch is followed by one that has in common with it what lies below @common. */
static bool next_epoch(FIXTURE_DATA(check) * self, __u64 common)
{
	const __u64 starts[EPOCHS] = { 0, common };
	struct fake *fake = &self->fake;

	side_promote(&fake->side, 0xbbbb0002ULL);
	if (!say_pair(&fake->peer, &fake->side) ||
	    !say_sync(&fake->peer, &fake->side, "default", FAKE_STREAM_ID, starts) ||
	    !say_sync_end(&fake->peer, &fake->side))
		return false;
	do {
		if (!peer_expect(&fake->peer, NDVAL_WIRE_CMD_PAIR, &fake->said))
			return false;
	} while (said_u64(&fake->said, NDVAL_WIRE_A_EPOCH_ID) != fake->side.epoch_id);
	return fake_push(fake, common, 1000) && peer_is_served(&fake->peer);
}

/* It was stopped before it got anything, of which nothing is left to differ by. */
TEST_F(check, a_copy_begins_anew_with_values_that_do)
{
	ASSERT_TRUE(lead(self, 1000));
	ASSERT_TRUE(tells(self, &one_stop));
	STALE(self->a, 200);
	ASSERT_TRUE(health_is(&self->host, "web1", NDVAL_HEALTH_DIVERGED));
	ASSERT_TRUE(next_epoch(self, 0));
	EXPECT_FALSE(get_instance(&self->host, "web1", 0).diverged);
	READ(self->a, 200);
}

TEST_F(check, what_was_told_of_values_that_are_thrown_away_stops_nobody)
{
	ASSERT_TRUE(lead(self, 1000));
	ASSERT_TRUE(tells(self, &one_stop));
	READ(self->a, 20);
	ASSERT_TRUE(next_epoch(self, 50));
	READ(self->a, 200);
	READ(self->a, 1);
}

TEST_F(check, a_finding_of_a_peer_is_told_here)
{
	struct finding *finding = &self->finding;
	struct check check = one_stop;

	check.found_at = 20;
	ASSERT_TRUE(lead(self, 1000));
	READ(self->a, 20);
	ASSERT_TRUE(tells(self, &check));
	ASSERT_TRUE(await_finding(&self->host, finding, "web1", PATIENCE_MS));
	EXPECT_EQ(20, finding->offset);
	EXPECT_EQ(0, finding->instance);
	EXPECT_EQ(20, finding->length);
	EXPECT_EQ(3, finding->other_instance);
	EXPECT_EQ(77, finding->other_length);
	/* It is the peer's copy that is stopped. */
	READ(self->a, 80 - 20);
}

TEST_F(check, what_a_peer_told_goes_with_its_link)
{
	ASSERT_TRUE(lead(self, 1000));
	ASSERT_TRUE(tells(self, &one_stop));
	READ(self->a, 50);
	ASSERT_TRUE(fake_hang_up(&self->host, &self->fake));
	READ(self->a, 100);
}

/* Offsets of a CHECK's stops, the last first; 0 if there are fewer. */
static __u64 last_stop(const struct said *said)
{
	const struct nlattr *attr = said->tb[NDVAL_WIRE_A_STOPS];
	const struct stop *stops = mnl_attr_get_payload(attr);
	size_t n = mnl_attr_get_payload_len(attr) / sizeof(*stops);

	return n ? stops[n - 1].offset : 0;
}

/* Receives CHECKs until one tells of a stop; seconds that took. */
static double hears_of(FIXTURE_DATA(check) * self, __u64 stop)
{
	double begin = seconds();

	do {
		if (!hears(self))
			return PATIENCE_MS;
	} while (last_stop(&self->fake.said) != stop);
	return seconds() - begin;
}

/* A peer's copy that begins does not know where ours stand: it is told again. */
TEST_F(check, a_peer_whose_copy_begins_hears_where_ours_stand)
{
	struct check begins = one_stop;

	ASSERT_TRUE(lead(self, 1000));
	READ(self->a, 50);
	EXPECT_GT(PATIENCE_MS, hears_of(self, 50));
	begins.n = 0;
	ASSERT_TRUE(say_check(&self->fake.peer, &self->fake.side, &begins));
	EXPECT_GT(PATIENCE_MS, hears_of(self, 50));
}

/* The primary's copy is not to blame: the peer is told again, and finds out. */
TEST_F(check, a_secondary_that_differs_is_told_where_the_primarys_copy_stands)
{
	struct fake *fake = &self->fake;
	struct host *host = &self->host;
	struct check check = one_stop;

	side_secondary(&fake->side, "web");
	ASSERT_EQ(0, host_call(host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	ASSERT_EQ(0, host_pair(host, "web1", "web", "m1", "m2"));
	ASSERT_EQ(0, host_promote(host, "web1"));
	ASSERT_EQ(0, host_set(host, "web1", NDVAL_A_PAIR_COMMIT, NDVAL_COMMIT_ASYNC));
	self->a = node_open("web1", 0);
	ASSERT_TRUE(fake_connect(host, fake, "m1", "m2") && fake_follow(fake) &&
		    say_end(&fake->peer, &fake->side));
	READ(self->a, 100);
	EXPECT_GT(PATIENCE_MS, hears_of(self, 100));
	check.id = host_stream_get(host, "web1", "default", NDVAL_A_STREAM_ID);
	ASSERT_TRUE(say_check(&fake->peer, &fake->side, &check));
	EXPECT_GT(PATIENCE_MS, hears_of(self, 100));
	READ(self->a, 100);
	EXPECT_EQ(0, host_pair_get(host, "web1", NDVAL_A_PAIR_DIVERGENCES));
}

/* Beside the kernel's secondary, which has read 100 bytes, another one has read otherwise. */
static bool differs(FIXTURE_DATA(check) * self, int older)
{
	struct host *host = &self->host;
	struct fake *other = &self->other;

	if (!lead(self, 1000) || host_add_peer(host, "web1", "m3") ||
	    get(self->a, self->bytes, 100) != 100)
		return false;
	other->side = self->fake.side;
	other->side.role = NDVAL_ROLE_SECONDARY;
	other->side.pair_id = host_pair_get(host, "web1", NDVAL_A_PAIR_MEMBER_ID) + older;
	return fake_connect(host, other, "m1", "m3") && say_pair(&other->peer, &other->side) &&
	       say_check(&other->peer, &other->side, &one_stop) &&
	       peer_is_served(&other->peer);
}

TEST_F(check, of_two_secondaries_the_one_with_the_higher_id_is_to_blame)
{
	ASSERT_TRUE(differs(self, -1));
	STALE(self->a, 1);
}

TEST_F(check, of_two_secondaries_the_one_with_the_lower_id_goes_on)
{
	ASSERT_TRUE(differs(self, 1));
	READ(self->a, 100);
}

/* Two copies that tell in the same moment, one CHECK each. */
TEST_F(check, two_copies_that_tell_at_once_are_both_told_of)
{
	ASSERT_TRUE(lead(self, 1000));
	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_INSTANCES, 3));
	self->b = instance_open("web1", "default", 1, O_NONBLOCK);
	READ(self->a, 10);
	READ(self->b, 10);
	READ(self->b, 10);
	EXPECT_GT(PATIENCE_MS, hears_of(self, 10));
	EXPECT_GT(PATIENCE_MS, hears_of(self, 20));
}

/* It tells the other instance, at once; peers hear of that place too. */
TEST_F(check, who_is_asked_by_an_instance_that_begins_tells_peers_too)
{
	ASSERT_TRUE(lead(self, 1000));
	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_INSTANCES, 3));
	READ(self->a, 10);
	self->b = instance_open("web1", "default", 1, O_NONBLOCK);
	ASSERT_LE(0, self->b);
	EXPECT_GT(PATIENCE_MS, hears_of(self, 10));
}

TEST_F(check, a_peer_is_not_told_of_a_finding_that_is_none_of_its_own)
{
	struct said *said = &self->fake.said;
	bool told = false;
	int cmd;

	ASSERT_TRUE(lead(self, 1000));
	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_INSTANCES, 3));
	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_READ_TIMEOUT_MS, 50));
	self->b = instance_open("web1", "default", 1, O_NONBLOCK);
	READ(self->a, 100);
	fsync(self->a);
	READ(self->b, 30);
	STALE(self->b, 100);
	ASSERT_TRUE(await_finding(&self->host, &self->finding, "web1", PATIENCE_MS));
	while ((cmd = peer_receive(&self->fake.peer, said, QUIET_MS)) > 0) {
		if (cmd != NDVAL_WIRE_CMD_CHECK)
			continue;
		told |= said_u32(said, NDVAL_WIRE_A_INSTANCE) == 1;
		EXPECT_FALSE(said->tb[NDVAL_WIRE_A_FOUND_AT]);
	}
	EXPECT_TRUE(told);
}

TEST_F(check, check_goes_out_at_fsync_each_second_and_each_quarter_of_prefetch)
{
	double took = 1, end;
	__u64 at = 0;
	int i;

	ASSERT_TRUE(lead(self, 32 * KIB));
	/* The fake does not tell what is committed: fsync does not end by itself. */
	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_READ_TIMEOUT_MS, 50));
	/* Each second, while it moves. */
	for (i = 0; i < 3; i++) {
		READ(self->a, 10);
		at += 10;
		EXPECT_GT(TOLD, hears_of(self, at));
	}
	/* And then not any more. */
	for (end = seconds() + 2; seconds() < end;) {
		i = peer_receive(&self->fake.peer, &self->fake.said, QUIET_MS);
		ASSERT_NE(NDVAL_WIRE_CMD_CHECK, i);
	}
	/* At once at fsync; what is in between is time that others took. */
	for (i = 0; i < 5 && took > 0.4; i++) {
		READ(self->a, 10);
		at += 10;
		fsync(self->a);
		took = hears_of(self, at);
	}
	EXPECT_GT(0.4, took);
	for (i = 0, took = 1; i < 5 && took > 0.4; i++) {
		READ(self->a, 4096 - at % 4096);
		at += 4096 - at % 4096;
		took = hears_of(self, at);
	}
	EXPECT_GT(0.4, took);
}

TEST_F(check, nonsense_ends_the_link)
{
	static const char long_comm[17] = "sixteen letters!";
	static const __u64 far[2] = { 1ULL << 63 };
	static const __u32 eight = 8;
	static const struct stop many[STOPS + 1];
	static const struct {
		const char	*what;
		int		type;
		const void	*data;
		size_t		len;
	} lies[] = {
		{ "17 stops", NDVAL_WIRE_A_STOPS, many, sizeof(many) },
		{ "half a stop", NDVAL_WIRE_A_STOPS, many, 24 },
		{ "one byte", NDVAL_WIRE_A_STOPS, many, 1 },
		{ "beyond all offsets", NDVAL_WIRE_A_STOPS, far, sizeof(far) },
		{ "instance 8", NDVAL_WIRE_A_INSTANCE, &eight, 4 },
		{ "found instance 8", NDVAL_WIRE_A_FOUND_INSTANCE, &eight, 4 },
		{ "found too far", NDVAL_WIRE_A_FOUND_AT, far, 8 },
		{ "comm without end", NDVAL_WIRE_A_COMM, "abcd", 4 },
		{ "comm too long", NDVAL_WIRE_A_COMM, long_comm, 17 },
		{ "stream's name", NDVAL_WIRE_A_STREAM, "a b", 4 },
	};
	static const int needed[] = {
		NDVAL_WIRE_A_STOPS, NDVAL_WIRE_A_INSTANCE, NDVAL_WIRE_A_RUN,
		NDVAL_WIRE_A_KIND, NDVAL_WIRE_A_LENGTH, NDVAL_WIRE_A_PID,
		NDVAL_WIRE_A_COMM, NDVAL_WIRE_A_STREAM, NDVAL_WIRE_A_STREAM_ID,
		NDVAL_WIRE_A_FOUND_INSTANCE, NDVAL_WIRE_A_FOUND_AT,
	};
	struct fake *fake = &self->fake;
	char reason[REASON_SIZE];
	size_t i;

	ASSERT_TRUE(lead(self, 1000));
	READ(self->a, 10);
	for (i = 0; i < ARRAY_LEN(lies) + ARRAY_LEN(needed); i++) {
		if (i)
			ASSERT_TRUE(fake_lead_all(&self->host, fake, "m2"));
		fake_make(fake, NDVAL_WIRE_CMD_CHECK);
		if (i < ARRAY_LEN(lies))
			wire_shape(&fake->wire, lies[i].type, lies[i].data, lies[i].len);
		else
			wire_drop(&fake->wire, needed[i - ARRAY_LEN(lies)]);
		ASSERT_TRUE(peer_send(&fake->peer, &fake->wire));
		ASSERT_TRUE(host_link_down(&self->host, fake->peer.link, reason)) {
			TH_LOG("lie %zu", i);
		}
		EXPECT_EQ(0, strncmp(reason, "protocol error", 14)) {
			TH_LOG("lie %zu: %s", i, reason);
		}
		peer_close(&fake->peer);
	}
	EXPECT_TRUE(reads_pattern(self->a, 10, 990));
}

TEST_F(check, what_can_not_be_meant_is_ignored)
{
	struct fake *fake = &self->fake;
	struct check check = one_stop;

	ASSERT_TRUE(lead(self, 1000));
	check.stream = "unknown";
	EXPECT_TRUE(tells(self, &check));
	check = one_stop;
	check.id++;
	EXPECT_TRUE(tells(self, &check));
	/* Beyond all that can have been delivered anywhere. */
	check = one_stop;
	check.stops[0].offset = 1ULL << 40;
	EXPECT_TRUE(tells(self, &check));
	/* A finding about an instance that is not there. */
	check.n = 0;
	check.found_at = 5;
	check.found_instance = 7;
	EXPECT_TRUE(tells(self, &check));
	/* Of another epoch: it is told of ours. */
	while (peer_receive(&fake->peer, &fake->said, QUIET_MS) > 0)
		;
	fake->side.epoch_id++;
	EXPECT_TRUE(say_check(&fake->peer, &fake->side, &one_stop));
	EXPECT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_PAIR, &fake->said));
	fake->side.epoch_id--;
	EXPECT_TRUE(peer_is_served(&fake->peer));
	READ(self->a, 50);
	READ(self->a, 200);
	EXPECT_EQ(0, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_DIVERGENCES));
	EXPECT_TRUE(reads_pattern(self->a, 250, 750));
}

TEST_HARNESS_MAIN
