// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls on a node while one allocation after the other fails: the
 * errno is the right one, and nothing is lost, doubled or left behind.
 *
 * vm: flavours=debug sources=fault.c libs=-luring timeout=400
 */
#include "kselftest_harness.h"

#include <liburing.h>
#include <sys/rseq.h>

#include "common.h"
#include "fault.h"
#include "journal.h"

/* Most that a case reads, all in all. */
#define BYTES_MAX	(1 * MIB)

/* So often each case goes through all numbers, where they are few. */
#define SWEEPS		4

/* So often one stream after the other is made. */
#define STREAMS		"max_streams=65536 memory_max=64M ring_size=64K"

struct reader {
	struct fault fault;
	unsigned char *got;	/* by instance 0, while allocations fail */
	unsigned char *want;	/* by instance 1 */
	size_t done;
	int fd;
	int other;
};

FIXTURE(calls)
{
	struct reader reader;
};

FIXTURE_SETUP(calls)
{
	/* What the kernel has to fetch for user memory is none of the case. */
	self->reader.got = malloc(BYTES_MAX);
	self->reader.want = malloc(BYTES_MAX);
	memset(self->reader.got, 1, BYTES_MAX);
	memset(self->reader.want, 2, BYTES_MAX);
	self->reader.done = 0;
	ASSERT_TRUE(pair_new("f", "instances=0,1 " STREAMS));
	self->reader.fd = -1;
	self->reader.other = -1;
	ASSERT_TRUE(fault_open(&self->reader.fault, "thread-self"));
}

FIXTURE_TEARDOWN(calls)
{
	fault_close(&self->reader.fault);
	close(self->reader.fd);
	close(self->reader.other);
	free(self->reader.got);
	free(self->reader.want);
	EXPECT_EQ(0, run("ndvalctl pair del f"));
}

/* Both instances at the start of a stream. To bind one may have to wait. */
static bool both(struct reader *self, const char *stream, int flags)
{
	close(self->fd);
	close(self->other);
	self->fd = instance_open("f", stream, 0, 0);
	self->other = instance_open("f", stream, 1, 0);
	self->done = 0;
	return self->fd >= 0 && self->other >= 0 && !fcntl(self->fd, F_SETFL, flags);
}

/*
 * After a read: the instance stands behind what it was told to have got, which
 * is what the other one gets there.
 */
static bool counts(struct reader *self, ssize_t ret)
{
	size_t before = self->done;

	self->done += ret > 0 ? ret : 0;
	return position(self->fd) == (long long)self->done &&
	       get_all(self->other, self->want + before, self->done - before, CHUNK) &&
	       !memcmp(self->got + before, self->want + before, self->done - before);
}

/* Reads on without failures: nothing is missing after what failed. */
static bool goes_on(struct reader *self)
{
	return get_all(self->fd, self->got + self->done, 3 * CHUNK, 1000) &&
	       counts(self, 3 * CHUNK);
}

/* Who must not wait for memory may try again, and is told so. */
static bool right_errno(ssize_t ret, bool nonblock)
{
	return ret == (nonblock ? -EAGAIN : -ENOMEM) || ret == -EFAULT;
}

typedef ssize_t (*reader_t)(int fd, unsigned char *to, size_t size);

static ssize_t plain(int fd, unsigned char *to, size_t size)
{
	return get(fd, to, size);
}

/* In pieces that no chunk border knows of. */
static ssize_t scattered(int fd, unsigned char *to, size_t size)
{
	const struct iovec iov[] = {
		{ to, 1 }, { to + 1, 5000 }, { to + 5001, size - 5001 },
	};
	ssize_t len = readv(fd, iov, ARRAY_LEN(iov));

	return len < 0 ? -errno : len;
}

/* What reads have met with. */
struct met {
	unsigned int	streams;
	unsigned int	cut;
	unsigned int	starved;
};

/*
 * Reads with each allocation failing. Each time in a new stream: once a stream
 * has chunks that all have read, it takes one of those when there is no memory
 * for another.
 */
static void sweep(struct __test_metadata *_metadata, struct reader *self, reader_t reader,
		  size_t size, int flags, struct met *met)
{
	bool nonblock = flags & O_NONBLOCK;
	char name[16];

	self->fault.nth = 0;
	while (fault_next(&self->fault)) {
		long long memory;
		ssize_t ret;

		snprintf(name, sizeof(name), "s%u", met->streams++);
		ASSERT_TRUE(both(self, name, flags));
		memory = sys_get("f", "memory");
		fault_arm(&self->fault);
		ret = reader(self->fd, self->got, size);
		fault_disarm(&self->fault);
		ASSERT_TRUE(ret > 0 || right_errno(ret, nonblock)) {
			TH_LOG("number %u: %zd", self->fault.nth, ret);
		}
		ASSERT_TRUE(self->fault.reached || ret == (ssize_t)size);
		ASSERT_TRUE((ret != -ENOMEM && ret != -EAGAIN) ||
			    memory == sys_get("f", "memory"));
		met->cut += ret < (ssize_t)size;
		met->starved += ret == -ENOMEM || ret == -EAGAIN;
		ASSERT_TRUE(counts(self, ret));
		ASSERT_TRUE(goes_on(self));
	}
}

/*
 * More than once, for a slab that has to be grown takes one allocation more,
 * and moves another one out of the number's way.
 */
static void sweeps(struct __test_metadata *_metadata, struct reader *self, reader_t reader,
		   size_t size, int flags)
{
	struct met met = { 0 };
	int i;

	for (i = 0; i < SWEEPS; i++)
		sweep(_metadata, self, reader, size, flags, &met);
	TH_LOG("%zu bytes: %u injections, %u reads cut, %u of them to nothing", size,
	       self->fault.injected, met.cut, met.starved);
	EXPECT_LE(SWEEPS, met.cut);
	EXPECT_LE(2, met.starved);
}

TEST_F_TIMEOUT(calls, a_small_read, 300)
{
	sweeps(_metadata, &self->reader, plain, 16, 0);
}

TEST_F_TIMEOUT(calls, a_large_read, 300)
{
	sweeps(_metadata, &self->reader, plain, 5 * CHUNK, 0);
}

TEST_F_TIMEOUT(calls, a_read_into_several_buffers, 300)
{
	sweeps(_metadata, &self->reader, scattered, 4 * CHUNK, 0);
}

TEST_F_TIMEOUT(calls, a_read_that_does_not_wait, 300)
{
	sweeps(_metadata, &self->reader, plain, 2 * CHUNK, O_NONBLOCK);
}

/*
 * Only pages fail. Slabs that are grown try again with less, so what makes the
 * read fail is the page of the ring.
 */
TEST_F_TIMEOUT(calls, a_page_of_the_ring, 300)
{
	ASSERT_TRUE(fault_kinds(FAULT_PAGES));
	sweeps(_metadata, &self->reader, plain, CHUNK, 0);
}

static ssize_t uring_read(struct io_uring *ring, int fd, void *to, size_t size)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	int res;

	io_uring_prep_read(sqe, fd, to, size, -1);
	/* Not submitted for want of memory, it stays in the queue. */
	while (io_uring_submit_and_wait(ring, 1) < 0 || io_uring_peek_cqe(ring, &cqe))
		;
	res = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return res;
}

TEST_F_TIMEOUT(calls, a_read_by_io_uring, 300)
{
	struct io_uring ring;
	ssize_t ret;

	ASSERT_TRUE(both(&self->reader, "uring", 0));
	ASSERT_EQ(0, io_uring_queue_init(4, &ring, 0));
	while (fault_next(&self->reader.fault)) {
		fault_arm(&self->reader.fault);
		ret = uring_read(&ring, self->reader.fd,
				 self->reader.got + self->reader.done, 2 * CHUNK);
		fault_disarm(&self->reader.fault);
		/* What must not wait at first is left to who may. */
		ASSERT_TRUE(ret > 0 || ret == -EFAULT) {
			TH_LOG("number %u: %zd", self->reader.fault.nth, ret);
		}
		ASSERT_TRUE(counts(&self->reader, ret));
		ASSERT_TRUE(goes_on(&self->reader));
		ASSERT_GT(BYTES_MAX / 2, self->reader.done);
	}
	io_uring_queue_exit(&ring);
	TH_LOG("%u injections", self->reader.fault.injected);
	EXPECT_LT(3, self->reader.fault.injected);
}

TEST_F_TIMEOUT(calls, open_and_close, 300)
{
	struct fault *fault = &self->reader.fault;
	unsigned int failed = 0;
	int sweep;

	ASSERT_TRUE(both(&self->reader, "", 0));
	/* Much of it is not ours, and shifts the numbers: some would be missed. */
	for (sweep = 0; sweep < 10; sweep++) {
		fault->nth = 0;
		while (fault_next(fault)) {
			int fd, err;

			fault_arm(fault);
			fd = node_open("f", 0);
			err = fd < 0 ? errno : 0;
			if (!err)
				close(fd);
			fault_disarm(fault);
			failed += !!err;
			ASSERT_TRUE(!err || err == ENOMEM || err == EFAULT || err == ENFILE) {
				TH_LOG("number %u: %s", fault->nth, strerror(err));
			}
		}
	}
	TH_LOG("%u injections, %u opens refused", fault->injected, failed);
	EXPECT_LE(20, failed);
	ASSERT_TRUE(goes_on(&self->reader));
}

TEST_F_TIMEOUT(calls, a_bind_to_a_new_stream, 300)
{
	unsigned int failed = 0;
	char name[16];

	while (fault_next(&self->reader.fault)) {
		long long streams = sys_get("f", "streams");
		long long memory = sys_get("f", "memory");
		int err, fd = node_open("f", 0);

		snprintf(name, sizeof(name), "s%u", self->reader.fault.nth);
		fault_arm(&self->reader.fault);
		err = node_bind(fd, name, 0, NDVAL_BIND_EXCL);
		fault_disarm(&self->reader.fault);
		failed += !!err;
		ASSERT_TRUE(!err || err == ENOMEM || err == EFAULT) {
			TH_LOG("number %u: %s", self->reader.fault.nth, strerror(err));
		}
		ASSERT_EQ(streams + !err, sys_get("f", "streams"));
		ASSERT_TRUE(!err || memory == sys_get("f", "memory"));
		/* A file that was not bound can be, and none has it. */
		ASSERT_EQ(err ? 0 : EBUSY, node_bind(fd, name, 0, NDVAL_BIND_EXCL));
		ASSERT_EQ(0, position(fd));
		close(fd);
		ASSERT_TRUE(both(&self->reader, name, 0));
		ASSERT_TRUE(goes_on(&self->reader));
	}
	TH_LOG("%u injections, %u binds refused", self->reader.fault.injected, failed);
	EXPECT_LE(2, failed);
}

/* The stream is there, but not what is kept of a copy that reads it. */
TEST_F_TIMEOUT(calls, a_bind_to_another_instance, 300)
{
	unsigned int failed = 0;
	char name[16];

	while (fault_next(&self->reader.fault)) {
		int err, first = node_open("f", 0), fd = node_open("f", 0);
		long long memory;

		snprintf(name, sizeof(name), "s%u", self->reader.fault.nth);
		ASSERT_EQ(0, node_bind(first, name, 0, 0));
		memory = sys_get("f", "memory");
		fault_arm(&self->reader.fault);
		err = node_bind(fd, name, 1, NDVAL_BIND_EXCL);
		fault_disarm(&self->reader.fault);
		failed += !!err;
		ASSERT_TRUE(!err || err == ENOMEM || err == EFAULT) {
			TH_LOG("number %u: %s", self->reader.fault.nth, strerror(err));
		}
		ASSERT_TRUE(!err || memory == sys_get("f", "memory"));
		ASSERT_EQ(err ? 0 : EBUSY, node_bind(fd, name, 1, NDVAL_BIND_EXCL));
		ASSERT_EQ(0, position(fd));
		close(first);
		close(fd);
		ASSERT_TRUE(both(&self->reader, name, 0));
		ASSERT_TRUE(goes_on(&self->reader));
	}
	TH_LOG("%u injections, %u binds refused", self->reader.fault.injected, failed);
	EXPECT_LE(1, failed);
}

/* What binds a file that is not bound, to the stream "default". */
static long by_read(int fd)
{
	char byte;

	return get(fd, &byte, 1);
}

static long by_poll(int fd)
{
	return poll_now(fd);
}

static long by_info(int fd)
{
	return position(fd) < 0 ? -errno : 0;
}

static void first_uses(struct __test_metadata *_metadata, struct reader *self,
		       long (*use)(int fd), long good)
{
	unsigned int refused = 0;

	while (fault_next(&self->fault)) {
		long long memory;
		long ret;

		ASSERT_TRUE(!sys_get("f", "streams") ||
			    !run("ndvalctl stream del f default"));
		/* A deleted stream is freed when its last file has gone. */
		memory = sys_get("f", "memory");
		self->fd = node_open("f", 0);
		fault_arm(&self->fault);
		ret = use(self->fd);
		fault_disarm(&self->fault);
		ASSERT_TRUE(ret == good || right_errno(ret, false) ||
			    ret == (POLLIN | POLLERR)) {
			TH_LOG("number %u: %ld", self->fault.nth, ret);
		}
		refused += ret != good;
		ASSERT_TRUE(self->fault.reached || ret == good);
		ASSERT_TRUE(ret != -ENOMEM || memory == sys_get("f", "memory") ||
			    sys_get("f", "streams") == 1);
		ASSERT_EQ(use == by_read && ret == good, position(self->fd));
		ASSERT_EQ(1, get(self->fd, self->got, 1));
		close(self->fd);
		self->fd = -1;
	}
	TH_LOG("%u injections, %u uses refused", self->fault.injected, refused);
	EXPECT_LE(2, refused);
}

TEST_F_TIMEOUT(calls, a_first_read, 300)
{
	first_uses(_metadata, &self->reader, by_read, 1);
}

TEST_F_TIMEOUT(calls, a_first_poll, 300)
{
	first_uses(_metadata, &self->reader, by_poll, POLLIN);
}

TEST_F_TIMEOUT(calls, a_first_question, 300)
{
	first_uses(_metadata, &self->reader, by_info, 0);
}

/* What no node can do is refused before anything is allocated. */
TEST_F(calls, what_a_node_refuses)
{
	long long memory;

	ASSERT_TRUE(both(&self->reader, "refused", 0));
	memory = sys_get("f", "memory");
	while (fault_next(&self->reader.fault)) {
		char byte = 0;
		void *map;

		fault_arm(&self->reader.fault);
		map = mmap(NULL, CHUNK, PROT_READ, MAP_PRIVATE, self->reader.fd, 0);
		ASSERT_EQ(MAP_FAILED, map);
		ASSERT_EQ(ENODEV, errno);
		ASSERT_EQ(-1, write(self->reader.fd, &byte, 1));
		ASSERT_EQ(EBADF, errno);
		ASSERT_EQ(-1, lseek(self->reader.fd, 0, SEEK_SET));
		ASSERT_EQ(ESPIPE, errno);
		ASSERT_EQ(-1, ioctl(self->reader.fd, 0x5401, &byte));
		ASSERT_EQ(ENOTTY, errno);
		fault_disarm(&self->reader.fault);
		ASSERT_EQ(memory, sys_get("f", "memory"));
	}
	EXPECT_EQ(0, self->reader.fault.injected);
	ASSERT_TRUE(goes_on(&self->reader));
}

/*
 * When a task has been preempted, the kernel writes into memory that fork has made
 * copy on write, and sends SIGSEGV if there is none for the copy.
 */
static bool without_rseq(void)
{
	void *rseq = (char *)__builtin_thread_pointer() + __rseq_offset;

	return !__rseq_size || !syscall(SYS_rseq, rseq, sizeof(struct rseq),
					RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

/*
 * A child reads on where its parent stands, or there is none. The kernel cries
 * out, with a stack, when it has no memory for the child's: that is not ours.
 */
TEST_F_TIMEOUT(calls, a_fork, 300)
{
	ASSERT_TRUE(without_rseq());
	ASSERT_TRUE(both(&self->reader, "fork", 0));
	ASSERT_EQ(0, run("echo 4 >/proc/sys/kernel/printk"));
	while (fault_next(&self->reader.fault)) {
		unsigned char *mine = shared(16);
		int status;
		pid_t pid;

		ASSERT_NE(NULL, mine);
		fault_arm(&self->reader.fault);
		pid = fork();
		if (!pid)
			_exit(get(self->reader.fd, mine, 16) != 16);
		fault_disarm(&self->reader.fault);
		ASSERT_TRUE(pid > 0 || errno == ENOMEM || errno == EAGAIN);
		ASSERT_TRUE(pid < 0 || (waitpid(pid, &status, 0) == pid && !status));
		memcpy(self->reader.got + self->reader.done, mine, 16);
		ASSERT_TRUE(counts(&self->reader, pid > 0 ? 16 : 0));
		munmap(mine, 16);
	}
	ASSERT_EQ(0, run("echo 7 >/proc/sys/kernel/printk"));
	TH_LOG("%u injections", self->reader.fault.injected);
	EXPECT_LE(10, self->reader.fault.injected);
	ASSERT_TRUE(goes_on(&self->reader));
}

/* Clocks and agreed values */

/* What a copy got: a reading, or a value and its length. */
struct drawn {
	struct ndval_clock	clock;
	unsigned char		value[NDVAL_AGREED_MAX];
};

/* What a copy draws: 0, or a negative errno. Each is as long as the other copy's. */
typedef long (*drawer_t)(int fd, unsigned char mine, struct drawn *drawn);

/* The bytes of the journal that one takes. */
struct draw_kind {
	drawer_t	call;
	long long	size;
};

static long draw_clock(int fd, unsigned char mine UNUSED, struct drawn *drawn)
{
	return clock_call(fd, CLOCK_MONOTONIC, &drawn->clock);
}

/* Of the greatest length: a record that no chunk holds alone. */
static long draw_agreed(int fd, unsigned char mine, struct drawn *drawn)
{
	static unsigned char in[NDVAL_AGREED_MAX];
	long len;

	memset(in, mine, sizeof(in));
	memset(drawn->value, 0, sizeof(drawn->value));
	len = agree(fd, in, sizeof(in), drawn->value, sizeof(drawn->value));
	return len == NDVAL_AGREED_MAX || len < 0 ? (len < 0 ? len : 0) : -EPROTO;
}

static const struct draw_kind a_clock = { draw_clock, RECORD_CLOCK };
static const struct draw_kind a_value = { draw_agreed, RECORD_AGREED(NDVAL_AGREED_MAX) };

/* Draws until it may; what is recorded meanwhile stays what it is. */
static bool draws(int fd, const struct draw_kind *kind, unsigned char mine, struct drawn *drawn)
{
	long ret;

	return wait_until((ret = kind->call(fd, mine, drawn)) != -EAGAIN, 20) && !ret;
}

/*
 * The first record of a stream, which makes its journal, with each allocation of the
 * copy that comes first failing; then both copies get it, the same, and a second one.
 */
static void draw_first(struct __test_metadata *_metadata, struct fault *fault, int first,
		       int second, const struct draw_kind *kind, unsigned int *refused)
{
	bool nonblock = fcntl(first, F_GETFL) & O_NONBLOCK;
	struct drawn got[2] = { 0 }, other = { 0 };
	bool given;
	long ret;

	fault_arm(fault);
	ret = kind->call(first, 1, &got[0]);
	fault_disarm(fault);
	ASSERT_TRUE(!ret || right_errno(ret, nonblock)) {
		TH_LOG("number %u: %ld", fault->nth, ret);
	}
	/* A secondary that does not wait gets nothing before the primary has spoken. */
	ASSERT_TRUE(fault->reached || !ret || nonblock);
	*refused += !!ret;
	given = !ret;
	ASSERT_EQ(given ? kind->size : 0, journal_position(first));
	ASSERT_TRUE(given || draws(first, kind, 2, &got[0])) TH_LOG("number %u", fault->nth);
	ASSERT_TRUE(draws(second, kind, 3, &other));
	ASSERT_EQ(0, memcmp(&got[0], &other, sizeof(other))) TH_LOG("number %u", fault->nth);
	/* What was asked for first, though it may have failed later, is recorded. */
	ASSERT_TRUE(kind == &a_clock || got[0].value[0] == 1 || (!given && got[0].value[0] == 2));
	ASSERT_TRUE(draws(second, kind, 4, &other));
	ASSERT_TRUE(draws(first, kind, 5, &got[1]));
	ASSERT_EQ(0, memcmp(&got[1], &other, sizeof(other)));
	ASSERT_TRUE(kind == &a_clock || other.value[0] == 4);
	ASSERT_EQ(2 * kind->size, journal_position(first));
	ASSERT_EQ(2 * kind->size, journal_position(second));
}

static void every_draw(struct __test_metadata *_metadata, struct reader *self,
		       const struct draw_kind *kind, int flags)
{
	unsigned int streams = 0, refused = 0;
	long long memory, grown = -1;
	char name[16];
	int i;

	for (i = 0; i < SWEEPS; i++) {
		self->fault.nth = 0;
		while (fault_next(&self->fault)) {
			snprintf(name, sizeof(name), "s%u", streams++);
			ASSERT_TRUE(both(self, name, flags));
			memory = sys_get("f", "memory");
			draw_first(_metadata, &self->fault, self->fd, self->other, kind,
				   &refused);
			/* Whatever has failed: there is what there would have been. */
			memory = sys_get("f", "memory") - memory;
			/* The first journal of a pair brings its clocks along. */
			if (streams == 1)
				continue;
			grown = grown < 0 ? memory : grown;
			ASSERT_EQ(grown, memory) TH_LOG("number %u", self->fault.nth);
		}
	}
	TH_LOG("%u injections, %u calls refused", self->fault.injected, refused);
	EXPECT_LE(2 * SWEEPS, refused);
	ASSERT_TRUE(goes_on(self));
}

TEST_F_TIMEOUT(calls, a_clock, 300)
{
	every_draw(_metadata, &self->reader, &a_clock, 0);
}

TEST_F_TIMEOUT(calls, an_agreed_value, 300)
{
	every_draw(_metadata, &self->reader, &a_value, 0);
}

TEST_F_TIMEOUT(calls, an_agreed_value_that_does_not_wait, 300)
{
	every_draw(_metadata, &self->reader, &a_value, O_NONBLOCK);
}

/* The same of a secondary, which asks its primary. */
struct asker {
	struct fault fault;
	int first;	/* at the secondary */
	int second;	/* at the primary */
};

FIXTURE(secondary)
{
	struct asker asker;
};

FIXTURE_SETUP(secondary)
{
	self->asker.first = -1;
	self->asker.second = -1;
	ASSERT_TRUE(two_members(STREAMS));
	ASSERT_TRUE(fault_open(&self->asker.fault, "thread-self"));
}

FIXTURE_TEARDOWN(secondary)
{
	fault_close(&self->asker.fault);
	close(self->asker.first);
	close(self->asker.second);
	two_members_end();
}

/* The secondary first, with a file each time: only what it draws may fail. */
static void draw_at_secondary(struct __test_metadata *_metadata, struct asker *self,
			      const struct draw_kind *kind, int flags)
{
	unsigned int refused = 0;
	char name[16];
	int i;

	for (i = 0; i < 2; i++) {
		self->fault.nth = 0;
		while (fault_next(&self->fault)) {
			snprintf(name, sizeof(name), "s%d-%u", i, self->fault.nth);
			close(self->first);
			close(self->second);
			self->first = instance_open("web2", name, 0, 0);
			self->second = instance_open("web1", name, 0, 0);
			ASSERT_EQ(0, fcntl(self->first, F_SETFL, flags));
			draw_first(_metadata, &self->fault, self->first, self->second, kind,
				   &refused);
		}
	}
	TH_LOG("%u injections, %u calls refused", self->fault.injected, refused);
	EXPECT_LE(4, refused);
	/* As much here as there. */
	EXPECT_LT(0, journal_head(self->first));
	EXPECT_EQ(journal_head(self->first), journal_head(self->second));
	EXPECT_EQ(journal_position(self->first), journal_position(self->second));
}

TEST_F_TIMEOUT(secondary, a_clock, 300)
{
	draw_at_secondary(_metadata, &self->asker, &a_clock, 0);
}

TEST_F_TIMEOUT(secondary, an_agreed_value, 300)
{
	draw_at_secondary(_metadata, &self->asker, &a_value, 0);
}

TEST_F_TIMEOUT(secondary, an_agreed_value_that_does_not_wait, 300)
{
	draw_at_secondary(_metadata, &self->asker, &a_value, O_NONBLOCK);
}

/* Attributes of a node, and for those that can be set two values. */
static const struct {
	const char *file;
	const char *values[2];
} attributes[] = {
	{ "bind", { "required", "any" } },
	{ "ring_size", { "32768", "65536" } },
	{ "retain", { "4096", "8192" } },
	{ "prefetch", { "0", "16384" } },
	{ "max_streams", { "10", "20" } },
	{ "memory_max", { "1048576", "2097152" } },
	{ "overflow", { "stall", "drop" } },
	{ "instances", { "0,1,2", "0,1" } },
	{ "read_timeout_ms", { "1000", "0" } },
	{ "peer_timeout_ms", { "2000", "3000" } },
	{ "inspect", { "on", "off" } },
	{ "role", {} }, { "health", {} }, { "epoch", {} }, { "issued", {} },
	{ "committed", {} }, { "retained", {} }, { "streams", {} }, { "peers", {} },
	{ "lost", {} }, { "memory", {} },
};

static int look(const char *file, char *text, size_t size)
{
	char path[256];
	ssize_t len;
	int err, fd;

	sys_path(path, sizeof(path), "f", file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	len = read(fd, text, size - 1);
	err = len < 0 ? errno : 0;
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	if (len > 0 && text[len - 1] == '\n')
		text[len - 1] = '\0';
	return err;
}

TEST_F_TIMEOUT(calls, every_look_at_an_attribute, 300)
{
	unsigned int injected = 0, failed = 0;
	char before[64], text[64];
	size_t i;

	for (i = 0; i < ARRAY_LEN(attributes); i++) {
		ASSERT_EQ(0, look(attributes[i].file, before, sizeof(before)));
		self->reader.fault.nth = 0;
		while (fault_next(&self->reader.fault)) {
			int err;

			fault_arm(&self->reader.fault);
			err = look(attributes[i].file, text, sizeof(text));
			fault_disarm(&self->reader.fault);
			failed += !!err;
			ASSERT_TRUE(err ? right_errno(-err, false) || err == ENFILE :
					  !strcmp(text, before)) {
				TH_LOG("%s, number %u: %d, %s", attributes[i].file,
				       self->reader.fault.nth, err, text);
			}
		}
		ASSERT_LT(injected, self->reader.fault.injected);
		injected = self->reader.fault.injected;
	}
	TH_LOG("%u injections, %u failures", injected, failed);
	EXPECT_LT(ARRAY_LEN(attributes), failed);
}

TEST_F_TIMEOUT(calls, every_change_of_an_attribute, 300)
{
	unsigned int injected = 0, failed = 0;
	char before[64], text[64];
	size_t i;

	for (i = 0; i < ARRAY_LEN(attributes) && attributes[i].values[0]; i++) {
		self->reader.fault.nth = 0;
		while (fault_next(&self->reader.fault)) {
			const char *value = attributes[i].values[self->reader.fault.nth % 2];
			int err;

			ASSERT_EQ(0, look(attributes[i].file, before, sizeof(before)));
			fault_arm(&self->reader.fault);
			err = sys_set("f", attributes[i].file, value);
			fault_disarm(&self->reader.fault);
			ASSERT_EQ(0, look(attributes[i].file, text, sizeof(text)));
			failed += !!err;
			ASSERT_TRUE(err ? right_errno(-err, false) || err == ENFILE : true);
			ASSERT_STREQ(err ? before : value, text) {
				TH_LOG("%s, number %u: %d", attributes[i].file,
				       self->reader.fault.nth, err);
			}
		}
		ASSERT_LT(injected, self->reader.fault.injected);
		injected = self->reader.fault.injected;
	}
	TH_LOG("%u injections, %u failures", injected, failed);
	EXPECT_LT(10, failed);
}

TEST_HARNESS_MAIN
