// SPDX-License-Identifier: GPL-2.0-only
/*
 * What one reader gets: sizes, vectors, what is refused, faults, signals,
 * time-outs. Whatever a read gives is compared with what another instance, or
 * another member, gets at the same place.
 *
 * vm: timeout=240
 */
#include "kselftest_harness.h"

#include <sys/sendfile.h>
#include <sys/time.h>
#include <pthread.h>

#include "common.h"

#define TIMEOUT	60

/* -- two copies of an application ------------------------------------------- */

/* Two instances that stand at the same place of the same sequence. */
FIXTURE(copies) {
	int a;
	int b;
	char *from_a;
	char *from_b;
};

FIXTURE_VARIANT(copies) {
	bool members;
};

FIXTURE_VARIANT_ADD(copies, two_instances_of_one_host) {
	.members = false,
};

FIXTURE_VARIANT_ADD(copies, two_members) {
	.members = true,
};

/* Bytes of each copy, at most. */
#define ROOM	(8 * MIB)

FIXTURE_SETUP(copies)
{
	if (variant->members) {
		ASSERT_TRUE(two_members("ring_size=8M"));
		self->a = node_open("web1", 0);
		self->b = node_open("web2", 0);
	} else {
		ASSERT_TRUE(pair_new("r", "ring_size=8M instances=0,1"));
		self->a = node_open("r", 0);
		self->b = instance_open("r", "", 1, 0);
	}
	ASSERT_LE(0, self->a);
	ASSERT_LE(0, self->b);
	self->from_a = malloc(ROOM);
	self->from_b = malloc(ROOM);
	ASSERT_TRUE(self->from_a && self->from_b);
}

FIXTURE_TEARDOWN(copies)
{
	close(self->a);
	close(self->b);
	free(self->from_a);
	free(self->from_b);
	run("ndvalctl pair del r");
	if (variant->members)
		two_members_end();
}

static const size_t sizes[] = {
	1, 2, 3, 7, 8, 16, 31, 64, 100, 511, 512, 1000, 4095, 4096, 4097, 8192,
	10000, 65536, 100001, MIB,
};

/* Reads once in each size, in an order of its own. Returns the bytes, or 0. */
static size_t read_shuffled(int fd, char *to, unsigned int seed)
{
	size_t order[ARRAY_LEN(sizes)];
	size_t i, done = 0;

	memcpy(order, sizes, sizeof(order));
	for (i = ARRAY_LEN(order) - 1; i; i--) {
		size_t other = rand_r(&seed) % (i + 1);
		size_t swap = order[i];

		order[i] = order[other];
		order[other] = swap;
	}
	for (i = 0; i < ARRAY_LEN(order); i++) {
		if (get(fd, to + done, order[i]) != (ssize_t)order[i])
			return 0;
		done += order[i];
	}
	return done;
}

TEST_F_TIMEOUT(copies, get_the_same_bytes_in_sizes_of_every_mix, TIMEOUT)
{
	unsigned int round;
	size_t len;

	for (round = 0; round < 4; round++) {
		int first = round & 1 ? self->b : self->a;
		int second = round & 1 ? self->a : self->b;

		len = read_shuffled(first, self->from_a, 2 * round);
		ASSERT_LT(0, len);
		ASSERT_EQ(len, read_shuffled(second, self->from_b, 2 * round + 1));
		ASSERT_EQ(0, memcmp(self->from_a, self->from_b, len));
	}
	ASSERT_EQ(position(self->a), position(self->b));
	ASSERT_EQ(4 * len, position(self->a));
}

TEST_F_TIMEOUT(copies, get_the_same_bytes_by_readv_and_by_read, TIMEOUT)
{
	struct iovec iov[1024];
	size_t i, len = 0;

	/* Lengths 0 to 300, with gaps between the buffers. */
	for (i = 0; i < ARRAY_LEN(iov); i++) {
		iov[i].iov_base = self->from_a + i * 400;
		iov[i].iov_len = i * 7 % 301;
		len += iov[i].iov_len;
	}
	memset(self->from_a, 0, 400 * ARRAY_LEN(iov));
	ASSERT_EQ(len, readv(self->a, iov, ARRAY_LEN(iov)));
	ASSERT_TRUE(get_all(self->b, self->from_b, len, 1000));

	for (i = 0, len = 0; i < ARRAY_LEN(iov); i++) {
		char *gap = (char *)iov[i].iov_base + iov[i].iov_len;

		ASSERT_EQ(0, memcmp(iov[i].iov_base, self->from_b + len, iov[i].iov_len));
		len += iov[i].iov_len;
		while (gap < self->from_a + (i + 1) * 400)
			ASSERT_EQ(0, *gap++);
	}
}

TEST_F_TIMEOUT(copies, lose_and_repeat_nothing_by_faults_in_mid_read, TIMEOUT)
{
	const size_t pages = 8;
	char *area = mmap(NULL, (pages + 1) * CHUNK, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *end = area + pages * CHUNK;
	unsigned int seed = 1, cut = 0, refused = 0, i;
	size_t done = 0;

	ASSERT_NE(MAP_FAILED, area);
	ASSERT_EQ(0, munmap(end, CHUNK));
	for (i = 0; i < 400; i++) {
		size_t room = rand_r(&seed) % (i & 1 ? pages * CHUNK : 300);
		size_t len = room + 1 + rand_r(&seed) % CHUNK;
		size_t piece = CHUNK - done % CHUNK;
		size_t whole = 0;
		ssize_t got;

		/* Whole pieces, cut by the stream's chunks, as long as they fit. */
		while (whole < len) {
			if (piece > len - whole)
				piece = len - whole;
			if (whole + piece > room)
				break;
			whole += piece;
			piece = CHUNK;
		}
		got = get(self->a, end - room, len);
		ASSERT_EQ(whole ? (ssize_t)whole : -EFAULT, got);
		if (got > 0) {
			memcpy(self->from_a + done, end - room, got);
			done += got;
			cut++;
		} else {
			refused++;
		}
		ASSERT_EQ(done, position(self->a));
	}
	ASSERT_LT(50, cut);
	ASSERT_LT(50, refused);
	ASSERT_TRUE(get_all(self->b, self->from_b, done, 5000));
	ASSERT_EQ(0, memcmp(self->from_a, self->from_b, done));
	munmap(area, pages * CHUNK);
}

TEST_F_TIMEOUT(copies, move_nothing_by_a_wholly_bad_buffer, TIMEOUT)
{
	char *readonly = mmap(NULL, CHUNK, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec iov[2] = {
		{ .iov_base = self->from_a, .iov_len = 100 },
		{ .iov_base = readonly, .iov_len = 100 },
	};

	ASSERT_NE(MAP_FAILED, readonly);
	ASSERT_EQ(-EFAULT, get(self->a, NULL, 64));
	ASSERT_EQ(-EFAULT, get(self->a, readonly, 64));
	ASSERT_EQ(-EFAULT, get(self->a, (void *)-4096L, 64));
	ASSERT_EQ(0, mprotect(readonly, CHUNK, PROT_NONE));
	ASSERT_EQ(-EFAULT, get(self->a, readonly, 1));
	/* One piece with a good beginning counts as little as one without. */
	ASSERT_EQ(-1, readv(self->a, iov, 2));
	ASSERT_EQ(EFAULT, errno);
	ASSERT_EQ(0, position(self->a));
	ASSERT_TRUE(get_all(self->a, self->from_a, 200, 200));
	ASSERT_TRUE(get_all(self->b, self->from_b, 200, 200));
	ASSERT_EQ(0, memcmp(self->from_a, self->from_b, 200));
	munmap(readonly, CHUNK);
}

static void nothing(int sig UNUSED)
{
}

static void handle(int sig, int flags)
{
	struct sigaction action = { .sa_handler = nothing, .sa_flags = flags };

	sigaction(sig, &action, NULL);
}

TEST_F_TIMEOUT(copies, lose_nothing_by_signals_that_cut_reads_at_chunks, TIMEOUT)
{
	struct itimerval every = { { 0, 1000 }, { 0, 1000 } };
	struct itimerval never = {};
	size_t enough = rounds_of(ROOM - MIB), done = 0;
	int cut = 0;

	handle(SIGALRM, 0);
	setitimer(ITIMER_REAL, &every, NULL);
	while (done < enough) {
		ssize_t len = get(self->a, self->from_a + done, MIB - 1);

		if (len == -EINTR)
			continue;
		if (len <= 0)
			break;
		done += len;
		if (len < (ssize_t)MIB - 1) {
			cut++;
			if (done % CHUNK)
				break;
		}
	}
	setitimer(ITIMER_REAL, &never, NULL);
	ASSERT_LE(enough, done);
	ASSERT_LT(0, cut);
	ASSERT_TRUE(get_all(self->b, self->from_b, done, MIB));
	ASSERT_EQ(0, memcmp(self->from_a, self->from_b, done));
}

/* -- one file ---------------------------------------------------------------- */

/* A pair that issues, and one that waits for a primary that never comes. */
FIXTURE(file) {
	int fd;
	int waits;
	char bytes[64 * KIB];
};

FIXTURE_SETUP(file)
{
	ASSERT_TRUE(pair_new("f", ""));
	ASSERT_TRUE(pair_new("w", "--peer nobody"));
	self->fd = node_open("f", 0);
	self->waits = node_open("w", 0);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->waits);
}

FIXTURE_TEARDOWN(file)
{
	close(self->fd);
	close(self->waits);
	run("ndvalctl pair del f; ndvalctl pair del w");
}

TEST_F(file, gives_nothing_for_a_length_of_zero)
{
	struct iovec iov[2] = { { self->bytes, 0 }, { NULL, 0 } };

	ASSERT_EQ(0, get(self->fd, self->bytes, 0));
	ASSERT_EQ(0, get(self->fd, NULL, 0));
	ASSERT_EQ(0, readv(self->fd, iov, 2));
	ASSERT_EQ(0, readv(self->fd, iov, 0));
	/* Also where other reads would wait. */
	ASSERT_EQ(0, get(self->waits, self->bytes, 0));
	ASSERT_EQ(0, position(self->fd));
}

TEST_F(file, writes_to_the_bytes_asked_for_only)
{
	size_t len, i;

	for (len = 1; len < 5000; len += 97) {
		memset(self->bytes, 0x5a, sizeof(self->bytes));
		ASSERT_EQ(len, get(self->fd, self->bytes + 1000, len));
		for (i = 0; i < 1000; i++)
			ASSERT_EQ(0x5a, self->bytes[i]);
		for (i = 1000 + len; i < sizeof(self->bytes); i++)
			ASSERT_EQ(0x5a, self->bytes[i]);
	}
}

TEST_F(file, is_a_stream_that_cannot_seek_write_splice_or_be_mapped)
{
	int pipes[2], out, fd;
	off_t offset = 0;

	ASSERT_EQ(0, pipe(pipes));
	out = open("/dev/null", O_WRONLY);
	fd = node_open("f", O_RDWR);
	ASSERT_LE(0, fd);

	EXPECT_EQ(-1, lseek(fd, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pread(fd, self->bytes, 16, 0));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, write(fd, "x", 1));
	EXPECT_TRUE(errno == EINVAL || errno == EBADF);
	EXPECT_EQ(-1, pwrite(fd, "x", 1, 0));
	EXPECT_EQ(-1, splice(fd, NULL, pipes[1], NULL, 16, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, sendfile(out, fd, NULL, 16));
	EXPECT_EQ(-1, sendfile(out, fd, &offset, 16));
	EXPECT_EQ(-1, copy_file_range(fd, NULL, out, NULL, 16, 0));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, CHUNK, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, CHUNK, PROT_READ, MAP_PRIVATE, fd, 0));
	EXPECT_EQ(-1, ftruncate(fd, 0));
	/* None of that has consumed anything. */
	EXPECT_EQ(0, position(fd));
	close(fd);
	close(out);
	close(pipes[0]);
	close(pipes[1]);
}

TEST_F(file, says_EAGAIN_when_it_may_not_wait)
{
	struct iovec iov = { self->bytes, 16 };

	EXPECT_EQ(-1, preadv2(self->waits, &iov, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, fcntl(self->waits, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, get(self->waits, self->bytes, 16));
	EXPECT_EQ(-EAGAIN, get(self->waits, self->bytes, sizeof(self->bytes)));
}

TEST_F(file, gives_what_can_be_issued_without_waiting)
{
	struct iovec iov = { self->bytes, 10000 };

	ASSERT_EQ(10000, preadv2(self->fd, &iov, 1, -1, RWF_NOWAIT));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	ASSERT_EQ(10000, get(self->fd, self->bytes, 10000));
	ASSERT_EQ(20000, position(self->fd));
}

/* A reader in a thread, and what came of it. */
struct reader {
	pthread_t thread;
	pid_t tid;
	int fd;
	size_t size;
	void *to;
	ssize_t result;
	bool done;
};

static void *read_once(void *arg)
{
	struct reader *reader = arg;

	__atomic_store_n(&reader->tid, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	reader->result = get(reader->fd, reader->to, reader->size);
	__atomic_store_n(&reader->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Starts a read that has to wait; true once it does. */
static bool start_waiting(struct reader *reader, int fd, void *to, size_t size)
{
	*reader = (struct reader){ .fd = fd, .to = to, .size = size };
	if (pthread_create(&reader->thread, NULL, read_once, reader))
		return false;
	return wait_until(__atomic_load_n(&reader->tid, __ATOMIC_SEQ_CST) &&
			  task_sleeps(reader->tid), 20) && !reader->done;
}

static bool is_done(struct reader *reader)
{
	return __atomic_load_n(&reader->done, __ATOMIC_SEQ_CST);
}

static ssize_t result_of(struct reader *reader)
{
	if (!wait_until(is_done(reader), 20))
		return -ETIME;
	pthread_join(reader->thread, NULL);
	return reader->result;
}

TEST_F_TIMEOUT(file, is_interrupted_while_it_waits, TIMEOUT)
{
	struct reader reader;

	handle(SIGUSR1, 0);
	ASSERT_TRUE(start_waiting(&reader, self->waits, self->bytes, 16));
	pthread_kill(reader.thread, SIGUSR1);
	ASSERT_EQ(-EINTR, result_of(&reader));
}

TEST_F_TIMEOUT(file, is_restarted_by_SA_RESTART, TIMEOUT)
{
	struct reader reader;
	int i;

	handle(SIGUSR1, SA_RESTART);
	ASSERT_TRUE(start_waiting(&reader, self->waits, self->bytes, 16));
	for (i = 0; i < 10; i++) {
		pthread_kill(reader.thread, SIGUSR1);
		ASSERT_TRUE(wait_until(task_sleeps(reader.tid), 20));
		ASSERT_FALSE(is_done(&reader));
	}
	ASSERT_EQ(0, run("ndvalctl pair del w"));
	ASSERT_EQ(-ENODEV, result_of(&reader));
}

TEST_F_TIMEOUT(file, says_ENODEV_when_the_pair_is_removed_under_it, TIMEOUT)
{
	struct reader reader;

	ASSERT_EQ(16, get(self->fd, self->bytes, 16));
	ASSERT_TRUE(start_waiting(&reader, self->waits, self->bytes, 16));
	ASSERT_EQ(0, run("ndvalctl pair del w"));
	ASSERT_EQ(-ENODEV, result_of(&reader));
	ASSERT_EQ(-ENODEV, get(self->waits, self->bytes, 16));
	ASSERT_EQ(-ENODEV, get(self->waits, self->bytes, 16));
	/* Also within a chunk that the reader has a reference to. */
	ASSERT_EQ(0, run("ndvalctl pair del f"));
	ASSERT_EQ(-ENODEV, get(self->fd, self->bytes, 16));
	ASSERT_EQ(-1, position(self->fd));
	ASSERT_EQ(ENODEV, errno);
}

TEST_F_TIMEOUT(file, says_ETIMEDOUT_after_read_timeout_ms, TIMEOUT)
{
	double start;

	ASSERT_EQ(0, sys_set("w", "read_timeout_ms", "150"));
	start = seconds();
	ASSERT_EQ(-ETIMEDOUT, get(self->waits, self->bytes, 16));
	ASSERT_LE(0.14, seconds() - start);
	ASSERT_GT(10, seconds() - start);
	ASSERT_EQ(-ETIMEDOUT, get(self->waits, self->bytes, 16));
	/* O_NONBLOCK does not wait for it. */
	ASSERT_EQ(0, sys_set("w", "read_timeout_ms", "100000"));
	ASSERT_EQ(0, fcntl(self->waits, F_SETFL, O_NONBLOCK));
	ASSERT_EQ(-EAGAIN, get(self->waits, self->bytes, 16));
}

/* -- a window that is held ---------------------------------------------------- */

/* Two chunks of window; instance 1 holds it, so instance 0 waits behind them. */
FIXTURE(held) {
	int ahead;
	int behind;
	char bytes[64 * KIB];
	char more[64 * KIB];
};

FIXTURE_SETUP(held)
{
	ASSERT_TRUE(pair_new("h", "ring_size=8K instances=0,1 overflow=stall"));
	self->ahead = node_open("h", 0);
	self->behind = instance_open("h", "", 1, 0);
	ASSERT_LE(0, self->ahead);
	ASSERT_LE(0, self->behind);
}

FIXTURE_TEARDOWN(held)
{
	close(self->ahead);
	close(self->behind);
	run("ndvalctl pair del h");
}

TEST_F_TIMEOUT(held, gives_the_part_that_is_there_without_waiting, TIMEOUT)
{
	ASSERT_EQ(0, fcntl(self->ahead, F_SETFL, O_NONBLOCK));
	ASSERT_EQ(8192, get(self->ahead, self->bytes, sizeof(self->bytes)));
	ASSERT_EQ(-EAGAIN, get(self->ahead, self->bytes, 1));
	ASSERT_EQ(4096, get(self->behind, self->more, 4096));
	ASSERT_EQ(4096, get(self->ahead, self->bytes + 8192, sizeof(self->bytes) - 8192));
	ASSERT_EQ(-EAGAIN, get(self->ahead, self->bytes, 1));
}

TEST_F_TIMEOUT(held, gives_the_part_that_is_there_at_a_time_out, TIMEOUT)
{
	ASSERT_EQ(0, sys_set("h", "read_timeout_ms", "100"));
	ASSERT_EQ(8192, get(self->ahead, self->bytes, sizeof(self->bytes)));
	ASSERT_EQ(-ETIMEDOUT, get(self->ahead, self->bytes, 1));
}

TEST_F_TIMEOUT(held, gives_the_part_that_is_there_at_a_signal, TIMEOUT)
{
	struct reader reader;

	handle(SIGUSR1, 0);
	ASSERT_TRUE(start_waiting(&reader, self->ahead, self->bytes, 10000));
	pthread_kill(reader.thread, SIGUSR1);
	ASSERT_EQ(8192, result_of(&reader));
	ASSERT_EQ(8192, position(self->ahead));
	ASSERT_EQ(8192, get(self->behind, self->more, 8192));
	ASSERT_EQ(0, memcmp(self->bytes, self->more, 8192));
}

TEST_F_TIMEOUT(held, goes_on_when_the_slow_instance_moves, TIMEOUT)
{
	struct reader reader;
	size_t done;

	ASSERT_TRUE(start_waiting(&reader, self->ahead, self->bytes, sizeof(self->bytes)));
	/* Each piece makes room for as much, until the reader has what it wants. */
	for (done = 0; done < sizeof(self->bytes); done += 1024) {
		ASSERT_FALSE(done < sizeof(self->bytes) - 8192 && is_done(&reader));
		ASSERT_EQ(1024, get(self->behind, self->more + done, 1024));
	}
	ASSERT_EQ(sizeof(self->bytes), result_of(&reader));
	ASSERT_EQ(0, memcmp(self->bytes, self->more, sizeof(self->bytes)));
	ASSERT_EQ(0, sys_get("h", "lost"));
}

TEST_F_TIMEOUT(held, begins_again_where_it_is_put_while_it_waits, TIMEOUT)
{
	struct reader reader;

	ASSERT_EQ(8192, get(self->ahead, self->bytes, 8192));
	ASSERT_TRUE(start_waiting(&reader, self->ahead, self->more, 100));
	ASSERT_EQ(0, run("ndvalctl instance set h --at 50"));
	ASSERT_EQ(100, result_of(&reader));
	ASSERT_EQ(0, memcmp(self->bytes + 50, self->more, 100));
	ASSERT_EQ(150, position(self->ahead));
}

TEST_F_TIMEOUT(held, does_not_join_bytes_from_before_and_after_it_is_put, TIMEOUT)
{
	struct reader reader;

	ASSERT_TRUE(start_waiting(&reader, self->ahead, self->bytes, 10000));
	ASSERT_EQ(0, run("ndvalctl instance set h --at 0"));
	ASSERT_EQ(8192, result_of(&reader));
	ASSERT_EQ(0, position(self->ahead));
	ASSERT_EQ(8192, get(self->ahead, self->more, 8192));
	ASSERT_EQ(0, memcmp(self->bytes, self->more, 8192));
}

TEST_F_TIMEOUT(held, lets_a_second_reader_of_the_instance_refuse_to_wait, TIMEOUT)
{
	int other = node_open("h", O_NONBLOCK);
	struct reader reader;

	ASSERT_LE(0, other);
	ASSERT_TRUE(start_waiting(&reader, self->ahead, self->bytes, 10000));
	ASSERT_EQ(-EAGAIN, get(other, self->more, 16));
	handle(SIGUSR1, 0);
	pthread_kill(reader.thread, SIGUSR1);
	ASSERT_EQ(8192, result_of(&reader));
	close(other);
}

/* -- more than the window holds ----------------------------------------------- */

TEST(one_read_gets_a_megabyte_through_a_window_of_8_KiB)
{
	char *bytes = malloc(MIB);
	int fd;

	ASSERT_TRUE(pair_new("small", "ring_size=8K"));
	fd = node_open("small", 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(MIB, get(fd, bytes, MIB));
	ASSERT_EQ(MIB, position(fd));
	ASSERT_EQ(0, sys_get("small", "lost"));
	close(fd);
	ASSERT_EQ(0, run("ndvalctl pair del small"));
	free(bytes);
}

FIXTURE(small) {
	struct reader a;
	struct reader b;
	char *bytes;
};

FIXTURE_VARIANT(small) {
	bool members;
};

FIXTURE_VARIANT_ADD(small, two_instances) {
	.members = false,
};

FIXTURE_VARIANT_ADD(small, two_members) {
	.members = true,
};

FIXTURE_SETUP(small)
{
	self->bytes = malloc(2 * MIB);
	ASSERT_NE(NULL, self->bytes);
	if (variant->members) {
		ASSERT_TRUE(two_members("ring_size=8K overflow=stall"));
		self->a.fd = node_open("web1", 0);
		self->b.fd = node_open("web2", 0);
	} else {
		ASSERT_TRUE(pair_new("s", "ring_size=8K instances=0,1 overflow=stall"));
		self->a.fd = node_open("s", 0);
		self->b.fd = instance_open("s", "", 1, 0);
	}
	ASSERT_LE(0, self->a.fd);
	ASSERT_LE(0, self->b.fd);
	self->a.to = self->bytes;
	self->b.to = self->bytes + MIB;
	self->a.size = MIB;
	self->b.size = MIB;
}

FIXTURE_TEARDOWN(small)
{
	close(self->a.fd);
	close(self->b.fd);
	free(self->bytes);
	run("ndvalctl pair del s");
	if (variant->members)
		two_members_end();
}

TEST_F_TIMEOUT(small, gives_both_a_megabyte_in_one_read_each, TIMEOUT)
{
	ASSERT_EQ(0, pthread_create(&self->a.thread, NULL, read_once, &self->a));
	ASSERT_EQ(0, pthread_create(&self->b.thread, NULL, read_once, &self->b));
	EXPECT_EQ(MIB, result_of(&self->a));
	EXPECT_EQ(MIB, result_of(&self->b));
	ASSERT_EQ(0, memcmp(self->bytes, self->bytes + MIB, MIB));
}

TEST_HARNESS_MAIN
