// SPDX-License-Identifier: GPL-2.0-only
/*
 * The journal between members: copies get the same clock readings and agreed values,
 * whoever comes first; what that costs, and that a peer which lies does no harm. Two
 * members of this kernel, or one and a member that the test makes up.
 *
 * vm: sources=peer.c,../../tools/lib/nl.c libs=-lmnl timeout=180
 */
#include <pthread.h>
#include <stddef.h>

#include "kselftest_harness.h"
#include "common.h"
#include "peer.h"
#include "journal.h"

_Static_assert(offsetof(struct record, value) == RECORD_HEAD, "as on the wire");

/* How the two members are joined. */
#define LINK	"--member m1 --peer m2 --unix-pair m2"

/* A call that waits, in a thread of its own. */
struct caller {
	pthread_t	thread;
	pid_t		tid;
	int		fd;
	bool		wants_clock;
	__u32		clock;
	const char	*offered;
	struct ndval_clock reading;
	char		out[256];
	long		ret;		/* as of the call */
	bool		done;
};

static void *call(void *arg)
{
	struct caller *caller = arg;

	__atomic_store_n(&caller->tid, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	if (caller->wants_clock)
		caller->ret = clock_call(caller->fd, caller->clock, &caller->reading);
	else
		caller->ret = agree(caller->fd, caller->offered, strlen(caller->offered),
				    caller->out, sizeof(caller->out));
	__atomic_store_n(&caller->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

static bool call_begin(struct caller *caller)
{
	caller->tid = 0;
	caller->done = false;
	if (pthread_create(&caller->thread, NULL, call, caller))
		return false;
	return wait_until(__atomic_load_n(&caller->tid, __ATOMIC_SEQ_CST) &&
			  (__atomic_load_n(&caller->done, __ATOMIC_SEQ_CST) ||
			   task_sleeps(caller->tid)), 20);
}

static long call_end(struct caller *caller)
{
	pthread_join(caller->thread, NULL);
	return caller->ret;
}

/* Two members */

FIXTURE(pair)
{
	struct host host;
	int a, b;		/* of the primary, and of the secondary */
};

FIXTURE_SETUP(pair)
{
	ASSERT_TRUE(host_open(&self->host));
	ASSERT_TRUE(two_members(""));
	self->a = instance_open("web1", "default", 0, 0);
	self->b = instance_open("web2", "default", 0, 0);
	ASSERT_LE(0, self->a);
	ASSERT_LE(0, self->b);
}

FIXTURE_TEARDOWN(pair)
{
	close(self->a);
	close(self->b);
	two_members_end();
	host_close(&self->host);
}

TEST_F(pair, copies_in_any_order_get_the_same)
{
	unsigned int i, rounds = rounds_of(600);
	__u64 seed = 0x6a6f75, last[2] = { 0 };
	struct ndval_clock clock[2];
	char in[4096], out[2][4096];

	memset(in, 0x5a, sizeof(in));
	for (i = 0; i < rounds; i++) {
		bool first = draw(&seed) & 1;
		int fd[2] = { first ? self->b : self->a, first ? self->a : self->b };
		__u32 len = draw(&seed) % 3 ? draw(&seed) % 64 : draw(&seed) % 4097;

		if (draw(&seed) & 1) {
			__u32 which = all_clocks[draw(&seed) % 5];

			ASSERT_EQ(0, clock_call(fd[0], which, &clock[0]));
			ASSERT_EQ(0, clock_call(fd[1], which, &clock[1]));
			ASSERT_EQ(0, memcmp(&clock[0], &clock[1], sizeof(clock[0])));
			if (which == CLOCK_MONOTONIC) {
				ASSERT_LE(last[0], clock[0].value);
				last[0] = clock[0].value;
			}
			continue;
		}
		in[0] = i;
		ASSERT_EQ(len, agree(fd[0], in, len, out[0], 4096));
		ASSERT_EQ(0, memcmp(in, out[0], len));
		ASSERT_EQ(len, agree(fd[1], "other", 5, out[1], 4096));
		ASSERT_EQ(0, memcmp(in, out[1], len));
	}
	EXPECT_EQ(journal_position(self->a), journal_position(self->b));
	EXPECT_EQ(0, fsync(self->a));
	EXPECT_EQ(0, fsync(self->b));
}

struct counts {
	__u64 sent, received;
};

static int count_link(const struct nlmsghdr *nlh, void *data)
{
	struct counts *counts = data;
	const struct nlattr *tb[NDVAL_A_LINK_MAX + 1] = { 0 };

	nl_parse(nlh, tb, NDVAL_A_LINK_MAX);
	if (tb[NDVAL_A_LINK_MEMBER] && !strcmp(nl_str(tb[NDVAL_A_LINK_MEMBER]), "m1")) {
		counts->sent = nl_u64(tb[NDVAL_A_LINK_TX_MESSAGES]);
		counts->received = nl_u64(tb[NDVAL_A_LINK_RX_MESSAGES]);
	}
	return MNL_CB_OK;
}

/* Messages that the link of web1 has sent and received. */
static void count_messages(struct host *host, __u64 *sent, __u64 *received)
{
	struct counts counts = { 0 };

	nl_request(host->nl, NDVAL_CMD_LINK_GET, NLM_F_DUMP);
	nl_call(host->nl, count_link, &counts);
	*sent = counts.sent;
	*received = counts.received;
}

/*
 * A secondary that comes first: PROPOSE there, VALUES back, and its acknowledgment, for
 * which nobody waits. Who comes second asks nobody: it has the record, and what its
 * cursor has passed is told with what is said anyhow, or once a millisecond.
 */
TEST_F(pair, who_comes_first_costs_a_round_trip_and_who_comes_second_none)
{
	unsigned int i, rounds = 200;
	__u64 sent[3], received[3];

	/* All that comes with the first ones. */
	for (i = 0; i < 20; i++) {
		ASSERT_NE(0, clock_read(self->b, CLOCK_MONOTONIC));
		ASSERT_NE(0, clock_read(self->a, CLOCK_MONOTONIC));
	}
	count_messages(&self->host, &sent[0], &received[0]);
	for (i = 0; i < rounds; i++)
		ASSERT_NE(0, clock_read(self->b, CLOCK_MONOTONIC));
	count_messages(&self->host, &sent[1], &received[1]);
	for (i = 0; i < rounds; i++)
		ASSERT_NE(0, clock_read(self->a, CLOCK_MONOTONIC));
	count_messages(&self->host, &sent[2], &received[2]);
	TH_LOG("secondary first: %.2f messages to it, %.2f from it; then primary: %.2f, %.2f",
	       (sent[1] - sent[0]) / (double)rounds,
	       (received[1] - received[0]) / (double)rounds,
	       (sent[2] - sent[1]) / (double)rounds,
	       (received[2] - received[1]) / (double)rounds);
	EXPECT_LE(rounds, sent[1] - sent[0]);
	EXPECT_GE(3 * rounds, sent[1] - sent[0]);
	EXPECT_GE(4 * rounds, received[1] - received[0]);
	EXPECT_GE(rounds, sent[2] - sent[1]);
	EXPECT_GE(rounds / 2, received[2] - received[1]);
}

TEST_F(pair, a_link_that_goes_and_comes_back_in_the_middle)
{
	struct ndval_clock clock[2];
	unsigned int i;

	for (i = 0; i < 30; i++) {
		struct caller caller = { .fd = self->b, .wants_clock = true,
					 .clock = all_clocks[i % 5] };

		if (i % 10 == 5) {
			ASSERT_EQ(0, run("ndvalctl link detach --member m1 --peer m2"));
			ASSERT_TRUE(call_begin(&caller));
			ASSERT_EQ(0, run("ndvalctl link attach %s", LINK));
			ASSERT_EQ(0, call_end(&caller));
			clock[1] = caller.reading;
		} else {
			ASSERT_EQ(0, clock_call(self->b, all_clocks[i % 5], &clock[1]));
		}
		ASSERT_EQ(0, clock_call(self->a, all_clocks[i % 5], &clock[0]));
		EXPECT_EQ(0, memcmp(&clock[0], &clock[1], sizeof(clock[0])));
	}
	EXPECT_EQ(journal_position(self->a), journal_position(self->b));
}

TEST_F(pair, another_kind_is_told_on_both_sides)
{
	char out[64];

	ASSERT_EQ(0, run("ndvalctl pair set web1 on_divergence=fail"));
	ASSERT_TRUE(wait_until(host_pair_get(&self->host, "web2", NDVAL_A_PAIR_ON_DIVERGENCE) ==
			       NDVAL_ON_DIVERGENCE_FAIL, 20));
	ASSERT_NE(0, clock_read(self->a, CLOCK_TAI));
	EXPECT_EQ(-ESTALE, agree(self->b, "x", 1, out, sizeof(out)));
	EXPECT_TRUE(wait_until(host_pair_get(&self->host, "web1", NDVAL_A_PAIR_DIVERGENCES) &&
			       host_pair_get(&self->host, "web2", NDVAL_A_PAIR_DIVERGENCES), 20));
	EXPECT_EQ(-ESTALE, agree(self->b, "x", 1, out, sizeof(out)));
	EXPECT_NE(0, clock_read(self->a, CLOCK_TAI));
}

/* Who takes over goes on from the last reading, though its own clock is behind. */
TEST_F(pair, time_does_not_go_back_at_a_failover)
{
	struct ndval_clock last[5], next;
	struct timespec now;
	unsigned int i;
	int status;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, clock_call(self->a, all_clocks[i], &last[i]));
		ASSERT_EQ(0, clock_call(self->b, all_clocks[i], &next));
	}
	close(self->a);
	self->a = -1;
	ASSERT_EQ(0, run("ndvalctl link detach --member m1 --peer m2; ndvalctl pair del web1"));
	/* The other host's clock is ten seconds behind. */
	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec -= 10;
	ASSERT_EQ(0, clock_settime(CLOCK_REALTIME, &now));
	status = run("ndvalctl promote web2");
	now.tv_sec += 10;
	ASSERT_EQ(0, status);
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, clock_call(self->b, all_clocks[i], &next));
		EXPECT_LE(last[i].value, next.value);
		/* Those that people set stand, the others go on. */
		EXPECT_EQ(all_clocks[i] == CLOCK_REALTIME || all_clocks[i] == CLOCK_TAI,
			  last[i].value == next.value);
		EXPECT_EQ(last[i].frequency, next.frequency);
	}
	/* An administrator who sets it is followed. */
	ASSERT_EQ(0, clock_settime(CLOCK_REALTIME, &now));
	ASSERT_EQ(0, clock_call(self->b, CLOCK_REALTIME, &next));
	EXPECT_EQ(last[0].steps + 1, next.steps);
}

/* The kernel as a secondary, and a primary that is not one. */

FIXTURE(journal)
{
	struct host host;
	struct fake fake;
	int fd;
};

FIXTURE_SETUP(journal)
{
	memset(self, 0, sizeof(*self));
	self->fake.peer.fd = -1;
	ASSERT_TRUE(host_open(&self->host));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	ASSERT_EQ(0, host_pair(&self->host, "web1", "web", "m1", "m2"));
	side_primary(&self->fake.side, "web");
	self->fd = node_open("web1", 0);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(node_ready(self->fd));
}

FIXTURE_TEARDOWN(journal)
{
	peer_close(&self->fake.peer);
	close(self->fd);
	host_pair_del(&self->host, "web1");
	EXPECT_TRUE(host_member_del(&self->host, "m1"));
	host_close(&self->host);
}

static void make_reading(struct record *record, __u64 place, __u32 kind, __u64 value,
			 __u64 steps)
{
	__u64 reading[2] = { value, steps };

	*record = (struct record){ .kind = kind, .length = sizeof(reading), .place = place };
	memcpy(record->value, reading, sizeof(reading));
}

static void make_agreed(struct record *record, __u64 place, const char *value)
{
	*record = (struct record){ .kind = NDVAL_VALUE_KIND_AGREED, .length = strlen(value),
				   .place = place };
	memcpy(record->value, value, record->length);
}

static bool push(struct fake *fake, const struct record *record, __u64 limit, bool again)
{
	struct values values = {
		.stream = "default", .id = FAKE_JOURNAL_ID, .journal = true, .again = again,
	};

	if (record) {
		values.offset = record->place;
		values.data = record;
		values.len = RECORD_SIZE(record->length);
		values.limit = limit;
		values.held = !limit;
	}
	return say_values(&fake->peer, &fake->side, &values);
}

/* What was proposed is of this kind and for this place. */
static bool proposes(struct fake *fake, __u32 kind, __u64 place)
{
	const struct record *record;

	if (!peer_expect(&fake->peer, NDVAL_WIRE_CMD_PROPOSE, &fake->said))
		return false;
	record = mnl_attr_get_payload(fake->said.tb[NDVAL_WIRE_A_RECORD]);
	return record->kind == kind && record->place == place;
}

TEST_F(journal, a_copy_proposes_and_takes_what_is_recorded)
{
	struct caller caller = { .fd = self->fd, .offered = "mine" };
	const struct record *asked;
	struct record record;

	ASSERT_TRUE(fake_lead_all(&self->host, &self->fake, "m2"));
	ASSERT_TRUE(call_begin(&caller));
	ASSERT_TRUE(proposes(&self->fake, NDVAL_VALUE_KIND_AGREED, 0));
	asked = mnl_attr_get_payload(self->fake.said.tb[NDVAL_WIRE_A_RECORD]);
	EXPECT_EQ(4, asked->length);
	EXPECT_EQ(0, memcmp(asked->value, "mine", 4));
	EXPECT_EQ(getpid(), asked->pid);
	make_agreed(&record, 0, "another's");
	/* Stored, but not to be given yet. */
	ASSERT_TRUE(push(&self->fake, &record, 0, false) && peer_is_served(&self->fake.peer));
	EXPECT_FALSE(caller.done);
	ASSERT_TRUE(push(&self->fake, &record, RECORD_SIZE(9), false));
	EXPECT_EQ(9, call_end(&caller));
	EXPECT_EQ(0, memcmp(caller.out, "another's", 9));
	EXPECT_EQ(RECORD_SIZE(9), journal_position(self->fd));
}

/* What was offered is secret too: it goes as soon as the record is there. */
TEST_F(journal, what_was_offered_is_not_kept)
{
	static char offer[3000];
	struct caller caller = { .fd = self->fd, .offered = offer };
	struct record record;
	__u64 waiting;

	memset(offer, 'x', sizeof(offer) - 1);
	ASSERT_TRUE(fake_lead_all(&self->host, &self->fake, "m2"));
	/* A first record, which takes the memory that the second one needs. */
	make_agreed(&record, 0, "first");
	ASSERT_TRUE(push(&self->fake, &record, RECORD_SIZE(5), false) &&
		    peer_is_served(&self->fake.peer));
	ASSERT_TRUE(agrees(self->fd, "", "first"));
	ASSERT_TRUE(call_begin(&caller));
	ASSERT_TRUE(proposes(&self->fake, NDVAL_VALUE_KIND_AGREED, RECORD_SIZE(5)));
	waiting = host_pair_get(&self->host, "web1", NDVAL_A_PAIR_MEMORY);
	make_agreed(&record, RECORD_SIZE(5), "second");
	ASSERT_TRUE(push(&self->fake, &record, RECORD_SIZE(5) + RECORD_SIZE(6), false));
	EXPECT_EQ(6, call_end(&caller));
	EXPECT_GE(waiting - sizeof(offer),
		  host_pair_get(&self->host, "web1", NDVAL_A_PAIR_MEMORY));
}

TEST_F(journal, a_proposal_of_a_clock_carries_no_reading)
{
	struct caller caller = { .fd = self->fd, .wants_clock = true, .clock = CLOCK_REALTIME };
	struct record record;

	ASSERT_TRUE(fake_lead_all(&self->host, &self->fake, "m2"));
	ASSERT_TRUE(call_begin(&caller));
	ASSERT_TRUE(proposes(&self->fake, NDVAL_VALUE_KIND_REALTIME, 0));
	EXPECT_EQ(RECORD_HEAD,
		  mnl_attr_get_payload_len(self->fake.said.tb[NDVAL_WIRE_A_RECORD]));
	make_reading(&record, 0, NDVAL_VALUE_KIND_REALTIME, 12345, 3);
	ASSERT_TRUE(push(&self->fake, &record, RECORD_CLOCK, false));
	EXPECT_EQ(0, call_end(&caller));
	EXPECT_EQ(12345, caller.reading.value);
	EXPECT_EQ(3, caller.reading.steps);
}

static void on_alarm(int signal UNUSED)
{
}

TEST_F(journal, an_interrupted_call_takes_the_same_record_once)
{
	const struct sigaction action = { .sa_handler = on_alarm };
	struct caller caller = { .fd = self->fd, .offered = "mine" };
	struct record record;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_TRUE(fake_lead_all(&self->host, &self->fake, "m2"));
	ASSERT_TRUE(call_begin(&caller));
	ASSERT_TRUE(proposes(&self->fake, NDVAL_VALUE_KIND_AGREED, 0));
	ASSERT_EQ(0, pthread_kill(caller.thread, SIGUSR1));
	EXPECT_EQ(-EINTR, call_end(&caller));
	EXPECT_EQ(0, journal_position(self->fd));
	make_agreed(&record, 0, "mine");
	ASSERT_TRUE(push(&self->fake, &record, RECORD_SIZE(4), false));
	ASSERT_TRUE(peer_is_served(&self->fake.peer));
	EXPECT_TRUE(agrees(self->fd, "late", "mine"));
	EXPECT_EQ(RECORD_SIZE(4), journal_position(self->fd));
}

TEST_F(journal, what_is_open_is_proposed_again_on_a_new_link)
{
	struct caller caller = { .fd = self->fd, .wants_clock = true, .clock = CLOCK_TAI };
	struct record record;

	ASSERT_TRUE(fake_lead_all(&self->host, &self->fake, "m2"));
	ASSERT_TRUE(call_begin(&caller));
	ASSERT_TRUE(proposes(&self->fake, NDVAL_VALUE_KIND_TAI, 0));
	peer_close(&self->fake.peer);
	ASSERT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_DISCONNECTED));
	ASSERT_TRUE(fake_connect(&self->host, &self->fake, "m1", "m2"));
	ASSERT_TRUE(fake_lead(&self->fake));
	ASSERT_TRUE(proposes(&self->fake, NDVAL_VALUE_KIND_TAI, 0));
	/* And if the primary says that it could not record it. */
	ASSERT_TRUE(push(&self->fake, NULL, 0, true));
	ASSERT_TRUE(proposes(&self->fake, NDVAL_VALUE_KIND_TAI, 0));
	make_reading(&record, 0, NDVAL_VALUE_KIND_TAI, 5, 0);
	ASSERT_TRUE(push(&self->fake, &record, RECORD_CLOCK, false));
	EXPECT_EQ(0, call_end(&caller));
	EXPECT_EQ(5, caller.reading.value);
}

/* Whatever a primary sends that is no record ends the link, and is not stored. */
TEST_F(journal, what_is_no_record_ends_the_link)
{
	struct record good, bad[12];
	unsigned int i, n = 0;

	make_reading(&good, 0, NDVAL_VALUE_KIND_BOOTTIME, 7, 0);
	for (i = 0; i < ARRAY_LEN(bad); i++)
		bad[i] = good;
	bad[n++].kind = NDVAL_VALUE_KIND_RANDOM;
	bad[n++].kind = NDVAL_VALUE_KIND_AGREED + 1;
	bad[n++].kind = ~0U;
	bad[n++].place = 64;
	bad[n++].instance = NDVAL_INSTANCES;
	bad[n++].length = 8;
	bad[n++].length = 24;
	make_reading(&bad[n++], 0, NDVAL_VALUE_KIND_BOOTTIME, 1ULL << 63, 0);
	make_reading(&bad[n++], 0, NDVAL_VALUE_KIND_CYCLES, 7, 0);
	make_reading(&bad[n++], 0, NDVAL_VALUE_KIND_CYCLES, 7, ~0ULL);
	bad[n].kind = NDVAL_VALUE_KIND_AGREED;
	bad[n++].length = 4097;
	bad[n].kind = NDVAL_VALUE_KIND_AGREED;
	bad[n++].length = ~0U;
	ASSERT_EQ(ARRAY_LEN(bad), n);
	for (i = 0; i < n; i++) {
		struct values values = {
			.stream = "default", .id = FAKE_JOURNAL_ID, .journal = true,
			.data = &bad[i], .len = RECORD_CLOCK, .limit = RECORD_CLOCK,
		};

		ASSERT_TRUE(fake_lead_all(&self->host, &self->fake, "m2"));
		ASSERT_TRUE(say_values(&self->fake.peer, &self->fake.side, &values));
		EXPECT_TRUE(peer_expect_eof(&self->fake.peer)) TH_LOG("%u", i);
		peer_close(&self->fake.peer);
		ASSERT_TRUE(host_peer_is(&self->host, "web1", "m2",
					 NDVAL_PEER_STATE_DISCONNECTED));
	}
	/* Half a record, and more than one that is whole. */
	for (i = 1; i < RECORD_CLOCK; i += 13) {
		struct values values = {
			.stream = "default", .id = FAKE_JOURNAL_ID, .journal = true,
			.data = &good, .len = i, .limit = i,
		};

		ASSERT_TRUE(fake_lead_all(&self->host, &self->fake, "m2"));
		ASSERT_TRUE(say_values(&self->fake.peer, &self->fake.side, &values));
		EXPECT_TRUE(peer_expect_eof(&self->fake.peer));
		peer_close(&self->fake.peer);
		ASSERT_TRUE(host_peer_is(&self->host, "web1", "m2",
					 NDVAL_PEER_STATE_DISCONNECTED));
	}
	ASSERT_TRUE(fake_lead_all(&self->host, &self->fake, "m2"));
	ASSERT_TRUE(push(&self->fake, &good, RECORD_CLOCK, false));
	EXPECT_EQ(7, clock_read(self->fd, CLOCK_BOOTTIME));
}

/* However much more the secondary's window takes, and messages are. */
TEST_F(journal, more_than_16_kib_at_once_end_the_link)
{
	static struct record record;
	static char records[257 * RECORD_CLOCK];
	struct values values = {
		.stream = "default", .id = FAKE_JOURNAL_ID, .journal = true, .data = records,
	};
	static const unsigned int counts[] = { 1, 257, 256 };
	struct fake *fake = &self->fake;
	unsigned int i;

	for (i = 0; i < 257; i++) {
		make_reading(&record, i * RECORD_CLOCK, NDVAL_VALUE_KIND_BOOTTIME, 7 + i, 0);
		memcpy(records + i * RECORD_CLOCK, &record, RECORD_CLOCK);
	}
	/* The first makes the journal known, and what its window takes. */
	for (i = 0; i < ARRAY_LEN(counts); i++) {
		values.len = counts[i] * RECORD_CLOCK;
		values.limit = values.len;
		ASSERT_TRUE(fake_lead_all(&self->host, fake, "m2"));
		ASSERT_TRUE(say_values(&fake->peer, &fake->side, &values));
		if (counts[i] <= 256) {
			ASSERT_TRUE(wait_until(host_pair_get(&self->host, "web1",
							     NDVAL_A_PAIR_RECORDED) ==
					       values.len, 20));
		} else {
			EXPECT_TRUE(peer_expect_eof(&fake->peer));
		}
		peer_close(&fake->peer);
		ASSERT_TRUE(host_peer_is(&self->host, "web1", "m2",
					 NDVAL_PEER_STATE_DISCONNECTED));
	}
	for (i = 0; i < 256; i++)
		ASSERT_EQ(7 + i, clock_read(self->fd, CLOCK_BOOTTIME));
}

TEST_F(journal, other_records_over_stored_ones_end_the_link)
{
	struct record record;

	ASSERT_TRUE(fake_lead_all(&self->host, &self->fake, "m2"));
	make_reading(&record, 0, NDVAL_VALUE_KIND_BOOTTIME, 7, 0);
	ASSERT_TRUE(push(&self->fake, &record, RECORD_CLOCK, false));
	ASSERT_TRUE(push(&self->fake, &record, RECORD_CLOCK, false));
	EXPECT_EQ(7, clock_read(self->fd, CLOCK_BOOTTIME));
	make_reading(&record, 0, NDVAL_VALUE_KIND_BOOTTIME, 8, 0);
	ASSERT_TRUE(push(&self->fake, &record, RECORD_CLOCK, false));
	EXPECT_TRUE(peer_expect_eof(&self->fake.peer));
}

/* What is delivered here goes, but for the record that the limit lies in. */
TEST_F(journal, a_limit_inside_a_record_leaves_records_whole)
{
	struct ndval_info info;
	struct record record;
	unsigned int i;

	ASSERT_EQ(0, run("ndvalctl pair set web1 retain=0"));
	ASSERT_TRUE(fake_lead_all(&self->host, &self->fake, "m2"));
	for (i = 0; i < 3; i++) {
		make_reading(&record, i * RECORD_CLOCK, NDVAL_VALUE_KIND_BOOTTIME, 7 + i, 0);
		ASSERT_TRUE(push(&self->fake, &record, RECORD_CLOCK + 1, false));
	}
	EXPECT_EQ(7, clock_read(self->fd, CLOCK_BOOTTIME));
	EXPECT_EQ(8, clock_read(self->fd, CLOCK_BOOTTIME));
	ASSERT_EQ(0, ioctl(self->fd, NDVAL_IOC_INFO, &info));
	EXPECT_EQ(RECORD_CLOCK, info.journal_tail);
	ASSERT_TRUE(push(&self->fake, &record, 3 * RECORD_CLOCK, false));
	EXPECT_EQ(9, clock_read(self->fd, CLOCK_BOOTTIME));
	ASSERT_EQ(0, ioctl(self->fd, NDVAL_IOC_INFO, &info));
	EXPECT_EQ(3 * RECORD_CLOCK, info.journal_tail);
}

/* Three readings; the third one is not sent. */
static bool push_two(struct fake *fake, struct record *record, __u64 limit)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		make_reading(&record[i], i * RECORD_CLOCK, NDVAL_VALUE_KIND_BOOTTIME,
			     7 + i, 0);
	return push(fake, &record[0], limit, false) && push(fake, &record[1], limit, false) &&
	       peer_is_served(&fake->peer);
}

/* The window begins where a record does, wherever a peer says that L is. */
TEST_F(journal, a_limit_inside_a_record_cuts_none)
{
	struct record record[3];

	ASSERT_EQ(0, run("ndvalctl pair set web1 retain=0"));
	ASSERT_TRUE(fake_lead_all(&self->host, &self->fake, "m2"));
	ASSERT_TRUE(push_two(&self->fake, record, RECORD_CLOCK + 6));
	EXPECT_EQ(7, clock_read(self->fd, CLOCK_BOOTTIME));
	EXPECT_EQ(8, clock_read(self->fd, CLOCK_BOOTTIME));
	EXPECT_EQ(RECORD_CLOCK, host_stream_get(&self->host, "web1", "default",
						NDVAL_A_STREAM_JOURNAL_TAIL));
	ASSERT_TRUE(push(&self->fake, &record[2], 2 * RECORD_CLOCK + 6, false));
	ASSERT_TRUE(peer_is_served(&self->fake.peer));
	EXPECT_EQ(0, run("ndvalctl instance set web1 --journal-at %d", 2 * RECORD_CLOCK));
	EXPECT_EQ(9, clock_read(self->fd, CLOCK_BOOTTIME));
}

/* As wire_sync(), of the journal. */
static bool say_sync_journal(struct fake *fake, __u64 id, const __u64 *starts)
{
	wire_sync(&fake->wire, &fake->side, "default", id, starts);
	mnl_attr_put(fake->wire.nlh, NDVAL_WIRE_A_JOURNAL, 0, NULL);
	return peer_send(&fake->peer, &fake->wire);
}

/* Where a primary says that its epoch began inside a record, the record goes. */
TEST_F(journal, an_epoch_that_began_inside_a_record_cuts_none)
{
	__u64 starts[EPOCHS] = { 0, RECORD_CLOCK + 8 }, bytes[EPOCHS] = { 0 };
	struct fake *fake = &self->fake;
	struct record record[3];

	ASSERT_TRUE(fake_lead_all(&self->host, fake, "m2"));
	ASSERT_TRUE(push_two(fake, record, 0));
	side_promote(&fake->side, 0xbbbb0002ULL);
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) &&
		    say_sync(&fake->peer, &fake->side, "default", FAKE_STREAM_ID, bytes) &&
		    say_sync_journal(fake, FAKE_JOURNAL_ID, starts) &&
		    say_sync_end(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	ASSERT_TRUE(wait_until(host_pair_get(&self->host, "web1", NDVAL_A_PAIR_EPOCH) == 2, 20));
	EXPECT_EQ(RECORD_CLOCK, host_stream_get(&self->host, "web1", "default",
						NDVAL_A_STREAM_JOURNAL_HEAD));
	EXPECT_NE(0, run("ndvalctl instance set web1 --journal-at %d", RECORD_CLOCK - 8));
	ASSERT_TRUE(push(fake, &record[1], 2 * RECORD_CLOCK, false));
	EXPECT_EQ(7, clock_read(self->fd, CLOCK_BOOTTIME));
	EXPECT_EQ(8, clock_read(self->fd, CLOCK_BOOTTIME));
}

/* One that is not lost, for it was not expected when its place went. */
TEST_F(journal, a_copy_beyond_the_end_of_a_new_primary_is_told_so)
{
	static const __u64 starts[EPOCHS];
	struct fake *fake = &self->fake;
	struct ndval_clock clock;
	struct record record;

	fake->side.in_sync = true;
	ASSERT_TRUE(fake_lead_all(&self->host, fake, "m2"));
	make_reading(&record, 0, NDVAL_VALUE_KIND_TAI, 5, 0);
	ASSERT_TRUE(push(fake, &record, RECORD_CLOCK, false) && peer_is_served(&fake->peer));
	ASSERT_EQ(0, run("ndvalctl instance set web1 --journal-at %d", RECORD_CLOCK));
	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_INSTANCES, 0));
	side_promote(&fake->side, 0xbbbb0002ULL);
	fake->side.in_sync = true;
	ASSERT_TRUE(say_pair(&fake->peer, &fake->side) &&
		    say_sync(&fake->peer, &fake->side, "default", FAKE_STREAM_ID, starts) &&
		    say_sync_journal(fake, FAKE_JOURNAL_ID, starts) &&
		    say_sync_end(&fake->peer, &fake->side) && peer_is_served(&fake->peer));
	ASSERT_TRUE(wait_until(host_pair_get(&self->host, "web1", NDVAL_A_PAIR_EPOCH) == 2, 20));
	EXPECT_EQ(0, host_stream_get(&self->host, "web1", "default",
				     NDVAL_A_STREAM_JOURNAL_HEAD));
	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_INSTANCES, 1));
	ASSERT_TRUE(fake_hang_up(&self->host, fake));
	ASSERT_EQ(0, host_take_over(&self->host, "web1"));
	ASSERT_TRUE(wait_until(host_pair_get(&self->host, "web1", NDVAL_A_PAIR_ROLE) ==
			       NDVAL_ROLE_PRIMARY, 20));
	EXPECT_EQ(-EPIPE, clock_call(self->fd, CLOCK_TAI, &clock));
	ASSERT_EQ(0, run("ndvalctl instance set web1 --journal-at 0"));
	EXPECT_EQ(0, clock_call(self->fd, CLOCK_TAI, &clock));
}

/* The kernel as the primary, and a secondary that is not one. */

FIXTURE(primary)
{
	struct host host;
	struct fake fake;
	int fd;
};

FIXTURE_SETUP(primary)
{
	memset(self, 0, sizeof(*self));
	self->fake.peer.fd = -1;
	ASSERT_TRUE(host_open(&self->host));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	ASSERT_EQ(0, host_pair(&self->host, "web1", "web", "m1", "m2"));
	ASSERT_EQ(0, host_promote(&self->host, "web1"));
	side_secondary(&self->fake.side, "web");
	self->fd = node_open("web1", O_NONBLOCK);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(primary)
{
	peer_close(&self->fake.peer);
	close(self->fd);
	host_pair_del(&self->host, "web1");
	EXPECT_TRUE(host_member_del(&self->host, "m1"));
	host_close(&self->host);
}

static bool fetch_journal(struct fake *fake, __u64 id, __u64 have)
{
	const struct fetch fetch = {
		.stream = "default", .id = id, .have = have, .want = have + 4000,
		.journal = true,
	};

	return say_fetch(&fake->peer, &fake->side, &fetch);
}

/* The next records that come are these; -1 if something else does. */
static __s64 next_records(struct fake *fake, struct record *record)
{
	const void *data;
	size_t len;

	do {
		if (!peer_expect(&fake->peer, NDVAL_WIRE_CMD_VALUES, &fake->said))
			return -1;
		data = said_value(&fake->said, &len);
	} while (!fake->said.tb[NDVAL_WIRE_A_JOURNAL] || !len);
	if (len > sizeof(*record))
		return -1;
	memcpy(record, data, len);
	return len;
}

TEST_F(primary, records_what_is_proposed_once)
{
	struct record asked = { .kind = NDVAL_VALUE_KIND_AGREED, .length = 6, .instance = 3,
				.pid = 77, .comm = "copy" };
	struct fake *fake = &self->fake;
	struct record got;
	unsigned int i;

	memcpy(asked.value, "theirs", 6);
	ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2") && fake_follow(fake));
	ASSERT_TRUE(fetch_journal(fake, 0, 0) && say_end(&fake->peer, &fake->side));
	for (i = 0; i < 3; i++)
		ASSERT_TRUE(say_propose(&fake->peer, &fake->side, "default", 0, &asked));
	ASSERT_EQ(RECORD_SIZE(6), next_records(fake, &got));
	EXPECT_EQ(NDVAL_VALUE_KIND_AGREED, got.kind);
	EXPECT_EQ(0, memcmp(got.value, "theirs", 6));
	EXPECT_EQ(3, got.instance);
	EXPECT_EQ(77, got.pid);
	EXPECT_EQ(fake->side.pair_id, got.origin);
	/* A clock is read by who records it. */
	asked = (struct record){ .kind = NDVAL_VALUE_KIND_REALTIME, .place = RECORD_SIZE(6) };
	ASSERT_TRUE(say_propose(&fake->peer, &fake->side, "default", 0, &asked));
	ASSERT_EQ(RECORD_CLOCK, next_records(fake, &got));
	EXPECT_EQ(NDVAL_VALUE_KIND_REALTIME, got.kind);
	EXPECT_NE(0, *(__u64 *)got.value);
	/* Beyond the end: nothing is recorded, nothing happens. */
	asked.place = 1000;
	ASSERT_TRUE(say_propose(&fake->peer, &fake->side, "default", 0, &asked));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	EXPECT_EQ(RECORD_SIZE(6) + RECORD_CLOCK,
		  host_pair_get(&self->host, "web1", NDVAL_A_PAIR_RECORDED));
}

TEST_F(primary, gives_with_commit_sync_what_the_peer_stores)
{
	struct fake *fake = &self->fake;
	struct ndval_clock clock;
	struct record got;

	ASSERT_TRUE(node_ready(self->fd));
	ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2") && fake_follow(fake));
	ASSERT_TRUE(fetch_journal(fake, 0, 0) && say_end(&fake->peer, &fake->side));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	wait_until(clock_call(self->fd, CLOCK_BOOTTIME, &clock) == -EAGAIN &&
		   host_pair_get(&self->host, "web1", NDVAL_A_PAIR_RECORDED) == RECORD_CLOCK, 20);
	ASSERT_EQ(RECORD_CLOCK, next_records(fake, &got));
	EXPECT_EQ(-EAGAIN, clock_call(self->fd, CLOCK_BOOTTIME, &clock));
	ASSERT_TRUE(fetch_journal(fake, said_u64(&fake->said, NDVAL_WIRE_A_STREAM_ID),
				  RECORD_CLOCK));
	ASSERT_TRUE(wait_until(!clock_call(self->fd, CLOCK_BOOTTIME, &clock), 20));
	EXPECT_EQ(*(__u64 *)got.value, clock.value);
}

TEST_F(primary, what_can_not_be_asked_for_ends_the_link)
{
	static const struct record bad[] = {
		{ .kind = NDVAL_VALUE_KIND_RANDOM },
		{ .kind = NDVAL_VALUE_KIND_AGREED + 1 },
		{ .kind = NDVAL_VALUE_KIND_TAI, .length = 16 },
		{ .kind = NDVAL_VALUE_KIND_AGREED, .instance = 8 },
	};
	struct fake *fake = &self->fake;
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(bad); i++) {
		ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2") && fake_follow(fake));
		ASSERT_TRUE(fetch_journal(fake, 0, 0));
		ASSERT_TRUE(say_propose(&fake->peer, &fake->side, "default", 0, &bad[i]));
		EXPECT_TRUE(peer_expect_eof(&fake->peer)) TH_LOG("%u", i);
		peer_close(&fake->peer);
		ASSERT_TRUE(host_peer_is(&self->host, "web1", "m2",
					 NDVAL_PEER_STATE_DISCONNECTED));
	}
}

TEST_F(primary, who_stores_half_a_record_is_hung_up_on)
{
	struct fake *fake = &self->fake;
	struct ndval_clock clock;
	__u64 id;

	ASSERT_EQ(0, run("ndvalctl pair set web1 commit=async retain=0"));
	ASSERT_TRUE(node_ready(self->fd));
	ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2") && fake_follow(fake));
	ASSERT_TRUE(fetch_journal(fake, 0, 0) && say_end(&fake->peer, &fake->side));
	ASSERT_TRUE(wait_until(!clock_call(self->fd, CLOCK_BOOTTIME, &clock), 20));
	ASSERT_TRUE(wait_until(!clock_call(self->fd, CLOCK_BOOTTIME, &clock), 20));
	do {
		ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_VALUES, &fake->said));
	} while (!fake->said.tb[NDVAL_WIRE_A_JOURNAL]);
	id = said_u64(&fake->said, NDVAL_WIRE_A_STREAM_ID);
	ASSERT_TRUE(fetch_journal(fake, id, RECORD_CLOCK));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	ASSERT_TRUE(fetch_journal(fake, id, RECORD_CLOCK + 6));
	EXPECT_TRUE(peer_expect_eof(&fake->peer));
}

/* Also if that was because of a switchover, which failed. Meanwhile it may ask in vain. */
TEST_F(primary, asks_again_for_what_it_could_not_record_in_a_switchover)
{
	struct record asked = { .kind = NDVAL_VALUE_KIND_BOOTTIME, .place = RECORD_CLOCK };
	struct fake *fake = &self->fake;
	struct ndval_clock clock;

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_PEER_TIMEOUT_MS, 2000));
	ASSERT_TRUE(node_ready(self->fd));
	ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2") && fake_follow(fake));
	ASSERT_TRUE(fetch_journal(fake, 0, 0) && say_end(&fake->peer, &fake->side));
	ASSERT_TRUE(host_peer_is(&self->host, "web1", "m2", NDVAL_PEER_STATE_IN_SYNC));
	/* The fake never stores this, so it can't be handed over to. */
	ASSERT_TRUE(wait_until(clock_call(self->fd, CLOCK_TAI, &clock) == -EAGAIN &&
			       host_pair_get(&self->host, "web1", NDVAL_A_PAIR_RECORDED) ==
			       RECORD_CLOCK, 20));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_SWITCHOVER, NDVAL_A_PAIR_NAME, "web1"));
	ASSERT_TRUE(say_propose(&fake->peer, &fake->side, "default", 0, &asked));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	EXPECT_EQ(RECORD_CLOCK, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_RECORDED));
	/* What was heard until then may have been the question. */
	ASSERT_TRUE(say_propose(&fake->peer, &fake->side, "default", 0, &asked));
	do {
		ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_VALUES, &fake->said));
		if (fake->said.tb[NDVAL_WIRE_A_AGAIN])
			ASSERT_TRUE(say_propose(&fake->peer, &fake->side, "default", 0, &asked));
	} while (host_pair_get(&self->host, "web1", NDVAL_A_PAIR_RECORDED) == RECORD_CLOCK);
	EXPECT_EQ(NDVAL_ROLE_PRIMARY, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_ROLE));
	EXPECT_EQ(2 * RECORD_CLOCK,
		  host_pair_get(&self->host, "web1", NDVAL_A_PAIR_RECORDED));
}

/* Of a value that looks like a record it is found out when there is nothing to follow. */
TEST_F(primary, who_stores_up_to_what_only_looks_like_a_record_is_hung_up_on)
{
	static const __u32 lengths[] = { 0xffff, 8 };
	struct fake *fake = &self->fake;
	char reason[REASON_SIZE];
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(lengths); i++) {
		__u64 place = i * RECORD_SIZE(200);
		struct record asked = {
			.kind = NDVAL_VALUE_KIND_AGREED, .length = 200, .place = place,
		};
		struct record inside = {
			.kind = NDVAL_VALUE_KIND_AGREED, .length = lengths[i],
			.place = place + RECORD_HEAD,
		};
		struct fetch again = {
			.stream = "default", .have = place + RECORD_HEAD,
			.want = place + 4000, .journal = true, .again = true,
		};
		struct record got;

		memcpy(asked.value, &inside, RECORD_HEAD);
		ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2") && fake_follow(fake));
		ASSERT_TRUE(fetch_journal(fake, 0, place) && say_end(&fake->peer, &fake->side));
		ASSERT_TRUE(say_propose(&fake->peer, &fake->side, "default", 0, &asked));
		ASSERT_EQ(RECORD_SIZE(200), next_records(fake, &got));
		again.id = said_u64(&fake->said, NDVAL_WIRE_A_STREAM_ID);
		ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &again));
		ASSERT_TRUE(host_link_down(&self->host, fake->peer.link, reason));
		EXPECT_EQ(0, strncmp(reason, "protocol error", 14)) TH_LOG("%u: %s", i, reason);
		peer_close(&fake->peer);
		ASSERT_TRUE(host_peer_is(&self->host, "web1", "m2",
					 NDVAL_PEER_STATE_DISCONNECTED));
	}
}

/* Objects of a slab that are in use. */
static long slab_objects(const char *name)
{
	FILE *file = fopen("/proc/slabinfo", "re");
	char line[512];
	long found = -1;

	while (file && found < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			sscanf(line + strlen(name), "%ld", &found);
	if (file)
		fclose(file);
	return found;
}

/* No memory stays, and none is had, for places at which nothing can be recorded. */
TEST_F(primary, a_proposal_of_any_place_costs_nothing)
{
	struct record asked = { .kind = NDVAL_VALUE_KIND_TAI };
	struct fake *fake = &self->fake;
	long nodes;
	__u64 i;

	ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2") && fake_follow(fake));
	ASSERT_TRUE(fetch_journal(fake, 0, 0) && say_end(&fake->peer, &fake->side));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	nodes = slab_objects("radix_tree_node ");
	ASSERT_LT(0, nodes);
	for (i = 1; i < 1000; i++) {
		asked.place = i << 40;
		ASSERT_TRUE(say_propose(&fake->peer, &fake->side, "default", 0, &asked));
	}
	ASSERT_TRUE(peer_is_served(&fake->peer));
	EXPECT_GT(nodes + 500, slab_objects("radix_tree_node "));
}

/* A window that an instance holds: it is asked for again when there is room. */
TEST_F(primary, asks_again_for_what_it_could_not_record)
{
	struct record asked = { .kind = NDVAL_VALUE_KIND_BOOTTIME };
	struct fake *fake = &self->fake;
	struct ndval_clock clock;
	struct record got;
	__u64 have;
	int second;

	ASSERT_EQ(0, run("ndvalctl pair set web1 commit=async overflow=stall"));
	ASSERT_EQ(0, run("ndvalctl pair set web1 journal_size=8K instances=0,1"));
	second = instance_open("web1", "default", 1, 0);
	ASSERT_LE(0, second);
	ASSERT_TRUE(node_ready(self->fd));
	ASSERT_TRUE(wait_until(clock_call(self->fd, CLOCK_TAI, &clock) == -EAGAIN &&
			       host_pair_get(&self->host, "web1",
					     NDVAL_A_PAIR_RECORDED) == 8192, 20));
	have = host_pair_get(&self->host, "web1", NDVAL_A_PAIR_RECORDED);
	ASSERT_TRUE(fake_connect(&self->host, fake, "m1", "m2") && fake_follow(fake));
	ASSERT_TRUE(fetch_journal(fake, 0, have) && say_end(&fake->peer, &fake->side));
	/* What is due for FETCH would ask again at once. */
	while (peer_receive(&fake->peer, &fake->said, QUIET_MS) > 0)
		;
	asked.place = have;
	ASSERT_TRUE(say_propose(&fake->peer, &fake->side, "default", 0, &asked));
	ASSERT_TRUE(peer_is_served(&fake->peer));
	EXPECT_EQ(have, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_RECORDED));
	EXPECT_NE(0, clock_read(second, CLOCK_TAI));
	do {
		ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_VALUES, &fake->said));
	} while (!fake->said.tb[NDVAL_WIRE_A_AGAIN]);
	ASSERT_TRUE(say_propose(&fake->peer, &fake->side, "default", 0, &asked));
	ASSERT_EQ(RECORD_CLOCK, next_records(fake, &got));
	EXPECT_EQ(NDVAL_VALUE_KIND_BOOTTIME, got.kind);
	close(second);
}

TEST_HARNESS_MAIN
