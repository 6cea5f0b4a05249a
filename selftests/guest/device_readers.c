// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many readers of one instance: none gets what another got, nothing is left
 * out. They log what each read gave them; afterwards another instance, or
 * another member, reads the same sequence alone, and the logged pieces must
 * cover it exactly. Pieces of eight bytes and more are found again one by one.
 * Shorter ones can't be told apart: what the others leave must have as many
 * bytes, and of each value as many, as they have.
 *
 * vm: smp=2 timeout=300 libs="-l:liburing.a"
 */
#include "kselftest_harness.h"

#include <liburing.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>

#include "common.h"

#define TIMEOUT		120
#define READERS		4
#define KEY		sizeof(uint64_t)
#define IN_FLIGHT	4
#define SETTINGS	"ring_size=16M"

/* What a reader logs, one behind the other; the last may be under way. */
struct record {
	uint32_t len;		/* 0: not known to have come to its end */
	char bytes[];
};

struct log {
	int err;		/* with which the reader ended */
	size_t used;
	size_t want;		/* of the read under way */
	bool killed;
	bool seen;		/* the read under way was found */
	char records[];
};

/* How to read. */
struct how {
	size_t least;
	size_t most;
	bool threads;
	bool one_file;
	int flags;
	bool epoll;
	bool uring;
};

struct crew {
	struct how how;
	const char *pair;
	int fd;			/* if they share one */
	size_t quota;
	size_t *total;		/* bytes that all have, shared */
};

struct reader {
	const struct crew *crew;
	struct log *log;
	unsigned int seed;
	pthread_t thread;
	pid_t pid;
};

static size_t log_room(const struct crew *crew)
{
	return sizeof(struct log) + 5 * crew->quota + 2 * MIB;
}

static struct log *log_new(const struct crew *crew)
{
	return shared(log_room(crew));
}

static struct record *record_at(struct log *log, size_t at)
{
	return (struct record *)(log->records + at);
}

static void log_read(struct reader *reader, size_t len)
{
	struct log *log = reader->log;
	struct record *record = record_at(log, log->used);
	uint32_t known = len;

	memcpy(&record->len, &known, sizeof(known));
	log->used += sizeof(*record) + len;
	__atomic_add_fetch(reader->crew->total, len, __ATOMIC_SEQ_CST);
}

static bool enough(const struct reader *reader)
{
	return __atomic_load_n(reader->crew->total, __ATOMIC_SEQ_CST) >= reader->crew->quota;
}

static size_t next_size(struct reader *reader)
{
	const struct how *how = &reader->crew->how;

	return how->least + rand_r(&reader->seed) % (how->most - how->least + 1);
}

/* Waits for the file if told to; false if that fails. */
static bool pause_for(int epoll_fd)
{
	struct epoll_event event;

	if (epoll_fd < 0) {
		sched_yield();
		return true;
	}
	return epoll_wait(epoll_fd, &event, 1, 20000) == 1;
}

static void read_plainly(struct reader *reader, int fd, int epoll_fd)
{
	struct log *log = reader->log;

	if (epoll_fd >= 0 && !pause_for(epoll_fd)) {
		log->err = ETIME;
		return;
	}
	while (!enough(reader)) {
		ssize_t len;

		log->want = next_size(reader);
		len = get(fd, record_at(log, log->used)->bytes, log->want);
		if (len > 0) {
			log_read(reader, len);
		} else if (len != -EAGAIN || !pause_for(epoll_fd)) {
			log->err = len ? -len : EIO;
			return;
		}
	}
}

static void submit(struct reader *reader, struct io_uring *ring, int fd, size_t slot,
		   char *buffer)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	io_uring_prep_read(sqe, fd, buffer, next_size(reader), -1);
	io_uring_sqe_set_data64(sqe, slot);
	io_uring_submit(ring);
}

/* Logs the next read that ends, into whose slot another may come; or says errno. */
static int complete(struct reader *reader, struct io_uring *ring, char (*buffers)[64],
		    size_t *slot)
{
	struct log *log = reader->log;
	struct io_uring_cqe *cqe;
	int len = io_uring_wait_cqe(ring, &cqe);

	if (len)
		return -len;
	len = cqe->res;
	*slot = cqe->user_data;
	io_uring_cqe_seen(ring, cqe);
	if (len <= 0)
		return len ? -len : EIO;
	memcpy(record_at(log, log->used)->bytes, buffers[*slot], len);
	log_read(reader, len);
	return 0;
}

/* Several reads under way at once, through io_uring. */
static void read_by_uring(struct reader *reader, int fd)
{
	char buffers[IN_FLIGHT][64];
	struct io_uring ring;
	size_t under_way, slot = 0;

	reader->log->err = -io_uring_queue_init(IN_FLIGHT, &ring, 0);
	if (reader->log->err)
		return;
	for (under_way = 0; under_way < IN_FLIGHT; under_way++)
		submit(reader, &ring, fd, under_way, buffers[under_way]);
	while (under_way && !reader->log->err) {
		reader->log->err = complete(reader, &ring, buffers, &slot);
		if (enough(reader))
			under_way--;
		else
			submit(reader, &ring, fd, slot, buffers[slot]);
	}
	io_uring_queue_exit(&ring);
}

static void *read_on(void *arg)
{
	struct reader *reader = arg;
	const struct how *how = &reader->crew->how;
	int fd = how->one_file ? reader->crew->fd : node_open(reader->crew->pair, how->flags);
	int epoll_fd = -1;

	if (how->epoll) {
		struct epoll_event event = { .events = EPOLLIN };

		epoll_fd = epoll_create1(0);
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
	}
	if (fd < 0)
		reader->log->err = EBADF;
	else if (how->uring)
		read_by_uring(reader, fd);
	else
		read_plainly(reader, fd, epoll_fd);
	if (epoll_fd >= 0)
		close(epoll_fd);
	if (!how->one_file && fd >= 0)
		close(fd);
	return NULL;
}

static bool start(struct reader *reader, const struct crew *crew, unsigned int seed)
{
	*reader = (struct reader){ .crew = crew, .seed = seed, .log = log_new(crew) };
	if (!reader->log)
		return false;
	if (crew->how.threads)
		return !pthread_create(&reader->thread, NULL, read_on, reader);
	reader->pid = fork();
	if (!reader->pid) {
		read_on(reader);
		_exit(0);
	}
	return reader->pid > 0;
}

/* Waits for its end; returns the errno with which it ended. */
static int join(struct reader *reader)
{
	if (reader->crew->how.threads)
		pthread_join(reader->thread, NULL);
	else
		waitpid(reader->pid, NULL, 0);
	return reader->log->err;
}

/* -- do the pieces cover the sequence? ---------------------------------------- */

struct piece {
	const char *bytes;
	size_t len;
};

/* Pieces by their first bytes. */
struct index {
	struct piece *slots;
	size_t mask;
	size_t pieces;		/* not found yet */
	size_t shorts[256];	/* bytes of short pieces by value */
};

static uint64_t key_of(const char *bytes)
{
	uint64_t key;

	memcpy(&key, bytes, sizeof(key));
	return key;
}

static size_t slot_of(const struct index *index, const char *bytes)
{
	/* They are random: no hash is needed. */
	return key_of(bytes) & index->mask;
}

static void index_add(struct index *index, const char *bytes, size_t len)
{
	size_t slot;

	if (len < KEY) {
		while (len--)
			index->shorts[(unsigned char)bytes[len]]++;
		return;
	}
	for (slot = slot_of(index, bytes); index->slots[slot].len; )
		slot = (slot + 1) & index->mask;
	index->slots[slot] = (struct piece){ bytes, len };
	index->pieces++;
}

static struct piece *index_find(const struct index *index, const char *bytes, size_t left)
{
	size_t slot;

	if (left < KEY)
		return NULL;
	for (slot = slot_of(index, bytes); index->slots[slot].len;
	     slot = (slot + 1) & index->mask) {
		struct piece *piece = &index->slots[slot];

		if (piece->bytes && key_of(piece->bytes) == key_of(bytes))
			return piece;
	}
	return NULL;
}

/* Calls index_add() for what is logged, or counts it. */
static size_t index_log(struct index *index, struct log *log)
{
	size_t at = 0, count = 0;

	while (at < log->used) {
		struct record *record = record_at(log, at);
		uint32_t len;

		memcpy(&len, &record->len, sizeof(len));
		if (index)
			index_add(index, record->bytes, len);
		at += sizeof(*record) + len;
		count++;
	}
	return count;
}

/*
 * The read during which a reader was killed may have given it something. Finds
 * the one that got what is at @bytes; returns how much.
 */
static size_t find_killed(const struct index *index, struct log **logs, size_t count,
			  const char *bytes, size_t left)
{
	struct log *best = NULL;
	size_t most = 0, i;

	for (i = 0; i < count; i++) {
		const char *tail = record_at(logs[i], logs[i]->used)->bytes;
		size_t len = 0;

		if (!logs[i]->killed || logs[i]->seen)
			continue;
		while (len < left && len < logs[i]->want && tail[len] == bytes[len] &&
		       !(len && index_find(index, bytes + len, left - len)))
			len++;
		if (len > most) {
			most = len;
			best = logs[i];
		}
	}
	if (best)
		best->seen = true;
	return most;
}

/* Says in words what is wrong; "" if nothing is. */
static const char *walk(struct index *index, struct log **logs, size_t count,
			const char *bytes, size_t size)
{
	size_t at = 0, len;

	while (at < size) {
		struct piece *piece = index_find(index, bytes + at, size - at);

		if (piece) {
			if (piece->len > size - at ||
			    memcmp(piece->bytes, bytes + at, piece->len))
				return "a piece goes on otherwise than the sequence";
			at += piece->len;
			piece->bytes = NULL;	/* found, once */
			index->pieces--;
			continue;
		}
		len = find_killed(index, logs, count, bytes + at, size - at);
		if (len) {
			at += len;
			continue;
		}
		if (!index->shorts[(unsigned char)bytes[at]])
			return "bytes that nobody got";
		index->shorts[(unsigned char)bytes[at]]--;
		at++;
	}
	if (index->pieces)
		return "pieces that are not in the sequence, or twice";
	for (len = 0; len < ARRAY_LEN(index->shorts); len++)
		if (index->shorts[len])
			return "short pieces that are not in the sequence";
	return "";
}

/* Do the logs cover @size bytes at @bytes exactly? "", or what is wrong. */
static const char *check_cover(struct log **logs, size_t count, const char *bytes, size_t size)
{
	struct index index = {};
	const char *why;
	size_t pieces = 0, i;

	for (i = 0; i < count; i++)
		pieces += index_log(NULL, logs[i]);
	for (index.mask = 1; index.mask < 2 * pieces; )
		index.mask *= 2;
	index.slots = calloc(index.mask, sizeof(*index.slots));
	if (!index.slots)
		return "no memory";
	index.mask--;
	for (i = 0; i < count; i++)
		index_log(&index, logs[i]);
	why = walk(&index, logs, count, bytes, size);
	free(index.slots);
	return why;
}

/* -- tests -------------------------------------------------------------------- */

FIXTURE(readers) {
	struct crew crew;
	struct reader readers[READERS];
	int other;		/* reads the sequence alone */
};

FIXTURE_VARIANT(readers) {
	struct how how;
	size_t quota;
	bool secondary;		/* of a pair with a primary here */
};

FIXTURE_VARIANT_ADD(readers, threads_with_one_file) {
	.how = { .least = 1, .most = 64, .threads = true, .one_file = true },
	.quota = 10 * MIB,
};

FIXTURE_VARIANT_ADD(readers, threads_with_files_of_their_own) {
	.how = { .least = 1, .most = 64, .threads = true },
	.quota = 10 * MIB,
};

FIXTURE_VARIANT_ADD(readers, processes) {
	.how = { .least = 1, .most = 64 },
	.quota = 12 * MIB,
};

FIXTURE_VARIANT_ADD(readers, processes_reading_single_bytes) {
	.how = { .least = 1, .most = 2 },
	.quota = 900 * KIB,
};

FIXTURE_VARIANT_ADD(readers, processes_reading_in_all_sizes) {
	.how = { .least = 1, .most = 20000 },
	.quota = 6 * MIB,
};

FIXTURE_VARIANT_ADD(readers, processes_that_do_not_wait) {
	.how = { .least = 1, .most = 64, .flags = O_NONBLOCK },
	.quota = 8 * MIB,
};

FIXTURE_VARIANT_ADD(readers, processes_with_epoll) {
	.how = { .least = 1, .most = 64, .flags = O_NONBLOCK, .epoll = true },
	.quota = 2 * MIB,
};

FIXTURE_VARIANT_ADD(readers, processes_with_io_uring) {
	.how = { .least = 1, .most = 64, .uring = true },
	.quota = 2 * MIB,
};

FIXTURE_VARIANT_ADD(readers, processes_on_a_secondary) {
	.how = { .least = 1, .most = 64 },
	.quota = 2 * MIB,
	.secondary = true,
};

FIXTURE_VARIANT_ADD(readers, processes_with_epoll_on_a_secondary) {
	.how = { .least = 1, .most = 2000, .flags = O_NONBLOCK, .epoll = true },
	.quota = 2 * MIB,
	.secondary = true,
};

FIXTURE_VARIANT_ADD(readers, processes_with_io_uring_on_a_secondary) {
	.how = { .least = 1, .most = 64, .uring = true },
	.quota = MIB,
	.secondary = true,
};

FIXTURE_SETUP(readers)
{
	struct crew *crew = &self->crew;

	crew->how = variant->how;
	crew->quota = variant->quota / from_environment("NDVAL_SLOWER", 1);
	crew->total = shared(sizeof(*crew->total));
	ASSERT_NE(NULL, crew->total);
	if (variant->secondary) {
		crew->pair = "web2";
		ASSERT_TRUE(two_members(SETTINGS));
		self->other = node_open("web1", 0);
	} else {
		crew->pair = "r";
		ASSERT_TRUE(pair_new("r", SETTINGS " instances=0,1"));
		self->other = instance_open("r", "", 1, 0);
	}
	crew->fd = node_open(crew->pair, crew->how.flags);
	ASSERT_LE(0, crew->fd);
	ASSERT_LE(0, self->other);
}

FIXTURE_TEARDOWN(readers)
{
	close(self->crew.fd);
	close(self->other);
	run("ndvalctl pair del r");
	if (variant->secondary)
		two_members_end();
}

TEST_F_TIMEOUT(readers, share_the_sequence_without_a_byte_twice_or_left_out, TIMEOUT)
{
	struct log *logs[READERS];
	size_t total, i;
	char *bytes;

	for (i = 0; i < READERS; i++) {
		ASSERT_TRUE(start(&self->readers[i], &self->crew, i + 1));
		logs[i] = self->readers[i].log;
	}
	for (i = 0; i < READERS; i++)
		ASSERT_EQ(0, join(&self->readers[i]));

	total = *self->crew.total;
	ASSERT_LE(self->crew.quota, total);
	ASSERT_EQ(total, position(self->crew.fd));
	bytes = malloc(total);
	ASSERT_NE(NULL, bytes);
	ASSERT_TRUE(get_all(self->other, bytes, total, MIB));
	ASSERT_STREQ("", check_cover(logs, READERS, bytes, total));
	/* Each had a share, or this was no test. */
	for (i = 0; i < READERS; i++)
		EXPECT_LT(0, logs[i]->used);
	free(bytes);
}

#define KILLS	120

TEST(killed_readers_take_nothing_along_but_their_last_read)
{
	struct crew crew = {
		.how = { .least = 8, .most = 9000 },
		.pair = "k",
		.quota = 14 * MIB,
		.total = shared(sizeof(*crew.total)),
	};
	struct log *logs[KILLS + READERS];
	struct reader readers[READERS];
	unsigned int seed = 1;
	size_t started, total, i;
	int killed = 0, other;
	char *bytes;

	ASSERT_TRUE(pair_new("k", SETTINGS " instances=0,1"));
	crew.fd = node_open("k", 0);
	other = instance_open("k", "", 1, 0);
	ASSERT_LE(0, crew.fd);
	ASSERT_LE(0, other);
	for (started = 0; started < READERS; started++) {
		ASSERT_TRUE(start(&readers[started], &crew, started));
		logs[started] = readers[started].log;
	}
	/* They are killed wherever they are. */
	while (started < KILLS + READERS && !enough(&readers[0])) {
		struct reader *victim = &readers[rand_r(&seed) % READERS];
		int status;

		usleep(rand_r(&seed) % 1500);
		kill(victim->pid, SIGKILL);
		ASSERT_EQ(victim->pid, waitpid(victim->pid, &status, 0));
		victim->log->killed = WIFSIGNALED(status);
		killed += victim->log->killed;
		ASSERT_TRUE(start(victim, &crew, started));
		logs[started++] = victim->log;
	}
	for (i = 0; i < READERS; i++)
		ASSERT_EQ(0, join(&readers[i]));

	ASSERT_LT(10, killed);
	total = position(crew.fd);
	bytes = malloc(total);
	ASSERT_NE(NULL, bytes);
	ASSERT_TRUE(get_all(other, bytes, total, MIB));
	ASSERT_STREQ("", check_cover(logs, started, bytes, total));
	TH_LOG("%d readers were killed in %zu bytes", killed, total);
	free(bytes);
	close(crew.fd);
	close(other);
	ASSERT_EQ(0, run("ndvalctl pair del k"));
}

TEST_HARNESS_MAIN
