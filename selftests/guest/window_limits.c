// SPDX-License-Identifier: GPL-2.0-only
/*
 * The window: who holds it, what happens beyond it, and what bounds a pair's
 * memory. Settings are changed while files are open and readers wait.
 *
 * vm: timeout=240
 */
#include "kselftest_harness.h"

#include <pthread.h>

#include "common.h"

#define TIMEOUT	60
#define ROOM	(2 * MIB)

FIXTURE(window) {
	char *bytes;		/* what the first reader gets, from offset 0 on */
	char *more;
	int fd[3];		/* instances of pair "w", opened as needed */
};

FIXTURE_SETUP(window)
{
	self->bytes = malloc(ROOM);
	self->more = malloc(ROOM);
	ASSERT_TRUE(self->bytes && self->more);
}

FIXTURE_TEARDOWN(window)
{
	free(self->bytes);
	free(self->more);
	run("[ ! -e /dev/ndval-w ] || ndvalctl pair del w");
}

/* Makes pair "w" with nonblocking files of its first @count instances. */
static bool make(FIXTURE_DATA(window) * self, const char *settings, int count)
{
	int i;

	if (!pair_new("w", settings))
		return false;
	for (i = 0; i < count; i++) {
		self->fd[i] = instance_open("w", "", i, O_NONBLOCK);
		if (self->fd[i] < 0)
			return false;
	}
	return true;
}

static int put(const char *pair, int instance, unsigned long at)
{
	return run("ndvalctl instance set %s --instance %d --at %lu", pair, instance, at);
}

/* Reads what can be had at once; returns how much. */
static size_t drain(int fd, char *to, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t len = get(fd, to + done, size - done);

		if (len <= 0)
			break;
		done += len;
	}
	return done;
}

static struct ndval_info info_of(int fd)
{
	struct ndval_info info = {};

	ioctl(fd, NDVAL_IOC_INFO, &info);
	return info;
}

/* -- lost ----------------------------------------------------------------------- */

TEST_F(window, is_left_by_a_slow_instance_which_gets_EPIPE_until_it_is_put_back)
{
	int i, other;

	ASSERT_TRUE(make(self, "ring_size=64K instances=0,1", 2));
	ASSERT_EQ(10, get(self->fd[1], self->more, 10));
	ASSERT_TRUE(get_all(self->fd[0], self->bytes, 200 * KIB, 5000));
	ASSERT_EQ(1, sys_get("w", "lost"));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-EPIPE, get(self->fd[1], self->more, 1));
	/* It is the instance that is lost, not the file. */
	other = instance_open("w", "", 1, 0);
	EXPECT_EQ(-EPIPE, get(other, self->more, 1));
	EXPECT_EQ(10, position(other));
	close(other);
	/* The other one goes on, and nothing repairs by itself. */
	ASSERT_TRUE(get_all(self->fd[0], self->bytes + 200 * KIB, 100 * KIB, 5000));
	EXPECT_EQ(-EPIPE, get(self->fd[1], self->more, 1));

	ASSERT_EQ(0, put("w", 1, 280 * KIB));
	ASSERT_EQ(20 * KIB, get(self->fd[1], self->more, 20 * KIB));
	EXPECT_EQ(0, memcmp(self->bytes + 280 * KIB, self->more, 20 * KIB));
	EXPECT_EQ(1, sys_get("w", "lost"));
}

TEST_F(window, takes_instances_back_between_tail_and_head_only)
{
	struct ndval_info info;

	ASSERT_TRUE(make(self, "ring_size=64K instances=0,1", 2));
	ASSERT_TRUE(get_all(self->fd[0], self->bytes, 200 * KIB, 5000));
	info = info_of(self->fd[0]);
	ASSERT_LT(0, info.tail);
	EXPECT_NE(0, put("w", 1, info.tail - 1));
	EXPECT_NE(0, put("w", 1, info.head + 1));
	EXPECT_NE(0, put("w", 1, 0));
	EXPECT_NE(0, put("w", 1, 1UL << 63));
	EXPECT_NE(0, put("w", 1, ~0UL));
	EXPECT_NE(0, put("w", 2, info.tail));
	EXPECT_EQ(-EPIPE, get(self->fd[1], self->more, 1));
	ASSERT_EQ(0, put("w", 1, info.tail));
	ASSERT_EQ(200 * KIB - info.tail, get(self->fd[1], self->more, 200 * KIB - info.tail));
	EXPECT_EQ(0, memcmp(self->bytes + info.tail, self->more, 200 * KIB - info.tail));
	ASSERT_EQ(0, put("w", 1, info.head));
	EXPECT_EQ(info.head, position(self->fd[1]));
	EXPECT_EQ(1, get(self->fd[1], self->more, 1));
}

TEST_F(window, is_left_by_the_slowest_only)
{
	ASSERT_TRUE(make(self, "ring_size=64K instances=0-2", 3));
	ASSERT_TRUE(get_all(self->fd[0], self->bytes, 60 * KIB, 5000));
	ASSERT_TRUE(get_all(self->fd[1], self->more, 30 * KIB, 5000));
	/* One byte more than the window holds from the slowest on. */
	ASSERT_TRUE(get_all(self->fd[0], self->bytes + 60 * KIB, 4 * KIB, 5000));
	EXPECT_EQ(0, sys_get("w", "lost"));
	EXPECT_EQ(1, get(self->fd[2], self->more, 1));
	ASSERT_EQ(0, put("w", 2, 0));
	ASSERT_EQ(1, get(self->fd[0], self->bytes + 64 * KIB, 1));
	EXPECT_EQ(1, sys_get("w", "lost"));
	EXPECT_EQ(-EPIPE, get(self->fd[2], self->more, 1));
	ASSERT_EQ(KIB, get(self->fd[1], self->more, KIB));
	EXPECT_EQ(0, memcmp(self->bytes + 30 * KIB, self->more, KIB));
}

TEST_F(window, is_never_forced_on_by_reading_inside_it)
{
	int i;

	/* The slow one has all of the window ahead of it, however often that is read. */
	ASSERT_TRUE(make(self, "ring_size=64K instances=0,1", 2));
	for (i = 0; i < 10; i++) {
		ASSERT_TRUE(get_all(self->fd[0], self->bytes, 64 * KIB, 5000));
		ASSERT_EQ(0, put("w", 0, 0));
	}
	EXPECT_EQ(0, sys_get("w", "lost"));
	ASSERT_EQ(64 * KIB, get(self->fd[1], self->more, 64 * KIB));
	EXPECT_EQ(0, memcmp(self->bytes, self->more, 64 * KIB));
}

/* -- a reader that has to wait, in a process ---------------------------------------- */

struct waiter {
	pid_t pid;
	int fd;
};

/* Starts a blocking read of one byte by instance 0; true once it waits. */
static bool start_waiter(struct waiter *waiter, const char *pair)
{
	waiter->fd = instance_open(pair, "", 0, 0);
	if (waiter->fd < 0)
		return false;
	waiter->pid = fork();
	if (!waiter->pid) {
		char byte;

		_exit(get(waiter->fd, &byte, 1) == 1 ? 0 : 1);
	}
	return waiter->pid > 0 && wait_until(task_sleeps(waiter->pid), 20);
}

/* Has it got its byte? */
static bool waiter_done(struct waiter *waiter)
{
	int status = -1;

	wait_until(waitpid(waiter->pid, &status, WNOHANG) == waiter->pid, 20);
	close(waiter->fd);
	return status == 0;
}

TEST_F_TIMEOUT(window, stays_for_the_slowest_with_overflow_stall, TIMEOUT)
{
	struct waiter waiter;

	ASSERT_TRUE(make(self, "ring_size=64K instances=0,1 overflow=stall", 2));
	ASSERT_EQ(64 * KIB, drain(self->fd[0], self->bytes, ROOM));
	EXPECT_EQ(-EAGAIN, get(self->fd[0], self->more, 1));
	ASSERT_TRUE(start_waiter(&waiter, "w"));
	ASSERT_EQ(CHUNK - 1, get(self->fd[1], self->more, CHUNK - 1));
	EXPECT_TRUE(task_sleeps(waiter.pid));
	ASSERT_EQ(1, get(self->fd[1], self->more + CHUNK - 1, 1));
	EXPECT_TRUE(waiter_done(&waiter));
	EXPECT_EQ(0, sys_get("w", "lost"));
	ASSERT_EQ(60 * KIB, get(self->fd[1], self->more + CHUNK, 60 * KIB));
	EXPECT_EQ(0, memcmp(self->bytes, self->more, 64 * KIB));
}

TEST_F_TIMEOUT(window, lets_a_waiting_reader_go_on_when_overflow_becomes_drop, TIMEOUT)
{
	struct waiter waiter;

	ASSERT_TRUE(make(self, "ring_size=8K instances=0,1 overflow=stall", 2));
	ASSERT_EQ(8 * KIB, drain(self->fd[0], self->bytes, ROOM));
	ASSERT_TRUE(start_waiter(&waiter, "w"));
	ASSERT_EQ(0, sys_set("w", "overflow", "drop"));
	EXPECT_TRUE(waiter_done(&waiter));
	EXPECT_EQ(-EPIPE, get(self->fd[1], self->more, 1));
}

TEST_F_TIMEOUT(window, lets_a_waiting_reader_go_on_when_the_slow_one_is_not_expected, TIMEOUT)
{
	struct waiter waiter;

	ASSERT_TRUE(make(self, "ring_size=8K instances=0,1 overflow=stall", 2));
	ASSERT_EQ(8 * KIB, drain(self->fd[0], self->bytes, ROOM));
	ASSERT_TRUE(start_waiter(&waiter, "w"));
	ASSERT_EQ(0, sys_set("w", "instances", "0"));
	EXPECT_TRUE(waiter_done(&waiter));
	EXPECT_EQ(-ENXIO, get(self->fd[1], self->more, 1));
	EXPECT_EQ(0, sys_get("w", "lost"));
}

TEST_F_TIMEOUT(window, lets_a_waiting_reader_go_on_when_it_grows, TIMEOUT)
{
	struct waiter waiter;

	ASSERT_TRUE(make(self, "ring_size=8K instances=0,1 overflow=stall", 2));
	ASSERT_EQ(8 * KIB, drain(self->fd[0], self->bytes, ROOM));
	ASSERT_TRUE(start_waiter(&waiter, "w"));
	ASSERT_EQ(0, sys_set("w", "ring_size", "16384"));
	EXPECT_TRUE(waiter_done(&waiter));
	ASSERT_EQ(8 * KIB, get(self->fd[1], self->more, 8 * KIB));
	EXPECT_EQ(0, memcmp(self->bytes, self->more, 8 * KIB));
}

TEST_F_TIMEOUT(window, lets_a_waiting_reader_go_on_when_the_slow_one_is_put_on, TIMEOUT)
{
	struct waiter waiter;

	ASSERT_TRUE(make(self, "ring_size=8K instances=0,1 overflow=stall", 2));
	ASSERT_EQ(8 * KIB, drain(self->fd[0], self->bytes, ROOM));
	ASSERT_TRUE(start_waiter(&waiter, "w"));
	ASSERT_EQ(0, put("w", 1, 8 * KIB));
	EXPECT_TRUE(waiter_done(&waiter));
}

TEST_F_TIMEOUT(window, lets_a_waiting_reader_go_on_when_the_slow_one_has_diverged, TIMEOUT)
{
	struct waiter waiter;

	ASSERT_TRUE(make(self, "ring_size=8K instances=0,1 overflow=stall on_divergence=fail", 2));
	ASSERT_EQ(8 * KIB, drain(self->fd[0], self->bytes, ROOM));
	ASSERT_EQ(0, fsync(self->fd[0]));
	ASSERT_TRUE(start_waiter(&waiter, "w"));
	ASSERT_EQ(100, get(self->fd[1], self->more, 100));
	ASSERT_EQ(-ESTALE, get(self->fd[1], self->more, 8 * KIB));
	EXPECT_TRUE(waiter_done(&waiter));
}

TEST_F_TIMEOUT(window, lets_a_waiting_reader_time_out, TIMEOUT)
{
	ASSERT_TRUE(make(self, "ring_size=8K instances=0,1 overflow=stall read_timeout_ms=50", 2));
	ASSERT_EQ(8 * KIB, drain(self->fd[0], self->bytes, ROOM));
	ASSERT_EQ(0, fcntl(self->fd[0], F_SETFL, 0));
	EXPECT_EQ(-ETIMEDOUT, get(self->fd[0], self->more, 1));
	EXPECT_EQ(-ETIMEDOUT, get(self->fd[0], self->more, 1));
	ASSERT_EQ(CHUNK, get(self->fd[1], self->more, CHUNK));
	EXPECT_EQ(1, get(self->fd[0], self->more, 1));
}

/* What nobody needs in one stream goes for what somebody needs in another. */
TEST_F_TIMEOUT(window, gives_up_what_other_streams_only_retain, TIMEOUT)
{
	int other, third;
	char used[32];

	ASSERT_TRUE(make(self, "ring_size=128K memory_max=256K", 1));
	other = instance_open("w", "other", 0, O_NONBLOCK);
	third = instance_open("w", "third", 0, O_NONBLOCK);
	ASSERT_LE(0, other);
	ASSERT_LE(0, third);
	ASSERT_EQ(128 * KIB, get(self->fd[0], self->bytes, 128 * KIB));
	/* As much as there is; and then what this one itself retains. */
	ASSERT_TRUE(get_all(other, self->more, 128 * KIB, CHUNK));
	snprintf(used, sizeof(used), "%lld", sys_get("w", "memory"));
	ASSERT_EQ(0, sys_set("w", "memory_max", used));
	EXPECT_TRUE(wait_until(get(third, self->more, CHUNK) == CHUNK, 20));
	close(other);
	close(third);
}

/* -- two members ------------------------------------------------------------------- */

FIXTURE(members) {
	char *a_bytes;
	char *b_bytes;
	int a;
	int b;
};

FIXTURE_SETUP(members)
{
	self->a_bytes = malloc(ROOM);
	self->b_bytes = malloc(ROOM);
	ASSERT_TRUE(self->a_bytes && self->b_bytes);
	ASSERT_TRUE(two_members("ring_size=64K"));
	self->a = node_open("web1", 0);
	self->b = node_open("web2", 0);
	ASSERT_LE(0, self->a);
	ASSERT_LE(0, self->b);
}

FIXTURE_TEARDOWN(members)
{
	close(self->a);
	close(self->b);
	free(self->a_bytes);
	free(self->b_bytes);
	two_members_end();
}

/* A secondary without memory for one stream would hold the primary's readers of it. */
TEST_F_TIMEOUT(members, give_up_what_other_streams_only_retain, TIMEOUT)
{
	int other;

	ASSERT_TRUE(get_all(self->a, self->a_bytes, 64 * KIB, CHUNK));
	ASSERT_TRUE(get_all(self->b, self->b_bytes, 64 * KIB, CHUNK));
	ASSERT_EQ(0, sys_set("web2", "memory_max", "131072"));
	other = instance_open("web1", "other", 0, O_NONBLOCK);
	ASSERT_LE(0, other);
	EXPECT_TRUE(get_all(other, self->a_bytes, 64 * KIB, CHUNK));
	close(other);
}

TEST_F_TIMEOUT(members, lose_the_slow_one_with_overflow_drop, TIMEOUT)
{
	ASSERT_EQ(100, get(self->b, self->b_bytes, 100));
	ASSERT_TRUE(get_all(self->a, self->a_bytes, 500 * KIB, 5000));
	ASSERT_TRUE(wait_until(get(self->b, self->b_bytes, 1) == -EPIPE, 20));
	EXPECT_EQ(-EPIPE, get(self->b, self->b_bytes, 1));
	EXPECT_LE(1, sys_get("web2", "lost"));
	EXPECT_EQ(0, sys_get("web1", "lost"));
	ASSERT_EQ(0, put("web2", 0, 480 * KIB));
	ASSERT_EQ(20 * KIB, get(self->b, self->b_bytes, 20 * KIB));
	EXPECT_EQ(0, memcmp(self->a_bytes + 480 * KIB, self->b_bytes, 20 * KIB));
}

TEST_F_TIMEOUT(members, lose_the_slow_primary_with_overflow_drop, TIMEOUT)
{
	ASSERT_EQ(100, get(self->a, self->a_bytes, 100));
	ASSERT_TRUE(get_all(self->b, self->b_bytes, 500 * KIB, 5000));
	EXPECT_EQ(-EPIPE, get(self->a, self->a_bytes, 1));
	EXPECT_EQ(0, sys_get("web2", "lost"));
	ASSERT_EQ(0, put("web1", 0, 480 * KIB));
	ASSERT_EQ(20 * KIB, get(self->a, self->a_bytes, 20 * KIB));
	EXPECT_EQ(0, memcmp(self->b_bytes + 480 * KIB, self->a_bytes, 20 * KIB));
}

TEST_F_TIMEOUT(members, wait_for_the_slow_one_with_overflow_stall, TIMEOUT)
{
	size_t a_done = 0, b_done = 0, step;

	ASSERT_EQ(0, sys_set("web2", "overflow", "stall"));
	ASSERT_EQ(0, fcntl(self->a, F_SETFL, O_NONBLOCK));
	/* At most what the secondary has room for: commit is in step. */
	while (a_done < 64 * KIB) {
		ASSERT_TRUE(wait_until((step = drain(self->a, self->a_bytes + a_done, CHUNK)),
				       20));
		a_done += step;
	}
	a_done += drain(self->a, self->a_bytes + a_done, ROOM - a_done);
	EXPECT_GE(64 * KIB, a_done);
	/* Each step of the slow one lets the other make one. */
	while (b_done < 512 * KIB) {
		ASSERT_TRUE(get_all(self->b, self->b_bytes + b_done, 32 * KIB, 5000));
		b_done += 32 * KIB;
		ASSERT_TRUE(wait_until((step = drain(self->a, self->a_bytes + a_done, 32 * KIB)),
				       20));
		a_done += step;
		ASSERT_GE(b_done + 64 * KIB, a_done);
	}
	EXPECT_EQ(0, memcmp(self->a_bytes, self->b_bytes, a_done < b_done ? a_done : b_done));
	EXPECT_EQ(0, sys_get("web1", "lost"));
	EXPECT_EQ(0, sys_get("web2", "lost"));
}

/* Nor does the slow one's own overflow matter, then. */
TEST_F_TIMEOUT(members, do_not_wait_for_a_slow_one_with_async_and_overflow_drop, TIMEOUT)
{
	size_t got;

	ASSERT_EQ(100, get(self->b, self->b_bytes, 100));
	ASSERT_EQ(0, sys_set("web1", "commit", "async"));
	ASSERT_EQ(0, sys_set("web2", "overflow", "stall"));
	ASSERT_EQ(0, fcntl(self->a, F_SETFL, O_NONBLOCK));
	ASSERT_TRUE(node_ready(self->a));
	EXPECT_TRUE(get_all(self->a, self->a_bytes, 500 * KIB, 5000));
	EXPECT_EQ(0, sys_get("web1", "lost"));
	/* It reads what it still holds, if anything, and is lost then. */
	ASSERT_EQ(0, fcntl(self->b, F_SETFL, O_NONBLOCK));
	got = 100 + drain(self->b, self->b_bytes + 100, ROOM - 100);
	EXPECT_EQ(0, memcmp(self->a_bytes, self->b_bytes, got));
	ASSERT_TRUE(wait_until(get(self->b, self->b_bytes, 1) == -EPIPE, 20));
	ASSERT_EQ(0, put("web2", 0, 480 * KIB));
	ASSERT_TRUE(wait_until(get(self->b, self->b_bytes, 20 * KIB) == 20 * KIB, 20));
	EXPECT_EQ(0, memcmp(self->a_bytes + 480 * KIB, self->b_bytes, 20 * KIB));
}

TEST_F_TIMEOUT(members, are_not_held_by_one_that_is_not_connected, TIMEOUT)
{
	ASSERT_EQ(0, sys_set("web2", "overflow", "stall"));
	ASSERT_EQ(100, get(self->a, self->a_bytes, 100));
	ASSERT_EQ(100, get(self->b, self->b_bytes, 100));
	ASSERT_EQ(0, run("ndvalctl link detach --member m1 --peer m2"));
	ASSERT_TRUE(get_all(self->a, self->a_bytes + 100, 500 * KIB, 5000));
	ASSERT_EQ(0, run("ndvalctl link attach --member m1 --peer m2 --unix-pair m2"));
	/* It reads what it still holds, and is lost then. */
	ASSERT_TRUE(wait_until(get(self->b, self->b_bytes, 1) == -EPIPE, 20));
	EXPECT_EQ(-EPIPE, get(self->b, self->b_bytes, 1));
	ASSERT_EQ(0, put("web2", 0, 480 * KIB));
	ASSERT_EQ(20 * KIB, get(self->b, self->b_bytes, 20 * KIB));
	EXPECT_EQ(0, memcmp(self->a_bytes + 480 * KIB, self->b_bytes, 20 * KIB));
}

TEST_F_TIMEOUT(members, know_no_stream_beyond_max_streams_of_the_primary, TIMEOUT)
{
	int first, second, err;

	ASSERT_EQ(0, sys_set("web1", "max_streams", "2"));
	first = instance_open("web2", "first", 0, 0);
	second = node_open("web2", 0);
	ASSERT_EQ(1, get(self->b, self->b_bytes, 1));
	ASSERT_EQ(1, get(first, self->b_bytes, 1));
	/* It is refused at once, or when the primary has said so. */
	err = node_bind(second, "second", 0, 0);
	EXPECT_TRUE(err == ENOSPC || (!err && get(second, self->b_bytes, 1) == -ENOSPC));
	close(second);
	ASSERT_EQ(0, sys_set("web1", "max_streams", "3"));
	EXPECT_TRUE(wait_until((second = instance_open("web2", "second", 0, 0)) >= 0, 20));
	EXPECT_EQ(1, get(second, self->b_bytes, 1));
	close(first);
	close(second);
}

TEST_F_TIMEOUT(members, know_no_stream_beyond_max_streams_of_a_secondary, TIMEOUT)
{
	int fd;

	ASSERT_EQ(0, sys_set("web2", "max_streams", "1"));
	ASSERT_EQ(1, get(self->a, self->a_bytes, 1));
	ASSERT_TRUE(wait_until(sys_get("web2", "streams") == 1, 20));
	/* The secondary tells the primary, which refuses then. */
	EXPECT_TRUE(wait_until((fd = instance_open("web1", "second", 0, 0)) < 0 ||
			       (close(fd), run("ndvalctl stream del web1 second"), false), 20));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(-1, instance_open("web2", "second", 0, 0));
	EXPECT_EQ(ENOSPC, errno);
	ASSERT_EQ(0, sys_set("web2", "max_streams", "2"));
	EXPECT_TRUE(wait_until((fd = instance_open("web1", "second", 0, 0)) >= 0, 20));
	EXPECT_EQ(1, get(fd, self->a_bytes, 1));
	close(fd);
}

TEST_F_TIMEOUT(members, get_ENOMEM_where_memory_max_is_reached_and_go_on_later, TIMEOUT)
{
	size_t done = 0;
	ssize_t len = 0;

	ASSERT_EQ(0, sys_set("web1", "ring_size", "1048576"));
	ASSERT_EQ(0, sys_set("web2", "ring_size", "1048576"));
	/* Two more instances that do not read: all has to be kept. */
	ASSERT_EQ(0, sys_set("web2", "instances", "0,1"));
	ASSERT_EQ(0, sys_set("web2", "memory_max", "65536"));
	while (done < 512 * KIB) {
		len = get(self->b, self->b_bytes + done, 1000);
		if (len <= 0)
			break;
		done += len;
	}
	EXPECT_EQ(-ENOMEM, len);
	EXPECT_LT(20 * KIB, done);
	EXPECT_GE(65536, sys_get("web2", "memory"));
	EXPECT_EQ(0, sys_get("web2", "lost"));
	ASSERT_EQ(0, sys_set("web2", "memory_max", "4194304"));
	ASSERT_TRUE(wait_until((len = get(self->b, self->b_bytes + done, 1000)) == 1000, 20));
	done += 1000;
	ASSERT_TRUE(get_all(self->b, self->b_bytes + done, 512 * KIB, 5000));
	done += 512 * KIB;
	ASSERT_TRUE(get_all(self->a, self->a_bytes, done, 5000));
	EXPECT_EQ(0, memcmp(self->a_bytes, self->b_bytes, done));
}

/* -- retention ------------------------------------------------------------------------ */

TEST_F(window, keeps_nothing_that_all_have_with_retain_0)
{
	long long empty;

	ASSERT_TRUE(make(self, "retain=0 instances=0,1", 2));
	ASSERT_EQ(0, position(self->fd[0]));
	empty = sys_get("w", "memory");
	ASSERT_TRUE(get_all(self->fd[0], self->bytes, 100 * KIB, 5000));
	/* The other one is expected: kept for it, all of it. */
	EXPECT_LE(100 * KIB, sys_get("w", "retained"));
	ASSERT_TRUE(get_all(self->fd[1], self->more, 100 * KIB, 1000));
	EXPECT_EQ(0, memcmp(self->bytes, self->more, 100 * KIB));
	EXPECT_GE(CHUNK, sys_get("w", "retained"));
	EXPECT_GE(empty + 7000, sys_get("w", "memory"));
	EXPECT_NE(0, put("w", 1, 99 * KIB));
	/* In mid-chunk too, what was given is gone. */
	ASSERT_EQ(1000, get(self->fd[0], self->bytes, 1000));
	ASSERT_EQ(1000, get(self->fd[1], self->bytes, 1000));
	EXPECT_NE(0, put("w", 1, 100 * KIB));
	EXPECT_NE(0, put("w", 1, 100 * KIB + 999));
	EXPECT_EQ(0, put("w", 1, 100 * KIB + 1000));
}

TEST_F(window, has_nothing_for_a_late_instance_that_was_not_expected_with_retain_0)
{
	ASSERT_TRUE(make(self, "retain=0 instances=0", 1));
	ASSERT_TRUE(get_all(self->fd[0], self->bytes, 100 * KIB, 5000));
	ASSERT_EQ(0, sys_set("w", "instances", "0,1"));
	self->fd[1] = instance_open("w", "", 1, 0);
	ASSERT_LE(0, self->fd[1]);
	EXPECT_EQ(-EPIPE, get(self->fd[1], self->more, 1));
	ASSERT_EQ(0, put("w", 1, 100 * KIB));
	EXPECT_EQ(1, get(self->fd[1], self->more, 1));
}

TEST_F(window, has_all_it_retains_for_a_late_instance)
{
	ASSERT_TRUE(make(self, "ring_size=256K instances=0", 1));
	ASSERT_TRUE(get_all(self->fd[0], self->bytes, 200 * KIB, 5000));
	ASSERT_EQ(0, sys_set("w", "instances", "0,1"));
	self->fd[1] = instance_open("w", "", 1, 0);
	ASSERT_EQ(200 * KIB, get(self->fd[1], self->more, 200 * KIB));
	EXPECT_EQ(0, memcmp(self->bytes, self->more, 200 * KIB));
}

TEST_F(window, keeps_as_much_as_retain_says)
{
	struct ndval_info info;

	ASSERT_TRUE(make(self, "ring_size=256K retain=16K", 1));
	ASSERT_TRUE(get_all(self->fd[0], self->bytes, 200 * KIB, 5000));
	info = info_of(self->fd[0]);
	EXPECT_EQ(16 * KIB, info.head - info.tail);
	EXPECT_NE(0, put("w", 0, info.tail - 1));
	ASSERT_EQ(0, put("w", 0, info.tail));
	ASSERT_EQ(KIB, get(self->fd[0], self->more, KIB));
	EXPECT_EQ(0, memcmp(self->bytes + info.tail, self->more, KIB));
	/* Less at once when it is lowered, not more when it is raised. */
	ASSERT_EQ(0, put("w", 0, 200 * KIB));
	ASSERT_EQ(0, sys_set("w", "retain", "8192"));
	EXPECT_EQ(8 * KIB, sys_get("w", "retained"));
	ASSERT_EQ(0, sys_set("w", "retain", "65536"));
	EXPECT_EQ(8 * KIB, sys_get("w", "retained"));
	ASSERT_TRUE(get_all(self->fd[0], self->bytes, 100 * KIB, 5000));
	EXPECT_EQ(64 * KIB, sys_get("w", "retained"));
}

/* -- sizes at run time ------------------------------------------------------------------ */

TEST_F_TIMEOUT(window, grows_and_shrinks_at_run_time, TIMEOUT)
{
	long long small;

	ASSERT_TRUE(make(self, "ring_size=8K instances=0", 1));
	ASSERT_TRUE(get_all(self->fd[0], self->bytes, 100 * KIB, 5000));
	EXPECT_EQ(8 * KIB, sys_get("w", "retained"));
	small = sys_get("w", "memory");
	ASSERT_EQ(0, sys_set("w", "ring_size", "67108864"));
	EXPECT_EQ(8 * KIB, sys_get("w", "retained"));
	ASSERT_TRUE(get_all(self->fd[0], self->bytes, 2 * MIB, MIB));
	EXPECT_LE(2 * MIB, sys_get("w", "retained"));
	ASSERT_EQ(0, sys_set("w", "ring_size", "65536"));
	EXPECT_EQ(64 * KIB, sys_get("w", "retained"));
	ASSERT_EQ(0, sys_set("w", "ring_size", "8192"));
	EXPECT_EQ(8 * KIB, sys_get("w", "retained"));
	EXPECT_GE(small + 2 * KIB, sys_get("w", "memory"));
	ASSERT_TRUE(get_all(self->fd[0], self->bytes, MIB, MIB));
}

TEST_F(window, loses_nobody_by_shrinking_before_somebody_needs_the_room)
{
	ASSERT_TRUE(make(self, "ring_size=256K instances=0,1", 2));
	ASSERT_TRUE(get_all(self->fd[0], self->bytes, 200 * KIB, 5000));
	ASSERT_EQ(0, sys_set("w", "ring_size", "8192"));
	EXPECT_EQ(0, sys_get("w", "lost"));
	ASSERT_EQ(150 * KIB, get(self->fd[1], self->more, 150 * KIB));
	EXPECT_EQ(0, memcmp(self->bytes, self->more, 150 * KIB));
	ASSERT_EQ(8 * KIB, get(self->fd[0], self->bytes, 8 * KIB));
	EXPECT_EQ(-EPIPE, get(self->fd[1], self->more, 1));
	EXPECT_EQ(1, sys_get("w", "lost"));
}

/* -- limits ------------------------------------------------------------------------------ */

TEST_F(window, ends_with_ENOMEM_at_memory_max_and_goes_on_when_it_is_raised)
{
	size_t done;

	ASSERT_TRUE(make(self, "ring_size=256K memory_max=64K instances=0,1 overflow=stall", 2));
	done = drain(self->fd[0], self->bytes, 200 * KIB);
	EXPECT_EQ(-ENOMEM, get(self->fd[0], self->bytes + done, 1));
	EXPECT_EQ(-ENOMEM, get(self->fd[0], self->bytes + done, 1));
	EXPECT_LT(40 * KIB, done);
	EXPECT_GE(64 * KIB, sys_get("w", "memory"));
	ASSERT_EQ(0, sys_set("w", "memory_max", "1048576"));
	ASSERT_EQ(200 * KIB, done + drain(self->fd[0], self->bytes + done, 200 * KIB - done));
	ASSERT_EQ(200 * KIB, get(self->fd[1], self->more, 200 * KIB));
	EXPECT_EQ(0, memcmp(self->bytes, self->more, 200 * KIB));
	EXPECT_EQ(0, sys_get("w", "lost"));
}

TEST_F(window, gives_up_what_is_only_retained_before_it_ends_with_ENOMEM)
{
	ASSERT_TRUE(make(self, "ring_size=256K memory_max=64K instances=0", 1));
	ASSERT_EQ(MIB, drain(self->fd[0], self->bytes, MIB));
	EXPECT_GE(64 * KIB, sys_get("w", "memory"));
	/* Another stream finds room too: it is a limit of the pair. */
	close(self->fd[0]);
	self->fd[0] = instance_open("w", "other", 0, 0);
	ASSERT_LE(0, self->fd[0]);
	ASSERT_EQ(MIB, drain(self->fd[0], self->bytes, MIB));
	EXPECT_GE(64 * KIB, sys_get("w", "memory"));
}

TEST_F(window, of_one_stream_more_than_max_streams_is_refused)
{
	int fds[4], i;

	ASSERT_TRUE(make(self, "max_streams=4", 0));
	for (i = 0; i < 4; i++) {
		char name[16];

		snprintf(name, sizeof(name), "s%d", i);
		fds[i] = instance_open("w", name, 0, 0);
		ASSERT_LE(0, fds[i]);
	}
	EXPECT_EQ(-1, instance_open("w", "s4", 0, 0));
	EXPECT_EQ(ENOSPC, errno);
	/* Those that are there go on; a place that becomes free can be had. */
	EXPECT_EQ(1, get(fds[3], self->bytes, 1));
	ASSERT_EQ(0, run("ndvalctl stream del w s3"));
	EXPECT_EQ(-ESTALE, get(fds[3], self->bytes, 1));
	close(fds[3]);
	fds[3] = instance_open("w", "s4", 0, 0);
	EXPECT_LE(0, fds[3]);
	/* Below what is there already: none is taken away. */
	ASSERT_EQ(0, sys_set("w", "max_streams", "1"));
	EXPECT_EQ(4, sys_get("w", "streams"));
	EXPECT_EQ(1, get(fds[0], self->bytes, 1));
	for (i = 0; i < 4; i++)
		close(fds[i]);
}

#define STREAMS	100

/* Reads all streams by turns until told to stop; ENOMEM is an answer. */
static void flood(const int *fds, unsigned int seed, const bool *stop)
{
	char bytes[20000];

	while (!__atomic_load_n(stop, __ATOMIC_SEQ_CST)) {
		int fd = fds[rand_r(&seed) % STREAMS];
		ssize_t len = get(fd, bytes, 1 + rand_r(&seed) % sizeof(bytes));

		if (len < 0 && len != -ENOMEM && len != -EPIPE && len != -EAGAIN)
			_exit(1);
	}
	_exit(0);
}

TEST_F_TIMEOUT(window, memory_never_passes_memory_max_under_floods_of_100_streams, TIMEOUT)
{
	/* A debug kernel makes objects larger, and slower. */
	const long long limit = MIB * from_environment("NDVAL_SLOWER", 1);
	char settings[64];
	bool *stop = shared(sizeof(*stop));
	long long most = 0;
	int fds[STREAMS], i, status;
	double end;
	pid_t pids[3];

	ASSERT_NE(NULL, stop);
	snprintf(settings, sizeof(settings), "max_streams=100 memory_max=%lld instances=0,1",
		 limit);
	ASSERT_TRUE(make(self, settings, 0));
	for (i = 0; i < STREAMS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "s%d", i);
		fds[i] = instance_open("w", name, i & 1, O_NONBLOCK);
		ASSERT_LE(0, fds[i]) TH_LOG("%s: %m", name);
	}
	for (i = 0; i < 3; i++) {
		pids[i] = fork();
		if (!pids[i])
			flood(fds, i, stop);
	}
	end = seconds() + 2;
	while (seconds() < end) {
		long long now = sys_get("w", "memory");

		most = now > most ? now : most;
		sched_yield();
	}
	__atomic_store_n(stop, true, __ATOMIC_SEQ_CST);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	TH_LOG("most: %lld bytes", most);
	EXPECT_GE(limit, most);
	EXPECT_LT(limit / 2, most);
	for (i = 0; i < STREAMS; i++)
		close(fds[i]);
}

TEST_HARNESS_MAIN
