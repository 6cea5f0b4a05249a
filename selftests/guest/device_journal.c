// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clock readings and agreed values on one host: two instances get the same, whoever
 * comes first; what can't be is refused, and takes nothing away.
 *
 * vm: timeout=120
 */
#include <pthread.h>
#include <sys/prctl.h>

#include "kselftest_harness.h"
#include "common.h"
#include "journal.h"

#define PAIR	"jour"
#define BAD	((void *)8)
#define THREADS	32

FIXTURE(journal)
{
	int a, b;		/* instances 0 and 1 */
	char in[8192];
	char out[8192];
};

FIXTURE_SETUP(journal)
{
	unsigned int i;

	ASSERT_TRUE(pair_new(PAIR, "instances=0,1 inspect=on"));
	self->a = instance_open(PAIR, "default", 0, 0);
	self->b = instance_open(PAIR, "default", 1, 0);
	ASSERT_LE(0, self->a);
	ASSERT_LE(0, self->b);
	for (i = 0; i < sizeof(self->in); i++)
		self->in[i] = i * 7 + 3;
	memset(self->out, 0, sizeof(self->out));
}

FIXTURE_TEARDOWN(journal)
{
	close(self->a);
	close(self->b);
	EXPECT_EQ(0, run("ndvalctl pair del " PAIR));
}

/* Starts afresh with other settings. */
static bool anew(struct _test_data_journal *self, const char *settings)
{
	close(self->a);
	close(self->b);
	if (!pair_new(PAIR, settings))
		return false;
	self->a = instance_open(PAIR, "default", 0, 0);
	self->b = instance_open(PAIR, "default", 1, 0);
	return self->a >= 0 && self->b >= 0;
}

static __u64 host_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

TEST_F(journal, a_clock_is_the_hosts_and_goes_on)
{
	struct ndval_clock last, next;
	unsigned int i, n;

	for (i = 0; i < ARRAY_LEN(all_clocks); i++) {
		bool cycles = all_clocks[i] == NDVAL_CLOCK_CYCLES;
		__u64 before = cycles ? 0 : host_clock(all_clocks[i]);

		ASSERT_EQ(0, clock_call(self->a, all_clocks[i], &last)) TH_LOG("clock %u", i);
		EXPECT_LE(before, last.value);
		if (!cycles) {
			EXPECT_GE(host_clock(all_clocks[i]), last.value);
			EXPECT_EQ(1000000000, last.frequency);
		} else {
			EXPECT_LT(1000000, last.frequency);
		}
		EXPECT_EQ(0, last.steps);
		for (n = 0; n < 100; n++) {
			ASSERT_EQ(0, clock_call(self->a, all_clocks[i], &next));
			EXPECT_LE(last.value, next.value);
			last = next;
		}
	}
}

TEST_F(journal, a_second_instance_gets_the_same_readings)
{
	struct ndval_clock mine[200], other;
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(mine); i++)
		ASSERT_EQ(0, clock_call(self->a, all_clocks[i % 5], &mine[i]));
	for (i = 0; i < ARRAY_LEN(mine); i++) {
		ASSERT_EQ(0, clock_call(self->b, all_clocks[i % 5], &other));
		EXPECT_EQ(0, memcmp(&mine[i], &other, sizeof(other)));
	}
	EXPECT_EQ(200 * RECORD_CLOCK, journal_position(self->a));
	EXPECT_EQ(200 * RECORD_CLOCK, journal_position(self->b));
}

TEST_F(journal, who_comes_first_has_its_value_recorded)
{
	EXPECT_TRUE(agrees(self->a, "mine", "mine"));
	EXPECT_TRUE(agrees(self->b, "another", "mine"));
	EXPECT_TRUE(agrees(self->b, "b comes first", "b comes first"));
	EXPECT_TRUE(agrees(self->a, "", "b comes first"));
}

TEST_F(journal, values_of_every_length)
{
	static const __u32 lengths[] = { 0, 1, 7, 8, 9, 255, 4000, 4095, 4096 };
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(lengths); i++) {
		EXPECT_EQ(lengths[i], agree(self->a, self->in, lengths[i], self->out, 4096));
		EXPECT_EQ(0, memcmp(self->in, self->out, lengths[i]));
		memset(self->out, 0, sizeof(self->out));
		EXPECT_EQ(lengths[i], agree(self->b, "x", 1, self->out, 4096));
		EXPECT_EQ(0, memcmp(self->in, self->out, lengths[i]));
	}
	EXPECT_EQ(-EMSGSIZE, agree(self->a, self->in, 4097, self->out, 8192));
	EXPECT_EQ(-EMSGSIZE, agree(self->a, self->in, ~0U, self->out, 8192));
	EXPECT_TRUE(agrees(self->a, "next", "next"));
	EXPECT_TRUE(agrees(self->b, "", "next"));
}

TEST_F(journal, the_window_is_as_many_bytes_as_told)
{
	unsigned int i;

	ASSERT_TRUE(anew(self, "journal_size=8K instances=0,1 overflow=stall"));
	/* One that takes half of it and more, again and again, both in step. */
	for (i = 0; i < 50; i++) {
		memset(self->out, 0, 4096);
		ASSERT_EQ(4096, agree(self->a, self->in + i, 4096, self->out, 4096));
		ASSERT_EQ(4096, agree(self->b, self->in, 1, self->out, 4096));
		ASSERT_EQ(0, memcmp(self->in + i, self->out, 4096));
	}
	EXPECT_EQ(50 * RECORD_AGREED(4096), journal_head(self->a));
}

TEST_F(journal, too_little_room_is_told_and_takes_nothing)
{
	struct ndval_agreement agreement = {
		.in		= (uintptr_t)"a long value",
		.in_length	= 12,
		.out		= (uintptr_t)self->out,
		.out_size	= 11,
	};

	EXPECT_EQ(-1, ioctl(self->a, NDVAL_IOC_AGREE, &agreement));
	EXPECT_EQ(ENOBUFS, errno);
	EXPECT_EQ(12, agreement.out_length);
	EXPECT_EQ(0, journal_position(self->a));
	EXPECT_TRUE(agrees(self->a, "late", "a long value"));
}

TEST_F(journal, a_bad_address_takes_nothing)
{
	EXPECT_EQ(-EFAULT, agree(self->a, BAD, 4, self->out, 64));
	EXPECT_EQ(-EFAULT, agree(self->a, "abcd", 4, BAD, 64));
	EXPECT_EQ(0, journal_position(self->a));
	/* It was recorded, though not given. */
	EXPECT_TRUE(agrees(self->a, "late", "abcd"));
	EXPECT_EQ(-1, ioctl(self->a, NDVAL_IOC_AGREE, BAD));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->a, NDVAL_IOC_CLOCK, BAD));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_TRUE(agrees(self->a, "next", "next"));
	/* A page that may be read but not written. */
	{
		struct ndval_clock *clock = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
						 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		clock->clock = CLOCK_TAI;
		ASSERT_EQ(0, mprotect(clock, 4096, PROT_READ));
		EXPECT_EQ(-1, ioctl(self->a, NDVAL_IOC_CLOCK, clock));
		EXPECT_EQ(EFAULT, errno);
		munmap(clock, 4096);
	}
	EXPECT_NE(0, clock_read(self->a, CLOCK_TAI));
	EXPECT_EQ(RECORD_AGREED(4) * 2 + RECORD_CLOCK, journal_position(self->a));
}

TEST_F(journal, what_is_no_clock_is_refused)
{
	static const __u32 bad[] = {
		CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW,
		CLOCK_REALTIME_COARSE, 8, 9, 12, NDVAL_CLOCK_CYCLES + 1, ~0U,
	};
	struct ndval_clock clock;
	struct ndval_agreement agreement = { .flags = 1 };
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(bad); i++)
		EXPECT_EQ(-EINVAL, clock_call(self->a, bad[i], &clock));
	clock = (struct ndval_clock){ .clock = CLOCK_REALTIME, .flags = 1 };
	EXPECT_EQ(-1, ioctl(self->a, NDVAL_IOC_CLOCK, &clock));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->a, NDVAL_IOC_AGREE, &agreement));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, journal_position(self->a));
}

TEST_F(journal, another_kind_is_divergence)
{
	char byte;

	ASSERT_TRUE(anew(self, "instances=0,1 on_divergence=fail"));
	EXPECT_NE(0, clock_read(self->a, CLOCK_REALTIME));
	EXPECT_EQ(-ESTALE, agree(self->b, "x", 1, self->out, 64));
	/* It has diverged in all that the stream gives. */
	EXPECT_EQ(0, clock_read(self->b, CLOCK_REALTIME));
	EXPECT_EQ(-ESTALE, get(self->b, &byte, 1));
	EXPECT_EQ(1, get(self->a, &byte, 1));
	EXPECT_NE(0, clock_read(self->a, CLOCK_REALTIME));
	/* Until it is repositioned. */
	EXPECT_EQ(0, run("ndvalctl instance set " PAIR " --instance 1 --at 0"));
	EXPECT_EQ(1, get(self->b, &byte, 1));
	EXPECT_NE(0, clock_read(self->b, CLOCK_REALTIME));
}

TEST_F(journal, a_copy_that_has_diverged_holds_no_window)
{
	struct ndval_clock clock;
	unsigned int i;

	ASSERT_TRUE(anew(self, "journal_size=8K instances=0,1 overflow=stall on_divergence=fail"));
	ASSERT_EQ(0, sys_set(PAIR, "read_timeout_ms", "5000"));
	ASSERT_NE(0, clock_read(self->a, CLOCK_REALTIME));
	ASSERT_EQ(-ESTALE, agree(self->b, "x", 1, self->out, 64));
	for (i = 0; i < 2 * 8192 / RECORD_CLOCK; i++)
		ASSERT_EQ(0, clock_call(self->a, CLOCK_BOOTTIME, &clock));
}

TEST_F(journal, under_report_another_kind_fails_and_the_copy_goes_on)
{
	EXPECT_TRUE(agrees(self->a, "value", "value"));
	EXPECT_EQ(0, clock_read(self->b, CLOCK_MONOTONIC));
	EXPECT_EQ(ESTALE, errno);
	EXPECT_TRUE(agrees(self->b, "", "value"));
}

TEST_F(journal, overflow_drop_loses_the_slowest)
{
	unsigned int i;
	char byte;

	ASSERT_TRUE(anew(self, "journal_size=8K instances=0,1"));
	for (i = 0; i < 200; i++)
		ASSERT_NE(0, clock_read(self->a, CLOCK_BOOTTIME));
	EXPECT_EQ(0, clock_read(self->b, CLOCK_BOOTTIME));
	EXPECT_EQ(EPIPE, errno);
	/* What is lost in the journal is not in the ring. */
	EXPECT_EQ(1, get(self->b, &byte, 1));
	EXPECT_EQ(1, sys_get(PAIR, "lost"));
}

TEST_F(journal, overflow_stall_makes_the_fastest_wait)
{
	struct ndval_clock clock;
	unsigned int n = 0;
	int fd, err;

	ASSERT_TRUE(anew(self, "journal_size=8K instances=0,1 overflow=stall"));
	fd = instance_open(PAIR, "default", 0, O_NONBLOCK);
	while (!(err = clock_call(fd, CLOCK_BOOTTIME, &clock)))
		n++;
	EXPECT_EQ(-EAGAIN, err);
	EXPECT_EQ(8192 / RECORD_CLOCK, n);
	ASSERT_EQ(0, run("ndvalctl pair set " PAIR " read_timeout_ms=50"));
	EXPECT_EQ(-ETIMEDOUT, clock_call(self->a, CLOCK_BOOTTIME, &clock));
	/* One by one from now on. */
	EXPECT_NE(0, clock_read(self->b, CLOCK_BOOTTIME));
	EXPECT_EQ(0, clock_call(self->a, CLOCK_BOOTTIME, &clock));
	EXPECT_EQ(-EAGAIN, clock_call(fd, CLOCK_BOOTTIME, &clock));
	close(fd);
}

struct drawer {
	pthread_t	thread;
	char		stream[16];
	unsigned int	instance;
	unsigned int	rounds;
	int		err;
	__u64		sum;		/* of all it got, in order */
};

static void add(struct drawer *drawer, const void *data, size_t len)
{
	const unsigned char *byte = data;

	while (len--)
		drawer->sum = (drawer->sum ^ *byte++) * 0x100000001b3ULL;
}

/* Bytes, clocks and agreed values, one after the other. */
static void *draw_all(void *arg)
{
	struct drawer *drawer = arg;
	int fd = instance_open(PAIR, drawer->stream, drawer->instance, 0);
	char out[256], in[256];
	struct ndval_clock clock;
	unsigned int i;
	long len;

	if (fd < 0) {
		drawer->err = errno;
		return NULL;
	}
	memset(in, 'A' + drawer->instance, sizeof(in));
	for (i = 0; i < drawer->rounds && !drawer->err; i++) {
		len = get(fd, out, 1 + i % 100);
		if (len > 0)
			add(drawer, out, len);
		else
			drawer->err = -len;
		if (clock_call(fd, all_clocks[i % 5], &clock))
			drawer->err = errno;
		add(drawer, &clock.value, sizeof(clock.value));
		len = agree(fd, in, i % 256, out, sizeof(out));
		if (len >= 0)
			add(drawer, out, len);
		else
			drawer->err = -len;
	}
	close(fd);
	return NULL;
}

TEST_F(journal, threads_with_a_stream_each)
{
	static struct drawer drawers[2][THREADS];
	unsigned int i, n, rounds = rounds_of(100);

	ASSERT_TRUE(anew(self, "instances=0,1 overflow=stall"));
	for (n = 0; n < 2; n++) {
		for (i = 0; i < THREADS; i++) {
			struct drawer *drawer = &drawers[n][i];

			*drawer = (struct drawer){ .instance = n, .rounds = rounds };
			snprintf(drawer->stream, sizeof(drawer->stream), "t%u", i);
			ASSERT_EQ(0, pthread_create(&drawer->thread, NULL, draw_all, drawer));
		}
	}
	for (n = 0; n < 2; n++)
		for (i = 0; i < THREADS; i++)
			pthread_join(drawers[n][i].thread, NULL);
	for (i = 0; i < THREADS; i++) {
		EXPECT_EQ(0, drawers[0][i].err);
		EXPECT_EQ(0, drawers[1][i].err);
		EXPECT_EQ(drawers[0][i].sum, drawers[1][i].sum);
		EXPECT_NE(0, drawers[0][i].sum);
	}
}

TEST_F(journal, threads_of_an_instance_share_out_the_records)
{
	struct ndval_clock clock;
	__u64 last = 0;
	unsigned int i;
	pid_t child;
	int status;

	child = fork();
	if (!child) {
		for (i = 0; i < 100; i++)
			if (!clock_read(self->a, CLOCK_MONOTONIC))
				_exit(1);
		_exit(0);
	}
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, clock_call(self->a, CLOCK_MONOTONIC, &clock));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, clock_call(self->b, CLOCK_MONOTONIC, &clock));
		EXPECT_LE(last, clock.value);
		last = clock.value;
	}
	EXPECT_EQ(journal_position(self->a), journal_position(self->b));
}

TEST_F(journal, an_instance_is_put_where_a_record_begins)
{
	__u64 first = clock_read(self->a, CLOCK_REALTIME), second;

	second = clock_read(self->a, CLOCK_REALTIME);
	EXPECT_NE(0, run("ndvalctl instance set " PAIR " --journal-at 1"));
	EXPECT_NE(0, run("ndvalctl instance set " PAIR " --journal-at %u", 3 * RECORD_CLOCK));
	EXPECT_EQ(2 * RECORD_CLOCK, journal_position(self->a));
	ASSERT_EQ(0, run("ndvalctl instance set " PAIR " --journal-at %u", RECORD_CLOCK));
	EXPECT_EQ(second, clock_read(self->a, CLOCK_REALTIME));
	ASSERT_EQ(0, run("ndvalctl instance set " PAIR " --journal-at 0"));
	EXPECT_EQ(first, clock_read(self->a, CLOCK_REALTIME));
	/* Both or none. */
	EXPECT_NE(0, run("ndvalctl instance set " PAIR " --at 0 --journal-at 1"));
	EXPECT_EQ(RECORD_CLOCK, journal_position(self->a));
}

TEST_F(journal, a_set_clock_is_followed_and_counted)
{
	struct ndval_clock before, after, other;
	struct timespec now;

	ASSERT_EQ(0, clock_call(self->a, CLOCK_REALTIME, &before));
	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec -= 1000;
	ASSERT_EQ(0, clock_settime(CLOCK_REALTIME, &now));
	EXPECT_EQ(0, clock_call(self->a, CLOCK_REALTIME, &after));
	EXPECT_GT(before.value, after.value);
	EXPECT_EQ(before.steps + 1, after.steps);
	EXPECT_EQ(0, clock_call(self->a, CLOCK_MONOTONIC, &other));
	now.tv_sec += 1000;
	ASSERT_EQ(0, clock_settime(CLOCK_REALTIME, &now));
	EXPECT_EQ(0, clock_call(self->a, CLOCK_REALTIME, &after));
	EXPECT_LT(before.value, after.value);
	EXPECT_EQ(before.steps + 2, after.steps);
	EXPECT_EQ(0, clock_call(self->b, CLOCK_REALTIME, &other));
	EXPECT_EQ(0, memcmp(&before, &other, sizeof(other)));
}

TEST_F(journal, fsync_and_info_know_of_it)
{
	struct ndval_info info;

	EXPECT_EQ(0, fsync(self->a));
	EXPECT_TRUE(agrees(self->a, "value", "value"));
	EXPECT_EQ(0, fsync(self->a));
	ASSERT_EQ(0, ioctl(self->a, NDVAL_IOC_INFO, &info));
	EXPECT_EQ(RECORD_AGREED(5), info.journal_position);
	EXPECT_EQ(RECORD_AGREED(5), info.journal_head);
	EXPECT_EQ(RECORD_AGREED(5), info.journal_committed);
	EXPECT_EQ(0, info.journal_tail);
	EXPECT_EQ(0, info.position);
}

TEST_F(journal, a_deleted_stream_takes_it_away)
{
	struct ndval_clock clock;

	ASSERT_EQ(0, clock_call(self->a, CLOCK_REALTIME, &clock));
	ASSERT_EQ(0, run("ndvalctl stream del " PAIR " default"));
	EXPECT_EQ(-ESTALE, clock_call(self->a, CLOCK_REALTIME, &clock));
	EXPECT_EQ(-ESTALE, agree(self->a, "x", 1, self->out, 64));
}

TEST_F(journal, a_removed_pair_says_so)
{
	struct ndval_clock clock;

	ASSERT_EQ(0, clock_call(self->a, CLOCK_REALTIME, &clock));
	ASSERT_EQ(0, run("ndvalctl pair del " PAIR));
	EXPECT_EQ(-ENODEV, clock_call(self->a, CLOCK_REALTIME, &clock));
	EXPECT_EQ(-ENODEV, clock_call(self->b, CLOCK_REALTIME, &clock));
	ASSERT_TRUE(pair_new(PAIR, ""));
}

TEST_HARNESS_MAIN
